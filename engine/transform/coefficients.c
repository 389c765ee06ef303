#include "engine/transform/coefficients.h"

#include "host/clones.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SIDE SIREN_TRANSFORM_SIDE
#define BLOCK SIREN_TRANSFORM_BLOCK
#define DIAGONALS (2 * SIDE - 1)
#define MODELS SIREN_MIXER_MODELS
#define EXACT SIREN_RECONSTRUCTION_KINDS

/* Bits of a magnitude: is it above 0, 1, 2, 3 and 4, 5 to 8, and beyond, as far as UNARY. */
#define UNARY 14
#define STEPS 6
static const uint8_t step_of[UNARY + 1] = {0, 1, 2, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 5, 5};

/* Contexts of one model. */
#define CONTEXTS 640
/* Sums of neighbours' magnitudes that are told apart. */
#define SUMS 4096
/* Frequencies of alike behaviour: the mean, and the diagonals 1, 2, 3-4, 5-7, and above. */
#define BANDS 6
static const uint8_t band_of[DIAGONALS] = {0, 1, 2, 3, 3, 4, 4, 4, 5, 5, 5, 5, 5, 5, 5};

struct siren_coefficients {
    size_t across, down;
    unsigned component; /* the next one */
    siren_mixer_tables tables;
    uint8_t scan[BLOCK], diagonal[BLOCK];
    uint8_t halves[SUMS], quarters[SUMS]; /* sums in half and quarter octaves */
    float cost[4096];                     /* bits that a probability in 1/4096 costs */
    uint8_t *used;                        /* (blocks) */
    /* Of this component and those before it, with a border of empty blocks: magnitudes up to 255, their sums, how
     * many diagonals are coded. */
    uint8_t *magnitudes[2];
    uint16_t *sums[3];
    uint8_t *extents[3];
    uint16_t *history; /* 16 times the magnitudes of components before, on an average that fades */
    siren_vote digits[MODELS][CONTEXTS][STEPS], flags[MODELS][512], lengths[MODELS][16][16];
    siren_bit_model empty, predicted;
    siren_mixer digit_mixers[STEPS][2], flag_mixer, length_mixers[16];
    siren_integer_model escape[2];
};

/* ---- the state ---- */

static size_t padded_blocks(const siren_coefficients *coder) {
    return (coder->across + 2) * (coder->down + 2);
}
static size_t padded(const siren_coefficients *coder, size_t block) {
    return (block / coder->across + 1) * (coder->across + 2) + block % coder->across + 1;
}

