#include "engine/decode/device_decoder.h"

#include "cl/knobs.h"
#include "engine/kernels/chain_forward.h"
#include "engine/kernels/layer_decode.h"
#include "engine/kernels/network_on_device.h"

#include <stdlib.h>

struct siren_device_decoder {
    siren_device *device;
    siren_network network;
    size_t n_points, n_padded, n_scratch, n_slots, widest_padded;
    float *padded;
    siren_layer_decode *layer;      /* of the layer family, */
    siren_kernel *pack, *decode;    /* or of the chain family, */
    siren_buffer *strips, *scratch; /* which needs these */
    siren_buffer *table, *w0, *coordinates, *params, *y;
};

void siren_device_decoder_free(siren_device_decoder *decoder) {
    if (!decoder) return;
    siren_layer_decode_free(decoder->layer);
    siren_kernel_free(decoder->pack);
    siren_kernel_free(decoder->decode);
    siren_buffer_free(decoder->table);
    siren_buffer_free(decoder->w0);
    siren_buffer_free(decoder->coordinates);
    siren_buffer_free(decoder->params);
    siren_buffer_free(decoder->strips);
    siren_buffer_free(decoder->scratch);
    siren_buffer_free(decoder->y);
    free(decoder->padded);
    free(decoder);
}

static siren_status create_chain(siren_device_decoder *decoder) {
    siren_device *device = decoder->device;
    const siren_network *network = &decoder->network;
    const siren_configuration configuration = siren_configuration_of(device, network);
    char options[64];
    decoder->n_slots = 4 * (size_t)siren_device_get_facts(device)->compute_units;
    decoder->widest_padded = SIREN_PADDED((size_t)network->n_inputs);
    for (uint32_t l = 0; l < network->n_layers; l++)
        if (SIREN_PADDED((size_t)network->layers[l].width) > decoder->widest_padded)
            decoder->widest_padded = SIREN_PADDED((size_t)network->layers[l].width);
    decoder->n_scratch = 2 * (size_t)configuration.block_rows * (decoder->widest_padded + SIREN_PAD);
    siren_chain_options(&configuration, options, sizeof options);
    SIREN_TRY(siren_kernel_create(device, "decode.cl", options, "chain_pack", &decoder->pack));
    SIREN_TRY(siren_kernel_create(device, "decode.cl", options, "decode_chain", &decoder->decode));
    SIREN_TRY(siren_buffer_create(device, siren_network_n_packed_floats(network) * sizeof(float),
                                  "the packed weights", &decoder->strips));
    return siren_buffer_create(device, decoder->n_slots * decoder->n_scratch * sizeof(float),
                               "the activations", &decoder->scratch);
}

static siren_status prepare(siren_device_decoder *decoder, const float *coordinates) {
    siren_device *device = decoder->device;
    const siren_network *network = &decoder->network;
    decoder->n_padded = siren_network_n_padded(network);
    SIREN_TRY(siren_network_upload(network, device, &decoder->table, &decoder->w0));
    size_t coordinate_bytes = decoder->n_points * network->n_inputs * sizeof(float);
    SIREN_TRY(siren_buffer_create(device, coordinate_bytes, "the coordinates", &decoder->coordinates));
    SIREN_TRY(siren_buffer_write(decoder->coordinates, 0, coordinates, coordinate_bytes));
    SIREN_TRY(siren_allocate(&decoder->padded, decoder->n_padded, sizeof(float), "the padded parameters"));
    SIREN_TRY(
        siren_buffer_create(device, decoder->n_padded * sizeof(float), "the parameters", &decoder->params));
    SIREN_TRY(siren_buffer_create(device,
                                  decoder->n_points * siren_network_n_outputs(network) * sizeof(float),
                                  "the decoded block", &decoder->y));
    const siren_device_facts *facts = siren_device_get_facts(device);
    /* Where loops are bounded a work-item cannot take points through a whole network; the layer family gives the same
     * bits. */
    if (facts->family == SIREN_FAMILY_CHAIN && facts->loop_limit == 0) return create_chain(decoder);
    siren_gradient_plan shape = {.device = device,
                                 .network = network,
                                 .n_networks = 1,
                                 .n_points = decoder->n_points,
                                 .table = decoder->table,
                                 .w0 = decoder->w0,
                                 .coordinates = decoder->coordinates,
                                 .memory_limit = SIREN_DECODE_MEMORY};
    return siren_layer_decode_create(&shape, &decoder->layer);
}

siren_status siren_device_decoder_create(siren_device *device, const siren_network *network, size_t n_points,
                                         const float *coordinates, siren_device_decoder **out) {
    SIREN_AT_END(siren_device_decoder_free_at) siren_device_decoder *decoder = NULL;
    SIREN_TRY(siren_allocate(&decoder, 1, sizeof *decoder, "the decoder"));
    decoder->device = device;
    decoder->network = *network;
    decoder->n_points = n_points;
    SIREN_TRY(prepare(decoder, coordinates));
    *out = SIREN_TAKE(decoder);
    return SIREN_OK;
}

siren_status siren_device_decoder_move(siren_device_decoder *decoder, size_t n_points,
                                       const float *coordinates) {
    decoder->n_points = n_points;
    if (decoder->layer) siren_layer_decode_points(decoder->layer, n_points);
    return siren_buffer_write(decoder->coordinates, 0, coordinates,
                              n_points * decoder->network.n_inputs * sizeof *coordinates);
}

static siren_status run_chain(siren_device_decoder *decoder) {
    const siren_network *network = &decoder->network;
    SIREN_TRY(
        siren_chain_pack(decoder->pack, network, 1, decoder->strips, NULL, decoder->params, decoder->table));
    siren_range range = {.global = {decoder->n_slots}};
    return SIREN_LAUNCH(
        decoder->decode, range, SIREN_BUFFER(decoder->y), SIREN_BUFFER(decoder->scratch),
        SIREN_BUFFER(decoder->params), SIREN_BUFFER(decoder->strips), SIREN_BUFFER(decoder->coordinates),
        SIREN_BUFFER(decoder->table), SIREN_BUFFER(decoder->w0), SIREN_INT((int)network->n_layers),
        SIREN_INT((int)decoder->n_padded), SIREN_INT((int)siren_network_n_packed_floats(network)),
        SIREN_INT((int)decoder->n_scratch), SIREN_INT((int)decoder->n_points),
        SIREN_INT((int)decoder->widest_padded));
}

siren_status siren_device_decoder_run(siren_device_decoder *decoder, const float *params, float *y) {
    const siren_network *network = &decoder->network;
    siren_network_pad(network, params, decoder->padded);
    SIREN_TRY(siren_buffer_write(decoder->params, 0, decoder->padded, decoder->n_padded * sizeof(float)));
    SIREN_TRY(decoder->layer ? siren_layer_decode_run(decoder->layer, decoder->y, decoder->params)
                             : run_chain(decoder));
    return siren_buffer_read(decoder->y, 0, y,
                             decoder->n_points * siren_network_n_outputs(network) * sizeof(float));
}
