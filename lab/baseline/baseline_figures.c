#include "lab/baseline/baseline.h"

#include "engine/model/blocks.h"

#include <math.h>

typedef struct {
    const siren_series *original;
    siren_series restored;  /* borrows its voxels */
    siren_block slice;      /* the present one */
    const uint8_t *mask;    /* (nz, ny, nx) of the points, or NULL */
    uint32_t *inside;       /* (ny * nx) room for the points of a slice */
    siren_scaling *scaling; /* (n_volumes) of the slice */
    double *unit;           /* (n_volumes) largest range in any slice, or 1 */
    double *values;         /* (ny * nx) */
    float *targets, *y;     /* (points of a slice, n_volumes) */
} figures_run;

/* Slice `z` and its points. */
static void move_to(figures_run *run, size_t z) {
    const siren_geometry *g = &run->original->geometry;
    const size_t n = g->nx * g->ny;
    run->slice = (siren_block){.z = z, .nx = g->nx, .ny = g->ny, .nz = 1};
    if (!run->mask) return;
    run->slice.inside = run->inside;
    for (size_t i = 0; i < n; i++)
        if (run->mask[z * n + i]) run->inside[run->slice.n_inside++] = (uint32_t)i;
}

static siren_status gather(figures_run *run, size_t z) {
    siren_apart apart;
    move_to(run, z);
    return siren_block_gather(run->original, &run->slice, NULL, run->targets, run->scaling, &apart);
}

static siren_status find_units(figures_run *run) {
    const siren_geometry *g = &run->original->geometry;
    for (size_t z = 0; z < g->nz; z++) {
        SIREN_TRY(gather(run, z));
        for (size_t volume = 0; volume < g->n_volumes; volume++)
            run->unit[volume] =
                fmax(run->unit[volume], run->scaling[volume].maximum - run->scaling[volume].minimum);
    }
    for (size_t volume = 0; volume < g->n_volumes; volume++)
        if (!(run->unit[volume] > 0)) run->unit[volume] = 1;
    return SIREN_OK;
}

/* Restored values of the present slice, scaled as its targets are. Returns whether every volume of the original is
 * constant. */
static bool scale_restored(figures_run *run) {
    const siren_geometry *g = &run->original->geometry;
    bool constant = true;
    for (size_t volume = 0; volume < g->n_volumes; volume++) {
        const siren_scaling *scaling = &run->scaling[volume];
        double range = scaling->maximum - scaling->minimum;
        if (range > 0) constant = false;
        double unit = range > 0 ? range : run->unit[volume];
        siren_datatype_to_double(g->datatype, siren_block_value(&run->restored, &run->slice, volume, 0),
                                 g->nx * g->ny, run->values);
        for (size_t i = 0; i < siren_block_points(&run->slice); i++)
            run->y[i * g->n_volumes + volume] =
                (float)((run->values[siren_block_voxel(&run->slice, i)] - scaling->minimum) / unit);
    }
    return constant;
}

/* `mask`: of the present slice's points, or NULL. */
static siren_fidelity figures_of(const figures_run *run, const uint8_t *mask) {
    siren_fidelity_sums sums = {0};
    siren_fidelity_add(&sums, siren_block_points(&run->slice), run->original->geometry.n_volumes, run->y,
                       run->targets, mask);
    return siren_fidelity_of(&sums);
}

siren_status siren_baseline_figures(const siren_series *original, const void *restored, const uint8_t *mask,
                                    bool inside, siren_baseline_slice *slices) {
    const siren_geometry *g = &original->geometry;
    const size_t n = g->nx * g->ny;
    SIREN_FREE_AT_END uint32_t *points = NULL;
    SIREN_FREE_AT_END siren_scaling *scaling = NULL;
    SIREN_FREE_AT_END double *unit = NULL, *values = NULL;
    SIREN_FREE_AT_END float *targets = NULL, *y = NULL;
    SIREN_TRY(siren_allocate(&points, n, sizeof *points, "the points of a slice"));
    SIREN_TRY(siren_allocate(&scaling, g->n_volumes, sizeof *scaling, "the volumes' ranges"));
    SIREN_TRY(siren_allocate(&unit, g->n_volumes, sizeof *unit, "the volumes' ranges"));
    SIREN_TRY(siren_allocate(&values, n, sizeof *values, "a slice's values"));
    SIREN_TRY(siren_allocate(&targets, n, g->n_volumes * sizeof *targets, "the targets"));
    SIREN_TRY(siren_allocate(&y, n, g->n_volumes * sizeof *y, "the outputs"));
    figures_run run = {original, {.geometry = *g, .voxels = (void *)(uintptr_t)restored},
                       {0},      inside ? mask : NULL,
                       points,   scaling,
                       unit,     values,
                       targets,  y};
    SIREN_TRY(find_units(&run));
    for (size_t z = 0; z < g->nz; z++) {
        SIREN_TRY(gather(&run, z));
        slices[z].n_points = siren_block_points(&run.slice);
        slices[z].constant = scale_restored(&run);
        slices[z].fidelity = slices[z].masked = figures_of(&run, NULL);
        if (inside) continue;
        slices[z].masked =
            mask ? figures_of(&run, mask + z * n) : siren_fidelity_of(&(siren_fidelity_sums){0});
    }
    return SIREN_OK;
}
