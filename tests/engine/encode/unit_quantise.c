/* engine/encode/quantise, engine/encode/rounding, engine/encode/least_squares: round trips, error bounds, what the fit
 * gives, hostile bytes. */
#include "tests/shared/testing.h"
#include "engine/decode/decode.h"
#include "engine/encode/least_squares.h"
#include "engine/encode/quantise.h"
#include "engine/encode/rounding.h"
#include "host/rng.h"
#include "tests/shared/oracle.h"

#include <float.h>
#include <math.h>

#define NX 14
#define NY 11
#define N_POINTS (NX * NY)
#define N_OUTPUTS 5

static const unsigned all_bits[] = {6, 7, 8, 9, 10, 11, 12};
#define N_BITS (sizeof all_bits / sizeof *all_bits)

/* A small network trained on smooth targets. */
static struct {
    siren_network network;
    size_t n_params;
    float coordinates[N_POINTS * 2], targets[N_POINTS * N_OUTPUTS];
    float *params;
} trained;

static int train(void **state) {
    (void)state;
    if (siren_network_from_model("siren-2d", 2, 24, N_OUTPUTS, 30.0f, &trained.network) != SIREN_OK)
        return -1;
    trained.n_params = siren_network_n_params(&trained.network);
    trained.params = malloc(trained.n_params * sizeof *trained.params);
    if (!trained.params) return -1;
    method_coordinates(NX, NY, 1, 2, trained.coordinates);
    for (size_t p = 0; p < N_POINTS; p++)
        for (size_t o = 0; o < N_OUTPUTS; o++) {
            double x = (double)trained.coordinates[2 * p], y = (double)trained.coordinates[2 * p + 1];
            trained.targets[p * N_OUTPUTS + o] =
                (float)(0.5 + 0.3 * sin(3 * x + (double)o) * cos(2 * y) + 0.1 * x * y);
        }
    siren_network_initialise(&trained.network, 1, 0, trained.params);
    method_training training;
    oracle_start(&training, &trained.network, trained.params, 1e-3);
    for (int epoch = 0; epoch < 300; epoch++)
        method_epoch(&training, N_POINTS, trained.coordinates, trained.targets);
    for (size_t i = 0; i < trained.n_params; i++) trained.params[i] = (float)training.best_params[i];
    method_end(&training);
    return 0;
}

static int forget(void **state) {
    (void)state;
    free(trained.params);
    return 0;
}

static siren_target_source trained_targets(void) {
    static siren_target_array array;
    array = (siren_target_array){trained.targets, N_POINTS, siren_network_n_outputs(&trained.network)};
    return siren_target_array_source(&array);
}

/* Mean squared error of the exact decode over finite targets. */
static double error_of(const siren_network *network, const float *params, size_t n_points,
                       const float *coordinates, const float *targets) {
    size_t n = n_points * siren_network_n_outputs(network), n_data = 0;
    float *y = calloc(n, sizeof *y);
    assert_non_null(y);
    assert_siren_ok(siren_decode_host(network, network->n_layers, params, n_points, coordinates, y));
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        if (isnan(targets[i])) continue;
        sum += ((double)y[i] - (double)targets[i]) * ((double)y[i] - (double)targets[i]);
        n_data++;
    }
    free(y);
    return n_data ? sum / (double)n_data : 0;
}

/* Quantises, dequantises into `restored` and checks what must hold for every network: finite values of the
 * right size. */
static void round_trip(const siren_network *network, unsigned bits, const float *params, size_t n_points,
                       const float *coordinates, const float *targets, float *restored) {
    uint8_t *bytes = NULL;
    size_t n_bytes = 0;
    siren_target_source source =
        siren_target_array_source(&(siren_target_array){targets, n_points, siren_network_n_outputs(network)});
    assert_siren_ok(siren_quantise(network, (siren_weight_form){.bits = bits}, params, n_points, coordinates,
                                   &source, 0, &bytes, &n_bytes));
    assert_int_equal(n_bytes, siren_quantised_bytes(network, bits));
    assert_siren_ok(siren_dequantise("test", network, bits, bytes, n_bytes, restored));
    for (size_t i = 0; i < siren_network_n_params(network); i++) assert_true(isfinite(restored[i]));
    free(bytes);
}

