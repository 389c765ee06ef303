/* Loss and gradient of both kernel families against the double-precision reference. With the argument "tiny" only the
 * smallest shapes are run, for interpreters. */
#include "tests/shared/devices.h"
#include "tests/shared/family_gradient.h"
#include "engine/decode/decode.h"

static const char *const families[] = {"chain", "layer"};
static const double tolerance = 3e-6;

/* Tests lower a device's limits, as small devices have them. */
static siren_device_facts *facts(void) { return (siren_device_facts *)siren_device_get_facts(device); }

static double check_family(siren_family family, const batch *b, const char *what) {
    char name[200];
    family_result result;
    snprintf(name, sizeof name, "%s family, %s", families[family], what);
    siren_device_set_family(device, family);
    family_gradient(device, b, &result);
    double worst = compare_with_reference(b, &result, tolerance, name);
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
    for (siren_family family = first_family(device); family <= SIREN_FAMILY_LAYER; family++) {
        double worst = check_family(family, &b, what);
        if (getenv("SIREN_TEST_VERBOSE")) print_message("%s: %s: %.2g\n", families[family], what, worst);
    }
    batch_end(&b);
}

static void every_model_and_odd_sizes(void **state) {
    (void)state;
    check_model("siren-2d", 3, 256, 69, 1, 300);
    check_model("siren-2d", 1, 16, 1, 1, 1);
    check_model("siren-2d", 2, 17, 13, 2, 129);
    check_model("siren-2d", 4, 48, 69, 1, 257);
    check_model("siren-3d", 3, 100, 13, 2, 140);
    check_model("siren-3d", 1, 256, 1, 1, 7);
    check_model("siren-2d-relu", 2, 100, 69, 1, 128);
    check_model("mlp-relu", 3, 48, 13, 2, 333);
    check_model("mlp-tanh", 2, 256, 2, 1, 64);
    check_model("mlp-siren", 3, 17, 16, 1, 2500);
    check_model("mlp-siren-last", 2, 48, 13, 1, 200);
    check_model("siren-2d-tanh", 2, 32, 69, 2, 99);
}

/* Uneven widths, and every activation as output too. */
static void check_mixed(uint32_t output, const uint32_t widths[3], size_t n_points) {
    siren_network network = {.n_inputs = 3, .n_layers = 5};
    network.layers[0] = (siren_layer){widths[0], SIREN_TANH, 1.0f, SIREN_INIT_LINEAR};
    network.layers[1] = (siren_layer){widths[1], SIREN_SINE, 3.0f, SIREN_INIT_LINEAR};
    network.layers[2] = (siren_layer){widths[2], SIREN_IDENTITY, 1.0f, SIREN_INIT_LINEAR};
    network.layers[3] = (siren_layer){widths[0], SIREN_RELU, 1.0f, SIREN_INIT_LINEAR};
    network.layers[4] = (siren_layer){widths[2], output, 2.0f, SIREN_INIT_LINEAR};
    batch b;
    batch_start(&b, &network, 2, n_points, true);
    for (siren_family family = first_family(device); family <= SIREN_FAMILY_LAYER; family++)
        check_family(family, &b, "mixed layers");
    batch_end(&b);
}

static void mixed_layers(void **state) {
    (void)state;
    for (uint32_t output = SIREN_IDENTITY; output <= SIREN_LEAKY_RELU; output++) {
        check_mixed(output, (const uint32_t[]){1, 33, 5}, 50);
        check_mixed(output, (const uint32_t[]){130, 16, 129}, 150);
    }
}

/* The parts of network i must have the same bits whatever is trained beside it. */
static void expect_same_bits(const batch *b, const family_result *all, size_t i, const family_result *one) {
    assert_int_equal(all->n_parts, one->n_parts);
    size_t n = all->n_parts * b->n_padded;
    assert_memory_equal(all->partial_gradients + i * n, one->partial_gradients, n * sizeof(float));
    assert_memory_equal(all->partial_losses + i * all->n_parts, one->partial_losses,
                        all->n_parts * sizeof(float));
}

