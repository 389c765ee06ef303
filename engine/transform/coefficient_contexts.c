#include "engine/transform/coefficient_contexts.h"

#include <math.h>
#include <stdlib.h>

void siren_coefficients_free(siren_coefficients *coder) {
    if (!coder) return;
    siren_coefficient_experts_free(coder->experts);
    free(coder->used);
    free(coder->history);
    for (int i = 0; i < 3; i++) {
        free(coder->magnitudes[i]);
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

static void expect_digit(siren_vote *votes, uint32_t sum, uint32_t weight) {
    for (int step = 0; step < STEPS; step++)
        votes[step] = siren_vote_expecting(2 * sum + 1, 2 * sum + 2 * weight + 2);
}

/* Votes before the first bit: a magnitude is expected to be geometrically distributed about the mean of those that
 * the context sums up. */
static void expect_digits(siren_coefficients *coder) {
    for (uint32_t i = 0; i < CONTEXTS; i++) {
        uint32_t low = octaves_value(i % 16, 2, 1), high = octaves_value(i / 16, 2, 1);
        if (i < 48 * BANDS) {
            expect_digit(coder->digits[0][i], octaves_value(i / BANDS, 4, 2), 19);
            expect_digit(coder->digits[4][i], octaves_value(i / BANDS, 4, 2), 24);
        }
        if (i < 256) {
            expect_digit(coder->digits[1][i], high + low, 13);
            expect_digit(coder->digits[2][i], high + low, 19);
            expect_digit(coder->digits[5][i], high, 8);
        }
        expect_digit(coder->digits[3][i], octaves_value(i % 10, 2, 1), 12);
        if (i < 41 * 8) expect_digit(coder->digits[6][i], octaves_value(i / 8, 4, 2) + i % 8, 29);
    }
}

siren_status siren_coefficients_create(size_t across, size_t down, const uint8_t *used,
                                       const siren_context_network *network, siren_coefficients **out) {
    SIREN_AT_END(siren_coefficients_free_at) siren_coefficients *coder = NULL;
    SIREN_TRY(siren_allocate(&coder, 1, sizeof *coder, "a coder's models"));
    coder->across = across;
    coder->down = down;
    SIREN_TRY(siren_allocate(&coder->used, across * down, 1, "a coder's blocks"));
    memcpy(coder->used, used, across * down);
    SIREN_TRY(siren_allocate(&coder->history, padded_blocks(coder), BLOCK * sizeof *coder->history,
                             "a coder's blocks"));
    for (int i = 0; i < 3; i++) {
        SIREN_TRY(siren_allocate(&coder->magnitudes[i], padded_blocks(coder), BLOCK, "a coder's blocks"));
        SIREN_TRY(siren_allocate(&coder->sums[i], padded_blocks(coder), sizeof *coder->sums[i],
                                 "a coder's blocks"));
        SIREN_TRY(siren_allocate(&coder->extents[i], padded_blocks(coder), 1, "a coder's blocks"));
    }
    if (network)
        SIREN_TRY(
            siren_coefficient_experts_create(network, padded_blocks(coder), across + 2, &coder->experts));
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
    siren_mixers_begin(&coder->flag_mixer, 1);
    siren_mixers_begin(coder->length_mixers, 16);
    siren_integer_models_begin(coder->escape, 2);
    *out = SIREN_TAKE(coder);
    return SIREN_OK;
}

void siren_coefficients_next(siren_coefficients *coder) {
    uint8_t *magnitudes = coder->magnitudes[2], *extents = coder->extents[2];
    uint16_t *sums = coder->sums[2], *history = coder->history;
    for (int i = 2; i > 0; i--) {
        coder->magnitudes[i] = coder->magnitudes[i - 1];
        coder->sums[i] = coder->sums[i - 1];
        coder->extents[i] = coder->extents[i - 1];
    }
    if (coder->component > 0)
        for (size_t i = 0; i < padded_blocks(coder) * BLOCK; i++)
            history[i] = (uint16_t)(coder->component == 1
                                        ? 16 * coder->magnitudes[1][i]
                                        : history[i] - (history[i] >> 2) + 4 * coder->magnitudes[1][i]);
    coder->magnitudes[0] = magnitudes;
    coder->sums[0] = sums;
    coder->extents[0] = extents;
    memset(magnitudes, 0, padded_blocks(coder) * BLOCK);
    memset(extents, 0, padded_blocks(coder));
    memset(sums, 0, padded_blocks(coder) * sizeof *sums);
    coder->component++;
}
