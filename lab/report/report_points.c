#include "lab/report/report_points.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_SERIES 18 /* what a figure can show apart */

static int compare(double a, double b) { return (a > b) - (a < b); }

double siren_report_distance(const siren_report_trial *trial, double layers, double width) {
    return fabs(trial->layers - layers) + fabs(log2(trial->width / width));
}

/* ---- pooling ---- */

/* By series, then as in the table. */
static int by_series(const void *a, const void *b) {
    const siren_report_trial *x = *(const siren_report_trial *const *)a,
                             *y = *(const siren_report_trial *const *)b;
    int order = strcmp(x->series, y->series);
    return order ? order : (x > y) - (x < y);
}

static int by_shape(const void *a, const void *b) {
    const siren_report_trial *x = *(const siren_report_trial *const *)a,
                             *y = *(const siren_report_trial *const *)b;
    int order = strcmp(x->series, y->series);
    if (!order) order = compare(x->layers, y->layers);
    if (!order) order = compare(x->width, y->width);
    if (!order) order = compare(x->bits, y->bits);
    return order ? order : (x > y) - (x < y);
}

/* Baselines have no seed: each is a point of its own. */
static bool same_point(const siren_report_trial *a, const siren_report_trial *b) {
    return !a->baseline && strcmp(a->series, b->series) == 0 && a->layers == b->layers &&
           a->width == b->width && a->bits == b->bits;
}

static bool is_plotted(const siren_report_trial *trial) {
    const bool lossless = trial->baseline && isnan(trial->psnr) && trial->ratio > 0;
    const bool shaped =
        trial->layers > 0 && isfinite(trial->layers) && trial->width > 0 && isfinite(trial->width);
    if (strcmp(trial->status, "ok") != 0) return false;
    return lossless || (isfinite(trial->psnr) && trial->slices >= 1 && isfinite(trial->slices) &&
                        (trial->baseline || shaped));
}

/* Mean and standard deviation over the slices of all trials, from those of each. */
static siren_report_point pool(const siren_report_trial *const *trials, size_t n) {
    siren_report_point point = {.trial = trials[0]};
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        const siren_report_trial *trial = trials[i];
        point.slices += trial->slices;
        point.ratio += trial->ratio / (double)n;
        point.ratio_float32 += trial->ratio_float32 / (double)n;
        sum += trial->slices * trial->psnr;
    }
    point.psnr = sum / point.slices;
    for (size_t i = 0; i < n; i++) {
        const double std = isnan(trials[i]->psnr_std) ? 0 : trials[i]->psnr_std;
        const double distance = trials[i]->psnr - point.psnr;
        squares += (trials[i]->slices - 1) * std * std + trials[i]->slices * distance * distance;
    }
    point.psnr_std = point.slices > 1 ? sqrt(squares / (point.slices - 1)) : NAN;
    return point;
}

/* Trials of the input whose settings are those of their series' first; returns how many. */
static size_t select_trials(const siren_report_run *run, const char *input,
                            const siren_report_trial **selected, size_t *n_other) {
    size_t n = 0, kept = 0;
    for (size_t i = 0; i < run->n_trials; i++)
        if (strcmp(run->trials[i].input, input) == 0 && is_plotted(&run->trials[i]))
            selected[n++] = &run->trials[i];
    qsort(selected, n, sizeof *selected, by_series);
    const siren_report_trial *first = NULL;
    for (size_t i = 0; i < n; i++) {
        if (!first || strcmp(first->series, selected[i]->series) != 0) first = selected[i];
        if (siren_report_same_settings(selected[i], first)) selected[kept++] = selected[i];
    }
    *n_other = n - kept;
    return kept;
}

/* ---- order of the series ---- */

typedef struct {
    const char *name;
    double best; /* its highest PSNR */
    bool baseline;
    size_t first, n_points;
} series_facts;

static int by_best(const void *a, const void *b) {
    const series_facts *x = a, *y = b;
    int order = x->baseline - y->baseline;
    if (!order) order = compare(y->best, x->best);
    return order ? order : strcmp(x->name, y->name);
}

/* Ranks the series, in which `points` is sorted, and keeps the best ones. */
static siren_status rank(siren_report_points *points) {
    SIREN_FREE_AT_END series_facts *series = NULL;
    SIREN_FREE_AT_END siren_report_point *ranked = NULL;
    size_t n = 0, n_ranked = 0;
    SIREN_TRY(siren_allocate(&series, points->n_points, sizeof *series, "the curves"));
    SIREN_TRY(siren_allocate(&ranked, points->n_points, sizeof *ranked, "the points of the figures"));
    for (size_t i = 0; i < points->n_points; i++) {
        const siren_report_point *point = &points->points[i];
        if (n == 0 || strcmp(series[n - 1].name, point->trial->series) != 0)
            series[n++] = (series_facts){.name = point->trial->series,
                                         .best = isnan(point->psnr) ? -INFINITY : point->psnr,
                                         .baseline = point->trial->baseline,
                                         .first = i};
        series[n - 1].best = fmax(series[n - 1].best, point->psnr);
        series[n - 1].n_points++;
    }
    qsort(series, n, sizeof *series, by_best);
    points->n_series = n < MOST_SERIES ? n : MOST_SERIES;
    for (size_t i = 0; i < points->n_series; i++)
        for (size_t k = 0; k < series[i].n_points; k++) {
            ranked[n_ranked] = points->points[series[i].first + k];
            ranked[n_ranked++].series = i;
        }
    free(points->points);
    points->points = SIREN_TAKE(ranked);
    points->n_points = n_ranked;
    return SIREN_OK;
}

