#include "engine/model/blocks.h"

#include "engine/model/extremes.h"

#include <float.h>
#include <math.h>
#include <string.h>

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
    return (siren_block){
        .x = begin[0], .y = begin[1], .z = grid->z_begin + begin[2], .nx = n[0], .ny = n[1], .nz = n[2]};
}

size_t siren_block_number(const siren_block_grid *grid, size_t x, size_t y, size_t z) {
    return grid->first + x / grid->size[0] +
           n_along(grid->nx, grid->size[0]) *
               (y / grid->size[1] + n_along(grid->ny, grid->size[1]) * ((z - grid->z_begin) / grid->size[2]));
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

bool siren_block_same_points(const siren_block *a, const siren_block *b) {
    if (a->nx != b->nx || a->ny != b->ny || a->nz != b->nz || !a->inside != !b->inside) return false;
    return !a->inside ||
           (a->n_inside == b->n_inside && memcmp(a->inside, b->inside, a->n_inside * sizeof *a->inside) == 0);
}

static float coordinate(size_t i, size_t n) {
    return n > 1 ? 2.0f * ((float)i / (float)(n - 1) - 0.5f) : 0.0f;
}

void siren_block_coordinates(const siren_block *block, uint32_t n_inputs, size_t first, size_t n,
                             float *coordinates) {
    for (size_t point = first; point < first + n; point++, coordinates += n_inputs) {
        size_t voxel = siren_block_voxel(block, point), row = voxel / block->nx;
        coordinates[0] = coordinate(voxel % block->nx, block->nx);
        coordinates[1] = coordinate(row % block->ny, block->ny);
        if (n_inputs == 3) coordinates[2] = coordinate(row / block->ny, block->nz);
    }
}

const uint8_t *siren_block_value(const siren_series *series, const siren_block *block, size_t volume,
                                 size_t voxel) {
    const siren_geometry *g = &series->geometry;
    size_t row = voxel / block->nx, y = row % block->ny, z = row / block->ny;
    size_t at =
        ((volume * g->nz + block->z + z) * g->ny + block->y + y) * g->nx + block->x + voxel % block->nx;
    return (const uint8_t *)series->voxels + at * siren_datatype_size(g->datatype);
}

/* How many points from `point` on, at most `most`, are neighbours in one row. */
static size_t run_length(const siren_block *block, size_t point, size_t most) {
    size_t voxel = siren_block_voxel(block, point), rest = block->nx - voxel % block->nx, n = 1;
    if (rest > most) rest = most;
    if (!block->inside) return rest;
    while (n < rest && block->inside[point + n] == voxel + n) n++;
    return n;
}

/* Stored values of points that are neighbours in one row. */
static void read_run(const siren_series *series, const siren_block *block, size_t volume, size_t point,
                     size_t n, double *values) {
    siren_datatype_to_double(series->geometry.datatype,
                             siren_block_value(series, block, volume, siren_block_voxel(block, point)), n,
                             values);
}

/* Every stored value of a volume at the block's points goes to `take`. `row` is room for block->nx values. */
static void each_run(const siren_series *series, const siren_block *block, size_t volume, double *row,
                     void (*take)(siren_extremes *, const double *, size_t), siren_extremes *extremes) {
    size_t n_points = siren_block_points(block);
    for (size_t point = 0, n; point < n_points; point += n) {
        n = run_length(block, point, n_points - point);
        read_run(series, block, volume, point, n, row);
        take(extremes, row, n);
    }
}

siren_status siren_block_limits(const siren_series *series, const siren_block *block, size_t volume,
                                siren_scaling *limits, size_t *n_apart) {
    SIREN_FREE_AT_END double *row = NULL;
    SIREN_AT_END(siren_extremes_free) siren_extremes extremes = {.room = 0};
    SIREN_TRY(siren_allocate(&row, block->nx, sizeof *row, "a row of a block"));
    SIREN_TRY(siren_extremes_create(siren_block_points(block), &extremes));
    siren_extremes_begin(&extremes);
    each_run(series, block, volume, row, siren_extremes_add, &extremes);
    if (siren_extremes_suspect(&extremes))
        each_run(series, block, volume, row, siren_extremes_show, &extremes);
    *n_apart = siren_extremes_range(&extremes, &limits->minimum, &limits->maximum);
    return SIREN_OK;
}

static void widen(siren_scaling *range, siren_scaling limits, const double *values, size_t n,
                  siren_apart *apart) {
    for (size_t i = 0; i < n; i++) {
        if (!siren_scaling_holds(limits, values[i])) {
            apart->n++;
            apart->n_finite += isfinite(values[i]) != 0;
            continue;
        }
        if (values[i] < range->minimum) range->minimum = values[i];
        if (values[i] > range->maximum) range->maximum = values[i];
    }
}

siren_status siren_block_scale(const siren_series *series, const siren_block *block,
                               const siren_scaling *limits, siren_scaling *scaling, siren_apart *apart) {
    const siren_geometry *g = &series->geometry;
    const siren_scaling none = {-DBL_MAX, DBL_MAX};
    size_t n_points = siren_block_points(block);
    siren_apart sum = {0, 0};
    SIREN_FREE_AT_END double *row = NULL;
    SIREN_TRY(siren_allocate(&row, block->nx, sizeof *row, "a row of a block"));
    for (size_t volume = 0; volume < g->n_volumes; volume++) {
        siren_scaling range = {INFINITY, -INFINITY};
        for (size_t point = 0, n; point < n_points; point += n) {
            n = run_length(block, point, n_points - point);
            read_run(series, block, volume, point, n, row);
            widen(&range, limits ? limits[volume] : none, row, n, &sum);
        }
        if (range.minimum >
            range.maximum) { /* every value is exceptional, and so none may be what stands for them */
            bool any = limits && isfinite(limits[volume].minimum);
            range.minimum = range.maximum = any ? limits[volume].minimum : 0;
        }
        if (!isfinite(range.maximum - range.minimum))
            return siren_fail(SIREN_UNSUPPORTED,
                              "volume %zu spans %g to %g from slice %zu to %zu, more than double precision "
                              "can scale; clip the image",
                              volume, range.minimum, range.maximum, block->z, block->z + block->nz - 1);
        scaling[volume] = range;
    }
    *apart = sum;
    return SIREN_OK;
}

/* One volume's values, pitch apart. */
static void scale_values(const double *values, size_t n, siren_scaling range, size_t pitch, float *targets) {
    double extent = range.maximum - range.minimum;
    for (size_t i = 0; i < n; i++) {
        float target = extent > 0 ? (float)((values[i] - range.minimum) / extent) : 0.0f;
        targets[i * pitch] = siren_scaling_holds(range, values[i]) ? target : NAN;
    }
}

siren_status siren_block_targets(const siren_series *series, const siren_block *block,
                                 const siren_scaling *scaling, size_t first, size_t n, size_t pitch,
                                 float *targets) {
    const siren_geometry *g = &series->geometry;
    SIREN_FREE_AT_END double *values = NULL;
    SIREN_TRY(siren_allocate(&values, block->nx, sizeof *values, "a row of a block"));
    for (size_t volume = 0; volume < g->n_volumes; volume++)
        for (size_t point = first, n_run; point < first + n; point += n_run) {
            n_run = run_length(block, point, first + n - point);
            read_run(series, block, volume, point, n_run, values);
            scale_values(values, n_run, scaling[volume], pitch, targets + (point - first) * pitch + volume);
        }
    return SIREN_OK;
}

siren_status siren_block_gather(const siren_series *series, const siren_block *block,
                                const siren_scaling *limits, float *targets, siren_scaling *scaling,
                                siren_apart *apart) {
    SIREN_TRY(siren_block_scale(series, block, limits, scaling, apart));
    return siren_block_targets(series, block, scaling, 0, siren_block_points(block),
                               series->geometry.n_volumes, targets);
}

siren_status siren_block_restore(const siren_block *block, size_t first, size_t n, siren_datatype datatype,
                                 size_t n_volumes, const siren_scaling *scaling, const float *y,
                                 void *voxels) {
    SIREN_FREE_AT_END double *values = NULL;
    SIREN_FREE_AT_END uint8_t *stored = NULL;
    size_t size = siren_datatype_size(datatype);
    SIREN_TRY(siren_allocate(&values, n, sizeof *values, "a block's values"));
    SIREN_TRY(siren_allocate(&stored, n, size, "a block's voxels"));
    for (size_t volume = 0; volume < n_volumes; volume++) {
        uint8_t *to = (uint8_t *)voxels + volume * siren_block_voxels(block) * size;
        double minimum = scaling[volume].minimum, extent = scaling[volume].maximum - minimum;
        for (size_t i = 0; i < n; i++)
            values[i] = y && extent > 0 ? minimum + (double)y[i * n_volumes + volume] * extent : minimum;
        siren_datatype_from_double(datatype, values, n, stored);
        for (size_t i = 0, n_run; i < n; i += n_run) {
            n_run = run_length(block, first + i, n - i);
            memcpy(to + siren_block_voxel(block, first + i) * size, stored + i * size, n_run * size);
        }
    }
    return SIREN_OK;
}
