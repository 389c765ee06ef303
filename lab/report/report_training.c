#include "lab/report/report_training.h"

#include <stdlib.h>
#include <string.h>

#include "lab/report/report_curves.h"

#define MOST_CURVES 18 /* as in other figures */

/* Trials that differ in weights and seed only, by the name of their curve. */
typedef struct {
    char *name;
    const siren_report_trial *trial;
} named_trial;

typedef struct {
    named_trial *trials; /* (n) */
    size_t n;
} named_trials;

static void free_named(named_trials *named) {
    for (size_t i = 0; i < named->n; i++) free(named->trials[i].name);
    free(named->trials);
}

static int by_name(const void *a, const void *b) {
    const named_trial *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : (x->trial > y->trial) - (x->trial < y->trial);
}

/* The networks of the input that did not diverge and were trained as they were asked for, sorted by name. */
static siren_status list_networks(const siren_report_run *run, const char *input, named_trials *named) {
    SIREN_TRY(siren_allocate(&named->trials, run->n_trials, sizeof *named->trials, "the curves"));
    for (size_t i = 0; i < run->n_trials; i++) {
        const siren_report_trial *trial = &run->trials[i];
        named_trial *next = &named->trials[named->n];
        if (trial->baseline || *trial->target || strcmp(trial->status, "ok") != 0 ||
            strcmp(trial->input, input) != 0)
            continue;
        next->trial = trial;
        if (strcmp(trial->model, "custom") == 0)
            SIREN_TRY(siren_text_make(&next->name, "%s", trial->series));
        else
            SIREN_TRY(siren_text_make(&next->name, "%s-%gx%g%s", trial->model, trial->layers, trial->width,
                                      trial->training));
        named->n++;
    }
    qsort(named->trials, named->n, sizeof *named->trials, by_name);
    return SIREN_OK;
}

/* Trials of one name and kind of weights, which have the same curves whatever the weights: begin ... end - 1. */
typedef struct {
    const named_trial *begin;
    size_t n;
} group;

static int by_order(const void *a, const void *b) {
    const group *x = a, *y = b;
    return (x->begin->trial > y->begin->trial) - (x->begin->trial < y->begin->trial);
}

/* In the order of the experiment. `groups` has room for all trials. */
static size_t make_groups(named_trials *named, group *groups) {
    size_t n = 0;
    for (size_t i = 0, end; i < named->n; i = end) {
        named_trial *const first = &named->trials[i];
        size_t kept = 1;
        for (end = i + 1; end < named->n && strcmp(named->trials[end].name, first->name) == 0; end++) {
            if (strcmp(named->trials[end].trial->weights, first->trial->weights) != 0) continue;
            const named_trial other = named->trials[end];
            named->trials[end] = first[kept];
            first[kept++] = other;
        }
        groups[n++] = (group){first, kept};
    }
    qsort(groups, n, sizeof *groups, by_order);
    return n;
}

/* Where there are too many, those of the shape; returns how many. */
static size_t choose(group *groups, size_t n, const siren_report_trial *shape) {
    size_t kept = 0;
    for (size_t i = 0; n > MOST_CURVES && i < n; i++) {
        const siren_report_trial *trial = groups[i].begin->trial;
        if (trial->layers == shape->layers && trial->width == shape->width) groups[kept++] = groups[i];
    }
    if (n > MOST_CURVES) n = kept;
    return n < MOST_CURVES ? n : MOST_CURVES;
}

static siren_status add_group(const siren_report_run *run, const group *g, siren_table *table) {
    SIREN_AT_END(siren_report_mean_curve_free) siren_report_mean_curve curve = {0};
    SIREN_FREE_AT_END const siren_report_trial **trials = NULL;
    SIREN_TRY(siren_allocate(&trials, g->n, sizeof *trials, "the trials of a curve"));
    for (size_t i = 0; i < g->n; i++) trials[i] = g->begin[i].trial;
    SIREN_TRY(siren_report_mean_curve_read(run, trials, g->n, &curve));
    for (size_t i = 0; i < curve.n_rows; i++) {
        const siren_report_mean_row *row = &curve.rows[i];
        if (row->epoch == 0 || !siren_report_curve_shows(&curve, i)) continue; /* the axes are logarithmic */
        siren_table_add_text(table, g->begin->name);
        siren_table_add_number(table, row->epoch);
        siren_table_add_number(table, row->epoch * curve.seconds);
        siren_table_add_number(table, row->epoch * curve.flop);
        siren_table_add_number(table, row->psnr);
        siren_table_add_number(table, row->psnr - row->psnr_std);
        siren_table_add_number(table, row->psnr + row->psnr_std);
    }
    return SIREN_OK;
}

siren_status siren_report_training(const siren_report_run *run, const siren_report_points *points,
                                   siren_table **out, char **caption) {
    static const char *const columns[] = {"series", "epoch",    "seconds",  "flop",
                                          "psnr",   "psnr_low", "psnr_high"};
    SIREN_AT_END(free_named) named_trials named = {0};
    SIREN_AT_END(siren_table_free_at) siren_table *table = NULL;
    SIREN_FREE_AT_END const siren_report_point **alike = NULL;
    SIREN_FREE_AT_END group *groups = NULL;
    size_t n_alike = 0;
    SIREN_TRY(siren_report_points_choose(points, SIREN_VARIES_BITS, 1, &alike, &n_alike));
    if (n_alike == 0) return SIREN_OK;
    SIREN_TRY(list_networks(run, alike[0]->trial->input, &named));
    SIREN_TRY(siren_allocate(&groups, named.n, sizeof *groups, "the curves"));
    const size_t n_all = make_groups(&named, groups), n = choose(groups, n_all, alike[0]->trial);
    SIREN_TRY(siren_table_create(columns, sizeof columns / sizeof *columns, &table));
    for (size_t i = 0; i < n; i++) SIREN_TRY(add_group(run, &groups[i], table));
    if (siren_table_rows(table) == 0) return SIREN_OK;
    SIREN_TRY(siren_text_make(
        caption,
        "PSNR against epochs, seconds of training and operations, each of one network, before its weights "
        "are "
        "quantised: mean over the blocks and seeds of each training%s. Seconds are those that the run's "
        "devices took, spread evenly over a training's epochs; operations are those of matrix products.",
        n < n_all ? "; further trainings of the run are not shown" : ""));
    *out = SIREN_TAKE(table);
    return SIREN_OK;
}
