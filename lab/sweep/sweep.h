/* Runs the trials of an experiment into a run folder (docs/run-folder.md), and goes on where an earlier run
 * stopped. */
#ifndef SIREN_LAB_SWEEP_SWEEP_H
#define SIREN_LAB_SWEEP_SWEEP_H

#include "lab/sweep/sweep_options.h"

/* Of a part (options->part) its blocks alone are trained, and those trials completed that have no other; several
 * processes may do so at once, on one file system. options->finish completes the others and does what follows:
 * PARTIAL where blocks are missing.
 *
 * Trains the blocks of all trials that are not complete, on all devices at once; results do not depend on which
 * device of one kind gets which block. Each finished block is durable. Progress counts floating-point operations
 * of all inputs, and what is counted is "trials", with how many of how many are complete.
 *
 * USAGE where the folder holds another experiment, an input changed since, or another process works there.
 * PARTIAL where trials failed and the others are complete. CANCELLED keeps all finished blocks. `out` (may be
 * NULL) is set whenever the trials were begun. */
siren_status siren_sweep(siren_device *const *devices, size_t n_devices, const siren_experiment *experiment,
                         const siren_sweep_options *options, siren_progress_fn progress, void *user,
                         siren_sweep_result *out);

#endif
