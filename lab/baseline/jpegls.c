#include "lab/baseline/jpegls.h"

#ifdef SIREN_WITH_CHARLS

#include <charls/charls.h>
#include <stdlib.h>

#define LARGEST_SIDE 65535
#define LARGEST_ERROR 255 /* T.87, table C.1 */
#define HEADER_ROOM 1024

static int sample_bytes(const siren_image_shape *shape) { return shape->bits > 8 ? 2 : 1; }

/* CharLS takes samples of up to 8 bits as bytes, and knows none of 1 bit. */
static charls_frame_info frame_of(const siren_image_shape *shape) {
    return (charls_frame_info){.width = (uint32_t)shape->nx,
                               .height = (uint32_t)(shape->ny * shape->nz),
                               .bits_per_sample = shape->bits < 2 ? 2 : (int32_t)shape->bits,
                               .component_count = 1};
}

static int32_t near_of(const siren_image_shape *shape, double quality) {
    const double largest = (double)(((1u << frame_of(shape).bits_per_sample) - 1) / 2);
    const double limit = largest < LARGEST_ERROR ? largest : LARGEST_ERROR;
    return (int32_t)(quality < limit ? quality : limit);
}

static siren_status encode(const siren_image_shape *shape, const void *samples, double quality, uint8_t **out,
                           size_t *n_out) {
    const size_t n = shape->nx * shape->ny * shape->nz, n_bytes = n * (size_t)sample_bytes(shape);
    const charls_frame_info frame = frame_of(shape);
    const uint16_t *wide = samples;
    size_t room;
    SIREN_FREE_AT_END uint8_t *bytes = NULL, *narrow = NULL;
    if (shape->nx > LARGEST_SIDE || shape->ny * shape->nz > LARGEST_SIDE)
        return siren_fail(
            SIREN_UNSUPPORTED,
            "JPEG-LS takes at most %d samples a side, not %zu x %zu; code slices, or cut the series",
            LARGEST_SIDE, shape->nx, shape->ny * shape->nz);
    SIREN_TRY(siren_allocate(&narrow, n, 1, "an image's bytes"));
    for (size_t i = 0; i < n; i++) narrow[i] = (uint8_t)wide[i];
    charls_jpegls_encoder *encoder = charls_jpegls_encoder_create();
    int error = encoder ? 0 : CHARLS_JPEGLS_ERRC_NOT_ENOUGH_MEMORY;
    if (!error) error = charls_jpegls_encoder_set_frame_info(encoder, &frame);
    if (!error) error = charls_jpegls_encoder_set_near_lossless(encoder, near_of(shape, quality));
    if (!error) error = charls_jpegls_encoder_get_estimated_destination_size(encoder, &room);
    siren_status status =
        error ? SIREN_OK : siren_allocate(&bytes, room + n_bytes + HEADER_ROOM, 1, "a codestream");
    if (!error && status == SIREN_OK) {
        error = charls_jpegls_encoder_set_destination_buffer(encoder, bytes, room + n_bytes + HEADER_ROOM);
        if (!error)
            error = charls_jpegls_encoder_encode_from_buffer(
                encoder, sample_bytes(shape) > 1 ? samples : narrow, n_bytes, 0);
        if (!error) error = charls_jpegls_encoder_get_bytes_written(encoder, n_out);
    }
    charls_jpegls_encoder_destroy(encoder);
    if (status != SIREN_OK) return status;
    if (error)
        return siren_fail(SIREN_SYSTEM, "CharLS cannot encode %zu x %zu samples of %u bits: %s", shape->nx,
                          shape->ny * shape->nz, shape->bits, charls_get_error_message(error));
    *out = SIREN_TAKE(bytes);
    return SIREN_OK;
}

static siren_status decode(const siren_image_shape *shape, double quality, const uint8_t *bytes,
                           size_t n_bytes, void *samples) {
    (void)quality; /* the stream tells it */
    const size_t n = shape->nx * shape->ny * shape->nz;
    const charls_frame_info wanted = frame_of(shape);
    charls_frame_info frame = {0};
    charls_jpegls_decoder *decoder = charls_jpegls_decoder_create();
    int error = decoder ? 0 : CHARLS_JPEGLS_ERRC_NOT_ENOUGH_MEMORY;
    if (!error) error = charls_jpegls_decoder_set_source_buffer(decoder, bytes, n_bytes);
    if (!error) error = charls_jpegls_decoder_read_header(decoder);
    if (!error) error = charls_jpegls_decoder_get_frame_info(decoder, &frame);
    const bool fits = frame.width == wanted.width && frame.height == wanted.height &&
                      frame.bits_per_sample == wanted.bits_per_sample && frame.component_count == 1;
    if (!error && fits)
        error = charls_jpegls_decoder_decode_to_buffer(decoder, samples, n * (size_t)sample_bytes(shape), 0);
    charls_jpegls_decoder_destroy(decoder);
    if (error || !fits)
        return siren_fail(SIREN_CORRUPT, "CharLS cannot decode a codestream of %zu byte%s: %s; make it anew",
                          n_bytes, siren_plural(n_bytes),
                          error ? charls_get_error_message(error) : "it is not of the announced shape");
    const uint8_t *narrow = samples;
    uint16_t *wide = samples;
    for (size_t i = n; sample_bytes(shape) == 1 && i-- > 0;)
        wide[i] = narrow[i]; /* in place, from the end on */
    return SIREN_OK;
}

const siren_image_coder siren_jpegls_coder = {SIREN_SAMPLES_OFFSET, SIREN_SAMPLES_OFFSET, encode, decode};

#else

static siren_status encode(const siren_image_shape *shape, const void *samples, double quality, uint8_t **out,
                           size_t *n_out) {
    (void)shape, (void)samples, (void)quality, (void)out, (void)n_out;
    return siren_fail(SIREN_UNSUPPORTED,
                      "this program was built without CharLS; install libcharls-dev and build it again");
}

static siren_status decode(const siren_image_shape *shape, double quality, const uint8_t *bytes,
                           size_t n_bytes, void *samples) {
    (void)bytes, (void)n_bytes;
    return encode(shape, samples, quality, NULL, NULL);
}

const siren_image_coder siren_jpegls_coder = {SIREN_SAMPLES_OFFSET, SIREN_SAMPLES_OFFSET, encode, decode};

#endif
