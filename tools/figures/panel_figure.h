/* The figure of a panel: files panel.png, panel.svg, and what they are drawn from. */
#ifndef SIREN_TOOLS_PANEL_FIGURE_H
#define SIREN_TOOLS_PANEL_FIGURE_H

#include "lab/picture/panel.h"
#include "tools/figures/gnuplot_picture.h"

/* "Z" or "Z,V": the slice and the volume shown, counted from 0; volume 0 where there is none. USAGE otherwise. */
siren_status siren_panel_figure_parse(const char *text, size_t *z, size_t *volume);

/* The file that every panel has: where it is missing, those of the other names are of something else. */
#define SIREN_PANEL_MARK "panel-data.gp"

/* Makes sure of gnuplot and of a folder where the figure's files may appear. `*out` is yours: siren_staging_commit() or
 * siren_staging_discard(). */
siren_status siren_panel_figure_open(const char *folder, bool overwrite, siren_staging **out);
/* Makes the panel and draws it in the staging; options->folder is not used. */
siren_status siren_panel_figure_draw(siren_device *device, const siren_panel_options *options,
                                     const siren_picture_wording *wording, const siren_staging *staging,
                                     siren_progress_fn progress, void *user);

#endif
