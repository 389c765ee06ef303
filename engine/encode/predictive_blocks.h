/* The records of a predictive archive: blocks coded side by side, each decoded and compared before it is written. */
#ifndef SIREN_ENGINE_ENCODE_PREDICTIVE_BLOCKS_H
#define SIREN_ENGINE_ENCODE_PREDICTIVE_BLOCKS_H

#include "engine/archive/record.h"

/* All blocks of the layout's grid, on all processors. Progress counts blocks. INTEGRITY where one decodes to voxels that are
 * further from the series' than the layout's bound: nothing of it is written then. Mean squared errors are in units of the ranges that
 * siren_block_scale() has with `limits`, of the values within. */
siren_status siren_predictive_blocks_write(const siren_series *series, const siren_layout *layout,
                                           const siren_scaling *limits, siren_archive_writer *writer,
                                           siren_progress_fn progress, void *user);

#endif
