/* engine/transform/restoration: what a network adds is what it tells, in steps, at points alone; examples are of all
 * pixels; a trained network brings decoded slices nearer; damage does no harm. And cases for the decoder in Python
 * (transform_model.py):
 *     unit_restoration write CASE FILE */
#include "tests/engine/transform/samples.h"
#include "tests/shared/context_gradient.h"
#include "engine/transform/restoration.h"

/* A network that nobody trained: nothing but the output's bias, or weights up to `largest`. */
static void make_network(int32_t bias, int32_t largest, siren_context_network *out) {
    const siren_context_kind kind = SIREN_CONTEXT_OF_PIXELS;
    *out = (siren_context_network){
        .kind = kind, .widths = {siren_context_n_features(kind), 32, 16, siren_context_n_outputs(kind)}};
    for (size_t l = 0; largest > 0 && l < SIREN_CONTEXT_LAYERS; l++)
        for (size_t i = 0; i <= out->widths[l]; i++)
            for (size_t j = 0; j < out->widths[l + 1]; j++)
                out->weights[l][i][j] =
                    (int16_t)((int32_t)(random_u32() % (2 * (uint32_t)largest + 1)) - largest);
    out->weights[2][out->widths[2]][0] = (int16_t)bias;
}

/* Decodes anew, with a network, into c->y. */
static void restore(const sample *s, coded *c, const siren_context_network *network) {
    c->stored.restoration = network;
    free(c->restoration);
    assert_siren_ok(siren_context_encode(network, &c->restoration, &c->n_restoration));
    assert_siren_ok(siren_transform_decode_slice(&c->stored, "slice", s->slices, c->bytes, c->n_bytes,
                                                 (siren_span){0, c->n_volumes}, c->y));
}

static double square_error(const coded *c) {
    double sum = 0;
    for (size_t i = 0; i < c->n_points * c->n_volumes; i++)
        if (!isnan(c->targets[i]))
            sum += ((double)c->y[i] - (double)c->targets[i]) * ((double)c->y[i] - (double)c->targets[i]);
    return sum;
}

/* A bias of 128 is 1 in an output of 1/256, which are 1/1024 steps: a quarter of a step for each pixel that is a
 * point. */
static void bias_is_a_quarter_of_a_step(void **unused) {
    (void)unused;
    static const double steps[] = {1.5, 0.3, 0.01, 0.0001};
    siren_context_network network;
    make_network(128, 0, &network);
    for (size_t n = 0; n < 4; n++) {
        siren_transform_coefficients before, after;
        sample s = make((recipe){.nx = 29, .ny = 22, .nz = 1, .n_volumes = 6, .noise = 20, .masked = n % 2});
        coded c = code(&s, steps[n]);
        c.stored.restoration = &network;
        assert_siren_ok(
            siren_transform_read_slice(&c.stored, "slice", s.slices, c.bytes, c.n_bytes, &before));
        assert_siren_ok(siren_transform_read_slice(&c.stored, "slice", s.slices, c.bytes, c.n_bytes, &after));
        siren_transform_rebuild(&before);
        siren_transform_rebuild(&after);
        assert_siren_ok(siren_transform_restore(&c.stored, &after));
        const double step = ldexp(256 + (before.step & 255), (int)before.unit - 8 - (int)(before.step >> 8));
        const size_t n_pixels = before.grid.n_blocks * SIREN_TRANSFORM_BLOCK;
        assert_true(before.n_components > 0);
        for (size_t i = 0; i < before.n_components * n_pixels; i++) {
            const bool point = before.grid.points[i % n_pixels] != SIREN_NO_POINT;
            const double moved = (double)after.values[i] - (double)before.values[i];
            assert_true(fabs(moved - (point ? step / 4 : 0)) <= (point ? 0.5 : 0));
        }
        siren_transform_coefficients_free(&before);
        siren_transform_coefficients_free(&after);
        drop(&c);
        discard(&s);
    }
}

/* The parts that are skipped to are all of them, each once; and what is lacking, along the vectors, adds up to the
 * error. */
static void examples_are_all_pixels(void **unused) {
    (void)unused;
    sample s = make((recipe){.nx = 40, .ny = 30, .nz = 1, .n_volumes = 8, .noise = 30, .masked = true});
    coded c = code(&s, 0.05);
    siren_context_examples all = {.n = 0}, parts[3] = {{.n = 0}, {.n = 0}, {.n = 0}};
    assert_siren_ok(
        siren_transform_lacking(&c.stored, "slice", s.slices, c.bytes, c.n_bytes, c.targets, 1, 0, &all));
    assert_int_equal(all.n, c.n_points * c.stored.n_components);
    double sum = 0;
    for (size_t i = 0; i < all.n; i++) sum += (double)all.targets[i] * (double)all.targets[i];
    const double step = 0.05 * 0.05 / 16, error = square_error(&c) / step;
    /* Vectors are nearly orthonormal, but fewer than volumes. */
    assert_true(sum < 1.05 * error && sum > 0.3 * error);
    for (size_t i = 0; i < 3; i++) {
        assert_siren_ok(siren_transform_lacking(&c.stored, "slice", s.slices, c.bytes, c.n_bytes, c.targets,
                                                3, i, &parts[i]));
        for (size_t j = 0; j < parts[i].n; j++) {
            assert_true(parts[i].targets[j] == all.targets[3 * j + i]);
            assert_memory_equal(parts[i].features + j * SIREN_RESTORATION_FEATURES,
                                all.features + (3 * j + i) * SIREN_RESTORATION_FEATURES,
                                SIREN_RESTORATION_FEATURES);
        }
    }
    assert_int_equal(parts[0].n + parts[1].n + parts[2].n, all.n);
    for (size_t i = 0; i < 3; i++) free(parts[i].features), free(parts[i].targets);
    free(all.features), free(all.targets);
    drop(&c);
    discard(&s);
}

