/* An integer as bits, each of which experts know a probability for: is it the center, on which side, in which cell
 * beyond it, and where in that (docs/predictive.md, chapter 8). What experts know of a value is the mass of all values
 * from a bound on. One function both ways, inlined into whoever says how masses and bits are made. */
#ifndef SIREN_ENGINE_CODING_VALUE_BITS_H
#define SIREN_ENGINE_CODING_VALUE_BITS_H

#include "engine/coding/bit_mixer.h"

/* What a bit decides, for models and mixers of its own. */
enum {
    SIREN_NODE_EXACT = 0,
    SIREN_NODE_SIGN_OF_MISS = 1,
    SIREN_NODE_SIGN = 2,
    SIREN_NODE_MORE = 3,
    SIREN_NODE_FIRST = 16,
    SIREN_NODE_SECOND = 28,
    SIREN_NODE_THIRD = 46,
    SIREN_NODES = 64 /* those of the third halving are the last */
};
#define SIREN_MOST_EXPERTS 3

/* As each expert has them; those of experts that are not there are 0. */
typedef struct {
    uint32_t of[SIREN_MOST_EXPERTS];
} siren_masses;

static inline siren_masses siren_masses_without(siren_masses a, siren_masses b) {
    for (size_t e = 0; e < SIREN_MOST_EXPERTS; e++) a.of[e] -= b.of[e] < a.of[e] ? b.of[e] : a.of[e];
    return a;
}

/* How a coder does it. A constant where it is used, so that calls become code in their place. */
typedef struct {
    /* The mass of all values from `first` on; where `down`, of all below it. */
    siren_masses (*beyond)(const void *coder, int64_t first, bool down);
    /* A bit of a node: a one has the masses `part` of `whole`. */
    bool (*code_bit)(void *coder, unsigned node, siren_masses part, siren_masses whole, bool bit,
                     bool decoding);
    siren_masses everything;
    unsigned n_halvings; /* of a cell, of which a bit has a node: 2 or 3 */
} siren_value_bits;

#define SIREN_INLINE __attribute__((always_inline)) static inline

/* m, 0 to `most`, away from `center`, in cells of width w, w, 2w, 4w ... with w = 2^k. */
SIREN_INLINE int64_t siren_code_magnitude(const siren_value_bits *how, void *coder,
                                          const siren_bit_stream *stream, int64_t center, bool down,
                                          unsigned k, int64_t most, int64_t m, const bool decoding) {
#define BEYOND(m) how->beyond(coder, down ? center - (m) + 1 : center + (m), down)
    const siren_masses nothing = {{0, 0, 0}};
    siren_masses low = BEYOND(0), high = nothing;
    int64_t begin = 0;
    unsigned cell = 0, width = k;
    for (int64_t end; (end = begin + ((int64_t)1 << width)) <= most; cell++) {
        unsigned node = SIREN_NODE_MORE + (cell < 12 ? cell : 12);
        high = BEYOND(end);
        if (!how->code_bit(coder, node, high, low, m >= end, decoding)) break;
        low = high;
        high = nothing;
        begin = end;
        if (cell > 0) width++;
    }
    unsigned node = SIREN_NODE_FIRST + (cell < 11 ? cell : 11);
    for (unsigned depth = 0; width > 0; depth++) {
        width--;
        int64_t middle = begin + ((int64_t)1 << width);
        if (middle > most) continue;
        bool bit = m >= middle;
        if (depth < how->n_halvings) {
            siren_masses at = BEYOND(middle);
            bit = how->code_bit(coder, node, siren_masses_without(at, high), siren_masses_without(low, high),
                                bit, decoding);
            if (bit)
                low = at;
            else
                high = at;
            node = (depth == 0 ? SIREN_NODE_SECOND : SIREN_NODE_THIRD) + (cell < 8 ? cell : 8) * 2 + bit;
        } else
            bit = siren_stream_bit(stream, 32768, bit, decoding);
        if (bit) begin = middle;
    }
    return begin;
#undef BEYOND
}

/* A value of 0 to `largest` near `center`, the expected error being about 2^k. */
SIREN_INLINE int64_t siren_code_value(const siren_value_bits *how, void *coder,
                                      const siren_bit_stream *stream, int64_t center, int64_t largest,
                                      unsigned k, int64_t value, const bool decoding) {
    bool above = value >= center;
    siren_masses from_center = how->beyond(coder, center, false);
    if (k == 0) {
        siren_masses from_next = how->beyond(coder, center + 1, false),
                     here = siren_masses_without(from_center, from_next);
        if (how->code_bit(coder, SIREN_NODE_EXACT, here, how->everything, value == center, decoding))
            return center;
        if (center == 0)
            above = true;
        else if (center == largest)
            above = false;
        else
            above = how->code_bit(coder, SIREN_NODE_SIGN_OF_MISS, from_next,
                                  siren_masses_without(how->everything, here), above, decoding);
        if (above) center++;
    } else if (center == 0)
        above = true;
    else
        above = how->code_bit(coder, SIREN_NODE_SIGN, from_center, how->everything, above, decoding);
    if (above)
        return center + siren_code_magnitude(how, coder, stream, center, false, k, largest - center,
                                             value - center, decoding);
    center--;
    return center -
           siren_code_magnitude(how, coder, stream, center, true, k, center, center - value, decoding);
}

#endif
