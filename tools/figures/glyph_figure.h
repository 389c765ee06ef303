/* The figure of glyphs: what evaluations have kept of the diffusion in one slice. */
#ifndef SIREN_TOOLS_GLYPH_FIGURE_H
#define SIREN_TOOLS_GLYPH_FIGURE_H

#include "lab/picture/view.h"
#include "tools/figures/gnuplot_picture.h"

typedef struct {
    const char *const *evaluations; /* (n) folders of siren_evaluate() */
    siren_picture_wording wording;
    size_t n;
    siren_span slice;    /* that the glyphs are of, counted in the original; 0:0: the middle one */
    siren_span x, y;     /* its voxels; 0:0: all */
    size_t memory_limit; /* bytes of each image; larger is refused before allocation */
} siren_glyph_figure_options;

/* As SIREN_PANEL_MARK. */
#define SIREN_GLYPHS_MARK "glyphs-data.gp"

/* As siren_panel_figure_open(). */
siren_status siren_glyph_figure_open(const char *folder, bool overwrite, siren_staging **out);
/* Draws colour-coded anisotropy, tensors and fibre orientation distributions of the original and of each result, on
 * common scales, as far as the evaluations have them. USAGE where they have neither, or are of different originals. */
siren_status siren_glyph_figure_draw(const siren_glyph_figure_options *options, const siren_staging *staging,
                                     siren_progress_fn progress, void *user);

#endif
