/* What the targets of coders make of an input's bytes: numbers, voxels, masks, networks, and damage to what was
 * coded of these. */
#ifndef SIREN_TESTS_FUZZ_INPUT_H
#define SIREN_TESTS_FUZZ_INPUT_H

#include "engine/context/context_network.h"
#include "formats/little_endian.h"
#include "formats/series.h"
#include "tests/fuzz/must.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What is left of it; 0s follow its end. */
typedef struct {
    const uint8_t *bytes;
    size_t n;
} fuzz_input;

static inline unsigned input_byte(fuzz_input *in) {
    if (in->n == 0) return 0;
    in->n--;
    return *in->bytes++;
}

/* Byte i of what repeats without end. */
static inline uint8_t input_byte_at(const fuzz_input *in, size_t i) {
    return in->n ? in->bytes[i % in->n] : 0;
}

static inline siren_datatype input_datatype(fuzz_input *in) {
    static const siren_datatype types[] = {SIREN_UINT8,   SIREN_INT8,   SIREN_INT16, SIREN_UINT16,
                                           SIREN_INT32,   SIREN_UINT32, SIREN_INT64, SIREN_UINT64,
                                           SIREN_FLOAT32, SIREN_FLOAT64};
    return types[input_byte(in) % 10];
}

/* A largest error: none, usual ones, whatever eight bytes say. */
static inline double input_bound(fuzz_input *in) {
    static const double bounds[] = {0,  0,   0.01, 0.37, 0.5,  1,      1.99, 3,
                                    10, 1e5, 1e15, 3e18, 1e30, 1e-300, 1e308};
    const unsigned which = input_byte(in) % 16;
    double bound;
    uint8_t bits[8];
    if (which < 15) return bounds[which];
    for (size_t i = 0; i < 8; i++) bits[i] = (uint8_t)input_byte(in);
    memcpy(&bound, bits, sizeof bound);
    return bound;
}

/* Every so many are outside, in rows of 1 to 4. */
static inline void input_mask(fuzz_input *in, size_t n, uint8_t *inside) {
    const unsigned how = input_byte(in);
    for (size_t i = 0; i < n; i++) inside[i] = (i >> how % 3) * (how / 8 | 1) % 7 >= how / 3 % 8;
}

/* ---- voxels ---- */

/* What few images hold: integers at the ends of their type, floats that are none or hardly. */
static inline void input_odd_voxel(siren_datatype type, uint8_t which, uint8_t *to) {
    static const double odd[] = {0,    -0.0,  INFINITY, -INFINITY, NAN,  1e-310,  -1e-40, 0x1p-149,
                                 3e38, -3e38, 1e300,    -1e300,    -3.5, 0x1p-60, 1e30,   0x1p24};
    const size_t size = siren_datatype_size(type);
    const uint64_t top = (uint64_t)1 << (8 * size - 1),
                   whole[] = {0, top, top - 1, top + (top - 1), 1, top + 1};
    if (type == SIREN_FLOAT32)
        memcpy(to, &(float){(float)odd[which % 16]}, size);
    else if (type == SIREN_FLOAT64)
        memcpy(to, &odd[which % 16], size);
    else
        for (size_t i = 0; i < size; i++)
            to[siren_big_endian_machine() ? size - 1 - i : i] = (uint8_t)(whole[which % 6] >> 8 * i);
}

/* n values of rows of nx: the bytes themselves, or a series they are the noise of, as the first says. */
static inline void input_voxels(fuzz_input *in, siren_datatype type, size_t nx, size_t n, void *voxels) {
    const size_t size = siren_datatype_size(type);
    const unsigned how = input_byte(in);
    const double unit = ldexp(how & 8 ? 0.1 : 1, how & 16 ? (int)(how >> 5) - 4 : (int)(how >> 5));
    double walk = 100;
    for (size_t i = 0; i < n; i++) {
        const uint8_t byte = input_byte_at(in, i);
        const int way = (int8_t)byte;
        uint8_t *to = (uint8_t *)voxels + i * size;
        walk += way / 8;
        double value = how % 8 == 1 ? byte : how % 8 == 2 ? way : how % 8 == 3 ? walk : 100 + way / 16;
        if (how % 8 >= 4) value += 40 * (double)(i % nx) / (double)nx + 7 * (double)(i / nx % 8);
        if (how % 8 == 0)
            for (size_t k = 0; k < size; k++) to[k] = input_byte_at(in, i * size + k);
        else if (how % 8 == 7 || (how % 8 == 6 && byte % 16 == 15))
            input_odd_voxel(type, byte >> 4, to);
        else
            siren_datatype_from_double(type, &(double){value * unit}, 1, to);
    }
}

