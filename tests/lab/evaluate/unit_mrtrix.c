/* lab/evaluate/mrtrix: which shells are taken. Running its programs: e2e_evaluate.sh and e2e_evaluate_mrtrix.sh. */
#include "tests/shared/testing.h"

#include <math.h>

#include "lab/evaluate/mrtrix.h"

static void expect(const char *text, bool bzero, double low, double high) {
    siren_mrtrix_shells shells;
    assert_true(siren_mrtrix_choose_shells(text, &shells));
    assert_true(shells.bzero == bzero);
    assert_true(isnan(low) ? isnan(shells.low) : shells.low == low);
    assert_true(isnan(high) ? isnan(shells.high) : shells.high == high);
}

static void shells_are_chosen(void **state) {
    (void)state;
    expect("0 1000 \n3 30 \n", true, 1000, 1000);
    expect("0 1000 3000\n3 30 60", true, 1000, 3000);
    expect("2.88889 55 200 400 600 \n9 7 6 8 12 \n", true, 55, NAN);
    expect("1.25 25 928.289 2000\n1 3 16 14\n", true, 928.289, 928.289);
    expect("0 700\n4 5\n", true, NAN, NAN);
    expect("1000\n30\n", false, 1000, 1000);
    expect("0\n30\n", true, NAN, NAN);
}

static void other_texts_are_refused(void **state) {
    (void)state;
    static const char *const texts[] = {"", "\n", "0 1000\n", "0 1000\n3\n", "0 x\n3 30\n", "mrinfo: no\n"};
    siren_mrtrix_shells shells;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_false(siren_mrtrix_choose_shells(texts[i], &shells));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(shells_are_chosen),
                                       cmocka_unit_test(other_texts_are_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
