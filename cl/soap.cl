/* SOAP (Vyas et al. 2024, arXiv:2409.11321): Adam in the eigenbasis of Shampoo's two factors.
 *
 * A layer's gradient with its bias as a last column is X (rows, columns), of `out` times `in` + 1 values padded with
 * zeros to whole SIREN_PADs. Its left factor is the mean of X X^T, its right one that of X^T X; L and R are their
 * eigenvectors, one a column. Then, Y = L^T X R being what Adam squares, X's mean M steps by L (L^T M R / sqrt(mean of
 * Y^2)) R^T.
 *
 * All arrays of a network lie in one, its arena; products and bases are told by jobs, rows of an int table, so that
 * one launch serves all layers and networks (engine/train/soap.c plans both). Each sum is over ascending k, whatever
 * the device. */
#include "prelude.cl"
#include "soap_layout.h"

#define ROWS 8 /* of a product that a work-item makes at once: the sums stay in registers */
#if SOAP_LANES == 16
typedef float16 lanes;
typedef int16 lane_bits;
#define lanes_load(p) (*(__global const float16 *)(p)) /* all rows are whole, aligned vectors */
#define lanes_store(v, p) (*(__global float16 *)(p) = (v))
#define lanes_spread(v, p) vstore16(v, 0, p)
#define LANE_NUMBERS ((int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15))
#else
typedef float lanes;
typedef int lane_bits;
#define lanes_load(p) (*(p))
#define lanes_store(v, p) (*(p) = (v))
#define lanes_spread(v, p) (*(p) = (v))
#define LANE_NUMBERS 0
#endif

/* X and its transpose from the parts of a gradient (global ids: 16 values of X, network). */
__kernel void soap_gather(__global float *arenas /* (n_networks, n_arena) in/out */,
                          __global const float *partial_gradients, /* (n_networks, n_parts, n_padded) */
                          __global const float *state,             /* (n_networks, SIREN_STATE_FIELDS) */
                          __global const int *layers,              /* (n_layers, SIREN_SOAP_LAYER_FIELDS) */
                          int n_layers, int n_parts, int n_padded, int n_arena, int n_values) {
    int at = (int)get_global_id(0) * 16, network = get_global_id(1);
    if (at >= n_values) return;
    int l = 0;
    while (l + 1 < n_layers && at >= layers[(l + 1) * SIREN_SOAP_LAYER_FIELDS + SIREN_SOAP_X]) l++;
    __global const int *layer = layers + l * SIREN_SOAP_LAYER_FIELDS;
    int columns = SIREN_PADDED(layer[SIREN_SOAP_IN] + 1), rows = SIREN_PADDED(layer[SIREN_SOAP_OUT]);
    int row = (at - layer[SIREN_SOAP_X]) / columns, column = (at - layer[SIREN_SOAP_X]) % columns;
    int in = layer[SIREN_SOAP_IN], in_padded = SIREN_PADDED(in), has_bias = in >= column && in < column + 16;
    float x[16];
    float16 sum = (float16)(0.0f);
    float bias = 0.0f;
    if (row < layer[SIREN_SOAP_OUT]) {
        __global const float *part = partial_gradients + (size_t)network * n_parts * n_padded;
        for (int i = 0; i < n_parts; i++, part += n_padded) {
            if (column < in_padded) sum += vload16(0, part + layer[SIREN_SOAP_WEIGHTS] + row * in_padded + column);
            if (has_bias) bias += part[layer[SIREN_SOAP_BIAS] + row];
        }
    }
    vstore16(sum, 0, x);
    if (has_bias) x[in - column] = bias;
    float16 g = vload16(0, x) * (2.0f * state[network * SIREN_STATE_FIELDS + SIREN_STATE_SCALE]);
    __global float *arena = arenas + (size_t)network * n_arena;
    vstore16(g, 0, arena + at);
    vstore16(g, 0, x);
    __global float *transposed = arena + n_values + layer[SIREN_SOAP_X] + row;
    for (int i = 0; i < 16; i++) transposed[(size_t)(column + i) * rows] = x[i];
}

