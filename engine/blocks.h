/* Blocks of a series: cutting one out as coordinates and targets, and putting decoded values back.
 *
 * The points of a slice run as in memory, x fastest: point i = y * nx + x. */
#ifndef SIREN_ENGINE_BLOCKS_H
#define SIREN_ENGINE_BLOCKS_H

#include "formats/series.h"

/* Stored values of one volume in one block; equal where the volume is constant there (or has no finite voxel: 0, 0). */
typedef struct {
    double minimum, maximum;
} siren_scaling;

/* Coordinates (nx * ny, 2) of a slice's points: 2 (i / (n - 1) - 1/2) along each axis, computed in float32 in this order
 * of operations; 0 along an axis of size 1. */
void siren_slice_coordinates(size_t nx, size_t ny, float *coordinates);

/* Slice z as targets (nx * ny, n_volumes): each volume scaled to [0,1] by its minimum and maximum (a constant one to 0),
 * NaN where the voxel is not finite. `scaling`: (n_volumes). `*n_exceptional`: voxels that are not finite. UNSUPPORTED
 * where a range overflows double precision. */
siren_status siren_slice_gather(const siren_series *series, size_t z, float *targets, siren_scaling *scaling, size_t *n_exceptional);

/* Decoded values to stored ones, for all volumes of a block: minimum + y (maximum - minimum) in double precision, rounded
 * to nearest even and clamped for integer types. `y`: (n_points, n_volumes), or NULL where every volume is constant;
 * `voxels`: (n_volumes, n_points) of `datatype`. */
siren_status siren_block_restore(siren_datatype datatype, size_t n_points, size_t n_volumes, const siren_scaling *scaling, const float *y,
                                 void *voxels);

#endif
