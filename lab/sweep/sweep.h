/* Runs the trials of an experiment into a run folder (docs/run-folder.md), and goes on where an earlier run stopped. */
#ifndef SIREN_LAB_SWEEP_SWEEP_H
#define SIREN_LAB_SWEEP_SWEEP_H

#include "lab/experiment/experiment.h"

typedef struct {
    const char *folder;  /* the run folder; made where it is missing */
    const char *command; /* how to repeat it, for environment.json */
    bool fail_fast;      /* stop at the first trial that fails or diverges; else go on with the others */
    size_t memory_limit; /* bytes for a series and all that trains on it */
} siren_sweep_options;

typedef struct {
    size_t n_trials;
    size_t n_before;   /* complete before this call */
    size_t n_diverged; /* of all that are complete */
    size_t n_failed;
    size_t n_blocks;       /* encoded in this call, for all trials */
    double seconds;        /* of this call */
    double train_seconds;  /* in which devices trained, summed over devices */
    double train_flop;     /* floating-point operations of training steps */
    double encode_seconds; /* quantising, exact decode and packing, summed over devices */
} siren_sweep_result;

/* Trains the blocks of all trials that are not complete, on all devices at once; results do not depend on which device of
 * one kind gets which block. Each finished block is durable. Progress counts floating-point operations as "training".
 *
 * USAGE where the folder holds another experiment, an input changed since, or another process works there. PARTIAL where
 * trials failed and the others are complete. CANCELLED keeps all finished blocks. `out` (may be NULL) is set whenever the
 * trials were begun. */
siren_status siren_sweep(siren_device *const *devices, size_t n_devices, const siren_experiment *experiment,
                         const siren_sweep_options *options, siren_progress_fn progress, void *user,
                         siren_sweep_result *out);

#endif