/* Puts a row's results from `column` on where the job has them. */
inline void put(__global float *arena, __global float *params, __global const int *job, int row, int column, lanes sum,
                float gain, float rate) {
    __global float *c = arena + job[SIREN_SOAP_C] + (size_t)row * job[SIREN_SOAP_COLUMNS] + column;
    if (job[SIREN_SOAP_KIND] == SIREN_SOAP_STORE) lanes_store(sum, c);
    if (job[SIREN_SOAP_KIND] == SIREN_SOAP_MEAN) {
        lanes old = lanes_load(c);
        lanes_store(fma((lanes)(gain), sum - old, old), c);
    }
    if (job[SIREN_SOAP_KIND] == SIREN_SOAP_APPLY && row < job[SIREN_SOAP_OUTPUTS]) {
        int in = job[SIREN_SOAP_C];
        float step[SOAP_LANES];
        lanes_spread(sum, step);
        for (int j = 0; j < SOAP_LANES && column + j <= in; j++) {
            int of_weight = job[SIREN_SOAP_TO_WEIGHTS] + row * SIREN_PADDED(in) + column + j;
            params[column + j < in ? of_weight : job[SIREN_SOAP_TO_BIAS] + row] -= rate * step[j];
        }
    }
}

/* C = A B, or C += gain (A B - C), or params -= rate A B, of the jobs from first_job on (global ids: lanes,
 * SIREN_SOAP_ITEM_ROWS, job and network). The columns of B stay in the first cache. */
__kernel void soap_product(__global float *arenas, __global float *params /* (n_networks, n_padded) in/out */,
                           __global const float *state, __global const int *jobs, /* (., SIREN_SOAP_JOB_FIELDS) */
                           int first_job, int n_jobs, int n_padded, int n_arena, float gain, float factor) {
    int network = (int)get_global_id(2) / n_jobs, column = (int)get_global_id(0) * SOAP_LANES;
    __global const int *job = jobs + (first_job + (int)get_global_id(2) % n_jobs) * SIREN_SOAP_JOB_FIELDS;
    __global float *arena = arenas + (size_t)network * n_arena;
    int a_row = job[SIREN_SOAP_A_ROW], a_k = job[SIREN_SOAP_A_K], n_k = job[SIREN_SOAP_N_K],
        pitch = job[SIREN_SOAP_COLUMNS];
    int first_row = (int)get_global_id(1) * SIREN_SOAP_ITEM_ROWS,
        end = min(first_row + SIREN_SOAP_ITEM_ROWS, job[SIREN_SOAP_ROWS]);
    float rate = state[network * SIREN_STATE_FIELDS + SIREN_STATE_RATE] * factor;
    params += (size_t)network * n_padded;
    if (column >= pitch) return;
    for (int row = first_row; row < end; row += ROWS) {
        __global const float *a = arena + job[SIREN_SOAP_A] + (size_t)row * a_row,
                             *b = arena + job[SIREN_SOAP_B] + column;
        /* Eight names: PoCL keeps an array in memory. */
        lanes s0 = (lanes)(0.0f), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0;
        for (int k = 0; k < n_k; k++, a += a_k, b += pitch) {
            lanes of_b = lanes_load(b);
            s0 = fma((lanes)(a[0]), of_b, s0);
            s1 = fma((lanes)(a[a_row]), of_b, s1);
            s2 = fma((lanes)(a[2 * a_row]), of_b, s2);
            s3 = fma((lanes)(a[3 * a_row]), of_b, s3);
            s4 = fma((lanes)(a[4 * a_row]), of_b, s4);
            s5 = fma((lanes)(a[5 * a_row]), of_b, s5);
            s6 = fma((lanes)(a[6 * a_row]), of_b, s6);
            s7 = fma((lanes)(a[7 * a_row]), of_b, s7);
        }
        const lanes sum[ROWS] = {s0, s1, s2, s3, s4, s5, s6, s7};
        for (int i = 0; i < ROWS; i++) put(arena, params, job, row + i, column, sum[i], gain, rate);
    }
}

