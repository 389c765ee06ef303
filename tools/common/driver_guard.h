/* OpenCL drivers are other people's code in this process: they crash, exit and hang. What may lead there is done in a
 * child process, which is forked before any driver is loaded; this one watches it. Nothing of this is in the library,
 * for which forking behind its user's threads is no option. */
#ifndef SIREN_TOOLS_DRIVER_GUARD_H
#define SIREN_TOOLS_DRIVER_GUARD_H

#include "host/base.h"

#include <signal.h>

#define SIREN_GUARD_REASON 300

typedef enum {
    SIREN_GUARD_CHILD,  /* this is the child (or there could be none): go on; it ends the command */
    SIREN_GUARD_PASSED, /* the child has come through */
    SIREN_GUARD_DIED,   /* a driver took the child along */
    SIREN_GUARD_HUNG    /* it did not come back in time */
} siren_guard_end;

/* Forks a child and waits for it, handing on the signals that this process gets. A child that calls siren_guard_exit()
 * ends this process likewise, and the call returns there alone; siren_guard_pass() has it return SIREN_GUARD_PASSED
 * here. `reason` is a clause that tells what a driver did. CANCELLED where the child was interrupted and could not end
 * by itself.
 * $SIRENCL_DRIVER_LIMIT is how many seconds a driver may take. No threads may have been started. */
siren_status siren_guard_begin(siren_guard_end *end, char reason[SIREN_GUARD_REASON]);
/* In a child: it has ended with this exit code, and never returns; drivers are not unloaded. Elsewhere: nothing. */
void siren_guard_exit(int exit_code);
/* In a child: never returns. Elsewhere: nothing. */
void siren_guard_pass(void);
/* Whether the last child was lost while drivers were loaded or listed their devices. */
bool siren_guard_was_loading(void);
/* Whether this process is a child. */
bool siren_guard_in_child(void);

/* Between these, what drivers print to standard output goes to standard error. */
void siren_guard_divert_output(void);
void siren_guard_restore_output(void);

/* For the handler of signals that ask to end. True: the signal is the child's, or was not meant for it. */
bool siren_guard_took_signal(int number, const siginfo_t *info);

/* From now on a crash cleans up what is unfinished and, inside a driver, is told in one sentence with exit code 7. */
void siren_guard_catch_crashes(const char *command);

#endif
