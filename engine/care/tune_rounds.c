/* What measurements in rounds say about candidates. */
#include "engine/care/tune.h"

#include <math.h>

#define LEAST_GAIN 0.03
/* Candidates that took so many times as long as the quickest are not measured further: the more rounds, the fewer. */
static const double hopeless[SIREN_TUNE_ROUNDS] = {INFINITY, 1.5, 1.3, 1.2, 1.15};

void siren_tune_times_clear(siren_tune_times *times) {
    for (size_t round = 0; round < SIREN_TUNE_ROUNDS; round++)
        for (size_t shape = 0; shape < SIREN_N_WIDTH_CLASSES; shape++) times->seconds[round][shape] = NAN;
}

double siren_tune_least(const siren_tune_times *times, siren_width_class shape) {
    double least = INFINITY;
    for (size_t round = 0; round < SIREN_TUNE_ROUNDS; round++)
        least = fmin(least, times->seconds[round][shape]);
    return least;
}

/* The least but one; infinity where there are not two. */
static double second_least(const siren_tune_times *times, siren_width_class shape) {
    double least = siren_tune_least(times, shape), second = INFINITY;
    bool passed = false; /* the least itself */
    for (size_t round = 0; round < SIREN_TUNE_ROUNDS; round++) {
        double seconds = times->seconds[round][shape];
        if (seconds == least && !passed)
            passed = true;
        else
            second = fmin(second, seconds);
    }
    return second;
}

double siren_tune_gain_needed(const siren_tune_times *usual, siren_width_class shape) {
    double second = second_least(usual, shape);
    return isfinite(second) ? fmax(LEAST_GAIN, 1 - siren_tune_least(usual, shape) / second) : LEAST_GAIN;
}

static bool may_replace(const siren_tune_times *candidate, const siren_tune_times *usual,
                        siren_width_class shape) {
    size_t n_slower = 0;
    for (size_t round = 0; round < SIREN_TUNE_ROUNDS; round++)
        n_slower += candidate->seconds[round][shape] >= usual->seconds[round][shape]; /* not for NaN */
    return n_slower <= 1 && second_least(candidate, shape) <
                                (1 - siren_tune_gain_needed(usual, shape)) * siren_tune_least(usual, shape);
}

size_t siren_tune_choose(const siren_tune_times *times, size_t n, size_t usual, siren_width_class shape) {
    size_t best = usual < n && isfinite(siren_tune_least(&times[usual], shape)) ? usual : n;
    bool any = best == n;
    for (size_t i = 0; i < n; i++) {
        double least = siren_tune_least(&times[i], shape);
        if (!isfinite(least) || (best < n && !(least < siren_tune_least(&times[best], shape)))) continue;
        if (any || may_replace(&times[i], &times[usual], shape)) best = i;
    }
    return best;
}

bool siren_tune_promises(const siren_tune_times *times, size_t n, size_t nth, size_t n_rounds) {
    for (siren_width_class shape = 0; shape < SIREN_N_WIDTH_CLASSES; shape++) {
        double quickest = INFINITY;
        for (size_t i = 0; i < n; i++) quickest = fmin(quickest, siren_tune_least(&times[i], shape));
        if (siren_tune_least(&times[nth], shape) <= hopeless[n_rounds] * quickest) return true;
    }
    return false;
}
