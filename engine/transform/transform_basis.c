#include "engine/transform/transform.h"

#include "engine/coding/range_coder.h"

#include <stdlib.h>
#include <string.h>

#define ONE_BITS 14
#define MAX_RATIO 8192

void siren_transform_basis_free(siren_transform_basis *basis) {
    if (!basis) return;
    free(basis->mean);
    free(basis->precision);
    free(basis->vectors);
    free(basis->analysis);
    *basis = (siren_transform_basis){0};
}

/* What encoder and decoder know of a vector's entry: vectors are orthogonal and of length 1, so what the earlier
 * ones have left of a volume is shared by those to come. */
typedef struct {
    siren_integer_model entries[7], precision, mean, count;
    int64_t *left; /* (n_volumes) 1 - the sum of squares, in 2^-28 */
} basis_coder;

static void basis_coder_end(basis_coder **coder) {
    if (*coder) free((*coder)->left);
    free(*coder);
}

static siren_status basis_coder_begin(basis_coder **out, size_t n_volumes) {
    SIREN_TRY(siren_allocate(out, 1, sizeof **out, "a basis"));
    basis_coder *coder = *out;
    SIREN_TRY(siren_allocate(&coder->left, n_volumes, sizeof *coder->left, "a basis"));
    for (size_t v = 0; v < n_volumes; v++) coder->left[v] = (int64_t)1 << 2 * ONE_BITS;
    siren_integer_models_begin(coder->entries, sizeof coder->entries / sizeof *coder->entries);
    siren_integer_models_begin(&coder->precision, 1);
    siren_integer_models_begin(&coder->mean, 1);
    siren_integer_models_begin(&coder->count, 1);
    return SIREN_OK;
}

/* How many lower bits of an entry are plain, and which model has the rest. */
static unsigned expect(basis_coder *coder, size_t volume, size_t n_left, unsigned precision,
                       siren_integer_model **model) {
    int64_t variance =
        coder->left[volume] > 0 ? coder->left[volume] / (int64_t)n_left >> 2 * (ONE_BITS - precision) : 0;
    unsigned bits = 0;
    while (variance >> bits > 0) bits++;
    unsigned plain = bits > 4 ? (bits - 3) / 2 : 0;
    *model = &coder->entries[bits > 4 ? 5 + (bits & 1) : bits];
    return plain;
}

static void spend(basis_coder *coder, size_t volume, int32_t entry) {
    coder->left[volume] -= (int64_t)entry * entry;
}

siren_status siren_transform_basis_encode(const siren_transform_basis *basis, uint8_t **bytes,
                                          size_t *n_bytes) {
    SIREN_AT_END(siren_range_encoder_free) siren_range_encoder encoder;
    SIREN_AT_END(basis_coder_end) basis_coder *coder = NULL;
    int32_t last = 128, precision = 10;
    siren_range_encoder_begin(&encoder);
    SIREN_TRY(basis_coder_begin(&coder, basis->n_volumes));
    siren_magnitude_put(&encoder, &coder->count, basis->n_components);
    for (size_t v = 0; v < basis->n_volumes; v++) {
        siren_integer_put(&encoder, &coder->mean, basis->mean[v] - last);
        last = basis->mean[v];
    }
    for (size_t k = 0; k < basis->n_components; k++) {
        siren_integer_put(&encoder, &coder->precision, basis->precision[k] - precision);
        precision = basis->precision[k];
        for (size_t v = 0; v < basis->n_volumes; v++) {
            int32_t entry = basis->vectors[k * basis->n_volumes + v];
            uint32_t magnitude = (uint32_t)abs(entry) >> (ONE_BITS - precision);
            siren_integer_model *model;
            unsigned plain = expect(coder, v, basis->n_volumes - k, (unsigned)precision, &model);
            siren_magnitude_put(&encoder, model, magnitude >> plain);
            siren_range_put_bits(&encoder, magnitude, plain);
            if (magnitude > 0) siren_range_put_bits(&encoder, entry < 0, 1);
            spend(coder, v, entry);
        }
    }
    return siren_range_encoder_finish(&encoder, bytes, n_bytes);
}

