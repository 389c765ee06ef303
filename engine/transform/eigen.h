/* Eigenvectors of symmetric matrices, and what else the encoder needs of linear algebra, in double precision. */
#ifndef SIREN_ENGINE_TRANSFORM_EIGEN_H
#define SIREN_ENGINE_TRANSFORM_EIGEN_H

#include "host/base.h"

/* `a` (n, n), symmetric, of which the lower triangle is read, becomes its eigenvectors, one in each row, of
 * eigenvalues `values` (n), the largest first. */
siren_status siren_eigen_symmetric(size_t n, double *a, double *values);

/* Sum of a b; in eight parts, whose order no processor changes. */
double siren_dot(const double *a, const double *b, size_t n);
/* a += factor b. */
void siren_add_times(double *a, double factor, const double *b, size_t n);

#endif