/* Error of nearest rounding. */
static double nearest_error(const siren_network *network, unsigned bits, const float *params, size_t n_points,
                            const float *coordinates, const float *targets) {
    siren_rounded rounded = {0};
    float *restored = calloc(siren_network_n_params(network), sizeof *restored);
    assert_non_null(restored);
    assert_siren_ok(siren_rounded_create(network, &rounded));
    siren_round_nearest(network, (siren_weight_form){.bits = bits}, params, &rounded);
    siren_rounded_params(network, &rounded, restored);
    double error = error_of(network, restored, n_points, coordinates, targets);
    siren_rounded_free(&rounded);
    free(restored);
    return error;
}

static void float32_is_exact_but_for_tiny_values(void **state) {
    (void)state;
    float *params = malloc(trained.n_params * sizeof *params),
          *restored = malloc(trained.n_params * sizeof *restored);
    assert_non_null(params);
    assert_non_null(restored);
    memcpy(params, trained.params, trained.n_params * sizeof *params);
    params[0] = 0x1p-61f;
    params[1] = -0x1p-149f;
    params[2] = 0x1p-60f;
    params[3] = -FLT_MAX;
    round_trip(&trained.network, SIREN_FLOAT32_WEIGHTS, params, N_POINTS, trained.coordinates,
               trained.targets, restored);
    params[0] = params[1] = 0.0f;
    assert_memory_equal(params, restored, trained.n_params * sizeof *params);
    free(params);
    free(restored);
}

/* No step reaches a value so large: what is nearest to it is taken, not a step that is far too small. */
static void the_largest_values_are_nearly_kept(void **state) {
    (void)state;
    float *params = malloc(trained.n_params * sizeof *params),
          *restored = malloc(trained.n_params * sizeof *restored);
    assert_non_null(params);
    assert_non_null(restored);
    memcpy(params, trained.params, trained.n_params * sizeof *params);
    const size_t place = trained.n_params / 2;
    params[place] = 0.9999f * FLT_MAX;
    round_trip(&trained.network, 9, params, N_POINTS, trained.coordinates, trained.targets, restored);
    assert_true(restored[place] > 0.9f * FLT_MAX && restored[place] <= FLT_MAX);
    free(params);
    free(restored);
}

static void more_bits_are_better(void **state) {
    (void)state;
    float *restored = malloc(trained.n_params * sizeof *restored);
    assert_non_null(restored);
    double original =
               error_of(&trained.network, trained.params, N_POINTS, trained.coordinates, trained.targets),
           before = INFINITY;
    for (size_t b = 0; b < N_BITS; b += 2) {
        round_trip(&trained.network, all_bits[b], trained.params, N_POINTS, trained.coordinates,
                   trained.targets, restored);
        double error = error_of(&trained.network, restored, N_POINTS, trained.coordinates, trained.targets);
        assert_true(error < before);
        before = error;
    }
    assert_true(before < 1.02 * original);
    free(restored);
}

static void fit_beats_nearest_rounding(void **state) {
    (void)state;
    float *restored = malloc(trained.n_params * sizeof *restored);
    assert_non_null(restored);
    for (size_t b = 0; b < N_BITS; b++) {
        round_trip(&trained.network, all_bits[b], trained.params, N_POINTS, trained.coordinates,
                   trained.targets, restored);
        double error = error_of(&trained.network, restored, N_POINTS, trained.coordinates, trained.targets);
        double nearest = nearest_error(&trained.network, all_bits[b], trained.params, N_POINTS,
                                       trained.coordinates, trained.targets);
        assert_true(all_bits[b] > 8 ? error < nearest : error < 0.7 * nearest);
    }
    free(restored);
}

