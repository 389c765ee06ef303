/* The points that an epoch sees where it does not see all of a block (points_per_epoch).
 *
 * Points are put into one random order, a permutation that depends on their number alone. Epoch e takes `n_sampled` of
 * them, from place e * n_sampled on, going round: so all points are seen equally often, none twice in an epoch, and
 * every network of a batch sees the same ones. */
#ifndef SIREN_ENGINE_TRAIN_SAMPLER_H
#define SIREN_ENGINE_TRAIN_SAMPLER_H

#include "engine/model/network.h"
#include "engine/settings.h"
#include "host/opencl/launch.h"

typedef struct siren_sampler siren_sampler;

/* How many points of a block of `n_points` a step sees: points_per_epoch or, where that is less, one of the
 * minibatches, rounded up and no fewer than SIREN_LEAST_MINIBATCH; all, if it has no more. */
size_t siren_points_of_step(const siren_settings *settings, size_t n_points);

/* n_sampled of n_points, at least 1, fewer than n_points; `network` is the one trained. `*out` is yours:
 * siren_sampler_free(). */
siren_status siren_sampler_create(siren_device *device, const siren_network *network, size_t n_points,
                                  size_t n_sampled, siren_sampler **out);
void siren_sampler_free(siren_sampler *sampler);
SIREN_POINTER_RELEASE(siren_sampler, siren_sampler_free)
/* The ith point of an epoch. */
size_t siren_sampler_point(const siren_sampler *sampler, size_t epoch, size_t i);
/* Enqueues copying an epoch's rows: from `all` (n_blocks, n_points, n_columns) to `sample` (n_blocks, n_sampled,
 * n_columns). */
siren_status siren_sampler_copy(siren_sampler *sampler, size_t epoch, size_t n_blocks, size_t n_columns,
                                const siren_buffer *all, siren_buffer *sample);
/* Bytes of memory that it holds, on the device and on the host. */
size_t siren_sampler_bytes(const siren_sampler *sampler);

#endif
