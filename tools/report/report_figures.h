/* The figures of a report: tables ready to be plotted, the gnuplot scripts beside them, and what gnuplot
 * makes of them. */
#ifndef SIREN_TOOLS_REPORT_FIGURES_H
#define SIREN_TOOLS_REPORT_FIGURES_H

#include "lab/report/report_run.h"

typedef struct {
    const char *name;  /* "fig2a": of NAME.gp, NAME.svg and NAME.png; static */
    const char *input; /* borrowed from the run */
    char *caption;
    char *svg;  /* NULL where it was not drawn */
    char *note; /* what it lacks and why, or NULL */
} siren_report_figure;

typedef struct {
    siren_report_figure *figures; /* (n) by input, only those that the run has data for */
    size_t n;
    size_t n_other; /* successful trials in no figure, for their settings differ from those of their series */
    char *note;     /* why pictures are missing and the way out; NULL where none is */
} siren_report_figures;

/* Makes the folder, or with several inputs one in it for each, and in it the data, scripts and pictures. A
 * script that is there already is kept, with a warning where it is not the built-in one. A script that
 * gnuplot cannot run costs its picture only. CANCELLED when `progress` says so. `out` is yours:
 * siren_report_figures_free(). */
siren_status siren_report_figures_make(const siren_report_run *run, const char *folder,
                                       siren_progress_fn progress, void *user, siren_report_figures *out);
void siren_report_figures_free(siren_report_figures *figures);

#endif
