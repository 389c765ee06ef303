/* lab/phantom/phantom: the same options give the same bytes, and what is in them. */
#include "tests/shared/testing.h"

#include <math.h>

#include "lab/phantom/phantom.h"
#include "lab/phantom/phantom_field.h"
#include "formats/pack.h"

#define PI 3.14159265358979323846
#define GOLDEN_INT16 UINT64_C(0x3d910845e2647ed4)
#define GOLDEN_FLOAT32 UINT64_C(0x85fcb0efbc0bb2a0)

static const siren_shell two_shells[] = {{0, 2}, {1000, 12}};

static siren_phantom_options options_of(size_t nx, size_t ny, size_t nz) {
    return (siren_phantom_options){.nx = nx,
                                   .ny = ny,
                                   .nz = nz,
                                   .shells = two_shells,
                                   .n_shells = 2,
                                   .snr = 30,
                                   .seed = 1,
                                   .datatype = SIREN_INT16,
                                   .n_threads = 1};
}

static siren_phantom make(const siren_phantom_options *options) {
    siren_phantom phantom;
    assert_siren_ok(siren_phantom_make(options, NULL, NULL, &phantom));
    return phantom;
}

static size_t n_of(const siren_phantom *p) { return p->geometry.nx * p->geometry.ny * p->geometry.nz; }

/* Checksum of the series and of the maps. */
static uint64_t crc_of(const siren_phantom *p) {
    uint64_t crc = siren_crc64(
        0, p->voxels, siren_geometry_voxels(&p->geometry) * siren_datatype_size(p->geometry.datatype));
    crc = siren_crc64(crc, p->tissue, n_of(p));
    crc = siren_crc64(crc, p->n_fibres, n_of(p));
    crc = siren_crc64(crc, p->fa, n_of(p) * sizeof *p->fa);
    crc = siren_crc64(crc, p->md, n_of(p) * sizeof *p->md);
    return siren_crc64(crc, p->gradients.bvec, p->gradients.n_volumes * sizeof *p->gradients.bvec);
}

static uint64_t crc_of_options(const siren_phantom_options *options) {
    siren_phantom phantom = make(options);
    uint64_t crc = crc_of(&phantom);
    siren_phantom_free(&phantom);
    return crc;
}

static void the_seed_alone_decides(void **state) {
    (void)state;
    siren_phantom_options options = options_of(33, 40, 19);
    uint64_t crc = crc_of_options(&options);
    for (unsigned n_threads = 0; n_threads < 6; n_threads++) {
        options.n_threads = n_threads;
        assert_true(crc_of_options(&options) == crc);
    }
    options.seed = 2;
    assert_true(crc_of_options(&options) != crc);
    options.seed = 1 + (UINT64_C(1) << 40);
    assert_true(crc_of_options(&options) != crc);
}

/* The phantom uses IEEE basic operations alone, so these hold on every machine and compiler. */
static void the_same_bits_everywhere(void **state) {
    (void)state;
    siren_phantom_options options = options_of(24, 25, 16);
    assert_int_equal(crc_of_options(&options), GOLDEN_INT16);
    options.datatype = SIREN_FLOAT32;
    assert_int_equal(crc_of_options(&options), GOLDEN_FLOAT32);
}

