#include "engine/model/extremes.h"

#include <math.h>
#include <stdlib.h>

/* The rule's numbers (docs/numerics.md). */
#define ONE_IN 16 /* of the values may be exceptional, and the root of their number */
#define SURE 8    /* each further exceptional value widens the gap that is asked for by 1/8 of the range */
#define LABELS                                                                                               \
    255 /* what fewer values than siren_extremes.different holds may be: then they are taken to range so far */
#define MOST_LABELS (sizeof((siren_extremes *)0)->different / sizeof(double))

static size_t most_exceptional(size_t n) {
    size_t root = (size_t)sqrt((double)n);
    return root < n / ONE_IN ? root : n / ONE_IN;
}

siren_status siren_extremes_create(size_t n_values, siren_extremes *out) {
    SIREN_AT_END(siren_extremes_free) siren_extremes extremes = {.room = most_exceptional(n_values) + 1};
    SIREN_TRY(siren_allocate(&extremes.high.values, extremes.room, sizeof(double), "the largest values"));
    SIREN_TRY(siren_allocate(&extremes.low.values, extremes.room, sizeof(double), "the smallest values"));
    *out = SIREN_TAKE(extremes);
    return SIREN_OK;
}

void siren_extremes_free(siren_extremes *extremes) {
    if (!extremes) return;
    free(extremes->high.values);
    free(extremes->low.values);
    *extremes = (siren_extremes){0};
}

void siren_extremes_begin(siren_extremes *extremes) {
    extremes->n = extremes->high.n = extremes->low.n = extremes->n_different = 0;
}

static void sink(siren_tail *tail, size_t at) {
    double value = tail->values[at];
    for (size_t child; (child = 2 * at + 1) < tail->n; at = child) {
        if (child + 1 < tail->n && tail->values[child + 1] < tail->values[child]) child++;
        if (tail->values[child] >= value) break;
        tail->values[at] = tail->values[child];
    }
    tail->values[at] = value;
}

static void rise(siren_tail *tail, size_t at) {
    double value = tail->values[at];
    for (; at > 0 && tail->values[(at - 1) / 2] > value; at = (at - 1) / 2)
        tail->values[at] = tail->values[(at - 1) / 2];
    tail->values[at] = value;
}

/* For a value that is among the largest so far, or where there is room. */
static void keep(siren_tail *tail, size_t room, double value) {
    if (tail->n < room) {
        tail->values[tail->n++] = value;
        rise(tail, tail->n - 1);
        return;
    }
    tail->values[0] = value;
    sink(tail, 0);
}

void siren_extremes_add(siren_extremes *extremes, const double *values, size_t n) {
    siren_tail *high = &extremes->high, *low = &extremes->low;
    size_t room = extremes->room;
    for (size_t i = 0; i < n; i++) {
        double value = values[i];
        if (!isfinite(value)) continue;
        extremes->n++;
        if (high->n < room || value > high->values[0]) keep(high, room, value);
        if (low->n < room || -value > low->values[0]) keep(low, room, -value);
    }
}

static int compare_descending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

/* The largest value of a tail. */
static double end_of(const siren_tail *tail) {
    double end = -INFINITY;
    for (size_t i = 0; i < tail->n; i++) end = tail->values[i] > end ? tail->values[i] : end;
    return end;
}

/* Whether the gap before the ith largest value, from 1 on, is wider than what the rest takes up at least: from that
 * value to the other side's core. */
static bool opens(const siren_tail *tail, size_t i, double core_of_other) {
    return tail->values[i - 1] - tail->values[i] > tail->values[i] + core_of_other;
}

bool siren_extremes_suspect(siren_extremes *extremes) {
    siren_tail *high = &extremes->high, *low = &extremes->low;
    size_t most = most_exceptional(extremes->n);
    if (most == 0) return false;
    double least = high->values[0] + low->values[0]; /* what all but the two tails take up */
    if (high->n == extremes->room && end_of(high) - high->values[0] <= least &&
        end_of(low) - low->values[0] <= least)
        return false;
    qsort(high->values, high->n, sizeof *high->values, compare_descending);
    qsort(low->values, low->n, sizeof *low->values, compare_descending);
    extremes->core_high = high->values[most];
    extremes->core_low = -low->values[most];
    for (size_t i = 1; i <= most; i++)
        if (opens(high, i, low->values[most]) || opens(low, i, high->values[most])) return true;
    return false;
}

void siren_extremes_show(siren_extremes *extremes, const double *values, size_t n) {
    for (size_t i = 0, k; i < n && extremes->n_different < MOST_LABELS; i++) {
        if (!(values[i] >= extremes->core_low && values[i] <= extremes->core_high)) continue;
        for (k = 0; k < extremes->n_different && extremes->different[k] != values[i];) k++;
        if (k == extremes->n_different) extremes->different[extremes->n_different++] = values[i];
    }
}

/* Whether the rest may be without its `n_high` largest and `n_low` smallest values. */
static bool is_rest(const siren_extremes *extremes, size_t n_high, size_t n_low) {
    const double *high = extremes->high.values, *low = extremes->low.values;
    double range = high[n_high] + low[n_low];
    if (extremes->n_different < MOST_LABELS && range < LABELS) range = LABELS;
    range *= 1 + (double)(n_high + n_low - 1) / SURE;
    return (n_high == 0 || high[n_high - 1] - high[n_high] > range) &&
           (n_low == 0 || low[n_low - 1] - low[n_low] > range);
}

size_t siren_extremes_range(siren_extremes *extremes, double *minimum, double *maximum) {
    const siren_tail *high = &extremes->high, *low = &extremes->low;
    size_t most = extremes->n_different ? most_exceptional(extremes->n) : 0, best_high = 0, best_low = 0;
    *maximum = end_of(high);
    *minimum = -end_of(low);
    for (size_t i = 0; i <= most; i++) {
        if (i > 0 && !opens(high, i, low->values[most])) continue;
        for (size_t k = 0; i + k <= most; k++) {
            if ((k > 0 && !opens(low, k, high->values[most])) || i + k <= best_high + best_low) continue;
            if (is_rest(extremes, i, k)) best_high = i, best_low = k;
        }
    }
    if (best_high + best_low > 0) {
        *maximum = high->values[best_high];
        *minimum = -low->values[best_low];
    }
    return best_high + best_low;
}
