#include "engine/predictive/context_coder.h"

#include <stdlib.h>
#include <string.h>

#include "engine/predictive/classes.h"
#include "engine/predictive/logistic.h"

enum { EXACT = 0, SIGN_OF_MISS = 1, SIGN = 2, MORE = 3, FIRST = 16, SECOND = 28, THIRD = 46, N_NODES = 64 };
#define MOST_MORE 12
#define MOST_FIRST 11
#define MOST_SECOND 8

#define N_LEVELS 16
#define N_COARSE 32
#define N_FRACTIONS 21
enum { BY_SCALE, BY_LEVEL, BY_SIGNS, BY_PAST, BY_FRACTION, BY_NEIGHBOURS, BY_REFERENCE, N_TABLES };
static const unsigned n_contexts[N_TABLES] = {2 * N_COARSE, N_COARSE *N_LEVELS,     N_COARSE * 9,
                                              N_COARSE * 5, N_FRACTIONS *SIREN_ONE, N_COARSE * 25,
                                              N_COARSE * 25};
#define N_EXPERTS 3 /* the network's and two of scale tables */
#define N_SCALES (64 * N_LEVELS)
#define N_INPUTS (N_TABLES + N_EXPERTS + 1)
#define LARGEST_MIX (1 << 20)
#define N_SETS 2

typedef struct {
    int32_t weights[N_INPUTS];
    uint32_t seen;
} bit_mixer;

struct siren_context_coder {
    siren_lattice *lattice;
    const siren_context_network *network;
    siren_range_encoder *encoder;
    siren_range_decoder *decoder;
    siren_features *features;
    int32_t *errors, *previous; /* (volume) of the network's mean, in 1/16 */
    siren_bit_model (*models[N_TABLES])[N_NODES];
    bit_mixer mixers[N_SETS][64][N_NODES];
    siren_error_scale scales[2][N_SCALES];
    siren_logistic tables;
    siren_mixture_tables mixing;
    siren_bit_model *at[N_TABLES];
    unsigned set[N_SETS];
    siren_mixture mixture;
    int64_t inverse[2];
    int64_t center;
    bool down;
};

void siren_context_coder_free(siren_context_coder *coder) {
    if (!coder) return;
    siren_features_free(coder->features);
    free(coder->errors);
    free(coder->previous);
    for (size_t i = 0; i < N_TABLES; i++) free(coder->models[i]);
    free(coder);
}

siren_status siren_context_coder_create(siren_lattice *lattice, const siren_context_network *network,
                                        siren_range_encoder *encoder, siren_range_decoder *decoder,
                                        siren_context_coder **out) {
    SIREN_AT_END(siren_context_coder_free_at) siren_context_coder *coder = NULL;
    size_t n = (size_t)lattice->volume;
    SIREN_TRY(siren_allocate(&coder, 1, sizeof *coder, "the context coder"));
    coder->lattice = lattice;
    coder->network = network;
    coder->encoder = encoder;
    coder->decoder = decoder;
    SIREN_TRY(siren_features_create(lattice, &coder->features));
    SIREN_TRY(siren_allocate(&coder->errors, n, sizeof *coder->errors, "the context coder"));
    SIREN_TRY(siren_allocate(&coder->previous, n, sizeof *coder->previous, "the context coder"));
    for (size_t i = 0; i < N_TABLES; i++) {
        SIREN_TRY(
            siren_allocate(&coder->models[i], n_contexts[i], sizeof *coder->models[i], "the context coder"));
        for (size_t c = 0; c < n_contexts[i]; c++) {
            siren_bit_models_begin(coder->models[i][c], N_NODES);
            for (size_t node = 0; node < N_NODES; node++) coder->models[i][c][node].seen = 3;
        }
    }
    for (size_t s = 0; s < N_SETS; s++)
        for (size_t c = 0; c < 64; c++)
            for (size_t node = 0; node < N_NODES; node++)
                for (size_t i = 0; i < N_INPUTS - 1; i++)
                    coder->mixers[s][c][node].weights[i] = i == N_TABLES ? 65536 : 0;
    siren_logistic_fill(&coder->tables);
    siren_mixture_fill(&coder->mixing);
    *out = SIREN_TAKE(coder);
    return SIREN_OK;
}

