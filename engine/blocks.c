#include "engine/blocks.h"

#include <math.h>
#include <stdlib.h>

static float coordinate(size_t i, size_t n) { return n > 1 ? 2.0f * ((float)i / (float)(n - 1) - 0.5f) : 0.0f; }

void siren_slice_coordinates(size_t nx, size_t ny, float *coordinates) {
    for (size_t y = 0; y < ny; y++)
        for (size_t x = 0; x < nx; x++, coordinates += 2) {
            coordinates[0] = coordinate(x, nx);
            coordinates[1] = coordinate(y, ny);
        }
}

static siren_scaling finite_range(const double *values, size_t n, size_t *n_exceptional) {
    siren_scaling range = {INFINITY, -INFINITY};
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(values[i])) {
            ++*n_exceptional;
            continue;
        }
        if (values[i] < range.minimum) range.minimum = values[i];
        if (values[i] > range.maximum) range.maximum = values[i];
    }
    return range.minimum <= range.maximum ? range : (siren_scaling){0, 0};
}

siren_status siren_slice_gather(const siren_series *series, size_t z, float *targets, siren_scaling *scaling, size_t *n_exceptional) {
    siren_status status = SIREN_OK;
    const siren_geometry *g = &series->geometry;
    size_t n_points = g->nx * g->ny, size = siren_datatype_size(g->datatype), exceptional = 0;
    double *values = NULL;
    SIREN_TRY(siren_allocate(&values, n_points, sizeof *values, "a slice's values"));
    for (size_t volume = 0; volume < g->n_volumes; volume++) {
        const uint8_t *slice = (const uint8_t *)series->voxels + (volume * g->nz + z) * n_points * size;
        siren_datatype_to_double(g->datatype, slice, n_points, values);
        siren_scaling range = finite_range(values, n_points, &exceptional);
        double extent = range.maximum - range.minimum;
        if (!isfinite(extent)) {
            status = siren_fail(SIREN_UNSUPPORTED, "slice %zu of volume %zu spans %g to %g, more than double precision can scale; clip the image",
                                z, volume, range.minimum, range.maximum);
            goto done;
        }
        for (size_t i = 0; i < n_points; i++) {
            float target = extent > 0 ? (float)((values[i] - range.minimum) / extent) : 0.0f;
            targets[i * g->n_volumes + volume] = isfinite(values[i]) ? target : NAN;
        }
        scaling[volume] = range;
    }
    *n_exceptional = exceptional;
done:
    free(values);
    return status;
}

siren_status siren_block_restore(siren_datatype datatype, size_t n_points, size_t n_volumes, const siren_scaling *scaling, const float *y,
                                 void *voxels) {
    double *values = NULL;
    size_t size = siren_datatype_size(datatype);
    SIREN_RETURN_IF_FAILED(siren_allocate(&values, n_points, sizeof *values, "a block's values"));
    for (size_t volume = 0; volume < n_volumes; volume++) {
        double minimum = scaling[volume].minimum, extent = scaling[volume].maximum - minimum;
        for (size_t i = 0; i < n_points; i++) values[i] = y && extent > 0 ? minimum + (double)y[i * n_volumes + volume] * extent : minimum;
        siren_datatype_from_double(datatype, values, n_points, (uint8_t *)voxels + volume * n_points * size);
    }
    free(values);
    return SIREN_OK;
}
