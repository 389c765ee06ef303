/* What coefficients.c and its neighbours share: a slice's coder, what it knows of a block and of a place, and the
 * models of each bit. docs/transform.md is normative. */
#ifndef SIREN_ENGINE_TRANSFORM_COEFFICIENT_CONTEXTS_H
#define SIREN_ENGINE_TRANSFORM_COEFFICIENT_CONTEXTS_H

#include "engine/context/context_network.h"
#include "engine/transform/coefficient.h"
#include "engine/transform/mixer.h"

#include <string.h>

#define SIDE SIREN_TRANSFORM_SIDE
#define BLOCK SIREN_TRANSFORM_BLOCK
#define DIAGONALS (2 * SIDE - 1)
#define MODELS SIREN_MIXER_MODELS
#define EXACT SIREN_RECONSTRUCTION_KINDS

/* Bits of a magnitude: is it above 0, 1, 2, 3 and 4, 5 to 8, and beyond, as far as UNARY. */
#define UNARY 14
#define STEPS SIREN_MAGNITUDE_STEPS
static const uint8_t step_of[UNARY + 1] = {0, 1, 2, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 5, 5};

/* Contexts of one model. */
#define CONTEXTS 640
/* Sums of neighbours' magnitudes that are told apart. */
#define SUMS 4096
/* Frequencies of alike behaviour: the mean, and the diagonals 1, 2, 3-4, 5-7, and above. */
#define BANDS 6
static const uint8_t band_of[DIAGONALS] = {0, 1, 2, 3, 3, 4, 4, 4, 5, 5, 5, 5, 5, 5, 5};

typedef struct siren_coefficient_experts siren_coefficient_experts;

struct siren_coefficients {
    size_t across, down;
    bool dependent;     /* two quantisers, the levels before tell which: sizes are in half steps */
    unsigned component; /* the next one */
    siren_mixer_tables tables;
    uint8_t scan[BLOCK], diagonal[BLOCK];
    uint8_t halves[SUMS], quarters[SUMS]; /* sums in half and quarter octaves */
    float cost[4096];                     /* bits that a probability in 1/4096 costs */
    uint8_t *used;                        /* (blocks) */
    /* Of this component and those before it, with a border of empty blocks: sizes up to 255, their sums, how many
     * diagonals are coded. */
    uint8_t *sizes[3];
    uint16_t *sums[3];
    uint8_t *extents[3];
    uint16_t *history; /* 16 times the sizes of components before, on an average that fades */
    siren_vote digits[MODELS][CONTEXTS][STEPS], second_zeros[MODELS][CONTEXTS], flags[MODELS][512],
        lengths[MODELS][16][16];
    siren_bit_model empty, predicted;
    bool last_predicted; /* whether the last component's means were */
    siren_mixer digit_mixers[STEPS][2], second_zero_mixers[2], flag_mixer, length_mixers[16];
    siren_integer_model escape[2];
    siren_coefficient_experts
        *experts; /* where signs are predicted, and where a network tells what to expect; else NULL */
};

/* What is known of this component becomes what is known of the one before; this component's planes are empty. */
void siren_coefficients_next(siren_coefficients *coder);

static inline size_t padded_blocks(const siren_coefficients *coder) {
    return (coder->across + 2) * (coder->down + 2);
}
static inline size_t padded(const siren_coefficients *coder, size_t block) {
    return (block / coder->across + 1) * (coder->across + 2) + block % coder->across + 1;
}

static inline unsigned at_most(unsigned value, unsigned limit) { return value < limit ? value : limit; }
static inline unsigned halves(const siren_coefficients *coder, unsigned sum, unsigned limit) {
    return at_most(coder->halves[at_most(sum, SUMS - 1)], limit);
}
static inline unsigned quarters(const siren_coefficients *coder, unsigned sum, unsigned limit) {
    return at_most(coder->quarters[at_most(sum, SUMS - 1)], limit);
}

/* ---- two quantisers ---- */

/* States of a block: the second quantiser is that of odd ones. What comes after an even and an odd magnitude is the
 * trellis of eight states that JPEG 2000 (part 2) took from Ungerboeck. */
#define QUANTISER_STATES 8
static const uint8_t state_after[QUANTISER_STATES][2] = {{0, 1}, {3, 2}, {5, 4}, {6, 7},
                                                         {1, 0}, {2, 3}, {4, 5}, {7, 6}};

static inline unsigned quantiser_of(unsigned state) { return state & 1; }
static inline unsigned next_state(const siren_coefficients *coder, unsigned state, uint64_t magnitude) {
    return coder->dependent ? state_after[state][magnitude & 1] : 0;
}
/* What a level stands for, in steps, or half steps of two quantisers. */
static inline uint32_t size_of(const siren_coefficients *coder, unsigned quantiser, uint32_t magnitude) {
    return magnitude == 0 || !coder->dependent ? magnitude : 2 * magnitude - quantiser;
}

/* ---- blocks and places ---- */