void siren_coefficients_free(siren_coefficients *coder) {
    if (!coder) return;
    free(coder->used);
    free(coder->history);
    for (int i = 0; i < 2; i++) free(coder->magnitudes[i]);
    for (int i = 0; i < 3; i++) {
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
                                       siren_coefficients **out) {
    SIREN_AT_END(siren_coefficients_free_at) siren_coefficients *coder = NULL;
    SIREN_TRY(siren_allocate(&coder, 1, sizeof *coder, "a coder's models"));
    coder->across = across;
    coder->down = down;
    SIREN_TRY(siren_allocate(&coder->used, across * down, 1, "a coder's blocks"));
    memcpy(coder->used, used, across * down);
    SIREN_TRY(siren_allocate(&coder->history, padded_blocks(coder), BLOCK * sizeof *coder->history,
                             "a coder's blocks"));
    for (int i = 0; i < 2; i++)
        SIREN_TRY(siren_allocate(&coder->magnitudes[i], padded_blocks(coder), BLOCK, "a coder's blocks"));
    for (int i = 0; i < 3; i++) {
        SIREN_TRY(siren_allocate(&coder->sums[i], padded_blocks(coder), sizeof *coder->sums[i],
                                 "a coder's blocks"));
        SIREN_TRY(siren_allocate(&coder->extents[i], padded_blocks(coder), 1, "a coder's blocks"));
    }
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

/* What is known of this component becomes what is known of the one before; this component's planes are empty. */
static void next_component(siren_coefficients *coder) {
    uint8_t *magnitudes = coder->magnitudes[1], *extents = coder->extents[2];
    uint16_t *sums = coder->sums[2], *history = coder->history;
    coder->magnitudes[1] = coder->magnitudes[0];
    for (int i = 2; i > 0; i--) {
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

/* ---- contexts ---- */

static inline unsigned at_most(unsigned value, unsigned limit) { return value < limit ? value : limit; }
static inline unsigned halves(const siren_coefficients *coder, unsigned sum, unsigned limit) {
    return at_most(coder->halves[at_most(sum, SUMS - 1)], limit);
}
static inline unsigned quarters(const siren_coefficients *coder, unsigned sum, unsigned limit) {
    return at_most(coder->quarters[at_most(sum, SUMS - 1)], limit);
}

/* What is known of a block before its first bit. */
typedef struct {
    uint16_t around[BLOCK],
        before[BLOCK];       /* weighted magnitudes at a frequency: blocks around; the component before */
    uint16_t history[BLOCK]; /* of all components before, at and beside a frequency */
    unsigned before_sum;
    /* Magnitudes of this block so far, with a border: frequency (u, w) stands at (u + 2) * 11 + w + 2. */
    uint8_t here[10 * 11 + 1];
    unsigned here_sum, here_count;
} surroundings;

static void surroundings_begin(const siren_coefficients *coder, size_t block, surroundings *s) {
    size_t at = padded(coder, block), row = coder->across + 2;
    const uint8_t *m = coder->magnitudes[0], *p = coder->magnitudes[1] + at * BLOCK;
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
    memset(s->here, 0, sizeof s->here);
    s->here_sum = s->here_count = 0;
}

/* The models of a magnitude's bits at place `n` of the scan: `*kind` is its kind of reconstruction were it 1. */
typedef struct {
    siren_vote *voters[MODELS];
    unsigned band;
    uint8_t kind;
} place;

static inline place place_at(siren_coefficients *coder, const surroundings *s, unsigned n) {
    unsigned at = coder->scan[n], band = band_of[coder->diagonal[n]];
    const uint8_t *h = s->here + (at / SIDE + 2) * 11 + at % SIDE + 2;
    unsigned inner = 2 * (h[-11] + h[-1]) + h[-12] + h[-10] + ((h[-22] + h[-2] + 1) >> 1),
             around = s->around[at], before = s->before[at];
    unsigned all = inner + around + before;
    unsigned mean = s->here_count ? 8 * s->here_sum / s->here_count : 0;
    const unsigned contexts[MODELS] = {
        quarters(coder, all, 47) * BANDS + band,
        halves(coder, inner, 15) * 16 + halves(coder, before, 15),
        halves(coder, around, 15) * 16 + halves(coder, inner + before, 15),
        at * 10 + halves(coder, around + before, 9),
        quarters(coder, s->history[at], 47) * BANDS + band,
        halves(coder, mean, 15) * 16 + halves(coder, s->before_sum, 15),
        quarters(coder, around + 2 * mean, 40) * 8 + at_most(inner, 7),
    };
    place p = {.band = band, .kind = all < 6 ? 0 : all < 16 ? 2 : 4};
    for (int i = 0; i < MODELS; i++) p.voters[i] = coder->digits[i][contexts[i]];
    return p;
}

static inline void place_bit(siren_coefficients *coder, const place *p, unsigned i, siren_mixed_bit *bit) {
    unsigned step = step_of[i];
    for (int j = 0; j < MODELS; j++) bit->voters[j] = p->voters[j] + step;
    bit->mixer = &coder->digit_mixers[step][p->band > 0];
    siren_mixed_predict(&coder->tables, bit);
}

static inline void place_done(const siren_coefficients *coder, surroundings *s, unsigned n,
                              uint32_t magnitude) {
    unsigned at = coder->scan[n];
    uint8_t m = (uint8_t)(magnitude < 255 ? magnitude : 255);
    s->here[(at / SIDE + 2) * 11 + at % SIDE + 2] = m;
    s->here_sum += m;
    s->here_count++;
}

static void flag_bit(siren_coefficients *coder, size_t block, siren_mixed_bit *bit) {
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
static void length_contexts(const siren_coefficients *coder, size_t block, unsigned contexts[MODELS]) {
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

static void length_bit(siren_coefficients *coder, const unsigned contexts[MODELS], unsigned known,
                       siren_mixed_bit *bit) {
    for (int i = 0; i < MODELS; i++) bit->voters[i] = &coder->lengths[i][contexts[i]][known];
    bit->mixer = &coder->length_mixers[known];
    siren_mixed_predict(&coder->tables, bit);
}

/* The mean's level as the blocks to the left and above let expect it. */
static int32_t expected_mean(const siren_coefficients *coder, const int32_t *levels, size_t block) {
    size_t across = coder->across;
    bool has_left = block % across > 0 && coder->used[block - 1],
         has_up = block >= across && coder->used[block - across];
    int32_t left = has_left ? levels[(block - 1) * BLOCK] : 0,
            up = has_up ? levels[(block - across) * BLOCK] : 0;
    if (!has_left || !has_up) return left + up;
    return (left + up) / 2;
}

/* ---- coding ---- */

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
static void block_done(siren_coefficients *coder, size_t block, const surroundings *s, unsigned extent) {
    size_t at = padded(coder, block);
    uint8_t *m = coder->magnitudes[0] + at * BLOCK;
    for (int u = 0; u < SIDE; u++) memcpy(m + u * SIDE, s->here + (u + 2) * 11 + 2, SIDE);
    coder->sums[0][at] = (uint16_t)at_most(s->here_sum, UINT16_MAX);
    coder->extents[0][at] = (uint8_t)extent;
}

static float cost(const siren_coefficients *coder, uint32_t probability, bool bit) {
    return coder->cost[(bit ? probability : 65536 - probability) >> 4];
}

/* Of the mean's level, `levels` hold the difference to what was expected while a block is chosen and coded. */
typedef struct {
    int32_t levels[BLOCK]; /* in the order of the scan */
    unsigned extent;       /* diagonals; 0: all levels are 0 */
} chosen_block;

/* The levels of least distortion + lambda bits, at the models' present state, one after the other. */
static inline void choose(siren_coefficients *coder, size_t block, const float *wanted, float lambda,
                          const int8_t *points, bool predicted, chosen_block *out) {
    unsigned last = 0, contexts[MODELS];
    float all_zero = 0, distortion[DIAGONALS] = {0}, bits[DIAGONALS] = {0};
    siren_mixed_bit bit;
    surroundings s;
    out->extent = 0;
    memset(out->levels, 0, sizeof out->levels);
    for (unsigned n = 0; n < BLOCK; n++) {
        float magnitude = fabsf(wanted[coder->scan[n]]);
        all_zero += magnitude * magnitude;
        if (magnitude > 0.55f) last = coder->diagonal[n] + 1u;
    }
    if (last == 0) return;
    surroundings_begin(coder, block, &s);
    for (unsigned n = 0; n < BLOCK && coder->diagonal[n] < last; n++) {
        place p = place_at(coder, &s, n);
        float value = wanted[coder->scan[n]], magnitude = fabsf(value), best = magnitude * magnitude,
              bits_best;
        unsigned kind = p.kind, d = coder->diagonal[n];
        float step = predicted && n == 0 ? 0 : 1.0f / 256;
        place_bit(coder, &p, 0, &bit);
        bits_best = cost(coder, bit.probability, false);
        int32_t nearest = (int32_t)fminf(magnitude + 0.5f, (float)(SIREN_LEVEL_LIMIT / 2)), level = 0;
        if (nearest > 0) {
            float so_far = cost(coder, bit.probability, true) + 1, least = best + lambda * bits_best,
                  distance = best;
            int32_t from = nearest > 2 ? nearest - 1 : 1;
            for (int32_t l = 1; l <= nearest; l++) {
                float stop = 0, go = 0;
                if (l <= UNARY) {
                    place_bit(coder, &p, (unsigned)l, &bit);
                    stop = cost(coder, bit.probability, false);
                    go = cost(coder, bit.probability, true);
                } else if (l < from) {
                    l = from;
                    so_far += 2 * log2f((float)(l - UNARY));
                }
                if (l >= from) {
                    float error = magnitude - ((float)l - step * (float)points[kind + (l > 1)]);
                    float j = error * error + lambda * (so_far + stop);
                    if (j < least || (l == from && nearest > 2)) {
                        least = j;
                        level = l;
                        distance = error * error;
                        bits_best = so_far + stop;
                    }
                }
                so_far += go;
            }
            best = distance;
        }
        out->levels[n] = value < 0 ? -level : level;
        place_done(coder, &s, n, (uint32_t)level);
        distortion[d] += best;
        bits[d] += bits_best;
    }
    /* Where to end: what lies behind is 0. */
    flag_bit(coder, block, &bit);
    float least = all_zero + lambda * cost(coder, bit.probability, false),
          coded = lambda * cost(coder, bit.probability, true), tail = all_zero;
    length_contexts(coder, block, contexts);
    for (unsigned d = 0, n = 0; d < last; d++) {
        float length = 0;
        for (; n < BLOCK && coder->diagonal[n] == d; n++)
            tail -= wanted[coder->scan[n]] * wanted[coder->scan[n]];
        coded += distortion[d] + lambda * bits[d];
        for (unsigned known = 1, i = 4; i-- > 0; known = known << 1 | (d >> i & 1)) {
            length_bit(coder, contexts, known, &bit);
            length += cost(coder, bit.probability, d >> i & 1);
        }
        if (coded + tail + lambda * length < least) {
            least = coded + tail + lambda * length;
            out->extent = d + 1;
        }
    }
    while (out->extent > 0) {
        bool empty = true;
        for (unsigned n = 0; n < BLOCK; n++)
            if (coder->diagonal[n] + 1u == out->extent && out->levels[n] != 0) empty = false;
        if (!empty) break;
        out->extent--;
    }
    for (unsigned n = 0; n < BLOCK; n++)
        if (coder->diagonal[n] >= out->extent) out->levels[n] = 0;
}

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

/* Whether the means are better told as differences. */
static bool prediction_pays(const siren_coefficients *coder, const float *wanted) {
    float plain = 0, predicted = 0;
    size_t across = coder->across;
    for (size_t block = 0; block < across * coder->down; block++) {
        if (!coder->used[block]) continue;
        bool has_left = block % across > 0 && coder->used[block - 1],
             has_up = block >= across && coder->used[block - across];
        float left = has_left ? wanted[(block - 1) * BLOCK] : 0,
              up = has_up ? wanted[(block - across) * BLOCK] : 0;
        float value = wanted[block * BLOCK], guess = has_left && has_up ? (left + up) / 2 : left + up;
        plain += log2f(1 + fabsf(value));
        predicted += log2f(1 + fabsf(value - rintf(guess)));
    }
    return predicted < plain;
}

SIREN_CLONES static void put_component(siren_coefficients *coder, siren_range_encoder *encoder,
                                       const float *wanted, float lambda, const int8_t *points,
                                       int32_t *levels, uint8_t *kinds) {
    size_t n_blocks = coder->across * coder->down;
    float largest = 0;
    next_component(coder);
    memset(levels, 0, n_blocks * BLOCK * sizeof *levels);
    memset(kinds, EXACT, n_blocks * BLOCK);
    for (size_t i = 0; i < n_blocks * BLOCK; i++)
        if (coder->used[i / BLOCK] && fabsf(wanted[i]) > largest) largest = fabsf(wanted[i]);
    siren_bit_put(encoder, &coder->empty, largest < 0.75f);
    if (largest < 0.75f) return;
    bool predicted = prediction_pays(coder, wanted);
    siren_bit_put(encoder, &coder->predicted, predicted);
    for (size_t block = 0; block < n_blocks; block++) {
        if (!coder->used[block]) continue;
        int32_t *to = levels + block * BLOCK, mean = predicted ? expected_mean(coder, levels, block) : 0;
        float own[BLOCK];
        chosen_block chosen;
        siren_mixed_bit bit;
        memcpy(own, wanted + block * BLOCK, sizeof own);
        own[0] -= (float)mean;
        choose(coder, block, own, lambda, points, predicted, &chosen);
        flag_bit(coder, block, &bit);
        mixed_put(encoder, &bit, chosen.extent > 0);
        to[0] = mean;
        if (chosen.extent == 0) continue;
        unsigned contexts[MODELS];
        length_contexts(coder, block, contexts);
        for (unsigned known = 1, i = 4; i-- > 0; known = known << 1 | ((chosen.extent - 1) >> i & 1)) {
            length_bit(coder, contexts, known, &bit);
            mixed_put(encoder, &bit, (chosen.extent - 1) >> i & 1);
        }
        surroundings s;
        surroundings_begin(coder, block, &s);
        for (unsigned n = 0; n < BLOCK && coder->diagonal[n] < chosen.extent; n++) {
            int32_t level = chosen.levels[n];
            uint32_t magnitude = (uint32_t)abs(level);
            place p = place_at(coder, &s, n);
            put_magnitude(coder, encoder, &p, magnitude);
            if (magnitude > 0) siren_range_put(encoder, 32768, level < 0);
            to[coder->scan[n]] += level;
            if (magnitude > 0 && !(predicted && n == 0))
                kinds[block * BLOCK + coder->scan[n]] = (uint8_t)(p.kind + (magnitude > 1));
            place_done(coder, &s, n, magnitude);
        }
        block_done(coder, block, &s, chosen.extent);
    }
}

void siren_coefficients_put(siren_coefficients *coder, siren_range_encoder *encoder, const float *wanted,
                            float lambda, const int8_t *points, int32_t *levels, uint8_t *kinds) {
    put_component(coder, encoder, wanted, lambda, points, levels, kinds);
}

SIREN_CLONES static bool get_component(siren_coefficients *coder, siren_range_decoder *decoder,
                                       int32_t *levels, uint8_t *kinds) {
    size_t n_blocks = coder->across * coder->down;
    next_component(coder);
    memset(levels, 0, n_blocks * BLOCK * sizeof *levels);
    memset(kinds, EXACT, n_blocks * BLOCK);
    if (siren_bit_get(decoder, &coder->empty)) return true;
    bool predicted = siren_bit_get(decoder, &coder->predicted);
    for (size_t block = 0; block < n_blocks; block++) {
        if (!coder->used[block]) continue;
        if (siren_range_decoder_is_short(decoder)) return false;
        int32_t *to = levels + block * BLOCK;
        unsigned contexts[MODELS], extent = 1;
        siren_mixed_bit bit;
        to[0] = predicted ? expected_mean(coder, levels, block) : 0;
        flag_bit(coder, block, &bit);
        if (!mixed_get(decoder, &bit)) continue;
        length_contexts(coder, block, contexts);
        for (int i = 0; i < 4; i++) {
            length_bit(coder, contexts, extent, &bit);
            extent = extent << 1 | mixed_get(decoder, &bit);
        }
        extent = at_most(extent - 15, DIAGONALS);
        surroundings s;
        surroundings_begin(coder, block, &s);
        for (unsigned n = 0; n < BLOCK && coder->diagonal[n] < extent; n++) {
            place p = place_at(coder, &s, n);
            uint64_t magnitude = get_magnitude(coder, decoder, &p);
            if (magnitude > SIREN_LEVEL_LIMIT) return false;
            if (magnitude > 0) {
                int32_t level = siren_range_get(decoder, 32768) ? -(int32_t)magnitude : (int32_t)magnitude;
                to[coder->scan[n]] += level;
                if (!(predicted && n == 0))
                    kinds[block * BLOCK + coder->scan[n]] = (uint8_t)(p.kind + (magnitude > 1));
            }
            place_done(coder, &s, n, (uint32_t)magnitude);
        }
        if (abs(to[0]) > SIREN_LEVEL_LIMIT) return false;
        block_done(coder, block, &s, extent);
    }
    return true;
}

bool siren_coefficients_get(siren_coefficients *coder, siren_range_decoder *decoder, int32_t *levels,
                            uint8_t *kinds) {
    return get_component(coder, decoder, levels, kinds);
}
