/* lab/evaluate/ssim: against scikit-image's values (tests/golden/make_ssim.py), and what must hold of any image. */
#include "tests/shared/testing.h"

#include <math.h>

#include "lab/evaluate/ssim.h"

#define MAX_PIXELS 512

static FILE *open_golden(void) {
    char path[4096];
    const char *folder = getenv("SIREN_GOLDEN");
    snprintf(path, sizeof path, "%s/ssim.txt", folder ? folder : "tests/golden");
    FILE *file = fopen(path, "r");
    if (!file) fail_msg("%s cannot be read", path);
    return file;
}

static void read_values(FILE *file, const char *name, size_t n, double *out) {
    char word[16];
    assert_int_equal(fscanf(file, "%15s", word), 1);
    assert_string_equal(word, name);
    for (size_t i = 0; i < n; i++) assert_int_equal(fscanf(file, "%lf", &out[i]), 1);
}

/* A series of doubles; `voxels` (n_volumes, nz, ny, nx) is borrowed. */
static siren_series series_of(size_t nx, size_t ny, size_t nz, size_t n_volumes, double *voxels) {
    return (siren_series){
        .geometry =
            {.datatype = SIREN_FLOAT64, .nx = nx, .ny = ny, .nz = nz, .n_volumes = n_volumes, .slope = 1},
        .voxels = voxels};
}

static void agrees_with_scikit_image(void **state) {
    (void)state;
    FILE *file = open_golden();
    size_t nx, ny, n_cases = 0;
    double range;
    int n_windows;
    while (fscanf(file, " case %zu %zu %lf %d", &nx, &ny, &range, &n_windows) == 4) {
        double x[MAX_PIXELS], y[MAX_PIXELS], expected_map[MAX_PIXELS], expected, mean;
        float map[MAX_PIXELS];
        assert_true(nx * ny <= MAX_PIXELS);
        read_values(file, "x", nx * ny, x);
        read_values(file, "y", nx * ny, y);
        const siren_series a = series_of(nx, ny, 1, 1, x), b = series_of(nx, ny, 1, 1, y);
        for (int window = 0; window < n_windows; window++) {
            read_values(file, "mean", 1, &expected);
            read_values(file, "map", nx * ny, expected_map);
            assert_siren_ok(siren_ssim_series((siren_ssim_window)window, &a, &b, range, map, &mean));
            assert_true(fabs(mean - expected) < 1e-12);
            for (size_t i = 0; i < nx * ny; i++) assert_true(fabs(map[i] - expected_map[i]) < 1e-6);
        }
        n_cases++;
    }
    fclose(file);
    assert_int_equal(n_cases, 5);
}

/* Slices and volumes are images of their own: the mean is theirs, the map their mean over volumes. */
static void a_series_is_the_mean_of_its_slices(void **state) {
    (void)state;
    enum { NX = 13, NY = 12, NZ = 5, N_VOLUMES = 3, N = NX * NY };
    static double x[N_VOLUMES * NZ * N], y[N_VOLUMES * NZ * N];
    static float map[NZ * N];
    for (size_t i = 0; i < N_VOLUMES * NZ * N; i++) {
        x[i] = (double)(i * 7919 % 1000);
        y[i] = x[i] + (double)(i * 104729 % 97) * (double)(1 + i / N);
    }
    for (int window = SIREN_SSIM_UNIFORM; window <= SIREN_SSIM_GAUSSIAN; window++) {
        const siren_series a = series_of(NX, NY, NZ, N_VOLUMES, x), b = series_of(NX, NY, NZ, N_VOLUMES, y);
        double whole, sum = 0;
        assert_siren_ok(siren_ssim_series((siren_ssim_window)window, &a, &b, 999, map, &whole));
        for (size_t z = 0; z < NZ; z++) {
            double expected[N] = {0};
            for (size_t volume = 0; volume < N_VOLUMES; volume++) {
                size_t first = (volume * NZ + z) * N;
                siren_series one = series_of(NX, NY, 1, 1, x + first), other = one;
                float part[N];
                double mean;
                other.voxels = y + first;
                assert_siren_ok(siren_ssim_series((siren_ssim_window)window, &one, &other, 999, part, &mean));
                sum += mean;
                for (size_t i = 0; i < N; i++) expected[i] += part[i] / (double)N_VOLUMES;
            }
            for (size_t i = 0; i < N; i++) assert_true(fabs(map[z * N + i] - expected[i]) < 1e-6);
        }
        assert_true(fabs(whole - sum / (NZ * N_VOLUMES)) < 1e-12);
        assert_true(whole > 0.1 && whole < 0.99);
    }
}

