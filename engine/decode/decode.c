#include "engine/decode/decode.h"

#include "engine/decode/device_decoder.h"
#include "host/opencl/device.h"

#include <stdlib.h>
#include <string.h>

struct siren_decoder {
    siren_network network;
    siren_device *device; /* borrowed; NULL: the host */
    size_t n_points, max_points;
    float *coordinates; /* (max_points, n_inputs) for the host, which may have to go on for the device, */
    siren_device_decoder *on_device; /* which holds its own */
};

void siren_decoder_free(siren_decoder *decoder) {
    if (!decoder) return;
    siren_device_decoder_free(decoder->on_device);
    free(decoder->coordinates);
    free(decoder);
}

/* After a call to the device: OK also where the host takes its place, and `on_device` is no more. */
static siren_status check_device(siren_decoder *decoder, siren_status status) {
    if (status != SIREN_DEVICE && status != SIREN_DEVICE_MEMORY) return status;
    if (!siren_device_replace(decoder->device)) return status;
    siren_device_decoder_free(SIREN_TAKE(decoder->on_device));
    return SIREN_OK;
}

siren_status siren_decoder_create(siren_device *device, const siren_network *network, size_t n_points,
                                  const float *coordinates, siren_decoder **out) {
    SIREN_AT_END(siren_decoder_free_at) siren_decoder *decoder = NULL;
    SIREN_TRY(siren_allocate(&decoder, 1, sizeof *decoder, "the decoder"));
    decoder->network = *network;
    decoder->device = device;
    decoder->max_points = n_points;
    SIREN_TRY(siren_allocate(&decoder->coordinates, n_points * network->n_inputs, sizeof(float),
                             "the coordinates"));
    if (device && !siren_device_is_replaced(device))
        SIREN_TRY(check_device(decoder, siren_device_decoder_create(device, network, n_points, coordinates,
                                                                    &decoder->on_device)));
    decoder->n_points = n_points;
    memcpy(decoder->coordinates, coordinates, n_points * network->n_inputs * sizeof *coordinates);
    *out = SIREN_TAKE(decoder);
    return SIREN_OK;
}

siren_status siren_decoder_move(siren_decoder *decoder, size_t n_points, const float *coordinates) {
    if (n_points == 0 || n_points > decoder->max_points)
        return siren_fail(SIREN_USAGE, "a decoder for up to %zu points was given %zu", decoder->max_points,
                          n_points);
    decoder->n_points = n_points;
    memcpy(decoder->coordinates, coordinates, n_points * decoder->network.n_inputs * sizeof *coordinates);
    if (!decoder->on_device) return SIREN_OK;
    return check_device(decoder, siren_device_decoder_move(decoder->on_device, n_points, coordinates));
}

bool siren_decoder_leave_device(siren_decoder *decoder) {
    return decoder->on_device && siren_device_replace(decoder->device);
}

bool siren_decoder_on_device(const siren_decoder *decoder) { return decoder->on_device != NULL; }

siren_status siren_decoder_run(siren_decoder *decoder, const float *params, float *y) {
    if (decoder->on_device && siren_device_is_replaced(decoder->device))
        siren_device_decoder_free(SIREN_TAKE(decoder->on_device));
    if (decoder->on_device)
        SIREN_TRY(check_device(decoder, siren_device_decoder_run(decoder->on_device, params, y)));
    if (decoder->on_device) return SIREN_OK;
    return siren_decode_host(&decoder->network, decoder->network.n_layers, params, decoder->n_points,
                             decoder->coordinates, y);
}
