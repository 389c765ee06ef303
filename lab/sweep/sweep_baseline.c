#include "lab/sweep/sweep_baseline.h"

#include "engine/model/mask.h"
#include "lab/run/run_tables.h"
#include "lab/evaluate/slices_cut.h"
#include "host/file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PROGRAM_SECONDS 3600.0 /* that a filter may take */

/* ---- folders ---- */

siren_status siren_sweep_baselines_create(const char *run, const siren_experiment *experiment,
                                          const siren_sweep_input *inputs, const siren_trial_folder *trials,
                                          siren_sweep_baseline **out) {
    SIREN_TRY(siren_allocate(out, experiment->n_baselines, sizeof **out, "the baselines"));
    for (size_t i = 0; i < experiment->n_baselines; i++) {
        const siren_baseline_trial *trial = &experiment->baselines[i];
        const siren_trial_context context = siren_sweep_context(experiment, inputs, trial->input);
        const char *matched = trial->matched == SIREN_NO_TRIAL ? NULL : trials[trial->matched].identity;
        (*out)[i].trial = trial;
        SIREN_TRY(siren_baseline_folder_create(run, trial, matched, &context, &(*out)[i].folder));
    }
    return SIREN_OK;
}

void siren_sweep_baselines_free(siren_sweep_baseline *baselines, size_t n) {
    for (size_t i = 0; baselines && i < n; i++) {
        siren_trial_folder_free(&baselines[i].folder);
        siren_trial_result_free(&baselines[i].result);
    }
    free(baselines);
}

/* ---- slices ---- */

/* Slices z, z + 1 ... of a series. */
typedef struct {
    siren_series series;
    size_t z;
    bool borrowed; /* it is the whole series */
} held_slices;

static void held_slices_free(held_slices *s) {
    if (!s->borrowed) siren_series_free(&s->series);
}

/* `copy`: even where it is the whole series. */
static siren_status held_slices_cut(const siren_series *whole, size_t z, size_t nz, bool copy,
                                    held_slices *out) {
    const bool all = nz == whole->geometry.nz && !copy;
    held_slices s = {.series = *whole, .z = z, .borrowed = all};
    if (!all) SIREN_TRY(siren_slices_cut(whole, z, nz, &s.series));
    *out = s;
    return SIREN_OK;
}

/* ---- one baseline ---- */

typedef struct {
    const siren_sweep_baselines_plan *plan;
    siren_sweep_baseline *baseline;
    const siren_series *series; /* whole */
    const uint8_t *mask;        /* of it, or NULL */
    bool inside; /* networks are trained on the mask: methods are given what is inside, and judged there */
    held_slices original, restored;
    siren_trial_result result;
    size_t n_done, n_total; /* baselines, for progress */
} baseline_run;

static bool report(void *user, double done, double total, const char *what) {
    (void)done, (void)total, (void)what; /* a search does not know how far it is */
    const baseline_run *run = user;
    return !run->plan->progress ||
           run->plan->progress(run->plan->user, (double)run->n_done, (double)run->n_total, "baselines");
}

/* The mask on the trial's slices. */
static const uint8_t *cut_mask(const baseline_run *run) {
    const siren_geometry *g = &run->series->geometry;
    return run->mask ? run->mask + run->original.z * g->nx * g->ny : NULL;
}

static siren_status cut_original(baseline_run *run) {
    const siren_baseline_trial *trial = run->baseline->trial;
    const bool fills = run->inside && siren_baseline_compresses(trial->method);
    const size_t nz = run->series->geometry.nz, end = trial->slices.end == 0 ? nz : trial->slices.end;
    if (trial->slices.begin >= end || end > nz)
        return siren_fail(
            SIREN_USAGE,
            "slices %zu to %zu are asked for, but there are %zu along the axis; change the range "
            "of the blocks",
            trial->slices.begin, end, nz);
    SIREN_TRY(
        held_slices_cut(run->series, trial->slices.begin, end - trial->slices.begin, fills, &run->original));
    return fills ? siren_mask_apply(cut_mask(run), trial->slices.begin, &run->original.series) : SIREN_OK;
}

