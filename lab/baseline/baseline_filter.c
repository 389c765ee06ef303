/* Smoothing and denoising by MRtrix3's programs, through files in a folder of their own. */
#include "lab/baseline/baseline_parts.h"
#include "lab/evaluate/slices_cut.h"
#include "formats/nifti.h"
#include "formats/number.h"
#include "host/process.h"
#include "host/staging.h"

#include <math.h>
#include <stdio.h>

#define INPUT "input.nii"
#define OUTPUT "output.nii"
#define MASK "mask.nii"

/* ---- files ---- */

/* Scaled values as float32, with axes as in memory, so that the program's output has them, too. */
static siren_status write_input(const char *path, const siren_series *series) {
    const siren_geometry *g = &series->geometry;
    const size_t n = g->nx * g->ny;
    siren_geometry geometry;
    SIREN_AT_END(siren_nifti_writer_discard_at) siren_nifti_writer *writer = NULL;
    uint8_t header[352];
    double size[3];
    SIREN_FREE_AT_END double *values = NULL;
    SIREN_FREE_AT_END float *voxels = NULL;
    siren_nifti_voxel_size(series->header, g, size);
    SIREN_TRY(
        siren_nifti_new_header(SIREN_FLOAT32, g->nx, g->ny, g->nz, g->n_volumes, size, &geometry, header));
    SIREN_TRY(siren_allocate(&values, n, sizeof *values, "a slice's values"));
    SIREN_TRY(siren_allocate(&voxels, n, sizeof *voxels, "a slice's voxels"));
    SIREN_TRY(siren_nifti_writer_open(path, false, &geometry, header, &writer));
    for (size_t i = 0; i < g->n_volumes * g->nz; i++) {
        siren_series_values(series, i * n, n, values);
        for (size_t k = 0; k < n; k++) voxels[k] = isfinite(values[k]) ? (float)values[k] : 0.0f;
        SIREN_TRY(siren_nifti_writer_slice(writer, i / g->nz, i % g->nz, voxels));
    }
    return siren_nifti_writer_commit(SIREN_TAKE(writer));
}

siren_status siren_baseline_write_mask(const char *path, const siren_series *series, const uint8_t *mask) {
    const siren_geometry *g = &series->geometry;
    siren_geometry geometry;
    uint8_t header[SIREN_NEW_HEADER_BYTES];
    double size[3] = {1, 1, 1};
    if (series->header) siren_nifti_voxel_size(series->header, g, size);
    SIREN_TRY(siren_nifti_new_header(SIREN_UINT8, g->nx, g->ny, g->nz, 1, size, &geometry, header));
    return siren_series_write(
        &(siren_series){.geometry = geometry, .header = header, .voxels = (void *)(uintptr_t)mask}, path);
}

/* Stored values of a row from the filtered, scaled ones; not finite where the original is not. */
static void restore(const siren_series *original, size_t first, size_t n, const double *filtered,
                    double *values) {
    const siren_geometry *g = &original->geometry;
    siren_datatype_to_double(
        g->datatype, (const uint8_t *)original->voxels + first * siren_datatype_size(g->datatype), n, values);
    for (size_t k = 0; k < n; k++)
        if (isfinite(values[k])) values[k] = (filtered[k] - g->inter) / g->slope;
}

