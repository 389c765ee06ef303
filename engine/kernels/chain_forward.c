#include "engine/kernels/chain_forward.h"

#include <stdio.h>

void siren_chain_options(const siren_configuration *configuration, char *out, size_t size) {
    snprintf(out, size, "-D SIREN_LANES=%u -D SIREN_BLOCK_ROWS=%u", (unsigned)configuration->lanes,
             (unsigned)configuration->block_rows);
}

siren_status siren_chain_pack(siren_kernel *pack, const siren_network *network, size_t n_networks,
                              siren_buffer *forward, siren_buffer *backward, const siren_buffer *params,
                              const siren_buffer *table) {
    size_t widest = 0;
    for (uint32_t l = 0; l < network->n_layers; l++) {
        size_t in = siren_network_layer_inputs(network, l), out = network->layers[l].width;
        widest = in > widest ? in : widest;
        widest = out > widest ? out : widest;
    }
    /* The narrowest strip has 16 columns; kernels skip the strips that a layer does not have. Each is packed twice. */
    siren_range range = {.global = {2 * ((widest + 15) / 16), network->n_layers, n_networks}};
    return SIREN_LAUNCH(pack, range, SIREN_BUFFER(forward), SIREN_BUFFER(backward), SIREN_BUFFER(params),
                        SIREN_BUFFER(table), SIREN_INT((int)siren_network_n_padded(network)),
                        SIREN_INT((int)siren_network_n_packed_floats(network)));
}
