/* The logistic function and its inverse as tables of integers (docs/predictive.md, chapter 7). */
#ifndef SIREN_ENGINE_CODING_LOGISTIC_H
#define SIREN_ENGINE_CODING_LOGISTIC_H

#include "host/base.h"

#define SIREN_STRETCH_LIMIT 2047

typedef struct {
    uint16_t squash[2 * SIREN_STRETCH_LIMIT + 2]; /* of x / 256 */
    int16_t stretch[4096];
} siren_logistic;

void siren_logistic_fill(siren_logistic *tables);

static inline int32_t siren_stretch_limited(int64_t x) {
    return (int32_t)(x < -SIREN_STRETCH_LIMIT  ? -SIREN_STRETCH_LIMIT
                     : x > SIREN_STRETCH_LIMIT ? SIREN_STRETCH_LIMIT
                                               : x);
}

static inline uint32_t siren_squash(const siren_logistic *tables, int64_t x) {
    return tables->squash[siren_stretch_limited(x) + SIREN_STRETCH_LIMIT + 1];
}

#endif
