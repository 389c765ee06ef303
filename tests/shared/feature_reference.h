/* Networks on features in plain C and double precision, as examples/method.c is for networks on coordinates. */
#ifndef SIREN_TESTS_FEATURE_REFERENCE_H
#define SIREN_TESTS_FEATURE_REFERENCE_H

#include "engine/model/network.h"

/* Bits of the integer between the edges under the mixture that `outputs` describe, and their gradient; NULL: not
 * wanted. */
double reference_code_length(const double outputs[SIREN_MIXTURE_OUTPUTS], double lo, double hi,
                             double n_values, double gradient[SIREN_MIXTURE_OUTPUTS]);

/* Mean bits over points[0 ... n-1] (NULL: the first n), and their gradient (n_params), NULL: not wanted. Features are
 * (any number, n_inputs), edges (any number, 2). */
double reference_features(const siren_network *network, const double *params, const uint32_t *points,
                          size_t n, const float *features, const float *edges, double n_values,
                          double *gradient);

#endif
