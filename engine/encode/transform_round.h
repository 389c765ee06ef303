/* One round of a search (engine/encode/transform_blocks.c): blocks coded at one step, on all processors. */
#ifndef SIREN_ENGINE_ENCODE_TRANSFORM_ROUND_H
#define SIREN_ENGINE_ENCODE_TRANSFORM_ROUND_H

#include "engine/encode/transform_blocks.h"

/* Every `every`-th block at a step. Where bytes are the target alone, nothing is decoded: figures and checksums are
 * missing. */
siren_status siren_transform_round(const siren_series *series, const siren_layout *layout, double step,
                                   size_t every, const siren_transform_target *target,
                                   siren_transform_blocks *out);
/* Decodes what a search has chosen, if that has not been done yet. */
siren_status siren_transform_round_check(const siren_series *series, const siren_layout *layout, size_t every,
                                         const siren_transform_target *target,
                                         siren_transform_blocks *blocks);

#endif