/* The second half of what is left, cut off. */
static inline fuzz_input input_half(fuzz_input *in) {
    fuzz_input half = {in->bytes + (in->n - in->n / 2), in->n / 2};
    in->n -= half.n;
    return half;
}

/* ---- networks ---- */

/* One that nobody trained: of all magnitudes, of small ones, of the largest. */
static inline void input_network(fuzz_input *in, siren_context_kind kind, siren_context_network *out) {
    const unsigned how = input_byte(in), seed = input_byte(in);
    uint32_t state = seed;
    *out = (siren_context_network){.kind = kind,
                                   .widths = {siren_context_n_features(kind), 16 + 16 * (how & 1),
                                              16 + 16 * (how >> 1 & 1), siren_context_n_outputs(kind)}};
    for (size_t l = 0; l < SIREN_CONTEXT_LAYERS; l++)
        for (size_t i = 0; i <= out->widths[l]; i++)
            for (size_t j = 0; j < out->widths[l + 1]; j++) {
                state = state * 1664525 + 1013904223;
                const int32_t any = (int32_t)(state >> 21) % (2 * SIREN_CONTEXT_LARGEST_WEIGHT + 1) -
                                    SIREN_CONTEXT_LARGEST_WEIGHT;
                out->weights[l][i][j] =
                    (int16_t)(how >> 2 & 1   ? any / 64
                              : how >> 3 & 1 ? (any < 0 ? -1 : 1) * SIREN_CONTEXT_LARGEST_WEIGHT
                                             : any);
            }
}

/* ---- damage ---- */

/* What happens to coded bytes, one after the other: where, what and how. Nothing of n = 0. */
typedef struct {
    unsigned n;
    uint8_t what[4][4];
} fuzz_damage;

static inline fuzz_damage input_damage(fuzz_input *in) {
    fuzz_damage damage = {.n = input_byte(in) % 5};
    for (unsigned i = 0; i < damage.n; i++)
        for (size_t k = 0; k < 4; k++) damage.what[i][k] = (uint8_t)input_byte(in);
    return damage;
}

/* A damaged copy, of exactly its length for AddressSanitizer; yours. */
static inline uint8_t *input_spoil(const fuzz_damage *damage, const uint8_t *bytes, size_t n, size_t *n_out) {
    uint8_t *copy = malloc(n + 16 * 4 + 1);
    MUST(copy);
    if (n > 0) memcpy(copy, bytes, n);
    for (unsigned d = 0; d < damage->n; d++) {
        const uint8_t *what = damage->what[d];
        const size_t at = (what[0] | (size_t)what[1] << 8) % (n + 1), some = 1 + what[3] % 16u,
                     there = n - at < some ? n - at : some;
        switch (what[2] % 6) {
        case 0: /* other bits */
            if (at < n) copy[at] ^= what[3];
            break;
        case 1:
            if (at < n) copy[at] = (uint8_t)(copy[at] + (what[3] % 2 ? 1 : -1));
            break;
        case 2:
            n = at;
            break;
        case 3: /* less */
            memmove(copy + at, copy + at + there, n - at - there);
            n -= there;
            break;
        case 4: /* more */
            memmove(copy + at + some, copy + at, n - at);
            memset(copy + at, what[3], some);
            n += some;
            break;
        default:
            memset(copy + at, what[3] % 2 ? 255 : 0, there);
        }
    }
    uint8_t *exact = malloc(n);
    MUST(exact || n == 0);
    if (n > 0) memcpy(exact, copy, n);
    free(copy);
    *n_out = n;
    return exact;
}

#endif
