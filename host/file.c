#define _GNU_SOURCE
#include "host/file.h"

#include "host/abandon.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

void siren_close_at(int *fd) {
    if (*fd >= 0) close(*fd);
}

void siren_fclose_at(FILE **stream) {
    if (*stream) fclose(*stream);
}

siren_status siren_file_unopened(const char *path) {
    const int reason = errno;
    char target[256];
    const ssize_t n = reason == ENOENT ? readlink(path, target, sizeof target) : -1;
    if (n <= 0) return siren_fail(SIREN_SYSTEM, "%s: cannot be opened: %s", path, strerror(reason));
    return siren_fail(SIREN_SYSTEM,
                      "%s: cannot be opened: %s: it is a link to %.*s; get that first, as with git annex get",
                      path, strerror(reason), (int)n, target);
}

siren_status siren_file_open(const char *path, int *fd, uint64_t *n_bytes) {
    struct stat facts;
    SIREN_AT_END(siren_close_at)
    int opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hang */
    if (opened < 0) return siren_file_unopened(path);
    if (fstat(opened, &facts) != 0)
        return siren_fail(SIREN_SYSTEM, "%s: cannot be examined: %s", path, strerror(errno));
    if (!S_ISREG(facts.st_mode))
        return siren_fail(SIREN_USAGE, "%s: is not a regular file; give the path of a file", path);
    *fd = opened;
    opened = -1;
    *n_bytes = (uint64_t)facts.st_size;
    return SIREN_OK;
}

siren_status siren_file_read(const char *path, size_t limit, uint8_t **bytes, size_t *n_bytes) {
    SIREN_FREE_AT_END uint8_t *content = NULL;
    uint64_t present;
    SIREN_AT_END(siren_close_at) int fd = -1;
    SIREN_TRY(siren_file_open(path, &fd, &present));
    if (present > limit)
        return siren_fail(SIREN_UNSUPPORTED, "%s: has %llu bytes, more than the limit of %zu", path,
                          (unsigned long long)present, limit);
    size_t size = (size_t)present, got = 0;
    SIREN_TRY(siren_allocate(&content, size, 1, path));
    while (got < size) {
        ssize_t n = read(fd, content + got, size - got);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0)
            return siren_fail(SIREN_SYSTEM, "%s: reading stopped after %zu of %zu byte%s: %s", path, got,
                              size, siren_plural(size), n < 0 ? strerror(errno) : "the file became shorter");
        got += (size_t)n;
    }
    *bytes = SIREN_TAKE(content);
    *n_bytes = size;
    return SIREN_OK;
}

