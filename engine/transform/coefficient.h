/* What all that codes coefficients shares. */
#ifndef SIREN_ENGINE_TRANSFORM_COEFFICIENT_H
#define SIREN_ENGINE_TRANSFORM_COEFFICIENT_H

#include "engine/transform/block_transform.h"

/* Kinds of coefficients that have a point of reconstruction of their own: of magnitude 1 or more, in three
 * surroundings; with two quantisers the same of the second. */
#define SIREN_QUANTISER_KINDS 6
#define SIREN_RECONSTRUCTION_KINDS (2 * SIREN_QUANTISER_KINDS)
static inline int siren_reconstruction_kinds(bool dependent) {
    return dependent ? SIREN_RECONSTRUCTION_KINDS : SIREN_QUANTISER_KINDS;
}
/* No level is larger in magnitude. */
#define SIREN_LEVEL_LIMIT ((int32_t)1 << 26)

typedef struct siren_coefficients siren_coefficients;

#endif
