/* Lossy JPEG2000 of 16-bit images through OpenJPEG: the irreversible 9/7 wavelet, one layer, one tile. */
#ifndef SIREN_LAB_BASELINE_JPEG2000_H
#define SIREN_LAB_BASELINE_JPEG2000_H

#include "host/base.h"

#define SIREN_JPEG2000_MAX_COMPONENTS 16384
#define SIREN_JPEG2000_MAX_SIDE 65535

/* Samples (n_components, ny, nx): images of one size that share a codestream and its bytes, each transformed on its own. */
typedef struct {
    size_t nx, ny, n_components;
} siren_jpeg2000_shape;

/* A complete codestream (.j2k, without a file format around it) of about `2 nx ny n_components / rate` bytes, but of some
 * 150 at least; `rate` 1 or less keeps every bit of the quantised coefficients. `*out` is yours to free(). UNSUPPORTED
 * beyond the limits above; SYSTEM with OpenJPEG's reason where it fails. Any number of threads may call this. */
siren_status siren_jpeg2000_encode(const siren_jpeg2000_shape *shape, const uint16_t *samples, double rate,
                                   uint8_t **out, size_t *n_out);
/* Decodes a codestream of siren_jpeg2000_encode(): CORRUPT where it is none of this shape. */
siren_status siren_jpeg2000_decode(const siren_jpeg2000_shape *shape, const uint8_t *bytes, size_t n_bytes,
                                   uint16_t *samples);

#endif
