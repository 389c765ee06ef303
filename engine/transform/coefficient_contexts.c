#include "engine/transform/coefficient_contexts.h"

void siren_coefficients_next(siren_coefficients *coder) {
    uint8_t *sizes = coder->sizes[2], *extents = coder->extents[2];
    uint16_t *sums = coder->sums[2], *history = coder->history;
    for (int i = 2; i > 0; i--) {
        coder->sizes[i] = coder->sizes[i - 1];
        coder->sums[i] = coder->sums[i - 1];
        coder->extents[i] = coder->extents[i - 1];
    }
    if (coder->component > 0)
        for (size_t i = 0; i < padded_blocks(coder) * BLOCK; i++)
            history[i] =
                (uint16_t)(coder->component == 1 ? 16 * coder->sizes[1][i]
                                                 : history[i] - (history[i] >> 2) + 4 * coder->sizes[1][i]);
    coder->sizes[0] = sizes;
    coder->sums[0] = sums;
    coder->extents[0] = extents;
    memset(sizes, 0, padded_blocks(coder) * BLOCK);
    memset(extents, 0, padded_blocks(coder));
    memset(sums, 0, padded_blocks(coder) * sizeof *sums);
    coder->component++;
}
