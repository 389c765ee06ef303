/* engine/transform with a context network: the same levels in other bytes, whatever the network, sides, volumes, mask
 * and step; examples are those of the levels; a trained network saves bytes; damage is found or does no harm. And cases
 * for the decoder in Python (transform_model.py):
 *     unit_transform_context write CASE FILE */
#include "tests/engine/transform/samples.h"
#include "tests/shared/context_gradient.h"

typedef enum { SILENT, SANE, WILD } temper;

/* A network that nobody trained: of weights 0, small ones, or any. */
static void make_network(temper t, siren_context_network *out) {
    *out = (siren_context_network){.kind = SIREN_CONTEXT_OF_COEFFICIENTS,
                                   .widths = {SIREN_COEFFICIENT_FEATURES, 16 + 16 * (uint32_t)random_bits(1),
                                              16, SIREN_MAGNITUDE_STEPS}};
    for (size_t l = 0; l < SIREN_CONTEXT_LAYERS; l++)
        for (size_t i = 0; i <= out->widths[l]; i++)
            for (size_t j = 0; j < out->widths[l + 1]; j++) {
                const int32_t weight = (int32_t)random_bits(11) - 1023;
                out->weights[l][i][j] = (int16_t)(t == SILENT || weight > 1023 ? 0
                                                  : t == SANE                  ? weight / 64
                                                                               : weight);
            }
}

/* The bytes of a coded slice become those with the network, of which what is decoded is the same. */
static void recode(const sample *s, coded *c, const siren_context_network *network) {
    uint8_t *bytes;
    size_t n_bytes, n = c->n_points * c->n_volumes;
    float *y = malloc((n + 1) * sizeof *y);
    assert_non_null(y);
    assert_siren_ok(siren_transform_recode_slice(&c->stored, network, "slice", s->slices, c->bytes,
                                                 c->n_bytes, &bytes, &n_bytes));
    c->stored.network = network;
    assert_siren_ok(siren_transform_decode_slice(&c->stored, "slice", s->slices, bytes, n_bytes,
                                                 (siren_span){0, c->n_volumes}, y));
    assert_memory_equal(y, c->y, n * sizeof *y);
    free(y);
    free(c->bytes);
    c->bytes = bytes;
    c->n_bytes = n_bytes;
}

static void levels_stay_the_same(void **unused) {
    (void)unused;
    static const double steps[] = {1.5, 0.2, 0.03, 0.002, 0.00002};
    siren_context_network network;
    for (size_t n = 0; n < 60; n++) {
        sample s = make((recipe){.nx = 1 + random_u32() % 45,
                                 .ny = 1 + random_u32() % 45,
                                 .nz = 1,
                                 .n_volumes = n % 4 ? 1 + random_u32() % 9 : 20 + random_u32() % 30,
                                 .noise = 3 + random_u32() % 60,
                                 .masked = n % 3 == 0,
                                 .missing = n % 5 == 0});
        with_two = n / 5 % 2;
        coded c = code(&s, steps[n % 5]);
        make_network((temper)(n % 3), &network);
        recode(&s, &c, &network);
        drop(&c);
        discard(&s);
    }
    with_two = false;
}

