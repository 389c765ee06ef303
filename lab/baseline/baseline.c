#include "lab/baseline/baseline.h"

#include "lab/baseline/baseline_parts.h"
#include "formats/little_endian.h"
#include "lab/baseline/lossless.h"
#include "lab/baseline/zfp.h"
#include "host/process.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SEARCH_STEPS 40
#define MAX_RATE 1e6
#define LARGE_STEP 1.2 /* of a rate, where the step before changed nothing */
#define SAME_RATE 1e-7 /* relative: bounds this close hold no other number of bytes */

static const char *const names[SIREN_N_BASELINES] = {"jpeg2000", "zfp", "deflate", "xz", "smooth", "mppca"};

const char *siren_baseline_name(siren_baseline_method method) { return names[method]; }

bool siren_baseline_has_rate(siren_baseline_method method) {
    return method == SIREN_BASELINE_JPEG2000 || method == SIREN_BASELINE_ZFP;
}

bool siren_baseline_compresses(siren_baseline_method method) { return !siren_baseline_program(method); }

siren_status siren_baseline_check(siren_baseline_method method) {
    const char *program = siren_baseline_program(method);
    if (program && !siren_process_find(program))
        return siren_fail(
            SIREN_UNSUPPORTED,
            "the method %s needs the program %s, which is not on PATH; install Debian's mrtrix3, or "
            "leave the method out",
            names[method], program);
    if (method == SIREN_BASELINE_ZFP && !siren_zfp_available())
        return siren_fail(
            SIREN_UNSUPPORTED,
            "the method zfp is not part of this program; install libzfp-dev and build it again, or "
            "leave the method out");
    return SIREN_OK;
}

/* ---- compressed forms ---- */

void siren_baseline_header_write(const siren_baseline *baseline, const siren_geometry *g, uint8_t *header) {
    const size_t fields[7] = {g->nx,        g->ny, g->nz, g->n_volumes, (size_t)g->datatype, baseline->method,
                              baseline->per};
    for (size_t i = 0; i < 7; i++) siren_put_u32(header + 4 * i, (uint32_t)fields[i]);
    siren_put_f64(header + 28, baseline->rate);
}

void siren_baseline_header_read(const uint8_t *header, siren_baseline *baseline, siren_geometry *g) {
    *g = (siren_geometry){.nx = siren_get_u32(header),
                          .ny = siren_get_u32(header + 4),
                          .nz = siren_get_u32(header + 8),
                          .n_volumes = siren_get_u32(header + 12),
                          .datatype = (siren_datatype)siren_get_u32(header + 16),
                          .slope = 1};
    *baseline = (siren_baseline){.method = (siren_baseline_method)siren_get_u32(header + 20),
                                 .per = (siren_baseline_unit)siren_get_u32(header + 24),
                                 .rate = siren_get_f64(header + 28)};
}

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

static siren_lossless lossless_kind(siren_baseline_method method) {
    return method == SIREN_BASELINE_DEFLATE ? SIREN_LOSSLESS_DEFLATE : SIREN_LOSSLESS_XZ;
}

/* The header, and the voxels behind it. */
static siren_status pack_voxels(const siren_baseline *baseline, const siren_series *series,
                                siren_progress_fn progress, void *user, compressed_form *out) {
    SIREN_FREE_AT_END uint8_t *packed = NULL;
    uint8_t *bytes = NULL;
    size_t n = 0;
    SIREN_TRY(siren_lossless_pack(lossless_kind(baseline->method), series->voxels, series_bytes(series),
                                  progress, user, &packed, &n));
    SIREN_TRY(siren_allocate(&bytes, SIREN_BASELINE_HEADER_BYTES + n, 1, "the compressed form"));
    siren_baseline_header_write(baseline, &series->geometry, bytes);
    memcpy(bytes + SIREN_BASELINE_HEADER_BYTES, packed, n);
    *out = (compressed_form){bytes, SIREN_BASELINE_HEADER_BYTES + n};
    return SIREN_OK;
}

