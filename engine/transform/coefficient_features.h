/* What a context network is told of a coefficient before its level. docs/context-transform.md is normative. */
#ifndef SIREN_ENGINE_TRANSFORM_COEFFICIENT_FEATURES_H
#define SIREN_ENGINE_TRANSFORM_COEFFICIENT_FEATURES_H

#include "engine/transform/coefficient_contexts.h"
#include "engine/transform/coefficient_experts.h"

#include <stdlib.h>

/* 16 log2(1 + x), at most 127. */
static inline int16_t feature_of(const siren_coefficient_experts *experts, uint32_t x) {
    return x < SIREN_LOGARITHMS ? experts->logarithms[x] : 127;
}

static inline int16_t limited_feature(int32_t x) { return (int16_t)(x > 127 ? 127 : x); }

/* Of this block so far; 0 outside it. */
static inline uint32_t size_here(const begun_block *begun, int u, int w) {
    return u >= 0 && u < SIDE && w >= 0 && w < SIDE ? begun->here[(u + 2) * 11 + w + 2] : 0;
}

/* `features` (SIREN_COEFFICIENT_FEATURES) of place `at` of a block, `extent` of whose diagonals are coded. The signs'
 * predictions are those of this place. */
static inline void coefficient_features(const siren_coefficients *coder, const begun_block *begun,
                                        size_t block, unsigned extent, bool predicted, unsigned quantiser,
                                        unsigned at, int16_t *features) {
    static const int8_t here[][2] = {{-1, 0}, {0, -1}, {-1, -1}, {-1, 1}, {-2, 0},
                                     {0, -2}, {-2, 1}, {1, -2},  {-2, 2}};
    static const int8_t beside[][2] = {{-1, 0}, {1, 0}, {0, 1}, {0, -1}};
    const siren_coefficient_experts *experts = coder->experts;
    const int u = (int)at / SIDE, w = (int)at % SIDE;
    const size_t b = padded(coder, block), row = coder->across + 2, x = block % coder->across,
                 y = block / coder->across;
    const uint8_t *m = coder->sizes[0] + b * BLOCK + at, *p = coder->sizes[1] + b * BLOCK + at,
                  *left = m - BLOCK, *up = m - row * BLOCK;
    const uint16_t *old = coder->history + b * BLOCK + at, *sums = coder->sums[0] + b,
                   *sums_before = coder->sums[1] + b;
    const uint8_t *extents = coder->extents[0] + b;
    uint32_t around = 0, before = 0, history = 0;
    int16_t *f = features;
#define LOG(value) *f++ = feature_of(experts, (uint32_t)(value))
    for (size_t i = 0; i < sizeof here / sizeof *here; i++)
        LOG(size_here(begun, u + here[i][0], w + here[i][1]));
    LOG(size_here(begun, 0, 0));
    LOG(begun->count ? 8 * begun->sum / begun->count : 0);
    LOG(*left);
    LOG(*up);
    LOG(up[-BLOCK]);
    LOG(up[BLOCK]);
    LOG(x > 0 ? left[-BLOCK] : 0);
    LOG(y > 0 ? *(up - row * BLOCK) : 0);
    for (size_t i = 0; i < 4; i++) {
        const int du = beside[i][0], dw = beside[i][1], there = du * SIDE + dw;
        if (u + du < 0 || u + du >= SIDE || w + dw < 0 || w + dw >= SIDE) continue;
        around += left[there] + up[there];
        before += p[there];
        history += old[there];
    }
    LOG(around);
    LOG(*p);
    LOG(coder->sizes[2][b * BLOCK + at]);
    LOG(*old);
    LOG(p[BLOCK]);
    LOG(p[row * BLOCK]);
    LOG(p[-BLOCK]);
    LOG(*(p - row * BLOCK));
    LOG(2 * before);
    LOG(history / 4);
    LOG((old[BLOCK] + old[row * BLOCK]) / 2);
    LOG(sums[-1]);
    LOG(*(sums - row));
    LOG(*sums_before);
    LOG(coder->sums[2][b]);
    LOG(sums_before[1] + sums_before[row]);
    *f++ = (int16_t)(8 * ((int)extent - u - w));
    *f++ = (int16_t)(8 * extent);
    *f++ = (int16_t)(8 * extents[-1]);
    *f++ = (int16_t)(8 * *(extents - row));
    *f++ = (int16_t)(8 * coder->extents[1][b]);
    *f++ = (int16_t)(16 * u);
    *f++ = (int16_t)(16 * w);
    *f++ = at == 0 ? 64 : quantiser ? -64 : 0;
    *f++ = at == 0 && predicted ? 64 : 0;
    LOG(coder->component - 1);
    *f++ = (int16_t)((int)(254 * x / coder->across) - 127);
    *f++ = (int16_t)((int)(254 * y / coder->down) - 127);
    *f++ = limited_feature(coder->used[block]);
    LOG(experts->fading[at]);
    LOG(experts->before[at]);
    for (size_t i = 0; i < SIREN_SIGN_PREDICTIONS; i++)
        LOG(at == 0 ? 0 : (uint32_t)abs(experts->signs.predicted[i]) >> 4);
#undef LOG
}

#endif
