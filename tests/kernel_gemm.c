/* CLBlast's Sgemm, by host/gemm, against plain C and against the products of the layer family. */
#include "tests/devices.h"
#include "tests/gradients.h"
#include "engine/decode.h"
#include "host/gemm.h"
#include "host/rng.h"

#include <math.h>

static siren_device *device;

static int open_device(void **state) {
    (void)state;
    device = open_test_device(SIREN_FAMILY_LAYER);
    return 0;
}

static int close_device(void **state) {
    (void)state;
    siren_device_close(device);
    return 0;
}

static float *random_floats(size_t n, uint32_t stream) {
    float *values = test_malloc(n * sizeof *values);
    for (size_t i = 0; i < n; i++) values[i] = 2 * siren_rng_uniform((siren_rng){21, stream, 0}, i) - 1;
    return values;
}

/* C(m, n) = alpha op(A) op(B) + beta C on the device; row-major arrays without gaps, `c` in/out. */
static void gemm(size_t m, size_t n, size_t k, float alpha, const float *a, bool a_transposed, const float *b,
                 bool b_transposed, float beta, float *c) {
    const void *values[] = {a, b, c};
    size_t sizes[] = {m * k * sizeof *a, k * n * sizeof *b, m * n * sizeof *c};
    siren_buffer *buffers[3] = {NULL};
    for (int i = 0; i < 3; i++) {
        assert_siren_ok(siren_buffer_create(device, sizes[i], "a test", &buffers[i]));
        assert_siren_ok(siren_buffer_write(buffers[i], 0, values[i], sizes[i]));
    }
    assert_siren_ok(siren_gemm(device, m, n, k, alpha,
                               (siren_matrix){buffers[0], 0, a_transposed ? m : k, a_transposed},
                               (siren_matrix){buffers[1], 0, b_transposed ? k : n, b_transposed}, beta,
                               (siren_matrix){buffers[2], 0, n, false}));
    assert_siren_ok(siren_buffer_read(buffers[2], 0, c, sizes[2]));
    for (int i = 0; i < 3; i++) siren_buffer_free(buffers[i]);
}

static void expect_close(const float *c, const float *expected, size_t n, const char *what) {
    double norm = 0, difference = 0;
    for (size_t i = 0; i < n; i++) {
        norm += (double)expected[i] * (double)expected[i];
        difference += ((double)c[i] - (double)expected[i]) * ((double)c[i] - (double)expected[i]);
    }
    assert_true(norm > 0);
    if (!(difference <= 1e-12 * norm)) fail_msg("%s: off by %g of its norm", what, sqrt(difference / norm));
}

static void product_is_that_of_plain_c(void **state) {
    (void)state;
    const size_t sizes[][3] = {{1, 1, 1}, {5, 3, 7}, {64, 64, 64}, {130, 69, 33}};
    for (size_t s = 0; s < 4; s++)
        for (int kind = 0; kind < 4; kind++) {
            size_t m = sizes[s][0], n = sizes[s][1], k = sizes[s][2];
            bool at = kind & 1, bt = kind & 2;
            float *a = random_floats(m * k, 1), *b = random_floats(k * n, 2), *c = random_floats(m * n, 3),
                  *expected = random_floats(m * n, 3);
            for (size_t i = 0; i < m; i++)
                for (size_t j = 0; j < n; j++) {
                    double sum = 0;
                    for (size_t l = 0; l < k; l++)
                        sum += (double)a[at ? l * m + i : i * k + l] * (double)b[bt ? j * k + l : l * n + j];
                    expected[i * n + j] = (float)(1.5 * sum - 0.5 * (double)expected[i * n + j]);
                }
            gemm(m, n, k, 1.5f, a, at, b, bt, -0.5f, c);
            expect_close(c, expected, m * n, "Sgemm");
            test_free(a), test_free(b), test_free(c), test_free(expected);
        }
}

