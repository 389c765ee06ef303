/* Quantised coefficients of one slice, component by component, as bits of the range coder whose contexts are the
 * neighbours in the block, the blocks around and the components before. docs/transform.md is normative. */
#ifndef SIREN_ENGINE_TRANSFORM_COEFFICIENTS_H
#define SIREN_ENGINE_TRANSFORM_COEFFICIENTS_H

#include "engine/context/context_examples.h"
#include "engine/transform/block_transform.h"
#include "engine/transform/mixer.h"

/* Kinds of coefficients that have a point of reconstruction of their own: of magnitude 1 or more, in three
 * surroundings. */
#define SIREN_RECONSTRUCTION_KINDS 6
/* No level is larger in magnitude. */
#define SIREN_LEVEL_LIMIT ((int32_t)1 << 26)

typedef struct siren_coefficients siren_coefficients;

/* Blocks stand row by row, `across` in each of `down` rows; those with `used` 0 are not coded. `used` is copied.
 * With a `network`, which is borrowed, bits are those of docs/context-transform.md; NULL: those of docs/transform.md. `*out` is yours: siren_coefficients_free(). */
siren_status siren_coefficients_create(size_t across, size_t down, const uint8_t *used,
                                       const siren_context_network *network, siren_coefficients **out);
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

/* Codes given levels (blocks, 64) of the next component with the coder's network. */
void siren_coefficients_recode(siren_coefficients *coder, siren_range_encoder *encoder, bool predicted,
                               const int32_t *levels);
/* Of the next component, what the network is told of each `every`-th coefficient, and its magnitude, are added to `examples`;
 * `*skipped`: of the coefficients so far, those since the last example. The network's parameters are not used. False where memory is
 * out. */
bool siren_coefficients_collect(siren_coefficients *coder, bool predicted, const int32_t *levels,
                                size_t every, size_t *skipped, siren_context_examples *examples);

#endif
