/* What both coders of a lattice count in: tables of bit models by what is known around a voxel, and means of errors
 * (docs/predictive.md, chapter 6). */
#ifndef SIREN_ENGINE_PREDICTIVE_CONTEXTS_H
#define SIREN_ENGINE_PREDICTIVE_CONTEXTS_H

#include "engine/coding/range_coder.h"
#include "engine/predictive/classes.h"

#define SIREN_LEVELS 16 /* classes of predictions */
#define SIREN_COARSE 32 /* classes of expected errors */
#define SIREN_NEAR 32   /* classes of errors around, or before, for a table of means */
#define SIREN_SCALES (64 * SIREN_LEVELS)
enum {
    SIREN_BY_SCALE,
    SIREN_BY_LEVEL,
    SIREN_BY_SIGNS,
    SIREN_BY_PAST,
    SIREN_BY_FRACTION,
    SIREN_BY_NEIGHBOURS,
    SIREN_BY_REFERENCE,
    SIREN_TABLES
};

/* A mean of errors' magnitudes in 1/256. */
typedef struct {
    uint32_t mean, n;
} siren_error_scale;
/* An error of this magnitude, in 1/16. */
static inline void siren_error_scale_add(siren_error_scale *scale, int32_t magnitude) {
    scale->n += scale->n < 63;
    scale->mean += (uint32_t)((magnitude * 16 - (int32_t)scale->mean) / (int32_t)scale->n);
}

/* How large errors are near a voxel, and were here in volumes before, in 1/16; the class of its prediction, 0 in a
 * background of zeros. */
typedef struct {
    uint32_t near, before;
    unsigned level;
} siren_surroundings;

/* From pointers to this voxel: errors of its volume, the noise of its place, values of its volume; and the value of its
 * first reference. */
static inline siren_surroundings siren_surroundings_of(const int32_t *error, const uint32_t *noise,
                                                       const int32_t *value, int32_t reference,
                                                       int32_t predicted, bool first_volume,
                                                       ptrdiff_t stride) {
    siren_surroundings out;
    out.near = (2 * siren_magnitude(error[-1]) + 2 * siren_magnitude(error[-stride]) +
                siren_magnitude(error[-stride - 1]) + siren_magnitude(error[-stride + 1]) +
                siren_magnitude(error[-2]) + siren_magnitude(error[-2 * stride])) /
               8;
    out.before =
        first_volume ? out.near : (4 * noise[0] + noise[-1] + noise[1] + noise[-stride] + noise[stride]) / 8;
    out.level = siren_log_class((uint32_t)predicted / 8, 0, SIREN_LEVELS - 1);
    if (value[-1] == 0 && value[-stride] == 0 && reference == 0) out.level = 0;
    return out;
}

/* The two means that such a voxel's error goes by, of tables of SIREN_SCALES; a new one is set to a guess. */
static inline void siren_scales_at(siren_error_scale (*tables)[SIREN_SCALES], siren_surroundings around,
                                   siren_error_scale *at[2]) {
    at[0] = &tables[0][siren_log_class(around.near, 1, SIREN_NEAR - 1) * SIREN_NEAR +
                       siren_log_class(around.before, 1, SIREN_NEAR - 1)];
    at[1] =
        &tables[1][siren_log_class((around.near + around.before) / 2, 2, 63) * SIREN_LEVELS + around.level];
    for (size_t e = 0; e < 2; e++)
        if (at[e]->n == 0) at[e]->mean = (around.near + around.before) * 8;
}

/* The models of all contexts, `n_nodes` a context. */
typedef struct {
    size_t n_nodes;
    siren_bit_model *models[SIREN_TABLES];
    siren_bit_model *at[SIREN_TABLES]; /* (n_nodes) of the voxel in work */
} siren_contexts;

siren_status siren_contexts_begin(siren_contexts *contexts, size_t n_nodes);
void siren_contexts_free(siren_contexts *contexts);

/* What a voxel's contexts are made of; errors and predictions in 1/16. */
typedef struct {
    uint32_t expected; /* magnitude of its error, in 1/256 */
    unsigned level;
    int32_t predicted, past; /* the error here in the volume before */
    int32_t reference;       /* the value of its first reference here */
    const int32_t *error, *value;
    ptrdiff_t stride;
} siren_context_facts;

static inline unsigned siren_coarse_class(uint32_t expected) {
    return siren_log_class(expected / 8, 2, 2 * SIREN_COARSE - 1) / 2;
}

/* Sets `at`. */
static inline void siren_contexts_choose(siren_contexts *contexts, const siren_context_facts *facts) {
    const int32_t predicted = facts->predicted, *error = facts->error, *value = facts->value,
                  unit = (int32_t)(facts->expected / 16) + 1;
    const ptrdiff_t stride = facts->stride;
    const unsigned fine = siren_log_class(facts->expected / 8, 2, 2 * SIREN_COARSE - 1), coarse = fine / 2;
    const unsigned context[SIREN_TABLES] = {
        [SIREN_BY_SCALE] = fine,
        [SIREN_BY_LEVEL] = coarse * SIREN_LEVELS + facts->level,
        [SIREN_BY_SIGNS] =
            coarse * 9 + siren_of_three(error[-1], unit) * 3 + siren_of_three(error[-stride], unit),
        [SIREN_BY_PAST] = coarse * 5 + siren_of_five(facts->past, unit),
        [SIREN_BY_FRACTION] = siren_at_most(fine, 20) * SIREN_ONE + (unsigned)(predicted % SIREN_ONE),
        [SIREN_BY_NEIGHBOURS] = coarse * 25 + siren_of_five(value[-1] * SIREN_ONE - predicted, unit) * 5 +
                                siren_of_five(value[-stride] * SIREN_ONE - predicted, unit),
        [SIREN_BY_REFERENCE] = coarse * 25 +
                               siren_of_five(facts->reference * SIREN_ONE - predicted, unit) * 5 +
                               siren_of_five(value[-stride + 1] * SIREN_ONE - predicted, unit)};
    for (size_t i = 0; i < SIREN_TABLES; i++)
        contexts->at[i] = contexts->models[i] + context[i] * contexts->n_nodes;
}

/* An expected error of 2^k values or less. */
static inline unsigned siren_expected_bits(uint32_t expected) {
    return expected < 2 * 256 ? 0 : 31 - (unsigned)__builtin_clz(expected / 256);
}

#endif
