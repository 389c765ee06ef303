#include "lab/baseline/baseline.h"

#include "lab/baseline/baseline_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SEARCH_STEPS 40
#define LARGE_STEP 1.2    /* of a quality, where the step before changed nothing */
#define SAME_QUALITY 1e-7 /* relative: bounds this close hold no other number of bytes */

typedef struct {
    uint8_t *bytes;
    size_t n;
} compressed_form;

static void form_free(compressed_form *form) { free(form->bytes); }

static size_t series_bytes(const siren_series *series) {
    return siren_geometry_voxels(&series->geometry) * siren_datatype_size(series->geometry.datatype);
}

static double ratio_of(const siren_series *series, const compressed_form *form) {
    return (double)series_bytes(series) / (double)form->n;
}

static siren_status check_series(const siren_baseline *baseline, const siren_series *series) {
    const siren_geometry *g = &series->geometry;
    if (g->nx > UINT32_MAX || g->ny > UINT32_MAX || g->nz > UINT32_MAX || g->n_volumes > UINT32_MAX)
        return siren_fail(SIREN_UNSUPPORTED,
                          "the method %s takes at most %u voxels along an axis; cut the series",
                          baseline->method->name, UINT32_MAX);
    return SIREN_OK;
}

/* `ratio`: that the method itself has to reach, or 0. */
static siren_status encode(const siren_baseline *baseline, const siren_series *series, double ratio,
                           siren_progress_fn progress, void *user, compressed_form *out) {
    SIREN_TRY(check_series(baseline, series));
    return baseline->method->encode(baseline, series, ratio, progress, user, &out->bytes, &out->n);
}

/* Restores the series from `form` alone. */
static siren_status decode(const siren_baseline *baseline, const siren_series *series,
                           const compressed_form *form, siren_progress_fn progress, void *user,
                           siren_baseline_result *out) {
    SIREN_FREE_AT_END uint8_t *voxels = NULL;
    SIREN_TRY(siren_allocate(&voxels, series_bytes(series), 1, "the restored series"));
    SIREN_TRY(baseline->method->decode(form->bytes, form->n, progress, user, voxels, series_bytes(series)));
    *out = (siren_baseline_result){SIREN_TAKE(voxels), form->n, ratio_of(series, form), baseline->quality};
    return SIREN_OK;
}

static siren_status filter(const siren_baseline *baseline, const siren_series *series,
                           siren_progress_fn progress, void *user, siren_baseline_result *out) {
    SIREN_FREE_AT_END uint8_t *voxels = NULL;
    SIREN_TRY(siren_allocate(&voxels, series_bytes(series), 1, "the filtered series"));
    SIREN_TRY(baseline->method->filter(baseline, series, progress, user, voxels));
    *out = (siren_baseline_result){SIREN_TAKE(voxels), 0, NAN, 0};
    return SIREN_OK;
}

siren_status siren_baseline_run(const siren_baseline *baseline, const siren_series *series,
                                siren_progress_fn progress, void *user, siren_baseline_result *out) {
    SIREN_AT_END(form_free) compressed_form form = {NULL, 0};
    SIREN_TRY(siren_baseline_check(baseline->method));
    if (!siren_baseline_compresses(baseline->method)) return filter(baseline, series, progress, user, out);
    SIREN_TRY(encode(baseline, series, 0, progress, user, &form));
    return decode(baseline, series, &form, progress, user, out);
}

/* ---- the search for a ratio ---- */

typedef struct {
    siren_baseline baseline;    /* its quality is the one that is tried */
    double target, least, most; /* qualities are not beyond these */
    double low, high; /* qualities known to give a smaller and a larger ratio; 0 and infinity to begin with */
    size_t low_bytes; /* that `low` gave */
    bool stuck;       /* the last quality gave as many as the one before; */
    bool saturated;   /* and it was larger by LARGE_STEP */
    compressed_form form; /* of the nearest ratio yet, made at ... */
    double best_quality, best_ratio;
} ratio_search;

static void search_free(ratio_search *search) { form_free(&search->form); }

static double distance(double ratio, double target) { return fabs(log(ratio / target)); }

