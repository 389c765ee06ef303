#include "lab/sweep/sweep.h"

#include "lab/run/run_evaluation.h"
#include "lab/run/run_parts.h"
#include "lab/sweep/sweep_claims.h"
#include "lab/sweep/sweep_estimate.h"
#include "lab/sweep/sweep_evaluate.h"
#include "lab/sweep/sweep_figures.h"
#include "lab/sweep/sweep_folder.h"
#include "lab/sweep/sweep_share.h"
#include "lab/sweep/sweep_state.h"
#include "lab/sweep/sweep_target.h"
#include "lab/sweep/sweep_worker.h"
#include "host/file.h"
#include "host/lock.h"
#include "host/staging.h"
#include "host/threads.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- stages ---- */

static void stage_free(siren_sweeping *s) {
    siren_series_free(&s->series);
    s->series = (siren_series){.voxels = NULL};
    free(SIREN_TAKE(s->mask));
    siren_sweep_jobs_free(&s->work);
    s->next = 0;
}

/* Whether any of its blocks is this process's. */
static bool has_share(const siren_sweep_trial *trial) { return !trial->share || trial->n_share > 0; }

/* Opens the trials of the stage; those to be done are its order. */
static siren_status open_trials(siren_sweeping *s, size_t input, siren_axis axis) {
    for (size_t i = 0; i < s->experiment->n_trials; i++) {
        siren_sweep_trial *trial = &s->trials[i];
        if (trial->trial->input != input || trial->trial->settings.axis != axis || !has_share(trial) ||
            siren_trial_has_target(trial->trial))
            continue;
        SIREN_TRY(siren_sweep_trial_open(&s->source, trial));
        bool diverged = trial->diverged || (trial->complete && trial->result.status == SIREN_RESULT_DIVERGED);
        if (diverged && s->options->fail_fast) return siren_sweeping_stop_at(trial);
        if (trial->complete)
            s->result.n_before++, s->n_complete++;
        else if (trial->n_left == 0 && siren_sweep_trial_is_whole(trial))
            SIREN_TRY(siren_sweeping_finish_trial(s, trial, s->source.device));
        else if (s->options->finish)
            s->missing = s->n_missing++ == 0 ? trial : s->missing;
        else
            s->work.order[s->work.n_order++] = i;
    }
    return SIREN_OK;
}

/* Operations of the stage's trials that are not complete, as if nothing of them were done or shared. */
static siren_status expect_flop(const siren_sweeping *s, size_t input, siren_axis axis, double *flop) {
    *flop = 0;
    for (size_t i = 0; i < s->experiment->n_trials; i++) {
        const siren_trial *trial = s->trials[i].trial;
        siren_trial_estimate cost;
        if (trial->input != input || trial->settings.axis != axis || s->trials[i].complete) continue;
        if (siren_trial_has_target(trial)) continue;
        SIREN_TRY(siren_trial_estimate_cost(trial, &s->inputs[input].geometry, NULL,
                                            &s->inputs[input].acquisition, &cost));
        *flop +=
            s->trials[i].share ? cost.flop * (double)s->trials[i].n_share / (double)cost.n_blocks : cost.flop;
    }
    return SIREN_OK;
}

/* The stages to come are expected to be cut by masks and sharing as those that were begun. */
static void count_stage(siren_sweeping *s, double expected) {
    s->expected_more -= expected;
    s->expected_flop += expected;
    s->planned_flop += s->work.flop;
    double cut = s->expected_flop > 0 ? s->planned_flop / s->expected_flop : 1;
    s->total_flop = s->planned_flop + (s->expected_more > 0 ? cut * s->expected_more : 0);
}

static siren_status run_stage(siren_sweeping *s, size_t input, siren_axis axis) {
    double expected;
    SIREN_TRY(expect_flop(s, input, axis, &expected));
    SIREN_TRY(
        siren_sweep_input_read(&s->inputs[input], axis, s->options->memory_limit, &s->series, &s->mask));
    s->source = (siren_sweep_source){.experiment = s->experiment,
                                     .series = &s->series,
                                     .mask = s->mask,
                                     .acquisition = &s->inputs[input].acquisition,
                                     .train_on_mask = s->experiment->inputs[input].train_on_mask,
                                     .image = s->inputs[input].image,
                                     .device = s->workers[0].device,
                                     .named = s->workers[0].device,
                                     .memory_limit = s->options->memory_limit};
    SIREN_TRY(siren_allocate(&s->work.order, s->experiment->n_trials, sizeof *s->work.order,
                             "the order of the trials"));
    SIREN_TRY(open_trials(s, input, axis));
    SIREN_TRY(siren_sweep_jobs_plan(s->trials, &s->work));
    count_stage(s, expected);
    siren_threads_run(s->n_workers, siren_sweep_work, s);
    return s->status == SIREN_OK ? SIREN_OK : siren_fail(s->status, "%s", s->message);
}

