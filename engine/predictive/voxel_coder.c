#include "engine/predictive/voxel_coder.h"

#include "host/clones.h"

#include <stdlib.h>
#include <string.h>

#include "engine/predictive/classes.h"
#include "engine/predictive/logistic.h"

/* ---- state ---- */

/* The bits of a value, and how many contexts each table of models has for them. */
enum { EXACT = 0, SIGN_OF_MISS = 1, SIGN = 2, MORE = 3, FIRST = 16, SECOND = 28, N_NODES = 46 };
#define MOST_MORE 12
#define MOST_FIRST 11
#define MOST_SECOND 8

#define N_LEVELS 16
#define N_COARSE 32
#define N_NEAR 32
#define N_FRACTIONS 21
enum { BY_SCALE, BY_LEVEL, BY_SIGNS, BY_PAST, BY_FRACTION, BY_NEIGHBOURS, BY_REFERENCE, N_TABLES };
static const unsigned n_contexts[N_TABLES] = {2 * N_COARSE, N_COARSE *N_LEVELS,     N_COARSE * 9,
                                              N_COARSE * 5, N_FRACTIONS *SIREN_ONE, N_COARSE * 25,
                                              N_COARSE * 25};

#define N_EXPERTS 2
#define N_SCALES (64 * N_LEVELS)
#define N_INPUTS (N_TABLES + N_EXPERTS + 1)
#define LARGEST_MIX (1 << 20)

typedef struct {
    uint32_t mean; /* of errors, in 1/256 */
    uint32_t n;
} error_scale;

typedef struct {
    int32_t weights[N_INPUTS]; /* in 1/65536 */
    uint32_t seen;
} bit_mixer;

struct siren_voxel_coder {
    siren_lattice *lattice;
    siren_range_encoder *encoder;
    siren_range_decoder *decoder;
    uint32_t *noise;                              /* (volume) running mean of errors, in 1/16 */
    int32_t *errors;                              /* (volume) of the volume in work */
    int32_t *previous;                            /* (volume) of the one before */
    siren_bit_model (*models[N_TABLES])[N_NODES]; /* (n_contexts) */
    bit_mixer mixers[N_NODES];
    error_scale scales[N_EXPERTS][N_SCALES];
    siren_logistic tables;
    /* Of the voxel in work. */
    siren_bit_model *at[N_TABLES];
    int64_t edge;               /* distance of magnitude 0 from the prediction, in 1/16 */
    int64_t inverse[N_EXPERTS]; /* of scales, in 1/2^24 */
};

void siren_voxel_coder_free(siren_voxel_coder *coder) {
    if (!coder) return;
    free(coder->noise);
    free(coder->errors);
    free(coder->previous);
    for (size_t i = 0; i < N_TABLES; i++) free(coder->models[i]);
    free(coder);
}

siren_status siren_voxel_coder_create(siren_lattice *lattice, siren_range_encoder *encoder,
                                      siren_range_decoder *decoder, siren_voxel_coder **out) {
    SIREN_AT_END(siren_voxel_coder_free_at) siren_voxel_coder *coder = NULL;
    size_t n = (size_t)lattice->volume;
    SIREN_TRY(siren_allocate(&coder, 1, sizeof *coder, "the voxel coder"));
    coder->lattice = lattice;
    coder->encoder = encoder;
    coder->decoder = decoder;
    SIREN_TRY(siren_allocate(&coder->noise, n, sizeof *coder->noise, "the voxel coder"));
    SIREN_TRY(siren_allocate(&coder->errors, n, sizeof *coder->errors, "the voxel coder"));
    SIREN_TRY(siren_allocate(&coder->previous, n, sizeof *coder->previous, "the voxel coder"));
    for (size_t i = 0; i < N_TABLES; i++) {
        SIREN_TRY(
            siren_allocate(&coder->models[i], n_contexts[i], sizeof *coder->models[i], "the voxel coder"));
        for (size_t c = 0; c < n_contexts[i]; c++) {
            siren_bit_models_begin(coder->models[i][c], N_NODES);
            /* What few bits have told is not to be believed at once, for other inputs know more. */
            for (size_t node = 0; node < N_NODES; node++) coder->models[i][c][node].seen = 3;
        }
    }
    for (size_t node = 0; node < N_NODES; node++)
        for (size_t i = 0; i < N_TABLES + N_EXPERTS; i++) coder->mixers[node].weights[i] = 65536 / 5;
    siren_logistic_fill(&coder->tables);
    *out = SIREN_TAKE(coder);
    return SIREN_OK;
}

