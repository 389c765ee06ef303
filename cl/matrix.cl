/* The same tile of results as in product.cl, by matrix units: a warp of 32 work-items multiplies
 *
 *   C(16, 16) += A(16, 8) B(8, 16),  operands rounded to tf32, products and sums in single precision
 *
 * as two halves of 16 x 8. Every work-item holds a fragment of each matrix: of A (rows g and g + 8, values t and t + 4
 * of k), of B (values t and t + 4 of k, one column of each half), of C (rows g and g + 8, two columns of each half),
 * with g = item / 4 and t = item % 4 in the warp: the maps of mma.m16n8k8 in the PTX ISA. Column n of half j is column
 * 2 n + j of the 16, so that a work-item's four results in a row are neighbours: the quads that product.cl's users
 * expect.
 *
 * SIREN_MATRIX_PTX has NVIDIA's units do it. SIREN_MATRIX_EMULATED has any device do it, the work-items of a warp
 * exchanging fragments through local memory: for tests of everything around the units. */
#define WARP 32
#define WARPS (ITEMS / WARP)
#define WARPS_N (SIREN_ITEMS_N / 4)
#define MATRIX_K 8
#define MATRIX_PAIR 16 /* rows, and columns of both halves */

#if SIREN_ITEMS_M % 8 || SIREN_ITEMS_N % 4 || SIREN_SLAB % MATRIX_K
#error "this tile cannot be dealt to warps"
#endif

#define WARP_ITEM ((int)get_local_id(0) % WARP)
#define WARP_ROW ((int)get_local_id(0) / WARP / WARPS_N * (MATRIX_PAIR / 2 * RESULT_ROWS))
#define WARP_COLUMN ((int)get_local_id(0) / WARP % WARPS_N * (MATRIX_PAIR * SIREN_QUADS_N))

/* Where result i of a work-item's rows, and quad g of its columns, stand in the tile. */
#define TILE_ROW(i) (WARP_ROW + (i) / 2 * MATRIX_PAIR + (i) % 2 * 8 + WARP_ITEM / 4)
#define TILE_COLUMN(g) (WARP_COLUMN + (g) * MATRIX_PAIR + WARP_ITEM % 4 * 4)

#ifdef SIREN_MATRIX_PTX

#define EXCHANGE_FLOATS 0

/* Nearest, ties away from zero. */
inline uint matrix_round(float x) {
    uint rounded;
    asm volatile("cvt.rna.tf32.f32 %0, %1;" : "=r"(rounded) : "f"(x));
    return rounded;
}

/* One half: `upper` and `lower` are the pairs of results in rows g and g + 8. `exchange` is for the emulation. The
 * memory clobber keeps what the slabs receive from being moved past the instruction. */
inline void matrix_multiply(float2 *upper, float2 *lower, uint4 a, uint2 b, __local uint *exchange) {
    float c0 = upper->x, c1 = upper->y, c2 = lower->x, c3 = lower->y;
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 "
                 "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(c0), "+f"(c1), "+f"(c2), "+f"(c3)
                 : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "r"(b.x), "r"(b.y)
                 : "memory");
    *upper = (float2)(c0, c1);
    *lower = (float2)(c2, c3);
}

#else

/* A warp's fragments of A and B, four and two values an item. */
#define EXCHANGE_ITEM 6
#define EXCHANGE_FLOATS (ITEMS * EXCHANGE_ITEM)

inline uint matrix_round(float x) {
    uint bits = as_uint(x);
    return (bits & 0x7F800000u) == 0x7F800000u ? bits : (bits + 0x1000u) & 0xFFFFE000u;
}

/* Element (row, k) of A and (k, column) of B, from the fragment of the work-item that holds it. */
inline float matrix_a(__local const uint *warp, int row, int k) {
    return as_float(warp[(row % 8 * 4 + k % 4) * EXCHANGE_ITEM + k / 4 * 2 + row / 8]);
}
inline float matrix_b(__local const uint *warp, int k, int column) {
    return as_float(warp[(column * 4 + k % 4) * EXCHANGE_ITEM + 4 + k / 4]);
}