static float *fitted(unsigned bits, siren_rounding_options options) {
    siren_target_source source = trained_targets();
    siren_rounded rounded = {0};
    float *restored = calloc(trained.n_params, sizeof *restored);
    assert_non_null(restored);
    assert_siren_ok(siren_rounded_create(&trained.network, &rounded));
    assert_siren_ok(siren_round_fitted(&trained.network, (siren_weight_form){.bits = bits}, &options,
                                       trained.params, N_POINTS, trained.coordinates, &source, 0, &rounded));
    siren_rounded_params(&trained.network, &rounded, restored);
    siren_rounded_free(&rounded);
    return restored;
}

static void bytes_hold_the_fitted_integers(void **state) {
    (void)state;
    float *restored = malloc(trained.n_params * sizeof *restored);
    assert_non_null(restored);
    for (size_t b = 0; b < N_BITS; b++) {
        float *expected = fitted(all_bits[b], siren_rounding_defaults());
        round_trip(&trained.network, all_bits[b], trained.params, N_POINTS, trained.coordinates,
                   trained.targets, restored);
        assert_memory_equal(restored, expected, trained.n_params * sizeof *restored);
        free(expected);
    }
    free(restored);
}

/* Leaving out the solved output layer or the feedback makes the error larger. (Polishing and matching give
 * less than the noise on a network as small as this: docs/quantisation.md has what they give on wide ones.)
 */
static void parts_of_the_fit_help(void **state) {
    (void)state;
    siren_rounding_options defaults = siren_rounding_defaults(), variants[2] = {defaults, defaults};
    variants[0].solve = false;
    variants[1].feedback = variants[1].polish = false;
    for (unsigned bits = 6; bits <= 8; bits++) {
        float *params = fitted(bits, defaults);
        double best = error_of(&trained.network, params, N_POINTS, trained.coordinates, trained.targets);
        free(params);
        for (int i = 0; i < 2; i++) {
            params = fitted(bits, variants[i]);
            double error = error_of(&trained.network, params, N_POINTS, trained.coordinates, trained.targets);
            if (error <= best) fail_msg("variant %d: %g, everything: %g", i, error, best);
            free(params);
        }
    }
}

/* |w - q s| <= s / 2, s <= (1 + 2^-7) * largest magnitude / largest integer. */
static void nearest_rounding_is_bounded(void **state) {
    (void)state;
    siren_rounded rounded = {0};
    float *restored = malloc(trained.n_params * sizeof *restored);
    assert_non_null(restored);
    assert_siren_ok(siren_rounded_create(&trained.network, &rounded));
    for (size_t b = 0; b < N_BITS; b++) {
        siren_round_nearest(&trained.network, (siren_weight_form){.bits = all_bits[b]}, trained.params,
                            &rounded);
        siren_rounded_params(&trained.network, &rounded, restored);
        size_t offset = 0;
        for (uint32_t l = 0; l < trained.network.n_layers; l++) {
            size_t in = siren_network_layer_inputs(&trained.network, l),
                   out = trained.network.layers[l].width;
            for (size_t o = 0; o < (in + 1) * out; o++) {
                bool fine = l == 0 || o >= in * out;
                size_t first = o >= in * out ? offset + in * out : fine ? offset : offset + o / in * in;
                size_t n = o >= in * out ? out : fine ? in * out : in;
                double magnitude = 0;
                for (size_t i = first; i < first + n; i++)
                    magnitude = fmax(magnitude, fabs((double)trained.params[i]));
                double step =
                    magnitude /
                    SIREN_LARGEST_INTEGER(
                        o >= in * out ? SIREN_FINE_BITS
                                      : siren_rounded_bits(&trained.network, l,
                                                           (siren_weight_form){.bits = all_bits[b]})) *
                    (1 + 0x1p-7);
                assert_true(fabs((double)trained.params[offset + o] - (double)restored[offset + o]) <=
                            step / 2);
            }
            offset += (in + 1) * out;
        }
    }
    siren_rounded_free(&rounded);
    free(restored);
}

