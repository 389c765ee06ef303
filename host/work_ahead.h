/* A team of threads that works ahead of its caller, who takes what they have made in order: neither waits for the other
 * while pieces differ in length, and no more pieces are held than there is room for. */
#ifndef SIREN_HOST_WORK_AHEAD_H
#define SIREN_HOST_WORK_AHEAD_H

#include "host/base.h"

typedef struct siren_work_ahead siren_work_ahead;

/* `work` makes piece `nth` and puts it at place `at`, 0 to n_places - 1, which nobody else uses meanwhile. */
typedef void (*siren_work_fn)(void *user, size_t nth, size_t at);

/* A team of `n_threads`. Threads that cannot be had are left out; with none, or one place, pieces are made by the
 * caller, when they are asked for. `*out` is yours: siren_work_ahead_free(). */
siren_status siren_work_ahead_create(size_t n_threads, size_t n_places, siren_work_fn work, void *user,
                                     siren_work_ahead **out);
/* Waits for pieces under way. NULL is allowed. */
void siren_work_ahead_free(siren_work_ahead *team);
SIREN_POINTER_RELEASE(siren_work_ahead, siren_work_ahead_free)

/* Waits for piece `nth`, which stands at the place returned until the next call. Pieces are asked for in ascending
 * order; those up to `end`, which is not one of them, will be asked for as well. */
size_t siren_work_ahead_take(siren_work_ahead *team, size_t nth, size_t end);

#endif
