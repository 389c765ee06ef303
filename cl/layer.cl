/* The layer family (every device but CPUs), forwards: one tiled product per layer with bias and activation in its
 * epilogue, batched over networks on grid dimension 2. Training and exact decoding run the same kernels: each
 * pre-activation starts from its bias and adds its products in ascending order of inputs (docs/numerics.md).
 *
 * H and D, outputs and derivatives of a layer for one tile of points, are (n_networks, n_rows, out_padded); n_rows is a
 * multiple of SIREN_BLOCK_ROWS. Rows past the last point hold values that nothing counts. */
#include "product.cl"

DEFINE_PRODUCT(product_forward, along, along)

SIREN_DEFINE_SINCOS(float4, int4, as_float4, as_int4, _quad)
SIREN_DEFINE_TANH(float4, int4, as_float4, as_int4, _quad)

/* f(z); where `slope` is not null it becomes f'(z). */
inline float4 activate_quad(float4 z, int activation, float w0, float4 *slope) {
    float4 f = z;
    if (slope) *slope = (float4)(1.0f);
    switch (activation) {
    case SIREN_SINE:
        z *= w0 * SIREN_INVERSE_PI;
        f = sinpi_exact_quad(z);
        if (slope) *slope = w0 * cospi_exact_quad(z);
        break;
    case SIREN_RELU:
        f = select((float4)(0.0f), z, z > (float4)(0.0f));
        if (slope) *slope = select((float4)(0.0f), (float4)(1.0f), z > (float4)(0.0f));
        break;
    case SIREN_TANH:
        f = tanh_exact_quad(z);
        if (slope) *slope = (float4)(1.0f) - f * f;
        break;
    case SIREN_LEAKY_RELU:
        f = select(z * SIREN_LEAK, z, z > (float4)(0.0f));
        if (slope) *slope = select((float4)(SIREN_LEAK), (float4)(1.0f), z > (float4)(0.0f));
        break;
    }
    return f;
}

/* The first layer, whose few inputs need no tiles (global ids: row and quad of outputs, network). D may be
 * null. */
__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1)))
void layer_first(__global float *h, __global float *d, __global const float *params /* (n_networks, n_padded) */,
                 __global const float *coordinates, /* (n_points, n_inputs) */
                 __global const int *table,         /* (n_layers, SIREN_LAYER_FIELDS) */
                 __global const float *w0,          /* (n_layers) */
                 int n_padded, int n_rows, int n_points, int first_point) {
    int in = table[SIREN_LAYER_IN], pitch = table[SIREN_LAYER_IN_PADDED], out = table[SIREN_LAYER_OUT_PADDED];
    int row = (int)get_global_id(0) / (out / 4), unit = (int)get_global_id(0) % (out / 4) * 4;
    int network = get_global_id(1);
    if (row >= n_rows) return;
    params += (size_t)network * n_padded;
    __global const float *w = params + table[SIREN_LAYER_WEIGHTS] + unit * pitch;
    float4 z = *(__global const float4 *)(params + table[SIREN_LAYER_BIAS] + unit);
    for (int k = 0; k < in; k++) {
        float x = first_point + row < n_points ? coordinates[(size_t)(first_point + row) * in + k] : 0.0f;
        z = fma((float4)(x), (float4)(w[k], w[pitch + k], w[2 * pitch + k], w[3 * pitch + k]), z);
    }
    size_t at = ((size_t)network * n_rows + row) * out + unit;
    float4 slope;
    *(__global float4 *)(h + at) = activate_quad(z, table[SIREN_LAYER_ACTIVATION], w0[0], d ? &slope : 0);
    if (d) *(__global float4 *)(d + at) = slope;
}

/* Z = H W^T + b for the tile at (row, column); `params` are the network's. */
inline void forward_tile(float4 (*c)[SIREN_QUADS_N], __local float4 *slabs, __global const float *h,
                         __global const float *params, __global const int *layer, int row, int column) {
    int pitch = layer[SIREN_LAYER_IN_PADDED], out = layer[SIREN_LAYER_OUT_PADDED];
    __global const float *bias = params + layer[SIREN_LAYER_BIAS];
    UNROLL for (int g = 0; g < SIREN_QUADS_N; g++) {
        int at = column + TILE_COLUMN(g);
        float4 start = at < out ? *(__global const float4 *)(bias + at) : (float4)(0.0f);
        UNROLL for (int i = 0; i < RESULT_ROWS; i++) c[i][g] = start;
    }
    factor a = {h, pitch, row, row + TILE_M}, b = {params + layer[SIREN_LAYER_WEIGHTS], pitch, column, out};
    product_forward(c, 0, (__local float *)slabs, a, b, layer[SIREN_LAYER_IN], 0);
}

