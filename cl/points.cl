/* What the chain family trains on. With SIREN_FEATURES: features and edges, a batch of points in the order of `order`, and the
 * code length (code_length.cl); else coordinates, targets and squared errors. */
#include "backward.cl"

#ifdef SIREN_FEATURES
#include "code_length.cl"

/* The last arguments of a kernel. `coordinates` are (any number, n_inputs + 2), features and then edges; there are no targets. */
#define FEATURE_ARGUMENTS                                                                                    \
    , __global const uint *order /* (n_points) of a batch from `begin` on */, int batch_begin, float least

/* Features of the block's points as (n_rows, pitch), zero past the inputs and past the valid points; edges behind them, where no
 * product reads. */
static void load_features(__global float *h, __global const float *points, __global const uint *order, int n_valid,
                          int n_rows, __global const int *layer) {
    int n_inputs = layer[SIREN_LAYER_IN], width = layer[SIREN_LAYER_IN_PADDED], pitch = PITCH(width);
    int n_whole = n_inputs / 16 * 16;
    for (int row = 0; row < n_rows; row++, h += pitch) {
        if (row >= n_valid) {
            for (int k = 0; k < width; k += SIREN_LANES) vec_store((vec)(0.0f), h + k);
            continue;
        }
        __global const float *from = points + (size_t)order[row] * (n_inputs + 2);
        for (int k = 0; k < n_whole; k++) h[k] = from[k];
        for (int k = n_whole; k < width; k++) h[k] = k < n_inputs ? from[k] : 0.0f;
        h[width] = from[n_inputs];
        h[width + 1] = from[n_inputs + 1];
    }
}

/* Points lie anywhere in memory. Those of the next block are fetched meanwhile, in so many shares of which this is one. */
static void foresee_points(__global const float *points, __global const uint *order, int n_valid, int n_inputs, int share,
                           int n_shares) {
    for (int row = n_valid * share / n_shares; row < n_valid * (share + 1) / n_shares; row++) {
        __global const float *from = points + (size_t)order[row] * (n_inputs + 2);
        for (int k = 0; k < n_inputs + 2; k += 16) vec_prefetch(from + k);
        vec_prefetch(from + n_inputs + 1);
    }
}

/* Bits of the block, and dZ of the output layer. Lanes are points. */
static float code_lengths(__global float *d, __global const float *y, int pitch, __global const float *edges,
                          int edge_pitch, int n_valid, int n_rows, float least) {
    vec sum = (vec)(0.0f);
    for (int row = 0; row < n_rows; row += SIREN_LANES) {
        int n = min(SIREN_LANES, n_valid - row);
        vec o[SIREN_MIXTURE_OUTPUTS], lo = (vec)(0.0f), hi = (vec)(1.0f), bits;
        for (int k = 0; k < SIREN_MIXTURE_OUTPUTS; k++) o[k] = (vec)(0.0f);
        for (int lane = 0; lane < n; lane++) {
            __global const float *edge = edges + (row + lane) * edge_pitch;
            ((float *)&lo)[lane] = edge[0];
            ((float *)&hi)[lane] = edge[1];
            for (int k = 0; k < SIREN_MIXTURE_OUTPUTS; k++) ((float *)&o[k])[lane] = y[(row + lane) * pitch + k];
        }
        bits = code_length_vec(o, lo, hi, least);
        for (int lane = 0; lane < n; lane++) ((float *)&sum)[lane] += ((float *)&bits)[lane];
        for (int lane = 0; lane < min(SIREN_LANES, n_rows - row); lane++)
            for (int k = 0; k < SIREN_PAD; k++)
                d[(row + lane) * pitch + k] = k < SIREN_MIXTURE_OUTPUTS && lane < n ? ((float *)&o[k])[lane] : 0.0f;
    }
    float total = 0.0f;
    for (int lane = 0; lane < SIREN_LANES; lane++) total += ((float *)&sum)[lane];
    return total;
}

#define FIRST_IS_TILED 1 /* inputs enough to fill vectors */
#define BLOCK_ORDER(first) (order + batch_begin + (first))
#define LOAD_POINTS(h, first, n_valid, n_rows, layer) load_features(h, coordinates, BLOCK_ORDER(first), n_valid, n_rows, layer)
#define LOSS(d, y, pitch, network, first, n_valid, n_rows, out)                                              \
    code_lengths(d, y, pitch, scratch + table[SIREN_LAYER_IN_PADDED], PITCH(table[SIREN_LAYER_IN_PADDED]), n_valid, n_rows, least)
#define FORESEE(next, share, n_shares)                                                                       \
    foresee_points(coordinates, BLOCK_ORDER((next).first), (next).n_valid, table[SIREN_LAYER_IN], share, n_shares)

#else

#define FEATURE_ARGUMENTS
#define FIRST_IS_TILED 0
#define FORESEE(next, share, n_shares)
#define LOAD_POINTS(h, first, n_valid, n_rows, layer) load_points(h, coordinates, first, n_valid, n_rows, (layer)[SIREN_LAYER_IN])
#define BLOCK_TARGETS(network, first, out) (targets + ((size_t)(network) * n_points + (first) - first_target) * (out))
#define LOSS(d, y, pitch, network, first, n_valid, n_rows, out)                                              \
    loss_and_error(d, y, pitch, BLOCK_TARGETS(network, first, out), n_valid, n_rows, out)

#endif
