#include "engine/predictive/predictive.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/model/extremes.h"
#include "engine/predictive/context_coder.h"
#include "engine/predictive/stored_value.h"
#include "engine/predictive/voxel_coder.h"
#include "formats/series.h"

#define HIGH_BITS 22 /* what is predicted of a value; the bits below are coded for themselves */

/* A block on its way to bytes or back. */
typedef struct {
    const siren_predictive_plan *plan;
    siren_value_map map;
    bool has_exceptions, trimmed;
    double least,
        most; /* where trimmed: values outside are exceptional, lest they choose the form of the rest */
    uint64_t step, lowest, span; /* values are lowest + step * number, at most lowest + span */
    uint64_t n_numbers;          /* above 0: numbers are 0 to this */
    unsigned low_bits;
    uint32_t *order;               /* (n_volumes) the volume that is coded i-th */
    siren_predictor predictors[2]; /* of the volume in work and the one coded before it, in turn */
    siren_lattice lattice;         /* values NULL where all are one number */
    uint64_t *low;                 /* (n_volumes, nz, ny, nx) for the encoder, where there are low bits */
    siren_range_encoder encoder;
    siren_range_decoder decoder;
    siren_voxel_coder *coder;           /* one of the two */
    siren_context_coder *context_coder; /* with a network */
} block_coding;

static siren_status begin(const siren_predictive_plan *plan, block_coding *block) {
    *block = (block_coding){.plan = plan, .map = {.datatype = plan->datatype}};
    if (siren_datatype_size(plan->datatype) == 0)
        return siren_fail(SIREN_USAGE, "datatype %d is unknown", (int)plan->datatype);
    if (plan->nx == 0 || plan->ny == 0 || plan->nz == 0 || plan->n_volumes == 0 ||
        plan->n_volumes > UINT32_MAX ||
        !siren_lattice_shape(plan->nx, plan->ny, plan->nz, plan->n_volumes, &block->lattice))
        return siren_fail(SIREN_USAGE, "a block of %zu x %zu x %zu voxels and %zu volume%s cannot be coded",
                          plan->nx, plan->ny, plan->nz, plan->n_volumes, siren_plural(plan->n_volumes));
    block->lattice.inside = plan->inside;
    SIREN_TRY(siren_allocate(&block->order, plan->n_volumes, sizeof *block->order, "the order of volumes"));
    for (size_t t = 0; t < plan->n_volumes; t++) block->order[t] = (uint32_t)t;
    block->lattice.order = block->order;
    return SIREN_OK;
}

/* Not before the head is known: where it says that all values are one, an archive of a few bytes costs no lattice. */
static siren_status create_lattice(block_coding *block) {
    return siren_allocate(&block->lattice.values, (size_t)block->lattice.volume * block->plan->n_volumes,
                          sizeof *block->lattice.values, "the values");
}

static void end(block_coding *block) {
    siren_voxel_coder_free(block->coder);
    siren_context_coder_free(block->context_coder);
    siren_range_encoder_free(&block->encoder);
    free(block->order);
    free(block->lattice.values);
    free(block->low);
}

static size_t first_voxel(const siren_predictive_plan *plan, size_t volume) {
    return volume * plan->nz * plan->ny * plan->nx;
}

/* Every voxel inside, in coded order; it is voxels[i]. */
#define FOR_EACH_VOXEL(block)                                                                                \
    for (size_t t_ = 0; t_ < (block)->plan->n_volumes; t_++)                                                 \
        for (size_t z_ = 0; z_ < (block)->plan->nz; z_++)                                                    \
            for (size_t y_ = 0; y_ < (block)->plan->ny; y_++)                                                \
                for (size_t x_ = 0, i = first_voxel((block)->plan, (block)->order[t_]) +                     \
                                        (z_ * (block)->plan->ny + y_) * (block)->plan->nx;                   \
                     x_ < (block)->plan->nx; x_++, i++)                                                      \
                    if (siren_lattice_has(&(block)->lattice, t_, z_, y_, x_))
