/* A mask of the brain by MRtrix3's dwi2mask, which runs as a process of its own without a shell. */
#ifndef SIREN_ENGINE_ENCODE_BRAIN_MASK_H
#define SIREN_ENGINE_ENCODE_BRAIN_MASK_H

#include "formats/series.h"
#include "host/staging.h"

/* Makes the mask of the diffusion series in the file `image`, which was read as `series`. `bval`, `bvec`: its gradient
 * tables; NULL: the files beside the image. `*mask` (nz, ny, nx), 0 or 1, is yours to free(). UNSUPPORTED where the
 * program is not installed, USAGE where a table is missing, SYSTEM with the program's own words where it fails or takes
 * over 30 minutes, CORRUPT where it finds no brain, CANCELLED. */
siren_status siren_brain_mask(const char *image, const char *bval, const char *bvec,
                              const siren_series *series, size_t memory_limit, siren_progress_fn progress,
                              void *user, uint8_t **mask);

/* The same as a file in the hidden folder of `staging`, unread. `*path` is yours to free(). */
siren_status siren_brain_mask_make(const char *image, const char *bval, const char *bvec,
                                   const siren_staging *staging, siren_progress_fn progress, void *user,
                                   char **path);

#endif
