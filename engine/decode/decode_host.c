#include "engine/decode/decode_host.h"

#include "cl/knobs.h"
#include "cl/polynomials.h"
#include "host/clones.h"
#include "host/threads.h"
#include "host/float_bits.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

/* The operations of cl/prelude.cl. Excess precision or contraction would change bits: the build sets
 * -ffp-contract=off, and every fused operation is written fmaf. */

/* sin(pi u), |u| < 2^22 */
static inline float sinpi_exact(float u) {
    float shifted = u + SIREN_ROUND_TO_INTEGER;
    float r = u - (shifted - SIREN_ROUND_TO_INTEGER);
    float s = r * r;
    float p = fmaf(s, SIREN_SIN_4, SIREN_SIN_3);
    p = fmaf(s, p, SIREN_SIN_2);
    p = fmaf(s, p, SIREN_SIN_1);
    p = fmaf(s, p, SIREN_SIN_0);
    return siren_float_of(siren_bits_of(p * r) ^ (siren_bits_of(shifted) << 31));
}

static inline float tanh_exact(float x) {
    float magnitude = siren_float_of(siren_bits_of(x) & 0x7FFFFFFFu);
    float t = (magnitude < 10.0f ? magnitude : 10.0f) * (2.0f * SIREN_LOG2_E);
    float shifted = t + SIREN_ROUND_TO_INTEGER;
    float f = t - (shifted - SIREN_ROUND_TO_INTEGER);
    float p = fmaf(f, SIREN_EXP_6, SIREN_EXP_5);
    p = fmaf(f, p, SIREN_EXP_4);
    p = fmaf(f, p, SIREN_EXP_3);
    p = fmaf(f, p, SIREN_EXP_2);
    p = fmaf(f, p, SIREN_EXP_1);
    p = fmaf(f, p, 1.0f);
    float d = siren_float_of(siren_bits_of(p) + (siren_bits_of(shifted) << 23)) + 1.0f;
    float y = siren_float_of(SIREN_RECIPROCAL_ESTIMATE - siren_bits_of(d));
    for (int step = 0; step < 4; step++) y = fmaf(y, fmaf(-d, y, 1.0f), y);
    return siren_float_of(siren_bits_of(fmaf(-2.0f, y, 1.0f)) | (siren_bits_of(x) & 0x80000000u));
}

static size_t host_padded(size_t width) {
    return (width + SIREN_HOST_COLUMNS - 1) / SIREN_HOST_COLUMNS * SIREN_HOST_COLUMNS;
}

/* z(SIREN_HOST_ROWS, SIREN_HOST_COLUMNS) = h(SIREN_HOST_ROWS, in) strip(in, SIREN_HOST_COLUMNS) + bias, one accumulator
 * each, inputs ascending. One array and one loop for each row: compilers keep these in vector registers, but not one of
 * all rows (docs/compilers.md). */
SIREN_CLONES static void host_tile(float *restrict z, size_t stride_z, const float *restrict h,
                                   size_t stride_h, const float *restrict strip, const float *restrict bias,
                                   size_t in) {
    float z0[SIREN_HOST_COLUMNS], z1[SIREN_HOST_COLUMNS], z2[SIREN_HOST_COLUMNS], z3[SIREN_HOST_COLUMNS];
    for (size_t o = 0; o < SIREN_HOST_COLUMNS; o++) z0[o] = z1[o] = z2[o] = z3[o] = bias[o];
    for (size_t k = 0; k < in; k++, strip += SIREN_HOST_COLUMNS) {
        float h0 = h[k], h1 = h[stride_h + k], h2 = h[2 * stride_h + k], h3 = h[3 * stride_h + k];
        for (size_t o = 0; o < SIREN_HOST_COLUMNS; o++) z0[o] = fmaf(h0, strip[o], z0[o]);
        for (size_t o = 0; o < SIREN_HOST_COLUMNS; o++) z1[o] = fmaf(h1, strip[o], z1[o]);
        for (size_t o = 0; o < SIREN_HOST_COLUMNS; o++) z2[o] = fmaf(h2, strip[o], z2[o]);
        for (size_t o = 0; o < SIREN_HOST_COLUMNS; o++) z3[o] = fmaf(h3, strip[o], z3[o]);
    }
    for (size_t o = 0; o < SIREN_HOST_COLUMNS; o++) {
        z[o] = z0[o];
        z[stride_z + o] = z1[o];
        z[2 * stride_z + o] = z2[o];
        z[3 * stride_z + o] = z3[o];
    }
}

SIREN_CLONES static void host_activate(float *restrict z, size_t n, uint32_t activation, float w0) {
    float half_turns = w0 * SIREN_INVERSE_PI;
    if (activation == SIREN_SINE)
        for (size_t i = 0; i < n; i++) z[i] = sinpi_exact(z[i] * half_turns);
    else if (activation == SIREN_RELU)
        for (size_t i = 0; i < n; i++) z[i] = z[i] > 0.0f ? z[i] : 0.0f;
    else if (activation == SIREN_TANH)
        for (size_t i = 0; i < n; i++) z[i] = tanh_exact(z[i]);
    else if (activation == SIREN_LEAKY_RELU)
        for (size_t i = 0; i < n; i++) z[i] = z[i] > 0.0f ? z[i] : z[i] * SIREN_LEAK;
}

/* Points by any thread in any order: each is computed on its own. */
typedef struct {
    const siren_network *network;
    size_t n_layers, n_points, widest; /* padded */
    const float *strips,
        *bias; /* of each layer (padded / SIREN_HOST_COLUMNS, in, SIREN_HOST_COLUMNS); (n_layers, widest) */
    const float *coordinates;
    float *y;
    float *scratch; /* (n_threads, 2, widest * SIREN_HOST_ROWS) */
    atomic_size_t next;
} host_work;

