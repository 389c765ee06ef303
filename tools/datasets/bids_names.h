/* Names of files in a BIDS data set: entities, suffix, extension, and which sidecar is of which series. */
#ifndef SIREN_TOOLS_DATASETS_BIDS_NAMES_H
#define SIREN_TOOLS_DATASETS_BIDS_NAMES_H

#include "tools/common/file_walk.h"

#define SIREN_BIDS_TABLE "sirencl.tsv"
#define SIREN_BIDS_PART SIREN_BIDS_TABLE ".part" /* rows as they come, of a run that has not ended */
#define SIREN_BIDS_DESCRIPTION "dataset_description.json"
#define SIREN_BIDS_ORIGINALS "sourcedata" /* of the derivative: files of the data set that would belie it */

/* Whether `list`, words between commas, has the word (n). */
bool siren_bids_listed(const char *list, const char *word, size_t n);

/* Whether the file is a series of one of the suffixes ("dwi,bold"), its ending in any case. */
bool siren_bids_is_series(const char *path, const char *suffixes);
/* USAGE where the image's name is none of BIDS: entities KEY-LABEL, of which sub is the first, and a suffix, joined by
 * '_', then .nii or .nii.gz. */
siren_status siren_bids_check_name(const char *path);

/* The label of the participant whose folder `relative` begins with, and its length; NULL where it is in none. */
const char *siren_bids_participant(const char *relative, size_t *n);

/* What goes with the series `relative` of `dataset` by the inheritance principle: its sidecars and tables beside it and
 * in the folders above, from the data set's own down. */
typedef struct {
    siren_file_list all;     /* relative to the data set */
    const char *bval, *bvec; /* of `all`, the nearest; NULL: none */
    size_t *jsons;           /* (n_jsons) numbers in `all`, the nearest last */
    size_t n_jsons;
} siren_bids_sidecars;
/* Files of the data set's own folder that may be such; it may hold many thousands of participants, and is looked
 * through once. */
siren_status siren_bids_top_files(const char *dataset, siren_file_list *out);
/* `top` are these. CORRUPT where two tables in one folder may be meant alike. `*out` is yours:
 * siren_bids_sidecars_free(). */
siren_status siren_bids_sidecars_find(const char *dataset, const siren_file_list *top, const char *relative,
                                      siren_bids_sidecars *out);
void siren_bids_sidecars_free(siren_bids_sidecars *sidecars);

/* "folder/name"; yours to free(). */
siren_status siren_bids_join(const char *folder, const char *name, char **out);

#endif
