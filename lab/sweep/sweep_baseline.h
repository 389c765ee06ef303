/* The baselines of a sweep: they run once its networks are trained, whose ratios they may be matched to. */
#ifndef SIREN_LAB_SWEEP_SWEEP_BASELINE_H
#define SIREN_LAB_SWEEP_SWEEP_BASELINE_H

#include "lab/run/run_folder.h"
#include "lab/sweep/sweep_options.h"
#include "lab/sweep/sweep_input.h"
#include "lab/sweep/sweep_trial.h"

typedef struct {
    const siren_baseline_trial *trial;
    siren_trial_folder folder;
    bool complete, failed; /* complete: `result` is there; set by the caller */
    siren_trial_result result;
} siren_sweep_baseline;

/* Names the folders of the experiment's baselines below `run`; makes nothing. `trials`: folders of the networks'
 * trials. `*out` (n_baselines) is yours, even then: siren_sweep_baselines_free(). */
siren_status siren_sweep_baselines_create(const char *run, const siren_experiment *experiment,
                                          const siren_sweep_input *inputs, const siren_trial_folder *trials,
                                          siren_sweep_baseline **out);
void siren_sweep_baselines_free(siren_sweep_baseline *baselines, size_t n);

typedef struct {
    const siren_experiment *experiment;
    const siren_sweep_options *options;
    const siren_sweep_input *inputs;
    const siren_sweep_trial *trials; /* as far as they are complete */
    const char *timing;              /* path of the table */
    siren_progress_fn progress;
    void *user;
} siren_sweep_baselines_plan;

/* Runs those that are not complete, one after the other, each on all processors. What fails is told (SIREN_LOG_WARNING)
 * and left out, unless options->fail_fast; a ratio out of reach is a result, and told, too. Adds to `n_before` and
 * `n_failed` of `totals`. */
siren_status siren_sweep_baselines_run(const siren_sweep_baselines_plan *plan,
                                       siren_sweep_baseline *baselines, siren_sweep_result *totals);

#endif
