/* SHA256SUMS of a trial's folder (docs/run-folder.md): what makes a trial complete, and what is added to it later. */
#ifndef SIREN_LAB_RUN_RUN_SUMS_H
#define SIREN_LAB_RUN_RUN_SUMS_H

#include "host/digest.h"

#include <stdio.h>

/* What is added to a trial that is complete: its absence or damage costs the addition only. */
typedef enum {
    SIREN_ADDED_EVALUATION, /* evaluation.json */
    SIREN_ADDED_PANEL,      /* all in panel/ */
    SIREN_ADDED_GLYPHS,     /* all in glyphs/ */
    SIREN_N_ADDED
} siren_added;

/* Writes the line of the file `name` below `folder`, as sha256sum does. */
siren_status siren_run_sum_write(const char *folder, const char *name, FILE *sums);

/* Checks every line but those of additions. `identity`: digest that config.json must have. `*n_files` counts the lines
 * beside config.json and result.json. PARTIAL, without a message, where there is no SHA256SUMS; CORRUPT where a file is
 * not the one that was written. */
siren_status siren_run_sums_check(const char *folder, const char *identity, size_t *n_files);

/* Whether the folder has the addition, each file of it with its checksum. Where a file is damaged, false with
 * siren_message() and *damaged true. */
bool siren_run_has_added(const char *folder, siren_added added, bool *damaged);
/* Lists `files` (n), names below the folder, as the addition, in the place of those that were listed. */
siren_status siren_run_add(const char *folder, siren_added added, const char *const *files, size_t n);

#endif