/* Any for this process's trainers to look at. */
static bool has_trials(const siren_sweeping *s, size_t input, siren_axis axis) {
    for (size_t i = 0; i < s->experiment->n_trials; i++) {
        const siren_trial *trial = &s->experiment->trials[i];
        if (trial->input == input && trial->settings.axis == axis && has_share(&s->trials[i]) &&
            !siren_trial_has_target(trial))
            return true;
    }
    return false;
}

/* Keeps what figures show of complete trials, and judges these; evaluation.csv holds what there is, also where this is
 * interrupted. */
static siren_status inspect_results(siren_sweeping *s) {
    SIREN_FREE_AT_END siren_complete_trial *complete = NULL;
    size_t n = 0;
    const siren_sweep_evaluate_plan plan = {s->experiment,        s->options,  s->inputs,
                                            s->workers[0].device, s->progress, s->user};
    const bool judges = s->experiment->evaluation.wanted;
    SIREN_TRY(siren_sweeping_list_complete(s, &complete, &n));
    siren_status status = siren_panels_keep(&plan, complete, n, &s->result);
    if (status == SIREN_OK && judges) status = siren_sweep_evaluate(&plan, complete, n, &s->result);
    if (judges && (status == SIREN_OK || status == SIREN_CANCELLED)) {
        siren_status table = siren_run_evaluation_table(s->options->folder, complete, n);
        status = table != SIREN_OK ? table : status;
    }
    return status;
}

static siren_status refuse_to_finish(const siren_sweeping *s) {
    return siren_fail(
        SIREN_PARTIAL,
        "%s: %zu of %zu trials lack blocks, as %s, which lacks %zu of %zu; have all parts run to their "
        "end, then finish again",
        s->options->folder, s->n_missing, s->experiment->n_trials, s->missing->folder.name,
        s->missing->n_left, s->missing->layout.grid.count);
}

static siren_status run_stages(siren_sweeping *s) {
    for (size_t input = 0; input < s->experiment->n_inputs; input++)
        for (int axis = SIREN_AXIS_X; axis <= SIREN_AXIS_Z; axis++) {
            double expected;
            SIREN_TRY(expect_flop(s, input, (siren_axis)axis, &expected));
            s->expected_more += expected;
        }
    for (size_t input = 0; input < s->experiment->n_inputs; input++)
        for (int axis = SIREN_AXIS_X; axis <= SIREN_AXIS_Z; axis++)
            if (has_trials(s, input, (siren_axis)axis)) {
                SIREN_TRY(run_stage(s, input, (siren_axis)axis));
                stage_free(s);
            }
    if (s->options->part.of > 0) return SIREN_OK;
    if (s->n_missing > 0) return refuse_to_finish(s);
    SIREN_TRY(siren_sweep_targets_run(s));
    SIREN_TRY(siren_sweeping_write_tables(s)); /* baselines and evaluations may take long */
    const siren_sweep_baselines_plan plan = {s->experiment, s->options,  s->inputs, s->trials,
                                             s->timing,     s->progress, s->user};
    SIREN_TRY(siren_sweep_baselines_run(&plan, s->baselines, &s->result));
    return inspect_results(s);
}

/* ---- the whole ---- */

/* Of a trial with a target, its result tells what network it has. */
static siren_result_facts facts_of(const siren_trial *trial, const siren_sweep_input *input) {
    siren_result_facts facts = {.n_volumes = input->geometry.n_volumes};
    siren_network network;
    if (!siren_trial_has_target(trial) &&
        siren_trial_network(trial, (uint32_t)input->geometry.n_volumes, input->acquisition.n_axes,
                            &network) == SIREN_OK)
        facts.n_params = siren_network_n_params(&network);
    return facts;
}

