/* Which blocks of an experiment are one part's. */
#ifndef SIREN_LAB_SWEEP_SWEEP_SHARE_H
#define SIREN_LAB_SWEEP_SWEEP_SHARE_H

#include "lab/sweep/sweep_input.h"
#include "lab/sweep/sweep_trial.h"
#include "host/part.h"

/* Sets `share` and what belongs to it of all the experiment's trials. The parts are of equal work, masks aside,
 * and depend on the experiment and the sizes of its inputs alone, not on what is done: blocks follow each other by
 * input, axis, training and size, so that those of one shape, which train together, are mostly in one part.
 * Nothing is set where the sweep is not divided. */
siren_status siren_sweep_share_out(const siren_experiment *experiment, const siren_sweep_input *inputs,
                                   siren_part part, siren_sweep_trial *trials);

#endif
