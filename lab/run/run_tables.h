/* The tables of a run folder (docs/run-folder.md): results.csv, summary.csv and timing.csv. */
#ifndef SIREN_LAB_RUN_RUN_TABLES_H
#define SIREN_LAB_RUN_RUN_TABLES_H

#include "lab/run/run_folder.h"
#include "formats/table.h"

/* A complete trial. */
typedef struct {
    const siren_experiment *experiment;
    const siren_trial *trial;             /* either this */
    const siren_baseline_trial *baseline; /* or this */
    const char *folder;                   /* its name */
    const siren_trial_result *result;
} siren_complete_trial;

/* The columns that tell a trial, with which the rows of every table begin, and their cells. */
#define SIREN_TRIAL_COLUMNS                                                                                  \
    "trial", "input", "model", "layers", "width", "weights", "seed", "lr", "w0", "epochs", "parameters"
#define SIREN_N_TRIAL_COLUMNS 11
void siren_run_table_trial(siren_table *table, const siren_complete_trial *trial);

/* Writes results.csv and summary.csv of `n` trials into `run`, over what is there. */
siren_status siren_run_tables_write(const char *run, const siren_complete_trial *trials, size_t n);

/* A row of timing.csv, about a block. */
typedef struct {
    const char *trial; /* name of its folder */
    size_t number;     /* of the block */
    const char *device;
    double train_seconds, train_flop, encode_seconds;
} siren_timing;

/* Appends a row to the table `path`, and the header to a new one. */
siren_status siren_run_timing_append(const char *path, const siren_timing *timing);
/* The same for the seconds of decoding a trial's whole archive. A file from before there was such a column has no such
 * row. */
siren_status siren_run_timing_append_decoding(const char *path, const char *trial, const char *device,
                                              double seconds);

#endif
