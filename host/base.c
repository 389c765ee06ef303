#define _GNU_SOURCE
#include "host/base.h"

#include "host/cgroup.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TEXT_OF(number) #number
#define VERSION(major, minor, patch) TEXT_OF(major) "." TEXT_OF(minor) "." TEXT_OF(patch)

const char *siren_version(void) {
    return VERSION(SIREN_VERSION_MAJOR, SIREN_VERSION_MINOR, SIREN_VERSION_PATCH);
}

int siren_version_number(void) { return SIREN_VERSION_NUMBER; }

static _Thread_local char message[SIREN_MESSAGE_BYTES];

static const struct {
    siren_status status;
    int exit_code;
    const char *name, *meaning;
} statuses[] = {
#define X(name, value, exit_code, meaning) {SIREN_##name, exit_code, #name, meaning},
    SIREN_STATUS_MAP(X)
#undef X
        {SIREN_OK, 1, "UNKNOWN", "unknown status"}};

/* Its place among the statuses; the last one is of those that are none. */
static size_t find(siren_status status) {
    size_t i = 0;
    while (i + 1 < sizeof statuses / sizeof *statuses && statuses[i].status != status) i++;
    return i;
}

const char *siren_status_name(siren_status status) { return statuses[find(status)].name; }
const char *siren_status_meaning(siren_status status) { return statuses[find(status)].meaning; }
int siren_exit_code(siren_status status) { return statuses[find(status)].exit_code; }

siren_status siren_fail(siren_status status, const char *format, ...) {
    /* Formatted aside first: an argument may be the present message. */
    char text[sizeof message];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    memcpy(message, text, sizeof message);
    return status;
}

const char *siren_message(void) { return message; }

bool siren_mul(size_t a, size_t b, size_t *out) {
    size_t product;
    if (__builtin_mul_overflow(a, b, &product)) return false;
    *out = product;
    return true;
}

bool siren_add(size_t a, size_t b, size_t *out) {
    size_t sum;
    if (__builtin_add_overflow(a, b, &sum)) return false;
    *out = sum;
    return true;
}

siren_status siren_allocate(void *out, size_t count, size_t size, const char *what) {
    size_t bytes, rounded;
    if (!siren_mul(count, size, &bytes) || !siren_add(bytes, 63, &rounded))
        return siren_fail(SIREN_SYSTEM, "cannot allocate %s: %zu items of %zu bytes exceed the address space",
                          what, count, size);
    rounded = rounded < 64 ? 64 : rounded / 64 * 64;
    void *block = NULL;

    if (posix_memalign(&block, 64, rounded) != 0)
        return siren_fail(SIREN_SYSTEM, "out of memory: cannot allocate %zu bytes for %s", bytes, what);
    memset(block, 0, rounded);
    memcpy(out, &block, sizeof block);
    return SIREN_OK;
}

void siren_free_at(void *pointer) {
    void *block;
    memcpy(&block, pointer, sizeof block);
    free(block);
}

static siren_log_fn log_callback;
static void *log_user;

void siren_set_log(siren_log_fn log, void *user) {
    log_callback = log;
    log_user = user;
}

void siren_log(siren_log_level level, const char *format, ...) {
    if (!log_callback) return;
    char text[SIREN_MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    log_callback(log_user, level, text);
}

const char *siren_plural(uint64_t n) { return n == 1 ? "" : "s"; }

int siren_ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double read_clock(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

double siren_clock(void) { return read_clock(CLOCK_MONOTONIC); }

double siren_processor_clock(void) { return read_clock(CLOCK_PROCESS_CPUTIME_ID); }

static unsigned allowed_processors(void) {
    cpu_set_t set;
    long n;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        n = CPU_COUNT(&set);
    else
        n = sysconf(_SC_NPROCESSORS_ONLN); /* more processors than a cpu_set_t has room for */
    return n > 0 ? (unsigned)n : 1;
}

static unsigned processor_quota;

static void read_quota(void) { processor_quota = siren_cgroup_read("").processors; }

unsigned siren_processors(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    unsigned n = allowed_processors();
    pthread_once(&once, read_quota);
    return processor_quota > 0 && processor_quota < n ? processor_quota : n;
}

siren_status siren_limit_processors(unsigned n) {
    cpu_set_t set;
    if (n == 0 || n >= allowed_processors()) return SIREN_OK;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return SIREN_OK; /* more processors than a cpu_set_t counts */
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &set)) continue;
        if (n == 0)
            CPU_CLR(cpu, &set);
        else
            n--;
    }
    if (sched_setaffinity(0, sizeof set, &set) != 0)
        return siren_fail(SIREN_SYSTEM, "cannot restrict the process to fewer processors: %s",
                          strerror(errno));
    return SIREN_OK;
}
