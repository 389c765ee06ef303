/* Gradient files (bval, bvec: text, as FSL, MRtrix3 and dipy read it) and the files that travel beside an image. */
#ifndef SIREN_FORMATS_DIFFUSION_TABLE_H
#define SIREN_FORMATS_DIFFUSION_TABLE_H

#include "host/file.h"

/* s/mm^2, up to which a volume has no diffusion weighting: MRtrix3's BZeroThreshold. */
#define SIREN_BZERO_LIMIT 10.0

typedef struct {
    size_t n_volumes;
    double *bval;      /* (n_volumes) s/mm^2, or NULL */
    double (*bvec)[3]; /* (n_volumes) unit vectors in image axes, zero where b = 0, or NULL */
} siren_diffusion_table;

/* Whether files of that suffix are such tables: ".bval", ".bvec". */
bool siren_diffusion_table_suffix(const char *suffix);

/* Parses the two texts; one of them may be NULL, and then so is its array. Blanks, commas and semicolons separate
 * values; blank lines, comments ('#' to the line's end), a byte-order mark of UTF-8 and a missing last line end do not
 * matter; b-values may also stand one below the other, directions one volume a line (3 x 3 is taken for FSL's form,
 * with a warning where it may be meant line by line as well). NaN as the whole direction of a volume that is not known
 * to be weighted is zero. Lengths that differ, other values that are no finite numbers and negative b-values are
 * CORRUPT. `*out` is yours: siren_diffusion_table_free(). */
siren_status siren_diffusion_table_parse(const char *bval_name, const uint8_t *bval, size_t bval_bytes,
                                         const char *bvec_name, const uint8_t *bvec, size_t bvec_bytes,
                                         siren_diffusion_table *out);
/* The same of two files. */
siren_status siren_diffusion_table_read(const char *bval, const char *bvec, siren_diffusion_table *out);
/* Releases what it holds; the struct itself is the caller's. NULL is allowed. */
void siren_diffusion_table_free(siren_diffusion_table *gradients);
/* Writes BASE.bval and BASE.bvec (the one whose array is not NULL) in FSL's form, with as many digits as give the same
 * numbers again, up to commit: `*bval` and `*bvec` are yours to commit or discard, NULL where there is no such
 * array. */
siren_status siren_diffusion_table_open(const char *base, bool overwrite,
                                        const siren_diffusion_table *gradients, siren_output **bval,
                                        siren_output **bvec);

/* All of it, replacing what is there. */
siren_status siren_diffusion_table_write(const char *base, const siren_diffusion_table *gradients);

/* `path` without its image suffix (.nii, .nii.gz, .siren, in any case), with `suffix` appended: "d/dwi.nii.gz", ".bval"
 * -> "d/dwi.bval"; another suffix is kept. Yours to free(). */
siren_status siren_sibling_path(const char *path, const char *suffix, char **out);

#define SIREN_NEIGHBOUR_SUFFIX 8 /* characters of ".bval" and the like at most */

/* What lies beside an image as its .bval, .bvec or .json, be it a link that leads nowhere: also in other case or, of
 * tables, in the plural ("d/dwi.bvals"), or with the folder's name alone ("d/bvals", as FSL and HCP have it): then
 * `*shared` (may be NULL) is true. `*out` is yours to free(); NULL: nothing does. */
siren_status siren_neighbour_find(const char *image, const char *suffix, char **out, bool *shared);

#define SIREN_MOST_DOUBTFUL 4

/* Files beside an image whose names say that they are gradient tables of it, or of the folder, in a form or under a
 * name that siren_neighbour_find() does not take ("dwi.nii.gz.bval", "bvals.txt", "dwi.eddy_rotated_bvecs", "dwi.b"):
 * the first `*n` by name. The paths are yours to free(). */
siren_status siren_neighbours_doubtful(const char *image, char *out[SIREN_MOST_DOUBTFUL], size_t *n);

#endif
