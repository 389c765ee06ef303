/* Figures that gnuplot draws: a script of tools/panels/, the data that it loads, and what it makes of them, in one folder. */
#ifndef SIREN_TOOLS_PICTURE_H
#define SIREN_TOOLS_PICTURE_H

#include "engine/sirencl.h"
#include "host/staging.h"

#include <stdio.h>

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

/* The slice of --slice, which is one; the middle one of the image `path` where none was given. */
siren_status siren_picture_slice(const char *path, siren_span asked, size_t *z);

/* What stands above n columns: the parts between the commas of `text`, which must be n, or, where it is NULL, the file names of
 * `paths` without their suffixes. `labels` (n) points into `*kept`, yours to free(). */
siren_status siren_picture_labels(const char *text, const char *const *paths, size_t n, char **kept,
                                  const char **labels);

/* Puts the script NAME.gp, one of the built-in ones, into the hidden folder and runs it there: it writes NAME.svg and NAME.png.
 * SYSTEM with gnuplot's message where it fails; CANCELLED when `progress` says so. */
siren_status siren_picture_draw(const siren_staging *staging, const char *name, siren_progress_fn progress,
                                void *user);

#endif
