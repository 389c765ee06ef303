/* The double-precision oracle itself, examples/method.c: its gradients against finite differences of its loss, its
 * training against PyTorch. What passes here is what the kernels are compared with. */
#include "tests/shared/testing.h"
#include "host/rng.h"
#include "tests/shared/pytorch_trace.h"
#include "tests/shared/oracle.h"

#include <math.h>

/* A network, points and parameters to differentiate at. */
typedef struct {
    siren_network network;
    size_t n_points, n_params;
    float *coordinates, *targets;
    double *params, *gradient;
} problem;

static double *doubles(size_t n) {
    double *array = NULL;
    assert_siren_ok(siren_allocate(&array, n, sizeof *array, "a test"));
    return array;
}

static float *singles(size_t n) {
    float *array = NULL;
    assert_siren_ok(siren_allocate(&array, n, sizeof *array, "a test"));
    return array;
}

/* Every fifth target is NaN, one is infinite, when `missing`. */
static problem start(const siren_network *network, uint32_t nx, uint32_t ny, uint32_t nz, bool missing) {
    problem p = {
        .network = *network, .n_points = (size_t)nx * ny * nz, .n_params = siren_network_n_params(network)};
    size_t n_targets = p.n_points * siren_network_n_outputs(network);
    p.coordinates = singles(p.n_points * network->n_inputs);
    p.targets = singles(n_targets);
    p.params = doubles(p.n_params);
    p.gradient = doubles(p.n_params);
    method_coordinates(nx, ny, nz, network->n_inputs, p.coordinates);
    for (size_t i = 0; i < n_targets; i++) {
        p.targets[i] = siren_rng_uniform((siren_rng){7, 0, 0}, i);
        if (missing && i % 5 == 3) p.targets[i] = i == 3 ? INFINITY : NAN;
    }
    float *initial = singles(p.n_params);
    siren_network_initialise(network, 5, 0, initial);
    for (size_t i = 0; i < p.n_params; i++) p.params[i] = (double)initial[i];
    free(initial);
    return p;
}

static void end(problem *p) {
    free(p->coordinates);
    free(p->targets);
    free(p->params);
    free(p->gradient);
}

static double loss_of(const problem *p) {
    return oracle_loss(&p->network, p->params, p->n_points, p->coordinates, p->targets, NULL);
}

static const double tolerance = 1e-8;

/* Fourth-order central difference by parameter i, over steps of h and 2h. */
static double difference(problem *p, size_t i, double h) {
    const double factor[4] = {1.0 / 12, -8.0 / 12, 8.0 / 12, -1.0 / 12}, at[4] = {-2, -1, 1, 2};
    double here = p->params[i], sum = 0;
    for (int k = 0; k < 4; k++) {
        p->params[i] = here + at[k] * h;
        sum += factor[k] * loss_of(p);
    }
    p->params[i] = here;
    return sum / h;
}

/* The largest deviation of p->gradient from finite differences, relative to the largest component. A relu
 * that changes side within the step spoils the difference; a shorter step gets rid of that, but not of a
 * wrong gradient. */
static double worst_deviation(problem *p) {
    double largest = 0, worst = 0;
    for (size_t i = 0; i < p->n_params; i++) largest = fmax(largest, fabs(p->gradient[i]));
    assert_true(largest > 1e-4); /* a vanishing gradient would agree with anything */
    for (size_t i = 0; i < p->n_params; i++) {
        double deviation = INFINITY;
        for (double h = 1e-5; h > 1e-8 && deviation > tolerance * largest; h /= 10)
            deviation = fmin(deviation, fabs(p->gradient[i] - difference(p, i, h)));
        worst = fmax(worst, deviation);
    }
    return worst / largest;
}

static void check_gradient(const siren_network *network, uint32_t nx, uint32_t ny, uint32_t nz, bool missing,
                           const char *name) {
    problem p = start(network, nx, ny, nz, missing);
    double loss = oracle_loss(network, p.params, p.n_points, p.coordinates, p.targets, p.gradient);
    assert_true(loss > 0 && isfinite(loss));
    double worst = worst_deviation(&p);
    if (!(worst < tolerance)) fail_msg("%s: gradient off by %g", name, worst);
    end(&p);
}

static void gradients_of_all_models_match_differences(void **state) {
    (void)state;
    for (size_t m = 0; siren_model_name(m); m++)
        for (uint32_t n_hidden = 1; n_hidden <= 3; n_hidden++) {
            siren_network network;
            assert_siren_ok(
                siren_network_from_model(siren_model_name(m), n_hidden, 7 + n_hidden, 3, 30.0f, &network));
            uint32_t nz = network.n_inputs == 3 ? 2 : 1;
            check_gradient(&network, 5, 3, nz, false, siren_model_name(m));
            check_gradient(&network, 5, 3, nz, true, siren_model_name(m));
            check_gradient(&network, 1, 7, nz, true, siren_model_name(m));
        }
}

