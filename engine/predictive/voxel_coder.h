/* The values of a lattice as bits, voxel by voxel: prediction, scale, and mixed probabilities (docs/predictive.md). One
 * function both ways. */
#ifndef SIREN_ENGINE_PREDICTIVE_VOXEL_CODER_H
#define SIREN_ENGINE_PREDICTIVE_VOXEL_CODER_H

#include "engine/coding/range_coder.h"
#include "engine/predictive/predictor.h"

typedef struct siren_voxel_coder siren_voxel_coder;

/* One of encoder and decoder is NULL; all three are borrowed. */
siren_status siren_voxel_coder_create(siren_lattice *lattice, siren_range_encoder *encoder,
                                      siren_range_decoder *decoder, siren_voxel_coder **out);
void siren_voxel_coder_free(siren_voxel_coder *coder);
SIREN_POINTER_RELEASE(siren_voxel_coder, siren_voxel_coder_free)
/* Codes the volume after the last one. */
void siren_voxel_coder_volume(siren_voxel_coder *coder, size_t volume, siren_predictor *predictor);
/* (volume of the lattice) how large errors were so far. */
const uint32_t *siren_voxel_coder_noise(const siren_voxel_coder *coder);

#endif
