/* Code lengths and gradients of networks on features, by both kernel families, against double precision, and that
 * against finite differences. With the argument "tiny" only the smallest shapes are run, for interpreters. */
#include "tests/shared/devices.h"
#include "engine/care/tune.h"
#include "engine/kernels/network_on_device.h"
#include "engine/train/gradient.h"
#include "host/rng.h"
#include "tests/shared/feature_reference.h"

#include <math.h>

enum { VALUES = 4096, K = SIREN_MIXTURE };

static double draw(uint32_t stream, uint64_t i) { return siren_rng_normal((siren_rng){21, stream, 0}, i); }

/* Outputs and edges of all kinds: usual ones, ends of the range, tails, scales beyond the limits, thin and wide
 * steps. */
static void draw_case(uint64_t i, float outputs[SIREN_MIXTURE_OUTPUTS], float edges[2]) {
    double spread = i % 5 == 1 ? 30 : 1, middle = 2 * draw(1, i) * (i % 7 == 2 ? 20 : 1),
           width = exp(draw(2, i) * (i % 3) - 1);
    for (uint64_t k = 0; k < K; k++) {
        outputs[k] = (float)(spread * draw(3, i * K + k));
        outputs[K + k] = (float)(draw(4, i * K + k) * (i % 11 == 3 ? 6 : 1.5) - 0.5);
        outputs[2 * K + k] = (float)(draw(5, i * K + k) * (i % 13 == 4 ? 25 : 1));
    }
    edges[0] = i % 17 == 5 ? -INFINITY : (float)(middle - width);
    edges[1] = i % 17 == 6 ? INFINITY : (float)(middle + width);
}

static void reference_has_the_differences(void **state) {
    (void)state;
    for (uint64_t i = 0; i < 3000; i++) {
        float outputs[SIREN_MIXTURE_OUTPUTS], edges[2];
        double o[SIREN_MIXTURE_OUTPUTS], gradient[SIREN_MIXTURE_OUTPUTS];
        draw_case(i, outputs, edges);
        for (int k = 0; k < SIREN_MIXTURE_OUTPUTS; k++) o[k] = (double)outputs[k];
        double lo = (double)edges[0], hi = (double)edges[1];
        reference_code_length(o, lo, hi, VALUES, gradient);
        for (int k = 0; k < SIREN_MIXTURE_OUTPUTS; k++) {
            double step = 1e-5, at = o[k], up, down;
            o[k] = at + step, up = reference_code_length(o, lo, hi, VALUES, NULL);
            o[k] = at - step, down = reference_code_length(o, lo, hi, VALUES, NULL);
            o[k] = at;
            double difference = (up - down) / (2 * step);
            /* The curvature of thin scales is as the square of their inverse. */
            if (!(fabs(difference - gradient[k]) <= 1e-6 + 1e-4 * fabs(gradient[k])))
                fail_msg("case %d, output %d: %g, by differences %g", (int)i, k, gradient[k], difference);
        }
    }
}

/* ---- on a device ---- */

typedef struct {
    siren_network network;
    siren_batch batch;
    siren_gradient_plan shape;
    siren_gradient *gradient;
    siren_buffer *table, *w0, *params, *points, *order;
    size_t n_points, n_params, n_padded;
    double *sum, bits; /* (n_params) and sum, of the batch */
} on_device;

static siren_buffer *upload(const void *values, size_t bytes) {
    siren_buffer *buffer = NULL;
    assert_siren_ok(siren_buffer_create(device, bytes, "a test", &buffer));
    assert_siren_ok(siren_buffer_write(buffer, 0, values, bytes));
    return buffer;
}

