/* The figures of a slice in a report: panels and glyphs of what a sweep has kept for them (docs/run-folder.md). */
#ifndef SIREN_TOOLS_REPORT_SLICES_H
#define SIREN_TOOLS_REPORT_SLICES_H

#include "lab/experiment/experiment.h"
#include "tools/report/report_figures.h"

/* Draws the figure that the experiment asks for of figure->input into `folder`, if `drawing`, and sets caption, svg and
 * note; all stay NULL where it asks for none. What gnuplot cannot draw costs the picture only, with a warning. CORRUPT
 * where what is kept for it is damaged. */
siren_status siren_report_slice_draw(const siren_report_run *run, siren_figure_kind kind, const char *folder,
                                     bool drawing, siren_progress_fn progress, void *user,
                                     siren_report_figure *figure);

#endif
