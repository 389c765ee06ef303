#define _GNU_SOURCE
#include "lab/sweep/sweep_figures.h"

#include "engine/model/grid.h"
#include "engine/metrics.h"
#include "lab/evaluate/mrtrix.h"
#include "lab/run/run_sums.h"
#include "lab/evaluate/slices_cut.h"
#include "formats/nifti.h"
#include "host/file.h"
#include "host/staging.h"

#include <stdlib.h>
#include <string.h>

/* ---- which ---- */

bool siren_has_restored(const siren_complete_trial *t) {
    if (t->baseline) return t->result->status != SIREN_RESULT_UNREACHED;
    return t->result->archive_bytes > 0;
}

static size_t input_of(const siren_complete_trial *t) {
    return t->baseline ? t->baseline->input : t->trial->input;
}

static siren_span slices_of(const siren_complete_trial *t) {
    return t->baseline ? t->baseline->slices : t->trial->settings.slices;
}

/* The slice that a figure shows of the input. */
static size_t slice_of(const siren_experiment_figure *figure, const siren_sweep_input *input) {
    return figure->slice == SIREN_MIDDLE_SLICE ? input->geometry.nz / 2 : figure->slice;
}

bool siren_figure_shows(const siren_experiment *x, siren_figure_kind kind, const siren_complete_trial *t) {
    const siren_experiment_figure *figure = &x->figures[kind];
    const size_t number =
        t->baseline ? x->n_trials + (size_t)(t->baseline - x->baselines) : (size_t)(t->trial - x->trials);
    bool shown = false;
    for (size_t i = 0; i < figure->n_results; i++) shown = shown || figure->results[i] == number;
    return figure->wanted && shown;
}

/* ---- check ---- */

/* `key`: of the figure, "x"; `n`: how many the image has. */
static siren_status check_bound(const char *figure, const char *key, size_t last, const char *image,
                                size_t n) {
    if (last < n) return SIREN_OK;
    return siren_fail(SIREN_USAGE,
                      "%s.%s asks for %zu, but %s has only 0 to %zu there: change the experiment", figure,
                      key, last, image, n - 1);
}

static siren_status check_input(const siren_experiment_figure *figure, const char *name,
                                const siren_sweep_input *input) {
    const siren_geometry *g = &input->geometry;
    SIREN_TRY(check_bound(name, "slice", slice_of(figure, input), input->image, g->nz));
    SIREN_TRY(check_bound(name, "volume", figure->volume, input->image, g->n_volumes));
    if (figure->x.end > 0) SIREN_TRY(check_bound(name, "x", figure->x.end - 1, input->image, g->nx));
    return figure->y.end > 0 ? check_bound(name, "y", figure->y.end - 1, input->image, g->ny) : SIREN_OK;
}

siren_status siren_figures_check(const siren_experiment *x, const siren_sweep_input *inputs) {
    for (siren_figure_kind kind = 0; kind < SIREN_N_FIGURES; kind++) {
        const siren_experiment_figure *figure = &x->figures[kind];
        for (size_t i = 0; i < figure->n_results; i++) {
            const size_t number = figure->results[i];
            const bool network = number < x->n_trials;
            const siren_trial *trial = network ? &x->trials[number] : NULL;
            const siren_baseline_trial *baseline = network ? NULL : &x->baselines[number - x->n_trials];
            const siren_sweep_input *input = &inputs[network ? trial->input : baseline->input];
            const siren_span slices = network ? trial->settings.slices : baseline->slices;
            const size_t z = slice_of(figure, input);
            SIREN_TRY(check_input(figure, siren_figure_name(kind), input));
            if (z < slices.begin || (slices.end > 0 && z >= slices.end))
                return siren_fail(
                    SIREN_USAGE,
                    "%s shows slice %zu, the middle one, which trial %s lacks: give a \"slice\", or a "
                    "list of \"results\" without it",
                    siren_figure_name(kind), z, network ? trial->name : baseline->name);
        }
    }
    return SIREN_OK;
}

/* ---- files ---- */

#define MOST_KEPT 8 /* files of a trial */

static void paths_free(char *(*paths)[MOST_KEPT]) {
    for (size_t i = 0; i < MOST_KEPT; i++) free((*paths)[i]);
}

