/* What a context network learns from: features of voxels, and what came. */
#ifndef SIREN_ENGINE_CONTEXT_CONTEXT_EXAMPLES_H
#define SIREN_ENGINE_CONTEXT_CONTEXT_EXAMPLES_H

#include "engine/context/context_network.h"

typedef struct {
    size_t n;
    int8_t *features; /* (n, features of the network's kind) in 1/16 */
    /* (n, 2) of voxels: the value's distance from its prediction, and half a step of values, both in units of the
     * scale; the second is negative where the value is 0, to which all below it belongs. (n) of pixels: what they lack,
     * in quarters of a step. */
    float *targets;
    uint8_t *magnitudes; /* (n) of coefficients, up to 255; they have no targets */
    size_t room;         /* for so many coefficients; it grows */
} siren_context_examples;

#endif
