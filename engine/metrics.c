#include "engine/metrics.h"

#include "engine/model/extremes.h"
#include "engine/model/grid.h"
#include "engine/options.h"
#include "formats/nifti.h"

#include <math.h>

#define CHUNK 4096 /* voxels converted at once */

/* Sums over the voxels seen so far. */
typedef struct {
    siren_comparison result;
    double squares, relative;
    siren_extremes extremes;
} siren_comparing;

/* Moves the values of the first image that are compared to the front, and those of the other; returns how many. `mask`:
 * (n), 0 skips a voxel; NULL compares all. */
static size_t choose(siren_comparison *r, double *x, double *other, const uint8_t *mask, size_t n) {
    size_t n_chosen = 0;
    for (size_t i = 0; i < n; i++) {
        if (mask && !mask[i]) continue;
        if (!isfinite(x[i]) || !isfinite(other[i])) {
            bool same = (isnan(x[i]) && isnan(other[i])) || x[i] == other[i];
            r->n_unequal_finite += !same;
            continue;
        }
        x[n_chosen] = x[i];
        other[n_chosen++] = other[i];
    }
    return n_chosen;
}

static void compare_values(siren_comparing *c, const double *x, const double *other, size_t n) {
    siren_comparison *r = &c->result;
    for (size_t i = 0; i < n; i++) {
        double error = fabs(x[i] - other[i]);
        r->n_voxels++;
        c->squares += error * error;
        r->max_abs_error = fmax(r->max_abs_error, error);
        if (x[i] != 0) {
            c->relative += error / fabs(x[i]);
            r->n_relative++;
        }
    }
    siren_extremes_add(&c->extremes, x, n);
}

static void add_values(siren_comparing *c, const double *x, const double *other, size_t n) {
    (void)other;
    siren_extremes_add(&c->extremes, x, n);
}

static void show_values(siren_comparing *c, const double *x, const double *other, size_t n) {
    (void)other;
    siren_extremes_show(&c->extremes, x, n);
}

/* Every pair of values that is compared goes to `take`. */
static void each_pair(siren_comparing *c, const siren_series *image, const siren_series *other,
                      const uint8_t *mask,
                      void (*take)(siren_comparing *, const double *, const double *, size_t)) {
    double x[CHUNK], y[CHUNK];
    const siren_geometry *g = &image->geometry;
    size_t n_grid = g->nx * g->ny * g->nz;
    c->result.n_unequal_finite = 0;
    for (size_t volume = 0; volume < g->n_volumes; volume++)
        for (size_t first = 0; first < n_grid; first += CHUNK) {
            size_t n = n_grid - first < CHUNK ? n_grid - first : CHUNK;
            siren_series_values(image, volume * n_grid + first, n, x);
            siren_series_values(other, volume * n_grid + first, n, y);
            take(c, x, y, choose(&c->result, x, y, mask ? mask + first : NULL, n));
        }
}

siren_status siren_compare_series(const siren_series *image, const siren_series *other, const uint8_t *mask,
                                  siren_comparison *out) {
    siren_comparing c = {.squares = 0};
    siren_comparison *r = &c.result;
    SIREN_TRY(siren_extremes_create(siren_geometry_voxels(&image->geometry), &c.extremes));
    siren_extremes_begin(&c.extremes);
    each_pair(&c, image, other, mask, compare_values);
    if (siren_extremes_suspect(&c.extremes)) each_pair(&c, image, other, mask, show_values);
    r->n_apart = siren_extremes_range(&c.extremes, &r->minimum, &r->maximum);
    if (r->n_apart > 0 && r->minimum == r->maximum) { /* then there is nothing else to measure by */
        siren_extremes_begin(&c.extremes);
        each_pair(&c, image, other, mask, add_values);
        r->n_apart = siren_extremes_range(&c.extremes, &r->minimum, &r->maximum);
    }
    siren_extremes_free(&c.extremes);
    double peak = r->maximum - r->minimum;
    r->mse = r->n_voxels ? c.squares / (double)r->n_voxels : 0;
    r->psnr = r->mse > 0 ? 10 * log10(peak * peak / r->mse) : INFINITY;
    r->relative_error = r->n_relative ? c.relative / (double)r->n_relative : 0;
    *out = *r;
    return SIREN_OK;
}

/* ---- files ---- */

siren_status siren_compare_files(const char *image, const char *other, const char *mask, size_t memory_limit,
                                 siren_comparison *out) {
    SIREN_AT_END(siren_series_free) siren_series a = {.voxels = NULL}, b = {.voxels = NULL};
    SIREN_FREE_AT_END uint8_t *inside = NULL;
    SIREN_TRY(siren_nifti_read_for(SIREN_NIFTI_JUDGED, image, memory_limit, &a));
    SIREN_TRY(siren_nifti_read_for(SIREN_NIFTI_JUDGED, other, memory_limit, &b));
    SIREN_TRY(siren_grid_check(image, &a.geometry, other, &b.geometry, a.geometry.n_volumes));
    if (siren_grid_check_place(image, &a, other, &b) != SIREN_OK)
        siren_log(SIREN_LOG_WARNING, "%s; they are compared voxel by voxel all the same", siren_message());
    if (mask) SIREN_TRY(siren_mask_read(mask, image, &a, memory_limit, &inside));
    siren_comparison result;
    SIREN_TRY(siren_compare_series(&a, &b, inside, &result));
    if (result.n_voxels == 0)
        return siren_fail(SIREN_USAGE, "%s and %s have no finite voxel in common%s", image, other,
                          mask ? " inside the mask" : "");
    *out = result;
    return SIREN_OK;
}

siren_status siren_compare(const char *image, const char *other, const siren_options *options,
                           siren_comparison *out) {
    siren_options usual;
    if (!image || !other || !out)
        return siren_fail(SIREN_USAGE, "siren_compare: image, other and out must not be NULL");
    if (!options) options = siren_options_usual(&usual);
    return siren_compare_files(image, other, options->compress.mask, options->compress.memory_limit, out);
}