#define LATTICE_VALUE(block)                                                                                 \
    (block)->lattice.values[siren_lattice_at(&(block)->lattice, t_, z_, y_) + (ptrdiff_t)x_]

/* ---- what both ways share ---- */

/* From span and step, the rest. */
static void derive(block_coding *block) {
    block->n_numbers = block->span / block->step + (block->span % block->step > (block->step - 1) / 2);
    unsigned bits = 0;
    while (bits < 64 && block->n_numbers >> bits) bits++;
    block->low_bits = bits > HIGH_BITS ? bits - HIGH_BITS : 0;
    block->lattice.largest = (int32_t)(block->n_numbers >> block->low_bits);
}

static uint64_t to_number(const block_coding *block, uint64_t integer) {
    uint64_t distance = integer - block->lowest;
    return distance / block->step + (distance % block->step > (block->step - 1) / 2);
}

static uint64_t from_number(const block_coding *block, uint64_t number) {
    return block->lowest + (number > block->span / block->step ? block->span : number * block->step);
}

/* Bits below those that are predicted: where all above it were those of the voxel before, that one's bit is a context.
 * */
typedef struct {
    siren_bit_model models[64][3];
    uint64_t last;
} low_bit_models;

static siren_bit_model *low_bit_model(low_bit_models *low, unsigned bit, uint64_t above) {
    return &low->models[bit][above != low->last >> (bit + 1) ? 0 : 1 + (low->last >> bit & 1)];
}

/* For the volume that is coded t-th, empty; `*before`: of the one before it. */
static siren_predictor *next_predictor(block_coding *block, size_t t, const siren_predictor **before) {
    *before = &block->predictors[(t + 1) % 2];
    block->predictors[t % 2] = (siren_predictor){.n_references = 0};
    return &block->predictors[t % 2];
}

/* What a weight is coded as a difference to: that of the volume before, but for the constant's. */
static int32_t old_weight(const siren_predictor *before, const siren_predictor *predictor, size_t i) {
    return i == predictor->n_terms ? 0 : before->weights[i];
}

static siren_status begin_volumes(block_coding *block, siren_range_encoder *encoder,
                                  siren_range_decoder *decoder) {
    const siren_context_network *network = block->plan->network;
    if (network)
        return siren_context_coder_create(&block->lattice, network, encoder, decoder, &block->context_coder);
    return siren_voxel_coder_create(&block->lattice, encoder, decoder, &block->coder);
}

static void code_volume(block_coding *block, size_t t, siren_predictor *predictor) {
    if (block->context_coder)
        siren_context_coder_volume(block->context_coder, t, predictor);
    else
        siren_voxel_coder_volume(block->coder, t, predictor);
}

/* ---- encoder ---- */

static double value_of(const block_coding *block, const void *voxels, size_t i) {
    double x;
    const siren_datatype type = block->plan->datatype;
    siren_datatype_to_double(type, (const uint8_t *)voxels + i * siren_datatype_size(type), 1, &x);
    return x;
}

static bool is_outside(const block_coding *block, const void *voxels, size_t i) {
    if (!block->trimmed) return false;
    const double x = value_of(block, voxels, i);
    return !(x >= block->least && x <= block->most);
}

/* False where voxel i has no integer: it is exceptional. */
static bool to_integer(const block_coding *block, const void *voxels, size_t i, uint64_t *integer) {
    return !is_outside(block, voxels, i) && siren_value_to_integer(&block->map, voxels, i, integer);
}

/* Floats that are integers times a step, such as those that a reader has scaled, become these integers. */
static void find_step(block_coding *block, const void *voxels, const siren_value_survey *floats) {
    siren_value_map map = block->map;
    for (size_t n = 0; siren_value_map_try_step(floats, n, &map); n++) {
        uint64_t integer;
        for (size_t k = 0; k < floats->n_samples; k++)
            if (!siren_value_to_integer(&map, voxels, floats->samples[k], &integer)) goto next;
        FOR_EACH_VOXEL(block) {
            /* What has no value is no reason against it. */
            if (!siren_value_to_integer(&map, voxels, i, &integer) && to_integer(block, voxels, i, &integer))
                goto next;
        }
        block->map = map;
        return;
    next:;
    }
}

