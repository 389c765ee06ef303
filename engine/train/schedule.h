/* The learning rate over the epochs of a training. */
#ifndef SIREN_ENGINE_TRAIN_SCHEDULE_H
#define SIREN_ENGINE_TRAIN_SCHEDULE_H

#include "engine/calls.h"

/* {0} leaves the rate as it is. */
typedef struct {
    siren_schedule_kind kind; /* SIREN_SCHEDULE_AUTO is constant here */
    size_t warmup;            /* steps; 0 is 1 */
} siren_schedule;

/* What the rate of step `epoch`, from 0, of `n_epochs` is multiplied with: min(1, (epoch + 1) / warmup) times 1,
 * (1 + cos(pi epoch / n_epochs)) / 2 or 1 - epoch / n_epochs. */
float siren_schedule_factor(const siren_schedule *schedule, size_t epoch, size_t n_epochs);

#endif