const uint32_t *siren_context_coder_noise(const siren_context_coder *coder) { return coder->features->noise; }

typedef struct {
    uint32_t of[N_EXPERTS];
} masses;

/* Nothing lies below 0 or above the largest value: distributions end there. */
static inline masses beyond(const siren_context_coder *coder, int64_t m) {
    masses tail;
    int64_t first =
        coder->down ? coder->center - m + 1 : coder->center + m; /* values from here on are above */
    bool none = first > coder->lattice->largest, all = first <= 0;
    int64_t edge = first * 256 - 128, d = edge - coder->mixture.mean;
    tail.of[0] = siren_mixture_above(&coder->mixing, &coder->mixture, edge);
    for (size_t e = 0; e < 2; e++)
        tail.of[1 + e] = siren_squash(&coder->tables, -(d * coder->inverse[e] >> 24)) << 8;
    for (size_t e = 0; e < N_EXPERTS; e++) {
        if (none || all) tail.of[e] = all ? SIREN_MIXTURE_WHOLE : 0;
        if (coder->down) tail.of[e] = SIREN_MIXTURE_WHOLE - tail.of[e];
    }
    return tail;
}

static inline masses without(masses a, masses b) {
    for (size_t e = 0; e < N_EXPERTS; e++) a.of[e] -= b.of[e] < a.of[e] ? b.of[e] : a.of[e];
    return a;
}

static const masses everything = {{1 << 24, 1 << 24, 1 << 24}}, nothing = {{0, 0, 0}};

static inline bool code_bit(siren_context_coder *coder, unsigned node, masses part, masses whole, bool bit,
                            const bool decoding) {
    int32_t inputs[N_INPUTS];
    for (size_t i = 0; i < N_TABLES; i++)
        inputs[i] = coder->tables.stretch[siren_bit_model_probability(&coder->at[i][node]) >> 4];
    for (size_t e = 0; e < N_EXPERTS; e++) {
        uint32_t rest = whole.of[e] - (part.of[e] < whole.of[e] ? part.of[e] : whole.of[e]);
        uint32_t least = e == 0 ? 4 : 128;
        int32_t x = (siren_mixture_log(&coder->mixing, part.of[e] + least) -
                     siren_mixture_log(&coder->mixing, rest + least)) *
                        11357 >>
                    16;
        inputs[N_TABLES + e] = x < -SIREN_STRETCH_LIMIT  ? -SIREN_STRETCH_LIMIT
                               : x > SIREN_STRETCH_LIMIT ? SIREN_STRETCH_LIMIT
                                                         : x;
    }
    inputs[N_INPUTS - 1] = 256;
    int64_t all = 0;
    uint32_t ps[N_SETS];
    for (size_t s = 0; s < N_SETS; s++) {
        const bit_mixer *mixer = &coder->mixers[s][coder->set[s]][node];
        int64_t sum = 0;
        for (size_t i = 0; i < N_INPUTS; i++) sum += (int64_t)inputs[i] * mixer->weights[i];
        sum >>= 16;
        sum = sum < -SIREN_STRETCH_LIMIT  ? -SIREN_STRETCH_LIMIT
              : sum > SIREN_STRETCH_LIMIT ? SIREN_STRETCH_LIMIT
                                          : sum;
        ps[s] = siren_squash(&coder->tables, sum);
        all += sum;
    }
    uint32_t p = siren_squash(&coder->tables, all / N_SETS);
    p = p < 32 ? 32 : p > 65504 ? 65504 : p;
    if (decoding)
        bit = siren_range_get(coder->decoder, p);
    else
        siren_range_put(coder->encoder, p, bit);
    for (size_t s = 0; s < N_SETS; s++) {
        bit_mixer *mixer = &coder->mixers[s][coder->set[s]][node];
        int32_t error = (bit ? 65535 : 0) - (int32_t)ps[s];
        int shift = mixer->seen < 64 ? 15 : mixer->seen < 512 ? 16 : 17;
        mixer->seen += mixer->seen < 512;
        for (size_t i = 0; i < N_INPUTS; i++) {
            int32_t weight = mixer->weights[i] + ((inputs[i] * error + (1 << (shift - 1))) >> shift);
            mixer->weights[i] = weight < -LARGEST_MIX  ? -LARGEST_MIX
                                : weight > LARGEST_MIX ? LARGEST_MIX
                                                       : weight;
        }
    }
    for (size_t i = 0; i < N_TABLES; i++) siren_bit_model_update(&coder->at[i][node], bit);
    return bit;
}

