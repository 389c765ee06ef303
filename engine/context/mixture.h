/* What a context network says of the next value: a mixture of three logistic distributions over integers, and how much
 * of it lies beyond a bound. All in integers, the same on every machine; docs/context.md is normative. */
#ifndef SIREN_ENGINE_CONTEXT_MIXTURE_H
#define SIREN_ENGINE_CONTEXT_MIXTURE_H

#include "cl/layout.h" /* SIREN_MIXTURE distributions; outputs: centers, logarithms of scales, logits */
#include "host/base.h"

#define SIREN_MIXTURE_WHOLE ((uint32_t)1 << 24) /* the mass of all values */

/* Tables that follow from formulas; filled once by whoever evaluates. */
typedef struct {
    uint32_t tail[514];      /* 2^22 / (1 + exp(i / 32)) */
    uint16_t logarithm[256]; /* of 1 + i / 256, to the base 2, in 1/1024 */
    uint32_t power[1025];    /* 2^16 * 2^(i / 1024) */
} siren_mixture_tables;
void siren_mixture_fill(siren_mixture_tables *tables);

/* log2(x) in 1/1024; x is not 0. */
static inline int32_t siren_mixture_log(const siren_mixture_tables *tables, uint32_t x) {
    unsigned exponent = 31 - (unsigned)__builtin_clz(x);
    uint32_t part = exponent >= 8 ? x >> (exponent - 8) : x << (8 - exponent);
    return (int32_t)(exponent << 10) + tables->logarithm[part & 255];
}

typedef struct {
    int32_t center[SIREN_MIXTURE];   /* in 1/256 */
    uint32_t inverse[SIREN_MIXTURE]; /* of a scale, which a shift follows */
    unsigned shift[SIREN_MIXTURE];
    uint32_t weight[SIREN_MIXTURE]; /* in 1/65536 */
    int32_t mean;                   /* in 1/256 */
    uint32_t spread;                /* in 1/256: how far from the mean values are expected */
} siren_mixture;

/* From a network's outputs (1/256) around a prediction (1/256) with the scale that the features were divided by
 * (1/256). */
void siren_mixture_from(const siren_mixture_tables *tables, const int32_t *outputs, int32_t predicted,
                        uint32_t scale, int32_t largest, siren_mixture *out);

/* The mass of what is above `edge` (in 1/256), 0 to SIREN_MIXTURE_WHOLE. */
static inline uint32_t siren_mixture_above(const siren_mixture_tables *tables, const siren_mixture *mixture,
                                           int64_t edge) {
    uint64_t sum = 0;
    for (size_t k = 0; k < SIREN_MIXTURE; k++) {
        int64_t x = ((edge - mixture->center[k]) * (int64_t)mixture->inverse[k]) >> mixture->shift[k];
        int64_t distance = x < 0 ? -x : x;
        uint32_t at = distance < 512 * 32 - 1 ? (uint32_t)distance : 512 * 32 - 1, part = at & 31;
        uint32_t tail = (tables->tail[at >> 5] * (32 - part) + tables->tail[(at >> 5) + 1] * part) >> 5;
        sum += (uint64_t)(x < 0 ? ((uint32_t)1 << 22) - tail : tail) * mixture->weight[k];
    }
    return (uint32_t)(sum >> 14);
}

#endif
