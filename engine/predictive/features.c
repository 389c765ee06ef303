#include "engine/predictive/features.h"

#include <stdlib.h>
#include <string.h>

#define LEAST_SCALE 32

/* Neighbours as (x, y). */
static const int around[9][2] = {{0, 0},   {-1, 0}, {1, 0},  {0, -1}, {0, 1},
                                 {-1, -1}, {1, -1}, {-1, 1}, {1, 1}};
static const int behind[20][2] = {{-1, 0},  {0, -1},  {-1, -1}, {1, -1},  {-2, 0},  {0, -2}, {2, -1},
                                  {-2, -1}, {-1, -2}, {1, -2},  {-3, 0},  {-4, 0},  {0, -3}, {0, -4},
                                  {3, -1},  {-3, -1}, {2, -2},  {-2, -2}, {-1, -3}, {1, -3}};
#define ROWS_ABOVE                                                                                           \
    2 /* that these reach beyond a border; left and right of it are those of other rows, zeros as well */

void siren_features_free(siren_features *features) {
    if (!features) return;
    free(features->errors);
    free(features->noise);
    free(features->means);
    free(features->spreads);
    free(features);
}

siren_status siren_features_create(siren_lattice *lattice, siren_features **out) {
    SIREN_AT_END(siren_features_free_at) siren_features *features = NULL;
    size_t n = (size_t)lattice->volume;
    SIREN_TRY(siren_allocate(&features, 1, sizeof *features, "the features"));
    features->lattice = lattice;
    SIREN_TRY(siren_allocate(&features->errors, n * lattice->n_volumes + ROWS_ABOVE * (size_t)lattice->stride,
                             sizeof *features->errors, "the features"));
    SIREN_TRY(siren_allocate(&features->noise, n, sizeof *features->noise, "the features"));
    SIREN_TRY(siren_allocate(&features->means, n, sizeof *features->means, "the features"));
    SIREN_TRY(siren_allocate(&features->spreads, n, sizeof *features->spreads, "the features"));
    *out = SIREN_TAKE(features);
    return SIREN_OK;
}

void siren_features_volume(siren_features *features, size_t volume, siren_predictor *predictor) {
    siren_lattice *lattice = features->lattice;
    features->volume = volume;
    features->predictor = predictor;
    siren_predictor_terms(lattice, volume, predictor, features->terms);
    int32_t *first = features->errors + ROWS_ABOVE * lattice->stride;
    features->own_errors = first + (ptrdiff_t)volume * lattice->volume;
    features->past_errors = features->reference_errors = NULL;
    for (size_t r = 0; r < SIREN_FEATURE_REFERENCES; r++)
        features->references[r] =
            r < predictor->n_references
                ? lattice->values + (ptrdiff_t)predictor->references[r] * lattice->volume
                : NULL;
    if (volume == 0) return;
    features->past_errors = features->own_errors - lattice->volume;
    features->reference_errors = first + (ptrdiff_t)predictor->references[0] * lattice->volume;
}

/* How large the error is expected to be: sets scale, level and the tables' means. */
static inline void expect(siren_features *features, ptrdiff_t at) {
    ptrdiff_t stride = features->lattice->stride;
    const int32_t *value = features->terms[0] + at + 1;
    int32_t first = features->references[0] ? features->references[0][at] : value[-stride - 1];
    siren_surroundings around_it =
        siren_surroundings_of(features->own_errors + at, features->noise + at, value, first,
                              features->predicted, features->volume == 0, stride);
    siren_scales_at(features->scales, around_it, features->at);
    features->scale = LEAST_SCALE + features->at[0]->mean / 2 + features->at[1]->mean / 2;
    features->near = around_it.near;
    features->level = around_it.level;
}

static inline int16_t narrow(int32_t x) { return (int16_t)(x < -127 ? -127 : x > 127 ? 127 : x); }

/* In eighths of a doubling, around 2^6. */
static inline int16_t logarithm(uint32_t x) { return narrow((int32_t)siren_log_class(x, 3, 255) - 48); }

/* What divides by the scale: differences in 1/16 become 1/16 of it. */
typedef struct {
    int32_t limit;
    int64_t inverse;
} divisor;

static inline int16_t ratio(divisor by, int32_t x) {
    x = x < -by.limit ? -by.limit : x > by.limit ? by.limit : x;
    return narrow((int32_t)((x * by.inverse + (1 << 19)) >> 20));
}

