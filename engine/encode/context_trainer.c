#include "engine/encode/context_trainer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/clones.h"
#include "host/threads.h"

#define CHUNK 128 /* examples that pass through the network at once */
#define WARM_UP 50
#define PARTS 8 /* of a batch, whose gradients are added in order */
#define W 96    /* most units of a layer */

typedef float lanes8 __attribute__((vector_size(32)));
typedef float lanes16 __attribute__((vector_size(64)));
/* Into the clones, all of it. */
#define INLINE __attribute__((always_inline)) static inline

/* Parameters as (output, input), each row of W; biases apart. */
typedef struct {
    float weights[SIREN_CONTEXT_LAYERS][W][W];
    float biases[SIREN_CONTEXT_LAYERS][W];
} float_network;
#define N_FLOATS (sizeof(float_network) / sizeof(float))

typedef struct {
    float in[W][CHUNK], a1[W][CHUNK], a2[W][CHUNK], out[16][CHUNK]; /* (unit, example) */
    float d1[W][CHUNK], d2[W][CHUNK];
    float turned[CHUNK][W]; /* (example, unit) */
    float y[CHUNK], half[CHUNK], first[CHUNK];
} work_space;

/* c (m, n) += a (m, k) b (k, n): m a multiple of 4, n of 32. Rows of b and c have `b_row` and `c_row` floats; a has any
 * strides. Each sum has one order, so that lanes change no bit; vectors wider than the processor's would pass through
 * memory. */
#define MULTIPLY_ADD(name, lanes)                                                                            \
    INLINE void name(size_t m, size_t n, size_t k, const float *a, size_t a_row, size_t a_column,            \
                     const float *b, size_t b_row, float *c, size_t c_row) {                                 \
        for (size_t i = 0; i < m; i += 4)                                                                    \
            for (size_t j = 0; j < n; j += 2 * sizeof(lanes) / sizeof(float)) {                              \
                lanes sums[4][2];                                                                            \
                for (size_t r = 0; r < 4; r++) memcpy(sums[r], c + (i + r) * c_row + j, sizeof sums[r]);     \
                for (size_t p = 0; p < k; p++) {                                                             \
                    lanes row[2];                                                                            \
                    memcpy(row, b + p * b_row + j, sizeof row);                                              \
                    for (size_t r = 0; r < 4; r++) {                                                         \
                        float x = a[(i + r) * a_row + p * a_column];                                         \
                        sums[r][0] += x * row[0];                                                            \
                        sums[r][1] += x * row[1];                                                            \
                    }                                                                                        \
                }                                                                                            \
                for (size_t r = 0; r < 4; r++) memcpy(c + (i + r) * c_row + j, sums[r], sizeof sums[r]);     \
            }                                                                                                \
    }
MULTIPLY_ADD(multiply_add8, lanes8)
MULTIPLY_ADD(multiply_add16, lanes16)

INLINE void leaky(float *x, size_t n) {
    for (size_t i = 0; i < n; i++) x[i] = x[i] < 0 ? x[i] * .125f : x[i];
}

INLINE void begin_layer(size_t n, const float *biases, float (*out)[CHUNK]) {
    for (size_t j = 0; j < n; j++)
        for (size_t s = 0; s < CHUNK; s++) out[j][s] = biases[j];
}

/* exp(x), within 2e-7 of it, relatively; x is limited to -80 ... 80. */
INLINE float exponential(float x) {
    x = x < -80 ? -80 : x > 80 ? 80 : x;
    float n = x * 1.44269504f + 12582912.f;
    union {
        float f;
        int32_t i;
    } power = {n};
    power.i = (int32_t)((uint32_t)power.i << 23) + 0x3f800000;
    n -= 12582912.f;
    x -= n * 0.693359375f;
    x -= n * -2.12194440e-4f;
    float e = 1.9875691500e-4f;
    e = e * x + 1.3981999507e-3f;
    e = e * x + 8.3334519073e-3f;
    e = e * x + 4.1665795894e-2f;
    e = e * x + 1.6666665459e-1f;
    e = e * x + 5.0000001201e-1f;
    return (e * x * x + x + 1) * power.f;
}

