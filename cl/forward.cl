/* The forward pass of a block of points in the chain family, shared by training (chain.cl) and exact decoding
 * (decode.cl): each pre-activation starts from its bias and adds its products in ascending order of inputs. */
#include "tile.cl"

#ifndef SIREN_BLOCK_ROWS
#define SIREN_BLOCK_ROWS SIREN_USUAL_CHAIN_ROWS
#endif

/* Floats from one point to the next in a block's activations; one more vector than the width, so that equal columns of
 * successive points do not fall into the same cache set. */
#define PITCH(width_padded) ((width_padded) + SIREN_PAD)

/* On features every hidden layer is leaky: its activation ends the product, and f'(Z) follows from H's sign, so that D
 * holds dZ alone. */
#ifdef SIREN_FEATURES
#define FINISH(z) select((z) * leak, z, (z) > (vec)(0.0f))
#define ACTIVATE(h, d, n_rows, layer, w0, begin, end)
#else
#define FINISH(z) z
#define ACTIVATE activate
#endif

/* Weights of a layer into strips for its forward and its backward product (global id: twice the strip, one more for
 * the backward product; layer; network).
 * Forward, from W(out, in): strip p holds (in, columns), columns = outputs p*STRIP ...; backward: (out, columns),
 * columns = inputs p*STRIP .... The last strip may have half the columns. */
__kernel void chain_pack(__global float *forward_packed,  /* (n_networks, n_packed_floats) */
                         __global float *backward_packed, /* (n_networks, n_packed_floats), or null */
                         __global const float *params,    /* (n_networks, n_padded) */
                         __global const int *table,       /* (n_layers, SIREN_LAYER_FIELDS) */
                         int n_padded, int n_packed_floats) {
    __global const int *layer = table + get_global_id(1) * SIREN_LAYER_FIELDS;
    int in = layer[SIREN_LAYER_IN_PADDED], out = layer[SIREN_LAYER_OUT_PADDED];
    int column = get_global_id(0) / 2 * SIREN_STRIP;
    bool backward = get_global_id(0) % 2;
    size_t strips = get_global_id(2) * (size_t)n_packed_floats + layer[SIREN_LAYER_PACKED];
    __global const float *w = params + get_global_id(2) * (size_t)n_padded + layer[SIREN_LAYER_WEIGHTS];
    if (!backward && column < out) {
        int n_columns = min(SIREN_STRIP, out - column);
        __global float *strip = forward_packed + strips + column * in;
        for (int k = 0; k < in; k++)
            for (int j = 0; j < n_columns; j++) strip[k * n_columns + j] = w[(column + j) * in + k];
    }
    if (backward && backward_packed && column < in) {
        int n_columns = min(SIREN_STRIP, in - column);
        __global float *strip = backward_packed + strips + column * out;
        for (int k = 0; k < out; k++)
            for (int j = 0; j < n_columns; j++) strip[k * n_columns + j] = w[k * in + column + j];
    }
}

/* Coordinates of the block's points as (n_rows, pitch), zero past the inputs and past the valid points. */
static void load_points(__global float *h, __global const float *coordinates, int first, int n_valid, int n_rows,
                        int n_inputs) {
    int width = SIREN_PADDED(n_inputs);
    for (int row = 0; row < n_rows; row++)
        for (int k = 0; k < width; k++)
            h[row * PITCH(width) + k] =
                row < n_valid && k < n_inputs ? coordinates[(size_t)(first + row) * n_inputs + k] : 0.0f;
}

/* Z(rows, out) = H(rows, in) W^T + b, in the columns from `begin` to `end`, whole strips but for the last. */
static void forward_layer(__global float *z, __global const float *h, __global const float *bias,
                          __global const float *strips, int n_rows, __global const int *layer, int begin, int end) {
    int in = layer[SIREN_LAYER_IN_PADDED], out = layer[SIREN_LAYER_OUT_PADDED], n_k = layer[SIREN_LAYER_IN];
    int h_pitch = PITCH(in), z_pitch = PITCH(out);
    strips += layer[SIREN_LAYER_PACKED];
#ifdef SIREN_FEATURES
    const vec leak = (vec)(layer[SIREN_LAYER_ACTIVATION] == SIREN_LEAKY_RELU ? SIREN_LEAK : 1.0f);
#endif
    for (int column = begin; column < end; column += SIREN_STRIP) {
        bool wide = WHOLE_STRIPS || end - column >= SIREN_STRIP;
        __global const float *strip = strips + column * in;
        for (int row = 0; row < n_rows; row += SIREN_TILE_POINTS) {
            __global float *c = z + row * z_pitch + column;
            vec bias0 = vec_load(bias + column);
            if (wide) {
                vec bias1 = vec_load(bias + column + SIREN_LANES);
#define START(r) vec c##r##_0 = bias0, c##r##_1 = bias1;
                EACH_POINT(START)
#undef START
                TILE_WIDE_RUN(EACH_POINT, h + row * h_pitch, h_pitch, 1, strip, SIREN_STRIP, n_k)
#define STORE(r)                                                                                             \
    vec_store(FINISH(c##r##_0), c + (r) * z_pitch);                                                          \
    vec_store(FINISH(c##r##_1), c + (r) * z_pitch + SIREN_LANES);
                EACH_POINT(STORE)
#undef STORE
            } else {
#define START(r) vec c##r##_0 = bias0;
                EACH_POINT(START)
#undef START
                TILE_NARROW_RUN(EACH_POINT, h + row * h_pitch, h_pitch, 1, strip, SIREN_LANES, n_k)
#define STORE(r) vec_store(FINISH(c##r##_0), c + (r) * z_pitch);
                EACH_POINT(STORE)
#undef STORE
            }
        }
    }
}

/* H = f(Z) in place, and where D is not null D = f'(Z); in the columns from `begin` to `end`. */
static void activate(__global float *h, __global float *d, int n_rows, __global const int *layer, float w0, int begin,
                     int end) {
    int pitch = PITCH(layer[SIREN_LAYER_OUT_PADDED]);
    float half_turns = w0 * SIREN_INVERSE_PI;
    for (int row = 0; row < n_rows; row++)
        for (int at = row * pitch + begin; at < row * pitch + end; at += SIREN_LANES) {
            vec z = vec_load(h + at), f = z, slope = (vec)(1.0f);
            switch (layer[SIREN_LAYER_ACTIVATION]) {
            case SIREN_SINE:
                z *= half_turns;
                f = sinpi_exact_vec(z);
                if (d) slope = w0 * cospi_exact_vec(z);
                break;
            case SIREN_RELU:
                f = select((vec)(0.0f), z, z > (vec)(0.0f)); /* fmax may give either zero for -0 */
                slope = select((vec)(0.0f), (vec)(1.0f), z > (vec)(0.0f));
                break;
            case SIREN_TANH:
                f = tanh_exact_vec(z);
                slope = (vec)(1.0f) - f * f;
                break;
            case SIREN_LEAKY_RELU:
                f = select(z * SIREN_LEAK, z, z > (vec)(0.0f));
                slope = select((vec)(SIREN_LEAK), (vec)(1.0f), z > (vec)(0.0f));
                break;
            }
            vec_store(f, h + at);
            if (d) vec_store(slope, d + at);
        }
}
