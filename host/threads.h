/* A team of threads for one piece of work. */
#ifndef SIREN_HOST_THREADS_H
#define SIREN_HOST_THREADS_H

#include "host/base.h"

/* Calls member(user, i) for i = 0 .. n - 1, each in a thread of its own, the first in the caller's, and returns when
 * all have. A thread that cannot be had is left out: members share their work so that fewer can do it all. */
void siren_threads_run(size_t n, void (*member)(void *user, size_t i), void *user);

/* Calls work(user, i) once for each i = 0 .. n - 1, on all processors. After a failure no more are begun; the first
 * one's status and message are returned. */
siren_status siren_threads_each(size_t n, siren_status (*work)(void *user, size_t i), void *user);

#endif
