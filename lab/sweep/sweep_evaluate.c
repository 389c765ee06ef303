#include "lab/sweep/sweep_evaluate.h"

#include "engine/model/grid.h"
#include "lab/run/run_evaluation.h"
#include "lab/run/run_sums.h"
#include "lab/evaluate/slices_cut.h"
#include "lab/sweep/sweep_figures.h"
#include "formats/nifti.h"
#include "host/staging.h"

#include <stdlib.h>
#include <string.h>

#define PROGRAM_SECONDS 3600.0 /* that a program of MRtrix3 may take */

/* A trial to be judged. */
typedef struct {
    const siren_complete_trial *trial;
    size_t input;
    siren_span slices;
    char *folder; /* its path */
    bool done;
} judged_trial;

typedef struct {
    const siren_sweep_evaluate_plan *plan;
    judged_trial *trials; /* (n_trials) */
    size_t n_trials, n_done;
    siren_sweep_result *totals;
    char *told[SIREN_N_QUANTITIES]; /* why metrics are skipped, said once each */
} judging;

/* The original of one stage, in a hidden folder: the slices of one input. */
typedef struct {
    siren_staging *staging;
    char *original;
    char *masks[SIREN_N_REGIONS]; /* of the regions; NULL: none */
    char *evaluation;             /* folder for one trial's maps */
} judged_original;

/* ---- which ---- */

/* Whether the trial was judged, and what the figure of glyphs shows of it is there. Says what is damaged. */
static bool is_judged(const judging *run, const judged_trial *t) {
    const siren_added wanted[] = {SIREN_ADDED_EVALUATION, SIREN_ADDED_GLYPHS};
    const bool glyphs = siren_figure_shows(run->plan->experiment, SIREN_FIGURE_GLYPHS, t->trial);
    for (size_t i = 0; i < (glyphs ? 2 : 1); i++) {
        bool damaged = false;
        if (siren_run_has_added(t->folder, wanted[i], &damaged)) continue;
        if (damaged) siren_log(SIREN_LOG_WARNING, "%s; the trial is judged again", siren_message());
        return false;
    }
    return true;
}

/* Lists the trials that are to be judged. */
static siren_status list_trials(judging *run, const siren_complete_trial *trials, size_t n) {
    SIREN_TRY(siren_allocate(&run->trials, n, sizeof *run->trials, "the evaluations"));
    for (size_t i = 0; i < n; i++) {
        const siren_complete_trial *t = &trials[i];
        judged_trial *listed = &run->trials[run->n_trials];
        if (!siren_has_restored(t)) continue;
        *listed = (judged_trial){.trial = t,
                                 .input = t->baseline ? t->baseline->input : t->trial->input,
                                 .slices = t->baseline ? t->baseline->slices : t->trial->settings.slices};
        SIREN_TRY(siren_run_path(&listed->folder, run->plan->options->folder, "trials/%s", t->folder));
        if (is_judged(run, listed))
            free(listed->folder);
        else
            run->n_trials++;
    }
    return SIREN_OK;
}

static bool same_slices(const judged_trial *a, const judged_trial *b) {
    return a->input == b->input && a->slices.begin == b->slices.begin && a->slices.end == b->slices.end;
}

/* ---- the original ---- */

static void original_free(judged_original *o) {
    siren_staging_discard(o->staging);
    free(o->original);
    for (int i = 0; i < SIREN_N_REGIONS; i++) free(o->masks[i]);
    free(o->evaluation);
}

/* Writes the slices of the image `path` as `name` of the hidden folder. */
static siren_status cut_image(const judging *run, const judged_original *o, const char *path,
                              const char *name, const siren_span *slices, siren_series *part, char **out) {
    SIREN_FREE_AT_END char *cut = NULL;
    SIREN_TRY(siren_staging_path(o->staging, name, &cut));
    SIREN_TRY(siren_slices_cut_file(path, run->plan->options->memory_limit, *slices, cut, part));
    *out = SIREN_TAKE(cut);
    return SIREN_OK;
}

/* The mask of a region on the slices; none where no voxel of theirs is inside. */
static siren_status cut_mask(const judging *run, judged_original *o, const judged_trial *of,
                             siren_region region, const char *path) {
    static const char *const names[] = {"mask.nii", "wm.nii", "gm.nii", "csf.nii"};
    SIREN_AT_END(siren_series_free) siren_series part = {.voxels = NULL};
    if (!path) return SIREN_OK;
    SIREN_TRY(cut_image(run, o, path, names[region], &of->slices, &part, &o->masks[region]));
    if (siren_mask_is_empty(&part)) {
        siren_log(SIREN_LOG_INFO, "%s: is 0 on the slices of the trials, and is left out", path);
        free(SIREN_TAKE(o->masks[region]));
    }
    return SIREN_OK;
}

static siren_status prepare_original(const judging *run, const judged_trial *of, judged_original *o) {
    const siren_sweep_input *input = &run->plan->inputs[of->input];
    siren_series part = {.voxels = NULL};
    SIREN_TRY(siren_staging_open(run->plan->options->folder, NULL, 0, true, &o->staging));
    SIREN_TRY(siren_staging_path(o->staging, "evaluation", &o->evaluation));
    siren_status status = cut_image(run, o, input->image, "original.nii", &of->slices, &part, &o->original);
    siren_series_free(&part);
    SIREN_TRY(status);
    SIREN_TRY(cut_mask(run, o, of, SIREN_REGION_BRAIN, input->mask));
    for (siren_beside i = SIREN_BESIDE_WM; run->plan->experiment->evaluation.tissues && i < SIREN_N_BESIDE;
         i++)
        SIREN_TRY(
            cut_mask(run, o, of, (siren_region)(SIREN_REGION_WM + (i - SIREN_BESIDE_WM)), input->beside[i]));
    return SIREN_OK;
}

