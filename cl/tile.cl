/* The register tile of the chain family: 8 rows times one panel (two vectors, or one at a ragged edge).
 *
 *   C(8, columns) += A(8, k) * B(k, columns),  k ascending, one accumulator per element
 *
 * A is read one scalar at a time: element (row, k) stands at a[row * a_row + k * a_k], so the same tile multiplies by A
 * and by A transposed. B is a panel: element (k, column) at b[k * b_pitch + column]. */
#include "prelude.cl"

#define SIREN_TILE_ROWS 8
#define SIREN_PANEL (2 * SIREN_LANES)

#define EACH_ROW(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7)

/* The accumulators as named registers: an array would depend on the compiler promoting it. */
#define TILE_WIDE_STEP(r)                                                                                    \
    {                                                                                                        \
        vec x = (vec)(a_next[(r) * a_row]);                                                                  \
        c##r##_0 = fma(x, b0, c##r##_0);                                                                     \
        c##r##_1 = fma(x, b1, c##r##_1);                                                                     \
    }
#define TILE_WIDE_RUN(a, row_stride, k_stride, b, b_pitch, n_k)                                                        \
    {                                                                                                        \
        const int a_row = (row_stride);                                                                      \
        __global const float *a_next = (a);                                                                  \
        __global const float *b_next = (b);                                                                  \
        for (int k = 0; k < (n_k); k++, a_next += (k_stride), b_next += (b_pitch)) {                              \
            vec b0 = vec_load(b_next), b1 = vec_load(b_next + SIREN_LANES);                                  \
            EACH_ROW(TILE_WIDE_STEP)                                                                         \
        }                                                                                                    \
    }

#define TILE_NARROW_STEP(r) c##r##_0 = fma((vec)(a_next[(r) * a_row]), b0, c##r##_0);
#define TILE_NARROW_RUN(a, row_stride, k_stride, b, b_pitch, n_k)                                                      \
    {                                                                                                        \
        const int a_row = (row_stride);                                                                      \
        __global const float *a_next = (a);                                                                  \
        __global const float *b_next = (b);                                                                  \
        for (int k = 0; k < (n_k); k++, a_next += (k_stride), b_next += (b_pitch)) {                              \
            vec b0 = vec_load(b_next);                                                                       \
            EACH_ROW(TILE_NARROW_STEP)                                                                       \
        }                                                                                                    \
    }
