#include "engine/encode/fidelity.h"

#include "host/clones.h"

#include <math.h>

#define TILE 512 /* values whose errors are computed before they are summed */

/* Squared errors of up to TILE values, 0 where there is no data. */
typedef struct {
    double squares[TILE], published[TILE], clamped[TILE];
} siren_errors;

/* NaN stays NaN: a network that diverged must not look like one that predicts 0. */
static inline float quantised(float x) {
    float inside = x < 0.0f ? 0.0f : x > 1.0f ? 1.0f : x;
    return rintf(inside * 255.0f) / 255.0f;
}

/* Apart from the sums, whose order is fixed, so that it runs on vectors. Returns the number of data. */
SIREN_CLONES static size_t find_errors(siren_errors *restrict errors, const float *restrict y,
                                       const float *restrict targets, size_t n) {
    unsigned n_data = 0;
    for (size_t i = 0; i < n; i++) {
        float target = targets[i];
        double error = (double)y[i] - (double)target, published = (double)y[i] - (double)quantised(target),
               clamped = (double)quantised(y[i]) - (double)target;
        bool data = target == target;
        n_data += data;
        errors->squares[i] = data ? error * error : 0.0;
        errors->published[i] = data ? published * published : 0.0;
        errors->clamped[i] = data ? clamped * clamped : 0.0;
    }
    return n_data;
}

static void add_values(siren_fidelity_sums *sums, const float *y, const float *targets, size_t n_values) {
    siren_errors errors;
    for (size_t first = 0; first < n_values; first += TILE) {
        size_t n = n_values - first < TILE ? n_values - first : TILE;
        sums->n += find_errors(&errors, y + first, targets + first, n);
        for (size_t i = 0; i < n; i++) {
            sums->squares += errors.squares[i];
            sums->published += errors.published[i];
            sums->clamped += errors.clamped[i];
        }
    }
}

void siren_fidelity_add(siren_fidelity_sums *sums, size_t n_points, size_t n_outputs, const float *y,
                        const float *targets, const uint8_t *mask) {
    for (size_t first = 0, end; first < n_points; first = end) {
        bool counts = !mask || mask[first];
        for (end = mask ? first + 1 : n_points; end < n_points && (mask[end] != 0) == counts;) end++;
        if (counts)
            add_values(sums, y + first * n_outputs, targets + first * n_outputs, (end - first) * n_outputs);
    }
}

siren_fidelity siren_fidelity_of(const siren_fidelity_sums *sums) {
    double n = (double)sums->n; /* 0/0 is the NaN that the header promises */
    return (siren_fidelity){.n = sums->n,
                            .mse = sums->squares / n,
                            .psnr = -10 * log10(sums->squares / n),
                            .psnr_published = -10 * log10(sums->published / n),
                            .psnr_clamped = -10 * log10(sums->clamped / n)};
}

siren_status siren_fidelity_outputs(void *watch, size_t first, size_t n, const float *y) {
    siren_fidelity_watch *w = watch;
    SIREN_TRY(w->targets->read(w->targets->user, w->network, first, n, w->n_outputs, w->chunk));
    siren_fidelity_add(&w->sums, n, w->n_outputs, y, w->chunk, NULL);
    if (w->mask) siren_fidelity_add(&w->masked, n, w->n_outputs, y, w->chunk, w->mask + first);
    for (size_t i = 0; i < n * w->n_outputs; i++) {
        const double target = isnan(w->chunk[i]) ? 0 : (double)w->chunk[i];
        w->targets_sum += target;
        w->targets_squares += target * target;
    }
    return SIREN_OK;
}

double siren_fidelity_spread(const siren_fidelity_watch *w) {
    const double n = (double)w->sums.n, mean = w->targets_sum / n;
    return w->targets_squares / n - mean * mean;
}

/* ---- slices of 3-D models ---- */

typedef struct {
    double minimum, maximum;
} siren_range;

static void widen(siren_range *range, float value) {
    if (value < range->minimum) range->minimum = value;
    if (value > range->maximum) range->maximum = value;
}

static float scaled(float value, siren_range range) {
    double extent = range.maximum - range.minimum;
    return (float)(((double)value - range.minimum) / (extent == 0 ? 1 : extent));
}

siren_status siren_fidelity_slice(size_t n_points, size_t n_outputs, const float *y, const float *targets,
                                  const uint8_t *mask, siren_fidelity *honest, siren_fidelity *published) {
    SIREN_FREE_AT_END siren_range *of_targets = NULL, *of_y = NULL;
    SIREN_FREE_AT_END float *row = NULL;
    siren_fidelity_sums honest_sums = {0}, published_sums = {0};
    SIREN_TRY(siren_allocate(&of_targets, n_outputs, sizeof *of_targets, "ranges of the targets"));
    SIREN_TRY(siren_allocate(&of_y, n_outputs, sizeof *of_y, "ranges of the outputs"));
    SIREN_TRY(siren_allocate(&row, n_outputs, 3 * sizeof *row, "a scaled point"));
    for (size_t k = 0; k < n_outputs; k++) of_targets[k] = of_y[k] = (siren_range){INFINITY, -INFINITY};
    for (size_t i = 0; i < n_points; i++)
        for (size_t k = 0; k < n_outputs; k++) {
            float target = targets[i * n_outputs + k];
            if (isnan(target)) continue;
            widen(&of_targets[k], target);
            widen(&of_y[k], y[i * n_outputs + k]);
        }
    float *own = row + n_outputs, *target = own + n_outputs;
    for (size_t i = 0; i < n_points; i++, y += n_outputs, targets += n_outputs) {
        if (mask && !mask[i]) continue;
        for (size_t k = 0; k < n_outputs; k++) {
            target[k] = scaled(targets[k], of_targets[k]);
            row[k] = scaled(y[k], of_targets[k]);
            own[k] = scaled(y[k], of_y[k]);
        }
        siren_fidelity_add(&honest_sums, 1, n_outputs, row, target, NULL);
        siren_fidelity_add(&published_sums, 1, n_outputs, own, target, NULL);
    }
    *honest = siren_fidelity_of(&honest_sums);
    *published = siren_fidelity_of(&published_sums);
    return SIREN_OK;
}
