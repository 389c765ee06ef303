/* Probabilities of one bit mixed to one: their logarithms of odds, weighted, and weights that learn from each bit
 * (docs/predictive.md, chapter 7). Integers alone; all is inline, for every number of inputs is a constant where it is
 * used. */
#ifndef SIREN_ENGINE_CODING_BIT_MIXER_H
#define SIREN_ENGINE_CODING_BIT_MIXER_H

#include "engine/coding/logistic.h"
#include "engine/coding/range_coder.h"

#define SIREN_MIXER_INPUTS 16       /* at most */
#define SIREN_LARGEST_MIX (1 << 20) /* of a weight */

typedef struct {
    int32_t weights[SIREN_MIXER_INPUTS]; /* in 1/65536 */
    uint32_t seen;
} siren_bit_mixer;

/* The logarithm of the odds of a one, in 1/256, from `n` such inputs. */
static inline int64_t siren_mix(const siren_bit_mixer *mixer, const int32_t *inputs, size_t n) {
    int64_t sum = 0;
    for (size_t i = 0; i < n; i++) sum += (int64_t)inputs[i] * mixer->weights[i];
    return sum >> 16;
}

/* After the bit: each weight moves along its input by the error, 65535 or 0 less the probability that the mixer gave,
 * in 1/2^shift, and more slowly later on. */
static inline void siren_mixer_learn(siren_bit_mixer *mixer, const int32_t *inputs, size_t n, int32_t error,
                                     int shift) {
    shift += mixer->seen < 64 ? 0 : mixer->seen < 512 ? 1 : 2;
    mixer->seen += mixer->seen < 512;
    for (size_t i = 0; i < n; i++) {
        int32_t weight = mixer->weights[i] + ((inputs[i] * error + (1 << (shift - 1))) >> shift);
        mixer->weights[i] = weight < -SIREN_LARGEST_MIX  ? -SIREN_LARGEST_MIX
                            : weight > SIREN_LARGEST_MIX ? SIREN_LARGEST_MIX
                                                         : weight;
    }
}

/* A mixed probability, of 65536, within what the range coder takes and a surprise may cost. */
static inline uint32_t siren_mixed_probability(const siren_logistic *tables, int64_t x) {
    uint32_t p = siren_squash(tables, x);
    return p < 32 ? 32 : p > 65504 ? 65504 : p;
}

/* Where bits go to, or come from: one of the two is there. */
typedef struct {
    siren_range_encoder *encoder;
    siren_range_decoder *decoder;
} siren_bit_stream;

/* `bit`, or that which is read. */
static inline bool siren_stream_bit(const siren_bit_stream *stream, uint32_t probability, bool bit,
                                    const bool decoding) {
    if (decoding) return siren_range_get(stream->decoder, probability);
    siren_range_put(stream->encoder, probability, bit);
    return bit;
}

#endif
