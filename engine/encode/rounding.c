#include "engine/encode/rounding.h"

#include "engine/decode/decode.h"
#include "engine/encode/least_squares.h"
#include "host/clones.h"
#include "host/float_bits.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK 1024 /* points decoded at a time */

siren_rounding_options siren_rounding_defaults(void) {
    return (siren_rounding_options){
        .match = true, .solve = true, .feedback = true, .polish = true, .ridge = 1e-4};
}

/* The smallest step of 16 bits for which `largest` integers reach `magnitude`; 0 where that would be below
 * SIREN_SMALLEST_STEP, and no larger than lets integer * step be finite. */
static float step_for(double magnitude, int largest) {
    double exact = magnitude / largest, limit = (double)FLT_MAX / largest;
    if (!(exact >= (double)SIREN_SMALLEST_STEP)) return 0.0f;
    float step = (float)(exact < limit ? exact : limit);
    uint32_t bits = siren_bits_of(step);
    if (exact < limit && (double)step < exact) bits++;
    if (exact < limit && (bits & 0xFFFF)) bits += 0x10000;
    step = siren_float_of(bits & 0xFFFF0000u);
    return (double)step > limit ? siren_float_of(siren_bits_of((float)limit) & 0xFFFF0000u) : step;
}

static int16_t nearest(double value, double step, int largest) {
    double q = rint(value / step);
    if (step == 0.0 || isnan(q)) return 0;
    return (int16_t)(q > largest ? largest : q < -largest ? -largest : q);
}

static float round_group(const float *values, size_t n, int largest, int16_t *integers) {
    float magnitude = 0;
    for (size_t i = 0; i < n; i++) magnitude = fmaxf(magnitude, fabsf(values[i]));
    float step = step_for((double)magnitude, largest);
    for (size_t i = 0; i < n; i++) integers[i] = nearest((double)values[i], (double)step, largest);
    return step;
}

unsigned siren_rounded_bits(const siren_network *network, uint32_t layer, siren_weight_form form) {
    if (layer == 0) return SIREN_FINE_BITS;
    if (form.taper == 0) return layer + 1 == network->n_layers ? form.bits + 1 : form.bits;
    return form.bits - (layer - 1 < form.taper ? layer - 1 : form.taper);
}

/* 2^(-n / 16), n below 16: of square roots, which are the same everywhere. */
static double exp2_of_sixteenths(unsigned n) {
    double power = 1, root = 0.5;
    for (unsigned bit = 8; bit > 0; bit /= 2) {
        root = sqrt(root);
        if (n & bit) power *= root;
    }
    return power;
}

int siren_rounded_largest(const siren_network *network, uint32_t layer, siren_weight_form form) {
    const unsigned bits = siren_rounded_bits(network, layer, form), n = network->n_layers - 1,
                   less = layer == 0 ? 0 : (form.less + layer - 1) / n;
    if (less == 0) return SIREN_LARGEST_INTEGER(bits);
    const int largest = (int)ldexp(exp2_of_sixteenths(less % 16), (int)bits - 1 - (int)(less / 16)) - 1;
    return largest < 1 ? 1 : largest;
}

double siren_rounded_bytes_of_bit(const siren_network *network) {
    double n = 0;
    for (uint32_t l = 1; l < network->n_layers; l++)
        n += (double)siren_network_layer_inputs(network, l) * network->layers[l].width;
    return n / 8;
}

/* One layer to nearest; `params`, `steps` and `integers` at the layer's first. */
static void round_layer(const siren_network *network, uint32_t layer, siren_weight_form form,
                        const float *params, float *steps, int16_t *integers) {
    size_t in = siren_network_layer_inputs(network, layer), out = network->layers[layer].width;
    const int largest = siren_rounded_largest(network, layer, form);
    size_t n_groups = layer == 0 ? 1 : out, n = in * out / n_groups;
    for (size_t g = 0; g < n_groups; g++)
        *steps++ = round_group(params + g * n, n, largest, integers + g * n);
    *steps = round_group(params + in * out, out, SIREN_LARGEST_INTEGER(SIREN_FINE_BITS), integers + in * out);
}

void siren_round_nearest(const siren_network *network, siren_weight_form form, const float *params,
                         siren_rounded *rounded) {
    float *steps = rounded->steps;
    int16_t *integers = rounded->integers;
    for (uint32_t l = 0; l < network->n_layers; l++) {
        size_t in = siren_network_layer_inputs(network, l), out = network->layers[l].width;
        round_layer(network, l, form, params, steps, integers);
        params += (in + 1) * out;
        integers += (in + 1) * out;
        steps += l == 0 ? 2 : out + 1;
    }
}