static void tissues_are_plausible(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        siren_phantom_options options = options_of(70, 70, 48);
        const siren_shell one = {0, 1};
        options.shells = &one;
        options.n_shells = 1;
        options.seed = seed;
        options.n_threads = 0;
        siren_phantom p = make(&options);
        double litres[5] = {0}, signal[5] = {0}, voxel = 210.0 * 210 * 144 / 1e6 / (double)n_of(&p);
        for (size_t i = 0; i < n_of(&p); i++) {
            assert_true(p.tissue[i] <= SIREN_TISSUE_WM);
            litres[p.tissue[i]] += voxel;
            signal[p.tissue[i]] += voxel * ((const int16_t *)p.voxels)[i];
            assert_int_equal(p.n_fibres[i] > 0, p.tissue[i] == SIREN_TISSUE_WM);
            assert_true(p.n_fibres[i] <= 3);
            assert_int_equal(p.md[i] > 0, siren_tissue_in_brain(p.tissue[i]));
        }
        /* A living head: grey 0.45-0.75 l, white 0.35-0.65 l, fluid 0.15-0.5 l. */
        assert_true(litres[SIREN_TISSUE_GM] > 0.45 && litres[SIREN_TISSUE_GM] < 0.75);
        assert_true(litres[SIREN_TISSUE_WM] > 0.35 && litres[SIREN_TISSUE_WM] < 0.65);
        assert_true(litres[SIREN_TISSUE_CSF] > 0.15 && litres[SIREN_TISSUE_CSF] < 0.50);
        for (int t = 0; t < 5; t++) signal[t] /= litres[t];
        assert_true(signal[SIREN_TISSUE_CSF] > 1.4 * signal[SIREN_TISSUE_GM]);
        assert_true(signal[SIREN_TISSUE_GM] > 1.2 * signal[SIREN_TISSUE_WM]);
        assert_true(signal[SIREN_TISSUE_WM] > 5 * signal[SIREN_TISSUE_HEAD]);
        /* No voxel of the brain touches the sides of the grid or its top. */
        for (size_t z = 0; z < 48; z++)
            for (size_t y = 0; y < 70; y++)
                for (size_t x = 0; x < 70; x++)
                    if (x == 0 || x == 69 || y == 0 || y == 69 || z == 47)
                        assert_false(siren_tissue_in_brain(p.tissue[(z * 70 + y) * 70 + x]));
        siren_phantom_free(&p);
    }
}

/* Solves the n x n system by elimination with pivoting; the matrix is (n, n+1) with the right-hand side last.
 */
static void solve(double *m, int n) {
    for (int c = 0; c < n; c++) {
        int pivot = c;
        for (int r = c + 1; r < n; r++)
            if (fabs(m[r * (n + 1) + c]) > fabs(m[pivot * (n + 1) + c])) pivot = r;
        for (int k = 0; k <= n; k++) {
            double swap = m[c * (n + 1) + k];
            m[c * (n + 1) + k] = m[pivot * (n + 1) + k];
            m[pivot * (n + 1) + k] = swap;
        }
        for (int r = 0; r < n; r++) {
            if (r == c) continue;
            double factor = m[r * (n + 1) + c] / m[c * (n + 1) + c];
            for (int k = c; k <= n; k++) m[r * (n + 1) + k] -= factor * m[c * (n + 1) + k];
        }
    }
    for (int r = 0; r < n; r++) m[r * (n + 1) + n] /= m[r * (n + 1) + r];
}

/* log S = log S0 - b g^T D g by least squares over the volumes. */
static void fit_tensor(const siren_phantom *p, size_t voxel, double *fa, double *md) {
    double m[7 * 8] = {0};
    for (size_t v = 0; v < p->gradients.n_volumes; v++) {
        const double *g = p->gradients.bvec[v], b = p->gradients.bval[v];
        double row[8] = {1,
                         -b * g[0] * g[0],
                         -b * g[1] * g[1],
                         -b * g[2] * g[2],
                         -2 * b * g[0] * g[1],
                         -2 * b * g[0] * g[2],
                         -2 * b * g[1] * g[2],
                         log(((const float *)p->voxels)[v * n_of(p) + voxel])};
        for (int r = 0; r < 7; r++)
            for (int c = 0; c < 8; c++) m[r * 8 + c] += row[r] * row[c];
    }
    /* Columns of very different size: scale b to thousands. */
    for (int r = 0; r < 7; r++)
        for (int c = 0; c < 8; c++) m[r * 8 + c] *= (r > 0 ? 1e-3 : 1) * (c > 0 && c < 7 ? 1e-3 : 1);
    solve(m, 7);
    double d[6], all = 0, rest = 0;
    for (int k = 0; k < 6; k++) d[k] = m[(k + 1) * 8 + 7] * 1e-3;
    *md = (d[0] + d[1] + d[2]) / 3;
    for (int k = 0; k < 6; k++) {
        double from_mean = k < 3 ? d[k] - *md : d[k], times = k < 3 ? 1 : 2;
        all += times * d[k] * d[k];
        rest += times * from_mean * from_mean;
    }
    *fa = sqrt(1.5 * rest / all);
}

