/* The layer family, backwards: input gradients, and weight gradients as sums over parts of the points.
 *
 * Points are dealt in blocks of SIREN_BLOCK_ROWS: block b belongs to part b % n_parts. A part adds its blocks in
 * ascending order to what the tiles before have left, so its result depends on neither the tiling of the points nor the
 * batch of networks. A tile of points holds n_blocks blocks from first_block on. */
#include "product.cl"

DEFINE_PRODUCT(product_input, along, across)
DEFINE_PRODUCT(product_weight, across, across)

/* The first of a tile's blocks that belongs to `part`, and their number. */
inline int part_begin(int part, int n_parts, int first_block) {
    return (part + n_parts - first_block % n_parts) % n_parts;
}
inline int part_count(int begin, int n_parts, int n_blocks) {
    return begin < n_blocks ? (n_blocks - begin + n_parts - 1) / n_parts : 0;
}

/* A part's loss from those of layer_output's groups (global ids: part, network). */
__kernel void layer_loss(__global float *partial_losses,     /* (n_networks, n_parts) in/out */
                         __global const float *group_losses, /* (n_networks, n_blocks_stride, groups_per_block) */
                         int n_parts, int n_blocks_stride, int groups_per_block, int first_block, int n_blocks) {
    int part = get_global_id(0), network = get_global_id(1);
    group_losses += (size_t)network * n_blocks_stride * groups_per_block;
    float sum = first_block ? partial_losses[(size_t)network * n_parts + part] : 0.0f;
    for (int block = part_begin(part, n_parts, first_block); block < n_blocks; block += n_parts)
        for (int i = 0; i < groups_per_block; i++) sum += group_losses[(size_t)block * groups_per_block + i];
    partial_losses[(size_t)network * n_parts + part] = sum;
}

/* dZ of the layer below, in place of its derivative: D(rows, in) *= dZ(rows, out) W(out, in) (groups: tile of inputs
 * within tile of rows, 1, network). */
__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1)))
void layer_input_gradient(__global float *d, /* (n_networks, n_rows, in_padded) in/out */
                          __global const float *dz, /* (n_networks, n_rows, out_padded) */
                          __global const float *params, __global const int *table, int l, int n_padded, int n_rows) {
    __local float4 slabs[SLABS_FLOATS / 4];
    __global const int *layer = table + l * SIREN_LAYER_FIELDS;
    int in = layer[SIREN_LAYER_IN_PADDED], out = layer[SIREN_LAYER_OUT_PADDED], network = get_group_id(2);
    int row = (int)get_group_id(0) / TILES_N(in) * TILE_M, column = (int)get_group_id(0) % TILES_N(in) * TILE_N;
    float4 c[RESULT_ROWS][SIREN_QUADS_N];
    UNROLL for (int i = 0; i < RESULT_ROWS; i++)
        UNROLL for (int g = 0; g < SIREN_QUADS_N; g++) c[i][g] = (float4)(0.0f);
    factor a = {dz + (size_t)network * n_rows * out, out, row, row + TILE_M};
    factor b = {params + (size_t)network * n_padded + layer[SIREN_LAYER_WEIGHTS], in, column, in};
    product_input(c, 0, (__local float *)slabs, a, b, layer[SIREN_LAYER_OUT], 0);
    UNROLL for (int i = 0; i < RESULT_ROWS; i++)
        UNROLL for (int g = 0; g < SIREN_QUADS_N; g++) {
            if (column + TILE_COLUMN(g) >= in) continue;
            __global float4 *at = (__global float4 *)(d + ((size_t)network * n_rows + row + TILE_ROW(i)) * in +
                                                      column + TILE_COLUMN(g));
            *at *= c[i][g];
        }
}

/* dW(out, in) += dZ(rows, out)^T H(rows, in) and db(out) += sum over rows of dZ, over the part's rows of this tile
 * (groups: tile of inputs within tile of outputs, part, network). */
__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1)))
void layer_weight_gradient(__global float *partial_gradients, /* (n_networks, n_parts, n_padded) in/out */
                           __global const float *dz,          /* (n_networks, n_rows, out_padded) */
                           __global const float *h,           /* (n_networks, n_rows, in_padded) */
                           __global const int *table, int l, int n_padded, int n_rows, int first_block, int n_blocks) {
    __local float4 slabs[SLABS_FLOATS / 4];
    __global const int *layer = table + l * SIREN_LAYER_FIELDS;
    int in = layer[SIREN_LAYER_IN_PADDED], out = layer[SIREN_LAYER_OUT_PADDED];
    int unit = (int)get_group_id(0) / TILES_N(in) * TILE_M, column = (int)get_group_id(0) % TILES_N(in) * TILE_N;
    int part = get_group_id(1), n_parts = get_num_groups(1), network = get_group_id(2);
    __global float *gradient = partial_gradients + ((size_t)network * n_parts + part) * n_padded;
    __global float *dw = gradient + layer[SIREN_LAYER_WEIGHTS];
    __global float *db = gradient + layer[SIREN_LAYER_BIAS] + unit + get_local_id(0);
    bool sums = column == 0 && get_local_id(0) < TILE_M && unit + (int)get_local_id(0) < out;
    float sum = sums && first_block ? *db : 0.0f;
    float4 c[RESULT_ROWS][SIREN_QUADS_N];
    UNROLL for (int i = 0; i < RESULT_ROWS; i++)
        UNROLL for (int g = 0; g < SIREN_QUADS_N; g++) {
            bool continued = first_block && unit + TILE_ROW(i) < out && column + TILE_COLUMN(g) < in;
            __global const float *from = dw + (unit + TILE_ROW(i)) * in + column + TILE_COLUMN(g);
            c[i][g] = continued ? *(__global const float4 *)from : (float4)(0.0f);
        }
    int begin = part_begin(part, n_parts, first_block), count = part_count(begin, n_parts, n_blocks);
    size_t row = (size_t)network * n_rows + (size_t)begin * SIREN_BLOCK_ROWS;
    factor a = {dz + row * out, out, unit, out}, b = {h + row * in, in, column, in};
    product_weight(c, column == 0 ? &sum : 0, (__local float *)slabs, a, b, count * SIREN_BLOCK_ROWS,
                   (n_parts - 1) * SIREN_BLOCK_ROWS);
    UNROLL for (int i = 0; i < RESULT_ROWS; i++)
        UNROLL for (int g = 0; g < SIREN_QUADS_N; g++)
            if (unit + TILE_ROW(i) < out && column + TILE_COLUMN(g) < in)
                *(__global float4 *)(dw + (unit + TILE_ROW(i)) * in + column + TILE_COLUMN(g)) = c[i][g];
    if (sums) *db = sum;
}

