#include "engine/baseline.h"

#include "engine/blocks.h"

#include <math.h>
#include <stdlib.h>

typedef struct {
    const siren_series *original;
    siren_series restored;  /* borrows its voxels */
    siren_scaling *scaling; /* (n_volumes) of the slice */
    double *unit;           /* (n_volumes) largest range in any slice, or 1 */
    double *values;         /* (n_points) */
    float *targets, *y;     /* (n_points, n_volumes) */
    size_t n_points;
} figures_run;

static siren_status gather(figures_run *run, size_t z) {
    const siren_geometry *g = &run->original->geometry;
    const siren_block slice = {.z = z, .nx = g->nx, .ny = g->ny, .nz = 1};
    size_t n_exceptional = 0;
    return siren_block_gather(run->original, &slice, run->targets, run->scaling, &n_exceptional);
}

static siren_status find_units(figures_run *run) {
    const siren_geometry *g = &run->original->geometry;
    for (size_t z = 0; z < g->nz; z++) {
        SIREN_RETURN_IF_FAILED(gather(run, z));
        for (size_t volume = 0; volume < g->n_volumes; volume++)
            run->unit[volume] =
                fmax(run->unit[volume], run->scaling[volume].maximum - run->scaling[volume].minimum);
    }
    for (size_t volume = 0; volume < g->n_volumes; volume++)
        if (!(run->unit[volume] > 0)) run->unit[volume] = 1;
    return SIREN_OK;
}

/* Restored values of slice `z`, scaled as its targets are. Returns whether every volume of the original is constant. */
static bool scale_restored(figures_run *run, size_t z) {
    const siren_geometry *g = &run->original->geometry;
    const siren_block slice = {.z = z, .nx = g->nx, .ny = g->ny, .nz = 1};
    bool constant = true;
    for (size_t volume = 0; volume < g->n_volumes; volume++) {
        const siren_scaling *scaling = &run->scaling[volume];
        double range = scaling->maximum - scaling->minimum;
        if (range > 0) constant = false;
        double unit = range > 0 ? range : run->unit[volume];
        siren_datatype_to_double(g->datatype, siren_block_value(&run->restored, &slice, volume, 0),
                                 run->n_points, run->values);
        for (size_t i = 0; i < run->n_points; i++)
            run->y[i * g->n_volumes + volume] = (float)((run->values[i] - scaling->minimum) / unit);
    }
    return constant;
}

static siren_fidelity figures_of(const figures_run *run, const uint8_t *mask) {
    siren_fidelity_sums sums = {0};
    siren_fidelity_add(&sums, run->n_points, run->original->geometry.n_volumes, run->y, run->targets, mask);
    return siren_fidelity_of(&sums);
}

siren_status siren_baseline_figures(const siren_series *original, const void *restored, const uint8_t *mask,
                                    siren_baseline_slice *slices) {
    siren_status status = SIREN_OK;
    const siren_geometry *g = &original->geometry;
    figures_run run = {.original = original,
                       .restored = {.geometry = *g, .voxels = (void *)(uintptr_t)restored},
                       .n_points = g->nx * g->ny};
    SIREN_TRY(siren_allocate(&run.scaling, g->n_volumes, sizeof *run.scaling, "the volumes' ranges"));
    SIREN_TRY(siren_allocate(&run.unit, g->n_volumes, sizeof *run.unit, "the volumes' ranges"));
    SIREN_TRY(siren_allocate(&run.values, run.n_points, sizeof *run.values, "a slice's values"));
    SIREN_TRY(siren_allocate(&run.targets, run.n_points, g->n_volumes * sizeof *run.targets, "the targets"));
    SIREN_TRY(siren_allocate(&run.y, run.n_points, g->n_volumes * sizeof *run.y, "the outputs"));
    SIREN_TRY(find_units(&run));
    for (size_t z = 0; z < g->nz; z++) {
        SIREN_TRY(gather(&run, z));
        slices[z].constant = scale_restored(&run, z);
        slices[z].fidelity = figures_of(&run, NULL);
        slices[z].masked =
            mask ? figures_of(&run, mask + z * run.n_points) : siren_fidelity_of(&(siren_fidelity_sums){0});
    }
done:
    free(run.scaling);
    free(run.unit);
    free(run.values);
    free(run.targets);
    free(run.y);
    return status;
}
