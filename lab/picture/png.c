#include "lab/picture/png.h"

#include "host/file.h"

#include <png.h>

siren_status siren_png_encode(const char *name, size_t width, size_t height, unsigned channels,
                              const uint8_t *pixels, uint8_t **out, size_t *n_out) {
    SIREN_FREE_AT_END uint8_t *bytes = NULL;
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .format = channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB};
    if (width == 0 || height == 0 || width > SIREN_PNG_MOST_PIXELS / height)
        return siren_fail(SIREN_UNSUPPORTED, "%s: a picture of %zu x %zu pixels; 1 to %zu are possible", name,
                          width, height, SIREN_PNG_MOST_PIXELS);
    image.width = (png_uint_32)width;
    image.height = (png_uint_32)height;
    png_alloc_size_t n_bytes = PNG_IMAGE_PNG_SIZE_MAX(image);
    SIREN_TRY(siren_allocate(&bytes, n_bytes, 1, "a compressed picture"));
    if (!png_image_write_to_memory(&image, bytes, &n_bytes, 0, pixels, 0, NULL))
        return siren_fail(SIREN_SYSTEM, "%s: libpng cannot write %zu x %zu pixels: %s", name, width, height,
                          image.message);
    *out = SIREN_TAKE(bytes);
    *n_out = n_bytes;
    return SIREN_OK;
}

siren_status siren_png_write(const char *path, bool overwrite, size_t width, size_t height,
                             const uint8_t *rgb) {
    SIREN_FREE_AT_END uint8_t *bytes = NULL;
    size_t n_bytes = 0;
    SIREN_TRY(siren_png_encode(path, width, height, 3, rgb, &bytes, &n_bytes));
    return siren_file_write(path, overwrite, bytes, n_bytes);
}
