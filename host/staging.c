#define _GNU_SOURCE
#include "host/staging.h"

#include "host/abandon.h"
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
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAX_DEPTH 8 /* of folders that a program leaves in the hidden one */
#define HIDDEN_PREFIX ".siren-"
#define RANDOM_CHARACTERS 6 /* behind it, mkdtemp()'s */
/* An empty file in each hidden folder, without which nothing there is removed: a user's own may have such a name, too.
 * Its name says all, for a name is there or not, and content may be half written. */
#define MARK ".made-by-sirencl-and-removed-by-it"
#define MAX_TRIES 100

struct siren_staging {
    char *folder, *hidden;
    int lock;                 /* the hidden folder, locked; -1: there is none */
    const char *const *names; /* (n) */
    size_t n;
    bool overwrite, made_folder;
};

static siren_abandon_list stagings; /* under way */
static atomic_int n_committing;     /* of them */

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
        SIREN_TRY(join(staging->folder, staging->names[i], &path));
        siren_status status = SIREN_OK;
        if (exists(path)) status = siren_fail(SIREN_USAGE, "%s: exists already; give another folder", path);
        free(path);
        SIREN_TRY(status);
    }
    return SIREN_OK;
}

static siren_status make_mark(const siren_staging *staging) {
    SIREN_AT_END(siren_close_at)
    int fd = openat(staging->lock, MARK, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) return SIREN_OK;
    return siren_fail(SIREN_SYSTEM, "%s: nothing can be made in it: %s", staging->hidden, strerror(errno));
}

static bool is_marked(int folder) {
    struct stat facts;
    return fstatat(folder, MARK, &facts, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(facts.st_mode);
}

/* A hidden folder, locked. Someone clearing leftovers may take it for one before it is: then another is made. */
static siren_status make_hidden(siren_staging *staging) {
    for (int tries = 0; tries < MAX_TRIES; tries++) {
        SIREN_FREE_AT_END char *hidden = NULL;
        SIREN_TRY(join(staging->folder, HIDDEN_PREFIX "XXXXXX", &hidden));
        if (!mkdtemp(hidden))
            return siren_fail(SIREN_SYSTEM, "%s: nothing can be made in it: %s", staging->folder,
                              strerror(errno));
        int fd = open(hidden, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        bool locked = fd >= 0 && (flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK);
        if (locked && exists(hidden)) {
            staging->hidden = SIREN_TAKE(hidden);
            staging->lock = fd;
            return make_mark(staging);
        }
        bool gone = fd >= 0 || errno == ENOENT;
        siren_status status =
            gone ? SIREN_OK : siren_fail(SIREN_SYSTEM, "%s: cannot be opened: %s", hidden, strerror(errno));
        if (fd >= 0) close(fd);
        rmdir(hidden);
        SIREN_TRY(status);
    }
    return siren_fail(SIREN_SYSTEM, "%s: others removed %d folders that were made in it", staging->folder,
                      MAX_TRIES);
}

siren_status siren_staging_open(const char *folder, const char *const *names, size_t n, bool overwrite,
                                siren_staging **out) {
    SIREN_AT_END(siren_staging_discard_at) siren_staging *staging = NULL;
    const char *temporary = getenv("TMPDIR");
    if (!folder) folder = temporary && *temporary ? temporary : "/tmp";
    SIREN_TRY(siren_allocate(&staging, 1, sizeof *staging, folder));
    staging->lock = -1;
    staging->names = names;
    staging->n = n;
    staging->overwrite = overwrite;
    staging->folder = strdup(folder);
    if (!staging->folder) return siren_fail(SIREN_SYSTEM, "out of memory: the path of %s", folder);
    if (!overwrite) SIREN_TRY(check_free(staging));
    staging->made_folder = !exists(folder);
    SIREN_TRY(siren_folder_make(folder));
    siren_staging_clear_leftovers(folder);
    SIREN_TRY(make_hidden(staging));
    siren_abandon_add(&stagings, staging);
    *out = SIREN_TAKE(staging);
    return SIREN_OK;
}

siren_status siren_staging_guard(const siren_staging *staging, const char *mark, const char *const *inputs,
                                 size_t n) {
    SIREN_FREE_AT_END char *marked = NULL;
    SIREN_TRY(join(staging->folder, mark, &marked));
    const bool made = exists(marked);
    for (size_t i = 0; i < staging->n; i++) {
        SIREN_FREE_AT_END char *path = NULL;
        SIREN_TRY(join(staging->folder, staging->names[i], &path));
        if (!exists(path)) continue;
        if (!made)
            return siren_fail(SIREN_USAGE,
                              "%s: exists, and as there is no %s beside it is of something else and is not "
                              "replaced; give another folder",
                              path, mark);
        for (size_t input = 0; input < n; input++)
            if (inputs[input] && siren_file_same(inputs[input], path))
                return siren_fail(SIREN_USAGE, "%s: is an input and is not replaced; give another folder",
                                  path);
    }
    return SIREN_OK;
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
        if (depth == 0 && strcmp(entry->d_name, MARK) == 0) continue;
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
    /* Last, so that what a kill leaves of this is still known. */
    if (depth == 0) unlinkat(folder, MARK, 0);
    close(folder);
    unlinkat(parent, name, AT_REMOVEDIR);
}

static void remove_folders(void *object) {
    const siren_staging *staging = object;
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
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
            if (is_marked(fd))
                remove_tree(dirfd(folder), entry->d_name, 0);
            else /* killed before there was a mark: only an empty one goes so */
                unlinkat(dirfd(folder), entry->d_name, AT_REMOVEDIR);
        }
        close(fd);
    }
    if (folder) closedir(folder);
}

