/* One process at a time: a lock file that the kernel lets go of when its holder ends, however it ends. */
#ifndef SIREN_HOST_LOCK_H
#define SIREN_HOST_LOCK_H

#include "host/base.h"

typedef struct siren_lock siren_lock;

/* flock() of an open file for one holder, after a second's patience: 0, or -1 with errno, EWOULDBLOCK where another
 * holder lives. */
int siren_lock_descriptor(int fd);

/* Locks the file `path`, made where it is missing, in the folder that it guards. USAGE names that folder, and the
 * process and machine that hold it, where another holder lives, be it in this process, after a second's patience.
 * SYSTEM where the file cannot be made. On a file system without locks it excludes nobody, which SIREN_LOG_INFO tells:
 * a claim has to (host/claim.h). `*out` is yours: siren_lock_release(). */
siren_status siren_lock_acquire(const char *path, siren_lock **out);
/* Lets go; the file stays, because others may be about to lock it. NULL is allowed. */
void siren_lock_release(siren_lock *lock);
SIREN_POINTER_RELEASE(siren_lock, siren_lock_release)

#endif
