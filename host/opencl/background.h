/* A thread beside its owner's that does one piece of work at a time. */
#ifndef SIREN_HOST_OPENCL_BACKGROUND_H
#define SIREN_HOST_OPENCL_BACKGROUND_H

#include "host/base.h"

#include <stdatomic.h>

typedef struct siren_background siren_background;

/* Once `*stop` is true nobody wants the work any more: it ends as soon as it can, with SIREN_CANCELLED. */
typedef siren_status (*siren_background_fn)(void *user, const atomic_bool *stop);
/* Asked several times a second while the owner waits; false stops the work. */
typedef bool (*siren_poll_fn)(void *user);

/* `*out` is yours: siren_background_free(). One thread owns it and makes all calls. */
siren_status siren_background_create(siren_background **out);
/* Stops work that is under way and waits for its end. NULL is allowed. */
void siren_background_free(siren_background *background);

/* Begins `work`, when none is under way: siren_background_wait() first. Where no thread can be had it is done here and
 * now. If the calling thread has a profile, it gets what the work's stages took as rows of the background. */
void siren_background_begin(siren_background *background, siren_background_fn work, void *user);
/* Waits for the end of work that is under way, if there is any. `poll` may be NULL. Returns the work's failure, with
 * its message, now and ever after: a failed background begins nothing more. CANCELLED where `poll` said no. */
siren_status siren_background_wait(siren_background *background, siren_poll_fn poll, void *user);
/* Whether work has failed, other than by being stopped; does not wait. */
bool siren_background_failed(siren_background *background);
/* For an owner that gives up with `status`: stops the work and waits for its end. Returns the work's own failure, with
 * its message, where that is why the owner was cancelled, and else `status`, its message untouched. */
siren_status siren_background_stop(siren_background *background, siren_status status);

#endif
