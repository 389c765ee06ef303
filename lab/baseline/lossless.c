#include "lab/baseline/lossless.h"

#include <limits.h>
#include <lzma.h>
#include <zlib.h>

#define PIECE_BYTES ((size_t)64 << 10) /* packed between two calls of progress */
#define SMALLEST_DICTIONARY ((uint32_t)4 << 10)
#define XZ_PRESET (9 | LZMA_PRESET_EXTREME)

typedef struct {
    siren_progress_fn progress;
    void *user;
} pack_watcher;

static bool goes_on(const pack_watcher *watcher, size_t done, size_t total) {
    return !watcher->progress || watcher->progress(watcher->user, (double)done, (double)total, "packing");
}

static siren_status cancelled(void) { return siren_fail(SIREN_CANCELLED, "packing was interrupted"); }

/* ---- DEFLATE ---- */

static uInt at_most(size_t n, size_t limit) { return (uInt)(n < limit ? n : limit); }

/* Runs `step` (deflate or inflate) from all of `bytes` into at most `room` bytes, in pieces: zlib counts in unsigned
 * int. Returns its last result; Z_OK where the watcher ended it. */
static int run_zlib(int (*step)(z_streamp, int), z_stream *stream, const uint8_t *bytes, size_t n_bytes,
                    const pack_watcher *watcher, uint8_t *out, size_t room, size_t *n_out) {
    size_t n_read = 0, n_made = 0;
    int result = Z_OK;
    while (result == Z_OK && goes_on(watcher, n_read, n_bytes)) {
        uInt n_in = at_most(n_bytes - n_read, PIECE_BYTES), n_room = at_most(room - n_made, UINT_MAX);
        stream->next_in = (Bytef *)(uintptr_t)(bytes + n_read);
        stream->avail_in = n_in;
        stream->next_out = out + n_made;
        stream->avail_out = n_room;
        result = step(stream, n_read + n_in == n_bytes ? Z_FINISH : Z_NO_FLUSH);
        n_read += n_in - stream->avail_in;
        n_made += n_room - stream->avail_out;
        bool moved = n_in != stream->avail_in || n_room != stream->avail_out;
        if (result == Z_BUF_ERROR && moved && n_made < room) result = Z_OK;
    }
    *n_out = n_made;
    return result == Z_STREAM_END && n_read < n_bytes ? Z_DATA_ERROR : result;
}

static siren_status deflate_all(const uint8_t *bytes, size_t n_bytes, const pack_watcher *watcher,
                                uint8_t **out, size_t *n_out) {
    z_stream stream = {0};
    SIREN_FREE_AT_END uint8_t *packed = NULL;
    size_t used = 0;
    const size_t room = compressBound(n_bytes);
    SIREN_TRY(siren_allocate(&packed, room, 1, "deflated bytes"));
    int result = deflateInit(&stream, Z_BEST_COMPRESSION);
    bool begun = result == Z_OK;
    if (begun) result = run_zlib(deflate, &stream, bytes, n_bytes, watcher, packed, room, &used);
    deflateEnd(&stream);
    if (result == Z_STREAM_END) {
        *out = SIREN_TAKE(packed);
        *n_out = used;
        return SIREN_OK;
    }
    if (begun && result == Z_OK) return cancelled();
    return siren_fail(SIREN_SYSTEM, "zlib cannot deflate %zu bytes: error %d; free some memory", n_bytes,
                      result);
}

static int inflate_all(const uint8_t *bytes, size_t n_bytes, uint8_t *out, size_t room, size_t *n_out) {
    z_stream stream = {0};
    int result = inflateInit(&stream);
    if (result == Z_OK)
        result = run_zlib(inflate, &stream, bytes, n_bytes, &(pack_watcher){NULL, NULL}, out, room, n_out);
    inflateEnd(&stream);
    return result == Z_STREAM_END ? 0 : result;
}

/* ---- xz ---- */

