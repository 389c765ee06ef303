/* Quantised coefficients of one slice, component by component, as bits of the range coder whose contexts are the
 * neighbours in the block, the blocks around and the components before. docs/transform.md is normative. */
#ifndef SIREN_ENGINE_TRANSFORM_COEFFICIENTS_H
#define SIREN_ENGINE_TRANSFORM_COEFFICIENTS_H

#include "engine/coding/range_coder.h"
#include "engine/context/context_network.h"
#include "engine/transform/coefficient.h"

/* Blocks stand row by row, `across` in each of `down` rows, for `n_components` at most; those with `used` 0 are not
 * coded. `used` is copied.
 * `dependent`: levels of two quantisers, with signs predicted.
 * With a `network`, which is borrowed, bits are those of docs/context-transform.md; NULL: those of docs/transform.md.
 * `*out` is yours: siren_coefficients_free(). */
siren_status siren_coefficients_create(size_t across, size_t down, size_t n_components, const uint8_t *used,
                                       bool dependent, const siren_context_network *network,
                                       siren_coefficients **out);
/* Bytes that it takes for the blocks, whatever else it takes; SIZE_MAX beyond what can be addressed. `signs`:
 * dependent, or with a network. */
size_t siren_coefficients_bytes(size_t across, size_t down, size_t n_components, bool signs);
void siren_coefficients_free(siren_coefficients *coder);
SIREN_POINTER_RELEASE(siren_coefficients, siren_coefficients_free)

/* Codes the next component, by counts. `wanted` (blocks, 64): coefficients in steps. `levels` (blocks, 64) and `kinds`
 * (blocks, 64) receive what was chosen, as decoding will. `lambda`: squared steps that a bit is worth. `points`
 * (SIREN_RECONSTRUCTION_KINDS): how far below a magnitude its values lie, in 1/256 steps. */
void siren_coefficients_put(siren_coefficients *coder, siren_range_encoder *encoder, const float *wanted,
                            float lambda, const int8_t *points, int32_t *levels, uint8_t *kinds);
/* Reads the next component; false where a level is beyond the limit or the bytes are short. A kind of
 * SIREN_RECONSTRUCTION_KINDS stands for exactly its level. */
bool siren_coefficients_get(siren_coefficients *coder, siren_range_decoder *decoder, int32_t *levels,
                            uint8_t *kinds);
/* Whether the means of the component that was read last were predicted. */
bool siren_coefficients_predicted(const siren_coefficients *coder);

#endif
