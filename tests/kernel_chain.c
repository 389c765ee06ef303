/* The chain family's two shapes, vectors of 16 and of 8 floats, whichever of them suits the device: the gradient against
 * the double-precision reference, the decoded bits against the host's. */
#include "tests/devices.h"
#include "tests/gradients.h"
#include "engine/decode.h"

static siren_device *device;

static int open_device(void **state) {
    (void)state;
    device = open_test_device(SIREN_FAMILY_CHAIN);
    return 0;
}

static int close_device(void **state) {
    (void)state;
    siren_device_close(device);
    return 0;
}

static void set_vector_width(unsigned width) {
    ((siren_device_facts *)siren_device_get_facts(device))->vector_width = width;
    assert_int_equal(siren_chain_lanes(device), width);
}

static void check_decode(const batch *b) {
    size_t n_values = b->n_points * b->n_outputs;
    float *on_device = calloc(n_values, sizeof *on_device), *on_host = calloc(n_values, sizeof *on_host);
    siren_decoder *decoder = NULL;
    assert_siren_ok(siren_decoder_create(device, &b->network, b->n_points, b->coordinates, &decoder));
    assert_siren_ok(siren_decoder_run(decoder, b->params, on_device));
    assert_siren_ok(
        siren_decode_host(&b->network, b->network.n_layers, b->params, b->n_points, b->coordinates, on_host));
    assert_memory_equal(on_device, on_host, n_values * sizeof *on_host);
    siren_decoder_free(decoder);
    free(on_device), free(on_host);
}

/* Odd widths leave a panel half full, points leave rows of the last tile and parts of the last round empty. */
static void both_shapes_are_right(void **state) {
    (void)state;
    const struct {
        const char *model;
        uint32_t n_hidden, width, n_outputs;
        size_t n_points;
    } cases[] = {{"siren-2d", 3, 64, 69, 1000},
                 {"siren-3d", 2, 48, 13, 777},
                 {"mlp-tanh", 2, 33, 5, 101},
                 {"mlp-relu", 1, 100, 17, 96},
                 {"siren-2d-relu", 1, 16, 1, 5}};
    for (unsigned width = 8; width <= 16; width += 8) {
        set_vector_width(width);
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            siren_network network;
            batch b;
            family_result result;
            char what[80];
            snprintf(what, sizeof what, "vectors of %u, %s", width, cases[i].model);
            assert_siren_ok(siren_network_from_model(cases[i].model, cases[i].n_hidden, cases[i].width,
                                                     cases[i].n_outputs, 30.0f, &network));
            batch_start(&b, &network, 1, cases[i].n_points, true);
            family_gradient(device, &b, &result);
            compare_with_reference(&b, &result, 3e-6, what);
            family_result_end(&result);
            check_decode(&b);
            batch_end(&b);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(both_shapes_are_right, open_device, close_device)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
