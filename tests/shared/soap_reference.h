/* SOAP (Vyas et al. 2024, arXiv:2409.11321) in double precision and plain loops, which the device's is compared
 * with. */
#ifndef SIREN_TESTS_SOAP_REFERENCE_H
#define SIREN_TESTS_SOAP_REFERENCE_H

#include "engine/train/optimiser.h"

typedef struct soap_reference soap_reference;

soap_reference *soap_reference_start(const siren_network *network, const siren_adam_options *options,
                                     size_t refresh);
/* One step of `params` by `gradient`, (n_params) each in exchange order. */
void soap_reference_step(soap_reference *reference, double *params, const double *gradient, double rate);
void soap_reference_end(soap_reference *reference);

#endif
