/* zfp, where its library was found at build time. */
#ifndef SIREN_LAB_BASELINE_ZFP_H
#define SIREN_LAB_BASELINE_ZFP_H

#include "lab/baseline/image_coder.h"

#ifdef SIREN_WITH_ZFP
#define SIREN_ZFP_MISSING NULL
#else
#define SIREN_ZFP_MISSING "libzfp-dev"
#endif

/* Of real samples; one slice is coded in blocks of 4 x 4, more in blocks of 4 x 4 x 4. The quality is the ratio of
 * stored voxels to coded ones at a fixed rate, of which zfp keeps what it can express; that needs finite samples. */
extern const siren_image_coder siren_zfp_coder;

#endif
