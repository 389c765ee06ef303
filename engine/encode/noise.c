#include "engine/encode/noise.h"

#include "engine/model/blocks.h"
#include "engine/transform/eigen.h"

#include <math.h>
#include <stdlib.h>

#define MOST_WINDOWS 32768 /* that are kept, */
#define MOST_PRODUCTS 1e9  /* fewer where the covariance of many volumes would take more */
#define MOST_VOLUMES 256   /* that are looked at together */
#define LOOKS 6            /* windows looked at for one that is kept */
#define ROUNDS 100

/* exp(-x) I0(x) and exp(-x) I1(x): Abramowitz and Stegun 9.8.1 to 9.8.4, to 2e-7. */
static double scaled_bessel0(double x) {
    double t = x / 3.75;
    t *= t;
    if (x < 3.75)
        return exp(-x) *
               (1 +
                t * (3.5156229 +
                     t * (3.0899424 + t * (1.2067492 + t * (0.2659732 + t * (0.0360768 + t * 0.0045813))))));
    t = 3.75 / x;
    return (0.39894228 +
            t * (0.01328592 +
                 t * (0.00225319 + t * (-0.00157565 +
                                        t * (0.00916281 + t * (-0.02057706 +
                                                               t * (0.02635537 + t * (-0.01647633 +
                                                                                      t * 0.00392377)))))))) /
           sqrt(x);
}

static double scaled_bessel1(double x) {
    double t = x / 3.75;
    t *= t;
    if (x < 3.75)
        return exp(-x) * x *
               (0.5 + t * (0.87890594 +
                           t * (0.51498869 +
                                t * (0.15084934 + t * (0.02658733 + t * (0.00301532 + t * 0.00032411))))));
    t = 3.75 / x;
    return (0.39894228 +
            t * (-0.03988024 +
                 t * (-0.00362018 +
                      t * (0.00163801 + t * (-0.01031555 +
                                             t * (0.02282967 + t * (-0.02895312 +
                                                                    t * (0.01787654 - t * 0.00420059)))))))) /
           sqrt(x);
}

/* Variance of Rician data of sigma 1 and signal theta. */
static double rician_variance(double theta) {
    const double square = theta * theta, x = square / 4;
    const double sum = (2 + square) * scaled_bessel0(x) + square * scaled_bessel1(x);
    if (theta > 30) return 1;
    return 2 + square - acos(-1) / 8 * sum * sum;
}

double siren_noise_rician(double spread, double magnitude) {
    double theta = magnitude / spread, before = -1;
    if (!(spread > 0)) return 0;
    for (int i = 0; i < ROUNDS && fabs(theta - before) > 1e-9; i++) {
        before = theta;
        const double square = rician_variance(theta) * (1 + magnitude * magnitude / (spread * spread)) - 2;
        theta = square > 0 ? sqrt(square) : 0; /* at the floor itself: Rayleigh */
    }
    return spread / sqrt(rician_variance(theta));
}

static double median(double *values, size_t n) {
    qsort(values, n, sizeof *values, siren_ascending);
    return n ? (values[(n - 1) / 2] + values[n / 2]) / 2 : 0;
}

/* Windows of 3 x 3 voxels that are looked at: of each volume second differences and mean. */
typedef struct {
    size_t n, first, n_volumes; /* of volumes first ... first + n_volumes - 1 */
    float *details, *means;     /* (n, n_volumes) */
    siren_scaling *limits;      /* (n_volumes) outside of which values are exceptional */
} noise_windows;

static void windows_free(noise_windows *w) {
    free(w->details);
    free(w->means);
    free(w->limits);
}

static siren_status find_limits(const siren_series *series, const siren_block *slices, noise_windows *w) {
    size_t n_apart;
    SIREN_TRY(siren_allocate(&w->limits, w->n_volumes, sizeof *w->limits, "the ranges of volumes"));
    for (size_t v = 0; v < w->n_volumes; v++)
        SIREN_TRY(siren_block_limits(series, slices, w->first + v, &w->limits[v], &n_apart));
    return SIREN_OK;
}

/* Mean of all values other than 0 that are not exceptional. */
static siren_status mean_of(const siren_series *series, const noise_windows *w, const siren_block *slices,
                            double *out) {
    const siren_geometry *g = &series->geometry;
    double sum = 0, n = 0;
    SIREN_FREE_AT_END double *row = NULL;
    SIREN_TRY(siren_allocate(&row, g->nx, sizeof *row, "a row"));
    for (size_t v = w->first; v < w->first + w->n_volumes; v++)
        for (size_t i = 0; i < siren_block_voxels(slices); i += g->nx) {
            siren_datatype_to_double(g->datatype, siren_block_value(series, slices, v, i), g->nx, row);
            for (size_t x = 0; x < g->nx; x++)
                if (siren_scaling_holds(w->limits[v - w->first], row[x]) && row[x] != 0) sum += row[x], n++;
        }
    *out = n > 0 ? sum / n : INFINITY;
    return SIREN_OK;
}

