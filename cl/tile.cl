/* The register tile of the chain family: some rows times one strip (two vectors, or one at a ragged edge).
 *
 *   C(rows, columns) += A(rows, k) * B(k, columns),  k ascending, one accumulator per element
 *
 * A is read one scalar at a time: element (row, k) stands at a[row * a_row + k * a_k], so the same tile multiplies by A
 * and by A transposed. B is a strip: element (k, column) at b[k * b_pitch + column]. The number of rows is what the
 * registers hold besides B and a broadcast: 32 of 16 floats, or 16 of 8 floats. It decides no result. */
#include "prelude.cl"

#define SIREN_STRIP (2 * SIREN_LANES)
#define WHOLE_STRIPS (SIREN_PAD % SIREN_STRIP == 0) /* no width has a ragged edge: nothing to compile for it */

/* Rows that are points, and rows that are units of a layer (these must divide SIREN_PAD). */
#if SIREN_LANES == 16
#define SIREN_TILE_POINTS 12
#define SIREN_TILE_UNITS 8
#define EACH_POINT(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11)
#define EACH_UNIT(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7)
#else
#define SIREN_TILE_POINTS 6
#define SIREN_TILE_UNITS 4
#define EACH_POINT(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5)
#define EACH_UNIT(DO) DO(0) DO(1) DO(2) DO(3)
#endif

/* Brings a vector that a product's end needs into the cache while the product runs: what lies in another matrix, far
 * away, the hardware does not foresee. Not OpenCL's prefetch(), which does nothing on CPUs. */
#if defined(__x86_64__) || defined(__aarch64__) /* compiled for the processor itself, not for SPIR */
#define vec_prefetch(p) __builtin_prefetch((const void *)(uintptr_t)(p))
#else
#define vec_prefetch(p)
#endif

/* The accumulators as named registers: an array would depend on the compiler promoting it. */
#define TILE_WIDE_STEP(r)                                                                                    \
    {                                                                                                        \
        vec x = (vec)(a_next[(r) * a_row]);                                                                  \
        c##r##_0 = fma(x, b0, c##r##_0);                                                                     \
        c##r##_1 = fma(x, b1, c##r##_1);                                                                     \
    }
#define TILE_WIDE_RUN(EACH, a, row_stride, k_stride, b, b_pitch, n_k)                                        \
    {                                                                                                        \
        const int a_row = (row_stride);                                                                      \
        __global const float *a_next = (a);                                                                  \
        __global const float *b_next = (b);                                                                  \
        for (int k = 0; k < (n_k); k++, a_next += (k_stride), b_next += (b_pitch)) {                         \
            vec b0 = vec_load(b_next), b1 = vec_load(b_next + SIREN_LANES);                                  \
            EACH(TILE_WIDE_STEP)                                                                             \
        }                                                                                                    \
    }

#define TILE_NARROW_STEP(r) c##r##_0 = fma((vec)(a_next[(r) * a_row]), b0, c##r##_0);
#define TILE_NARROW_RUN(EACH, a, row_stride, k_stride, b, b_pitch, n_k)                                      \
    {                                                                                                        \
        const int a_row = (row_stride);                                                                      \
        __global const float *a_next = (a);                                                                  \
        __global const float *b_next = (b);                                                                  \
        for (int k = 0; k < (n_k); k++, a_next += (k_stride), b_next += (b_pitch)) {                         \
            vec b0 = vec_load(b_next);                                                                       \
            EACH(TILE_NARROW_STEP)                                                                           \
        }                                                                                                    \
    }
