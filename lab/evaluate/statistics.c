#include "lab/evaluate/statistics.h"
#include "host/float_bits.h"

#include <math.h>
#include <string.h>

#define CHUNK 4096 /* voxels converted at once */

/* ---- errors ---- */

static float relative_error(double distance, double size, double floor) {
    float error = (float)(distance / size);
    return size > floor && isfinite(error) ? error : NAN;
}

static double larger(double largest, double value) {
    return isfinite(value) && value > largest ? value : largest;
}

void siren_relative_errors(const siren_series *x, const siren_series *other, size_t first, size_t count,
                           const uint8_t *mask, float *errors) {
    const siren_geometry *g = &x->geometry;
    const size_t n_grid = g->nx * g->ny * g->nz, begin = first * n_grid, total = count * n_grid;
    double a[CHUNK], b[CHUNK], largest = 0;
    for (size_t done = 0; done < total; done += CHUNK) {
        size_t n = total - done < CHUNK ? total - done : CHUNK;
        siren_series_values(x, begin + done, n, a);
        for (size_t i = 0; i < n; i++)
            if (!mask || mask[(done + i) % n_grid]) largest = larger(largest, fabs(a[i]));
    }
    for (size_t done = 0; done < total; done += CHUNK) {
        size_t n = total - done < CHUNK ? total - done : CHUNK;
        siren_series_values(x, begin + done, n, a);
        siren_series_values(other, begin + done, n, b);
        for (size_t i = 0; i < n; i++)
            errors[done + i] = relative_error(fabs(a[i] - b[i]), fabs(a[i]), SIREN_ERROR_FLOOR * largest);
    }
}

/* Sums of squares over the volumes: of x - x' into `distances`, of x into `sizes`, (n) each, for voxels from
 * `first`. */
static void squares_of_vectors(const siren_series *x, const siren_series *other, size_t first, size_t n,
                               double *distances, double *sizes) {
    const siren_geometry *g = &x->geometry;
    double a[CHUNK], b[CHUNK];
    memset(distances, 0, n * sizeof *distances);
    memset(sizes, 0, n * sizeof *sizes);
    for (size_t volume = 0; volume < g->n_volumes; volume++) {
        siren_series_values(x, volume * g->nx * g->ny * g->nz + first, n, a);
        siren_series_values(other, volume * g->nx * g->ny * g->nz + first, n, b);
        for (size_t i = 0; i < n; i++) {
            distances[i] += (a[i] - b[i]) * (a[i] - b[i]);
            sizes[i] += a[i] * a[i];
        }
    }
}

siren_status siren_relative_errors_of_vectors(const siren_series *x, const siren_series *other,
                                              const uint8_t *mask, float *errors) {
    const siren_geometry *g = &x->geometry;
    const size_t n_grid = g->nx * g->ny * g->nz;
    SIREN_FREE_AT_END double *sizes = NULL; /* (n_grid) squared norms of x */
    double distances[CHUNK], largest = 0;
    SIREN_TRY(siren_allocate(&sizes, n_grid, sizeof *sizes, "the norms of vectors"));
    for (size_t first = 0; first < n_grid; first += CHUNK) {
        size_t n = n_grid - first < CHUNK ? n_grid - first : CHUNK;
        squares_of_vectors(x, other, first, n, distances, sizes + first);
        for (size_t i = first; i < first + n; i++) {
            errors[i] = (float)sqrt(distances[i - first]);
            if (!mask || mask[i]) largest = larger(largest, sqrt(sizes[i]));
        }
    }
    for (size_t i = 0; i < n_grid; i++)
        errors[i] = relative_error((double)errors[i], sqrt(sizes[i]), SIREN_ERROR_FLOOR * largest);
    return SIREN_OK;
}

void siren_error_map(const float *errors, size_t n_grid, size_t n_volumes, const uint8_t *mask, float *map) {
    for (size_t i = 0; i < n_grid; i++) {
        double sum = 0;
        size_t n = 0;
        for (size_t volume = 0; volume < n_volumes; volume++) {
            float error = errors[volume * n_grid + i];
            if (isnan(error)) continue;
            sum += (double)error;
            n++;
        }
        map[i] = n && (!mask || mask[i]) ? (float)(sum / (double)n) : 0;
    }
}

/* ---- statistics ---- */

/* The value of rank `rank` (from 0) of `n` values that are not negative. Their bits have their order: two counts, of
 * the upper and of the lower half of the bits, find it in linear time whatever the values. `counts` (65536) is
 * scratch. */
static float value_of_rank(const float *values, size_t n, size_t rank, size_t *counts) {
    uint32_t half[2];
    for (unsigned lower = 0; lower < 2; lower++) {
        memset(counts, 0, 65536 * sizeof *counts);
        for (size_t i = 0; i < n; i++) {
            uint32_t bits = siren_bits_of(values[i]);
            if (lower && bits >> 16 != half[0]) continue;
            counts[lower ? bits & 0xffff : bits >> 16]++;
        }
        for (half[lower] = 0; rank >= counts[half[lower]]; half[lower]++) rank -= counts[half[lower]];
    }
    return siren_float_of(half[0] << 16 | half[1]);
}

static double quantile(const float *values, size_t n, double share, size_t *counts) {
    double position = share * (double)(n - 1);
    size_t below = (size_t)position;
    double value = (double)value_of_rank(values, n, below, counts);
    if (position == (double)below) return value;
    double next = (double)value_of_rank(values, n, below + 1, counts);
    return value + (next - value) * (position - (double)below);
}

/* Deviations from the mean are summed in a second pass: no cancellation. */
static void moments(const float *values, size_t n, double *mean, double *std) {
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) sum += (double)values[i];
    *mean = sum / (double)n;
    for (size_t i = 0; i < n; i++) squares += ((double)values[i] - *mean) * ((double)values[i] - *mean);
    *std = n > 1 ? sqrt(squares / (double)(n - 1)) : 0;
}

siren_status siren_error_statistics_of(const float *errors, size_t n_grid, size_t n_volumes,
                                       const uint8_t *mask, siren_error_statistics *out) {
    siren_error_statistics s = {.mean = NAN, .std = NAN, .median = NAN, .p95 = NAN};
    SIREN_FREE_AT_END float *values = NULL;
    SIREN_FREE_AT_END size_t *counts = NULL;
    size_t n_inside = 0;
    for (size_t i = 0; i < n_grid; i++) n_inside += !mask || mask[i];
    SIREN_TRY(siren_allocate(&values, n_inside * n_volumes, sizeof *values, "relative errors"));
    SIREN_TRY(siren_allocate(&counts, 65536, sizeof *counts, "relative errors"));
    for (size_t volume = 0; volume < n_volumes; volume++)
        for (size_t i = 0; i < n_grid; i++) {
            float error = errors[volume * n_grid + i];
            if ((!mask || mask[i]) && !isnan(error)) values[s.n++] = error;
        }
    s.n_excluded = n_inside * n_volumes - s.n;
    if (s.n > 0) {
        moments(values, s.n, &s.mean, &s.std);
        s.median = quantile(values, s.n, 0.5, counts);
        s.p95 = quantile(values, s.n, 0.95, counts);
    }
    *out = s;
    return SIREN_OK;
}
