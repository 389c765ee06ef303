/* The records of a predictive archive: blocks coded side by side, each decoded and compared before it is written. */
#ifndef SIREN_ENGINE_ENCODE_PREDICTIVE_BLOCKS_H
#define SIREN_ENGINE_ENCODE_PREDICTIVE_BLOCKS_H

#include "engine/archive/record.h"

/* All blocks of the layout's grid, on all processors. Progress counts blocks. INTEGRITY where one decodes to voxels
 * that are further from the series' than the layout's bound: nothing of it is written then. Mean squared errors are in
 * units of the ranges that siren_block_scale() has with `limits`, of the values within. */
typedef struct {
    size_t n_bytes; /* of records and their places in the index */
    double psnr;    /* mean of the slices that are not exact; infinity where all are */
    double seconds;
} siren_predictive_outcome;
siren_status siren_predictive_blocks_write(const siren_series *series, const siren_layout *layout,
                                           const siren_scaling *limits, siren_archive_writer *writer,
                                           siren_progress_fn progress, void *user,
                                           siren_predictive_outcome *out);

/* What that would give, as some slices tell. */
siren_status siren_predictive_blocks_estimate(const siren_series *series, const siren_layout *layout,
                                              const siren_scaling *limits, siren_progress_fn progress,
                                              void *user, siren_predictive_outcome *out);

#endif