static siren_status damaged(const char *name) {
    return siren_fail(SIREN_CORRUPT, "%s: the basis of the transform is damaged", name);
}

size_t siren_transform_basis_bytes(const uint8_t *bytes, size_t n_bytes, size_t n_volumes,
                                   size_t *n_components) {
    siren_range_decoder decoder;
    siren_integer_model count;
    size_t n_vectors;
    siren_range_decoder_begin(&decoder, bytes, n_bytes);
    siren_integer_models_begin(&count, 1);
    const uint64_t n = siren_magnitude_get(&decoder, &count);
    *n_components = n <= n_volumes ? (size_t)n : 0; /* more are refused by siren_transform_basis_decode() */
    return siren_mul(*n_components, n_volumes * sizeof(int16_t), &n_vectors) ? n_vectors : SIZE_MAX;
}

siren_status siren_transform_basis_decode(const char *name, const uint8_t *bytes, size_t n_bytes,
                                          size_t n_volumes, siren_transform_basis *out) {
    siren_range_decoder decoder;
    SIREN_AT_END(siren_transform_basis_free) siren_transform_basis basis = {.n_volumes = n_volumes};
    SIREN_AT_END(basis_coder_end) basis_coder *coder = NULL;
    int64_t last = 128, precision = 10;
    siren_range_decoder_begin(&decoder, bytes, n_bytes);
    SIREN_TRY(basis_coder_begin(&coder, n_volumes));
    uint64_t n_components = siren_magnitude_get(&decoder, &coder->count);
    /* As of what is packed (docs/archive-format.md, chapter 3); entries of 2 bytes. */
    if (n_components > n_volumes || n_components * n_volumes / (MAX_RATIO / 2) > n_bytes)
        return siren_fail(SIREN_CORRUPT, "%s: a basis of %llu component%s for %zu volume%s", name,
                          (unsigned long long)n_components, siren_plural(n_components), n_volumes,
                          siren_plural(n_volumes));
    basis.n_components = (size_t)n_components;
    SIREN_TRY(siren_allocate(&basis.mean, n_volumes, 1, "a basis"));
    for (size_t v = 0; v < n_volumes; v++) {
        int64_t difference = siren_integer_get(&decoder, &coder->mean);
        if (difference < -255 || difference > 255 || last + difference < 0 || last + difference > 255)
            return damaged(name);
        last += difference;
        basis.mean[v] = (uint8_t)last;
    }
    if (siren_range_decoder_is_short(&decoder)) return damaged(name);
    SIREN_TRY(siren_allocate(&basis.precision, basis.n_components, 1, "a basis"));
    SIREN_TRY(
        siren_allocate(&basis.vectors, basis.n_components, n_volumes * sizeof *basis.vectors, "a basis"));
    for (size_t k = 0; k < basis.n_components; k++) {
        int64_t difference = siren_integer_get(&decoder, &coder->precision);
        if (siren_range_decoder_is_short(&decoder) || difference < -ONE_BITS || difference > ONE_BITS ||
            precision + difference < 0 || precision + difference > ONE_BITS)
            return damaged(name);
        precision += difference;
        basis.precision[k] = (uint8_t)precision;
        for (size_t v = 0; v < n_volumes; v++) {
            siren_integer_model *model;
            unsigned plain = expect(coder, v, n_volumes - k, (unsigned)precision, &model);
            uint64_t magnitude = siren_magnitude_get(&decoder, model);
            if (magnitude > INT16_MAX) return damaged(name);
            magnitude = magnitude << plain | siren_range_get_bits(&decoder, plain);
            if (magnitude > (uint64_t)INT16_MAX >> (ONE_BITS - precision)) return damaged(name);
            int32_t entry = (int32_t)(magnitude << (ONE_BITS - precision));
            if (magnitude > 0 && siren_range_get_bits(&decoder, 1)) entry = -entry;
            basis.vectors[k * n_volumes + v] = (int16_t)entry;
            spend(coder, v, entry);
        }
    }
    SIREN_TRY(siren_range_decoder_finish(&decoder, name));
    *out = SIREN_TAKE(basis);
    return SIREN_OK;
}

/* ---- scaling ---- */

/* How values become integers whose differences are small: as they are, or by their bits as float32 or float64, of
 * which negative ones are turned round so that order is kept. */