static void truth_is_recovered_without_noise(void **state) {
    (void)state;
    siren_phantom_options options = options_of(40, 41, 26);
    options.snr = INFINITY;
    options.datatype = SIREN_FLOAT32;
    siren_phantom p = make(&options);
    assert_true(p.sigma == 0);
    size_t n[5] = {0}, crossing = 0;
    for (size_t i = 0; i < n_of(&p); i++) {
        uint8_t tissue = p.tissue[i];
        if (!siren_tissue_in_brain(tissue)) continue;
        if (p.n_fibres[i] > 1) {
            crossing++;
            continue;
        }
        double fa, md;
        fit_tensor(&p, i, &fa, &md);
        assert_true(fabs(fa - p.fa[i]) < 1e-3);
        assert_true(fabs(md - p.md[i]) < 1e-6);
        n[tissue]++;
        if (tissue == SIREN_TISSUE_WM) assert_true(fa > 0.499 && fa < 0.851 && md > 0.6e-3 && md < 0.8e-3);
        if (tissue == SIREN_TISSUE_GM) assert_true(fa < 0.21 && md > 0.7e-3 && md < 0.9e-3);
        if (tissue == SIREN_TISSUE_CSF) assert_true(fa < 1e-3 && md > 2.8e-3 && md < 3.2e-3);
    }
    assert_true(n[SIREN_TISSUE_WM] > 300 && n[SIREN_TISSUE_GM] > 1000 && n[SIREN_TISSUE_CSF] > 500 &&
                crossing > 500);
    siren_phantom_free(&p);
}

/* At b -> 0 the signal's slope is the mean tensor's: the maps of crossings are checked there. */
static void crossings_have_the_mean_tensor(void **state) {
    (void)state;
    const siren_shell weak[] = {{0, 1}, {20, 12}};
    siren_phantom_options options = options_of(30, 30, 20);
    options.shells = weak;
    options.snr = 0;
    options.datatype = SIREN_FLOAT32;
    siren_phantom p = make(&options);
    size_t n = 0;
    double worst_md = 0, fa_error = 0;
    for (size_t i = 0; i < n_of(&p); i++) {
        if (p.n_fibres[i] < 2) continue;
        double fa, md;
        fit_tensor(&p, i, &fa, &md);
        worst_md = fmax(worst_md, fabs(md - p.md[i]));
        fa_error += fabs(fa - p.fa[i]);
        n++;
    }
    assert_true(n > 200);
    assert_true(worst_md < 1e-5);
    assert_true(fa_error / (double)n < 5e-3);
    siren_phantom_free(&p);
}

static void noise_is_rician(void **state) {
    (void)state;
    siren_phantom_options options = options_of(48, 48, 32);
    options.datatype = SIREN_FLOAT32;
    siren_phantom noisy = make(&options);
    options.snr = 0;
    siren_phantom clean = make(&options);
    const float *with = noisy.voxels, *without = clean.voxels;
    size_t n = n_of(&noisy), n_air = 0, n_wm = 0;
    double air = 0, air_squares = 0, wm = 0, wm_noise = 0, products = 0;
    for (size_t v = 0; v < 2; v++)
        for (size_t i = 0; i < n; i++) {
            double a = with[v * n + i], b = without[v * n + i];
            if (noisy.tissue[i] == SIREN_TISSUE_AIR) {
                assert_true(b == 0);
                air += a;
                air_squares += a * a;
                if (v == 0)
                    products += (a - noisy.sigma * sqrt(PI / 2)) * (with[n + i] - noisy.sigma * sqrt(PI / 2));
                n_air++;
            } else if (noisy.tissue[i] == SIREN_TISSUE_WM) {
                wm += b;
                /* E[a^2] = b^2 + 2 sigma^2 */
                wm_noise += a * a - b * b;
                n_wm++;
            }
        }
    double sigma = noisy.sigma;
    assert_true(fabs(sigma * 30 / (wm / (double)n_wm) - 1) < 1e-6);
    assert_true(fabs(air / (double)n_air / (sigma * sqrt(PI / 2)) - 1) < 0.01);
    assert_true(fabs(air_squares / (double)n_air / (2 * sigma * sigma) - 1) < 0.02);
    /* The standard error of this mean is 2 b sigma / sqrt(n_wm). */
    assert_true(fabs(wm_noise / (double)n_wm - 2 * sigma * sigma) <
                4 * 2 * 30 * sigma * sigma * 1.3 / sqrt((double)n_wm));
    /* Successive volumes share a random block, not their noise. */
    assert_true(fabs(products / (double)(n_air / 2) / (sigma * sigma)) < 0.02);
    siren_phantom_free(&noisy);
    siren_phantom_free(&clean);
}