void siren_staging_discard(siren_staging *staging) {
    if (!staging) return;
    remove_folders(staging);
    siren_abandon_remove(&stagings, staging);
    if (staging->lock >= 0) close(staging->lock);
    free(staging->hidden);
    free(staging->folder);
    free(staging);
}

void siren_staging_abandon_all(void) {
    for (int tries = 0; tries < MAX_TRIES && atomic_load(&n_committing) > 0; tries++)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    siren_abandon_all(&stagings, remove_folders);
}

static int exchange(const char *a, const char *b) {
    char *aside = NULL;
    if (renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) == 0) return 0;
    /* A file system that cannot exchange. */
    if ((errno != EINVAL && errno != ENOSYS) || asprintf(&aside, "%s.aside", a) < 0) return -1;
    int result = rename(b, aside);
    if (result == 0 && (result = rename(a, b)) != 0) {
        int error = errno;
        rename(aside, b);
        errno = error;
    } else if (result == 0) {
        result = rename(aside, a);
    }
    free(aside);
    return result;
}

/* What stands under the name in the hidden folder and in the folder, each of which may be nothing, changes places:
 * doing it twice undoes it. */
static siren_status swap(const siren_staging *staging, const char *name, bool overwrite) {
    siren_status status = SIREN_OK;
    SIREN_FREE_AT_END char *hidden = NULL, *shown = NULL;
    struct stat facts;
    SIREN_TRY(join(staging->hidden, name, &hidden));
    SIREN_TRY(join(staging->folder, name, &shown));
    bool made = exists(hidden), old = lstat(shown, &facts) == 0;
    int error = old && S_ISDIR(facts.st_mode) ? EISDIR : old && !overwrite ? EEXIST : 0;
    if (error == 0 && made) siren_file_hand_down_mode(shown, hidden);
    if (error == 0 && (made || old) &&
        (made && old ? exchange(hidden, shown)
                     : siren_file_rename_new(made ? hidden : shown, made ? shown : hidden)) != 0)
        error = errno;
    if (error == EEXIST)
        status = siren_fail(SIREN_USAGE,
                            "%s: appeared while it was being made and is not replaced; give another folder",
                            shown);
    else if (error != 0)
        status = siren_fail(SIREN_SYSTEM, "%s: cannot be replaced: %s", shown, strerror(error));
    return status;
}

siren_status siren_staging_commit(siren_staging *staging) {
    siren_status status = SIREN_OK;
    size_t n = 0;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before); /* a handler in this thread would wait for it */
    atomic_fetch_add(&n_committing, 1);
    while (n < staging->n && (status = swap(staging, staging->names[n], staging->overwrite)) == SIREN_OK) n++;
    if (status != SIREN_OK) {
        char reason[SIREN_MESSAGE_BYTES];
        snprintf(reason, sizeof reason, "%s", siren_message());
        bool undone = true;
        while (n > 0) undone = swap(staging, staging->names[--n], true) == SIREN_OK && undone;
        if (undone) {
            siren_fail(status, "%s", reason);
        } else {
            siren_fail(status, "%s; not all of the files of before could be put back: look into %s", reason,
                       staging->hidden);
            unlinkat(staging->lock, MARK, 0); /* so that it stays, now and when the next one begins here */
            free(SIREN_TAKE(staging->hidden));
        }
    }
    siren_folder_sync(staging->folder);
    atomic_fetch_sub(&n_committing, 1);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    siren_staging_discard(staging);
    return status;
}