#define LEAST_MASS 1e-7f

/* The code length's derivatives take the place of the outputs; returns the lengths' sum in nats. */
INLINE void lose(work_space *work, float masses[CHUNK], const float scale) {
    for (size_t s = 0; s < CHUNK; s++) {
        float weight[3], p[3], by_center[3], by_scale[3], most, sum = 0, mass = 0;
        most = work->out[6][s];
        for (int k = 1; k < 3; k++) most = work->out[6 + k][s] > most ? work->out[6 + k][s] : most;
        for (int k = 0; k < 3; k++) {
            weight[k] = exponential(work->out[6 + k][s] - most);
            sum += weight[k];
        }
        for (int k = 0; k < 3; k++) {
            weight[k] /= sum;
            float log_scale = work->out[3 + k][s];
            bool held = log_scale < -7 || log_scale > 5;
            log_scale = log_scale < -7 ? -7 : log_scale > 5 ? 5 : log_scale;
            float inverse = exponential(-log_scale), d = work->y[s] - work->out[k][s];
            float upper = (d + work->half[s]) * inverse, lower = (d - work->half[s]) * inverse;
            lower = work->first[s] > 0 ? -80 : lower;
            /* Where both are above 0 the other tail is the exact one. */
            float sign = upper + lower > 0 ? -1.f : 1.f;
            float e_upper = exponential(-sign * upper), e_lower = exponential(-sign * lower);
            float f_upper = 1 / (1 + e_upper), f_lower = 1 / (1 + e_lower);
            p[k] = sign * (f_upper - f_lower);
            float g_upper = e_upper * f_upper * f_upper, g_lower = e_lower * f_lower * f_lower;
            if (!(f_upper > 1e-30f)) g_upper = 0;
            if (!(f_lower > 1e-30f)) g_lower = 0;
            by_center[k] = -(g_upper - g_lower) * inverse;
            by_scale[k] = held ? 0 : -(upper * g_upper - lower * g_lower);
            mass += weight[k] * p[k];
        }
        float all = mass + LEAST_MASS, factor = -scale / all;
        masses[s] = all;
        for (int k = 0; k < 3; k++) {
            work->out[k][s] = factor * weight[k] * by_center[k];
            work->out[3 + k][s] = factor * weight[k] * by_scale[k];
            work->out[6 + k][s] = factor * weight[k] * (p[k] - mass);
        }
    }
}

/* The same of a magnitude told in unary, step by step (docs/context-transform.md); `masses` are its probabilities. */
INLINE void lose_magnitude(work_space *work, float masses[CHUNK], const float scale) {
    static const float ends[SIREN_MAGNITUDE_STEPS + 1] = {0, 1, 2, 3, 5, 9, 15}; /* of the bits of a step */
    float lengths[CHUNK] = {0}, n_bits[SIREN_MAGNITUDE_STEPS][CHUNK], odds[SIREN_MAGNITUDE_STEPS][CHUNK];
    for (size_t k = 0; k < SIREN_MAGNITUDE_STEPS; k++)
        for (size_t s = 0; s < CHUNK; s++) {
            /* Ones as far as the magnitude goes past the step's beginning, then a zero where it ends within the
             * step. */
            const float y = work->y[s], past = y < ends[k + 1] ? y : ends[k + 1],
                        ones = past > ends[k] ? past - ends[k] : 0,
                        zeros = y >= ends[k] && y < ends[k + 1] ? 1.f : 0.f;
            float x = work->out[k][s];
            x = x < -8 ? -8 : x > 8 ? 8 : x;
            const float e = exponential(-x), p = 1 / (1 + e);
            work->out[k][s] = scale * (zeros * p - ones * (1 - p));
            n_bits[k][s] = ones + zeros;
            odds[k][s] = 1 + e; /* a one has the length log(1 + e), a zero that and x */
            lengths[s] += zeros * x;
        }
    for (size_t k = 0; k < SIREN_MAGNITUDE_STEPS; k++)
        for (size_t s = 0; s < CHUNK; s++)
            if (n_bits[k][s] > 0) lengths[s] += n_bits[k][s] * logf(odds[k][s]);
    for (size_t s = 0; s < CHUNK; s++) masses[s] = exponential(-lengths[s]);
}

