/* BIDS data sets (https://bids-specification.readthedocs.io): their series into archives, a derivative of the data set,
 * and back (docs/bids.md). */
#ifndef SIREN_TOOLS_DATASETS_BIDS_H
#define SIREN_TOOLS_DATASETS_BIDS_H

#include "engine/calls.h"
#include "tools/common/command_line.h"

/* What a command line says of data sets. */
typedef struct {
    bool on;
    const char *participants; /* "01,02"; NULL: all */
    const char *suffixes;     /* "dwi,bold"; NULL: dwi */
    bool force_larger;        /* networks may take more bytes than their image */
    const char *in, *out;     /* folders; see siren_bids_check() */
} siren_bids_choice;

#define SIREN_BIDS_OPTIONS(choice, help)                                                                     \
    SIREN_FLAG("bids", help, &(choice).on),                                                                  \
        SIREN_TEXT("participant", "L", "with --bids: only these, e.g. 01,02", &(choice).participants)

/* Takes the names of a command line (NULL at the end). USAGE for other than two of them with --bids, and for its
 * options without it. */
siren_status siren_bids_check(siren_bids_choice *choice, const char *const *names, const char *folder,
                              bool recursive);

/* Compresses the series of the data set `in` into the derivative `out`. What is there of the same series and settings
 * stays. A series that fails is left out: PARTIAL, or where all do the status of the first. `device` NULL: none is
 * needed. */
siren_status siren_bids_compress(const siren_bids_choice *choice, const siren_compress_options *options,
                                 bool anonymise, siren_device *device, bool quiet);

/* Restores the data set whose derivative `in` is. */
siren_status siren_bids_restore(const siren_bids_choice *choice, const siren_decompress_options *options,
                                const char *device_choice, bool quiet);

#endif
