/* The cosine transform of blocks of 8 x 8: the inverse in integers, the same on every machine (docs/transform.md
 * is normative), and the forward transform in floats, for the encoder alone. */
#ifndef SIREN_ENGINE_TRANSFORM_BLOCK_TRANSFORM_H
#define SIREN_ENGINE_TRANSFORM_BLOCK_TRANSFORM_H

#include <stdint.h>

#define SIREN_TRANSFORM_SIDE 8
#define SIREN_TRANSFORM_BLOCK 64

/* `values` (8, 8), frequencies down and across, become the pixels in place. */
void siren_block_inverse(int32_t *values);
/* `pixels` (8, 8) become frequencies in place. */
void siren_block_forward(float *pixels);

/* The turn of pixels across the edge between two neighbours, `first` to the left of or above `second`, that
 * follows the inverse transform, and its counterpart before the forward one. `n_apart`: pixels between neighbours
 * across the edge, 1 or 8. */
void siren_edge_inverse(int32_t *first, int32_t *second, int n_apart);
void siren_edge_forward(float *first, float *second, int n_apart);

#endif
