/* What a device's kernels are built with. Every configuration gives the same decoded bits; sums of training differ in
 * their order (docs/numerics.md). Chosen by measurement in engine/care/tune.h. */
#ifndef SIREN_HOST_OPENCL_CONFIGURATION_H
#define SIREN_HOST_OPENCL_CONFIGURATION_H

#include <stdint.h>

/* Fields of the other family are 0. */
typedef struct {
    uint32_t lanes;            /* chain: floats of a vector, 16 or 8 */
    uint32_t block_rows;       /* chain: points of a block, a multiple of 12 */
    uint32_t items_m, items_n; /* layer: work-items along the rows and columns of a tile, */
    uint32_t quads_m, quads_n; /* quads of 4 x 4 results of each, */
    uint32_t slab;             /* and values of k in local memory */
    uint32_t clblast; /* either: 0, or CLBlast multiplies in training, with this set of host/opencl/gemm.h */
} siren_configuration;

/* Networks alike enough to share a configuration: by the widest hidden layer. */
typedef enum { SIREN_WIDTH_NARROW, SIREN_WIDTH_MEDIUM, SIREN_WIDTH_WIDE } siren_width_class;
#define SIREN_N_WIDTH_CLASSES 3

#endif