/* Lists beyond the named models: uneven widths, every output activation, factors other than 30. */
static void gradients_of_mixed_layers_match_differences(void **state) {
    (void)state;
    for (uint32_t output = SIREN_IDENTITY; output <= SIREN_TANH; output++) {
        siren_network network = {.n_inputs = 3,
                                 .n_layers = 5,
                                 .layers = {{9, SIREN_SINE, 12.5f, SIREN_INIT_FIRST_SINE},
                                            {4, SIREN_TANH, 1, SIREN_INIT_LINEAR},
                                            {11, SIREN_IDENTITY, 1, SIREN_INIT_LINEAR},
                                            {17, SIREN_RELU, 1, SIREN_INIT_LINEAR},
                                            {2, output, 3, SIREN_INIT_LINEAR}}};
        check_gradient(&network, 3, 4, 2, true, "mixed layers");
    }
}

static void perturbed_gradient_is_caught(void **state) {
    (void)state;
    siren_network network;
    assert_siren_ok(siren_network_from_model("siren-2d", 2, 8, 3, 30.0f, &network));
    problem p = start(&network, 5, 3, 1, false);
    oracle_loss(&network, p.params, p.n_points, p.coordinates, p.targets, p.gradient);
    assert_true(worst_deviation(&p) < tolerance);
    size_t largest = 0;
    for (size_t i = 0; i < p.n_params; i++)
        if (fabs(p.gradient[i]) > fabs(p.gradient[largest])) largest = i;
    p.gradient[largest] *= 1 + 1e-6;
    assert_true(worst_deviation(&p) > 5e-7);
    end(&p);
}

static void missing_targets_do_not_count(void **state) {
    (void)state;
    siren_network network;
    assert_siren_ok(siren_network_from_model("siren-2d", 1, 6, 2, 30.0f, &network));
    problem p = start(&network, 4, 3, 1, false);
    /* Losing all targets of the last four points is the same as not having those points. */
    for (size_t i = 2 * (p.n_points - 4); i < 2 * p.n_points; i++) p.targets[i] = i % 2 ? NAN : -INFINITY;
    double *fewer = doubles(p.n_params);
    double loss = oracle_loss(&network, p.params, p.n_points, p.coordinates, p.targets, p.gradient);
    double loss_fewer = oracle_loss(&network, p.params, p.n_points - 4, p.coordinates, p.targets, fewer);
    assert_true(loss == loss_fewer);
    assert_memory_equal(p.gradient, fewer, p.n_params * sizeof *fewer);
    for (size_t i = 0; i < 2 * p.n_points; i++) p.targets[i] = NAN;
    assert_true(oracle_loss(&network, p.params, p.n_points, p.coordinates, p.targets, p.gradient) == 0);
    for (size_t i = 0; i < p.n_params; i++) assert_true(p.gradient[i] == 0);
    free(fewer);
    end(&p);
}

/* The weights that gave the lowest loss are kept, those of the epoch that PyTorch's run names. */
static void check_snapshot(const golden_trace *t) {
    uint32_t expected = t->best_evaluated;
    assert_in_range(expected, 2, t->n_epochs - 1); /* otherwise this trace shows nothing */
    double *kept = doubles(t->n_params), lowest = INFINITY;
    method_training training;
    oracle_start(&training, &t->network, t->initial, t->learning_rate);
    for (uint32_t epoch = 1; epoch <= t->n_epochs; epoch++) {
        if (epoch == expected) memcpy(kept, training.params, t->n_params * sizeof *kept);
        lowest = fmin(lowest, method_epoch(&training, t->n_points, t->coordinates, t->targets));
    }
    assert_int_equal(training.best_epoch, expected);
    assert_memory_equal(training.best_params, kept, t->n_params * sizeof *kept);
    assert_true(training.best_loss == lowest);
    assert_true(oracle_loss(&t->network, kept, t->n_points, t->coordinates, t->targets, NULL) == lowest);
    method_end(&training);
    free(kept);
}

/* The published code keeps an epoch whose loss and PSNR beat those of the one kept before, the first one 0 dB. It
 * rounds the targets, not the predictions, to 8 bits, and its weights are those after the step. */
