/* host/part: which units are a part's. */
#include "tests/shared/testing.h"
#include "host/part.h"

static void texts(void **state) {
    (void)state;
    siren_part part = {0};
    assert_siren_ok(siren_part_parse("--part", "3/8", &part));
    assert_int_equal(part.number, 3);
    assert_int_equal(part.of, 8);
    assert_siren_ok(siren_part_parse("--part", "1/1", &part));
    static const char *const wrong[] = {
        "",     "3",    "/8",   "3/",   "0/8",  "9/8",      "-1/8",
        "3/-8", "+3/8", "3 /8", "3/8x", "3/8/", "1/100001", "99999999999999999999/8"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(siren_part_parse("--part", wrong[i], &part), SIREN_USAGE);
        assert_non_null(strstr(siren_message(), "is no part"));
    }
    assert_int_equal(part.of, 1);
}

/* Every unit is of one part and no other, parts follow each other, and none has more than its share and half a
 * unit at each end. */
static void shares(void **state) {
    (void)state;
    static const size_t divisions[] = {1, 2, 3, 8, 100, 5000};
    double cost[1000], total = 0;
    for (size_t i = 0; i < 1000; i++) total += cost[i] = 1 + (double)(i * 7919 % 100);
    for (size_t d = 0; d < sizeof divisions / sizeof *divisions; d++) {
        const size_t n = divisions[d];
        size_t last = 1;
        double before = 0, of_part = 0;
        for (size_t i = 0; i < 1000; before += cost[i++]) {
            size_t number = 0;
            for (size_t p = 1; p <= n; p++)
                if (siren_part_has((siren_part){p, n}, before, cost[i], total)) {
                    assert_int_equal(number, 0);
                    number = p;
                }
            assert_in_range(number, last, n);
            of_part = number == last ? of_part + cost[i] : cost[i];
            assert_true(of_part <= total / (double)n + 100);
            last = number;
        }
    }
    assert_true(siren_part_has((siren_part){0, 0}, 1, 2, 3));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(texts), cmocka_unit_test(shares)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
