/* What codes one image of a series: a slice of a volume, or the slices of a volume together. */
#ifndef SIREN_LAB_BASELINE_IMAGE_CODER_H
#define SIREN_LAB_BASELINE_IMAGE_CODER_H

#include "host/base.h"

/* What a coder is given of an image. */
typedef enum {
    SIREN_SAMPLES_SCALED, /* uint16_t, 0 to 65535 from the image's minimum to its maximum */
    /* uint16_t, the value less the minimum, of integers that span at most 65535: nothing is lost. Other images are
     * scaled. */
    SIREN_SAMPLES_OFFSET,
    SIREN_SAMPLES_REAL /* the values: float where it holds the stored type's exactly, or that is float32; else double */
} siren_samples;

/* Samples (nz, ny, nx); nz is 1 for a slice. */
typedef struct {
    size_t nx, ny, nz;
    unsigned bits;         /* of a sample: 1 to 16 for integers, 32 or 64 for real ones */
    unsigned stored_bytes; /* of a voxel, which rates are relative to */
} siren_image_shape;

struct siren_image_coder {
    siren_samples plain;   /* without a quality */
    siren_samples quality; /* with one */
    /* `quality` 0: nothing more is lost than `plain` does, as far as the format can. `*out` is yours to free().
     * UNSUPPORTED beyond the format's limits. Any number of threads may call this. */
    siren_status (*encode)(const siren_image_shape *shape, const void *samples, double quality, uint8_t **out,
                           size_t *n_out);
    /* The inverse, with the same shape and quality. CORRUPT where the bytes are not of that shape. */
    siren_status (*decode)(const siren_image_shape *shape, double quality, const uint8_t *bytes,
                           size_t n_bytes, void *samples);
};
typedef struct siren_image_coder siren_image_coder;

#endif
