/* Which integers stand for a trained network: a weight becomes integer * step, steps per output row
 * (docs/quantisation.md). */
#ifndef SIREN_ENGINE_ENCODE_ROUNDING_H
#define SIREN_ENGINE_ENCODE_ROUNDING_H

#include "engine/archive/parameters.h"
#include "engine/model/targets.h"

/* How many bits weights are rounded to. They are stored as weights of `bits`, whatever the taper. */
typedef struct {
    unsigned bits; /* 6..12 */
    /* 0: the output layer has one more. Else from the third layer on each has one less than the one before, until so
     * many are lost, for what a layer gets wrong reaches all those above. */
    unsigned taper;
    /* Sixteenths of a bit taken from that, one of each layer, the last one first, and again. */
    unsigned less;
} siren_weight_form;

/* Bits of the weights of layer `layer`, biases aside, where none is taken. */
unsigned siren_rounded_bits(const siren_network *network, uint32_t layer, siren_weight_form form);
/* Their largest integer. Of b bits less x it is 2^(b - 1 - x) - 1, rounded down, and at least 1. */
int siren_rounded_largest(const siren_network *network, uint32_t layer, siren_weight_form form);
/* Bytes of one bit of each of these weights, which are all but the first layer's. */
double siren_rounded_bytes_of_bit(const siren_network *network);

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
void siren_round_nearest(const siren_network *network, siren_weight_form form, const float *params,
                         siren_rounded *rounded);
/* Integers whose decoded features and outputs are close to the network's and the targets'; arguments as in
 * engine/encode/quantise.h. Layers whose problem has no finite solution are rounded to nearest. */
siren_status siren_round_fitted(const siren_network *network, siren_weight_form form,
                                const siren_rounding_options *options, const float *params, size_t n_points,
                                const float *coordinates, const siren_target_source *targets, size_t nth,
                                siren_rounded *rounded);

#endif
