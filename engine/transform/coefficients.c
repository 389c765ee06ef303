#include "engine/transform/coefficients.h"

#include "engine/transform/coefficient_choice.h"
#include "engine/transform/coefficient_contexts.h"
#include "engine/transform/coefficient_experts.h"
#include "engine/transform/coefficient_recode.h"
#include "engine/transform/coefficient_trellis.h"
#include "host/clones.h"

#include <math.h>
#include <stdlib.h>

/* ---- the state ---- */

void siren_coefficients_free(siren_coefficients *coder) {
    if (!coder) return;
    siren_coefficient_experts_free(coder->experts);
    free(coder->used);
    free(coder->history);
    for (int i = 0; i < 3; i++) {
        free(coder->sizes[i]);
        free(coder->sums[i]);
        free(coder->extents[i]);
    }
    free(coder);
}

/* The position among octaves, each of `parts` pieces; below `parts` the value itself. */
static uint8_t octaves(uint32_t value, uint32_t parts, unsigned log2_parts) {
    unsigned shift = 0;
    while (value >> shift >= 2 * parts) shift++;
    return (uint8_t)(value < parts ? value : (shift << log2_parts) + (value >> shift));
}

/* The least value at a position. */
static uint32_t octaves_value(uint32_t position, uint32_t parts, unsigned log2_parts) {
    if (position < 2 * parts) return position;
    uint32_t shift = (position - parts) >> log2_parts;
    return (position - (shift << log2_parts)) << shift;
}

static void expect_digit(siren_coefficients *coder, unsigned model, uint32_t context, uint32_t sum,
                         uint32_t weight) {
    siren_vote *votes = coder->digits[model][context];
    if (coder->dependent) weight = 2 * weight + 1;
    for (int step = 0; step < STEPS; step++)
        votes[step] = siren_vote_expecting(2 * sum + 1, 2 * sum + 2 * weight + 2);
    coder->second_zeros[model][context] = siren_vote_expecting(6 * sum + 3, 6 * sum + 2 * weight + 4);
}

/* Votes before the first bit: a magnitude is expected to be geometrically distributed about the mean of those that
 * the context sums up. */
static void expect_digits(siren_coefficients *coder) {
    for (uint32_t i = 0; i < CONTEXTS; i++) {
        uint32_t low = octaves_value(i % 16, 2, 1), high = octaves_value(i / 16, 2, 1);
        if (i < 48 * BANDS) {
            expect_digit(coder, 0, i, octaves_value(i / BANDS, 4, 2), 19);
            expect_digit(coder, 4, i, octaves_value(i / BANDS, 4, 2), 24);
        }
        if (i < 256) {
            expect_digit(coder, 1, i, high + low, 13);
            expect_digit(coder, 2, i, high + low, 19);
            expect_digit(coder, 5, i, high, 8);
        }
        expect_digit(coder, 3, i, octaves_value(i % 10, 2, 1), 12);
        if (i < 41 * 8) expect_digit(coder, 6, i, octaves_value(i / 8, 4, 2) + i % 8, 29);
    }
}

size_t siren_coefficients_bytes(size_t across, size_t down, size_t n_components, bool signs) {
    const siren_coefficients *coder = NULL;
    const size_t of_block = BLOCK * sizeof *coder->history + 3 * (BLOCK + sizeof *coder->sums[0] + 1) + 1 +
                            (signs ? siren_signs_block_bytes(n_components) : 0);
    size_t bytes;
    return siren_mul(across + 2, down + 2, &bytes) && siren_mul(bytes, of_block, &bytes) ? bytes : SIZE_MAX;
}

