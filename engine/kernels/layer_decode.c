#include "engine/kernels/layer_decode.h"

#include "cl/knobs.h"
#include "engine/kernels/layer_forward.h"

#include <stdlib.h>

struct siren_layer_decode {
    siren_gradient_plan shape;
    siren_layer_tile tile;
    siren_kernel *first, *forward, *output;
    siren_buffer *h[2]; /* (n_networks, tile_rows, widest), in turns */
    size_t tile_blocks, n_blocks;
};

void siren_layer_decode_free(siren_layer_decode *decode) {
    if (!decode) return;
    siren_kernel_free(decode->first);
    siren_kernel_free(decode->forward);
    siren_kernel_free(decode->output);
    for (int i = 0; i < 2; i++) siren_buffer_free(decode->h[i]);
    free(decode);
}

static siren_status create_buffers(siren_layer_decode *decode, size_t block_bytes) {
    for (int i = 0; i < 2; i++)
        SIREN_TRY(siren_buffer_create(decode->shape.device, decode->tile_blocks * block_bytes,
                                      "the activations", &decode->h[i]));
    return SIREN_OK;
}

siren_status siren_layer_decode_create(const siren_gradient_plan *shape, siren_layer_decode **out) {
    siren_status status = SIREN_OK;
    SIREN_AT_END(siren_layer_decode_free_at) siren_layer_decode *decode = NULL;
    const siren_network *network = shape->network;
    size_t widest = 0;
    SIREN_TRY(siren_allocate(&decode, 1, sizeof *decode, "the decoder"));
    decode->shape = *shape;
    const siren_layer_kernel kernels[] = {{"layer.cl", "layer_first", &decode->first},
                                          {"layer.cl", "layer_forward", &decode->forward},
                                          {"layer.cl", "decode_layer", &decode->output}};
    SIREN_TRY(siren_layer_build(shape->device, network, SIREN_LAYER_BLOCK_ROWS,
                                sizeof kernels / sizeof *kernels, kernels, &decode->tile));
    for (uint32_t l = 0; l + 1 < network->n_layers; l++)
        if (SIREN_PADDED((size_t)network->layers[l].width) > widest)
            widest = SIREN_PADDED((size_t)network->layers[l].width);
    size_t block_bytes = shape->n_networks * SIREN_LAYER_BLOCK_ROWS * widest * sizeof(float);
    double block_flops = 2 * siren_network_macs(network) * SIREN_LAYER_BLOCK_ROWS * (double)shape->n_networks;
    decode->n_blocks = (shape->n_points + SIREN_LAYER_BLOCK_ROWS - 1) / SIREN_LAYER_BLOCK_ROWS;
    decode->tile_blocks =
        siren_layer_plan_blocks(shape->device, decode->n_blocks, siren_memory_left(shape->memory_limit, 0),
                                2 * (double)block_bytes, (double)block_bytes, block_flops);
    for (;;) {
        status = create_buffers(decode, block_bytes);
        if (status != SIREN_DEVICE_MEMORY || decode->tile_blocks == 1) break;
        for (int i = 0; i < 2; i++) {
            siren_buffer_free(SIREN_TAKE(decode->h[i]));
        }
        decode->tile_blocks = (decode->tile_blocks + 1) / 2;
    }
    if (status == SIREN_OK) *out = SIREN_TAKE(decode);
    return status;
}

void siren_layer_decode_points(siren_layer_decode *decode, size_t n_points) {
    decode->shape.n_points = n_points;
    decode->n_blocks = (n_points + SIREN_LAYER_BLOCK_ROWS - 1) / SIREN_LAYER_BLOCK_ROWS;
}

siren_status siren_layer_decode_run(siren_layer_decode *decode, siren_buffer *y, const siren_buffer *params) {
    const siren_gradient_plan *shape = &decode->shape;
    const siren_network *network = shape->network;
    size_t n_rows = decode->tile_blocks * SIREN_LAYER_BLOCK_ROWS;
    for (size_t block = 0; block < decode->n_blocks; block += decode->tile_blocks) {
        size_t n_blocks =
            decode->n_blocks - block < decode->tile_blocks ? decode->n_blocks - block : decode->tile_blocks;
        size_t rows = n_blocks * SIREN_LAYER_BLOCK_ROWS, first_point = block * SIREN_LAYER_BLOCK_ROWS;
        uint32_t last = network->n_layers - 1;
        SIREN_TRY(siren_layer_launch_first(decode->first, shape, &decode->tile, decode->h[0], NULL, params,
                                           n_rows, rows, first_point));
        for (uint32_t l = 1; l < last; l++)
            SIREN_TRY(siren_layer_launch_forward(decode->forward, shape, &decode->tile, l, decode->h[l % 2],
                                                 NULL, decode->h[(l + 1) % 2], params, n_rows, rows));
        siren_range range = siren_layer_range(
            &decode->tile, rows, SIREN_PADDED((size_t)network->layers[last].width), 1, shape->n_networks);
        SIREN_TRY(SIREN_LAUNCH(decode->output, range, SIREN_BUFFER(y),
                               SIREN_BUFFER(decode->h[(last + 1) % 2]), SIREN_BUFFER(params),
                               SIREN_BUFFER(shape->table), SIREN_BUFFER(shape->w0), SIREN_INT((int)last),
                               SIREN_INT((int)siren_network_n_padded(network)), SIREN_INT((int)n_rows),
                               SIREN_INT((int)shape->n_points), SIREN_INT((int)first_point)));
    }
    return SIREN_OK;
}
