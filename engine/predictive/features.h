/* What a context network is told of a voxel: features of those coded before it, all integers. docs/context.md is
 * normative. The encoder collects them for training; both ways compute them voxel by voxel in coded order. */
#ifndef SIREN_ENGINE_PREDICTIVE_FEATURES_H
#define SIREN_ENGINE_PREDICTIVE_FEATURES_H

#include "engine/context/context_examples.h"
#include "engine/predictive/contexts.h"
#include "engine/predictive/predictor.h"

#define SIREN_FEATURE_REFERENCES 3 /* volumes of which neighbours are told */

typedef struct {
    siren_lattice *lattice;
    int32_t *errors;   /* (n_volumes, volume) of the linear prediction, in 1/16, after two rows of zeros */
    uint32_t *noise;   /* (volume) running means of their magnitudes */
    int32_t *means;    /* (volume) running means of values, in 1/16 */
    uint32_t *spreads; /* (volume) and of the distances from these */
    siren_error_scale scales[2][SIREN_SCALES];
    /* Of the volume in work. */
    size_t volume;
    const siren_predictor *predictor;
    const int32_t *terms[SIREN_PREDICTOR_TERMS];
    int32_t *own_errors;
    const int32_t *past_errors, *reference_errors;       /* NULL in the first volume */
    const int32_t *references[SIREN_FEATURE_REFERENCES]; /* NULL where there are less */
    /* Of the voxel in work. */
    siren_error_scale *at[2];
    uint32_t near;     /* how large errors are around it, in 1/16 */
    unsigned level;    /* class of the prediction; 0 in a background of zeros */
    int32_t predicted; /* in 1/16 */
    uint32_t scale;    /* in 1/256: what differences are divided by */
} siren_features;

siren_status siren_features_create(siren_lattice *lattice, siren_features **out);
void siren_features_free(siren_features *features);
SIREN_POINTER_RELEASE(siren_features, siren_features_free)
void siren_features_volume(siren_features *features, size_t volume, siren_predictor *predictor);
/* Of the voxel at (z, y, x), which is at the offset `at` in its volume. Sets what is of the voxel in work as well. */
void siren_features_of(siren_features *features, size_t y, size_t x, ptrdiff_t at,
                       int16_t out[SIREN_FEATURES]);
/* After it, its value. */
void siren_features_coded(siren_features *features, ptrdiff_t at, int32_t value);
/* All of a volume whose values are known: adds every `every`-th voxel's to `out`, after `*skipped` more, which it
 * counts on. */
void siren_features_collect(siren_features *features, size_t volume, siren_predictor *predictor, size_t every,
                            size_t *skipped, siren_context_examples *out);

#endif
