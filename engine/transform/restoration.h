/* What a network adds to the pixels of components after the inverse transform: quantisation takes what neighbours and
 * other components still let expect. Integers alone; docs/restoration.md is normative. */
#ifndef SIREN_ENGINE_TRANSFORM_RESTORATION_H
#define SIREN_ENGINE_TRANSFORM_RESTORATION_H

#include "engine/transform/transform.h"

/* Adds the corrections of the basis' restoration, a network of SIREN_CONTEXT_OF_PIXELS, to all pixels of a rebuilt
 * slice that are points. */
siren_status siren_transform_restore(const siren_transform_basis *basis, siren_transform_coefficients *slice);

/* What such a network is told of each `every`-th pixel of the components of a slice, `skipped` of them left out before
 * the first one, and what it lacks of `targets` (points, volumes; NaN is no data): added to `examples`, whose arrays
 * grow and are yours: free(). The basis has no restoration yet. */
siren_status siren_transform_lacking(const siren_transform_basis *basis, const char *name,
                                     const siren_block *block, const uint8_t *bytes, size_t n_bytes,
                                     const float *targets, size_t every, size_t skipped,
                                     siren_context_examples *examples);

#endif
