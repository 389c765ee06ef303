/* The same image with its axes in another order. */
#include "formats/nifti.h"

#include <math.h>
#include <string.h>

#include "formats/nifti_fields.h"

/* Old axis of each new one, for slices along x, y and z. */
static const unsigned orders[3][3] = {{1, 2, 0}, {2, 0, 1}, {0, 1, 2}};

/* ---- header ---- */

typedef struct {
    uint8_t *header;
    const siren_nifti_layout *layout;
    bool swapped;
    const unsigned *order;
} reordering;

/* Reorders three elements of a field, which begin at `first`. */
static void reorder_reals(const reordering *r, siren_nifti_field field, size_t first) {
    double old[3];
    for (size_t i = 0; i < 3; i++) old[i] = siren_nifti_get_real(r->header, field, first + i, r->swapped);
    for (size_t i = 0; i < 3; i++)
        siren_nifti_put_real(r->header, field, first + i, r->swapped, old[r->order[i]]);
}

/* dim[0] may be less than 3, and then what follows says nothing. */
static void reorder_dimensions(const reordering *r, const siren_geometry *old) {
    const size_t sizes[3] = {old->nx, old->ny, old->nz};
    if (siren_nifti_get_integer(r->header, r->layout->dim, 0, r->swapped) < 3)
        siren_nifti_put_integer(r->header, r->layout->dim, 0, r->swapped, 3);
    for (size_t i = 0; i < 3; i++)
        siren_nifti_put_integer(r->header, r->layout->dim, i + 1, r->swapped, (int64_t)sizes[r->order[i]]);
}

/* dim_info holds the axes of frequency, phase and slice encoding, 1 to 3 or 0, in two bits each. Slice times without an
 * axis are meant along z. */
static void reorder_dim_info(const reordering *r) {
    static const unsigned shifts[3] = {0, 2, 4};
    int64_t old = siren_nifti_get_integer(r->header, r->layout->dim_info, 0, r->swapped), info = old & ~0x3f;
    if ((old >> 4 & 3) == 0 && siren_nifti_get_integer(r->header, r->layout->slice_end, 0, r->swapped) > 0)
        old |= 3 << 4;
    for (size_t k = 0; k < 3; k++)
        for (unsigned i = 0; i < 3; i++)
            if ((old >> shifts[k] & 3) == (int64_t)r->order[i] + 1) info |= (int64_t)(i + 1) << shifts[k];
    siren_nifti_put_integer(r->header, r->layout->dim_info, 0, r->swapped, info);
}

/* The rotation R turns voxel axes into world axes, with -z where qfac is negative. The one for the new axes is R M, and
 * M a third of a turn about (1, 1, 1) or, mirrored, about (-1, -1, 1): quaternion (1, s, s, s) / 2 or (1, -s, -s, s) /
 * 2. */
static void reorder_qform(const reordering *r) {
    const siren_nifti_field quatern = r->layout->quatern;
    double q[4] = {0}, square = 0;
    for (size_t i = 0; i < 3; i++) q[i + 1] = siren_nifti_get_real(r->header, quatern, i, r->swapped);
    for (size_t i = 1; i < 4; i++) square += q[i] * q[i];
    if (!isfinite(square)) return;
    q[0] = square < 1 ? sqrt(1 - square) : 0;
    for (size_t i = 1; i < 4 && square > 1; i++) q[i] /= sqrt(square);
    double s = r->order[0] == 1 ? 0.5 : -0.5;
    double mirrored = siren_nifti_get_real(r->header, r->layout->pixdim, 0, r->swapped) < 0 ? -s : s;
    const double m[4] = {0.5, mirrored, mirrored, s};
    const double product[4] = {q[0] * m[0] - q[1] * m[1] - q[2] * m[2] - q[3] * m[3],
                               q[0] * m[1] + q[1] * m[0] + q[2] * m[3] - q[3] * m[2],
                               q[0] * m[2] - q[1] * m[3] + q[2] * m[0] + q[3] * m[1],
                               q[0] * m[3] + q[1] * m[2] - q[2] * m[1] + q[3] * m[0]};
    /* Both signs are the same rotation; the first component is not stored and counts as positive. */
    for (size_t i = 0; i < 3; i++)
        siren_nifti_put_real(r->header, quatern, i, r->swapped,
                             product[0] < 0 ? -product[i + 1] : product[i + 1]);
}

static void reorder_header(const reordering *r, const siren_geometry *old) {
    reorder_dimensions(r, old);
    reorder_reals(r, r->layout->pixdim, 1);
    reorder_dim_info(r);
    if (siren_nifti_get_integer(r->header, r->layout->sform_code, 0, r->swapped) > 0)
        for (size_t row = 0; row < 3; row++) reorder_reals(r, r->layout->srow, 4 * row);
    if (siren_nifti_get_integer(r->header, r->layout->qform_code, 0, r->swapped) > 0) reorder_qform(r);
}

/* ---- voxels ---- */

/* n voxels of `size` bytes, `stride` of them apart. */
static void gather(size_t size, size_t n, size_t stride, const uint8_t *from, uint8_t *to) {
    switch (size) {
    case 1:
        for (size_t i = 0; i < n; i++) to[i] = from[i * stride];
        break;
    case 2:
        for (size_t i = 0; i < n; i++) memcpy(to + 2 * i, from + 2 * i * stride, 2);
        break;
    case 4:
        for (size_t i = 0; i < n; i++) memcpy(to + 4 * i, from + 4 * i * stride, 4);
        break;
    default:
        for (size_t i = 0; i < n; i++) memcpy(to + 8 * i, from + 8 * i * stride, 8);
    }
}

static void reorder_volume(const siren_geometry *old, const unsigned *order, const uint8_t *from,
                           uint8_t *to) {
    const size_t sizes[3] = {old->nx, old->ny, old->nz}, strides[3] = {1, old->nx, old->nx * old->ny};
    size_t size = siren_datatype_size(old->datatype), n = sizes[order[0]];
    for (size_t z = 0; z < sizes[order[2]]; z++)
        for (size_t y = 0; y < sizes[order[1]]; y++, to += n * size)
            gather(size, n, strides[order[0]], from + (z * strides[order[2]] + y * strides[order[1]]) * size,
                   to);
}

siren_status siren_series_slice_along(siren_series *series, unsigned axis) {
    siren_geometry *g = &series->geometry;
    const siren_geometry old = *g;
    SIREN_FREE_AT_END uint8_t *volume = NULL;
    uint8_t *voxels = series->voxels;
    if (axis > 2) return siren_fail(SIREN_USAGE, "axis %u is none of 0 (x), 1 (y) and 2 (z)", axis);
    if (axis == 2) return SIREN_OK;
    size_t n_bytes = g->nx * g->ny * g->nz * siren_datatype_size(g->datatype);
    SIREN_TRY(siren_allocate(&volume, n_bytes, 1, "a volume in another order"));
    for (size_t v = 0; v < g->n_volumes; v++, voxels += n_bytes) {
        reorder_volume(&old, orders[axis], voxels, volume);
        memcpy(voxels, volume, n_bytes);
    }
    const reordering r = {series->header, &siren_nifti_layouts[g->version - 1], g->swapped, orders[axis]};
    const size_t sizes[3] = {old.nx, old.ny, old.nz};
    reorder_header(&r, &old);
    g->nx = sizes[orders[axis][0]];
    g->ny = sizes[orders[axis][1]];
    g->nz = sizes[orders[axis][2]];
    return SIREN_OK;
}
