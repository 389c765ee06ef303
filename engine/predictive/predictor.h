/* Linear prediction of a volume of a lattice, from voxels coded before: terms and their integer weights. */
#ifndef SIREN_ENGINE_PREDICTIVE_PREDICTOR_H
#define SIREN_ENGINE_PREDICTIVE_PREDICTOR_H

#include "engine/predictive/classes.h"
#include "engine/predictive/lattice.h"

#define SIREN_PREDICTOR_REFERENCES 8
#define SIREN_PREDICTOR_OWN 10 /* terms of the volume itself, the first ones: west comes first */
#define SIREN_PREDICTOR_TERMS 30
#define SIREN_PREDICTOR_CONSTANT 8 /* what the last weight is multiplied with */
#define SIREN_WEIGHT_BITS 6        /* of a weight's fraction */
#define SIREN_LARGEST_WEIGHT 2047

typedef struct {
    size_t n_references, references[SIREN_PREDICTOR_REFERENCES]; /* volumes in coded order */
    size_t n_terms;
    int32_t weights[SIREN_PREDICTOR_TERMS + 1]; /* the last of a constant */
} siren_predictor;

/* Where the terms of a voxel at offset i within a volume stand: terms[k][i]. Sets n_terms from n_references. */
void siren_predictor_terms(const siren_lattice *lattice, size_t volume, siren_predictor *predictor,
                           const int32_t *terms[SIREN_PREDICTOR_TERMS]);

/* The prediction of the voxel at offset `at`, in 1/16, 0 to `largest` values. */
static inline int32_t siren_predict(const siren_predictor *predictor, const int32_t *const *terms,
                                    ptrdiff_t at, int64_t largest) {
    int64_t sum = SIREN_PREDICTOR_CONSTANT * (int64_t)predictor->weights[predictor->n_terms];
    for (size_t i = 0; i < predictor->n_terms; i++) sum += (int64_t)predictor->weights[i] * terms[i][at];
    sum = (sum * SIREN_ONE) >> SIREN_WEIGHT_BITS;
    return (int32_t)(sum < 0 ? 0 : sum > largest * SIREN_ONE ? largest * SIREN_ONE : sum);
}

/* For the encoder: references and weights of one volume of a complete lattice. `noise` (volume): how large errors were
 * at each place in earlier volumes. */
typedef struct siren_predictor_fit siren_predictor_fit;
siren_status siren_predictor_fit_create(const siren_lattice *lattice, siren_predictor_fit **out);
/* Of a lattice in the order of the volumes as they are: that in which they are best coded, those of least detail
 * first: a volume of much detail gains most from having others before it. `order` (n_volumes). */
siren_status siren_predictor_order(const siren_lattice *lattice, uint32_t *order);
void siren_predictor_fit_free(siren_predictor_fit *fit);
SIREN_POINTER_RELEASE(siren_predictor_fit, siren_predictor_fit_free)
void siren_predictor_fit_volume(siren_predictor_fit *fit, size_t volume, const uint32_t *noise,
                                siren_predictor *out);

#endif
