#define _GNU_SOURCE
#include "host/staging.h"

#include "host/file.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPEN_FOLDERS 8 /* file descriptors that walking a tree may use */

struct siren_staging {
    char *folder, *hidden;
    const char *const *names; /* (n) */
    size_t n;
    bool made_folder;
};

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

siren_status siren_staging_open(const char *folder, const char *const *names, size_t n, bool overwrite,
                                siren_staging **out) {
    siren_status status = SIREN_OK;
    siren_staging *staging = NULL;
    char *hidden = NULL;
    SIREN_TRY(siren_allocate(&staging, 1, sizeof *staging, folder));
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
    SIREN_TRY(join(folder, ".siren-XXXXXX", &hidden));
    if (!mkdtemp(hidden)) {
        status = siren_fail(SIREN_SYSTEM, "%s: nothing can be made in it: %s", folder, strerror(errno));
        goto done;
    }
    staging->hidden = hidden;
    hidden = NULL;
    *out = staging;
    staging = NULL;
done:
    free(hidden);
    siren_staging_discard(staging);
    return status;
}

const char *siren_staging_folder(const siren_staging *staging) { return staging->hidden; }

siren_status siren_staging_path(const siren_staging *staging, const char *name, char **out) {
    return join(staging->hidden, name, out);
}

static int remove_entry(const char *path, const struct stat *facts, int type, struct FTW *where) {
    (void)facts, (void)type, (void)where;
    remove(path);
    return 0;
}

void siren_staging_discard(siren_staging *staging) {
    if (!staging) return;
    if (staging->hidden) nftw(staging->hidden, remove_entry, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS);
    if (staging->made_folder) rmdir(staging->folder);
    free(staging->hidden);
    free(staging->folder);
    free(staging);
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
