/* All voxels of a series in one stream: a header, and what a general-purpose compressor makes of them. */
#include "lab/baseline/baseline_parts.h"
#include "lab/baseline/lossless.h"

#include <string.h>

static siren_lossless kind_of(const siren_baseline *baseline) {
    return strcmp(baseline->method->name, "xz") == 0 ? SIREN_LOSSLESS_XZ : SIREN_LOSSLESS_DEFLATE;
}

siren_status siren_baseline_voxels_encode(const siren_baseline *baseline, const siren_series *series,
                                          double ratio, siren_progress_fn progress, void *user,
                                          uint8_t **bytes, size_t *n_bytes) {
    (void)ratio; /* there is one */
    const siren_geometry *g = &series->geometry;
    SIREN_FREE_AT_END uint8_t *packed = NULL;
    size_t n = 0;
    SIREN_TRY(siren_lossless_pack(kind_of(baseline), series->voxels,
                                  siren_geometry_voxels(g) * siren_datatype_size(g->datatype), progress, user,
                                  &packed, &n));
    SIREN_TRY(siren_allocate(bytes, SIREN_BASELINE_HEADER_BYTES + n, 1, "the compressed form"));
    siren_baseline_header_write(baseline, g, *bytes);
    memcpy(*bytes + SIREN_BASELINE_HEADER_BYTES, packed, n);
    *n_bytes = SIREN_BASELINE_HEADER_BYTES + n;
    return SIREN_OK;
}

siren_status siren_baseline_voxels_decode(const uint8_t *bytes, size_t n_bytes, siren_progress_fn progress,
                                          void *user, void *voxels, size_t n_voxel_bytes) {
    (void)progress, (void)user; /* it takes no time */
    siren_baseline baseline;
    siren_geometry geometry;
    siren_baseline_header_read(bytes, &baseline, &geometry);
    return siren_lossless_unpack(kind_of(&baseline), bytes + SIREN_BASELINE_HEADER_BYTES,
                                 n_bytes - SIREN_BASELINE_HEADER_BYTES, voxels, n_voxel_bytes);
}
