#include "engine/coding/logistic.h"

/* 65536 / (1 + exp(-x / 2)) for x = -16 ... 16. */
static const uint16_t logistic_points[33] = {22,    36,    60,    99,    162,   267,   439,   720,   1179,
                                             1922,  3108,  4971,  7812,  11970, 17625, 24743, 32768, 40793,
                                             47911, 53566, 57724, 60565, 62428, 63614, 64357, 64816, 65097,
                                             65269, 65374, 65437, 65476, 65500, 65514};

void siren_logistic_fill(siren_logistic *tables) {
    for (int x = -SIREN_STRETCH_LIMIT - 1; x <= SIREN_STRETCH_LIMIT; x++) {
        int at = (x + 2048) >> 7, part = (x + 2048) & 127;
        tables->squash[x + SIREN_STRETCH_LIMIT + 1] =
            (uint16_t)((logistic_points[at] * (128 - part) + logistic_points[at + 1] * part + 64) >> 7);
    }
    int next = 0;
    for (int x = -SIREN_STRETCH_LIMIT; x <= SIREN_STRETCH_LIMIT; x++)
        for (int p = tables->squash[x + SIREN_STRETCH_LIMIT + 1] >> 4; next <= p; next++)
            tables->stretch[next] = (int16_t)x;
    while (next < 4096) tables->stretch[next++] = SIREN_STRETCH_LIMIT;
}
