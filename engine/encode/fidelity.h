/* How close a network's outputs come to their targets, in the measures of the paper (docs/metrics.md).
 *
 * Targets are in [0,1], NaN where there is no data. PSNR is -10 log10 of a mean squared error, infinity where
 * that is 0. */
#ifndef SIREN_ENGINE_ENCODE_FIDELITY_H
#define SIREN_ENGINE_ENCODE_FIDELITY_H

#include "engine/model/targets.h"

/* Sums over the data seen so far; {0} to begin with. With q(x) = round(255 clamp(x, 0, 1)) / 255, in float32
 * and to nearest even as PyTorch rounds: */
typedef struct {
    double squares;   /* (y - t)^2 */
    double published; /* (y - q(t))^2: the published code quantises the target, not the output */
    double clamped;   /* (q(y) - t)^2: what it meant to compute */
    size_t n;
} siren_fidelity_sums;

typedef struct {
    size_t n; /* data that counted; all else is NaN where it is 0 */
    double mse, psnr, psnr_published, psnr_clamped;
} siren_fidelity;

/* Adds `n_points` points: `y` and `targets` are (n_points, n_outputs). `mask` (n_points) may be NULL; points
 * where it is 0 do not count. Sums run in ascending order in double precision: the same bits however the
 * points are divided over calls. */
void siren_fidelity_add(siren_fidelity_sums *sums, size_t n_points, size_t n_outputs, const float *y,
                        const float *targets, const uint8_t *mask);
siren_fidelity siren_fidelity_of(const siren_fidelity_sums *sums);

/* What siren_block_decode() is watched with: sums over all points of a block and over those in its mask. */
typedef struct {
    size_t n_outputs;
    const siren_target_source *targets;
    size_t network;      /* whose targets they are */
    float *chunk;        /* (n, n_outputs) for the largest n of a call */
    const uint8_t *mask; /* (n_points), or NULL: `masked` stays as it is */
    siren_fidelity_sums sums, masked;
    double targets_sum, targets_squares; /* of all data */
} siren_fidelity_watch;

/* The variance of all targets that were watched: what a network that knows but their mean errs by. */
double siren_fidelity_spread(const siren_fidelity_watch *watch);

/* A siren_outputs_fn of engine/archive/record.h; `watch` is a siren_fidelity_watch. Fails where its targets cannot be
 * read. */
siren_status siren_fidelity_outputs(void *watch, size_t first, size_t n, const float *y);

/* One slice of a 3-D model, comparable with a 2-D model's: `y` and `targets` (n_points, n_outputs) are scaled
 * by minima and maxima of the whole block. Both forms scale the targets of each volume anew to [0,1] by their
 * own minimum and maximum in the slice, as scikit-learn's MinMaxScaler does: values without data are left
 * out, and a range of 0 counts as 1, so that constant targets become 0. `honest` applies the same map to y;
 * `published` scales y by y's own minimum and maximum, as the published code does, and its psnr_published is
 * that code's figure. `mask` as above, for the sums only. SYSTEM when out of memory. */
siren_status siren_fidelity_slice(size_t n_points, size_t n_outputs, const float *y, const float *targets,
                                  const uint8_t *mask, siren_fidelity *honest, siren_fidelity *published);

#endif
