#include "engine/transform/mixer.h"

/* 65536 / (1 + exp(8 - i / 2)) */
static const uint16_t logistic[33] = {22,    36,    60,    98,    162,   267,   439,   720,   1179,
                                      1921,  3108,  4971,  7812,  11955, 17625, 24743, 32768, 40793,
                                      47911, 53581, 57724, 60565, 62428, 63615, 64357, 64816, 65097,
                                      65269, 65374, 65438, 65476, 65500, 65514};

#define SIREN_VOTE_EXPECTING 2

#define RATE(n) 131072 / (2 * (n) + 3)
#define RATES_8(n)                                                                                           \
    RATE(n), RATE(n + 1), RATE(n + 2), RATE(n + 3), RATE(n + 4), RATE(n + 5), RATE(n + 6), RATE(n + 7)
#define RATES_64(n)                                                                                          \
    RATES_8(n), RATES_8(n + 8), RATES_8(n + 16), RATES_8(n + 24), RATES_8(n + 32), RATES_8(n + 40),          \
        RATES_8(n + 48), RATES_8(n + 56)
const uint16_t siren_vote_rates[SIREN_VOTE_LIMIT + 1] = {RATES_64(0), RATES_64(64), RATES_64(128),
                                                         RATES_64(192)};

void siren_votes_begin(siren_vote *votes, size_t n) {
    for (size_t i = 0; i < n; i++) votes[i] = (uint32_t)1 << 31;
}

siren_vote siren_vote_expecting(uint32_t part, uint32_t whole) {
    return (uint32_t)(((uint64_t)part << 22) / whole) << 10 | SIREN_VOTE_EXPECTING;
}

void siren_mixer_tables_make(siren_mixer_tables *tables) {
    size_t p = 0;
    for (uint32_t i = 0; i < 4096; i++) {
        uint32_t at = i >> 7, part = i & 127;
        tables->squash[i] = (uint16_t)((logistic[at] * (128 - part) + logistic[at + 1] * part + 64) >> 7);
    }
    for (int32_t x = -2047; x < 2048; x++)
        for (; p <= tables->squash[x + 2048] >> 4; p++) tables->stretch[p] = (int16_t)x;
    for (; p < 4096; p++) tables->stretch[p] = 2047;
}

void siren_mixers_begin(siren_mixer *mixers, size_t n) {
    for (size_t i = 0; i < n; i++) {
        mixers[i] = (siren_mixer){.seen = 0};
        for (int j = 0; j < SIREN_MIXER_MODELS; j++) mixers[i].weights[j] = 3000;
    }
}
