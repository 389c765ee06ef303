/* What figures of a slice show of complete trials, kept in their folders for reports (docs/run-folder.md). */
#ifndef SIREN_LAB_SWEEP_SWEEP_FIGURES_H
#define SIREN_LAB_SWEEP_SWEEP_FIGURES_H

#include "lab/evaluate/evaluate.h"
#include "lab/sweep/sweep_evaluate.h"

/* Whether the trial has kept what it restored. */
bool siren_has_restored(const siren_complete_trial *trial);

/* USAGE where an input lacks the slice, volume or voxels that a figure shows of it, or a result the slice. */
siren_status siren_figures_check(const siren_experiment *experiment, const siren_sweep_input *inputs);
/* Whether the experiment wants the figure, with this trial in it. */
bool siren_figure_shows(const siren_experiment *experiment, siren_figure_kind kind,
                        const siren_complete_trial *trial);

/* Keeps the panel's slice of those of `n` complete trials that the panel shows and that restored a series, unless it is
 * there. What cannot be kept is told (SIREN_LOG_WARNING) and adds to `n_failed` of `totals`, unless
 * options->fail_fast. */
siren_status siren_panels_keep(const siren_sweep_evaluate_plan *plan, const siren_complete_trial *trials,
                               size_t n, siren_sweep_result *totals);
/* Keeps in the trial's folder (of the path `folder`) the slice of what MRtrix3 made of its series, which lies in
 * `made`, a folder of siren_evaluate(). */
siren_status siren_glyphs_keep(const siren_sweep_evaluate_plan *plan, const siren_complete_trial *trial,
                               const char *folder, const char *made, const siren_evaluation *evaluation);

#endif
