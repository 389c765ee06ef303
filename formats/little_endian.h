/* Integers and floats in the byte order of the archive, at any address. */
#ifndef SIREN_FORMATS_LITTLE_ENDIAN_H
#define SIREN_FORMATS_LITTLE_ENDIAN_H

#include "host/float_bits.h"

#include <stdbool.h>

static inline bool siren_big_endian_machine(void) { return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__; }

static inline void siren_put_u32(uint8_t *to, uint32_t value) {
    for (int i = 0; i < 4; i++) to[i] = (uint8_t)(value >> (8 * i));
}

static inline void siren_put_u64(uint8_t *to, uint64_t value) {
    for (int i = 0; i < 8; i++) to[i] = (uint8_t)(value >> (8 * i));
}

static inline void siren_put_f32(uint8_t *to, float value) { siren_put_u32(to, siren_bits_of(value)); }

static inline void siren_put_f64(uint8_t *to, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    siren_put_u64(to, bits);
}

static inline uint32_t siren_get_u32(const uint8_t *from) {
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) value |= (uint32_t)from[i] << (8 * i);
    return value;
}

static inline uint64_t siren_get_u64(const uint8_t *from) {
    uint64_t value = 0;
    for (int i = 0; i < 8; i++) value |= (uint64_t)from[i] << (8 * i);
    return value;
}

static inline float siren_get_f32(const uint8_t *from) { return siren_float_of(siren_get_u32(from)); }

static inline double siren_get_f64(const uint8_t *from) {
    uint64_t bits = siren_get_u64(from);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

#endif
