/* Whether this process is inside a driver, for a program that watches over itself: drivers crash, exit and hang. */
#ifndef SIREN_HOST_DRIVER_WATCH_H
#define SIREN_HOST_DRIVER_WATCH_H

#include <stdatomic.h>

typedef enum {
    SIREN_DRIVER_REST,     /* not in a driver */
    SIREN_DRIVER_OPENING,  /* it is loaded, lists its devices, makes a context */
    SIREN_DRIVER_BUILDING, /* it compiles a program */
    SIREN_DRIVER_RUNNING   /* it works, or waits for the device; some compile only now */
} siren_driver_phase;

/* Of a process; of several threads in drivers, what the last one began or ended. */
typedef struct {
    atomic_int phase;
    atomic_uint n_phases; /* begun so far */
} siren_driver_state;

/* From now on the process keeps `state` up to date, which may lie in memory shared with another, and calls `changed`
 * (may be NULL) after phases in which drivers put handlers of signals in the place of others. NULL: none. */
typedef void (*siren_driver_changed_fn)(void);
void siren_driver_watch(siren_driver_state *state, siren_driver_changed_fn changed);

/* For host/opencl: a phase begins; the one before is to be given back when it ends. */
int siren_driver_enter(siren_driver_phase phase);
void siren_driver_leave(int before);

#endif
