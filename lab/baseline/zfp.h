/* zfp, where its library was found at build time. */
#ifndef SIREN_LAB_BASELINE_ZFP_H
#define SIREN_LAB_BASELINE_ZFP_H

#include "host/base.h"

/* Samples (nz, ny, nx) of float, or of double where `wide`. nz 1: coded in blocks of 4 x 4, else of 4 x 4 x 4. */
typedef struct {
    size_t nx, ny, nz;
    bool wide;
} siren_zfp_shape;

/* Whether this program was built with zfp; without it the functions below are UNSUPPORTED. */
bool siren_zfp_available(void);

/* `bits` a sample (fixed rate, of which zfp keeps what it can express), or 0: lossless. Fixed rates need finite samples.
 * `*out` is yours to free(). Any number of threads may call this. */
siren_status siren_zfp_encode(const siren_zfp_shape *shape, const void *samples, double bits, uint8_t **out,
                              size_t *n_out);
/* Decodes what siren_zfp_encode() made with the same shape and bits. */
siren_status siren_zfp_decode(const siren_zfp_shape *shape, double bits, const uint8_t *bytes, size_t n_bytes,
                              void *samples);

#endif
