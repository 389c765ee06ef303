/* The decode contract: the device's exact forward pass has the bits of the plain C one, and both are close to the
 * double-precision reference. */
#include "tests/shared/devices.h"
#include "engine/decode/decode.h"
#include "tests/shared/oracle.h"

#include <math.h>

/* Worst difference to the reference relative to the largest output. */
static double check_network(const siren_network *network, uint32_t nx, uint32_t ny, uint64_t seed) {
    size_t n_params = siren_network_n_params(network), n_points = (size_t)nx * ny,
           n_outputs = siren_network_n_outputs(network);
    float *params = calloc(n_params, sizeof *params),
          *coordinates = calloc(n_points * network->n_inputs, sizeof *coordinates);
    float *on_device = calloc(n_points * n_outputs, sizeof(float)),
          *on_host = calloc(n_points * n_outputs, sizeof(float));
    double *exact = calloc(n_points * n_outputs, sizeof *exact), *wide = calloc(n_params, sizeof *wide),
           worst = 0, largest = 0;
    siren_network_initialise(network, seed, 3, params);
    method_coordinates(nx, ny, 1, network->n_inputs, coordinates);
    for (size_t i = 0; i < n_params; i++) wide[i] = (double)params[i];
    siren_decoder *decoder = NULL;
    assert_siren_ok(siren_decoder_create(device, network, n_points, coordinates, &decoder));
    for (int repeat = 0; repeat < 2; repeat++) {
        memset(on_device, 0xFF, n_points * n_outputs * sizeof(float));
        assert_siren_ok(siren_decoder_run(decoder, params, on_device));
    }
    assert_siren_ok(siren_decode_host(network, network->n_layers, params, n_points, coordinates, on_host));
    for (size_t i = 0; i < n_points * n_outputs; i++)
        if (memcmp(&on_device[i], &on_host[i], sizeof(float)) != 0)
            fail_msg("output %zu of %zu: device %a, host %a", i, n_points * n_outputs, (double)on_device[i],
                     (double)on_host[i]);
    oracle_predict(network, wide, n_points, coordinates, exact);
    for (size_t i = 0; i < n_points * n_outputs; i++) {
        worst = fmax(worst, fabs(exact[i] - (double)on_host[i]));
        largest = fmax(largest, fabs(exact[i]));
    }
    siren_decoder_free(decoder);
    free(params), free(coordinates), free(on_device), free(on_host), free(exact), free(wide);
    return largest > 0 ? worst / largest : worst;
}

static void every_model_and_odd_sizes(void **state) {
    (void)state;
    const uint32_t widths[] = {16, 17, 48, 100, 256}, outputs[] = {1, 13, 16, 69},
                   sides[][2] = {{1, 1}, {9, 7}, {65, 3}, {23, 31}};
    for (size_t m = 0; siren_model_name(m); m++)
        for (size_t i = 0; i < 5; i++) {
            siren_network network;
            assert_siren_ok(siren_network_from_model(siren_model_name(m), 1 + (uint32_t)i % 4, widths[i],
                                                     outputs[(m + i) % 4], 30.0f, &network));
            double difference =
                check_network(&network, sides[(m + 2 * i) % 4][0], sides[(m + 2 * i) % 4][1], m * 10 + i);
            if (!(difference < 2e-4))
                fail_msg("%s, width %u: off by %g", siren_model_name(m), widths[i], difference);
        }
}

static void a_wide_network(void **state) {
    (void)state;
    siren_network network;
    assert_siren_ok(siren_network_from_model("siren-2d", 2, 1024, 5, 30.0f, &network));
    assert_true(check_network(&network, 13, 11, 1) < 2e-4);
}

/* The activations alone: one layer of large pre-activations straight to the output. */
static void activations_are_accurate(void **state) {
    (void)state;
    for (uint32_t activation = SIREN_SINE; activation <= SIREN_LEAKY_RELU; activation++) {
        siren_network network = {.n_inputs = 2,
                                 .n_layers = 2,
                                 .layers = {{1, activation, 30.0f, SIREN_INIT_LINEAR},
                                            {1, SIREN_IDENTITY, 1.0f, SIREN_INIT_LINEAR}}};
        const method_network oracle = oracle_network(&network);
        float params[] = {1, 0, 0, 1, 0}, x[2000][2], y[2000];
        for (int i = 0; i < 2000; i++) x[i][0] = (float)(i - 1000) * 0.0173f, x[i][1] = 0;
        assert_siren_ok(siren_decode_host(&network, 2, params, 2000, x[0], y));
        for (int i = 0; i < 2000; i++) {
            double truth = method_activate(&oracle.layers[0], (double)x[i][0]);
            /* The phase itself carries half a unit in the last place of w0 x / pi, twice. */
            double bound = activation == SIREN_SINE ? 2e-7 + 2e-7 * fabs(30.0 * (double)x[i][0])
                                                    : 3e-7 * fmax(1, fabs(truth));
            if (!(fabs((double)y[i] - truth) <= bound))
                fail_msg("activation %u at %g: %.9g, not %.9g", activation, (double)x[i][0], (double)y[i],
                         truth);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_model_and_odd_sizes),
        cmocka_unit_test(a_wide_network),
        cmocka_unit_test(activations_are_accurate),
    };
    return run_on_families(tests, sizeof tests / sizeof *tests);
}