/* SIREN_HOST_ROWS points or fewer from `first` on; h and z are scratch. */
static void host_rows(const host_work *work, size_t first, float *h, float *z) {
    const siren_network *network = work->network;
    size_t rest = work->n_points - first, n_rows = rest < SIREN_HOST_ROWS ? rest : SIREN_HOST_ROWS;
    size_t n_inputs = network->n_inputs, n_out = network->layers[work->n_layers - 1].width, stride = n_inputs;
    const float *strip = work->strips;
    memcpy(h, work->coordinates + first * n_inputs, n_rows * n_inputs * sizeof *h);
    for (size_t l = 0; l < work->n_layers; l++) {
        size_t in = siren_network_layer_inputs(network, (uint32_t)l),
               padded = host_padded(network->layers[l].width);
        for (size_t o = 0; o < padded; o += SIREN_HOST_COLUMNS, strip += in * SIREN_HOST_COLUMNS)
            host_tile(z + o, padded, h, stride, strip, work->bias + l * work->widest + o, in);
        host_activate(z, SIREN_HOST_ROWS * padded, network->layers[l].activation, network->layers[l].w0);
        stride = padded;
        float *swap = h;
        h = z;
        z = swap;
    }
    for (size_t row = 0; row < n_rows; row++)
        memcpy(work->y + (first + row) * n_out, h + row * stride, n_out * sizeof *work->y);
}

static void host_member(void *user, size_t member) {
    host_work *work = user;
    size_t n_scratch = work->widest * SIREN_HOST_ROWS;
    float *h = work->scratch + 2 * member * n_scratch, *z = h + n_scratch;
    for (size_t first; (first = atomic_fetch_add(&work->next, SIREN_HOST_ITEM)) < work->n_points;)
        for (size_t row = first; row < first + SIREN_HOST_ITEM && row < work->n_points;
             row += SIREN_HOST_ROWS)
            host_rows(work, row, h, z);
}

/* `strips` and `bias` are zero. */
static void pack_strips(const siren_network *network, size_t n_layers, size_t widest, const float *params,
                        float *strips, float *bias) {
    for (size_t l = 0; l < n_layers; l++) {
        size_t in = siren_network_layer_inputs(network, (uint32_t)l), out = network->layers[l].width;
        for (size_t o = 0; o < out; o++) {
            float *column =
                strips + o / SIREN_HOST_COLUMNS * in * SIREN_HOST_COLUMNS + o % SIREN_HOST_COLUMNS;
            for (size_t k = 0; k < in; k++) column[k * SIREN_HOST_COLUMNS] = params[o * in + k];
        }
        memcpy(bias + l * widest, params + in * out, out * sizeof *bias);
        strips += in * host_padded(out);
        params += (in + 1) * out;
    }
}

siren_status siren_decode_host(const siren_network *network, size_t n_layers, const float *params,
                               size_t n_points, const float *coordinates, float *y) {
    SIREN_FREE_AT_END float *strips = NULL, *bias = NULL, *scratch = NULL;
    size_t widest = network->n_inputs, n_weights = 0;
    for (size_t l = 0; l < n_layers; l++) {
        size_t padded = host_padded(network->layers[l].width);
        if (padded > widest) widest = padded;
        n_weights += siren_network_layer_inputs(network, (uint32_t)l) * padded;
    }
    size_t n_threads = siren_processors();
    double worth = (double)n_weights * (double)n_points / SIREN_HOST_THREAD_MACS;
    if (worth < (double)n_threads) n_threads = (size_t)worth + 1;
    SIREN_TRY(siren_allocate(&strips, n_weights, sizeof *strips, "the packed weights"));
    SIREN_TRY(siren_allocate(&bias, widest * n_layers, sizeof *bias, "the biases"));
    SIREN_TRY(siren_allocate(&scratch, n_threads * 2 * widest * SIREN_HOST_ROWS, sizeof *scratch,
                             "inputs and outputs of layers"));
    pack_strips(network, n_layers, widest, params, strips, bias);
    host_work work = {.network = network,
                      .n_layers = n_layers,
                      .n_points = n_points,
                      .widest = widest,
                      .strips = strips,
                      .bias = bias,
                      .coordinates = coordinates,
                      .y = y,
                      .scratch = scratch};
    siren_threads_run(n_threads, host_member, &work);
    return SIREN_OK;
}

#define SAMPLE_POINTS 16

siren_status siren_decode_sample(const siren_network *network, const float *params, size_t n_points,
                                 const float *coordinates, const float *y, bool *equal) {
    size_t n_inputs = network->n_inputs, n_outputs = siren_network_n_outputs(network),
           n = n_points < SAMPLE_POINTS ? n_points : SAMPLE_POINTS;
    float at[SAMPLE_POINTS * SIREN_PAD]; /* that many coordinates at most */
    SIREN_FREE_AT_END float *expected = NULL;
    SIREN_TRY(siren_allocate(&expected, n * n_outputs, sizeof *expected, "outputs to compare with"));
    for (size_t i = 0; i < n; i++)
        memcpy(at + i * n_inputs, coordinates + i * n_points / n * n_inputs, n_inputs * sizeof *at);
    SIREN_TRY(siren_decode_host(network, network->n_layers, params, n, at, expected));
    bool same = true;
    for (size_t i = 0; i < n; i++)
        same = same &&
               memcmp(expected + i * n_outputs, y + i * n_points / n * n_outputs, n_outputs * sizeof *y) == 0;
    *equal = same;
    return SIREN_OK;
}
