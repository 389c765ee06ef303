#include "engine/predictive/voxel_coder.h"

#include <stdlib.h>
#include <string.h>

#define FRACTION 4 /* bits of predictions and errors below one */
#define ONE (1 << FRACTION)

/* ---- tables ---- */

/* 65536 / (1 + exp(-x / 2)) for x = -16 ... 16. */
static const uint16_t logistic_points[33] = {22,    36,    60,    99,    162,   267,   439,   720,   1179,  1922,  3108,
                                             4971,  7812,  11970, 17625, 24743, 32768, 40793, 47911, 53566, 57724, 60565,
                                             62428, 63614, 64357, 64816, 65097, 65269, 65374, 65437, 65476, 65500, 65514};

#define STRETCH_LIMIT 2047

typedef struct {
    uint16_t squash[2 * STRETCH_LIMIT + 2]; /* of x / 256 */
    int16_t stretch[4096];
} siren_logistic;

static void fill_logistic(siren_logistic *tables) {
    for (int x = -STRETCH_LIMIT - 1; x <= STRETCH_LIMIT; x++) {
        int at = (x + 2048) >> 7, part = (x + 2048) & 127;
        tables->squash[x + STRETCH_LIMIT + 1] =
            (uint16_t)((logistic_points[at] * (128 - part) + logistic_points[at + 1] * part + 64) >> 7);
    }
    int next = 0;
    for (int x = -STRETCH_LIMIT; x <= STRETCH_LIMIT; x++)
        for (int p = tables->squash[x + STRETCH_LIMIT + 1] >> 4; next <= p; next++) tables->stretch[next] = (int16_t)x;
    while (next < 4096) tables->stretch[next++] = STRETCH_LIMIT;
}

/* ---- state ---- */

#define N_NODES 48
#define N_TABLES 5
#define N_CLASSES 64
#define N_EXPERTS 2
#define N_INPUTS (N_TABLES + N_EXPERTS + 1)
#define N_SCALES 1024
#define N_CONTEXTS 1024

enum { ZERO = 0, SIGN_FINE = 1, SIGN = 2, MORE = 3, FIRST = 16, SECOND = 28 };

typedef struct {
    uint32_t mean; /* of errors, in 1/256 */
    uint32_t n;
} siren_scale;

struct siren_voxel_coder {
    siren_lattice *lattice;
    siren_range_encoder *encoder;
    siren_range_decoder *decoder;
    uint32_t *noise;   /* (volume) running mean of errors, in 1/16 */
    int32_t *errors;   /* (volume) of the volume in work */
    int32_t *previous; /* (volume) of the one before */
    siren_scale scales[N_EXPERTS][N_SCALES];
    siren_logistic tables;
    siren_bit_model (*models)[N_CONTEXTS][N_NODES]; /* (N_TABLES) */
    struct {
        int32_t weights[N_INPUTS];
        uint32_t seen;
    } mixers[N_NODES][8];
    /* Of the voxel in work. */
    siren_bit_model *at[N_TABLES];
    int64_t edge[N_EXPERTS]; /* distance of magnitude 0 from the prediction */
    int64_t inverse[N_EXPERTS]; /* of scales, in 1/2^24 */
    unsigned mixer;
};

void siren_voxel_coder_free(siren_voxel_coder *coder) {
    if (!coder) return;
    free(coder->noise);
    free(coder->errors);
    free(coder->previous);
    free(coder->models);
    free(coder);
}

siren_status siren_voxel_coder_create(siren_lattice *lattice, siren_range_encoder *encoder, siren_range_decoder *decoder,
                                      siren_voxel_coder **out) {
    siren_status status = SIREN_OK;
    siren_voxel_coder *coder = NULL;
    size_t n = (size_t)lattice->volume;
    SIREN_TRY(siren_allocate(&coder, 1, sizeof *coder, "the voxel coder"));
    coder->lattice = lattice;
    coder->encoder = encoder;
    coder->decoder = decoder;
    SIREN_TRY(siren_allocate(&coder->noise, n, sizeof *coder->noise, "the voxel coder"));
    SIREN_TRY(siren_allocate(&coder->errors, n, sizeof *coder->errors, "the voxel coder"));
    SIREN_TRY(siren_allocate(&coder->previous, n, sizeof *coder->previous, "the voxel coder"));
    SIREN_TRY(siren_allocate(&coder->models, N_TABLES, sizeof *coder->models, "the voxel coder"));
    siren_bit_models_begin(&coder->models[0][0][0], (size_t)N_TABLES * N_CONTEXTS * N_NODES);
    for (size_t node = 0; node < N_NODES; node++)
        for (size_t set = 0; set < 8; set++)
            for (size_t i = 0; i < N_INPUTS; i++) coder->mixers[node][set].weights[i] = i < N_INPUTS - 1 ? 65536 / 5 : 0;
    fill_logistic(&coder->tables);
    *out = coder;
    coder = NULL;
done:
    siren_voxel_coder_free(coder);
    return status;
}

