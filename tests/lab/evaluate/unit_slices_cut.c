/* lab/evaluate/slices_cut: the slice and volume that were asked for, and none that the series has not. */
#include "tests/shared/testing.h"
#include "tests/shared/nifti_files.h"

#include "formats/nifti.h"
#include "lab/evaluate/slices_cut.h"

#include <string.h>

static const nifti_recipe recipe = {
    .version = 1, .datatype = 2, .bitpix = 8, .dim = {4, 3, 2, 4, 5}, .slope = 1};

static int load(void **state) {
    static siren_series series;
    uint8_t bytes[NIFTI_MOST_BYTES];
    file_put(scratch_path("a.nii"), bytes, nifti_make(&recipe, bytes));
    assert_siren_ok(siren_nifti_read(scratch_path("a.nii"), SIZE_MAX, &series));
    *state = &series;
    return 0;
}

static int unload(void **state) {
    siren_series_free(*state);
    scratch_remove();
    return 0;
}

static void every_slice_is_cut(void **state) {
    const siren_series *whole = *state;
    for (size_t volume = 0; volume < 5; volume++)
        for (size_t z = 0; z < 4; z++) {
            SIREN_AT_END(siren_series_free) siren_series slice = {.voxels = NULL};
            assert_siren_ok(siren_slice_cut(whole, z, volume, &slice));
            assert_true(slice.geometry.nz == 1 && slice.geometry.n_volumes == 1);
            assert_memory_equal(slice.voxels, (const uint8_t *)whole->voxels + (volume * 4 + z) * 6, 6);
        }
}

static void what_is_outside_is_refused(void **state) {
    const siren_series *whole = *state;
    const size_t most = SIZE_MAX;
    siren_series slice;
    assert_int_equal(siren_slice_cut(whole, 0, 5, &slice), SIREN_USAGE);
    assert_non_null(strstr(siren_message(), "volume 5 was asked for, but the series has only 0 to 4"));
    assert_int_equal(siren_slice_cut(whole, 0, most, &slice), SIREN_USAGE);
    assert_int_equal(siren_slice_cut(whole, 4, 0, &slice), SIREN_USAGE);
    assert_int_equal(siren_slice_cut(whole, most, 0, &slice), SIREN_USAGE);
    assert_int_equal(siren_slices_cut(whole, 3, 2, &slice), SIREN_USAGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_slice_is_cut),
                                       cmocka_unit_test(what_is_outside_is_refused)};
    return cmocka_run_group_tests(tests, load, unload);
}
