/* The layer family's exact decode. */
#ifndef SIREN_ENGINE_KERNELS_LAYER_DECODE_H
#define SIREN_ENGINE_KERNELS_LAYER_DECODE_H

#include "engine/kernels/points_on_device.h"

/* The exact forward pass (docs/numerics.md): the bits of decode.cl and of siren_decode_host(). */
typedef struct siren_layer_decode siren_layer_decode;

/* Buffers of the shape are borrowed while the decoder lives. DEVICE_MEMORY when there is no room. `*out` is yours:
 * siren_layer_decode_free(). */
siren_status siren_layer_decode_create(const siren_gradient_plan *shape, siren_layer_decode **out);
/* Enqueues all points of all networks: `y` (n_networks, n_points, n_outputs) from `params` (n_networks, n_padded). */
siren_status siren_layer_decode_run(siren_layer_decode *decode, siren_buffer *y, const siren_buffer *params);
/* Only the first `n_points` from now on; at most those of the shape that the decoder was made from. */
void siren_layer_decode_points(siren_layer_decode *decode, size_t n_points);
void siren_layer_decode_free(siren_layer_decode *decode);
SIREN_POINTER_RELEASE(siren_layer_decode, siren_layer_decode_free)

#endif
