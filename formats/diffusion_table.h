/* FSL gradient files (bval: 1 x N, bvec: 3 x N, text) and the files that travel beside an image. */
#ifndef SIREN_FORMATS_DIFFUSION_TABLE_H
#define SIREN_FORMATS_DIFFUSION_TABLE_H

#include "host/file.h"

typedef struct {
    size_t n_volumes;
    double *bval;      /* (n_volumes) s/mm^2, or NULL */
    double (*bvec)[3]; /* (n_volumes) unit vectors in image axes, zero where b = 0, or NULL */
} siren_diffusion_table;

/* Parses the two texts; one of them may be NULL, and then so is its array. Any blanks separate values, blank
 * lines and a missing last line end do not matter, b-values may also stand one below the other. Lengths that
 * differ, values that are no finite numbers, negative b-values and a bvec of N x 3 are CORRUPT. `*out` is
 * yours: siren_diffusion_table_free(). */
siren_status siren_diffusion_table_parse(const char *bval_name, const uint8_t *bval, size_t bval_bytes,
                                         const char *bvec_name, const uint8_t *bvec, size_t bvec_bytes,
                                         siren_diffusion_table *out);
/* Releases what it holds; the struct itself is the caller's. NULL is allowed. */
void siren_diffusion_table_free(siren_diffusion_table *gradients);
/* Writes BASE.bval and BASE.bvec (the one whose array is not NULL) in FSL's form, with as many digits as give the same numbers
 * again, up to commit: `*bval` and `*bvec` are yours to commit or discard, NULL where there is no such array. */
siren_status siren_diffusion_table_open(const char *base, bool overwrite,
                                        const siren_diffusion_table *gradients, siren_output **bval,
                                        siren_output **bvec);

/* `path` without its image suffix (.nii, .nii.gz, .siren), with `suffix` appended: "d/dwi.nii.gz", ".bval" ->
 * "d/dwi.bval"; another suffix is kept. Yours to free(). */
siren_status siren_sibling_path(const char *path, const char *suffix, char **out);

#endif
