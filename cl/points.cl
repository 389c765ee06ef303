/* What the chain family trains on. With SIREN_FEATURES: features and edges, a batch of points in the order of `order`,
 * and the code length (code_length.cl); else coordinates, targets and squared errors. */
#include "backward.cl"

#ifdef SIREN_FEATURES
#include "code_length.cl"

/* The last arguments of a kernel. `coordinates` are (any number, SIREN_POINT_PITCH(n_inputs)); there are no targets. */
#define FEATURE_ARGUMENTS                                                                                    \
    , __global const uint *order /* (n_points) of a batch from `begin` on */, int batch_begin, float least

/* Features of the block's points as (n_rows, pitch), zero past the inputs and past the valid points; edges behind them,
 * where no product reads. */
static void load_features(__global float *h, __global const float *points, __global const uint *order, int n_valid,
                          int n_rows, __global const int *layer) {
    int n_inputs = layer[SIREN_LAYER_IN], width = layer[SIREN_LAYER_IN_PADDED], pitch = PITCH(width);
    vec_int lane;
    for (int i = 0; i < SIREN_LANES; i++) ((int *)&lane)[i] = i;
    for (int row = 0; row < n_rows; row++, h += pitch) {
        __global const float *from = points + (size_t)order[min(row, n_valid - 1)] * SIREN_POINT_PITCH(n_inputs);
        int n = row < n_valid ? n_inputs : 0;
        for (int k = 0; k < width; k += SIREN_LANES)
            vec_store(select((vec)(0.0f), vec_load(from + k), lane < n - k), h + k);
        h[width] = from[n_inputs];
        h[width + 1] = from[n_inputs + 1];
    }
}

/* Points lie anywhere in memory. Those of the next block are fetched meanwhile, in so many shares of which this is
 * one. */
static void foresee_points(__global const float *points, __global const uint *order, int n_valid, int n_inputs,
                           int share, int n_shares) {
    for (int row = n_valid * share / n_shares; row < n_valid * (share + 1) / n_shares; row++) {
        __global const float *from = points + (size_t)order[row] * SIREN_POINT_PITCH(n_inputs);
        for (int k = 0; k < SIREN_POINT_PITCH(n_inputs); k += SIREN_PAD) vec_prefetch(from + k);
    }
}

/* Rows to columns: each stage merges the halves of all vectors like two halves of a deck. */
inline void transpose(vec v[SIREN_LANES]) {
    vec merged[SIREN_LANES];
    for (int stage = 1; stage < SIREN_LANES; stage *= 2) {
        for (int i = 0; i < SIREN_LANES / 2; i++) {
            merged[2 * i].even = v[i].lo;
            merged[2 * i].odd = v[i + SIREN_LANES / 2].lo;
            merged[2 * i + 1].even = v[i].hi;
            merged[2 * i + 1].odd = v[i + SIREN_LANES / 2].hi;
        }
        for (int i = 0; i < SIREN_LANES; i++) v[i] = merged[i];
    }
}

/* Bits of the block, and dZ of the output layer, zero past the valid points. Lanes are points; blocks have room for
 * whole vectors of them. */
static float code_lengths(__global float *d, __global const float *y, int pitch, __global const float *edges,
                          int edge_pitch, int n_valid, int n_rows, float least) {
    vec sum = (vec)(0.0f);
    for (int row = 0; row < n_rows; row += SIREN_LANES) {
        vec o[SIREN_PAD], lo, hi, bits;
        vec_int valid;
        for (int k = 0; k < SIREN_PAD; k += SIREN_LANES) {
            for (int lane = 0; lane < SIREN_LANES; lane++) o[k + lane] = vec_load(y + (row + lane) * pitch + k);
            transpose(o + k);
        }
        for (int lane = 0; lane < SIREN_LANES; lane++) {
            ((float *)&lo)[lane] = edges[(row + lane) * edge_pitch];
            ((float *)&hi)[lane] = edges[(row + lane) * edge_pitch + 1];
            ((int *)&valid)[lane] = row + lane < n_valid ? -1 : 0;
        }
        bits = code_length_vec(o, lo, hi, least);
        sum += select((vec)(0.0f), bits, valid);
        for (int k = 0; k < SIREN_PAD; k++)
            o[k] = k < SIREN_MIXTURE_OUTPUTS ? select((vec)(0.0f), o[k], valid) : (vec)(0.0f);
        for (int k = 0; k < SIREN_PAD; k += SIREN_LANES) {
            transpose(o + k);
            for (int lane = 0; lane < SIREN_LANES; lane++) vec_store(o[k + lane], d + (row + lane) * pitch + k);
        }
    }
    float total = 0.0f;
    for (int lane = 0; lane < SIREN_LANES; lane++) total += ((float *)&sum)[lane];
    return total;
}

#define BLOCK_ORDER(first) (order + batch_begin + (first))
#define LOAD_POINTS(h, first, n_valid, n_rows, layer)                                                        \
    load_features(h, coordinates, BLOCK_ORDER(first), n_valid, n_rows, layer)
#define LOSS(d, y, pitch, network, first, n_valid, n_rows, out)                                              \
    code_lengths(d, y, pitch, scratch + table[SIREN_LAYER_IN_PADDED], PITCH(table[SIREN_LAYER_IN_PADDED]), \
                 n_valid, n_rows, least)
#define FORESEE(next, share, n_shares)                                                                       \
    foresee_points(coordinates, BLOCK_ORDER((next).first), (next).n_valid, table[SIREN_LAYER_IN], share, n_shares)

#else

#define FEATURE_ARGUMENTS
#define FORESEE(next, share, n_shares)
#define LOAD_POINTS(h, first, n_valid, n_rows, layer)                                                        \
    load_points(h, coordinates, first, n_valid, n_rows, (layer)[SIREN_LAYER_IN])
#define BLOCK_TARGETS(network, first, out) (targets + ((size_t)(network) * n_points + (first) - first_target) * (out))
#define LOSS(d, y, pitch, network, first, n_valid, n_rows, out)                                              \
    loss_and_error(d, y, pitch, BLOCK_TARGETS(network, first, out), n_valid, n_rows, out)

#endif
