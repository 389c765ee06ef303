/* Structural similarity of images, the local one and its mean (Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli,
 * "Image quality assessment: from error visibility to structural similarity", IEEE Trans. Image Processing 13, 2004,
 * eq. 13):
 *
 *   SSIM = (2 mx my + C1)(2 cxy + C2) / ((mx^2 + my^2 + C1)(vx + vy + C2)),  C1 = (0.01 R)^2, C2 = (0.03 R)^2
 *
 * with means m, variances v and covariance c in a window around each pixel, and the data range R. The details are those
 * of scikit-image's structural_similarity on 2-D images in double precision: images are continued by reflection about
 * their edges, and the mean is that of the pixels whose window lies within the image. */
#ifndef SIREN_LAB_EVALUATE_SSIM_H
#define SIREN_LAB_EVALUATE_SSIM_H

#include "formats/series.h"

typedef enum {
    SIREN_SSIM_UNIFORM, /* 7 x 7, equal weights, sample covariance (n - 1): scikit-image's default */
    SIREN_SSIM_GAUSSIAN /* 11 x 11, sigma 1.5 cut at 3.5 sigma, use_sample_covariance=False: the paper's window */
} siren_ssim_window;

/* Pixels along one side of a window: the least size of an image along x and y. */
size_t siren_ssim_window_size(siren_ssim_window window);

/* Compares each slice of each volume of two series of one grid, on scaled values (slope and inter applied), on all
 * processors. `range`: R, above 0, in those units; scikit-image's data_range. `map`: (nz, ny, nx), the local SSIM,
 * its mean over the volumes, may be NULL; `*mean`: over slices and volumes. Results do not depend on the number of
 * threads. Each thread needs 24 bytes for a voxel of a slice. USAGE where a slice is smaller than the window, or for
 * such a range. */
siren_status siren_ssim_series(siren_ssim_window window, const siren_series *x, const siren_series *y,
                               double range, float *map, double *mean);

#endif