static void equal_images_have_one(void **state) {
    (void)state;
    double x[144], mean;
    float map[144];
    for (size_t i = 0; i < 144; i++) x[i] = (double)(i * i % 31) * 1e3;
    const siren_series a = series_of(12, 12, 1, 1, x);
    for (int window = SIREN_SSIM_UNIFORM; window <= SIREN_SSIM_GAUSSIAN; window++) {
        assert_siren_ok(siren_ssim_series((siren_ssim_window)window, &a, &a, 30e3, map, &mean));
        assert_true(fabs(mean - 1) < 1e-9);
        for (size_t i = 0; i < 144; i++) assert_true(fabs(map[i] - 1) < 1e-6);
    }
}

/* Scaling of the header counts: the same values stored otherwise have the same similarity. */
static void values_are_scaled(void **state) {
    (void)state;
    int16_t stored[100], other[100];
    double x[100], y[100], mean, scaled;
    for (int i = 0; i < 100; i++) {
        stored[i] = (int16_t)(i * i % 37);
        other[i] = (int16_t)(stored[i] + i % 3);
        x[i] = 2.5 * stored[i] - 7;
        y[i] = 2.5 * other[i] - 7;
    }
    siren_series a = series_of(10, 10, 1, 1, x), b = series_of(10, 10, 1, 1, y);
    assert_siren_ok(siren_ssim_series(SIREN_SSIM_UNIFORM, &a, &b, 90, NULL, &mean));
    a.voxels = stored, b.voxels = other;
    a.geometry.datatype = b.geometry.datatype = SIREN_INT16;
    a.geometry.slope = b.geometry.slope = 2.5;
    a.geometry.inter = b.geometry.inter = -7;
    assert_siren_ok(siren_ssim_series(SIREN_SSIM_UNIFORM, &a, &b, 90, NULL, &scaled));
    assert_true(scaled == mean);
}

static void what_has_no_similarity_is_refused(void **state) {
    (void)state;
    double x[121] = {1}, mean = 42;
    const siren_series narrow = series_of(6, 20, 1, 1, x), flat = series_of(20, 6, 1, 1, x),
                       ten = series_of(10, 12, 1, 1, x), good = series_of(11, 11, 1, 1, x);
    assert_int_equal(siren_ssim_series(SIREN_SSIM_UNIFORM, &narrow, &narrow, 1, NULL, &mean), SIREN_USAGE);
    assert_int_equal(siren_ssim_series(SIREN_SSIM_UNIFORM, &flat, &flat, 1, NULL, &mean), SIREN_USAGE);
    assert_int_equal(siren_ssim_series(SIREN_SSIM_GAUSSIAN, &ten, &ten, 1, NULL, &mean), SIREN_USAGE);
    const double ranges[] = {0, -1, NAN, INFINITY};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(siren_ssim_series(SIREN_SSIM_UNIFORM, &good, &good, ranges[i], NULL, &mean),
                         SIREN_USAGE);
    assert_true(mean == 42);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_scikit_image),
        cmocka_unit_test(a_series_is_the_mean_of_its_slices),
        cmocka_unit_test(equal_images_have_one),
        cmocka_unit_test(values_are_scaled),
        cmocka_unit_test(what_has_no_similarity_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
