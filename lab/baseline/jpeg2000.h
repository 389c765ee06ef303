/* Lossy JPEG2000 of 16-bit images through OpenJPEG: the irreversible 9/7 wavelet, one layer, one tile. */
#ifndef SIREN_LAB_BASELINE_JPEG2000_H
#define SIREN_LAB_BASELINE_JPEG2000_H

#include "lab/baseline/image_coder.h"

#define SIREN_JPEG2000_MAX_COMPONENTS 16384
#define SIREN_JPEG2000_MAX_SIDE 65535

/* Of scaled samples; slices are components that share a codestream and its bytes, each transformed on its own. The
 * quality is the ratio of stored voxels to a codestream, without a file format around it, of some 150 bytes at least;
 * where that leaves 2 bytes a sample or more, every bit of the quantised coefficients is kept. */
extern const siren_image_coder siren_jpeg2000_coder;

#endif
