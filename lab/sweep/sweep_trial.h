/* A trial of a sweep from its folder's state to its result. */
#ifndef SIREN_LAB_SWEEP_SWEEP_TRIAL_H
#define SIREN_LAB_SWEEP_SWEEP_TRIAL_H

#include "lab/run/run_folder.h"

typedef struct {
    const siren_trial *trial;
    siren_trial_folder folder;
    siren_layout layout;   /* of the series and the trial */
    uint8_t *mask;         /* the section that the layout borrows; NULL: none */
    uint8_t *finished;     /* (layout.grid.count) whether the block is */
    uint8_t *share;        /* (layout.grid.count) whether the block is of this part; NULL: all are */
    size_t n_share;        /* such blocks, where there is a share */
    size_t n_left;         /* blocks of the part that are not finished */
    bool complete, failed; /* complete: `result` is there */
    bool finishing;        /* a worker has begun to complete it */
    bool diverged;         /* one of the finished blocks did */
    siren_trial_result result;
} siren_sweep_trial;

/* USAGE for slices that the series does not have. */
siren_status siren_trial_check_slices(const siren_trial *trial, const siren_geometry *g);
/* The archive's layout for a series of geometry `g` whose volumes have these coordinates, borrowed, or none: grid of
 * blocks and network. USAGE where the trial does not fit it. */
siren_status siren_trial_layout(const siren_trial *trial, const siren_geometry *g,
                                const siren_acquisition *acquisition, siren_layout *out);

/* Whether a block of this part is not finished. */
bool siren_sweep_trial_lacks(const siren_sweep_trial *trial, size_t block);
/* Whether the trial has no block of another part. */
bool siren_sweep_trial_is_whole(const siren_sweep_trial *trial);

/* What a trial works on. */
typedef struct {
    const siren_experiment *experiment;
    const siren_series *series;
    const uint8_t *mask; /* (nz, ny, nx), or NULL */
    const siren_acquisition *acquisition;
    bool train_on_mask;        /* else it is for figures alone */
    const char *image;         /* path of the series */
    siren_device *device;      /* decodes */
    const siren_device *named; /* in archives, whichever device trained a block */
    size_t memory_limit;
} siren_sweep_source;

/* Plans the trial for the series. Of one that is not complete it makes the folder where it is missing, and finds the
 * blocks of this part that are finished; what is damaged is told (SIREN_LOG_WARNING) and counts as not done. `trial`,
 * `folder`, `complete`, `result` and the share are set by the caller; siren_sweep_trial_free() releases all. */
siren_status siren_sweep_trial_open(const siren_sweep_source *source, siren_sweep_trial *trial);
/* All blocks are finished: writes curves, archive and result, and drops the blocks' own files. The archive is decoded
 * on the way, every block against its checksum: `*decode_seconds` is what that took, NaN where there is no archive.
 * `*out` is yours:
 * siren_trial_result_free(). */
siren_status siren_sweep_trial_finish(const siren_sweep_source *source, const siren_sweep_trial *trial,
                                      siren_trial_result *out, double *decode_seconds);
void siren_sweep_trial_free(siren_sweep_trial *trial);

#endif