/* The same of what a pixel lacks, as if normally distributed about the output with a variance of 1: half the square. */
INLINE void lose_square(work_space *work, float masses[CHUNK], const float scale) {
    for (size_t s = 0; s < CHUNK; s++) {
        const float e = work->out[0][s] - work->y[s];
        masses[s] = exponential(-.5f * e * e);
        work->out[0][s] = scale * e;
    }
}

INLINE void turn(size_t n, float (*in)[CHUNK], float (*out)[W]) {
    for (size_t s = 0; s < CHUNK; s++)
        for (size_t j = 0; j < n; j++) out[s][j] = in[j][s];
}

INLINE void add_rows(size_t n, float (*d)[CHUNK], float *out) {
    for (size_t j = 0; j < n; j++) {
        lanes8 sums[2] = {{0}};
        for (size_t s = 0; s < CHUNK; s += 16) {
            lanes8 x[2];
            memcpy(x, &d[j][s], sizeof x);
            sums[0] += x[0];
            sums[1] += x[1];
        }
        float all = 0;
        for (size_t i = 0; i < 2; i++)
            for (size_t k = 0; k < 8; k++) all += sums[i][k];
        out[j] += all;
    }
}

INLINE void mask(size_t n, float (*a)[CHUNK], float (*d)[CHUNK]) {
    for (size_t j = 0; j < n; j++)
        for (size_t s = 0; s < CHUNK; s++) d[j][s] = a[j][s] < 0 ? d[j][s] * .125f : d[j][s];
}

typedef void multiply_add_fn(size_t m, size_t n, size_t k, const float *a, size_t a_row, size_t a_column,
                             const float *b, size_t b_row, float *c, size_t c_row);
typedef void pass_fn(siren_context_kind kind, const float_network *net, size_t h1, size_t h2,
                     work_space *work, float_network *gradient, float masses[CHUNK], float scale);

/* A chunk of examples through the network and back; adds to `gradient`. */
INLINE void pass_by(multiply_add_fn *multiply_add, siren_context_kind kind, const float_network *net,
                    size_t h1, size_t h2, work_space *work, float_network *gradient, float masses[CHUNK],
                    float scale) {
    const size_t n_in = siren_context_n_features(kind), n_out = siren_context_n_outputs(kind),
                 n_padded = (n_out + 3) & ~(size_t)3;
    size_t in_wide = (n_in + 31) & ~(size_t)31, wide1 = (h1 + 31) & ~(size_t)31,
           wide2 = (h2 + 31) & ~(size_t)31;
    begin_layer(h1, net->biases[0], work->a1);
    multiply_add(h1, CHUNK, n_in, net->weights[0][0], W, 1, work->in[0], CHUNK, work->a1[0], CHUNK);
    leaky(work->a1[0], h1 * CHUNK);
    begin_layer(h2, net->biases[1], work->a2);
    multiply_add(h2, CHUNK, h1, net->weights[1][0], W, 1, work->a1[0], CHUNK, work->a2[0], CHUNK);
    leaky(work->a2[0], h2 * CHUNK);
    begin_layer(n_padded, net->biases[2], work->out);
    multiply_add(n_padded, CHUNK, h2, net->weights[2][0], W, 1, work->a2[0], CHUNK, work->out[0], CHUNK);
    if (kind == SIREN_CONTEXT_OF_VOXELS)
        lose(work, masses, scale);
    else if (kind == SIREN_CONTEXT_OF_COEFFICIENTS)
        lose_magnitude(work, masses, scale);
    else
        lose_square(work, masses, scale);
    for (size_t j = n_out; j < n_padded; j++) memset(work->out[j], 0, sizeof work->out[j]);
    /* back */
    memset(work->d2, 0, h2 * sizeof *work->d2);
    multiply_add(h2, CHUNK, n_out, net->weights[2][0], 1, W, work->out[0], CHUNK, work->d2[0], CHUNK);
    mask(h2, work->a2, work->d2);
    memset(work->d1, 0, h1 * sizeof *work->d1);
    multiply_add(h1, CHUNK, h2, net->weights[1][0], 1, W, work->d2[0], CHUNK, work->d1[0], CHUNK);
    mask(h1, work->a1, work->d1);
    turn(h2, work->a2, work->turned);
    multiply_add(n_padded, wide2, CHUNK, work->out[0], CHUNK, 1, work->turned[0], W, gradient->weights[2][0],
                 W);
    add_rows(n_out, work->out, gradient->biases[2]);
    turn(h1, work->a1, work->turned);
    multiply_add(h2, wide1, CHUNK, work->d2[0], CHUNK, 1, work->turned[0], W, gradient->weights[1][0], W);
    add_rows(h2, work->d2, gradient->biases[1]);
    turn(n_in, work->in, work->turned);
    multiply_add(h1, in_wide, CHUNK, work->d1[0], CHUNK, 1, work->turned[0], W, gradient->weights[0][0], W);
    add_rows(h1, work->d1, gradient->biases[0]);
}

