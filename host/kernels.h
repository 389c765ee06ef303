/* The kernel sources of cl/, embedded at build time by cmake/embed.cmake. */
#ifndef SIREN_HOST_KERNELS_H
#define SIREN_HOST_KERNELS_H

#include <stddef.h>

typedef struct {
    const char *name; /* "chain.cl" */
    const char *text; /* zero-terminated */
    size_t length;
} siren_kernel_source;

extern const siren_kernel_source siren_kernel_sources[];
extern const size_t siren_n_kernel_sources;

#endif
