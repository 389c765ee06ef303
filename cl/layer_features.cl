/* The layer family on features: a tile of a batch before the first product, and the loss after the last. The products
 * are those of layer.cl and layer_gradient.cl. */
#include "product.cl"
#include "code_length.cl"

/* Features (rows, n_inputs padded), zero past the inputs and past the batch, and edges (rows, 2) of the tile that
 * begins with point `first_point` of the batch (global ids: quad of features, row). */
__kernel void layer_gather(__global float *features, __global float *edges,
                           __global const float *points,       /* (any number, SIREN_POINT_PITCH(n_inputs)) */
                           __global const uint *order,         /* (n_points) of the batch from `begin` on */
                           int n_inputs, int n_points, int begin, int first_point) {
    int k = (int)get_global_id(0) * 4, width = (int)get_global_size(0) * 4;
    int row = get_global_id(1), point = first_point + row;
    float4 quad = (float4)(0.0f);
    float2 edge = (float2)(0.0f, 1.0f);
    if (point < n_points) {
        __global const float *from = points + (size_t)order[begin + point] * SIREN_POINT_PITCH(n_inputs) + k;
        quad = select((float4)(0.0f), *(__global const float4 *)from,
                      (int4)(k, k + 1, k + 2, k + 3) < (int4)(n_inputs));
        if (k == 0) edge = (float2)(from[n_inputs], from[n_inputs + 1]);
    }
    *(__global float4 *)(features + (size_t)row * width + k) = quad;
    if (k == 0) *(__global float2 *)(edges + 2 * row) = edge;
}

/* Outputs of a tile to dZ, in place, and each block's sum of bits (groups: block). */
__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1)))
void layer_code_length(__global float *d /* (rows, SIREN_PADDED(SIREN_MIXTURE_OUTPUTS)) */,
                       __global float *block_bits /* (n_blocks) */,
                       __global const float *edges /* (rows, 2) */, int n_points, int first_point, float least) {
    __local float bits[ITEMS];
    int item = get_local_id(0), first = (int)get_group_id(0) * SIREN_BLOCK_ROWS;
    float sum = 0.0f;
    for (int row = first + item; row < first + SIREN_BLOCK_ROWS; row += ITEMS) {
        __global float *at = d + (size_t)row * SIREN_PADDED(SIREN_MIXTURE_OUTPUTS);
        float o[SIREN_MIXTURE_OUTPUTS];
        bool valid = first_point + row < n_points;
        for (int k = 0; k < SIREN_MIXTURE_OUTPUTS; k++) o[k] = at[k];
        float length = code_length(o, edges[2 * row], edges[2 * row + 1], least);
        if (valid) sum += length;
        for (int k = 0; k < SIREN_PADDED(SIREN_MIXTURE_OUTPUTS); k++)
            at[k] = valid && k < SIREN_MIXTURE_OUTPUTS ? o[k] : 0.0f;
    }
    bits[item] = sum;
    for (int n = ITEMS / 2; n > 0; n /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (item < n) bits[item] += bits[item + n];
    }
    if (item == 0) block_bits[get_group_id(0)] = bits[0];
}