static void bad_shapes_are_refused(void **state) {
    (void)state;
    siren_buffer *buffer = NULL;
    assert_siren_ok(siren_buffer_create(device, 16 * sizeof(float), "a test", &buffer));
    siren_matrix m = {buffer, 0, 4, false}, beyond = {buffer, 1, 4, false}, transposed = {buffer, 0, 4, true};
    assert_int_equal(siren_gemm(device, 0, 4, 4, 1, m, m, 0, m), SIREN_USAGE);
    assert_int_equal(siren_gemm(device, 4, 4, 5, 1, m, m, 0, m), SIREN_USAGE);
    assert_int_equal(siren_gemm(device, 4, 4, 4, 1, m, beyond, 0, m), SIREN_USAGE);
    assert_int_equal(siren_gemm(device, 4, 4, 4, 1, m, m, 0, transposed), SIREN_USAGE);
    assert_int_equal(siren_gemm(device, SIZE_MAX, 4, 4, 1, m, m, 0, m), SIREN_USAGE);
    siren_buffer_free(buffer);
}

/* A linear network of two layers, whose every product Sgemm can repeat:
 * H = X V^T + a, Y = H W^T + b, dY = Y - T, dW = dY^T H, dH = dY W, dV = dH^T X. */
static void layer_family_agrees_with_sgemm(void **state) {
    (void)state;
    enum { n = 300, in = 2, width = 100, out = 69 };
    siren_network network = {.n_inputs = in, .n_layers = 2};
    network.layers[0] = (siren_layer){width, SIREN_IDENTITY, 1.0f, SIREN_INIT_LINEAR};
    network.layers[1] = (siren_layer){out, SIREN_IDENTITY, 1.0f, SIREN_INIT_LINEAR};
    batch b;
    batch_start(&b, &network, 1, n, false);
    const float *v = b.params, *a = v + width * in, *w = a + width, *bias = w + out * width;
    float *h = random_floats(n * width, 0), *y = random_floats(n * out, 0), *dh = random_floats(n * width, 0);
    float *gradient = random_floats(b.n_params, 0), *by_family = random_floats(b.n_params, 0),
          *decoded = random_floats(n * out, 0);
    for (size_t i = 0; i < n * width; i++) h[i] = a[i % width];
    for (size_t i = 0; i < n * out; i++) y[i] = bias[i % out];
    gemm(n, width, in, 1, b.coordinates, false, v, true, 1, h);
    gemm(n, out, width, 1, h, false, w, true, 1, y);

    siren_decoder *decoder = NULL;
    assert_siren_ok(siren_decoder_create(device, &network, n, b.coordinates, &decoder));
    assert_siren_ok(siren_decoder_run(decoder, b.params, decoded));
    siren_decoder_free(decoder);
    expect_close(decoded, y, n * out, "outputs");

    for (size_t i = 0; i < n * out; i++) y[i] -= b.targets[i];
    float scale = 2.0f / (n * out), *dv = gradient, *da = dv + width * in, *dw = da + width,
          *db = dw + out * width;
    gemm(out, width, n, scale, y, true, h, false, 0, dw);
    gemm(n, width, out, 1, y, false, w, false, 0, dh);
    gemm(width, in, n, scale, dh, true, b.coordinates, false, 0, dv);
    memset(da, 0, width * sizeof *da);
    memset(db, 0, out * sizeof *db);
    for (size_t i = 0; i < n * width; i++) da[i % width] += scale * dh[i];
    for (size_t i = 0; i < n * out; i++) db[i % out] += scale * y[i];
    family_result result;
    family_gradient(device, &b, &result);
    for (size_t i = 0; i < b.n_params; i++) by_family[i] = (float)result.gradients[i];
    expect_close(by_family, gradient, width * in, "weight gradient of the first layer");
    expect_close(by_family + (dw - gradient), dw, out * width, "weight gradient of the output layer");
    expect_close(by_family, gradient, b.n_params, "gradient");
    family_result_end(&result);
    test_free(h), test_free(y), test_free(dh), test_free(gradient), test_free(by_family), test_free(decoded);
    batch_end(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(product_is_that_of_plain_c),
        cmocka_unit_test(bad_shapes_are_refused),
        cmocka_unit_test(layer_family_agrees_with_sgemm),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
