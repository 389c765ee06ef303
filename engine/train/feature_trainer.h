/* Trains one network on features: minibatch gradient descent by Adam on
 *
 *   loss = mean over points of the code length of an integer, in bits (cl/code_length.cl, docs/context-training.md)
 *
 * A point has n_inputs features, standardised by the caller, and two edges, between which its integer stands: lo and
 * hi, relative to a prediction and in units of a local scale, -inf and inf at the ends of the range. The network's
 * outputs are the means, log scales and weights of a mixture of logistics in the same units.
 *
 * Minibatches are stratified: a pass cuts the points into strata of as many as there are batches, and deals one of each
 * stratum to every batch, in an order that depends on seed and pass alone. So each batch sees the whole of the series,
 * a pass sees every point once (but for fewer than there are batches, others in each pass), and a batch's points are in
 * ascending order. */
#ifndef SIREN_ENGINE_TRAIN_FEATURE_TRAINER_H
#define SIREN_ENGINE_TRAIN_FEATURE_TRAINER_H

#include "engine/model/network.h"
#include "engine/train/optimiser.h"
#include "engine/train/schedule.h"

/* Where points come from. */
typedef struct {
    /* Features (n, n_inputs) and edges (n, 2) of points[0 ... n-1], which ascend. Points may be asked for in any order
     * and more than once; a point is always the same. Called by the thread that runs the trainer. */
    siren_status (*read)(void *user, const uint32_t *points, size_t n, float *features, float *edges);
    void *user;
} siren_feature_source;

/* Points that lie in memory. */
typedef struct {
    const float *features; /* (n_points, n_inputs) */
    const float *edges;    /* (n_points, 2) */
    size_t n_inputs;
} siren_feature_array;

/* The array, which is borrowed, as a source. */
siren_feature_source siren_feature_array_source(siren_feature_array *array);

typedef struct {
    const siren_network *network; /* as siren_network_on_features() makes it, or another with such outputs */
    siren_feature_source source;  /* readable as long as the trainer lives */
    size_t n_points;              /* 1 to SIREN_MAX_POINTS */
    size_t batch;                 /* points of a step, about: 1 or more; all where it is n_points or more */
    double passes;   /* over the points; steps are rounded to the next whole number, 1 at least */
    size_t n_values; /* that the integer may have: each keeps SIREN_UNIFORM_SHARE / n_values */
    uint64_t seed;   /* of the order */
    siren_adam_options adam;
    siren_schedule schedule; /* over the steps */
    size_t memory_limit;     /* bytes that the trainer may hold, on the device and besides; 0: no limit */
} siren_feature_plan;

typedef struct siren_feature_trainer siren_feature_trainer;

/* Steps that the plan comes to. */
size_t siren_feature_steps(const siren_feature_plan *plan);

/* The plan's network is borrowed during the call, the device as long as the trainer lives. Points for which there is no
 * room on the device are read anew, a batch at a time, while the device works on the one before; that changes no bit of
 * a result. USAGE where the plan, or a point, cannot be trained on: features must be finite, lo < hi. UNSUPPORTED where
 * the limit is too low for a batch. `*out` is yours: siren_feature_trainer_free(). */
siren_status siren_feature_trainer_create(siren_device *device, const siren_feature_plan *plan,
                                          siren_feature_trainer **out);
void siren_feature_trainer_free(siren_feature_trainer *trainer);
SIREN_POINTER_RELEASE(siren_feature_trainer, siren_feature_trainer_free)

/* Begins anew from `params` (n_params) in exchange order. */
siren_status siren_feature_trainer_start(siren_feature_trainer *trainer, const float *params);
/* Takes `n_steps` more, no further than the plan's. Progress counts steps, several times a second. CANCELLED keeps what
 * has been reached. */
siren_status siren_feature_trainer_run(siren_feature_trainer *trainer, size_t n_steps,
                                       siren_progress_fn progress, void *user);
/* Reads the current parameters (n_params). */
siren_status siren_feature_trainer_params(siren_feature_trainer *trainer, float *params);
/* Reads the mean bits of each batch so far, before its step, into (steps run). NaN from where the parameters have
 * diverged. */
siren_status siren_feature_trainer_losses(siren_feature_trainer *trainer, float *losses);
/* Whether points are read anew for each step, and bytes that the trainer holds. */
bool siren_feature_trainer_in_tiles(const siren_feature_trainer *trainer);
size_t siren_feature_trainer_bytes(const siren_feature_trainer *trainer);

#endif
