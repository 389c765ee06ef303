/* Records that end with corrections, as engine/archive/record.h has them. */
#include "engine/archive/record.h"

#include "formats/little_endian.h"

#include <stdlib.h>
#include <string.h>

#define LENGTH_BYTES 4 /* of corrections, at a record's end */

siren_corrections_plan siren_layout_corrections(const siren_layout *layout, const siren_block *block) {
    return (siren_corrections_plan){block, layout->geometry.datatype, layout->geometry.n_volumes,
                                    layout->bound};
}

siren_status siren_record_append(const uint8_t *corrections, size_t n_corrections, uint8_t **record,
                                 size_t *n_record) {
    size_t total = 0;
    uint8_t *longer = NULL;
    if (n_corrections > UINT32_MAX || !siren_add(*n_record, n_corrections + LENGTH_BYTES, &total))
        return siren_fail(SIREN_UNSUPPORTED,
                          "%zu byte%s of corrections are too many for a record; use smaller blocks",
                          n_corrections, siren_plural(n_corrections));
    SIREN_TRY(siren_allocate(&longer, total, 1, "a record"));
    memcpy(longer, *record, *n_record);
    if (n_corrections > 0) memcpy(longer + *n_record, corrections, n_corrections);
    siren_put_u32(longer + total - LENGTH_BYTES, (uint32_t)n_corrections);
    free(*record);
    *record = longer;
    *n_record = total;
    return SIREN_OK;
}

siren_status siren_record_split(const char *name, const siren_layout *layout, const uint8_t *bytes,
                                size_t *n_bytes, const uint8_t **corrections, size_t *n_corrections) {
    *corrections = NULL;
    *n_corrections = 0;
    if (!layout->corrected) return SIREN_OK;
    size_t n = *n_bytes >= LENGTH_BYTES ? siren_get_u32(bytes + *n_bytes - LENGTH_BYTES) : SIZE_MAX;
    if (n > *n_bytes || *n_bytes - n < LENGTH_BYTES)
        return siren_fail(
            SIREN_CORRUPT,
            "%s: its record of %zu byte%s is shorter than its corrections; restore the file from "
            "a copy",
            name, *n_bytes, siren_plural(*n_bytes));
    *n_bytes -= n + LENGTH_BYTES;
    *corrections = bytes + *n_bytes;
    *n_corrections = n;
    return SIREN_OK;
}

/* What is corrected: some volumes of a block. */
typedef struct {
    siren_corrections_plan plan;
    siren_span volumes;
    size_t n_voxels;
    void *voxels;
} corrected_block;

static void correct(void *user, size_t volume, size_t voxel, const siren_correction *correction) {
    corrected_block *block = user;
    if (volume < block->volumes.begin || volume >= block->volumes.end) return;
    siren_correction_apply(&block->plan, correction, block->voxels,
                           (volume - block->volumes.begin) * block->n_voxels + voxel);
}

siren_status siren_block_correct(const siren_layout *layout, const char *name, const siren_block *block,
                                 siren_span volumes, const uint8_t *corrections, size_t n_corrections,
                                 void *voxels) {
    corrected_block corrected = {siren_layout_corrections(layout, block), volumes, siren_block_voxels(block),
                                 voxels};
    return siren_corrections_decode(&corrected.plan, name, corrections, n_corrections, correct, &corrected);
}
