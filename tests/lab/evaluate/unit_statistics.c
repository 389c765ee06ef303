/* lab/evaluate/statistics: relative errors, what counts in them, and exact percentiles. */
#include "tests/shared/testing.h"

#include <math.h>

#include "lab/evaluate/statistics.h"

static siren_series series_of(size_t n, size_t n_volumes, const float *voxels) {
    return (siren_series){
        .geometry =
            {.datatype = SIREN_FLOAT32, .nx = n, .ny = 1, .nz = 1, .n_volumes = n_volumes, .slope = 1},
        .voxels = (void *)(uintptr_t)voxels};
}

static void errors_are_relative_to_the_first(void **state) {
    (void)state;
    const float x[6] = {100, -50, 0, 8, 1e-5f, NAN}, y[6] = {110, -45, 7, INFINITY, 2e-5f, 1};
    const siren_series a = series_of(3, 2, x), b = series_of(3, 2, y);
    float errors[6];
    siren_relative_errors(&a, &b, 0, 2, NULL, errors);
    assert_true(fabsf(errors[0] - 0.1f) < 1e-6f && fabsf(errors[1] - 0.1f) < 1e-6f);
    /* x is 0; x' is not finite; x is below the floor of 100 * 1e-6; x is not finite */
    for (size_t i = 2; i < 6; i++) assert_true(isnan(errors[i]));
    /* One volume has its own floor, and so has the inside of a mask. */
    const uint8_t mask[3] = {0, 1, 1};
    siren_relative_errors(&a, &b, 1, 1, mask, errors);
    assert_true(isnan(errors[0]) && fabsf(errors[1] - 1) < 1e-6f && isnan(errors[2]));
}

static void vectors_have_one_error(void **state) {
    (void)state;
    const float x[9] = {3, 0, 1e-7f, 4, 0, 0, 0, 0, 0}, y[9] = {3, 1, 1, 4, 0, 0, 2.5f, 0, 0};
    const siren_series a = series_of(3, 3, x), b = series_of(3, 3, y);
    float errors[3];
    assert_siren_ok(siren_relative_errors_of_vectors(&a, &b, NULL, errors));
    assert_true(fabsf(errors[0] - 0.5f) < 1e-6f && isnan(errors[1]) && isnan(errors[2]));
}

static void hundred_and_one_values(void **state) {
    (void)state;
    float errors[2 * 101];
    uint8_t mask[101];
    siren_error_statistics s;
    for (size_t i = 0; i < 101; i++) {
        errors[i] = (float)(i * 37 % 101); /* 0 to 100 in another order */
        errors[101 + i] = NAN;
        mask[i] = errors[i] <= 3;
    }
    assert_siren_ok(siren_error_statistics_of(errors, 101, 1, NULL, &s));
    assert_true(s.n == 101 && s.n_excluded == 0 && s.mean == 50 && s.median == 50 && s.p95 == 95);
    assert_true(fabs(s.std * s.std - 858.5) < 1e-9); /* (n^2 - 1) n / 12 / (n - 1) */
    assert_siren_ok(siren_error_statistics_of(errors, 101, 2, mask, &s));
    assert_true(s.n == 4 && s.n_excluded == 4 && s.mean == 1.5 && s.median == 1.5);
    assert_true(fabs(s.p95 - 2.85) < 1e-12 && fabs(s.std * s.std - 5.0 / 3) < 1e-12);
}

static void few_values(void **state) {
    (void)state;
    const float errors[2] = {NAN, 0.25f};
    siren_error_statistics s;
    assert_siren_ok(siren_error_statistics_of(errors, 2, 1, NULL, &s));
    assert_true(s.n == 1 && s.n_excluded == 1 && s.mean == 0.25 && s.std == 0 && s.median == 0.25 &&
                s.p95 == 0.25);
    assert_siren_ok(siren_error_statistics_of(errors, 1, 1, NULL, &s));
    assert_true(s.n == 0 && s.n_excluded == 1 && isnan(s.mean) && isnan(s.median));
}

static int ascending(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Percentiles are those of the sorted values, over all magnitudes and with many equal ones. */
static void percentiles_are_exact(void **state) {
    (void)state;
    enum { N = 30011 };
    static float errors[N], sorted[N];
    uint32_t random = 1;
    for (size_t i = 0; i < N; i++) {
        random = random * 1664525u + 1013904223u;
        errors[i] = i % 3 == 0 ? 0.125f : ldexpf((float)(random >> 8), (int)(random >> 3) % 80 - 60);
    }
    memcpy(sorted, errors, sizeof sorted);
    qsort(sorted, N, sizeof *sorted, ascending);
    siren_error_statistics s;
    assert_siren_ok(siren_error_statistics_of(errors, N, 1, NULL, &s));
    assert_true(s.median == (double)sorted[(N - 1) / 2]);
    double below = (double)sorted[28509], next = (double)sorted[28510]; /* 0.95 (N - 1) = 28509.5 */
    assert_true(fabs(s.p95 - (below + next) / 2) <= 1e-12 * next);
}

static void maps_are_means_over_volumes(void **state) {
    (void)state;
    const float errors[6] = {1, NAN, 3, 2, NAN, 5};
    const uint8_t mask[3] = {1, 1, 0};
    float map[3];
    siren_error_map(errors, 3, 2, NULL, map);
    assert_true(map[0] == 1.5f && map[1] == 0 && map[2] == 4);
    siren_error_map(errors, 3, 2, mask, map);
    assert_true(map[0] == 1.5f && map[1] == 0 && map[2] == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_are_relative_to_the_first),
        cmocka_unit_test(vectors_have_one_error),
        cmocka_unit_test(hundred_and_one_values),
        cmocka_unit_test(few_values),
        cmocka_unit_test(percentiles_are_exact),
        cmocka_unit_test(maps_are_means_over_volumes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
