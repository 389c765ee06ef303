/* The parts of lab/baseline/baseline.c that are files of their own. */
#ifndef SIREN_LAB_BASELINE_BASELINE_PARTS_H
#define SIREN_LAB_BASELINE_BASELINE_PARTS_H

#include "lab/baseline/baseline.h"

/* Where the compressed form begins: what and how large it is, and the rate. Little-endian. */
#define SIREN_BASELINE_HEADER_BYTES 36
void siren_baseline_header_write(const siren_baseline *baseline, const siren_geometry *g, uint8_t *header);
void siren_baseline_header_read(const uint8_t *header, siren_baseline *baseline, siren_geometry *g);

/* ---- JPEG2000 and zfp: images coded one by one ---- */

/* `*bytes` is the whole compressed form and yours to free(). */
siren_status siren_baseline_images_encode(const siren_baseline *baseline, const siren_series *series,
                                          siren_progress_fn progress, void *user, uint8_t **bytes,
                                          size_t *n_bytes);
/* Restores all voxels from a form that siren_baseline_images_encode() made in this process. */
siren_status siren_baseline_images_decode(const uint8_t *bytes, siren_progress_fn progress, void *user,
                                          void *voxels);
/* The rate below which nothing more is kept of voxels of `datatype`. */
double siren_baseline_least_rate(const siren_baseline *baseline, siren_datatype datatype);

/* ---- filters: MRtrix3's programs ---- */

/* Its program, or NULL for other methods. */
const char *siren_baseline_program(siren_baseline_method method);
/* `voxels`: as large as the series'. */
siren_status siren_baseline_filter(const siren_baseline *baseline, const siren_series *series,
                                   siren_progress_fn progress, void *user, void *voxels);

#endif
