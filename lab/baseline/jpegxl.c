#include "lab/baseline/jpegxl.h"

#ifdef SIREN_WITH_JXL

#include <jxl/decode.h>
#include <jxl/encode.h>
#include <math.h>
#include <stdlib.h>

#define LARGEST_SIDE 262144 /* of the format's level 5 */
#define FIRST_ROOM ((size_t)1 << 16)
#define EFFORT_LOSSLESS 9 /* of 1 to 9: the strongest */
#define EFFORT_LOSSY 7    /* 9 is no better by PSNR */

static const JxlPixelFormat format = {.num_channels = 1, .data_type = JXL_TYPE_FLOAT};

static size_t samples_of(const siren_image_shape *shape) { return shape->nx * shape->ny * shape->nz; }
static float largest_sample(const siren_image_shape *shape) { return (float)((1u << shape->bits) - 1); }

/* ---- encoding ---- */

typedef struct {
    JxlEncoder *encoder;
    float *
        values; /* (samples) 0 to 1: no release of libjxl takes integers of fewer bits than their type as they are */
    uint8_t *bytes;
    size_t n, room;
} encoder_run;

static void encoder_run_free(encoder_run *run) {
    if (run->encoder) JxlEncoderDestroy(run->encoder);
    free(run->values);
    free(run->bytes);
}

static bool set_up(encoder_run *run, const siren_image_shape *shape, double distance) {
    const bool lossy = distance > 0;
    JxlColorEncoding colours;
    JxlBasicInfo info;
    JxlColorEncodingSetToSRGB(&colours,
                              JXL_TRUE); /* lossy: no other gamma did better by PSNR (docs/baselines.md) */
    JxlEncoderInitBasicInfo(&info);
    info.xsize = (uint32_t)shape->nx;
    info.ysize = (uint32_t)(shape->ny * shape->nz);
    info.bits_per_sample = shape->bits;
    info.num_color_channels = 1;
    info.uses_original_profile = !lossy;
    if (JxlEncoderUseContainer(run->encoder, JXL_FALSE) || JxlEncoderSetBasicInfo(run->encoder, &info) ||
        JxlEncoderSetColorEncoding(run->encoder, &colours))
        return false;
    JxlEncoderFrameSettings *settings = JxlEncoderFrameSettingsCreate(run->encoder, NULL);
    if (!settings) return false;
    if (JxlEncoderFrameSettingsSetOption(settings, JXL_ENC_FRAME_SETTING_EFFORT,
                                         lossy ? EFFORT_LOSSY : EFFORT_LOSSLESS))
        return false;
    if (lossy ? JxlEncoderSetFrameDistance(settings, (float)distance)
              : JxlEncoderSetFrameLossless(settings, JXL_TRUE))
        return false;
    if (JxlEncoderAddImageFrame(settings, &format, run->values, samples_of(shape) * sizeof *run->values))
        return false;
    JxlEncoderCloseInput(run->encoder);
    return true;
}

static bool collect(encoder_run *run) {
    for (JxlEncoderStatus status = JXL_ENC_NEED_MORE_OUTPUT; status == JXL_ENC_NEED_MORE_OUTPUT;) {
        size_t room = run->room > 0 ? 2 * run->room : FIRST_ROOM;
        uint8_t *bytes = realloc(run->bytes, room);
        if (!bytes) return false;
        uint8_t *at = bytes + run->n;
        size_t left = room - run->n;
        run->bytes = bytes;
        run->room = room;
        status = JxlEncoderProcessOutput(run->encoder, &at, &left);
        if (status == JXL_ENC_ERROR) return false;
        run->n = room - left;
    }
    return true;
}