SIREN_CLONES static void pass8(siren_context_kind kind, const float_network *net, size_t h1, size_t h2,
                               work_space *work, float_network *gradient, float masses[CHUNK], float scale) {
    pass_by(multiply_add8, kind, net, h1, h2, work, gradient, masses, scale);
}

SIREN_CLONES static void pass16(siren_context_kind kind, const float_network *net, size_t h1, size_t h2,
                                work_space *work, float_network *gradient, float masses[CHUNK], float scale) {
    pass_by(multiply_add16, kind, net, h1, h2, work, gradient, masses, scale);
}

static pass_fn *choose_pass(void) {
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx512f")) return pass16;
#endif
    return pass8;
}

/* ---- the team ---- */

typedef struct {
    const siren_context_examples *examples;
    const siren_context_training *training;
    float_network *net, *gradients; /* (PARTS) */
    work_space *work;               /* (n_members) */
    const uint32_t *order;          /* of examples, from where the batch begins */
    size_t n_members;
    double lengths[PARTS];
    pass_fn *pass;
} team;

static void load(siren_context_kind kind, const siren_context_examples *examples, const uint32_t *order,
                 work_space *work) {
    const size_t n_features = siren_context_n_features(kind);
    for (size_t s = 0; s < CHUNK; s++) {
        const int8_t *row = examples->features + (size_t)order[s] * n_features;
        for (size_t i = 0; i < n_features; i++) work->in[i][s] = (float)row[i] * (1.f / 16);
        if (kind == SIREN_CONTEXT_OF_COEFFICIENTS) {
            work->y[s] = examples->magnitudes[order[s]];
            continue;
        }
        if (kind == SIREN_CONTEXT_OF_PIXELS) {
            work->y[s] = examples->targets[order[s]];
            continue;
        }
        const float *target = examples->targets + 2 * (size_t)order[s];
        work->y[s] = target[0];
        work->half[s] = fabsf(target[1]);
        work->first[s] = target[1] < 0 ? 1.f : 0.f;
    }
}

static void member(void *user, size_t i) {
    team *t = user;
    const siren_context_training *training = t->training;
    const size_t n = SIREN_CONTEXT_BATCH / PARTS;
    for (size_t part = i; part < PARTS; part += t->n_members) {
        memset(&t->gradients[part], 0, sizeof *t->gradients);
        t->lengths[part] = 0;
        for (size_t first = 0; first < n; first += CHUNK) {
            float masses[CHUNK];
            load(training->kind, t->examples, t->order + part * n + first, &t->work[i]);
            t->pass(training->kind, t->net, training->widths[0], training->widths[1], &t->work[i],
                    &t->gradients[part], masses, 1.f / SIREN_CONTEXT_BATCH);
            for (size_t s = 0; s < CHUNK; s++) t->lengths[part] -= (double)log2f(masses[s]);
        }
    }
}

