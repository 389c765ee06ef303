/* What all that codes coefficients shares. */
#ifndef SIREN_ENGINE_TRANSFORM_COEFFICIENT_H
#define SIREN_ENGINE_TRANSFORM_COEFFICIENT_H

#include "engine/transform/block_transform.h"

/* Kinds of coefficients that have a point of reconstruction of their own: of magnitude 1 or more, in three
 * surroundings. */
#define SIREN_RECONSTRUCTION_KINDS 6
/* No level is larger in magnitude. */
#define SIREN_LEVEL_LIMIT ((int32_t)1 << 26)

typedef struct siren_coefficients siren_coefficients;

#endif
