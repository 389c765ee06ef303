/* Comparisons of series in memory, of one grid, on scaled values (slope and inter applied). */
#ifndef SIREN_ENGINE_METRICS_H
#define SIREN_ENGINE_METRICS_H

#include "engine/calls.h"
#include "formats/series.h"

/* What siren_compare_files() gives. `mask` (nz, ny, nx), 0 outside; NULL compares all. n_voxels is 0, and mse too,
 * where no voxel inside is finite in both. */
siren_status siren_compare_series(const siren_series *image, const siren_series *other, const uint8_t *mask,
                                  siren_comparison *out);

#endif
