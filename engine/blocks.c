#include "engine/blocks.h"

#include <math.h>
#include <stdlib.h>

const char *siren_block_kind_name(siren_block_kind kind, size_t n) {
    switch (kind) {
    case SIREN_BLOCK_SLICE:
        return n == 1 ? "slice" : "slices";
    case SIREN_BLOCK_VOLUME:
        return n == 1 ? "volume" : "volumes";
    case SIREN_BLOCK_PATCH:
        return n == 1 ? "patch" : "patches";
    default:
        return n == 1 ? "block" : "blocks";
    }
}

uint32_t siren_block_inputs(siren_block_kind kind) { return kind == SIREN_BLOCK_SLICE ? 2 : 3; }

/* ---- the grid ---- */

/* Blocks along an axis. */
static size_t n_along(size_t extent, size_t size) { return (extent - 1) / size + 1; }

siren_status siren_block_grid_create(siren_block_kind kind, const size_t *size,
                                     const siren_geometry *geometry, size_t z_begin, size_t z_end,
                                     siren_block_grid *out) {
    const size_t extent[3] = {geometry->nx, geometry->ny, z_end - z_begin};
    siren_block_grid grid = {
        kind, geometry->nx, geometry->ny, z_begin, z_end, {extent[0], extent[1], extent[2]}, 0, 1};
    if (kind == SIREN_BLOCK_SLICE) {
        grid.size[2] = 1;
        grid.first = z_begin;
    }
    if (kind == SIREN_BLOCK_PATCH) {
        if (size[0] == 0 || size[1] == 0 || size[2] == 0)
            return siren_fail(SIREN_USAGE,
                              "patches of %zu x %zu x %zu voxels are empty; give at least 1 along each axis",
                              size[0], size[1], size[2]);
        for (int axis = 0; axis < 3; axis++)
            if (size[axis] < extent[axis]) grid.size[axis] = size[axis];
    }
    for (int axis = 0; axis < 3; axis++)
        if (!siren_mul(grid.count, n_along(extent[axis], grid.size[axis]), &grid.count) ||
            grid.count > UINT32_MAX - grid.first)
            return siren_fail(
                SIREN_USAGE,
                "blocks of %zu x %zu x %zu voxels are too small: an archive holds up to %u; give larger ones",
                grid.size[0], grid.size[1], grid.size[2], UINT32_MAX);
    *out = grid;
    return SIREN_OK;
}

siren_block siren_block_at(const siren_block_grid *grid, size_t number) {
    const size_t extent[3] = {grid->nx, grid->ny, grid->z_end - grid->z_begin};
    size_t rest = number - grid->first, begin[3], n[3];
    for (int axis = 0; axis < 3; axis++) {
        size_t along = n_along(extent[axis], grid->size[axis]);
        begin[axis] = rest % along * grid->size[axis];
        n[axis] =
            extent[axis] - begin[axis] < grid->size[axis] ? extent[axis] - begin[axis] : grid->size[axis];
        rest /= along;
    }
    return (siren_block){begin[0], begin[1], grid->z_begin + begin[2], n[0], n[1], n[2]};
}

size_t siren_block_grid_points(const siren_block_grid *grid) {
    return grid->size[0] * grid->size[1] * grid->size[2];
}

void siren_block_grid_by_size(const siren_block_grid *grid, size_t *numbers) {
    /* A block is either of full size along an axis or the remainder. */
    for (unsigned shape = 0; shape < 8; shape++)
        for (size_t i = 0; i < grid->count; i++) {
            siren_block block = siren_block_at(grid, grid->first + i);
            unsigned own = (unsigned)(block.nx < grid->size[0]) + 2 * (unsigned)(block.ny < grid->size[1]) +
                           4 * (unsigned)(block.nz < grid->size[2]);
            if (own == shape) *numbers++ = grid->first + i;
        }
}

/* ---- one block ---- */

static float coordinate(size_t i, size_t n) {
    return n > 1 ? 2.0f * ((float)i / (float)(n - 1) - 0.5f) : 0.0f;
}

void siren_block_coordinates(const siren_block *block, uint32_t n_inputs, size_t first, size_t n,
                             float *coordinates) {
    for (size_t i = first; i < first + n; i++, coordinates += n_inputs) {
        size_t row = i / block->nx;
        coordinates[0] = coordinate(i % block->nx, block->nx);
        coordinates[1] = coordinate(row % block->ny, block->ny);
        if (n_inputs == 3) coordinates[2] = coordinate(row / block->ny, block->nz);
    }
}

