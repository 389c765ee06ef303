/* The context network of a predictive archive: examples from its blocks, training, and whether it is worth its
 * bytes. */
#ifndef SIREN_ENGINE_ENCODE_CONTEXT_FIT_H
#define SIREN_ENGINE_ENCODE_CONTEXT_FIT_H

#include "engine/archive/record.h"

#define SIREN_EFFORT_WITH_NETWORK 4 /* the least */

/* The bytes of its section; NULL where counts alone make the archive smaller, or `effort` (1 to 9) asks for them.
 * Depends on series, layout, effort and seed alone, but where `memory_limit` is so low that it bounds the examples,
 * which take a quarter of it at most. `*bytes` is yours: free(). */
siren_status siren_context_fit(const siren_series *series, const siren_layout *layout, uint32_t effort,
                               uint64_t seed, size_t memory_limit, siren_progress_fn progress, void *user,
                               uint8_t **bytes, size_t *n_bytes);

/* What siren_context_fit() would come to, as a short training on some blocks and some of these coded tell: a moment
 * less than a real one saves. */
typedef struct {
    double share;   /* of the records' bytes by counts alone, that are left */
    size_t n_bytes; /* of the section; 0 where there would be none */
    double seconds; /* of the training */
} siren_context_expectation;
siren_status siren_context_expect(const siren_series *series, const siren_layout *layout, uint32_t effort,
                                  uint64_t seed, size_t memory_limit, siren_progress_fn progress, void *user,
                                  siren_context_expectation *out);

#endif
