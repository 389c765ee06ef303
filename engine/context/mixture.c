#include "engine/context/mixture.h"

/* exp(x), -20 <= x <= 20, to more digits than a table keeps; the C library's may differ between machines. */
static double exponential(double x) {
    double term = 1, sum = 1, small = x / 64;
    for (int i = 1; i < 20; i++) sum += term *= small / i;
    for (int i = 0; i < 6; i++) sum *= sum;
    return sum;
}

#define LN2 0.69314718055994530942

void siren_mixture_fill(siren_mixture_tables *tables) {
    for (int i = 0; i < 514; i++) tables->tail[i] = (uint32_t)(4194304. / (1 + exponential(i / 32.)) + .5);
    for (int i = 0; i < 1025; i++) tables->power[i] = (uint32_t)(65536 * exponential(i * LN2 / 1024) + .5);
    int at = 0;
    for (int i = 0; i < 256; i++) { /* the nearest of those powers */
        double x = 1 + i / 256.;
        while (at < 1023 && exponential((at + .5) * LN2 / 1024) < x) at++;
        tables->logarithm[i] = (uint16_t)at;
    }
}

#define LOG2_E 5909 /* 1024 / 256 / ln 2, in 1/1024 */
#define LEAST_SCALE (2 * 1024)
#define LARGEST_SCALE (30 * 1024)
#define MOST_SPREAD ((uint32_t)1 << 30)

/* 2^(x / 1024), x >= 0. */
static uint32_t power(const siren_mixture_tables *tables, int32_t x) {
    return (uint32_t)((uint64_t)tables->power[x & 1023] << (x >> 10) >> 16);
}

void siren_mixture_from(const siren_mixture_tables *tables, const int32_t *outputs, int32_t predicted,
                        uint32_t scale, int32_t largest, siren_mixture *out) {
    const int32_t *logs = outputs + SIREN_MIXTURE, *logits = logs + SIREN_MIXTURE;
    uint32_t spreads[SIREN_MIXTURE], sum = 0, left = 65536;
    int32_t most = logits[0], log_scale = siren_mixture_log(tables, scale);
    int64_t mean = 0, spread = 0;
    for (size_t k = 1; k < SIREN_MIXTURE; k++) most = logits[k] > most ? logits[k] : most;
    for (size_t k = 0; k < SIREN_MIXTURE; k++) {
        int64_t center = predicted + (outputs[k] * (int64_t)scale >> 8), end = (int64_t)largest * 256;
        out->center[k] = (int32_t)(center < -end ? -end : center > 2 * end ? 2 * end : center);
        int32_t log = log_scale + (logs[k] * LOG2_E >> 10);
        log = log < LEAST_SCALE ? LEAST_SCALE : log > LARGEST_SCALE ? LARGEST_SCALE : log;
        /* 1024 / scale = 2^-(log / 1024) * 1024. */
        out->inverse[k] = tables->power[1024 - (log & 1023)];
        out->shift[k] = (unsigned)(log >> 10) + 7;
        spreads[k] = power(tables, log);
        int32_t lower = (most - logits[k]) * LOG2_E >> 10;
        out->weight[k] = lower >= 16 * 1024 ? 0 : tables->power[1024 - (lower & 1023)] >> (1 + (lower >> 10));
        sum += out->weight[k];
    }
    for (size_t k = 0; k < SIREN_MIXTURE; k++) {
        out->weight[k] = k + 1 < SIREN_MIXTURE ? (uint32_t)(((uint64_t)out->weight[k] << 16) / sum) : left;
        left -= out->weight[k];
        mean += (int64_t)out->weight[k] * out->center[k];
    }
    mean >>= 16;
    out->mean = (int32_t)(mean < 0 ? 0 : mean > (int64_t)largest * 256 ? (int64_t)largest * 256 : mean);
    for (size_t k = 0; k < SIREN_MIXTURE; k++) {
        int64_t distance = (int64_t)out->center[k] - mean;
        spread += (int64_t)out->weight[k] * (spreads[k] + (distance < 0 ? -distance : distance));
    }
    spread >>= 16;
    out->spread = spread > MOST_SPREAD ? MOST_SPREAD : (uint32_t)spread;
}