static inline bool code_even_bit(siren_context_coder *coder, bool bit, const bool decoding) {
    if (decoding) return siren_range_get(coder->decoder, 32768);
    siren_range_put(coder->encoder, 32768, bit);
    return bit;
}

static inline int64_t code_magnitude(siren_context_coder *coder, unsigned k, int64_t most, int64_t m,
                                     const bool decoding) {
    masses low = beyond(coder, 0), high = nothing;
    int64_t begin = 0;
    unsigned cell = 0, width = k;
    for (int64_t end; (end = begin + ((int64_t)1 << width)) <= most; cell++) {
        high = beyond(coder, end);
        if (!code_bit(coder, MORE + siren_at_most(cell, MOST_MORE), high, low, m >= end, decoding)) break;
        low = high;
        high = nothing;
        begin = end;
        if (cell > 0) width++;
    }
    unsigned node = FIRST + siren_at_most(cell, MOST_FIRST);
    for (unsigned depth = 0; width > 0; depth++) {
        width--;
        int64_t middle = begin + ((int64_t)1 << width);
        if (middle > most) continue;
        bool bit = m >= middle;
        if (depth < 3) {
            masses at = beyond(coder, middle);
            bit = code_bit(coder, node, without(at, high), without(low, high), bit, decoding);
            if (bit)
                low = at;
            else
                high = at;
            node = (depth == 0 ? SECOND : THIRD) + siren_at_most(cell, MOST_SECOND) * 2 + bit;
        } else
            bit = code_even_bit(coder, bit, decoding);
        if (bit) begin = middle;
    }
    return begin;
}

static inline int64_t code_value(siren_context_coder *coder, unsigned k, int64_t value, const bool decoding) {
    int64_t largest = coder->lattice->largest, center = (coder->mixture.mean + 128) >> 8;
    bool above = value >= center;
    coder->center = center;
    coder->down = false;
    masses from_center = beyond(coder, 0);
    if (k == 0) {
        masses from_next = beyond(coder, 1), here = without(from_center, from_next);
        if (code_bit(coder, EXACT, here, everything, value == center, decoding)) return center;
        if (center == 0)
            above = true;
        else if (center == largest)
            above = false;
        else
            above = code_bit(coder, SIGN_OF_MISS, from_next, without(everything, here), above, decoding);
        if (above) center++;
    } else if (center == 0)
        above = true;
    else
        above = code_bit(coder, SIGN, from_center, everything, above, decoding);
    if (above) {
        coder->center = center;
        return center + code_magnitude(coder, k, largest - center, value - center, decoding);
    }
    center--;
    coder->center = center;
    coder->down = true;
    return center - code_magnitude(coder, k, center, center - value, decoding);
}

