/* Parameters of a trained network to the bytes of engine/archive/parameters.h. */
#ifndef SIREN_ENGINE_ENCODE_QUANTISE_H
#define SIREN_ENGINE_ENCODE_QUANTISE_H

#include "engine/encode/rounding.h"

/* Quantises the parameters of one trained network so that its exact decode stays close to the targets: hidden layers in
 * order, the output layer solved anew by least squares on the exact features. `params` (n_params) in exchange order,
 * `coordinates` (n_points, n_inputs), `targets` those of its network `nth`, of which some points are held at a time.
 * `*bytes` is yours to free(). Deterministic. form.bits outside 0, 6..12 is USAGE; 0, float32, has no taper. */
siren_status siren_quantise(const siren_network *network, siren_weight_form form, const float *params,
                            size_t n_points, const float *coordinates, const siren_target_source *targets,
                            size_t nth, uint8_t **bytes, size_t *n_bytes);

#endif