static void batch_equals_each_alone(void **state) {
    (void)state;
    siren_network network;
    batch b;
    assert_siren_ok(siren_network_from_model("siren-2d", 2, 40, 21, 30.0f, &network));
    batch_start(&b, &network, 3, 700, true);
    for (siren_family family = first_family(device); family <= SIREN_FAMILY_LAYER; family++) {
        family_result all, one;
        siren_device_set_family(device, family);
        family_gradient(device, &b, &all);
        for (size_t i = 0; i < b.n_networks; i++) {
            batch alone = batch_of_one(&b, i);
            family_gradient(device, &alone, &one);
            expect_same_bits(&b, &all, i, &one);
            family_result_end(&one);
        }
        family_result_end(&all);
    }
    batch_end(&b);
}

/* Little memory: several tiles of points, the same bits. 3000 points are 24 blocks for 16 parts. */
static void check_tiles(const char *model) {
    const siren_device_facts before = *facts();
    siren_network network;
    batch b;
    family_result whole, tiled;
    assert_siren_ok(siren_network_from_model(model, 2, 48, 5, 30.0f, &network));
    batch_start(&b, &network, 2, 3000, true);
    siren_device_set_family(device, SIREN_FAMILY_LAYER);
    family_gradient(device, &b, &whole);
    assert_int_equal(whole.n_tiles, 1);
    const uint64_t memories[] = {4 << 20, 2 << 20, 1 << 20};
    size_t n_tiles = 1;
    for (size_t i = 0; i < 3; i++) {
        facts()->global_bytes = memories[i];
        family_gradient(device, &b, &tiled);
        facts()->global_bytes = before.global_bytes;
        assert_true(tiled.n_tiles > n_tiles);
        n_tiles = tiled.n_tiles;
        for (size_t n = 0; n < b.n_networks; n++) {
            batch one = batch_of_one(&b, n);
            size_t at = n * whole.n_parts;
            family_result of_one = whole;
            of_one.partial_gradients += at * b.n_padded;
            of_one.partial_losses += at;
            expect_same_bits(&one, &tiled, n, &of_one);
        }
        family_result_end(&tiled);
    }
    compare_with_reference(&b, &whole, tolerance, "one tile");
    family_result_end(&whole);
    batch_end(&b);
}

static void tiles_do_not_change_the_gradient(void **state) {
    (void)state;
    check_tiles("siren-2d");
    check_tiles("siren-3d");
}

/* The chain family's tiles bound the work of a launch: a block that is one tile alone is several in a batch. */
static void tiles_do_not_change_the_chains_gradient(void **state) {
    (void)state;
    siren_network network;
    batch b;
    family_result tiled, whole;
    if (first_family(device) != SIREN_FAMILY_CHAIN) skip_case("the chain family is for CPUs");
    assert_siren_ok(siren_network_from_model("siren-3d", 2, 128, 5, 30.0f, &network));
    batch_start(&b, &network, 3, 90001, true);
    siren_device_set_family(device, SIREN_FAMILY_CHAIN);
    family_gradient(device, &b, &tiled);
    assert_true(tiled.n_tiles > 1);
    batch one = batch_of_one(&b, 1);
    family_gradient(device, &one, &whole);
    assert_int_equal(whole.n_tiles, 1);
    expect_same_bits(&b, &tiled, 1, &whole);
    family_result_end(&whole);
    family_result_end(&tiled);
    batch_end(&b);
}

/* Every tile shape, by the limits that lead to it; the gradients' parts agree with the reference. */
static void small_limits_are_respected(void **state) {
    (void)state;
    const siren_device_facts before = *facts();
    const struct {
        size_t max_work_group;
        uint64_t local_bytes;
    } limits[] = {{256, 32768}, {256, 16384}, {128, 32768}, {64, 16384}, {16, 4096}};
    siren_network network;
    batch b;
    assert_siren_ok(siren_network_from_model("siren-2d", 3, 100, 33, 30.0f, &network));
    batch_start(&b, &network, 2, 200, true);
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        if (limits[i].max_work_group > before.max_work_group) continue;
        facts()->max_work_group = limits[i].max_work_group;
        facts()->local_bytes = limits[i].local_bytes;
        char what[80];
        snprintf(what, sizeof what, "work-groups of %zu, %llu bytes", limits[i].max_work_group,
                 (unsigned long long)limits[i].local_bytes);
        check_family(SIREN_FAMILY_LAYER, &b, what);
    }
    facts()->max_work_group = 8;
    siren_gradient_plan shape = shape_start(device, &b);
    siren_gradient *gradient = NULL;
    assert_int_equal(siren_layer_create(&shape, &gradient), SIREN_UNSUPPORTED);
    assert_null(gradient);
    shape_end(&shape);
    *facts() = before;
    batch_end(&b);
}