const uint32_t *siren_voxel_coder_noise(const siren_voxel_coder *coder) { return coder->noise; }

/* ---- one bit ---- */

/* What lies beyond a magnitude, in 1/65536, as each expert has it: a logistic distribution around the prediction. */
typedef struct {
    uint32_t of[N_EXPERTS];
} masses;

static inline masses beyond(const siren_voxel_coder *coder, int64_t m) {
    masses tail;
    for (size_t e = 0; e < N_EXPERTS; e++)
        tail.of[e] = siren_squash(&coder->tables, -((coder->edge + m * SIREN_ONE) * coder->inverse[e] >> 24));
    return tail;
}

static inline masses without(masses a, masses b) {
    for (size_t e = 0; e < N_EXPERTS; e++) a.of[e] -= b.of[e] < a.of[e] ? b.of[e] : a.of[e];
    return a;
}

static const masses everything = {{65536, 65536}}, nothing = {{0, 0}};

/* `bit` of a node, of which the experts say that its mass is `part` of `whole`. */
static inline bool code_bit(siren_voxel_coder *coder, unsigned node, masses part, masses whole, bool bit,
                            const bool decoding) {
    int32_t inputs[N_INPUTS];
    int64_t sum = 0;
    bit_mixer *mixer = &coder->mixers[node];
    for (size_t i = 0; i < N_TABLES; i++)
        inputs[i] = coder->tables.stretch[siren_bit_model_probability(&coder->at[i][node]) >> 4];
    for (size_t e = 0; e < N_EXPERTS; e++)
        inputs[N_TABLES + e] = coder->tables.stretch[(part.of[e] + 1) * 4095 / (whole.of[e] + 2)];
    inputs[N_INPUTS - 1] = 256;
    for (size_t i = 0; i < N_INPUTS; i++) sum += (int64_t)inputs[i] * mixer->weights[i];
    uint32_t p = siren_squash(&coder->tables, sum >> 16);
    p = p < 32 ? 32 : p > 65504 ? 65504 : p;
    if (decoding)
        bit = siren_range_get(coder->decoder, p);
    else
        siren_range_put(coder->encoder, p, bit);
    int32_t error = (bit ? 65535 : 0) - (int32_t)p;
    int shift = mixer->seen < 64 ? 13 : mixer->seen < 512 ? 14 : 15;
    mixer->seen += mixer->seen < 512;
    for (size_t i = 0; i < N_INPUTS; i++) {
        int32_t weight = mixer->weights[i] + ((inputs[i] * error + (1 << (shift - 1))) >> shift);
        mixer->weights[i] = weight < -LARGEST_MIX  ? -LARGEST_MIX
                            : weight > LARGEST_MIX ? LARGEST_MIX
                                                   : weight;
    }
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
static inline int64_t code_magnitude(siren_voxel_coder *coder, unsigned k, int64_t most, int64_t m,
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
        if (depth < 2) {
            masses at = beyond(coder, middle);
            bit = code_bit(coder, node, without(at, high), without(low, high), bit, decoding);
            if (bit)
                low = at;
            else
                high = at;
            node = SECOND + siren_at_most(cell, MOST_SECOND) * 2 + bit;
        } else
            bit = code_even_bit(coder, bit, decoding);
        if (bit) begin = middle;
    }
    return begin;
}

/* A value near its prediction (in 1/16), the expected error being about 2^k. */
static inline int64_t code_value(siren_voxel_coder *coder, int64_t predicted, unsigned k, int64_t value,
                                 const bool decoding) {
    int64_t largest = coder->lattice->largest, center = (predicted + SIREN_ONE / 2) >> SIREN_FRACTION_BITS;
    bool above = value >= center;
    coder->edge = center * SIREN_ONE - SIREN_ONE / 2 - predicted;
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
        coder->edge = center * SIREN_ONE - SIREN_ONE / 2 - predicted;
        return center + code_magnitude(coder, k, largest - center, value - center, decoding);
    }
    center--;
    coder->edge = predicted - center * SIREN_ONE - SIREN_ONE / 2;
    return center - code_magnitude(coder, k, center, center - value, decoding);
}

