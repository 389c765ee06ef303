/* What every storey above uses: failing with a message, checked allocation and arithmetic, clock. Statuses, messages
 * and the log are host/sirencl.h's. Nothing declared here is exported. */
#ifndef SIREN_HOST_BASE_H
#define SIREN_HOST_BASE_H

#include "host/sirencl.h"

/* Bytes of a message at most: a path of any length (PATH_MAX) and the sentence about it. */
#define SIREN_MESSAGE_BYTES 4608

/* Sets this thread's message (printf format) and returns `status`, so that failing is one expression. */
siren_status siren_fail(siren_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What makes a counted noun right: "" for 1, else "s", as in "%zu voxel%s". Static. */
const char *siren_plural(uint64_t n);
/* For functions whose variables release themselves, or that have nothing to release. */
#define SIREN_TRY(expression)                                                                                \
    do {                                                                                                     \
        siren_status status_of_ = (expression);                                                              \
        if (status_of_ != SIREN_OK) return status_of_;                                                       \
    } while (0)

/* Before the declaration of a variable: when its scope ends, however it is left, `release` is called with its address,
 * and free() with its value. */
#define SIREN_AT_END(release) __attribute__((cleanup(release)))
#define SIREN_FREE_AT_END SIREN_AT_END(siren_free_at)
void siren_free_at(void *pointer);
/* Makes RELEASE_at(), for SIREN_AT_END() of a pointer, of a function that takes its value. */
#define SIREN_POINTER_RELEASE(type, release)                                                                 \
    static inline void release##_at(type **pointer) { release(*pointer); }
SIREN_POINTER_RELEASE(siren_device, siren_device_close)
SIREN_POINTER_RELEASE(siren_reader, siren_reader_close)
/* The value of a variable, which becomes zero: what it held has another owner now. */
#define SIREN_TAKE(variable)                                                                                 \
    __extension__({                                                                                          \
        __typeof__(variable) taken_ = (variable);                                                            \
        __builtin_memset(&(variable), 0, sizeof(variable));                                                  \
        taken_;                                                                                              \
    })

/* a*b and a+b, false on overflow (then *out is untouched). */
bool siren_mul(size_t a, size_t b, size_t *out);
bool siren_add(size_t a, size_t b, size_t *out);

/* Zeroed array of count*size bytes aligned to 64; yours to free(). `out` is the address of any object pointer.
 * count*size == 0 gives a valid 1-byte block. `what` names the array in the message. */
siren_status siren_allocate(void *out, size_t count, size_t size, const char *what);

void siren_log(siren_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The order of two doubles, for qsort(). */
int siren_ascending(const void *a, const void *b);

/* Monotonic seconds. */
double siren_clock(void);
/* Seconds of processor time of all threads of this process, those of an OpenCL CPU device among them. */
double siren_processor_clock(void);

/* Number of processors this process may use: those of its affinity mask, or fewer where its control groups give it less
 * time (host/cgroup.h); at least 1. */
unsigned siren_processors(void);

#endif
