/* What a command says while it runs, and how it ends: messages, progress, interruption, exit code.
 *
 * Results go to stdout, everything else to stderr. On a terminal progress is one bar with the time left, as wide as it
 * is; elsewhere it is plain lines, at most one a second. The state is the process's: one command runs in it. */
#ifndef SIREN_TOOLS_TERMINAL_H
#define SIREN_TOOLS_TERMINAL_H

#include "tools/common/command_line.h"

/* Parses the command line, prints --help or what is wrong with it, and makes the library's log visible.
 * False: return *status. `common` must be the one of usage's table. */
bool siren_terminal_begin(const siren_usage *usage, const siren_common_options *common, int argc, char **argv,
                          const char **arguments, siren_status *status);

/* From now on each signal that asks a process to end makes siren_terminal_progress() return false, so that the library
 * stops and cleans up, unless it is neither INT nor TERM and was ignored at the start. Where it does not within 0.7
 * seconds (a compiler is at work) or a second signal comes, the process ends at once with 130. A message that nobody
 * reads any more ends nothing; results that nobody reads end the process in siren_terminal_exit(). */
void siren_terminal_catch_interrupt(void);

/* The siren_progress_fn of every command; `user` is ignored. */
bool siren_terminal_progress(void *user, double done, double total, const char *what);
/* What is reported from now on is of the nth (from 1) of n items, which takes [begin, end] of all work, both from 0 to
 * 1: the bar and the time left are of all items together. */
void siren_terminal_begin_item(size_t nth, size_t n, double begin, double end);
/* The line of progress for `columns` of a terminal, into `out` (size): as much of it as fits. `left` may be "". */
void siren_terminal_line(size_t columns, const char *what, double share, const char *left, char *out,
                         size_t size);
/* False where a signal asks to end. */
bool siren_terminal_heard(void);
/* Seconds in which the reports of `what` advanced, since the first one at *first_done; 0 where there was
 * none. */
double siren_terminal_advancing(const char *what, double *first_done);
/* Ends the bar; call it before printing results. */
void siren_terminal_end_progress(void);

/* Messages call the file `path` by this name from now on; both are borrowed. For a path of this process's making, of
 * which there are two at most. */
void siren_terminal_call(const char *path, const char *name);
/* What messages call a file. */
const char *siren_terminal_name(const char *path);
/* "sirencl COMMAND: ..." on stderr, unless --quiet. */
void siren_terminal_tell(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* "sirencl COMMAND: warning: ..." */
void siren_terminal_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Prints as a result that an output replaced the file `path`; `user` is ignored. */
void siren_terminal_tell_replaced(void *user, const char *path);
/* Ends the bar and prints the library's message, for a failure that ends nothing. */
void siren_terminal_tell_failure(void);
/* What siren_terminal_exit() adds to the message where a device has failed, unless that names --device host already. */
void siren_terminal_hint(const char *text);
/* Ends progress, prints the library's message if `status` is not OK, and gives the exit code. */
int siren_terminal_exit(siren_status status);

/* "14,712,345" of at most 27 characters into `out` (32). Returns `out`. */
char *siren_format_integer(uint64_t value, char out[32]);
/* "12.3 s", "14 min" or "2.5 h" into `out` (32). Returns `out`. */
char *siren_format_seconds(double seconds, char out[32]);
/* "14.7 MB" (powers of 1000) into `out` (32). Returns `out`. */
char *siren_format_bytes(double bytes, char out[32]);

#endif