static void choose_form(block_coding *block, const void *voxels) {
    const siren_predictive_plan *plan = block->plan;
    siren_value_survey floats = {0};
    if (siren_is_float(plan->datatype)) FOR_EACH_VOXEL(block) {
            if (!is_outside(block, voxels, i)) siren_value_survey_add(&floats, plan->datatype, voxels, i);
        }
    block->map = siren_value_map_choose(plan->datatype, &floats, plan->bound);
    if (block->map.bound == 0 && block->map.error == 0 && floats.any &&
        floats.highest_bit - floats.lowest_bit > 16)
        find_step(block, voxels, &floats);
}

/* The range of the values, and which voxels have none. */
static void measure(block_coding *block, const void *voxels, uint8_t *exceptional) {
    uint64_t lowest = UINT64_MAX, highest = 0, integer;
    block->has_exceptions = false;
    FOR_EACH_VOXEL(block) {
        exceptional[i] = !to_integer(block, voxels, i, &integer);
        if (exceptional[i]) {
            block->has_exceptions = true;
            continue;
        }
        if (integer < lowest) lowest = integer;
        if (integer > highest) highest = integer;
    }
    if (lowest > highest) lowest = highest = (uint64_t)1 << 63;
    block->lowest = lowest;
    block->span = highest - lowest;
    block->step = 2 * block->map.error + 1;
    derive(block);
}

/* Where the range is wide because of a few values far outside the rest, these are left out of it. */
static siren_status trim(block_coding *block, const void *voxels, uint8_t *exceptional) {
    SIREN_AT_END(siren_extremes_free) siren_extremes extremes = {.room = 0};
    const siren_value_map before = block->map;
    const unsigned low_bits = block->low_bits;
    SIREN_TRY(siren_extremes_create(first_voxel(block->plan, block->plan->n_volumes), &extremes));
    siren_extremes_begin(&extremes);
    FOR_EACH_VOXEL(block) siren_extremes_add(&extremes, (const double[]){value_of(block, voxels, i)}, 1);
    if (siren_extremes_suspect(&extremes))
        FOR_EACH_VOXEL(block) siren_extremes_show(&extremes, (const double[]){value_of(block, voxels, i)}, 1);
    if (siren_extremes_range(&extremes, &block->least, &block->most) == 0) return SIREN_OK;
    block->trimmed = true;
    choose_form(block, voxels);
    measure(block, voxels, exceptional);
    if (block->map.form != SIREN_FORM_ORDERED && block->low_bits < low_bits) return SIREN_OK;
    block->trimmed = false;
    block->map = before;
    measure(block, voxels, exceptional);
    return SIREN_OK;
}

/* Chooses form and range of the values, and tells which voxels have none. */
static siren_status survey(block_coding *block, const void *voxels, uint8_t *exceptional) {
    choose_form(block, voxels);
    measure(block, voxels, exceptional);
    if (block->low_bits > 0) SIREN_TRY(trim(block, voxels, exceptional));
    if (block->low_bits > 0)
        return siren_allocate(&block->low, first_voxel(block->plan, block->plan->n_volumes),
                              sizeof *block->low, "the low bits");
    return SIREN_OK;
}

static void fill_lattice(block_coding *block, const void *voxels) {
    FOR_EACH_VOXEL(block) {
        uint64_t integer = block->lowest;
        if (!is_outside(block, voxels, i)) (void)siren_value_to_integer(&block->map, voxels, i, &integer);
        uint64_t number = to_number(block, integer);
        LATTICE_VALUE(block) = (int32_t)(number >> block->low_bits);
        if (block->low) block->low[i] = number & (((uint64_t)1 << block->low_bits) - 1);
    }
}

