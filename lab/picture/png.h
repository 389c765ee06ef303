/* Pictures as PNG files: 8-bit RGB, not interlaced. */
#ifndef SIREN_LAB_PICTURE_PNG_H
#define SIREN_LAB_PICTURE_PNG_H

#include "host/base.h"

#define SIREN_PNG_MOST_PIXELS ((size_t)1 << 26)

/* Writes `rgb` (height, width, 3), from the top down; nothing appears under `path` unless complete. The bytes depend on the
 * picture, libpng and zlib alone. UNSUPPORTED for pictures without pixels or with more than SIREN_PNG_MOST_PIXELS. */
siren_status siren_png_write(const char *path, bool overwrite, size_t width, size_t height,
                             const uint8_t *rgb);

#endif
