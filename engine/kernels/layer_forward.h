/* How the layer family lays out its work, and the launches that training and decoding share. */
#ifndef SIREN_ENGINE_KERNELS_LAYER_FORWARD_H
#define SIREN_ENGINE_KERNELS_LAYER_FORWARD_H

#include "engine/kernels/configured.h"
#include "engine/kernels/points_on_device.h"

/* One kernel to build, and where it goes. */
typedef struct {
    const char *file, *name;
    siren_kernel **kernel; /* yours: siren_kernel_free() */
} siren_layer_kernel;

/* Builds all `kernels` for blocks of `block_rows` points with the tile that the device has been configured with for
 * such networks (NULL: with none); else with its default, or a smaller one where the compiler refuses. UNSUPPORTED when
 * the device allows none. */
siren_status siren_layer_build(siren_device *device, const siren_network *network, size_t block_rows,
                               size_t n_kernels, const siren_layer_kernel *kernels, siren_layer_tile *tile);

/* How many blocks of points to process at once, at least 1, at most n_blocks. A block of all networks takes
 * `block_bytes` in all and `largest_block_bytes` in its largest buffer, and `block_flops` operations; one tile stays
 * within a share of the device's memory and of `memory` bytes, within the largest allocation, and within a fraction of
 * a second of work. Tiles are as even as can be. */
size_t siren_layer_plan_blocks(const siren_device *device, size_t n_blocks, size_t memory, double block_bytes,
                               double largest_block_bytes, double block_flops);

/* What layers forwards share, in training and decoding. `kernel` is layer_first or layer_forward; H and D are
 * (n_networks, n_rows, out_padded) on `rows` rows from point `first_point` on; `d` NULL in decoding. */
siren_status siren_layer_launch_first(siren_kernel *kernel, const siren_gradient_plan *shape,
                                      const siren_layer_tile *tile, siren_buffer *h, siren_buffer *d,
                                      const siren_buffer *params, size_t n_rows, size_t rows,
                                      size_t first_point);
siren_status siren_layer_launch_forward(siren_kernel *kernel, const siren_gradient_plan *shape,
                                        const siren_layer_tile *tile, uint32_t l, siren_buffer *h_next,
                                        siren_buffer *d, const siren_buffer *h, const siren_buffer *params,
                                        size_t n_rows, size_t rows);
/* Groups for `rows` rows times `columns` columns of results of each network. */
siren_range siren_layer_range(const siren_layer_tile *tile, size_t rows, size_t columns, size_t n_parts,
                              size_t n_networks);

#endif
