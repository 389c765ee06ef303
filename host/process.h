/* Other programs, started without a shell, watched, and stopped when they take too long. */
#ifndef SIREN_HOST_PROCESS_H
#define SIREN_HOST_PROCESS_H

#include "host/base.h"

/* Bytes kept of each output where a plan names no limit. */
#define SIREN_PROCESS_OUTPUT_BYTES 65536

typedef struct {
    const char *const *arguments;   /* NULL at the end; the first is the program: a name on PATH, or a path */
    const char *folder;             /* where it runs, and from where a path of its is taken; NULL: here */
    const char *const *environment; /* "NAME=VALUE", NULL at the end, on top of this process's; NULL: none */
    double time_limit;              /* seconds; 0: none */
    size_t output_limit; /* bytes kept of each output, the last ones; 0: SIREN_PROCESS_OUTPUT_BYTES */
} siren_process_plan;

typedef struct {
    int exit_code; /* -1 where a signal ended it */
    int signal;    /* that ended it, or 0 */
    bool timed_out;
    char *output, *errors; /* the ends of standard output and standard error, zero-terminated */
} siren_process_result;

/* Whether the program `name` is on PATH; a name with a slash is taken as a path. */
bool siren_process_find(const char *name);

/* Runs a program, with /dev/null as its standard input, until it ends; what it has started in its process group and
 * left behind is killed. At the time limit its group gets SIGTERM, and SIGKILL 2 s later. OK however it ended: see
 * siren_process_check(). SYSTEM where it cannot be started. CANCELLED when `progress` says so, which is asked about
 * five times a second; how much the program has done is unknown and given as 0 of 1. Any number of threads may call
 * this. `result` is yours: siren_process_result_free(). */
siren_status siren_process_run(const siren_process_plan *plan, siren_progress_fn progress, void *user,
                               siren_process_result *result);
void siren_process_result_free(siren_process_result *result);

/* OK where the program returned 0; else SYSTEM with how it ended and the end of what it wrote to standard error. */
siren_status siren_process_check(const siren_process_plan *plan, const siren_process_result *result);

/* For a signal handler about to end this process: kills all programs under way. Async-signal-safe. */
void siren_process_abandon_all(void);

#endif
