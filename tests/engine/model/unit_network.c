/* engine/model/network: the paper's models, counts, limits, padding, initialisation. */
#include "tests/shared/testing.h"
#include "engine/model/network.h"
#include "host/rng.h"

#include <math.h>

static siren_network make(const char *model, uint32_t n_hidden, uint32_t width, uint32_t n_outputs) {
    siren_network network;
    assert_siren_ok(siren_network_from_model(model, n_hidden, width, n_outputs, 30.0f, &network));
    return network;
}

static void parameters_are_counted_as_published(void **state) {
    (void)state;
    const struct {
        uint32_t width, n_hidden;
        size_t n_params;
    } rows[] = {
        {128, 3, 42309},   {128, 4, 58821},    {128, 5, 75333},    {256, 3, 150085},
        {256, 4, 215877},  {256, 5, 281669},   {512, 3, 562245},   {512, 4, 824901},
        {512, 5, 1087557}, {1024, 3, 2172997}, {1024, 4, 3222597}, {1024, 5, 4272197},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        siren_network siren = make("siren-2d", rows[i].n_hidden, rows[i].width, 69);
        assert_int_equal(siren_network_n_params(&siren), rows[i].n_params);
        siren_network relu = make("siren-2d-relu", rows[i].n_hidden, rows[i].width, 69);
        assert_int_equal(siren_network_n_params(&relu), rows[i].n_params);
        siren_network volume = make("siren-3d", rows[i].n_hidden, rows[i].width, 69);
        assert_int_equal(siren_network_n_params(&volume), rows[i].n_params + rows[i].width);
    }
    /* The published MLP of "3 layers" is as large as the SIREN of 4. */
    const char *mlps[] = {"mlp-relu", "mlp-tanh", "mlp-siren", "mlp-siren-last"};
    for (size_t i = 0; i < 4; i++) {
        siren_network mlp = make(mlps[i], 3, 256, 69);
        assert_int_equal(siren_network_n_params(&mlp), 215877);
    }
    siren_network whole = make("siren-2d", 3, 256, 552);
    assert_int_equal(siren_network_n_params(&whole), 274216);
}

static void an_unknown_model_is_told_all_known_ones(void **state) {
    (void)state;
    siren_network network;
    assert_int_equal(siren_network_from_model("siren-9d", 3, 16, 4, 30.0f, &network), SIREN_USAGE);
    for (size_t i = 0; siren_model_name(i); i++)
        assert_non_null(strstr(siren_message(), siren_model_name(i)));
}

static void work_of_a_step_is_counted(void **state) {
    (void)state;
    siren_network network = make("siren-2d", 3, 256, 69);
    assert_true(siren_network_macs(&network) == 2 * 256 + 2 * 256 * 256 + 256 * 69);
    double flops = siren_network_step_flops(&network, 19600);
    assert_true(fabs(flops - 17.53e9) < 0.005e9);
    size_t state_bytes = 7 * 4 * siren_network_n_params(&network), point_bytes = 4 * 69;
    assert_true(siren_network_step_bytes(&network, 1, 19600) ==
                (double)(state_bytes + 19600 * (point_bytes + 8)));
    assert_true(siren_network_step_bytes(&network, 3, 19600) ==
                (double)(3 * (state_bytes + 19600 * point_bytes) + 19600 * 8));
}

static void models_have_the_layers_of_the_paper(void **state) {
    (void)state;
    siren_network n = make("siren-2d-relu", 2, 20, 5);
    assert_int_equal(n.n_inputs, 2);
    assert_int_equal(n.n_layers, 3);
    assert_int_equal(n.layers[0].activation, SIREN_SINE);
    assert_int_equal(n.layers[0].init, SIREN_INIT_FIRST_SINE);
    assert_int_equal(n.layers[1].activation, SIREN_SINE);
    assert_int_equal(n.layers[1].init, SIREN_INIT_HIDDEN_SINE);
    assert_int_equal(n.layers[2].activation, SIREN_RELU);
    assert_int_equal(n.layers[2].init, SIREN_INIT_HIDDEN_SINE);
    assert_true(n.layers[2].w0 == 30.0f);
    assert_int_equal(siren_network_n_outputs(&n), 5);

    n = make("mlp-siren", 2, 20, 5);
    assert_int_equal(n.n_layers, 4);
    assert_int_equal(n.layers[0].activation, SIREN_SINE);
    for (uint32_t l = 1; l < 3; l++) assert_int_equal(n.layers[l].activation, SIREN_RELU);
    for (uint32_t l = 1; l < 4; l++) assert_int_equal(n.layers[l].init, SIREN_INIT_LINEAR);
    assert_int_equal(n.layers[3].activation, SIREN_IDENTITY);

    n = make("mlp-siren-last", 3, 20, 5);
    assert_int_equal(n.n_layers, 5);
    for (uint32_t l = 0; l < 3; l++) assert_int_equal(n.layers[l].activation, SIREN_RELU);
    assert_int_equal(n.layers[3].activation, SIREN_SINE);
    assert_int_equal(n.layers[3].init, SIREN_INIT_HIDDEN_SINE);
    assert_true(n.layers[3].w0 == 30.0f);
    assert_int_equal(n.layers[4].activation, SIREN_IDENTITY);
    assert_int_equal(n.layers[4].init, SIREN_INIT_LINEAR);

    n = make("siren-2d-tanh", 2, 20, 5);
    assert_int_equal(n.layers[1].activation, SIREN_SINE);
    assert_int_equal(n.layers[2].activation, SIREN_TANH);
    assert_int_equal(n.layers[2].init, SIREN_INIT_HIDDEN_SINE);

    n = make("mlp-tanh", 1, 20, 5);
    assert_int_equal(n.n_layers, 3);
    assert_int_equal(n.layers[0].activation, SIREN_TANH);
    assert_int_equal(n.layers[1].activation, SIREN_TANH);
    assert_int_equal(n.layers[2].activation, SIREN_IDENTITY);
}

