/* What `sirencl report` reads of a run folder (docs/run-folder.md). */
#ifndef SIREN_LAB_REPORT_REPORT_RUN_H
#define SIREN_LAB_REPORT_REPORT_RUN_H

#include "formats/config.h"
#include "formats/table.h"

/* One row of summary.csv. Texts belong to the run; a missing number is NaN. */
typedef struct {
    const char *name, *input, *model, *weights, *seed, *rate, *w0, *epochs, *status;
    const char *target, *coding; /* "" where there is none, or the run is of an earlier version */
    double layers, width, parameters, reached;
    double slices, bytes, series_bytes, ratio, ratio_float32;
    double psnr, psnr_std, published, published_std, masked, masked_std; /* dB, over slices */
    double epochs_run;                /* mean of its networks; NaN: each was trained for `epochs` */
    double flop;                      /* of training all its networks; NaN in runs of earlier versions */
    double train_seconds, train_flop; /* of timing.csv: where trials share a training, a part of it */
    double decode_seconds;            /* of timing.csv, of its archive */
    double bits;                      /* of a weight; 32 for float32, NaN for a baseline */
    bool baseline;                    /* no network: it has no layers, weights and settings */
    char *series;                     /* what its curve is called in figures */
    char *label;                      /* what it is called in tables: a baseline by its settings, too */
    char *training; /* settings that are not the experiment's, of its name: "-epochs500-soap" */
    double
        ratio_gzip; /* of .nii.gz to `bytes`, by the input's baseline deflate on the same slices; NaN without one */
} siren_report_trial;

/* One row of evaluation.csv: what a trial's result was judged to be. Texts belong to the run. */
typedef struct {
    const siren_report_trial *trial;
    const char *metric, *region; /* "fa", "wm" */
    double mean, std;
} siren_report_judged;

typedef struct {
    char *folder;
    siren_config *experiment, *environment;               /* environment: NULL where the file is missing */
    siren_table *summary, *results, *timing, *evaluation; /* NULL where missing */
    siren_report_trial *trials;   /* (n_trials) finished ones, in the order of summary.csv */
    siren_report_trial **by_name; /* (n_trials) the same, sorted by name */
    size_t n_trials;
    siren_report_judged *judged; /* (n_judged) of finished trials, in the order of evaluation.csv */
    size_t n_judged;
} siren_report_run;

/* USAGE where the folder holds no experiment; CORRUPT names the damaged file. `*out` is yours:
 * siren_report_run_free(). */
siren_status siren_report_run_read(const char *folder, siren_report_run **out);
void siren_report_run_free(siren_report_run *run);
SIREN_POINTER_RELEASE(siren_report_run, siren_report_run_free)

/* The finished trial of that name; NULL where there is none. */
siren_report_trial *siren_report_run_find(const siren_report_run *run, const char *name);

/* How the trial was judged; NULL where it was not. */
const siren_report_judged *siren_report_run_judged(const siren_report_run *run,
                                                   const siren_report_trial *trial, const char *metric,
                                                   const char *region);

/* Whether they were trained alike: all settings but model, shape, weights and seed are equal. */
bool siren_report_same_settings(const siren_report_trial *trial, const siren_report_trial *other);

/* A text in printf's format; yours to free(). */
siren_status siren_text_make(char **out, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
