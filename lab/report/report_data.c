#include "lab/report/report_data.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/report/report_curves.h"

/* ---- curves ---- */

/* Of each series the point that is nearest to the shape: (points->n_series). */
static void choose_representatives(const siren_report_points *points, const siren_report_trial *shape,
                                   const siren_report_point **representatives) {
    for (size_t i = 0; i < points->n_points; i++) {
        const siren_report_point *point = &points->points[i], **best = &representatives[point->series];
        if (point->trial->baseline) continue;
        if (!*best || siren_report_distance(point->trial, shape->layers, shape->width) <
                          siren_report_distance((*best)->trial, shape->layers, shape->width))
            *best = point;
    }
}

static void add_curve(siren_table *table, const char *series, const char *label,
                      const siren_report_mean_curve *curve) {
    for (size_t i = 0; i < curve->n_rows; i++) {
        const siren_report_mean_row *row = &curve->rows[i];
        if (!siren_report_curve_shows(curve, i)) continue;
        siren_table_add_text(table, series);
        siren_table_add_text(table, label);
        siren_table_add_number(table, row->epoch);
        siren_table_add_number(table, row->psnr);
        siren_table_add_number(table, row->psnr - row->psnr_std);
        siren_table_add_number(table, row->psnr + row->psnr_std);
        siren_table_add_number(table, row->mse);
        siren_table_add_number(table, fmax(row->mse - row->mse_std, row->mse_least));
        siren_table_add_number(table, row->mse + row->mse_std);
    }
}

siren_status siren_report_curves(const siren_report_run *run, const siren_report_points *points,
                                 siren_table **out, char **caption) {
    static const char *const columns[] = {"series",    "label", "epoch",   "psnr",    "psnr_low",
                                          "psnr_high", "mse",   "mse_low", "mse_high"};
    SIREN_AT_END(siren_table_free_at) siren_table *table = NULL;
    SIREN_AT_END(siren_report_mean_curve_free) siren_report_mean_curve curve = {0};
    SIREN_FREE_AT_END const siren_report_point **alike = NULL, **representatives = NULL;
    size_t n_alike = 0, most_blocks = 0;
    bool others = false;
    SIREN_TRY(siren_report_points_choose(points, SIREN_VARIES_BITS, 1, &alike, &n_alike));
    if (n_alike == 0) return SIREN_OK;
    const siren_report_trial *shape = alike[0]->trial;
    SIREN_TRY(siren_allocate(&representatives, points->n_series, sizeof *representatives, "the curves"));
    choose_representatives(points, shape, representatives);
    SIREN_TRY(siren_table_create(columns, sizeof columns / sizeof *columns, &table));
    for (size_t i = 0; i < points->n_series; i++) {
        if (!representatives[i]) continue; /* a baseline */
        const siren_report_trial *trial = representatives[i]->trial;
        char label[320];
        SIREN_TRY(siren_report_mean_curve_read(run, &trial, 1, &curve));
        const bool alike_shape = trial->layers == shape->layers && trial->width == shape->width;
        others = others || !alike_shape;
        if (alike_shape)
            snprintf(label, sizeof label, "%s", trial->series);
        else
            snprintf(label, sizeof label, "%.255s-%gx%g", trial->series, trial->layers, trial->width);
        add_curve(table, trial->series, label, &curve);
        most_blocks = curve.n_blocks > most_blocks ? curve.n_blocks : most_blocks;
        siren_report_mean_curve_free(&curve);
    }
    if (siren_table_rows(table) == 0) return SIREN_OK;
    SIREN_TRY(siren_text_make(
        caption,
        "PSNR and mean squared error against epochs, of networks of %g layers of %g units%s before their "
        "weights are quantised: mean over the blocks of a trial%s.",
        shape->layers, shape->width, others ? " (unless the legend says otherwise)" : "",
        most_blocks > 1 ? "; the bands are one standard deviation wide on either side" : ""));
    *out = SIREN_TAKE(table);
    return SIREN_OK;
}

/* ---- points ---- */

