#define _GNU_SOURCE
#include "host/claim.h"

#include "host/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BEATS 6              /* touches within an expiry */
#define PATIENCE_SECONDS 1.0 /* with a holder on this machine, which may be ending */
#define SHORTEST_PAUSE 0.02  /* between two looks, which become rarer */
#define LONGEST_PAUSE 0.5
#define TEXT_BYTES 512 /* of a claim */
#define MAX_TRIES 100
#define UNFINISHED_PREFIX ".claim-"

struct siren_claim {
    char *folder, *name, *guards;
    unsigned long generation;
    int fd; /* of its file */
    double expiry;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool running, stop;
    atomic_bool lost;
};

/* ---- who ---- */

/* A process as no other one is called, as far as this machine knows: `boot` and `space` tell where `pid` counts,
 * `start` tells it from a later process of that number. */
typedef struct {
    long pid;
    char host[65], boot[65], space[65];
    unsigned long long start;
    double expiry;
} holder;

static void read_word(const char *path, char word[65]) {
    FILE *file = fopen(path, "re");
    if (!file || fscanf(file, "%64s", word) != 1) snprintf(word, 65, "-");
    if (file) fclose(file);
}

/* State and start of a process; false where that cannot be read. */
static bool read_process(long pid, char *state, unsigned long long *start) {
    char path[64], text[1024] = "";
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *file = fopen(path, "re");
    size_t n = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file) fclose(file);
    text[n] = '\0';
    const char *behind = strrchr(text, ')'); /* the name before it may hold anything */
    return behind &&
           sscanf(behind + 1,
                  " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu", state,
                  start) == 2;
}

static holder this_process(double expiry) {
    holder h = {.pid = (long)getpid(), .expiry = expiry};
    char state;
    if (gethostname(h.host, sizeof h.host - 1) != 0 || !*h.host) snprintf(h.host, sizeof h.host, "-");
    read_word("/proc/sys/kernel/random/boot_id", h.boot);
    ssize_t n = readlink("/proc/self/ns/pid", h.space, sizeof h.space - 1);
    if (n <= 0) snprintf(h.space, sizeof h.space, "-");
    if (!read_process(h.pid, &state, &h.start)) h.start = 0;
    return h;
}

/* Whether the process table here can tell of the holder. */
static bool is_here(const holder *h) {
    const holder me = this_process(0);
    return strcmp(me.boot, "-") != 0 && strcmp(me.space, "-") != 0 && strcmp(me.boot, h->boot) == 0 &&
           strcmp(me.space, h->space) == 0;
}

static bool runs_here(const holder *h) {
    char state = 'R';
    unsigned long long start = h->start;
    if (kill((pid_t)h->pid, 0) != 0 && errno == ESRCH) return false;
    if (!read_process(h->pid, &state, &start)) return true; /* of another user, whose processes are hidden */
    return start == h->start && state != 'Z' && state != 'X';
}

/* ---- its file ---- */

/* A claim's last generation. */
typedef struct {
    unsigned long generation; /* 0: there is none */
    bool released, known;     /* known: `by` was read */
    holder by;
    struct timespec touched;
} claim_state;

/* The number at the end of "NAME.12", of `name` or, where that is NULL, of any; 0 for other files. */
static unsigned long generation_of(const char *file, const char *name) {
    const char *dot = strrchr(file, '.');
    if (!dot || dot == file || !dot[1] || dot[1 + strspn(dot + 1, "0123456789")] || strlen(dot) > 10)
        return 0;
    if (name && (strlen(name) != (size_t)(dot - file) || memcmp(file, name, strlen(name)) != 0)) return 0;
    return strtoul(dot + 1, NULL, 10);
}

static unsigned long last_generation(const char *folder, const char *name) {
    unsigned long last = 0;
    DIR *listing = opendir(folder);
    for (struct dirent *entry; listing && (entry = readdir(listing));) {
        unsigned long g = generation_of(entry->d_name, name);
        last = g > last ? g : last;
    }
    if (listing) closedir(listing);
    return last;
}

static siren_status file_of(const char *folder, const char *name, unsigned long generation, char **path) {
    if (asprintf(path, "%s/%s.%lu", folder, name, generation) >= 0) return SIREN_OK;
    *path = NULL;
    return siren_fail(SIREN_SYSTEM, "out of memory: the path of a claim in %s", folder);
}