static void assert_refused(const char *model, uint32_t n_hidden, uint32_t width, uint32_t n_outputs, float w0,
                           const char *named) {
    siren_network network = {.n_inputs = 77};
    assert_int_equal(siren_network_from_model(model, n_hidden, width, n_outputs, w0, &network), SIREN_USAGE);
    assert_int_equal(network.n_inputs, 77);
    if (!strstr(siren_message(), named)) fail_msg("'%s' does not name %s", siren_message(), named);
}

static void limits_are_checked(void **state) {
    (void)state;
    assert_refused("siren-4d", 3, 256, 69, 30, "mlp-siren");
    assert_refused("siren-2d", 0, 256, 69, 30, "1 to 32");
    assert_refused("siren-2d", 33, 256, 69, 30, "33");
    assert_refused("mlp-relu", 32, 256, 69, 30, "1 to 31");
    assert_refused("siren-2d", UINT32_MAX, 256, 69, 30, "4294967295");
    assert_refused("siren-2d", 3, 0, 69, 30, "1024");
    assert_refused("siren-2d", 3, 1025, 69, 30, "1025");
    assert_refused("siren-2d", 3, 256, 0, 30, "65536");
    assert_refused("siren-2d", 3, 256, 65537, 30, "65537");
    assert_refused("siren-2d", 3, 256, 69, 0, "w0 = 0");
    assert_refused("siren-2d", 3, 256, 69, -30, "w0 = -30");
    assert_refused("siren-2d", 3, 256, 69, NAN, "nan");
    assert_refused("siren-2d", 3, 256, 69, INFINITY, "inf");
    make("siren-2d", 32, 1024, 65536);
    make("mlp-relu", 31, 1, 1);
}

static void layer_lists_of_files_are_checked(void **state) {
    (void)state;
    siren_network good = make("siren-2d", 3, 256, 69), bad = good;
    assert_siren_ok(siren_network_check(&good, "a.siren", SIREN_CORRUPT));
    bad.n_layers = 1;
    assert_int_equal(siren_network_check(&bad, "a.siren", SIREN_CORRUPT), SIREN_CORRUPT);
    assert_non_null(strstr(siren_message(), "a.siren"));
    bad.n_layers = SIREN_MAX_LAYERS + 1;
    assert_int_equal(siren_network_check(&bad, "a.siren", SIREN_CORRUPT), SIREN_CORRUPT);
    bad = good;
    bad.n_inputs = 4;
    assert_int_equal(siren_network_check(&bad, "a.siren", SIREN_UNSUPPORTED), SIREN_UNSUPPORTED);
    bad = good;
    bad.layers[1].activation = SIREN_LEAKY_RELU + 1;
    assert_int_equal(siren_network_check(&bad, "a.siren", SIREN_CORRUPT), SIREN_CORRUPT);
    bad = good;
    bad.layers[2].init = 3;
    assert_int_equal(siren_network_check(&bad, "a.siren", SIREN_CORRUPT), SIREN_CORRUPT);
    bad = good;
    bad.layers[3].width = 0;
    assert_int_equal(siren_network_check(&bad, "a.siren", SIREN_CORRUPT), SIREN_CORRUPT);
}

