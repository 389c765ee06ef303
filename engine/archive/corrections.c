#include "engine/archive/corrections.h"

#include "engine/predictive/stored_value.h"
#include "engine/transform/mixer.h"
#include "formats/series.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CLASSES 256 /* of each vote */
#define N_STEPS 8   /* of the unary code that have models of their own */
#define UNARY_LIMIT 16
#define LARGEST 100 /* magnitude that neighbours are told */

/* ---- one value ---- */

static double value_of(siren_datatype datatype, const void *voxels, size_t i) {
    double value;
    siren_datatype_to_double(datatype, (const uint8_t *)voxels + i * siren_datatype_size(datatype), 1,
                             &value);
    return value;
}

static uint64_t integer_of(siren_datatype datatype, const void *voxels, size_t i) {
    const siren_value_map map = {.datatype = datatype, .form = SIREN_FORM_INTEGER};
    uint64_t integer = 0;
    siren_value_to_integer(&map, voxels, i, &integer);
    return integer;
}

/* What an integer type's values are as integers without sign, in their order. */
static void limits(siren_datatype datatype, uint64_t *lowest, uint64_t *highest) {
    unsigned n_bits = 8 * (unsigned)siren_datatype_size(datatype);
    bool is_signed = datatype == SIREN_INT8 || datatype == SIREN_INT16 || datatype == SIREN_INT32 ||
                     datatype == SIREN_INT64;
    uint64_t half = (uint64_t)1 << (n_bits - 1);
    *lowest = is_signed ? ((uint64_t)1 << 63) - half : 0;
    *highest = *lowest + (half - 1) + half;
}

/* The error that integers may have. */
static uint64_t whole(double bound) { return bound < 0x1p62 ? (uint64_t)bound : (uint64_t)1 << 62; }

bool siren_correction_unneeded(const siren_corrections_plan *plan, const void *wanted, const void *decoded,
                               size_t i) {
    siren_datatype datatype = plan->datatype;
    if (siren_voxel_bits(datatype, wanted, i) == siren_voxel_bits(datatype, decoded, i)) return true;
    if (siren_is_float(datatype))
        return plan->bound > 0 &&
               fabs(value_of(datatype, wanted, i) - value_of(datatype, decoded, i)) <= plan->bound;
    uint64_t a = integer_of(datatype, wanted, i), b = integer_of(datatype, decoded, i);
    return (a > b ? a - b : b - a) <= whole(plan->bound);
}

void siren_correction_apply(const siren_corrections_plan *plan, const siren_correction *correction,
                            void *voxels, size_t i) {
    siren_datatype datatype = plan->datatype;
    if (correction->exact) {
        siren_voxel_set_bits(datatype, correction->n, voxels, i);
    } else if (siren_is_float(datatype)) {
        double way = (double)correction->n * (2 * plan->bound), value = value_of(datatype, voxels, i);
        value = correction->negative ? value - way : value + way;
        if (datatype == SIREN_FLOAT32)
            ((float *)voxels)[i] = (float)value;
        else
            ((double *)voxels)[i] = value;
    } else {
        uint64_t step = 2 * whole(plan->bound) + 1, value = integer_of(datatype, voxels, i), lowest, highest;
        limits(datatype, &lowest, &highest);
        uint64_t room = correction->negative ? value - lowest : highest - value,
                 way = correction->n > room / step ? room : correction->n * step;
        const siren_value_map map = {.datatype = datatype, .form = SIREN_FORM_INTEGER};
        siren_value_from_integer(&map, correction->negative ? value - way : value + way, voxels, i);
    }
}