/* One of three coefficients each, from each of three on, are all of them, each once. */
static void examples_are_all_levels(void **unused) {
    (void)unused;
    sample s = make((recipe){.nx = 40, .ny = 30, .nz = 1, .n_volumes = 8, .noise = 30});
    coded c = code(&s, 0.02);
    siren_context_examples all = {.n = 0}, parts[3] = {{.n = 0}, {.n = 0}, {.n = 0}};
    assert_siren_ok(
        siren_transform_collect_slice(&c.stored, "slice", s.slices, c.bytes, c.n_bytes, 1, 0, &all));
    size_t n = 0, n_large = 0;
    for (size_t i = 0; i < 3; i++) {
        assert_siren_ok(
            siren_transform_collect_slice(&c.stored, "slice", s.slices, c.bytes, c.n_bytes, 3, i, &parts[i]));
        n += parts[i].n;
    }
    assert_int_equal(n, all.n);
    assert_true(all.n > 1000);
    for (size_t i = 0; i < all.n; i++) {
        /* The one that is skipped i comes first when 3 - i more have passed. */
        const siren_context_examples *part = &parts[(5 - i % 3) % 3];
        assert_int_equal(all.magnitudes[i], part->magnitudes[i / 3]);
        assert_memory_equal(all.features + i * SIREN_COEFFICIENT_FEATURES,
                            part->features + i / 3 * SIREN_COEFFICIENT_FEATURES, SIREN_COEFFICIENT_FEATURES);
        n_large += all.magnitudes[i] > 1;
    }
    assert_true(n_large > 50 && n_large < all.n);
    for (size_t i = 0; i < 3; i++) free(parts[i].features), free(parts[i].magnitudes);
    free(all.features), free(all.magnitudes);
    drop(&c);
    discard(&s);
}

static void training_saves_bytes(void **unused) {
    (void)unused;
    sample s = make((recipe){.nx = 96, .ny = 96, .nz = 1, .n_volumes = 12, .noise = 25});
    coded c = code(&s, 0.03);
    siren_context_examples examples = {.n = 0};
    siren_context_network trained, again, silent;
    siren_context_training training = {
        .kind = SIREN_CONTEXT_OF_COEFFICIENTS, .widths = {16, 16}, .n_steps = 300, .rate = .008f, .seed = 5};
    double bits;
    const size_t before = c.n_bytes;
    assert_siren_ok(
        siren_transform_collect_slice(&c.stored, "slice", s.slices, c.bytes, c.n_bytes, 1, 0, &examples));
    assert_siren_ok(siren_context_train(&examples, &training, &trained, &bits));
    assert_siren_ok(siren_context_train(&examples, &training, &again, NULL));
    assert_memory_equal(&trained, &again, sizeof trained);
    /* The examples' code length tells about what their bits take. */
    assert_true(bits * (double)examples.n / 8 < (double)before);
    coded counted = code(&s, 0.03);
    make_network(SILENT, &silent);
    recode(&s, &counted, &silent);
    recode(&s, &c, &trained);
    assert_true(c.n_bytes < before && c.n_bytes < counted.n_bytes);
    free(examples.features), free(examples.magnitudes);
    drop(&counted);
    drop(&c);
    discard(&s);
}

static void gradient_is_that_of_finite_differences(void **unused) {
    (void)unused;
    enum { N = 128 };
    static int8_t features[N * SIREN_COEFFICIENT_FEATURES];
    static uint8_t magnitudes[N];
    for (size_t i = 0; i < sizeof features; i++) features[i] = (int8_t)((int)(random_u32() % 64) - 32);
    for (size_t i = 0; i < N; i++) magnitudes[i] = (uint8_t)(i % 4 ? random_u32() % 4 : random_u32() % 12);
    check_context_gradient(SIREN_CONTEXT_OF_COEFFICIENTS,
                           &(siren_context_examples){.n = N, .features = features, .magnitudes = magnitudes},
                           (const uint32_t[]){16, 32}, .15);
}

