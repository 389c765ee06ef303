/* lab/baseline/baseline: the methods that MRtrix3's programs do. Skipped where they are not installed. */
#include "tests/shared/testing.h"

#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab/baseline/baseline.h"
#include "formats/nifti.h"
#include "tests/shared/nifti_files.h"

enum { SIDE = 15, N = SIDE * SIDE * SIDE, CENTRE = N / 2 };

static int n_warnings;

static void count_licence(void *user, siren_log_level level, const char *message) {
    (void)user;
    if (level == SIREN_LOG_WARNING && strstr(message, "non-commercial")) n_warnings++;
}

/* Cubes of SIDE voxels of 1 x 1 x 2 mm, to be filled. */
static siren_series make_series(size_t n_volumes, float *voxels, uint8_t header[352]) {
    const double size[3] = {1, 1, 2};
    siren_series series = {.header = header, .voxels = voxels};
    assert_siren_ok(
        siren_nifti_new_header(SIREN_FLOAT32, SIDE, SIDE, SIDE, n_volumes, size, &series.geometry, header));
    return series;
}

static siren_baseline_result run(const char *name, double fwhm, const siren_series *series) {
    const siren_baseline baseline = {
        .method = siren_baseline_find(name), .quality = fwhm, .folder = scratch_folder(), .time_limit = 100};
    siren_baseline_result result;
    assert_siren_ok(siren_baseline_run(&baseline, series, NULL, NULL, &result));
    assert_int_equal(result.bytes, 0);
    assert_true(isnan(result.ratio));
    return result;
}

/* A point spreads as exp(-d^2 / (2 sigma^2)) with sigma = fwhm / sqrt(8 ln 2), d in mm; without fwhm it is 1.5 mm. */
static void check_smoothing(double given, double fwhm) {
    static float voxels[2 * N];
    uint8_t header[352];
    siren_series series = make_series(2, voxels, header);
    for (size_t i = 0; i < N; i++) voxels[N + i] = 250; /* volume 1 is constant */
    voxels[CENTRE] = 1000;
    voxels[N - 1] = NAN;
    siren_baseline_result result = run("smooth", given, &series);
    const float *smooth = result.voxels;
    const double two_variances = 2 * fwhm * fwhm / (8 * log(2));
    double sum = 0;
    for (size_t i = 0; i < N - 1; i++) sum += smooth[i];
    assert_true(fabs(sum - 1000) < 1);
    assert_true(fabs(smooth[CENTRE + 1] / smooth[CENTRE] - exp(-1 / two_variances)) < 1e-4);
    assert_true(fabs(smooth[CENTRE + SIDE + 1] / smooth[CENTRE] - exp(-2 / two_variances)) < 1e-4);
    assert_true(fabs(smooth[CENTRE - SIDE * SIDE] / smooth[CENTRE] - exp(-4 / two_variances)) < 1e-4);
    assert_true(isnan(smooth[N - 1]));
    for (size_t i = 0; i < N; i++) assert_true(fabs(smooth[N + i] - 250) < 1e-3);
    free(result.voxels);
}

static void smoothing_is_gaussian(void **state) {
    (void)state;
    check_smoothing(0, SIREN_BASELINE_FWHM);
    check_smoothing(1.8, 1.8);
}

/* Volumes of one component and noise: less noise, and the licence is told. */
static void mppca_denoises_and_tells_its_licence(void **state) {
    (void)state;
    enum { N_VOLUMES = 20 };
    static float voxels[N_VOLUMES * N], clean[N_VOLUMES * N];
    uint8_t header[352];
    siren_series series = make_series(N_VOLUMES, voxels, header);
    uint32_t random = 1;
    for (size_t i = 0; i < N_VOLUMES * N; i++) {
        double noise = -6; /* of 12 uniform numbers: variance 1 */
        for (int k = 0; k < 12; k++) noise += (random = random * 1664525 + 1013904223) / 4294967296.0;
        clean[i] = 500 + (float)(i % SIDE) * 10 + (float)(i / N);
        voxels[i] = clean[i] + 20 * (float)noise;
    }
    n_warnings = 0;
    siren_set_log(count_licence, NULL);
    siren_baseline_result result = run("mppca", 0, &series);
    siren_set_log(NULL, NULL);
    assert_int_equal(n_warnings, 1);
    const float *denoised = result.voxels;
    double before = 0, after = 0;
    for (size_t i = 0; i < N_VOLUMES * N; i++) {
        before += pow(voxels[i] - clean[i], 2);
        after += pow(denoised[i] - clean[i], 2);
    }
    assert_true(after < before / 5);
    free(result.voxels);
}

/* Inside the mask what it makes of the whole, and 0 elsewhere. */
static void mppca_takes_a_mask(void **state) {
    (void)state;
    enum { N_VOLUMES = 20 };
    static float voxels[N_VOLUMES * N];
    static uint8_t mask[N];
    uint8_t header[352];
    siren_series series = make_series(N_VOLUMES, voxels, header);
    uint32_t random = 1;
    for (size_t i = 0; i < N_VOLUMES * N; i++)
        voxels[i] = 500 + (float)(i % SIDE) + (float)((random = random * 1664525 + 1013904223) >> 26);
    for (size_t i = 0; i < N; i++) mask[i] = i % SIDE > 4 && i / SIDE % SIDE < 9;
    siren_baseline_result whole = run("mppca", 0, &series), inside;
    const siren_baseline masked = {
        .method = siren_baseline_find("mppca"), .folder = scratch_folder(), .time_limit = 100, .mask = mask};
    assert_siren_ok(siren_baseline_run(&masked, &series, NULL, NULL, &inside));
    for (size_t i = 0; i < N_VOLUMES * N; i++) {
        float expected = mask[i % N] ? ((const float *)whole.voxels)[i] : 0;
        assert_true(fabsf(((const float *)inside.voxels)[i] - expected) <= 1e-6f * expected);
    }
    free(whole.voxels);
    free(inside.voxels);
}

/* dwidenoise takes no 3-D image: its message reaches ours, and no file stays behind. */
static void failures_are_told(void **state) {
    (void)state;
    static float voxels[N];
    uint8_t header[352];
    siren_series series = make_series(1, voxels, header);
    siren_baseline_result result = {.quality = 3};
    siren_baseline mppca = {.method = siren_baseline_find("mppca"), .folder = scratch_path("mppca")};
    assert_int_equal(mkdir(mppca.folder, 0700), 0);
    assert_int_equal(siren_baseline_run(&mppca, &series, NULL, NULL, &result), SIREN_SYSTEM);
    assert_non_null(strstr(siren_message(), "dwidenoise failed"));
    assert_true(result.quality == 3);
    assert_int_equal(rmdir(mppca.folder), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(smoothing_is_gaussian),
        cmocka_unit_test(mppca_denoises_and_tells_its_licence),
        cmocka_unit_test(mppca_takes_a_mask),
        cmocka_unit_test(failures_are_told),
    };
    if (siren_baseline_check(siren_baseline_find("smooth")) != SIREN_OK ||
        siren_baseline_check(siren_baseline_find("mppca")) != SIREN_OK)
        skip_test(siren_message());
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_remove();
    return failed;
}