/* Adam's step in the eigenbasis in place of Y (global ids: 16 values, network). */
__kernel void soap_adam(__global float *arenas, int n_arena, int n_values, float beta1, float beta2, float epsilon,
                        float correction1, float correction2) {
    int at = (int)get_global_id(0) * 16;
    if (at >= n_values) return;
    __global float *arena = arenas + (size_t)get_global_id(1) * n_arena + at,
                   *y = arena + SIREN_SOAP_ARRAY_Y * n_values;
    __global float *m = arena + SIREN_SOAP_ARRAY_M * n_values, *v = arena + SIREN_SOAP_ARRAY_V * n_values;
    float16 g = vload16(0, y), m_old = vload16(0, m), m_new = fma((float16)(1.0f - beta1), g - m_old, m_old);
    float16 v_new = fma((1.0f - beta2) * g, g, vload16(0, v) * beta2);
    vstore16(v_new, 0, v);
    vstore16(m_new, 0, m);
    vstore16(m_new * correction1 / (sqrt(v_new * correction2) + epsilon), 0, y);
}

/* A side's arrays, and its n. */
inline int side_of(__global float *arena, __global const int *side, int *pitch, __global float **s) {
    *pitch = SIREN_PADDED(side[SIREN_SOAP_SIDE]);
    *s = arena + side[SIREN_SOAP_S];
    return side[SIREN_SOAP_SIDE];
}

/* Begins to make a basis Q of P = S Q, its orthonormal factor by Householder's reflections (Golub & Van Loan, 5.1 and
 * 5.2), whatever the rank of P: P is scaled, since its squares would vanish, and Q becomes the axes. Where S is
 * nothing or no number, P becomes the axes instead, which reflect nothing, and Q stays (global ids: columns, side,
 * network). */
__kernel void soap_basis_begin(__global float *arenas, __global const int *sides /* (., SIREN_SOAP_SIDE_FIELDS) */,
                               int n_arena) {
    int pitch, step = (int)get_global_size(0) * SOAP_LANES;
    __global float *s;
    int n = side_of(arenas + (size_t)get_global_id(2) * n_arena, sides + (int)get_global_id(1) * SIREN_SOAP_SIDE_FIELDS,
                    &pitch, &s);
    __global float *q = s + pitch * pitch, *p = q + 2 * pitch * pitch;
    float trace = 0.0f;
    for (int i = 0; i < n; i++) trace += s[(size_t)i * pitch + i];
    bool is_good = trace > 1e-30f && trace < 1e30f;
    for (int column = (int)get_global_id(0) * SOAP_LANES; column < pitch; column += step)
        for (int r = 0; r < n; r++) {
            __global float *of_p = p + (size_t)r * pitch + column, *of_q = q + (size_t)r * pitch + column;
            lanes axes = select((lanes)(0.0f), (lanes)(1.0f), LANE_NUMBERS + column == (lane_bits)(r));
            if (is_good) lanes_store(axes, of_q);
            lanes_store(is_good ? lanes_load(of_p) * (1.0f / trace) : axes, of_p);
        }
}

/* Columns of `to` from `column` on, of rows k to n - 1, less gain u times u^T of them: u is u_k, then column k of P
 * below that. Columns up to `last` stay. */
