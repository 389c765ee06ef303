#include "lab/picture/png.h"

#include "host/file.h"

#include <png.h>

siren_status siren_png_write(const char *path, bool overwrite, size_t width, size_t height,
                             const uint8_t *rgb) {
    SIREN_FREE_AT_END uint8_t *bytes = NULL;
    png_image image = {.version = PNG_IMAGE_VERSION, .format = PNG_FORMAT_RGB};
    if (width == 0 || height == 0 || width > SIREN_PNG_MOST_PIXELS / height)
        return siren_fail(SIREN_UNSUPPORTED, "%s: a picture of %zu x %zu pixels; 1 to %zu are possible", path,
                          width, height, SIREN_PNG_MOST_PIXELS);
    image.width = (png_uint_32)width;
    image.height = (png_uint_32)height;
    png_alloc_size_t n_bytes = PNG_IMAGE_PNG_SIZE_MAX(image);
    SIREN_TRY(siren_allocate(&bytes, n_bytes, 1, "a compressed picture"));
    if (!png_image_write_to_memory(&image, bytes, &n_bytes, 0, rgb, 0, NULL))
        return siren_fail(SIREN_SYSTEM, "%s: libpng cannot write %zu x %zu pixels: %s", path, width, height,
                          image.message);
    return siren_file_write(path, overwrite, bytes, n_bytes);
}
