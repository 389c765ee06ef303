/* The context network of a predictive archive: examples from its blocks, training, and whether it is worth its bytes. */
#ifndef SIREN_ENGINE_ENCODE_CONTEXT_FIT_H
#define SIREN_ENGINE_ENCODE_CONTEXT_FIT_H

#include "engine/archive/record.h"

#define SIREN_EFFORT_WITH_NETWORK 4 /* the least */

/* The bytes of its section; NULL where counts alone make the archive smaller, or `effort` (1 to 9) asks for them. Depends on series,
 * layout, effort and seed alone. `memory_limit`: what examples may take, beside the series. `*bytes` is yours: free(). */
siren_status siren_context_fit(const siren_series *series, const siren_layout *layout, uint32_t effort, uint64_t seed,
                               size_t memory_limit, siren_progress_fn progress, void *user, uint8_t **bytes,
                               size_t *n_bytes);

#endif
