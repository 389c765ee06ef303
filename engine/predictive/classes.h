/* Classes of numbers, by which contexts go (docs/predictive.md, chapter 6). */
#ifndef SIREN_ENGINE_PREDICTIVE_CLASSES_H
#define SIREN_ENGINE_PREDICTIVE_CLASSES_H

#include "host/base.h"

#define SIREN_FRACTION_BITS 4 /* of predictions and errors below one */
#define SIREN_ONE (1 << SIREN_FRACTION_BITS)

static inline unsigned siren_at_most(unsigned x, unsigned most) { return x < most ? x : most; }

static inline uint32_t siren_magnitude(int32_t x) { return x < 0 ? 0u - (uint32_t)x : (uint32_t)x; }

/* 0 for 0, then 2^bits classes for each doubling. */
static inline unsigned siren_log_class(uint32_t x, unsigned bits, unsigned most) {
    if (x == 0) return 0;
    unsigned exponent = 31 - (unsigned)__builtin_clz(x);
    uint32_t part = exponent >= bits ? x >> (exponent - bits) : x << (bits - exponent);
    return siren_at_most(1 + (exponent << bits) + (part & ((1u << bits) - 1)), most);
}

/* Where a difference stands against half a unit, and in the second against two units as well. */
static inline unsigned siren_of_three(int32_t x, int32_t unit) {
    return x > unit / 2 ? 2 : x < -(unit / 2) ? 0 : 1;
}
static inline unsigned siren_of_five(int32_t x, int32_t unit) {
    return x > 2 * unit ? 4 : x > unit / 2 ? 3 : x < -2 * unit ? 0 : x < -(unit / 2) ? 1 : 2;
}

#endif
