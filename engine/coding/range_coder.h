/* The range coder: bits with probabilities to bytes and back, on any machine alike. docs/range-coder.md is normative.
 *
 * A probability is that of a one, in 1/65536: 1 to 65535. Bits come from adaptive models, or from whatever else tells
 * encoder and decoder the same probability. A decoder reads borrowed bytes, never past their end; where they end early
 * it goes on with zeros and remembers, so that a caller whose number of values is bounded needs one check, in the
 * end. */
#ifndef SIREN_ENGINE_CODING_RANGE_CODER_H
#define SIREN_ENGINE_CODING_RANGE_CODER_H

#include "host/base.h"

/* ---- the coder ---- */

typedef struct {
    uint32_t low, range;
    uint8_t *bytes;
    size_t n_bytes, capacity;
    siren_status status; /* SYSTEM once memory is out; what follows is dropped */
} siren_range_encoder;

void siren_range_encoder_begin(siren_range_encoder *encoder);
/* Writes the end mark. `*bytes` is yours: free(). Releases the encoder in any case. */
siren_status siren_range_encoder_finish(siren_range_encoder *encoder, uint8_t **bytes, size_t *n_bytes);
/* Drops what was written; for leaving without finish. */
void siren_range_encoder_free(siren_range_encoder *encoder);

typedef struct {
    uint32_t code, range;
    const uint8_t *bytes;
    size_t n_bytes, at; /* `at` counts on past the end */
} siren_range_decoder;

void siren_range_decoder_begin(siren_range_decoder *decoder, const uint8_t *bytes, size_t n_bytes);
/* Reads the end mark. CORRUPT, with `name` in the message, unless it is there and the bytes end with it. */
siren_status siren_range_decoder_finish(siren_range_decoder *decoder, const char *name);
/* The bytes have ended before the end mark: long loops may stop. */
static inline bool siren_range_decoder_is_short(const siren_range_decoder *decoder) {
    return decoder->at > decoder->n_bytes && decoder->at - decoder->n_bytes > 3;
}

/* Parts of siren_range_put(): the upper byte of `low` to the buffer, and a carry into it. */
void siren_range_shift(siren_range_encoder *encoder);
void siren_range_carry(siren_range_encoder *encoder);

static inline void siren_range_put(siren_range_encoder *encoder, uint32_t probability, bool bit) {
    uint32_t bound = (uint32_t)((uint64_t)encoder->range * probability >> 16);
    if (bit) {
        encoder->range = bound;
    } else {
        encoder->low += bound;
        if (encoder->low < bound) siren_range_carry(encoder);
        encoder->range -= bound;
    }
    while (encoder->range < (uint32_t)1 << 24) siren_range_shift(encoder);
}

static inline bool siren_range_get(siren_range_decoder *decoder, uint32_t probability) {
    uint32_t bound = (uint32_t)((uint64_t)decoder->range * probability >> 16);
    bool bit = decoder->code < bound;
    decoder->code -= bit ? 0 : bound;
    decoder->range = bit ? bound : decoder->range - bound;
    while (decoder->range < (uint32_t)1 << 24) {
        decoder->range <<= 8;
        decoder->code =
            decoder->code << 8 | (decoder->at < decoder->n_bytes ? decoder->bytes[decoder->at] : 0u);
        decoder->at++;
    }
    return bit;
}

/* The lower `n_bits` of `value`, the highest first, with probability one half each. */
void siren_range_put_bits(siren_range_encoder *encoder, uint64_t value, unsigned n_bits);
uint64_t siren_range_get_bits(siren_range_decoder *decoder, unsigned n_bits);

/* ---- adaptive models ---- */

/* Two estimates of how probable a one is, the fast and the slow, both quick at first. */
typedef struct {
    uint16_t fast, slow, seen;
} siren_bit_model;

/* An estimate moves by 1/1.5, 1/2.5 ... of its error, down to 1/(this + 1.5). */
#define SIREN_BIT_MODEL_FAST 30
#define SIREN_BIT_MODEL_SLOW 255
extern const uint16_t siren_bit_model_rates[SIREN_BIT_MODEL_SLOW + 1];

void siren_bit_models_begin(siren_bit_model *models, size_t n);

static inline uint32_t siren_bit_model_probability(const siren_bit_model *model) {
    uint32_t p = ((uint32_t)model->fast + model->slow + 1) >> 1;
    return p < 16 ? 16 : p > 65520 ? 65520 : p;
}

static inline void siren_bit_model_update(siren_bit_model *model, bool bit) {
    uint32_t seen = model->seen;
    uint32_t slow = siren_bit_model_rates[seen];
    uint32_t fast = siren_bit_model_rates[seen < SIREN_BIT_MODEL_FAST ? seen : SIREN_BIT_MODEL_FAST];
    if (bit) {
        model->fast = (uint16_t)(model->fast + ((65535u - model->fast) * fast >> 16));
        model->slow = (uint16_t)(model->slow + ((65535u - model->slow) * slow >> 16));
    } else {
        model->fast = (uint16_t)(model->fast - (model->fast * fast >> 16));
        model->slow = (uint16_t)(model->slow - (model->slow * slow >> 16));
    }
    model->seen = (uint16_t)(seen + (seen < SIREN_BIT_MODEL_SLOW));
}

static inline void siren_bit_put(siren_range_encoder *encoder, siren_bit_model *model, bool bit) {
    siren_range_put(encoder, siren_bit_model_probability(model), bit);
    siren_bit_model_update(model, bit);
}

static inline bool siren_bit_get(siren_range_decoder *decoder, siren_bit_model *model) {
    bool bit = siren_range_get(decoder, siren_bit_model_probability(model));
    siren_bit_model_update(model, bit);
    return bit;
}

/* ---- integers ---- */

#define SIREN_UNARY_LIMIT 14

/* The bits of an integer in one context: is it not 0, is it negative, its magnitude in unary as far as the limit, and
 * beyond it in Exp-Golomb code. A context costs 0.9 KB. */
typedef struct {
    siren_bit_model nonzero, negative, more[SIREN_UNARY_LIMIT], exponent[63], mantissa[64];
} siren_integer_model;

void siren_integer_models_begin(siren_integer_model *models, size_t n);
void siren_integer_put(siren_range_encoder *encoder, siren_integer_model *model, int64_t value);
int64_t siren_integer_get(siren_range_decoder *decoder, siren_integer_model *model);
/* The same without a sign. */
void siren_magnitude_put(siren_range_encoder *encoder, siren_integer_model *model, uint64_t value);
uint64_t siren_magnitude_get(siren_range_decoder *decoder, siren_integer_model *model);

#endif