siren_status siren_coefficients_create(size_t across, size_t down, size_t n_components, const uint8_t *used,
                                       bool dependent, const siren_context_network *network,
                                       siren_coefficients **out) {
    SIREN_AT_END(siren_coefficients_free_at) siren_coefficients *coder = NULL;
    SIREN_TRY(siren_allocate(&coder, 1, sizeof *coder, "a coder's models"));
    coder->across = across;
    coder->dependent = dependent;
    coder->down = down;
    SIREN_TRY(siren_allocate(&coder->used, across * down, 1, "a coder's blocks"));
    memcpy(coder->used, used, across * down);
    SIREN_TRY(siren_allocate(&coder->history, padded_blocks(coder), BLOCK * sizeof *coder->history,
                             "a coder's blocks"));
    for (int i = 0; i < 3; i++) {
        SIREN_TRY(siren_allocate(&coder->sizes[i], padded_blocks(coder), BLOCK, "a coder's blocks"));
        SIREN_TRY(siren_allocate(&coder->sums[i], padded_blocks(coder), sizeof *coder->sums[i],
                                 "a coder's blocks"));
        SIREN_TRY(siren_allocate(&coder->extents[i], padded_blocks(coder), 1, "a coder's blocks"));
    }
    if (network || dependent)
        SIREN_TRY(siren_coefficient_experts_create(network, padded_blocks(coder), across + 2, n_components,
                                                   &coder->experts));
    siren_mixer_tables_make(&coder->tables);
    for (unsigned d = 0, n = 0; d < DIAGONALS; d++)
        for (unsigned u = d < SIDE ? 0 : d - SIDE + 1; u <= d && u < SIDE; u++) {
            coder->scan[n] = (uint8_t)(u * SIDE + d - u);
            coder->diagonal[n++] = (uint8_t)d;
        }
    for (uint32_t i = 0; i < SUMS; i++) {
        coder->halves[i] = octaves(i, 2, 1);
        coder->quarters[i] = octaves(i, 4, 2);
    }
    for (int i = 0; i < 4096; i++) coder->cost[i] = -log2f(((float)i + 0.5f) / 4096);
    siren_votes_begin(coder->digits[0][0], sizeof coder->digits / sizeof(siren_vote));
    siren_votes_begin(coder->flags[0], sizeof coder->flags / sizeof(siren_vote));
    siren_votes_begin(coder->lengths[0][0], sizeof coder->lengths / sizeof(siren_vote));
    expect_digits(coder);
    siren_bit_models_begin(&coder->empty, 1);
    siren_bit_models_begin(&coder->predicted, 1);
    siren_mixers_begin(coder->digit_mixers[0], sizeof coder->digit_mixers / sizeof(siren_mixer));
    siren_mixers_begin(coder->second_zero_mixers, 2);
    siren_mixers_begin(&coder->flag_mixer, 1);
    siren_mixers_begin(coder->length_mixers, 16);
    siren_integer_models_begin(coder->escape, 2);
    *out = SIREN_TAKE(coder);
    return SIREN_OK;
}

/* ---- coding ---- */

static inline void put_magnitude(siren_coefficients *coder, siren_range_encoder *encoder, const place *p,
                                 uint32_t magnitude) {
    siren_mixed_bit bit;
    for (uint32_t i = 0; i <= UNARY; i++) {
        place_bit(coder, p, i, &bit);
        mixed_put(encoder, &bit, magnitude > i);
        if (magnitude <= i) return;
    }
    siren_magnitude_put(encoder, &coder->escape[p->band > 0], magnitude - UNARY - 1);
}

static inline uint64_t get_magnitude(siren_coefficients *coder, siren_range_decoder *decoder,
                                     const place *p) {
    siren_mixed_bit bit;
    for (uint32_t i = 0; i <= UNARY; i++) {
        place_bit(coder, p, i, &bit);
        if (!mixed_get(decoder, &bit)) return i;
    }
    uint64_t more = siren_magnitude_get(decoder, &coder->escape[p->band > 0]);
    return more < SIREN_LEVEL_LIMIT ? more + UNARY + 1 : (uint64_t)SIREN_LEVEL_LIMIT + 1;
}