/* What is complete, before anything is trained: tables hold it whenever they are written. */
static void find_results(siren_sweeping *s) {
    for (size_t i = 0; i < s->experiment->n_trials; i++) {
        siren_sweep_trial *trial = &s->trials[i];
        s->result.n_share += trial->share ? trial->n_share : 0;
        s->n_whole += siren_sweep_trial_is_whole(trial);
        if (!has_share(trial)) continue;
        const siren_result_facts facts = facts_of(trial->trial, &s->inputs[trial->trial->input]);
        trial->complete = siren_trial_find_result(&trial->folder, facts, &trial->result);
    }
    for (size_t i = 0; s->options->part.of == 0 && i < s->experiment->n_baselines; i++) {
        siren_sweep_baseline *baseline = &s->baselines[i];
        const siren_result_facts facts = {.n_volumes = s->inputs[baseline->trial->input].geometry.n_volumes};
        baseline->complete = siren_trial_find_result(&baseline->folder, facts, &baseline->result);
    }
}

/* Trials that cannot be are refused before any is trained. */
static siren_status check_trials(const siren_sweeping *s) {
    for (size_t i = 0; i < s->experiment->n_trials; i++) {
        const siren_trial *trial = &s->experiment->trials[i];
        siren_trial_estimate cost;
        const siren_sweep_input *input = &s->inputs[trial->input];
        SIREN_TRY(siren_trial_has_target(trial)
                      ? siren_trial_check_slices(trial, &input->geometry)
                      : siren_trial_estimate_cost(trial, &input->geometry, NULL, &input->acquisition, &cost));
    }
    return SIREN_OK;
}

/* Inputs are made by one process, and by no part while another one does, whose claim `*common` is held until the
 * folder's experiment.json tells which they are. */
static siren_status prepare_inputs(siren_sweeping *s, siren_claim **common) {
    const siren_sweep_options *options = s->options;
    bool made = true;
    if (options->part.of > 0) SIREN_TRY(siren_sweep_inputs_are_made(options->folder, s->experiment, &made));
    if (!made) SIREN_TRY(siren_sweep_claim_common(options, s->progress, s->user, common));
    return siren_sweep_inputs_prepare(options->folder, s->experiment, options->memory_limit, s->progress,
                                      s->user, &s->inputs);
}

static siren_status claim_folder(siren_sweeping *s, siren_claim **common) {
    const char *run = s->options->folder;
    bool same = false;
    if (s->options->part.of > 0) {
        SIREN_TRY(
            siren_sweep_folder_is_claimed(run, s->experiment, s->inputs, s->folders, s->baselines, &same));
        if (same) return SIREN_OK;
        if (!*common) SIREN_TRY(siren_sweep_claim_common(s->options, s->progress, s->user, common));
    }
    return siren_sweep_folder_claim(run, s->experiment, s->inputs, s->folders, s->baselines);
}

static siren_status prepare(siren_sweeping *s, siren_device *const *devices) {
    const siren_experiment *experiment = s->experiment;
    const char *run = s->options->folder;
    SIREN_AT_END(siren_claim_release_at) siren_claim *common = NULL;
    SIREN_TRY(prepare_inputs(s, &common));
    SIREN_TRY(check_trials(s));
    SIREN_TRY(siren_figures_check(experiment, s->inputs));
    SIREN_TRY(siren_allocate(&s->folders, experiment->n_trials, sizeof *s->folders, "the trials"));
    SIREN_TRY(siren_allocate(&s->trials, experiment->n_trials, sizeof *s->trials, "the trials"));
    SIREN_TRY(siren_allocate(&s->workers, s->n_workers, sizeof *s->workers, "the workers"));
    for (size_t i = 0; i < s->n_workers; i++)
        s->workers[i] = (siren_worker){.sweep = s, .device = devices[i]};
    for (size_t i = 0; i < experiment->n_trials; i++) {
        const siren_trial_context context =
            siren_sweep_context(experiment, s->inputs, experiment->trials[i].input);
        SIREN_TRY(siren_trial_folder_create(run, &experiment->trials[i], &context, &s->folders[i]));
    }
    SIREN_TRY(siren_sweep_baselines_create(run, experiment, s->inputs, s->folders, &s->baselines));
    SIREN_TRY(claim_folder(s, &common));
    siren_claim_release(SIREN_TAKE(common));
    SIREN_TRY(siren_sweep_folder_environment(s->options, experiment, s->inputs, devices, s->n_workers));
    for (size_t i = 0; i < experiment->n_trials; i++) {
        s->trials[i].trial = &experiment->trials[i];
        s->trials[i].folder = s->folders[i];
        s->folders[i] = (siren_trial_folder){.name = NULL};
    }
    SIREN_TRY(siren_sweep_share_out(experiment, s->inputs, s->options->part, s->trials));
    find_results(s);
    return SIREN_OK;
}