static inline int64_t predict(const siren_predictor *predictor, const int32_t *const *terms, ptrdiff_t at,
                              int64_t largest) {
    int64_t sum = SIREN_PREDICTOR_CONSTANT * (int64_t)predictor->weights[predictor->n_terms];
    for (size_t i = 0; i < predictor->n_terms; i++) sum += (int64_t)predictor->weights[i] * terms[i][at];
    sum = (sum * SIREN_ONE) >> SIREN_WEIGHT_BITS;
    return sum < 0 ? 0 : sum > largest * SIREN_ONE ? largest * SIREN_ONE : sum;
}

static inline void code_volume(siren_voxel_coder *coder, size_t volume, siren_predictor *predictor,
                               const bool decoding) {
    siren_lattice *lattice = coder->lattice;
    const int32_t *terms[SIREN_PREDICTOR_TERMS];
    siren_predictor_terms(lattice, volume, predictor, terms);
    ptrdiff_t stride = lattice->stride, base = (ptrdiff_t)volume * lattice->volume;
    /* Where there is no other volume, the voxel above and to the left. */
    const int32_t *reference = predictor->n_references
                                   ? lattice->values + (ptrdiff_t)predictor->references[0] * lattice->volume
                                   : lattice->values + base - stride - 1;
    int32_t *swap = coder->previous;
    coder->previous = coder->errors;
    coder->errors = swap;
    memset(coder->errors, 0, (size_t)lattice->volume * sizeof *coder->errors);
    const int32_t rate = volume < 7 ? (int32_t)volume + 1 : 8;
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
                int32_t predicted = (int32_t)predict(predictor, terms, at, lattice->largest);

                /* How large errors are near this voxel, and were here in volumes before. */
                const int32_t *error = coder->errors + at;
                uint32_t *noise = coder->noise + at;
                uint32_t near = (2 * siren_magnitude(error[-1]) + 2 * siren_magnitude(error[-stride]) +
                                 siren_magnitude(error[-stride - 1]) + siren_magnitude(error[-stride + 1]) +
                                 siren_magnitude(error[-2]) + siren_magnitude(error[-2 * stride])) /
                                8;
                uint32_t before =
                    volume == 0 ? near
                                : (4 * noise[0] + noise[-1] + noise[1] + noise[-stride] + noise[stride]) / 8;
                unsigned level = siren_log_class((uint32_t)predicted / 8, 0, N_LEVELS - 1);
                if (value[-1] == 0 && value[-stride] == 0 && reference[at] == 0) level = 0;
                error_scale *scales[N_EXPERTS] = {
                    &coder->scales[0][siren_log_class(near, 1, N_NEAR - 1) * N_NEAR +
                                      siren_log_class(before, 1, N_NEAR - 1)],
                    &coder->scales[1][siren_log_class((near + before) / 2, 2, 63) * N_LEVELS + level]};
                uint32_t expected = 0;
                for (size_t e = 0; e < N_EXPERTS; e++) {
                    if (scales[e]->n == 0) scales[e]->mean = (near + before) * 8;
                    coder->inverse[e] = (int64_t)(((uint64_t)355 << 28) / (scales[e]->mean + 12));
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
                unsigned k = expected < 2 * 256 ? 0 : 31 - (unsigned)__builtin_clz(expected / 256);
                int32_t coded = (int32_t)code_value(coder, predicted, k, *value, decoding);
                if (decoding) *value = coded;

                int32_t missed = coded * SIREN_ONE - predicted;
                coder->errors[at] = missed;
                int32_t size = (int32_t)siren_magnitude(missed);
                *noise += (uint32_t)((size - (int32_t)*noise) / rate);
                for (size_t e = 0; e < N_EXPERTS; e++) {
                    scales[e]->n += scales[e]->n < 63;
                    scales[e]->mean +=
                        (uint32_t)((size * 16 - (int32_t)scales[e]->mean) / (int32_t)scales[e]->n);
                }
            }
            siren_lattice_end_row(values, lattice->nx);
        }
        siren_lattice_end_plane(lattice, volume, z);
    }
}

/* Integers alone: every level of the processor has the same bits. */
SIREN_CLONES static void encode_volume(siren_voxel_coder *coder, size_t volume, siren_predictor *predictor) {
    code_volume(coder, volume, predictor, false);
}
SIREN_CLONES static void decode_volume(siren_voxel_coder *coder, size_t volume, siren_predictor *predictor) {
    code_volume(coder, volume, predictor, true);
}

void siren_voxel_coder_volume(siren_voxel_coder *coder, size_t volume, siren_predictor *predictor) {
    (coder->decoder ? decode_volume : encode_volume)(coder, volume, predictor);
}
