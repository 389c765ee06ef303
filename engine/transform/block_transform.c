#include "engine/transform/block_transform.h"

#include "host/clones.h"

#include <math.h>

#define N SIREN_TRANSFORM_SIDE

/* 32768 sqrt((u ? 2 : 1) / 8) cos(pi (2 x + 1) u / 16) */
static const int32_t cosines[N][N] = {
    {11585, 11585, 11585, 11585, 11585, 11585, 11585, 11585},
    {16069, 13623, 9102, 3196, -3196, -9102, -13623, -16069},
    {15137, 6270, -6270, -15137, -15137, -6270, 6270, 15137},
    {13623, -3196, -16069, -9102, 9102, 16069, 3196, -13623},
    {11585, -11585, -11585, 11585, 11585, -11585, -11585, 11585},
    {9102, -16069, 3196, 13623, -13623, -3196, 16069, -9102},
    {6270, -15137, 15137, -6270, -6270, 15137, -15137, 6270},
    {3196, -9102, 13623, -16069, 16069, -13623, 9102, -3196},
};

/* What the rounded cosines undo. */
static const float forward_cosines[N][N] = {{0.353560639f, 0.353560639f, 0.353560639f, 0.353560639f,
                                             0.353560639f, 0.353560639f, 0.353560639f, 0.353560639f},
                                            {0.490392352f, 0.415735849f, 0.277797435f, 0.0975605646f,
                                             -0.0975605646f, -0.277797435f, -0.415735849f, -0.490392352f},
                                            {0.461933889f, 0.191340786f, -0.191340786f, -0.461933889f,
                                             -0.461933889f, -0.191340786f, 0.191340786f, 0.461933889f},
                                            {0.415735849f, -0.0975605646f, -0.490392352f, -0.277797435f,
                                             0.277797435f, 0.490392352f, 0.0975605646f, -0.415735849f},
                                            {0.353560639f, -0.353560639f, -0.353560639f, 0.353560639f,
                                             0.353560639f, -0.353560639f, -0.353560639f, 0.353560639f},
                                            {0.277797435f, -0.490392352f, 0.0975605646f, 0.415735849f,
                                             -0.415735849f, -0.0975605646f, 0.490392352f, -0.277797435f},
                                            {0.191340786f, -0.461933889f, 0.461933889f, -0.191340786f,
                                             -0.191340786f, 0.461933889f, -0.461933889f, 0.191340786f},
                                            {0.0975605646f, -0.277797435f, 0.415735849f, -0.490392352f,
                                             0.490392352f, -0.415735849f, 0.277797435f, -0.0975605646f}};

static int32_t saturated(int64_t value) {
    return (int32_t)(value < INT32_MIN ? INT32_MIN : value > INT32_MAX ? INT32_MAX : value);
}

static void inverse_wide(int32_t *values) {
    int32_t columns[N][N];
    for (int i = 0; i < N; i++)
        for (int w = 0; w < N; w++) {
            int64_t sum = 16384;
            for (int u = 0; u < N; u++) sum += (int64_t)cosines[u][i] * values[u * N + w];
            columns[i][w] = saturated(sum >> 15);
        }
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            int64_t sum = 16384;
            for (int w = 0; w < N; w++) sum += (int64_t)cosines[w][j] * columns[i][w];
            values[i * N + j] = saturated(sum >> 15);
        }
}

/* The same where no sum can leave 32 bits. */
SIREN_CLONES static void inverse_narrow(int32_t *values) {
    int32_t columns[N][N];
    for (int i = 0; i < N; i++) {
        int32_t sum[N];
        for (int w = 0; w < N; w++) sum[w] = 16384;
        for (int u = 0; u < N; u++)
            for (int w = 0; w < N; w++) sum[w] += cosines[u][i] * values[u * N + w];
        for (int w = 0; w < N; w++) columns[i][w] = sum[w] >> 15;
    }
    for (int i = 0; i < N; i++) {
        int32_t sum[N];
        for (int j = 0; j < N; j++) sum[j] = 16384;
        for (int w = 0; w < N; w++)
            for (int j = 0; j < N; j++) sum[j] += cosines[w][j] * columns[i][w];
        for (int j = 0; j < N; j++) values[i * N + j] = sum[j] >> 15;
    }
}

