#include "engine/transform/coefficient_recode.h"
#include "engine/transform/coefficients.h"
#include "engine/transform/transform.h"

#include <stdlib.h>

#define BLOCK SIREN_TRANSFORM_BLOCK

/* Reads a slice that was coded by counts, and passes its levels on to a coder with a network. */
static siren_status pass_on(const siren_transform_basis *basis, const siren_context_network *network,
                            const char *name, const siren_block *block, const uint8_t *bytes, size_t n_bytes,
                            siren_range_encoder *encoder, size_t every, size_t skipped,
                            siren_context_examples *examples) {
    SIREN_AT_END(siren_slice_grid_free) siren_slice_grid grid = {0};
    SIREN_AT_END(siren_coefficients_free_at) siren_coefficients *counted = NULL;
    SIREN_AT_END(siren_coefficients_free_at) siren_coefficients *expected = NULL;
    SIREN_FREE_AT_END int32_t *levels = NULL;
    SIREN_FREE_AT_END uint8_t *kinds = NULL;
    const bool dependent = basis->dependent;
    siren_range_decoder decoder;
    siren_range_decoder_begin(&decoder, bytes, n_bytes);
    SIREN_TRY(siren_slice_grid_create(block, &grid));
    SIREN_TRY(siren_allocate(&levels, grid.n_blocks, BLOCK * sizeof *levels, "levels of a component"));
    SIREN_TRY(siren_allocate(&kinds, grid.n_blocks, BLOCK, "levels of a component"));
    SIREN_TRY(siren_coefficients_create(grid.across, grid.down, basis->n_components, grid.used, dependent,
                                        NULL, &counted));
    SIREN_TRY(siren_coefficients_create(grid.across, grid.down, basis->n_components, grid.used, dependent,
                                        network, &expected));
    const uint64_t step = siren_range_get_bits(&decoder, 16);
    if (encoder) siren_range_put_bits(encoder, step, 16);
    for (size_t k = 0; k < basis->n_components; k++) {
        if (!siren_coefficients_get(counted, &decoder, levels, kinds))
            return siren_fail(SIREN_CORRUPT, "%s: the coefficients of slice %zu are damaged", name, block->z);
        const bool predicted = siren_coefficients_predicted(counted);
        if (encoder)
            siren_coefficients_recode(expected, encoder, predicted, levels);
        else if (!siren_coefficients_collect(expected, predicted, levels, every, &skipped, examples))
            return siren_fail(SIREN_SYSTEM, "out of memory for the examples of slice %zu", block->z);
    }
    for (int i = 0; i < siren_reconstruction_kinds(dependent); i++) {
        const uint64_t point = siren_range_get_bits(&decoder, 8);
        if (encoder) siren_range_put_bits(encoder, point, 8);
    }
    return siren_range_decoder_finish(&decoder, name);
}

siren_status siren_transform_recode_slice(const siren_transform_basis *basis,
                                          const siren_context_network *network, const char *name,
                                          const siren_block *block, const uint8_t *bytes, size_t n_bytes,
                                          uint8_t **out, size_t *n_out) {
    SIREN_AT_END(siren_range_encoder_free) siren_range_encoder encoder;
    siren_range_encoder_begin(&encoder);
    SIREN_TRY(pass_on(basis, network, name, block, bytes, n_bytes, &encoder, 0, 0, NULL));
    return siren_range_encoder_finish(&encoder, out, n_out);
}

siren_status siren_transform_collect_slice(const siren_transform_basis *basis, const char *name,
                                           const siren_block *block, const uint8_t *bytes, size_t n_bytes,
                                           size_t every, size_t skipped, siren_context_examples *examples) {
    SIREN_FREE_AT_END siren_context_network *network = NULL;
    SIREN_TRY(siren_allocate(&network, 1, sizeof *network, "a network"));
    network->kind = SIREN_CONTEXT_OF_COEFFICIENTS;
    return pass_on(basis, network, name, block, bytes, n_bytes, NULL, every, skipped, examples);
}