/* ---- what a layer should compute ---- */

typedef struct {
    const siren_network *network;
    const siren_rounding_options *options;
    const float *params, *coordinates;
    const siren_target_source *targets; /* of its network `nth` */
    size_t nth, n_points;
    float *rounded_params; /* (n_params) layers done so far; the others undefined */
    float *read;           /* (CHUNK, n_outputs) targets of points as they follow */
    float *chunk_coordinates, *chunk_targets, *chunk_inputs, *chunk_outputs; /* (CHUNK, n) */
} siren_fit;

static void fit_free(siren_fit *fit) {
    free(fit->rounded_params);
    free(fit->read);
    free(fit->chunk_coordinates);
    free(fit->chunk_targets);
    free(fit->chunk_inputs);
    free(fit->chunk_outputs);
}

static bool any_data(const float *targets, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!isnan(targets[i])) return true;
    return false;
}

/* Coordinates and targets of the next CHUNK points from `*point` on that have a target, fewer at the end. */
static siren_status next_chunk(siren_fit *fit, size_t *point, size_t *n) {
    size_t n_inputs = fit->network->n_inputs, n_outputs = siren_network_n_outputs(fit->network);
    for (*n = 0; *point < fit->n_points && *n < CHUNK; ++*point) {
        size_t at = *point % CHUNK, rest = fit->n_points - *point;
        if (at == 0)
            SIREN_TRY(fit->targets->read(fit->targets->user, fit->nth, *point, rest < CHUNK ? rest : CHUNK,
                                         n_outputs, fit->read));
        const float *row = fit->read + at * n_outputs;
        if (!any_data(row, n_outputs)) continue;
        memcpy(fit->chunk_targets + *n * n_outputs, row, n_outputs * sizeof *row);
        memcpy(fit->chunk_coordinates + *n * n_inputs, fit->coordinates + *point * n_inputs,
               n_inputs * sizeof(float));
        ++*n;
    }
    return SIREN_OK;
}

/* What layer `l` should make of the chunk: its old pre-activations, or the targets where there are any. */
static siren_status wanted_outputs(siren_fit *fit, size_t l, size_t n) {
    size_t n_values = n * fit->network->layers[l].width;
    bool to_targets = fit->options->solve && l + 1 == fit->network->n_layers &&
                      fit->network->layers[l].activation == SIREN_IDENTITY;
    bool all_targets = to_targets;
    for (size_t i = 0; all_targets && i < n_values; i++) all_targets = !isnan(fit->chunk_targets[i]);
    if (!all_targets) {
        siren_network linear = *fit->network;
        linear.layers[l].activation = SIREN_IDENTITY;
        SIREN_TRY(
            siren_decode_host(&linear, l + 1, fit->params, n, fit->chunk_coordinates, fit->chunk_outputs));
    }
    for (size_t i = 0; to_targets && i < n_values; i++)
        if (!isnan(fit->chunk_targets[i])) fit->chunk_outputs[i] = fit->chunk_targets[i];
    return SIREN_OK;
}

/* Sums of layer `l`: features of the rounded layers below, and what the layer should make of them. */
static siren_status gather(siren_fit *fit, size_t l, siren_least_squares *problem) {
    for (size_t point = 0, n;;) {
        SIREN_TRY(next_chunk(fit, &point, &n));
        if (n == 0) return SIREN_OK;
        SIREN_TRY(siren_decode_host(fit->network, l, fit->rounded_params, n, fit->chunk_coordinates,
                                    fit->chunk_inputs));
        SIREN_TRY(wanted_outputs(fit, l, n));
        siren_least_squares_add(problem, n, fit->chunk_inputs, fit->chunk_outputs);
    }
}

/* ---- rounding that keeps it ---- */

/* y(n) += factor * x(n) */
SIREN_CLONES static void add(double *restrict y, double factor, const double *restrict x, size_t n) {
    for (size_t i = 0; i < n; i++) y[i] += factor * x[i];
}

/* What rounding one row after another needs of a layer's problem. */
typedef struct {
    size_t n, stride;
    double *slopes;    /* (n, stride) l_ji / l_ii at [j * stride + i], i < j, of the factor L; l_jj at the
                          diagonal */
    double *curvature; /* (n, stride) gram + lambda, the constant eliminated; rows and columns from 1 */
    double *w, *centres, *gradient; /* (n) */
    int16_t *integers;              /* (n) */
} siren_rows;

