#define _GNU_SOURCE
#include "tools/common/streams.h"

#include "formats/archive.h"
#include "formats/nifti.h"
#include "host/file.h"
#include "host/names.h"
#include "host/staging.h"
#include "tools/common/mrtrix_pipe.h"
#include "tools/common/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define INPUT "standard input"
#define OUTPUT "standard output"
#define CHUNK_BYTES ((size_t)1 << 20)
#define HEAD_BYTES ((size_t)1 << 16) /* tell what it is */

static struct {
    char input[64];
    int results;            /* standard output, while its number leads to standard error */
    siren_staging *staging; /* NULL: nothing is written */
    char *output;
} streams = {.results = -1};

bool siren_stream_named(const char *name) { return strcmp(name, "-") == 0; }

/* ---- input ---- */

/* A name of the open file that programs of this process's open, too. */
static siren_status name_input(int fd) {
    struct stat facts;
    snprintf(streams.input, sizeof streams.input, "/proc/%ld/fd/%d", (long)getpid(), fd);
    siren_terminal_call(streams.input, INPUT);
    if (stat(streams.input, &facts) == 0) return SIREN_OK;
    return siren_fail(SIREN_SYSTEM, INPUT ": cannot be read without /proc; save it as a file");
}

static const char *place(void) {
    const char *folder = getenv("TMPDIR");
    return folder && *folder ? folder : "/tmp";
}

static siren_status open_nameless(int *fd) {
    SIREN_FREE_AT_END char *name = NULL;
    *fd = open(place(), O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
    if (*fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
        if (asprintf(&name, "%s/sirencl-XXXXXX", place()) < 0)
            return siren_fail(SIREN_SYSTEM, "out of memory: the name of a temporary file");
        *fd = mkostemp(name, O_CLOEXEC);
        if (*fd >= 0) unlink(name);
    }
    if (*fd >= 0) return SIREN_OK;
    return siren_fail(SIREN_SYSTEM, INPUT ": cannot be kept in %s: %s; name a folder in TMPDIR", place(),
                      strerror(errno));
}

/* MRtrix's commands give each other names of files. */
static siren_status refuse_mrtrix(const char *head, size_t n) {
    const char *mif = memmem(head, n, ".mif", 4);
    if (n < 4096 && mif && mif + 4 + (head[n - 1] == '\n') == head + n && !memchr(head, '\0', n))
        return siren_fail(SIREN_USAGE, INPUT
                          ": is the name of an MRtrix file and not an image; have mrconvert write a .nii, "
                          "and give that");
    return SIREN_OK;
}

/* Bytes that may come at most, as the beginning says. */
static siren_status judge_head(siren_stream_kind kind, size_t memory_limit, uint64_t *most) {
    siren_geometry g;
    if (kind == SIREN_STREAM_ARCHIVE) {
        if (siren_archive_recognise(streams.input)) return SIREN_OK;
        return siren_fail(SIREN_CORRUPT, INPUT ": is no archive");
    }
    SIREN_TRY(siren_nifti_read_geometry(streams.input, &g));
    const uint64_t declared = g.voxel_offset + siren_geometry_voxels(&g) * siren_datatype_size(g.datatype);
    if (declared > memory_limit)
        return siren_fail(SIREN_UNSUPPORTED,
                          INPUT
                          ": needs %llu bytes of memory, more than the limit of %zu; raise --memory, or "
                          "cut the image into parts",
                          (unsigned long long)declared, memory_limit);
    *most = declared + declared / 8 + 2 * SIREN_NIFTI_MOST_TAIL; /* gzip makes at most 0.03 % more of it */
    return SIREN_OK;
}

static siren_status write_input(int fd, const uint8_t *bytes, size_t n_bytes) {
    while (n_bytes > 0) {
        ssize_t n = write(fd, bytes, n_bytes);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0)
            return siren_fail(SIREN_SYSTEM,
                              INPUT ": cannot be kept in %s: %s; name a folder with more room in TMPDIR",
                              place(), strerror(errno));
        bytes += n;
        n_bytes -= (size_t)n;
    }
    return SIREN_OK;
}

/* Fills `bytes` (n_bytes); fewer at the end of what comes. */
static siren_status read_input(uint8_t *bytes, size_t n_bytes, size_t *n_got) {
    size_t got = 0;
    while (got < n_bytes) {
        ssize_t n = read(STDIN_FILENO, bytes + got, n_bytes - got);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return siren_fail(SIREN_SYSTEM, INPUT ": cannot be read: %s", strerror(errno));
        if (n == 0) break;
        got += (size_t)n;
    }
    *n_got = got;
    return SIREN_OK;
}

