#include "tools/report/report_slices.h"
#include "host/file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/run/run_folder.h"
#include "lab/run/run_sums.h"
#include "tools/figures/glyph_figure.h"
#include "tools/figures/panel_figure.h"
#include "tools/tools.h"

#define MOST SIREN_FIGURE_MOST_RESULTS

/* What a figure shows. */
typedef struct {
    const siren_report_run *run;
    siren_figure_kind kind;
    siren_value asked;                      /* of experiment.json */
    const siren_report_trial *trials[MOST]; /* (n) those that have something to show */
    char *folders[MOST];                    /* (n) where that lies */
    char *labels[MOST], *notes[MOST];       /* (n) */
    size_t n;
    char *missing;       /* names of those that have nothing, or NULL */
    siren_config *facts; /* of the first one: panel.json or glyphs.json */
} slice_figure;

static const struct {
    const char *folder, *facts;
    siren_added added;
} kept[SIREN_N_FIGURES] = {
    [SIREN_FIGURE_PANEL] = {SIREN_PANEL_FOLDER, SIREN_PANEL_FILE, SIREN_ADDED_PANEL},
    [SIREN_FIGURE_GLYPHS] = {SIREN_GLYPHS_FOLDER, SIREN_GLYPHS_FILE, SIREN_ADDED_GLYPHS},
};

static void free_texts(char *(*texts)[MOST]) {
    for (size_t i = 0; i < MOST; i++) free((*texts)[i]);
}

static void free_figure(slice_figure *f) {
    free_texts(&f->folders);
    free_texts(&f->labels);
    free_texts(&f->notes);
    free(f->missing);
    siren_config_free(f->facts);
}

/* ---- results ---- */

static siren_status add_missing(slice_figure *f, const char *name) {
    SIREN_FREE_AT_END char *old = SIREN_TAKE(f->missing);
    return siren_text_make(&f->missing, "%s%s%s", old ? old : "", old ? ", " : "", name);
}

static bool lacks(const siren_config *facts, const char *what) {
    return siren_value_exists(siren_value_member(siren_config_root(facts), what));
}

/* Reads the facts of the result in `folder`; those of the first are kept. `*like` tells whether it lacks what the first
 * one lacks, and no more. */
static siren_status read_facts(slice_figure *f, const char *folder, bool *like) {
    SIREN_AT_END(siren_config_free_at) siren_config *facts = NULL;
    SIREN_FREE_AT_END char *path = NULL;
    SIREN_TRY(siren_run_path(&path, folder, "%s", kept[f->kind].facts));
    SIREN_TRY(siren_config_read(path, &facts));
    *like = !f->facts || (lacks(facts, "no_tensor") == lacks(f->facts, "no_tensor") &&
                          lacks(facts, "no_fod") == lacks(f->facts, "no_fod"));
    if (!f->facts) f->facts = SIREN_TAKE(facts);
    return SIREN_OK;
}

/* Takes the trial of the folder `name`, if it is finished and of the input. */
static siren_status add_result(slice_figure *f, const char *name, const char *input) {
    const siren_report_trial *trial = siren_report_run_find(f->run, name);
    SIREN_FREE_AT_END char *folder = NULL, *below = NULL;
    bool damaged = false, like = false;
    if (!trial || strcmp(trial->input, input) != 0) return SIREN_OK;
    SIREN_TRY(siren_run_path(&folder, f->run->folder, "trials/%s", name));
    SIREN_TRY(siren_run_path(&below, folder, "%s", kept[f->kind].folder));
    const bool there = siren_run_has_added(folder, kept[f->kind].added, &damaged);
    if (damaged) return siren_fail(SIREN_CORRUPT, "%s; run the sweep again", siren_message());
    if (there) SIREN_TRY(read_facts(f, below, &like));
    if (!like || f->n == MOST) return add_missing(f, name);
    f->trials[f->n] = trial;
    f->folders[f->n++] = SIREN_TAKE(below);
    return SIREN_OK;
}

static siren_status find_results(slice_figure *f, const char *input) {
    siren_value list = siren_value_member(f->asked, "results");
    for (siren_value v = siren_value_first(list); siren_value_exists(v); v = siren_value_next(v)) {
        const char *name = "";
        SIREN_TRY(siren_value_string(v, &name));
        SIREN_TRY(add_result(f, name, input));
    }
    return SIREN_OK;
}

/* ---- words ---- */

/* Whether another network shown of the same kind and size has another value of the text at `member`. */
static bool differs(const slice_figure *f, const siren_report_trial *trial, size_t member) {
    for (size_t i = 0; i < f->n; i++) {
        const siren_report_trial *other = f->trials[i];
        if (strcmp(trial->series, other->series) == 0 && trial->layers == other->layers &&
            trial->width == other->width &&
            strcmp(*(const char *const *)((const char *)trial + member),
                   *(const char *const *)((const char *)other + member)) != 0)
            return true;
    }
    return false;
}

