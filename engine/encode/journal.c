#define _GNU_SOURCE
#include "engine/encode/journal.h"

#include "formats/little_endian.h"
#include "formats/pack.h"
#include "host/digest.h"
#include "host/file.h"
#include "host/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The file: MAGIC, a line of HOLDER_BYTES on who works, the facts, an empty line; then pieces. A piece: MARK, length
 * of its bytes, CRC-64 of both, SHA-256 of these and the bytes, then the bytes. Both sums begin with the facts, so
 * that no piece is ever taken for one of another work. */
#define MAGIC "sirencl journal 1\n"
#define MAGIC_BYTES (sizeof MAGIC - 1)
#define HOLDER_BYTES 128
#define AT_FACTS (MAGIC_BYTES + HOLDER_BYTES)
#define MOST_FACTS 16384
#define MOST_SHOWN 200 /* of a line of them */
static const uint8_t mark[8] = {0x8d, 'p', 'i', 'e', 'c', 'e', '\r', '\n'};
#define AT_LENGTH 8
#define AT_CRC 16
#define AT_DIGEST 24
#define DIGEST_BYTES (SIREN_DIGEST_CHARS - 1)
#define PREFIX_BYTES (AT_DIGEST + DIGEST_BYTES)
#define WINDOW_BYTES 65536

typedef struct {
    uint64_t offset, n_bytes; /* of the prefix in the file, and of what follows it */
} piece;

struct siren_journal {
    char *path, *facts;
    int fd;
    piece *pieces; /* (room) those that were there */
    size_t n, room;
    uint64_t facts_crc;
    uint64_t end; /* where the next piece goes */
    bool worth;   /* has pieces */
    bool named;   /* its name is on disk */
};

/* ---- bytes of the file ---- */

static bool read_at(int fd, void *to, size_t n_bytes, uint64_t offset) {
    for (size_t got = 0; got < n_bytes;) {
        ssize_t n = pread(fd, (char *)to + got, n_bytes - got, (off_t)(offset + got));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        got += (size_t)n;
    }
    return true;
}

static bool write_at(int fd, const void *from, size_t n_bytes, uint64_t offset) {
    for (size_t put = 0; put < n_bytes;) {
        ssize_t n = pwrite(fd, (const char *)from + put, n_bytes - put, (off_t)(offset + put));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        put += (size_t)n;
    }
    return true;
}

static uint64_t size_of(int fd) {
    struct stat facts;
    return fstat(fd, &facts) == 0 && facts.st_size > 0 ? (uint64_t)facts.st_size : 0;
}

static uint64_t prefix_crc(const siren_journal *j, const uint8_t *prefix) {
    return siren_crc64(j->facts_crc, prefix, AT_CRC);
}

static void piece_digest(const char *facts, const uint8_t *prefix, const uint8_t *bytes, size_t n_bytes,
                         char hex[SIREN_DIGEST_CHARS]) {
    siren_digest digest;
    siren_digest_begin(&digest);
    siren_digest_add(&digest, facts, strlen(facts));
    siren_digest_add(&digest, prefix, AT_CRC);
    siren_digest_add(&digest, bytes, n_bytes);
    siren_digest_end(&digest, hex);
}

/* ---- finding pieces ---- */

/* What of the file is in memory, so that a search for many marks reads each byte about once. */
typedef struct {
    int fd;
    uint64_t size, begin; /* of the file; of the bytes */
    size_t n;
    uint8_t bytes[WINDOW_BYTES];
} window;

/* The bytes [at, at + n_bytes) of the file and those that follow in the window: `*n` in all. NULL where they are not in
 * the file. */
static const uint8_t *look(window *w, uint64_t at, size_t n_bytes, size_t *n) {
    if (at < w->begin || at - w->begin > w->n || n_bytes > w->n - (at - w->begin)) {
        if (at > w->size || n_bytes > w->size - at) return NULL;
        w->begin = at;
        w->n = w->size - at < sizeof w->bytes ? (size_t)(w->size - at) : sizeof w->bytes;
        if (!read_at(w->fd, w->bytes, w->n, at)) w->n = 0;
        if (n_bytes > w->n) return NULL;
    }
    *n = w->n - (size_t)(at - w->begin);
    return w->bytes + (at - w->begin);
}

