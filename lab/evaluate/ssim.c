#include "lab/evaluate/ssim.h"

#include "host/clones.h"
#include "host/threads.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TAPS 11
#define GAUSSIAN_SIGMA 1.5

/* A separable window, and what its results mean. */
typedef struct {
    size_t radius;
    double weights[MAX_TAPS]; /* (2 radius + 1), of sum 1 */
    double sample;            /* factor from the moments' covariance to the one wanted */
} ssim_kernel;

/* Weighted sums of a pixel's window. */
enum { SUM_X, SUM_Y, SUM_XX, SUM_YY, SUM_XY, N_SUMS };

size_t siren_ssim_window_size(siren_ssim_window window) { return window == SIREN_SSIM_UNIFORM ? 7 : 11; }

static ssim_kernel kernel_of(siren_ssim_window window) {
    size_t n = siren_ssim_window_size(window);
    ssim_kernel kernel = {.radius = n / 2, .sample = 1};
    double sum = 0;
    for (size_t k = 0; k < n; k++) {
        double distance = ((double)k - (double)kernel.radius) / GAUSSIAN_SIGMA;
        kernel.weights[k] = window == SIREN_SSIM_UNIFORM ? 1 : exp(-distance * distance / 2);
        sum += kernel.weights[k];
    }
    for (size_t k = 0; k < n; k++) kernel.weights[k] /= sum;
    if (window == SIREN_SSIM_UNIFORM) kernel.sample = (double)(n * n) / (double)(n * n - 1);
    return kernel;
}

/* Where an image continued by reflection takes row `i`: ... 1 0 | 0 1 ... n-1 | n-1 n-2 ... */
static size_t reflected(ptrdiff_t i, size_t n) {
    return i < 0 ? (size_t)(-1 - i) : (size_t)i < n ? (size_t)i : 2 * n - 1 - (size_t)i;
}

/* Adds a row to the vertical sums: `sums` N_SUMS rows of `stride`. */
SIREN_CLONES static void add_row(size_t n, double weight, const double *restrict x, const double *restrict y,
                                 size_t stride, double *restrict sums) {
    for (size_t i = 0; i < n; i++) {
        double wx = weight * x[i], wy = weight * y[i];
        sums[SUM_X * stride + i] += wx;
        sums[SUM_Y * stride + i] += wy;
        sums[SUM_XX * stride + i] += wx * x[i];
        sums[SUM_YY * stride + i] += wy * y[i];
        sums[SUM_XY * stride + i] += wx * y[i];
    }
}

/* One horizontal sum: `out` (n) of `padded` (n + 2 radius). */
SIREN_CLONES static void sum_along_row(size_t n, const ssim_kernel *kernel, const double *restrict padded,
                                       double *restrict out) {
    memset(out, 0, n * sizeof *out);
    for (size_t k = 0; k <= 2 * kernel->radius; k++) {
        const double weight = kernel->weights[k];
        for (size_t i = 0; i < n; i++) out[i] += weight * padded[k + i];
    }
}

/* `ssim` (n) of the finished `sums` (N_SUMS, n). */
SIREN_CLONES static void similarity_of_row(size_t n, double sample, double range, const double *restrict sums,
                                           double *restrict ssim) {
    const double c1 = (0.01 * range) * (0.01 * range), c2 = (0.03 * range) * (0.03 * range);
    for (size_t i = 0; i < n; i++) {
        double mx = sums[SUM_X * n + i], my = sums[SUM_Y * n + i];
        double vx = sample * (sums[SUM_XX * n + i] - mx * mx), vy = sample * (sums[SUM_YY * n + i] - my * my),
               cxy = sample * (sums[SUM_XY * n + i] - mx * my);
        ssim[i] = (2 * mx * my + c1) * (2 * cxy + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2));
    }
}

/* What all threads share, and what each of them takes of it: slices, with all their volumes. */
typedef struct {
    const siren_series *x, *y;
    ssim_kernel kernel;
    double range;
    float *map;         /* (nz, ny, nx) or NULL */
    double *means;      /* (nz) of each slice, over volumes */
    atomic_size_t next; /* slice */
} ssim_work;

/* Memory of one thread. */
typedef struct {
    double *x, *y;                 /* (ny, nx) scaled values */
    double *map;                   /* (ny, nx) sum over volumes */
    double *vertical, *row, *ssim; /* (N_SUMS, nx + 2 radius), (N_SUMS, nx), (nx) */
} ssim_scratch;

