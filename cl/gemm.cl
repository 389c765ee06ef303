/* The layer family in training, its products by CLBlast (host/opencl/gemm): what is left to do between them. The first
 * layer, its gradient and the losses of parts are the layer family's own, with blocks of SIREN_BLOCK_ROWS points. */
#include "layer.cl"
#include "layer_gradient.cl"

/* A layer's weights without the other parameters between networks (global ids: quad, network). */
__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1)))
void gemm_pack(__global float *weights /* (n_networks, out_padded, in_padded) */, __global const float *params,
               __global const int *table, int l, int n_padded) {
    __global const int *layer = table + l * SIREN_LAYER_FIELDS;
    int n = layer[SIREN_LAYER_IN_PADDED] * layer[SIREN_LAYER_OUT_PADDED];
    int at = (int)get_global_id(0) * 4, network = get_global_id(1);
    if (at >= n) return;
    __global const float *from = params + (size_t)network * n_padded + layer[SIREN_LAYER_WEIGHTS];
    *(__global float4 *)(weights + (size_t)network * n + at) = *(__global const float4 *)(from + at);
}

/* The quad of a layer's rows that a work-item has: its first value, and its column. */
inline size_t quad_at(int out, int n_rows, int *column) {
    *column = (int)get_global_id(0) % (out / 4) * 4;
    return (size_t)get_global_id(1) * n_rows * out + (size_t)get_global_id(0) * 4;
}

/* H = f(Z + b) and D = f'(Z + b), where D holds Z before (global ids: row and quad of outputs, network). */
__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1)))
void gemm_activate(__global float *h, __global float *d /* (n_networks, n_rows, out_padded) both, in/out */,
                   __global const float *params /* (n_networks, n_padded) */, __global const int *table,
                   __global const float *w0, int l, int n_padded, int n_rows) {
    __global const int *layer = table + l * SIREN_LAYER_FIELDS;
    int column, out = layer[SIREN_LAYER_OUT_PADDED];
    size_t at = quad_at(out, n_rows, &column);
    __global const float *bias = params + (size_t)get_global_id(1) * n_padded + layer[SIREN_LAYER_BIAS];
    float4 slope, z = *(__global const float4 *)(d + at) + *(__global const float4 *)(bias + column);
    *(__global float4 *)(h + at) = activate_quad(z, layer[SIREN_LAYER_ACTIVATION], w0[l], &slope);
    *(__global float4 *)(d + at) = slope;
}

/* dZ of the output layer in place of its Z without bias, and each group's sum of squared errors, as layer_output has
 * them (global ids as in gemm_activate). A block's rows are those of whole groups. */
__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1)))
void gemm_output(__global float *dz /* (n_networks, n_rows, out_padded) in/out */,
                 __global float *group_losses /* (n_networks, n_rows * out_padded / 4 / ITEMS) */,
                 __global const float *params, __global const float *targets, /* from first_target on */
                 __global const int *table, __global const float *w0, int l, int n_padded, int n_rows, int n_points,
                 int first_point, int first_target) {
    __local float losses[ITEMS];
    __global const int *layer = table + l * SIREN_LAYER_FIELDS;
    int column, item = get_local_id(0), network = get_global_id(1), out = layer[SIREN_LAYER_OUT_PADDED];
    size_t at = quad_at(out, n_rows, &column);
    int point = first_point + (int)get_global_id(0) / (out / 4);
    __global const float *bias = params + (size_t)network * n_padded + layer[SIREN_LAYER_BIAS];
    float4 slope, error = (float4)(0.0f);
    float4 z = *(__global const float4 *)(dz + at) + *(__global const float4 *)(bias + column);
    float4 y = activate_quad(z, layer[SIREN_LAYER_ACTIVATION], w0[l], &slope);
    if (point < n_points) {
        size_t from = ((size_t)network * n_points + point - first_target) * out + column;
        float4 target = *(__global const float4 *)(targets + from);
        error = select(y - target, (float4)(0.0f), target != target);
    }
    *(__global float4 *)(dz + at) = error * slope;
    float4 squares = error * error;
    losses[item] = (squares.x + squares.y) + (squares.z + squares.w);
    for (int n = ITEMS / 2; n > 0; n /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (item < n) losses[item] += losses[item + n];
    }
    if (item == 0) group_losses[(size_t)network * (n_rows * (out / 4) / ITEMS) + get_group_id(0)] = losses[0];
}

/* dZ of the layer below: its derivatives D times the gradient dH of its outputs, which stands where these were (global
 * ids as in gemm_activate; l: the layer below). */
__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1)))
void gemm_input_gradient(__global float *d /* (n_networks, n_rows, out_padded) in/out */, __global const float *dh,
                         __global const int *table, int l, int n_rows) {
    int column;
    size_t at = quad_at(table[l * SIREN_LAYER_FIELDS + SIREN_LAYER_OUT_PADDED], n_rows, &column);
    *(__global float4 *)(d + at) *= *(__global const float4 *)(dh + at);
}

/* db(out) += sum of dZ over a part's rows of this tile: SIREN_PAD outputs per group, its work-items side by side on the
 * rows of a block (groups: outputs / SIREN_PAD, part, network). */
__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1)))
void gemm_bias_gradient(__global float *partial_gradients /* (n_networks, n_parts, n_padded) in/out */,
                        __global const float *dz, /* (n_networks, n_rows, out_padded) */
                        __global const int *table, int l, int n_padded, int n_rows, int first_block, int n_blocks) {
    __local float lanes[LANES][SIREN_PAD];
    __global const int *layer = table + l * SIREN_LAYER_FIELDS;
    int item = get_local_id(0), unit = item % SIREN_PAD, lane = item / SIREN_PAD, first = get_group_id(0) * SIREN_PAD;
    int part = get_group_id(1), n_parts = get_num_groups(1), network = get_group_id(2);
    int out = layer[SIREN_LAYER_OUT_PADDED];
    __global float *db = partial_gradients + ((size_t)network * n_parts + part) * n_padded;
    db += layer[SIREN_LAYER_BIAS] + first;
    float sum = first_block && lane == 0 ? db[unit] : 0.0f;
    dz += (size_t)network * n_rows * out + first + unit;
    int block = part_begin(part, n_parts, first_block);
    do { /* for a part without blocks as well, as in DEFINE_PRODUCT */
        bool here = block < n_blocks;
        float of_lane = 0.0f;
        for (int i = lane; here && i < SIREN_BLOCK_ROWS; i += LANES)
            of_lane += dz[(size_t)(block * SIREN_BLOCK_ROWS + i) * out];
        lanes[lane][unit] = of_lane;
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int j = 0; here && lane == 0 && j < LANES; j++) sum += lanes[j][unit];
        barrier(CLK_LOCAL_MEM_FENCE);
        block += n_parts;
    } while (block < n_blocks);
    if (lane == 0) db[unit] = sum;
}
