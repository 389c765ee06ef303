/* Files that appear in a folder together, complete, or not at all: they are made in a hidden folder within it first. */
#ifndef SIREN_HOST_STAGING_H
#define SIREN_HOST_STAGING_H

#include "host/base.h"

typedef struct siren_staging siren_staging;

/* Makes `folder` (NULL: $TMPDIR or /tmp) where it is missing, and the hidden folder in it, after
 * siren_staging_clear_leftovers(). `names` (n, borrowed as long as the staging lives) are all the file names that may
 * appear: USAGE where one of them exists, unless `overwrite`. `*out` is yours: end it with siren_staging_commit() or
 * siren_staging_discard(). */
siren_status siren_staging_open(const char *folder, const char *const *names, size_t n, bool overwrite,
                                siren_staging **out);
/* USAGE where what would be replaced was not made so: some of the names are there and `mark`, one of them, is not; or
 * where one of the `inputs` (n; NULL are skipped) would be replaced. */
siren_status siren_staging_guard(const siren_staging *staging, const char *mark, const char *const *inputs,
                                 size_t n);
/* The hidden folder; lives as long as the staging. */
const char *siren_staging_folder(const siren_staging *staging);
/* The path of the file `name` in the hidden folder. `*out` is yours to free(). */
siren_status siren_staging_path(const siren_staging *staging, const char *name, char **out);
/* Moves those of the names that were made to the folder, removes those of an earlier time that were not made now, then
 * the hidden folder with all else in it. After a failure, the folder is as it was; USAGE where one of the names
 * appeared meanwhile and is not to be replaced. Frees `staging` whatever the result. */
siren_status siren_staging_commit(siren_staging *staging);
/* Removes the hidden folder, and the folder itself if it was made for this and is empty. NULL is allowed. */
void siren_staging_discard(siren_staging *staging);
SIREN_POINTER_RELEASE(siren_staging, siren_staging_discard)

/* Removes the hidden folders in `folder` whose process ended without a chance to, as by SIGKILL: each is locked by its
 * process as long as that lives, and has a mark in it. Folders of such names without the mark are a user's, and stay
 * unless they are empty. Where the file system has no locks, none is removed. */
void siren_staging_clear_leftovers(const char *folder);

/* For a signal handler about to end the process: does to all stagings what discarding does. Async-signal-safe. */
void siren_staging_abandon_all(void);

#endif
