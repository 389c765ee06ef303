/* Every configuration that tuning chooses among, of both families: the gradient against the double-precision reference,
 * the decoded bits against the host's. */
#include "tests/shared/devices.h"
#include "tests/shared/family_gradient.h"
#include "engine/decode/decode.h"
#include "engine/care/tune.h"

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

typedef struct {
    const char *model;
    uint32_t n_hidden, width, n_outputs;
    size_t n_points;
} problem;

static void check(const problem *p, const char *what) {
    siren_network network;
    batch b;
    family_result result;
    assert_siren_ok(siren_network_from_model(p->model, p->n_hidden, p->width, p->n_outputs, 30.0f, &network));
    batch_start(&b, &network, 1, p->n_points, true);
    family_gradient(device, &b, &result);
    compare_with_reference(&b, &result, 3e-6, what);
    family_result_end(&result);
    check_decode(&b);
    batch_end(&b);
}

/* Odd widths leave a strip or tile half full, points leave rows of the last tile and parts of the last round empty. */
static void every_configuration_is_right(void **state) {
    (void)state;
    const problem problems[] = {{"siren-3d", 2, 48, 13, 777}, {"mlp-tanh", 1, 33, 5, 101}};
    siren_family family = siren_device_get_facts(device)->family;
    size_t n = 0;
    const siren_configuration *candidates = siren_tune_candidates(family, &n);
    for (size_t i = 0; i < n; i++) {
        char text[SIREN_CONFIGURATION_CHARS], what[160];
        for (int shape = 0; shape < SIREN_N_WIDTH_CLASSES; shape++)
            siren_device_configure(device, (siren_width_class)shape, &candidates[i]);
        if (getenv("SIREN_TEST_VERBOSE"))
            print_message("%s\n", siren_configuration_text(&candidates[i], text));
        for (size_t k = 0; k < sizeof problems / sizeof *problems; k++) {
            snprintf(what, sizeof what, "%s, %s", siren_configuration_text(&candidates[i], text),
                     problems[k].model);
            check(&problems[k], what);
        }
    }
}

/* Each shape of network gets what is set for it, and the default where nothing is. */
static void shapes_have_configurations_of_their_own(void **state) {
    (void)state;
    const uint32_t widths[] = {16, 96, 97, 384, 385, 1024};
    size_t n = 0;
    const siren_configuration *candidates = siren_tune_candidates(siren_device_get_facts(device)->family, &n);
    const siren_configuration usual = siren_configuration_default(device);
    while (candidates[n - 1].clblast) n--; /* whose other fields are the default's */
    const siren_configuration *other =
        siren_configuration_equal(&candidates[n - 1], &usual) ? candidates : &candidates[n - 1];
    siren_device_configure(device, SIREN_WIDTH_MEDIUM, other);
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        siren_network network;
        assert_siren_ok(siren_network_from_model("siren-2d", 1, widths[i], 700, 30.0f, &network));
        siren_configuration got = siren_configuration_of(device, &network);
        assert_int_equal(siren_width_class_of(&network), i / 2);
        assert_true(siren_configuration_equal(&got, i / 2 == SIREN_WIDTH_MEDIUM ? other : &usual));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(shapes_have_configurations_of_their_own),
                                       cmocka_unit_test(every_configuration_is_right)};
    return run_on_families(tests, 2);
}
