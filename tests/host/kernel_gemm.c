/* CLBlast's Sgemm, by host/opencl/gemm with every set of parameters, against plain C and against the products of the
 * layer family. */
#include "tests/shared/devices.h"
#include "tests/shared/family_gradient.h"
#include "engine/decode/decode.h"
#include "host/opencl/gemm.h"
#include "host/rng.h"

#include <math.h>

static float *random_floats(size_t n, uint32_t stream) {
    float *values = test_malloc(n * sizeof *values);
    for (size_t i = 0; i < n; i++) values[i] = 2 * siren_rng_uniform((siren_rng){21, stream, 0}, i) - 1;
    return values;
}

/* A batch of products: C(m, n) = alpha op(A) op(B) + beta C. */
typedef struct {
    size_t n_products, m, n, k;
    float alpha, beta;
    bool a_transposed, b_transposed;
} problem;

/* Floats of a problem's three matrices. */
static void sizes_of(const problem *p, size_t sizes[3]) {
    sizes[0] = p->m * p->k, sizes[1] = p->k * p->n, sizes[2] = p->m * p->n;
}

#define MARGIN                                                                                               \
    1024 /* floats before the first matrix: what CLBlast reads in place begins at a multiple of some KiB */

/* On the device; row-major arrays of all products without gaps, `c` in/out. Where CLBlast copies a matrix, or writes
 * it, there are gaps between those of a batch on the device. */