siren_status siren_report_points_collect(const siren_report_run *run, const char *input,
                                         siren_report_points *out) {
    SIREN_AT_END(siren_report_points_free) siren_report_points points = {0};
    SIREN_FREE_AT_END const siren_report_trial **trials = NULL;
    SIREN_TRY(siren_allocate(&trials, run->n_trials, sizeof *trials, "the trials"));
    SIREN_TRY(
        siren_allocate(&points.points, run->n_trials, sizeof *points.points, "the points of the figures"));
    const size_t n = select_trials(run, input, trials, &points.n_other);
    qsort(trials, n, sizeof *trials, by_shape);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && same_point(trials[i], trials[end]);) end++;
        points.points[points.n_points++] = pool(&trials[i], end - i);
    }
    SIREN_TRY(rank(&points));
    *out = SIREN_TAKE(points);
    return SIREN_OK;
}

void siren_report_points_free(siren_report_points *points) { free(SIREN_TAKE(points->points)); }

/* ---- choosing ---- */

/* A point with what is fixed in a figure. */
typedef struct {
    const siren_report_point *point;
    double layers, width, bits; /* 0 where it varies */
} candidate;

static int by_fixed(const void *a, const void *b) {
    const candidate *x = a, *y = b;
    int order = compare(x->layers, y->layers);
    if (!order) order = compare(x->width, y->width);
    if (!order) order = compare(x->bits, y->bits);
    return order ? order : (x->point > y->point) - (x->point < y->point);
}

static bool same_fixed(const candidate *a, const candidate *b) {
    return a->layers == b->layers && a->width == b->width && a->bits == b->bits;
}

/* From 3 layers of 256 units with int8 weights. */
static double distance_from_usual(const siren_report_trial *trial) {
    return siren_report_distance(trial, 3, 256) + fabs(log2(trial->bits / 8));
}

/* Moves series with fewer than `least` of the `n` candidates out; returns how many are left. */
static size_t keep_series(candidate *candidates, size_t n, size_t least) {
    size_t kept = 0;
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && candidates[end].point->series == candidates[i].point->series;) end++;
        for (size_t k = i; end - i >= least && k < end; k++) candidates[kept++] = candidates[k];
    }
    return kept;
}

siren_status siren_report_points_choose(const siren_report_points *points, unsigned varies, size_t least,
                                        const siren_report_point ***out, size_t *n) {
    SIREN_FREE_AT_END candidate *candidates = NULL;
    const siren_report_point **chosen = NULL;
    size_t best = 0, n_best = 0;
    double best_distance = INFINITY;
    size_t n_networks = 0;
    SIREN_TRY(siren_allocate(&candidates, points->n_points, sizeof *candidates, "the points of a figure"));
    for (size_t i = 0; i < points->n_points; i++) {
        const siren_report_trial *trial = points->points[i].trial;
        if (trial->baseline) continue;
        candidates[n_networks++] = (candidate){.point = &points->points[i],
                                               .layers = varies & SIREN_VARIES_LAYERS ? 0 : trial->layers,
                                               .width = varies & SIREN_VARIES_WIDTH ? 0 : trial->width,
                                               .bits = varies & SIREN_VARIES_BITS ? 0 : trial->bits};
    }
    qsort(candidates, n_networks, sizeof *candidates, by_fixed);
    for (size_t i = 0, end; i < n_networks; i = end) {
        for (end = i + 1; end < n_networks && same_fixed(&candidates[i], &candidates[end]);) end++;
        size_t kept = keep_series(&candidates[i], end - i, least);
        double distance = kept ? distance_from_usual(candidates[i].point->trial) : INFINITY;
        if (kept > n_best || (kept == n_best && distance < best_distance)) {
            best = i;
            n_best = kept;
            best_distance = distance;
        }
    }
    SIREN_TRY(siren_allocate(&chosen, points->n_points, sizeof *chosen, "the points of a figure"));
    for (size_t i = 0; i < n_best; i++) chosen[i] = candidates[best + i].point;
    *out = chosen;
    *n = n_best;
    return SIREN_OK;
}
