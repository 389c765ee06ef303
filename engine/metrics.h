/* Comparisons of series in memory, of one grid, on scaled values (slope and inter applied). */
#ifndef SIREN_ENGINE_METRICS_H
#define SIREN_ENGINE_METRICS_H

#include "engine/sirencl.h"
#include "formats/series.h"

/* What siren_compare() gives. `mask` (nz, ny, nx), 0 outside; NULL compares all. n_voxels is 0, and mse too, where no voxel
 * inside is finite in both. */
siren_comparison siren_compare_series(const siren_series *image, const siren_series *other,
                                      const uint8_t *mask);

/* Means over slices of the figures of docs/metrics.md, for any result: x scaled to [0,1] volume by volume in each slice, x'
 * by the same map. */
typedef struct {
    size_t n; /* slices, but those in which every volume is constant; the means are NaN where it is 0 */
    double psnr, psnr_published, psnr_clamped;
} siren_slice_means;

/* A volume that is constant in a slice has no range there: errors in it are in units of its largest range in any slice. Needs
 * 8 bytes for each voxel of a slice of all volumes; SYSTEM when out of memory. */
siren_status siren_compare_slices(const siren_series *image, const siren_series *other,
                                  siren_slice_means *out);

#endif