/* What is kept of one trial, in a hidden folder until it is complete. */
typedef struct {
    const char *folder; /* path of the trial's */
    siren_added added;
    const char *const *names; /* (n) all that may appear, the file with the facts at last */
    size_t n;
    siren_staging *staging;
} keeping;

static void keep_discard(keeping *k) { siren_staging_discard(k->staging); }

static siren_status keep_begin(keeping *k, const char *below) {
    SIREN_FREE_AT_END char *path = NULL;
    SIREN_TRY(siren_run_path(&path, k->folder, "%s", below));
    return siren_staging_open(path, k->names, k->n, true, &k->staging);
}

static siren_status write_series(const keeping *k, const char *name, const siren_series *series) {
    SIREN_FREE_AT_END char *path = NULL;
    SIREN_TRY(siren_staging_path(k->staging, name, &path));
    return siren_series_write(series, path);
}

static siren_status write_facts(const keeping *k, const siren_json *json) {
    return siren_run_write_json(json, siren_staging_folder(k->staging), k->names[k->n - 1]);
}

/* All appear, and SHA256SUMS lists those that were written. */
static siren_status keep_end(keeping *k, const char *below) {
    SIREN_AT_END(paths_free) char *paths[MOST_KEPT] = {NULL};
    size_t n = 0;
    SIREN_TRY(siren_staging_commit(SIREN_TAKE(k->staging)));
    for (size_t i = 0; i < k->n; i++) {
        SIREN_FREE_AT_END char *path = NULL;
        SIREN_TRY(siren_run_path(&path, k->folder, "%s/%s", below, k->names[i]));
        if (siren_file_exists(path)) SIREN_TRY(siren_run_path(&paths[n++], below, "%s", k->names[i]));
    }
    return siren_run_add(k->folder, k->added, (const char *const *)paths, n);
}

/* ---- panels ---- */

typedef struct {
    const siren_sweep_evaluate_plan *plan;
    const siren_sweep_input *input;
    siren_series original;    /* all of the input */
    siren_series slice, mask; /* of the panel; mask without voxels: none, or none inside */
    double minimum, maximum;  /* of the input */
    size_t z, volume;
} panel_keeping;

static void panel_free(panel_keeping *p) {
    siren_series_free(&p->original);
    siren_series_free(&p->slice);
    siren_series_free(&p->mask);
}

static siren_status cut_mask(panel_keeping *p) {
    SIREN_AT_END(siren_series_free) siren_series whole = {.voxels = NULL};
    SIREN_TRY(
        siren_nifti_read_for(SIREN_NIFTI_JUDGED, p->input->mask, p->plan->options->memory_limit, &whole));
    SIREN_TRY(siren_slice_cut(&whole, p->z, 0, &p->mask));
    if (!siren_mask_is_empty(&p->mask)) return SIREN_OK;
    siren_series_free(&p->mask);
    p->mask = (siren_series){.voxels = NULL};
    return SIREN_OK;
}

static siren_status panel_open(const siren_sweep_evaluate_plan *plan, size_t input, panel_keeping *p) {
    const siren_experiment_figure *figure = &plan->experiment->figures[SIREN_FIGURE_PANEL];
    *p = (panel_keeping){.plan = plan, .input = &plan->inputs[input], .volume = figure->volume};
    p->z = slice_of(figure, p->input);
    SIREN_TRY(
        siren_nifti_read_for(SIREN_NIFTI_JUDGED, p->input->image, plan->options->memory_limit, &p->original));
    SIREN_TRY(siren_series_check_finite(p->input->image, &p->original));
    siren_comparison all;
    SIREN_TRY(siren_compare_series(&p->original, &p->original, NULL, &all));
    p->minimum = all.minimum;
    p->maximum = all.maximum;
    SIREN_TRY(siren_slice_cut(&p->original, p->z, p->volume, &p->slice));
    return p->input->mask ? cut_mask(p) : SIREN_OK;
}

/* What a baseline restored has the voxels of its trial's slices. Sums tell damage, but not a file of another grid with
 * sums of its own. */
