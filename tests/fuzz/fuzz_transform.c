/* libFuzzer: any bytes as a basis, a slice of the transform model and a scaling. */
#include "engine/transform/transform.h"

#include <stdlib.h>

#define NAME "fuzz"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint32_t inside[32 * 32];
    siren_scaling scaling[64];
    siren_transform_basis basis;
    if (size < 6) return 0;
    size_t n_volumes = 1 + data[0] % 64, n_basis = data[3] | (size_t)(data[5] & 3) << 8, n_points;
    siren_block block = {.nx = 1 + data[1] % 32, .ny = 1 + data[2] % 32, .nz = 1};
    if (data[4] & 1) { /* every so many voxels */
        for (size_t i = 0; i < block.nx * block.ny; i += 1 + data[4] / 2)
            inside[block.n_inside++] = (uint32_t)i;
        block.inside = inside;
    }
    data += 6;
    size -= 6;
    siren_scaling_decode(NAME, data, size, n_volumes, scaling);
    if (n_basis > size) return 0;
    if (siren_transform_basis_decode(NAME, data, n_basis, n_volumes, &basis) != SIREN_OK) return 0;
    n_points = siren_block_points(&block);
    float *y = malloc((n_points * n_volumes + 1) * sizeof *y);
    siren_status status = siren_transform_decode_slice(&basis, NAME, &block, data + n_basis, size - n_basis,
                                                       (siren_span){0, n_volumes}, y);
    for (size_t i = 0; status == SIREN_OK && i < n_points * n_volumes; i++)
        if (!(y[i] >= 0 && y[i] <= 1)) abort();
    free(y);
    siren_transform_basis_free(&basis);
    return 0;
}
