/* The exact forward pass: the same bits on every device and on the host (docs/numerics.md).
 *
 * Decoders never differ in a result, only in speed; the archive's checksums are of what they return. */
#ifndef SIREN_ENGINE_DECODE_DECODE_H
#define SIREN_ENGINE_DECODE_DECODE_H

#include "engine/decode/decode_host.h"
#include "engine/model/network.h"

typedef struct siren_decoder siren_decoder;

/* Evaluates networks of one shape on the same points. `device` NULL: on the host. `coordinates` (n_points, n_inputs) is
 * borrowed during the call, the device as long as the decoder lives. Where the device fails and
 * siren_device_allow_host() says so, the host goes on. `*out` is yours: siren_decoder_free(). */
siren_status siren_decoder_create(siren_device *device, const siren_network *network, size_t n_points,
                                  const float *coordinates, siren_decoder **out);
/* What it has decoded is known to be wrong: whether the host takes the place of its device from now on
 * (siren_device_replace()). */
bool siren_decoder_leave_device(siren_decoder *decoder);
/* Whether a device, and not the host, evaluates the network. */
bool siren_decoder_on_device(const siren_decoder *decoder);
/* One network: `params` (n_params) in exchange order to `y` (n_points, n_outputs). */
siren_status siren_decoder_run(siren_decoder *decoder, const float *params, float *y);
/* Other points from now on, at most as many as when the decoder was made. `coordinates` is borrowed during the call. */
siren_status siren_decoder_move(siren_decoder *decoder, size_t n_points, const float *coordinates);
void siren_decoder_free(siren_decoder *decoder);
SIREN_POINTER_RELEASE(siren_decoder, siren_decoder_free)

#endif
