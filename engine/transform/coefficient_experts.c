#include "engine/transform/coefficient_experts.h"

#include <stdlib.h>

void siren_coefficient_experts_free(siren_coefficient_experts *experts) {
    if (!experts) return;
    siren_signs_free(&experts->signs);
    free(experts);
}

/* 16 log2(1 + i), rounded; bounds between whole numbers are powers of 2^(1/16). */
static void fill_logarithms(uint8_t *logarithms) {
    const double step = 1.0442737824274138403;
    double bound = 1.0218971486541166782;
    uint8_t class = 0;
    for (int i = 0; i < SIREN_LOGARITHMS; i++) {
        while (1 + i >= bound) {
            bound *= step;
            class ++;
        }
        logarithms[i] = class < 127 ? class : 127;
    }
}

siren_status siren_coefficient_experts_create(const siren_context_network *network, size_t n_blocks,
                                              size_t row, size_t n_components,
                                              siren_coefficient_experts **out) {
    siren_coefficient_experts *experts;
    SIREN_TRY(siren_allocate(&experts, 1, sizeof *experts, "a coder's experts"));
    siren_status status = siren_signs_create(n_blocks, row, n_components, &experts->signs);
    if (status != SIREN_OK) {
        siren_coefficient_experts_free(experts);
        return status;
    }
    experts->network = network;
    siren_logistic_fill(&experts->tables);
    fill_logarithms(experts->logarithms);
    for (size_t s = 0; s < SIREN_EXPERT_SETS; s++)
        for (size_t c = 0; c < SIREN_EXPERT_CLASSES; c++)
            for (size_t step = 0; step <= SIREN_MAGNITUDE_STEPS; step++)
                experts->mixers[s][c][step].weights[SIREN_MIXER_MODELS] = 65536;
    *out = experts;
    return SIREN_OK;
}