/* Integers fill the bits that the taper leaves to their layer, and bytes are those of weights without one: the error
 * grows with each bit that is lost. */
static void tapers_leave_each_layer_its_bits(void **state) {
    (void)state;
    static const unsigned lost[SIREN_MAX_TAPER + 1][4] = {
        {0, 0, 0, 0}, {0, 1, 1, 1}, {0, 1, 2, 2}, {0, 1, 2, 3}};
    const siren_rounding_options options = siren_rounding_defaults();
    const uint32_t n_layers = trained.network.n_layers;
    siren_target_source source = trained_targets();
    siren_rounded rounded = {0};
    float *restored = malloc(trained.n_params * sizeof *restored);
    double before = 0;
    assert_non_null(restored);
    assert_in_range(n_layers, 3, 5);
    assert_siren_ok(siren_rounded_create(&trained.network, &rounded));
    for (unsigned taper = 0; taper <= SIREN_MAX_TAPER; taper++) {
        const siren_weight_form form = {.bits = 8, .taper = taper};
        uint8_t *bytes = NULL;
        size_t n_bytes = 0;
        assert_siren_ok(siren_round_fitted(&trained.network, form, &options, trained.params, N_POINTS,
                                           trained.coordinates, &source, 0, &rounded));
        const int16_t *integers = rounded.integers;
        for (uint32_t l = 0; l < n_layers; l++) {
            size_t in = siren_network_layer_inputs(&trained.network, l),
                   out = trained.network.layers[l].width;
            int largest = 0;
            for (size_t i = 0; i < in * out; i++)
                largest = abs(integers[i]) > largest ? abs(integers[i]) : largest;
            if (l > 0) {
                const unsigned bits = taper == 0 && l + 1 == n_layers ? 9 : 8 - lost[taper][l - 1];
                assert_in_range(largest, SIREN_LARGEST_INTEGER(bits) / 2 + 1, SIREN_LARGEST_INTEGER(bits));
            }
            integers += (in + 1) * out;
        }
        assert_siren_ok(siren_quantise(&trained.network, form, trained.params, N_POINTS, trained.coordinates,
                                       &source, 0, &bytes, &n_bytes));
        assert_int_equal(n_bytes, siren_quantised_bytes(&trained.network, 8));
        assert_siren_ok(siren_dequantise("test", &trained.network, 8, bytes, n_bytes, restored));
        const double error =
            error_of(&trained.network, restored, N_POINTS, trained.coordinates, trained.targets);
        if (error < before) fail_msg("taper %u: %g after %g", taper, error, before);
        before = error;
        free(bytes);
    }
    siren_rounded_free(&rounded);
    free(restored);
}

/* A sixteenth of a bit after the other goes, the last layer first; a round of all layers takes one of each. */
static void bits_are_taken_by_sixteenths(void **state) {
    (void)state;
    const uint32_t n = trained.network.n_layers - 1;
    for (unsigned bits = 6; bits <= 9; bits++)
        for (unsigned less = 0; less <= 16 * 4 * n; less++)
            for (uint32_t l = 0; l <= n; l++) {
                const siren_weight_form form = {bits, 1, less}, before = {bits, 1, less - (less > 0)};
                const int largest = siren_rounded_largest(&trained.network, l, form);
                const unsigned taken = l == 0 ? 0 : less / n + (n - l < less % n);
                const double exact =
                    exp2((double)siren_rounded_bits(&trained.network, l, form) - 1 - taken / 16.0) - 1;
                assert_true(largest == (int)fmax(1, floor(exact)) || fabs(exact - rint(exact)) < 1e-9);
                assert_true(largest <= siren_rounded_largest(&trained.network, l, before));
                if (taken == 0) assert_int_equal(largest, rint(exact));
            }
}

