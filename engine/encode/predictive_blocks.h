/* The records of a predictive archive: blocks coded side by side, each decoded and compared before it is written. */
#ifndef SIREN_ENGINE_ENCODE_PREDICTIVE_BLOCKS_H
#define SIREN_ENGINE_ENCODE_PREDICTIVE_BLOCKS_H

#include "engine/archive/record.h"

/* All blocks of the layout's grid, on all processors. Progress counts blocks. INTEGRITY where one decodes to voxels that are
 * further from the series' than the layout's bound: nothing of it is written then. */
siren_status siren_predictive_blocks_write(const siren_series *series, const siren_layout *layout,
                                           siren_archive_writer *writer, siren_progress_fn progress,
                                           void *user);

#endif