/* Opening is what makes a network's file system ask its server. A file that went meanwhile is looked for again. */
static siren_status look(const char *folder, const char *name, claim_state *out) {
    for (int tries = 0; tries < MAX_TRIES; tries++) {
        SIREN_FREE_AT_END char *path = NULL;
        char text[TEXT_BYTES] = "";
        claim_state s = {.generation = last_generation(folder, name)};
        struct stat facts;
        *out = s;
        if (s.generation == 0) return SIREN_OK;
        SIREN_TRY(file_of(folder, name, s.generation, &path));
        SIREN_AT_END(siren_close_at) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0 && (errno == ENOENT || errno == ESTALE)) continue;
        if (fd < 0 || fstat(fd, &facts) != 0)
            return siren_fail(SIREN_SYSTEM, "%s: the claim cannot be read: %s", path, strerror(errno));
        ssize_t n = pread(fd, text, sizeof text - 1, 0);
        s.touched = facts.st_mtim;
        s.released = n > 0 && text[0] == '-';
        s.known = n > 0 &&
                  sscanf(text + 1, "%ld %64s %64s %64s %llu %lf", &s.by.pid, s.by.host, s.by.boot, s.by.space,
                         &s.by.start, &s.by.expiry) == 6 &&
                  s.by.expiry >= SIREN_CLAIM_LEAST_EXPIRY && s.by.expiry <= SIREN_CLAIM_MOST_EXPIRY;
        if (!s.known)
            s.by.expiry = SIREN_CLAIM_EXPIRY; /* in the making, damaged, or its maker found no room */
        *out = s;
        return SIREN_OK;
    }
    return siren_fail(SIREN_SYSTEM, "%s: claims come and go while they are read", folder);
}

/* An unfinished file of this process and call in the folder. */
static siren_status unfinished_path(const char *folder, char **out) {
    static atomic_uint counter;
    const holder me = this_process(0);
    if (asprintf(out, "%s/" UNFINISHED_PREFIX "%.8s-%.64s-%ld-%u", folder, me.boot, me.host, me.pid,
                 atomic_fetch_add(&counter, 1)) >= 0)
        return SIREN_OK;
    *out = NULL;
    return siren_fail(SIREN_SYSTEM, "out of memory: the path of a claim in %s", folder);
}

static double difference(struct timespec later, struct timespec earlier) {
    return (double)(later.tv_sec - earlier.tv_sec) + 1e-9 * (double)(later.tv_nsec - earlier.tv_nsec);
}

/* ---- waiting for one ---- */

typedef struct {
    char *path; /* of a file whose time is the file system's now */
    int fd;
} server_clock;

static void clock_free(server_clock *c) {
    if (c->fd >= 0) close(c->fd);
    if (c->path) unlink(c->path);
    free(c->path);
}

