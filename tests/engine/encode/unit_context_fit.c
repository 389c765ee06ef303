/* engine/encode/context_fit asks whether to go on in each of its phases, and is not asked again after a no. */
#include "tests/shared/testing.h"

#include "engine/calls.h"
#include "tests/shared/nifti_files.h"

#include <string.h>

typedef struct {
    const char *at; /* the phase that ends it */
    int n, n_after;
} stopping;

static bool stop_at(void *user, double done, double total, const char *what) {
    stopping *s = user;
    assert_true(done > 0 && done <= total);
    s->n_after += s->n > 0;
    s->n += strcmp(what, s->at) == 0;
    return s->n == 0;
}

static void every_phase_may_be_interrupted(void **state) {
    (void)state;
    enum { N = 16, N_SLICES = 8, N_VOLUMES = 16, N_VALUES = N * N * N_SLICES * N_VOLUMES };
    static uint8_t bytes[352 + 2 * N_VALUES];
    nifti_recipe recipe = {
        .version = 1, .datatype = 4, .bitpix = 16, .dim = {4, 1, 1, 1, 1, 1, 1, 1}, .slope = 1};
    const char *phases[] = {"features", "training", "measuring"};
    nifti_make(&recipe, bytes);
    for (size_t i = 0; i < 4; i++)
        nifti_put_integer(bytes + 42 + 2 * i, 2, false, (const int64_t[]){N, N, N_SLICES, N_VOLUMES}[i]);
    for (size_t i = 0; i < N_VALUES; i++)
        nifti_put_integer(bytes + 352 + 2 * i, 2, false, (int64_t)(i * i % 211 + i % 16));
    file_put(scratch_path("image.nii"), bytes, sizeof bytes);
    for (size_t i = 0; i < 3; i++) {
        siren_compress_options options = siren_compress_defaults();
        options.target = SIREN_TARGET_LOSSLESS;
        options.settings.effort = 4;
        stopping s = {.at = phases[i]};
        assert_int_equal(siren_compress_file(NULL, scratch_path("image.nii"), scratch_path("image.siren"),
                                             &options, stop_at, &s, NULL),
                         SIREN_CANCELLED);
        assert_true(s.n == 1 && s.n_after == 0);
        assert_false(file_exists(scratch_path("image.siren")));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_phase_may_be_interrupted)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_remove();
    return failed;
}
