/* libFuzzer: parses any bytes as the beginning of a NIfTI file; what is accepted must keep the promises of
 * siren_geometry, and a subseries header made from it must parse as what it claims to be. */
#include "formats/nifti.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    siren_geometry geometry, part;
    size_t voxels = 1, bytes;
    uint8_t *header;
    if (siren_nifti_parse("fuzz", data, size, &geometry) != SIREN_OK) return 0;
    size_t width = siren_datatype_size(geometry.datatype);
    if (width == 0 || geometry.nx == 0 || geometry.ny == 0 || geometry.nz == 0 || geometry.n_volumes == 0)
        abort();
    if (!siren_mul(voxels, geometry.nx, &voxels) || !siren_mul(voxels, geometry.ny, &voxels) ||
        !siren_mul(voxels, geometry.nz, &voxels) || !siren_mul(voxels, geometry.n_volumes, &voxels) ||
        !siren_mul(voxels, width, &bytes) || voxels != siren_geometry_voxels(&geometry))
        abort();
    /* The header is there in full only when the input reaches its end. */
    if (geometry.voxel_offset > size) return 0;
    part = geometry;
    if (siren_nifti_subseries_header(data, &part, geometry.nz / 2, 1, 1, &header) != SIREN_OK) return 0;
    if (siren_nifti_parse("subseries", header, (size_t)part.voxel_offset, &geometry) != SIREN_OK ||
        geometry.nz != 1 || geometry.n_volumes != 1 || geometry.nx != part.nx || geometry.ny != part.ny)
        abort();
    free(header);
    return 0;
}