/* One window at (x, y) of a slice; false where a value is exceptional. */
static bool look(const siren_series *series, noise_windows *w, const siren_block *slice, size_t x, size_t y,
                 double *mean) {
    const siren_geometry *g = &series->geometry;
    float *details = w->details + w->n * w->n_volumes, *means = w->means + w->n * w->n_volumes;
    *mean = 0;
    for (size_t v = 0; v < w->n_volumes; v++) {
        static const double weights[3] = {1, -2, 1};
        double values[3], detail = 0, sum = 0;
        for (size_t i = 0; i < 3; i++) {
            siren_datatype_to_double(
                g->datatype, siren_block_value(series, slice, w->first + v, (y + i) * g->nx + x), 3, values);
            for (size_t k = 0; k < 3; k++)
                if (!siren_scaling_holds(w->limits[v], values[k])) return false;
            detail += weights[i] * (values[0] - 2 * values[1] + values[2]);
            sum += values[0] + values[1] + values[2];
        }
        details[v] = (float)detail;
        means[v] = (float)(sum / 9);
        *mean += sum / 9 / (double)w->n_volumes;
    }
    return true;
}

/* Windows with signal, evenly spaced. */
static siren_status find_windows(const siren_series *series, size_t z_begin, size_t z_end, noise_windows *w) {
    const siren_geometry *g = &series->geometry;
    const siren_block slices = {.nx = g->nx, .ny = g->ny, .nz = z_end - z_begin, .z = z_begin};
    const size_t across = g->nx - 2, down = g->ny - 2, n_all = across * down * (z_end - z_begin);
    size_t most = (size_t)(MOST_PRODUCTS / (double)w->n_volumes / (double)w->n_volumes);
    double least, mean;
    if (most > MOST_WINDOWS) most = MOST_WINDOWS;
    if (most > n_all) most = n_all;
    SIREN_TRY(siren_allocate(&w->details, most * w->n_volumes, sizeof *w->details, "second differences"));
    SIREN_TRY(siren_allocate(&w->means, most * w->n_volumes, sizeof *w->means, "their means"));
    SIREN_TRY(find_limits(series, &slices, w));
    SIREN_TRY(mean_of(series, w, &slices, &least));
    size_t stride = n_all / (LOOKS * most) + 1;
    for (size_t at = 0; at < n_all && w->n < most; at += stride) {
        const size_t x = at % across, y = at / across % down;
        const siren_block slice = {.nx = g->nx, .ny = g->ny, .nz = 1, .z = z_begin + at / across / down};
        if (look(series, w, &slice, x, y, &mean) && mean > least) w->n++;
    }
    return SIREN_OK;
}

/* Takes the upper half of the principal components away from the details; `kept` (n_volumes): the share of white
 * noise's variance that a volume keeps. */
static siren_status take_away_common(noise_windows *w, double *kept) {
    const size_t n = w->n_volumes, half = n / 2;
    SIREN_FREE_AT_END double *axes = NULL, *values = NULL;
    size_t area;
    if (!siren_mul(n, n, &area)) area = SIZE_MAX;
    SIREN_TRY(siren_allocate(&axes, area, sizeof *axes, "components of the noise"));
    SIREN_TRY(siren_allocate(&values, n, sizeof *values, "components of the noise"));
    for (size_t i = 0; i < w->n; i++)
        for (size_t a = 0; a < n; a++)
            for (size_t b = 0; b <= a; b++)
                axes[a * n + b] += (double)w->details[i * n + a] * (double)w->details[i * n + b];
    SIREN_TRY(siren_eigen_symmetric(n, axes, values));
    for (size_t v = 0; v < n; v++) {
        kept[v] = 1;
        for (size_t k = 0; k < half; k++) kept[v] -= axes[k * n + v] * axes[k * n + v];
    }
    for (size_t i = 0; i < w->n; i++)
        for (size_t k = 0; k < half; k++) {
            float *x = w->details + i * n;
            double sum = 0;
            for (size_t v = 0; v < n; v++) sum += (double)x[v] * axes[k * n + v];
            for (size_t v = 0; v < n; v++) x[v] -= (float)(sum * axes[k * n + v]);
        }
    return SIREN_OK;
}

static siren_status estimate(const siren_series *series, size_t z_begin, size_t z_end, size_t first, size_t n,
                             double *sigmas) {
    SIREN_AT_END(windows_free) noise_windows w = {.first = first, .n_volumes = n};
    SIREN_FREE_AT_END double *kept = NULL, *column = NULL;
    SIREN_TRY(find_windows(series, z_begin, z_end, &w));
    SIREN_TRY(siren_allocate(&kept, n, sizeof *kept, "the noise"));
    SIREN_TRY(siren_allocate(&column, w.n, sizeof *column, "the noise"));
    SIREN_TRY(take_away_common(&w, kept));
    for (size_t v = 0; v < n; v++) {
        for (size_t i = 0; i < w.n; i++) column[i] = fabs((double)w.details[i * n + v]);
        const double spread = median(column, w.n) / (6 * 0.67448975 * sqrt(fmax(kept[v], 1e-3)));
        for (size_t i = 0; i < w.n; i++) column[i] = (double)w.means[i * n + v];
        sigmas[v] = siren_noise_rician(spread, median(column, w.n));
    }
    return SIREN_OK;
}

siren_status siren_noise_estimate(const siren_series *series, size_t z_begin, size_t z_end, double *sigmas) {
    const siren_geometry *g = &series->geometry;
    for (size_t v = 0; v < g->n_volumes; v++) sigmas[v] = 0;
    if (g->nx < 3 || g->ny < 3) return SIREN_OK;
    for (size_t first = 0, n; first < g->n_volumes; first += n) {
        n = g->n_volumes - first < MOST_VOLUMES ? g->n_volumes - first : MOST_VOLUMES;
        SIREN_TRY(estimate(series, z_begin, z_end, first, n, sigmas + first));
    }
    return SIREN_OK;
}
