#define _GNU_SOURCE
#include "host/staging.h"

#include "host/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_DEPTH 8 /* of folders that a program leaves in the hidden one */
#define HIDDEN_PREFIX ".siren-"
#define RANDOM_CHARACTERS 6 /* behind it, mkdtemp()'s */
#define MAX_TRIES 100

struct siren_staging {
    char *folder, *hidden;
    int lock;                 /* the hidden folder, locked; -1: there is none */
    const char *const *names; /* (n) */
    size_t n;
    bool made_folder;
};

/* Those under way, for siren_staging_abandon_all(); more than these are left to their owners. */
#define MAX_STAGINGS 8
static _Atomic(siren_staging *) stagings[MAX_STAGINGS];

static void replace(siren_staging *from, siren_staging *to) {
    for (size_t i = 0; i < MAX_STAGINGS; i++) {
        siren_staging *expected = from;
        if (atomic_compare_exchange_strong(&stagings[i], &expected, to)) return;
    }
}

static siren_status join(const char *folder, const char *name, char **out) {
    char *path = NULL;
    if (asprintf(&path, "%s/%s", folder, name) < 0)
        return siren_fail(SIREN_SYSTEM, "out of memory: the path of %s in %s", name, folder);
    *out = path;
    return SIREN_OK;
}

static bool exists(const char *path) {
    struct stat facts;
    return lstat(path, &facts) == 0;
}

static siren_status check_free(const siren_staging *staging) {
    for (size_t i = 0; i < staging->n; i++) {
        char *path = NULL;
        SIREN_RETURN_IF_FAILED(join(staging->folder, staging->names[i], &path));
        siren_status status = SIREN_OK;
        if (exists(path))
            status = siren_fail(SIREN_USAGE, "%s exists and is not replaced; give another folder, or --force",
                                path);
        free(path);
        SIREN_RETURN_IF_FAILED(status);
    }
    return SIREN_OK;
}