static siren_status create_points(bool labels, siren_table **out) {
    static const char *const columns[] = {"series", "layers",        "width", "weights",  "bits",
                                          "ratio",  "ratio_float32", "psnr",  "psnr_low", "psnr_high",
                                          "slices", "label",         "place"};
    return siren_table_create(columns, sizeof columns / sizeof *columns - (labels ? 0 : 2), out);
}

/* Half an error bar: of one slice there is none. */
static double bar_of(const siren_report_point *point) { return isnan(point->psnr_std) ? 0 : point->psnr_std; }

static void add_point(siren_table *table, const siren_report_point *point) {
    siren_table_add_text(table, point->trial->series);
    siren_table_add_number(table, point->trial->layers);
    siren_table_add_number(table, point->trial->width);
    siren_table_add_text(table, point->trial->weights);
    siren_table_add_number(table, point->trial->bits);
    siren_table_add_number(table, point->ratio);
    siren_table_add_number(table, point->ratio_float32);
    siren_table_add_number(table, point->psnr);
    siren_table_add_number(table, point->psnr - bar_of(point));
    siren_table_add_number(table, point->psnr + bar_of(point));
    siren_table_add_number(table, point->slices);
}

#define BARS "; the bars are one standard deviation over slices wide on either side"

/* Without archives there are no ratios. */
static size_t keep_with_ratio(const siren_report_point **points, size_t n) {
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (points[i]->ratio > 0 && isfinite(points[i]->ratio)) points[kept++] = points[i];
    return kept;
}

/* The figures in which one thing varies. `*first` is a point of theirs, for the caption. */
static siren_status one_varies(const siren_report_points *points, unsigned varies, siren_table **out,
                               const siren_report_trial **first) {
    siren_table *table = NULL;
    SIREN_FREE_AT_END const siren_report_point **chosen = NULL;
    size_t n = 0;
    SIREN_TRY(siren_report_points_choose(points, varies, 2, &chosen, &n));
    if (varies == SIREN_VARIES_BITS) n = keep_with_ratio(chosen, n);
    if (n == 0) return SIREN_OK;
    SIREN_TRY(create_points(false, &table));
    for (size_t i = 0; i < n; i++) add_point(table, chosen[i]);
    *first = chosen[0]->trial;
    *out = table;
    return SIREN_OK;
}

siren_status siren_report_depth(const siren_report_run *run, const siren_report_points *points,
                                siren_table **table, char **caption) {
    (void)run;
    const siren_report_trial *first = NULL;
    SIREN_TRY(one_varies(points, SIREN_VARIES_LAYERS, table, &first));
    if (!first) return SIREN_OK;
    return siren_text_make(
        caption,
        "Mean slice-wise PSNR against the number of hidden layers, of %g units with %s weights" BARS ".",
        first->width, first->weights);
}

siren_status siren_report_width(const siren_report_run *run, const siren_report_points *points,
                                siren_table **table, char **caption) {
    (void)run;
    const siren_report_trial *first = NULL;
    SIREN_TRY(one_varies(points, SIREN_VARIES_WIDTH, table, &first));
    if (!first) return SIREN_OK;
    return siren_text_make(
        caption, "Mean slice-wise PSNR against the width of the %g hidden layers, with %s weights" BARS ".",
        first->layers, first->weights);
}

siren_status siren_report_weights(const siren_report_run *run, const siren_report_points *points,
                                  siren_table **table, char **caption) {
    (void)run;
    const siren_report_trial *first = NULL;
    SIREN_TRY(one_varies(points, SIREN_VARIES_BITS, table, &first));
    if (!first) return SIREN_OK;
    return siren_text_make(
        caption,
        "Mean slice-wise PSNR and compression ratio against the bits of a stored weight, of networks of "
        "%g layers of %g units" BARS ".",
        first->layers, first->width);
}

/* ---- ratio, with labels ---- */

/* In the figure, from 0 to 1 of its width and height. */
typedef struct {
    double x, y;
} place;

/* Sizes in the same unit, as fig2b.gp draws: half a label, half of a mark or line, and from a point to the
 * middle of its label. */
#define LABEL_X 0.024
#define LABEL_Y 0.014
#define MARK_X 0.006
#define MARK_Y 0.009
#define BESIDE_X 0.033
#define BESIDE_Y 0.023

