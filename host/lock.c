#define _GNU_SOURCE
#include "host/lock.h"

#include "host/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define DYING_NANOSECONDS 50000000L /* between two tries, of which there are: */
#define DYING_TRIES 20

struct siren_lock {
    int fd;
};

/* Who holds it, for the messages of others: "PID HOST". What cannot be written is only missing there. */
static void leave_name(int fd) {
    char host[256] = "", text[300];
    gethostname(host, sizeof host - 1);
    int n = snprintf(text, sizeof text, "%ld %s\n", (long)getpid(), host);
    if (ftruncate(fd, 0) == 0 && n > 0) {
        ssize_t written = pwrite(fd, text, (size_t)n, 0);
        (void)written;
    }
}

/* The folder is what stands before the last slash. */
static siren_status in_use(int fd, const char *path) {
    char text[300] = "", host[256];
    long pid;
    const char *slash = strrchr(path, '/'), *folder = slash ? path : ".";
    int n = slash && slash > path ? (int)(slash - path) : 1;
    ssize_t got = pread(fd, text, sizeof text - 1, 0);
    if (got <= 0 || sscanf(text, "%ld %255s", &pid, host) != 2)
        return siren_fail(SIREN_USAGE, "%.*s is in use by another process; wait for it or stop it", n,
                          folder);
    return siren_fail(SIREN_USAGE, "%.*s is in use by process %ld on %s; wait for it or stop it", n, folder,
                      pid, host);
}

int siren_lock_descriptor(int fd) {
    int locked;
    /* A process that was killed holds its lock until the kernel has taken it down. */
    for (int tries = 0; (locked = flock(fd, LOCK_EX | LOCK_NB)) != 0 && tries < DYING_TRIES; tries++) {
        if (errno != EWOULDBLOCK && errno != EINTR) break;
        nanosleep(&(struct timespec){.tv_nsec = DYING_NANOSECONDS}, NULL);
    }
    return locked;
}

siren_status siren_lock_acquire(const char *path, siren_lock **out) {
    siren_lock *lock = NULL;
    SIREN_AT_END(siren_close_at) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd < 0)
        return siren_fail(SIREN_SYSTEM, "%s: the lock file cannot be made: %s", path, strerror(errno));
    int locked = siren_lock_descriptor(fd);
    if (locked != 0 && errno == EWOULDBLOCK) return in_use(fd, path);
    if (locked != 0)
        siren_log(SIREN_LOG_INFO, "%s: cannot be locked: %s; what a claim guards needs no lock", path,
                  strerror(errno));
    SIREN_TRY(siren_allocate(&lock, 1, sizeof *lock, "a lock"));
    leave_name(fd);
    lock->fd = fd;
    fd = -1;
    *out = lock;
    return SIREN_OK;
}

void siren_lock_release(siren_lock *lock) {
    if (!lock) return;
    close(lock->fd);
    free(lock);
}
