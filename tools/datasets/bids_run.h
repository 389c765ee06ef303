/* One run over a data set, and what its parts share: bids_plan.c finds the series, bids_compress.c compresses them. */
#ifndef SIREN_TOOLS_DATASETS_BIDS_RUN_H
#define SIREN_TOOLS_DATASETS_BIDS_RUN_H

#include "engine/options.h"
#include "host/staging.h"
#include "tools/common/file_walk.h"
#include "tools/datasets/bids.h"
#include "tools/datasets/bids_table.h"
#include "tools/tools.h"

#include <pthread.h>
#include <stdatomic.h>

typedef enum { SIREN_BIDS_WAITING, SIREN_BIDS_MADE, SIREN_BIDS_KEPT, SIREN_BIDS_FAILED } siren_bids_state;

typedef struct {
    const char *relative; /* of the image, in the data set */
    char *archive;        /* in the derivative */
    size_t other;         /* number of another one that would become the same archive; SIZE_MAX: none */
    siren_bids_state state;
    siren_status status; /* of a failure */
    siren_bids_row row;
    uint64_t bytes, voxel_bytes;
    bool header_changed;
} siren_bids_series;

typedef struct {
    const siren_bids_choice *choice;
    const siren_compress_options *options;
    bool anonymise, quiet;
    siren_device *device;
    char *dataset;             /* without '/' at its end */
    char settings[512];        /* as text: what an archive that is there must have been made with */
    siren_file_list top;       /* sidecars in its own folder */
    siren_file_list found;     /* the series' paths */
    size_t n_other_images;     /* of the participants, which are no such series */
    siren_bids_series *series; /* (found.n) */
    siren_bids_table table;    /* what is known of before, and then all */
    char *table_path, *part_path;
    int part;               /* rows as they come, locked; -1: not open */
    siren_staging *staging; /* of sidecars put together */
    size_t memory;          /* of one worker */
    size_t n_workers;
    pthread_mutex_t writing; /* of the part, sidecars and lines */
    atomic_size_t next, n_finished;
    atomic_bool stopped;
    siren_status stop_status;
    char stop_message[SIREN_MESSAGE_BYTES];
} siren_bids_run;

/* The paths of the series of the participants that are wanted; USAGE where there are none. */
siren_status siren_bids_find_series(siren_bids_run *run);
/* Names, and how many series may be in memory at once. */
siren_status siren_bids_plan_series(siren_bids_run *run);
/* What an archive is made with, as text: the target, and settings that were given. */
void siren_bids_describe_settings(siren_bids_run *run);

#endif