/* A batch of n_points of n_all. */
static void start(on_device *d, const siren_network *network, const float *params, size_t n_all,
                  const float *features, const float *edges, const uint32_t *order, size_t n_points) {
    *d = (on_device){.network = *network,
                     .n_points = n_points,
                     .n_params = siren_network_n_params(network),
                     .n_padded = siren_network_n_padded(network)};
    float *padded = calloc(d->n_padded, sizeof *padded);
    siren_network_pad(network, params, padded);
    assert_siren_ok(siren_network_upload(network, device, &d->table, &d->w0));
    d->params = upload(padded, d->n_padded * sizeof *padded);
    size_t n_inputs = network->n_inputs;
    float *rows = calloc(n_all * SIREN_POINT_PITCH(n_inputs), sizeof *rows);
    for (size_t i = 0; i < n_all; i++) {
        memcpy(rows + i * SIREN_POINT_PITCH(n_inputs), features + i * n_inputs, n_inputs * sizeof *rows);
        memcpy(rows + i * SIREN_POINT_PITCH(n_inputs) + n_inputs, edges + 2 * i, 2 * sizeof *rows);
    }
    d->points = upload(rows, n_all * SIREN_POINT_PITCH(n_inputs) * sizeof *rows);
    d->order = upload(order, n_all * sizeof *order);
    d->batch = (siren_batch){.points = d->points, .order = d->order, .least = SIREN_UNIFORM_SHARE / VALUES};
    d->shape = (siren_gradient_plan){.device = device,
                                     .network = &d->network,
                                     .n_networks = 1,
                                     .n_points = n_points,
                                     .table = d->table,
                                     .w0 = d->w0,
                                     .batch = &d->batch};
    assert_siren_ok(siren_gradient_create(&d->shape, &d->gradient));
    d->sum = calloc(d->n_params, sizeof *d->sum);
    free(padded), free(rows);
}

static void end(on_device *d) {
    d->gradient->free(d->gradient);
    siren_buffer *buffers[] = {d->table, d->w0, d->params, d->points, d->order};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++) siren_buffer_free(buffers[i]);
    free(d->sum);
}

/* Of the batch that begins at order[begin]. Padding must be zero. */
static void run(on_device *d, size_t begin) {
    siren_gradient *gradient = d->gradient;
    size_t n_parts = gradient->n_parts;
    float *parts = calloc(n_parts * d->n_padded, sizeof *parts), *losses = calloc(n_parts, sizeof *losses),
          *params = calloc(d->n_params, sizeof *params), *again = calloc(d->n_padded, sizeof *again);
    d->batch.begin = begin;
    assert_siren_ok(gradient->begin(gradient, d->params));
    for (size_t tile = 0; tile < gradient->n_tiles; tile++)
        assert_siren_ok(gradient->tile(gradient, d->params, NULL, 0, tile));
    assert_siren_ok(
        siren_buffer_read(gradient->partial_gradients, 0, parts, n_parts * d->n_padded * sizeof *parts));
    assert_siren_ok(siren_buffer_read(gradient->partial_losses, 0, losses, n_parts * sizeof *losses));
    memset(d->sum, 0, d->n_params * sizeof *d->sum);
    d->bits = 0;
    for (size_t part = 0; part < n_parts; part++) {
        siren_network_unpad(&d->network, parts + part * d->n_padded, params);
        siren_network_pad(&d->network, params, again);
        for (size_t i = 0; i < d->n_padded; i++)
            if (parts[part * d->n_padded + i] != again[i])
                fail_msg("gradient of padding at %zu is %g", i, (double)parts[part * d->n_padded + i]);
        for (size_t i = 0; i < d->n_params; i++) d->sum[i] += 2 * (double)params[i];
        d->bits += (double)losses[part];
    }
    free(parts), free(losses), free(params), free(again);
}

/* One point at a time through a network that hands its inputs on: leaky(x) - leaky(-x) = (1 + 1/8) x. Then the gradient
 * of the output layer's biases is that of the loss. */
static void losses_and_derivatives_are_right(void **state) {
    (void)state;
    enum { CASES = 400, IN = SIREN_MIXTURE_OUTPUTS };
    siren_network network;
    float features[CASES * IN], edges[CASES * 2];
    uint32_t order[CASES];
    assert_siren_ok(siren_network_on_features(IN, 1, 2 * IN, &network));
    size_t n_params = siren_network_n_params(&network), biases = n_params - IN;
    float *params = calloc(n_params, sizeof *params), *output = params + 2 * IN * IN + 2 * IN;
    for (size_t k = 0; k < IN; k++) {
        params[2 * k * IN + k] = output[k * 2 * IN + 2 * k] = 1;
        params[(2 * k + 1) * IN + k] = output[k * 2 * IN + 2 * k + 1] = -1;
    }
    for (uint32_t i = 0; i < CASES; i++) draw_case(i, features + i * IN, edges + 2 * i), order[i] = i;
    on_device d;
    start(&d, &network, params, CASES, features, edges, order, 1);
    for (size_t i = 0; i < CASES; i++) {
        double o[IN], gradient[IN], norm = 0;
        for (size_t k = 0; k < IN; k++)
            o[k] = (double)(features[i * IN + k] + features[i * IN + k] * SIREN_LEAK);
        double bits =
            reference_code_length(o, (double)edges[2 * i], (double)edges[2 * i + 1], VALUES, gradient);
        for (size_t k = 0; k < IN; k++) norm = fmax(norm, fabs(gradient[k]));
        run(&d, i);
        /* A point at x scales from a mean has e^x of a probability: one unit in the last place of x is x of them in
         * it. */
        if (!(fabs(d.bits - bits) <= 2e-5 * fmax(1, bits)))
            fail_msg("case %zu: %.9g bits, not %.9g", i, d.bits, bits);
        for (size_t k = 0; k < IN; k++)
            if (!(fabs(d.sum[biases + k] - gradient[k]) <= 1e-7 + 5e-5 * norm))
                fail_msg("case %zu, output %zu: derivative %.9g, not %.9g of %.3g", i, k, d.sum[biases + k],
                         gradient[k], norm);
    }
    end(&d);
    free(params);
}