/* The same for the first layer, whose inputs are coordinates: SIREN_PAD outputs and SIREN_FIRST_INPUTS inputs per
 * group, its work-items side by side on the rows of a block (groups: outputs / SIREN_PAD within inputs, part,
 * network). */
#define LANES (ITEMS / SIREN_PAD)
#define SUMS (1 + SIREN_FIRST_INPUTS) /* db and dW */
__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1)))
void layer_first_gradient(__global float *partial_gradients, __global const float *dz,
                          __global const float *coordinates /* (n_points, n_inputs) */, __global const int *table,
                          int n_padded, int n_rows, int n_points, int first_block, int n_blocks) {
    __local float lanes[SUMS][LANES][SIREN_PAD], sums[SUMS][SIREN_PAD];
    int n_inputs = table[SIREN_LAYER_IN], pitch = table[SIREN_LAYER_IN_PADDED], out = table[SIREN_LAYER_OUT_PADDED];
    int item = get_local_id(0), unit = item % SIREN_PAD, lane = item / SIREN_PAD;
    int first = get_group_id(0) % (out / SIREN_PAD) * SIREN_PAD;
    int input = get_group_id(0) / (out / SIREN_PAD) * SIREN_FIRST_INPUTS;
    int part = get_group_id(1), n_parts = get_num_groups(1), network = get_group_id(2);
    __global float *gradient = partial_gradients + ((size_t)network * n_parts + part) * n_padded;
    __global float *dw = gradient + table[SIREN_LAYER_WEIGHTS] + first * pitch + input;
    __global float *db = gradient + table[SIREN_LAYER_BIAS] + first;
    int n_sums = min(SUMS, 1 + n_inputs - input);
    coordinates += input;
    dz += (size_t)network * n_rows * out + first + unit;

    for (int i = item; i < SUMS * SIREN_PAD; i += ITEMS) {
        int s = i / SIREN_PAD, at = i % SIREN_PAD;
        sums[s][at] = first_block == 0 || s >= n_sums ? 0.0f : s == 0 ? db[at] : dw[at * pitch + s - 1];
    }
    int block = part_begin(part, n_parts, first_block);
    do { /* for a part without blocks as well, as in DEFINE_PRODUCT */
        bool here = block < n_blocks;
        float sum[SUMS] = {0.0f, 0.0f, 0.0f, 0.0f};
        for (int i = lane; here && i < SIREN_BLOCK_ROWS; i += LANES) {
            int point = (first_block + block) * SIREN_BLOCK_ROWS + i;
            if (point >= n_points) break;
            float delta = dz[(size_t)(block * SIREN_BLOCK_ROWS + i) * out];
            sum[0] += delta;
            for (int k = 0; k < SUMS - 1; k++)
                if (k < n_sums - 1) sum[k + 1] = fma(delta, coordinates[(size_t)point * n_inputs + k], sum[k + 1]);
        }
        for (int s = 0; s < SUMS; s++) lanes[s][lane][unit] = sum[s];
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int i = item; here && i < SUMS * SIREN_PAD; i += ITEMS) {
            int s = i / SIREN_PAD, at = i % SIREN_PAD;
            for (int j = 0; j < LANES; j++) sums[s][at] += lanes[s][j][at];
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        block += n_parts;
    } while (block < n_blocks);
    for (int i = item; i < SUMS * SIREN_PAD; i += ITEMS) {
        int s = i / SIREN_PAD, at = i % SIREN_PAD;
        if (s == 0 && input == 0)
            db[at] = sums[s][at];
        else if (s > 0 && s < n_sums)
            dw[at * pitch + s - 1] = sums[s][at];
    }
    for (int i = item; first_block == 0 && input == 0 && i < SIREN_PAD * SIREN_PAD; i += ITEMS)
        if (i % SIREN_PAD >= n_inputs) dw[i / SIREN_PAD * pitch + i % SIREN_PAD] = 0.0f;
}
