/* The restoration network of a transform archive (docs/restoration.md): trained on what quantisation has taken from its
 * blocks. */
#ifndef SIREN_ENGINE_ENCODE_TRANSFORM_RESTORATION_H
#define SIREN_ENGINE_ENCODE_TRANSFORM_RESTORATION_H

#include "engine/encode/transform_context.h"

/* Trains a network on `blocks`, all of the layout's grid, coded by counts and without restoration; `limits` as of
 * siren_block_scale(). `*section` is its bytes, yours to free(); NULL where the plan's effort asks for none or there is
 * too little to save. `*gain`: about how many dB it adds. */
siren_status siren_transform_restoration_fit(const siren_series *series, const siren_layout *layout,
                                             const siren_scaling *limits,
                                             const siren_transform_blocks *blocks,
                                             const siren_transform_context_plan *plan, uint8_t **section,
                                             size_t *n_section, double *gain);

#endif
