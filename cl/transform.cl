/* The inverse of the transform model in integers: the same bits on every device and on the host (docs/numerics.md,
 * docs/transform.md chapter 6). */
#include "prelude.cl"

#define SIDE 8
#define PLACES 64
#define HALF 4

__constant int cosines[SIDE][SIDE] = {
    {11585, 11585, 11585, 11585, 11585, 11585, 11585, 11585},
    {16069, 13623, 9102, 3196, -3196, -9102, -13623, -16069},
    {15137, 6270, -6270, -15137, -15137, -6270, 6270, 15137},
    {13623, -3196, -16069, -9102, 9102, 16069, 3196, -13623},
    {11585, -11585, -11585, 11585, 11585, -11585, -11585, 11585},
    {9102, -16069, 3196, 13623, -13623, -3196, 16069, -9102},
    {6270, -15137, 15137, -6270, -6270, 15137, -15137, 6270},
    {3196, -9102, 13623, -16069, 16069, -13623, 9102, -3196}};

__constant int turn[HALF][HALF] = {
    {-1640, 9989, 1360, 1783}, {-10095, -2566, 7626, 1219}, {913, -7822, -1188, 3800}, {-1437, -767, -4056, -293}};

void inverse_block(__global int *values) {
    int columns[SIDE][SIDE];
    for (int i = 0; i < SIDE; i++)
        for (int w = 0; w < SIDE; w++) {
            long sum = 16384;
            for (int u = 0; u < SIDE; u++) sum += (long)cosines[u][i] * values[u * SIDE + w];
            columns[i][w] = convert_int_sat(sum >> 15);
        }
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) {
            long sum = 16384;
            for (int w = 0; w < SIDE; w++) sum += (long)cosines[w][j] * columns[i][w];
            values[i * SIDE + j] = convert_int_sat(sum >> 15);
        }
}

/* Across the edge between two neighbours, of which pixels are `apart` from each other; lines of pixels along it. */
void turn_edge(__global int *first, __global int *second, int apart) {
    int along = apart == 1 ? SIDE : 1;
    for (int lane = 0; lane < SIDE; lane++) {
        long difference[HALF];
        for (int i = 0; i < HALF; i++)
            difference[i] = (long)first[(SIDE - 1 - i) * apart + lane * along] - second[i * apart + lane * along];
        for (int i = 0; i < HALF; i++) {
            long change = 32768;
            for (int j = 0; j < HALF; j++) change += turn[j][i] * difference[j];
            change >>= 16;
            __global int *a = first + (SIDE - 1 - i) * apart + lane * along, *b = second + i * apart + lane * along;
            *a = convert_int_sat(*a + change);
            *b = convert_int_sat(*b - change);
        }
    }
}

/* Coefficients become pixels, in place: blocks, then edges between upper and lower ones, then between left and right
 * ones. One work-group for each component (global ids: item of the group, component). */
__kernel void transform_rebuild(__global int *values,         /* (n_components, n_blocks, 64) */
                                __global const uchar *used,   /* (n_blocks) 0: without points */
                                int n_components, int n_blocks, int across) {
    int lane = get_local_id(0), n_lanes = get_local_size(0), component = get_group_id(1);
    values += (size_t)component * n_blocks * PLACES;
    /* No group leaves before a barrier: DEFINE_PRODUCT of product.cl tells why. */
    if (component >= n_components) n_blocks = 0;
    for (int b = lane; b < n_blocks; b += n_lanes)
        if (used[b]) inverse_block(values + b * PLACES);
    barrier(CLK_GLOBAL_MEM_FENCE);
    for (int b = lane; b < n_blocks; b += n_lanes)
        if (b >= across && used[b] && used[b - across])
            turn_edge(values + (b - across) * PLACES, values + b * PLACES, SIDE);
    barrier(CLK_GLOBAL_MEM_FENCE);
    for (int b = lane; b < n_blocks; b += n_lanes)
        if (b % across > 0 && used[b] && used[b - 1]) turn_edge(values + (b - 1) * PLACES, values + b * PLACES, 1);
}

/* Targets of some volumes: rows of the basis times the components' pixels (global ids: place of a block, block,
 * volume). */
__kernel void transform_combine(__global float *y,              /* (n_points, n_out) */
                                __global const int *values,     /* (n_components, n_blocks, 64) */
                                __global const short *vectors,  /* (n_components, n_volumes) */
                                __global const uchar *mean,     /* (n_volumes) */
                                __global const uint *points,    /* (n_blocks, 64) UINT_MAX: none */
                                int n_components, int n_blocks, int n_volumes, int first_volume, int n_out, int shift) {
    int place = get_global_id(0), b = get_global_id(1), v = get_global_id(2);
    if (place >= PLACES || b >= n_blocks || v >= n_out) return;
    uint point = points[b * PLACES + place];
    if (point == UINT_MAX) return;
    long sum = shift > 0 ? (long)1 << (shift - 1) : 0;
    for (int k = 0; k < n_components; k++)
        sum += (long)vectors[(size_t)k * n_volumes + first_volume + v] *
               values[((size_t)k * n_blocks + b) * PLACES + place];
    sum = (sum >> shift) + ((long)mean[first_volume + v] << 16);
    y[(size_t)point * n_out + v] = (float)(int)clamp(sum, (long)0, (long)1 << 24) * 0x1p-24f;
}
