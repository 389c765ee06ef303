/* Which levels a block gets where each quantiser depends on the levels before: the encoder's part, by Viterbi's
 * algorithm. Nothing here is normative. */
#ifndef SIREN_ENGINE_TRANSFORM_COEFFICIENT_TRELLIS_H
#define SIREN_ENGINE_TRANSFORM_COEFFICIENT_TRELLIS_H

#include "engine/transform/coefficient_choice.h"

/* The cheapest way to a state. */
typedef struct {
    begun_block begun;
    float cost; /* squared steps, bits included */
} trellis_path;

/* How a path came to a state at a place. */
typedef struct {
    int32_t level; /* its magnitude */
    uint8_t from;
} trellis_move;

/* Offers a move to a state. */
static inline void offer(float cost, unsigned from, uint32_t level, float costs[QUANTISER_STATES],
                         trellis_move moves[QUANTISER_STATES]) {
    const unsigned to = state_after[from][level & 1];
    if (cost >= costs[to]) return;
    costs[to] = cost;
    moves[to] = (trellis_move){(int32_t)level, (uint8_t)from};
}

/* All levels worth a thought at a place, from one state. */
static inline void extend(siren_coefficients *coder, const surroundings *s, const trellis_path *path,
                          unsigned from, unsigned n, float magnitude, float lambda, const int8_t *points,
                          bool exact, float costs[QUANTISER_STATES], trellis_move moves[QUANTISER_STATES]) {
    const unsigned q = quantiser_of(from);
    siren_mixed_bit bit;
    place p = place_at(coder, s, &path->begun, n, q);
    place_bit(coder, &p, 0, &bit);
    offer(path->cost + magnitude * magnitude + lambda * cost(coder, bit.probability, false), from, 0, costs,
          moves);
    const float half = q ? .5f : 0;
    const uint32_t low = (uint32_t)fminf(magnitude + half, (float)(SIREN_LEVEL_LIMIT / 2));
    const float scale = exact ? 0 : 1.0f / 256;
    float so_far = cost(coder, bit.probability, true) + 1;
    if (magnitude + half < 0.35f) return;
    for (uint32_t l = 1; l <= low + 1; l++) {
        float stop = 0, go = 0;
        if (l <= UNARY) {
            place_bit(coder, &p, l, &bit);
            stop = cost(coder, bit.probability, false);
            go = cost(coder, bit.probability, true);
        } else if (l < low) {
            l = low;
            so_far += 2 * log2f((float)(l - UNARY));
        }
        if (l + 1 >= low) {
            const float error = magnitude - ((float)l - half - scale * (float)points[p.kind + (l > 1)]);
            offer(path->cost + error * error + lambda * (so_far + stop), from, l, costs, moves);
        }
        so_far += go;
    }
}

/* The levels of least distortion + lambda bits, at the models' present state. */
static inline void choose_by_trellis(siren_coefficients *coder, size_t block, const float *wanted,
                                     float lambda, const int8_t *points, bool predicted, chosen_block *out) {
    static _Thread_local trellis_path paths[2][QUANTISER_STATES];
    static _Thread_local trellis_move moves[BLOCK][QUANTISER_STATES];
    unsigned last = 0, contexts[MODELS], best_state = 0;
    float all_zero = 0;
    siren_mixed_bit bit;
    out->extent = 0;
    memset(out->levels, 0, sizeof out->levels);
    for (unsigned n = 0; n < BLOCK; n++) {
        const float magnitude = fabsf(wanted[coder->scan[n]]);
        all_zero += magnitude * magnitude;
        if (magnitude > 0.45f) last = coder->diagonal[n] + 1u;
    }
    if (last == 0) return;
    flag_bit(coder, block, &bit);
    float least = all_zero + lambda * cost(coder, bit.probability, false), tail = all_zero;
    const float begun = lambda * cost(coder, bit.probability, true);
    length_contexts(coder, block, contexts);
    trellis_path *now = paths[0], *next = paths[1];
    for (unsigned i = 0; i < QUANTISER_STATES; i++) now[i].cost = INFINITY;
    now[0].cost = begun;
    now[0].begun = (begun_block){.count = 0};
    surroundings s;
    surroundings_begin(coder, block, &s);
    for (unsigned n = 0; n < BLOCK && coder->diagonal[n] < last; n++) {
        const float value = wanted[coder->scan[n]], magnitude = fabsf(value);
        float costs[QUANTISER_STATES];
        for (unsigned i = 0; i < QUANTISER_STATES; i++) costs[i] = INFINITY;
        for (unsigned i = 0; i < QUANTISER_STATES; i++)
            if (now[i].cost < INFINITY)
                extend(coder, &s, &now[i], i, n, magnitude, lambda, points, predicted && n == 0, costs,
                       moves[n]);
        for (unsigned i = 0; i < QUANTISER_STATES; i++) {
            next[i].cost = costs[i];
            if (!(costs[i] < INFINITY)) continue;
            next[i].begun = now[moves[n][i].from].begun;
            place_done(coder, &next[i].begun, n,
                       size_of(coder, quantiser_of(moves[n][i].from), (uint32_t)moves[n][i].level));
        }
        trellis_path *was = now;
        now = next;
        next = was;
        tail -= magnitude * magnitude;
        if (n + 1 < BLOCK && coder->diagonal[n + 1] == coder->diagonal[n]) continue;
        const unsigned d = coder->diagonal[n];
        float length = 0;
        for (unsigned known = 1, i = 4; i-- > 0; known = known << 1 | (d >> i & 1)) {
            length_bit(coder, contexts, known, &bit);
            length += cost(coder, bit.probability, d >> i & 1);
        }
        for (unsigned i = 0; i < QUANTISER_STATES; i++)
            if (now[i].cost + tail + lambda * length < least) {
                least = now[i].cost + tail + lambda * length;
                out->extent = d + 1;
                best_state = i;
            }
    }
    unsigned end = 0;
    while (end < BLOCK && coder->diagonal[end] < out->extent) end++;
    for (unsigned n = end; n-- > 0;) {
        const trellis_move *move = &moves[n][best_state];
        out->levels[n] = wanted[coder->scan[n]] < 0 ? -move->level : move->level;
        best_state = move->from;
    }
    trim_extent(coder, out);
}

#endif
