/* JPEG-LS (ITU-T T.87) through CharLS, where it was found at build time: lossless, or each sample within a bound. */
#ifndef SIREN_LAB_BASELINE_JPEGLS_H
#define SIREN_LAB_BASELINE_JPEGLS_H

#include "lab/baseline/image_coder.h"

#ifdef SIREN_WITH_CHARLS
#define SIREN_JPEGLS_MISSING NULL
#else
#define SIREN_JPEGLS_MISSING "libcharls-dev"
#endif

/* Of samples with offset. A volume's slices are one plane, one below the other. The quality is the largest error of a
 * sample; the format knows up to 255, and half of the largest sample. Sides are at most 65535. */
extern const siren_image_coder siren_jpegls_coder;

#endif