static double smallest_angle(size_t n, const double (*g)[3]) {
    double largest_cosine = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            largest_cosine =
                fmax(largest_cosine, fabs(g[i][0] * g[j][0] + g[i][1] * g[j][1] + g[i][2] * g[j][2]));
    return acos(largest_cosine) * 180 / PI;
}

static void directions_are_spread(void **state) {
    (void)state;
    /* The best packings of antipodal pairs: 6: 63.4, 15: 38.1, 30: 27.0, 64: 18.4 degrees or a little more.
     */
    static const struct {
        size_t n;
        double angle;
    } cases[] = {{2, 89}, {3, 85}, {6, 60}, {15, 33}, {30, 23}, {64, 16}, {200, 8.5}, {700, 2.5}};
    static double g[700][3];
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        siren_directions(cases[c].n, 1, g);
        double condition = 0;
        for (size_t i = 0; i < cases[c].n; i++) {
            double length = sqrt(g[i][0] * g[i][0] + g[i][1] * g[i][1] + g[i][2] * g[i][2]);
            assert_true(fabs(length - 1) < 1e-12);
            assert_true(g[i][2] >= 0);
            condition += g[i][0] * g[i][0];
        }
        double angle = smallest_angle(cases[c].n, (const double(*)[3])g);
        if (angle < cases[c].angle)
            fail_msg("%zu directions: smallest angle %.2f, expected %.2f", cases[c].n, angle, cases[c].angle);
        /* No axis is preferred: the mean of x^2 is a third. */
        if (cases[c].n >= 6) assert_true(fabs(condition / (double)cases[c].n - 1.0 / 3) < 0.03);
    }
    double first[2][3], second[2][3];
    siren_directions(2, 0, first);
    siren_directions(2, 1, second);
    assert_memory_not_equal(first, second, sizeof first);
}

static void any_size_works(void **state) {
    (void)state;
    static const size_t sizes[][3] = {{8, 8, 4}, {1, 33, 21}, {33, 1, 21}, {35, 31, 1},
                                      {1, 1, 1}, {7, 3, 5},   {129, 2, 3}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        siren_phantom_options options = options_of(sizes[i][0], sizes[i][1], sizes[i][2]);
        options.n_threads = 0;
        siren_phantom p = make(&options);
        size_t n[5] = {0};
        for (size_t v = 0; v < n_of(&p); v++) {
            n[p.tissue[v]]++;
            assert_true(isfinite(p.fa[v]) && p.fa[v] >= 0 && p.fa[v] <= 1);
        }
        assert_int_equal(p.gradients.n_volumes, 14);
        if (n_of(&p) >= 256)
            assert_true(n[SIREN_TISSUE_AIR] && n[SIREN_TISSUE_GM] && n[SIREN_TISSUE_WM] &&
                        n[SIREN_TISSUE_CSF]);
        siren_phantom_free(&p);
    }
}

static void stored_types_agree(void **state) {
    (void)state;
    siren_phantom_options options = options_of(20, 20, 12);
    siren_phantom as_int16 = make(&options);
    options.datatype = SIREN_UINT16;
    siren_phantom as_uint16 = make(&options);
    options.datatype = SIREN_FLOAT32;
    siren_phantom as_float = make(&options);
    double largest = 0;
    for (size_t i = 0; i < siren_geometry_voxels(&as_float.geometry); i++) {
        double value = ((const float *)as_float.voxels)[i];
        assert_true(fabs(((const int16_t *)as_int16.voxels)[i] - value) <= 0.5001);
        assert_int_equal(((const uint16_t *)as_uint16.voxels)[i], ((const int16_t *)as_int16.voxels)[i]);
        largest = fmax(largest, value);
    }
    assert_true(largest > 1500 && largest < 4000);
    siren_phantom_free(&as_int16);
    siren_phantom_free(&as_uint16);
    siren_phantom_free(&as_float);
}

