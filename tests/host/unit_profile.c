/* host/opencl/profile: stages take their time from those around them, and all of them together are the wall time. */
#include "tests/shared/testing.h"
#include "host/opencl/profile.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void work(double seconds) {
    double start = siren_clock();
    while (siren_clock() - start < seconds) {
    }
}

static siren_profile_row row_of(siren_profile *profile, const char *name, double *sum, double *wall) {
    const siren_profile_row *rows;
    siren_profile_row found = {0};
    size_t n;
    siren_profile_get(profile, &rows, &n, wall);
    *sum = 0;
    for (size_t i = 0; i < n; i++) {
        *sum += rows[i].seconds;
        if (i > 0) assert_true(rows[i].seconds <= rows[i - 1].seconds);
        if (strcmp(rows[i].name, name) == 0) found = rows[i];
    }
    return found;
}

static siren_status staged(siren_status result) {
    SIREN_TRY_STAGE("inner", (work(0.01), result));
    work(0.01);
    return SIREN_OK;
}

static void nested_stages_add_up(void **state) {
    (void)state;
    siren_profile *profile = NULL;
    double sum, wall, start = siren_clock();
    assert_siren_ok(siren_profile_create(&profile));
    const char *before = siren_profile_enter("outer");
    assert_string_equal(before, SIREN_STAGE_REST);
    work(0.02);
    assert_siren_ok(staged(SIREN_OK));
    assert_int_equal(staged(SIREN_CORRUPT), SIREN_CORRUPT);
    siren_profile_leave(before);
    work(0.01);
    siren_profile_row inner = row_of(profile, "inner", &sum, &wall);
    double most = siren_clock() - start;
    assert_int_equal(inner.n_calls, 2);
    assert_int_equal(inner.place, SIREN_PROFILE_HOST);
    siren_profile_row outer = row_of(profile, "outer", &sum, &wall);
    assert_int_equal(outer.n_calls, 1);
    siren_profile_row rest = row_of(profile, SIREN_STAGE_REST, &sum, &wall);
    assert_true(inner.seconds >= 0.02 && outer.seconds >= 0.03 && rest.seconds >= 0.01);
    assert_true(inner.seconds + outer.seconds + rest.seconds <= wall + 1e-9);
    assert_true(fabs(sum - wall) < 1e-9 * wall + 1e-12);
    assert_true(wall >= 0.06 && most <= wall + 0.05);
    siren_profile_free(profile);
}

static void without_a_profile_nothing_is_kept(void **state) {
    (void)state;
    assert_null(siren_profile_enter("nowhere"));
    siren_profile_leave(NULL);
    assert_siren_ok(staged(SIREN_OK));
    siren_profile_free(NULL);
}

static void too_many_stages_are_the_rest(void **state) {
    (void)state;
    siren_profile *profile = NULL;
    const siren_profile_row *rows;
    char names[200][8];
    size_t n;
    double wall, sum;
    assert_siren_ok(siren_profile_create(&profile));
    for (int i = 0; i < 200; i++) {
        snprintf(names[i], sizeof names[i], "s%d", i);
        siren_profile_leave(siren_profile_enter(names[i]));
    }
    siren_profile_get(profile, &rows, &n, &wall);
    assert_true(n < 200);
    assert_int_equal(row_of(profile, "s3", &sum, &wall).n_calls, 1);
    assert_int_equal(row_of(profile, SIREN_STAGE_REST, &sum, &wall).n_calls, 1 + 200 - (n - 1));
    assert_true(fabs(sum - wall) < 1e-9 * wall + 1e-12);
    siren_profile_free(profile);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nested_stages_add_up),
        cmocka_unit_test(without_a_profile_nothing_is_kept),
        cmocka_unit_test(too_many_stages_are_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
