/* The exact forward pass in plain C: what every device must reproduce bit for bit (docs/numerics.md). No OpenCL
 * here. */
#ifndef SIREN_ENGINE_DECODE_DECODE_HOST_H
#define SIREN_ENGINE_DECODE_DECODE_HOST_H

#include "engine/model/network.h"

/* The portable definition in plain C, with all processors. Evaluates the first `n_layers` layers (network->n_layers:
 * all; fewer: features of a hidden layer) on n_points. `params` in exchange order; `coordinates` (n_points, n_inputs);
 * `y` (n_points, width of layer n_layers - 1). SYSTEM when out of memory. */
siren_status siren_decode_host(const siren_network *network, size_t n_layers, const float *params,
                               size_t n_points, const float *coordinates, float *y);

/* Whether outputs y (n_points, n_outputs) from elsewhere are those of siren_decode_host() at some points, spread over
 * all. */
siren_status siren_decode_sample(const siren_network *network, const float *params, size_t n_points,
                                 const float *coordinates, const float *y, bool *equal);

#endif
