/* Every number that is chosen by measurement or for speed alone, in one place; included by C and by OpenCL C alike.
 * None changes a decoded bit; those that change the order of sums in training are marked *. How each was chosen:
 * docs/performance.md, docs/gemm.md. 'sirencl tune' measures the candidates on a device. */
#ifndef SIREN_CL_KNOBS_H
#define SIREN_CL_KNOBS_H

/* ---- chain family ---- */

#define SIREN_USUAL_LANES 16      /* floats of a vector: 16 or 8 */
#define SIREN_USUAL_CHAIN_ROWS 96 /* points of a block, a multiple of 12 * */
#define SIREN_CHAIN_PARTS 8       /* * of a gradient; more would cost memory and reduction, fewer would idle cores */
#define SIREN_CHAIN_TILE_FLOPS 20e9 /* of one launch: a fraction of a second on two cores */
#define SIREN_CHAIN_TARGETS_SHARE 8 /* of the memory, at most, is for the targets of one launch: an eighth */
/* lanes, block_rows */
#define SIREN_CHAIN_CANDIDATES(X)                                                                            \
    X(16, 48) X(16, 96) X(16, 144) X(16, 192) X(8, 48) X(8, 96) X(8, 144) X(8, 192)
#define SIREN_CHAIN_CLBLAST_CANDIDATES(X) X(1) /* sets of CLBlast's parameters, below */

/* ---- layer family ---- */

/* items_m, items_n: work-items along the rows and columns of a tile; quads_m, quads_n: quads of 4 x 4 results of each;
 * slab: values of k in local memory, 4, 8 or 16. From large to small: the first that a device can run. */
#define SIREN_LAYER_DEFAULTS(X) X(16, 16, 2, 2, 8) X(16, 8, 2, 2, 8) X(8, 8, 2, 2, 8) X(4, 4, 1, 1, 8)
#define SIREN_LAYER_CANDIDATES(X)                                                                            \
    X(16, 16, 2, 2, 8) X(16, 16, 2, 2, 16) X(16, 16, 2, 4, 8)                                                \
    X(16, 8, 2, 2, 8) X(16, 8, 2, 2, 16) X(8, 16, 2, 2, 8) X(8, 16, 2, 2, 16) X(8, 16, 4, 2, 8)              \
    X(8, 8, 2, 2, 4) X(8, 8, 2, 2, 8) X(8, 8, 2, 2, 16) X(8, 8, 1, 1, 8) X(4, 4, 1, 1, 8)
#define SIREN_LAYER_CLBLAST_CANDIDATES(X) X(2) X(3) X(4)
#define SIREN_LAYER_BLOCK_ROWS 128 /* * points of a block, a multiple of a tile's rows, unless CLBlast multiplies */
#define SIREN_GEMM_BLOCK_ROWS 512  /* * rows that a product of a weight gradient sums over, if it does */
#define SIREN_LAYER_PARTS 16       /* * of a gradient, at most; fewer would idle a GPU */
#define SIREN_LAYER_PASSES 20      /* through loops for each value of k, at most: cl/product.cl with none unrolled */
/* A tile of points takes at most this many operations, and at most this long at a rate that any device exceeds, so that
 * an interruption is answered: operations per clock and compute unit, less for a CPU, which serialises work-items
 * around barriers. */
#define SIREN_LAYER_TILE_FLOPS 1e12
#define SIREN_LAYER_TILE_SECONDS 0.2
#define SIREN_PESSIMISTIC_FLOPS 8
#define SIREN_PESSIMISTIC_FLOPS_CPU 2
#define SIREN_EMULATED_FMA 64 /* times slower in both families, where it is emulated */
#define SIREN_ACTIVATIONS_SHARE 4  /* a quarter of the memory is for activations: targets and parameters need room */
#define SIREN_DECODE_MEMORY ((size_t)512 << 20) /* bytes, of which that share is for a decoder's activations */

/* CLBlast's tiles, by number from 1: parameters of Xgemm and of XgemmDirect in alphabetical order, the least side of a
 * product that goes by Xgemm (1: all do), and the work-items and local bytes of a work-group. The way not gone is as
 * small as can be, because all of CLBlast's kernels are compiled. */
#define SIREN_GEMM_SETS 4
#define SIREN_LEAST_XGEMM {0, 1, 16, 2, 8, 8, 8, 8, 8, 8, 0, 0, 0, 0, 1, 1}
#define SIREN_LEAST_DIRECT {2, 8, 8, 8, 8, 0, 0, 1, 1, 8}
#define SIREN_GEMM_SET_ROWS                                                                                  \
    /* 64 x 32 results by 16 work-items with vectors of 8, no local memory: CPUs */                          \
    {{0, 1, 32, 2, 4, 4, 64, 4, 4, 32, 0, 0, 0, 0, 8, 8}, SIREN_LEAST_DIRECT, 1, 16, 0},                     \
    /* 64 x 64 by 64, 8 x 8 of each */                                                                       \
    {{0, 1, 16, 2, 8, 8, 64, 8, 8, 64, 1, 1, 0, 0, 4, 4}, SIREN_LEAST_DIRECT, 1, 64, 8192},                  \
    /* 128 x 128 by 256, 8 x 8 of each */                                                                    \
    {{0, 1, 16, 2, 16, 16, 128, 16, 16, 128, 1, 1, 0, 0, 4, 4}, SIREN_LEAST_DIRECT, 1, 256, 16384},          \
    /* 32 x 32 by 64, 4 x 4 of each, without copies: no product is that large */                             \
    {SIREN_LEAST_XGEMM, {2, 8, 8, 8, 8, 1, 1, 1, 1, 32}, (size_t)1 << 20, 64, 8448}

/* ---- the trainer ---- */

#define SIREN_PACE_SECONDS 0.1                /* of enqueued work between two looks at the progress callback */
#define SIREN_UPLOAD_BYTES ((size_t)4 << 20)  /* of targets that are padded at once */
#define SIREN_LEAST_TRAINING_BYTES ((size_t)64 << 10) /* no device has less room */

/* ---- the host ---- */

#define SIREN_HOST_ROWS 4          /* points and */
#define SIREN_HOST_COLUMNS 24      /* outputs evaluated together: their sums stay in registers */
#define SIREN_HOST_ITEM (16 * SIREN_HOST_ROWS) /* points that a thread takes at once */
#define SIREN_HOST_THREAD_MACS 4e6 /* multiply-adds worth a thread */
#define SIREN_DECODE_POINTS 65536  /* points of a block decoded at a time */

/* Least squares: a tile of rows x columns sums stays in registers over a slice of points that fits into the cache. */
#define SIREN_SQUARES_ROWS 4
#define SIREN_SQUARES_COLUMNS 24
#define SIREN_SQUARES_SLICE 128
#define SIREN_SQUARES_GROUP (8 * SIREN_SQUARES_SLICE) /* points that threads share */
#define SIREN_SQUARES_ITEM_ROWS 32                    /* rows of sums that a thread takes at once */
#define SIREN_SQUARES_THREAD_MACS 2e6                 /* multiply-adds worth a thread */

#endif