/* The fewest steps that bring a value within the bound. */
static siren_correction correction_of(const siren_corrections_plan *plan, const void *wanted,
                                      const void *decoded, size_t i) {
    siren_datatype datatype = plan->datatype;
    siren_correction correction = {.exact = true, .n = siren_voxel_bits(datatype, wanted, i)};
    if (!siren_is_float(datatype)) {
        uint64_t error = whole(plan->bound), a = integer_of(datatype, wanted, i),
                 b = integer_of(datatype, decoded, i), off = a < b ? b - a : a - b;
        return (siren_correction){.negative = a < b, .n = (off - error - 1) / (2 * error + 1) + 1};
    }
    double off = value_of(datatype, wanted, i) - value_of(datatype, decoded, i),
           steps = rint(fabs(off) / (2 * plan->bound));
    if (!(steps < 0x1p52)) return correction;
    for (int more = 0; more < 2; more++) {
        siren_correction some = {.negative = off < 0, .n = (uint64_t)steps + (unsigned)more};
        double corrected[1];
        siren_voxel_set_bits(datatype, siren_voxel_bits(datatype, decoded, i), corrected, 0);
        siren_correction_apply(plan, &some, corrected, 0);
        if (some.n > 0 &&
            fabs(value_of(datatype, wanted, i) - value_of(datatype, corrected, 0)) <= plan->bound)
            return some;
    }
    return correction;
}

/* ---- coding ---- */

typedef struct {
    const siren_corrections_plan *plan;
    siren_range_encoder *encoder; /* NULL: it decodes */
    siren_range_decoder *decoder;
    siren_mixer_tables tables;
    siren_vote votes[SIREN_MIXER_MODELS][CLASSES][N_STEPS];
    siren_mixer mixers[4][N_STEPS];
    siren_bit_model any, exact, signs[81];
    siren_integer_model large;
    size_t stride, plane; /* of a volume's values */
    int8_t *here, *before,
        *before_that; /* (nz, ny + 2, nx + 2): this volume's corrections and the two before, limited */
    uint16_t *trace;  /* the same of all volumes before: newer ones count more */
    uint32_t rate;    /* how often of late, in 1/65536 */
} correction_coder;

static void coder_free(correction_coder *coder) {
    free(coder->here);
    free(coder->before);
    free(coder->before_that);
    free(coder->trace);
}

static siren_status coder_create(const siren_corrections_plan *plan, correction_coder *coder) {
    const siren_block *block = plan->block;
    coder->plan = plan;
    coder->stride = block->nx + 2;
    coder->plane = coder->stride * (block->ny + 2);
    size_t n = coder->plane * block->nz;
    SIREN_TRY(siren_allocate(&coder->here, n, 1, "a volume's corrections"));
    SIREN_TRY(siren_allocate(&coder->before, n, 1, "a volume's corrections"));
    SIREN_TRY(siren_allocate(&coder->before_that, n, 1, "a volume's corrections"));
    SIREN_TRY(siren_allocate(&coder->trace, n, sizeof *coder->trace, "a volume's corrections"));
    siren_mixer_tables_make(&coder->tables);
    siren_votes_begin(coder->votes[0][0], SIREN_MIXER_MODELS * CLASSES * N_STEPS);
    siren_mixers_begin(coder->mixers[0], 4 * N_STEPS);
    siren_bit_models_begin(&coder->any, 1);
    siren_bit_models_begin(&coder->exact, 1);
    siren_bit_models_begin(coder->signs, 81);
    siren_integer_models_begin(&coder->large, 1);
    return SIREN_OK;
}

static bool code_bit(correction_coder *coder, siren_bit_model *model, bool bit) {
    if (!coder->encoder) return siren_bit_get(coder->decoder, model);
    siren_bit_put(coder->encoder, model, bit);
    return bit;
}

/* n in classes by halves of an octave. */
static unsigned half(unsigned n) {
    unsigned t = 0;
    while (n >> t >= 4) t++;
    unsigned class = 2 * t + (n >> t);
    return class < 15 ? class : 15;
}

static unsigned off(const int8_t *value) { return (unsigned)abs(*value); }
static unsigned sign(const int8_t *value) { return *value == 0 ? 0 : *value < 0 ? 1 : 2; }

/* What is known of a voxel before its correction is. */
typedef struct {
    unsigned classes[SIREN_MIXER_MODELS], mixer, signs;
} correction_context;

