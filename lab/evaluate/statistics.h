/* Voxel-wise relative errors |x - x'| / |x|, and what they come to in a region. */
#ifndef SIREN_LAB_EVALUATE_STATISTICS_H
#define SIREN_LAB_EVALUATE_STATISTICS_H

#include "formats/series.h"

/* Of the errors that count; all but the numbers are NaN where none does. */
typedef struct {
    size_t n, n_excluded; /* that count, and that do not */
    double mean, std;     /* std with n - 1; 0 for one */
    double median, p95;   /* the 50th and 95th percentile, linear between neighbours as numpy's default */
} siren_error_statistics;

/* A voxel counts where |x| is above this share of the largest |x| inside the mask: the quotient says nothing where x is
 * 0 but for rounding. */
#define SIREN_ERROR_FLOOR 1e-6

/* Relative errors of volumes [first, first + count) of two series of one grid, on scaled values: `errors` (count, nz,
 * ny, nx). NaN, does not count, for |x| up to the floor (of all these volumes; `mask` (nz, ny, nx) may be NULL), and
 * where x or x' is not finite. */
void siren_relative_errors(const siren_series *x, const siren_series *other, size_t first, size_t count,
                           const uint8_t *mask, float *errors);

/* Relative errors of vectors: each voxel's volumes are the components of x, and | | is the Euclidean norm. `errors`
 * (nz, ny, nx), NaN as above. SYSTEM when out of memory: it needs 8 bytes for each. */
siren_status siren_relative_errors_of_vectors(const siren_series *x, const siren_series *other,
                                              const uint8_t *mask, float *errors);

/* `errors` (n_volumes, n_grid), NaN does not count; `mask` (n_grid), or NULL for all. SYSTEM when out of memory: it
 * needs 4 bytes for each error inside the mask. */
siren_status siren_error_statistics_of(const float *errors, size_t n_grid, size_t n_volumes,
                                       const uint8_t *mask, siren_error_statistics *out);

/* `map` (n_grid): the mean over the volumes of the errors that count, 0 where none does and where `mask` (may be NULL)
 * is 0. */
void siren_error_map(const float *errors, size_t n_grid, size_t n_volumes, const uint8_t *mask, float *map);

#endif