static uint64_t next_random(uint64_t *state) { /* splitmix64 */
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static void shuffle(uint32_t *order, size_t n, uint64_t *state) {
    for (size_t i = n; i-- > 1;) {
        size_t j = (size_t)(next_random(state) % (i + 1));
        uint32_t x = order[i];
        order[i] = order[j];
        order[j] = x;
    }
}

static void initialise(siren_context_kind kind, float_network *net, const size_t *widths, uint64_t *state) {
    static const float log_scales[SIREN_MIXTURE] = {-1.5f, -.5f, .5f};
    for (size_t l = 0; l < SIREN_CONTEXT_LAYERS; l++) {
        float bound = sqrtf(1.f / (float)widths[l]) * (l + 1 == SIREN_CONTEXT_LAYERS ? .1f : 1.f);
        for (size_t j = 0; j < widths[l + 1]; j++)
            for (size_t i = 0; i < widths[l]; i++)
                net->weights[l][j][i] = bound * ((float)(next_random(state) >> 40) * 0x1p-23f - 1);
    }
    for (size_t k = 0; kind == SIREN_CONTEXT_OF_VOXELS && k < SIREN_MIXTURE; k++)
        net->biases[SIREN_CONTEXT_LAYERS - 1][SIREN_MIXTURE + k] = log_scales[k];
}

typedef struct {
    float_network net, first, second; /* moments */
    float_network stored;             /* the parameters as an archive will have them */
} optimised;

/* One step of Adam, with the parts' gradients added in order. */
static void adam(optimised *state, const float_network *gradients, size_t step, float rate) {
    const float b1 = .9f, b2 = .99f, c1 = 1 / (1 - powf(b1, (float)step)),
                c2 = 1 / (1 - powf(b2, (float)step));
    float *w = (float *)&state->net, *m = (float *)&state->first, *v = (float *)&state->second;
    const float *all = (const float *)gradients;
    for (size_t i = 0; i < N_FLOATS; i++) {
        float g = 0;
        for (size_t p = 0; p < PARTS; p++) g += all[p * N_FLOATS + i];
        m[i] = b1 * m[i] + (1 - b1) * g;
        v[i] = b2 * v[i] + (1 - b2) * g * g;
        w[i] -= rate * m[i] * c1 / (sqrtf(v[i] * c2) + 1e-8f);
    }
}

static int16_t rounded(float x) {
    float y = rintf(x * SIREN_CONTEXT_ONE);
    if (!(fabsf(y) <= SIREN_CONTEXT_LARGEST_WEIGHT))
        y = y > 0 ? SIREN_CONTEXT_LARGEST_WEIGHT : y < 0 ? -SIREN_CONTEXT_LARGEST_WEIGHT : 0;
    return (int16_t)y;
}

/* Gradients are those of the stored parameters then, and move the exact ones. */
static void store(optimised *state) {
    const float *from = (const float *)&state->net;
    float *to = (float *)&state->stored;
    for (size_t i = 0; i < N_FLOATS; i++) to[i] = (float)rounded(from[i]) / SIREN_CONTEXT_ONE;
}

static void round_network(siren_context_kind kind, const float_network *net, const size_t *widths,
                          siren_context_network *out) {
    memset(out, 0, sizeof *out);
    out->kind = kind;
    for (size_t l = 0; l <= SIREN_CONTEXT_LAYERS; l++) out->widths[l] = (uint32_t)widths[l];
    for (size_t l = 0; l < SIREN_CONTEXT_LAYERS; l++)
        for (size_t j = 0; j < widths[l + 1]; j++) {
            for (size_t i = 0; i < widths[l]; i++) out->weights[l][i][j] = rounded(net->weights[l][j][i]);
            out->weights[l][widths[l]][j] = rounded(net->biases[l][j]);
        }
}

siren_status siren_context_train(const siren_context_examples *examples,
                                 const siren_context_training *training, siren_context_network *out,
                                 double *bits) {
    const size_t widths[SIREN_CONTEXT_LAYERS + 1] = {siren_context_n_features(training->kind),
                                                     training->widths[0], training->widths[1],
                                                     siren_context_n_outputs(training->kind)};
    SIREN_FREE_AT_END optimised *state = NULL;
    SIREN_FREE_AT_END float_network *gradients = NULL;
    SIREN_FREE_AT_END work_space *work = NULL;
    SIREN_FREE_AT_END uint32_t *order = NULL;
    size_t n_team = siren_processors() < PARTS ? siren_processors() : PARTS, n = examples->n;
    /* Few examples come more than once in a batch. */
    const size_t n_order = n < SIREN_CONTEXT_BATCH ? SIREN_CONTEXT_BATCH : n;
    SIREN_TRY(siren_allocate(&state, 1, sizeof *state, "a context network"));
    SIREN_TRY(siren_allocate(&gradients, PARTS, sizeof *gradients, "a context network's gradients"));
    SIREN_TRY(siren_allocate(&work, n_team, sizeof *work, "a context network's training"));
    SIREN_TRY(siren_allocate(&order, n_order, sizeof *order, "the order of examples"));
    team t = {examples, training, &state->net, gradients, work, order, n_team, {0}, choose_pass()};
    uint64_t random = training->seed;
    double sum = 0;
    size_t at = n_order, n_sum = 0;
    initialise(training->kind, &state->net, widths, &random);
    for (size_t i = 0; i < n_order; i++) order[i] = (uint32_t)(i % n);
    for (size_t step = 0; step < training->n_steps; step++) {
        if (n_order - at < SIREN_CONTEXT_BATCH) {
            shuffle(order, n_order, &random);
            at = 0;
        }
        if (step >= training->n_steps - training->n_steps / 4) {
            store(state);
            t.net = &state->stored;
        }
        t.order = order + at;
        at += SIREN_CONTEXT_BATCH;
        siren_threads_run(n_team, member, &t);
        float part = (float)step / (float)training->n_steps, warm = (float)(step + 1) / WARM_UP;
        adam(state, gradients, step + 1,
             training->rate * .5f * (1 + cosf(3.14159265f * part)) * (warm < 1 ? warm : 1));
        for (size_t p = 0; p < PARTS && step >= training->n_steps - training->n_steps / 10; p++) {
            sum += t.lengths[p];
            n_sum += SIREN_CONTEXT_BATCH / PARTS;
        }
        if (training->progress && step % 64 == 63 &&
            !training->progress(training->user, (double)(step + 1), (double)training->n_steps, "training"))
            return siren_fail(SIREN_CANCELLED, "compression was interrupted");
    }
    if (bits) *bits = n_sum ? sum / (double)n_sum : 0;
    round_network(training->kind, &state->net, widths, out);
    return SIREN_OK;
}

double siren_context_loss(siren_context_kind kind, const siren_context_examples *examples,
                          const uint32_t widths[2], const siren_context_parameters *parameters,
                          siren_context_parameters *gradient) {
    const size_t all[SIREN_CONTEXT_LAYERS + 1] = {siren_context_n_features(kind), widths[0], widths[1],
                                                  siren_context_n_outputs(kind)};
    uint32_t order[CHUNK];
    float masses[CHUNK];
    float_network *nets = calloc(2, sizeof *nets);
    work_space *work = calloc(1, sizeof *work);
    double sum = NAN;
    if (!nets || !work) goto done;
    for (size_t s = 0; s < CHUNK; s++) order[s] = (uint32_t)(s % examples->n);
    for (size_t l = 0; l < SIREN_CONTEXT_LAYERS; l++)
        for (size_t j = 0; j < all[l + 1]; j++) {
            for (size_t i = 0; i < all[l]; i++) nets[0].weights[l][j][i] = parameters->of[l][i][j];
            nets[0].biases[l][j] = parameters->of[l][all[l]][j];
        }
    load(kind, examples, order, work);
    choose_pass()(kind, &nets[0], widths[0], widths[1], work, &nets[1], masses, 1);
    memset(gradient, 0, sizeof *gradient);
    for (size_t l = 0; l < SIREN_CONTEXT_LAYERS; l++)
        for (size_t j = 0; j < all[l + 1]; j++) {
            for (size_t i = 0; i < all[l]; i++) gradient->of[l][i][j] = nets[1].weights[l][j][i];
            gradient->of[l][all[l]][j] = nets[1].biases[l][j];
        }
    sum = 0;
    for (size_t s = 0; s < CHUNK; s++) sum -= log((double)masses[s]);
done:
    free(nets), free(work);
    return sum;
}