/* What is known of a block before its first bit. */
typedef struct {
    uint16_t around[BLOCK],
        before[BLOCK];       /* weighted sizes at a frequency: blocks around; the component before */
    uint16_t history[BLOCK]; /* of all components before, at and beside a frequency */
    unsigned before_sum;
} surroundings;

/* Of a block so far: sizes, with a border: frequency (u, w) stands at (u + 2) * 11 + w + 2. */
typedef struct {
    uint8_t here[10 * 11 + 1];
    unsigned sum, count;
} begun_block;

static inline void surroundings_begin(const siren_coefficients *coder, size_t block, surroundings *s) {
    size_t at = padded(coder, block), row = coder->across + 2;
    const uint8_t *m = coder->sizes[0], *p = coder->sizes[1] + at * BLOCK;
    const uint16_t *old = coder->history + at * BLOCK;
    const uint8_t *left = m + (at - 1) * BLOCK, *up = m + (at - row) * BLOCK, *up_left = up - BLOCK,
                  *up_right = up + BLOCK;
    const uint8_t *right = p + BLOCK, *down = p + row * BLOCK;
    for (int i = 0; i < BLOCK; i++)
        s->around[i] = (uint16_t)(2 * (left[i] + up[i]) + up_left[i] + up_right[i]);
    for (int i = 0; i < BLOCK; i++)
        s->before[i] = (uint16_t)(2 * p[i] + (old[i] >> 4) + ((right[i] + down[i] + 1) >> 1));
    /* and the frequencies beside it */
    uint16_t wide[10 * 10] = {0}, old_wide[10 * 10] = {0};
    for (int u = 0; u < SIDE; u++)
        for (int w = 0; w < SIDE; w++) {
            wide[(u + 1) * 10 + w + 1] = p[u * SIDE + w];
            old_wide[(u + 1) * 10 + w + 1] = old[u * SIDE + w];
        }
    for (int u = 0; u < SIDE; u++)
        for (int w = 0; w < SIDE; w++) {
            const uint16_t *c = wide + (u + 1) * 10 + w + 1, *o = old_wide + (u + 1) * 10 + w + 1;
            s->before[u * SIDE + w] =
                (uint16_t)(s->before[u * SIDE + w] + ((c[-10] + c[-1] + c[1] + c[10] + 1) >> 1));
            s->history[u * SIDE + w] = (uint16_t)((2 * o[0] + o[-10] + o[-1] + o[1] + o[10]) >> 2);
        }
    s->before_sum = coder->sums[1][at];
}

/* The models of a magnitude's bits at place `n` of the scan: `kind` is its kind of reconstruction were it 1. */
typedef struct {
    siren_vote *voters[MODELS], *zeros[MODELS]; /* of bits, and of the first one */
    siren_mixer *zero_mixer;
    unsigned band, quantiser;
    uint8_t kind;
    unsigned all; /* the sizes that tell the kind */
} place;

static inline place place_at(siren_coefficients *coder, const surroundings *s, const begun_block *begun,
                             unsigned n, unsigned quantiser) {
    unsigned at = coder->scan[n], band = band_of[coder->diagonal[n]];
    const uint8_t *h = begun->here + (at / SIDE + 2) * 11 + at % SIDE + 2;
    unsigned inner = 2 * (h[-11] + h[-1]) + h[-12] + h[-10] + ((h[-22] + h[-2] + 1) >> 1),
             around = s->around[at], before = s->before[at];
    unsigned all = inner + around + before;
    unsigned mean = begun->count ? 8 * begun->sum / begun->count : 0;
    const unsigned contexts[MODELS] = {
        quarters(coder, all, 47) * BANDS + band,
        halves(coder, inner, 15) * 16 + halves(coder, before, 15),
        halves(coder, around, 15) * 16 + halves(coder, inner + before, 15),
        at * 10 + halves(coder, around + before, 9),
        quarters(coder, s->history[at], 47) * BANDS + band,
        halves(coder, mean, 15) * 16 + halves(coder, s->before_sum, 15),
        quarters(coder, around + 2 * mean, 40) * 8 + at_most(inner, 7),
    };
    const unsigned few = coder->dependent ? 12 : 6, some = coder->dependent ? 32 : 16;
    place p = {.band = band, .quantiser = quantiser, .all = all};
    p.kind = (uint8_t)((all < few ? 0 : all < some ? 2 : 4) + quantiser * SIREN_QUANTISER_KINDS);
    p.zero_mixer = quantiser ? &coder->second_zero_mixers[band > 0] : &coder->digit_mixers[0][band > 0];
    for (int i = 0; i < MODELS; i++) {
        p.voters[i] = coder->digits[i][contexts[i]];
        p.zeros[i] = quantiser ? &coder->second_zeros[i][contexts[i]] : p.voters[i];
    }
    return p;
}

static inline void place_bit(siren_coefficients *coder, const place *p, unsigned i, siren_mixed_bit *bit) {
    unsigned step = step_of[i];
    for (int j = 0; j < MODELS; j++) bit->voters[j] = step == 0 ? p->zeros[j] : p->voters[j] + step;
    bit->mixer = step == 0 ? p->zero_mixer : &coder->digit_mixers[step][p->band > 0];
    siren_mixed_predict(&coder->tables, bit);
}

