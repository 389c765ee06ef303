#define _GNU_SOURCE
/* lab/picture/tensor and lab/picture/harmonics: against numpy and MRtrix3 (tests/golden/make_glyphs.py). */
#include "tests/shared/testing.h"

#include <math.h>

#include "lab/picture/harmonics.h"
#include "lab/picture/tensor.h"

#define MAX_DIRECTIONS 16

static FILE *open_golden(void) {
    char path[4096];
    const char *folder = getenv("SIREN_GOLDEN");
    snprintf(path, sizeof path, "%s/glyphs.txt", folder ? folder : "tests/golden");
    FILE *file = fopen(path, "r");
    if (!file) fail_msg("%s cannot be read", path);
    return file;
}

static void read_values(FILE *file, size_t n, double *out) {
    for (size_t i = 0; i < n; i++) assert_int_equal(fscanf(file, "%lf", &out[i]), 1);
}

static void read_named(FILE *file, const char *name, size_t n, double *out) {
    char word[16];
    assert_int_equal(fscanf(file, "%15s", word), 1);
    assert_string_equal(word, name);
    read_values(file, n, out);
}

/* Up to sign. */
static bool same_axis(const double a[3], const double b[3]) {
    return fabs(fabs(a[0] * b[0] + a[1] * b[1] + a[2] * b[2]) - 1) < 1e-12;
}

static void check_tensor(FILE *file) {
    double elements[SIREN_TENSOR_ELEMENTS], values[3], vectors[9];
    read_values(file, SIREN_TENSOR_ELEMENTS, elements);
    read_named(file, "values", 3, values);
    read_named(file, "vectors", 9, vectors);
    const siren_eigen eigen = siren_tensor_eigen(elements);
    for (int i = 0; i < 3; i++) {
        assert_true(fabs(eigen.values[i] - values[i]) <= 1e-14 * fmax(fabs(values[0]), fabs(values[2])));
        assert_true(same_axis(eigen.vectors[i], vectors + 3 * i));
    }
}

static void check_harmonics(FILE *file) {
    unsigned order, found;
    size_t n_directions;
    double coefficients[SIREN_HARMONICS_MOST], directions[3 * MAX_DIRECTIONS], amplitudes[MAX_DIRECTIONS],
        basis[SIREN_HARMONICS_MOST];
    assert_int_equal(fscanf(file, "%u %zu", &order, &n_directions), 2);
    assert_true(n_directions <= MAX_DIRECTIONS);
    const size_t n = (size_t)(order + 1) * (order + 2) / 2;
    read_named(file, "coefficients", n, coefficients);
    read_named(file, "directions", 3 * n_directions, directions);
    read_named(file, "amplitudes", n_directions, amplitudes);
    assert_true(siren_harmonics_order(n, &found) && found == order);
    for (size_t i = 0; i < n_directions; i++) {
        double sum = 0;
        siren_harmonics(order, directions + 3 * i, basis);
        for (size_t k = 0; k < n; k++) sum += coefficients[k] * basis[k];
        assert_true(fabs(sum - amplitudes[i]) < 2e-5); /* MRtrix3 computes in float */
    }
}

static void agrees_with_numpy_and_mrtrix(void **state) {
    (void)state;
    FILE *file = open_golden();
    char word[16];
    size_t n_tensors = 0, n_orders = 0;
    while (fscanf(file, "%15s", word) == 1) {
        if (strcmp(word, "tensor") == 0) {
            check_tensor(file);
            n_tensors++;
        } else {
            assert_string_equal(word, "harmonics");
            check_harmonics(file);
            n_orders++;
        }
    }
    fclose(file);
    assert_int_equal(n_tensors, 6);
    assert_int_equal(n_orders, 4);
}

/* Of order 16, the sum of squares over m is (2l + 1) / 4 pi in every direction (Unsold's theorem). */
static void sums_of_squares(void **state) {
    (void)state;
    const double directions[][3] = {
        {0, 0, 1}, {0, 0, -1}, {1, 0, 0}, {0.6, -0.64, 0.48}, {-0.36, 0.48, -0.8}};
    double basis[SIREN_HARMONICS_MOST];
    for (size_t i = 0; i < sizeof directions / sizeof *directions; i++) {
        siren_harmonics(SIREN_HARMONICS_MOST_ORDER, directions[i], basis);
        for (size_t l = 0; l <= SIREN_HARMONICS_MOST_ORDER; l += 2) {
            double sum = 0;
            for (size_t k = l * (l + 1) / 2 - l; k <= l * (l + 1) / 2 + l; k++) sum += basis[k] * basis[k];
            assert_true(fabs(sum * 4 * M_PI / (double)(2 * l + 1) - 1) < 1e-12);
        }
    }
}

static void orders(void **state) {
    (void)state;
    unsigned order;
    assert_true(siren_harmonics_order(153, &order) && order == SIREN_HARMONICS_MOST_ORDER);
    assert_false(siren_harmonics_order(0, &order) || siren_harmonics_order(2, &order) ||
                 siren_harmonics_order(190, &order));
}

static void anisotropy(void **state) {
    (void)state;
    const siren_eigen stick = {.values = {2, 0, 0}}, ball = {.values = {3, 3, 3}},
                      nothing = {.values = {0, 0, 0}}, fibre = {.values = {1.7, 0.3, 0.3}};
    assert_true(fabs(siren_tensor_anisotropy(&stick) - 1) < 1e-15);
    assert_true(siren_tensor_anisotropy(&ball) == 0 && siren_tensor_anisotropy(&nothing) == 0);
    assert_true(fabs(siren_tensor_anisotropy(&fibre) - 1.4 / sqrt(1.7 * 1.7 + 2 * 0.09)) < 1e-15);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(agrees_with_numpy_and_mrtrix),
                                       cmocka_unit_test(sums_of_squares), cmocka_unit_test(orders),
                                       cmocka_unit_test(anisotropy)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