static void put_head(block_coding *block) {
    siren_integer_model model[2];
    siren_integer_models_begin(model, 2);
    siren_range_encoder *encoder = &block->encoder;
    uint64_t bits;
    siren_range_put_bits(encoder, block->map.form, 2);
    siren_range_put_bits(encoder, block->has_exceptions, 1);
    if (block->map.form == SIREN_FORM_FIXED) siren_integer_put(encoder, model, block->map.exponent);
    if (block->map.form == SIREN_FORM_GRID) {
        memcpy(&bits, &block->map.step, sizeof bits);
        siren_range_put_bits(encoder, bits, 64);
    }
    siren_magnitude_put(encoder, model, block->step >> 1);
    siren_range_put_bits(encoder, block->lowest, 64);
    siren_magnitude_put(encoder, model, block->span);
}

static void put_exceptions(block_coding *block, const void *voxels, const uint8_t *exceptional) {
    siren_bit_model here[4], same;
    siren_bit_models_begin(here, 4);
    siren_bit_models_begin(&same, 1);
    size_t volume = first_voxel(block->plan, 1);
    uint64_t last_bits = 0;
    bool last = false;
    FOR_EACH_VOXEL(block) {
        siren_bit_put(&block->encoder, &here[2 * (i >= volume && exceptional[i - volume]) + last],
                      exceptional[i]);
        last = exceptional[i];
        if (!last) continue;
        uint64_t bits = siren_voxel_bits(block->plan->datatype, voxels, i);
        siren_bit_put(&block->encoder, &same, bits == last_bits);
        if (bits != last_bits)
            siren_range_put_bits(&block->encoder, bits,
                                 8 * (unsigned)siren_datatype_size(block->plan->datatype));
        last_bits = bits;
    }
}

/* Each volume as its place among those that are left. */
static void put_order(block_coding *block) {
    siren_integer_model model;
    siren_integer_models_begin(&model, 1);
    for (size_t t = 0; t < block->plan->n_volumes; t++) {
        uint64_t place = block->order[t];
        for (size_t i = 0; i < t; i++) place -= block->order[i] < block->order[t];
        siren_magnitude_put(&block->encoder, &model, place);
    }
}

static siren_status put_volumes(block_coding *block) {
    SIREN_AT_END(siren_predictor_fit_free_at) siren_predictor_fit *fit = NULL;
    siren_integer_model models[3]; /* of the numbers of references, of references, of weights */
    siren_integer_models_begin(models, 3);
    size_t n_volumes = block->plan->n_volumes;
    for (size_t t = 0; t < n_volumes; t++) siren_lattice_fill_borders(&block->lattice, t);
    SIREN_TRY(siren_predictor_fit_create(&block->lattice, &fit));
    SIREN_TRY(begin_volumes(block, &block->encoder, NULL));
    for (size_t t = 0; t < n_volumes; t++) {
        const siren_predictor *before;
        siren_predictor *predictor = next_predictor(block, t, &before);
        siren_predictor_fit_volume(fit, t,
                                   block->context_coder ? siren_context_coder_noise(block->context_coder)
                                                        : siren_voxel_coder_noise(block->coder),
                                   predictor);
        siren_magnitude_put(&block->encoder, &models[0], predictor->n_references);
        for (size_t r = 0; r < predictor->n_references; r++)
            siren_magnitude_put(&block->encoder, &models[1], t - 1 - predictor->references[r]);
        for (size_t i = 0; i <= predictor->n_terms; i++)
            siren_integer_put(&block->encoder, &models[2],
                              predictor->weights[i] - old_weight(before, predictor, i));
        code_volume(block, t, predictor);
    }
    return SIREN_OK;
}

static void put_low_bits(block_coding *block) {
    low_bit_models low = {.last = 0};
    siren_bit_models_begin(low.models[0], 64 * 3);
    FOR_EACH_VOXEL(block) {
        for (unsigned bit = block->low_bits; bit-- > 0;)
            siren_bit_put(&block->encoder, low_bit_model(&low, bit, block->low[i] >> (bit + 1)),
                          block->low[i] >> bit & 1);
        low.last = block->low[i];
    }
}

/* After the survey, and the exceptions: the lattice in the order of the volumes. */
static siren_status arrange(block_coding *block, const void *voxels, const uint8_t *exceptional) {
    if (block->has_exceptions) block->lattice.absent = exceptional;
    if (block->n_numbers == 0) return SIREN_OK;
    SIREN_TRY(create_lattice(block));
    fill_lattice(block, voxels);
    SIREN_TRY(siren_predictor_order(&block->lattice, block->order));
    fill_lattice(block, voxels);
    return SIREN_OK;
}