/* The first mark from `offset` on; false where there is none. */
static bool find_mark(window *w, uint64_t *offset) {
    const uint8_t *bytes;
    size_t n;
    for (uint64_t at = *offset; (bytes = look(w, at, sizeof mark, &n)); at += n - (sizeof mark - 1)) {
        const uint8_t *found = memmem(bytes, n, mark, sizeof mark);
        if (!found) continue;
        *offset = at + (uint64_t)(found - bytes);
        return true;
    }
    return false;
}

/* The bytes of a piece whose prefix is right: yours to free(), or NULL where its digest is wrong. */
static siren_status read_piece(const siren_journal *j, const piece *p, uint8_t **out) {
    uint8_t prefix[PREFIX_BYTES];
    char hex[SIREN_DIGEST_CHARS];
    SIREN_FREE_AT_END uint8_t *bytes = NULL;
    *out = NULL;
    SIREN_TRY(siren_allocate(&bytes, (size_t)p->n_bytes, 1, "a finished piece"));
    if (!read_at(j->fd, prefix, sizeof prefix, p->offset) ||
        !read_at(j->fd, bytes, (size_t)p->n_bytes, p->offset + PREFIX_BYTES))
        return SIREN_OK;
    piece_digest(j->facts, prefix, bytes, (size_t)p->n_bytes, hex);
    if (memcmp(hex, prefix + AT_DIGEST, DIGEST_BYTES) == 0) *out = SIREN_TAKE(bytes);
    return SIREN_OK;
}

static siren_status remember(siren_journal *j, const piece *p) {
    if (j->n == j->room) {
        size_t room = j->room ? 2 * j->room : 64;
        piece *larger = realloc(j->pieces, room * sizeof *larger);
        if (!larger) return siren_fail(SIREN_SYSTEM, "out of memory: the pieces of %s", j->path);
        j->pieces = larger;
        j->room = room;
    }
    j->pieces[j->n++] = *p;
    return SIREN_OK;
}

/* All pieces of these facts. What is not one is searched byte by byte for the next. */
static siren_status find_pieces(siren_journal *j) {
    const uint64_t size = size_of(j->fd);
    uint64_t at = 0, wasted = 0;
    window w = {.fd = j->fd, .size = size};
    while (wasted <= 2 * size && find_mark(&w, &at)) { /* made to last, it would be quadratic */
        SIREN_FREE_AT_END uint8_t *bytes = NULL;
        size_t n;
        const uint8_t *prefix = look(&w, at, PREFIX_BYTES, &n);
        if (!prefix) break;
        piece found = {at, siren_get_u64(prefix + AT_LENGTH)};
        at++;
        if (siren_get_u64(prefix + AT_CRC) != prefix_crc(j, prefix) ||
            found.n_bytes > size - found.offset - PREFIX_BYTES)
            continue;
        SIREN_TRY(read_piece(j, &found, &bytes));
        if (!bytes) {
            wasted += found.n_bytes;
            continue;
        }
        SIREN_TRY(remember(j, &found));
        j->end = at = found.offset + PREFIX_BYTES + found.n_bytes;
    }
    return SIREN_OK;
}

/* ---- opening ---- */

/* The head of a file of these facts. `*bytes` is yours to free(). */
static siren_status make_head(const char *facts, char **head, size_t *n_bytes) {
    char host[65] = "", *text = NULL;
    gethostname(host, sizeof host - 1);
    int n =
        asprintf(&text, MAGIC "process %-20ld on %-*s\n%s\n", (long)getpid(), HOLDER_BYTES - 33, host, facts);
    if (n < 0) return siren_fail(SIREN_SYSTEM, "out of memory: the head of a journal");
    *head = text;
    *n_bytes = (size_t)n;
    return SIREN_OK;
}

static siren_status in_use(const siren_journal *j) {
    char head[AT_FACTS + 1] = "", host[65];
    long process;
    if (read_at(j->fd, head, AT_FACTS, 0) &&
        sscanf(head + MAGIC_BYTES, "process %ld on %64s", &process, host) == 2)
        return siren_fail(SIREN_USAGE, "%s: process %ld on %s is making this archive; wait for it or stop it",
                          j->path, process, host);
    return siren_fail(SIREN_USAGE, "%s: another process is making this archive; wait for it or stop it",
                      j->path);
}

/* Whether the open file still has its name: its last holder removes it. */
static bool has_name(const siren_journal *j) {
    struct stat ours, there;
    return fstat(j->fd, &ours) == 0 && lstat(j->path, &there) == 0 && ours.st_dev == there.st_dev &&
           ours.st_ino == there.st_ino;
}

