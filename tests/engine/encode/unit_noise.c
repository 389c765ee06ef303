/* engine/encode/noise.h: the correction against moments of the Rician distribution by integration, the estimate against
 * the phantom's noise, whose sigma is known. */
#include "engine/encode/noise.h"
#include "lab/phantom/phantom.h"
#include "tests/shared/testing.h"

#include <math.h>

/* Mean and standard deviation of |theta + noise| by the midpoint rule over the complex plane of the noise, sigma 1. */
static void rician_moments(double theta, double *mean, double *spread) {
    double sum = 0, sum_magnitude = 0, sum_square = 0;
    for (double re = -7; re < 7; re += 0.02)
        for (double im = -7; im < 7; im += 0.02) {
            const double x = theta + re + 0.01, y = im + 0.01,
                         weight = exp(-((re + 0.01) * (re + 0.01) + y * y) / 2), square = x * x + y * y;
            sum += weight;
            sum_magnitude += weight * sqrt(square);
            sum_square += weight * square;
        }
    *mean = sum_magnitude / sum;
    *spread = sqrt(sum_square / sum - *mean * *mean);
}

static void the_floor_is_corrected(void **state) {
    (void)state;
    static const double thetas[] = {0.7, 1, 1.5, 2, 3, 5, 10};
    double mean, spread;
    for (size_t i = 0; i < sizeof thetas / sizeof *thetas; i++) {
        rician_moments(thetas[i], &mean, &spread);
        assert_true(fabs(siren_noise_rician(4 * spread, 4 * mean) - 4) < 0.04);
        assert_true(i > 3 || spread < 0.95); /* there is something to correct */
    }
    rician_moments(0, &mean, &spread);
    assert_true(fabs(siren_noise_rician(spread, mean * 0.9) - 1) < 1e-3); /* Rayleigh */
    assert_true(fabs(siren_noise_rician(1, 1000) - 1) < 1e-5);
    assert_true(siren_noise_rician(0, 5) == 0);
}

static void the_phantoms_sigma_is_found(void **state) {
    (void)state;
    static const double snrs[] = {40, 20, 8};
    const siren_shell shells[] = {{0, 2}, {1000, 4}, {3000, 2}};
    for (size_t i = 0; i < sizeof snrs / sizeof *snrs; i++) {
        siren_phantom_options options = {.nx = 96,
                                         .ny = 96,
                                         .nz = 6,
                                         .shells = shells,
                                         .n_shells = 3,
                                         .snr = snrs[i],
                                         .seed = 3,
                                         .datatype = SIREN_FLOAT32};
        SIREN_AT_END(siren_phantom_free) siren_phantom phantom = {.voxels = NULL};
        double sigmas[8], mean = 0;
        assert_siren_ok(siren_phantom_make(&options, NULL, NULL, &phantom));
        const siren_series series = {.geometry = phantom.geometry, .voxels = phantom.voxels};
        assert_siren_ok(siren_noise_estimate(&series, 1, 5, sigmas));
        for (int v = 0; v < 8; v++) {
            assert_true(fabs(sigmas[v] - phantom.sigma) < 0.2 * phantom.sigma);
            mean += sigmas[v] / 8;
        }
        assert_true(fabs(mean - phantom.sigma) < 0.1 * phantom.sigma);
    }
}

/* A few absurd voxels of one volume, or of all, change the sigma of none. */
static void absurd_voxels_do_not_matter(void **state) {
    (void)state;
    const siren_shell shells[] = {{0, 2}, {1000, 4}};
    const siren_phantom_options options = {.nx = 48,
                                           .ny = 48,
                                           .nz = 4,
                                           .shells = shells,
                                           .n_shells = 2,
                                           .snr = 20,
                                           .seed = 3,
                                           .datatype = SIREN_FLOAT32};
    SIREN_AT_END(siren_phantom_free) siren_phantom phantom = {.voxels = NULL};
    double clean[6], spoilt[6];
    assert_siren_ok(siren_phantom_make(&options, NULL, NULL, &phantom));
    const siren_series series = {.geometry = phantom.geometry, .voxels = phantom.voxels};
    float *voxels = phantom.voxels;
    assert_siren_ok(siren_noise_estimate(&series, 0, 4, clean));
    const float absurd[] = {1e30f, -1e30f, 3e38f, 1e9f};
    for (size_t volume = 0; volume < 6; volume++) {
        voxels[volume * 48 * 48 * 4 + 48 * 60 + 7 * volume] = absurd[volume % 4];
        assert_siren_ok(siren_noise_estimate(&series, 0, 4, spoilt));
        for (int v = 0; v < 6; v++) assert_true(fabs(spoilt[v] - clean[v]) < 0.03 * clean[v]);
    }
}

/* Constant volumes, one voxel, values that are no numbers: 0, and no crash. */
static void where_there_is_no_noise(void **state) {
    (void)state;
    static float voxels[4 * 16 * 16];
    double sigmas[4];
    siren_series series = {.geometry = {.version = 1,
                                        .datatype = SIREN_FLOAT32,
                                        .nx = 16,
                                        .ny = 16,
                                        .nz = 1,
                                        .n_volumes = 4,
                                        .slope = 1},
                           .voxels = voxels};
    for (int i = 0; i < 16 * 16; i++) {
        voxels[i] = 5;
        voxels[256 + i] = 0;
        voxels[512 + i] = NAN;
        voxels[768 + i] = i % 2 ? INFINITY : (float)(100 + i * 37 % 11);
    }
    assert_siren_ok(siren_noise_estimate(&series, 0, 1, sigmas));
    for (int v = 0; v < 4; v++) assert_true(sigmas[v] == 0);
    series.geometry.nx = series.geometry.ny = 1;
    assert_siren_ok(siren_noise_estimate(&series, 0, 1, sigmas));
    assert_true(sigmas[0] == 0);
    series.geometry.nx = 2, series.geometry.ny = 7;
    assert_siren_ok(siren_noise_estimate(&series, 0, 1, sigmas));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_floor_is_corrected), cmocka_unit_test(the_phantoms_sigma_is_found),
        cmocka_unit_test(absurd_voxels_do_not_matter), cmocka_unit_test(where_there_is_no_noise)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
