#include "lab/baseline/jpeg2000.h"

#include <openjpeg.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM ((size_t)1 << 16)
#define SAMPLE_BYTES 2
#define MAX_RESOLUTIONS 6 /* what OpenJPEG takes by default */

/* ---- a codestream in memory ---- */

typedef struct {
    uint8_t *bytes; /* (room), of which n are there */
    size_t n, room, at;
} memory_file;

static bool reserve(memory_file *file, size_t n) {
    size_t room = file->room > 0 ? file->room : FIRST_ROOM;
    while (room < n)
        if (!siren_mul(room, 2, &room)) return false;
    if (room == file->room) return true;
    uint8_t *bytes = realloc(file->bytes, room);
    if (!bytes) return false;
    file->bytes = bytes;
    file->room = room;
    return true;
}

static OPJ_SIZE_T write_bytes(void *buffer, OPJ_SIZE_T n, void *user) {
    memory_file *file = user;
    size_t end;
    if (!siren_add(file->at, n, &end) || !reserve(file, end)) return (OPJ_SIZE_T)-1;
    memcpy(file->bytes + file->at, buffer, n);
    file->at = end;
    if (end > file->n) file->n = end;
    return n;
}

static OPJ_SIZE_T read_bytes(void *buffer, OPJ_SIZE_T n, void *user) {
    memory_file *file = user;
    size_t left = file->n - file->at;
    if (left == 0) return (OPJ_SIZE_T)-1;
    if (n > left) n = left;
    memcpy(buffer, file->bytes + file->at, n);
    file->at += n;
    return n;
}

static OPJ_BOOL seek(OPJ_OFF_T to, void *user) {
    memory_file *file = user;
    if (to < 0 || (size_t)to > file->n) return OPJ_FALSE;
    file->at = (size_t)to;
    return OPJ_TRUE;
}

static OPJ_OFF_T skip(OPJ_OFF_T n, void *user) {
    const memory_file *file = user;
    return seek((OPJ_OFF_T)file->at + n, user) ? n : -1;
}

static opj_stream_t *open_stream(memory_file *file, bool reading) {
    opj_stream_t *stream = opj_stream_create(FIRST_ROOM, reading ? OPJ_TRUE : OPJ_FALSE);
    if (!stream) return NULL;
    opj_stream_set_user_data(stream, file, NULL);
    opj_stream_set_user_data_length(stream, file->n);
    opj_stream_set_read_function(stream, read_bytes);
    opj_stream_set_write_function(stream, write_bytes);
    opj_stream_set_seek_function(stream, seek);
    opj_stream_set_skip_function(stream, skip);
    return stream;
}

/* ---- messages ---- */

typedef struct {
    char text[256]; /* of the last error */
} reason;

static void keep_reason(const char *message, void *user) {
    reason *kept = user;
    size_t n = strcspn(message, "\r\n");
    if (n >= sizeof kept->text) n = sizeof kept->text - 1;
    memcpy(kept->text, message, n);
    kept->text[n] = '\0';
}

static siren_status check_shape(const siren_image_shape *shape) {
    if (shape->nx >= 1 && shape->nx <= SIREN_JPEG2000_MAX_SIDE && shape->ny >= 1 &&
        shape->ny <= SIREN_JPEG2000_MAX_SIDE && shape->nz >= 1 && shape->nz <= SIREN_JPEG2000_MAX_COMPONENTS)
        return SIREN_OK;
    return siren_fail(SIREN_UNSUPPORTED,
                      "JPEG2000 cannot code %zu image%s of %zu x %zu in one codestream (1 to %d of 1 to %d "
                      "along each side); code each slice on its own, or cut the image",
                      shape->nz, siren_plural(shape->nz), shape->nx, shape->ny, SIREN_JPEG2000_MAX_COMPONENTS,
                      SIREN_JPEG2000_MAX_SIDE);
}

/* ---- encoding ---- */

static opj_image_t *image_of(const siren_image_shape *shape, const uint16_t *samples) {
    opj_image_cmptparm_t *components = calloc(shape->nz, sizeof *components);
    if (!components) return NULL;
    for (size_t c = 0; c < shape->nz; c++) {
        components[c].dx = components[c].dy = 1;
        components[c].w = (OPJ_UINT32)shape->nx;
        components[c].h = (OPJ_UINT32)shape->ny;
        components[c].prec = 16;
    }
    opj_image_t *image = opj_image_create((OPJ_UINT32)shape->nz, components, OPJ_CLRSPC_UNSPECIFIED);
    free(components);
    if (!image) return NULL;
    image->x1 = (OPJ_UINT32)shape->nx;
    image->y1 = (OPJ_UINT32)shape->ny;
    const size_t n = shape->nx * shape->ny;
    for (size_t c = 0; c < shape->nz; c++)
        for (size_t i = 0; i < n; i++) image->comps[c].data[i] = samples[c * n + i];
    return image;
}