static siren_status open_locked(siren_journal *j) {
    for (int tries = 0; tries < 10; tries++) {
        struct stat facts;
        j->fd = open(j->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
        if (j->fd < 0)
            return siren_fail(errno == ELOOP || errno == EISDIR ? SIREN_UNSUPPORTED : SIREN_SYSTEM,
                              "%s: cannot be opened: %s", j->path, strerror(errno));
        if (fstat(j->fd, &facts) != 0 || !S_ISREG(facts.st_mode))
            return siren_fail(SIREN_UNSUPPORTED, "%s: is not a regular file", j->path);
        if (siren_lock_descriptor(j->fd) != 0)
            return errno == EWOULDBLOCK
                       ? in_use(j)
                       : siren_fail(SIREN_SYSTEM, "%s: cannot be locked: %s", j->path, strerror(errno));
        if (has_name(j)) return SIREN_OK;
        close(j->fd);
        j->fd = -1;
    }
    return siren_fail(SIREN_SYSTEM, "%s: comes and goes", j->path);
}

/* The first line in which facts differ. */
static siren_status refuse_facts(const siren_journal *j, char *there) {
    const char *here = j->facts;
    for (;;) {
        size_t n = strcspn(there, "\n"), m = strcspn(here, "\n");
        if (n != m || memcmp(there, here, n) != 0 || n == 0) {
            for (size_t i = 0; i < n; i++) /* what is shown steers no terminal */
                if ((unsigned char)there[i] < ' ' || (unsigned char)there[i] > '~') there[i] = ' ';
            return siren_fail(
                SIREN_USAGE,
                "%s: keeps finished blocks of another compression, with '%.*s' instead of '%.*s'; go on "
                "with that one, or give --no-resume to drop it, or another output",
                j->path, (int)(n < MOST_SHOWN ? n : MOST_SHOWN), there,
                (int)(m < MOST_SHOWN ? m : MOST_SHOWN), here);
        }
        there += n + (there[n] != 0);
        here += m + (here[m] != 0);
    }
}

/* What to do with what is there: j->n pieces of ours have been found. */
static siren_status judge(siren_journal *j, bool anew) {
    SIREN_FREE_AT_END char *there = NULL;
    const uint64_t size = size_of(j->fd);
    uint64_t at = 0;
    window w = {.fd = j->fd, .size = size};
    size_t n = size < AT_FACTS + MOST_FACTS ? (size_t)size : AT_FACTS + MOST_FACTS;
    SIREN_TRY(siren_allocate(&there, n + 1, 1, "the head of a journal"));
    if (!read_at(j->fd, there, n, 0))
        return siren_fail(SIREN_SYSTEM, "%s: cannot be read: %s", j->path, strerror(errno));
    bool ours = memcmp(there, MAGIC, n < MAGIC_BYTES ? n : MAGIC_BYTES) == 0;
    if (size == 0 || j->n > 0 || (ours && anew)) return SIREN_OK;
    if (!ours)
        return siren_fail(SIREN_UNSUPPORTED, "%s: is no journal of sirencl's and is left alone", j->path);
    char *facts = there + (n < AT_FACTS ? n : AT_FACTS);
    if (strncmp(facts, j->facts, strlen(j->facts)) == 0 || !find_mark(&w, &at)) return SIREN_OK;
    return refuse_facts(j, facts);
}

/* Head and pieces, and nothing behind them. */
static siren_status begin(siren_journal *j, bool anew) {
    SIREN_FREE_AT_END char *head = NULL;
    size_t n_head = 0;
    SIREN_TRY(make_head(j->facts, &head, &n_head));
    if (anew) j->n = 0;
    if (j->n == 0) j->end = n_head;
    bool fits =
        j->n == 0 || j->pieces[0].offset >= n_head; /* not so where a part before the pieces is missing */
    if (ftruncate(j->fd, (off_t)(j->n == 0 ? 0 : j->end)) != 0 || (fits && !write_at(j->fd, head, n_head, 0)))
        return siren_fail(SIREN_SYSTEM, "%s: cannot be written: %s", j->path, strerror(errno));
    j->worth = j->n > 0;
    (j->worth ? siren_file_resumable : siren_file_worthless)(j->path, true);
    return SIREN_OK;
}

/* Releases, and removes the file where it is wanted. */
static void release(siren_journal *j, bool remove) {
    if (j->fd >= 0 && remove && has_name(j)) unlink(j->path);
    if (j->path) siren_file_worthless(j->path, false);
    if (j->path) siren_file_resumable(j->path, false);
    if (j->fd >= 0) close(j->fd);
    free(j->pieces);
    free(j->facts);
    free(j->path);
    free(j);
}

siren_status siren_journal_open(const char *path, const char *facts, bool anew, siren_journal **out) {
    siren_journal *j = NULL;
    SIREN_TRY(siren_allocate(&j, 1, sizeof *j, "a journal"));
    j->fd = -1;
    j->path = strdup(path);
    j->facts = strdup(facts);
    siren_status status =
        j->path && j->facts ? open_locked(j) : siren_fail(SIREN_SYSTEM, "out of memory: %s", path);
    if (status == SIREN_OK) j->facts_crc = siren_crc64(0, facts, strlen(facts));
    bool empty = status == SIREN_OK && size_of(j->fd) == 0;
    if (status == SIREN_OK) status = find_pieces(j);
    if (status == SIREN_OK) status = judge(j, anew);
    if (status == SIREN_OK) status = begin(j, anew);
    if (status == SIREN_OK)
        *out = j;
    else
        release(j, empty);
    return status;
}

siren_status siren_journal_look(const char *path, bool drop, bool *found) {
    char magic[MAGIC_BYTES];
    struct stat facts;
    SIREN_AT_END(siren_close_at)
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    siren_journal j = {.path = (char *)path, .fd = fd};
    *found = fd >= 0 && fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode) &&
             read_at(fd, magic, MAGIC_BYTES, 0) && memcmp(magic, MAGIC, MAGIC_BYTES) == 0;
    if (!*found) return SIREN_OK;
    if (siren_lock_descriptor(fd) != 0 && errno == EWOULDBLOCK) return in_use(&j);
    if (drop && has_name(&j) && unlink(path) != 0)
        return siren_fail(SIREN_SYSTEM, "%s: cannot be removed: %s", path, strerror(errno));
    return SIREN_OK;
}

