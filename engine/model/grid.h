/* What must hold of images that are compared voxel by voxel; masks. */
#ifndef SIREN_ENGINE_MODEL_GRID_H
#define SIREN_ENGINE_MODEL_GRID_H

#include "formats/series.h"

/* USAGE unless `other` has the dimensions of `image` and `n_volumes` volumes. The names are for the message. */
siren_status siren_grid_check(const char *image, const siren_geometry *a, const char *other,
                              const siren_geometry *b, size_t n_volumes);

/* USAGE where the headers place a voxel of two images of equal dimensions more than a tenth of a voxel apart. An image
 * whose header places none passes. */
siren_status siren_grid_check_place(const char *image, const siren_series *a, const char *other,
                                    const siren_series *b);

/* CORRUPT where a scaled value is no finite number: the first one is named. */
siren_status siren_series_check_finite(const char *path, const siren_series *series);

/* Whether every voxel is 0: no mask, but what is left of one in some slices. */
bool siren_mask_is_empty(const siren_series *series);
/* The voxels of a mask's image, 0 outside and one other value inside, as `*mask`, 0 or 1; yours to free(). CORRUPT for
 * other values and where no voxel is inside. */
siren_status siren_mask_values(const char *path, const siren_series *series, uint8_t **mask);

/* Reads a 3-D image on the grid of `like` (of the file `image`): `*mask` (nz, ny, nx), as siren_mask_values()
 * has it. USAGE for another grid. */
siren_status siren_mask_read(const char *path, const char *image, const siren_series *like,
                             size_t memory_limit, uint8_t **mask);

#endif
