/* How strong the noise of each volume is, from its image alone.
 *
 * The second differences of a slice along both axes, N = [1 -2 1]^T [1 -2 1], leave little of smooth tissue; of white
 * noise of standard deviation s they have one of 6 s (Immerkaer 1996, Computer Vision and Image Understanding
 * 64:300-302). What edges leave is alike in all volumes, noise is not: of the principal components over volumes the
 * upper half is taken away, as MP-PCA takes away those above a bound (Veraart et al. 2016, NeuroImage 142:394-406). The
 * median magnitude of what is left, over 0.6745, is robust (Donoho and Johnstone 1994, Biometrika 81:425-455), and over
 * the share of its variance that a volume keeps it is s.
 *
 * All this where there is signal (Coupe et al. 2010, Medical Image Analysis 14:483-493): where the mean of 3 x 3 voxels
 * over all volumes is above that of all voxels other than 0. There s is below the sigma of the real and the imaginary
 * part where signals are weak, for the Rician distribution is narrower near its floor. sigma = s / sqrt(xi(theta)),
 * theta the signal over sigma, is found by the fixed point of Koay and Basser 2006 (Journal of Magnetic Resonance
 * 179:317-322), with the median of the means of 3 x 3 voxels as the magnitude.
 *
 * It takes the noise of neighbouring voxels to be independent: where a scanner has interpolated, sigma comes out too
 * low. With one volume or two, edges count as noise. */
#ifndef SIREN_ENGINE_ENCODE_NOISE_H
#define SIREN_ENGINE_ENCODE_NOISE_H

#include "formats/series.h"

/* Voxels far outside the rest (docs/numerics.md) are left out.
 * sigma of each volume over slices z_begin ... z_end - 1 into `sigmas` (n_volumes), in stored units; 0 for a volume in
 * which none can be seen: constant ones, slices less than 3 voxels wide. */
siren_status siren_noise_estimate(const siren_series *series, size_t z_begin, size_t z_end, double *sigmas);

/* sigma of Rician data of standard deviation `spread` and mean `magnitude`. */
double siren_noise_rician(double spread, double magnitude);

#endif
