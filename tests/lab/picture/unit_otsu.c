/* lab/picture/otsu: against the definition, tried at every threshold. */
#include <math.h>
#include <stdlib.h>

#include "lab/picture/otsu.h"
#include "tests/shared/testing.h"

/* The variance within the two classes, weighted. */
static double within(const double *values, size_t n, double threshold) {
    double total = 0;
    for (int above = 0; above < 2; above++) {
        double count = 0, mean = 0;
        for (size_t i = 0; i < n; i++)
            if ((values[i] > threshold) == above) {
                count++;
                mean += values[i];
            }
        for (size_t i = 0; i < n; i++)
            if ((values[i] > threshold) == above) total += pow(values[i] - mean / count, 2);
    }
    return total;
}

static void best_of_all(void **state) {
    (void)state;
    double values[600];
    srand(1);
    for (size_t i = 0; i < 600; i++) {
        const double noise = (double)rand() / RAND_MAX;
        values[i] = i < 400 ? 20 * noise : i < 560 ? 300 + 100 * noise : 900 + 300 * noise;
    }
    const double found = siren_otsu_threshold(values, 600);
    double best = INFINITY;
    for (double t = 1; t < 1100; t += 0.5) best = fmin(best, within(values, 600, t));
    assert_true(within(values, 600, found) <= best * 1.01);
}

static void of_two_values(void **state) {
    (void)state;
    const double values[] = {3, 3, 3, NAN, 8, INFINITY, 8};
    const double found = siren_otsu_threshold(values, 7);
    assert_true(found >= 3 && found < 8);
}

static void without_classes(void **state) {
    (void)state;
    const double values[] = {5, 5, 5};
    assert_true(siren_otsu_threshold(values, 3) == -INFINITY);
    assert_true(siren_otsu_threshold(values, 0) == -INFINITY);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(best_of_all), cmocka_unit_test(of_two_values),
                                       cmocka_unit_test(without_classes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