#define LINE_PIECES 16 /* that a line between two points is cut into, to see what it crosses */
#define BAR_PIECES 4

/* The part of the plane that fig2b.gp shows. */
typedef struct {
    double x0, x1, y0, y1; /* x: logarithm of the ratio */
} frame;

static frame frame_of(const siren_report_point *const *points, size_t n) {
    frame f = {INFINITY, -INFINITY, INFINITY, -INFINITY};
    for (size_t i = 0; i < n; i++) {
        f.x0 = fmin(f.x0, log(points[i]->ratio));
        f.x1 = fmax(f.x1, log(points[i]->ratio));
        f.y0 = fmin(f.y0, points[i]->psnr - bar_of(points[i]));
        f.y1 = fmax(f.y1, points[i]->psnr + bar_of(points[i]));
    }
    const double margin_x = fmax(0.08 * (f.x1 - f.x0), log(1.1)), margin_y = fmax(0.05 * (f.y1 - f.y0), 0.5);
    return (frame){f.x0 - margin_x, f.x1 + margin_x, f.y0 - margin_y, f.y1 + margin_y};
}

/* A method that loses nothing is a vertical line. */
static bool is_line(const siren_report_point *point) { return isnan(point->psnr); }

static place place_of(const frame *f, const siren_report_point *point, double psnr) {
    return (place){(log(point->ratio) - f->x0) / (f->x1 - f->x0), (psnr - f->y0) / (f->y1 - f->y0)};
}

/* Everything labels must not hide: marks, bars, lines to the next point of a series, and vertical lines.
 * Returns how many places, at most n * (BAR_PIECES + LINE_PIECES + 1). */
static size_t find_obstacles(const frame *f, const siren_report_point *const *points, size_t n,
                             place *obstacles) {
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        const double bar = bar_of(points[i]);
        if (is_line(points[i])) {
            for (int k = 0; k <= LINE_PIECES; k++)
                obstacles[count++] = (place){place_of(f, points[i], 0).x, (double)k / LINE_PIECES};
            continue;
        }
        for (int k = 0; k <= BAR_PIECES; k++)
            obstacles[count++] = place_of(f, points[i], points[i]->psnr + bar * (2.0 * k / BAR_PIECES - 1));
        if (i + 1 == n || points[i + 1]->series != points[i]->series) continue;
        const place from = place_of(f, points[i], points[i]->psnr),
                    to = place_of(f, points[i + 1], points[i + 1]->psnr);
        for (int k = 0; k < LINE_PIECES; k++) {
            const double t = (double)k / LINE_PIECES;
            obstacles[count++] = (place){from.x + t * (to.x - from.x), from.y + t * (to.y - from.y)};
        }
    }
    return count;
}

static bool is_clear(place label, const place *others, size_t n, double reach_x, double reach_y) {
    for (size_t i = 0; i < n; i++)
        if (fabs(label.x - others[i].x) < reach_x && fabs(label.y - others[i].y) < reach_y) return false;
    return true;
}

/* The side of `point` where a label hides nothing; "none" where there is none. The label joins the `n_labels`
 * others. */
static const char *place_label(place point, const place *obstacles, size_t n_obstacles, place *labels,
                               size_t *n_labels) {
    static const struct {
        const char *name;
        place shift;
    } sides[] = {{"upper-right", {BESIDE_X, BESIDE_Y}},
                 {"lower-left", {-BESIDE_X, -BESIDE_Y}},
                 {"upper-left", {-BESIDE_X, BESIDE_Y}},
                 {"lower-right", {BESIDE_X, -BESIDE_Y}}};
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
        const place label = {point.x + sides[i].shift.x, point.y + sides[i].shift.y};
        if (!is_clear(label, obstacles, n_obstacles, LABEL_X + MARK_X, LABEL_Y + MARK_Y) ||
            !is_clear(label, labels, *n_labels, 2 * LABEL_X, 2 * LABEL_Y))
            continue;
        labels[(*n_labels)++] = label;
        return sides[i].name;
    }
    return "none"; /* gnuplot takes an empty last cell for that of an earlier line */
}

