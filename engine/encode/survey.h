/* Which values of each volume of a series lie far outside the rest: known before anything is trained or coded. */
#ifndef SIREN_ENGINE_ENCODE_SURVEY_H
#define SIREN_ENGINE_ENCODE_SURVEY_H

#include "engine/archive/record.h"

/* More of a series than this share, kept apart, is worth a warning: what is exceptional should be rare. */
#define SIREN_MANY_APART 1e-3

typedef struct {
    siren_scaling *limits; /* (n_volumes) of siren_block_limits(), of all points of the layout; NULL: none */
    uint64_t n_apart;      /* finite values outside */
} siren_survey;

/* On all processors. Warns where many voxels are kept apart, and where integers are too large for double precision.
 * `robust` false: every finite value is scaled, and there are no limits. `name` is what warnings call the series; NULL:
 * none. `*out` is yours:
 * siren_survey_free(). */
siren_status siren_survey_volumes(const char *name, const siren_series *series, const siren_layout *layout,
                                  bool robust, siren_survey *out);
void siren_survey_free(siren_survey *survey);

#endif
