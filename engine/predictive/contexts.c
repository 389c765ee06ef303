#include "engine/predictive/contexts.h"

#include <stdlib.h>

static const size_t n_contexts[SIREN_TABLES] = {
    [SIREN_BY_SCALE] = 2 * SIREN_COARSE,     [SIREN_BY_LEVEL] = SIREN_COARSE * SIREN_LEVELS,
    [SIREN_BY_SIGNS] = SIREN_COARSE * 9,     [SIREN_BY_PAST] = SIREN_COARSE * 5,
    [SIREN_BY_FRACTION] = 21 * SIREN_ONE,    [SIREN_BY_NEIGHBOURS] = SIREN_COARSE * 25,
    [SIREN_BY_REFERENCE] = SIREN_COARSE * 25};

void siren_contexts_free(siren_contexts *contexts) {
    for (size_t i = 0; i < SIREN_TABLES; i++) free(contexts->models[i]);
}

siren_status siren_contexts_begin(siren_contexts *contexts, size_t n_nodes) {
    contexts->n_nodes = n_nodes;
    for (size_t i = 0; i < SIREN_TABLES; i++) {
        size_t n = n_contexts[i] * n_nodes;
        SIREN_TRY(
            siren_allocate(&contexts->models[i], n, sizeof *contexts->models[i], "the contexts of values"));
        siren_bit_models_begin(contexts->models[i], n);
        /* What few bits have told is not to be believed at once, for other inputs know more. */
        for (size_t m = 0; m < n; m++) contexts->models[i][m].seen = 3;
    }
    return SIREN_OK;
}
