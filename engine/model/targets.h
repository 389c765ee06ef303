/* Where the targets of a batch of networks come from: a few points at a time, so that nobody needs all of them at
 * once. */
#ifndef SIREN_ENGINE_MODEL_TARGETS_H
#define SIREN_ENGINE_MODEL_TARGETS_H

#include "host/base.h"

typedef struct {
    /* Targets of points first ... first + n - 1 of a network's block into rows `pitch` >= n_outputs floats apart, NaN
     * where there is no data; the floats between the rows are left alone. A second call gives the same. */
    siren_status (*read)(void *user, size_t network, size_t first, size_t n, size_t pitch, float *targets);
    void *user;
} siren_target_source;

/* Targets that lie in memory. */
typedef struct {
    const float *targets; /* (n_networks, n_points, n_outputs) */
    size_t n_points, n_outputs;
} siren_target_array;

/* The array, which is borrowed, as a source. */
siren_target_source siren_target_array_source(siren_target_array *array);

#endif