static void bytes_are_deterministic(void **state) {
    (void)state;
    siren_target_source source = trained_targets();
    uint8_t *bytes[2];
    size_t n_bytes[2];
    for (int i = 0; i < 2; i++)
        assert_siren_ok(siren_quantise(&trained.network, (siren_weight_form){.bits = 8}, trained.params,
                                       N_POINTS, trained.coordinates, &source, 0, &bytes[i], &n_bytes[i]));
    assert_int_equal(n_bytes[0], n_bytes[1]);
    assert_memory_equal(bytes[0], bytes[1], n_bytes[0]);
    free(bytes[0]);
    free(bytes[1]);
}

static void missing_targets_are_ignored(void **state) {
    (void)state;
    float *restored = malloc(trained.n_params * sizeof *restored), *targets = malloc(sizeof trained.targets);
    assert_non_null(restored);
    assert_non_null(targets);
    memcpy(targets, trained.targets, sizeof trained.targets);
    for (size_t i = 0; i < N_POINTS * N_OUTPUTS; i++)
        if (i % 7 == 0 || i < 20 * N_OUTPUTS || i % N_OUTPUTS == 3) targets[i] = NAN;
    round_trip(&trained.network, 7, trained.params, N_POINTS, trained.coordinates, targets, restored);
    double error = error_of(&trained.network, restored, N_POINTS, trained.coordinates, targets);
    assert_true(error < 0.7 * nearest_error(&trained.network, 7, trained.params, N_POINTS,
                                            trained.coordinates, targets));
    /* The output without any target still follows the trained network. */
    error = error_of(&trained.network, restored, N_POINTS, trained.coordinates, trained.targets);
    assert_true(error < nearest_error(&trained.network, 7, trained.params, N_POINTS, trained.coordinates,
                                      trained.targets));
    for (size_t i = 0; i < N_POINTS * N_OUTPUTS; i++) targets[i] = NAN;
    round_trip(&trained.network, 7, trained.params, N_POINTS, trained.coordinates, targets, restored);
    free(restored);
    free(targets);
}

/* Networks and targets for which some least-squares problem has no (finite or unique) solution. */
static void degenerate_networks_stay_finite(void **state) {
    (void)state;
    const char *models[] = {"siren-2d", "siren-2d-relu", "siren-2d-leaky", "siren-2d-tanh",
                            "mlp-relu", "mlp-tanh",      "mlp-siren",      "mlp-siren-last"};
    const double scales[] = {0.0, 1e-30, 1e-3, 1.0, 1e6, 1e30, (double)FLT_MAX};
    float *targets = malloc(sizeof trained.targets);
    assert_non_null(targets);
    for (size_t m = 0; m < sizeof models / sizeof *models; m++) {
        siren_network network;
        assert_siren_ok(siren_network_from_model(models[m], 2, 17, N_OUTPUTS, 30.0f, &network));
        size_t n_params = siren_network_n_params(&network);
        float *params = malloc(n_params * sizeof *params), *restored = malloc(n_params * sizeof *restored);
        assert_non_null(params);
        assert_non_null(restored);
        for (size_t s = 0; s < sizeof scales / sizeof *scales; s++)
            for (unsigned bits = 6; bits <= 12; bits += 3)
                for (size_t n_points = 1; n_points <= N_POINTS; n_points += N_POINTS - 1) {
                    siren_network_initialise(&network, 3, 0, params);
                    for (size_t i = 0; i < n_params; i++) {
                        double value = (double)params[i] * scales[s];
                        params[i] =
                            i % 50 < 17 ? 0.0f : (float)fmax(-(double)FLT_MAX, fmin((double)FLT_MAX, value));
                    }
                    for (size_t i = 0; i < N_POINTS * N_OUTPUTS; i++)
                        targets[i] = i % N_OUTPUTS == 1 ? 0.25f : trained.targets[i];
                    round_trip(&network, bits, params, n_points, trained.coordinates, targets, restored);
                    double nearest =
                        nearest_error(&network, bits, params, n_points, trained.coordinates, targets);
                    if (isfinite(nearest))
                        assert_true(error_of(&network, restored, n_points, trained.coordinates, targets) <=
                                    nearest);
                }
        free(params);
        free(restored);
    }
    free(targets);
}

