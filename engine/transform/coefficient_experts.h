/* What a context network says of a coefficient's magnitude, mixed with what was counted, and its sign. Integers alone;
 * docs/context-transform.md is normative. */
#ifndef SIREN_ENGINE_TRANSFORM_COEFFICIENT_EXPERTS_H
#define SIREN_ENGINE_TRANSFORM_COEFFICIENT_EXPERTS_H

#include "engine/context/context_examples.h"
#include "engine/transform/sign_predictor.h"

#define SIREN_EXPERT_SETS 2
#define SIREN_EXPERT_CLASSES 48
#define SIREN_EXPERT_INPUTS (SIREN_MIXER_MODELS + 2) /* counts, the network, a constant */
#define SIREN_LOGARITHMS 240

/* For one slice. */
typedef struct siren_coefficient_experts {
    const siren_context_network *network; /* borrowed */
    siren_logistic tables;
    uint8_t logarithms[SIREN_LOGARITHMS]; /* 16 log2(1 + i) */
    siren_sign_predictor signs;
    /* of each step, and last of the first one of the second quantiser */
    siren_bit_mixer mixers[SIREN_EXPERT_SETS][SIREN_EXPERT_CLASSES][SIREN_MAGNITUDE_STEPS + 1];
    /* Magnitudes at each frequency: their sum over the blocks of this component so far, their mean over the component
     * before in 1/64, and one that fades in 1/256. */
    uint32_t sums[SIREN_TRANSFORM_BLOCK], n_blocks;
    uint32_t before[SIREN_TRANSFORM_BLOCK], fading[SIREN_TRANSFORM_BLOCK];
    /* Of the present place */
    unsigned classes[SIREN_EXPERT_SETS];
    int32_t odds[SIREN_MAGNITUDE_STEPS];
    /* and of one of its bits */
    siren_vote *voters[SIREN_MIXER_MODELS];
    int32_t inputs[SIREN_EXPERT_INPUTS];
    uint32_t probabilities[SIREN_EXPERT_SETS];
} siren_coefficient_experts;

/* `n_blocks`, with a border, `row` in a row, of `n_components`. `*out` is yours. */
siren_status siren_coefficient_experts_create(const siren_context_network *network, size_t n_blocks,
                                              size_t row, size_t n_components,
                                              siren_coefficient_experts **out);
/* NULL is allowed. */
void siren_coefficient_experts_free(siren_coefficient_experts *experts);

#endif
