/* What several results have made of one slice of one volume, as pictures on common scales. */
#ifndef SIREN_LAB_PICTURE_PANEL_H
#define SIREN_LAB_PICTURE_PANEL_H

#include "lab/picture/view.h"

typedef struct {
    const char *original;       /* .nii or .nii.gz */
    const char *const *results; /* (n_results) .nii, .nii.gz or .siren, of which only the slice is decoded */
    size_t n_results;
    const char *mask; /* what lies outside has no relative error and no SSIM; NULL: all has, and what is above
                       * Otsu's threshold counts */
    size_t z, volume;
    siren_span x, y;     /* voxels shown; 0:0 for all */
    double range;        /* of the SSIM; 0: that of all the original */
    const char *folder;  /* for decoded slices and what is attached to them; they are left there */
    size_t memory_limit; /* bytes of each image; larger is refused before allocation */
} siren_panel_options;

/* Pictures (height, width) from the bottom up; NaN where there is nothing to show. */
typedef struct {
    float *values;                /* scaled */
    float *errors;                /* |x - x'| / |x| as statistics.h has it */
    float *ssim;                  /* 7x7 uniform window */
    double mean_error, mean_ssim; /* of what is shown */
} siren_panel_result;

typedef struct {
    siren_view view;
    size_t width, height;
    float *original; /* scaled values */
    siren_panel_result *results;
    size_t n_results;
    double values[2];  /* black and white: the least and the 99.5th percentile of the original */
    double most_error; /* end of its scale: the 95th percentile of the worst result, rounded up */
    double least_ssim; /* beginning of its scale: 1 less the same of 1 - SSIM */
} siren_panel;

/* Errors as of siren_evaluate(), and USAGE for a slice, volume or span that the original does not have. `device` NULL
 * decodes on the host. `*out` is yours: siren_panel_free(). */
siren_status siren_panel_make(siren_device *device, const siren_panel_options *options,
                              siren_progress_fn progress, void *user, siren_panel *out);
/* Releases what it holds; the struct itself is the caller's. NULL is allowed. */
void siren_panel_free(siren_panel *panel);

#endif
