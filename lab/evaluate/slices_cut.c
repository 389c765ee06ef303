#include "lab/evaluate/slices_cut.h"

#include "formats/nifti.h"

#include <string.h>

/* Slices [z, z + nz) of volumes [first, first + n_volumes). */
static siren_status cut(const siren_series *whole, size_t z, size_t nz, size_t first, size_t n_volumes,
                        siren_series *out) {
    const siren_geometry *g = &whole->geometry;
    const size_t plane = g->nx * g->ny * siren_datatype_size(g->datatype);
    SIREN_AT_END(siren_series_free) siren_series part = {.geometry = *g};
    if (first > g->n_volumes || n_volumes > g->n_volumes - first)
        return siren_fail(SIREN_USAGE,
                          "volume %zu was asked for, but the series has only 0 to %zu; name one of these",
                          first, g->n_volumes - 1);
    SIREN_TRY(siren_nifti_subseries_header(whole->header, &part.geometry, z, nz, n_volumes, &part.header));
    SIREN_TRY(siren_allocate(&part.voxels, n_volumes * nz, plane, "slices of a series"));
    for (size_t i = 0; i < n_volumes; i++)
        memcpy((uint8_t *)part.voxels + i * nz * plane,
               (const uint8_t *)whole->voxels + ((first + i) * g->nz + z) * plane, nz * plane);
    *out = SIREN_TAKE(part);
    return SIREN_OK;
}

siren_status siren_slices_cut(const siren_series *whole, size_t z, size_t nz, siren_series *out) {
    return cut(whole, z, nz, 0, whole->geometry.n_volumes, out);
}

siren_status siren_slice_cut(const siren_series *whole, size_t z, size_t volume, siren_series *out) {
    return cut(whole, z, 1, volume, 1, out);
}

siren_status siren_series_write(const siren_series *series, const char *path) {
    const siren_geometry *g = &series->geometry;
    const size_t plane = g->nx * g->ny * siren_datatype_size(g->datatype);
    SIREN_AT_END(siren_nifti_writer_discard_at) siren_nifti_writer *writer = NULL;
    SIREN_TRY(siren_nifti_writer_open(path, true, g, series->header, &writer));
    for (size_t i = 0; i < g->n_volumes * g->nz; i++)
        SIREN_TRY(siren_nifti_writer_slice(writer, i / g->nz, i % g->nz,
                                           (const uint8_t *)series->voxels + i * plane));
    return siren_nifti_writer_commit(SIREN_TAKE(writer));
}

siren_status siren_slices_cut_file(const char *path, size_t memory_limit, siren_span slices, const char *to,
                                   siren_series *out) {
    SIREN_AT_END(siren_series_free) siren_series whole = {.voxels = NULL}, part = {.voxels = NULL};
    SIREN_TRY(siren_nifti_read_for(SIREN_NIFTI_JUDGED, path, memory_limit, &whole));
    size_t end = slices.end == 0 ? whole.geometry.nz : slices.end;
    SIREN_TRY(siren_slices_cut(&whole, slices.begin, end - slices.begin, &part));
    SIREN_TRY(siren_series_write(&part, to));
    *out = SIREN_TAKE(part);
    return SIREN_OK;
}
