#include "engine/transform/sign_predictor.h"

#include <stdlib.h>
#include <string.h>

#define SIDE SIREN_TRANSFORM_SIDE
#define BLOCK SIREN_TRANSFORM_BLOCK
#define COMPONENTS SIREN_SIGN_COMPONENTS
#define INPUTS SIREN_SIGN_INPUTS
#define PREDICTIONS SIREN_SIGN_PREDICTIONS

/* By the components before, slowly; by these and by blocks and frequencies beside; by components again, from what the
 * blocks to the left and above have learned. */
enum { SLOW, WIDE, NEAR };
static const int32_t rates[PREDICTIONS] = {[SLOW] = 5, [WIDE] = 13, [NEAR] = 51}; /* in 1/256 */
static const size_t n_inputs[PREDICTIONS] = {[SLOW] = COMPONENTS, [WIDE] = INPUTS, [NEAR] = COMPONENTS};

#define LARGEST_INPUT 511
#define LARGEST_WEIGHT ((int32_t)1 << 18) /* in 1/65536 */
#define LARGEST_PREDICTED ((int64_t)1 << 19)
#define LARGEST_CERTAINTY 1024

void siren_signs_free(siren_sign_predictor *signs) {
    free(signs->ends);
    free(signs->all_levels);
    *signs = (siren_sign_predictor){.n_blocks = 0};
}

/* Components that there are not are zeros: one plane stands for all of them. */
static size_t planes_of(size_t n_components) {
    return n_components < COMPONENTS ? n_components + 1 : COMPONENTS + 1;
}

size_t siren_signs_block_bytes(size_t n_components) {
    const siren_sign_predictor *signs = NULL;
    return sizeof *signs->ends + planes_of(n_components) * BLOCK * sizeof *signs->all_levels;
}

siren_status siren_signs_create(size_t n_blocks, size_t row, size_t n_components, siren_sign_predictor *out) {
    *out = (siren_sign_predictor){.n_blocks = n_blocks, .row = row, .n_planes = planes_of(n_components)};
    SIREN_TRY(siren_allocate(&out->ends, n_blocks, sizeof *out->ends, "signs"));
    SIREN_TRY(
        siren_allocate(&out->all_levels, n_blocks, out->n_planes * BLOCK * sizeof *out->all_levels, "signs"));
    for (size_t i = 0; i <= COMPONENTS; i++)
        out->levels[i] = out->all_levels + (i < out->n_planes ? i : out->n_planes - 1) * n_blocks * BLOCK;
    siren_votes_begin(out->votes[0][0], sizeof out->votes / sizeof(siren_vote));
    for (size_t m = 0; m < 3; m++)
        for (size_t i = 0; i < 2 * PREDICTIONS; i++) out->mixers[m].weights[i] = 65536 / 4;
    return SIREN_OK;
}

void siren_signs_component(siren_sign_predictor *signs) {
    /* Those in turn: all, or those before the plane of zeros. */
    const size_t oldest = signs->n_planes > COMPONENTS ? COMPONENTS : signs->n_planes - 2;
    int16_t *last = signs->levels[oldest];
    memmove(signs->levels + 1, signs->levels, oldest * sizeof *signs->levels);
    signs->levels[0] = last;
    memset(last, 0, signs->n_blocks * BLOCK * sizeof *last);
    memset(signs->ends, 0, signs->n_blocks * sizeof *signs->ends);
    memset(signs->weights, 0, sizeof signs->weights);
}

void siren_signs_block(siren_sign_predictor *signs, size_t block) {
    const int32_t *left = signs->ends[block - 1], *up = signs->ends[block - signs->row];
    for (size_t j = 0; j < COMPONENTS; j++) signs->weights[NEAR][j] = (left[j] + up[j]) >> 1;
}

void siren_signs_block_done(siren_sign_predictor *signs, size_t block) {
    memcpy(signs->ends[block], signs->weights[NEAR], sizeof signs->ends[block]);
}

