/* Reading: the bytes of a plain or gzip file in order, with every size justified by the file's before it is
 * allocated. */
#include "formats/nifti.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "host/file.h"

#define HEAD_BYTES 540 /* the larger of the two headers */
#define CHUNK_BYTES 65536
#define DEFLATE_RATIO 1032      /* most bytes that one byte of DEFLATE can give: 258 from two bits */
#define EXCESS_LIMIT (1u << 20) /* how many bytes after the voxels are read at least before giving up */

typedef struct {
    const char *path;
    int fd;
    uint64_t file_bytes;
    uint64_t read_bytes; /* of the file so far */
    siren_nifti_use use;
    uint64_t n_foreign; /* bytes after the gzip stream that are not gzip, where they do not matter */
    bool gzip;
    bool inflating; /* `stream` is to be ended */
    bool ended;     /* gzip: the last member is complete */
    z_stream stream;
    uint8_t chunk[CHUNK_BYTES];
    uint8_t head[HEAD_BYTES]; /* the first bytes (decompressed), which `source_read` gives again */
    size_t n_head, head_used;
} nifti_source;

/* Reads up to `n_bytes` of the file; fewer at its end. */
static siren_status file_read(nifti_source *source, void *out, size_t n_bytes, size_t *n_got) {
    size_t got = 0;
    while (got < n_bytes) {
        ssize_t n = read(source->fd, (uint8_t *)out + got, n_bytes - got);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0)
            return siren_fail(SIREN_SYSTEM, "%s: reading failed after %llu of %llu byte%s: %s", source->path,
                              (unsigned long long)source->read_bytes, (unsigned long long)source->file_bytes,
                              siren_plural(source->file_bytes), strerror(errno));
        if (n == 0) break;
        got += (size_t)n;
        source->read_bytes += (uint64_t)n;
    }
    *n_got = got;
    return SIREN_OK;
}

/* Moves what is left of the chunk to its front and fills the rest from the file. */
static siren_status refill(nifti_source *source) {
    size_t left = source->stream.avail_in, got = 0;
    if (left > 0) memmove(source->chunk, source->stream.next_in, left);
    SIREN_TRY(file_read(source, source->chunk + left, CHUNK_BYTES - left, &got));
    source->stream.next_in = source->chunk;
    source->stream.avail_in = (uInt)(left + got);
    return SIREN_OK;
}

/* After a complete member: another one, the end, zeros that pad to the end (as tapes leave them), or an
 * error. */
static siren_status next_member(nifti_source *source) {
    z_stream *stream = &source->stream;
    if (stream->avail_in < 2) SIREN_TRY(refill(source));
    if (stream->avail_in >= 2 && stream->next_in[0] == 0x1f && stream->next_in[1] == 0x8b) {
        if (inflateReset(stream) != Z_OK)
            return siren_fail(SIREN_SYSTEM, "%s: zlib cannot begin the next member", source->path);
        return SIREN_OK;
    }
    uint64_t trailing = stream->avail_in;
    if (source->file_bytes > source->read_bytes) trailing += source->file_bytes - source->read_bytes;
    const bool left_out = source->use == SIREN_NIFTI_JUDGED || source->use == SIREN_NIFTI_CUT;
    if (left_out) source->n_foreign = trailing;
    while (stream->avail_in > 0 && !left_out) {
        for (uInt i = 0; i < stream->avail_in; i++)
            if (stream->next_in[i] != 0)
                return siren_fail(SIREN_CORRUPT,
                                  "%s: %llu byte%s after the compressed image that would be lost, not being "
                                  "gzip's; cut them off, or leave them out with --no-tail",
                                  source->path, (unsigned long long)trailing, siren_plural(trailing));
        stream->avail_in = 0;
        SIREN_TRY(refill(source));
    }
    source->ended = true;
    return SIREN_OK;
}

/* Decompresses up to `n_bytes`; fewer only at the end of the last member, whose checks have then passed. */
static siren_status gzip_read(nifti_source *source, uint8_t *out, size_t n_bytes, size_t *n_got) {
    z_stream *stream = &source->stream;
    size_t got = 0;
    while (got < n_bytes && !source->ended) {
        if (stream->avail_in == 0) {
            SIREN_TRY(refill(source));
            if (stream->avail_in == 0)
                return siren_fail(
                    SIREN_CORRUPT,
                    "%s: is truncated: the file ends after %llu byte%s, within its gzip stream; copy "
                    "the file again",
                    source->path, (unsigned long long)source->read_bytes, siren_plural(source->read_bytes));
        }
        size_t room = n_bytes - got < (1u << 30) ? n_bytes - got : 1u << 30;
        stream->next_out = out + got;
        stream->avail_out = (uInt)room;
        int result = inflate(stream, Z_NO_FLUSH);
        got += room - stream->avail_out;
        if (result == Z_STREAM_END)
            SIREN_TRY(next_member(source));
        else if (result == Z_MEM_ERROR)
            return siren_fail(SIREN_SYSTEM, "%s: out of memory while decompressing", source->path);
        else if (result != Z_OK && result != Z_BUF_ERROR)
            return siren_fail(
                SIREN_CORRUPT,
                "%s: the gzip stream is damaged (%s) near byte %llu of %llu; copy the file again",
                source->path, stream->msg ? stream->msg : "it needs a dictionary",
                (unsigned long long)(source->read_bytes - stream->avail_in),
                (unsigned long long)source->file_bytes);
    }
    *n_got = got;
    return SIREN_OK;
}