static void training_comes_nearer(void **unused) {
    (void)unused;
    for (int two = 0; two < 2; two++) {
        sample s = make((recipe){.nx = 96, .ny = 96, .nz = 1, .n_volumes = 12, .noise = 4, .missing = two});
        with_two = two;
        coded c = code(&s, 0.1);
        siren_context_examples examples = {.n = 0};
        siren_context_network trained, again;
        siren_context_training training = {
            .kind = SIREN_CONTEXT_OF_PIXELS, .widths = {16, 16}, .n_steps = 400, .rate = .008f, .seed = 5};
        const double before = square_error(&c);
        assert_siren_ok(siren_transform_lacking(&c.stored, "slice", s.slices, c.bytes, c.n_bytes, c.targets,
                                                1, 0, &examples));
        assert_siren_ok(siren_context_train(&examples, &training, &trained, NULL));
        assert_siren_ok(siren_context_train(&examples, &training, &again, NULL));
        assert_memory_equal(&trained, &again, sizeof trained);
        restore(&s, &c, &trained);
        if (!(square_error(&c) < 0.98 * before))
            fail_msg("%d: %g of the error is left", two, square_error(&c) / before);
        free(examples.features), free(examples.targets);
        drop(&c);
        discard(&s);
    }
    with_two = false;
}

static void gradient_is_that_of_finite_differences(void **unused) {
    (void)unused;
    enum { N = 128 };
    static int8_t features[N * SIREN_RESTORATION_FEATURES];
    static float targets[N];
    for (size_t i = 0; i < sizeof features; i++) features[i] = (int8_t)((int)(random_u32() % 64) - 32);
    for (size_t i = 0; i < N; i++) targets[i] = (float)noise();
    check_context_gradient(SIREN_CONTEXT_OF_PIXELS,
                           &(siren_context_examples){.n = N, .features = features, .targets = targets},
                           (const uint32_t[]){16, 32}, .1);
}

static void any_network_and_bytes_do_no_harm(void **unused) {
    (void)unused;
    for (size_t n = 0; n < 6; n++) {
        static const double steps[] = {2, 0.1, 0.00002};
        siren_context_network network;
        sample s = make((recipe){.nx = 21, .ny = 17, .nz = 1, .n_volumes = n == 5 ? 60 : 7, .noise = 20});
        coded c = code(&s, steps[n % 3]);
        make_network(1023, 1023, &network);
        restore(&s, &c, &network);
        for (size_t i = 0; i < c.n_points * c.n_volumes; i++) assert_true(c.y[i] >= 0 && c.y[i] <= 1);
        for (size_t trial = 0; trial < 100; trial++) {
            c.bytes[random_u32() % c.n_bytes] ^= (uint8_t)(1u << random_u32() % 8);
            siren_status status = siren_transform_decode_slice(&c.stored, "slice", s.slices, c.bytes,
                                                               c.n_bytes, (siren_span){0, c.n_volumes}, c.y);
            assert_true(status == SIREN_OK || status == SIREN_CORRUPT);
        }
        drop(&c);
        discard(&s);
    }
}

static int write_case(size_t number, const char *path) {
    static const struct {
        recipe r;
        double step;
        int32_t largest; /* weight */
        bool two;
    } cases[] = {
        {{.nx = 25, .ny = 18, .nz = 1, .n_volumes = 5, .noise = 20}, 0.03, 30, false},
        {{.nx = 33, .ny = 18, .nz = 1, .n_volumes = 9, .noise = 30, .masked = true}, 0.02, 1023, true},
        {{.nx = 1, .ny = 1, .nz = 1, .n_volumes = 1, .noise = 30}, 0.1, 30, false},
        {{.nx = 9, .ny = 17, .nz = 1, .n_volumes = 40, .noise = 60}, 0.1, 60, true},
        {{.nx = 16, .ny = 17, .nz = 1, .n_volumes = 2, .noise = 3}, 0.00002, 100, false},
    };
    if (number >= sizeof cases / sizeof *cases) return 2;
    with_two = cases[number].two;
    siren_context_network network;
    sample s = make(cases[number].r);
    coded c = code(&s, cases[number].step);
    make_network(20, cases[number].largest, &network);
    restore(&s, &c, &network);
    const int status = write_coded(&s, &c, NULL, 0, path);
    drop(&c);
    discard(&s);
    return status;
}

int main(int argc, char **argv) {
    if (argc == 4 && strcmp(argv[1], "write") == 0) return write_case(strtoul(argv[2], NULL, 10), argv[3]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bias_is_a_quarter_of_a_step),
        cmocka_unit_test(examples_are_all_pixels),
        cmocka_unit_test(training_comes_nearer),
        cmocka_unit_test(gradient_is_that_of_finite_differences),
        cmocka_unit_test(any_network_and_bytes_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