void siren_block_inverse(int32_t *values) {
    uint64_t sum = 0;
    for (int i = 0; i < N * N; i++) sum += (uint64_t)(values[i] < 0 ? -(int64_t)values[i] : values[i]);
    if (sum == 0) return;
    /* A cosine is below 16384, and the first pass makes no sum of magnitudes larger but by rounding. */
    if (sum < 130000)
        inverse_narrow(values);
    else
        inverse_wide(values);
}

SIREN_CLONES static void block_forward(float *pixels) {
    float rows[N][N];
    for (int i = 0; i < N; i++) {
        float sum[N] = {0};
        for (int j = 0; j < N; j++)
            for (int w = 0; w < N; w++) sum[w] += forward_cosines[w][j] * pixels[i * N + j];
        for (int w = 0; w < N; w++) rows[i][w] = sum[w];
    }
    for (int u = 0; u < N; u++) {
        float sum[N] = {0};
        for (int i = 0; i < N; i++)
            for (int w = 0; w < N; w++) sum[w] += forward_cosines[u][i] * rows[i][w];
        for (int w = 0; w < N; w++) pixels[u * N + w] = sum[w];
    }
}

void siren_block_forward(float *pixels) { block_forward(pixels); }

/* ---- edges ---- */

#define HALF (N / 2)

/* 32768 (sqrt(V) - 1), where V would make the transform the orthogonal lapped one: half the turn. */
static const int32_t turn[HALF][HALF] = {{-1640, 9989, 1360, 1783},
                                         {-10095, -2566, 7626, 1219},
                                         {913, -7822, -1188, 3800},
                                         {-1437, -767, -4056, -293}};

/* What the rounded turn undoes, less 1. */
static const float forward_turn[HALF][HALF] = {
    {-0.050067765f, 0.304840612f, 0.0414944112f, 0.0544162187f},
    {-0.3080798f, -0.0782799797f, 0.232729441f, 0.0372039783f},
    {0.0278547566f, -0.238712512f, -0.0362664034f, 0.115961147f},
    {-0.0438499761f, -0.0234026165f, -0.123783507f, -0.00893081222f}};

SIREN_CLONES static void edge_forward(float *first, float *second, int n_apart) {
    int along = n_apart == 1 ? N : 1;
    for (int lane = 0; lane < N; lane++) {
        float *a = first + (N - 1) * n_apart + lane * along, *b = second + lane * along;
        float difference[HALF];
        for (int i = 0; i < HALF; i++) difference[i] = a[-i * n_apart] - b[i * n_apart];
        for (int i = 0; i < HALF; i++) {
            float change = 0;
            for (int j = 0; j < HALF; j++) change += forward_turn[i][j] * difference[j];
            a[-i * n_apart] += 0.5f * change;
            b[i * n_apart] -= 0.5f * change;
        }
    }
}

void siren_edge_forward(float *first, float *second, int n_apart) { edge_forward(first, second, n_apart); }

SIREN_CLONES static void edge_inverse(int32_t *first, int32_t *second, int n_apart) {
    int along = n_apart == 1 ? N : 1;
    int64_t difference[HALF][N];
    int64_t largest = 0;
    for (int i = 0; i < HALF; i++)
        for (int lane = 0; lane < N; lane++) {
            int64_t d =
                (int64_t)first[(N - 1 - i) * n_apart + lane * along] - second[i * n_apart + lane * along];
            difference[i][lane] = d;
            largest |= d < 0 ? -d : d;
        }
    if (largest == 0) return;
    for (int i = 0; i < HALF; i++) {
        int64_t change[N];
        if (largest < 65536) {
            int32_t sum[N];
            for (int lane = 0; lane < N; lane++) sum[lane] = 32768;
            for (int j = 0; j < HALF; j++)
                for (int lane = 0; lane < N; lane++) sum[lane] += turn[j][i] * (int32_t)difference[j][lane];
            for (int lane = 0; lane < N; lane++) change[lane] = sum[lane] >> 16;
        } else
            for (int lane = 0; lane < N; lane++) {
                int64_t sum = 32768;
                for (int j = 0; j < HALF; j++) sum += turn[j][i] * difference[j][lane];
                change[lane] = sum >> 16;
            }
        for (int lane = 0; lane < N; lane++) {
            int32_t *a = first + (N - 1 - i) * n_apart + lane * along,
                    *b = second + i * n_apart + lane * along;
            *a = saturated(*a + change[lane]);
            *b = saturated(*b - change[lane]);
        }
    }
}

void siren_edge_inverse(int32_t *first, int32_t *second, int n_apart) {
    edge_inverse(first, second, n_apart);
}