static correction_context context_of(const correction_coder *coder, size_t at) {
    const size_t row = coder->stride;
    const int8_t *here = coder->here + at, *before = coder->before + at, *that = coder->before_that + at;
    unsigned left = off(here - 1), up = off(here - row), sides = left + up,
             near = 2 * sides + off(here - row - 1) + off(here - row + 1),
             below = at >= coder->plane ? off(here - coder->plane) : 0,
             round = off(before - 1) + off(before + 1) + off(before - row) + off(before + row),
             past = 2 * off(before) + round, history = coder->trace[at], rate = coder->rate >> 12;
    unsigned pattern = (left > 0) | (up > 0) << 1 | (here[-(ptrdiff_t)row - 1] != 0) << 2 |
                       (here[-(ptrdiff_t)row + 1] != 0) << 3 | (*before != 0) << 4 | (*that != 0) << 5 |
                       (before[1] != 0) << 6 | (before[row] != 0) << 7;
    return (correction_context){
        .classes = {rate, 16 * half(near) + half(past), pattern, 16 * half(sides) + rate,
                    16 * half(history) + half(below), 16 * half(past) + half(2 * off(that) + history / 4),
                    16 * half(near + past + 2 * below) + half(history)},
        .mixer = (near > 0) + 2 * (past > 0),
        .signs = 27 * sign(here - 1) + 9 * sign(here - row) + 3 * sign(before) + sign(that)};
}

static bool code_mixed(correction_coder *coder, const correction_context *context, size_t step, bool bit) {
    siren_mixed_bit mixed = {.mixer = &coder->mixers[context->mixer][step]};
    for (size_t i = 0; i < SIREN_MIXER_MODELS; i++)
        mixed.voters[i] = &coder->votes[i][context->classes[i]][step];
    uint32_t probability = siren_mixed_predict(&coder->tables, &mixed);
    if (coder->encoder)
        siren_range_put(coder->encoder, probability, bit);
    else
        bit = siren_range_get(coder->decoder, probability);
    siren_mixed_update(&mixed, bit);
    return bit;
}

/* False: there is none. An exact one counts as a single step to its neighbours. */
static bool code_correction(correction_coder *coder, size_t at, siren_correction *c) {
    const correction_context context = context_of(coder, at);
    const bool encodes = coder->encoder;
    const unsigned n_bits = 8 * (unsigned)siren_datatype_size(coder->plan->datatype);
    uint64_t wanted = encodes ? c->exact ? 1 : c->n : 0, n = 0;
    while (n < UNARY_LIMIT && code_mixed(coder, &context, n < N_STEPS ? (size_t)n : N_STEPS - 1, wanted > n))
        n++;
    if (n == UNARY_LIMIT && encodes) siren_magnitude_put(coder->encoder, &coder->large, wanted - n);
    if (n == UNARY_LIMIT) n = encodes ? wanted : n + siren_magnitude_get(coder->decoder, &coder->large);
    coder->rate = n > 0 ? coder->rate + ((65535 - coder->rate) >> 5) : coder->rate - (coder->rate >> 5);
    if (n == 0) return false;
    c->exact = n == 1 && siren_is_float(coder->plan->datatype) && code_bit(coder, &coder->exact, c->exact);
    if (c->exact) {
        if (encodes)
            siren_range_put_bits(coder->encoder, c->n, n_bits);
        else
            *c = (siren_correction){.exact = true, .n = siren_range_get_bits(coder->decoder, n_bits)};
        coder->here[at] = 1;
        return true;
    }
    c->n = n;
    c->negative = code_bit(coder, &coder->signs[context.signs], c->negative);
    int8_t limited = (int8_t)(n < LARGEST ? n : LARGEST);
    coder->here[at] = (int8_t)(c->negative ? -limited : limited);
    return true;
}

