/* A network's layer table on a device. Apart from engine/model/network.h, which needs no device. */
#ifndef SIREN_ENGINE_KERNELS_NETWORK_ON_DEVICE_H
#define SIREN_ENGINE_KERNELS_NETWORK_ON_DEVICE_H

#include "engine/model/network.h"
#include "host/opencl/launch.h"

/* Puts the layer table and every layer's w0 (n_layers) on the device; both are yours: siren_buffer_free(). On failure
 * what was made so far stays in *table. */
siren_status siren_network_upload(const siren_network *network, siren_device *device, siren_buffer **table,
                                  siren_buffer **w0);

#endif