static siren_status clock_now(const char *folder, server_clock *c, struct timespec *now) {
    struct stat facts;
    if (c->fd < 0) {
        SIREN_TRY(unfinished_path(folder, &c->path));
        c->fd = open(c->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
    }
    if (c->fd < 0 || futimens(c->fd, NULL) != 0 || fstat(c->fd, &facts) != 0)
        return siren_fail(SIREN_SYSTEM, "%s: no file can be made in it: %s", folder, strerror(errno));
    *now = facts.st_mtim;
    return SIREN_OK;
}

static void pause_for(double seconds) {
    nanosleep(&(struct timespec){.tv_sec = (time_t)seconds,
                                 .tv_nsec = (long)(1e9 * (seconds - (double)(time_t)seconds))},
              NULL);
}

static siren_status refuse(const siren_claim_plan *plan, const char *name, const claim_state *s) {
    if (!s->known)
        return siren_fail(SIREN_USAGE, "%s is in use by another process (claim %s); wait for it or stop it",
                          plan->guards, name);
    return siren_fail(SIREN_USAGE, "%s is in use by process %ld on %s (claim %s); wait for it or stop it",
                      plan->guards, s->by.pid, s->by.host, name);
}

/* Waits until the claim is free; `*generation` is its last one. */
static siren_status await_free(const siren_claim_plan *plan, const char *name, unsigned long *generation) {
    SIREN_AT_END(clock_free) server_clock file_clock = {NULL, -1};
    const double begin = siren_clock();
    double seen_at = begin, wait = SHORTEST_PAUSE;
    bool moved = false, told = false;
    claim_state seen = {0}, s;
    for (;; pause_for(wait), wait = wait * 1.5 < LONGEST_PAUSE ? wait * 1.5 : LONGEST_PAUSE) {
        struct timespec now = {0};
        SIREN_TRY(look(plan->folder, name, &s));
        *generation = s.generation;
        const bool here = s.known && is_here(&s.by);
        if (s.generation == 0 || s.released || (here && !runs_here(&s.by))) return SIREN_OK;
        if (seen.generation != s.generation || difference(s.touched, seen.touched) != 0) {
            moved = moved || seen.generation != 0;
            seen = s;
            seen_at = siren_clock();
        }
        if (!here) {
            SIREN_TRY(clock_now(plan->folder, &file_clock, &now));
            if (difference(now, s.touched) > s.by.expiry || siren_clock() - seen_at > s.by.expiry)
                return SIREN_OK;
        }
        const bool lives = here ? siren_clock() - begin > PATIENCE_SECONDS : moved;
        if (lives && !plan->patient) return refuse(plan, name, &s);
        if (!here && !told && siren_clock() - begin > PATIENCE_SECONDS) {
            siren_log(SIREN_LOG_INFO, "%s: waiting up to %.0f s for a sign of process %ld on %s (claim %s)",
                      plan->guards, s.by.expiry, s.by.pid, s.by.host, name);
            told = true;
        }
        if (siren_clock() - begin > PATIENCE_SECONDS && plan->progress &&
            !plan->progress(plan->user, 0, 1, "waiting"))
            return siren_fail(SIREN_CANCELLED, "waiting for %s was interrupted", plan->guards);
    }
}

/* ---- making one ---- */

static siren_status write_claim(int fd, const char *path, double expiry) {
    const holder me = this_process(expiry);
    char text[TEXT_BYTES];
    int n = snprintf(text, sizeof text, "+%ld %s %s %s %llu %.3f\n", me.pid, me.host, me.boot, me.space,
                     me.start, me.expiry);
    if (pwrite(fd, text, (size_t)n, 0) == n && futimens(fd, NULL) == 0) return SIREN_OK;
    return siren_fail(SIREN_SYSTEM, "%s: the claim cannot be written: %s", path, strerror(errno));
}

/* Makes the file `path` with its content, as the only process to do so; *made false where another one was quicker. */
static siren_status make_file(const char *folder, const char *path, double expiry, bool *made) {
    SIREN_FREE_AT_END char *unfinished = NULL;
    struct stat facts;
    SIREN_TRY(unfinished_path(folder, &unfinished));
    SIREN_AT_END(siren_close_at)
    int fd = open(unfinished, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd < 0) return siren_fail(SIREN_SYSTEM, "%s: no file can be made in it: %s", folder, strerror(errno));
    siren_status status = write_claim(fd, path, expiry);
    int linked = status == SIREN_OK ? link(unfinished, path) : 0;
    int error = errno;
    /* A server's answer may get lost after it has done so. */
    *made = status == SIREN_OK && (linked == 0 || (stat(unfinished, &facts) == 0 && facts.st_nlink == 2));
    unlink(unfinished);
    if (status != SIREN_OK || *made || error == EEXIST) return status;
    if (error != EPERM && error != EOPNOTSUPP && error != ENOSYS && error != EMLINK)
        return siren_fail(SIREN_SYSTEM, "%s: the claim cannot be made: %s", path, strerror(error));
    SIREN_AT_END(siren_close_at)
    int only = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
    *made = only >= 0;
    if (only < 0 && errno != EEXIST)
        return siren_fail(SIREN_SYSTEM, "%s: the claim cannot be made: %s", path, strerror(errno));
    return *made ? write_claim(only, path, expiry) : SIREN_OK;
}

/* Earlier generations, which nobody holds any more. */
static void remove_earlier(const siren_claim *claim) {
    DIR *listing = opendir(claim->folder);
    for (struct dirent *entry; listing && (entry = readdir(listing));) {
        unsigned long g = generation_of(entry->d_name, claim->name);
        if (g > 0 && g < claim->generation) unlinkat(dirfd(listing), entry->d_name, 0);
    }
    if (listing) closedir(listing);
}

/* Makes the next generation and opens it. *made false where another process was quicker. */
static siren_status take(siren_claim *claim, bool *made) {
    SIREN_FREE_AT_END char *path = NULL;
    SIREN_TRY(file_of(claim->folder, claim->name, claim->generation, &path));
    SIREN_TRY(make_file(claim->folder, path, claim->expiry, made));
    if (!*made) return SIREN_OK;
    /* Whoever looked before others took and left later generations has made one that does not count. */
    if (last_generation(claim->folder, claim->name) != claim->generation) {
        unlink(path);
        *made = false;
        return SIREN_OK;
    }
    claim->fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (claim->fd < 0)
        return siren_fail(SIREN_SYSTEM, "%s: the claim cannot be opened: %s", path, strerror(errno));
    remove_earlier(claim);
    return SIREN_OK;
}

/* ---- keeping it ---- */

/* Without reading the folder, which may hold thousands of claims: whoever takes over makes the next generation and
 * removes this one. */
static void beat(siren_claim *claim) {
    SIREN_FREE_AT_END char *next = NULL;
    struct stat facts;
    futimens(claim->fd, NULL);
    const bool gone = fstat(claim->fd, &facts) == 0 ? facts.st_nlink == 0 : errno == ESTALE;
    const bool taken = file_of(claim->folder, claim->name, claim->generation + 1, &next) == SIREN_OK &&
                       access(next, F_OK) == 0;
    if (gone || taken) atomic_store(&claim->lost, true);
}

static void *keep_young(void *user) {
    siren_claim *claim = user;
    pthread_mutex_lock(&claim->mutex);
    while (!claim->stop) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        const double seconds = claim->expiry / BEATS;
        until.tv_sec += (time_t)seconds;
        until.tv_nsec += (long)(1e9 * (seconds - (double)(time_t)seconds));
        if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
        int result = 0;
        while (!claim->stop && result == 0)
            result = pthread_cond_timedwait(&claim->wake, &claim->mutex, &until);
        if (claim->stop) break;
        pthread_mutex_unlock(&claim->mutex); /* a server that hangs holds up nobody else */
        beat(claim);
        pthread_mutex_lock(&claim->mutex);
    }
    pthread_mutex_unlock(&claim->mutex);
    return NULL;
}

