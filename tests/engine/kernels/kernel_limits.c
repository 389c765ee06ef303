/* The kernels that measure a device's limits do the work they are timed for. */
#include "engine/kernels/chain_forward.h"
#include "tests/shared/devices.h"

enum { N_ITEMS = 4, N_VECTORS = 5 };

static siren_kernel *limit_kernel(const char *name, size_t *lanes) {
    siren_kernel *kernel;
    const siren_configuration configuration = siren_configuration_default(device);
    char options[64] = "";
    *lanes = 4;
    if (siren_device_get_facts(device)->family == SIREN_FAMILY_CHAIN) {
        siren_chain_options(&configuration, options, sizeof options);
        *lanes = configuration.lanes;
    }
    assert_siren_ok(siren_kernel_create(device, "peak.cl", options, name, &kernel));
    return kernel;
}

static void every_number_is_moved(void **state) {
    (void)state;
    bool chain = siren_device_get_facts(device)->family == SIREN_FAMILY_CHAIN;
    size_t lanes;
    siren_kernel *kernel = limit_kernel(chain ? "triad_chain" : "triad_layer", &lanes);
    size_t n = N_ITEMS * N_VECTORS * lanes;
    float values[2][N_ITEMS * N_VECTORS * 16], out[N_ITEMS * N_VECTORS * 16 + 1];
    siren_buffer *arrays[3];
    for (size_t i = 0; i < n; i++) {
        values[0][i] = (float)i;
        values[1][i] = (float)(1000 * (i % 7));
        out[i] = -1;
    }
    out[n] = -2;
    for (int i = 0; i < 3; i++) {
        assert_siren_ok(siren_buffer_create(device, (n + 1) * sizeof(float), "an array", &arrays[i]));
        const float *from = i == 0 ? out : values[i - 1];
        assert_siren_ok(siren_buffer_write(arrays[i], 0, from, (n + (i == 0)) * sizeof(float)));
    }
    siren_range range = {.global = {N_ITEMS}, .local = {1}};
    assert_siren_ok(SIREN_LAUNCH(kernel, range, SIREN_BUFFER(arrays[0]), SIREN_BUFFER(arrays[1]),
                                 SIREN_BUFFER(arrays[2]), SIREN_FLOAT(0.5f), SIREN_INT(N_VECTORS)));
    assert_siren_ok(siren_buffer_read(arrays[0], 0, out, (n + 1) * sizeof(float)));
    for (size_t i = 0; i < n; i++) assert_true(out[i] == (float)i + 500.0f * (float)(i % 7));
    assert_true(out[n] == -2);
    for (int i = 0; i < 3; i++) siren_buffer_free(arrays[i]);
    siren_kernel_free(kernel);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_number_is_moved)};
    return run_on_families(tests, 1);
}