static void bad_options_are_refused(void **state) {
    (void)state;
    siren_phantom phantom;
    memset(&phantom, 0x5A, sizeof phantom);
    const siren_phantom untouched = phantom;
    const siren_phantom_options good = options_of(8, 8, 4);
    siren_phantom_options bad[8];
    for (int i = 0; i < 8; i++) bad[i] = good;
    const siren_shell empty = {0, 0}, negative = {-1, 3}, endless = {INFINITY, 3},
                      many = {0, SIREN_PHANTOM_MAX_VOLUMES + 1};
    bad[0].nx = 0;
    bad[1].nz = SIREN_PHANTOM_MAX_AXIS + 1;
    bad[2].n_shells = 0;
    bad[3].shells = &empty, bad[3].n_shells = 1;
    bad[4].shells = &negative, bad[4].n_shells = 1;
    bad[5].snr = NAN;
    bad[6].datatype = SIREN_FLOAT64;
    bad[7].shells = &endless, bad[7].n_shells = 1;
    for (int i = 0; i < 8; i++)
        assert_int_equal(siren_phantom_make(&bad[i], NULL, NULL, &phantom), SIREN_USAGE);
    bad[0] = good;
    bad[0].shells = &many, bad[0].n_shells = 1;
    assert_int_equal(siren_phantom_make(&bad[0], NULL, NULL, &phantom), SIREN_USAGE);
    assert_memory_equal(&phantom, &untouched, sizeof phantom);
}

static bool cancel_at_once(void *user, double done, double total, const char *what) {
    (void)what;
    assert_true(done <= total);
    ++*(int *)user;
    return false;
}

static void progress_can_cancel(void **state) {
    (void)state;
    int calls = 0;
    siren_phantom phantom;
    siren_phantom_options options = options_of(8, 8, 4);
    assert_int_equal(siren_phantom_make(&options, cancel_at_once, &calls, &phantom), SIREN_CANCELLED);
    assert_int_equal(calls, 1);
}

static void shells_are_parsed(void **state) {
    (void)state;
    siren_shell *shells = NULL;
    size_t n = 0;
    assert_siren_ok(siren_shells_parse("0:5,1000:64,2500.5:3", &shells, &n));
    assert_int_equal(n, 3);
    assert_true(shells[0].b == 0 && shells[1].b == 1000 && shells[2].b == 2500.5);
    assert_true(shells[0].n == 5 && shells[1].n == 64 && shells[2].n == 3);
    free(shells);
    static const char *const wrong[] = {"",
                                        "0",
                                        "0:",
                                        ":5",
                                        "0:5,",
                                        "0:5;1000:6",
                                        "a:b",
                                        "0:-3",
                                        "-5:3",
                                        "0:5 ",
                                        "0:99999999999999999999999",
                                        "nan:3",
                                        "inf:3"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        shells = NULL;
        assert_int_equal(siren_shells_parse(wrong[i], &shells, &n), SIREN_USAGE);
        assert_null(shells);
    }
}

/* Noise fields must not show their lattice: equal statistics at lattice points and between. */
static void fields_are_smooth_and_centred(void **state) {
    (void)state;
    siren_field field = siren_field_new(3, 1, 10), again = siren_field_new(3, 1, 10),
                other = siren_field_new(3, 2, 10);
    double sum = 0, squares = 0, cross = 0, steepest = 0;
    const int n = 20000;
    for (int i = 0; i < n; i++) {
        double p[3] = {0.37 * i - 3000, 1.71 * (i % 997), -0.9 * (i % 613)}, q[3] = {p[0] + 1e-3, p[1], p[2]};
        double value = siren_field_scalar(&field, p);
        sum += value;
        squares += value * value;
        cross += value * siren_field_scalar(&other, p);
        steepest = fmax(steepest, fabs(siren_field_scalar(&again, q) - value) / 1e-3);
        assert_true(siren_field_scalar(&again, p) == value);
        assert_true(fabs(value) < 2);
    }
    assert_true(fabs(sum / n) < 0.05);
    assert_true(squares / n > 0.05 && squares / n < 0.5);
    assert_true(fabs(cross / squares) < 0.1);
    assert_true(steepest < 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_smooth_and_centred),
        cmocka_unit_test(the_seed_alone_decides),
        cmocka_unit_test(the_same_bits_everywhere),
        cmocka_unit_test(tissues_are_plausible),
        cmocka_unit_test(truth_is_recovered_without_noise),
        cmocka_unit_test(crossings_have_the_mean_tensor),
        cmocka_unit_test(noise_is_rician),
        cmocka_unit_test(directions_are_spread),
        cmocka_unit_test(any_size_works),
        cmocka_unit_test(stored_types_agree),
        cmocka_unit_test(bad_options_are_refused),
        cmocka_unit_test(progress_can_cancel),
        cmocka_unit_test(shells_are_parsed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
