/* The parts of lab/baseline/baseline.c that are files of their own. */
#ifndef SIREN_LAB_BASELINE_BASELINE_PARTS_H
#define SIREN_LAB_BASELINE_BASELINE_PARTS_H

#include "lab/baseline/baseline.h"

/* Where the compressed form begins: what and how large it is, and the rate. Little-endian. */
#define SIREN_BASELINE_HEADER_BYTES 36
void siren_baseline_header_write(const siren_baseline *baseline, const siren_geometry *g, uint8_t *header);
void siren_baseline_header_read(const uint8_t *header, siren_baseline *baseline, siren_geometry *g);

/* ---- images coded one by one: lab/baseline/baseline_images.c ---- */

siren_status siren_baseline_images_encode(const siren_baseline *baseline, const siren_series *series,
                                          double ratio, siren_progress_fn progress, void *user,
                                          uint8_t **bytes, size_t *n_bytes);
siren_status siren_baseline_images_decode(const uint8_t *bytes, size_t n_bytes, siren_progress_fn progress,
                                          void *user, void *voxels, size_t n_voxel_bytes);
/* The rate below which nothing more is kept of voxels of `datatype`. */
double siren_baseline_images_least_rate(const siren_image_coder *coder, siren_datatype datatype);

/* ---- all voxels by a general-purpose compressor: lab/baseline/baseline_voxels.c ---- */

siren_status siren_baseline_voxels_encode(const siren_baseline *baseline, const siren_series *series,
                                          double ratio, siren_progress_fn progress, void *user,
                                          uint8_t **bytes, size_t *n_bytes);
siren_status siren_baseline_voxels_decode(const uint8_t *bytes, size_t n_bytes, siren_progress_fn progress,
                                          void *user, void *voxels, size_t n_voxel_bytes);

/* ---- our own coders, as archives: lab/baseline/baseline_archive.c ---- */

siren_status siren_baseline_archive_encode(const siren_baseline *baseline, const siren_series *series,
                                           double ratio, siren_progress_fn progress, void *user,
                                           uint8_t **bytes, size_t *n_bytes);
siren_status siren_baseline_archive_decode(const uint8_t *bytes, size_t n_bytes, siren_progress_fn progress,
                                           void *user, void *voxels, size_t n_voxel_bytes);

/* ---- MRtrix3's programs: lab/baseline/baseline_filter.c ---- */

siren_status siren_baseline_smooth(const siren_baseline *baseline, const siren_series *series,
                                   siren_progress_fn progress, void *user, void *voxels);
siren_status siren_baseline_mppca(const siren_baseline *baseline, const siren_series *series,
                                  siren_progress_fn progress, void *user, void *voxels);

/* A 3-D image of the mask on the series' grid. */
siren_status siren_baseline_write_mask(const char *path, const siren_series *series, const uint8_t *mask);

#endif
