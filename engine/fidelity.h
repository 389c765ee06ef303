/* How close a network's outputs come to their targets, in the measures of the paper (docs/metrics.md).
 *
 * Targets are in [0,1], NaN where there is no data. PSNR is -10 log10 of a mean squared error, infinity where that is 0. */
#ifndef SIREN_ENGINE_FIDELITY_H
#define SIREN_ENGINE_FIDELITY_H

#include "formats/series.h"

/* Sums over the data seen so far; {0} to begin with. */
typedef struct {
    double squares;   /* (y - t)^2 */
    double published; /* (y - round(255 clamp(t)) / 255)^2: the published code clamps the target, not the output */
    double clamped;   /* (round(255 clamp(y)) / 255 - t)^2: what it meant to compute */
    size_t n;
} siren_fidelity_sums;

typedef struct {
    size_t n; /* data that counted; all else is NaN where it is 0 */
    double mse, psnr, psnr_published, psnr_clamped;
} siren_fidelity;

/* Adds `n_points` points: `y` and `targets` are (n_points, n_outputs). `mask` (n_points) may be NULL; points where it is 0
 * do not count. */
void siren_fidelity_add(siren_fidelity_sums *sums, size_t n_points, size_t n_outputs, const float *y,
                        const float *targets, const uint8_t *mask);
siren_fidelity siren_fidelity_of(const siren_fidelity_sums *sums);

/* One slice of a 3-D model, comparable with a 2-D model's: `y` and `targets` (n_points, n_outputs) are scaled by minima and
 * maxima of the whole block. Both forms scale the targets of each volume anew to [0,1] by their own minimum and
 * maximum in the slice (constant ones count as 0). `honest` applies the same scale to y; `published` scales y by y's own
 * minimum and maximum, as the published code does, and its psnr_published is that code's figure. `mask` as above, for the
 * sums only. SYSTEM when out of memory. */
siren_status siren_fidelity_slice(size_t n_points, size_t n_outputs, const float *y, const float *targets,
                                  const uint8_t *mask, siren_fidelity *honest, siren_fidelity *published);

#endif