static void rows_free(siren_rows *rows) {
    free(rows->slopes);
    free(rows->curvature);
    free(rows->w);
    free(rows->centres);
    free(rows->gradient);
    free(rows->integers);
}

static siren_status rows_create(const siren_least_squares *problem, siren_rows *out) {
    size_t n = problem->n, stride = problem->stride_n;
    const double *l = problem->factor, *gram = problem->gram;
    SIREN_AT_END(rows_free) siren_rows rows = {.n = n, .stride = stride};
    SIREN_TRY(siren_allocate(&rows.slopes, n * stride, sizeof(double), "the slopes of the error"));
    SIREN_TRY(siren_allocate(&rows.curvature, n * stride, sizeof(double), "the curvature of the error"));
    SIREN_TRY(siren_allocate(&rows.w, n, sizeof(double), "a row of weights"));
    SIREN_TRY(siren_allocate(&rows.centres, n, sizeof(double), "a row of centres"));
    SIREN_TRY(siren_allocate(&rows.gradient, n, sizeof(double), "a row of the gradient"));
    SIREN_TRY(siren_allocate(&rows.integers, n, sizeof(int16_t), "a row of integers"));
    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i <= j; i++) {
            rows.slopes[j * stride + i] = l[j * stride + i] / (i < j ? l[i * stride + i] : 1.0);
            double h = gram[j * stride + i] - l[j * stride] * l[i * stride];
            if (i == j) h += problem->lambda;
            rows.curvature[j * stride + i] = rows.curvature[i * stride + j] = h;
        }
    *out = rows;
    memset(&rows, 0, sizeof rows);
    return SIREN_OK;
}

/* Rounds w[1..n) to multiples q s of the step s, from the last to the first. The error of the row,
 *
 *   (w - q s)^T L L^T (w - q s) = sum_i (l_ii (c_i - q_i s))^2
 *   c_i = w_i + sum_(j > i) (l_ji / l_ii) (w_j - q_j s),
 *
 * is smallest, given the q_j already chosen, when q_i s is the multiple nearest to the centre c_i (the
 * nearest-plane method). The constant makes the term i = 0 vanish. */
static void round_row(siren_rows *rows, bool feedback, double step, int largest) {
    memcpy(rows->centres, rows->w, rows->n * sizeof *rows->w);
    for (size_t j = rows->n; j-- > 1;) {
        rows->integers[j] = nearest(feedback ? rows->centres[j] : rows->w[j], step, largest);
        add(rows->centres, rows->w[j] - step * rows->integers[j], rows->slopes + j * rows->stride, j);
    }
}

#define MAX_SWEEPS 8

/* Moves single integers to where the error is smallest, given all others, until none moves. */
static void polish_row(siren_rows *rows, double step, int largest) {
    double *gradient = rows->gradient;
    memset(gradient, 0, rows->n * sizeof *gradient);
    for (size_t j = 1; j < rows->n; j++)
        add(gradient, rows->w[j] - step * rows->integers[j], rows->curvature + j * rows->stride, rows->n);
    bool moved = step > 0;
    for (int sweep = 0; moved && sweep < MAX_SWEEPS; sweep++) {
        moved = false;
        for (size_t j = 1; j < rows->n; j++) {
            const double *curvature = rows->curvature + j * rows->stride;
            if (!(curvature[j] > 0)) continue;
            int16_t better = nearest(step * rows->integers[j] + gradient[j] / curvature[j], step, largest);
            if (better == rows->integers[j]) continue;
            add(gradient, step * (rows->integers[j] - better), curvature, rows->n);
            rows->integers[j] = better;
            moved = true;
        }
    }
}

/* The constant that makes up for the mean of the row's errors. */
static double constant_of_row(const siren_rows *rows, double step) {
    double constant = rows->w[0];
    for (size_t j = 1; j < rows->n; j++)
        constant += rows->slopes[j * rows->stride] * (rows->w[j] - step * rows->integers[j]);
    return constant;
}