static inline void place_done(const siren_coefficients *coder, begun_block *begun, unsigned n,
                              uint32_t size) {
    unsigned at = coder->scan[n];
    uint8_t m = (uint8_t)(size < 255 ? size : 255);
    begun->here[(at / SIDE + 2) * 11 + at % SIDE + 2] = m;
    begun->sum += m;
    begun->count++;
}

static inline void flag_bit(siren_coefficients *coder, size_t block, siren_mixed_bit *bit) {
    size_t at = padded(coder, block), row = coder->across + 2;
    const uint16_t *s = coder->sums[0], *p = coder->sums[1] + at, *pp = coder->sums[2] + at;
    unsigned around = 2 * (s[at - 1] + s[at - row]) + s[at - row - 1] + s[at - row + 1];
    unsigned beside = p[1] + p[row] + p[-1] + p[-(ptrdiff_t)row], nonzero = 0;
    nonzero = (s[at - 1] > 0) + 2 * (s[at - row] > 0) + 4 * (p[0] > 0) + 8 * (pp[0] > 0) + 16 * (p[1] > 0) +
              32 * (p[row] > 0) + 64 * (s[at - row + 1] > 0) + 128 * (s[at - row - 1] > 0);
    const unsigned contexts[MODELS] = {
        halves(coder, around, 15) * 16 + halves(coder, 2u * p[0], 15),
        nonzero,
        quarters(coder, around + 2u * p[0] + pp[0] + beside / 2, 40),
        at_most(coder->component - 1, 255),
        halves(coder, beside, 15) * 16 + halves(coder, p[0] + pp[0], 15),
        halves(coder, around, 15) * 16 + halves(coder, beside + p[0], 15),
        256 + at_most((unsigned)(block / coder->across), 255),
    };
    for (int i = 0; i < MODELS; i++) bit->voters[i] = &coder->flags[i][contexts[i]];
    bit->mixer = &coder->flag_mixer;
    siren_mixed_predict(&coder->tables, bit);
}

/* The models of the number of diagonals less one, 4 bits from the highest on, of which `known` (1, then 1b ...)
 * were seen. */
static inline void length_contexts(const siren_coefficients *coder, size_t block, unsigned contexts[MODELS]) {
    size_t at = padded(coder, block), row = coder->across + 2;
    const uint8_t *e = coder->extents[0], *p = coder->extents[1] + at;
    unsigned around = e[at - 1] + e[at - row];
    contexts[0] = at_most((around + 2u * p[0] + 2) >> 2, 15);
    contexts[1] = at_most((around + 1) >> 1, 15);
    contexts[2] = at_most(p[0], 15);
    contexts[3] = at_most(coder->component - 1, 15);
    contexts[4] = at_most((p[1] + p[row] + p[-1] + p[-(ptrdiff_t)row] + 2) >> 2, 15);
    contexts[5] = halves(coder, coder->sums[1][at], 15);
    contexts[6] = at_most(coder->extents[2][at], 15);
}

static inline void length_bit(siren_coefficients *coder, const unsigned contexts[MODELS], unsigned known,
                              siren_mixed_bit *bit) {
    for (int i = 0; i < MODELS; i++) bit->voters[i] = &coder->lengths[i][contexts[i]][known];
    bit->mixer = &coder->length_mixers[known];
    siren_mixed_predict(&coder->tables, bit);
}

/* The mean's level as the blocks to the left and above let expect it. */
static inline int32_t expected_mean(const siren_coefficients *coder, const int32_t *levels, size_t block) {
    size_t across = coder->across;
    bool has_left = block % across > 0 && coder->used[block - 1],
         has_up = block >= across && coder->used[block - across];
    int32_t left = has_left ? levels[(block - 1) * BLOCK] : 0,
            up = has_up ? levels[(block - across) * BLOCK] : 0;
    if (!has_left || !has_up) return left + up;
    return (left + up) / 2;
}

static inline void mixed_put(siren_range_encoder *encoder, siren_mixed_bit *bit, bool value) {
    siren_range_put(encoder, bit->probability, value);
    siren_mixed_update(bit, value);
}

static inline bool mixed_get(siren_range_decoder *decoder, siren_mixed_bit *bit) {
    bool value = siren_range_get(decoder, bit->probability);
    siren_mixed_update(bit, value);
    return value;
}

/* After a block's last level: what its neighbours will see. */
static inline void block_done(siren_coefficients *coder, size_t block, const begun_block *begun,
                              unsigned extent) {
    size_t at = padded(coder, block);
    uint8_t *m = coder->sizes[0] + at * BLOCK;
    for (int u = 0; u < SIDE; u++) memcpy(m + u * SIDE, begun->here + (u + 2) * 11 + 2, SIDE);
    coder->sums[0][at] = (uint16_t)at_most(begun->sum, UINT16_MAX);
    coder->extents[0][at] = (uint8_t)extent;
}

#endif
