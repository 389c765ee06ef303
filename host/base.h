/* Status codes with a message, checked allocation and arithmetic, log callback, clock.
 *
 * Every fallible function of the library returns a siren_status. On failure its out-parameters are untouched and
 * siren_message() holds one sentence naming the object, the value, the limit and the way out. */
#ifndef SIREN_HOST_BASE_H
#define SIREN_HOST_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Part of libsirencl's interface. */
#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Declared here for the project itself; the library does not export it. */
#define SIREN_INTERNAL __attribute__((visibility("hidden")))

/* name, value, exit code of the program, meaning */
#define SIREN_STATUS_MAP(X)                                                                                  \
    X(OK, 0, 0, "success")                                                                                   \
    X(SYSTEM, -1, 1, "the operating system refused: file missing or unwritable, disk full, out of memory")   \
    X(USAGE, -2, 2, "wrong usage")                                                                           \
    X(CORRUPT, -3, 3, "corrupt input")                                                                       \
    X(UNSUPPORTED, -4, 4, "unsupported input")                                                               \
    X(INTEGRITY, -5, 5, "integrity check failed")                                                            \
    X(NO_DEVICE, -6, 6, "no OpenCL device")                                                                  \
    X(DEVICE, -7, 7, "the device failed")                                                                    \
    X(DEVICE_MEMORY, -8, 7, "the device is out of memory")                                                   \
    X(PARTIAL, -9, 8, "partial result")                                                                      \
    X(BOUND, -10, 9, "error bound not met")                                                                  \
    X(WRONG_DEVICE, -12, 10, "the device computes wrongly")                                                  \
    X(CANCELLED, -11, 130, "interrupted")

typedef enum {
#define X(name, value, exit_code, meaning) SIREN_##name = (value),
    SIREN_STATUS_MAP(X)
#undef X
} siren_status;

/* Static string, e.g. "CORRUPT". */
const char *siren_status_name(siren_status status);
/* Static string: the meaning column above. */
const char *siren_status_meaning(siren_status status);
int siren_exit_code(siren_status status);

/* Bytes of a message at most: a path of any length (PATH_MAX) and the sentence about it. */
#define SIREN_MESSAGE_BYTES 4608

/* Sets this thread's message (printf format) and returns `status`, so that failing is one expression. */
SIREN_INTERNAL siren_status siren_fail(siren_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* This thread's last message; never NULL, valid until the thread's next siren_fail(). */
const char *siren_message(void);

/* For functions that hold `siren_status status` and leave by the label `done`. */
#define SIREN_TRY(expression)                                                                                \
    do {                                                                                                     \
        status = (expression);                                                                               \
        if (status != SIREN_OK) goto done;                                                                   \
    } while (0)
/* For functions whose variables release themselves, or that have nothing to release. */
#define SIREN_RETURN_IF_FAILED(expression)                                                                   \
    do {                                                                                                     \
        siren_status status_of_ = (expression);                                                              \
        if (status_of_ != SIREN_OK) return status_of_;                                                       \
    } while (0)

/* Before the declaration of a variable: when its scope ends, however it is left, `release` is called with its address, and
 * free() with its value. */
#define SIREN_AT_END(release) __attribute__((cleanup(release)))
#define SIREN_FREE_AT_END SIREN_AT_END(siren_free_at)
SIREN_INTERNAL void siren_free_at(void *pointer);
/* Makes RELEASE_at(), for SIREN_AT_END() of a pointer, of a function that takes its value. */
#define SIREN_POINTER_RELEASE(type, release)                                                                 \
    static inline void release##_at(type **pointer) { release(*pointer); }
/* The value of a variable, which becomes zero: what it held has another owner now. */
#define SIREN_TAKE(variable)                                                                                 \
    __extension__({                                                                                          \
        __typeof__(variable) taken_ = (variable);                                                            \
        __builtin_memset(&(variable), 0, sizeof(variable));                                                  \
        taken_;                                                                                              \
    })

/* a*b and a+b, false on overflow (then *out is untouched). */
SIREN_INTERNAL bool siren_mul(size_t a, size_t b, size_t *out);
SIREN_INTERNAL bool siren_add(size_t a, size_t b, size_t *out);

/* Zeroed array of count*size bytes aligned to 64; yours to free(). `out` is the address of any object pointer.
 * count*size == 0 gives a valid 1-byte block. `what` names the array in the message. */
SIREN_INTERNAL siren_status siren_allocate(void *out, size_t count, size_t size, const char *what);

typedef enum { SIREN_LOG_WARNING, SIREN_LOG_INFO } siren_log_level;
typedef void (*siren_log_fn)(void *user, siren_log_level level, const char *message);
/* Process-wide; NULL (the default) drops messages. Set it before starting threads. */
void siren_set_log(siren_log_fn log, void *user);
SIREN_INTERNAL void siren_log(siren_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Called as work advances: `done` of `total` units. Returning false cancels: the callee stops at the next safe
 * point and returns SIREN_CANCELLED, unless its contract says what it keeps. */
typedef bool (*siren_progress_fn)(void *user, double done, double total, const char *what);

/* The order of two doubles, for qsort(). */
SIREN_INTERNAL int siren_ascending(const void *a, const void *b);

/* Monotonic seconds. */
SIREN_INTERNAL double siren_clock(void);
/* Seconds of processor time of all threads of this process, those of an OpenCL CPU device among them. */
SIREN_INTERNAL double siren_processor_clock(void);

/* Number of processors this process may run on (its affinity mask), at least 1. */
SIREN_INTERNAL unsigned siren_processors(void);
/* Restricts this thread, and the threads it starts from now on, to `n` of those processors; 0 or more than there are
 * changes nothing. Call it before anything starts threads (OpenCL does). */
siren_status siren_limit_processors(unsigned n);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