static void table_and_padding_agree(void **state) {
    (void)state;
    siren_network network = make("siren-3d", 2, 20, 5);
    int table[3 * SIREN_LAYER_FIELDS];
    siren_network_table(&network, table);
    const int expected[3][SIREN_LAYER_FIELDS] = {
        {3, 20, 16, 32, 0, 512, SIREN_SINE, 0},
        {20, 20, 32, 32, 544, 1568, SIREN_SINE, 32 * 32},
        {20, 5, 32, 16, 1600, 2112, SIREN_IDENTITY, 2 * 32 * 32},
    };
    assert_memory_equal(table, expected, sizeof expected);
    size_t n = siren_network_n_params(&network), n_padded = siren_network_n_padded(&network);
    assert_int_equal(n, 3 * 20 + 20 + 20 * 20 + 20 + 20 * 5 + 5);
    assert_int_equal(n_padded, 2128);
    assert_int_equal(siren_network_n_packed_floats(&network), 3 * 32 * 32);

    float *params = NULL, *padded = NULL, *back = NULL;
    assert_siren_ok(siren_allocate(&params, n, sizeof *params, "parameters"));
    assert_siren_ok(siren_allocate(&back, n, sizeof *back, "parameters"));
    assert_siren_ok(siren_allocate(&padded, n_padded, sizeof *padded, "parameters"));
    for (size_t i = 0; i < n; i++) params[i] = (float)(i + 1);
    for (size_t i = 0; i < n_padded; i++) padded[i] = NAN;
    siren_network_pad(&network, params, padded);
    size_t n_nonzero = 0;
    for (size_t i = 0; i < n_padded; i++) n_nonzero += padded[i] != 0; /* NaN counts, so a gap shows */
    assert_int_equal(n_nonzero, n);
    /* W[7][11] and b[7] of the second layer, by the table and by the exchange order. */
    assert_true(padded[544 + 7 * 32 + 11] == params[3 * 20 + 20 + 7 * 20 + 11]);
    assert_true(padded[1568 + 7] == params[3 * 20 + 20 + 20 * 20 + 7]);
    siren_network_unpad(&network, padded, back);
    assert_memory_equal(back, params, n * sizeof *params);
    free(params);
    free(padded);
    free(back);
}

static void initialisation_fills_its_range(void **state) {
    (void)state;
    siren_network network = make("mlp-siren", 2, 200, 50);
    network.layers[2].init = SIREN_INIT_HIDDEN_SINE; /* so that all three kinds are met */
    network.layers[2].w0 = 30.0f;
    size_t n = siren_network_n_params(&network);
    float *params = NULL, *again = NULL;
    assert_siren_ok(siren_allocate(&params, n, sizeof *params, "parameters"));
    assert_siren_ok(siren_allocate(&again, n, sizeof *again, "parameters"));
    siren_network_initialise(&network, 1, 2, params);
    const double bounds[] = {1.0 / 2, 1 / sqrt(200.0), sqrt(6.0 / 200) / 30, 1 / sqrt(200.0)};
    const float *layer = params;
    for (uint32_t l = 0; l < network.n_layers; l++) {
        size_t in = siren_network_layer_inputs(&network, l), count = (in + 1) * network.layers[l].width;
        double largest = 0, sum = 0, squares = 0;
        for (size_t i = 0; i < count; i++) {
            largest = fmax(largest, fabs((double)layer[i]));
            sum += (double)layer[i];
            squares += (double)layer[i] * (double)layer[i];
        }
        assert_true(largest <= bounds[l] * (1 + 1e-7) && largest > 0.98 * bounds[l]);
        double sigma = bounds[l] / sqrt(3.0), n_drawn = (double)count;
        assert_true(fabs(sum / n_drawn) < 5 * sigma / sqrt(n_drawn));
        assert_true(fabs(sqrt(squares / n_drawn) / sigma - 1) < 5 / sqrt(n_drawn));
        layer += count;
    }
    /* The documented indices: W[3][1] of the first layer and its bias b[3]. */
    assert_true(params[3 * 2 + 1] == siren_rng_uniform((siren_rng){1, 2, 0}, 3 * 2 + 1) - 0.5f);
    assert_true(params[200 * 2 + 3] == siren_rng_uniform((siren_rng){1, 2, 0}, 200 * 2 + 3) - 0.5f);

    siren_network_initialise(&network, 1, 2, again);
    assert_memory_equal(params, again, n * sizeof *params);
    siren_network_initialise(&network, 1, 3, again);
    assert_memory_not_equal(params, again, n * sizeof *params);
    siren_network_initialise(&network, 2, 2, again);
    assert_memory_not_equal(params, again, n * sizeof *params);
    free(params);
    free(again);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_are_counted_as_published),
        cmocka_unit_test(an_unknown_model_is_told_all_known_ones),
        cmocka_unit_test(work_of_a_step_is_counted),
        cmocka_unit_test(models_have_the_layers_of_the_paper),
        cmocka_unit_test(limits_are_checked),
        cmocka_unit_test(layer_lists_of_files_are_checked),
        cmocka_unit_test(table_and_padding_agree),
        cmocka_unit_test(initialisation_fills_its_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