static inline uint32_t sign_probability(siren_coefficients *coder, unsigned at, uint64_t magnitude) {
    if (!coder->experts || at == 0) return 32768;
    return siren_signs_probability(&coder->experts->signs, &coder->experts->tables,
                                   (uint32_t)(magnitude < UINT32_MAX ? magnitude : UINT32_MAX));
}

SIREN_CLONES static void put_component(siren_coefficients *coder, siren_range_encoder *encoder,
                                       const float *wanted, float lambda, const int8_t *points,
                                       int32_t *levels, uint8_t *kinds) {
    size_t n_blocks = coder->across * coder->down;
    const float least = coder->dependent ? 0.6f : 0.75f; /* below: nothing is coded */
    float largest = 0;
    siren_sign_predictor *signs = coder->experts ? &coder->experts->signs : NULL;
    siren_coefficients_next(coder);
    if (signs) siren_signs_component(signs);
    memset(levels, 0, n_blocks * BLOCK * sizeof *levels);
    memset(kinds, EXACT, n_blocks * BLOCK);
    for (size_t i = 0; i < n_blocks * BLOCK; i++)
        if (coder->used[i / BLOCK] && fabsf(wanted[i]) > largest) largest = fabsf(wanted[i]);
    siren_bit_put(encoder, &coder->empty, largest < least);
    if (largest < least) return;
    bool predicted = prediction_pays(coder, wanted);
    siren_bit_put(encoder, &coder->predicted, predicted);
    for (size_t block = 0; block < n_blocks; block++) {
        if (!coder->used[block]) continue;
        int32_t *to = levels + block * BLOCK, mean = predicted ? expected_mean(coder, levels, block) : 0;
        float own[BLOCK];
        chosen_block chosen;
        siren_mixed_bit bit;
        memcpy(own, wanted + block * BLOCK, sizeof own);
        own[0] = fminf(fmaxf(own[0], -SIREN_LEVEL_LIMIT / 2), SIREN_LEVEL_LIMIT / 2) - (float)mean;
        if (coder->dependent)
            choose_by_trellis(coder, block, own, lambda, points, predicted, &chosen);
        else
            choose(coder, block, own, lambda, points, predicted, &chosen);
        flag_bit(coder, block, &bit);
        mixed_put(encoder, &bit, chosen.extent > 0);
        to[0] = mean;
        if (signs) siren_signs_block(signs, padded(coder, block));
        if (chosen.extent > 0) {
            unsigned contexts[MODELS], state = 0;
            length_contexts(coder, block, contexts);
            for (unsigned known = 1, i = 4; i-- > 0; known = known << 1 | ((chosen.extent - 1) >> i & 1)) {
                length_bit(coder, contexts, known, &bit);
                mixed_put(encoder, &bit, (chosen.extent - 1) >> i & 1);
            }
            surroundings s;
            begun_block begun = {.count = 0};
            surroundings_begin(coder, block, &s);
            for (unsigned n = 0; n < BLOCK && coder->diagonal[n] < chosen.extent; n++) {
                const unsigned at = coder->scan[n];
                const int32_t level = chosen.levels[n];
                const uint32_t magnitude = (uint32_t)abs(level);
                place p = place_at(coder, &s, &begun, n, quantiser_of(state));
                const uint32_t size = size_of(coder, p.quantiser, magnitude);
                put_magnitude(coder, encoder, &p, magnitude);
                if (signs && at > 0) siren_signs_expect(signs, padded(coder, block), at);
                if (magnitude > 0) {
                    siren_range_put(encoder, sign_probability(coder, at, magnitude), level < 0);
                    if (signs && at > 0) siren_signs_coded(signs, level < 0);
                    if (!(predicted && n == 0))
                        kinds[block * BLOCK + at] = (uint8_t)(p.kind + (magnitude > 1));
                }
                to[at] += level;
                if (signs && at > 0)
                    siren_signs_learn(signs, padded(coder, block), at,
                                      level < 0 ? -(int32_t)size : (int32_t)size);
                place_done(coder, &begun, n, size);
                state = next_state(coder, state, magnitude);
            }
            block_done(coder, block, &begun, chosen.extent);
        }
        if (signs) siren_signs_block_done(signs, padded(coder, block));
    }
}

