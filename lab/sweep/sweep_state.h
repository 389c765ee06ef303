/* What a sweep holds while it runs, for the files that carry it out: lab/sweep/sweep.c (stages) and
 * lab/sweep/sweep_worker.c (training). */
#ifndef SIREN_LAB_SWEEP_SWEEP_STATE_H
#define SIREN_LAB_SWEEP_SWEEP_STATE_H

#include "engine/encode/survey.h"
#include "engine/encode/encoder.h"
#include "lab/run/run_tables.h"
#include "lab/sweep/sweep_options.h"
#include "lab/sweep/sweep_baseline.h"
#include "lab/sweep/sweep_input.h"
#include "lab/sweep/sweep_jobs.h"
#include "lab/sweep/sweep_trial.h"
#include "host/claim.h"
#include "host/opencl/background.h"

#include <pthread.h>

typedef struct siren_sweeping siren_sweeping;

/* One device, the thread that uses it, and the one that encodes beside it. */
typedef struct siren_worker {
    siren_sweeping *sweep;
    siren_device *device;
    siren_encoder *encoder; /* for trials shaped as `shape`; NULL: none */
    siren_survey survey;    /* that it borrows limits of */
    const siren_trial *shape;
    double under_way;  /* operations done of the batch in training */
    double batch_flop; /* operations of an epoch of it */
    siren_background *background;
    struct siren_batch *kept; /* in the background; NULL: none */
} siren_worker;

/* Everything a call holds. What workers share is guarded by `mutex`. */
struct siren_sweeping {
    const siren_experiment *experiment;
    const siren_sweep_options *options;
    siren_progress_fn progress;
    void *user;
    siren_sweep_input *inputs;       /* (n_inputs) */
    siren_trial_folder *folders;     /* (n_trials) until they move into `trials` */
    siren_sweep_trial *trials;       /* (n_trials) */
    siren_sweep_baseline *baselines; /* (n_baselines) */
    siren_worker *workers;           /* (n_workers) */
    size_t n_workers;
    siren_claim *claim; /* of the part, or of all */
    char *timing;       /* path of the table */

    /* The stage: trials of one input and slice axis. */
    siren_sweep_source source; /* its device is each worker's own */
    siren_series series;
    uint8_t *mask;
    siren_sweep_jobs work; /* what the stage's incomplete trials lack */
    size_t next;           /* job of it to be taken */

    pthread_mutex_t mutex;
    bool stop;
    siren_status status; /* first failure, with its message */
    char message[SIREN_MESSAGE_BYTES];
    double done_flop, total_flop, tables_at;
    double planned_flop;                 /* of the stages begun */
    double expected_flop, expected_more; /* whole, of the stages begun, and of the others */
    size_t n_complete, n_whole;          /* trials, of those that this process may complete */
    size_t n_missing;                    /* trials that lack blocks and may not be trained, */
    const siren_sweep_trial *missing;    /* and the first of them */
    siren_sweep_result result;
};

/* The complete trials and baselines, in the order of the experiment; `*complete` (n) is yours to free(). */
siren_status siren_sweeping_list_complete(const siren_sweeping *s, siren_complete_trial **complete,
                                          size_t *n);
/* Every complete trial into the tables; the mutex is held, or nothing else runs. */
siren_status siren_sweeping_write_tables(siren_sweeping *s);
/* Makes the results of a trial whose blocks are all kept; takes the mutex. */
siren_status siren_sweeping_finish_trial(siren_sweeping *s, siren_sweep_trial *trial, siren_device *device);
/* PARTIAL: the error of a trial that diverged under fail_fast. */
siren_status siren_sweeping_stop_at(const siren_sweep_trial *trial);

#endif