static void sweeping_free(siren_sweeping *s) {
    stage_free(s);
    for (size_t i = 0; i < s->experiment->n_trials; i++) {
        if (s->folders) siren_trial_folder_free(&s->folders[i]);
        if (s->trials) siren_sweep_trial_free(&s->trials[i]);
    }
    siren_sweep_baselines_free(s->baselines, s->experiment->n_baselines);
    siren_sweep_inputs_free(s->inputs, s->experiment->n_inputs);
    free(s->folders);
    free(s->trials);
    free(s->workers);
    free(s->timing);
    siren_claim_release(s->claim);
    pthread_mutex_destroy(&s->mutex);
}

/* The tables hold what there is, also where the sweep failed or was interrupted. */
static siren_status conclude(siren_sweeping *s, siren_status status) {
    char message[SIREN_MESSAGE_BYTES];
    snprintf(message, sizeof message, "%s", siren_message());
    siren_status tables = s->options->part.of > 0 ? SIREN_OK : siren_sweeping_write_tables(s);
    for (size_t i = 0; i < s->experiment->n_trials; i++)
        s->result.n_diverged += s->trials[i].complete && s->trials[i].result.status == SIREN_RESULT_DIVERGED;
    if (status != SIREN_OK) return siren_fail(status, "%s", message);
    if (tables == SIREN_OK && s->result.n_failed > 0)
        return siren_fail(SIREN_PARTIAL, "%zu of %zu trial%s failed, the others are in %s; the first: %s",
                          s->result.n_failed, s->result.n_trials, siren_plural(s->result.n_trials),
                          s->options->folder, s->result.first_failure);
    return tables;
}

/* Claims the part, or all, and clears up what no part may be at work for. */
static siren_status claim_work(siren_sweeping *s) {
    const siren_sweep_options *options = s->options;
    SIREN_TRY(siren_sweep_claim_work(options, s->progress, s->user, &s->claim));
    SIREN_TRY(siren_run_timing_path(options->folder, options->part, &s->timing));
    if (options->part.of > 0) {
        SIREN_FREE_AT_END char *parts = NULL;
        SIREN_TRY(siren_run_path(&parts, options->folder, SIREN_PARTS_FOLDER));
        return siren_folder_make(parts);
    }
    siren_folder_clear_leftovers(options->folder);
    siren_staging_clear_leftovers(options->folder);
    return siren_run_parts_gather(options->folder);
}

siren_status siren_sweep(siren_device *const *devices, size_t n_devices, const siren_experiment *experiment,
                         const siren_sweep_options *options, siren_progress_fn progress, void *user,
                         siren_sweep_result *out) {
    double start = siren_clock();
    SIREN_FREE_AT_END char *path = NULL;
    SIREN_AT_END(sweeping_free)
    siren_sweeping s = {.experiment = experiment,
                        .options = options,
                        .progress = progress,
                        .user = user,
                        .n_workers = n_devices,
                        .mutex = PTHREAD_MUTEX_INITIALIZER,
                        .result = {.n_trials = experiment->n_trials + experiment->n_baselines}};
    SIREN_AT_END(siren_lock_release_at) siren_lock *held = NULL;
    SIREN_TRY(siren_sweep_folder_check(options->folder));
    SIREN_TRY(siren_folder_make(options->folder));
    if (options->part.of == 0 && !options->finish) {
        SIREN_TRY(siren_run_path(&path, options->folder, "lock"));
        SIREN_TRY(siren_lock_acquire(path, &held));
    }
    SIREN_TRY(claim_work(&s));
    SIREN_TRY(prepare(&s, devices));
    siren_status status = conclude(&s, run_stages(&s));
    s.result.seconds = siren_clock() - start;
    if (out) *out = s.result;
    return status;
}
