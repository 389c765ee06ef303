/* Pictures as PNG: 8-bit grey or RGB, not interlaced. */
#ifndef SIREN_LAB_PICTURE_PNG_H
#define SIREN_LAB_PICTURE_PNG_H

#include "host/base.h"

#define SIREN_PNG_MOST_PIXELS ((size_t)1 << 26)

/* `pixels` (height, width, channels), from the top down, of 1 channel (grey) or 3 (RGB), as the bytes of a
 * PNG file, which depend on the picture, libpng and zlib alone; `name` is for messages. `*out` is yours to
 * free(). UNSUPPORTED for pictures without pixels or with more than SIREN_PNG_MOST_PIXELS. */
siren_status siren_png_encode(const char *name, size_t width, size_t height, unsigned channels,
                              const uint8_t *pixels, uint8_t **out, size_t *n_out);

/* Writes `rgb` (height, width, 3), from the top down; nothing appears under `path` unless complete. */
siren_status siren_png_write(const char *path, bool overwrite, size_t width, size_t height,
                             const uint8_t *rgb);

#endif
