/* Logistic mixing: several models' probabilities of one bit become one, by weights that learn. Integers only;
 * docs/transform.md is normative. */
#ifndef SIREN_ENGINE_TRANSFORM_MIXER_H
#define SIREN_ENGINE_TRANSFORM_MIXER_H

#include "engine/coding/range_coder.h"

/* Models that vote on a bit; one more vote is constant. */
#define SIREN_MIXER_MODELS 7
#define SIREN_MIXER_VOTES (SIREN_MIXER_MODELS + 1)

/* An adaptive probability of a one in the upper 22 bits, how many bits it has seen in the lower 10. */
typedef uint32_t siren_vote;
#define SIREN_VOTE_LIMIT 255
extern const uint16_t siren_vote_rates[SIREN_VOTE_LIMIT + 1];

/* Weights in 1/16384. */
typedef struct {
    int32_t weights[SIREN_MIXER_VOTES];
    uint32_t seen;
} siren_mixer;

/* ln(p / (1 - p)) in 1/256 for probabilities in 1/4096, and back to 1/65536 for -2048 ... 2047. */
typedef struct {
    int16_t stretch[4096];
    uint16_t squash[4096];
} siren_mixer_tables;

void siren_mixer_tables_make(siren_mixer_tables *tables);
static inline void siren_vote_update(siren_vote *vote, bool value) {
    uint32_t seen = *vote & 1023, p = *vote >> 10, pace = siren_vote_rates[seen];
    p = value ? p + (uint32_t)(((uint64_t)(4194303 - p) * pace) >> 16)
              : p - (uint32_t)(((uint64_t)p * pace) >> 16);
    *vote = p << 10 | (seen + (seen < SIREN_VOTE_LIMIT));
}

void siren_votes_begin(siren_vote *votes, size_t n);
/* A vote that takes `part` of `whole` for the probability until it has seen better. */
siren_vote siren_vote_expecting(uint32_t part, uint32_t whole);
void siren_mixers_begin(siren_mixer *mixers, size_t n);

/* A bit about to be coded: who votes on it, how, and what comes of it. */
typedef struct {
    siren_vote *voters[SIREN_MIXER_MODELS];
    siren_mixer *mixer;
    int32_t votes[SIREN_MIXER_VOTES];
    uint32_t probability; /* of a one, in 1/65536 */
} siren_mixed_bit;

/* The probability of a bit whose models and mixer are set. */
static inline uint32_t siren_mixed_predict(const siren_mixer_tables *tables, siren_mixed_bit *bit) {
    int32_t sum = 0;
    for (int i = 0; i < SIREN_MIXER_MODELS; i++) bit->votes[i] = tables->stretch[*bit->voters[i] >> 20];
    bit->votes[SIREN_MIXER_MODELS] = 256;
    for (int i = 0; i < SIREN_MIXER_VOTES; i++) sum += bit->votes[i] * bit->mixer->weights[i];
    sum = (sum + 8192) >> 14;
    sum = sum < -2047 ? -2047 : sum > 2047 ? 2047 : sum;
    return bit->probability = tables->squash[sum + 2048];
}

static inline void siren_mixed_update(siren_mixed_bit *bit, bool value) {
    siren_mixer *mixer = bit->mixer;
    int32_t rate = mixer->seen < 240 ? 18 - (int32_t)(mixer->seen >> 4) : 4;
    int32_t error = ((value ? 65536 : 0) - (int32_t)bit->probability) * rate >> 4;
    mixer->seen++;
    for (int i = 0; i < SIREN_MIXER_VOTES; i++) {
        int32_t weight = mixer->weights[i] + ((bit->votes[i] * (error >> 2) + 8192) >> 14);
        mixer->weights[i] = weight < -65535 ? -65535 : weight > 65535 ? 65535 : weight;
    }
    for (int i = 0; i < SIREN_MIXER_MODELS; i++) siren_vote_update(bit->voters[i], value);
}

#endif