/* Both families' decoders must give the bits of the one in plain C, for all networks and tilings. */
static void check_decode(const siren_network *network, size_t n_points) {
    batch b;
    batch_start(&b, network, 1, n_points, false);
    b.params[b.n_params - 1] =
        -0.0f; /* the last bias: a sum that starts from -0 must not meet a product of padding */
    size_t n_bytes = n_points * b.n_outputs * sizeof(float);
    float *expected = test_malloc(n_bytes), *y = test_malloc(n_bytes);
    assert_siren_ok(
        siren_decode_host(network, network->n_layers, b.params, n_points, b.coordinates, expected));
    for (siren_family family = first_family(device); family <= SIREN_FAMILY_LAYER; family++) {
        siren_decoder *decoder = NULL;
        siren_device_set_family(device, family);
        assert_siren_ok(siren_decoder_create(device, network, n_points, b.coordinates, &decoder));
        for (int run = 0; run < 2; run++) {
            memset(y, 0xFF, n_bytes);
            assert_siren_ok(siren_decoder_run(decoder, b.params, y));
            assert_memory_equal(y, expected, n_bytes);
        }
        siren_decoder_free(decoder);
    }
    test_free(expected);
    test_free(y);
    batch_end(&b);
}

/* A driver that ends loops early gets the chain family in pieces and the layer family in smaller tiles, with the same
 * bits, and refuses what would not come to its end. */
static void bounded_loops_do_not_change_the_gradient(void **state) {
    (void)state;
    const siren_device_facts before = *facts();
    const struct {
        const char *model;
        uint32_t n_hidden, width, n_outputs;
        size_t n_networks, n_points;
    } cases[] = {{"siren-3d", 2, 100, 33, 2, 1700},
                 {"mlp-tanh", 1, 20, 1, 1, 5},
                 {"siren-2d-relu", 3, 64, 69, 1, 780}};
    for (siren_family family = first_family(device); family <= SIREN_FAMILY_LAYER; family++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            siren_network network;
            batch b;
            family_result usual, bounded;
            assert_siren_ok(siren_network_from_model(cases[i].model, cases[i].n_hidden, cases[i].width,
                                                     cases[i].n_outputs, 30.0f, &network));
            batch_start(&b, &network, cases[i].n_networks, cases[i].n_points, true);
            siren_device_set_family(device, family);
            facts()->loop_limit = 0;
            family_gradient(device, &b, &usual);
            facts()->loop_limit = 65535;
            family_gradient(device, &b, &bounded);
            for (size_t n = 0; n < b.n_networks; n++) {
                batch one = batch_of_one(&b, n);
                family_result alone;
                family_gradient(device, &one, &alone);
                expect_same_bits(&b, &usual, n, &alone);
                expect_same_bits(&b, &bounded, n, &alone);
                family_result_end(&alone);
            }
            family_result_end(&usual);
            family_result_end(&bounded);
            batch_end(&b);
            check_decode(&network, 129);
            siren_network_from_model("siren-2d", 1, 16, 9000, 30.0f, &network);
            batch_start(&b, &network, 1, 3, false);
            siren_gradient_plan shape = shape_start(device, &b);
            siren_gradient *gradient = NULL;
            siren_device_set_family(device, family);
            assert_int_equal(siren_gradient_create(&shape, &gradient), SIREN_UNSUPPORTED);
            assert_null(gradient);
            shape_end(&shape);
            batch_end(&b);
        }
    *facts() = before;
}

/* A device without room for a single block of points says so, and nothing leaks; with a failure later it retries. */
static void exhausted_memory_is_reported(void **state) {
    (void)state;
    siren_network network;
    batch b;
    assert_siren_ok(siren_network_from_model("siren-2d", 2, 16, 3, 30.0f, &network));
    batch_start(&b, &network, 1, 1000, false);
    siren_gradient_plan shape = shape_start(device, &b);
    siren_device_set_family(device, SIREN_FAMILY_LAYER);
    siren_gradient *gradient = NULL;
    assert_siren_ok(siren_gradient_create(&shape, &gradient));
    gradient->free(gradient);
    size_t n_failures = 0;
    for (long nth = 0; nth < 400; nth++) {
        gradient = NULL;
        siren_device_inject_failure(device, nth, SIREN_DEVICE_MEMORY);
        siren_status status = siren_gradient_create(&shape, &gradient);
        siren_device_inject_failure(device, 0, SIREN_OK);
        if (status == SIREN_OK) {
            gradient->free(gradient);
            break;
        }
        assert_int_equal(status, SIREN_DEVICE_MEMORY);
        assert_null(gradient);
        n_failures++;
    }
    assert_true(n_failures > 0 && n_failures < 400);
    shape_end(&shape);
    batch_end(&b);
}