inline void matrix_multiply(float2 *upper, float2 *lower, uint4 a, uint2 b, __local uint *exchange) {
    __local uint *warp = exchange + (int)get_local_id(0) / WARP * (WARP * EXCHANGE_ITEM);
    __local uint *mine = warp + WARP_ITEM * EXCHANGE_ITEM;
    int row = WARP_ITEM / 4, column = WARP_ITEM % 4 * 2;
    barrier(CLK_LOCAL_MEM_FENCE);
    mine[0] = a.x, mine[1] = a.y, mine[2] = a.z, mine[3] = a.w, mine[4] = b.x, mine[5] = b.y;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int k = 0; k < MATRIX_K; k++) {
        float2 columns = (float2)(matrix_b(warp, k, column), matrix_b(warp, k, column + 1));
        *upper = fma((float2)(matrix_a(warp, row, k)), columns, *upper);
        *lower = fma((float2)(matrix_a(warp, row + 8, k)), columns, *lower);
    }
}

#endif

/* The fragment of A(16 rows, 8 k), from its first element on in a slab. */
inline uint4 matrix_load_rows(__local const float *slab) {
    __local const float *from = slab + WARP_ITEM % 4 * SLAB_PITCH(TILE_M) + WARP_ITEM / 4;
    return (uint4)(matrix_round(from[0]), matrix_round(from[8]), matrix_round(from[4 * SLAB_PITCH(TILE_M)]),
                   matrix_round(from[4 * SLAB_PITCH(TILE_M) + 8]));
}

/* The fragments of B(8 k, 16 columns): x and y of the first half, z and w of the second. */
inline uint4 matrix_load_columns(__local const float *slab) {
    __local const float *from = slab + WARP_ITEM % 4 * SLAB_PITCH(TILE_N) + WARP_ITEM / 4 * 2;
    float2 near = *(__local const float2 *)from, far = *(__local const float2 *)(from + 4 * SLAB_PITCH(TILE_N));
    return (uint4)(matrix_round(near.x), matrix_round(far.x), matrix_round(near.y), matrix_round(far.y));
}

/* C += A B over the SIREN_SLAB lines of two slabs, which hold zeros past the last value of k. All work-items of the
 * group take part. */
inline void siren_matrix_tile(float4 (*c)[SIREN_QUADS_N], __local const float *a, __local const float *b,
                              __local uint *exchange) {
    a += WARP_ROW;
    b += WARP_COLUMN;
    for (int k = 0; k < SIREN_SLAB; k += MATRIX_K) {
        uint4 columns[SIREN_QUADS_N];
        UNROLL for (int g = 0; g < SIREN_QUADS_N; g++)
            columns[g] = matrix_load_columns(b + k * SLAB_PITCH(TILE_N) + g * MATRIX_PAIR);
        UNROLL for (int i = 0; i < RESULT_ROWS; i += 2) {
            uint4 rows = matrix_load_rows(a + k * SLAB_PITCH(TILE_M) + i / 2 * MATRIX_PAIR);
            UNROLL for (int g = 0; g < SIREN_QUADS_N; g++) {
                float2 upper[2] = {c[i][g].xz, c[i][g].yw}, lower[2] = {c[i + 1][g].xz, c[i + 1][g].yw};
                matrix_multiply(&upper[0], &lower[0], rows, columns[g].xy, exchange);
                matrix_multiply(&upper[1], &lower[1], rows, columns[g].zw, exchange);
                c[i][g] = (float4)(upper[0].x, upper[1].x, upper[0].y, upper[1].y);
                c[i + 1][g] = (float4)(lower[0].x, lower[1].x, lower[0].y, lower[1].y);
            }
        }
    }
}
