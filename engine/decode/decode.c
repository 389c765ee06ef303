#include "engine/decode/decode.h"

#include "engine/decode/device_decoder.h"

#include <stdlib.h>
#include <string.h>

struct siren_decoder {
    siren_network network;
    size_t n_points, max_points;
    float *coordinates;              /* (max_points, n_inputs) of the host, */
    siren_device_decoder *on_device; /* or whoever holds its own */
};

void siren_decoder_free(siren_decoder *decoder) {
    if (!decoder) return;
    siren_device_decoder_free(decoder->on_device);
    free(decoder->coordinates);
    free(decoder);
}

siren_status siren_decoder_create(siren_device *device, const siren_network *network, size_t n_points,
                                  const float *coordinates, siren_decoder **out) {
    SIREN_AT_END(siren_decoder_free_at) siren_decoder *decoder = NULL;
    SIREN_TRY(siren_allocate(&decoder, 1, sizeof *decoder, "the decoder"));
    decoder->network = *network;
    decoder->max_points = n_points;
    if (device) {
        SIREN_TRY(siren_device_decoder_create(device, network, n_points, coordinates, &decoder->on_device));
    } else {
        SIREN_TRY(siren_allocate(&decoder->coordinates, n_points * network->n_inputs, sizeof(float),
                                 "the coordinates"));
        SIREN_TRY(siren_decoder_move(decoder, n_points, coordinates));
    }
    *out = SIREN_TAKE(decoder);
    return SIREN_OK;
}

siren_status siren_decoder_move(siren_decoder *decoder, size_t n_points, const float *coordinates) {
    if (n_points == 0 || n_points > decoder->max_points)
        return siren_fail(SIREN_USAGE, "a decoder for up to %zu points was given %zu", decoder->max_points,
                          n_points);
    decoder->n_points = n_points;
    if (decoder->on_device) return siren_device_decoder_move(decoder->on_device, n_points, coordinates);
    memcpy(decoder->coordinates, coordinates, n_points * decoder->network.n_inputs * sizeof *coordinates);
    return SIREN_OK;
}

siren_status siren_decoder_run(siren_decoder *decoder, const float *params, float *y) {
    if (decoder->on_device) return siren_device_decoder_run(decoder->on_device, params, y);
    return siren_decode_host(&decoder->network, decoder->network.n_layers, params, decoder->n_points,
                             decoder->coordinates, y);
}
