#include "engine/transform/transform.h"

#include "engine/transform/eigen.h"
#include "engine/transform/slice_grid.h"
#include "host/clones.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK SIREN_TRANSFORM_BLOCK
#define ONE 16384
#define SINGLE_STEP 0.7 /* of one quantiser as good as two of step 1 */

/* Products that the second moments take at most, slices that they are taken of, and slices that tell what
 * components are worth. */
#define MOMENT_PRODUCTS 2e9
#define MOMENT_SLICES 32
#define TRIAL_SLICES 4

/* Lower triangle of the sum of x x^T. */
SIREN_CLONES static void add_point(size_t n, const double *x, double *moments) {
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++) moments[i * n + j] += x[i] * x[j];
}

/* Slice i of n that stand for all n_slices, evenly. */
static size_t of_all(size_t i, size_t n, size_t n_slices) { return (2 * i + 1) * n_slices / (2 * n); }

/* Volumes' values that are missing become the mean of the others. */
static void fill_missing(size_t n_points, size_t n_volumes, float *targets) {
    for (size_t v = 0; v < n_volumes; v++) {
        double sum = 0, n = 0;
        for (size_t i = 0; i < n_points; i++) {
            float value = targets[i * n_volumes + v];
            if (isnan(value)) continue;
            sum += (double)value;
            n++;
        }
        for (size_t i = 0; i < n_points && n < (double)n_points; i++)
            if (isnan(targets[i * n_volumes + v])) targets[i * n_volumes + v] = n > 0 ? (float)(sum / n) : 0;
    }
}

static siren_status read_targets(const siren_series *series, const siren_block *slice,
                                 const siren_scaling *limits, siren_scaling *scaling, float **targets) {
    size_t n_volumes = series->geometry.n_volumes, n;
    siren_apart apart;
    if (!siren_mul(siren_block_points(slice), n_volumes, &n)) n = SIZE_MAX;
    SIREN_TRY(siren_allocate(targets, n, sizeof **targets, "targets of a slice"));
    SIREN_TRY(siren_block_gather(series, slice, limits, *targets, scaling, &apart));
    if (apart.n > 0) fill_missing(siren_block_points(slice), n_volumes, *targets);
    return SIREN_OK;
}

/* Sums over points of x (n_volumes) and x x^T (n_volumes, n_volumes, lower triangle). */
static siren_status sum_moments(const siren_series *series, const siren_block *slices, size_t n_slices,
                                const siren_transform_plan *plan, double *sums, double *moments,
                                double *n_points) {
    size_t n_volumes = series->geometry.n_volumes, n = n_slices < MOMENT_SLICES ? n_slices : MOMENT_SLICES;
    SIREN_FREE_AT_END double *x = NULL;
    SIREN_FREE_AT_END siren_scaling *scaling = NULL;
    double products = 0;
    SIREN_TRY(siren_allocate(&x, n_volumes, sizeof *x, "a point's values"));
    SIREN_TRY(siren_allocate(&scaling, n_volumes, sizeof *scaling, "scaling of a slice"));
    for (size_t i = 0; i < n; i++)
        products += (double)siren_block_points(&slices[of_all(i, n, n_slices)]) * (double)n_volumes *
                    (double)n_volumes / 2;
    size_t stride = 1 + (size_t)(products / MOMENT_PRODUCTS);
    *n_points = 0;
    for (size_t i = 0; i < n; i++) {
        const siren_block *slice = &slices[of_all(i, n, n_slices)];
        SIREN_FREE_AT_END float *targets = NULL;
        SIREN_TRY(read_targets(series, slice, plan->limits, scaling, &targets));
        for (size_t point = i % stride; point < siren_block_points(slice); point += stride) {
            for (size_t v = 0; v < n_volumes; v++) sums[v] += x[v] = (double)targets[point * n_volumes + v];
            add_point(n_volumes, x, moments);
            ++*n_points;
        }
    }
    return SIREN_OK;
}

/* What each component along the rows of `axes` wins in squared steps + lambda bits over leaving it out, in all
 * slices. */