void siren_signs_expect(siren_sign_predictor *signs, size_t block, unsigned place) {
    int16_t *const *levels = signs->levels;
    const size_t at = block * BLOCK + place, row = signs->row * BLOCK;
    int32_t *inputs = signs->inputs, *beside = inputs + COMPONENTS, energy = 2;
    for (size_t j = 0; j < COMPONENTS; j++) inputs[j] = levels[1 + j][at];
    beside[0] = levels[0][at - BLOCK];
    beside[1] = levels[0][at - row];
    beside[2] = place >= 2 * SIDE ? levels[0][at - 2 * SIDE] : 0;
    beside[3] = place % SIDE >= 2 ? levels[0][at - 2] : 0;
    beside[4] = levels[1][at - BLOCK];
    beside[5] = levels[1][at - row];
    for (size_t j = 0; j < INPUTS; j++) {
        if (j == COMPONENTS) signs->energies[SLOW] = signs->energies[NEAR] = energy;
        energy += inputs[j] * inputs[j];
    }
    signs->energies[WIDE] = energy;
    for (size_t p = 0; p < PREDICTIONS; p++) {
        int64_t sum = 0;
        for (size_t j = 0; j < n_inputs[p]; j++) sum += (int64_t)signs->weights[p][j] * inputs[j];
        sum >>= 8;
        signs->predicted[p] = (int32_t)(sum < -LARGEST_PREDICTED  ? -LARGEST_PREDICTED
                                        : sum > LARGEST_PREDICTED ? LARGEST_PREDICTED
                                                                  : sum);
    }
}

void siren_signs_learn(siren_sign_predictor *signs, size_t block, unsigned place, int32_t level) {
    const int32_t y = level < -LARGEST_INPUT ? -LARGEST_INPUT : level > LARGEST_INPUT ? LARGEST_INPUT : level;
    signs->levels[0][block * BLOCK + place] = (int16_t)y;
    for (size_t p = 0; p < PREDICTIONS; p++) {
        if (signs->energies[p] == 2) continue; /* nothing to learn from */
        const int64_t gain = (int64_t)rates[p] * (256 * y - signs->predicted[p]) * 16 / signs->energies[p];
        for (size_t j = 0; j < n_inputs[p]; j++) {
            int64_t weight = signs->weights[p][j] + ((gain * signs->inputs[j] + 8) >> 4);
            signs->weights[p][j] = (int32_t)(weight < -LARGEST_WEIGHT  ? -LARGEST_WEIGHT
                                             : weight > LARGEST_WEIGHT ? LARGEST_WEIGHT
                                                                       : weight);
        }
    }
}

/* Numbers below 4 by themselves, others in halves of octaves, at most 15. */
static unsigned half_octaves(uint32_t value) {
    unsigned t = 0;
    while (value >> t >= 4) t++;
    unsigned class = value < 4 ? value : 2 * t + (value >> t);
    return class < 15 ? class : 15;
}

uint32_t siren_signs_probability(siren_sign_predictor *signs, const siren_logistic *tables,
                                 uint32_t magnitude) {
    const uint32_t size = magnitude < 3 ? magnitude : 3;
    for (size_t p = 0; p < PREDICTIONS; p++) {
        const int32_t predicted = signs->predicted[p];
        const int64_t certainty = -(int64_t)predicted * (magnitude < 64 ? magnitude : 64);
        signs->voters[p] = &signs->votes[p][half_octaves((uint32_t)abs(predicted) >> 4)][size - 1];
        const int32_t agrees = tables->stretch[*signs->voters[p] >> 20];
        signs->votes_in[2 * p] = predicted < 0 ? agrees : -agrees;
        signs->votes_in[2 * p + 1] = (int32_t)(certainty < -LARGEST_CERTAINTY  ? -LARGEST_CERTAINTY
                                               : certainty > LARGEST_CERTAINTY ? LARGEST_CERTAINTY
                                                                               : certainty);
    }
    signs->mixer = &signs->mixers[size - 1];
    return signs->probability =
               siren_squash(tables, siren_mix(signs->mixer, signs->votes_in, 2 * PREDICTIONS));
}

void siren_signs_coded(siren_sign_predictor *signs, bool negative) {
    siren_mixer_learn(signs->mixer, signs->votes_in, 2 * PREDICTIONS,
                      (negative ? 65535 : 0) - (int32_t)signs->probability, 13);
    for (size_t p = 0; p < PREDICTIONS; p++)
        siren_vote_update(signs->voters[p], negative == (signs->predicted[p] < 0));
}
