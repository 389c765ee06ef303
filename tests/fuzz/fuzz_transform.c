/* libFuzzer: any bytes as a basis, a slice of the transform model, of one quantiser or two, with networks for its levels
 * and its pixels or without, and a scaling. */
#include "engine/transform/transform.h"

#include <stdlib.h>

#define NAME "fuzz"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Weights of all sizes from any bytes. */
static void make_network(siren_context_kind kind, const uint8_t *data, size_t size,
                         siren_context_network *out) {
    size_t at = 0;
    *out = (siren_context_network){.kind = kind,
                                   .widths = {siren_context_n_features(kind), 16 + 16 * (data[0] & 3u),
                                              16 + 16 * (data[0] >> 2 & 3u), siren_context_n_outputs(kind)}};
    for (size_t l = 0; l < SIREN_CONTEXT_LAYERS; l++)
        for (size_t i = 0; i <= out->widths[l]; i++)
            for (size_t j = 0; j < out->widths[l + 1]; j++, at++) {
                const int32_t weight = 8 * ((int32_t)data[at % size] - 128);
                out->weights[l][i][j] = (int16_t)(weight < -SIREN_CONTEXT_LARGEST_WEIGHT ? 0 : weight);
            }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint32_t inside[32 * 32];
    siren_scaling scaling[64];
    siren_transform_basis basis;
    static siren_context_network network, restoration;
    if (size < 6) return 0;
    const bool expects = data[5] & 4, dependent = data[5] & 8, restores = data[5] & 16;
    if (expects) make_network(SIREN_CONTEXT_OF_COEFFICIENTS, data, size, &network);
    if (restores) make_network(SIREN_CONTEXT_OF_PIXELS, data, size, &restoration);
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
    if (expects) basis.network = &network;
    if (restores) basis.restoration = &restoration;
    basis.dependent = dependent;
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
