/* The way back of a block of points in the chain family: loss, gradients of weights, biases and inputs; and which
 * points a part takes. Shared by chain.cl and chain_pieces.cl. */
#include "tile.cl"
#include "forward.cl"

/* dW(out, in) += dZ(rows, out)^T H(rows, in), in the inputs from `begin` to `end`, whole strips but for the last. The
 * gradient does not stay in the nearest caches from block to block, so it is added to where the product ends, and
 * fetched meanwhile. */
static void weight_gradient(__global float *gradient, __global const float *dz, int dz_pitch, __global const float *h,
                            int h_pitch, int n_rows, __global const int *layer, int begin, int end) {
    int in = layer[SIREN_LAYER_IN_PADDED], out = layer[SIREN_LAYER_OUT_PADDED];
    __global float *dw = gradient + layer[SIREN_LAYER_WEIGHTS];
    for (int column = begin; column < end; column += SIREN_STRIP) {
        bool wide = WHOLE_STRIPS || end - column >= SIREN_STRIP;
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
}

/* db(out) += sum over rows of dZ */
static void bias_gradient(__global float *gradient, __global const float *dz, int dz_pitch, int n_rows,
                          __global const int *layer) {
    __global float *db = gradient + layer[SIREN_LAYER_BIAS];
    for (int column = 0; column < layer[SIREN_LAYER_OUT_PADDED]; column += SIREN_LANES) {
        vec sum = vec_load(db + column);
        for (int row = 0; row < n_rows; row++) sum += vec_load(dz + row * dz_pitch + column);
        vec_store(sum, db + column);
    }
}

/* Both for the first layer, whose few inputs would fill a vector badly: vectors along the outputs, SIREN_FIRST_INPUTS
 * at a time. */
static void first_weight_gradient(__global float *gradient, __global const float *dz, int dz_pitch,
                                  __global const float *h, int n_rows, __global const int *layer) {
    int in = layer[SIREN_LAYER_IN_PADDED], out = layer[SIREN_LAYER_OUT_PADDED];
    __global float *dw = gradient + layer[SIREN_LAYER_WEIGHTS];
    __global float *db = gradient + layer[SIREN_LAYER_BIAS];
    for (int input = 0; input < layer[SIREN_LAYER_IN]; input += SIREN_FIRST_INPUTS)
        for (int column = 0; column < out; column += SIREN_LANES) {
            vec sum = (vec)(0.0f), x = (vec)(0.0f), y = (vec)(0.0f), z = (vec)(0.0f);
            __global const float *point = h + input;
            for (int row = 0; row < n_rows; row++, point += PITCH(SIREN_PAD)) {
                vec delta = vec_load(dz + row * dz_pitch + column);
                sum += delta;
                x = fma((vec)(point[0]), delta, x);
                y = fma((vec)(point[1]), delta, y);
                z = fma((vec)(point[2]), delta, z);
            }
            if (input == 0) vec_store(vec_load(db + column) + sum, db + column);
            for (int lane = 0; lane < SIREN_LANES; lane++) {
                __global float *w = dw + (column + lane) * in + input;
                w[0] += ((float *)&x)[lane];
                if (input + 1 < in) w[1] += ((float *)&y)[lane];
                if (input + 2 < in) w[2] += ((float *)&z)[lane];
            }
        }
}

/* f'(Z) where D is, or where H of the same layer is, which lies behind D. */
#ifdef SIREN_FEATURES
#define SLOPE(d, d_pitch) \
    select((vec)(SIREN_LEAK), (vec)(1.0f), vec_load((d) + SIREN_BLOCK_ROWS * (d_pitch)) > (vec)(0.0f))
#else
#define SLOPE(d, d_pitch) vec_load(d)
#endif

/* dZ of the layer below, in place of its derivative: D(rows, in) *= dZ(rows, out) W(out, in), in the columns from
 * `begin` to `end`, whole strips but for the last. */
static void input_gradient(__global float *d, int d_pitch, __global const float *dz, int dz_pitch,
                           __global const float *strips, int n_rows, __global const int *layer, int begin, int end) {
    int out = layer[SIREN_LAYER_OUT];
    strips += layer[SIREN_LAYER_PACKED];
    for (int column = begin; column < end; column += SIREN_STRIP) {
        bool wide = WHOLE_STRIPS || end - column >= SIREN_STRIP;
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
    vec_store(c##r##_0 * SLOPE(c + (r) * d_pitch, d_pitch), c + (r) * d_pitch);                              \
    vec_store(c##r##_1 * SLOPE(c + (r) * d_pitch + SIREN_LANES, d_pitch), c + (r) * d_pitch + SIREN_LANES);
                EACH_POINT(STORE)
#undef STORE
            } else {
#define ZERO(r) vec c##r##_0 = (vec)(0.0f);
                EACH_POINT(ZERO)
#undef ZERO
                TILE_NARROW_RUN(EACH_POINT, dz + row * dz_pitch, dz_pitch, 1, strip, SIREN_LANES, out)
#define STORE(r) vec_store(c##r##_0 * SLOPE(c + (r) * d_pitch, d_pitch), c + (r) * d_pitch);
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

/* The points that a part takes in a round, and as many rows as fill tiles. */
typedef struct {
    int first, n_valid, n_rows;
} block;

inline block block_of(int round, int part, int n_parts, int n_points) {
    block b;
    int begin = round * n_parts * SIREN_BLOCK_ROWS;
    int n_round = min(n_parts * SIREN_BLOCK_ROWS, n_points - begin);
    int n_tiles = (n_round + SIREN_TILE_POINTS - 1) / SIREN_TILE_POINTS;
    b.first = begin + n_tiles * part / n_parts * SIREN_TILE_POINTS;
    b.n_valid = min(begin + n_tiles * (part + 1) / n_parts * SIREN_TILE_POINTS, n_points) - b.first;
    b.n_rows = (b.n_valid + SIREN_TILE_POINTS - 1) / SIREN_TILE_POINTS * SIREN_TILE_POINTS;
    return b;
}
