/* The 8 x 8 blocks of a slice, and which points lie in each. */
#ifndef SIREN_ENGINE_TRANSFORM_SLICE_GRID_H
#define SIREN_ENGINE_TRANSFORM_SLICE_GRID_H

#include "engine/model/blocks.h"
#include "engine/transform/block_transform.h"

typedef struct {
    size_t across, down, n_blocks;
    uint32_t
        *points; /* (n_blocks, 64) the point at each place, or SIREN_NO_POINT outside the slice or its mask */
    uint8_t *used; /* (n_blocks) points in a block, 0 to 64 */
} siren_slice_grid;

#define SIREN_NO_POINT UINT32_MAX

/* Whether a block and its neighbour to the left or above have points both. */
static inline bool siren_slice_has_left(const siren_slice_grid *grid, size_t block) {
    return grid->used[block] && block % grid->across > 0 && grid->used[block - 1];
}
static inline bool siren_slice_has_upper(const siren_slice_grid *grid, size_t block) {
    return grid->used[block] && block >= grid->across && grid->used[block - grid->across];
}

/* UNSUPPORTED for blocks of more than one slice. `*out` is yours: siren_slice_grid_free(). */
siren_status siren_slice_grid_create(const siren_block *block, siren_slice_grid *out);
void siren_slice_grid_free(siren_slice_grid *grid);

/* For the encoder. Coefficients (n_components, n_blocks, 64) of targets along the rows of `analysis`
 * (n_components, n_volumes), times `factor`; blocks without points are left as they are. Places without points are
 * filled smoothly. */
siren_status siren_slice_analyse(const siren_slice_grid *grid, size_t n_volumes, size_t n_components,
                                 const float *analysis, const uint8_t *mean, const float *targets,
                                 float factor, float *coefficients);

#endif
