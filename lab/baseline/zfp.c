#include "lab/baseline/zfp.h"

#ifdef SIREN_WITH_ZFP

#include <stdlib.h>
#include <string.h>
#include <zfp.h>

#define WORD_BYTES 8 /* zfp reads and writes whole words */

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
static siren_status run_open(zfp_run *run, const siren_image_shape *shape, void *samples, double rate,
                             size_t n_bytes) {
    zfp_type type = shape->bits > 32 ? zfp_type_double : zfp_type_float;
    unsigned n_axes = shape->nz > 1 ? 3 : 2;
    run->field = n_axes == 3 ? zfp_field_3d(samples, type, shape->nx, shape->ny, shape->nz)
                             : zfp_field_2d(samples, type, shape->nx, shape->ny);
    run->stream = zfp_stream_open(NULL);
    if (!run->field || !run->stream) return siren_fail(SIREN_SYSTEM, "out of memory: zfp's stream");
    if (rate > 0)
        zfp_stream_set_rate(run->stream, 8.0 * shape->stored_bytes / rate, type, n_axes, zfp_false);
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

static siren_status encode(const siren_image_shape *shape, const void *samples, double quality, uint8_t **out,
                           size_t *n_out) {
    SIREN_AT_END(run_free) zfp_run run = {.field = NULL};
    SIREN_TRY(run_open(&run, shape, (void *)(uintptr_t)samples, quality, 0)); /* only read from */
    size_t n = zfp_compress(run.stream, run.field);
    if (n == 0)
        return siren_fail(SIREN_SYSTEM, "zfp cannot encode %zu x %zu x %zu samples at rate %g", shape->nx,
                          shape->ny, shape->nz, quality);
    uint8_t *trimmed = realloc(run.buffer, n);
    *out = trimmed ? trimmed : run.buffer;
    *n_out = n;
    run.buffer = NULL;
    return SIREN_OK;
}

static siren_status decode(const siren_image_shape *shape, double quality, const uint8_t *bytes,
                           size_t n_bytes, void *samples) {
    SIREN_AT_END(run_free) zfp_run run = {.field = NULL};
    SIREN_TRY(run_open(&run, shape, samples, quality, n_bytes));
    memcpy(run.buffer, bytes, n_bytes);
    if (zfp_decompress(run.stream, run.field) == 0)
        return siren_fail(SIREN_CORRUPT, "zfp cannot decode %zu byte%s; make them anew", n_bytes,
                          siren_plural(n_bytes));
    return SIREN_OK;
}

const siren_image_coder siren_zfp_coder = {SIREN_SAMPLES_REAL, SIREN_SAMPLES_REAL, encode, decode};

#else

static siren_status encode(const siren_image_shape *shape, const void *samples, double quality, uint8_t **out,
                           size_t *n_out) {
    (void)shape, (void)samples, (void)quality, (void)out, (void)n_out;
    return siren_fail(SIREN_UNSUPPORTED,
                      "this program was built without zfp; install libzfp-dev and build it again");
}

static siren_status decode(const siren_image_shape *shape, double quality, const uint8_t *bytes,
                           size_t n_bytes, void *samples) {
    (void)bytes, (void)n_bytes;
    return encode(shape, samples, quality, NULL, NULL);
}

const siren_image_coder siren_zfp_coder = {SIREN_SAMPLES_REAL, SIREN_SAMPLES_REAL, encode, decode};

#endif