typedef struct {
    uint32_t n_inputs, n_hidden, width;
    size_t n_points;
} sizes;

static void check_network(const sizes *s) {
    siren_network network;
    assert_siren_ok(siren_network_on_features(s->n_inputs, s->n_hidden, s->width, &network));
    size_t n = s->n_points, n_all = 2 * n + 3, n_params = siren_network_n_params(&network);
    float *params = calloc(n_params, sizeof *params), *edges = calloc(2 * n_all, sizeof *edges),
          *features = calloc(n_all * s->n_inputs, sizeof *features);
    double *exact = calloc(n_params, sizeof *exact), *gradient = calloc(n_params, sizeof *gradient), norm = 0,
           off = 0;
    uint32_t *order = calloc(n_all, sizeof *order);
    siren_network_initialise(&network, 4, 0, params);
    for (size_t i = 0; i < n_params; i++) exact[i] = (double)params[i];
    for (size_t i = 0; i < n_all * s->n_inputs; i++) features[i] = (float)draw(6, i);
    for (uint32_t i = 0; i < n_all; i++) {
        float outputs[SIREN_MIXTURE_OUTPUTS];
        draw_case(i, outputs, edges + 2 * i);
        order[i] = (uint32_t)((i * 7ull + 2) % n_all);
    }
    on_device d;
    start(&d, &network, params, n_all, features, edges, order, n);
    run(&d, 1);
    run(&d, 3); /* nothing stays from the one before */
    double bits = reference_features(&network, exact, order + 3, n, features, edges, VALUES, gradient);
    for (size_t i = 0; i < n_params; i++) {
        norm += gradient[i] * gradient[i];
        off += (d.sum[i] / (double)n - gradient[i]) * (d.sum[i] / (double)n - gradient[i]);
    }
    if (getenv("SIREN_TEST_VERBOSE"))
        print_message("%u-%ux%u, %zu points: %.2g, %.2g\n", s->n_inputs, s->n_hidden, s->width, n,
                      fabs(d.bits / (double)n / bits - 1), sqrt(off / norm));
    if (!(fabs(d.bits / (double)n - bits) <= 3e-6 * bits && sqrt(off) <= 1e-5 * sqrt(norm)))
        fail_msg("%u features, %u hidden layers of %u, %zu points: %.9g bits, not %.9g, gradient off by %.3g "
                 "of %.3g",
                 s->n_inputs, s->n_hidden, s->width, n, d.bits / (double)n, bits, sqrt(off), sqrt(norm));
    end(&d);
    free(params), free(edges), free(features), free(exact), free(gradient), free(order);
}

static void networks_of_odd_sizes(void **state) {
    (void)state;
    const sizes all[] = {{17, 1, 5, 101},  {35, 2, 32, 777}, {64, 3, 64, 2500},
                         {1, 1, 1, 1},     {2, 2, 33, 95},   {256, 1, 48, 63},
                         {48, 2, 24, 770}, {16, 4, 16, 97},  {31, 1, 100, 13}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) check_network(&all[i]);
}

/* A batch may take several launches: small devices. */
static void tiles_change_no_bit(void **state) {
    (void)state;
    enum { N = 3000, IN = 19 };
    siren_network network;
    assert_siren_ok(siren_network_on_features(IN, 2, 20, &network));
    float params[2000], *features = calloc(N * IN, sizeof *features), *edges = calloc(2 * N, sizeof *edges);
    uint32_t *order = calloc(N, sizeof *order);
    siren_network_initialise(&network, 4, 0, params);
    for (size_t i = 0; i < N * IN; i++) features[i] = (float)draw(6, i);
    for (uint32_t i = 0; i < N; i++)
        edges[2 * i] = (float)draw(7, i), edges[2 * i + 1] = edges[2 * i] + 1, order[i] = i;
    on_device d;
    start(&d, &network, params, N, features, edges, order, N);
    run(&d, 0);
    double *whole = d.sum, bits = d.bits;
    d.sum = calloc(d.n_params, sizeof *d.sum);
    d.gradient->free(d.gradient);
    d.shape.memory_limit = 400000; /* of which activations of a tile take a part */
    assert_siren_ok(siren_gradient_create(&d.shape, &d.gradient));
    assert_true(d.gradient->n_tiles > 1);
    run(&d, 0);
    assert_memory_equal(whole, d.sum, d.n_params * sizeof *whole);
    assert_true(bits == d.bits);
    end(&d);
    free(whole), free(features), free(edges), free(order);
}