/* The wanted ratio; 0: none. */
static siren_status wanted_ratio(const baseline_run *run, double *out) {
    const siren_baseline_trial *trial = run->baseline->trial;
    *out = trial->ratio;
    if (trial->matched == SIREN_NO_TRIAL) return SIREN_OK;
    const siren_sweep_trial *matched = &run->plan->trials[trial->matched];
    if (!matched->complete || matched->result.archive_bytes == 0)
        return siren_fail(SIREN_PARTIAL, "the trial %s, whose ratio is wanted, has none",
                          matched->folder.name);
    *out = (double)matched->result.series_bytes / (double)matched->result.archive_bytes;
    return SIREN_OK;
}

/* Runs a filter on the whole series, so that the slices asked for have neighbours, and a compressor on these alone. */
static siren_status restore(baseline_run *run, siren_baseline_result *out) {
    const siren_baseline_trial *trial = run->baseline->trial;
    const siren_baseline method = {.method = trial->method,
                                   .per = trial->per,
                                   .quality = trial->quality,
                                   .folder = run->baseline->folder.folder,
                                   .time_limit = PROGRAM_SECONDS,
                                   .mask = !run->inside                               ? NULL
                                           : siren_baseline_compresses(trial->method) ? cut_mask(run)
                                                                                      : run->mask};
    double ratio = 0;
    siren_series whole = *run->series;
    if (siren_baseline_compresses(trial->method)) {
        SIREN_TRY(wanted_ratio(run, &ratio));
        SIREN_TRY(ratio > 0 ? siren_baseline_search(&method, &run->original.series, ratio, report, run, out)
                            : siren_baseline_run(&method, &run->original.series, report, run, out));
        run->restored = (held_slices){run->original.series, 0, true};
        run->restored.series.voxels = out->voxels;
        return SIREN_OK;
    }
    SIREN_TRY(siren_baseline_run(&method, &whole, report, run, out));
    whole.voxels = out->voxels;
    return held_slices_cut(&whole, run->original.z, run->original.series.geometry.nz, false, &run->restored);
}

static siren_status add_rows(baseline_run *run) {
    const siren_geometry *g = &run->original.series.geometry;
    SIREN_FREE_AT_END siren_baseline_slice *slices = NULL;
    const size_t z = run->baseline->trial->slices.begin;
    SIREN_TRY(siren_allocate(&slices, g->nz, sizeof *slices, "the slices' figures"));
    SIREN_TRY(siren_allocate(&run->result.rows, g->nz, sizeof *run->result.rows, "the rows of a result"));
    SIREN_TRY(siren_baseline_figures(&run->original.series, run->restored.series.voxels, cut_mask(run),
                                     run->inside, slices));
    for (size_t i = 0; i < g->nz; i++)
        run->result.rows[run->result.n_rows++] =
            (siren_result_row){.level = SIREN_BLOCK_SLICE,
                               .number = z + i,
                               .status = slices[i].constant ? SIREN_RESULT_CONSTANT : SIREN_RESULT_OK,
                               .n_points = slices[i].n_points,
                               .n_volumes = g->n_volumes,
                               .fidelity = slices[i].fidelity,
                               .mse_masked = slices[i].masked.mse,
                               .psnr_masked = slices[i].masked.psnr,
                               .ratio = NAN,
                               .ratio_float32 = NAN};
    return SIREN_OK;
}

static siren_status write_restored(const baseline_run *run) {
    SIREN_FREE_AT_END char *path = NULL;
    SIREN_TRY(siren_run_path(&path, run->baseline->folder.folder, "%s", SIREN_RESTORED_FILE));
    return siren_series_write(&run->restored.series, path);
}

/* Fills run->result; restored voxels are in `result`, or borrow from it. */
static siren_status compute(baseline_run *run, siren_baseline_result *result) {
    SIREN_TRY(cut_original(run));
    const siren_geometry *g = &run->original.series.geometry;
    run->result.series_bytes = siren_geometry_voxels(g) * siren_datatype_size(g->datatype);
    run->result.float32_bytes = siren_geometry_voxels(g) * sizeof(float);
    siren_status status = restore(run, result);
    if (status == SIREN_BOUND) {
        siren_log(SIREN_LOG_WARNING, "%s: %s", run->baseline->folder.name, siren_message());
        run->result.status = SIREN_RESULT_UNREACHED;
        return SIREN_OK;
    }
    if (status != SIREN_OK) return status;
    run->result.archive_bytes = result->bytes;
    run->result.rate = result->quality;
    return add_rows(run);
}