static siren_status weigh_components(const siren_series *series, const siren_block *slices, size_t n_slices,
                                     const siren_transform_plan *plan, const uint8_t *mean, const float *axes,
                                     double *gains) {
    size_t n_volumes = series->geometry.n_volumes, n = n_slices < TRIAL_SLICES ? n_slices : TRIAL_SLICES;
    float step = (float)(1 / plan->step);
    SIREN_FREE_AT_END siren_scaling *scaling = NULL;
    SIREN_TRY(siren_allocate(&scaling, n_volumes, sizeof *scaling, "scaling of a slice"));
    for (size_t i = 0; i < n; i++) {
        const siren_block *slice = &slices[of_all(i, n, n_slices)];
        SIREN_FREE_AT_END float *targets = NULL;
        SIREN_TRY(read_targets(series, slice, plan->limits, scaling, &targets));
        SIREN_AT_END(siren_slice_grid_free) siren_slice_grid grid = {0};
        SIREN_FREE_AT_END float *coefficients = NULL;
        SIREN_TRY(siren_slice_grid_create(slice, &grid));
        SIREN_TRY(siren_allocate(&coefficients, n_volumes * grid.n_blocks, BLOCK * sizeof *coefficients,
                                 "coefficients of a slice"));
        SIREN_TRY(siren_slice_analyse(&grid, n_volumes, n_volumes, axes, mean, targets, step, coefficients));
        for (size_t k = 0; k < n_volumes; k++) {
            const float *c = coefficients + k * grid.n_blocks * BLOCK;
            double squares = 0, octaves = 0, n_nonzero = 0, n_all = 1, share, bits;
            for (size_t j = 0; j < grid.n_blocks * BLOCK; j++) {
                float square = c[j] * c[j];
                n_all += grid.used[j / BLOCK] > 0;
                if (square < 0.5f) continue;
                squares += (double)square;
                octaves += log2((double)square);
                n_nonzero++;
            }
            if (n_nonzero == 0) continue;
            share = n_nonzero / n_all;
            bits = n_nonzero - n_all * (share * log2(share) + (1 - share) * log2(1 - share)) + 0.7 * octaves;
            double gain = fmax(squares - n_nonzero / 12 - plan->lambda * bits, 0);
            gains[k] += gain * (double)n_slices / (double)n;
        }
    }
    return SIREN_OK;
}

/* Bits behind the point of a vector: with one more, its entries would cost more than the error in all points that
 * their rounding leaves, of which the components to come take up some; but no fewer than tell entries of usual
 * size from 0. */
static unsigned precision_for(double mean_square, double n_points, double step, size_t n_volumes) {
    double bits = log2(sqrt(mean_square * n_points) / step) - 1, least = log2(2 * sqrt((double)n_volumes));
    if (!(bits > least)) bits = least;
    return bits > 14 ? 14 : (unsigned)rint(bits);
}

/* Rounds the rows of `axes`, each first made orthogonal to those already rounded, in double precision. */
static void round_axes(siren_transform_basis *basis, const double *axes, double *rounded) {
    size_t n = basis->n_volumes;
    for (size_t k = 0; k < basis->n_components; k++) {
        double *row = rounded + k * n, norm = 0;
        memcpy(row, axes + k * n, n * sizeof *row);
        for (int pass = 0; pass < 2; pass++)
            for (size_t j = 0; j < k; j++) {
                const double *other = rounded + j * n;
                double square = siren_dot(other, other, n);
                if (square > 0) siren_add_times(row, -siren_dot(row, other, n) / square, other, n);
            }
        norm = siren_dot(row, row, n);
        norm = norm > 1e-12 ? 1 / sqrt(norm) : 0;
        double unit = ldexp(1, basis->precision[k]);
        for (size_t v = 0; v < n; v++) {
            row[v] = rint(row[v] * norm * unit) / unit;
            basis->vectors[k * n + v] = (int16_t)(row[v] * ONE);
        }
    }
}

/* The dual axes: projections on them are what the rounded axes rebuild a point from with the least error. (Q
 * Q^T)^-1 Q by Cholesky. */
