#include "engine/model/grid.h"

#include "formats/nifti.h"

#include <math.h>

#define CHUNK 4096          /* voxels converted at once */
#define PLACE_TOLERANCE 0.1 /* of the smallest voxel size */

siren_status siren_grid_check(const char *image, const siren_geometry *a, const char *other,
                              const siren_geometry *b, size_t n_volumes) {
    if (a->nx == b->nx && a->ny == b->ny && a->nz == b->nz && b->n_volumes == n_volumes) return SIREN_OK;
    return siren_fail(SIREN_USAGE,
                      "%s is %zu x %zu x %zu with %zu volume%s, but %s is %zu x %zu x %zu with %zu; give "
                      "images of one grid",
                      image, a->nx, a->ny, a->nz, a->n_volumes, siren_plural(a->n_volumes), other, b->nx,
                      b->ny, b->nz, b->n_volumes);
}

/* The largest distance in mm between where two affines place a corner of the grid; the map is linear, so that no other
 * voxel lies further apart. */
static double largest_shift(const double a[3][4], const double b[3][4], const siren_geometry *g) {
    double largest = 0;
    for (unsigned corner = 0; corner < 8; corner++) {
        const double index[4] = {corner & 1 ? (double)g->nx - 1 : 0, corner & 2 ? (double)g->ny - 1 : 0,
                                 corner & 4 ? (double)g->nz - 1 : 0, 1};
        double square = 0;
        for (size_t row = 0; row < 3; row++) {
            double shift = 0;
            for (size_t column = 0; column < 4; column++)
                shift += (a[row][column] - b[row][column]) * index[column];
            square += shift * shift;
        }
        largest = fmax(largest, sqrt(square));
    }
    return largest;
}

static double smallest_voxel(const double affine[3][4]) {
    double smallest = INFINITY;
    for (size_t column = 0; column < 3; column++)
        smallest = fmin(smallest,
                        sqrt(affine[0][column] * affine[0][column] + affine[1][column] * affine[1][column] +
                             affine[2][column] * affine[2][column]));
    return smallest;
}

siren_status siren_grid_check_place(const char *image, const siren_series *a, const char *other,
                                    const siren_series *b) {
    double place[3][4], other_place[3][4];
    if (!siren_nifti_affine(a->header, &a->geometry, place) ||
        !siren_nifti_affine(b->header, &b->geometry, other_place))
        return SIREN_OK;
    double shift = largest_shift(place, other_place, &a->geometry);
    if (shift <= PLACE_TOLERANCE * smallest_voxel(place)) return SIREN_OK;
    return siren_fail(SIREN_USAGE,
                      "%s and %s lie up to %.3g mm apart by their headers; give images of one grid, or "
                      "resample one onto the other",
                      image, other, shift);
}

siren_status siren_series_check_finite(const char *path, const siren_series *series) {
    const siren_geometry *g = &series->geometry;
    const size_t total = siren_geometry_voxels(g);
    double values[CHUNK];
    if (g->datatype != SIREN_FLOAT32 && g->datatype != SIREN_FLOAT64) return SIREN_OK;
    for (size_t first = 0; first < total; first += CHUNK) {
        size_t n = total - first < CHUNK ? total - first : CHUNK;
        siren_series_values(series, first, n, values);
        for (size_t i = 0; i < n; i++) {
            if (isfinite(values[i])) continue;
            size_t at = first + i;
            return siren_fail(SIREN_CORRUPT,
                              "%s: voxel (%zu, %zu, %zu) of volume %zu is %g; give finite values first, for "
                              "example by MRtrix's 'mrcalc IN -finite IN 0 -if OUT'",
                              path, at % g->nx, at / g->nx % g->ny, at / (g->nx * g->ny) % g->nz,
                              at / (g->nx * g->ny * g->nz), values[i]);
        }
    }
    return SIREN_OK;
}

/* `mask` (voxels of the series), and how many are inside. */
static siren_status binary_values(const char *path, const siren_series *series, uint8_t *mask,
                                  size_t *n_inside) {
    const size_t total = siren_geometry_voxels(&series->geometry);
    double values[CHUNK], inside = 0;
    for (size_t first = 0; first < total; first += CHUNK) {
        size_t n = total - first < CHUNK ? total - first : CHUNK;
        siren_series_values(series, first, n, values);
        for (size_t i = 0; i < n; i++) {
            if (values[i] == 0) continue;
            if (inside == 0) inside = values[i];
            if (values[i] != inside)
                return siren_fail(
                    SIREN_CORRUPT,
                    "%s: holds %g beside 0 and %g, but a mask has 0 and one other value; threshold "
                    "it first, for example by MRtrix's 'mrthreshold -abs 0.5'",
                    path, values[i], inside);
            mask[first + i] = 1;
            ++*n_inside;
        }
    }
    return SIREN_OK;
}

bool siren_mask_is_empty(const siren_series *series) {
    double value = 0;
    for (size_t i = 0; i < siren_geometry_voxels(&series->geometry); i++) {
        siren_series_values(series, i, 1, &value);
        if (value > 0 || value < 0) return false;
    }
    return true;
}

siren_status siren_mask_values(const char *path, const siren_series *series, uint8_t **out) {
    SIREN_FREE_AT_END uint8_t *mask = NULL;
    size_t n_inside = 0;
    SIREN_TRY(siren_series_check_finite(path, series));
    SIREN_TRY(siren_allocate(&mask, siren_geometry_voxels(&series->geometry), 1, path));
    SIREN_TRY(binary_values(path, series, mask, &n_inside));
    if (n_inside == 0)
        return siren_fail(SIREN_CORRUPT, "%s: is 0 everywhere; give a mask with voxels inside", path);
    *out = SIREN_TAKE(mask);
    return SIREN_OK;
}

siren_status siren_mask_read(const char *path, const char *image, const siren_series *like,
                             size_t memory_limit, uint8_t **mask) {
    SIREN_AT_END(siren_series_free) siren_series series = {.voxels = NULL};
    SIREN_TRY(siren_nifti_read_for(SIREN_NIFTI_JUDGED, path, memory_limit, &series));
    const siren_geometry *g = &like->geometry, *own = &series.geometry;
    if (own->nx != g->nx || own->ny != g->ny || own->nz != g->nz || own->n_volumes != 1)
        return siren_fail(
            SIREN_USAGE,
            "%s: the mask has %zu x %zu x %zu voxels in %zu volume%s, but %s has %zu x %zu x %zu; "
            "give a mask of one volume on the image's grid",
            path, own->nx, own->ny, own->nz, own->n_volumes, siren_plural(own->n_volumes), image, g->nx,
            g->ny, g->nz);
    SIREN_TRY(siren_grid_check_place(image, like, path, &series));
    return siren_mask_values(path, &series, mask);
}
