/* Figures that gnuplot draws: a script of tools/figures/panels/, the data that it loads, and what it makes of them, in
 * one folder. */
#ifndef SIREN_TOOLS_GNUPLOT_PICTURE_H
#define SIREN_TOOLS_GNUPLOT_PICTURE_H

#include "engine/calls.h"
#include "host/embedded.h"
#include "host/staging.h"

#include <stdio.h>

/* What stands above results, and the script that draws them. */
typedef struct {
    const char *const *labels; /* (n) */
    const char *const *notes;  /* (n) lines below the labels, or NULL */
    const char *
        scripts; /* folder whose script is used, where it is there, in the place of the built-in one; or NULL */
} siren_picture_wording;

/* SYSTEM, with the way out, where gnuplot is not on PATH. */
siren_status siren_picture_check_gnuplot(void);

/* A file NAME in the hidden folder. */
siren_status siren_picture_write(const siren_staging *staging, const char *name, const void *bytes,
                                 size_t n_bytes);
/* The same, of a text that `write` prints. */
siren_status siren_picture_write_text(const siren_staging *staging, const char *name,
                                      void (*write)(const void *user, FILE *out), const void *user);
/* `text` as a string of gnuplot, in quotes, into which nothing is substituted. */
void siren_picture_quote(const char *text, FILE *out);
/* The definitions of label_1, and note_1 where there are notes, to n. */
void siren_picture_write_wording(const siren_picture_wording *wording, size_t n, FILE *out);

/* The slice of --slice, which is one; the middle one of the image `path` where none was given. */
siren_status siren_picture_slice(const char *path, siren_span asked, size_t *z);

/* What stands above n columns: the parts between the commas of `text`, which must be n, or, where it is NULL, the file
 * names of `paths` without their suffixes. `labels` (n) points into `*kept`, yours to free(). */
siren_status siren_picture_labels(const char *text, const char *const *paths, size_t n, char **kept,
                                  const char **labels);

/* Puts the script NAME.gp, of `n` built-in ones, into `folder`: that of the folder `kept` (may be NULL, or `folder`
 * itself), with a warning where it is not the built-in one, or else the built-in one. */
siren_status siren_picture_place_script(const char *kept, const char *folder,
                                        const siren_embedded_file *scripts, size_t n, const char *name);
/* Runs NAME.gp in its folder. SYSTEM with gnuplot's message where it fails; CANCELLED when `progress` says so. */
siren_status siren_picture_run(const char *folder, const char *name, siren_progress_fn progress, void *user);
/* Puts the script NAME.gp into the hidden folder and runs it there: it writes NAME.svg and NAME.png. */
siren_status siren_picture_draw(const siren_staging *staging, const char *name,
                                const siren_picture_wording *wording, siren_progress_fn progress, void *user);
/* Reads a picture for a page, which shows and does no more: CORRUPT where it is no SVG, UNSUPPORTED where it holds a
 * script. `*svg` is yours to free(). */
siren_status siren_picture_read_svg(const char *path, char **svg);

#endif
