/* Which levels a block gets: the encoder's part of coefficients.c. Nothing here is normative. */
#ifndef SIREN_ENGINE_TRANSFORM_COEFFICIENT_CHOICE_H
#define SIREN_ENGINE_TRANSFORM_COEFFICIENT_CHOICE_H

#include "engine/transform/coefficient_contexts.h"

#include <math.h>
#include <stdlib.h>

static inline float cost(const siren_coefficients *coder, uint32_t probability, bool bit) {
    return coder->cost[(bit ? probability : 65536 - probability) >> 4];
}

/* Of the mean's level, `levels` hold the difference to what was expected while a block is chosen and coded. */
typedef struct {
    int32_t levels[BLOCK]; /* in the order of the scan */
    unsigned extent;       /* diagonals; 0: all levels are 0 */
} chosen_block;

/* Diagonals at the end without a level need not be coded. */
static inline void trim_extent(const siren_coefficients *coder, chosen_block *out) {
    while (out->extent > 0) {
        bool empty = true;
        for (unsigned n = 0; n < BLOCK; n++)
            if (coder->diagonal[n] + 1u == out->extent && out->levels[n] != 0) empty = false;
        if (!empty) break;
        out->extent--;
    }
}

/* Of one quantiser. The levels of least distortion + lambda bits, at the models' present state, one after the other. */
static inline void choose(siren_coefficients *coder, size_t block, const float *wanted, float lambda,
                          const int8_t *points, bool predicted, chosen_block *out) {
    unsigned last = 0, contexts[MODELS];
    float all_zero = 0, distortion[DIAGONALS] = {0}, bits[DIAGONALS] = {0};
    siren_mixed_bit bit;
    surroundings s;
    begun_block begun = {.count = 0};
    out->extent = 0;
    memset(out->levels, 0, sizeof out->levels);
    for (unsigned n = 0; n < BLOCK; n++) {
        float magnitude = fabsf(wanted[coder->scan[n]]);
        all_zero += magnitude * magnitude;
        if (magnitude > 0.55f) last = coder->diagonal[n] + 1u;
    }
    if (last == 0) return;
    surroundings_begin(coder, block, &s);
    for (unsigned n = 0; n < BLOCK && coder->diagonal[n] < last; n++) {
        place p = place_at(coder, &s, &begun, n, 0);
        float value = wanted[coder->scan[n]], magnitude = fabsf(value), best = magnitude * magnitude,
              bits_best;
        unsigned kind = p.kind, d = coder->diagonal[n];
        float step = predicted && n == 0 ? 0 : 1.0f / 256;
        place_bit(coder, &p, 0, &bit);
        bits_best = cost(coder, bit.probability, false);
        int32_t nearest = (int32_t)fminf(magnitude + 0.5f, (float)(SIREN_LEVEL_LIMIT / 2)), level = 0;
        if (nearest > 0) {
            float so_far = cost(coder, bit.probability, true) + 1, least = best + lambda * bits_best,
                  distance = best;
            int32_t from = nearest > 2 ? nearest - 1 : 1;
            for (int32_t l = 1; l <= nearest; l++) {
                float stop = 0, go = 0;
                if (l <= UNARY) {
                    place_bit(coder, &p, (unsigned)l, &bit);
                    stop = cost(coder, bit.probability, false);
                    go = cost(coder, bit.probability, true);
                } else if (l < from) {
                    l = from;
                    so_far += 2 * log2f((float)(l - UNARY));
                }
                if (l >= from) {
                    float error = magnitude - ((float)l - step * (float)points[kind + (l > 1)]);
                    float j = error * error + lambda * (so_far + stop);
                    if (j < least || (l == from && nearest > 2)) {
                        least = j;
                        level = l;
                        distance = error * error;
                        bits_best = so_far + stop;
                    }
                }
                so_far += go;
            }
            best = distance;
        }
        out->levels[n] = value < 0 ? -level : level;
        place_done(coder, &begun, n, (uint32_t)level);
        distortion[d] += best;
        bits[d] += bits_best;
    }
    /* Where to end: what lies behind is 0. */
    flag_bit(coder, block, &bit);
    float least = all_zero + lambda * cost(coder, bit.probability, false),
          coded = lambda * cost(coder, bit.probability, true), tail = all_zero;
    length_contexts(coder, block, contexts);
    for (unsigned d = 0, n = 0; d < last; d++) {
        float length = 0;
        for (; n < BLOCK && coder->diagonal[n] == d; n++)
            tail -= wanted[coder->scan[n]] * wanted[coder->scan[n]];
        coded += distortion[d] + lambda * bits[d];
        for (unsigned known = 1, i = 4; i-- > 0; known = known << 1 | (d >> i & 1)) {
            length_bit(coder, contexts, known, &bit);
            length += cost(coder, bit.probability, d >> i & 1);
        }
        if (coded + tail + lambda * length < least) {
            least = coded + tail + lambda * length;
            out->extent = d + 1;
        }
    }
    trim_extent(coder, out);
    for (unsigned n = 0; n < BLOCK; n++)
        if (coder->diagonal[n] >= out->extent) out->levels[n] = 0;
}

/* Whether the means are better told as differences. */
static inline bool prediction_pays(const siren_coefficients *coder, const float *wanted) {
    float plain = 0, predicted = 0;
    size_t across = coder->across;
    for (size_t block = 0; block < across * coder->down; block++) {
        if (!coder->used[block]) continue;
        bool has_left = block % across > 0 && coder->used[block - 1],
             has_up = block >= across && coder->used[block - across];
        float left = has_left ? wanted[(block - 1) * BLOCK] : 0,
              up = has_up ? wanted[(block - across) * BLOCK] : 0;
        float value = wanted[block * BLOCK], guess = has_left && has_up ? (left + up) / 2 : left + up;
        plain += log2f(1 + fabsf(value));
        predicted += log2f(1 + fabsf(value - rintf(guess)));
    }
    return predicted < plain;
}

#endif
