#include "formats/nifti.h"
#include "formats/original.h"
#include "host/names.h"

#include <stdlib.h>
#include <string.h>

#include "formats/gzip.h"

struct siren_nifti_writer {
    siren_output *output;
    siren_geometry geometry;
    size_t slice_bytes;
    uint8_t *image;     /* .nii.gz: the whole file before compression, else NULL */
    size_t image_bytes; /* of the file before compression */
    uint8_t *swapped;   /* .nii in the other byte order: (ny, nx) of one slice, else NULL */
};

void siren_nifti_writer_discard(siren_nifti_writer *writer) {
    if (!writer) return;
    siren_output_discard(writer->output);
    free(writer->image);
    free(writer->swapped);
    free(writer);
}

siren_status siren_nifti_writer_open(const char *path, bool overwrite, const siren_geometry *geometry,
                                     const uint8_t *header, siren_nifti_writer **out) {
    SIREN_AT_END(siren_nifti_writer_discard_at) siren_nifti_writer *writer = NULL;
    const bool gzip = siren_has_suffix(path, ".nii.gz");
    if (!gzip && !siren_has_suffix(path, ".nii"))
        return siren_fail(
            SIREN_USAGE,
            "%s: ends in neither .nii nor .nii.gz; give a name that says which of the two is wanted", path);
    SIREN_TRY(siren_allocate(&writer, 1, sizeof *writer, path));
    writer->geometry = *geometry;
    const size_t voxel_size = siren_datatype_size(geometry->datatype),
                 offset = (size_t)geometry->voxel_offset;
    size_t bytes = 0;
    if (!siren_mul(geometry->nx, geometry->ny, &bytes) ||
        !siren_mul(bytes, voxel_size, &writer->slice_bytes) ||
        !siren_mul(writer->slice_bytes, geometry->nz, &bytes) ||
        !siren_mul(bytes, geometry->n_volumes, &bytes) || bytes == 0 ||
        !siren_add(bytes, offset, &writer->image_bytes) || writer->image_bytes > INT64_MAX)
        return siren_fail(
            SIREN_USAGE, "%s: %zu x %zu x %zu x %zu voxels of %zu byte%s make no image; choose sizes that do",
            path, geometry->nx, geometry->ny, geometry->nz, geometry->n_volumes, voxel_size,
            siren_plural(voxel_size));
    if (overwrite) SIREN_TRY(siren_kind_check(path, SIREN_KIND_IMAGE));
    SIREN_TRY(siren_output_open(path, overwrite, &writer->output));
    if (gzip) {
        SIREN_TRY(siren_allocate(&writer->image, writer->image_bytes, 1, path));
        memcpy(writer->image, header, offset);
    } else {
        if (geometry->swapped) SIREN_TRY(siren_allocate(&writer->swapped, writer->slice_bytes, 1, path));
        const uint8_t zero = 0; /* gives the file its length; the operating system reads gaps as zeros */
        SIREN_TRY(siren_output_write_at(writer->output, 0, header, offset));
        SIREN_TRY(siren_output_write_at(writer->output, writer->image_bytes - 1, &zero, 1));
    }
    *out = SIREN_TAKE(writer);
    return SIREN_OK;
}

siren_status siren_nifti_writer_tail(siren_nifti_writer *writer, const uint8_t *bytes, size_t n_bytes) {
    const size_t at = writer->image_bytes;
    if (!writer->image) return siren_output_write_at(writer->output, at, bytes, n_bytes);
    uint8_t *larger = realloc(writer->image, at + n_bytes);
    if (!larger) return siren_fail(SIREN_SYSTEM, "out of memory: %zu bytes after the voxels", n_bytes);
    memcpy(larger + at, bytes, n_bytes);
    writer->image = larger;
    writer->image_bytes = at + n_bytes;
    return SIREN_OK;
}

siren_status siren_nifti_writer_slice(siren_nifti_writer *writer, size_t volume, size_t z,
                                      const void *voxels) {
    const siren_geometry *g = &writer->geometry;
    if (volume >= g->n_volumes || z >= g->nz)
        return siren_fail(SIREN_USAGE,
                          "slice %zu of volume %zu is not within the image of %zu slice%s and %zu volume%s",
                          z, volume, g->nz, siren_plural(g->nz), g->n_volumes, siren_plural(g->n_volumes));
    const size_t offset = (size_t)g->voxel_offset + (volume * g->nz + z) * writer->slice_bytes;
    uint8_t *target = writer->image ? writer->image + offset : writer->swapped;
    if (target) memcpy(target, voxels, writer->slice_bytes);
    if (g->swapped) siren_datatype_swap(g->datatype, target, g->nx * g->ny);
    if (writer->image) return SIREN_OK;
    return siren_output_write_at(writer->output, offset, target ? target : voxels, writer->slice_bytes);
}

siren_status siren_nifti_writer_finish(siren_nifti_writer *writer) {
    if (writer->image) SIREN_TRY(siren_gzip_write(writer->output, writer->image, writer->image_bytes));
    free(SIREN_TAKE(writer->image));
    return siren_output_flush(writer->output);
}

siren_status siren_nifti_writer_commit(siren_nifti_writer *writer) {
    siren_status status = siren_nifti_writer_finish(writer);
    if (status == SIREN_OK) status = siren_output_commit(SIREN_TAKE(writer->output));
    siren_nifti_writer_discard(writer);
    return status;
}