static siren_status keep(baseline_run *run, double seconds) {
    static char restored[] = SIREN_RESTORED_FILE;
    char *const files[] = {restored};
    siren_sweep_baseline *baseline = run->baseline;
    bool keeps = run->plan->experiment->keep_restored && run->result.status != SIREN_RESULT_UNREACHED;
    const siren_timing timing = {.trial = baseline->folder.name, .device = "host", .encode_seconds = seconds};
    if (keeps) SIREN_TRY(write_restored(run));
    run->result.n_files = keeps ? 1 : 0;
    SIREN_TRY(siren_trial_result_write(&baseline->folder, &run->result, files, run->result.n_files));
    baseline->result = run->result;
    baseline->complete = true;
    run->result.rows = NULL;
    return siren_run_timing_append(run->plan->timing, &timing);
}

static void voxels_free(siren_baseline_result *result) { free(result->voxels); }

/* Releases what the baseline before has left. */
static void run_reset(baseline_run *run) {
    siren_trial_result_free(&run->result);
    held_slices_free(&run->restored);
    held_slices_free(&run->original);
    run->original = run->restored = (held_slices){.borrowed = true};
    run->result = (siren_trial_result){.rows = NULL};
}

/* A failure of the method is told and counted; of what concerns all, returned. */
static siren_status run_one(baseline_run *run, siren_sweep_result *totals) {
    SIREN_AT_END(voxels_free) siren_baseline_result result = {.voxels = NULL};
    double start = siren_clock();
    run_reset(run);
    SIREN_TRY(siren_trial_folder_make(&run->baseline->folder));
    siren_status status = compute(run, &result);
    if (status == SIREN_OK) return keep(run, siren_clock() - start);
    if (status == SIREN_CANCELLED || run->plan->options->fail_fast) return status;
    siren_sweep_result_fail(totals, "trial %s failed", run->baseline->folder.name);
    run->baseline->failed = true;
    return SIREN_OK;
}

/* ---- all ---- */

static size_t count_complete(const siren_sweep_baselines_plan *plan, const siren_sweep_baseline *baselines) {
    size_t n_complete = 0;
    for (size_t i = 0; i < plan->experiment->n_baselines; i++) n_complete += baselines[i].complete;
    return n_complete;
}

static bool is_wanted(const siren_sweep_baseline *b, size_t input, siren_axis axis) {
    return !b->complete && b->trial->input == input && b->trial->axis == axis;
}

/* Those of one input and axis. */
static siren_status run_stage(baseline_run *run, siren_sweep_baseline *baselines, size_t input,
                              siren_axis axis, siren_sweep_result *totals) {
    const siren_sweep_baselines_plan *plan = run->plan;
    SIREN_AT_END(siren_series_free) siren_series series = {.voxels = NULL};
    SIREN_FREE_AT_END uint8_t *mask = NULL;
    for (size_t i = 0; i < plan->experiment->n_baselines; i++) {
        if (!is_wanted(&baselines[i], input, axis)) continue;
        if (!series.voxels)
            SIREN_TRY(siren_sweep_input_read(&plan->inputs[input], axis, plan->options->memory_limit, &series,
                                             &mask));
        run->baseline = &baselines[i];
        run->series = &series;
        run->mask = mask;
        run->inside = plan->experiment->inputs[input].train_on_mask;
        if (!report(run, 0, 0, NULL)) return siren_fail(SIREN_CANCELLED, "the sweep was interrupted");
        SIREN_TRY(run_one(run, totals));
        run->n_done++;
    }
    return SIREN_OK;
}

siren_status siren_sweep_baselines_run(const siren_sweep_baselines_plan *plan,
                                       siren_sweep_baseline *baselines, siren_sweep_result *totals) {
    const size_t n_complete = count_complete(plan, baselines);
    SIREN_AT_END(run_reset)
    baseline_run run = {.plan = plan, .n_total = plan->experiment->n_baselines - n_complete};
    totals->n_before += n_complete;
    for (size_t input = 0; input < plan->experiment->n_inputs; input++)
        for (int axis = SIREN_AXIS_X; axis <= SIREN_AXIS_Z; axis++)
            SIREN_TRY(run_stage(&run, baselines, input, (siren_axis)axis, totals));
    return SIREN_OK;
}
