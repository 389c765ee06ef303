/* The logistic function and its inverse as tables of integers (docs/predictive.md, chapter 7). */
#ifndef SIREN_ENGINE_PREDICTIVE_LOGISTIC_H
#define SIREN_ENGINE_PREDICTIVE_LOGISTIC_H

#include "host/base.h"

#define SIREN_STRETCH_LIMIT 2047

typedef struct {
    uint16_t squash[2 * SIREN_STRETCH_LIMIT + 2]; /* of x / 256 */
    int16_t stretch[4096];
} siren_logistic;

void siren_logistic_fill(siren_logistic *tables);

static inline uint32_t siren_squash(const siren_logistic *tables, int64_t x) {
    x = x < -SIREN_STRETCH_LIMIT ? -SIREN_STRETCH_LIMIT : x > SIREN_STRETCH_LIMIT ? SIREN_STRETCH_LIMIT : x;
    return tables->squash[x + SIREN_STRETCH_LIMIT + 1];
}

#endif