static siren_status encode(const siren_image_shape *shape, const void *samples, double quality, uint8_t **out,
                           size_t *n_out) {
    const uint16_t *whole = samples;
    SIREN_AT_END(encoder_run_free) encoder_run run = {.encoder = NULL};
    if (shape->nx > LARGEST_SIDE || shape->ny * shape->nz > LARGEST_SIDE)
        return siren_fail(
            SIREN_UNSUPPORTED,
            "JPEG XL takes at most %d samples a side, not %zu x %zu; code slices, or cut the series",
            LARGEST_SIDE, shape->nx, shape->ny * shape->nz);
    SIREN_TRY(siren_allocate(&run.values, samples_of(shape), sizeof *run.values, "an image's samples"));
    for (size_t i = 0; i < samples_of(shape); i++) run.values[i] = (float)whole[i] / largest_sample(shape);
    run.encoder = JxlEncoderCreate(NULL);
    if (!run.encoder || !set_up(&run, shape, quality) || !collect(&run))
        return siren_fail(SIREN_SYSTEM, "libjxl cannot encode %zu x %zu samples of %u bits at distance %g",
                          shape->nx, shape->ny * shape->nz, shape->bits, quality);
    *out = SIREN_TAKE(run.bytes);
    *n_out = run.n;
    return SIREN_OK;
}

/* ---- decoding ---- */

/* Whether all of the image came, and it has the shape. */
static bool read_image(JxlDecoder *decoder, const siren_image_shape *shape, const uint8_t *bytes,
                       size_t n_bytes, float *values) {
    JxlBasicInfo info;
    if (JxlDecoderSubscribeEvents(decoder, JXL_DEC_BASIC_INFO | JXL_DEC_FULL_IMAGE) ||
        JxlDecoderSetInput(decoder, bytes, n_bytes))
        return false;
    JxlDecoderCloseInput(decoder);
    for (;;) switch (JxlDecoderProcessInput(decoder)) {
        case JXL_DEC_BASIC_INFO:
            if (JxlDecoderGetBasicInfo(decoder, &info) || info.xsize != shape->nx ||
                info.ysize != shape->ny * shape->nz || info.bits_per_sample != shape->bits ||
                info.num_color_channels != 1)
                return false;
            break;
        case JXL_DEC_NEED_IMAGE_OUT_BUFFER:
            if (JxlDecoderSetImageOutBuffer(decoder, &format, values, samples_of(shape) * sizeof *values))
                return false;
            break;
        case JXL_DEC_FULL_IMAGE:
            return true;
        default:
            return false;
        }
}

static siren_status decode(const siren_image_shape *shape, double quality, const uint8_t *bytes,
                           size_t n_bytes, void *samples) {
    (void)quality; /* the stream tells it */
    SIREN_FREE_AT_END float *values = NULL;
    uint16_t *whole = samples;
    SIREN_TRY(siren_allocate(&values, samples_of(shape), sizeof *values, "an image's samples"));
    JxlDecoder *decoder = JxlDecoderCreate(NULL);
    const bool decoded = decoder && read_image(decoder, shape, bytes, n_bytes, values);
    if (decoder) JxlDecoderDestroy(decoder);
    if (!decoded)
        return siren_fail(
            SIREN_CORRUPT,
            "libjxl cannot decode a codestream of %zu byte%s as %zu x %zu samples of %u bits; make it anew",
            n_bytes, siren_plural(n_bytes), shape->nx, shape->ny * shape->nz, shape->bits);
    for (size_t i = 0; i < samples_of(shape); i++)
        whole[i] = (uint16_t)lrintf(fminf(fmaxf(values[i], 0), 1) * largest_sample(shape));
    return SIREN_OK;
}

const siren_image_coder siren_jpegxl_coder = {SIREN_SAMPLES_OFFSET, SIREN_SAMPLES_SCALED, encode, decode};

#else

static siren_status encode(const siren_image_shape *shape, const void *samples, double quality, uint8_t **out,
                           size_t *n_out) {
    (void)shape, (void)samples, (void)quality, (void)out, (void)n_out;
    return siren_fail(SIREN_UNSUPPORTED,
                      "this program was built without libjxl; install libjxl-dev and build it again");
}

static siren_status decode(const siren_image_shape *shape, double quality, const uint8_t *bytes,
                           size_t n_bytes, void *samples) {
    (void)bytes, (void)n_bytes;
    return encode(shape, samples, quality, NULL, NULL);
}

const siren_image_coder siren_jpegxl_coder = {SIREN_SAMPLES_OFFSET, SIREN_SAMPLES_SCALED, encode, decode};

#endif