static siren_status check_series(const siren_baseline *baseline, const siren_series *series) {
    const siren_geometry *g = &series->geometry;
    bool integer64 = g->datatype == SIREN_INT64 || g->datatype == SIREN_UINT64;
    if (g->nx > UINT32_MAX || g->ny > UINT32_MAX || g->nz > UINT32_MAX || g->n_volumes > UINT32_MAX)
        return siren_fail(SIREN_UNSUPPORTED,
                          "the method %s takes at most %u voxels along an axis; cut the series",
                          names[baseline->method], UINT32_MAX);
    if (baseline->method == SIREN_BASELINE_ZFP && baseline->rate == 0 && integer64)
        return siren_fail(SIREN_UNSUPPORTED, "the method zfp is not lossless for %s; give it a rate",
                          siren_datatype_name(g->datatype));
    return SIREN_OK;
}

static siren_status encode(const siren_baseline *baseline, const siren_series *series,
                           siren_progress_fn progress, void *user, compressed_form *out) {
    SIREN_TRY(check_series(baseline, series));
    if (!siren_baseline_has_rate(baseline->method)) return pack_voxels(baseline, series, progress, user, out);
    return siren_baseline_images_encode(baseline, series, progress, user, &out->bytes, &out->n);
}

/* Restores the series from `form` alone. */
static siren_status decode(const siren_baseline *baseline, const siren_series *series,
                           const compressed_form *form, siren_progress_fn progress, void *user,
                           siren_baseline_result *out) {
    SIREN_FREE_AT_END uint8_t *voxels = NULL;
    SIREN_TRY(siren_allocate(&voxels, series_bytes(series), 1, "the restored series"));
    SIREN_TRY(siren_baseline_has_rate(baseline->method)
                  ? siren_baseline_images_decode(form->bytes, progress, user, voxels)
                  : siren_lossless_unpack(
                        lossless_kind(baseline->method), form->bytes + SIREN_BASELINE_HEADER_BYTES,
                        form->n - SIREN_BASELINE_HEADER_BYTES, voxels, series_bytes(series)));
    *out = (siren_baseline_result){SIREN_TAKE(voxels), form->n, ratio_of(series, form),
                                   siren_baseline_has_rate(baseline->method) ? baseline->rate : 0};
    return SIREN_OK;
}

static siren_status filter(const siren_baseline *baseline, const siren_series *series,
                           siren_progress_fn progress, void *user, siren_baseline_result *out) {
    SIREN_FREE_AT_END uint8_t *voxels = NULL;
    SIREN_TRY(siren_allocate(&voxels, series_bytes(series), 1, "the filtered series"));
    SIREN_TRY(siren_baseline_filter(baseline, series, progress, user, voxels));
    *out = (siren_baseline_result){SIREN_TAKE(voxels), 0, NAN, 0};
    return SIREN_OK;
}

siren_status siren_baseline_run(const siren_baseline *baseline, const siren_series *series,
                                siren_progress_fn progress, void *user, siren_baseline_result *out) {
    SIREN_AT_END(form_free) compressed_form form = {NULL, 0};
    SIREN_TRY(siren_baseline_check(baseline->method));
    if (!siren_baseline_compresses(baseline->method)) return filter(baseline, series, progress, user, out);
    SIREN_TRY(encode(baseline, series, progress, user, &form));
    return decode(baseline, series, &form, progress, user, out);
}

/* ---- the search for a ratio ---- */

typedef struct {
    siren_baseline baseline; /* its rate is the one that is tried */
    double target, least;    /* rates are not below `least` */
    double low, high;     /* rates known to give a smaller and a larger ratio; 0 and infinity to begin with */
    size_t low_bytes;     /* that `low` gave */
    bool stuck;           /* the last rate gave as many as the one before; */
    bool saturated;       /* and it was larger by LARGE_STEP */
    compressed_form form; /* of the nearest ratio yet, made at ... */
    double best_rate, best_ratio;
} ratio_search;

