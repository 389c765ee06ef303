/* Stored values of every datatype as integers without sign, in the order of the values, and back (docs/predictive.md).
 * */
#ifndef SIREN_ENGINE_PREDICTIVE_STORED_VALUE_H
#define SIREN_ENGINE_PREDICTIVE_STORED_VALUE_H

#include "host/base.h"

typedef enum {
    SIREN_FORM_INTEGER, /* an integer type's value */
    SIREN_FORM_FIXED,   /* a float that is an integer times 2^exponent */
    SIREN_FORM_ORDERED, /* a float's bits, in the order of the values */
    SIREN_FORM_GRID,    /* the float nearest to an integer times `step` */
    SIREN_N_FORMS
} siren_value_form;

typedef struct {
    siren_datatype datatype;
    siren_value_form form;
    int exponent;
    double step;
    /* For the encoder. */
    double bound;   /* of errors on the grid; 0: bit for bit */
    uint64_t error; /* that integers may have */
} siren_value_map;

bool siren_is_float(siren_datatype datatype);

/* What is to be known of floats to choose their form. */
typedef struct {
    bool any;
    int lowest_bit, highest_bit; /* of finite values that are not 0 */
    double smallest;             /* magnitude of these */
} siren_value_survey;
void siren_value_survey_add(siren_value_survey *survey, siren_datatype datatype, const void *voxels,
                            size_t i);
siren_value_map siren_value_map_choose(siren_datatype datatype, const siren_value_survey *survey,
                                       double bound);
/* The n-th grid to try for floats that may be integers times a step, in place of a map of ordered floats; false past
 * the last. */
bool siren_value_map_try_step(const siren_value_survey *survey, size_t n, siren_value_map *map);

/* Of voxel i; false where it has none: NaN, infinities, -0 in fixed point, what the grid misses. */
bool siren_value_to_integer(const siren_value_map *map, const void *voxels, size_t i, uint64_t *integer);
void siren_value_from_integer(const siren_value_map *map, uint64_t integer, void *voxels, size_t i);

/* The bytes of voxel i as an integer. */
uint64_t siren_voxel_bits(siren_datatype datatype, const void *voxels, size_t i);
void siren_voxel_set_bits(siren_datatype datatype, uint64_t bits, void *voxels, size_t i);

#endif
