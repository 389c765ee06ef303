/* The kernel sources of cl/. */
#ifndef SIREN_HOST_OPENCL_KERNELS_H
#define SIREN_HOST_OPENCL_KERNELS_H

#include "host/embedded.h"

extern const siren_embedded_file siren_kernel_sources[];
extern const size_t siren_n_kernel_sources;

#endif