/* Ratios grow with qualities, in proportion to rates: a step by the ratio's error, and halving where that leaves the
 * bounds. */
static double next_quality(const ratio_search *search, double ratio) {
    double step = search->target / ratio;
    double quality = search->baseline.quality * (search->stuck ? fmax(step, LARGE_STEP) : step);
    if (quality <= search->low || quality >= search->high) quality = sqrt(search->low * search->high);
    return fmin(fmax(quality, search->least), search->most);
}

/* Whether there is no quality left to try. */
static bool is_exhausted(const ratio_search *search) {
    return search->high <= search->least || search->low >= search->most ||
           (search->saturated && isinf(search->high)) ||
           (search->low > 0 && search->high <= search->low * (1 + SAME_QUALITY));
}

/* Encodes at search->baseline.quality and moves the bounds; `*ratio` is what that gave. */
static siren_status try_quality(ratio_search *search, const siren_series *series, siren_progress_fn progress,
                                void *user, double *ratio) {
    compressed_form form = {NULL, 0};
    SIREN_TRY(encode(&search->baseline, series, 0, progress, user, &form));
    *ratio = ratio_of(series, &form);
    search->stuck = *ratio < search->target && form.n == search->low_bytes;
    if (*ratio < search->target) {
        search->saturated = search->stuck && search->baseline.quality >= LARGE_STEP * search->low;
        search->low_bytes = form.n;
        search->low = search->baseline.quality;
    } else {
        search->high = search->baseline.quality;
    }
    if (!search->form.bytes ||
        distance(*ratio, search->target) < distance(search->best_ratio, search->target)) {
        free(search->form.bytes);
        search->form = form;
        search->best_quality = search->baseline.quality;
        search->best_ratio = *ratio;
    } else {
        free(form.bytes);
    }
    return SIREN_OK;
}

static siren_status find_quality(ratio_search *search, const siren_series *series, siren_progress_fn progress,
                                 void *user) {
    search->baseline.quality = fmin(fmax(search->target, search->least), search->most);
    for (int step = 0; step < MAX_SEARCH_STEPS; step++) {
        double ratio;
        SIREN_TRY(try_quality(search, series, progress, user, &ratio));
        if (fabs(search->best_ratio / search->target - 1) <= SIREN_BASELINE_TOLERANCE) return SIREN_OK;
        if (is_exhausted(search)) break;
        search->baseline.quality = next_quality(search, ratio);
    }
    return siren_fail(
        SIREN_BOUND,
        "%s comes no nearer to a ratio of %.6g than %.6g for this series (%g %% is allowed); ask for "
        "that, or leave the ratio out",
        search->baseline.method->name, search->target, search->best_ratio, 100 * SIREN_BASELINE_TOLERANCE);
}

siren_status siren_baseline_search(const siren_baseline *baseline, const siren_series *series, double ratio,
                                   siren_progress_fn progress, void *user, siren_baseline_result *out) {
    SIREN_AT_END(search_free)
    ratio_search search = {.baseline = *baseline, .target = ratio, .high = INFINITY};
    const siren_baseline_method *method = baseline->method;
    search.baseline.quality = 0;
    if (method->ratio == SIREN_RATIO_NONE)
        return siren_fail(SIREN_USAGE, "the method %s cannot be asked for a ratio; leave its ratios out",
                          method->name);
    if (!(ratio > 0) || !isfinite(ratio))
        return siren_fail(SIREN_USAGE, "a ratio of %g was asked for; give one above 0", ratio);
    SIREN_TRY(siren_baseline_check(method));
    if (method->ratio == SIREN_RATIO_OWN) {
        SIREN_TRY(encode(&search.baseline, series, ratio, progress, user, &search.form));
        return decode(&search.baseline, series, &search.form, progress, user, out);
    }
    search.least = method->quality.least;
    search.most = method->quality.most;
    if (method->images && strcmp(method->quality.name, "rate") == 0)
        search.least = siren_baseline_images_least_rate(method->images, series->geometry.datatype);
    SIREN_TRY(find_quality(&search, series, progress, user));
    search.baseline.quality = search.best_quality;
    return decode(&search.baseline, series, &search.form, progress, user, out);
}
