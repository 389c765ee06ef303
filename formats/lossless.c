#include "formats/lossless.h"

#include <limits.h>
#include <lzma.h>
#include <stdlib.h>
#include <zlib.h>

#define SMALLEST_DICTIONARY ((uint32_t)4 << 10)
#define XZ_PRESET (9 | LZMA_PRESET_EXTREME)

/* ---- DEFLATE ---- */

/* zlib counts in unsigned int: both sides move on in pieces. */
static uInt piece(size_t left) { return left < UINT_MAX ? (uInt)left : UINT_MAX; }

/* Runs `step` (deflate or inflate) from all of `bytes` into at most `room` bytes. Returns its last result. */
static int run_zlib(int (*step)(z_streamp, int), z_stream *stream, const uint8_t *bytes, size_t n_bytes,
                    uint8_t *out, size_t room, size_t *n_out) {
    size_t n_read = 0, n_made = 0;
    int result = Z_OK;
    while (result == Z_OK) {
        uInt n_in = piece(n_bytes - n_read), n_room = piece(room - n_made);
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

static siren_status deflate_all(const uint8_t *bytes, size_t n_bytes, uint8_t **out, size_t *n_out) {
    z_stream stream = {0};
    uint8_t *packed = NULL;
    size_t used = 0;
    SIREN_RETURN_IF_FAILED(siren_allocate(&packed, compressBound(n_bytes), 1, "deflated bytes"));
    int result = deflateInit(&stream, Z_BEST_COMPRESSION);
    if (result == Z_OK)
        result = run_zlib(deflate, &stream, bytes, n_bytes, packed, compressBound(n_bytes), &used);
    deflateEnd(&stream);
    if (result == Z_STREAM_END) {
        *out = packed;
        *n_out = used;
        return SIREN_OK;
    }
    free(packed);
    return siren_fail(SIREN_SYSTEM, "zlib cannot deflate %zu bytes: error %d; free some memory", n_bytes,
                      result);
}

static int inflate_all(const uint8_t *bytes, size_t n_bytes, uint8_t *out, size_t room, size_t *n_out) {
    z_stream stream = {0};
    int result = inflateInit(&stream);
    if (result == Z_OK) result = run_zlib(inflate, &stream, bytes, n_bytes, out, room, n_out);
    inflateEnd(&stream);
    return result == Z_STREAM_END ? 0 : result;
}

/* ---- xz ---- */

static siren_status xz_all(const uint8_t *bytes, size_t n_bytes, uint8_t **out, size_t *n_out) {
    lzma_options_lzma options;
    if (lzma_lzma_preset(&options, XZ_PRESET))
        return siren_fail(SIREN_SYSTEM,
                          "this liblzma lacks preset 9e; install Debian's liblzma5 5.2 or newer");
    uint32_t largest = options.dict_size;
    options.dict_size = SMALLEST_DICTIONARY;
    while (options.dict_size < largest && options.dict_size < n_bytes) options.dict_size *= 2;
    const lzma_filter filters[] = {{.id = LZMA_FILTER_LZMA2, .options = &options},
                                   {.id = LZMA_VLI_UNKNOWN, .options = NULL}};
    size_t room = lzma_stream_buffer_bound(n_bytes), used = 0;
    uint8_t *packed = NULL;
    if (room == 0)
        return siren_fail(SIREN_SYSTEM, "cannot pack %zu bytes: they exceed the address space", n_bytes);
    SIREN_RETURN_IF_FAILED(siren_allocate(&packed, room, 1, "packed bytes"));
    lzma_ret result = lzma_stream_buffer_encode((lzma_filter *)(uintptr_t)filters, LZMA_CHECK_CRC64, NULL,
                                                bytes, n_bytes, packed, &used, room);
    if (result == LZMA_OK) {
        *out = packed;
        *n_out = used;
        return SIREN_OK;
    }
    free(packed);
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

siren_status siren_lossless_pack(siren_lossless kind, const uint8_t *bytes, size_t n_bytes, uint8_t **out,
                                 size_t *n_out) {
    return kind == SIREN_LOSSLESS_DEFLATE ? deflate_all(bytes, n_bytes, out, n_out)
                                          : xz_all(bytes, n_bytes, out, n_out);
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