enum { AS_INTEGER, AS_FLOAT32, AS_FLOAT64, N_WAYS };

static int64_t to_key(unsigned way, double value) {
    if (way == AS_INTEGER) return (int64_t)value;
    if (way == AS_FLOAT32) {
        float narrow = (float)value;
        int32_t bits;
        memcpy(&bits, &narrow, sizeof bits);
        return bits < 0 ? bits ^ INT32_MAX : bits;
    }
    int64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits < 0 ? bits ^ INT64_MAX : bits;
}

static double from_key(unsigned way, int64_t key) {
    if (way == AS_INTEGER) return (double)key;
    if (way == AS_FLOAT32) {
        int32_t bits = (int32_t)(key < 0 ? key ^ INT32_MAX : key);
        float narrow;
        memcpy(&narrow, &bits, sizeof narrow);
        return narrow;
    }
    double value;
    key = key < 0 ? key ^ INT64_MAX : key;
    memcpy(&value, &key, sizeof value);
    return value;
}

static bool fits(unsigned way, double value) {
    if (way == AS_INTEGER && !(value >= -0x1p52 && value <= 0x1p52)) return false;
    if (way == AS_FLOAT32 && !(value >= -3.4e38 && value <= 3.4e38)) return false;
    double back = from_key(way, to_key(way, value));
    return memcmp(&back, &value, sizeof back) == 0;
}

void siren_scaling_put(siren_range_encoder *encoder, const siren_scaling *scaling, size_t n_volumes) {
    siren_integer_model models[2];
    uint64_t last[2] = {0, 0};
    unsigned way = AS_INTEGER;
    for (size_t v = 0; v < n_volumes; v++)
        while (!fits(way, scaling[v].minimum) || !fits(way, scaling[v].maximum)) way++;
    siren_integer_models_begin(models, 2);
    siren_range_put_bits(encoder, way, 2);
    for (size_t v = 0; v < n_volumes; v++) {
        const double values[2] = {scaling[v].minimum, scaling[v].maximum};
        for (int i = 0; i < 2; i++) {
            uint64_t key = (uint64_t)to_key(way, values[i]);
            siren_integer_put(encoder, &models[i], (int64_t)(key - last[i]));
            last[i] = key;
        }
    }
}

siren_status siren_scaling_encode(const siren_scaling *scaling, size_t n_volumes, uint8_t **bytes,
                                  size_t *n_bytes) {
    siren_range_encoder encoder;
    siren_range_encoder_begin(&encoder);
    siren_scaling_put(&encoder, scaling, n_volumes);
    return siren_range_encoder_finish(&encoder, bytes, n_bytes);
}

siren_status siren_scaling_get(const char *name, siren_range_decoder *decoder, size_t n_volumes,
                               siren_scaling *scaling) {
    siren_integer_model models[2];
    uint64_t last[2] = {0, 0};
    siren_integer_models_begin(models, 2);
    unsigned way = (unsigned)siren_range_get_bits(decoder, 2);
    for (size_t v = 0; v < n_volumes && way < N_WAYS; v++) {
        double values[2];
        for (int i = 0; i < 2; i++) {
            last[i] += (uint64_t)siren_integer_get(decoder, &models[i]);
            values[i] = from_key(way, (int64_t)last[i]);
        }
        /* not true of NaN */
        if (siren_range_decoder_is_short(decoder) ||
            !(values[0] <= values[1] && values[1] - values[0] <= 1.7976931348623157e308))
            way = N_WAYS;
        scaling[v] = (siren_scaling){values[0], values[1]};
    }
    if (way < N_WAYS) return SIREN_OK;
    return siren_fail(SIREN_CORRUPT, "%s: the scaling of volumes is damaged", name);
}

siren_status siren_scaling_decode(const char *name, const uint8_t *bytes, size_t n_bytes, size_t n_volumes,
                                  siren_scaling *scaling) {
    siren_range_decoder decoder;
    siren_range_decoder_begin(&decoder, bytes, n_bytes);
    SIREN_TRY(siren_scaling_get(name, &decoder, n_volumes, scaling));
    return siren_range_decoder_finish(&decoder, name);
}
