/* Trains context networks: Adam on minibatches in a random order that the seed fixes; the loss is the code length of
 * integers under the network's mixture (docs/context.md), or of pixels half a squared error (docs/restoration.md). The
 * same examples, settings and build give the same network, however many threads there are. */
#ifndef SIREN_ENGINE_ENCODE_CONTEXT_TRAINER_H
#define SIREN_ENGINE_ENCODE_CONTEXT_TRAINER_H

#include "engine/context/context_examples.h"

#define SIREN_CONTEXT_BATCH 1024

typedef struct {
    siren_context_kind kind;
    uint32_t widths[2]; /* of the hidden layers: multiples of 16, at most SIREN_CONTEXT_WIDTH */
    size_t n_steps;
    float rate; /* at most; it rises over the first steps and falls to 0 as a cosine */
    uint64_t seed;
    siren_progress_fn progress; /* of steps; or NULL */
    void *user;
} siren_context_training;

/* Any number of examples but 0. `*bits` (may be NULL): mean code length over the last tenth of the steps, before
 * rounding. CANCELLED where progress says so. */
siren_status siren_context_train(const siren_context_examples *examples,
                                 const siren_context_training *training, siren_context_network *out,
                                 double *bits);

/* For tests: code length (nats) of the first examples, 128 at most, and its gradient, for parameters as
 * siren_context_network has them: for each layer (input, output), the biases after the last input. */
typedef struct {
    float of[SIREN_CONTEXT_LAYERS][SIREN_CONTEXT_INPUTS + 1][SIREN_CONTEXT_WIDTH];
} siren_context_parameters;
double siren_context_loss(siren_context_kind kind, const siren_context_examples *examples,
                          const uint32_t widths[2], const siren_context_parameters *parameters,
                          siren_context_parameters *gradient);

#endif
