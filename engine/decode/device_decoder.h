/* The exact forward pass on a device: what engine/decode/decode.h hands over to engine/kernels. A build without OpenCL
 * has no devices, and engine/decode/without_device.c in its place. */
#ifndef SIREN_ENGINE_DECODE_DEVICE_DECODER_H
#define SIREN_ENGINE_DECODE_DEVICE_DECODER_H

#include "engine/model/network.h"

typedef struct siren_device_decoder siren_device_decoder;

/* The contracts of siren_decoder_create() and what follows it, for a device; `n_points` not 0 and within what it was
 * made for. */
siren_status siren_device_decoder_create(siren_device *device, const siren_network *network, size_t n_points,
                                         const float *coordinates, siren_device_decoder **out);
siren_status siren_device_decoder_run(siren_device_decoder *decoder, const float *params, float *y);
siren_status siren_device_decoder_move(siren_device_decoder *decoder, size_t n_points,
                                       const float *coordinates);
void siren_device_decoder_free(siren_device_decoder *decoder);
SIREN_POINTER_RELEASE(siren_device_decoder, siren_device_decoder_free)

#endif
