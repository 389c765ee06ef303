/* Training by matrix units, imitated in plain OpenCL C: products, gradients and a whole training against double
 * precision, at the accuracy of tf32. With the argument "tiny" only the smallest shapes are run, for interpreters. */
#include "tests/shared/devices.h"
#include "tests/shared/family_gradient.h"
#include "engine/decode/decode.h"
#include "engine/kernels/matrix_units.h"
#include "engine/train/trainer.h"
#include "tests/shared/oracle.h"

#include <math.h>

/* Of a gradient's norm: operands are off by up to 2^-12. */
static const double tolerance = 1e-3;

/* Tests change a device's limits and names. */
static siren_device_facts *facts(void) { return (siren_device_facts *)siren_device_get_facts(device); }

static void products_match_plain_c(void **state) {
    (void)state;
    if (facts()->max_work_group < 256) skip_case("the device has no work-groups of 256");
    assert_siren_ok(siren_matrix_check(device, SIREN_MATRIX_EMULATED));
}

static double check_gradient(siren_matrix_units units, const batch *b, const char *what) {
    family_result result;
    siren_device_set_matrix_units(device, units);
    family_gradient(device, b, &result);
    siren_device_set_matrix_units(device, SIREN_MATRIX_OFF);
    double worst = compare_with_reference(b, &result, tolerance, what);
    family_result_end(&result);
    return worst;
}

static void check_model(const char *model, uint32_t n_hidden, uint32_t width, uint32_t n_outputs,
                        size_t n_networks, size_t n_points) {
    siren_network network;
    batch b;
    char what[160];
    assert_siren_ok(siren_network_from_model(model, n_hidden, width, n_outputs, 30.0f, &network));
    batch_start(&b, &network, n_networks, n_points, true);
    snprintf(what, sizeof what, "%s, %u hidden of %u, %u outputs, %zu networks, %zu points", model, n_hidden,
             width, n_outputs, n_networks, n_points);
    double tf32 = check_gradient(SIREN_MATRIX_EMULATED, &b, what),
           single = check_gradient(SIREN_MATRIX_OFF, &b, what);
    if (getenv("SIREN_TEST_VERBOSE")) print_message("%s: tf32 %.2g, float %.2g\n", what, tf32, single);
    assert_true(tf32 > 4 * single); /* otherwise no operand was rounded */
    batch_end(&b);
}

static void gradients_match_the_reference(void **state) {
    (void)state;
    check_model("siren-2d", 3, 140, 69, 1, 300);
    check_model("siren-2d", 1, 16, 1, 1, 2);
    check_model("siren-2d", 2, 17, 13, 2, 129);
    check_model("siren-3d", 3, 100, 13, 2, 140);
    check_model("siren-2d-relu", 2, 100, 69, 1, 128);
    check_model("mlp-tanh", 2, 48, 2, 1, 64);
    check_model("mlp-siren", 2, 17, 16, 1, 2500);
}

/* Every tile shape that has whole warps, by the limits that lead to it; the one that has none is refused. */
static void small_limits_are_respected(void **state) {
    (void)state;
    const siren_device_facts before = *facts();
    siren_network network;
    batch b;
    assert_siren_ok(siren_network_from_model("siren-2d", 3, 100, 33, 30.0f, &network));
    batch_start(&b, &network, 2, 200, true);
    for (size_t items = 64; items <= 256 && items <= before.max_work_group; items *= 2) {
        facts()->max_work_group = items;
        check_gradient(SIREN_MATRIX_EMULATED, &b, "small work-groups");
    }
    facts()->max_work_group = 16;
    facts()->matrix_units = SIREN_MATRIX_EMULATED;
    siren_gradient_plan shape = shape_start(device, &b);
    siren_gradient *gradient = NULL;
    assert_int_equal(siren_layer_create(&shape, &gradient), SIREN_DEVICE);
    assert_null(gradient);
    shape_end(&shape);
    *facts() = before;
    batch_end(&b);
}

/* Decoding has its bits on a device that trains with tf32, too. */
static void decode_is_exact(void **state) {
    (void)state;
    siren_network network;
    batch b;
    assert_siren_ok(siren_network_from_model("siren-2d", 2, 40, 13, 30.0f, &network));
    batch_start(&b, &network, 1, 150, false);
    size_t n_bytes = b.n_points * b.n_outputs * sizeof(float);
    float *expected = test_malloc(n_bytes), *y = test_malloc(n_bytes);
    siren_decoder *decoder = NULL;
    assert_siren_ok(
        siren_decode_host(&network, network.n_layers, b.params, b.n_points, b.coordinates, expected));
    siren_device_set_matrix_units(device, SIREN_MATRIX_EMULATED);
    assert_siren_ok(siren_decoder_create(device, &network, b.n_points, b.coordinates, &decoder));
    assert_siren_ok(siren_decoder_run(decoder, b.params, y));
    siren_device_set_matrix_units(device, SIREN_MATRIX_OFF);
    assert_memory_equal(y, expected, n_bytes);
    siren_decoder_free(decoder);
    test_free(expected);
    test_free(y);
    batch_end(&b);
}

enum { SIDE = 16, POINTS = SIDE * SIDE, OUTPUTS = 5, EPOCHS = 250 };