static siren_status spool(siren_stream_kind kind, size_t memory_limit, int fd) {
    SIREN_FREE_AT_END uint8_t *chunk = NULL;
    uint64_t total = 0, most = UINT64_MAX;
    size_t n = 0;
    SIREN_TRY(siren_allocate(&chunk, CHUNK_BYTES, 1, INPUT));
    SIREN_TRY(read_input(chunk, HEAD_BYTES, &n));
    if (n == 0)
        return siren_fail(SIREN_CORRUPT,
                          INPUT ": is empty: what should write into the pipe has written nothing");
    if (kind == SIREN_STREAM_IMAGE) SIREN_TRY(refuse_mrtrix((const char *)chunk, n));
    SIREN_TRY(write_input(fd, chunk, n));
    SIREN_TRY(judge_head(kind, memory_limit, &most));
    while (n > 0) {
        total += n;
        if (total > most)
            return siren_fail(SIREN_CORRUPT,
                              INPUT ": does not end where its image does: over %llu bytes have come",
                              (unsigned long long)most);
        if (!siren_terminal_heard()) return siren_fail(SIREN_CANCELLED, "reading was interrupted");
        SIREN_TRY(read_input(chunk, CHUNK_BYTES, &n));
        SIREN_TRY(write_input(fd, chunk, n));
    }
    return SIREN_OK;
}

siren_status siren_stream_read(siren_stream_kind kind, size_t memory_limit, const char **path) {
    struct stat facts;
    int fd = STDIN_FILENO;
    if (isatty(fd)) return siren_fail(SIREN_USAGE, INPUT ": is a terminal; pipe a file into it, or name one");
    const bool rereadable = fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode) && lseek(fd, 0, SEEK_CUR) == 0;
    if (!rereadable) SIREN_TRY(open_nameless(&fd));
    SIREN_TRY(name_input(fd));
    if (!rereadable) SIREN_TRY(spool(kind, memory_limit, fd));
    *path = streams.input;
    return SIREN_OK;
}

/* ---- output ---- */

siren_status siren_stream_divert(void) {
    if (isatty(STDOUT_FILENO))
        return siren_fail(SIREN_USAGE, OUTPUT ": is a terminal; redirect it, or name a file");
    fflush(stdout);
    streams.results = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (streams.results < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        return siren_fail(SIREN_SYSTEM, OUTPUT ": cannot be written: %s", strerror(errno));
    return SIREN_OK;
}

siren_status siren_stream_open(const char *suffix, const char **path) {
    char name[32];
    snprintf(name, sizeof name, "output%s", suffix);
    SIREN_TRY(siren_staging_open(NULL, NULL, 0, true, &streams.staging));
    SIREN_TRY(siren_staging_path(streams.staging, name, &streams.output));
    siren_terminal_call(streams.output, OUTPUT);
    *path = streams.output;
    return SIREN_OK;
}

static siren_status write_failed(uint64_t done, uint64_t n_bytes) {
    if (errno == EPIPE)
        return siren_fail(SIREN_SYSTEM, OUTPUT ": its reader went away after %llu of %llu bytes",
                          (unsigned long long)done, (unsigned long long)n_bytes);
    return siren_fail(SIREN_SYSTEM, OUTPUT ": cannot be written: %s", strerror(errno));
}

static siren_status close_results(void) {
    const int fd = streams.results;
    streams.results = -1;
    return close(fd) == 0 ? SIREN_OK : write_failed(0, 0);
}

siren_status siren_stream_finish(void) {
    SIREN_FREE_AT_END uint8_t *chunk = NULL;
    SIREN_AT_END(siren_close_at) int fd = -1;
    uint64_t n_bytes, done = 0;
    SIREN_TRY(siren_allocate(&chunk, CHUNK_BYTES, 1, OUTPUT));
    SIREN_TRY(siren_file_open(streams.output, &fd, &n_bytes));
    while (done < n_bytes) {
        ssize_t n = pread(fd, chunk, CHUNK_BYTES, (off_t)done);
        if (n <= 0) return siren_fail(SIREN_SYSTEM, OUTPUT ": what was made for it cannot be read again");
        n = write(streams.results, chunk, (size_t)n);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return write_failed(done, n_bytes);
        done += (uint64_t)n;
        if (!siren_terminal_heard()) return siren_fail(SIREN_CANCELLED, "writing was interrupted");
    }
    return close_results();
}

siren_status siren_stream_finish_mrtrix(void) {
    SIREN_FREE_AT_END char *path = NULL, *line = NULL;
    SIREN_TRY(siren_mrtrix_pipe(streams.output, &path));
    siren_status status = SIREN_OK;
    const int n = asprintf(&line, "%s\n", path);
    if (n < 0) status = siren_fail(SIREN_SYSTEM, "out of memory: the name of a temporary file");
    if (status == SIREN_OK && write(streams.results, line, (size_t)n) != n)
        status = write_failed(0, (uint64_t)n);
    if (status == SIREN_OK) status = close_results();
    if (status != SIREN_OK) unlink(path); /* nobody knows its name */
    return status;
}

void siren_stream_end(void) {
    siren_staging_discard(SIREN_TAKE(streams.staging)); /* its path stays: messages may name it */
}
