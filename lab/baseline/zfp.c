#include "lab/baseline/zfp.h"

#ifdef SIREN_WITH_ZFP

#include <stdlib.h>
#include <string.h>
#include <zfp.h>

#define WORD_BYTES 8 /* zfp reads and writes whole words */

bool siren_zfp_available(void) { return true; }

typedef struct {
    zfp_field *field;
    zfp_stream *stream;
    bitstream *bits;
    uint8_t *buffer; /* (room) whole words */
    size_t room;
} zfp_run;

static void run_free(zfp_run *run) {
    if (run->bits) stream_close(run->bits);
    if (run->stream) zfp_stream_close(run->stream);
    if (run->field) zfp_field_free(run->field);
    free(run->buffer);
}

/* `n_bytes` 0: room for whatever encoding makes. */
static siren_status run_open(zfp_run *run, const siren_zfp_shape *shape, void *samples, double bits,
                             size_t n_bytes) {
    zfp_type type = shape->wide ? zfp_type_double : zfp_type_float;
    unsigned n_axes = shape->nz > 1 ? 3 : 2;
    run->field = n_axes == 3 ? zfp_field_3d(samples, type, shape->nx, shape->ny, shape->nz)
                             : zfp_field_2d(samples, type, shape->nx, shape->ny);
    run->stream = zfp_stream_open(NULL);
    if (!run->field || !run->stream) return siren_fail(SIREN_SYSTEM, "out of memory: zfp's stream");
    if (bits > 0)
        zfp_stream_set_rate(run->stream, bits, type, n_axes, zfp_false);
    else
        zfp_stream_set_reversible(run->stream);
    run->room = n_bytes > 0 ? n_bytes : zfp_stream_maximum_size(run->stream, run->field);
    run->room += WORD_BYTES - run->room % WORD_BYTES;
    SIREN_TRY(siren_allocate(&run->buffer, run->room, 1, "zfp's bytes"));
    run->bits = stream_open(run->buffer, run->room);
    if (!run->bits) return siren_fail(SIREN_SYSTEM, "out of memory: zfp's bits");
    zfp_stream_set_bit_stream(run->stream, run->bits);
    zfp_stream_rewind(run->stream);
    return SIREN_OK;
}

siren_status siren_zfp_encode(const siren_zfp_shape *shape, const void *samples, double bits, uint8_t **out,
                              size_t *n_out) {
    SIREN_AT_END(run_free) zfp_run run = {.field = NULL};
    SIREN_TRY(run_open(&run, shape, (void *)(uintptr_t)samples, bits, 0)); /* only read from */
    size_t n = zfp_compress(run.stream, run.field);
    if (n == 0)
        return siren_fail(SIREN_SYSTEM, "zfp cannot encode %zu x %zu x %zu samples with %g bits each",
                          shape->nx, shape->ny, shape->nz, bits);
    uint8_t *trimmed = realloc(run.buffer, n);
    *out = trimmed ? trimmed : run.buffer;
    *n_out = n;
    run.buffer = NULL;
    return SIREN_OK;
}

siren_status siren_zfp_decode(const siren_zfp_shape *shape, double bits, const uint8_t *bytes, size_t n_bytes,
                              void *samples) {
    SIREN_AT_END(run_free) zfp_run run = {.field = NULL};
    SIREN_TRY(run_open(&run, shape, samples, bits, n_bytes));
    memcpy(run.buffer, bytes, n_bytes);
    if (zfp_decompress(run.stream, run.field) == 0)
        return siren_fail(SIREN_CORRUPT, "zfp cannot decode %zu bytes; make them anew", n_bytes);
    return SIREN_OK;
}

#else

bool siren_zfp_available(void) { return false; }

static siren_status missing(void) {
    return siren_fail(SIREN_UNSUPPORTED,
                      "this program was built without zfp; install libzfp-dev and build it "
                      "again, or leave the method zfp out");
}

siren_status siren_zfp_encode(const siren_zfp_shape *shape, const void *samples, double bits, uint8_t **out,
                              size_t *n_out) {
    (void)shape, (void)samples, (void)bits, (void)out, (void)n_out;
    return missing();
}

siren_status siren_zfp_decode(const siren_zfp_shape *shape, double bits, const uint8_t *bytes, size_t n_bytes,
                              void *samples) {
    (void)shape, (void)bits, (void)bytes, (void)n_bytes, (void)samples;
    return missing();
}

#endif
