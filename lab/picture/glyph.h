/* Pictures of what diffusion in a slice looks like: directions as colours, tensors as ellipsoids, fibre orientation
 * distributions as surfaces whose distance from the voxel's centre is the amplitude. A direction's colour is |x|, |y|,
 * |z| of its unit vector as red, green, blue. */
#ifndef SIREN_LAB_PICTURE_GLYPH_H
#define SIREN_LAB_PICTURE_GLYPH_H

#include "lab/picture/view.h"

typedef enum {
    SIREN_GLYPH_TENSOR, /* series of 6 volumes, MRtrix3's order of elements: half axes are eigenvalues */
    SIREN_GLYPH_FOD     /* series of coefficients (harmonics.h): negative amplitudes are left out */
} siren_glyph_kind;

typedef struct {
    size_t width, height;
    uint8_t *rgb; /* (height, width, 3) from the top down */
} siren_picture;

/* NULL is allowed. */
void siren_picture_free(siren_picture *picture);

/* The length (eigenvalue or amplitude) that three quarters of the glyphs shown do not exceed; 0 where there is none.
 * CORRUPT where the series (of the file `path`, for messages) is none of the kind. */
siren_status siren_glyph_reach(siren_glyph_kind kind, const char *path, const siren_series *series,
                               const siren_view *view, double *reach);
/* One glyph a voxel, `cell` pixels apart along the shorter side of a voxel, on black. A glyph of length `reach` (above
 * 0) fills its cell; longer ones are shrunk to it. Voxels that are not finite, and those of length 0, are left out. */
siren_status siren_glyph_picture(siren_glyph_kind kind, const char *path, const siren_series *series,
                                 const siren_view *view, double reach, size_t cell, siren_picture *out);

/* One pixel a voxel: the colour of the first eigenvector times the fractional anisotropy / 0.7, cut at 1. */
siren_status siren_colour_anisotropy(const char *path, const siren_series *series, const siren_view *view,
                                     siren_picture *out);

#endif
