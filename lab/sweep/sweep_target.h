/* Trials with a target: each is compressed as by `sirencl compress`, and judged as baselines are. */
#ifndef SIREN_LAB_SWEEP_SWEEP_TARGET_H
#define SIREN_LAB_SWEEP_SWEEP_TARGET_H

#include "lab/sweep/sweep_state.h"

/* Runs those that are not complete, one after the other, on the first device. Finished blocks of networks outlive an
 * interruption (docs/resume.md). A target out of reach is a result, and told (SIREN_LOG_WARNING); what fails is told
 * and left out, unless options->fail_fast. */
siren_status siren_sweep_targets_run(siren_sweeping *s);

#endif