/* "siren-2d 3x256", and what tells it from others. */
static siren_status make_label(const slice_figure *f, const siren_report_trial *trial, char **out) {
    static const struct {
        size_t member;
        const char *before;
    } settings[] = {{offsetof(siren_report_trial, weights), " "},
                    {offsetof(siren_report_trial, seed), " seed "},
                    {offsetof(siren_report_trial, rate), " lr "},
                    {offsetof(siren_report_trial, w0), " w0 "},
                    {offsetof(siren_report_trial, epochs), " epochs "}};
    char *label = NULL;
    if (trial->baseline) return siren_text_make(out, "%s", trial->series);
    SIREN_TRY(siren_text_make(&label, "%s %gx%g", trial->series, trial->layers, trial->width));
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        char *longer = NULL;
        if (!differs(f, trial, settings[i].member)) continue;
        siren_status status =
            siren_text_make(&longer, "%s%s%s", label, settings[i].before,
                            *(const char *const *)((const char *)trial + settings[i].member));
        free(label);
        if (status != SIREN_OK) return status;
        label = longer;
    }
    *out = label;
    return SIREN_OK;
}

/* "ratio 4.19, 39.94 dB", as far as there are such figures. */
static siren_status make_note(const siren_report_trial *trial, char **out) {
    char ratio[32] = "", psnr[32] = "";
    if (!isnan(trial->ratio)) snprintf(ratio, sizeof ratio, "ratio %.3g", trial->ratio);
    if (!isnan(trial->psnr)) snprintf(psnr, sizeof psnr, "%.2f dB", trial->psnr);
    return siren_text_make(out, "%s%s%s", ratio, *ratio && *psnr ? ", " : "", psnr);
}

static siren_status word_results(slice_figure *f) {
    for (size_t i = 0; i < f->n; i++) {
        SIREN_TRY(make_label(f, f->trials[i], &f->labels[i]));
        SIREN_TRY(make_note(f->trials[i], &f->notes[i]));
    }
    return SIREN_OK;
}

/* How many trials and baselines of the input the experiment has. */
static size_t count_results(const siren_report_run *run, const char *input) {
    static const char *const lists[] = {"trials", "baselines"};
    size_t n = 0;
    for (size_t i = 0; i < 2; i++) {
        siren_value list = siren_value_member(siren_config_root(run->experiment), lists[i]);
        for (siren_value v = siren_value_first(list); siren_value_exists(v); v = siren_value_next(v)) {
            const char *of = "";
            if (siren_value_string(siren_value_member(v, "input"), &of) == SIREN_OK)
                n += strcmp(of, input) == 0;
        }
    }
    return n;
}

static siren_status read_number(siren_value object, const char *key, size_t *out) {
    uint64_t number = 0;
    SIREN_TRY(
        siren_value_integer(siren_value_member(object, key), 0, (uint64_t)SIREN_CONFIG_MAX_INTEGER, &number));
    *out = (size_t)number;
    return SIREN_OK;
}

static siren_status make_caption(const slice_figure *f, const char *input, char **out) {
    static const char *const shown[SIREN_N_FIGURES] = {
        [SIREN_FIGURE_PANEL] = "values, relative errors and SSIM on common scales; grey is what does not "
                               "count, outside the mask or 0 "
                               "in the original. The means of errors and SSIM are of what is shown",
        [SIREN_FIGURE_GLYPHS] =
            "first eigenvector, tensors and fibre orientation distributions on common scales"};
    siren_value facts = siren_config_root(f->facts);
    size_t slice = 0, volume = 0;
    char of_volume[40] = "";
    SIREN_TRY(read_number(facts, "slice", &slice));
    SIREN_TRY(read_number(facts, "volume", &volume));
    if (f->kind == SIREN_FIGURE_PANEL) snprintf(of_volume, sizeof of_volume, ", volume %zu, both", volume);
    return siren_text_make(
        out,
        "%s, slice %zu%s counted from 0, of the original and %zu of %zu result%s: %s. Ratios "
        "are to the voxels as stored, PSNRs slice-wise means over all slices of a trial.",
        input, slice, of_volume, f->n, count_results(f->run, input),
        siren_plural(count_results(f->run, input)), shown[f->kind]);
}

/* What the figure lacks. */
static siren_status make_note_of_figure(const slice_figure *f, char **out) {
    const char *tensor = "", *fod = "", *name = siren_figure_name(f->kind);
    if (f->n == 0)
        return siren_text_make(
            out, "There is no figure of the %s yet: what it shows comes once all trials are done.", name);
    if (f->kind == SIREN_FIGURE_GLYPHS) {
        siren_value facts = siren_config_root(f->facts);
        SIREN_TRY(siren_value_string(siren_value_member(facts, "no_tensor"), &tensor));
        SIREN_TRY(siren_value_string(siren_value_member(facts, "no_fod"), &fod));
    }
    if (*tensor || *fod || f->missing)
        return siren_text_make(out, "The figure of the %s lacks%s%s%s%s%s%s%s%s%s.", name,
                               *tensor ? " tensors (" : "", tensor, *tensor ? ")" : "",
                               *tensor && *fod ? " and" : "", *fod ? " fibre orientations (" : "", fod,
                               *fod ? ")" : "",
                               !f->missing       ? ""
                               : *tensor || *fod ? " and the results "
                                                 : " the results ",
                               f->missing ? f->missing : "");
    return SIREN_OK;
}

