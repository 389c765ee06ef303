/* One device of a sweep: trains batches of the stage's jobs, and has each encoded and kept in the background while the
 * next one trains. */
#ifndef SIREN_LAB_SWEEP_SWEEP_WORKER_H
#define SIREN_LAB_SWEEP_SWEEP_WORKER_H

#include <stddef.h>

/* A siren_threads_run function of a siren_sweeping: its ith worker takes jobs until there are none left. A failure that
 * ends the sweep is left in the sweeping's `status` and `message`. */
void siren_sweep_work(void *sweeping, size_t i);

#endif
