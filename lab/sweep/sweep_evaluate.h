/* The last stage of a sweep: what its complete trials restored is judged (lab/evaluate/evaluate.h). */
#ifndef SIREN_LAB_SWEEP_SWEEP_EVALUATE_H
#define SIREN_LAB_SWEEP_SWEEP_EVALUATE_H

#include "lab/run/run_tables.h"
#include "lab/sweep/sweep_options.h"
#include "lab/sweep/sweep_input.h"

typedef struct {
    const siren_experiment *experiment;
    const siren_sweep_options *options;
    const siren_sweep_input *inputs;
    siren_device *device; /* decodes archives */
    siren_progress_fn progress;
    void *user;
} siren_sweep_evaluate_plan;

/* Judges those of `n` complete trials that restored a series and were not judged, on the slices of the trial, and keeps
 * evaluation.json in their folders. MRtrix3's images of an original are computed once for all trials on the same
 * slices. What cannot be judged is told (SIREN_LOG_WARNING) and adds to `n_failed` of `totals`, unless
 * options->fail_fast. */
siren_status siren_sweep_evaluate(const siren_sweep_evaluate_plan *plan, const siren_complete_trial *trials,
                                  size_t n, siren_sweep_result *totals);

#endif
