/* Corrections of a block that was decoded as a reader will: what makes its record one of an archive with a largest
 * error. */
#ifndef SIREN_ENGINE_ENCODE_CORRECTED_H
#define SIREN_ENGINE_ENCODE_CORRECTED_H

#include "engine/archive/record.h"

/* The block's voxels of a series, (n_volumes, nz, ny, nx), into `voxels`. */
void siren_block_cut(const siren_series *series, const siren_block *block, void *voxels);

/* Of `block`, of a layout that is corrected; `decoded` what its record decodes to, without corrections. `*record`
 * (`*n_record` bytes) is replaced by one with corrections, and the entry's checksum and mean squared error are those of
 * the corrected block, read back from these bytes and compared with the series. INTEGRITY where a value is off by more
 * than the bound all the same. */
siren_status siren_record_correct(const siren_layout *layout, const char *name, const siren_series *series,
                                  const siren_block *block, const siren_scaling *scaling, const void *decoded,
                                  uint8_t **record, size_t *n_record, siren_index_entry *entry);

#endif