const uint8_t *siren_block_row(const siren_series *series, const siren_block *block, size_t volume, size_t y,
                               size_t z) {
    const siren_geometry *g = &series->geometry;
    size_t row = (volume * g->nz + block->z + z) * g->ny + block->y + y;
    return (const uint8_t *)series->voxels + (row * g->nx + block->x) * siren_datatype_size(g->datatype);
}

static void widen(siren_scaling *range, const double *values, size_t n, size_t *n_exceptional) {
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(values[i])) {
            ++*n_exceptional;
            continue;
        }
        if (values[i] < range->minimum) range->minimum = values[i];
        if (values[i] > range->maximum) range->maximum = values[i];
    }
}

siren_status siren_block_scale(const siren_series *series, const siren_block *block, siren_scaling *scaling,
                               size_t *n_exceptional) {
    siren_status status = SIREN_OK;
    const siren_geometry *g = &series->geometry;
    size_t exceptional = 0;
    double *row = NULL;
    SIREN_TRY(siren_allocate(&row, block->nx, sizeof *row, "a row of a block"));
    for (size_t volume = 0; volume < g->n_volumes; volume++) {
        siren_scaling range = {INFINITY, -INFINITY};
        for (size_t z = 0; z < block->nz; z++)
            for (size_t y = 0; y < block->ny; y++) {
                siren_datatype_to_double(g->datatype, siren_block_row(series, block, volume, y, z), block->nx,
                                         row);
                widen(&range, row, block->nx, &exceptional);
            }
        if (range.minimum > range.maximum) range = (siren_scaling){0, 0};
        if (!isfinite(range.maximum - range.minimum)) {
            status = siren_fail(SIREN_UNSUPPORTED,
                                "volume %zu spans %g to %g from slice %zu to %zu, more than double precision "
                                "can scale; clip the image",
                                volume, range.minimum, range.maximum, block->z, block->z + block->nz - 1);
            goto done;
        }
        scaling[volume] = range;
    }
    *n_exceptional = exceptional;
done:
    free(row);
    return status;
}

/* One volume's values, pitch apart. */
static void scale_values(const double *values, size_t n, siren_scaling range, size_t pitch, float *targets) {
    double extent = range.maximum - range.minimum;
    for (size_t i = 0; i < n; i++) {
        float target = extent > 0 ? (float)((values[i] - range.minimum) / extent) : 0.0f;
        targets[i * pitch] = isfinite(values[i]) ? target : NAN;
    }
}

siren_status siren_block_targets(const siren_series *series, const siren_block *block,
                                 const siren_scaling *scaling, size_t first, size_t n, size_t pitch,
                                 float *targets) {
    const siren_geometry *g = &series->geometry;
    double *values = NULL;
    SIREN_RETURN_IF_FAILED(siren_allocate(&values, block->nx, sizeof *values, "a row of a block"));
    for (size_t volume = 0; volume < g->n_volumes; volume++)
        for (size_t point = first, n_row; point < first + n; point += n_row) {
            size_t x = point % block->nx, row = point / block->nx, rest = first + n - point;
            n_row = block->nx - x < rest ? block->nx - x : rest;
            const uint8_t *voxels = siren_block_row(series, block, volume, row % block->ny, row / block->ny);
            siren_datatype_to_double(g->datatype, voxels + x * siren_datatype_size(g->datatype), n_row,
                                     values);
            scale_values(values, n_row, scaling[volume], pitch, targets + (point - first) * pitch + volume);
        }
    free(values);
    return SIREN_OK;
}

siren_status siren_block_gather(const siren_series *series, const siren_block *block, float *targets,
                                siren_scaling *scaling, size_t *n_exceptional) {
    SIREN_RETURN_IF_FAILED(siren_block_scale(series, block, scaling, n_exceptional));
    return siren_block_targets(series, block, scaling, 0, siren_block_points(block),
                               series->geometry.n_volumes, targets);
}

siren_status siren_block_restore(siren_datatype datatype, size_t n, size_t pitch, size_t n_volumes,
                                 const siren_scaling *scaling, const float *y, void *voxels) {
    double *values = NULL;
    size_t size = siren_datatype_size(datatype);
    SIREN_RETURN_IF_FAILED(siren_allocate(&values, n, sizeof *values, "a block's values"));
    for (size_t volume = 0; volume < n_volumes; volume++) {
        double minimum = scaling[volume].minimum, extent = scaling[volume].maximum - minimum;
        for (size_t i = 0; i < n; i++)
            values[i] = y && extent > 0 ? minimum + (double)y[i * n_volumes + volume] * extent : minimum;
        siren_datatype_from_double(datatype, values, n, (uint8_t *)voxels + volume * pitch * size);
    }
    free(values);
    return SIREN_OK;
}
