/* The tiled matrix product of the layer family: a work-group makes a tile
 *
 *   C(TILE_M, TILE_N) += A(TILE_M, k) B(k, TILE_N),  k ascending, one accumulator per element
 *
 * through slabs of SIREN_SLAB values of k in local memory; the next slab is on its way while one is multiplied. A
 * work-item owns quads of 4 x 4 results. Quads of one work-item stand a whole row of work-items apart, so that
 * neighbours read and write neighbouring float4s. */
#include "prelude.cl"

#ifndef SIREN_ITEMS_M
#define SIREN_ITEMS_M 16 /* work-items along the rows of C */
#define SIREN_ITEMS_N 16 /* and along its columns */
#define SIREN_QUADS_M 2  /* quads of a work-item along the rows of C */
#define SIREN_QUADS_N 2  /* and along its columns */
#define SIREN_SLAB 8     /* values of k in local memory: 4, 8 or 16 */
#endif
#ifndef SIREN_BLOCK_ROWS
#define SIREN_BLOCK_ROWS SIREN_LAYER_BLOCK_ROWS
#endif

#define ITEMS (SIREN_ITEMS_M * SIREN_ITEMS_N)
#define TILE_M (SIREN_ITEMS_M * SIREN_QUADS_M * 4)
#define TILE_N (SIREN_ITEMS_N * SIREN_QUADS_N * 4)
#define TILES_N(columns) (((columns) + TILE_N - 1) / TILE_N)

#if TILE_M * SIREN_SLAB % (4 * ITEMS) || TILE_N * SIREN_SLAB % (4 * ITEMS) || SIREN_BLOCK_ROWS % TILE_M ||    \
    TILE_M > ITEMS
#error "this tile cannot be dealt evenly to the work-items"
#endif

#if defined(SIREN_MATRIX_PTX) || defined(SIREN_MATRIX_EMULATED)
#define SIREN_MATRIX_UNITS
#define SLAB_MARGIN 8
#else
#define SLAB_MARGIN 4
#endif

/* A slab in local memory is (SIREN_SLAB, extent) floats; some more per line spread over the banks what work-items read
 * at a time. */
#define SLAB_PITCH(extent) ((extent) + SLAB_MARGIN)
#define SLAB_PAIRS_FLOATS (2 * SIREN_SLAB * (SLAB_PITCH(TILE_M) + SLAB_PITCH(TILE_N)))
#define LOADS(extent) ((extent) * SIREN_SLAB / 4 / ITEMS)

#define RESULT_ROWS (4 * SIREN_QUADS_M)

/* Before loops over results, which are registers only where no index varies. Processors have too few for them. */
#if defined(__x86_64__) || defined(__aarch64__) /* compiled for the processor itself, not for SPIR */
#define UNROLL
#else
#define UNROLL _Pragma("unroll")
#endif

/* One factor of a product: `first` is the tile's first line across k, lines from `limit` on count as zero. */
typedef struct {
    __global const float *values;
    int pitch, first, limit;
} factor;

/* Along k: element (line, k) at values[line * pitch + k]. */
inline void fetch_along(float4 *next, int extent, factor from, int k) {
    for (int i = 0; i < LOADS(extent); i++) {
        int at = (int)get_local_id(0) + i * ITEMS;
        int line = from.first + at / (SIREN_SLAB / 4);
        size_t offset = (size_t)line * from.pitch + k + at % (SIREN_SLAB / 4) * 4;
        next[i] = line < from.limit ? *(__global const float4 *)(from.values + offset) : (float4)(0.0f);
    }
}

inline void put_along(__local float *slab, int extent, const float4 *next) {
    for (int i = 0; i < LOADS(extent); i++) {
        int at = (int)get_local_id(0) + i * ITEMS;
        __local float *to = slab + at % (SIREN_SLAB / 4) * 4 * SLAB_PITCH(extent) + at / (SIREN_SLAB / 4);
        to[0] = next[i].x;
        to[SLAB_PITCH(extent)] = next[i].y;
        to[2 * SLAB_PITCH(extent)] = next[i].z;
        to[3 * SLAB_PITCH(extent)] = next[i].w;
    }
}

/* Across k: element (k, line) at values[k * pitch + line]. */
inline void fetch_across(float4 *next, int extent, factor from, int k) {
    for (int i = 0; i < LOADS(extent); i++) {
        int at = (int)get_local_id(0) + i * ITEMS;
        int line = from.first + at % (extent / 4) * 4;
        size_t offset = (size_t)(k + at / (extent / 4)) * from.pitch + line;
        next[i] = line < from.limit ? *(__global const float4 *)(from.values + offset) : (float4)(0.0f);
    }
}

inline void put_across(__local float *slab, int extent, const float4 *next) {
    for (int i = 0; i < LOADS(extent); i++) {
        int at = (int)get_local_id(0) + i * ITEMS;
        *(__local float4 *)(slab + at / (extent / 4) * SLAB_PITCH(extent) + at % (extent / 4) * 4) = next[i];
    }
}

#ifdef SIREN_MATRIX_UNITS

#include "matrix.cl"