const uint32_t *siren_voxel_coder_noise(const siren_voxel_coder *coder) { return coder->noise; }

/* ---- one bit ---- */

static inline uint32_t squash(const siren_voxel_coder *coder, int64_t x) {
    x = x < -STRETCH_LIMIT ? -STRETCH_LIMIT : x > STRETCH_LIMIT ? STRETCH_LIMIT : x;
    return coder->tables.squash[x + STRETCH_LIMIT + 1];
}

/* An expert's mass beyond magnitude m, in 1/65536. */
static inline uint32_t tail(const siren_voxel_coder *coder, size_t expert, int64_t m) {
    int64_t distance = coder->edge[expert] + m * ONE;
    return squash(coder, -(distance * coder->inverse[expert] >> 24));
}

/* `bit` of this node, which an expert gives the probability parts[e] / wholes[e]. */
static inline bool code_bit(siren_voxel_coder *coder, unsigned node, const uint32_t parts[N_EXPERTS],
                            const uint32_t wholes[N_EXPERTS], bool bit, const bool decoding) {
    int32_t inputs[N_INPUTS];
    int64_t sum = 0;
    int32_t *weights = coder->mixers[node][coder->mixer].weights;
    for (size_t i = 0; i < N_TABLES; i++)
        inputs[i] = coder->tables.stretch[siren_bit_model_probability(&coder->at[i][node]) >> 4];
    for (size_t e = 0; e < N_EXPERTS; e++)
        inputs[N_TABLES + e] = coder->tables.stretch[(((uint64_t)parts[e] + 1) * 4095) / ((uint64_t)wholes[e] + 2)];
    inputs[N_INPUTS - 1] = 256;
    for (size_t i = 0; i < N_INPUTS; i++) sum += (int64_t)inputs[i] * weights[i];
    uint32_t p = squash(coder, sum >> 16);
    p = p < 32 ? 32 : p > 65504 ? 65504 : p;
    if (decoding)
        bit = siren_range_get(coder->decoder, p);
    else
        siren_range_put(coder->encoder, p, bit);
    uint32_t *seen = &coder->mixers[node][coder->mixer].seen;
    int32_t error = (bit ? 65535 : 0) - (int32_t)p;
    int shift = *seen < 64 ? 12 : *seen < 512 ? 13 : 14;
    *seen += 1;
    for (size_t i = 0; i < N_INPUTS; i++)
        weights[i] += (int32_t)(((int64_t)inputs[i] * error + (1 << (shift - 1))) >> shift);
    for (size_t i = 0; i < N_TABLES; i++) siren_bit_model_update(&coder->at[i][node], bit);
    return bit;
}

static inline bool code_even_bit(siren_voxel_coder *coder, bool bit, const bool decoding) {
    if (decoding) return siren_range_get(coder->decoder, 32768);
    siren_range_put(coder->encoder, 32768, bit);
    return bit;
}

/* ---- one voxel ---- */

/* m, 0 to `most`, in cells of width w, w, 2w, 4w ... with w = 2^k. */
static inline int64_t code_magnitude(siren_voxel_coder *coder, unsigned k, int64_t most, int64_t m, const bool decoding) {
    uint32_t low[N_EXPERTS], high[N_EXPERTS] = {0}, parts[N_EXPERTS];
    int64_t begin = 0, end = (int64_t)1 << k;
    unsigned cell = 0, width = k;
    for (size_t e = 0; e < N_EXPERTS; e++) low[e] = tail(coder, e, 0);
    for (;; cell++) {
        if (end > most) {
            memset(high, 0, sizeof high);
            break;
        }
        for (size_t e = 0; e < N_EXPERTS; e++) high[e] = tail(coder, e, end);
        if (!code_bit(coder, MORE + (cell < 12 ? cell : 12), high, low, m >= end, decoding)) break;
        memcpy(low, high, sizeof low);
        width = cell == 0 ? k : width + 1;
        begin = end;
        end += (int64_t)1 << width;
    }
    unsigned node = FIRST + (cell < 11 ? cell : 11);
    for (unsigned depth = 0; width > 0; depth++) {
        width--;
        int64_t middle = begin + ((int64_t)1 << width);
        bool bit = false;
        if (middle <= most) {
            if (depth < 2) {
                uint32_t wholes[N_EXPERTS];
                for (size_t e = 0; e < N_EXPERTS; e++) {
                    uint32_t at = tail(coder, e, middle);
                    parts[e] = at - (high[e] < at ? high[e] : at);
                    wholes[e] = low[e] - (high[e] < low[e] ? high[e] : low[e]);
                    if (parts[e] > wholes[e]) parts[e] = wholes[e];
                }
                bit = code_bit(coder, node, parts, wholes, m >= middle, decoding);
                for (size_t e = 0; e < N_EXPERTS; e++) {
                    uint32_t at = tail(coder, e, middle);
                    if (bit)
                        low[e] = at;
                    else
                        high[e] = at;
                }
                node = SECOND + (cell < 8 ? cell : 8) * 2 + bit;
            } else
                bit = code_even_bit(coder, m >= middle, decoding);
        }
        if (bit) begin = middle;
    }
    return begin;
}

