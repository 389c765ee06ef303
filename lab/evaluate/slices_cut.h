/* Part of a series: some of its slices, as a series of its own. */
#ifndef SIREN_LAB_EVALUATE_SLICES_CUT_H
#define SIREN_LAB_EVALUATE_SLICES_CUT_H

#include "engine/calls.h"
#include "formats/series.h"

/* Slices [z, z + nz) of all volumes, in their place in the world. USAGE for a range outside the series. `*out` is
 * yours:
 * siren_series_free(). */
siren_status siren_slices_cut(const siren_series *whole, size_t z, size_t nz, siren_series *out);
/* The same of a file, into the file `to` and `*out`. */
siren_status siren_slices_cut_file(const char *path, size_t memory_limit, siren_span slices, const char *to,
                                   siren_series *out);
/* One slice of one volume likewise; USAGE for a volume that the series has not, too. */
siren_status siren_slice_cut(const siren_series *whole, size_t z, size_t volume, siren_series *out);
/* Writes a series as it is; the suffix decides (.nii or .nii.gz). Replaces what is there. */
siren_status siren_series_write(const siren_series *series, const char *path);

#endif
