/* Context networks: small, of integers, evaluated for every voxel. docs/context.md is normative. */
#ifndef SIREN_ENGINE_CONTEXT_CONTEXT_NETWORK_H
#define SIREN_ENGINE_CONTEXT_CONTEXT_NETWORK_H

#include "engine/context/mixture.h"

#define SIREN_FEATURES 76 /* of a voxel */
#define SIREN_COEFFICIENT_FEATURES 51
#define SIREN_RESTORATION_FEATURES 63 /* of a pixel of a component */
#define SIREN_MAGNITUDE_STEPS 6       /* of a coefficient, each a decision that the network gives odds for */
#define SIREN_CONTEXT_WIDTH 64        /* at most, and a multiple of 16 */
#define SIREN_CONTEXT_LAYERS 3
#define SIREN_CONTEXT_ONE 128 /* a weight of 1 */
#define SIREN_CONTEXT_LARGEST_WEIGHT 1023

#define SIREN_CONTEXT_INPUTS SIREN_FEATURES /* of a layer, at most */

/* What a network is told of, and what it tells: the distribution of a voxel's value (predictive archives); the odds of
 * the bits of a coefficient's magnitude, or what a pixel of a component lacks (transform archives). */
typedef enum {
    SIREN_CONTEXT_OF_VOXELS,
    SIREN_CONTEXT_OF_COEFFICIENTS,
    SIREN_CONTEXT_OF_PIXELS
} siren_context_kind;
uint32_t siren_context_n_features(siren_context_kind kind);
uint32_t siren_context_n_outputs(siren_context_kind kind);

/* Layer l maps widths[l] values to widths[l + 1]: features, two hidden layers, outputs. */
typedef struct {
    siren_context_kind kind;
    uint32_t widths[SIREN_CONTEXT_LAYERS + 1];
    /* (input, output), each row of SIREN_CONTEXT_WIDTH; the biases' come after the last input. */
    int16_t weights[SIREN_CONTEXT_LAYERS][SIREN_CONTEXT_INPUTS + 1][SIREN_CONTEXT_WIDTH];
} siren_context_network;

/* Whether widths are possible ones. */
bool siren_context_check(const siren_context_network *network);
size_t siren_context_n_parameters(const siren_context_network *network);

/* Features (widths[0]) of -127 ... 127, in 1/16, to outputs in 1/256. Of voxels: a mixture's. */
void siren_context_evaluate(const siren_context_network *network, const int16_t *features, int32_t *outputs);

/* Of coefficients: logarithms of odds, within those of a mixer. */
void siren_context_odds(const siren_context_network *network, const int16_t *features, int32_t *outputs);

/* Of a pixel: what it lacks, -2047 ... 2047 in 1/1024 steps of quantisation. */
int32_t siren_context_correction(const siren_context_network *network, const int16_t *features);

/* As bytes of an archive's section; `*bytes` is yours: free(). */
siren_status siren_context_encode(const siren_context_network *network, uint8_t **bytes, size_t *n_bytes);
/* CORRUPT, with `name` in the message, for bytes that no encoder makes. */
siren_status siren_context_decode(const char *name, siren_context_kind kind, const uint8_t *bytes,
                                  size_t n_bytes, siren_context_network *out);

#endif
