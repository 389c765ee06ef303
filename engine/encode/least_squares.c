#include "engine/encode/least_squares.h"

#include "cl/knobs.h"
#include "host/clones.h"
#include "host/threads.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static size_t padded(size_t n) {
    return (n + SIREN_SQUARES_COLUMNS - 1) / SIREN_SQUARES_COLUMNS * SIREN_SQUARES_COLUMNS;
}

siren_status siren_least_squares_create(size_t n_inputs, size_t n_outputs, siren_least_squares *out) {
    SIREN_AT_END(siren_least_squares_free) siren_least_squares p = {.n = n_inputs + 1, .m = n_outputs};
    p.stride_n = padded(p.n);
    p.stride_m = padded(p.m);
    SIREN_TRY(siren_allocate(&p.gram, p.stride_n * p.stride_n, sizeof(double), "the Gram matrix"));
    SIREN_TRY(siren_allocate(&p.factor, p.stride_n * p.stride_n, sizeof(double), "its Cholesky factor"));
    SIREN_TRY(siren_allocate(&p.moments, p.stride_n * p.stride_m, sizeof(double), "the right-hand sides"));
    SIREN_TRY(siren_allocate(&p.x, p.stride_n * p.stride_m, sizeof(double), "the solution"));
    SIREN_TRY(siren_allocate(&p.order, p.stride_n, sizeof *p.order, "the order of the features"));
    SIREN_TRY(siren_allocate(&p.scratch, p.stride_n * (p.stride_n > p.stride_m ? p.stride_n : p.stride_m),
                             sizeof(double), "scratch"));
    /* One row more than is used: GCC 12 lets add_tile read the 4 values of `a` behind the last point, and drops
     * them. */
    SIREN_TRY(
        siren_allocate(&p.features, (SIREN_SQUARES_GROUP + 1) * p.stride_n, sizeof(double), "some features"));
    SIREN_TRY(
        siren_allocate(&p.wanted, SIREN_SQUARES_GROUP * p.stride_m, sizeof(double), "some right-hand sides"));
    SIREN_TRY(siren_allocate(&p.column, p.stride_n, sizeof(double), "a column"));
    for (size_t i = 0; i < p.n; i++) p.order[i] = i;
    *out = p;
    memset(&p, 0, sizeof p);
    return SIREN_OK;
}

void siren_least_squares_free(siren_least_squares *p) {
    if (!p) return;
    free(p->gram);
    free(p->factor);
    free(p->moments);
    free(p->x);
    free(p->order);
    free(p->scratch);
    free(p->features);
    free(p->wanted);
    free(p->column);
    memset(p, 0, sizeof *p);
}

/* sums(SIREN_SQUARES_ROWS, SIREN_SQUARES_COLUMNS) += a(n_points, SIREN_SQUARES_ROWS)^T b(n_points,
 * SIREN_SQUARES_COLUMNS). One array for each row, as in the host's decoder. */
SIREN_CLONES static void add_tile(double *restrict sums, size_t stride, const double *restrict a,
                                  size_t stride_a, const double *restrict b, size_t stride_b,
                                  size_t n_points) {
    double s0[SIREN_SQUARES_COLUMNS] = {0}, s1[SIREN_SQUARES_COLUMNS] = {0}, s2[SIREN_SQUARES_COLUMNS] = {0},
           s3[SIREN_SQUARES_COLUMNS] = {0};
    for (size_t p = 0; p < n_points; p++, a += stride_a, b += stride_b)
        for (size_t j = 0; j < SIREN_SQUARES_COLUMNS; j++) {
            s0[j] += a[0] * b[j];
            s1[j] += a[1] * b[j];
            s2[j] += a[2] * b[j];
            s3[j] += a[3] * b[j];
        }
    for (size_t j = 0; j < SIREN_SQUARES_COLUMNS; j++) {
        sums[j] += s0[j];
        sums[stride + j] += s1[j];
        sums[2 * stride + j] += s2[j];
        sums[3 * stride + j] += s3[j];
    }
}

/* Rows of sums by any thread in any order: each sum goes through the points in ascending order. */
typedef struct {
    siren_least_squares *problem;
    size_t n_points;
    atomic_size_t next; /* item of SIREN_SQUARES_ITEM_ROWS rows */
} adding;

/* Adds a slice of points to SIREN_SQUARES_ROWS rows of gram and moments from row `i` on. */
static void add_rows(siren_least_squares *p, size_t i, size_t first, size_t n_slice) {
    const double *features = p->features + first * p->stride_n, *wanted = p->wanted + first * p->stride_m;
    for (size_t j = 0; j <= i; j += SIREN_SQUARES_COLUMNS)
        add_tile(p->gram + i * p->stride_n + j, p->stride_n, features + i, p->stride_n, features + j,
                 p->stride_n, n_slice);
    for (size_t j = 0; j < p->m; j += SIREN_SQUARES_COLUMNS)
        add_tile(p->moments + i * p->stride_m + j, p->stride_m, features + i, p->stride_n, wanted + j,
                 p->stride_m, n_slice);
}

static void add_member(void *user, size_t member) {
    (void)member;
    adding *work = user;
    siren_least_squares *p = work->problem;
    size_t n_items = (p->n + SIREN_SQUARES_ITEM_ROWS - 1) / SIREN_SQUARES_ITEM_ROWS;
    for (size_t item; (item = atomic_fetch_add(&work->next, 1)) < n_items;) {
        size_t begin = (n_items - 1 - item) * SIREN_SQUARES_ITEM_ROWS; /* the longest rows first */
        for (size_t first = 0; first < work->n_points; first += SIREN_SQUARES_SLICE) {
            size_t rest = work->n_points - first,
                   n_slice = rest < SIREN_SQUARES_SLICE ? rest : SIREN_SQUARES_SLICE;
            for (size_t i = begin; i < begin + SIREN_SQUARES_ITEM_ROWS && i < p->n; i += SIREN_SQUARES_ROWS)
                add_rows(p, i, first, n_slice);
        }
    }
}

