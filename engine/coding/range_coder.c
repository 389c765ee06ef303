#include "engine/coding/range_coder.h"

#include <stdlib.h>
#include <string.h>

#define HALF 32768u
#define END_MARK 0xA5u

/* ---- the coder ---- */

void siren_range_encoder_begin(siren_range_encoder *encoder) {
    *encoder = (siren_range_encoder){.range = UINT32_MAX, .status = SIREN_OK};
}

void siren_range_encoder_free(siren_range_encoder *encoder) {
    free(encoder->bytes);
    memset(encoder, 0, sizeof *encoder);
}

static bool has_room(siren_range_encoder *encoder) {
    if (encoder->n_bytes < encoder->capacity) return true;
    if (encoder->status != SIREN_OK) return false;
    uint8_t *bytes = NULL;
    size_t capacity = 4096;
    if (encoder->capacity > 0 && !siren_mul(encoder->capacity, 2, &capacity)) capacity = SIZE_MAX;
    encoder->status = siren_allocate(&bytes, capacity, 1, "the coded bytes");
    if (encoder->status != SIREN_OK) return false;
    if (encoder->n_bytes > 0) memcpy(bytes, encoder->bytes, encoder->n_bytes);
    free(encoder->bytes);
    encoder->bytes = bytes;
    encoder->capacity = capacity;
    return true;
}

void siren_range_shift(siren_range_encoder *encoder) {
    if (has_room(encoder)) encoder->bytes[encoder->n_bytes++] = (uint8_t)(encoder->low >> 24);
    encoder->low <<= 8;
    encoder->range <<= 8;
}

void siren_range_carry(siren_range_encoder *encoder) {
    for (size_t i = encoder->n_bytes; i > 0 && ++encoder->bytes[i - 1] == 0;) i--;
}

siren_status siren_range_encoder_finish(siren_range_encoder *encoder, uint8_t **bytes, size_t *n_bytes) {
    siren_range_put_bits(encoder, END_MARK, 8);
    /* The range holds a multiple of 2^24, of which one byte is all that is not 0. */
    uint32_t rounded = encoder->low + 0xFFFFFFu;
    if (rounded < encoder->low) siren_range_carry(encoder);
    encoder->low = rounded;
    siren_range_shift(encoder);
    siren_status status = encoder->status;
    if (status == SIREN_OK) {
        *n_bytes = encoder->n_bytes;
        *bytes = SIREN_TAKE(encoder->bytes);
    }
    siren_range_encoder_free(encoder);
    return status;
}

void siren_range_decoder_begin(siren_range_decoder *decoder, const uint8_t *bytes, size_t n_bytes) {
    *decoder = (siren_range_decoder){.range = UINT32_MAX, .bytes = bytes, .n_bytes = n_bytes};
    for (; decoder->at < 4; decoder->at++)
        decoder->code = decoder->code << 8 | (decoder->at < n_bytes ? bytes[decoder->at] : 0u);
}

siren_status siren_range_decoder_finish(siren_range_decoder *decoder, const char *name) {
    uint64_t mark = siren_range_get_bits(decoder, 8);
    if (decoder->at - 3 < decoder->n_bytes)
        return siren_fail(SIREN_CORRUPT, "%s: has %zu byte%s after the end of the coded values", name,
                          decoder->n_bytes - (decoder->at - 3),
                          siren_plural(decoder->n_bytes - (decoder->at - 3)));
    if (siren_range_decoder_is_short(decoder))
        return siren_fail(SIREN_CORRUPT, "%s: the coded values go on after the end of their %zu byte%s", name,
                          decoder->n_bytes, siren_plural(decoder->n_bytes));
    if (mark != END_MARK)
        return siren_fail(SIREN_CORRUPT, "%s: the end mark of the coded values is %u instead of %u", name,
                          (unsigned)mark, END_MARK);
    return SIREN_OK;
}

void siren_range_put_bits(siren_range_encoder *encoder, uint64_t value, unsigned n_bits) {
    while (n_bits-- > 0) siren_range_put(encoder, HALF, value >> n_bits & 1);
}

uint64_t siren_range_get_bits(siren_range_decoder *decoder, unsigned n_bits) {
    uint64_t value = 0;
    while (n_bits-- > 0) value = value << 1 | siren_range_get(decoder, HALF);
    return value;
}