/* Row `at` of the local SSIM into s->ssim. */
static void similarity_row(const ssim_work *work, ssim_scratch *s, size_t at) {
    const siren_geometry *g = &work->x->geometry;
    const size_t nx = g->nx, radius = work->kernel.radius, stride = nx + 2 * radius;
    memset(s->vertical, 0, N_SUMS * stride * sizeof *s->vertical);
    for (size_t k = 0; k <= 2 * radius; k++) {
        size_t from = reflected((ptrdiff_t)(at + k) - (ptrdiff_t)radius, g->ny);
        add_row(nx, work->kernel.weights[k], s->x + from * nx, s->y + from * nx, stride,
                s->vertical + radius);
    }
    for (size_t sum = 0; sum < N_SUMS; sum++) {
        double *padded = s->vertical + sum * stride;
        for (size_t i = 0; i < radius; i++) {
            padded[radius - 1 - i] = padded[radius + i];
            padded[radius + nx + i] = padded[radius + nx - 1 - i];
        }
        sum_along_row(nx, &work->kernel, padded, s->row + sum * nx);
    }
    similarity_of_row(nx, work->kernel.sample, work->range, s->row, s->ssim);
}

/* Adds the local SSIM of the slice in `s` to s->map. Returns its sum over the pixels whose window lies within the
 * image. */
static double similarity_slice(const ssim_work *work, ssim_scratch *s) {
    const siren_geometry *g = &work->x->geometry;
    const size_t radius = work->kernel.radius;
    double inner = 0;
    for (size_t row = 0; row < g->ny; row++) {
        similarity_row(work, s, row);
        for (size_t i = 0; i < g->nx; i++) s->map[row * g->nx + i] += s->ssim[i];
        if (row < radius || row + radius >= g->ny) continue;
        for (size_t i = radius; i + radius < g->nx; i++) inner += s->ssim[i];
    }
    return inner;
}

static void take_slices(ssim_work *work, ssim_scratch *s) {
    const siren_geometry *g = &work->x->geometry;
    const size_t n = g->nx * g->ny, radius = work->kernel.radius;
    const double n_inner = (double)((g->nx - 2 * radius) * (g->ny - 2 * radius)),
                 n_volumes = (double)g->n_volumes;
    for (size_t z; (z = atomic_fetch_add(&work->next, 1)) < g->nz;) {
        double inner = 0;
        memset(s->map, 0, n * sizeof *s->map);
        for (size_t volume = 0; volume < g->n_volumes; volume++) {
            siren_series_values(work->x, (volume * g->nz + z) * n, n, s->x);
            siren_series_values(work->y, (volume * g->nz + z) * n, n, s->y);
            inner += similarity_slice(work, s);
        }
        work->means[z] = inner / n_inner / n_volumes;
        for (size_t i = 0; work->map && i < n; i++) work->map[z * n + i] = (float)(s->map[i] / n_volumes);
    }
}

static void ssim_member(void *user, size_t member) {
    (void)member;
    ssim_work *work = user;
    const siren_geometry *g = &work->x->geometry;
    const size_t n = g->nx * g->ny, padded = N_SUMS * (g->nx + 2 * work->kernel.radius);
    double *memory = NULL;
    if (siren_allocate(&memory, 3 * n + padded + (N_SUMS + 1) * g->nx, sizeof *memory, "a slice's SSIM") !=
        SIREN_OK)
        return; /* the others take its slices */
    ssim_scratch scratch = {.x = memory, .y = memory + n, .map = memory + 2 * n, .vertical = memory + 3 * n};
    scratch.row = scratch.vertical + padded;
    scratch.ssim = scratch.row + N_SUMS * g->nx;
    take_slices(work, &scratch);
    free(memory);
}

static void work_free(ssim_work *work) { free(work->means); }

siren_status siren_ssim_series(siren_ssim_window window, const siren_series *x, const siren_series *y,
                               double range, float *map, double *mean) {
    const siren_geometry *g = &x->geometry;
    const size_t size = siren_ssim_window_size(window);
    SIREN_AT_END(work_free)
    ssim_work work = {.x = x, .y = y, .kernel = kernel_of(window), .range = range, .map = map};
    if (g->nx < size || g->ny < size)
        return siren_fail(
            SIREN_USAGE, "slices of %zu x %zu are smaller than the SSIM window of %zu x %zu; use larger ones",
            g->nx, g->ny, size, size);
    if (!(range > 0) || !isfinite(range))
        return siren_fail(SIREN_USAGE,
                          "the data range of SSIM is %g but must be above 0; take the maximum "
                          "minus the minimum of an image that is not constant",
                          range);
    SIREN_TRY(siren_allocate(&work.means, g->nz, sizeof *work.means, "the SSIM of each slice"));
    siren_threads_run(siren_processors(), ssim_member, &work);
    if (atomic_load(&work.next) < g->nz)
        return siren_fail(SIREN_SYSTEM, "out of memory: cannot compute the SSIM of slices of %zu x %zu",
                          g->nx, g->ny);
    double sum = 0;
    for (size_t z = 0; z < g->nz; z++) sum += work.means[z];
    *mean = sum / (double)g->nz;
    return SIREN_OK;
}
