/* What a sweep has to train: which trials share a training, and one job for each network. */
#ifndef SIREN_LAB_SWEEP_SWEEP_JOBS_H
#define SIREN_LAB_SWEEP_SWEEP_JOBS_H

#include "lab/sweep/sweep_trial.h"

/* Trials that differ in their stored weights alone: one training serves all of them. */
typedef struct {
    size_t first, n; /* in the order */
    bool failed;
} siren_shared_training;

/* One network to train. */
typedef struct {
    size_t shared; /* which training */
    size_t block;  /* number in its grid */
} siren_job;

typedef struct {
    size_t *
        order; /* (n_order) incomplete trials; siren_sweep_jobs_plan() puts those that train alike next to each other */
    size_t n_order;
    siren_shared_training *shared; /* (n_shared) */
    size_t n_shared;
    siren_job *jobs; /* (n_jobs) those of one shape, training and block size next to each other */
    size_t n_jobs;
    double flop; /* of all jobs */
} siren_sweep_jobs;

/* Sorts the order and finds what shares a training; layouts alone are needed of the trials. */
siren_status siren_sweep_jobs_group(const siren_sweep_trial *trials, siren_sweep_jobs *work);
/* Sorts the order, in the experiment's as far as possible, and plans a job for each block of the part that any of its
 * trials lacks.
 * `trials` are all of the sweep's. What is planned is released by siren_sweep_jobs_free(), also after a failure. */
siren_status siren_sweep_jobs_plan(const siren_sweep_trial *trials, siren_sweep_jobs *work);
void siren_sweep_jobs_free(siren_sweep_jobs *work);

/* 0 where one encoder serves both trials: same network, epochs and blocks. */
int siren_trial_compare_shapes(const siren_trial *a, const siren_trial *b);
/* Floating-point operations of training one block. */
double siren_sweep_trial_flop(const siren_sweep_trial *trial, size_t block);

#endif
