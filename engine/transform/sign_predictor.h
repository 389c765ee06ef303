/* Signs of coefficients, which neighbours in space do not tell and components before do: on an edge between two tissues
 * all components of a block go the same way. Three linear predictions of a level, which learn as they go, vote on its
 * sign. Integers alone; docs/context-transform.md is normative. */
#ifndef SIREN_ENGINE_TRANSFORM_SIGN_PREDICTOR_H
#define SIREN_ENGINE_TRANSFORM_SIGN_PREDICTOR_H

#include "engine/coding/bit_mixer.h"
#include "engine/transform/block_transform.h"
#include "engine/transform/mixer.h"

#define SIREN_SIGN_PREDICTIONS 3
#define SIREN_SIGN_COMPONENTS 16 /* before this one, which predict it */
#define SIREN_SIGN_INPUTS (SIREN_SIGN_COMPONENTS + 6)

/* Blocks are told by their place among those of a slice with a border of empty ones, `row` in a row. */
typedef struct {
    size_t n_blocks, row, n_planes; /* of levels: the last one of zeros, where there are fewer components */
    int32_t (*ends)[SIREN_SIGN_COMPONENTS]; /* (blocks) of this component: what a block has learned */
    int16_t *all_levels;                    /* (planes, blocks, 64) */
    int16_t
        *levels[SIREN_SIGN_COMPONENTS + 1]; /* of these, this component's, those of the one before it ... */
    int32_t weights[SIREN_SIGN_PREDICTIONS][SIREN_SIGN_INPUTS];
    siren_vote votes[SIREN_SIGN_PREDICTIONS][16][3];
    siren_bit_mixer mixers[3];
    /* Of the present place */
    int32_t inputs[SIREN_SIGN_INPUTS], energies[SIREN_SIGN_PREDICTIONS];
    int32_t predicted[SIREN_SIGN_PREDICTIONS]; /* the level, in 1/256 */
    /* and of its sign */
    int32_t votes_in[2 * SIREN_SIGN_PREDICTIONS];
    siren_vote *voters[SIREN_SIGN_PREDICTIONS];
    siren_bit_mixer *mixer;
    uint32_t probability; /* of a negative one, of 65536 */
} siren_sign_predictor;

/* For a slice of `n_components`, which may be 0. */
siren_status siren_signs_create(size_t n_blocks, size_t row, size_t n_components, siren_sign_predictor *out);
/* Bytes that it takes for each block. */
size_t siren_signs_block_bytes(size_t n_components);
void siren_signs_free(siren_sign_predictor *signs);
/* Before each component, and each block of it that is not empty. */
void siren_signs_component(siren_sign_predictor *signs);
void siren_signs_block(siren_sign_predictor *signs, size_t block);
/* Before a level but the mean, and after it. */
void siren_signs_expect(siren_sign_predictor *signs, size_t block, unsigned place);
void siren_signs_learn(siren_sign_predictor *signs, size_t block, unsigned place, int32_t level);
/* The probability of a negative level of a magnitude above 0, whose sign siren_signs_coded() tells then. */
uint32_t siren_signs_probability(siren_sign_predictor *signs, const siren_logistic *tables,
                                 uint32_t magnitude);
void siren_signs_coded(siren_sign_predictor *signs, bool negative);
/* After a block's last level. */
void siren_signs_block_done(siren_sign_predictor *signs, size_t block);

#endif