/* Signals are for other threads. */
static siren_status begin_beats(siren_claim *claim) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int error = pthread_create(&claim->thread, NULL, keep_young, claim);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    claim->running = error == 0;
    return error == 0
               ? SIREN_OK
               : siren_fail(SIREN_SYSTEM, "a thread for a claim cannot be started: %s", strerror(error));
}

void siren_claim_release(siren_claim *claim) {
    if (!claim) return;
    pthread_mutex_lock(&claim->mutex);
    claim->stop = true;
    pthread_cond_broadcast(&claim->wake);
    pthread_mutex_unlock(&claim->mutex);
    if (claim->running) pthread_join(claim->thread, NULL);
    if (claim->fd >= 0) {
        ssize_t written = pwrite(claim->fd, "-", 1, 0); /* else it expires */
        (void)written;
        close(claim->fd);
    }
    pthread_mutex_destroy(&claim->mutex);
    pthread_cond_destroy(&claim->wake);
    free(claim->folder);
    free(claim->name);
    free(claim->guards);
    free(claim);
}

siren_status siren_claim_acquire(const siren_claim_plan *plan, const char *name, siren_claim **out) {
    SIREN_AT_END(siren_claim_release_at) siren_claim *claim = NULL;
    bool made = false;
    SIREN_TRY(siren_folder_make(plan->folder));
    SIREN_TRY(siren_allocate(&claim, 1, sizeof *claim, "a claim"));
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&claim->mutex, NULL);
    pthread_cond_init(&claim->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    claim->fd = -1;
    claim->expiry = plan->expiry > 0 ? plan->expiry : SIREN_CLAIM_EXPIRY;
    claim->folder = strdup(plan->folder);
    claim->name = strdup(name);
    claim->guards = strdup(plan->guards);
    if (!claim->folder || !claim->name || !claim->guards)
        return siren_fail(SIREN_SYSTEM, "out of memory: a claim in %s", plan->folder);
    while (!made) {
        SIREN_TRY(await_free(plan, name, &claim->generation));
        claim->generation++;
        SIREN_TRY(take(claim, &made));
    }
    SIREN_TRY(begin_beats(claim));
    *out = SIREN_TAKE(claim);
    return SIREN_OK;
}

siren_status siren_claim_exclude(const siren_claim_plan *plan, bool (*refused)(void *user, const char *name),
                                 void *user) {
    siren_status status = SIREN_OK;
    DIR *listing = opendir(plan->folder);
    if (!listing && errno != ENOENT)
        return siren_fail(SIREN_SYSTEM, "%s: the claims cannot be read: %s", plan->folder, strerror(errno));
    for (struct dirent *entry; status == SIREN_OK && listing && (entry = readdir(listing));) {
        SIREN_FREE_AT_END char *name = NULL;
        unsigned long last;
        if (generation_of(entry->d_name, NULL) == 0) continue;
        name = strndup(entry->d_name, (size_t)(strrchr(entry->d_name, '.') - entry->d_name));
        if (!name) status = siren_fail(SIREN_SYSTEM, "out of memory: a claim in %s", plan->folder);
        if (name && refused(user, name)) status = await_free(plan, name, &last);
    }
    if (listing) closedir(listing);
    return status;
}

siren_status siren_claim_check(const siren_claim *claim) {
    if (!claim || !atomic_load(&claim->lost)) return SIREN_OK;
    return siren_fail(
        SIREN_SYSTEM,
        "%s: another process has taken over the claim %s, because this one gave no sign of life for %g s; "
        "what is finished is kept",
        claim->guards, claim->name, claim->expiry);
}