/* `value` around `center`, the expected error being about 2^k. */
static inline int64_t code_value(siren_voxel_coder *coder, const int64_t predicted[N_EXPERTS], int64_t center, unsigned k,
                                 int64_t largest, int64_t value, const bool decoding) {
    uint32_t parts[N_EXPERTS], wholes[N_EXPERTS];
    bool above;
    if (k == 0) {
        for (size_t e = 0; e < N_EXPERTS; e++) {
            coder->edge[e] = center * ONE - ONE / 2 - predicted[e];
            uint32_t low = tail(coder, e, 0), high = tail(coder, e, 1);
            parts[e] = low - high;
            wholes[e] = 65536;
        }
        if (code_bit(coder, ZERO, parts, wholes, value == center, decoding)) return center;
        for (size_t e = 0; e < N_EXPERTS; e++) {
            wholes[e] = 65536 - parts[e];
            parts[e] = tail(coder, e, 1);
        }
        above = value > center;
        if (center == 0)
            above = true;
        else if (center == largest)
            above = false;
        else
            above = code_bit(coder, SIGN_FINE, parts, wholes, above, decoding);
        if (above) center++;
    } else {
        above = value >= center;
        for (size_t e = 0; e < N_EXPERTS; e++) {
            coder->edge[e] = center * ONE - ONE / 2 - predicted[e];
            parts[e] = tail(coder, e, 0);
            wholes[e] = 65536;
        }
        if (center == 0)
            above = true;
        else
            above = code_bit(coder, SIGN, parts, wholes, above, decoding);
    }
    if (above) {
        for (size_t e = 0; e < N_EXPERTS; e++) coder->edge[e] = center * ONE - ONE / 2 - predicted[e];
        return center + code_magnitude(coder, k, largest - center, value - center, decoding);
    }
    center--;
    for (size_t e = 0; e < N_EXPERTS; e++) coder->edge[e] = predicted[e] - center * ONE - ONE / 2;
    return center - code_magnitude(coder, k, center, center - value, decoding);
}

/* 0 for 0, then `steps` classes for each doubling. */
static inline unsigned log_class(uint32_t x, unsigned bits) {
    if (x == 0) return 0;
    unsigned exponent = 31 - (unsigned)__builtin_clz(x);
    uint32_t part = exponent >= bits ? x >> (exponent - bits) : x << (bits - exponent);
    return 1 + (exponent << bits) + (part & ((1u << bits) - 1));
}

static inline unsigned at_most(unsigned x, unsigned most) { return x < most ? x : most; }
static inline uint32_t magnitude(int32_t x) { return x < 0 ? 0u - (uint32_t)x : (uint32_t)x; }