static void check_published_snapshot(const golden_trace *t) {
    assert_in_range(t->best_stepped, 2, t->n_epochs - 1);
    size_t n = t->n_points * siren_network_n_outputs(&t->network);
    double *predictions = doubles(n), best_loss = 1e8, best_psnr = 0;
    uint32_t best = 0;
    method_training training;
    oracle_start(&training, &t->network, t->initial, t->learning_rate);
    for (uint32_t epoch = 1; epoch <= t->n_epochs; epoch++) {
        double squares = 0;
        size_t n_data = 0;
        oracle_predict(&t->network, training.params, t->n_points, t->coordinates, predictions);
        for (size_t i = 0; i < n; i++) {
            if (!isfinite(t->targets[i])) continue;
            double error = predictions[i] - rint(255 * (double)t->targets[i]) / 255;
            squares += error * error;
            n_data++;
        }
        double psnr = method_psnr(squares / (double)n_data);
        double loss = method_epoch(&training, t->n_points, t->coordinates, t->targets);
        if (loss < best_loss && psnr > best_psnr) best_loss = loss, best_psnr = psnr, best = epoch;
    }
    assert_int_equal(best, t->best_stepped);
    method_end(&training);
    free(predictions);
}

static void snapshots_keep_the_best_weights(void **state) {
    (void)state;
    const char *names[] = {"snapshot", "snapshot_rules"};
    for (size_t i = 0; i < 2; i++) {
        golden_trace t;
        assert_siren_ok(golden_load(names[i], &t));
        if (i == 1) assert_int_not_equal(t.best_evaluated, t.best_stepped);
        check_snapshot(&t);
        check_published_snapshot(&t);
        golden_free(&t);
    }
}

/* Single precision strays from double, by no more than `single_tolerance`: what a kernel may be held to. */
static void check_trace(const char *name, double single_tolerance) {
    golden_trace t;
    assert_siren_ok(golden_load(name, &t));
    float *coordinates = singles(t.n_points * t.network.n_inputs);
    method_coordinates(t.nx, t.ny, t.nz, t.network.n_inputs, coordinates);
    assert_memory_equal(coordinates, t.coordinates, t.n_points * t.network.n_inputs * sizeof *coordinates);
    free(coordinates);

    method_training training;
    oracle_start(&training, &t.network, t.initial, t.learning_rate);
    for (uint32_t epoch = 0; epoch < t.n_epochs; epoch++) {
        double loss = method_epoch(&training, t.n_points, t.coordinates, t.targets);
        double deviation = fabs(loss / t.loss_double[epoch] - 1);
        if (!(deviation < 1e-9)) fail_msg("%s: loss of epoch %u off by %g", name, epoch + 1, deviation);
        deviation = fabs(t.loss_single[epoch] / loss - 1);
        if (!(deviation < single_tolerance))
            fail_msg("%s: single-precision loss of epoch %u off by %g", name, epoch + 1, deviation);
    }
    double largest = 0, worst = 0;
    for (size_t i = 0; i < t.n_params; i++) {
        largest = fmax(largest, fabs(t.final_double[i]));
        worst = fmax(worst, fabs(training.params[i] - t.final_double[i]));
    }
    if (!(worst < 1e-9 * largest)) fail_msg("%s: parameters off by %g of %g", name, worst, largest);
    assert_int_equal(training.best_epoch, t.best_evaluated);
    method_end(&training);
    golden_free(&t);
}

static void training_matches_pytorch(void **state) {
    (void)state;
    for (size_t i = 0; golden_names[i]; i++) check_trace(golden_names[i], 1e-4);
    check_trace("snapshot", 2e-2);
    /* A trace of real size is too large for the repository. */
    if (getenv("SIREN_TRACE")) check_trace(getenv("SIREN_TRACE"), 1e-4);
}

static void damaged_trace_is_refused(void **state) {
    (void)state;
    golden_trace t = {.n_epochs = 77};
    assert_int_equal(golden_load("no_such_trace", &t), SIREN_SYSTEM);
    char path[4096]; /* of a file there that is none */
    const char *folder = getenv("SIREN_GOLDEN");
    snprintf(path, sizeof path, "%s/make_trace.py", folder ? folder : "tests/golden");
    assert_int_equal(golden_load(path, &t), SIREN_CORRUPT);
    assert_int_equal(t.n_epochs, 77);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_of_all_models_match_differences),
        cmocka_unit_test(gradients_of_mixed_layers_match_differences),
        cmocka_unit_test(perturbed_gradient_is_caught),
        cmocka_unit_test(missing_targets_do_not_count),
        cmocka_unit_test(snapshots_keep_the_best_weights),
        cmocka_unit_test(training_matches_pytorch),
        cmocka_unit_test(damaged_trace_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