static siren_status check_restored(const panel_keeping *p, const siren_complete_trial *t, const char *path,
                                   const siren_geometry *restored) {
    const siren_span slices = slices_of(t);
    siren_geometry cut = p->original.geometry;
    cut.nz = (slices.end == 0 ? cut.nz : slices.end) - slices.begin;
    if (siren_grid_check("the trial", &cut, path, restored, cut.n_volumes) == SIREN_OK) return SIREN_OK;
    return siren_fail(
        SIREN_CORRUPT,
        "%s: is not what the trial restored, for it has %zu x %zu x %zu voxels in %zu volume%s instead of "
        "%zu x %zu x %zu in %zu; remove the trial's folder and run the sweep again",
        path, restored->nx, restored->ny, restored->nz, restored->n_volumes,
        siren_plural(restored->n_volumes), cut.nx, cut.ny, cut.nz, cut.n_volumes);
}

/* The slice of what a baseline restored, whose first slice is the first one of the trial. */
static siren_status cut_restored(const panel_keeping *p, const keeping *k, const siren_complete_trial *t,
                                 const char *name) {
    SIREN_AT_END(siren_series_free) siren_series restored = {.voxels = NULL}, slice = {.voxels = NULL};
    SIREN_FREE_AT_END char *path = NULL;
    SIREN_TRY(siren_run_path(&path, k->folder, "%s", SIREN_RESTORED_FILE));
    SIREN_TRY(siren_nifti_read_for(SIREN_NIFTI_DECODED, path, p->plan->options->memory_limit, &restored));
    SIREN_TRY(check_restored(p, t, path, &restored.geometry));
    SIREN_TRY(siren_slice_cut(&restored, p->z - slices_of(t).begin, p->volume, &slice));
    return write_series(k, name, &slice);
}

static siren_status decode_slice(const panel_keeping *p, const keeping *k, const char *name) {
    SIREN_FREE_AT_END char *archive = NULL, *image = NULL;
    const siren_decompress_options options = {.slices = {p->z, p->z + 1},
                                              .volumes = {p->volume, p->volume + 1},
                                              .memory_limit = p->plan->options->memory_limit};
    SIREN_TRY(siren_run_path(&archive, k->folder, "%s", SIREN_ARCHIVE_FILE));
    SIREN_TRY(siren_staging_path(k->staging, name, &image));
    return siren_decompress_file(p->plan->device, archive, image, &options, NULL, NULL);
}

static siren_status write_panel(const panel_keeping *p, const keeping *k, const siren_complete_trial *t) {
    SIREN_AT_END(siren_json_free_at) siren_json *json = NULL;
    SIREN_TRY(write_series(k, "original.nii.gz", &p->slice));
    if (p->mask.voxels) SIREN_TRY(write_series(k, "mask.nii.gz", &p->mask));
    SIREN_TRY(t->baseline ? cut_restored(p, k, t, "result.nii.gz") : decode_slice(p, k, "result.nii.gz"));
    SIREN_TRY(siren_json_create(&json));
    siren_json_integer(json, "slice", p->z);
    siren_json_integer(json, "volume", p->volume);
    siren_json_number(json, "minimum", p->minimum);
    siren_json_number(json, "maximum", p->maximum);
    return write_facts(k, json);
}

static siren_status keep_panel(const panel_keeping *p, const char *folder, const siren_complete_trial *t) {
    static const char *const names[] = {"original.nii.gz", "mask.nii.gz", "result.nii.gz", SIREN_PANEL_FILE};
    SIREN_AT_END(keep_discard)
    keeping k = {folder, SIREN_ADDED_PANEL, names, sizeof names / sizeof *names, NULL};
    SIREN_TRY(keep_begin(&k, SIREN_PANEL_FOLDER));
    SIREN_TRY(write_panel(p, &k, t));
    return keep_end(&k, SIREN_PANEL_FOLDER);
}

/* Keeps the trial's panel unless it is there; opens its input, in the place of another one, where that is needed. */
static siren_status panel_of_trial(panel_keeping *p, const siren_sweep_evaluate_plan *plan,
                                   const siren_complete_trial *t) {
    SIREN_FREE_AT_END char *folder = NULL;
    bool damaged = false;
    SIREN_TRY(siren_run_path(&folder, plan->options->folder, "trials/%s", t->folder));
    if (siren_run_has_added(folder, SIREN_ADDED_PANEL, &damaged)) return SIREN_OK;
    if (damaged) siren_log(SIREN_LOG_WARNING, "%s; the slice is kept again", siren_message());
    if (p->input != &plan->inputs[input_of(t)]) {
        panel_free(p);
        SIREN_TRY(panel_open(plan, input_of(t), p));
    }
    return keep_panel(p, folder, t);
}