static void decode_has_the_bits_of_the_host(void **state) {
    (void)state;
    const siren_device_facts before = *facts();
    const uint32_t widths[] = {16, 17, 48, 100, 256, 1}, outputs[] = {1, 13, 69};
    const size_t points[] = {1, 129, 1000};
    for (size_t m = 0; siren_model_name(m); m++)
        for (size_t i = 0; i < 6; i++) {
            siren_network network;
            if (i % 3 == 2) facts()->global_bytes = 1 << 20; /* several tiles of points */
            if (i % 3 == 1) facts()->max_work_group = before.max_work_group < 64 ? before.max_work_group : 64;
            assert_siren_ok(siren_network_from_model(siren_model_name(m), 1 + (uint32_t)i % 4, widths[i],
                                                     outputs[(m + i) % 3], 30.0f, &network));
            check_decode(&network, points[(m + i / 2) % 3]);
            *facts() = before;
        }
}

/* Inputs that take more than a vector, and leaky layers. */
static void features_decode_to_the_bits_of_the_host(void **state) {
    (void)state;
    const uint32_t shapes[][3] = {{35, 2, 32}, {17, 1, 5}, {64, 3, 64}, {256, 1, 20}, {1, 1, 1}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        siren_network network;
        assert_siren_ok(siren_network_on_features(shapes[i][0], shapes[i][1], shapes[i][2], &network));
        check_decode(&network, 200 + i);
    }
}

/* Coordinates of volumes: 3 to 16 inputs, which are summed three at a time. */
static void coordinates_of_volumes(void **state) {
    (void)state;
    for (uint32_t n_acquisition = 1; n_acquisition <= SIREN_MAX_ACQUISITION; n_acquisition++) {
        siren_network network;
        batch b;
        char what[80];
        const uint32_t n_space = n_acquisition % 2 ? 3 : 2;
        assert_siren_ok(siren_network_from_model("siren-nd", 2, 16 + 3 * n_acquisition, 1, 30.0f, &network));
        siren_network_acquire(&network, n_space, n_acquisition);
        batch_start(&b, &network, 2, 150, true);
        snprintf(what, sizeof what, "%u + %u coordinates", n_space, n_acquisition);
        for (siren_family family = first_family(device); family <= SIREN_FAMILY_LAYER; family++)
            check_family(family, &b, what);
        check_decode(&network, 77);
        batch_end(&b);
    }
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
    check_decode(&network, 9);
    check_family(SIREN_FAMILY_CHAIN, &b, "tiny");
    check_family(SIREN_FAMILY_LAYER, &b, "tiny");
    facts()->loop_limit = 65535;
    check_family(SIREN_FAMILY_CHAIN, &b, "tiny, in pieces");
    facts()->max_work_group = 16;
    check_family(SIREN_FAMILY_LAYER, &b, "tiny, 16 items");
    batch_end(&b);
}

int main(int n_arguments, char **arguments) {
    const struct CMUnitTest tiny[] = {cmocka_unit_test(tiny_shapes)};
    const struct CMUnitTest all[] = {
        cmocka_unit_test(every_model_and_odd_sizes),
        cmocka_unit_test(coordinates_of_volumes),
        cmocka_unit_test(mixed_layers),
        cmocka_unit_test(decode_has_the_bits_of_the_host),
        cmocka_unit_test(features_decode_to_the_bits_of_the_host),
        cmocka_unit_test(batch_equals_each_alone),
        cmocka_unit_test(tiles_do_not_change_the_gradient),
        cmocka_unit_test(tiles_do_not_change_the_chains_gradient),
        cmocka_unit_test(bounded_loops_do_not_change_the_gradient),
        cmocka_unit_test(small_limits_are_respected),
        cmocka_unit_test(exhausted_memory_is_reported),
    };
    if (n_arguments > 1 && strcmp(arguments[1], "tiny") == 0)
        return run_on_family(SIREN_FAMILY_LAYER, tiny, sizeof tiny / sizeof *tiny);
    return run_on_family(SIREN_FAMILY_LAYER, all, sizeof all / sizeof *all);
}