/* ---- one trial ---- */

static bool report(void *user, double done, double total, const char *what) {
    (void)done, (void)total, (void)what;
    const judging *run = user;
    return !run->plan->progress ||
           run->plan->progress(run->plan->user, (double)run->n_done, (double)run->n_trials, "evaluations");
}

/* Metrics that are missing: what is skipped is told once for all trials, what failed for each. */
static siren_status tell_missing(judging *run, const judged_trial *t, const siren_evaluation *evaluation) {
    for (siren_quantity q = 0; q < SIREN_N_QUANTITIES; q++) {
        const siren_evaluated *e = &evaluation->quantities[q];
        bool known = false;
        if (e->done || !run->plan->experiment->evaluation.diffusion) continue;
        if (q == SIREN_QUANTITY_FOD && !run->plan->experiment->evaluation.fod) continue;
        for (siren_quantity other = 0; other < SIREN_N_QUANTITIES; other++)
            known = known || (run->told[other] && strcmp(run->told[other], e->reason) == 0);
        if (e->failed)
            siren_log(SIREN_LOG_WARNING,
                      "trial %s: %s failed: %s; delete its " SIREN_EVALUATION_FILE " to have it judged again",
                      t->trial->folder, siren_quantity_name(q), e->reason);
        if (e->failed || known || run->told[q]) continue;
        siren_log(SIREN_LOG_WARNING, "evaluations lack diffusion metrics (%s): %s", siren_quantity_name(q),
                  e->reason);
        run->told[q] = strdup(e->reason);
        if (!run->told[q]) return siren_fail(SIREN_SYSTEM, "out of memory: a reason");
    }
    return SIREN_OK;
}

static siren_status judge(judging *run, judged_original *o, const judged_trial *t) {
    const siren_sweep_evaluate_plan *plan = run->plan;
    const siren_sweep_input *input = &plan->inputs[t->input];
    SIREN_AT_END(siren_evaluation_free) siren_evaluation evaluation = {0};
    SIREN_FREE_AT_END char *result = NULL;
    SIREN_TRY(siren_run_path(&result, t->folder, "%s",
                             t->trial->baseline ? SIREN_RESTORED_FILE : SIREN_ARCHIVE_FILE));
    const siren_evaluate_options options = {
        .original = o->original,
        .result = result,
        .mask = o->masks[SIREN_REGION_BRAIN],
        .tissues = {o->masks[SIREN_REGION_WM], o->masks[SIREN_REGION_GM], o->masks[SIREN_REGION_CSF]},
        .bval = input->beside[SIREN_BESIDE_BVAL],
        .bvec = input->beside[SIREN_BESIDE_BVEC],
        .tables_found = !plan->experiment->inputs[t->input].beside[SIREN_BESIDE_BVAL],
        .folder = o->evaluation,
        .cache = siren_staging_folder(o->staging),
        .overwrite = true,
        .diffusion = plan->experiment->evaluation.diffusion,
        .fod = plan->experiment->evaluation.fod,
        .time_limit = PROGRAM_SECONDS,
        .memory_limit = plan->options->memory_limit};
    SIREN_TRY(siren_evaluate(plan->device, &options, report, run, &evaluation));
    SIREN_TRY(tell_missing(run, t, &evaluation));
    SIREN_TRY(siren_run_evaluation_keep(t->folder, &evaluation));
    if (siren_figure_shows(plan->experiment, SIREN_FIGURE_GLYPHS, t->trial))
        SIREN_TRY(siren_glyphs_keep(plan, t->trial, t->folder, o->evaluation, &evaluation));
    return SIREN_OK;
}

/* ---- all ---- */

/* Those on the slices of `of`. */
static siren_status run_stage(judging *run, const judged_trial *of) {
    SIREN_AT_END(original_free) judged_original original = {0};
    SIREN_TRY(prepare_original(run, of, &original));
    for (size_t i = 0; i < run->n_trials; i++) {
        judged_trial *t = &run->trials[i];
        if (t->done || !same_slices(t, of)) continue;
        if (!report(run, 0, 0, NULL)) return siren_fail(SIREN_CANCELLED, "the sweep was interrupted");
        siren_status status = judge(run, &original, t);
        if (status != SIREN_OK && (status == SIREN_CANCELLED || run->plan->options->fail_fast)) return status;
        if (status != SIREN_OK) {
            siren_sweep_result_fail(run->totals, "trial %s could not be judged", t->trial->folder);
        }
        t->done = true;
        run->n_done++;
    }
    return SIREN_OK;
}

static void judging_free(judging *run) {
    for (size_t i = 0; run->trials && i < run->n_trials; i++) free(run->trials[i].folder);
    for (int i = 0; i < SIREN_N_QUANTITIES; i++) free(run->told[i]);
    free(run->trials);
}

siren_status siren_sweep_evaluate(const siren_sweep_evaluate_plan *plan, const siren_complete_trial *trials,
                                  size_t n, siren_sweep_result *totals) {
    SIREN_AT_END(judging_free) judging run = {.plan = plan, .totals = totals};
    SIREN_TRY(list_trials(&run, trials, n));
    for (size_t i = 0; i < run.n_trials; i++)
        if (!run.trials[i].done) SIREN_TRY(run_stage(&run, &run.trials[i]));
    return SIREN_OK;
}