static void next_volume(correction_coder *coder) {
    size_t n = coder->plane * coder->plan->block->nz;
    int8_t *oldest = coder->before_that;
    for (size_t i = 0; i < n; i++)
        coder->trace[i] = (uint16_t)(coder->trace[i] - (coder->trace[i] >> 2) + 4 * off(coder->here + i));
    coder->before_that = coder->before;
    coder->before = coder->here;
    coder->here = oldest;
    memset(oldest, 0, n);
}

/* Where a voxel of the box stands among the coder's values. */
static size_t place(const correction_coder *coder, size_t voxel) {
    const siren_block *block = coder->plan->block;
    size_t x = voxel % block->nx, row = voxel / block->nx;
    return row / block->ny * coder->plane + (row % block->ny + 1) * coder->stride + x + 1;
}

siren_status siren_corrections_encode(const siren_corrections_plan *plan, const void *wanted,
                                      const void *decoded, uint8_t **bytes, size_t *n_bytes) {
    const siren_block *block = plan->block;
    SIREN_FREE_AT_END correction_coder *coder = NULL;
    siren_range_encoder encoder;
    size_t n_points = siren_block_points(block), n_voxels = siren_block_voxels(block), n_corrected = 0;
    *bytes = NULL;
    *n_bytes = 0;
    SIREN_TRY(siren_allocate(&coder, 1, sizeof *coder, "the models of corrections"));
    siren_status status = coder_create(plan, coder);
    siren_range_encoder_begin(&encoder);
    coder->encoder = &encoder;
    for (size_t volume = 0; status == SIREN_OK && volume < plan->n_volumes; volume++) {
        bool any = false;
        for (size_t point = 0; !any && point < n_points; point++)
            any = !siren_correction_unneeded(plan, wanted, decoded,
                                             volume * n_voxels + siren_block_voxel(block, point));
        code_bit(coder, &coder->any, any);
        for (size_t point = 0; any && point < n_points; point++) {
            size_t voxel = siren_block_voxel(block, point), i = volume * n_voxels + voxel;
            siren_correction c = {.n = 0};
            if (!siren_correction_unneeded(plan, wanted, decoded, i))
                c = correction_of(plan, wanted, decoded, i);
            n_corrected += code_correction(coder, place(coder, voxel), &c);
        }
        next_volume(coder);
    }
    coder_free(coder);
    if (status == SIREN_OK && n_corrected > 0) return siren_range_encoder_finish(&encoder, bytes, n_bytes);
    siren_range_encoder_free(&encoder);
    return status;
}

static siren_status decode(correction_coder *coder, siren_correction_fn correct, void *user) {
    const siren_block *block = coder->plan->block;
    size_t n_points = siren_block_points(block);
    for (size_t volume = 0; volume < coder->plan->n_volumes; volume++) {
        bool any = code_bit(coder, &coder->any, false);
        for (size_t point = 0; any && point < n_points; point++) {
            size_t voxel = siren_block_voxel(block, point);
            siren_correction c = {.n = 0};
            if (code_correction(coder, place(coder, voxel), &c)) correct(user, volume, voxel, &c);
        }
        if (siren_range_decoder_is_short(coder->decoder)) break;
        next_volume(coder);
    }
    return SIREN_OK;
}

siren_status siren_corrections_decode(const siren_corrections_plan *plan, const char *name,
                                      const uint8_t *bytes, size_t n_bytes, siren_correction_fn correct,
                                      void *user) {
    SIREN_FREE_AT_END correction_coder *coder = NULL;
    siren_range_decoder decoder;
    if (n_bytes == 0) return SIREN_OK;
    SIREN_TRY(siren_allocate(&coder, 1, sizeof *coder, "the models of corrections"));
    siren_range_decoder_begin(&decoder, bytes, n_bytes);
    coder->decoder = &decoder;
    siren_status status = coder_create(plan, coder);
    if (status == SIREN_OK) status = decode(coder, correct, user);
    coder_free(coder);
    SIREN_TRY(status);
    return siren_range_decoder_finish(&decoder, name);
}
