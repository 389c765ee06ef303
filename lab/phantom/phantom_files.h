/* A phantom as files: the series with its gradient tables, masks and ground truth beside it. */
#ifndef SIREN_LAB_PHANTOM_PHANTOM_FILES_H
#define SIREN_LAB_PHANTOM_PHANTOM_FILES_H

#include "lab/phantom/phantom.h"

#define SIREN_PHANTOM_COORDINATES "_volumes.tsv"

typedef struct {
    const siren_phantom_options *phantom;
    const char *path; /* of the series, .nii or .nii.gz; the others get a suffix before it: DWI_mask.nii.gz */
    double voxel;     /* mm in the headers; 0: a field of view of 210 x 210 x 144 mm */
    bool overwrite;
    void (*replaced)(void *user,
                     const char *path); /* hears in the end of each file that was; NULL is allowed */
    siren_progress_fn progress;         /* may be NULL */
    void *user;
} siren_phantom_files;

/* Makes the phantom and writes PATH, its .bval and .bvec, with echo times PATH_volumes.tsv (docs/acquisition.md), and
 * the images PATH_mask, _wm, _gm, _csf (uint8), _fa and _md (float32, mm^2/s): all or none of them. `*out` (may be
 * NULL) receives the phantom: siren_phantom_free(). */
siren_status siren_phantom_write(const siren_phantom_files *files, siren_phantom *out);

#endif
