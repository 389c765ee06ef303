/* Levels coded with a context network: of a coder that has one. docs/context-transform.md is normative. */
#ifndef SIREN_ENGINE_TRANSFORM_COEFFICIENT_RECODE_H
#define SIREN_ENGINE_TRANSFORM_COEFFICIENT_RECODE_H

#include "engine/coding/range_coder.h"
#include "engine/context/context_examples.h"
#include "engine/transform/coefficient.h"

/* siren_coefficients_get() of a coder with a network. */
bool siren_coefficients_get_expected(siren_coefficients *coder, siren_range_decoder *decoder, int32_t *levels,
                                     uint8_t *kinds);

/* Codes given levels (blocks, 64) of the next component with the coder's network. */
void siren_coefficients_recode(siren_coefficients *coder, siren_range_encoder *encoder, bool predicted,
                               const int32_t *levels);
/* Of the next component, what the network is told of each `every`-th coefficient, and its magnitude, are added to
 * `examples`; `*skipped`: of the coefficients so far, those since the last example. The network's parameters are not
 * used. False where memory is out. */
bool siren_coefficients_collect(siren_coefficients *coder, bool predicted, const int32_t *levels,
                                size_t every, size_t *skipped, siren_context_examples *examples);

#endif