void siren_least_squares_add(siren_least_squares *p, size_t n_points, const float *inputs,
                             const float *outputs) {
    size_t n_inputs = p->n - 1;
    for (size_t first = 0; first < n_points; first += SIREN_SQUARES_GROUP) {
        adding work = {.problem = p,
                       .n_points =
                           n_points - first < SIREN_SQUARES_GROUP ? n_points - first : SIREN_SQUARES_GROUP};
        for (size_t i = 0; i < work.n_points; i++) {
            double *a = p->features + i * p->stride_n, *d = p->wanted + i * p->stride_m;
            a[0] = 1.0;
            for (size_t k = 0; k < n_inputs; k++) a[1 + k] = (double)*inputs++;
            for (size_t k = 0; k < p->m; k++) d[k] = (double)*outputs++;
        }
        size_t n_threads = siren_processors();
        double worth =
            (double)work.n_points * (double)p->n * (double)(p->n / 2 + p->m) / SIREN_SQUARES_THREAD_MACS;
        if (worth < (double)n_threads) n_threads = (size_t)worth + 1;
        siren_threads_run(n_threads, add_member, &work);
    }
}

/* y(n) -= factor * x(n) */
SIREN_CLONES static void subtract(double *restrict y, double factor, const double *restrict x, size_t n) {
    for (size_t i = 0; i < n; i++) y[i] -= factor * x[i];
}

bool siren_least_squares_factorise(siren_least_squares *p, double ridge) {
    size_t n = p->n, stride = p->stride_n;
    double trace = 0;
    for (size_t i = 0; i < n; i++) trace += p->gram[i * stride + i];
    p->lambda = ridge * trace / (double)n;
    if (!isfinite(p->lambda)) return false;
    memcpy(p->factor, p->gram, n * stride * sizeof *p->factor);
    for (size_t i = 0; i < n; i++) p->factor[i * stride + i] += p->lambda;
    for (size_t k = 0; k < n; k++) {
        double pivot = p->factor[k * stride + k];
        if (!(pivot > 0) || !isfinite(pivot)) return false;
        double root = sqrt(pivot);
        p->factor[k * stride + k] = root;
        for (size_t i = k + 1; i < n; i++) p->column[i] = p->factor[i * stride + k] /= root;
        for (size_t i = k + 1; i < n; i++)
            subtract(p->factor + i * stride + k + 1, p->column[i], p->column + k + 1, i - k);
    }
    return true;
}

static double symmetric(const siren_least_squares *p, size_t i, size_t j) {
    return p->gram[i >= j ? i * p->stride_n + j : j * p->stride_n + i];
}

/* b(n, m) becomes (factor factor^T)^-1 b. */
static void substitute(const siren_least_squares *p, double *b, size_t m, size_t stride) {
    for (size_t i = 0; i < p->n; i++) {
        for (size_t k = 0; k < i; k++)
            subtract(b + i * stride, p->factor[i * p->stride_n + k], b + k * stride, m);
        for (size_t o = 0; o < m; o++) b[i * stride + o] /= p->factor[i * p->stride_n + i];
    }
    for (size_t i = p->n; i-- > 0;) {
        for (size_t k = i + 1; k < p->n; k++)
            subtract(b + i * stride, p->factor[k * p->stride_n + i], b + k * stride, m);
        for (size_t o = 0; o < m; o++) b[i * stride + o] /= p->factor[i * p->stride_n + i];
    }
}

bool siren_least_squares_solve(siren_least_squares *p) {
    size_t n = p->n, m = p->m, stride = p->stride_m;
    double *change = p->scratch;
    bool finite = true;
    memcpy(change, p->moments, n * stride * sizeof *change);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n; k++)
            subtract(change + i * stride, symmetric(p, i, k), p->x + k * stride, m);
    substitute(p, change, m, stride);
    for (size_t i = 0; i < n; i++)
        for (size_t o = 0; o < m; o++) {
            p->x[i * stride + o] += change[i * stride + o];
            finite = finite && isfinite(p->x[i * stride + o]);
        }
    return finite;
}

void siren_least_squares_reorder(siren_least_squares *p) {
    size_t n = p->n, stride = p->stride_n, m = p->m;
    double *inverse = p->scratch, *moved = p->factor;
    memset(inverse, 0, n * stride * sizeof *inverse);
    for (size_t i = 0; i < n; i++) inverse[i * stride + i] = 1.0;
    substitute(p, inverse, n, stride);
    /* 1 / inverse_ii is what feature i has that the others among those left have not. */
    for (size_t last = n - 1; last > 1; last--) {
        size_t chosen = last;
        for (size_t i = 1; i < last; i++)
            if (inverse[p->order[i] * (stride + 1)] < inverse[p->order[chosen] * (stride + 1)]) chosen = i;
        size_t feature = p->order[chosen];
        p->order[chosen] = p->order[last];
        p->order[last] = feature;
        const double *row = inverse + feature * stride;
        for (size_t i = 1; i < last; i++)
            subtract(inverse + p->order[i] * stride, inverse[p->order[i] * stride + feature] / row[feature],
                     row, n);
    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++) moved[i * stride + j] = symmetric(p, p->order[i], p->order[j]);
    memcpy(p->gram, moved, n * stride * sizeof *moved);
    memcpy(p->scratch, p->x, n * p->stride_m * sizeof *p->x);
    for (size_t i = 0; i < n; i++)
        memcpy(p->x + i * p->stride_m, p->scratch + p->order[i] * p->stride_m, m * sizeof *p->x);
}
