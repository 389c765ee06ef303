/* The device's limits: the rate of fused multiply-adds, with independent accumulators in registers and nothing else,
 * and that of its memory, with one multiply-add for three numbers moved. */
#include "prelude.cl"

#define EACH_CHAIN(DO)                                                                                       \
    DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7)                                                          \
    DO(8) DO(9) DO(10) DO(11) DO(12) DO(13) DO(14) DO(15)
#define PEAK_CHAINS 16

/* CPU form: 16 chains of vectors, `n` steps each (global id: worker). 2 * PEAK_CHAINS * SIREN_LANES * n operations. */
__kernel void peak_chain(__global float *out, float a, float b, int n) {
#define START(i) vec c##i = (vec)(a + i);
    EACH_CHAIN(START)
    vec x = (vec)(a), y = (vec)(b);
#define STEP(i) c##i = fma(c##i, x, y);
    for (int k = 0; k < n; k++) {
        EACH_CHAIN(STEP)
    }
    vec sum = (vec)(0.0f);
#define ADD(i) sum += c##i;
    EACH_CHAIN(ADD)
    vec_store(sum, out + get_global_id(0) * SIREN_LANES);
}

/* GPU form: the same with scalars per work-item. 2 * PEAK_CHAINS * n operations. */
__kernel void peak_layer(__global float *out, float a, float b, int n) {
#define START_SCALAR(i) float c##i = a + i;
    EACH_CHAIN(START_SCALAR)
    for (int k = 0; k < n; k++) {
#define STEP_SCALAR(i) c##i = fma(c##i, a, b);
        EACH_CHAIN(STEP_SCALAR)
    }
    float sum = 0.0f;
    EACH_CHAIN(ADD)
    out[get_global_id(0)] = sum;
}

/* out = a + scale * b on `n` vectors of each work-item, which lie together (global id: worker). 12 * SIREN_LANES * n
 * bytes. */
__kernel void triad_chain(__global float *out, __global const float *a, __global const float *b, float scale, int n) {
    size_t first = (size_t)get_global_id(0) * n * SIREN_LANES;
    for (int k = 0; k < n; k++) {
        size_t at = first + (size_t)k * SIREN_LANES;
        vec_store(fma(vec_load(b + at), (vec)(scale), vec_load(a + at)), out + at);
    }
}

/* The same on `n` quads of each work-item, side by side with those of its neighbours. 48 * n bytes. */
__kernel void triad_layer(__global float *out, __global const float *a, __global const float *b, float scale, int n) {
    for (int k = 0; k < n; k++) {
        size_t at = get_global_id(0) + (size_t)k * get_global_size(0);
        vstore4(fma(vload4(at, b), (float4)(scale), vload4(at, a)), at, out);
    }
}