static siren_status read_output(const char *path, const siren_series *series, void *voxels) {
    const siren_geometry *g = &series->geometry, *made;
    const size_t n = g->nx * g->ny, size = siren_datatype_size(g->datatype);
    SIREN_AT_END(siren_series_free) siren_series output = {.voxels = NULL};
    SIREN_FREE_AT_END double *filtered = NULL, *values = NULL;
    SIREN_TRY(siren_nifti_read(path, SIZE_MAX, &output));
    made = &output.geometry;
    if (made->nx != g->nx || made->ny != g->ny || made->nz != g->nz || made->n_volumes != g->n_volumes)
        return siren_fail(
            SIREN_SYSTEM,
            "%s: a filter made %zu x %zu x %zu voxels and %zu volume%s of %zu x %zu x %zu and %zu", path,
            made->nx, made->ny, made->nz, made->n_volumes, siren_plural(made->n_volumes), g->nx, g->ny, g->nz,
            g->n_volumes);
    SIREN_TRY(siren_allocate(&filtered, n, sizeof *filtered, "a slice's values"));
    SIREN_TRY(siren_allocate(&values, n, sizeof *values, "a slice's values"));
    for (size_t i = 0; i < g->n_volumes * g->nz; i++) {
        siren_series_values(&output, i * n, n, filtered);
        restore(series, i * n, n, filtered, values);
        siren_datatype_from_double(g->datatype, values, n, (uint8_t *)voxels + i * n * size);
    }
    return SIREN_OK;
}

/* ---- programs ---- */

/* Runs a program that makes OUTPUT of INPUT, and may read MASK. */
static siren_status filter(const siren_baseline *baseline, const char *const *arguments,
                           const siren_series *series, siren_progress_fn progress, void *user, void *voxels) {
    SIREN_AT_END(siren_staging_discard_at) siren_staging *staging = NULL; /* nothing of it is kept */
    SIREN_AT_END(siren_process_result_free) siren_process_result result = {0};
    SIREN_FREE_AT_END char *input = NULL, *output = NULL, *mask = NULL;
    SIREN_TRY(siren_staging_open(baseline->folder, NULL, 0, true, &staging));
    SIREN_TRY(siren_staging_path(staging, INPUT, &input));
    SIREN_TRY(siren_staging_path(staging, OUTPUT, &output));
    SIREN_TRY(siren_staging_path(staging, MASK, &mask));
    SIREN_TRY(write_input(input, series));
    if (baseline->mask) SIREN_TRY(siren_baseline_write_mask(mask, series, baseline->mask));
    const siren_process_plan plan = {
        .arguments = arguments, .folder = siren_staging_folder(staging), .time_limit = baseline->time_limit};
    SIREN_TRY(siren_process_run(&plan, progress, user, &result));
    SIREN_TRY(siren_process_check(&plan, &result));
    return read_output(output, series, voxels);
}

siren_status siren_baseline_smooth(const siren_baseline *baseline, const siren_series *series,
                                   siren_progress_fn progress, void *user, void *voxels) {
    char n_threads[16], fwhm[SIREN_NUMBER_BYTES];
    snprintf(n_threads, sizeof n_threads, "%u", siren_processors());
    siren_number_format(baseline->quality > 0 ? baseline->quality : SIREN_BASELINE_FWHM, fwhm);
    const char *const arguments[] = {baseline->method->program,
                                     INPUT,
                                     "smooth",
                                     OUTPUT,
                                     "-fwhm",
                                     fwhm,
                                     "-quiet",
                                     "-nthreads",
                                     n_threads,
                                     NULL};
    return filter(baseline, arguments, series, progress, user, voxels);
}

siren_status siren_baseline_mppca(const siren_baseline *baseline, const siren_series *series,
                                  siren_progress_fn progress, void *user, void *voxels) {
    char n_threads[16];
    snprintf(n_threads, sizeof n_threads, "%u", siren_processors());
    const char *const masked = baseline->mask ? "-mask" : NULL;
    const char *const arguments[] = {baseline->method->program,
                                     INPUT,
                                     OUTPUT,
                                     "-estimator",
                                     "Exp1",
                                     "-quiet",
                                     "-nthreads",
                                     n_threads,
                                     masked,
                                     MASK,
                                     NULL};
    siren_log(SIREN_LOG_WARNING, "dwidenoise runs: its licence allows non-commercial research only, no "
                                 "commercial and no clinical use");
    return filter(baseline, arguments, series, progress, user, voxels);
}