static void damage_does_no_harm(void **unused) {
    (void)unused;
    sample s = make((recipe){.nx = 29, .ny = 22, .nz = 1, .n_volumes = 7, .noise = 20});
    size_t n_refused = 0, n_other = 0;
    for (int t = 0; t < 2; t++) {
        siren_context_network network;
        with_two = t;
        coded c = code(&s, 0.01);
        make_network(t ? WILD : SANE, &network);
        recode(&s, &c, &network);
        size_t n = c.n_points * c.n_volumes;
        float *y = malloc(n * sizeof *y);
        uint8_t *bytes = malloc(c.n_bytes);
        assert_true(y && bytes);
        for (size_t cut = 0; cut < c.n_bytes; cut += 1 + c.n_bytes / 200) {
            memcpy(bytes, c.bytes, cut);
            assert_int_equal(
                siren_transform_decode_slice(&c.stored, "slice", s.slices, bytes, cut, (siren_span){0, 7}, y),
                SIREN_CORRUPT);
        }
        for (size_t trial = 0; trial < 400; trial++) {
            memcpy(bytes, c.bytes, c.n_bytes);
            if (trial % 4)
                bytes[random_u32() % c.n_bytes] ^= (uint8_t)(1u << random_u32() % 8);
            else
                for (size_t i = 0; i < c.n_bytes; i++) bytes[i] = (uint8_t)random_u32();
            siren_status status = siren_transform_decode_slice(&c.stored, "slice", s.slices, bytes, c.n_bytes,
                                                               (siren_span){0, 7}, y);
            assert_true(status == SIREN_OK || status == SIREN_CORRUPT);
            n_refused += status == SIREN_CORRUPT;
            for (size_t i = 0; status == SIREN_OK && i < n; i++) assert_true(y[i] >= 0 && y[i] <= 1);
        }
        /* A weight that differs in one bit: other values, or the stream does not end where it should. */
        for (size_t trial = 0; t == 0 && trial < 20; trial++) {
            siren_context_network other = network;
            other.weights[1][trial % 16][random_u32() % 16] ^= 4;
            c.stored.network = &other;
            siren_status status = siren_transform_decode_slice(&c.stored, "slice", s.slices, c.bytes,
                                                               c.n_bytes, (siren_span){0, 7}, y);
            n_other += status == SIREN_CORRUPT || memcmp(y, c.y, n * sizeof *y) != 0;
        }
        free(y), free(bytes);
        drop(&c);
    }
    with_two = false;
    assert_true(n_refused > 300);
    assert_true(n_other >= 15);
    discard(&s);
}

static int write_case(size_t number, const char *path) {
    static const struct {
        recipe r;
        double step;
        temper t;
    } cases[] = {
        {{.nx = 25, .ny = 18, .nz = 1, .n_volumes = 5, .noise = 20}, 0.03, SANE},
        {{.nx = 33, .ny = 18, .nz = 1, .n_volumes = 9, .noise = 30, .masked = true}, 0.02, WILD},
        {{.nx = 1, .ny = 1, .nz = 1, .n_volumes = 1, .noise = 30}, 0.1, SANE},
        {{.nx = 9, .ny = 17, .nz = 1, .n_volumes = 40, .noise = 60}, 0.1, SANE},
        {{.nx = 16, .ny = 17, .nz = 1, .n_volumes = 2, .noise = 3}, 0.00002, SILENT},
        {{.nx = 25, .ny = 18, .nz = 1, .n_volumes = 5, .noise = 20}, 0.03, SANE},
        {{.nx = 33, .ny = 18, .nz = 1, .n_volumes = 9, .noise = 30, .masked = true}, 0.02, WILD},
    };
    if (number >= sizeof cases / sizeof *cases) return 2;
    with_two = number >= 5;
    siren_context_network network;
    uint8_t *section;
    size_t n_section;
    sample s = make(cases[number].r);
    coded c = code(&s, cases[number].step);
    make_network(cases[number].t, &network);
    recode(&s, &c, &network);
    assert_siren_ok(siren_context_encode(&network, &section, &n_section));
    const int status = write_coded(&s, &c, section, n_section, path);
    free(section);
    drop(&c);
    discard(&s);
    return status;
}

int main(int argc, char **argv) {
    if (argc == 4 && strcmp(argv[1], "write") == 0) return write_case(strtoul(argv[2], NULL, 10), argv[3]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_stay_the_same),
        cmocka_unit_test(examples_are_all_levels),
        cmocka_unit_test(gradient_is_that_of_finite_differences),
        cmocka_unit_test(training_saves_bytes),
        cmocka_unit_test(damage_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
