/* Loss and gradient by the layer family with its products from CLBlast, against the double-precision reference and
 * against the family's own products. With the argument "tiny" only the smallest shape is run, for interpreters. */
#include "tests/shared/devices.h"
#include "tests/shared/family_gradient.h"
#include "engine/care/tune.h"
#include "host/opencl/gemm.h"

#include <math.h>

static const double tolerance = 3e-6;

/* Tests lower a device's limits, as small devices have them. */
static siren_device_facts *facts(void) { return (siren_device_facts *)siren_device_get_facts(device); }

static void gradient_by(siren_gemm_choice gemm, const batch *b, family_result *out) {
    siren_device_set_gemm(device, gemm);
    family_gradient(device, b, out);
    siren_device_set_gemm(device, SIREN_GEMM_AUTO);
}

/* Largest difference of a network's gradients, relative to their norm. */
static double difference(const batch *b, const family_result *x, const family_result *y) {
    double worst = 0;
    for (size_t n = 0; n < b->n_networks; n++) {
        double norm = 0, squares = 0;
        for (size_t i = n * b->n_params; i < (n + 1) * b->n_params; i++) {
            norm += y->gradients[i] * y->gradients[i];
            squares += (x->gradients[i] - y->gradients[i]) * (x->gradients[i] - y->gradients[i]);
        }
        if (norm > 0) worst = fmax(worst, sqrt(squares / norm));
    }
    return worst;
}

static void check(const siren_network *network, size_t n_networks, size_t n_points, const char *what) {
    batch b;
    family_result by_clblast, own;
    batch_start(&b, network, n_networks, n_points, true);
    gradient_by(SIREN_GEMM_CLBLAST, &b, &by_clblast);
    double worst = compare_with_reference(&b, &by_clblast, tolerance, what);
    gradient_by(SIREN_GEMM_OWN, &b, &own);
    double beside_own = difference(&b, &by_clblast, &own);
    if (!(beside_own <= 2 * tolerance))
        fail_msg("%s: off by %g of our own products' gradient", what, beside_own);
    if (getenv("SIREN_TEST_VERBOSE"))
        print_message("%s: %.2g, beside our own %.2g\n", what, worst, beside_own);
    family_result_end(&own);
    family_result_end(&by_clblast);
    batch_end(&b);
}

static void check_model(const char *model, uint32_t n_hidden, uint32_t width, uint32_t n_outputs,
                        size_t n_networks, size_t n_points) {
    siren_network network;
    char what[160];
    assert_siren_ok(siren_network_from_model(model, n_hidden, width, n_outputs, 30.0f, &network));
    snprintf(what, sizeof what, "%s, %u hidden of %u, %u outputs, %zu networks, %zu points", model, n_hidden,
             width, n_outputs, n_networks, n_points);
    check(&network, n_networks, n_points, what);
}

/* Points below a block, of several blocks, of a whole round of parts (8192) and beyond. */
static void every_model_and_odd_sizes(void **state) {
    (void)state;
    check_model("siren-2d", 3, 256, 69, 1, 300);
    check_model("siren-2d", 1, 16, 1, 1, 1);
    check_model("siren-2d", 2, 17, 13, 3, 1029);
    check_model("siren-3d", 3, 100, 13, 3, 140);
    check_model("siren-3d", 1, 256, 1, 1, 513);
    check_model("siren-2d-relu", 2, 100, 69, 1, 128);
    check_model("siren-2d-tanh", 2, 32, 69, 3, 99);
    check_model("mlp-relu", 3, 48, 13, 3, 333);
    check_model("mlp-tanh", 2, 256, 2, 1, 64);
    check_model("mlp-siren", 3, 17, 16, 1, 8192);
    check_model("siren-2d", 1, 64, 16, 3, 8192);
    check_model("mlp-siren-last", 2, 48, 13, 3, 9000);
}

/* Uneven widths, and every activation as output too. */
static void mixed_layers(void **state) {
    (void)state;
    for (uint32_t output = SIREN_IDENTITY; output <= SIREN_LEAKY_RELU; output++) {
        siren_network network = {.n_inputs = 3, .n_layers = 4};
        network.layers[0] = (siren_layer){130, SIREN_TANH, 1.0f, SIREN_INIT_LINEAR};
        network.layers[1] = (siren_layer){16, SIREN_SINE, 3.0f, SIREN_INIT_LINEAR};
        network.layers[2] = (siren_layer){129, SIREN_RELU, 1.0f, SIREN_INIT_LINEAR};
        network.layers[3] = (siren_layer){5, output, 2.0f, SIREN_INIT_LINEAR};
        check(&network, 2, 150, "mixed layers");
    }
}

/* The parts of network i of `all` must have the bits of network j of `other`. */
static void expect_same_bits(const batch *b, const family_result *all, size_t i, const family_result *other,
                             size_t j) {
    assert_int_equal(all->n_parts, other->n_parts);
    size_t n = all->n_parts * b->n_padded;
    assert_memory_equal(all->partial_gradients + i * n, other->partial_gradients + j * n, n * sizeof(float));
    assert_memory_equal(all->partial_losses + i * all->n_parts, other->partial_losses + j * all->n_parts,
                        all->n_parts * sizeof(float));
}

/* Neither the batch, nor tiles, nor a second run change a bit: with a whole round of parts and a rest, whose products
 * are batched in other ways. */
