/* Eigenvectors of symmetric matrices in double precision. */
#ifndef SIREN_ENGINE_TRANSFORM_EIGEN_H
#define SIREN_ENGINE_TRANSFORM_EIGEN_H

#include "host/base.h"

/* `a` (n, n), symmetric, of which the lower triangle is read, becomes its eigenvectors, one in each row, of eigenvalues
 * `values` (n), the largest first. */
siren_status siren_eigen_symmetric(size_t n, double *a, double *values);

#endif
