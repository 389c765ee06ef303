/* What the chain family trains on. With SIREN_FEATURES: features and edges of points, a batch of them in the order of `order`,
 * and the code length (code_length.cl); else coordinates, targets and squared errors. */
#include "backward.cl"

#ifdef SIREN_FEATURES
#include "code_length.cl"

/* The last arguments of a kernel. `coordinates` and `targets` before them are features (n_all, n_inputs) and edges (n_all, 2). */
#define FEATURE_ARGUMENTS                                                                                    \
    , __global const uint *order /* (n_points) of a batch from `begin` on */, int batch_begin, float least

/* Features of the block's points as (n_rows, pitch), zero past the inputs and past the valid points. */
static void load_features(__global float *h, __global const float *features, __global const uint *order, int n_valid,
                          int n_rows, __global const int *layer) {
    int n_inputs = layer[SIREN_LAYER_IN], width = layer[SIREN_LAYER_IN_PADDED], pitch = PITCH(width);
    int n_whole = n_inputs / 16 * 16;
    for (int row = 0; row < n_rows; row++, h += pitch) {
        if (row >= n_valid) {
            for (int k = 0; k < width; k += SIREN_LANES) vec_store((vec)(0.0f), h + k);
            continue;
        }
        __global const float *from = features + (size_t)order[row] * n_inputs;
        for (int k = 0; k < n_whole; k++) h[k] = from[k];
        for (int k = n_whole; k < width; k++) h[k] = k < n_inputs ? from[k] : 0.0f;
    }
}

/* Bits of the block, and dZ of the output layer. Lanes are points. */
static float code_lengths(__global float *d, __global const float *y, int pitch, __global const float *edges,
                          __global const uint *order, int n_valid, int n_rows, float least) {
    vec sum = (vec)(0.0f);
    for (int row = 0; row < n_rows; row += SIREN_LANES) {
        int n = min(SIREN_LANES, n_valid - row);
        vec o[SIREN_MIXTURE_OUTPUTS], lo = (vec)(0.0f), hi = (vec)(1.0f), bits;
        for (int k = 0; k < SIREN_MIXTURE_OUTPUTS; k++) o[k] = (vec)(0.0f);
        for (int lane = 0; lane < n; lane++) {
            __global const float *edge = edges + 2 * (size_t)order[row + lane];
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
    code_lengths(d, y, pitch, targets, BLOCK_ORDER(first), n_valid, n_rows, least)

#else

#define FEATURE_ARGUMENTS
#define FIRST_IS_TILED 0
#define LOAD_POINTS(h, first, n_valid, n_rows, layer) load_points(h, coordinates, first, n_valid, n_rows, (layer)[SIREN_LAYER_IN])
#define BLOCK_TARGETS(network, first, out) (targets + ((size_t)(network) * n_points + (first) - first_target) * (out))
#define LOSS(d, y, pitch, network, first, n_valid, n_rows, out)                                              \
    loss_and_error(d, y, pitch, BLOCK_TARGETS(network, first, out), n_valid, n_rows, out)

#endif