static int by_ratio(const void *a, const void *b) {
    const siren_report_point *x = *(const siren_report_point *const *)a,
                             *y = *(const siren_report_point *const *)b;
    if (x->series != y->series) return x->series < y->series ? -1 : 1;
    return (x->ratio > y->ratio) - (x->ratio < y->ratio);
}

static const char *choose_side(const frame *f, const siren_report_point *point, const place *obstacles,
                               size_t n_obstacles, place *labels, size_t *n_labels) {
    if (is_line(point)) return "line";
    if (point->trial->baseline) return "none";
    return place_label(place_of(f, point, point->psnr), obstacles, n_obstacles, labels, n_labels);
}

static size_t count_lines(const siren_report_point *const *points, size_t n) {
    size_t n_lines = 0;
    for (size_t i = 0; i < n; i++) n_lines += is_line(points[i]);
    return n_lines;
}

static void add_labelled(siren_table *table, const siren_report_point *point, const char *side) {
    char label[48] = "none";
    if (is_line(point))
        snprintf(label, sizeof label, "%s", point->trial->series);
    else if (!point->trial->baseline)
        snprintf(label, sizeof label, "%gx%g", point->trial->layers, point->trial->width);
    add_point(table, point);
    siren_table_add_text(table, label);
    siren_table_add_text(table, side);
}

/* `points` (n): networks first. */
static siren_status caption_ratio(const siren_report_point *const *points, size_t n, char **caption) {
    const bool networks = !points[0]->trial->baseline, baselines = points[n - 1]->trial->baseline;
    bool deeper = false, lines = false;
    for (size_t i = 0; i < n; i++) {
        deeper = deeper || strncmp(points[i]->trial->model, "mlp", 3) == 0;
        lines = lines || is_line(points[i]);
    }
    return siren_text_make(caption,
                           "Mean slice-wise PSNR of what is restored against the compression ratio to the "
                           "voxels as stored%s%s%s" BARS ".%s%s%s%s",
                           networks ? ", of networks with " : "", networks ? points[0]->trial->weights : "",
                           networks ? " weights" : "",
                           networks ? " Points are labelled with layers x units as asked for" : "",
                           !networks ? ""
                           : deeper  ? "; the MLPs have one hidden layer more, as published."
                                     : ".",
                           baselines ? " Dashed: other methods." : "",
                           lines ? " Vertical lines: the ratios of lossless ones." : "");
}

siren_status siren_report_ratio(const siren_report_run *run, const siren_report_points *points,
                                siren_table **out, char **caption) {
    (void)run;
    SIREN_AT_END(siren_table_free_at) siren_table *table = NULL;
    SIREN_FREE_AT_END const siren_report_point **chosen = NULL;
    SIREN_FREE_AT_END place *obstacles = NULL, *labels = NULL;
    size_t n = 0, n_labels = 0;
    SIREN_TRY(siren_report_points_choose(points, SIREN_VARIES_LAYERS | SIREN_VARIES_WIDTH, 1, &chosen, &n));
    for (size_t i = 0; i < points->n_points; i++)
        if (points->points[i].trial->baseline) chosen[n++] = &points->points[i];
    n = keep_with_ratio(chosen, n);
    if (n < 2 || n == count_lines(chosen, n)) return SIREN_OK;
    qsort(chosen, n, sizeof *chosen, by_ratio);
    SIREN_TRY(siren_allocate(&obstacles, n, (BAR_PIECES + LINE_PIECES + 1) * sizeof *obstacles,
                             "the places of points"));
    SIREN_TRY(siren_allocate(&labels, n, sizeof *labels, "the places of labels"));
    const frame f = frame_of(chosen, n);
    const size_t n_obstacles = find_obstacles(&f, chosen, n, obstacles);
    SIREN_TRY(create_points(true, &table));
    for (size_t i = 0; i < n; i++)
        add_labelled(table, chosen[i], choose_side(&f, chosen[i], obstacles, n_obstacles, labels, &n_labels));
    SIREN_TRY(caption_ratio(chosen, n, caption));
    *out = SIREN_TAKE(table);
    return SIREN_OK;
}