/* Tests lower a device's limits, as small devices have them. */
static siren_device_facts *facts(void) { return (siren_device_facts *)siren_device_get_facts(device); }

/* The ends of what tuning chooses among: vectors of 16 and of 8 floats, short and long blocks, large and small
 * tiles. */
static void other_configurations_are_right(void **state) {
    (void)state;
    size_t n = 0;
    const siren_configuration *candidates = siren_tune_candidates(siren_device_get_facts(device)->family, &n);
    while (candidates[n - 1].clblast) n--;
    for (size_t i = 0; i < n; i += n - 1) {
        siren_device_configure(device, SIREN_WIDTH_NARROW, &candidates[i]);
        check_network(&(sizes){35, 2, 33, 500});
    }
    const siren_configuration usual = siren_configuration_default(device);
    siren_device_configure(device, SIREN_WIDTH_NARROW, &usual);
}

/* A driver that ends loops early gets the chain family in pieces: with the same bits. */
static void bounded_loops_change_no_bit(void **state) {
    (void)state;
    enum { N = 1700, IN = 21 };
    const siren_device_facts before = *facts();
    siren_network network;
    assert_siren_ok(siren_network_on_features(IN, 2, 40, &network));
    size_t n_params = siren_network_n_params(&network);
    float *params = calloc(n_params, sizeof *params), *features = calloc(N * IN, sizeof *features),
          *edges = calloc(2 * N, sizeof *edges);
    uint32_t *order = calloc(N, sizeof *order);
    siren_network_initialise(&network, 4, 0, params);
    for (size_t i = 0; i < N * IN; i++) features[i] = (float)draw(6, i);
    for (uint32_t i = 0; i < N; i++)
        edges[2 * i] = (float)draw(7, i), edges[2 * i + 1] = edges[2 * i] + 1, order[i] = N - 1 - i;
    on_device usual, bounded;
    start(&usual, &network, params, N, features, edges, order, N);
    run(&usual, 0);
    facts()->loop_limit = 65535;
    start(&bounded, &network, params, N, features, edges, order, N);
    run(&bounded, 0);
    assert_memory_equal(usual.sum, bounded.sum, n_params * sizeof *usual.sum);
    assert_true(usual.bits == bounded.bits);
    *facts() = before;
    end(&usual);
    end(&bounded);
    free(params), free(features), free(edges), free(order);
}

static void tiny_shapes(void **state) {
    (void)state;
    const sizes tiny = {3, 1, 5, 9};
    facts()->max_work_group = 64;
    siren_device_set_family(device, SIREN_FAMILY_CHAIN);
    check_network(&tiny);
    siren_device_set_family(device, SIREN_FAMILY_LAYER);
    check_network(&tiny);
    facts()->max_work_group = 16;
    check_network(&tiny);
    siren_device_set_family(device, SIREN_FAMILY_CHAIN);
    facts()->loop_limit = 65535;
    check_network(&tiny);
}

int main(int n_arguments, char **arguments) {
    const struct CMUnitTest tiny[] = {cmocka_unit_test(tiny_shapes)};
    const struct CMUnitTest alone[] = {cmocka_unit_test(reference_has_the_differences)};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_and_derivatives_are_right),
        cmocka_unit_test(networks_of_odd_sizes),
        cmocka_unit_test(tiles_change_no_bit),
        cmocka_unit_test(other_configurations_are_right),
        cmocka_unit_test(bounded_loops_change_no_bit),
    };
    if (n_arguments > 1 && strcmp(arguments[1], "tiny") == 0)
        return run_on_family(SIREN_FAMILY_CHAIN, tiny, sizeof tiny / sizeof *tiny);
    int failed = cmocka_run_group_tests_name("reference", alone, NULL, NULL);
    return failed + run_on_families(tests, sizeof tests / sizeof *tests);
}