void siren_features_of(siren_features *features, size_t y, size_t x, ptrdiff_t at,
                       int16_t out[SIREN_FEATURES]) {
    const siren_lattice *lattice = features->lattice;
    const size_t t = features->volume;
    const ptrdiff_t stride = lattice->stride;
    size_t n = 0;
    features->predicted = siren_predict(features->predictor, features->terms, at, lattice->largest);
    expect(features, at);
    const uint32_t *noise = features->noise + at, scale = features->scale;
    const int32_t from = features->predicted;
    const divisor by = {(int32_t)(scale / 2 > INT32_MAX / 2 ? INT32_MAX / 2 : scale / 2),
                        ((int64_t)1 << 28) / scale};
    out[n++] = logarithm(scale);
    out[n++] = logarithm(features->near);
    out[n++] = logarithm(noise[0]);
    out[n++] = logarithm(noise[-1]);
    out[n++] = logarithm(noise[1]);
    out[n++] = logarithm(noise[-stride]);
    out[n++] = logarithm(noise[stride]);
    out[n++] = logarithm(features->spreads[at]);
    out[n++] = logarithm((uint32_t)from);
    out[n++] = ratio(by, from);
    out[n++] = (int16_t)(t * 127 / lattice->n_volumes);
    out[n++] = t == 0 ? 64 : 0;
    out[n++] = features->level == 0 ? 64 : 0;
    out[n++] = (int16_t)((int32_t)(x * 254 / lattice->nx) - 127);
    out[n++] = (int16_t)((int32_t)(y * 254 / lattice->ny) - 127);
    for (size_t i = 0; i < SIREN_PREDICTOR_OWN; i++)
        out[n++] = ratio(by, features->terms[i][at] * SIREN_ONE - from);
    for (size_t r = 0; r < SIREN_FEATURE_REFERENCES; r++) {
        const int32_t *other = features->references[r];
        for (size_t i = 0; i < (r == 0 ? 9u : r == 1 ? 5u : 1u); i++)
            out[n++] =
                other ? ratio(by, other[at + around[i][0] + around[i][1] * stride] * SIREN_ONE - from) : 0;
    }
    out[n++] = t > 0 ? ratio(by, features->means[at] - from) : 0;
    out[n++] = t > 0 ? ratio(by, features->terms[0][at + 1 - lattice->volume] * SIREN_ONE - from) : 0;
    for (size_t i = 0; i < 20; i++)
        out[n++] = ratio(by, features->own_errors[at + behind[i][0] + behind[i][1] * stride]);
    for (size_t i = 0; i < 7; i++) {
        ptrdiff_t there = at + around[i][0] + around[i][1] * stride;
        out[n++] = t > 0 ? ratio(by, features->past_errors[there]) : 0;
        out[n++] = t > 0 ? ratio(by, features->reference_errors[there]) : 0;
    }
}

void siren_features_coded(siren_features *features, ptrdiff_t at, int32_t value) {
    const int32_t t = (int32_t)features->volume, quick = t < 7 ? t + 1 : 8, slow = t < 31 ? t + 1 : 32;
    const int32_t missed = value * SIREN_ONE - features->predicted, size = (int32_t)siren_magnitude(missed),
                  away = value * SIREN_ONE - features->means[at];
    features->own_errors[at] = missed;
    features->noise[at] += (uint32_t)((size - (int32_t)features->noise[at]) / quick);
    features->means[at] += away / slow;
    if (t > 0)
        features->spreads[at] +=
            (uint32_t)(((int32_t)siren_magnitude(away) - (int32_t)features->spreads[at]) / slow);
    for (size_t e = 0; e < 2; e++) siren_error_scale_add(features->at[e], size);
}

void siren_features_collect(siren_features *features, size_t volume, siren_predictor *predictor, size_t every,
                            size_t *skipped, siren_context_examples *out) {
    const siren_lattice *lattice = features->lattice;
    const int32_t *values = lattice->values + (ptrdiff_t)volume * lattice->volume;
    siren_features_volume(features, volume, predictor);
    for (size_t z = 0; z < lattice->nz; z++)
        for (size_t y = 0; y < lattice->ny; y++)
            for (size_t x = 0; x < lattice->nx; x++) {
                int16_t inputs[SIREN_FEATURES];
                ptrdiff_t at = siren_lattice_at(lattice, 0, z, y) + (ptrdiff_t)x;
                if (!siren_lattice_has(lattice, volume, z, y, x)) continue;
                siren_features_of(features, y, x, at, inputs);
                if (*skipped == 0) {
                    float scale = (float)features->scale / 256, *target = out->targets + 2 * out->n;
                    for (size_t i = 0; i < SIREN_FEATURES; i++)
                        out->features[out->n * SIREN_FEATURES + i] = (int8_t)inputs[i];
                    target[0] = ((float)values[at] - (float)features->predicted / SIREN_ONE) / scale;
                    target[1] = (values[at] == 0 ? -.5f : .5f) / scale;
                    out->n++;
                    *skipped = every;
                }
                --*skipped;
                siren_features_coded(features, at, values[at]);
            }
}
