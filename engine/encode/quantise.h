/* Parameters to bytes and back: float32, or integer steps of b bits per output row, in byte planes that LZMA packs well.
 *
 * A stored weight is q * s, q an integer of b bits and s the float32 step of its output row; the product is rounded once,
 * so dequantised parameters have the same bits everywhere. */
#ifndef SIREN_ENGINE_ENCODE_QUANTISE_H
#define SIREN_ENGINE_ENCODE_QUANTISE_H

#include "engine/model/network.h"
#include "engine/model/targets.h"

#define SIREN_FLOAT32_WEIGHTS 0 /* weight_bits of parameters stored as they are */
#define SIREN_MIN_WEIGHT_BITS 6
#define SIREN_MAX_WEIGHT_BITS 12

/* "int8", or "float32" for 0, into `out`. Returns `out`. */
char *siren_weights_name(unsigned weight_bits, char out[16]);
/* The inverse; false for a text that names none. */
bool siren_weights_parse(const char *name, unsigned *weight_bits);

/* Quantises the parameters of one trained network so that its exact decode stays close to the targets: hidden layers in
 * order, the output layer solved anew by least squares on the exact features. `params` (n_params) in exchange order,
 * `coordinates` (n_points, n_inputs), `targets` those of its network `nth`, of which some points are held at a time.
 * `*bytes` is yours to free(). Deterministic. weight_bits outside 0, 6..12 is USAGE. */
siren_status siren_quantise(const siren_network *network, unsigned weight_bits, const float *params,
                            size_t n_points, const float *coordinates, const siren_target_source *targets,
                            size_t nth, uint8_t **bytes, size_t *n_bytes);

/* Exact number of bytes that siren_quantise() makes for this network. */
size_t siren_quantised_bytes(const siren_network *network, unsigned weight_bits);

/* The inverse, into `params` (n_params) in exchange order. `name` names the block in messages. CORRUPT when n_bytes is
 * not siren_quantised_bytes() or a value is out of range (non-finite step, parameter not 0 and smaller than 2^-60). */
siren_status siren_dequantise(const char *name, const siren_network *network, unsigned weight_bits,
                              const uint8_t *bytes, size_t n_bytes, float *params);

#endif