static inline void code_volume(siren_voxel_coder *coder, size_t volume, siren_predictor *predictor, const bool decoding) {
    siren_lattice *lattice = coder->lattice;
    const int32_t *terms[SIREN_PREDICTOR_TERMS];
    siren_predictor_terms(lattice, volume, predictor, terms);
    size_t n_terms = predictor->n_terms;
    ptrdiff_t stride = lattice->stride, base = (ptrdiff_t)volume * lattice->volume;
    /* Where there is no other volume, the voxel above and to the left. */
    const int32_t *reference = predictor->n_references
                                   ? lattice->values + (ptrdiff_t)predictor->references[0] * lattice->volume
                                   : lattice->values + base - stride - 1;
    int64_t largest = lattice->largest;
    int32_t *swap = coder->previous;
    coder->previous = coder->errors;
    coder->errors = swap;
    memset(coder->errors, 0, (size_t)lattice->volume * sizeof *coder->errors);
    const unsigned rate = volume < 7 ? (unsigned)volume + 1 : 8;
    for (size_t z = 0; z < lattice->nz; z++) {
        siren_lattice_begin_plane(lattice, volume, z, volume ? volume - 1 : 0);
        for (size_t y = 0; y < lattice->ny; y++) {
            ptrdiff_t row = siren_lattice_at(lattice, 0, z, y);
            int32_t *values = lattice->values + base + row;
            siren_lattice_begin_row(values, stride);
            for (size_t x = 0; x < lattice->nx; x++) {
                int32_t *value = values + x;
                ptrdiff_t at = row + (ptrdiff_t)x;
                if (!siren_lattice_has(lattice, z, y, x)) {
                    *value = siren_lattice_outside(value, stride);
                    continue;
                }
                int64_t sum = 8 * (int64_t)predictor->weights[n_terms];
                for (size_t i = 0; i < n_terms; i++) sum += (int64_t)predictor->weights[i] * terms[i][at];
                int64_t predicted = sum >> (SIREN_WEIGHT_BITS - FRACTION);
                predicted = predicted < 0 ? 0 : predicted > largest * ONE ? largest * ONE : predicted;

                const int32_t *error = coder->errors + at;
                uint32_t *noise = coder->noise + at;
                uint32_t near = (2 * magnitude(error[-1]) + 2 * magnitude(error[-stride]) + magnitude(error[-stride - 1]) +
                                 magnitude(error[-stride + 1]) + magnitude(error[-2]) + magnitude(error[-2 * stride])) >> 3;
                uint32_t before = volume == 0 ? near : (4 * noise[0] + noise[-1] + noise[1] + noise[-stride] + noise[stride]) >> 3;
                unsigned near_class = at_most(log_class(near, 1), 31), before_class = at_most(log_class(before, 1), 31);
                unsigned level = at_most(log_class((uint32_t)(predicted >> 3), 0), 15);
                if (value[-1] == 0 && value[-stride] == 0 && reference[at] == 0) level = 0;
                siren_scale *scales[N_EXPERTS] = {
                    &coder->scales[0][near_class * 32 + before_class],
                    &coder->scales[1][at_most(log_class((near + before) >> 1, 2), 63) * 16 + level]};
                int64_t experts[N_EXPERTS];
                uint32_t expected = 0;
                for (size_t e = 0; e < N_EXPERTS; e++) {
                    if (scales[e]->n == 0) scales[e]->mean = (near + before) << 3;
                    experts[e] = predicted;
                    coder->inverse[e] = (int64_t)(((uint64_t)355 << 28) / (scales[e]->mean + 12));
                    expected += scales[e]->mean >> 1;
                }
                unsigned fine = at_most(log_class(expected >> 3, 2), 63), coarse = fine >> 1;
                unsigned k = expected < 2 * 256 ? 0 : 31 - (unsigned)__builtin_clz(expected >> 8);
                int32_t limit = (int32_t)(expected >> 5); /* half of what is expected, in 1/16 */
                unsigned west = error[-1] > limit ? 2 : error[-1] < -limit ? 0 : 1;
                unsigned north = error[-stride] > limit ? 2 : error[-stride] < -limit ? 0 : 1;
                int32_t last = coder->previous[at];
                unsigned past = last > 2 * limit ? 4 : last > limit ? 3 : last < -2 * limit ? 0 : last < -limit ? 1 : 2;
                coder->at[0] = coder->models[0][fine];
                coder->at[1] = coder->models[1][coarse * 16 + level];
                coder->at[2] = coder->models[2][coarse * 9 + west * 3 + north];
                coder->at[3] = coder->models[3][coarse * 5 + past];
                coder->at[4] = coder->models[4][at_most((unsigned)(predicted & (ONE - 1)) + at_most(fine, 20) * 16, 1023)];
                coder->mixer = at_most(fine >> 3, 7);
                int64_t center = (predicted + ONE / 2) >> FRACTION;
                int64_t coded = code_value(coder, experts, center, k, largest, *value, decoding);
                if (decoding) *value = (int32_t)coded;

                int32_t missed = (int32_t)(coded * ONE - predicted);
                uint32_t size = magnitude(missed);
                coder->errors[at] = missed;
                *noise += (uint32_t)(((int32_t)size - (int32_t)*noise) / (int32_t)rate);
                for (size_t e = 0; e < N_EXPERTS; e++) {
                    uint32_t n = scales[e]->n < 63 ? ++scales[e]->n : 63;
                    scales[e]->mean += (uint32_t)(((int64_t)size * 16 - scales[e]->mean) / n);
                }
            }
            siren_lattice_end_row(values, lattice->nx);
        }
        siren_lattice_end_plane(lattice, volume, z);
    }
}

void siren_voxel_coder_volume(siren_voxel_coder *coder, size_t volume, siren_predictor *predictor) {
    if (coder->decoder)
        code_volume(coder, volume, predictor, true);
    else
        code_volume(coder, volume, predictor, false);
}
