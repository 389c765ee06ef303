/* How a run's trials were judged: evaluation.json in a trial's folder, evaluation.csv of the run
 * (docs/run-folder.md). */
#ifndef SIREN_LAB_RUN_RUN_EVALUATION_H
#define SIREN_LAB_RUN_RUN_EVALUATION_H

#include "lab/evaluate/evaluate.h"
#include "lab/run/run_tables.h"

/* Writes evaluation.json of a complete trial and then its line of SHA256SUMS. */
siren_status siren_run_evaluation_keep(const char *folder, const siren_evaluation *evaluation);

/* Writes evaluation.csv of those of `n` trials that were judged into `run`, over what is there: a row for each metric
 * and region. CORRUPT where an evaluation.json is not what siren_run_evaluation_keep() wrote. */
siren_status siren_run_evaluation_table(const char *run, const siren_complete_trial *trials, size_t n);

#endif
