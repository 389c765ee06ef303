/* The layer family in training, for the files that make it up: layer.c, with products by its own kernels, and
 * layer_gemm.c, with products by CLBlast. */
#ifndef SIREN_ENGINE_TRAIN_LAYER_FAMILY_H
#define SIREN_ENGINE_TRAIN_LAYER_FAMILY_H

#include "engine/kernels/layer_forward.h"
#include "engine/train/gradient.h"

typedef struct siren_layer_family siren_layer_family;

/* Who multiplies. All are enqueued, for the first `rows` rows, or the first `n_blocks` blocks, of the tile of points
 * that begins with `first_block`. */
typedef struct {
    /* Before the first tile of an epoch. */
    siren_status (*begin)(siren_layer_family *family, const siren_buffer *params);
    /* H and D of hidden layer l from H of the layer below. */
    siren_status (*forward)(siren_layer_family *family, uint32_t l, const siren_buffer *params, size_t rows);
    /* dZ of the output layer in D, and the losses of groups. */
    siren_status (*output)(siren_layer_family *family, const siren_buffer *params,
                           const siren_buffer *targets, size_t first_target, size_t first_block, size_t rows);
    /* Adds dW and db of layer l to the parts of the gradient. */
    siren_status (*weight_gradient)(siren_layer_family *family, uint32_t l, size_t first_block,
                                    size_t n_blocks);
    /* dZ of the layer below l in its D. Its H may be lost: weight_gradient(l) comes before. */
    siren_status (*input_gradient)(siren_layer_family *family, uint32_t l, const siren_buffer *params,
                                   size_t rows);
} siren_layer_products;

struct siren_layer_family {
    siren_gradient base;
    siren_gradient_plan shape;
    siren_layer_tile tile;
    const siren_layer_products *products;
    unsigned clblast;  /* set of parameters (host/opencl/gemm.h), or 0: own products */
    size_t block_rows; /* points are dealt to the parts of a gradient in blocks of so many */
    siren_kernel *first, *forward, *output, *loss, *input_gradient, *weight_gradient, *first_gradient;
    siren_kernel *pack;                 /* CLBlast only */
    siren_kernel *gather, *code_length; /* batches of points with features only, as these: */
    siren_buffer *features, *edges;     /* of a tile: (tile rows, inputs padded), (tile rows, 2) */
    /* (n_networks, tile rows, width padded) per layer: outputs, of all but the last; derivatives, then dZ. */
    siren_buffer *h[SIREN_MAX_LAYERS], *d[SIREN_MAX_LAYERS];
    siren_buffer *weights
        [SIREN_MAX_LAYERS];     /* (n_networks, out_padded, in_padded) of all but the first; CLBlast only */
    siren_buffer *group_losses; /* (n_networks, tile_blocks, groups_per_block) */
    size_t n_padded, n_blocks, tile_blocks, groups_per_block;
};

static inline size_t siren_layer_width(const siren_layer_family *family, uint32_t l) {
    return SIREN_PADDED((size_t)family->shape.network->layers[l].width);
}

/* Products by CLBlast: what is used of them (engine/train/layer_gemm.c). */
extern const siren_layer_products siren_layer_gemm_products;
/* Builds kernels and makes room for packed weights; the tile is chosen afterwards. DEVICE_MEMORY when there is no
 * room. */
siren_status siren_layer_gemm_create(siren_layer_family *family);

#endif