void siren_coefficients_put(siren_coefficients *coder, siren_range_encoder *encoder, const float *wanted,
                            float lambda, const int8_t *points, int32_t *levels, uint8_t *kinds) {
    put_component(coder, encoder, wanted, lambda, points, levels, kinds);
}

SIREN_CLONES static bool get_component(siren_coefficients *coder, siren_range_decoder *decoder,
                                       int32_t *levels, uint8_t *kinds) {
    size_t n_blocks = coder->across * coder->down;
    siren_sign_predictor *signs = coder->experts ? &coder->experts->signs : NULL;
    siren_coefficients_next(coder);
    if (signs) siren_signs_component(signs);
    memset(levels, 0, n_blocks * BLOCK * sizeof *levels);
    memset(kinds, EXACT, n_blocks * BLOCK);
    if (siren_bit_get(decoder, &coder->empty)) return true;
    const bool predicted = coder->last_predicted = siren_bit_get(decoder, &coder->predicted);
    for (size_t block = 0; block < n_blocks; block++) {
        if (!coder->used[block]) continue;
        if (siren_range_decoder_is_short(decoder)) return false;
        int32_t *to = levels + block * BLOCK;
        unsigned contexts[MODELS], extent = 1, state = 0;
        const size_t b = padded(coder, block);
        siren_mixed_bit bit;
        to[0] = predicted ? expected_mean(coder, levels, block) : 0;
        if (signs) siren_signs_block(signs, b);
        flag_bit(coder, block, &bit);
        if (mixed_get(decoder, &bit)) {
            length_contexts(coder, block, contexts);
            for (int i = 0; i < 4; i++) {
                length_bit(coder, contexts, extent, &bit);
                extent = extent << 1 | mixed_get(decoder, &bit);
            }
            extent = at_most(extent - 15, DIAGONALS);
            surroundings s;
            begun_block begun = {.count = 0};
            surroundings_begin(coder, block, &s);
            for (unsigned n = 0; n < BLOCK && coder->diagonal[n] < extent; n++) {
                const unsigned at = coder->scan[n];
                place p = place_at(coder, &s, &begun, n, quantiser_of(state));
                const uint64_t magnitude = get_magnitude(coder, decoder, &p);
                if (magnitude > SIREN_LEVEL_LIMIT) return false;
                const int32_t size = (int32_t)size_of(coder, p.quantiser, (uint32_t)magnitude);
                bool negative = false;
                if (signs && at > 0) siren_signs_expect(signs, b, at);
                if (magnitude > 0) {
                    negative = siren_range_get(decoder, sign_probability(coder, at, magnitude));
                    if (signs && at > 0) siren_signs_coded(signs, negative);
                    to[at] += negative ? -(int32_t)magnitude : (int32_t)magnitude;
                    if (!(predicted && n == 0))
                        kinds[block * BLOCK + at] = (uint8_t)(p.kind + (magnitude > 1));
                }
                if (signs && at > 0) siren_signs_learn(signs, b, at, negative ? -size : size);
                place_done(coder, &begun, n, (uint32_t)size);
                state = next_state(coder, state, magnitude);
            }
            if (abs(to[0]) > SIREN_LEVEL_LIMIT) return false;
            block_done(coder, block, &begun, extent);
        }
        if (signs) siren_signs_block_done(signs, b);
    }
    return true;
}

bool siren_coefficients_get(siren_coefficients *coder, siren_range_decoder *decoder, int32_t *levels,
                            uint8_t *kinds) {
    if (coder->experts && coder->experts->network)
        return siren_coefficients_get_expected(coder, decoder, levels, kinds);
    return get_component(coder, decoder, levels, kinds);
}

bool siren_coefficients_predicted(const siren_coefficients *coder) { return coder->last_predicted; }
