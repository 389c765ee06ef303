/* engine/encode/fidelity against tests/golden/make_fidelity.py, and what no single block shows: that sums do not
 * depend on how the points are divided, the cap of the published figure, and what its slice form does not see. */
#include "tests/shared/testing.h"
#include "engine/encode/fidelity.h"

#include <math.h>

enum { MOST_VALUES = 256 };

typedef struct {
    char name[32];
    size_t n_points, n_outputs;
    float y[MOST_VALUES], t[MOST_VALUES];
    uint8_t mask[MOST_VALUES];
} golden_case;

static void read_values(FILE *file, const char *key, size_t n, float *out) {
    char word[32];
    assert_int_equal(fscanf(file, "%31s", word), 1);
    assert_string_equal(word, key);
    for (size_t i = 0; i < n; i++) assert_int_equal(fscanf(file, "%f", &out[i]), 1);
}

static bool read_case(FILE *file, golden_case *c) {
    if (fscanf(file, " case %31s %zu %zu", c->name, &c->n_points, &c->n_outputs) != 3) return false;
    float mask[MOST_VALUES];
    assert_true(c->n_points * c->n_outputs <= MOST_VALUES);
    read_values(file, "y", c->n_points * c->n_outputs, c->y);
    read_values(file, "t", c->n_points * c->n_outputs, c->t);
    read_values(file, "mask", c->n_points, mask);
    for (size_t i = 0; i < c->n_points; i++) c->mask[i] = mask[i] != 0;
    return true;
}

static bool close_to(double value, double expected) {
    if (isnan(expected) || isinf(expected)) return isnan(expected) ? isnan(value) : value == expected;
    return fabs(value - expected) <= 1e-9 * fmax(fabs(expected), 1e-3);
}

static void expect(FILE *file, const golden_case *c, const char *key, siren_fidelity f) {
    char word[32];
    siren_fidelity g;
    assert_int_equal(fscanf(file, "%31s %zu %lf %lf %lf %lf", word, &g.n, &g.mse, &g.psnr, &g.psnr_published,
                            &g.psnr_clamped),
                     6);
    assert_string_equal(word, key);
    if (f.n != g.n || !close_to(f.mse, g.mse) || !close_to(f.psnr, g.psnr) ||
        !close_to(f.psnr_published, g.psnr_published) || !close_to(f.psnr_clamped, g.psnr_clamped))
        fail_msg("%s, %s: %zu %.12g %.12g %.12g %.12g, expected %zu %.12g %.12g %.12g %.12g", c->name, key,
                 f.n, f.mse, f.psnr, f.psnr_published, f.psnr_clamped, g.n, g.mse, g.psnr, g.psnr_published,
                 g.psnr_clamped);
}

static siren_fidelity figures(const golden_case *c, const uint8_t *mask) {
    siren_fidelity_sums sums = {0};
    siren_fidelity_add(&sums, c->n_points, c->n_outputs, c->y, c->t, mask);
    return siren_fidelity_of(&sums);
}

static void figures_are_those_of_the_definitions(void **state) {
    (void)state;
    const char *golden = getenv("SIREN_GOLDEN");
    char path[1024];
    golden_case c;
    size_t n_cases = 0;
    assert_non_null(golden);
    snprintf(path, sizeof path, "%s/fidelity.txt", golden);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    for (; read_case(file, &c); n_cases++) {
        siren_fidelity honest[2], published[2];
        assert_siren_ok(
            siren_fidelity_slice(c.n_points, c.n_outputs, c.y, c.t, NULL, &honest[0], &published[0]));
        assert_siren_ok(
            siren_fidelity_slice(c.n_points, c.n_outputs, c.y, c.t, c.mask, &honest[1], &published[1]));
        expect(file, &c, "all", figures(&c, NULL));
        expect(file, &c, "masked", figures(&c, c.mask));
        expect(file, &c, "honest", honest[0]);
        expect(file, &c, "honest_masked", honest[1]);
        expect(file, &c, "published", published[0]);
        expect(file, &c, "published_masked", published[1]);
    }
    fclose(file);
    assert_int_equal(n_cases, 10);
}

