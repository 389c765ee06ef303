#include "formats/gzip.h"

#include "host/threads.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <zlib.h>

#define CHUNK_BYTES ((size_t)1 << 18)  /* deflated independently of each other, but for ... */
#define WINDOW_BYTES ((size_t)1 << 15) /* ... the bytes before it that a chunk may refer to */
#define CHUNKS_PER_THREAD 8            /* deflated before they are written */

/* A wave of chunks: threads take them in turn; the caller writes them in order. */
typedef struct {
    const uint8_t *bytes;
    size_t n_bytes, first_chunk, n_chunks;
    atomic_size_t next;
    uint8_t *deflated; /* (n_chunks, room) */
    size_t room;
    size_t *n_deflated; /* (n_chunks), 0 where deflating failed */
    uLong *crc;         /* (n_chunks) */
} siren_wave;

static size_t deflate_chunk(const siren_wave *wave, size_t chunk, uint8_t *out) {
    size_t begin = chunk * CHUNK_BYTES, left = wave->n_bytes - begin,
           n = left < CHUNK_BYTES ? left : CHUNK_BYTES;
    size_t window = begin < WINDOW_BYTES ? begin : WINDOW_BYTES, made = 0;
    bool last = n == left;
    z_stream stream = {0};
    if (deflateInit2(&stream, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK) return 0;
    if (window == 0 || deflateSetDictionary(&stream, wave->bytes + begin - window, (uInt)window) == Z_OK) {
        stream.next_in = (Bytef *)(uintptr_t)(wave->bytes + begin);
        stream.avail_in = (uInt)n;
        stream.next_out = out;
        stream.avail_out = (uInt)wave->room;
        int result = deflate(&stream, last ? Z_FINISH : Z_SYNC_FLUSH);
        if (result == (last ? Z_STREAM_END : Z_OK) && stream.avail_in == 0 && stream.avail_out > 0)
            made = wave->room - stream.avail_out;
    }
    deflateEnd(&stream);
    return made;
}

static void wave_member(void *user, size_t thread) {
    siren_wave *wave = user;
    (void)thread;
    for (size_t i; (i = atomic_fetch_add(&wave->next, 1)) < wave->n_chunks;) {
        size_t chunk = wave->first_chunk + i, begin = chunk * CHUNK_BYTES, left = wave->n_bytes - begin;
        wave->n_deflated[i] = deflate_chunk(wave, chunk, wave->deflated + i * wave->room);
        wave->crc[i] = crc32(0, wave->bytes + begin, (uInt)(left < CHUNK_BYTES ? left : CHUNK_BYTES));
    }
}

static void wave_free(siren_wave *wave) {
    free(wave->deflated);
    free(wave->n_deflated);
    free(wave->crc);
}

siren_status siren_gzip_write(siren_output *output, const uint8_t *bytes, size_t n_bytes) {
    static const uint8_t header[10] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255};
    size_t n_chunks = n_bytes == 0 ? 1 : (n_bytes + CHUNK_BYTES - 1) / CHUNK_BYTES,
           n_threads = siren_processors();
    size_t per_wave = n_threads * CHUNKS_PER_THREAD < n_chunks ? n_threads * CHUNKS_PER_THREAD : n_chunks;
    SIREN_AT_END(wave_free)
    siren_wave wave = {.bytes = bytes, .n_bytes = n_bytes, .room = compressBound(CHUNK_BYTES) + 64};
    uLong crc = crc32(0, NULL, 0);
    SIREN_TRY(siren_allocate(&wave.deflated, per_wave, wave.room, "deflated chunks"));
    SIREN_TRY(siren_allocate(&wave.n_deflated, per_wave, sizeof *wave.n_deflated, "deflated chunks"));
    SIREN_TRY(siren_allocate(&wave.crc, per_wave, sizeof *wave.crc, "deflated chunks"));
    SIREN_TRY(siren_output_write(output, header, sizeof header));
    for (size_t first = 0; first < n_chunks; first += per_wave) {
        wave.first_chunk = first;
        wave.n_chunks = n_chunks - first < per_wave ? n_chunks - first : per_wave;
        atomic_store(&wave.next, 0);
        siren_threads_run(n_threads < wave.n_chunks ? n_threads : wave.n_chunks, wave_member, &wave);
        for (size_t i = 0; i < wave.n_chunks; i++) {
            size_t left = n_bytes - (first + i) * CHUNK_BYTES;
            if (wave.n_deflated[i] == 0)
                return siren_fail(SIREN_SYSTEM, "out of memory: zlib cannot compress %zu bytes", n_bytes);
            crc = crc32_combine(crc, wave.crc[i], (z_off_t)(left < CHUNK_BYTES ? left : CHUNK_BYTES));
            SIREN_TRY(siren_output_write(output, wave.deflated + i * wave.room, wave.n_deflated[i]));
        }
    }
    uint8_t trailer[8];
    for (int i = 0; i < 4; i++) {
        trailer[i] = (uint8_t)(crc >> (8 * i));
        trailer[4 + i] = (uint8_t)((uint64_t)n_bytes >> (8 * i));
    }
    return siren_output_write(output, trailer, sizeof trailer);
}
