/* The values of a lattice as bits, with a context network (docs/context.md). One function both ways. */
#ifndef SIREN_ENGINE_PREDICTIVE_CONTEXT_CODER_H
#define SIREN_ENGINE_PREDICTIVE_CONTEXT_CODER_H

#include "engine/coding/range_coder.h"
#include "engine/context/context_network.h"
#include "engine/predictive/features.h"

typedef struct siren_context_coder siren_context_coder;
siren_status siren_context_coder_create(siren_lattice *lattice, const siren_context_network *network,
                                        siren_range_encoder *encoder, siren_range_decoder *decoder,
                                        siren_context_coder **out);
void siren_context_coder_free(siren_context_coder *coder);
SIREN_POINTER_RELEASE(siren_context_coder, siren_context_coder_free)
void siren_context_coder_volume(siren_context_coder *coder, size_t volume, siren_predictor *predictor);
const uint32_t *siren_context_coder_noise(const siren_context_coder *coder);

#endif
