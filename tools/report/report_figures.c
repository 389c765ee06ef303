#define _GNU_SOURCE
#include "tools/report/report_figures.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab/run/run_folder.h"
#include "host/file.h"
#include "host/process.h"
#include "tools/figures/gnuplot_picture.h"
#include "tools/figures/plots.h"
#include "lab/report/report_data.h"
#include "lab/report/report_training.h"
#include "tools/report/report_slices.h"

typedef siren_status (*data_fn)(const siren_report_run *run, const siren_report_points *points,
                                siren_table **table, char **caption);

static const struct {
    const char *name;
    data_fn data;
} kinds[] = {
    {"fig2a", siren_report_curves}, {"training", siren_report_training}, {"fig2b", siren_report_ratio},
    {"depth", siren_report_depth},  {"width", siren_report_width},       {"weights", siren_report_weights},
};
#define N_KINDS (sizeof kinds / sizeof *kinds)

/* What making the figures of a run needs throughout. */
typedef struct {
    const siren_report_run *run;
    siren_progress_fn progress;
    void *user;
    bool drawing; /* gnuplot is there */
    size_t done, total;
} maker;

/* gnuplot does not tell how far it is. */
static bool report_progress(void *user, double done, double total, const char *what) {
    const maker *m = user;
    (void)done, (void)total, (void)what;
    return !m->progress || m->progress(m->user, (double)m->done, (double)m->total, "figures");
}

/* ---- pictures ---- */

/* Runs NAME.gp; *svg stays NULL where it makes no picture, with a warning. */
static siren_status draw(maker *m, const char *folder, const char *name, char **svg) {
    SIREN_FREE_AT_END char *path = NULL;
    SIREN_TRY(siren_run_path(&path, folder, "%s.svg", name));
    unlink(path); /* an older picture must not pass for this one */
    siren_status status = siren_picture_run(folder, name, report_progress, m);
    if (status == SIREN_OK) status = siren_picture_read_svg(path, svg);
    if (status == SIREN_OK || status == SIREN_CANCELLED) return status;
    siren_log(SIREN_LOG_WARNING, "%s/%s.gp: no picture: %s", folder, name, siren_message());
    return SIREN_OK;
}

static siren_status place_script(const char *folder, const char *name) {
    return siren_picture_place_script(folder, folder, siren_plot_scripts, siren_n_plot_scripts, name);
}

static void free_figure(siren_report_figure *figure) {
    free(figure->caption);
    free(figure->svg);
    free(figure->note);
}

/* Adds the figure to `figures`, which has room for it, if the run has data for it. */
static siren_status make_figure(maker *m, const siren_report_points *points, size_t kind, const char *input,
                                const char *folder, siren_report_figures *figures) {
    SIREN_AT_END(free_figure) siren_report_figure figure = {.name = kinds[kind].name, .input = input};
    SIREN_AT_END(siren_table_free_at) siren_table *table = NULL;
    SIREN_FREE_AT_END char *path = NULL;
    SIREN_TRY(kinds[kind].data(m->run, points, &table, &figure.caption));
    if (!table) return SIREN_OK;
    SIREN_TRY(place_script(folder, figure.name));
    SIREN_TRY(siren_run_path(&path, folder, "%s.csv", figure.name));
    SIREN_TRY(siren_table_write(table, path, true));
    if (m->drawing) SIREN_TRY(draw(m, folder, figure.name, &figure.svg));
    figures->figures[figures->n++] = SIREN_TAKE(figure);
    return SIREN_OK;
}

/* The same of a figure of a slice. */
static siren_status make_slice_figure(maker *m, siren_figure_kind kind, const char *input, const char *folder,
                                      siren_report_figures *figures) {
    siren_report_figure figure = {.name = siren_figure_name(kind), .input = input};
    siren_status status =
        siren_report_slice_draw(m->run, kind, folder, m->drawing, report_progress, m, &figure);
    if (status == SIREN_OK && (figure.caption || figure.note))
        figures->figures[figures->n++] = figure;
    else
        free_figure(&figure);
    return status;
}

/* ---- inputs ---- */

static siren_status make_for_input(maker *m, const char *input, const char *folder,
                                   siren_report_figures *figures) {
    SIREN_AT_END(siren_report_points_free) siren_report_points points = {0};
    SIREN_TRY(siren_report_points_collect(m->run, input, &points));
    figures->n_other += points.n_other;
    SIREN_TRY(siren_folder_make(folder));
    SIREN_TRY(place_script(folder, "style"));
    for (size_t kind = 0; kind < N_KINDS; kind++, m->done++) {
        if (!report_progress(m, 0, 0, NULL)) return siren_fail(SIREN_CANCELLED, "interrupted while drawing");
        SIREN_TRY(make_figure(m, &points, kind, input, folder, figures));
    }
    for (siren_figure_kind kind = 0; kind < SIREN_N_FIGURES; kind++, m->done++)
        SIREN_TRY(make_slice_figure(m, kind, input, folder, figures));
    return SIREN_OK;
}

/* The inputs of the trials, in order of appearance. `*out` is yours to free(). */
static siren_status list_inputs(const siren_report_run *run, const char ***out, size_t *n_out) {
    const char **inputs = NULL;
    size_t n = 0;
    SIREN_TRY(siren_allocate(&inputs, run->n_trials, sizeof *inputs, "the inputs"));
    for (size_t i = 0; i < run->n_trials; i++) {
        size_t k = n; /* trials of one input mostly follow one another */
        while (k > 0 && strcmp(inputs[k - 1], run->trials[i].input) != 0) k--;
        if (k == 0) inputs[n++] = run->trials[i].input;
    }
    *out = inputs;
    *n_out = n;
    return SIREN_OK;
}

siren_status siren_report_figures_make(const siren_report_run *run, const char *folder,
                                       siren_progress_fn progress, void *user, siren_report_figures *out) {
    SIREN_AT_END(siren_report_figures_free) siren_report_figures figures = {0};
    SIREN_FREE_AT_END const char **inputs = NULL;
    SIREN_FREE_AT_END char *path = NULL;
    size_t n_inputs = 0;
    SIREN_TRY(list_inputs(run, &inputs, &n_inputs));
    maker m = {
        .run = run, .progress = progress, .user = user, .total = n_inputs * (N_KINDS + SIREN_N_FIGURES)};
    m.drawing = siren_process_find("gnuplot");
    SIREN_TRY(siren_allocate(&figures.figures, m.total, sizeof *figures.figures, "the figures"));
    for (size_t i = 0; i < n_inputs; i++) {
        if (n_inputs > 1) SIREN_TRY(siren_run_path(&path, folder, "%s", inputs[i]));
        SIREN_TRY(make_for_input(&m, inputs[i], path ? path : folder, &figures));
        free(SIREN_TAKE(path));
    }
    if (!m.drawing && figures.n > 0)
        SIREN_TRY(siren_text_make(
            &figures.note, "the figures were not drawn, for gnuplot is missing: install it (the package "
                           "gnuplot-nox on Debian and Ubuntu) and report again"));
    *out = SIREN_TAKE(figures);
    return SIREN_OK;
}

void siren_report_figures_free(siren_report_figures *figures) {
    for (size_t i = 0; i < figures->n; i++) free_figure(&figures->figures[i]);
    free(figures->figures);
    free(figures->note);
    *figures = (siren_report_figures){0};
}