static void bits_depend_on_neither_batch_nor_tiles(void **state) {
    (void)state;
    const siren_device_facts before = *facts();
    siren_network network;
    batch b;
    family_result all, other;
    assert_siren_ok(siren_network_from_model("siren-2d", 2, 64, 21, 30.0f, &network));
    batch_start(&b, &network, 3, 9000, true);
    facts()->clock_mhz = 1000000; /* tiles are bound by memory alone */
    gradient_by(SIREN_GEMM_CLBLAST, &b, &all);
    assert_int_equal(all.n_tiles, 2);
    compare_with_reference(&b, &all, tolerance, "two tiles");
    gradient_by(SIREN_GEMM_CLBLAST, &b, &other);
    for (size_t i = 0; i < b.n_networks; i++) expect_same_bits(&b, &all, i, &other, i);
    family_result_end(&other);
    for (size_t i = 0; i < b.n_networks; i++) {
        batch alone = batch_of_one(&b, i);
        gradient_by(SIREN_GEMM_CLBLAST, &alone, &other);
        expect_same_bits(&b, &all, i, &other, 0);
        family_result_end(&other);
    }
    const uint64_t memories[] = {70 << 20, 30 << 20, 1 << 20};
    size_t n_tiles = 2;
    for (size_t i = 0; i < 3; i++) {
        facts()->global_bytes = memories[i];
        gradient_by(SIREN_GEMM_CLBLAST, &b, &other);
        if (!(other.n_tiles > n_tiles)) fail_msg("%zu tiles after %zu", other.n_tiles, n_tiles);
        n_tiles = other.n_tiles;
        for (size_t n = 0; n < b.n_networks; n++) expect_same_bits(&b, &all, n, &other, n);
        family_result_end(&other);
    }
    *facts() = before;
    family_result_end(&all);
    batch_end(&b);
}

/* What tuning has chosen is used, unless our own products are asked for, or matrix units are on. */
static void tuned_sets_are_used(void **state) {
    (void)state;
    siren_network network;
    const siren_configuration own = siren_configuration_default(device);
    assert_siren_ok(siren_network_from_model("siren-2d", 1, 16, 1, 30.0f, &network));
    siren_device_configure(device, SIREN_WIDTH_NARROW, &(siren_configuration){.clblast = SIREN_GEMM_SETS});
    siren_configuration used = siren_configuration_of(device, &network);
    assert_int_equal(used.clblast, SIREN_GEMM_SETS);
    used.clblast = 0;
    assert_true(siren_configuration_equal(&used, &own));
    siren_device_set_gemm(device, SIREN_GEMM_CLBLAST);
    assert_int_equal(siren_configuration_of(device, &network).clblast, SIREN_GEMM_SETS);
    assert_int_equal(siren_configuration_of_width(device, SIREN_WIDTH_WIDE).clblast,
                     siren_gemm_default(device));
    siren_device_set_gemm(device, SIREN_GEMM_OWN);
    assert_int_equal(siren_configuration_of(device, &network).clblast, 0);
    siren_device_set_gemm(device, SIREN_GEMM_AUTO);
    siren_device_set_matrix_units(device, SIREN_MATRIX_EMULATED);
    assert_int_equal(siren_configuration_of(device, &network).clblast, 0);
    siren_device_set_matrix_units(device, SIREN_MATRIX_OFF);
    siren_device_configure(device, SIREN_WIDTH_NARROW, &(siren_configuration){0});
}

/* A device whose limits allow no set, and no room for the gradients of many networks in CLBlast's ints. */
static void limits_are_respected(void **state) {
    (void)state;
    const siren_device_facts before = *facts();
    siren_network network;
    batch b;
    assert_siren_ok(siren_network_from_model("siren-2d", 2, 16, 3, 30.0f, &network));
    batch_start(&b, &network, 1, 100, false);
    siren_gradient_plan shape = shape_start(device, &b);
    siren_buffer *params = padded_params(device, &b);
    siren_gradient *gradient = NULL;
    siren_device_set_gemm(device, SIREN_GEMM_CLBLAST);
    facts()->max_work_group = 32;
    assert_siren_ok(siren_gradient_create(&shape, &gradient));
    assert_siren_ok(gradient->begin(gradient, params));
    assert_int_equal(gradient->tile(gradient, params, shape.coordinates, 0, 0), SIREN_UNSUPPORTED);
    assert_non_null(strstr(siren_message(), "--gemm own"));
    gradient->free(gradient);
    gradient = NULL;
    *facts() = before;
    siren_device_set_gemm(device, SIREN_GEMM_CLBLAST);
    shape.n_networks = (size_t)INT32_MAX / b.n_padded + 1;
    assert_int_equal(siren_gradient_create(&shape, &gradient), SIREN_DEVICE_MEMORY);
    assert_null(gradient);
    siren_device_set_gemm(device, SIREN_GEMM_AUTO);
    siren_buffer_free(params);
    shape_end(&shape);
    batch_end(&b);
}

/* Every kernel once, with sums over lanes and losses of several groups. */
static void tiny_shape(void **state) {
    (void)state;
    check_model("siren-2d", 1, 16, 3, 1, 9);
}

int main(int n_arguments, char **arguments) {
    const struct CMUnitTest tiny[] = {cmocka_unit_test(tiny_shape)};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_model_and_odd_sizes),
        cmocka_unit_test(mixed_layers),
        cmocka_unit_test(bits_depend_on_neither_batch_nor_tiles),
        cmocka_unit_test(tuned_sets_are_used),
        cmocka_unit_test(limits_are_respected),
    };
    if (n_arguments > 1 && strcmp(arguments[1], "tiny") == 0)
        return run_on_family(SIREN_FAMILY_LAYER, tiny, sizeof tiny / sizeof *tiny);
    return run_on_family(SIREN_FAMILY_LAYER, tests, sizeof tests / sizeof *tests);
}