/* A hidden layer (groups: tile of outputs within tile of rows, 1, network). D may be null. */
__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1)))
void layer_forward(__global float *h_next, __global float *d, __global const float *h,
                   __global const float *params /* (n_networks, n_padded) */,
                   __global const int *table, __global const float *w0, int l, int n_padded, int n_rows) {
    __local float4 slabs[SLABS_FLOATS / 4];
    __global const int *layer = table + l * SIREN_LAYER_FIELDS;
    int in = layer[SIREN_LAYER_IN_PADDED], out = layer[SIREN_LAYER_OUT_PADDED], network = get_group_id(2);
    int row = (int)get_group_id(0) / TILES_N(out) * TILE_M, column = (int)get_group_id(0) % TILES_N(out) * TILE_N;
    float4 c[RESULT_ROWS][SIREN_QUADS_N];
    forward_tile(c, slabs, h + (size_t)network * n_rows * in, params + (size_t)network * n_padded, layer, row, column);
    UNROLL for (int i = 0; i < RESULT_ROWS; i++)
        UNROLL for (int g = 0; g < SIREN_QUADS_N; g++) {
            if (column + TILE_COLUMN(g) >= out) continue;
            size_t at = ((size_t)network * n_rows + row + TILE_ROW(i)) * out + column + TILE_COLUMN(g);
            float4 slope;
            *(__global float4 *)(h_next + at) =
                activate_quad(c[i][g], layer[SIREN_LAYER_ACTIVATION], w0[l], d ? &slope : 0);
            if (d) *(__global float4 *)(d + at) = slope;
        }
}

/* The output layer in training: dZ = (Y - target) f'(Z), and each group's sum of squared errors. A NaN target is no
 * data:
 * it counts in neither. The factor 2 / (number of data) is the optimiser's. Groups as in layer_forward. */
__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1)))
void layer_output(__global float *dz, __global float *group_losses /* (n_networks, n_rows / TILE_M, TILES_N(out)) */,
                  __global const float *h, __global const float *params,
                  __global const float *targets, /* (n_networks, n_points, out_padded), from first_target on */
                  __global const int *table, __global const float *w0, int l, int n_padded, int n_rows, int n_points,
                  int first_point, int first_target) {
    __local float4 slabs[SLABS_FLOATS / 4];
    __local float losses[ITEMS];
    __global const int *layer = table + l * SIREN_LAYER_FIELDS;
    int in = layer[SIREN_LAYER_IN_PADDED], out = layer[SIREN_LAYER_OUT_PADDED], network = get_group_id(2);
    int row = (int)get_group_id(0) / TILES_N(out) * TILE_M, column = (int)get_group_id(0) % TILES_N(out) * TILE_N;
    int item = get_local_id(0);
    float4 c[RESULT_ROWS][SIREN_QUADS_N], loss = (float4)(0.0f);
    forward_tile(c, slabs, h + (size_t)network * n_rows * in, params + (size_t)network * n_padded, layer, row, column);
    UNROLL for (int i = 0; i < RESULT_ROWS; i++)
        UNROLL for (int g = 0; g < SIREN_QUADS_N; g++) {
            if (column + TILE_COLUMN(g) >= out) continue;
            int point = first_point + row + TILE_ROW(i);
            float4 slope, error = (float4)(0.0f);
            float4 y = activate_quad(c[i][g], layer[SIREN_LAYER_ACTIVATION], w0[l], &slope);
            if (point < n_points) {
                size_t from = ((size_t)network * n_points + point - first_target) * out + column + TILE_COLUMN(g);
                float4 target = *(__global const float4 *)(targets + from);
                error = select(y - target, (float4)(0.0f), target != target);
            }
            loss = fma(error, error, loss);
            size_t at = ((size_t)network * n_rows + row + TILE_ROW(i)) * out + column + TILE_COLUMN(g);
            *(__global float4 *)(dz + at) = error * slope;
        }
    losses[item] = (loss.x + loss.y) + (loss.z + loss.w);
    for (int n = ITEMS / 2; n > 0; n /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (item < n) losses[item] += losses[item + n];
    }
    if (item == 0) group_losses[(size_t)network * (n_rows / TILE_M) * TILES_N(out) + get_group_id(0)] = losses[0];
}

/* The output layer in decoding: Y of the tile's points. Groups as in layer_forward. */
__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1)))
void decode_layer(__global float *y /* (n_networks, n_points, n_outputs) */, __global const float *h,
                  __global const float *params, __global const int *table, __global const float *w0, int l,
                  int n_padded, int n_rows, int n_points, int first_point) {
    __local float4 slabs[SLABS_FLOATS / 4];
    __global const int *layer = table + l * SIREN_LAYER_FIELDS;
    int in = layer[SIREN_LAYER_IN_PADDED], out = layer[SIREN_LAYER_OUT_PADDED], n_outputs = layer[SIREN_LAYER_OUT];
    int row = (int)get_group_id(0) / TILES_N(out) * TILE_M, column = (int)get_group_id(0) % TILES_N(out) * TILE_N;
    int network = get_group_id(2);
    float4 c[RESULT_ROWS][SIREN_QUADS_N];
    forward_tile(c, slabs, h + (size_t)network * n_rows * in, params + (size_t)network * n_padded, layer, row, column);
    UNROLL for (int i = 0; i < RESULT_ROWS; i++)
        UNROLL for (int g = 0; g < SIREN_QUADS_N; g++) {
            int point = first_point + row + TILE_ROW(i), at = column + TILE_COLUMN(g);
            if (point >= n_points || at >= n_outputs) continue;
            float4 f = activate_quad(c[i][g], layer[SIREN_LAYER_ACTIVATION], w0[l], 0);
            __global float *to = y + ((size_t)network * n_points + point) * n_outputs + at;
            to[0] = f.x;
            if (at + 1 < n_outputs) to[1] = f.y;
            if (at + 2 < n_outputs) to[2] = f.z;
            if (at + 3 < n_outputs) to[3] = f.w;
        }
}