/* Rounds the solution of `problem` into the layer's steps and integers. */
static siren_status round_solution(const siren_least_squares *problem, const siren_rounding_options *options,
                                   int largest, float *steps, int16_t *integers) {
    size_t n = problem->n, out = problem->m;
    SIREN_AT_END(rows_free) siren_rows rows = {0};
    SIREN_FREE_AT_END float *bias = NULL;
    SIREN_TRY(rows_create(problem, &rows));
    SIREN_TRY(siren_allocate(&bias, out, sizeof *bias, "the biases"));
    for (size_t o = 0; o < out; o++) {
        double magnitude = 0;
        for (size_t i = 0; i < n; i++) rows.w[i] = problem->x[i * problem->stride_m + o];
        for (size_t i = 1; i < n; i++) magnitude = fmax(magnitude, fabs(rows.w[i]));
        steps[o] = step_for(magnitude, largest);
        round_row(&rows, options->feedback, (double)steps[o], largest);
        if (options->polish) polish_row(&rows, (double)steps[o], largest);
        bias[o] = (float)(options->feedback ? constant_of_row(&rows, (double)steps[o]) : rows.w[0]);
        for (size_t i = 1; i < n; i++) integers[o * (n - 1) + problem->order[i] - 1] = rows.integers[i];
    }
    steps[out] = round_group(bias, out, SIREN_LARGEST_INTEGER(SIREN_FINE_BITS), integers + (n - 1) * out);
    return SIREN_OK;
}

/* Brings `problem` to where its solution can be rounded; false where it has no finite one. */
static bool solve(siren_least_squares *problem, bool moved, const siren_rounding_options *options) {
    if (!siren_least_squares_factorise(problem, options->ridge)) return false;
    if (moved && !siren_least_squares_solve(problem)) return false;
    if (!options->feedback) return true;
    siren_least_squares_reorder(problem);
    return siren_least_squares_factorise(problem, options->ridge);
}

static siren_status fit_layer(siren_fit *fit, uint32_t l, siren_weight_form form, const float *params,
                              float *steps, int16_t *integers) {
    const siren_network *network = fit->network;
    size_t in = siren_network_layer_inputs(network, l), out = network->layers[l].width;
    SIREN_AT_END(siren_least_squares_free) siren_least_squares problem = {0};
    SIREN_TRY(siren_least_squares_create(in, out, &problem));
    SIREN_TRY(gather(fit, l, &problem));
    for (size_t o = 0; o < out; o++) {
        problem.x[o] = (double)params[in * out + o];
        for (size_t k = 0; k < in; k++)
            problem.x[(1 + k) * problem.stride_m + o] = (double)params[o * in + k];
    }
    if (solve(&problem, l + 1 == network->n_layers ? fit->options->solve : fit->options->match, fit->options))
        SIREN_TRY(
            round_solution(&problem, fit->options, siren_rounded_largest(network, l, form), steps, integers));
    else
        round_layer(network, l, form, params, steps, integers);
    return SIREN_OK;
}

siren_status siren_round_fitted(const siren_network *network, siren_weight_form form,
                                const siren_rounding_options *options, const float *params, size_t n_points,
                                const float *coordinates, const siren_target_source *targets, size_t nth,
                                siren_rounded *rounded) {
    SIREN_AT_END(fit_free)
    siren_fit fit = {.network = network,
                     .options = options,
                     .params = params,
                     .coordinates = coordinates,
                     .targets = targets,
                     .nth = nth,
                     .n_points = n_points};
    size_t n_outputs = siren_network_n_outputs(network), widest = network->n_inputs;
    for (uint32_t l = 0; l < network->n_layers; l++)
        if (network->layers[l].width > widest) widest = network->layers[l].width;
    siren_round_nearest(network, form, params, rounded);
    SIREN_TRY(siren_allocate(&fit.rounded_params, siren_network_n_params(network), sizeof(float),
                             "the rounded parameters"));
    SIREN_TRY(
        siren_allocate(&fit.chunk_coordinates, CHUNK * network->n_inputs, sizeof(float), "some coordinates"));
    SIREN_TRY(siren_allocate(&fit.read, CHUNK * n_outputs, sizeof(float), "some targets"));
    SIREN_TRY(siren_allocate(&fit.chunk_targets, CHUNK * n_outputs, sizeof(float), "some targets"));
    SIREN_TRY(siren_allocate(&fit.chunk_inputs, CHUNK * widest, sizeof(float), "some features"));
    SIREN_TRY(siren_allocate(&fit.chunk_outputs, CHUNK * widest, sizeof(float), "some outputs"));
    size_t offset = ((size_t)network->n_inputs + 1) * network->layers[0].width, step = 2;
    for (uint32_t l = 1; l < network->n_layers; l++) {
        siren_rounded_params(network, rounded, fit.rounded_params);
        SIREN_TRY(
            fit_layer(&fit, l, form, params + offset, rounded->steps + step, rounded->integers + offset));
        offset += ((size_t)network->layers[l - 1].width + 1) * network->layers[l].width;
        step += (size_t)network->layers[l].width + 1;
    }
    return SIREN_OK;
}