static void make_image(float *coordinates, float *targets) {
    method_coordinates(SIDE, SIDE, 1, 2, coordinates);
    for (int i = 0; i < POINTS * OUTPUTS; i++) {
        float x = coordinates[i / OUTPUTS * 2], y = coordinates[i / OUTPUTS * 2 + 1];
        targets[i] = 0.5f + 0.25f * sinf(3 * x + (float)(i % OUTPUTS)) + 0.25f * cosf(5 * y * x);
    }
}

/* PSNR of the best parameters of a training, in double precision. */
static double trained_psnr(siren_matrix_units units) {
    static float coordinates[POINTS * 2], targets[POINTS * OUTPUTS];
    siren_network network;
    siren_trainer *trainer = NULL;
    assert_siren_ok(siren_network_from_model("siren-2d", 2, 32, OUTPUTS, 30.0f, &network));
    make_image(coordinates, targets);
    size_t n_params = siren_network_n_params(&network);
    float *params = test_malloc(n_params * sizeof *params);
    double *wide = test_malloc(n_params * sizeof *wide);
    siren_network_initialise(&network, 3, 0, params);
    const siren_trainer_plan plan = {.network = &network,
                                     .n_networks = 1,
                                     .n_points = POINTS,
                                     .coordinates = coordinates,
                                     .max_epochs = EPOCHS,
                                     .adam = {1e-3f, 0.9f, 0.999f, 1e-8f}};
    siren_target_source source = siren_target_array_source(&(siren_target_array){targets, POINTS, OUTPUTS});
    siren_device_set_matrix_units(device, units);
    assert_siren_ok(siren_trainer_create(device, &plan, &trainer));
    siren_device_set_matrix_units(device, SIREN_MATRIX_OFF);
    assert_siren_ok(siren_trainer_start(trainer, params, &source, NULL));
    assert_siren_ok(siren_trainer_run(trainer, EPOCHS, NULL, NULL));
    assert_siren_ok(siren_trainer_best(trainer, params, NULL));
    for (size_t i = 0; i < n_params; i++) wide[i] = (double)params[i];
    double mse = oracle_loss(&network, wide, POINTS, coordinates, targets, NULL);
    siren_trainer_free(trainer);
    test_free(params);
    test_free(wide);
    return -10 * log10(mse);
}

static void training_reaches_the_same_psnr(void **state) {
    (void)state;
    facts()->max_work_group = 64;
    double single = trained_psnr(SIREN_MATRIX_OFF), tf32 = trained_psnr(SIREN_MATRIX_EMULATED);
    if (getenv("SIREN_TEST_VERBOSE")) print_message("float %.3f dB, tf32 %.3f dB\n", single, tf32);
    assert_true(single > 35);
    assert_true(tf32 != single);
    if (!(fabs(tf32 - single) < 0.2)) fail_msg("float reached %.3f dB, tf32 %.3f dB", single, tf32);
}

/* PTX is for one driver and for devices that know its instructions; every other is refused before it sees any. */
static void other_devices_are_refused(void **state) {
    (void)state;
    const siren_device_facts before = *facts();
    snprintf(facts()->platform_name, sizeof before.platform_name, "Portable Computing Language");
    snprintf(facts()->vendor, sizeof before.vendor, "NVIDIA Corporation");
    facts()->compute_capability = 9;
    assert_int_equal(siren_matrix_units_enable(device), SIREN_UNSUPPORTED);
    snprintf(facts()->platform_name, sizeof before.platform_name, "NVIDIA CUDA");
    facts()->compute_capability = 7;
    assert_int_equal(siren_matrix_units_enable(device), SIREN_UNSUPPORTED);
    assert_non_null(strstr(siren_message(), "compute capability 7"));
    assert_int_equal(facts()->matrix_units, SIREN_MATRIX_OFF);
    *facts() = before;
}

static void tiny_shapes(void **state) {
    (void)state;
    siren_network network = {.n_inputs = 3, .n_layers = 3};
    network.layers[0] = (siren_layer){3, SIREN_TANH, 1.0f, SIREN_INIT_LINEAR};
    network.layers[1] = (siren_layer){18, SIREN_SINE, 3.0f, SIREN_INIT_LINEAR};
    network.layers[2] = (siren_layer){2, SIREN_RELU, 1.0f, SIREN_INIT_LINEAR};
    batch b;
    batch_start(&b, &network, 1, 9, true);
    facts()->max_work_group = 64;
    check_gradient(SIREN_MATRIX_EMULATED, &b, "tiny");
    batch_end(&b);
}

int main(int n_arguments, char **arguments) {
    const struct CMUnitTest tiny[] = {cmocka_unit_test(tiny_shapes)};
    const struct CMUnitTest all[] = {
        cmocka_unit_test(products_match_plain_c),     cmocka_unit_test(gradients_match_the_reference),
        cmocka_unit_test(small_limits_are_respected), cmocka_unit_test(decode_is_exact),
        cmocka_unit_test(other_devices_are_refused),  cmocka_unit_test(training_reaches_the_same_psnr),
    };
    if (n_arguments > 1 && strcmp(arguments[1], "tiny") == 0)
        return run_on_family(SIREN_FAMILY_LAYER, tiny, sizeof tiny / sizeof *tiny);
    return run_on_family(SIREN_FAMILY_LAYER, all, sizeof all / sizeof *all);
}