/* ---- pictures ---- */

static siren_status read_span(siren_value asked, const char *key, siren_span *out) {
    siren_value first = siren_value_first(siren_value_member(asked, key));
    uint64_t begin = 0, end = 0;
    SIREN_TRY(siren_value_integer(first, 0, (uint64_t)SIREN_CONFIG_MAX_INTEGER, &begin));
    if (siren_value_exists(first))
        SIREN_TRY(siren_value_integer(siren_value_next(first), 0, (uint64_t)SIREN_CONFIG_MAX_INTEGER, &end));
    *out = (siren_span){(size_t)begin, (size_t)end};
    return SIREN_OK;
}

static siren_status draw_panel(const slice_figure *f, const siren_picture_wording *wording,
                               const siren_staging *staging, siren_progress_fn progress, void *user) {
    SIREN_FREE_AT_END char *original = NULL, *mask = NULL;
    SIREN_AT_END(free_texts) char *results[MOST] = {NULL};
    double minimum = 0, maximum = 0;
    siren_panel_options options = {
        .results = (const char *const *)results, .n_results = f->n, .memory_limit = siren_tool_memory()};
    siren_value facts = siren_config_root(f->facts);
    SIREN_TRY(siren_value_number(siren_value_member(facts, "minimum"), -INFINITY, INFINITY, &minimum));
    SIREN_TRY(siren_value_number(siren_value_member(facts, "maximum"), -INFINITY, INFINITY, &maximum));
    SIREN_TRY(read_span(f->asked, "x", &options.x));
    SIREN_TRY(read_span(f->asked, "y", &options.y));
    SIREN_TRY(siren_run_path(&original, f->folders[0], "original.nii.gz"));
    SIREN_TRY(siren_run_path(&mask, f->folders[0], "mask.nii.gz"));
    for (size_t i = 0; i < f->n; i++) SIREN_TRY(siren_run_path(&results[i], f->folders[i], "result.nii.gz"));
    options.original = original;
    options.mask = siren_file_exists(mask) ? mask : NULL;
    options.range = maximum - minimum;
    return siren_panel_figure_draw(NULL, &options, wording, staging, progress, user);
}

static siren_status draw_glyphs(const slice_figure *f, const siren_picture_wording *wording,
                                const siren_staging *staging, siren_progress_fn progress, void *user) {
    siren_glyph_figure_options options = {.evaluations = (const char *const *)f->folders,
                                          .wording = *wording,
                                          .n = f->n,
                                          .memory_limit = siren_tool_memory()};
    SIREN_TRY(read_span(f->asked, "x", &options.x));
    SIREN_TRY(read_span(f->asked, "y", &options.y));
    return siren_glyph_figure_draw(&options, staging, progress, user);
}

/* *svg stays NULL where there is no picture, with a warning. */
static siren_status draw(const slice_figure *f, const char *folder, siren_progress_fn progress, void *user,
                         char **svg) {
    SIREN_AT_END(siren_staging_discard_at) siren_staging *staging = NULL;
    SIREN_FREE_AT_END char *path = NULL;
    const char *name = siren_figure_name(f->kind);
    const bool panel = f->kind == SIREN_FIGURE_PANEL;
    const siren_picture_wording wording = {(const char *const *)f->labels, (const char *const *)f->notes,
                                           folder};
    SIREN_TRY(siren_run_path(&path, folder, "%s.svg", name));
    SIREN_TRY(panel ? siren_panel_figure_open(folder, true, &staging)
                    : siren_glyph_figure_open(folder, true, &staging));
    siren_status status = (panel ? draw_panel : draw_glyphs)(f, &wording, staging, progress, user);
    if (status == SIREN_OK) status = siren_staging_commit(SIREN_TAKE(staging));
    if (status == SIREN_OK) status = siren_picture_read_svg(path, svg);
    if (status == SIREN_CANCELLED || status == SIREN_OK) return status;
    siren_log(SIREN_LOG_WARNING, "%s/%s.gp: no picture: %s", folder, name, siren_message());
    return SIREN_OK;
}

siren_status siren_report_slice_draw(const siren_report_run *run, siren_figure_kind kind, const char *folder,
                                     bool drawing, siren_progress_fn progress, void *user,
                                     siren_report_figure *figure) {
    SIREN_AT_END(free_figure)
    slice_figure f = {.run = run,
                      .kind = kind,
                      .asked =
                          siren_value_member(siren_config_root(run->experiment), siren_figure_name(kind))};
    if (!siren_value_exists(f.asked)) return SIREN_OK;
    SIREN_TRY(find_results(&f, figure->input));
    SIREN_TRY(word_results(&f));
    SIREN_TRY(make_note_of_figure(&f, &figure->note));
    if (f.n > 0) SIREN_TRY(make_caption(&f, figure->input, &figure->caption));
    const bool nothing = f.n == 0 || (lacks(f.facts, "no_tensor") && lacks(f.facts, "no_fod"));
    if (drawing && !nothing) return draw(&f, folder, progress, user, &figure->svg);
    return SIREN_OK;
}