size_t siren_predictive_n_examples(const siren_predictive_plan *plan, size_t every) {
    return first_voxel(plan, plan->n_volumes) / every + 1;
}

siren_status siren_predictive_collect(const siren_predictive_plan *plan, const void *voxels, size_t every,
                                      size_t skipped, siren_context_examples *out) {
    SIREN_AT_END(end) block_coding block = {.plan = NULL};
    SIREN_AT_END(siren_predictor_fit_free_at) siren_predictor_fit *fit = NULL;
    SIREN_AT_END(siren_features_free_at) siren_features *features = NULL;
    SIREN_FREE_AT_END uint8_t *exceptional = NULL;
    SIREN_TRY(begin(plan, &block));
    SIREN_TRY(siren_allocate(&exceptional, first_voxel(plan, plan->n_volumes), 1, "the exceptions"));
    SIREN_TRY(survey(&block, voxels, exceptional));
    SIREN_TRY(arrange(&block, voxels, exceptional));
    if (block.n_numbers == 0) return SIREN_OK;
    for (size_t t = 0; t < plan->n_volumes; t++) siren_lattice_fill_borders(&block.lattice, t);
    SIREN_TRY(siren_predictor_fit_create(&block.lattice, &fit));
    SIREN_TRY(siren_features_create(&block.lattice, &features));
    for (size_t t = 0; t < plan->n_volumes; t++) {
        siren_predictor predictor = {.n_references = 0};
        siren_predictor_fit_volume(fit, t, features->noise, &predictor);
        siren_features_collect(features, t, &predictor, every, &skipped, out);
    }
    return SIREN_OK;
}

siren_status siren_predictive_encode(const siren_predictive_plan *plan, const void *voxels, uint8_t **bytes,
                                     size_t *n_bytes) {
    SIREN_AT_END(end) block_coding block = {.plan = NULL};
    SIREN_FREE_AT_END uint8_t *exceptional = NULL;
    if (!(plan->bound >= 0) || !isfinite(plan->bound))
        return siren_fail(SIREN_USAGE, "an error bound of %g is not possible; 0 is lossless", plan->bound);
    SIREN_TRY(begin(plan, &block));
    SIREN_TRY(siren_allocate(&exceptional, first_voxel(plan, plan->n_volumes), 1, "the exceptions"));
    SIREN_TRY(survey(&block, voxels, exceptional));
    siren_range_encoder_begin(&block.encoder);
    put_head(&block);
    if (block.has_exceptions) put_exceptions(&block, voxels, exceptional);
    SIREN_TRY(arrange(&block, voxels, exceptional));
    if (block.n_numbers > 0) {
        put_order(&block);
        SIREN_TRY(put_volumes(&block));
        if (block.low) put_low_bits(&block);
    }
    return siren_range_encoder_finish(&block.encoder, bytes, n_bytes);
}

/* ---- decoder ---- */

/* Arrays of a volume's shape that the coder of voxels has, or that of a network with its features. */
#define PLANES_OF_COUNTS 3
#define PLANES_OF_NETWORK 5

size_t siren_predictive_decoding_bytes(const siren_predictive_plan *plan, bool network) {
    siren_lattice shape;
    size_t n_volumes = plan->n_volumes, n_voxels, n_values, bytes;
    if (!siren_lattice_shape(plan->nx, plan->ny, plan->nz, n_volumes, &shape) ||
        !siren_mul(plan->nx * plan->ny * plan->nz, n_volumes, &n_voxels) ||
        !siren_add(n_volumes * (network ? 2 : 1), network ? PLANES_OF_NETWORK : PLANES_OF_COUNTS,
                   &n_values) ||
        !siren_mul(n_values, (size_t)shape.volume, &n_values) ||
        !siren_mul(n_values, sizeof(int32_t), &bytes) || !siren_add(bytes, n_voxels, &bytes) ||
        !siren_add(bytes, 2 * n_volumes * sizeof(uint32_t), &bytes))
        return SIZE_MAX;
    return bytes;
}