/* Pseudo-random numbers from 0 to 1. */
static float draw(uint32_t *x) {
    *x = *x * 1664525u + 1013904223u;
    return (float)(*x >> 8) / 16777216.0f;
}

/* Points of three outputs, of which every 17th value is no data. */
enum { N_POINTS = 2000, N_OUTPUTS = 3, N_VALUES = N_POINTS * N_OUTPUTS };
static float y[N_VALUES], t[N_VALUES];
static uint8_t mask[N_POINTS];

static void draw_points(void) {
    uint32_t x = 7;
    for (size_t i = 0; i < N_VALUES; i++) {
        t[i] = i % 17 == 0 ? NAN : draw(&x);
        y[i] = draw(&x) * 1.2f - 0.1f;
    }
    for (size_t i = 0; i < N_POINTS; i++) mask[i] = (uint8_t)(draw(&x) < 0.7f ? 1 + i % 3 : 0);
}

/* An archive's mse must not change with the number of points decoded at once; a plain loop gives the same
 * bits. */
static void sums_do_not_depend_on_how_points_are_divided(void **state) {
    (void)state;
    draw_points();
    static float chunk[N_VALUES];
    siren_target_source targets = siren_target_array_source(&(siren_target_array){t, N_POINTS, N_OUTPUTS});
    const siren_fidelity_watch unused = {
        .n_outputs = N_OUTPUTS, .targets = &targets, .chunk = chunk, .mask = mask};
    siren_fidelity_watch whole = unused;
    assert_siren_ok(siren_fidelity_outputs(&whole, 0, N_POINTS, y));
    for (size_t step = 1; step < 1200; step = 3 * step + 1) {
        siren_fidelity_watch parts = unused;
        for (size_t first = 0; first < N_POINTS; first += step)
            assert_siren_ok(siren_fidelity_outputs(
                &parts, first, N_POINTS - first < step ? N_POINTS - first : step, y + first * N_OUTPUTS));
        assert_memory_equal(&parts.sums, &whole.sums, sizeof whole.sums);
        assert_memory_equal(&parts.masked, &whole.masked, sizeof whole.masked);
    }
    double squares = 0;
    size_t n = 0, n_masked = 0;
    for (size_t i = 0; i < N_VALUES; i++) {
        if (isnan(t[i])) continue;
        double error = (double)y[i] - (double)t[i];
        squares += error * error;
        n++;
        n_masked += mask[i / N_OUTPUTS] != 0;
    }
    assert_memory_equal(&squares, &whole.sums.squares, sizeof squares);
    assert_int_equal(n, whole.sums.n);
    assert_int_equal(n_masked, whole.masked.n);
}

/* Rounding to 256 levels costs a uniform error of width 1/255, whatever the fit: -10 log10(1 / (12 255^2)). */
static void a_perfect_fit_is_capped_as_published(void **state) {
    (void)state;
    enum { N = 100000 };
    static float ramp[N];
    siren_fidelity_sums sums = {0};
    for (size_t i = 0; i < N; i++) ramp[i] = (float)i / (N - 1);
    siren_fidelity_add(&sums, N, 1, ramp, ramp, NULL);
    siren_fidelity f = siren_fidelity_of(&sums);
    assert_true(f.mse == 0 && isinf(f.psnr) && f.psnr > 0);
    assert_true(fabs(f.psnr_published - 58.92) < 0.005 && fabs(f.psnr_clamped - 58.92) < 0.005);
}

/* The published slice form does not see a wrong gain and offset; the honest one does. */
static void the_published_slice_form_forgives_gain_and_offset(void **state) {
    (void)state;
    siren_fidelity honest, published;
    draw_points();
    for (size_t i = 0; i < N_VALUES; i++) y[i] = 0.5f * t[i] + 0.125f;
    assert_siren_ok(siren_fidelity_slice(N_POINTS, N_OUTPUTS, y, t, NULL, &honest, &published));
    assert_true(published.mse < 1e-13 && fabs(published.psnr_published - 58.92) < 0.1);
    assert_true(honest.mse > 0.01);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_those_of_the_definitions),
        cmocka_unit_test(sums_do_not_depend_on_how_points_are_divided),
        cmocka_unit_test(a_perfect_fit_is_capped_as_published),
        cmocka_unit_test(the_published_slice_form_forgives_gain_and_offset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
