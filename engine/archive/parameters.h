/* Parameters as bytes: float32, or integer steps of b bits per output row, in byte planes that LZMA packs well
 * (docs/quantisation.md).
 *
 * A stored weight is q * s, q an integer of b bits and s the float32 step of its output row; the product is rounded
 * once, so dequantised parameters have the same bits everywhere. The first layer's weights and all biases are few and
 * every point depends on them: 16 bits each, one step for the first layer's weights and one for the biases of each
 * layer. Weights of further hidden layers: b bits; of the output layer: b + 1 bits, because there are few and nothing
 * above corrects them; one step for each output row. A step is the upper half of a float32, so that integer * step is
 * exact in float32 and a step costs 2 bytes. */
#ifndef SIREN_ENGINE_ARCHIVE_PARAMETERS_H
#define SIREN_ENGINE_ARCHIVE_PARAMETERS_H

#include "engine/model/network.h"

#define SIREN_FLOAT32_WEIGHTS 0 /* weight_bits of parameters stored as they are */
#define SIREN_MIN_WEIGHT_BITS 6
#define SIREN_MAX_WEIGHT_BITS 12
#define SIREN_MAX_TAPER 3 /* integers may be smaller than their bits allow (engine/encode/rounding.h) */

/* "int8", or "float32" for 0, into `out`. Returns `out`. */
char *siren_weights_name(unsigned weight_bits, char out[16]);
/* The inverse; false for a text that names none. */
bool siren_weights_parse(const char *name, unsigned *weight_bits);
/* USAGE unless parameters can be stored so. */
siren_status siren_weights_check(unsigned weight_bits);

#define SIREN_FINE_BITS 16
#define SIREN_SMALLEST_STEP 0x1p-60f /* smaller ones are 0: decoding meets no subnormal number */
/* The largest integer of b bits; the smallest is its negative. */
#define SIREN_LARGEST_INTEGER(bits) ((1 << ((int)(bits)-1)) - 1)

typedef struct {
    float *steps;      /* (n_steps) each layer's of weights, then that of biases; 0 or >= 2^-60 */
    int16_t *integers; /* (n_params) in exchange order; 0 where the step is 0 */
} siren_rounded;

/* 2 for the first layer, output rows + 1 for each other one. */
size_t siren_rounded_n_steps(const siren_network *network);
/* `*out` is yours: siren_rounded_free(), which leaves the struct itself to the caller. All zero. */
siren_status siren_rounded_create(const siren_network *network, siren_rounded *out);
void siren_rounded_free(siren_rounded *rounded);
/* integer * step, into `params` (n_params) in exchange order. */
void siren_rounded_params(const siren_network *network, const siren_rounded *rounded, float *params);

/* `n` stored values of `width` bytes, in byte planes: the steps, and the three groups of integers, or all of float32,
 * as they follow one another. Returns how many there are. */
#define SIREN_PARAMETER_PLANES 4
typedef struct {
    size_t n;
    unsigned width;
} siren_parameter_plane;
size_t siren_parameter_planes(const siren_network *network, unsigned weight_bits,
                              siren_parameter_plane out[SIREN_PARAMETER_PLANES]);
/* Byte planes of `n` values of `width` bytes, lowest byte first, and back. */
void siren_planes_put(uint8_t *planes, const uint32_t *values, size_t n, unsigned width);
void siren_planes_get(const uint8_t *planes, uint32_t *values, size_t n, unsigned width);

/* Exact number of bytes of this network's parameters. */
size_t siren_quantised_bytes(const siren_network *network, unsigned weight_bits);
/* Into `bytes` (siren_quantised_bytes()). */
siren_status siren_rounded_write(const siren_network *network, unsigned bits, const siren_rounded *rounded,
                                 uint8_t *bytes);
/* The same as they are, but for magnitudes below 2^-60, which become 0. */
siren_status siren_float32_write(const float *params, size_t n_params, uint8_t *bytes);

/* The inverse, into `params` (n_params) in exchange order. `name` names the block in messages. CORRUPT when n_bytes is
 * not siren_quantised_bytes() or a value is out of range (non-finite step, parameter not 0 and smaller than 2^-60);
 * what `params` holds then is of no use. */
siren_status siren_dequantise(const char *name, const siren_network *network, unsigned weight_bits,
                              const uint8_t *bytes, size_t n_bytes, float *params);

#endif