static void search_free(ratio_search *search) { form_free(&search->form); }

static double distance(double ratio, double target) { return fabs(log(ratio / target)); }

/* Ratios grow about in proportion to rates: a step by the ratio's error, and halving where that leaves the bounds. */
static double next_rate(const ratio_search *search, double ratio) {
    double step = search->target / ratio;
    double rate = search->baseline.rate * (search->stuck ? fmax(step, LARGE_STEP) : step);
    if (rate <= search->low || rate >= search->high) rate = sqrt(search->low * search->high);
    return fmin(fmax(rate, search->least), MAX_RATE);
}

/* Whether there is no rate left to try. */
static bool is_exhausted(const ratio_search *search) {
    return search->high <= search->least || search->low >= MAX_RATE ||
           (search->saturated && isinf(search->high)) ||
           (search->low > 0 && search->high <= search->low * (1 + SAME_RATE));
}

/* Encodes at search->baseline.rate and moves the bounds; `*ratio` is what that gave. */
static siren_status try_rate(ratio_search *search, const siren_series *series, siren_progress_fn progress,
                             void *user, double *ratio) {
    compressed_form form = {NULL, 0};
    SIREN_TRY(encode(&search->baseline, series, progress, user, &form));
    *ratio = ratio_of(series, &form);
    search->stuck = *ratio < search->target && form.n == search->low_bytes;
    if (*ratio < search->target) {
        search->saturated = search->stuck && search->baseline.rate >= LARGE_STEP * search->low;
        search->low_bytes = form.n;
        search->low = search->baseline.rate;
    } else {
        search->high = search->baseline.rate;
    }
    if (!search->form.bytes ||
        distance(*ratio, search->target) < distance(search->best_ratio, search->target)) {
        free(search->form.bytes);
        search->form = form;
        search->best_rate = search->baseline.rate;
        search->best_ratio = *ratio;
    } else {
        free(form.bytes);
    }
    return SIREN_OK;
}

static siren_status find_rate(ratio_search *search, const siren_series *series, siren_progress_fn progress,
                              void *user) {
    search->baseline.rate = fmin(fmax(search->target, search->least), MAX_RATE);
    for (int step = 0; step < MAX_SEARCH_STEPS; step++) {
        double ratio;
        SIREN_TRY(try_rate(search, series, progress, user, &ratio));
        if (fabs(search->best_ratio / search->target - 1) <= SIREN_BASELINE_TOLERANCE) return SIREN_OK;
        if (is_exhausted(search)) break;
        search->baseline.rate = next_rate(search, ratio);
    }
    return siren_fail(
        SIREN_BOUND,
        "%s comes no nearer to a ratio of %.6g than %.6g for this series (%g %% is allowed); ask for "
        "that, or leave the ratio out",
        names[search->baseline.method], search->target, search->best_ratio, 100 * SIREN_BASELINE_TOLERANCE);
}

siren_status siren_baseline_search(const siren_baseline *baseline, const siren_series *series, double ratio,
                                   siren_progress_fn progress, void *user, siren_baseline_result *out) {
    SIREN_AT_END(search_free)
    ratio_search search = {.baseline = *baseline, .target = ratio, .high = INFINITY};
    if (!siren_baseline_has_rate(baseline->method))
        return siren_fail(SIREN_USAGE,
                          "the method %s has no rate and so one ratio only; leave its ratios out",
                          names[baseline->method]);
    if (!(ratio > 0) || !isfinite(ratio))
        return siren_fail(SIREN_USAGE, "a ratio of %g was asked for; give one above 0", ratio);
    SIREN_TRY(siren_baseline_check(baseline->method));
    search.least = siren_baseline_least_rate(baseline, series->geometry.datatype);
    SIREN_TRY(find_rate(&search, series, progress, user));
    search.baseline.rate = search.best_rate;
    return decode(&search.baseline, series, &search.form, progress, user, out);
}