static siren_status get_head(block_coding *block, const char *name) {
    siren_integer_model model[2];
    siren_integer_models_begin(model, 2);
    siren_range_decoder *decoder = &block->decoder;
    uint64_t bits;
    int64_t exponent = 0;
    block->map.form = (siren_value_form)siren_range_get_bits(decoder, 2);
    block->has_exceptions = siren_range_get_bits(decoder, 1);
    if (siren_is_float(block->plan->datatype) != (block->map.form != SIREN_FORM_INTEGER))
        return siren_fail(SIREN_CORRUPT, "%s: values of type %s are coded in form %d", name,
                          siren_datatype_name(block->plan->datatype), (int)block->map.form);
    if (block->map.form == SIREN_FORM_FIXED) exponent = siren_integer_get(decoder, model);
    if (exponent < -1100 || exponent > 1100)
        return siren_fail(SIREN_CORRUPT, "%s: the values' exponent is %lld, beyond 1100", name,
                          (long long)exponent);
    block->map.exponent = (int)exponent;
    if (block->map.form == SIREN_FORM_GRID) {
        bits = siren_range_get_bits(decoder, 64);
        memcpy(&block->map.step, &bits, sizeof bits);
        if (!(block->map.step > 0) || !isfinite(block->map.step))
            return siren_fail(SIREN_CORRUPT, "%s: the values' step is %g", name, block->map.step);
    }
    block->step = 2 * siren_magnitude_get(decoder, model) + 1;
    block->lowest = siren_range_get_bits(decoder, 64);
    block->span = siren_magnitude_get(decoder, model);
    derive(block);
    return SIREN_OK;
}

static void get_exceptions(block_coding *block, void *voxels, uint8_t *exceptional) {
    siren_bit_model here[4], same;
    siren_bit_models_begin(here, 4);
    siren_bit_models_begin(&same, 1);
    size_t volume = first_voxel(block->plan, 1);
    uint64_t bits = 0;
    bool last = false;
    FOR_EACH_VOXEL(block) {
        exceptional[i] = last =
            siren_bit_get(&block->decoder, &here[2 * (i >= volume && exceptional[i - volume]) + last]);
        if (!last) continue;
        if (!siren_bit_get(&block->decoder, &same))
            bits = siren_range_get_bits(&block->decoder,
                                        8 * (unsigned)siren_datatype_size(block->plan->datatype));
        siren_voxel_set_bits(block->plan->datatype, bits, voxels, i);
    }
}

/* left[i], from 1 to n, is how many volumes among the i & -i ones before the i-th are left (a Fenwick tree): a volume
 * is found by its place among those that are left in log n steps, for an archive may have millions. */
static uint32_t take_volume(uint32_t *left, uint32_t n, uint32_t step, uint32_t place) {
    uint32_t volume = 0;
    for (; step > 0; step /= 2)
        if (step <= n - volume && left[volume + step] <= place) {
            volume += step;
            place -= left[volume];
        }
    for (uint64_t i = (uint64_t)volume + 1; i <= n; i += i & -i) left[i]--;
    return volume;
}

static siren_status get_order(block_coding *block, const char *name) {
    siren_integer_model model;
    SIREN_FREE_AT_END uint32_t *left = NULL;
    const uint32_t n = (uint32_t)block->plan->n_volumes;
    uint32_t step = 1; /* the largest power of two up to n */
    while (step <= n / 2) step *= 2;
    SIREN_TRY(siren_allocate(&left, (size_t)n + 1, sizeof *left, "the order of volumes"));
    for (uint32_t i = 1; i <= n; i++) left[i] = i & -i;
    siren_integer_models_begin(&model, 1);
    for (uint32_t t = 0; t < n; t++) {
        uint64_t place = siren_magnitude_get(&block->decoder, &model);
        if (place >= n - t)
            return siren_fail(SIREN_CORRUPT, "%s: of %lu volume%s that are left the order names number %llu",
                              name, (unsigned long)(n - t), siren_plural((unsigned long)(n - t)),
                              (unsigned long long)place);
        block->order[t] = take_volume(left, n, step, (uint32_t)place);
    }
    return SIREN_OK;
}

