/* What there is to look at of a result, alone or beside its original: slices of a volume without diffusion
 * weighting and of one with it as pictures on common scales, the fidelity of each slice, and what gzip would
 * take. */
#ifndef SIREN_LAB_PICTURE_MONTAGE_H
#define SIREN_LAB_PICTURE_MONTAGE_H

#include "engine/calls.h"

#define SIREN_MONTAGE_MOST_SLICES 24
#define SIREN_MONTAGE_MOST_VOLUMES 2

typedef struct {
    const char *original; /* .nii or .nii.gz, or NULL */
    const char *result;   /* .siren; beside an original also .nii or .nii.gz */
    const char *mask;     /* where results are compared, or NULL: everywhere. Needs an original */
    const char *folder;   /* for decoded volumes; they are left there */
    siren_span volume; /* of length 1: the volume shown beside the first without weighting; {0, 0}: the first
                          of the highest b */
    size_t memory_limit; /* bytes of each image; larger is refused before allocation */
} siren_montage_options;

typedef enum { SIREN_SHOWN_ORIGINAL, SIREN_SHOWN_RESULT, SIREN_SHOWN_ERROR, SIREN_N_SHOWN } siren_shown;

typedef struct {
    uint8_t *bytes; /* of a PNG file; NULL: there is none */
    size_t n_bytes;
} siren_png;

typedef struct {
    size_t volume;     /* counted from 0 */
    double bval;       /* s/mm^2; NaN: not known */
    double values[2];  /* black and white, scaled: the least and the 99.5th percentile */
    double most_error; /* end of the scale of |x - x'|: its 99.5th percentile, rounded up; NaN without an
                          original */
    siren_png pictures[SIREN_N_SHOWN][SIREN_MONTAGE_MOST_SLICES]; /* errors are RGB, the others grey */
} siren_montage_volume;

typedef struct {
    size_t n_slices, slices[SIREN_MONTAGE_MOST_SLICES]; /* shown, spread evenly; z of the original series */
    size_t width, height;                               /* pixels of a picture */
    double aspect;                                      /* of a picture in mm, width / height */
    siren_montage_volume volumes[SIREN_MONTAGE_MOST_VOLUMES];
    size_t n_volumes;
    bool compared;               /* there was an original */
    siren_comparison comparison; /* of all slices of the result */
    siren_span judged;           /* these slices */
    double
        *slice_psnr; /* (judged) dB, with the peak of the comparison; NaN: nothing of it is inside the mask */
    uint64_t stored_bytes; /* voxels of the judged slices in their stored type */
    double gzip_bytes; /* the same by gzip at its usual level, or the original's file where that is gzip */
    bool gzip_is_file, gzip_is_estimate; /* ESTIMATE: of the shown volumes, for all */
} siren_montage;

/* Errors as of siren_compare() and siren_decompress(); USAGE for a volume that there is not. `device` NULL
 * decodes on the host.
 * `*out` is yours: siren_montage_free(). */
siren_status siren_montage_make(siren_device *device, const siren_montage_options *options,
                                siren_progress_fn progress, void *user, siren_montage *out);
/* Releases what it holds; the struct itself is the caller's. NULL is allowed. */
void siren_montage_free(siren_montage *montage);

/* The colour of a share of the scale of errors, 0 to 1. */
void siren_montage_colour(double share, uint8_t rgb[3]);

#endif
