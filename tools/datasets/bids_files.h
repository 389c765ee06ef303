/* The files of a data set that are no series, on their way into a derivative and back. */
#ifndef SIREN_TOOLS_DATASETS_BIDS_FILES_H
#define SIREN_TOOLS_DATASETS_BIDS_FILES_H

#include "formats/anonymise.h"

/* Copies `from` to `to`, whose folder is made where it is missing. What is there already with the same bytes stays;
 * USAGE for other bytes, unless `overwrite`, which names what it replaces, and replaces no image or archive. With
 * `anonymised` (may be NULL) a JSON file loses what identifies. */
siren_status siren_bids_copy(const char *from, const char *to, bool overwrite, siren_anonymised *anonymised);
/* The same for bytes. */
siren_status siren_bids_write(const char *to, bool overwrite, const uint8_t *bytes, size_t n_bytes);

/* USAGE where the folder is no data set, or `out` cannot be its derivative: it is the data set, inside of it but for
 * derivatives/, or another program's. */
siren_status siren_bids_check_folders(const char *dataset, const char *out);
/* Makes what a derivative needs whatever its series: its description, what validators are to pass over, and copies of
 * what the data set has in its own folder (README, participants.tsv and the like). */
siren_status siren_bids_begin_derivative(const char *dataset, const char *out, bool overwrite);
/* Keeps the lists of scans and sessions that a series stands in, where validators do not look for what they list. */
siren_status siren_bids_keep_lists(const char *dataset, const char *out, const char *relative,
                                   bool overwrite);

#endif