static siren_status source_read(nifti_source *source, void *out, size_t n_bytes, size_t *n_got) {
    size_t again = source->n_head - source->head_used, got = 0;
    if (again > n_bytes) again = n_bytes;
    memcpy(out, source->head + source->head_used, again);
    source->head_used += again;
    uint8_t *rest = (uint8_t *)out + again;
    SIREN_TRY(source->gzip ? gzip_read(source, rest, n_bytes - again, &got)
                           : file_read(source, rest, n_bytes - again, &got));
    *n_got = again + got;
    return SIREN_OK;
}

static void source_close(nifti_source *source) {
    if (!source) return;
    if (source->inflating) inflateEnd(&source->stream);
    if (source->fd >= 0) close(source->fd);
    free(source);
}
SIREN_POINTER_RELEASE(nifti_source, source_close)

/* Opens `path`, finds out whether it is gzip, and fills `head`. */
static siren_status source_open(const char *path, siren_nifti_use use, nifti_source **out) {
    SIREN_AT_END(source_close_at) nifti_source *source = NULL;
    struct stat facts;
    SIREN_TRY(siren_allocate(&source, 1, sizeof *source, path));
    source->path = path;
    source->use = use;
    /* O_NONBLOCK: opening a FIFO must not wait for its writer. */
    source->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (source->fd < 0) return siren_file_unopened(path);
    if (fstat(source->fd, &facts) != 0)
        return siren_fail(SIREN_SYSTEM, "%s: cannot be opened: %s", path, strerror(errno));
    if (!S_ISREG(facts.st_mode))
        return siren_fail(SIREN_USAGE, "%s: is not a regular file; give the path of a .nii or .nii.gz file",
                          path);
    source->file_bytes = (uint64_t)facts.st_size;
    if (source->file_bytes == 0)
        return siren_fail(SIREN_CORRUPT, "%s: is not a NIfTI file: it is empty; copy the file again", path);
    size_t got = 0;
    SIREN_TRY(file_read(source, source->head, 2, &got));
    source->gzip = got == 2 && source->head[0] == 0x1f && source->head[1] == 0x8b;
    if (source->gzip) {
        memcpy(source->chunk, source->head, 2);
        source->stream.next_in = source->chunk;
        source->stream.avail_in = 2;
        if (inflateInit2(&source->stream, 15 + 16) != Z_OK)
            return siren_fail(SIREN_SYSTEM, "%s: out of memory: zlib cannot begin", path);
        source->inflating = true;
        SIREN_TRY(gzip_read(source, source->head, HEAD_BYTES, &source->n_head));
    } else {
        size_t rest = 0;
        SIREN_TRY(file_read(source, source->head + got, HEAD_BYTES - got, &rest));
        source->n_head = got + rest;
    }
    *out = SIREN_TAKE(source);
    return SIREN_OK;
}

/* Refuses a series that the file cannot hold or the caller does not want. */
static siren_status check_sizes(const nifti_source *source, const siren_geometry *g, size_t memory_limit) {
    uint64_t voxels = siren_geometry_voxels(g) * siren_datatype_size(g->datatype);
    uint64_t declared = g->voxel_offset + voxels; /* siren_nifti_parse() excluded overflow */
    if (!source->gzip && declared > source->file_bytes)
        return siren_fail(SIREN_CORRUPT,
                          "%s: is truncated: the file has %llu byte%s, but its header declares %llu (%zu x "
                          "%zu x %zu x %zu voxels of %s after byte %llu); copy the file again",
                          source->path, (unsigned long long)source->file_bytes,
                          siren_plural(source->file_bytes), (unsigned long long)declared, g->nx, g->ny, g->nz,
                          g->n_volumes, siren_datatype_name(g->datatype),
                          (unsigned long long)g->voxel_offset);
    if (source->gzip && declared / DEFLATE_RATIO > source->file_bytes)
        return siren_fail(SIREN_CORRUPT,
                          "%s: is truncated or its header lies: it declares %llu byte%s, more than %llu "
                          "compressed bytes can give; copy the file again",
                          source->path, (unsigned long long)declared, siren_plural(declared),
                          (unsigned long long)source->file_bytes);
    if (declared > memory_limit)
        return siren_fail(
            SIREN_UNSUPPORTED,
            "%s: needs %llu bytes of memory, more than the limit of %zu; raise the limit, or cut the "
            "image into parts",
            source->path, (unsigned long long)declared, memory_limit);
    return SIREN_OK;
}