inline void reflect(__global float *to, int pitch, __global const float *p, float u_k, float gain, int k, int n,
                    int column, int last) {
    __global const float *u = p + (size_t)(k + 1) * pitch + k;
    __global float *at = to + (size_t)k * pitch + column, *below = at + pitch;
    lanes a = (lanes)(u_k)*lanes_load(at), b = (lanes)(0.0f), c = (lanes)(0.0f), d = (lanes)(0.0f);
    int r = k + 1;
    for (; r + 3 < n; r += 4, below += 4 * pitch, u += 4 * pitch) {
        a = fma((lanes)(u[0]), lanes_load(below), a);
        b = fma((lanes)(u[pitch]), lanes_load(below + pitch), b);
        c = fma((lanes)(u[2 * pitch]), lanes_load(below + 2 * pitch), c);
        d = fma((lanes)(u[3 * pitch]), lanes_load(below + 3 * pitch), d);
    }
    for (; r < n; r++, below += pitch, u += pitch) a = fma((lanes)(u[0]), lanes_load(below), a);
    lanes w = select((lanes)(0.0f), ((a + b) + (c + d)) * -gain, LANE_NUMBERS + column > (lane_bits)(last));
    lanes_store(fma((lanes)(u_k), w, lanes_load(at)), at);
    u = p + (size_t)(k + 1) * pitch + k;
    below = at + pitch;
    for (r = k + 1; r < n; r++, below += pitch, u += pitch)
        lanes_store(fma((lanes)(u[0]), w, lanes_load(below)), below);
}

/* Reflections first, first + step ... before `end`: of P's columns right of each, in ascending order (step 1), or of
 * Q's, in descending order (-1). More than one only where a work-item has all columns (global ids: columns, side,
 * network). */
__kernel void soap_reflect(__global float *arenas, __global const int *sides, int n_arena, int first, int end,
                           int step) {
    int pitch, stride = (int)get_global_size(0) * SOAP_LANES;
    __global float *s;
    int n = side_of(arenas + (size_t)get_global_id(2) * n_arena, sides + (int)get_global_id(1) * SIREN_SOAP_SIDE_FIELDS,
                    &pitch, &s);
    __global float *q = s + pitch * pitch, *p = q + 2 * pitch * pitch;
    for (int k = first; k != end; k += step) {
        int last = step > 0 ? k : k - 1;
        float rest = 0.0f;
        if (k >= n) continue;
        for (int r = k + 1; r < n; r++) rest = fma(p[(size_t)r * pitch + k], p[(size_t)r * pitch + k], rest);
        if (!(rest > 0.0f)) continue;
        float head = p[(size_t)k * pitch + k], norm = copysign(sqrt(fma(head, head, rest)), head), u_k = head + norm;
        for (int column = (int)get_global_id(0) * SOAP_LANES; column < pitch; column += stride)
            if (column + SOAP_LANES > last + 1)
                reflect(step > 0 ? p : q, pitch, p, u_k, 1.0f / (norm * u_k), k, n, column, last);
    }
}

/* Q's transpose (global ids: row, side, network). */
__kernel void soap_basis_end(__global float *arenas, __global const int *sides, int n_arena) {
    int pitch, row = get_global_id(0);
    __global float *s;
    int n = side_of(arenas + (size_t)get_global_id(2) * n_arena, sides + (int)get_global_id(1) * SIREN_SOAP_SIDE_FIELDS,
                    &pitch, &s);
    __global float *q = s + pitch * pitch, *transposed = q + pitch * pitch;
    for (int i = 0; row < n && i < n; i++) transposed[(size_t)row * pitch + i] = q[(size_t)i * pitch + row];
}

/* Sides' bases at the start: the axes (global ids: row, job, network). */
__kernel void soap_axes(__global float *arenas, __global const int *sides, int n_arena) {
    __global const int *side = sides + (int)get_global_id(1) * SIREN_SOAP_SIDE_FIELDS;
    int row = get_global_id(0), pitch = SIREN_PADDED(side[SIREN_SOAP_SIDE]);
    __global float *q = arenas + (size_t)get_global_id(2) * n_arena + side[SIREN_SOAP_S] + pitch * pitch;
    if (row >= side[SIREN_SOAP_SIDE]) return;
    q[(size_t)row * pitch + row] = q[(size_t)(pitch + row) * pitch + row] = 1.0f;
}