static siren_status make_analysis(siren_transform_basis *basis, double *rounded) {
    size_t n = basis->n_volumes, m = basis->n_components;
    SIREN_FREE_AT_END double *gram = NULL;
    SIREN_TRY(siren_allocate(&gram, m, m * sizeof *gram, "a basis"));
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j <= i; j++) {
            double sum =
                siren_dot(rounded + i * n, rounded + j * n, n) - siren_dot(gram + i * m, gram + j * m, j);
            if (i == j) sum += 1e-9;
            gram[i * m + j] = i == j ? sqrt(sum > 1e-9 ? sum : 1e-9) : sum / gram[j * m + j];
        }
    for (size_t i = 0; i < m; i++) {
        double *row = rounded + i * n;
        for (size_t j = 0; j < i; j++) siren_add_times(row, -gram[i * m + j], rounded + j * n, n);
        for (size_t v = 0; v < n; v++) row[v] /= gram[i * m + i];
    }
    for (size_t i = m; i-- > 0;) {
        double *row = rounded + i * n;
        for (size_t j = i + 1; j < m; j++) siren_add_times(row, -gram[j * m + i], rounded + j * n, n);
        for (size_t v = 0; v < n; v++) row[v] /= gram[i * m + i];
    }
    for (size_t i = 0; i < m * n; i++) basis->analysis[i] = (float)rounded[i];
    return SIREN_OK;
}

siren_status siren_transform_fit(const siren_series *series, const siren_block *slices, size_t n_slices,
                                 const siren_transform_plan *plan, siren_transform_basis *out) {
    size_t n = series->geometry.n_volumes, area;
    SIREN_AT_END(siren_transform_basis_free) siren_transform_basis basis = {.n_volumes = n};
    siren_transform_plan exact = *plan;
    SIREN_FREE_AT_END double *sums = NULL, *axes = NULL, *values = NULL, *rounded = NULL, *gains = NULL;
    SIREN_FREE_AT_END float *trial = NULL;
    double n_points = 0, total = 0, best = 0;
    SIREN_TRY(siren_transform_plan_check(&exact));
    if (exact.dependent) exact.step *= SINGLE_STEP;
    basis.dependent = exact.dependent;
    if (!siren_mul(n, n, &area)) area = SIZE_MAX;
    SIREN_TRY(siren_allocate(&basis.mean, n, 1, "a basis"));
    SIREN_TRY(siren_allocate(&basis.precision, n, 1, "a basis"));
    SIREN_TRY(siren_allocate(&sums, n, sizeof *sums, "a basis"));
    SIREN_TRY(siren_allocate(&values, n, sizeof *values, "a basis"));
    SIREN_TRY(siren_allocate(&gains, n, sizeof *gains, "a basis"));
    SIREN_TRY(siren_allocate(&axes, area, sizeof *axes, "a basis"));
    SIREN_TRY(siren_allocate(&trial, area, sizeof *trial, "a basis"));
    SIREN_TRY(sum_moments(series, slices, n_slices, plan, sums, axes, &n_points));
    for (size_t v = 0; v < n && n_points > 0; v++) {
        sums[v] /= n_points;
        basis.mean[v] = (uint8_t)fmin(rint(sums[v] * 256), 255);
    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++)
            axes[i * n + j] = n_points > 0 ? axes[i * n + j] / n_points - sums[i] * sums[j] : 0;
    SIREN_TRY(siren_eigen_symmetric(n, axes, values));
    for (size_t i = 0; i < area; i++) trial[i] = (float)axes[i];
    SIREN_TRY(weigh_components(series, slices, n_slices, &exact, basis.mean, trial, gains));
    double points = 0;
    for (size_t i = 0; i < n_slices; i++) points += (double)siren_block_points(&slices[i]);
    for (size_t k = 0; k < n; k++) {
        basis.precision[k] = (uint8_t)precision_for(fmax(values[k], 0), points, exact.step, n);
        double bits = fmax(log2(4.13 * ldexp(1, basis.precision[k]) / sqrt((double)n)), 1.5);
        total += gains[k] - exact.lambda * bits * (double)n;
        if (total > best) {
            best = total;
            basis.n_components = k + 1;
        }
    }
    size_t entries = basis.n_components * n;
    SIREN_TRY(siren_allocate(&basis.vectors, entries, sizeof *basis.vectors, "a basis"));
    SIREN_TRY(siren_allocate(&basis.analysis, entries, sizeof *basis.analysis, "a basis"));
    SIREN_TRY(siren_allocate(&rounded, entries, sizeof *rounded, "a basis"));
    round_axes(&basis, axes, rounded);
    SIREN_TRY(make_analysis(&basis, rounded));
    *out = SIREN_TAKE(basis);
    return SIREN_OK;
}