/* ---- using ---- */

size_t siren_journal_count(const siren_journal *j) { return j->n; }

siren_status siren_journal_read(const siren_journal *j, size_t nth, uint8_t **bytes, size_t *n_bytes) {
    SIREN_TRY(read_piece(j, &j->pieces[nth], bytes));
    if (!*bytes) return siren_fail(SIREN_CORRUPT, "%s: a piece of it changed", j->path);
    *n_bytes = (size_t)j->pieces[nth].n_bytes;
    return SIREN_OK;
}

siren_status siren_journal_add(siren_journal *j, const uint8_t *bytes, size_t n_bytes) {
    SIREN_FREE_AT_END uint8_t *whole = NULL;
    char hex[SIREN_DIGEST_CHARS];
    SIREN_TRY(siren_allocate(&whole, PREFIX_BYTES + n_bytes, 1, "a finished piece"));
    memcpy(whole, mark, sizeof mark);
    siren_put_u64(whole + AT_LENGTH, n_bytes);
    siren_put_u64(whole + AT_CRC, prefix_crc(j, whole));
    piece_digest(j->facts, whole, bytes, n_bytes, hex);
    memcpy(whole + AT_DIGEST, hex, DIGEST_BYTES);
    memcpy(whole + PREFIX_BYTES, bytes, n_bytes);
    if (!write_at(j->fd, whole, PREFIX_BYTES + n_bytes, j->end))
        return siren_fail(SIREN_SYSTEM, "%s: cannot be written: %s", j->path, strerror(errno));
    j->end += PREFIX_BYTES + n_bytes;
    if (j->worth) return SIREN_OK;
    siren_file_worthless(j->path, false);
    siren_file_resumable(j->path, true);
    j->worth = true;
    return SIREN_OK;
}

siren_status siren_journal_flush(siren_journal *j) {
    if (fdatasync(j->fd) != 0)
        return siren_fail(SIREN_SYSTEM, "%s: cannot be flushed to disk: %s", j->path, strerror(errno));
    if (j->named) return SIREN_OK;
    SIREN_FREE_AT_END char *copy = strdup(j->path);
    SIREN_AT_END(siren_close_at)
    int folder = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (folder >= 0) fsync(folder); /* where that cannot be, names are on disk when they are made */
    j->named = true;
    return SIREN_OK;
}

void siren_journal_close(siren_journal *j, bool keep) {
    if (j) release(j, !keep || !j->worth);
}
