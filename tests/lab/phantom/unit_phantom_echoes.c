/* Echo times of the phantom: decay of each tissue, the order of volumes, and the table of their coordinates. */
#include "engine/model/acquisition.h"
#include "lab/phantom/phantom_echoes.h"
#include "tests/shared/testing.h"

#include <math.h>

static const siren_shell shells[] = {{0, 1}, {1000, 3}};
static const double echo_times[] = {60, 80, 150};

static siren_phantom_options options_of(size_t n_echo_times) {
    return (siren_phantom_options){.nx = 24,
                                   .ny = 28,
                                   .nz = 3,
                                   .shells = shells,
                                   .n_shells = 2,
                                   .echo_times = echo_times,
                                   .n_echo_times = n_echo_times,
                                   .seed = 4,
                                   .datatype = SIREN_FLOAT32};
}

static void tissues_decay(void **state) {
    (void)state;
    static const double t2[] = {
        [SIREN_TISSUE_HEAD] = 50, [SIREN_TISSUE_CSF] = 2000, [SIREN_TISSUE_GM] = 99, [SIREN_TISSUE_WM] = 69};
    const siren_phantom_options options = options_of(3), once_options = options_of(0);
    siren_phantom phantom, once;
    size_t n_seen[SIREN_TISSUE_WM + 1] = {0};
    assert_siren_ok(siren_phantom_make(&options, NULL, NULL, &phantom));
    assert_siren_ok(siren_phantom_make(&once_options, NULL, NULL, &once));
    assert_int_equal(phantom.geometry.n_volumes, 12);
    assert_int_equal(once.geometry.n_volumes, 4);
    const size_t n = 24 * 28 * 3;
    const float *values = phantom.voxels, *usual = once.voxels;
    for (size_t echo = 0; echo < 3; echo++)
        for (size_t v = 0; v < 4; v++) {
            const size_t volume = 4 * echo + v;
            assert_true(phantom.gradients.bval[volume] == once.gradients.bval[v]);
            assert_memory_equal(phantom.gradients.bvec[volume], once.gradients.bvec[v],
                                sizeof *once.gradients.bvec);
            for (size_t i = 0; i < n; i++) {
                const uint8_t tissue = phantom.tissue[i];
                const double at = (double)usual[v * n + i], seen = (double)values[volume * n + i];
                if (tissue == SIREN_TISSUE_AIR) continue;
                const double expected = at * exp(-(echo_times[echo] - 80) / t2[tissue]);
                if (!(fabs(seen - expected) <= 2e-6 * expected))
                    fail_msg("echo %zu, volume %zu, tissue %u: %g, not %g", echo, v, tissue, seen, expected);
                n_seen[tissue]++;
            }
        }
    for (int tissue = SIREN_TISSUE_HEAD; tissue <= SIREN_TISSUE_WM; tissue++) assert_true(n_seen[tissue] > 0);
    siren_phantom_free(&phantom);
    siren_phantom_free(&once);
}

/* What the phantom writes is what compression reads; a column that tells nothing is left out. */
static void the_table_tells_volumes_apart(void **state) {
    (void)state;
    for (size_t n_shells = 1; n_shells <= 2; n_shells++) {
        siren_phantom_options options = options_of(3);
        siren_diffusion_table gradients = {0};
        siren_acquisition a;
        char *text = NULL, name[SIREN_ACQUISITION_NAME];
        uint8_t *section = NULL;
        size_t n_bytes;
        options.n_shells = n_shells;
        assert_siren_ok(siren_phantom_gradients(&options, &gradients));
        assert_siren_ok(siren_phantom_coordinates(&options, &gradients, &text));
        const size_t n = gradients.n_volumes;
        assert_siren_ok(siren_acquisition_parse("the phantom", text, strlen(text), n, &section, &n_bytes));
        assert_siren_ok(siren_acquisition_view("the phantom", n, section, n_bytes, &a));
        assert_int_equal(a.n_axes, n_shells == 1 ? 1 : 5);
        assert_string_equal(siren_acquisition_name(&a, 0, name), "TE");
        for (size_t v = 0; v < n; v++) {
            assert_true(siren_acquisition_value(&a, v, 0) == echo_times[v / (n / 3)]);
            for (uint32_t axis = 1; axis < a.n_axes; axis++) {
                const double wanted = axis == 1 ? gradients.bval[v] : gradients.bvec[v][axis - 2];
                assert_true(fabs(siren_acquisition_value(&a, v, axis) - wanted) <
                            1e-8 * fmax(1, fabs(wanted)));
            }
        }
        free(text), free(section), free(gradients.bval), free(gradients.bvec);
    }
}

static void bad_echo_times_are_refused(void **state) {
    (void)state;
    static const char *const bad[] = {"",     ",",   "60,", "60,,80", "60;80", "0.5",
                                      "1001", "-60", "nan", "inf",    "60 80"};
    double *times = NULL;
    size_t n = 0;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(siren_echo_times_parse(bad[i], &times, &n), SIREN_USAGE);
        assert_null(times);
    }
    assert_siren_ok(siren_echo_times_parse("60,92.5,1000", &times, &n));
    assert_int_equal(n, 3);
    assert_true(times[0] == 60 && times[1] == 92.5 && times[2] == 1000);
    free(times);
    siren_phantom_options options = options_of(3);
    const double never[] = {60, 0, 80};
    siren_phantom phantom;
    options.echo_times = never;
    assert_int_equal(siren_phantom_make(&options, NULL, NULL, &phantom), SIREN_USAGE);
    const siren_shell many = {1000, SIREN_PHANTOM_MAX_VOLUMES / 2};
    options = options_of(3);
    options.shells = &many;
    options.n_shells = 1;
    assert_int_equal(siren_phantom_make(&options, NULL, NULL, &phantom), SIREN_USAGE);
    assert_non_null(strstr(siren_message(), "volumes at each of 3 echo times are too many"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tissues_decay),
        cmocka_unit_test(the_table_tells_volumes_apart),
        cmocka_unit_test(bad_echo_times_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
