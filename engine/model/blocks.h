/* Blocks of a series: boxes of voxels, each compressed by one network. Cutting one out as coordinates and targets, and
 * putting decoded values back.
 *
 * The voxels of a block run as in memory, x fastest: voxel i = (z * ny + y) * nx + x. Its points are those voxels in
 * this order, all of them or those inside a mask (engine/model/mask.h). */
#ifndef SIREN_ENGINE_MODEL_BLOCKS_H
#define SIREN_ENGINE_MODEL_BLOCKS_H

#include "formats/series.h"

/* Voxels x ... x + nx - 1 and so on, of all volumes. */
typedef struct {
    size_t x, y, z;
    size_t nx, ny, nz;
    /* (n_inside) the voxels that are points, ascending; borrowed. NULL: every voxel is one. */
    const uint32_t *inside;
    size_t n_inside;
} siren_block;

/* What a span and the `n` places from `first` on have in common; empty where begin >= end. */
static inline siren_span siren_span_meet(siren_span span, size_t first, size_t n) {
    return (siren_span){span.begin > first ? span.begin : first, span.end < first + n ? span.end : first + n};
}

/* Makes explicit what a span of [first, last) leaves out: no end is the last, and then no beginning the first. False
 * where it is empty or not in there. */
static inline bool siren_span_complete(siren_span *span, size_t first, size_t last) {
    if (span->end == 0 && span->begin == 0) span->begin = first;
    if (span->end == 0) span->end = last;
    return span->begin >= first && span->begin < span->end && span->end <= last;
}

/* Voxels of one volume in the box. */
static inline size_t siren_block_voxels(const siren_block *block) {
    return block->nx * block->ny * block->nz;
}

static inline size_t siren_block_points(const siren_block *block) {
    return block->inside ? block->n_inside : siren_block_voxels(block);
}

/* The voxel of a point, counted within the block. */
static inline size_t siren_block_voxel(const siren_block *block, size_t point) {
    return block->inside ? block->inside[point] : point;
}

/* Whether two blocks have the same coordinates: boxes of one size with the same points. */
bool siren_block_same_points(const siren_block *a, const siren_block *b);

/* How a range of slices is cut into blocks: boxes of one size from the corner on, numbered x fastest, then y, then z.
 * Slices are boxes of (nx, ny, 1) and bear the number of their z; a volume is one box. */
typedef struct {
    siren_block_kind kind;
    size_t nx, ny;         /* of the series */
    size_t z_begin, z_end; /* slices that the blocks cover */
    size_t size[3];        /* of a block along x, y, z; the last ones of an axis may be smaller */
    size_t first, count;   /* the blocks are those of number first ... first + count - 1 */
} siren_block_grid;

/* "slice", "volume", "patch", or their plural where n is not 1; "block" for an unknown kind. Static. */
const char *siren_block_kind_name(siren_block_kind kind, size_t n);
/* Coordinates of a point: 2 for slices, 3 otherwise. */
uint32_t siren_block_inputs(siren_block_kind kind);

/* The grid of `kind` over slices z_begin ... z_end - 1 of a series, z_begin < z_end <= nz. `size` (3) is of a patch and
 * is cut to the range; other kinds ignore it. USAGE for a patch size of 0 and for more than 2^32 - 1 blocks. */
siren_status siren_block_grid_create(siren_block_kind kind, const size_t *size,
                                     const siren_geometry *geometry, size_t z_begin, size_t z_end,
                                     siren_block_grid *out);
/* The block of a number of the grid, of which every voxel is a point. */
siren_block siren_block_at(const siren_block_grid *grid, size_t number);
/* The number of the block that holds a voxel of the grid. */
size_t siren_block_number(const siren_block_grid *grid, size_t x, size_t y, size_t z);
/* Voxels of the largest block. */
size_t siren_block_grid_points(const siren_block_grid *grid);
/* The numbers of all blocks, those of equal size one after the other and ascending, into `numbers` (count). */
void siren_block_grid_by_size(const siren_block_grid *grid, size_t *numbers);

/* Coordinates (n, n_inputs) of points first ... first + n - 1 of a block: 2 (i / (n - 1) - 1/2) along each of its axes,
 * computed in float32 in this order of operations, n being voxels of the box; 0 along an axis of size 1. n_inputs is 2
 * for x, y or 3 for x, y, z. */
void siren_block_coordinates(const siren_block *block, uint32_t n_inputs, size_t first, size_t n,
                             float *coordinates);

/* Where a volume's stored value of voxel `voxel` of a block stands; the values of its row follow. */
const uint8_t *siren_block_value(const siren_series *series, const siren_block *block, size_t volume,
                                 size_t voxel);

/* What becomes 0 and 1 of one volume in one block; equal where the volume is constant there (or has no finite voxel: 0,
 * 0). */
typedef struct {
    double minimum, maximum;
} siren_scaling;

/* Whether a value becomes a target; all others are exceptional voxels: those that are not finite, and those too far
 * outside the rest. */
static inline bool siren_scaling_holds(siren_scaling range, double value) {
    return value >= range.minimum && value <= range.maximum;
}

/* Exceptional voxels, and those of them that are finite. */
typedef struct {
    size_t n, n_finite;
} siren_apart;

/* Least and largest value of one volume at the points of a block, the whole volume, that do not lie far outside the
 * rest (docs/numerics.md); infinity and -infinity where none is finite. `*n_apart`: finite values outside. */
siren_status siren_block_limits(const siren_series *series, const siren_block *block, size_t volume,
                                siren_scaling *limits, size_t *n_apart);
/* Minimum and maximum of each volume over the points of a block into `scaling` (n_volumes): of the values within
 * `limits` (n_volumes), or, where that is NULL, of all finite ones. UNSUPPORTED where a range overflows double
 * precision. */
siren_status siren_block_scale(const siren_series *series, const siren_block *block,
                               const siren_scaling *limits, siren_scaling *scaling, siren_apart *apart);
/* Targets of points first ... first + n - 1 of a block into rows `pitch` >= n_volumes floats apart: each volume scaled
 * to [0,1] by `scaling` (a constant one to 0), NaN where the voxel is exceptional. */
siren_status siren_block_targets(const siren_series *series, const siren_block *block,
                                 const siren_scaling *scaling, size_t first, size_t n, size_t pitch,
                                 float *targets);
/* Both for a whole block: `targets` (n_points, n_volumes). */
siren_status siren_block_gather(const siren_series *series, const siren_block *block,
                                const siren_scaling *limits, float *targets, siren_scaling *scaling,
                                siren_apart *apart);

/* Decoded values to stored ones, for points first ... first + n - 1 of a block: minimum + y (maximum - minimum) in
 * double precision, rounded to nearest even and clamped for integer types. `y`: (n, n_volumes), or NULL where every
 * volume is constant; `voxels`: (n_volumes, voxels of the block) of `datatype`, of which those of the points are
 * set. */
siren_status siren_block_restore(const siren_block *block, size_t first, size_t n, siren_datatype datatype,
                                 size_t n_volumes, const siren_scaling *scaling, const float *y,
                                 void *voxels);

#endif