static inline void code_volume(siren_context_coder *coder, size_t volume, siren_predictor *predictor,
                               const bool decoding) {
    siren_lattice *lattice = coder->lattice;
    siren_features *features = coder->features;
    siren_features_volume(features, volume, predictor);
    ptrdiff_t stride = lattice->stride, base = (ptrdiff_t)volume * lattice->volume;
    const int32_t *reference = predictor->n_references
                                   ? lattice->values + (ptrdiff_t)predictor->references[0] * lattice->volume
                                   : lattice->values + base - stride - 1;
    int32_t *swap = coder->previous;
    coder->previous = coder->errors;
    coder->errors = swap;
    memset(coder->errors, 0, (size_t)lattice->volume * sizeof *coder->errors);
    for (size_t z = 0; z < lattice->nz; z++) {
        siren_lattice_begin_plane(lattice, volume, z, volume ? volume - 1 : 0);
        for (size_t y = 0; y < lattice->ny; y++) {
            ptrdiff_t row = siren_lattice_at(lattice, 0, z, y);
            int32_t *values = lattice->values + base + row;
            siren_lattice_begin_row(values, stride);
            for (size_t x = 0; x < lattice->nx; x++) {
                int32_t *value = values + x;
                ptrdiff_t at = row + (ptrdiff_t)x;
                if (!siren_lattice_has(lattice, volume, z, y, x)) {
                    *value = siren_lattice_between(value, stride);
                    continue;
                }
                int16_t inputs[SIREN_FEATURES];
                int32_t outputs[SIREN_MIXTURE_OUTPUTS];
                siren_features_of(features, y, x, at, inputs);
                siren_context_evaluate(coder->network, inputs, outputs);
                siren_mixture_from(&coder->mixing, outputs, features->predicted * 16, features->scale,
                                   lattice->largest, &coder->mixture);
                int32_t predicted = coder->mixture.mean >> 4;
                const int32_t *error = coder->errors + at;
                unsigned level = features->level, spread = siren_log_class(coder->mixture.spread, 2, 63);
                siren_error_scale *scales[2] = {
                    &coder->scales[0][spread * N_LEVELS +
                                      siren_at_most(siren_log_class(features->near, 0, 15), 15)],
                    &coder->scales[1][siren_log_class(coder->mixture.spread, 3, 255)]};
                uint32_t expected = 0;
                for (size_t e = 0; e < 2; e++) {
                    if (scales[e]->n == 0) scales[e]->mean = coder->mixture.spread;
                    coder->inverse[e] = (int64_t)(((uint64_t)355 << 24) / (scales[e]->mean + 12));
                    expected += scales[e]->mean / 2;
                }
                unsigned fine = siren_log_class(expected / 8, 2, 2 * N_COARSE - 1), coarse = fine / 2;
                int32_t unit = (int32_t)(expected / 16) + 1;
                unsigned context[N_TABLES] = {
                    [BY_SCALE] = fine,
                    [BY_LEVEL] = coarse * N_LEVELS + level,
                    [BY_SIGNS] = coarse * 9 + siren_of_three(error[-1], unit) * 3 +
                                 siren_of_three(error[-stride], unit),
                    [BY_PAST] = coarse * 5 + siren_of_five(coder->previous[at], unit),
                    [BY_FRACTION] =
                        siren_at_most(fine, N_FRACTIONS - 1) * SIREN_ONE + (unsigned)(predicted % SIREN_ONE),
                    [BY_NEIGHBOURS] = coarse * 25 +
                                      siren_of_five(value[-1] * SIREN_ONE - predicted, unit) * 5 +
                                      siren_of_five(value[-stride] * SIREN_ONE - predicted, unit),
                    [BY_REFERENCE] = coarse * 25 +
                                     siren_of_five(reference[at] * SIREN_ONE - predicted, unit) * 5 +
                                     siren_of_five(value[-stride + 1] * SIREN_ONE - predicted, unit)};
                for (size_t i = 0; i < N_TABLES; i++) coder->at[i] = coder->models[i][context[i]];
                coder->set[0] = 0;
                coder->set[1] = coarse;
                unsigned k = expected < 2 * 256 ? 0 : 31 - (unsigned)__builtin_clz(expected / 256);
                int32_t coded = (int32_t)code_value(coder, k, *value, decoding);
                if (decoding) *value = coded;
                int32_t missed = coded * SIREN_ONE - predicted;
                coder->errors[at] = missed;
                siren_features_coded(features, at, coded);
                int32_t size = (int32_t)siren_magnitude(missed);
                for (size_t e = 0; e < 2; e++) siren_error_scale_add(scales[e], size);
            }
            siren_lattice_end_row(values, lattice->nx);
        }
        siren_lattice_end_plane(lattice, volume, z);
    }
}

void siren_context_coder_volume(siren_context_coder *coder, size_t volume, siren_predictor *predictor) {
    if (coder->decoder)
        code_volume(coder, volume, predictor, true);
    else
        code_volume(coder, volume, predictor, false);
}
