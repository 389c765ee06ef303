/* The gradient of the loss for a batch of networks of one shape, by one of the kernel families.
 *
 * loss = scale * sum over data of (Y - target)^2. A family gives the sum's gradient and the sum, each divided into
 * parts that epoch.cl and the optimiser add in order; the factor 2 * scale is theirs, too. */
#ifndef SIREN_ENGINE_TRAIN_GRADIENT_H
#define SIREN_ENGINE_TRAIN_GRADIENT_H

#include "engine/kernels/points_on_device.h"

typedef struct siren_gradient siren_gradient;
struct siren_gradient {
    size_t n_parts;                  /* parts of a gradient, independent of device and batch */
    size_t n_tiles;                  /* launches into which an epoch's points are divided */
    size_t tile_points;              /* of each tile but the last, which may have fewer */
    double tile_flops;               /* floating-point operations of the largest tile, all networks */
    size_t n_bytes;                  /* of device memory that it holds */
    siren_buffer *partial_gradients; /* (n_networks, n_parts, n_padded), of half the gradient of the sum */
    siren_buffer *partial_losses;    /* (n_networks, n_parts) */

    /* Before the first tile of an epoch. `params`: (n_networks, n_padded). */
    siren_status (*begin)(siren_gradient *gradient, const siren_buffer *params);
    /* Tiles in ascending order. `targets`: (n_networks, n_points, out_padded), NaN where there is no data; of a single
     * network those of the tile suffice: point `first_target` is then the buffer's first, else 0. With a batch:
     * NULL, and the loss is the sum of bits. */
    siren_status (*tile)(siren_gradient *gradient, const siren_buffer *params, const siren_buffer *targets,
                         size_t first_target, size_t tile);
    /* Only of the first `n_networks` from now on. */
    void (*keep)(siren_gradient *gradient, size_t n_networks);
    void (*free)(siren_gradient *gradient);
};

/* The family of the shape's device, or the layer family where CLBlast is to multiply. Buffers of the shape are borrowed
 * while the gradient lives. DEVICE_MEMORY when there is no room. `*out` is yours: (*out)->free(*out). */
siren_status siren_gradient_create(const siren_gradient_plan *shape, siren_gradient **out);
siren_status siren_chain_create(const siren_gradient_plan *shape, siren_gradient **out);
siren_status siren_layer_create(const siren_gradient_plan *shape, siren_gradient **out);

static inline void siren_gradient_free_at(siren_gradient **gradient) {
    if (*gradient) (*gradient)->free(*gradient);
}

/* A kernel of epoch.cl for training `network` on the device. The chain family has these kernels in its own program,
 * since each program costs a run of the compiler's front end when a process starts. */
siren_status siren_epoch_kernel_create(siren_device *device, const siren_network *network, const char *name,
                                       siren_kernel **out);

#endif
