/* Fidelity of any result, slice by slice. */
#ifndef SIREN_LAB_EVALUATE_SLICE_MEANS_H
#define SIREN_LAB_EVALUATE_SLICE_MEANS_H

#include "formats/series.h"

/* Means over slices of the figures of docs/metrics.md, for any result: x scaled to [0,1] volume by volume in each
 * slice, x' by the same map. */
typedef struct {
    size_t n; /* slices, but those in which every volume is constant; the means are NaN where it is 0 */
    double psnr, psnr_published, psnr_clamped;
} siren_slice_means;

/* A volume that is constant in a slice has no range there: errors in it are in units of its largest range in any slice.
 * Needs 8 bytes for each voxel of a slice of all volumes; SYSTEM when out of memory. */
siren_status siren_compare_slices(const siren_series *image, const siren_series *other,
                                  siren_slice_means *out);

#endif