siren_status siren_panels_keep(const siren_sweep_evaluate_plan *plan, const siren_complete_trial *trials,
                               size_t n, siren_sweep_result *totals) {
    siren_status status = SIREN_OK;
    SIREN_AT_END(panel_free) panel_keeping p = {.input = NULL};
    for (size_t i = 0; i < n && status == SIREN_OK; i++) {
        if (!siren_figure_shows(plan->experiment, SIREN_FIGURE_PANEL, &trials[i]) ||
            !siren_has_restored(&trials[i]))
            continue;
        if (plan->progress && !plan->progress(plan->user, (double)i, (double)n, "slices of the panel"))
            return siren_fail(SIREN_CANCELLED, "the sweep was interrupted");
        status = panel_of_trial(&p, plan, &trials[i]);
        if (status == SIREN_OK || status == SIREN_CANCELLED || plan->options->fail_fast) continue;
        siren_sweep_result_fail(totals, "the panel's slice of trial %s could not be kept", trials[i].folder);
        status = SIREN_OK;
    }
    return status;
}

/* ---- glyphs ---- */

/* Copies the slice of the image SERIES_IMAGE; nothing where MRtrix3 did not make it. */
static siren_status copy_slice(const keeping *k, const char *made, const char *name, size_t z,
                               size_t memory_limit) {
    SIREN_AT_END(siren_series_free) siren_series image = {.voxels = NULL}, slice = {.voxels = NULL};
    SIREN_FREE_AT_END char *path = NULL;
    SIREN_TRY(siren_run_path(&path, made, "%s", name));
    if (!siren_file_exists(path)) return SIREN_OK;
    SIREN_TRY(siren_nifti_read(path, memory_limit, &image));
    SIREN_TRY(siren_slices_cut(&image, z, 1, &slice));
    return write_series(k, name, &slice);
}

static siren_status write_glyph_facts(const keeping *k, size_t z, const siren_evaluation *evaluation) {
    SIREN_AT_END(siren_json_free_at) siren_json *json = NULL;
    const siren_evaluated *tensor = &evaluation->quantities[SIREN_QUANTITY_FA],
                          *fod = &evaluation->quantities[SIREN_QUANTITY_FOD];
    SIREN_TRY(siren_json_create(&json));
    siren_json_integer(json, "slice", z);
    if (!tensor->done) siren_json_string(json, "no_tensor", tensor->reason);
    if (!fod->done) siren_json_string(json, "no_fod", fod->reason);
    return write_facts(k, json);
}

siren_status siren_glyphs_keep(const siren_sweep_evaluate_plan *plan, const siren_complete_trial *trial,
                               const char *folder, const char *made, const siren_evaluation *evaluation) {
    static const char *const names[] = {
        "original_tensor" SIREN_MRTRIX_SUFFIX, "result_tensor" SIREN_MRTRIX_SUFFIX,
        "original_fod" SIREN_MRTRIX_SUFFIX, "result_fod" SIREN_MRTRIX_SUFFIX, SIREN_GLYPHS_FILE};
    SIREN_AT_END(keep_discard)
    keeping k = {folder, SIREN_ADDED_GLYPHS, names, sizeof names / sizeof *names, NULL};
    const siren_experiment_figure *figure = &plan->experiment->figures[SIREN_FIGURE_GLYPHS];
    const size_t z = slice_of(figure, &plan->inputs[input_of(trial)]);
    SIREN_TRY(keep_begin(&k, SIREN_GLYPHS_FOLDER));
    for (size_t i = 0; i + 1 < k.n; i++)
        SIREN_TRY(copy_slice(&k, made, names[i], z - slices_of(trial).begin, plan->options->memory_limit));
    SIREN_TRY(write_glyph_facts(&k, z, evaluation));
    return keep_end(&k, SIREN_GLYPHS_FOLDER);
}
