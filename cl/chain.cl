/* The chain family (CPU devices): one work-item takes a block of points through the whole network, forwards, loss and
 * backwards, and adds to its own gradient. Work-group size 1, no barriers, no local memory.
 *
 * Points are dealt in rounds of n_parts * SIREN_BLOCK_ROWS; each round, the last and shorter one too, is divided evenly into a
 * block for each part. A part is one work-item with its own gradient; the sum over parts is fixed (adam.cl), so results
 * depend on neither the device's number of cores nor the batch of networks nor the tiling into rounds. */
#include "tile.cl"
#include "forward.cl"
#include "epoch.cl" /* for siren_epoch_kernel_create() */

/* dW(out, in) += dZ(rows, out)^T H(rows, in);  db(out) += sum over rows of dZ. The gradient does not stay in the nearest
 * caches from block to block, so it is added to where the product ends, and fetched meanwhile. */
static void weight_gradient(__global float *gradient, __global const float *dz, int dz_pitch, __global const float *h,
                            int h_pitch, int n_rows, __global const int *layer) {
    int in = layer[SIREN_LAYER_IN_PADDED], out = layer[SIREN_LAYER_OUT_PADDED];
    __global float *dw = gradient + layer[SIREN_LAYER_WEIGHTS];
    __global float *db = gradient + layer[SIREN_LAYER_BIAS];
    for (int column = 0; column < in; column += SIREN_STRIP) {
        bool wide = in - column >= SIREN_STRIP;
        for (int row = 0; row < out; row += SIREN_TILE_UNITS) {
            __global float *c = dw + row * in + column;
            if (wide) {
#define START(r)                                                                                             \
    vec c##r##_0 = (vec)(0.0f), c##r##_1 = (vec)(0.0f);                                                      \
    vec_prefetch(c + (r) * in);                                                                              \
    vec_prefetch(c + (r) * in + SIREN_LANES);
                EACH_UNIT(START)
#undef START
                TILE_WIDE_RUN(EACH_UNIT, dz + row, 1, dz_pitch, h + column, h_pitch, n_rows)
#define STORE(r)                                                                                             \
    vec_store(vec_load(c + (r) * in) + c##r##_0, c + (r) * in);                                              \
    vec_store(vec_load(c + (r) * in + SIREN_LANES) + c##r##_1, c + (r) * in + SIREN_LANES);
                EACH_UNIT(STORE)
#undef STORE
            } else {
#define START(r)                                                                                             \
    vec c##r##_0 = (vec)(0.0f);                                                                              \
    vec_prefetch(c + (r) * in);
                EACH_UNIT(START)
#undef START
                TILE_NARROW_RUN(EACH_UNIT, dz + row, 1, dz_pitch, h + column, h_pitch, n_rows)
#define STORE(r) vec_store(vec_load(c + (r) * in) + c##r##_0, c + (r) * in);
                EACH_UNIT(STORE)
#undef STORE
            }
        }
    }
    for (int column = 0; column < out; column += SIREN_LANES) {
        vec sum = vec_load(db + column);
        for (int row = 0; row < n_rows; row++) sum += vec_load(dz + row * dz_pitch + column);
        vec_store(sum, db + column);
    }
}

/* The same for the first layer, whose two or three inputs would fill a vector badly: vectors along the outputs. */
static void first_weight_gradient(__global float *gradient, __global const float *dz, int dz_pitch,
                                  __global const float *h, int n_rows, __global const int *layer) {
    int in = layer[SIREN_LAYER_IN_PADDED], out = layer[SIREN_LAYER_OUT_PADDED];
    __global float *dw = gradient + layer[SIREN_LAYER_WEIGHTS];
    __global float *db = gradient + layer[SIREN_LAYER_BIAS];
    for (int column = 0; column < out; column += SIREN_LANES) {
        vec sum = (vec)(0.0f), x = (vec)(0.0f), y = (vec)(0.0f), z = (vec)(0.0f);
        __global const float *point = h;
        for (int row = 0; row < n_rows; row++, point += PITCH(SIREN_PAD)) {
            vec delta = vec_load(dz + row * dz_pitch + column);
            sum += delta;
            x = fma((vec)(point[0]), delta, x);
            y = fma((vec)(point[1]), delta, y);
            z = fma((vec)(point[2]), delta, z);
        }
        vec_store(vec_load(db + column) + sum, db + column);
        for (int lane = 0; lane < SIREN_LANES; lane++) {
            __global float *w = dw + (column + lane) * in;
            w[0] += ((float *)&x)[lane];
            w[1] += ((float *)&y)[lane];
            w[2] += ((float *)&z)[lane];
        }
    }
}

/* dZ of the layer below, in place of its derivative: D(rows, in) *= dZ(rows, out) W(out, in) */
static void input_gradient(__global float *d, int d_pitch, __global const float *dz, int dz_pitch,
                           __global const float *strips, int n_rows, __global const int *layer) {
    int in = layer[SIREN_LAYER_IN_PADDED], out = layer[SIREN_LAYER_OUT];
    strips += layer[SIREN_LAYER_PACKED];
    for (int column = 0; column < in; column += SIREN_STRIP) {
        bool wide = in - column >= SIREN_STRIP;
        __global const float *strip = strips + column * layer[SIREN_LAYER_OUT_PADDED];
        for (int row = 0; row < n_rows; row += SIREN_TILE_POINTS) {
            __global float *c = d + row * d_pitch + column;
            if (wide) {
#define ZERO(r)                                                                                              \
    vec c##r##_0 = (vec)(0.0f), c##r##_1 = (vec)(0.0f);                                                      \
    vec_prefetch(c + (r) * d_pitch);                                                                         \
    vec_prefetch(c + (r) * d_pitch + SIREN_LANES);
                EACH_POINT(ZERO)
#undef ZERO
                TILE_WIDE_RUN(EACH_POINT, dz + row * dz_pitch, dz_pitch, 1, strip, SIREN_STRIP, out)
#define STORE(r)                                                                                             \
    vec_store(c##r##_0 * vec_load(c + (r) * d_pitch), c + (r) * d_pitch);                                    \
    vec_store(c##r##_1 * vec_load(c + (r) * d_pitch + SIREN_LANES), c + (r) * d_pitch + SIREN_LANES);
                EACH_POINT(STORE)
#undef STORE
            } else {
#define ZERO(r) vec c##r##_0 = (vec)(0.0f);
                EACH_POINT(ZERO)
#undef ZERO
                TILE_NARROW_RUN(EACH_POINT, dz + row * dz_pitch, dz_pitch, 1, strip, SIREN_LANES, out)
#define STORE(r) vec_store(c##r##_0 * vec_load(c + (r) * d_pitch), c + (r) * d_pitch);
                EACH_POINT(STORE)
#undef STORE
            }
        }
    }
}

/* Loss of the block, and dZ of the output layer in place of its derivative: D *= Y - target. A NaN target is no data:
 * it counts neither in the loss nor in the gradient. The factor 2 / (number of data) is applied in adam.cl, so that
 * nothing underflows here. Y and targets are (rows, out_padded). */
static float loss_and_error(__global float *d, __global const float *y, int pitch, __global const float *targets,
                            int n_valid, int n_rows, int out) {
    vec loss = (vec)(0.0f);
    for (int row = 0; row < n_rows; row++)
        for (int column = 0; column < out; column += SIREN_LANES) {
            vec error = (vec)(0.0f);
            if (row < n_valid) {
                vec target = vec_load(targets + row * out + column);
                error = vec_load(y + row * pitch + column) - target;
                error = select(error, (vec)(0.0f), target != target);
            }
            loss = fma(error, error, loss);
            vec_store(error * vec_load(d + row * pitch + column), d + row * pitch + column);
        }
    float sum = 0.0f;
    for (int lane = 0; lane < SIREN_LANES; lane++) sum += ((float *)&loss)[lane];
    return sum;
}

/* One round after the other of forward, loss, backward for (part, network) = (global id 0, global id 1). */
__kernel void chain_step(__global float *partial_gradients,      /* (n_networks, n_parts, n_padded) in/out */
                         __global float *partial_losses,         /* (n_networks, n_parts) in/out */
                         __global float *scratch,                /* (n_networks, n_parts, n_scratch) */
                         __global const float *params,           /* (n_networks, n_padded) */
                         __global const float *forward_packed,   /* (n_networks, n_packed_floats) */
                         __global const float *backward_packed,  /* (n_networks, n_packed_floats) */
                         __global const float *coordinates,      /* (n_points, n_inputs) */
                         __global const float *targets,          /* (n_networks, n_points, out_padded), from first_target on */
                         __global const int *table,              /* (n_layers, SIREN_LAYER_FIELDS) */
                         __global const float *w0,               /* (n_layers) */
                         int n_layers, int n_padded, int n_packed_floats, int n_scratch, int n_points, int first_target,
                         int round_begin, int round_end) {
    int part = get_global_id(0), n_parts = get_global_size(0), network = get_global_id(1);
    __global const int *last = table + (n_layers - 1) * SIREN_LAYER_FIELDS;
    int out = last[SIREN_LAYER_OUT_PADDED];
    size_t slot = (size_t)network * n_parts + part;
    __global float *gradient = partial_gradients + slot * n_padded;
    scratch += slot * n_scratch;
    params += (size_t)network * n_padded;
    forward_packed += (size_t)network * n_packed_floats;
    backward_packed += (size_t)network * n_packed_floats;
    targets += (size_t)network * n_points * out;

    if (round_begin == 0) {
        for (int i = 0; i < n_padded; i += SIREN_LANES) vec_store((vec)(0.0f), gradient + i);
        partial_losses[slot] = 0.0f;
    }
    for (int round = round_begin; round < round_end; round++) {
        int begin = round * n_parts * SIREN_BLOCK_ROWS;
        int n_round = min(n_parts * SIREN_BLOCK_ROWS, n_points - begin);
        int n_tiles = (n_round + SIREN_TILE_POINTS - 1) / SIREN_TILE_POINTS;
        int first = begin + n_tiles * part / n_parts * SIREN_TILE_POINTS;
        int n_valid = min(begin + n_tiles * (part + 1) / n_parts * SIREN_TILE_POINTS, n_points) - first;
        if (n_valid <= 0) continue;
        int n_rows = (n_valid + SIREN_TILE_POINTS - 1) / SIREN_TILE_POINTS * SIREN_TILE_POINTS;

        __global const float *block_targets = targets + (size_t)(first - first_target) * out;
        for (int i = 0; i < n_valid * out; i += SIREN_LANES) vec_prefetch(block_targets + i); /* read after the last layer */
        load_points(scratch, coordinates, first, n_valid, n_rows, table[SIREN_LAYER_IN]);
        __global float *h = scratch;
        for (int l = 0; l < n_layers; l++) {
            __global const int *layer = table + l * SIREN_LAYER_FIELDS;
            __global float *d = h + SIREN_BLOCK_ROWS * PITCH(layer[SIREN_LAYER_IN_PADDED]);
            __global float *h_next = d + SIREN_BLOCK_ROWS * PITCH(layer[SIREN_LAYER_OUT_PADDED]);
            forward_layer(h_next, h, params + layer[SIREN_LAYER_BIAS], forward_packed, n_rows, layer);
            activate(h_next, d, n_rows, layer, w0[l]);
            h = h_next;
        }

        __global float *d = h - SIREN_BLOCK_ROWS * PITCH(out);
        partial_losses[slot] += loss_and_error(d, h, PITCH(out), block_targets, n_valid, n_rows, out);
        for (int l = n_layers - 1; l >= 0; l--) {
            __global const int *layer = table + l * SIREN_LAYER_FIELDS;
            int h_pitch = PITCH(layer[SIREN_LAYER_IN_PADDED]), d_pitch = PITCH(layer[SIREN_LAYER_OUT_PADDED]);
            h = d - SIREN_BLOCK_ROWS * h_pitch;
            if (l == 0) {
                first_weight_gradient(gradient, d, d_pitch, h, n_rows, layer);
                break;
            }
            weight_gradient(gradient, d, d_pitch, h, h_pitch, n_rows, layer);
            __global float *d_below = h - SIREN_BLOCK_ROWS * h_pitch;
            input_gradient(d_below, h_pitch, d, d_pitch, backward_packed, n_rows, layer);
            d = d_below;
        }
    }
}
