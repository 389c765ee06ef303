/* Our own coders without networks, called as a program calls the library: what counts is the whole archive. */
#include "lab/baseline/baseline_parts.h"
#include "formats/number.h"
#include "host/staging.h"

#include <stdlib.h>
#include <string.h>

#define MASK "mask.nii"

SIREN_POINTER_RELEASE(siren_options, siren_options_free)
SIREN_POINTER_RELEASE(siren_image, siren_image_free)

/* What `sirencl compress` would be asked for. */
static siren_status set_target(const siren_baseline *baseline, double ratio, siren_options *options) {
    char number[SIREN_NUMBER_BYTES];
    const bool bounded = baseline->quality > 0;
    const char *key = ratio > 0                                         ? "ratio"
                      : !bounded                                        ? "lossless"
                      : strcmp(baseline->method->quality.name, "error") ? "psnr"
                                                                        : "max_error";
    const char *value =
        ratio > 0 || bounded ? siren_number_format(ratio > 0 ? ratio : baseline->quality, number) : "true";
    return siren_options_set(options, key, value);
}

siren_status siren_baseline_archive_encode(const siren_baseline *baseline, const siren_series *series,
                                           double ratio, siren_progress_fn progress, void *user,
                                           uint8_t **bytes, size_t *n_bytes) {
    const siren_geometry *g = &series->geometry;
    const siren_array array = {.voxels = series->voxels,
                               .datatype = g->datatype,
                               .n_axes = 4,
                               .shape = {g->nx, g->ny, g->nz, g->n_volumes},
                               .slope = g->slope,
                               .inter = g->inter};
    SIREN_AT_END(siren_options_free_at) siren_options *options = NULL;
    SIREN_AT_END(siren_image_free_at) siren_image *image = NULL;
    SIREN_AT_END(siren_staging_discard_at) siren_staging *staging = NULL; /* for the mask, which is a file */
    SIREN_FREE_AT_END char *mask = NULL;
    void *archive = NULL;
    SIREN_TRY(siren_options_create(&options));
    SIREN_TRY(siren_options_set_progress(options, progress, user));
    SIREN_TRY(set_target(baseline, ratio, options));
    if (baseline->mask) {
        SIREN_TRY(siren_staging_open(baseline->folder, NULL, 0, true, &staging));
        SIREN_TRY(siren_staging_path(staging, MASK, &mask));
        SIREN_TRY(siren_baseline_write_mask(mask, series, baseline->mask));
        SIREN_TRY(siren_options_set(options, "mask", mask));
    }
    SIREN_TRY(siren_image_from_array(&array, &image));
    SIREN_TRY(siren_compress_to_memory(NULL, image, options, &archive, n_bytes));
    *bytes = archive;
    return SIREN_OK;
}

siren_status siren_baseline_archive_decode(const uint8_t *bytes, size_t n_bytes, siren_progress_fn progress,
                                           void *user, void *voxels, size_t n_voxel_bytes) {
    (void)progress, (void)user; /* it takes no time */
    SIREN_AT_END(siren_reader_close_at) siren_reader *reader = NULL;
    SIREN_TRY(siren_reader_open_memory(bytes, n_bytes, &reader));
    return siren_reader_read(reader, &(siren_box){.x = {0, 0}}, SIREN_AS_STORED, voxels, n_voxel_bytes);
}