static lzma_ret run_xz(lzma_stream *stream, const uint8_t *bytes, size_t n_bytes,
                       const pack_watcher *watcher) {
    lzma_ret result = LZMA_OK;
    for (size_t n_read = 0; result == LZMA_OK && goes_on(watcher, n_read, n_bytes);) {
        size_t n = at_most(n_bytes - n_read, PIECE_BYTES);
        stream->next_in = bytes + n_read;
        stream->avail_in = n;
        result = lzma_code(stream, n_read + n == n_bytes ? LZMA_FINISH : LZMA_RUN);
        n_read += n - stream->avail_in;
    }
    return result;
}

static siren_status xz_all(const uint8_t *bytes, size_t n_bytes, const pack_watcher *watcher, uint8_t **out,
                           size_t *n_out) {
    lzma_options_lzma options;
    if (lzma_lzma_preset(&options, XZ_PRESET))
        return siren_fail(SIREN_SYSTEM,
                          "this liblzma lacks preset 9e; install Debian's liblzma5 5.2 or newer");
    uint32_t largest = options.dict_size;
    options.dict_size = SMALLEST_DICTIONARY;
    while (options.dict_size < largest && options.dict_size < n_bytes) options.dict_size *= 2;
    const lzma_filter filters[] = {{.id = LZMA_FILTER_LZMA2, .options = &options},
                                   {.id = LZMA_VLI_UNKNOWN, .options = NULL}};
    lzma_stream stream = LZMA_STREAM_INIT;
    SIREN_FREE_AT_END uint8_t *packed = NULL;
    stream.avail_out = lzma_stream_buffer_bound(n_bytes);
    if (stream.avail_out == 0)
        return siren_fail(SIREN_SYSTEM, "cannot pack %zu bytes: they exceed the address space", n_bytes);
    SIREN_TRY(siren_allocate(&packed, stream.avail_out, 1, "packed bytes"));
    stream.next_out = packed;
    lzma_ret result = lzma_stream_encoder(&stream, filters, LZMA_CHECK_CRC64);
    bool begun = result == LZMA_OK;
    if (begun) result = run_xz(&stream, bytes, n_bytes, watcher);
    const size_t used = (size_t)stream.total_out;
    lzma_end(&stream);
    if (result == LZMA_STREAM_END) {
        *out = SIREN_TAKE(packed);
        *n_out = used;
        return SIREN_OK;
    }
    if (begun && result == LZMA_OK) return cancelled();
    return siren_fail(SIREN_SYSTEM, "liblzma cannot pack %zu bytes: error %d; free some memory", n_bytes,
                      (int)result);
}

static int unxz_all(const uint8_t *bytes, size_t n_bytes, uint8_t *out, size_t room, size_t *n_out) {
    uint64_t memory = UINT64_MAX;
    size_t used = 0;
    *n_out = 0;
    lzma_ret result = lzma_stream_buffer_decode(&memory, 0, NULL, bytes, &used, n_bytes, out, n_out, room);
    return result == LZMA_OK && used < n_bytes ? LZMA_DATA_ERROR : (int)result;
}

/* ---- both ---- */

siren_status siren_lossless_pack(siren_lossless kind, const uint8_t *bytes, size_t n_bytes,
                                 siren_progress_fn progress, void *user, uint8_t **out, size_t *n_out) {
    const pack_watcher watcher = {progress, user};
    return kind == SIREN_LOSSLESS_DEFLATE ? deflate_all(bytes, n_bytes, &watcher, out, n_out)
                                          : xz_all(bytes, n_bytes, &watcher, out, n_out);
}

siren_status siren_lossless_unpack(siren_lossless kind, const uint8_t *bytes, size_t n_bytes, uint8_t *out,
                                   size_t n_out) {
    bool deflated = kind == SIREN_LOSSLESS_DEFLATE;
    size_t n = 0;
    int result =
        deflated ? inflate_all(bytes, n_bytes, out, n_out, &n) : unxz_all(bytes, n_bytes, out, n_out, &n);
    if (result == 0 && n == n_out) return SIREN_OK;
    return siren_fail(SIREN_CORRUPT,
                      "%zu %s bytes do not unpack to %zu (error %d after %zu); pack the data anew", n_bytes,
                      deflated ? "deflated" : ".xz", n_out, result, n);
}