/* Fills `out` or says that the data ends early. */
static siren_status read_exactly(nifti_source *source, uint64_t before, uint64_t declared, void *out,
                                 size_t n_bytes) {
    size_t got = 0;
    SIREN_TRY(source_read(source, out, n_bytes, &got));
    if (got < n_bytes)
        return siren_fail(
            SIREN_CORRUPT,
            "%s: is truncated: it holds %llu byte%s%s, but its header declares %llu; copy the file again",
            source->path, (unsigned long long)(before + got), siren_plural((before + got)),
            source->gzip ? " after decompression" : "", (unsigned long long)declared);
    return SIREN_OK;
}

/* What follows the voxels, to be kept, and that the gzip stream ends with the right checksum. */
static siren_status read_tail(nifti_source *source, siren_series *series) {
    SIREN_FREE_AT_END uint8_t *tail = NULL;
    size_t room = 0, n = 0, got;
    for (;;) {
        uint8_t scratch[4096];
        SIREN_TRY(source_read(source, scratch, sizeof scratch, &got));
        if (got == 0) break;
        if (n + got > SIREN_NIFTI_MOST_TAIL)
            return siren_fail(
                SIREN_UNSUPPORTED,
                "%s: more than %zu bytes follow the voxels, which is the limit; leave them out with "
                "--no-tail, or correct the header's dimensions",
                source->path, SIREN_NIFTI_MOST_TAIL);
        if (n + got > room) {
            room = room ? 2 * room : sizeof scratch;
            uint8_t *larger = realloc(tail, room);
            if (!larger)
                return siren_fail(SIREN_SYSTEM, "%s: out of memory: what follows the voxels", source->path);
            tail = larger;
        }
        memcpy(tail + n, scratch, got);
        n += got;
    }
    series->tail = SIREN_TAKE(tail);
    series->n_tail = n;
    return SIREN_OK;
}

/* The same where it is left out. */
static siren_status skip_tail(nifti_source *source, uint64_t declared) {
    const uint64_t limit = source->use == SIREN_NIFTI_CUT ? UINT64_MAX
                           : declared > EXCESS_LIMIT      ? declared
                                                          : EXCESS_LIMIT;
    uint64_t excess = 0;
    size_t got = 0;
    do {
        uint8_t scratch[4096];
        SIREN_TRY(source_read(source, scratch, sizeof scratch, &got));
        excess += got;
    } while (got > 0 && source->gzip && excess < limit);
    const char *least = source->gzip && got > 0 ? "at least " : "";
    if (!source->gzip && excess > 0) excess = source->file_bytes - declared; /* without reading them */
    excess += source->n_foreign;
    if (excess > 0 && source->use != SIREN_NIFTI_DECODED)
        siren_log(SIREN_LOG_WARNING, "%s: %s%llu byte%s after the voxels left out", source->path, least,
                  (unsigned long long)excess, siren_plural(excess));
    return SIREN_OK;
}

siren_status siren_nifti_read_for(siren_nifti_use use, const char *path, size_t memory_limit,
                                  siren_series *out) {
    SIREN_AT_END(source_close_at) nifti_source *source = NULL;
    SIREN_AT_END(siren_series_free) siren_series series = {0};
    siren_geometry *g = &series.geometry;
    SIREN_TRY(source_open(path, use, &source));
    SIREN_TRY(siren_nifti_parse(path, source->head, source->n_head, g));
    SIREN_TRY(check_sizes(source, g, memory_limit));
    size_t offset = (size_t)g->voxel_offset, voxels = siren_geometry_voxels(g);
    size_t voxel_bytes = voxels * siren_datatype_size(g->datatype);
    SIREN_TRY(siren_allocate(&series.header, offset, 1, path));
    SIREN_TRY(read_exactly(source, 0, offset + voxel_bytes, series.header, offset));
    SIREN_TRY(siren_allocate(&series.voxels, voxels, siren_datatype_size(g->datatype), path));
    SIREN_TRY(read_exactly(source, offset, offset + voxel_bytes, series.voxels, voxel_bytes));
    SIREN_TRY(use == SIREN_NIFTI_STORED ? read_tail(source, &series)
                                        : skip_tail(source, offset + voxel_bytes));
    if (use != SIREN_NIFTI_DECODED) siren_nifti_warn(path, series.header, g);
    if (g->swapped) siren_datatype_swap(g->datatype, series.voxels, voxels);
    *out = SIREN_TAKE(series);
    return SIREN_OK;
}

siren_status siren_nifti_read(const char *path, size_t memory_limit, siren_series *out) {
    return siren_nifti_read_for(SIREN_NIFTI_STORED, path, memory_limit, out);
}

siren_status siren_nifti_read_geometry(const char *path, siren_geometry *out) {
    SIREN_AT_END(source_close_at) nifti_source *source = NULL;
    SIREN_TRY(source_open(path, SIREN_NIFTI_JUDGED, &source));
    return siren_nifti_parse(path, source->head, source->n_head, out);
}
