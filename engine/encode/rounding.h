/* Which integers stand for a trained network: a weight becomes integer * step, steps per output row
 * (docs/quantisation.md). */
#ifndef SIREN_ENGINE_ENCODE_ROUNDING_H
#define SIREN_ENGINE_ENCODE_ROUNDING_H

#include "engine/archive/parameters.h"
#include "engine/model/targets.h"

/* Bits of the weights of layer `layer` where the others' are `weight_bits`. */
unsigned siren_rounded_bits(const siren_network *network, uint32_t layer, unsigned weight_bits);

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