#define SLABS_FLOATS (SLAB_PAIRS_FLOATS + EXCHANGE_FLOATS)
#define MULTIPLY(c, a, b, n_k) siren_matrix_tile(c, a, b, (__local uint *)(slabs + SLAB_PAIRS_FLOATS))

#else

/* Where result i of a work-item's rows, and quad g of its columns, stand in the tile. */
#define TILE_ROW(i) (((i) / 4 * SIREN_ITEMS_M + (int)get_local_id(0) / SIREN_ITEMS_N) * 4 + (i) % 4)
#define TILE_COLUMN(g) (((g) * SIREN_ITEMS_N + (int)get_local_id(0) % SIREN_ITEMS_N) * 4)
#define SLABS_FLOATS SLAB_PAIRS_FLOATS

/* C += A B over n_k lines of the two slabs. */
inline void multiply(float4 (*c)[SIREN_QUADS_N], __local const float *a, __local const float *b, int n_k) {
    for (int k = 0; k < n_k; k++) {
        float4 columns[SIREN_QUADS_N];
        UNROLL for (int g = 0; g < SIREN_QUADS_N; g++)
            columns[g] = *(__local const float4 *)(b + k * SLAB_PITCH(TILE_N) + TILE_COLUMN(g));
        UNROLL for (int i = 0; i < RESULT_ROWS; i += 4) {
            float4 rows = *(__local const float4 *)(a + k * SLAB_PITCH(TILE_M) + TILE_ROW(i));
            UNROLL for (int g = 0; g < SIREN_QUADS_N; g++) {
                c[i][g] = fma((float4)(rows.x), columns[g], c[i][g]);
                c[i + 1][g] = fma((float4)(rows.y), columns[g], c[i + 1][g]);
                c[i + 2][g] = fma((float4)(rows.z), columns[g], c[i + 2][g]);
                c[i + 3][g] = fma((float4)(rows.w), columns[g], c[i + 3][g]);
            }
        }
    }
}

/* A count that the compiler knows where the slabs are full. */
#define MULTIPLY(c, a, b, n_k)                                                                               \
    if ((n_k) >= SIREN_SLAB)                                                                                 \
        multiply(c, a, b, SIREN_SLAB);                                                                       \
    else                                                                                                     \
        multiply(c, a, b, n_k)

#endif

/* C += A B over n_k values of k; both factors must be readable up to the next multiple of SIREN_SLAB. After every
 * SIREN_BLOCK_ROWS values, k skips `skip` more. Where `sum` is not null, work-item i of the first TILE_M adds row i of
 * A over k to it. All work-items of the group take part.
 *
 * The loop is gone through at least once, with zeros where n_k is 0: where a barrier may be passed over, PoCL 6 makes
 * two copies of all that follows, and in some compilations takes what each work-item keeps for the last one's
 * (docs/devices.md). */
#define DEFINE_PRODUCT(NAME, A, B)                                                                           \
    inline void NAME(float4 (*c)[SIREN_QUADS_N], float *sum, __local float *slabs, factor a, factor b,       \
                     int n_k, int skip) {                                                                    \
        float4 a_next[LOADS(TILE_M)], b_next[LOADS(TILE_N)];                                                 \
        __local float *a_slab = slabs, *b_slab = slabs + 2 * SIREN_SLAB * SLAB_PITCH(TILE_M);                \
        for (int i = 0; i < LOADS(TILE_M); i++) a_next[i] = (float4)(0.0f);                                  \
        for (int i = 0; i < LOADS(TILE_N); i++) b_next[i] = (float4)(0.0f);                                  \
        if (n_k > 0) {                                                                                       \
            fetch_##A(a_next, TILE_M, a, 0);                                                                 \
            fetch_##B(b_next, TILE_N, b, 0);                                                                 \
        }                                                                                                    \
        int k = 0;                                                                                           \
        do {                                                                                                 \
            int half_ = k / SIREN_SLAB % 2 * SIREN_SLAB, next = k + SIREN_SLAB;                              \
            __local float *a_half = a_slab + half_ * SLAB_PITCH(TILE_M);                                     \
            __local float *b_half = b_slab + half_ * SLAB_PITCH(TILE_N);                                     \
            put_##A(a_half, TILE_M, a_next);                                                                 \
            put_##B(b_half, TILE_N, b_next);                                                                 \
            barrier(CLK_LOCAL_MEM_FENCE);                                                                    \
            if (next < n_k) {                                                                                \
                fetch_##A(a_next, TILE_M, a, next + next / SIREN_BLOCK_ROWS * skip);                         \
                fetch_##B(b_next, TILE_N, b, next + next / SIREN_BLOCK_ROWS * skip);                         \
            }                                                                                                \
            MULTIPLY(c, a_half, b_half, n_k - k);                                                            \
            if (sum && get_local_id(0) < TILE_M)                                                             \
                for (int line = 0; line < min(SIREN_SLAB, n_k - k); line++)                                  \
                    *sum += a_half[line * SLAB_PITCH(TILE_M) + get_local_id(0)];                             \
            k += SIREN_SLAB;                                                                                 \
        } while (k < n_k);                                                                                   \
    }
