#include "engine/transform/slice_grid.h"

#include "host/clones.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SIDE SIREN_TRANSFORM_SIDE
#define BLOCK SIREN_TRANSFORM_BLOCK

siren_status siren_slice_grid_create(const siren_block *block, siren_slice_grid *out) {
    SIREN_AT_END(siren_slice_grid_free)
    siren_slice_grid grid = {(block->nx + SIDE - 1) / SIDE, (block->ny + SIDE - 1) / SIDE, 0, NULL, NULL};
    if (block->nz != 1 || siren_block_points(block) >= SIREN_NO_POINT)
        return siren_fail(SIREN_UNSUPPORTED,
                          "a block of %zu x %zu x %zu voxels is no slice of the transform model", block->nx,
                          block->ny, block->nz);
    grid.n_blocks = grid.across * grid.down;
    SIREN_TRY(siren_allocate(&grid.points, grid.n_blocks, BLOCK * sizeof *grid.points, "a slice's points"));
    SIREN_TRY(siren_allocate(&grid.used, grid.n_blocks, 1, "a slice's points"));
    memset(grid.points, 0xFF, grid.n_blocks * BLOCK * sizeof *grid.points);
    for (size_t point = 0; point < siren_block_points(block); point++) {
        size_t voxel = siren_block_voxel(block, point), x = voxel % block->nx, y = voxel / block->nx;
        size_t at = y / SIDE * grid.across + x / SIDE;
        grid.points[at * BLOCK + y % SIDE * SIDE + x % SIDE] = (uint32_t)point;
        grid.used[at]++;
    }
    *out = SIREN_TAKE(grid);
    return SIREN_OK;
}

void siren_slice_grid_free(siren_slice_grid *grid) {
    free(grid->points);
    free(grid->used);
    *grid = (siren_slice_grid){0};
}

/* Places without points become the mean of those with, and then flow into these (Laplace's equation, relaxed). */
static void extend(const uint32_t *points, float *values) {
    float sum = 0;
    int n = 0;
    for (int i = 0; i < BLOCK; i++)
        if (points[i] != SIREN_NO_POINT) {
            sum += values[i];
            n++;
        }
    for (int i = 0; i < BLOCK; i++)
        if (points[i] == SIREN_NO_POINT) values[i] = sum / (float)n;
    for (int sweep = 0; sweep < 24; sweep++)
        for (int i = 0; i < BLOCK; i++) {
            int x = i % SIDE, y = i / SIDE;
            if (points[i] != SIREN_NO_POINT) continue;
            float left = values[x > 0 ? i - 1 : i], right = values[x < SIDE - 1 ? i + 1 : i];
            float up = values[y > 0 ? i - SIDE : i], down = values[y < SIDE - 1 ? i + SIDE : i];
            values[i] = 0.25f * (left + right + up + down);
        }
}

/* The same for values of one volume that are no data; 0 where nothing else is there. */
static void fill_missing(const uint32_t *points, float *values) {
    uint32_t present[BLOCK];
    bool missing = false, any = false;
    for (int i = 0; i < BLOCK; i++) {
        bool is_data = points[i] != SIREN_NO_POINT && !isnan(values[i]);
        present[i] = is_data ? points[i] : SIREN_NO_POINT;
        missing = missing || isnan(values[i]);
        any = any || is_data;
    }
    if (missing && any) extend(present, values);
    for (int i = 0; missing && !any && i < BLOCK; i++) values[i] = 0;
}

/* (volumes, 64) times the rows of `analysis`. */
SIREN_CLONES static void project(const float *row, const float *pixels, size_t n_volumes, float factor,
                                 float *sum) {
    float total[BLOCK] = {0};
    for (size_t v = 0; v < n_volumes; v++)
        for (int i = 0; i < BLOCK; i++) total[i] += row[v] * pixels[v * BLOCK + i];
    for (int i = 0; i < BLOCK; i++) sum[i] = total[i] * factor;
}

siren_status siren_slice_analyse(const siren_slice_grid *grid, size_t n_volumes, size_t n_components,
                                 const float *analysis, const uint8_t *mean, const float *targets,
                                 float factor, float *coefficients) {
    SIREN_FREE_AT_END float *pixels = NULL;
    SIREN_TRY(siren_allocate(&pixels, n_volumes, BLOCK * sizeof *pixels, "a block's voxels"));
    for (size_t block = 0; block < grid->n_blocks; block++) {
        const uint32_t *points = grid->points + block * BLOCK;
        if (!grid->used[block]) continue;
        for (int i = 0; i < BLOCK; i++) {
            if (points[i] == SIREN_NO_POINT) {
                for (size_t v = 0; v < n_volumes; v++) pixels[v * BLOCK + i] = 0;
                continue;
            }
            const float *target = targets + points[i] * n_volumes;
            for (size_t v = 0; v < n_volumes; v++) pixels[v * BLOCK + i] = target[v] - (float)mean[v] / 256;
        }
        for (size_t v = 0; v < n_volumes; v++) fill_missing(points, pixels + v * BLOCK);
        for (size_t k = 0; k < n_components; k++) {
            float *to = coefficients + (k * grid->n_blocks + block) * BLOCK;
            project(analysis + k * n_volumes, pixels, n_volumes, factor, to);
            if (grid->used[block] < BLOCK) extend(points, to);
        }
    }
    for (size_t k = 0; k < n_components; k++) {
        float *plane = coefficients + k * grid->n_blocks * BLOCK;
        for (size_t block = 0; block < grid->n_blocks; block++)
            if (siren_slice_has_left(grid, block))
                siren_edge_forward(plane + (block - 1) * BLOCK, plane + block * BLOCK, 1);
        for (size_t block = 0; block < grid->n_blocks; block++)
            if (siren_slice_has_upper(grid, block))
                siren_edge_forward(plane + (block - grid->across) * BLOCK, plane + block * BLOCK, SIDE);
        for (size_t block = 0; block < grid->n_blocks; block++)
            if (grid->used[block]) siren_block_forward(plane + block * BLOCK);
    }
    return SIREN_OK;
}
