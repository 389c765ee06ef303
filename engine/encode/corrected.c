#include "engine/encode/corrected.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void siren_block_cut(const siren_series *series, const siren_block *block, void *voxels) {
    size_t size = siren_datatype_size(series->geometry.datatype), n = siren_block_voxels(block);
    uint8_t *to = voxels;
    for (size_t volume = 0; volume < series->geometry.n_volumes; volume++)
        for (size_t voxel = 0; voxel < n; voxel += block->nx, to += block->nx * size)
            memcpy(to, siren_block_value(series, block, volume, voxel), block->nx * size);
}

/* Whether all points are within the bound; their mean squared error in units of each volume's range, 0 where that is
 * 0. */
static bool compare(const siren_corrections_plan *plan, const siren_scaling *scaling, const uint8_t *wanted,
                    const uint8_t *decoded, double *mse) {
    size_t n_points = siren_block_points(plan->block), n_voxels = siren_block_voxels(plan->block),
           size = siren_datatype_size(plan->datatype), n_data = 0;
    double squares = 0;
    for (size_t volume = 0; volume < plan->n_volumes; volume++) {
        double extent = scaling[volume].maximum - scaling[volume].minimum;
        for (size_t point = 0; point < n_points; point++) {
            size_t i = volume * n_voxels + siren_block_voxel(plan->block, point);
            double a, b;
            if (!siren_correction_unneeded(plan, wanted, decoded, i)) return false;
            siren_datatype_to_double(plan->datatype, wanted + i * size, 1, &a);
            siren_datatype_to_double(plan->datatype, decoded + i * size, 1, &b);
            if (!isfinite(a)) continue;
            n_data++;
            if (extent > 0) squares += (a - b) / extent * ((a - b) / extent);
        }
    }
    *mse = n_data > 0 ? squares / (double)n_data : 0;
    return true;
}

siren_status siren_record_correct(const siren_layout *layout, const char *name, const siren_series *series,
                                  const siren_block *block, const siren_scaling *scaling, const void *decoded,
                                  uint8_t **record, size_t *n_record, siren_index_entry *entry) {
    const siren_corrections_plan plan = siren_layout_corrections(layout, block);
    size_t n_values = siren_block_voxels(block) * plan.n_volumes, size = siren_datatype_size(plan.datatype),
           n_corrections;
    SIREN_FREE_AT_END uint8_t *wanted = NULL;
    SIREN_FREE_AT_END uint8_t *corrected = NULL;
    SIREN_FREE_AT_END uint8_t *corrections = NULL;
    SIREN_TRY(siren_allocate(&wanted, n_values, size, "a block's voxels"));
    SIREN_TRY(siren_allocate(&corrected, n_values, size, "a block's voxels"));
    siren_block_cut(series, block, wanted);
    memcpy(corrected, decoded, n_values * size);
    SIREN_TRY(siren_corrections_encode(&plan, wanted, corrected, &corrections, &n_corrections));
    SIREN_TRY(siren_record_append(corrections, n_corrections, record, n_record));
    SIREN_TRY(siren_block_correct(layout, name, block, (siren_span){0, plan.n_volumes}, corrections,
                                  n_corrections, corrected));
    if (!compare(&plan, scaling, wanted, corrected, &entry->mse))
        return siren_fail(
            SIREN_INTEGRITY,
            "%s: decodes to values that are more than %g from what they were; report this image, "
            "and compress it without --max-error meanwhile",
            name, plan.bound);
    entry->decoded_crc = siren_block_crc(plan.datatype, corrected, n_values);
    return SIREN_OK;
}
