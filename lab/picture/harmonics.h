/* Real spherical harmonics of even order in MRtrix3's basis:
 *
 *   f(u) = sum over even l <= L and -l <= m <= l of c_lm Y_lm(u),  c_lm at l (l + 1) / 2 + m
 *   Y_lm = N_lm P_l^|m|(cos t) times sqrt(2) sin |m|p (m < 0), 1 (m = 0), sqrt(2) cos mp (m > 0)
 *
 * with the polar angle t from z, the azimuth p from x, P with the Condon-Shortley phase (-1)^m, and N that makes them
 * orthonormal. */
#ifndef SIREN_LAB_PICTURE_HARMONICS_H
#define SIREN_LAB_PICTURE_HARMONICS_H

#include <stdbool.h>
#include <stddef.h>

#define SIREN_HARMONICS_MOST_ORDER 16
#define SIREN_HARMONICS_MOST 153 /* (L + 1) (L + 2) / 2 */

/* The order L that has so many coefficients; false where none up to the largest has. */
bool siren_harmonics_order(size_t n_coefficients, unsigned *order);
/* All Y_lm(u) up to `order` for a unit vector: (order + 1) (order + 2) / 2 values. */
void siren_harmonics(unsigned order, const double u[3], double *out);

#endif