static void a_linear_network_of_one_layer_works(void **state) {
    (void)state;
    siren_network network = {
        .n_inputs = 2, .n_layers = 1, .layers = {{N_OUTPUTS, SIREN_IDENTITY, 30.0f, SIREN_INIT_LINEAR}}};
    float params[3 * N_OUTPUTS], restored[3 * N_OUTPUTS];
    siren_network_initialise(&network, 5, 0, params);
    round_trip(&network, 6, params, N_POINTS, trained.coordinates, trained.targets, restored);
    for (size_t i = 0; i < 3 * N_OUTPUTS; i++)
        assert_true(fabs((double)params[i] - (double)restored[i]) < 2e-5);
}

static void least_squares_finds_the_exact_solution(void **state) {
    (void)state;
    enum { N = 300, IN = 13, OUT = 3 };
    float inputs[N * IN], outputs[N * OUT];
    double w[OUT][IN + 1];
    for (size_t o = 0; o < OUT; o++)
        for (size_t k = 0; k <= IN; k++) w[o][k] = siren_rng_normal((siren_rng){1, 1, 1}, o * 100 + k);
    for (size_t p = 0; p < N; p++) {
        for (size_t k = 0; k < IN; k++)
            inputs[p * IN + k] = (float)siren_rng_normal((siren_rng){1, 1, 2}, p * IN + k);
        for (size_t o = 0; o < OUT; o++) {
            double y = w[o][0];
            for (size_t k = 0; k < IN; k++) y += w[o][k + 1] * (double)inputs[p * IN + k];
            outputs[p * OUT + o] = (float)y;
        }
    }
    siren_least_squares problem;
    assert_siren_ok(siren_least_squares_create(IN, OUT, &problem));
    assert_false(siren_least_squares_factorise(&problem, 1e-6)); /* nothing added: all zero */
    siren_least_squares_add(&problem, 130, inputs, outputs);
    siren_least_squares_add(&problem, N - 130, inputs + 130 * IN, outputs + 130 * OUT);
    assert_true(siren_least_squares_factorise(&problem, 1e-9));
    assert_true(siren_least_squares_solve(&problem));
    for (size_t o = 0; o < OUT; o++)
        for (size_t k = 0; k <= IN; k++)
            assert_true(fabs(problem.x[k * problem.stride_m + o] - w[o][k]) < 1e-5);
    siren_least_squares_free(&problem);
}

static void wrong_arguments_are_refused(void **state) {
    (void)state;
    siren_target_source source = trained_targets();
    uint8_t *bytes = NULL;
    size_t n_bytes = 0;
    const unsigned wrong[] = {1, 5, 13, 32};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(siren_quantise(&trained.network, (siren_weight_form){.bits = wrong[i]},
                                        trained.params, N_POINTS, trained.coordinates, &source, 0, &bytes,
                                        &n_bytes),
                         SIREN_USAGE);
    float *params = malloc(trained.n_params * sizeof *params);
    assert_non_null(params);
    memcpy(params, trained.params, trained.n_params * sizeof *params);
    params[trained.n_params - 1] = INFINITY;
    for (unsigned bits = 0; bits <= 8; bits += 8)
        assert_int_equal(siren_quantise(&trained.network, (siren_weight_form){.bits = bits}, params, N_POINTS,
                                        trained.coordinates, &source, 0, &bytes, &n_bytes),
                         SIREN_USAGE);
    assert_null(bytes);
    free(params);
}

