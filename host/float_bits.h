/* The bits of a single-precision number, and the number of bits. */
#ifndef SIREN_HOST_FLOAT_BITS_H
#define SIREN_HOST_FLOAT_BITS_H

#include <stdint.h>
#include <string.h>

static inline uint32_t siren_bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float siren_float_of(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

#endif
