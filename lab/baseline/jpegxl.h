/* JPEG XL (ISO/IEC 18181) through libjxl, where it was found at build time: lossless, or lossy by a distance. */
#ifndef SIREN_LAB_BASELINE_JPEGXL_H
#define SIREN_LAB_BASELINE_JPEGXL_H

#include "lab/baseline/image_coder.h"

#ifdef SIREN_WITH_JXL
#define SIREN_JPEGXL_MISSING NULL
#else
#define SIREN_JPEGXL_MISSING "libjxl-dev"
#endif

#define SIREN_JPEGXL_LEAST_DISTANCE 0.01 /* of libjxl */
#define SIREN_JPEGXL_LARGEST_DISTANCE 15 /* of libjxl 0.7; later ones know up to 25 */

/* Of samples with offset where lossless, scaled where lossy. A volume's slices are one plane, one below the other. The
 * quality is libjxl's distance. */
extern const siren_image_coder siren_jpegxl_coder;

#endif