bool siren_file_exists(const char *path) {
    return access(path, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

bool siren_file_same(const char *a, const char *b) {
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

siren_status siren_file_canonical(const char *path, char **out) {
    SIREN_FREE_AT_END char *above = strdup(path), *real = realpath(path, NULL);
    size_t n = strlen(path);
    if (!above) return siren_fail(SIREN_SYSTEM, "out of memory: the way to %s", path);
    while (!real && n > 0) {
        while (n > 0 && above[n - 1] == '/') n--;
        while (n > 0 && above[n - 1] != '/') n--;
        above[n] = '\0';
        real = realpath(n > 0 ? above : ".", NULL);
    }
    const char *start = !real || !real[1] ? "" : real, *slash = path[n] && real ? "/" : "";
    const size_t n_out = strlen(start) + strlen(path + n) + 2;
    SIREN_TRY(siren_allocate(out, n_out, 1, "a path"));
    snprintf(*out, n_out, "%s%s%s", start, slash, path + n);
    return SIREN_OK;
}

const char *siren_file_way_below(const char *folder, const char *path) {
    const size_t n = strlen(folder);
    return strncmp(folder, path, n) == 0 && path[n] == '/' && path[n + 1] ? path + n + 1 : NULL;
}

/* One folder of the way to `path`, whose folders above exist. */
static siren_status make_one_folder(const char *folder, const char *path) {
    struct stat facts;
    if (mkdir(folder, 0777) == 0) return SIREN_OK;
    /* Which errno an existing folder gives depends on the file system: a read-only one says EROFS. */
    int error = errno;
    if (stat(folder, &facts) == 0) {
        if (S_ISDIR(facts.st_mode)) return SIREN_OK;
        return siren_fail(SIREN_USAGE, "%s: cannot be a folder, because %s is a file; give another name",
                          path, folder);
    }
    if (error == EEXIST) error = errno; /* a link that leads nowhere or in a circle: stat() says which */
    char target[256];
    const ssize_t n = readlink(folder, target, sizeof target);
    if (n > 0)
        return siren_fail(SIREN_SYSTEM,
                          "%s: the folder %s cannot be made: it is a link to %.*s: %s; give another name",
                          path, folder, (int)n, target, strerror(error));
    return siren_fail(SIREN_SYSTEM, "%s: the folder %s cannot be made: %s", path, folder, strerror(error));
}

siren_status siren_folder_make(const char *path) {
    if (!*path) return siren_fail(SIREN_USAGE, "the name of a folder is empty; give one");
    SIREN_FREE_AT_END char *folder = strdup(path);
    if (!folder) return siren_fail(SIREN_SYSTEM, "out of memory: cannot make the folder %s", path);
    for (char *end = folder + 1; *end; end++) {
        if (*end != '/' || end[-1] == '/') continue;
        *end = 0;
        SIREN_TRY(make_one_folder(folder, path));
        *end = '/';
    }
    return make_one_folder(folder, path);
}

#define HIDDEN_PREFIX ".sirencl-"
static siren_abandon_list hidden_names, /* in use, and worthless files */
    resumable_names;

static void unlink_name(void *name) { unlink(name); }

void siren_file_worthless(char *path, bool worthless) {
    (worthless ? siren_abandon_add : siren_abandon_remove)(&hidden_names, path);
}

void siren_file_resumable(char *path, bool resumable) {
    (resumable ? siren_abandon_add : siren_abandon_remove)(&resumable_names, path);
}

void siren_file_each_resumable(void (*tell)(void *path)) { siren_abandon_all(&resumable_names, tell); }

void siren_output_abandon_all(void) { siren_abandon_all(&hidden_names, unlink_name); }

struct siren_output {
    char *path;          /* final name */
    char *folder;        /* holds it */
    char *temporary;     /* hidden name in the folder, NULL while the file is nameless */
    char descriptor[32]; /* name of `fd` */
    int fd;              /* -1 in memory: */
    uint8_t *memory;     /* (room) */
    size_t n_bytes, room;
    bool overwrite;
};

void siren_output_discard(siren_output *output) {
    if (!output) return;
    if (output->fd >= 0) close(output->fd);
    if (output->temporary) {
        unlink(output->temporary);
        siren_abandon_remove(&hidden_names, output->temporary);
    }
    free(output->memory);
    free(output->temporary);
    free(output->folder);
    free(output->path);
    free(output);
}

static siren_status output_name_temporary(siren_output *output, unsigned attempt) {
    char *name = NULL;
    free(SIREN_TAKE(output->temporary));
    if (asprintf(&name, "%s/" HIDDEN_PREFIX "%ld-%u.tmp", output->folder, (long)getpid(), attempt) < 0)
        return siren_fail(SIREN_SYSTEM, "out of memory: cannot name a temporary file in %s", output->folder);
    output->temporary = name;
    return SIREN_OK;
}

/* Locks it against siren_folder_clear_leftovers(). False where that came first, and took the name. */
static bool hold(const siren_output *output) {
    bool held = flock(output->fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
    return held && (!output->temporary || access(output->temporary, F_OK) == 0);
}

/* What commit would find out only after the work. A link is replaced itself, and what it leads to stays as it is. */
static siren_status check_name(const char *path, bool overwrite) {
    struct stat facts, target;
    size_t n = strlen(path);
    if (n == 0) return siren_fail(SIREN_USAGE, "the name of an output file is empty; give one");
    if (path[n - 1] == '/')
        return siren_fail(SIREN_USAGE, "%s: names a folder; give the name of a file in it", path);
    if (lstat(path, &facts) != 0) {
        if (errno == ENOENT) return SIREN_OK;
        return siren_fail(SIREN_SYSTEM, "%s: cannot be written: %s; give another name", path,
                          strerror(errno));
    }
    if (!overwrite) return siren_fail(SIREN_USAGE, "%s: exists already; give another name", path);
    if (S_ISLNK(facts.st_mode) && (stat(path, &target) != 0 || S_ISREG(target.st_mode))) return SIREN_OK;
    if (!S_ISREG(facts.st_mode))
        return siren_fail(SIREN_USAGE, "%s: is not a regular file and is not replaced; give another name",
                          path);
    return SIREN_OK;
}

void siren_file_hand_down_mode(const char *present, const char *path) {
    struct stat facts;
    if (lstat(present, &facts) != 0 || !S_ISREG(facts.st_mode) || chmod(path, facts.st_mode & 0777) == 0)
        return;
    siren_log(SIREN_LOG_INFO, "%s: its mode is not kept: %s", present, strerror(errno));
}

/* In a folder such as /tmp only owners replace files, which rename() would find out after the work. */
static siren_status check_owner(const char *path, const char *folder) {
    struct stat present, around;
    const uid_t us = geteuid();
    if (us == 0 || lstat(path, &present) != 0 || stat(folder, &around) != 0) return SIREN_OK;
    if (!(around.st_mode & S_ISVTX) || present.st_uid == us || around.st_uid == us) return SIREN_OK;
    return siren_fail(SIREN_SYSTEM,
                      "%s: is another user's, in a folder where only owners replace files; give another name",
                      path);
}

siren_status siren_output_open(const char *path, bool overwrite, siren_output **out) {
    SIREN_AT_END(siren_output_discard_at) siren_output *output = NULL;
    SIREN_FREE_AT_END char *copy = strdup(path);
    SIREN_TRY(check_name(path, overwrite));
    SIREN_TRY(siren_allocate(&output, 1, sizeof *output, path));
    output->fd = -1;
    output->overwrite = overwrite;
    output->path = strdup(path);
    if (copy) output->folder = strdup(dirname(copy));
    if (!output->path || !output->folder)
        return siren_fail(SIREN_SYSTEM, "out of memory: cannot open %s", path);
    SIREN_TRY(check_owner(path, output->folder));
    /* Without /proc a nameless file could not be named in the end. */
    if (access("/proc/self/fd", X_OK) == 0)
        output->fd = open(output->folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
    else
        errno = EOPNOTSUPP;
    for (unsigned attempt = 0;
         output->fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL || errno == EEXIST) &&
         attempt < 100;
         attempt++) {
        SIREN_TRY(output_name_temporary(output, attempt));
        output->fd = open(output->temporary, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0666);
        if (output->fd >= 0 && !hold(output)) {
            close(output->fd);
            output->fd = -1;
            errno = EEXIST;
        }
        if (output->fd >= 0) siren_abandon_add(&hidden_names, output->temporary);
    }
    if (output->fd < 0) {
        siren_status status = siren_fail(SIREN_SYSTEM, "%s: cannot be written in the folder %s: %s", path,
                                         output->folder, strerror(errno));
        free(SIREN_TAKE(output->temporary)); /* it is not ours */
        return status;
    }
    if (!output->temporary) hold(output);
    snprintf(output->descriptor, sizeof output->descriptor, "/proc/self/fd/%d", output->fd);
    siren_file_hand_down_mode(path, siren_output_unfinished(output));
    *out = SIREN_TAKE(output);
    return SIREN_OK;
}

static siren_status output_failed(const siren_output *output, const char *what) {
    return siren_fail(SIREN_SYSTEM, "%s: %s failed: %s; nothing was left there", output->path, what,
                      strerror(errno));
}

siren_status siren_output_open_memory(siren_output **out) {
    siren_output *output = NULL;
    SIREN_TRY(siren_allocate(&output, 1, sizeof *output, "an output in memory"));
    output->fd = -1;
    *out = output;
    return SIREN_OK;
}

void siren_output_take(siren_output *output, uint8_t **bytes, size_t *n_bytes) {
    *bytes = output->memory;
    *n_bytes = output->n_bytes;
    output->memory = NULL;
    siren_output_discard(output);
}

static siren_status write_to_memory(siren_output *output, size_t offset, const void *bytes, size_t n_bytes) {
    size_t end, room = output->room ? output->room : 65536;
    if (!siren_add(offset, n_bytes, &end))
        return siren_fail(SIREN_SYSTEM, "out of memory: an output in memory");
    while (room < end && siren_mul(room, 2, &room)) continue;
    if (room > output->room || !output->memory) {
        uint8_t *larger = room < end ? NULL : realloc(output->memory, room);
        if (!larger) return siren_fail(SIREN_SYSTEM, "out of memory: %zu bytes of an output in memory", end);
        output->memory = larger;
        output->room = room;
    }
    if (n_bytes) memcpy(output->memory + offset, bytes, n_bytes);
    if (end > output->n_bytes) output->n_bytes = end;
    return SIREN_OK;
}

/* `offset` negative: at the current position. */
static siren_status write_all(siren_output *output, off_t offset, const uint8_t *bytes, size_t n_bytes) {
    while (n_bytes > 0) {
        ssize_t n =
            offset < 0 ? write(output->fd, bytes, n_bytes) : pwrite(output->fd, bytes, n_bytes, offset);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return output_failed(output, "writing");
        bytes += n;
        if (offset >= 0) offset += n;
        n_bytes -= (size_t)n;
    }
    return SIREN_OK;
}

siren_status siren_output_write(siren_output *output, const void *bytes, size_t n_bytes) {
    if (output->fd < 0) return write_to_memory(output, output->n_bytes, bytes, n_bytes);
    return write_all(output, -1, bytes, n_bytes);
}

siren_status siren_output_write_at(siren_output *output, uint64_t offset, const void *bytes, size_t n_bytes) {
    if (output->fd < 0) return write_to_memory(output, (size_t)offset, bytes, n_bytes);
    return write_all(output, (off_t)offset, bytes, n_bytes);
}

/* Exactly what output_name_temporary() makes: other names that begin so are a user's. */
static bool is_temporary_name(const char *name) {
    int end = 0;
    sscanf(name, HIDDEN_PREFIX "%*[0-9]-%*[0-9].tmp%n", &end);
    return end > 0 && !name[end];
}

void siren_folder_clear_leftovers(const char *path) {
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        if (!is_temporary_name(entry->d_name)) continue;
        SIREN_AT_END(siren_close_at)
        int fd = openat(dirfd(folder), entry->d_name, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) unlinkat(dirfd(folder), entry->d_name, 0);
    }
    if (folder) closedir(folder);
}

/* Gives the nameless file a hidden name next to its final one, so that rename() can replace atomically. */
static siren_status output_link_temporary(siren_output *output) {
    for (unsigned attempt = 0; attempt < 100; attempt++) {
        SIREN_TRY(output_name_temporary(output, attempt));
        if (linkat(AT_FDCWD, output->descriptor, AT_FDCWD, output->temporary, AT_SYMLINK_FOLLOW) == 0) {
            siren_abandon_add(&hidden_names, output->temporary);
            return SIREN_OK;
        }
        if (errno != EEXIST) break;
    }
    siren_status status = output_failed(output, "naming the file");
    free(SIREN_TAKE(output->temporary));
    return status;
}

int siren_file_rename_new(const char *from, const char *to) {
    struct stat facts;
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) return 0;
    if (errno != EINVAL && errno != ENOSYS) return -1;
    /* A file system that cannot rename so: a second name, or where it has no second names either, a last look. */
    if (link(from, to) == 0) return unlink(from);
    if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS) return -1;
    if (lstat(to, &facts) != 0) return rename(from, to);
    errno = EEXIST;
    return -1;
}

const char *siren_output_unfinished(const siren_output *output) {
    return output->temporary ? output->temporary : output->descriptor;
}

siren_status siren_output_flush(siren_output *output) {
    return fsync(output->fd) == 0 ? SIREN_OK : output_failed(output, "flushing to disk");
}

void siren_folder_sync(const char *folder) {
    SIREN_AT_END(siren_close_at) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    /* A folder may be one to write into alone; some file systems sync no folders. */
    if (fd >= 0 && fsync(fd) != 0 && errno != EINVAL && errno != EROFS && errno != ENOTSUP)
        siren_log(SIREN_LOG_WARNING,
                  "%s: flushing the folder to disk failed: %s; its new files may not outlast a loss of power",
                  folder, strerror(errno));
}

siren_status siren_output_commit(siren_output *finished) {
    SIREN_AT_END(siren_output_discard_at) siren_output *output = finished;
    SIREN_TRY(siren_output_flush(output));
    if (!output->temporary) SIREN_TRY(output_link_temporary(output));
    if ((output->overwrite ? rename : siren_file_rename_new)(output->temporary, output->path) != 0)
        return errno == EEXIST ? siren_fail(SIREN_USAGE,
                                            "%s: appeared while it was being made and is not replaced; "
                                            "give another name",
                                            output->path)
                               : output_failed(output, "renaming the finished file");
    siren_abandon_remove(&hidden_names, output->temporary);
    free(SIREN_TAKE(output->temporary));
    siren_folder_sync(output->folder);
    return SIREN_OK;
}

siren_status siren_file_write(const char *path, bool overwrite, const void *bytes, size_t n_bytes) {
    SIREN_AT_END(siren_output_discard_at) siren_output *output = NULL;
    SIREN_TRY(siren_output_open(path, overwrite, &output));
    SIREN_TRY(siren_output_write(output, bytes, n_bytes));
    return siren_output_commit(SIREN_TAKE(output));
}