/* A hidden folder, locked. Someone clearing leftovers may take it for one before it is: then another is made. */
static siren_status make_hidden(siren_staging *staging) {
    for (int tries = 0; tries < MAX_TRIES; tries++) {
        char *hidden = NULL;
        SIREN_RETURN_IF_FAILED(join(staging->folder, HIDDEN_PREFIX "XXXXXX", &hidden));
        if (!mkdtemp(hidden)) {
            siren_status status = siren_fail(SIREN_SYSTEM, "%s: nothing can be made in it: %s",
                                             staging->folder, strerror(errno));
            free(hidden);
            return status;
        }
        int fd = open(hidden, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        bool locked = fd >= 0 && (flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK);
        if (locked && exists(hidden)) {
            staging->hidden = hidden;
            staging->lock = fd;
            return SIREN_OK;
        }
        bool gone = fd >= 0 || errno == ENOENT;
        siren_status status =
            gone ? SIREN_OK : siren_fail(SIREN_SYSTEM, "%s: cannot be opened: %s", hidden, strerror(errno));
        if (fd >= 0) close(fd);
        rmdir(hidden);
        free(hidden);
        SIREN_RETURN_IF_FAILED(status);
    }
    return siren_fail(SIREN_SYSTEM, "%s: others removed %d folders that were made in it", staging->folder,
                      MAX_TRIES);
}

siren_status siren_staging_open(const char *folder, const char *const *names, size_t n, bool overwrite,
                                siren_staging **out) {
    siren_status status = SIREN_OK;
    siren_staging *staging = NULL;
    SIREN_TRY(siren_allocate(&staging, 1, sizeof *staging, folder));
    staging->lock = -1;
    staging->names = names;
    staging->n = n;
    staging->folder = strdup(folder);
    if (!staging->folder) {
        status = siren_fail(SIREN_SYSTEM, "out of memory: the path of %s", folder);
        goto done;
    }
    if (!overwrite) SIREN_TRY(check_free(staging));
    staging->made_folder = !exists(folder);
    SIREN_TRY(siren_folder_make(folder));
    siren_staging_clear_leftovers(folder);
    SIREN_TRY(make_hidden(staging));
    replace(NULL, staging);
    *out = staging;
    staging = NULL;
done:
    siren_staging_discard(staging);
    return status;
}

const char *siren_staging_folder(const siren_staging *staging) { return staging->hidden; }

siren_status siren_staging_path(const siren_staging *staging, const char *name, char **out) {
    return join(staging->hidden, name, out);
}

static void remove_tree(int parent, const char *name, unsigned depth);

/* Removes the entries of one reading of a folder. Returns how many went. */
static size_t remove_entries(int folder, const char *entries, size_t n_bytes, unsigned depth) {
    size_t n = 0;
    for (size_t at = 0; at < n_bytes;) {
        const struct dirent64 *entry = (const struct dirent64 *)(entries + at);
        at += entry->d_reclen;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        if (unlinkat(folder, entry->d_name, 0) != 0) remove_tree(folder, entry->d_name, depth + 1);
        n += faccessat(folder, entry->d_name, F_OK, AT_SYMLINK_NOFOLLOW) != 0;
    }
    return n;
}

/* Removes a folder with all in it, following no links. Async-signal-safe: opendir() and nftw() are not. */
static void remove_tree(int parent, const char *name, unsigned depth) {
    _Alignas(struct dirent64) char entries[4096];
    ssize_t n_bytes;
    int folder =
        depth < MAX_DEPTH ? openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
    if (folder < 0) return;
    while ((n_bytes = getdents64(folder, entries, sizeof entries)) > 0)
        if (remove_entries(folder, entries, (size_t)n_bytes, depth) > 0) lseek(folder, 0, SEEK_SET);
    close(folder);
    unlinkat(parent, name, AT_REMOVEDIR);
}

static void remove_folders(const siren_staging *staging) {
    if (staging->hidden) remove_tree(AT_FDCWD, staging->hidden, 0);
    if (staging->made_folder) rmdir(staging->folder);
}

static bool is_hidden_name(const char *name) {
    const size_t n = strlen(HIDDEN_PREFIX);
    return strncmp(name, HIDDEN_PREFIX, n) == 0 && strlen(name) == n + RANDOM_CHARACTERS;
}

void siren_staging_clear_leftovers(const char *path) {
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        if (!is_hidden_name(entry->d_name)) continue;
        int fd = openat(dirfd(folder), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0) continue;
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) remove_tree(dirfd(folder), entry->d_name, 0);
        close(fd);
    }
    if (folder) closedir(folder);
}

void siren_staging_discard(siren_staging *staging) {
    if (!staging) return;
    replace(staging, NULL);
    remove_folders(staging);
    if (staging->lock >= 0) close(staging->lock);
    free(staging->hidden);
    free(staging->folder);
    free(staging);
}

void siren_staging_abandon_all(void) {
    for (size_t i = 0; i < MAX_STAGINGS; i++) {
        const siren_staging *staging = atomic_load(&stagings[i]);
        if (staging) remove_folders(staging);
    }
}

/* Makes what happened to the folder's names outlast a loss of power. */
static void sync_folder(const char *folder) {
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    fsync(fd);
    close(fd);
}

static siren_status move(const siren_staging *staging, const char *name) {
    siren_status status = SIREN_OK;
    char *from = NULL, *to = NULL;
    SIREN_TRY(join(staging->hidden, name, &from));
    SIREN_TRY(join(staging->folder, name, &to));
    int result = exists(from) ? rename(from, to) : unlink(to);
    if (result != 0 && errno != ENOENT)
        status = siren_fail(SIREN_SYSTEM, "%s: cannot be replaced: %s", to, strerror(errno));
done:
    free(from);
    free(to);
    return status;
}

siren_status siren_staging_commit(siren_staging *staging) {
    siren_status status = SIREN_OK;
    for (size_t i = 0; status == SIREN_OK && i < staging->n; i++) status = move(staging, staging->names[i]);
    sync_folder(staging->folder);
    siren_staging_discard(staging);
    return status;
}