static void choose_parameters(const siren_image_shape *shape, double rate, opj_cparameters_t *out) {
    static char no_comment[] = ""; /* OpenJPEG's own would cost 37 bytes in every codestream */
    size_t side = shape->nx < shape->ny ? shape->nx : shape->ny;
    opj_set_default_encoder_parameters(out);
    out->irreversible = 1;
    out->tcp_numlayers = 1;
    out->cp_disto_alloc = 1;
    out->tcp_rates[0] = rate > 1 ? (float)rate : 0;
    out->cp_comment = no_comment;
    out->numresolution = 1;
    while (out->numresolution < MAX_RESOLUTIONS && side >> out->numresolution > 0) out->numresolution++;
}

static siren_status encode(const siren_image_shape *shape, const void *samples, double quality, uint8_t **out,
                           size_t *n_out) {
    const double rate = quality * SAMPLE_BYTES / shape->stored_bytes; /* OpenJPEG's is that of samples */
    SIREN_TRY(check_shape(shape));
    memory_file file = {.n = 0};
    reason why = {"out of memory"};
    opj_cparameters_t parameters;
    choose_parameters(shape, rate, &parameters);
    opj_codec_t *codec = opj_create_compress(OPJ_CODEC_J2K);
    opj_image_t *image = image_of(shape, samples);
    opj_stream_t *stream = open_stream(&file, false);
    if (codec) opj_set_error_handler(codec, keep_reason, &why);
    bool encoded = codec && image && stream && opj_setup_encoder(codec, &parameters, image) &&
                   opj_start_compress(codec, image, stream) && opj_encode(codec, stream) &&
                   opj_end_compress(codec, stream);
    if (stream) opj_stream_destroy(stream);
    if (codec) opj_destroy_codec(codec);
    if (image) opj_image_destroy(image);
    if (!encoded) {
        free(file.bytes);
        return siren_fail(SIREN_SYSTEM, "OpenJPEG cannot encode %zu x %zu samples at rate %g: %s", shape->nx,
                          shape->ny, rate, why.text);
    }
    uint8_t *trimmed = realloc(file.bytes, file.n);
    *out = trimmed ? trimmed : file.bytes;
    *n_out = file.n;
    return SIREN_OK;
}

/* ---- decoding ---- */

static bool has_shape(const opj_image_t *image, const siren_image_shape *shape) {
    if (image->numcomps != shape->nz) return false;
    for (size_t c = 0; c < shape->nz; c++) {
        const opj_image_comp_t *component = &image->comps[c];
        if (!component->data || component->w != shape->nx || component->h != shape->ny ||
            component->prec != 16 || component->sgnd)
            return false;
    }
    return true;
}

static siren_status decode(const siren_image_shape *shape, double quality, const uint8_t *bytes,
                           size_t n_bytes, void *samples) {
    (void)quality; /* the stream tells it */
    uint16_t *whole = samples;
    SIREN_TRY(check_shape(shape));
    memory_file file = {.bytes = (uint8_t *)(uintptr_t)bytes, .n = n_bytes}; /* only read from */
    reason why = {"it is not of the announced shape"};
    opj_dparameters_t parameters;
    opj_image_t *image = NULL;
    opj_set_default_decoder_parameters(&parameters);
    opj_codec_t *codec = opj_create_decompress(OPJ_CODEC_J2K);
    opj_stream_t *stream = open_stream(&file, true);
    if (codec) opj_set_error_handler(codec, keep_reason, &why);
    bool decoded = codec && stream && opj_setup_decoder(codec, &parameters) &&
                   opj_read_header(stream, codec, &image) && opj_decode(codec, stream, image) &&
                   opj_end_decompress(codec, stream) && has_shape(image, shape);
    if (decoded) {
        const size_t n = shape->nx * shape->ny;
        for (size_t c = 0; c < shape->nz; c++)
            for (size_t i = 0; i < n; i++) whole[c * n + i] = (uint16_t)image->comps[c].data[i];
    }
    if (stream) opj_stream_destroy(stream);
    if (codec) opj_destroy_codec(codec);
    if (image) opj_image_destroy(image);
    if (!decoded)
        return siren_fail(SIREN_CORRUPT,
                          "OpenJPEG cannot decode a codestream of %zu byte%s: %s; make it anew", n_bytes,
                          siren_plural(n_bytes), why.text);
    return SIREN_OK;
}

const siren_image_coder siren_jpeg2000_coder = {SIREN_SAMPLES_SCALED, SIREN_SAMPLES_SCALED, encode, decode};