static siren_status get_volumes(block_coding *block, const char *name) {
    siren_integer_model models[3]; /* of the numbers of references, of references, of weights */
    siren_integer_models_begin(models, 3);
    SIREN_TRY(begin_volumes(block, NULL, &block->decoder));
    for (size_t t = 0; t < block->plan->n_volumes; t++) {
        const siren_predictor *before;
        siren_predictor *predictor = next_predictor(block, t, &before);
        uint64_t n = siren_magnitude_get(&block->decoder, &models[0]);
        if (n > SIREN_PREDICTOR_REFERENCES || n > t || (n == 0 && t > 0))
            return siren_fail(SIREN_CORRUPT, "%s: volume %zu has %llu reference%s", name, t,
                              (unsigned long long)n, siren_plural(n));
        predictor->n_references = (size_t)n;
        for (size_t r = 0; r < predictor->n_references; r++) {
            uint64_t back = siren_magnitude_get(&block->decoder, &models[1]);
            if (back >= t)
                return siren_fail(SIREN_CORRUPT, "%s: volume %zu refers to one before the first", name, t);
            predictor->references[r] = t - 1 - (size_t)back;
        }
        const int32_t *terms[SIREN_PREDICTOR_TERMS];
        siren_predictor_terms(&block->lattice, t, predictor, terms);
        for (size_t i = 0; i <= predictor->n_terms; i++) {
            int64_t change = siren_integer_get(&block->decoder, &models[2]),
                    old = old_weight(before, predictor, i);
            if (change < -2 * SIREN_LARGEST_WEIGHT || change > 2 * SIREN_LARGEST_WEIGHT ||
                llabs(change + old) > SIREN_LARGEST_WEIGHT)
                return siren_fail(SIREN_CORRUPT, "%s: a weight of volume %zu is beyond %d", name, t,
                                  SIREN_LARGEST_WEIGHT);
            predictor->weights[i] = (int32_t)(change + old);
        }
        code_volume(block, t, predictor);
        if (siren_range_decoder_is_short(&block->decoder))
            return siren_fail(SIREN_CORRUPT, "%s: the bytes end in volume %zu", name, t);
    }
    return SIREN_OK;
}

static void restore(block_coding *block, void *voxels) {
    low_bit_models low = {.last = 0};
    siren_bit_models_begin(low.models[0], 64 * 3);
    FOR_EACH_VOXEL(block) {
        uint64_t bits = 0;
        for (unsigned bit = block->low_bits; bit-- > 0;)
            bits = bits << 1 | siren_bit_get(&block->decoder, low_bit_model(&low, bit, bits));
        low.last = bits;
        uint64_t high = block->lattice.values ? (uint64_t)LATTICE_VALUE(block) : 0,
                 number = high << block->low_bits | bits;
        siren_value_from_integer(&block->map, from_number(block, number), voxels, i);
    }
}

siren_status siren_predictive_decode(const siren_predictive_plan *plan, const char *name,
                                     const uint8_t *bytes, size_t n_bytes, void *voxels) {
    SIREN_AT_END(end) block_coding block = {.plan = NULL};
    SIREN_FREE_AT_END uint8_t *exceptional = NULL;
    SIREN_TRY(begin(plan, &block));
    siren_range_decoder_begin(&block.decoder, bytes, n_bytes);
    SIREN_TRY(get_head(&block, name));
    if (block.has_exceptions) {
        SIREN_TRY(siren_allocate(&exceptional, first_voxel(plan, plan->n_volumes), 1, "the exceptions"));
        get_exceptions(&block, voxels, exceptional);
        block.lattice.absent = exceptional;
    }
    if (block.n_numbers > 0) {
        SIREN_TRY(create_lattice(&block));
        SIREN_TRY(get_order(&block, name));
        SIREN_TRY(get_volumes(&block, name));
    }
    restore(&block, voxels);
    return siren_range_decoder_finish(&block.decoder, name);
}
