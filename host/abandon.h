/* What a signal handler about to end the process cleans up, while other threads go on. */
#ifndef SIREN_HOST_ABANDON_H
#define SIREN_HOST_ABANDON_H

#include <stdatomic.h>

#define SIREN_ABANDON_ROOM 32

/* Zero-initialised: empty. */
typedef struct {
    _Atomic(void *) objects[SIREN_ABANDON_ROOM];
    atomic_int n_visits; /* under way */
} siren_abandon_list;

/* Where there is no room, the object is left to its owner. */
void siren_abandon_add(siren_abandon_list *list, void *object);
/* On return no handler uses the object any more, so that it can be freed: one that does ends the process, or is waited
 * for. */
void siren_abandon_remove(siren_abandon_list *list, void *object);
/* Calls `clean` on all. Async-signal-safe. */
void siren_abandon_all(siren_abandon_list *list, void (*clean)(void *object));

#endif