/* ---- adaptive models ---- */

#define RATE(n) 131072 / (2 * (n) + 3)
#define RATES_8(n)                                                                                           \
    RATE(n), RATE(n + 1), RATE(n + 2), RATE(n + 3), RATE(n + 4), RATE(n + 5), RATE(n + 6), RATE(n + 7)
#define RATES_32(n) RATES_8(n), RATES_8(n + 8), RATES_8(n + 16), RATES_8(n + 24)
const uint16_t siren_bit_model_rates[SIREN_BIT_MODEL_SLOW + 1] = {RATES_32(0),   RATES_32(32),  RATES_32(64),
                                                                  RATES_32(96),  RATES_32(128), RATES_32(160),
                                                                  RATES_32(192), RATES_32(224)};

void siren_bit_models_begin(siren_bit_model *models, size_t n) {
    for (size_t i = 0; i < n; i++) models[i] = (siren_bit_model){HALF, HALF, 0};
}

/* ---- integers ---- */

void siren_integer_models_begin(siren_integer_model *models, size_t n) {
    siren_bit_models_begin((siren_bit_model *)models, n * (sizeof *models / sizeof(siren_bit_model)));
}

/* n >= 1 as the number of bits below its highest, and these: of them the highest has a model. */
static void exp_golomb_put(siren_range_encoder *encoder, siren_integer_model *model, uint64_t n) {
    unsigned exponent = 0;
    while (n >> exponent > 1) exponent++;
    for (unsigned e = 0; e < exponent; e++) siren_bit_put(encoder, &model->exponent[e], true);
    if (exponent < 63) siren_bit_put(encoder, &model->exponent[exponent], false);
    if (exponent == 0) return;
    siren_bit_put(encoder, &model->mantissa[exponent], n >> (exponent - 1) & 1);
    siren_range_put_bits(encoder, n, exponent - 1);
}

static uint64_t exp_golomb_get(siren_range_decoder *decoder, siren_integer_model *model) {
    unsigned exponent = 0;
    while (exponent < 63 && siren_bit_get(decoder, &model->exponent[exponent])) exponent++;
    if (exponent == 0) return 1;
    uint64_t high = 2 | (uint64_t)siren_bit_get(decoder, &model->mantissa[exponent]);
    return high << (exponent - 1) | siren_range_get_bits(decoder, exponent - 1);
}

/* A value above 0. */
static void positive_put(siren_range_encoder *encoder, siren_integer_model *model, uint64_t value) {
    for (unsigned i = 0; i < SIREN_UNARY_LIMIT; i++) {
        bool more = value > i + 1;
        siren_bit_put(encoder, &model->more[i], more);
        if (!more) return;
    }
    exp_golomb_put(encoder, model, value - SIREN_UNARY_LIMIT);
}

static uint64_t positive_get(siren_range_decoder *decoder, siren_integer_model *model) {
    for (unsigned i = 0; i < SIREN_UNARY_LIMIT; i++)
        if (!siren_bit_get(decoder, &model->more[i])) return i + 1;
    return exp_golomb_get(decoder, model) + SIREN_UNARY_LIMIT;
}

void siren_magnitude_put(siren_range_encoder *encoder, siren_integer_model *model, uint64_t value) {
    siren_bit_put(encoder, &model->nonzero, value != 0);
    if (value != 0) positive_put(encoder, model, value);
}

uint64_t siren_magnitude_get(siren_range_decoder *decoder, siren_integer_model *model) {
    return siren_bit_get(decoder, &model->nonzero) ? positive_get(decoder, model) : 0;
}

void siren_integer_put(siren_range_encoder *encoder, siren_integer_model *model, int64_t value) {
    siren_bit_put(encoder, &model->nonzero, value != 0);
    if (value == 0) return;
    siren_bit_put(encoder, &model->negative, value < 0);
    positive_put(encoder, model, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

int64_t siren_integer_get(siren_range_decoder *decoder, siren_integer_model *model) {
    if (!siren_bit_get(decoder, &model->nonzero)) return 0;
    bool negative = siren_bit_get(decoder, &model->negative);
    uint64_t magnitude = positive_get(decoder, model), bits = negative ? 0 - magnitude : magnitude;
    int64_t value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
