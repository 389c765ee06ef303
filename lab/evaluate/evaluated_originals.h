/* MRtrix3's images of an original, kept between evaluations of it: they are the same for every result. */
#ifndef SIREN_LAB_EVALUATE_EVALUATED_ORIGINALS_H
#define SIREN_LAB_EVALUATE_EVALUATED_ORIGINALS_H

#include "lab/evaluate/mrtrix.h"

/* Links what the pipelines need of the original from `cache` into `folder`, both on one file system. Adds 1u <<
 * siren_pipeline to `*made` for each pipeline of which all is there. */
siren_status siren_originals_take(const char *cache, const char *folder, unsigned *made);
/* Links into `cache` what lies in `folder` of the pipelines that are done and not in `made`. */
siren_status siren_originals_keep(const char *cache, const char *folder, unsigned made,
                                  const siren_pipeline_outcome outcomes[SIREN_N_PIPELINES]);

#endif