static void gemm(unsigned set, const problem *p, const float *a, const float *b, float *c) {
    const float *values[] = {a, b, c};
    const size_t gaps[] = {p->a_transposed ? 0 : 5, p->b_transposed ? 7 : 0, 3};
    size_t sizes[3];
    siren_buffer *buffers[3] = {NULL};
    sizes_of(p, sizes);
    for (int i = 0; i < 3; i++) {
        size_t bytes = sizes[i] * sizeof *a, stride = bytes + gaps[i] * sizeof *a;
        assert_siren_ok(
            siren_buffer_create(device, MARGIN * sizeof *a + p->n_products * stride, "a test", &buffers[i]));
        for (size_t j = 0; j < p->n_products; j++)
            assert_siren_ok(siren_buffer_write(buffers[i], MARGIN * sizeof *a + j * stride,
                                               values[i] + j * sizes[i], bytes));
    }
    siren_matrix ma = {buffers[0], MARGIN, p->a_transposed ? p->m : p->k, sizes[0] + gaps[0],
                       p->a_transposed},
                 mb = {buffers[1], MARGIN, p->b_transposed ? p->k : p->n, sizes[1] + gaps[1],
                       p->b_transposed},
                 mc = {buffers[2], MARGIN, p->n, sizes[2] + gaps[2], false};
    assert_siren_ok(siren_gemm(device, set, p->n_products, p->m, p->n, p->k, p->alpha, ma, mb, p->beta, mc));
    for (size_t j = 0; j < p->n_products; j++)
        assert_siren_ok(siren_buffer_read(buffers[2], (MARGIN + j * mc.stride) * sizeof *a, c + j * sizes[2],
                                          sizes[2] * sizeof *a));
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

static void product_in_plain_c(const problem *p, const float *a, const float *b, float *c) {
    for (size_t i = 0; i < p->m; i++)
        for (size_t j = 0; j < p->n; j++) {
            double sum = 0;
            for (size_t l = 0; l < p->k; l++)
                sum += (double)a[p->a_transposed ? l * p->m + i : i * p->k + l] *
                       (double)b[p->b_transposed ? j * p->k + l : l * p->n + j];
            double before = p->beta == 0 ? 0 : (double)p->beta * (double)c[i * p->n + j];
            c[i * p->n + j] = (float)((double)p->alpha * sum + before);
        }
}

/* A batch against plain C, and the bits of each of its products against those of the product alone. */
static void check_products(unsigned set, const problem *p) {
    char what[120];
    size_t sizes[3];
    sizes_of(p, sizes);
    float *a = random_floats(p->n_products * sizes[0], 1), *b = random_floats(p->n_products * sizes[1], 2),
          *c = random_floats(p->n_products * sizes[2], 3),
          *expected = random_floats(p->n_products * sizes[2], 3),
          *alone = random_floats(p->n_products * sizes[2], 3);
    if (p->beta == 0) c[0] = alone[0] = NAN; /* what was there before is not read */
    gemm(set, p, a, b, c);
    snprintf(what, sizeof what, "set %u, %zu products %zu x %zu x %zu, %d%d", set, p->n_products, p->m, p->n,
             p->k, p->a_transposed, p->b_transposed);
    problem one = *p;
    one.n_products = 1;
    for (size_t i = 0; i < p->n_products; i++) {
        product_in_plain_c(p, a + i * sizes[0], b + i * sizes[1], expected + i * sizes[2]);
        expect_close(c + i * sizes[2], expected + i * sizes[2], sizes[2], what);
        gemm(set, &one, a + i * sizes[0], b + i * sizes[1], alone + i * sizes[2]);
        if (memcmp(alone + i * sizes[2], c + i * sizes[2], sizes[2] * sizeof *c) != 0)
            fail_msg("%s: product %zu has other bits alone", what, i);
    }
    test_free(a), test_free(b), test_free(c), test_free(expected), test_free(alone);
}

/* Odd sizes, and such that are whole tiles, which CLBlast does not copy. */
static void products_are_those_of_plain_c(void **state) {
    (void)state;
    const size_t sizes[][4] = {{1, 1, 1, 1}, {2, 5, 3, 7}, {3, 128, 128, 64}, {2, 130, 69, 33}};
    for (unsigned set = 1; set <= SIREN_GEMM_SETS; set++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
            for (int kind = 0; kind < 4; kind++) {
                problem p = {sizes[s][0], sizes[s][1],           sizes[s][2], sizes[s][3],
                             1.5f,        kind == 2 ? 0 : -0.5f, kind & 1,    kind & 2};
                check_products(set, &p);
            }
}

/* The parameters are the process's: another set, and the first again, give their own bits. */
static void sets_can_be_changed(void **state) {
    (void)state;
    const problem p = {2, 100, 48, 80, 1, 0, false, true};
    size_t n = p.n_products * p.m * p.n;
    float *a = random_floats(p.n_products * p.m * p.k, 1), *b = random_floats(p.n_products * p.k * p.n, 2),
          *first = random_floats(n, 3), *again = random_floats(n, 4);
    gemm(1, &p, a, b, first);
    gemm(SIREN_GEMM_SETS, &p, a, b, again);
    expect_close(again, first, n, "another set");
    gemm(1, &p, a, b, again);
    assert_memory_equal(again, first, n * sizeof *first);
    test_free(a), test_free(b), test_free(first), test_free(again);
}

static void bad_shapes_are_refused(void **state) {
    (void)state;
    siren_buffer *buffer = NULL;
    assert_siren_ok(siren_buffer_create(device, 64 * sizeof(float), "a test", &buffer));
    siren_matrix m = {buffer, 0, 4, 16, false}, beyond = {buffer, 49, 4, 16, false},
                 transposed = {buffer, 0, 4, 16, true}, gaps = {buffer, 0, 4, 20, false};
    const struct {
        size_t n_products, m, k;
        siren_matrix b, c;
    } bad[] = {{1, 0, 4, m, m},        {0, 4, 4, m, m},          {1, 4, 5, m, m},
               {1, 4, 4, beyond, m},   {1, 4, 4, m, transposed}, {5, 4, 4, m, m},
               {1, SIZE_MAX, 4, m, m}, {SIZE_MAX, 4, 4, m, m},   {2, 4, 4, gaps, m}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(
            siren_gemm(device, 1, bad[i].n_products, bad[i].m, 4, bad[i].k, 1, m, bad[i].b, 0, bad[i].c),
            SIREN_USAGE);
    assert_siren_ok(siren_gemm(device, 1, 2, 4, 4, 4, 1, gaps, m, 0, gaps));
    siren_buffer_free(buffer);
}

/* A set that the device has no room for, or that does not exist, and what CLBlast itself refuses: one sentence with a
 * way out. */
static void failures_are_named(void **state) {
    (void)state;
    siren_device_facts *facts = (siren_device_facts *)siren_device_get_facts(device);
    const siren_device_facts before = *facts;
    siren_buffer *buffer = NULL;
    assert_siren_ok(siren_buffer_create(device, 16 * sizeof(float), "a test", &buffer));
    siren_matrix m = {buffer, 0, 4, 16, false};
    facts->max_work_group = 255;
    assert_int_equal(siren_gemm(device, 3, 1, 4, 4, 4, 1, m, m, 0, m), SIREN_UNSUPPORTED);
    assert_non_null(strstr(siren_message(), "--gemm own"));
    *facts = before;
    facts->local_bytes = 8191;
    assert_int_equal(siren_gemm(device, 2, 1, 4, 4, 4, 1, m, m, 0, m), SIREN_UNSUPPORTED);
    *facts = before;
    assert_int_equal(siren_gemm(device, SIREN_GEMM_SETS + 1, 1, 4, 4, 4, 1, m, m, 0, m), SIREN_UNSUPPORTED);
    for (siren_status status = SIREN_DEVICE; status != SIREN_OK;
         status = status == SIREN_DEVICE ? SIREN_DEVICE_MEMORY : SIREN_OK) {
        siren_device_inject_failure(device, 0, status);
        assert_int_equal(siren_gemm(device, 1, 1, 4, 4, 4, 1, m, m, 0, m), status);
        siren_device_inject_failure(device, 0, SIREN_OK);
        assert_non_null(strstr(siren_message(), "CLBlast"));
        assert_non_null(strstr(siren_message(), "--gemm own"));
    }
    assert_siren_ok(siren_gemm(device, 1, 1, 4, 4, 4, 1, m, m, 0, m));
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
    gemm(1, &(problem){1, n, width, in, 1, 1, false, true}, b.coordinates, v, h);
    gemm(1, &(problem){1, n, out, width, 1, 1, false, true}, h, w, y);

    siren_decoder *decoder = NULL;
    assert_siren_ok(siren_decoder_create(device, &network, n, b.coordinates, &decoder));
    assert_siren_ok(siren_decoder_run(decoder, b.params, decoded));
    siren_decoder_free(decoder);
    expect_close(decoded, y, n * out, "outputs");

    for (size_t i = 0; i < n * out; i++) y[i] -= b.targets[i];
    float scale = 2.0f / (n * out), *dv = gradient, *da = dv + width * in, *dw = da + width,
          *db = dw + out * width;
    gemm(1, &(problem){1, out, width, n, scale, 0, true, false}, y, h, dw);
    gemm(1, &(problem){1, n, width, out, 1, 0, false, false}, y, w, dh);
    gemm(1, &(problem){1, width, in, n, scale, 0, true, false}, dh, b.coordinates, dv);
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
        cmocka_unit_test(products_are_those_of_plain_c),  cmocka_unit_test(sets_can_be_changed),
        cmocka_unit_test(bad_shapes_are_refused),         cmocka_unit_test(failures_are_named),
        cmocka_unit_test(layer_family_agrees_with_sgemm),
    };
    return run_on_family(SIREN_FAMILY_LAYER, tests, sizeof tests / sizeof *tests);
}
