/* formats/anonymise: what was taken out of a header is told. The rest: tests/tools/e2e_anonymise.sh. */
#include "tests/shared/testing.h"
#include "formats/anonymise.h"
#include "formats/nifti.h"

#include <stdlib.h>

/* Bytes that tell of extensions, of which there are none, are not the image's any more. */
static void an_anonymised_extender_is_told(void **state) {
    (void)state;
    const double size[3] = {1, 1, 1};
    siren_series series = {.header = calloc(SIREN_NEW_HEADER_BYTES, 1)};
    siren_anonymised told = {.n_tail = 0}, again = {.n_tail = 0};
    assert_siren_ok(siren_nifti_new_header(SIREN_UINT8, 1, 1, 1, 1, size, &series.geometry, series.header));
    assert_siren_ok(siren_anonymise_series(&series, &again));
    assert_false(siren_anonymised_header(&again));
    series.header[348] = 1;
    assert_siren_ok(siren_anonymise_series(&series, &told));
    assert_true(siren_anonymised_header(&told) && told.n_extension_bytes == 4 && series.header[348] == 0);
    siren_series_free(&series);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(an_anonymised_extender_is_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