/* Any bytes give CORRUPT or storable parameters; particular damage is always found. */
static void hostile_bytes_are_refused(void **state) {
    (void)state;
    float *params = malloc(trained.n_params * sizeof *params);
    assert_non_null(params);
    for (unsigned bits = 0; bits <= 12; bits += bits ? 1 : 6) {
        size_t n = siren_quantised_bytes(&trained.network, bits);
        uint8_t *bytes = malloc(n + 1);
        assert_non_null(bytes);
        memset(bytes, 0, n + 1);
        memset(params, 1, trained.n_params * sizeof *params);
        assert_int_equal(siren_dequantise("test", &trained.network, bits, bytes, n + 1, params),
                         SIREN_CORRUPT);
        assert_int_equal(siren_dequantise("test", &trained.network, bits, bytes, n - 1, params),
                         SIREN_CORRUPT);
        assert_int_equal(siren_dequantise("test", &trained.network, bits, bytes, 0, params), SIREN_CORRUPT);
        memset(bytes, 0xFF, n); /* NaN steps and parameters */
        assert_int_equal(siren_dequantise("test", &trained.network, bits, bytes, n, params), SIREN_CORRUPT);
        memset(bytes, 0x80, n); /* tiny */
        assert_int_equal(siren_dequantise("test", &trained.network, bits, bytes, n, params), SIREN_CORRUPT);
        for (size_t i = 0; i < trained.n_params; i++) assert_true(params[i] == params[0]); /* untouched */
        memset(bytes, 0, n);
        assert_siren_ok(siren_dequantise("test", &trained.network, bits, bytes, n, params));
        if (bits != SIREN_FLOAT32_WEIGHTS) {
            size_t n_steps = siren_rounded_n_steps(&trained.network);
            memset(bytes + n_steps, 0x3F, n_steps); /* steps of 0.5 */
            bytes[n - 1] = 0xFF;                    /* beyond the largest integer */
            assert_int_equal(siren_dequantise("test", &trained.network, bits, bytes, n, params),
                             SIREN_CORRUPT);
            bytes[n - 1] = 0;
            memset(bytes + n_steps, 0x7F, n_steps); /* steps of 1.7e38: twice that is infinite */
            bytes[2 * n_steps] = 4;
            assert_int_equal(siren_dequantise("test", &trained.network, bits, bytes, n, params),
                             SIREN_CORRUPT);
        }
        for (uint32_t trial = 0; trial < 50; trial++) {
            for (size_t i = 0; i < n; i++) {
                float u = siren_rng_uniform((siren_rng){7, bits, trial}, i);
                bytes[i] = (uint8_t)(u * 256);
            }
            if (trial % 2 && bits)
                memset(bytes, 0x3C, 2 * siren_rounded_n_steps(&trained.network)); /* plausible steps */
            if (siren_dequantise("test", &trained.network, bits, bytes, n, params) == SIREN_OK)
                for (size_t i = 0; i < trained.n_params; i++)
                    assert_true(isfinite(params[i]) && (params[i] == 0.0f || fabsf(params[i]) >= 0x1p-60f));
        }
        free(bytes);
    }
    free(params);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(float32_is_exact_but_for_tiny_values),
        cmocka_unit_test(the_largest_values_are_nearly_kept),
        cmocka_unit_test(more_bits_are_better),
        cmocka_unit_test(fit_beats_nearest_rounding),
        cmocka_unit_test(nearest_rounding_is_bounded),
        cmocka_unit_test(bytes_hold_the_fitted_integers),
        cmocka_unit_test(parts_of_the_fit_help),
        cmocka_unit_test(bits_are_taken_by_sixteenths),
        cmocka_unit_test(tapers_leave_each_layer_its_bits),
        cmocka_unit_test(bytes_are_deterministic),
        cmocka_unit_test(missing_targets_are_ignored),
        cmocka_unit_test(degenerate_networks_stay_finite),
        cmocka_unit_test(a_linear_network_of_one_layer_works),
        cmocka_unit_test(least_squares_finds_the_exact_solution),
        cmocka_unit_test(wrong_arguments_are_refused),
        cmocka_unit_test(hostile_bytes_are_refused),
    };
    return cmocka_run_group_tests(tests, train, forget);
}
