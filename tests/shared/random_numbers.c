#include "tests/shared/random_numbers.h"

uint64_t random_state;

static uint64_t next(void) { /* splitmix64 */
    uint64_t z = random_state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

uint64_t random_bits(unsigned n) {
    const uint64_t bits = next();
    return n == 0 ? 0 : bits >> (64 - n);
}

uint32_t random_u32(void) { return (uint32_t)(next() >> 32); }

double noise(void) {
    double sum = -6;
    for (int i = 0; i < 12; i++) sum += random_u32() / 4294967296.0;
    return sum;
}
