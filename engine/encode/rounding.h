/* Which integers stand for a trained network: a weight becomes integer * step, steps per output row
 * (docs/quantisation.md).
 *
 * The first layer's weights and all biases are few and every point depends on them: 16 bits each, one step
 * for the first layer's weights and one for the biases of each layer. Weights of further hidden layers: b
 * bits; of the output layer: b + 1 bits, because there are few and nothing above corrects them; one step for
 * each output row. A step is the upper half of a float32, so that integer * step is exact in float32 and a
 * step costs 2 bytes.
 */
#ifndef SIREN_ENGINE_ENCODE_ROUNDING_H
#define SIREN_ENGINE_ENCODE_ROUNDING_H

#include "engine/model/network.h"
#include "engine/model/targets.h"

#define SIREN_FINE_BITS 16
#define SIREN_SMALLEST_STEP 0x1p-60f /* smaller ones are 0: decoding meets no subnormal number */

/* The largest integer of b bits; the smallest is its negative. */
#define SIREN_LARGEST_INTEGER(bits) ((1 << ((int)(bits)-1)) - 1)

/* Bits of the weights of layer `layer` where the others' are `weight_bits`. */
unsigned siren_rounded_bits(const siren_network *network, uint32_t layer, unsigned weight_bits);

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

/* What the fitted rounding does; the default is everything. Parts can be left out to see what they give. */
typedef struct {
    bool match;    /* hidden layers: fit the weights to the old pre-activations on the rounded layers below */
    bool solve;    /* identity output layer: fit the weights to the targets, not the old pre-activations */
    bool feedback; /* round weights one after the other, each correcting for the errors of those before */
    bool polish;   /* after feedback, change single integers as long as that helps */
    double ridge;  /* of both least-squares problems, in units of the mean diagonal of the Gram matrix */
} siren_rounding_options;

siren_rounding_options siren_rounding_defaults(void);

/* Nearest integers, step = the group's largest magnitude / largest integer. Parameters beyond the
 * largest representable step are clamped. `rounded` as siren_rounded_create() made it; `params` (n_params)
 * finite. */
void siren_round_nearest(const siren_network *network, unsigned bits, const float *params,
                         siren_rounded *rounded);
/* Integers whose decoded features and outputs are close to the network's and the targets'; arguments as in
 * engine/encode/quantise.h. Layers whose problem has no finite solution are rounded to nearest. */
siren_status siren_round_fitted(const siren_network *network, unsigned bits,
                                const siren_rounding_options *options, const float *params, size_t n_points,
                                const float *coordinates, const siren_target_source *targets, size_t nth,
                                siren_rounded *rounded);

#endif
