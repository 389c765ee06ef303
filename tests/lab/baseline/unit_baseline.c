/* lab/baseline/baseline: compressors that networks are compared with, their ratios, and their figures. */
#include "tests/shared/testing.h"

#include <math.h>

#include "lab/baseline/baseline.h"
#include "lab/baseline/image_coder.h"
#include "lab/baseline/jpeg2000.h"
#include "lab/baseline/lossless.h"

enum { NX = 45, NY = 37, NZ = 3, N_VOLUMES = 4, N = NX * NY, N_VOXELS = N * NZ * N_VOLUMES };

static const siren_datatype kinds[] = {SIREN_INT16, SIREN_UINT16, SIREN_FLOAT32};
#define N_KINDS (sizeof kinds / sizeof *kinds)

/* A method whose library is there; skips the case where it is not. */
static const siren_baseline_method *method(const char *name) {
    const siren_baseline_method *found = siren_baseline_find(name);
    assert_non_null(found);
    if (found->library) skip_case(siren_baseline_check(found) == SIREN_OK ? name : siren_message());
    return found;
}

/* The next compressor from row `*i` of the table on that is there and needs nothing more said; NULL after the last. */
static const siren_baseline_method *next_compressor(size_t *i) {
    const siren_baseline_method *found;
    while ((found = siren_baseline_at((*i)++)))
        if (siren_baseline_compresses(found) && !found->asked && !found->library) return found;
    return NULL;
}

static int last_unit(const siren_baseline_method *m) {
    return m->volumes_name ? SIREN_PER_VOLUME : SIREN_PER_SLICE;
}

/* Whether without a quality every bit of such voxels comes back: JPEGs know integers alone. */
static bool is_exact(const siren_baseline_method *m, siren_datatype datatype) {
    return m->lossless && !(m->images && m->images->plain != SIREN_SAMPLES_REAL && datatype == SIREN_FLOAT32);
}

/* A smooth image with noise: something to compress, different in each slice and volume. */
static double value_at(size_t i) {
    size_t x = i % NX, y = i / NX % NY, z = i / N % NZ, volume = i / N / NZ;
    double noise = (double)(i * 2654435761U % 1021) / 1021;
    return 900 + 700 * sin(0.17 * (double)x + 0.3 * (double)volume) * cos(0.11 * (double)y + (double)z) +
           60 * noise;
}

/* Voxels are yours to free(). */
static siren_series make_series(siren_datatype datatype) {
    siren_series series = {
        .geometry = {.datatype = datatype, .nx = NX, .ny = NY, .nz = NZ, .n_volumes = N_VOLUMES, .slope = 1}};
    static double values[N_VOXELS];
    for (size_t i = 0; i < N_VOXELS; i++) values[i] = value_at(i);
    series.voxels = malloc(N_VOXELS * siren_datatype_size(datatype));
    assert_non_null(series.voxels);
    siren_datatype_from_double(datatype, values, N_VOXELS, series.voxels);
    return series;
}

static size_t bytes_of(const siren_series *series) {
    return siren_geometry_voxels(&series->geometry) * siren_datatype_size(series->geometry.datatype);
}

static double largest_error(const siren_series *series, const void *restored) {
    static double a[N_VOXELS], b[N_VOXELS];
    double largest = 0;
    siren_datatype_to_double(series->geometry.datatype, series->voxels, N_VOXELS, a);
    siren_datatype_to_double(series->geometry.datatype, restored, N_VOXELS, b);
    for (size_t i = 0; i < N_VOXELS; i++) {
        assert_true(!isfinite(a[i]) || isfinite(b[i]));
        if (isfinite(a[i])) largest = fmax(largest, fabs(a[i] - b[i]));
    }
    return largest;
}

static siren_baseline_result run(siren_baseline baseline, const siren_series *series) {
    siren_baseline_result result;
    assert_siren_ok(siren_baseline_run(&baseline, series, NULL, NULL, &result));
    assert_true(result.bytes > 0);
    assert_true(fabs(result.ratio * (double)result.bytes / (double)bytes_of(series) - 1) < 1e-12);
    return result;
}

/* Quantised coefficients are of the size of a 16-bit step: the range of an image over 65535. */
static void jpeg2000_without_a_rate_is_nearly_lossless(void **state) {
    (void)state;
    for (size_t k = 0; k < N_KINDS; k++)
        for (int per = SIREN_PER_SLICE; per <= SIREN_PER_VOLUME; per++) {
            siren_series series = make_series(kinds[k]);
            siren_baseline_result result =
                run((siren_baseline){.method = method("jpeg2000"), .per = (siren_baseline_unit)per}, &series);
            double error = largest_error(&series, result.voxels);
            if (kinds[k] == SIREN_FLOAT32)
                assert_true(error > 0 && error < 1500.0 / 65535 * 4);
            else
                assert_true(error == 0); /* below half of the integers' step */
            free(result.voxels);
            free(series.voxels);
        }
}

/* The nominal ratio is of codestreams; headers and scaling come on top, and a header is 1 % of none of these. */
static void a_rate_gives_about_its_ratio(void **state) {
    (void)state;
    for (size_t k = 0; k < N_KINDS; k++) {
        siren_series series = make_series(kinds[k]);
        double error = 0;
        for (int rate = 4; rate <= 16; rate *= 2) {
            siren_baseline_result result =
                run((siren_baseline){.method = method("jpeg2000"), .per = SIREN_PER_VOLUME, .quality = rate},
                    &series);
            assert_true(result.ratio > 0.85 * rate && result.ratio <= 1.01 * rate);
            double larger = largest_error(&series, result.voxels);
            assert_true(larger > error);
            error = larger;
            free(result.voxels);
        }
        free(series.voxels);
    }
}

static void a_search_hits_the_ratio(void **state) {
    (void)state;
    static const double ratios[] = {3, 7.3, 20};
    for (size_t k = 0; k < N_KINDS; k++)
        for (int per = SIREN_PER_SLICE; per <= SIREN_PER_VOLUME; per++)
            for (size_t r = 0; r < sizeof ratios / sizeof *ratios; r++) {
                siren_series series = make_series(kinds[k]);
                siren_baseline jpeg2000 = {.method = method("jpeg2000"), .per = (siren_baseline_unit)per};
                siren_baseline_result found;
                assert_siren_ok(siren_baseline_search(&jpeg2000, &series, ratios[r], NULL, NULL, &found));
                assert_true(fabs(found.ratio / ratios[r] - 1) <= SIREN_BASELINE_TOLERANCE);
                jpeg2000.quality = found.quality;
                siren_baseline_result again = run(jpeg2000, &series);
                assert_int_equal(again.bytes, found.bytes);
                assert_memory_equal(again.voxels, found.voxels, bytes_of(&series));
                free(again.voxels);
                free(found.voxels);
                free(series.voxels);
            }
}

/* Whether the search fails and names the nearest ratio, which lies between the given ones. */
static void expect_unreachable(const siren_baseline_method *method, double ratio, double low, double high) {
    siren_series series = make_series(SIREN_INT16);
    siren_baseline_result result = {.bytes = 7};
    siren_baseline baseline = {.method = method};
    assert_int_equal(siren_baseline_search(&baseline, &series, ratio, NULL, NULL, &result), SIREN_BOUND);
    assert_int_equal(result.bytes, 7);
    const char *than = strstr(siren_message(), " than ");
    assert_non_null(than);
    double nearest = strtod(than + 6, NULL);
    assert_true(nearest > low && nearest < high);
    free(series.voxels);
}

static void ratios_out_of_reach_are_errors(void **state) {
    (void)state;
    expect_unreachable(method("jpeg2000"), 0.5, 1, 2);
    expect_unreachable(method("jpeg2000"), 5000, 15, 40); /* 12 codestreams of 115 bytes or more */
    siren_series series = make_series(SIREN_INT16);
    siren_baseline_result result;
    const siren_baseline deflate = {.method = method("deflate")};
    const siren_baseline jpeg2000 = {.method = method("jpeg2000")};
    assert_int_equal(siren_baseline_search(&deflate, &series, 2, NULL, NULL, &result), SIREN_USAGE);
    assert_int_equal(siren_baseline_search(&jpeg2000, &series, NAN, NULL, NULL, &result), SIREN_USAGE);
    assert_int_equal(siren_baseline_search(&jpeg2000, &series, 0, NULL, NULL, &result), SIREN_USAGE);
    free(series.voxels);
}

static void lossless_methods_are_exact(void **state) {
    (void)state;
    size_t i = 0, n_exact = 0;
    for (const siren_baseline_method *m; (m = next_compressor(&i));)
        for (int per = SIREN_PER_SLICE; per <= last_unit(m); per++)
            for (size_t k = 0; k < N_KINDS; k++) {
                if (!is_exact(m, kinds[k])) continue;
                siren_series series = make_series(kinds[k]);
                siren_baseline_result result =
                    run((siren_baseline){.method = m, .per = (siren_baseline_unit)per}, &series);
                assert_memory_equal(result.voxels, series.voxels, bytes_of(&series));
                assert_true(result.ratio > 0.5 &&
                            result.ratio < 30); /* zfp adds to noise; JPEG XL finds its lattice */
                free(result.voxels);
                free(series.voxels);
                n_exact++;
            }
    assert_true(n_exact >= 9); /* deflate, xz, predictive */
}

static void zfp_keeps_its_rate(void **state) {
    (void)state;
    siren_baseline zfp = {.method = method("zfp")};
    siren_series series = make_series(SIREN_INT16);
    siren_baseline_result result;
    assert_siren_ok(siren_baseline_search(&zfp, &series, 3, NULL, NULL, &result));
    assert_true(fabs(result.ratio / 3 - 1) <= SIREN_BASELINE_TOLERANCE);
    double error = largest_error(&series, result.voxels);
    assert_true(error > 0 && error < 200);
    free(result.voxels);
    free(series.voxels);
}

/* Methods that bound errors keep to it, and larger ones cost fewer bytes. JPEG-LS knows whole samples only. */
static void errors_are_bounded(void **state) {
    (void)state;
    static const double bounds[] = {1, 2.9, 40, 1000};
    size_t i = 0;
    for (const siren_baseline_method *m; (m = next_compressor(&i));)
        for (int per = SIREN_PER_SLICE; per <= last_unit(m); per++)
            for (size_t k = 0; k < N_KINDS && m->quality.name && strcmp(m->quality.name, "error") == 0; k++) {
                siren_series series = make_series(kinds[k]);
                siren_baseline baseline = {.method = m, .per = (siren_baseline_unit)per};
                siren_baseline_result result;
                uint64_t bytes = UINT64_MAX;
                for (size_t b = 0; b < sizeof bounds / sizeof *bounds; b++) {
                    baseline.quality = bounds[b];
                    if (m->images && kinds[k] == SIREN_FLOAT32) {
                        assert_int_equal(siren_baseline_run(&baseline, &series, NULL, NULL, &result),
                                         SIREN_UNSUPPORTED);
                        continue;
                    }
                    result = run(baseline, &series);
                    double error = largest_error(&series, result.voxels);
                    assert_true(error > 0 && error <= bounds[b] && result.bytes < bytes);
                    bytes = result.bytes;
                    free(result.voxels);
                }
                free(series.voxels);
            }
}

/* The range of an image decides on the bits of a sample: 1, 8, 9 and 16 of them, and one that no sample holds. */
static void jpegs_take_ranges_of_any_depth(void **state) {
    (void)state;
    static const double extents[] = {1, 255, 256, 65535, 65536};
    static const char *const names[] = {"jpegls", "jpegxl"};
    for (size_t m = 0; m < 2; m++)
        for (size_t e = 0; e < sizeof extents / sizeof *extents; e++) {
            const siren_baseline jpeg = {.method = method(names[m])};
            siren_series series = make_series(SIREN_INT32);
            int32_t *voxels = series.voxels;
            for (size_t i = 0; i < N_VOXELS; i++)
                voxels[i] = -40000 + (int32_t)lrint(fmod((double)voxels[i], 512) / 511 * extents[e]);
            siren_baseline_result result = run(jpeg, &series);
            assert_true(largest_error(&series, result.voxels) <= (extents[e] > 65535 ? 1 : 0));
            free(result.voxels);
            free(series.voxels);
        }
}

static void jpegxl_loses_more_with_distance(void **state) {
    (void)state;
    siren_baseline jpegxl = {.method = method("jpegxl"), .per = SIREN_PER_VOLUME};
    siren_series series = make_series(SIREN_FLOAT32);
    double error = 0;
    uint64_t bytes = UINT64_MAX;
    for (double distance = 0.05; distance < 10; distance *= 5) {
        jpegxl.quality = distance;
        siren_baseline_result result = run(jpegxl, &series);
        double larger = largest_error(&series, result.voxels);
        assert_true(larger > error && larger < 500 && result.bytes < bytes);
        error = larger;
        bytes = result.bytes;
        free(result.voxels);
    }
    siren_baseline_result found;
    assert_siren_ok(siren_baseline_search(&jpegxl, &series, 20, NULL, NULL, &found));
    assert_true(fabs(found.ratio / 20 - 1) <= SIREN_BASELINE_TOLERANCE);
    free(found.voxels);
    free(series.voxels);
}

/* The archive is whole: what counts is its size, and at most a part in so many of the voxels. */
static void transform_reaches_ratios(void **state) {
    (void)state;
    static const double ratios[] = {4, 12};
    static const uint8_t mask[N * NZ] = {[N / 2 + 3] = 1, [N + N / 2] = 1, [2 * N + N / 3] = 1};
    siren_baseline transform = {.method = method("transform")};
    siren_series series = make_series(SIREN_INT16);
    double error = 0;
    for (size_t r = 0; r < 2; r++) {
        siren_baseline_result result;
        assert_siren_ok(siren_baseline_search(&transform, &series, ratios[r], NULL, NULL, &result));
        assert_true(result.ratio >= ratios[r] && result.ratio < 1.1 * ratios[r]);
        double larger = largest_error(&series, result.voxels);
        assert_true(larger > error);
        error = larger;
        free(result.voxels);
    }
    transform.mask = mask;
    transform.quality = 30;
    siren_baseline_result result = run(transform, &series);
    const int16_t *restored = result.voxels;
    assert_true(restored[0] == restored[1] && restored[1] == restored[N - 1]); /* outside it is one value */
    free(result.voxels);
    free(series.voxels);
}

/* Voxels that are not finite come back bit for bit; finite ones as without them. */
static void voxels_that_are_not_finite_come_back(void **state) {
    (void)state;
    static const size_t places[] = {0, 17, N + 3, N_VOXELS - 1};
    static const float odd[] = {NAN, INFINITY, -INFINITY, -NAN};
    size_t k = 0;
    for (const siren_baseline_method *m; (m = next_compressor(&k));)
        for (int per = SIREN_PER_SLICE; per <= last_unit(m); per++) {
            siren_series series = make_series(SIREN_FLOAT32);
            float *voxels = series.voxels;
            for (size_t i = 0; i < 4; i++) voxels[places[i]] = odd[i];
            siren_baseline_result result =
                run((siren_baseline){.method = m, .per = (siren_baseline_unit)per}, &series);
            const float *restored = result.voxels;
            for (size_t i = 0; i < 4; i++)
                assert_memory_equal(&restored[places[i]], &voxels[places[i]], sizeof(float));
            assert_true(largest_error(&series, restored) < 0.1);
            free(result.voxels);
            free(series.voxels);
        }
}

static void constant_images_are_exact(void **state) {
    (void)state;
    siren_series series = make_series(SIREN_INT16);
    int16_t *voxels = series.voxels;
    for (size_t i = 0; i < N; i++) voxels[2 * N + i] = -321; /* slice 2 of volume 0 */
    siren_baseline_result result =
        run((siren_baseline){.method = method("jpeg2000"), .quality = 20}, &series);
    assert_memory_equal((int16_t *)result.voxels + 2 * N, voxels + 2 * N, N * sizeof *voxels);
    free(result.voxels);
    for (size_t i = 0; i < N_VOXELS; i++) voxels[i] = 5;
    for (int per = SIREN_PER_SLICE; per <= SIREN_PER_VOLUME; per++) {
        result =
            run((siren_baseline){.method = method("jpeg2000"), .per = (siren_baseline_unit)per}, &series);
        assert_memory_equal(result.voxels, voxels, bytes_of(&series));
        assert_true(result.bytes < 300);
        free(result.voxels);
    }
    siren_baseline jpeg2000 = {.method = method("jpeg2000")};
    assert_int_equal(siren_baseline_search(&jpeg2000, &series, 9, NULL, NULL, &result), SIREN_BOUND);
    free(series.voxels);
}

/* One voxel, one row: no room for a wavelet. */
static void small_images_work(void **state) {
    (void)state;
    static const size_t shapes[][2] = {{1, 1}, {1, 7}, {5, 1}, {3, 2}, {64, 3}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int per = SIREN_PER_SLICE; per <= SIREN_PER_VOLUME; per++) {
            siren_series series = make_series(SIREN_INT16);
            series.geometry.nx = shapes[i][0];
            series.geometry.ny = shapes[i][1];
            siren_baseline_result result =
                run((siren_baseline){.method = method("jpeg2000"), .per = (siren_baseline_unit)per}, &series);
            assert_memory_equal(result.voxels, series.voxels, bytes_of(&series));
            free(result.voxels);
            free(series.voxels);
        }
}

static void damaged_streams_are_refused(void **state) {
    (void)state;
    static uint16_t samples[N], restored[N];
    static const char *const names[] = {"jpeg2000", "jpegls", "jpegxl"};
    const siren_image_shape shape = {NX, NY, 1, 16, 2}, other = {NX, NY + 1, 1, 16, 2},
                            none = {0, NY, 1, 16, 2};
    uint8_t *bytes, out[64];
    size_t n;
    for (size_t i = 0; i < N; i++) samples[i] = (uint16_t)(30 * value_at(i));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const siren_image_coder *coder = siren_baseline_find(names[i])->images;
        if (siren_baseline_find(names[i])->library) continue;
        assert_siren_ok(coder->encode(&shape, samples, 4, &bytes, &n));
        assert_true(i > 0 || (n > 2 * N / 4 - 30 && n < 2 * N / 4 + 30));
        assert_siren_ok(coder->decode(&shape, 4, bytes, n, restored));
        assert_int_equal(coder->decode(&other, 4, bytes, n, restored), SIREN_CORRUPT);
        assert_int_equal(coder->decode(&shape, 4, bytes, 20, restored), SIREN_CORRUPT);
        assert_true(strlen(siren_message()) > 30);
        if (i == 0) assert_int_equal(coder->decode(&none, 4, bytes, n, restored), SIREN_UNSUPPORTED);
        free(bytes);
    }
    for (int kind = SIREN_LOSSLESS_DEFLATE; kind <= SIREN_LOSSLESS_XZ; kind++) {
        assert_siren_ok(
            siren_lossless_pack((siren_lossless)kind, (const uint8_t *)samples, 64, NULL, NULL, &bytes, &n));
        assert_siren_ok(siren_lossless_unpack((siren_lossless)kind, bytes, n, out, 64));
        assert_memory_equal(out, samples, 64);
        assert_int_equal(siren_lossless_unpack((siren_lossless)kind, bytes, n, out, 63), SIREN_CORRUPT);
        assert_int_equal(siren_lossless_unpack((siren_lossless)kind, bytes, n - 5, out, 64), SIREN_CORRUPT);
        free(bytes);
    }
}

static bool refuse(void *user, double done, double total, const char *what) {
    (void)done, (void)total, (void)what;
    ++*(int *)user;
    return false;
}

static void an_interruption_ends_it(void **state) {
    (void)state;
    size_t i = 0;
    for (const siren_baseline_method *m; (m = next_compressor(&i));) {
        siren_series series = make_series(SIREN_INT16);
        siren_baseline_result result;
        const siren_baseline baseline = {.method = m};
        int n_asked = 0;
        assert_int_equal(siren_baseline_run(&baseline, &series, refuse, &n_asked, &result), SIREN_CANCELLED);
        assert_int_equal(n_asked, 1);
        free(series.voxels);
    }
}

static void near(double value, double expected) {
    assert_true(fabs(value - expected) <= 1e-6 * fabs(expected));
}

/* An error of one step in each voxel of a volume with a range of 100 steps, and of one in a constant volume. */
static void figures_are_those_of_networks(void **state) {
    (void)state;
    enum { POINTS = 12 };
    int16_t voxels[2 * 2 * POINTS], restored[2 * 2 * POINTS]; /* 2 volumes, 2 slices */
    uint8_t mask[2 * POINTS] = {0};
    siren_series series = {
        .geometry = {.datatype = SIREN_INT16, .nx = 4, .ny = 3, .nz = 2, .n_volumes = 2, .slope = 1},
        .voxels = voxels};
    for (size_t i = 0; i < 2 * 2 * POINTS; i++) {
        bool varies = i < POINTS; /* slice 0 of volume 0 */
        voxels[i] = varies ? (int16_t)(i * 100 / (POINTS - 1)) : 40;
        restored[i] = (int16_t)(voxels[i] + (i < POINTS || i >= 3 * POINTS)); /* and slice 1 of volume 1 */
    }
    for (size_t i = 0; i < 3; i++) mask[i] = 1;
    siren_baseline_slice slices[2];
    assert_siren_ok(siren_baseline_figures(&series, restored, mask, false, slices));
    assert_false(slices[0].constant);
    assert_true(slices[1].constant);
    near(slices[0].fidelity.mse, 1e-4 / 2); /* volume 1 is exact there */
    near(slices[0].fidelity.psnr, -10 * log10(0.5e-4));
    assert_int_equal(slices[0].fidelity.n, 2 * POINTS);
    assert_int_equal(slices[0].masked.n, 6);
    near(slices[0].masked.mse, 1e-4 / 2);
    near(slices[1].fidelity.mse, 0.5); /* volume 1 has no range anywhere: stored units */
    assert_int_equal(slices[1].masked.n, 0);
    assert_siren_ok(siren_baseline_figures(&series, voxels, NULL, false, slices));
    assert_true(slices[0].fidelity.mse == 0 && isinf(slices[0].fidelity.psnr));
    assert_true(slices[0].masked.n == 0 && isnan(slices[0].masked.mse));
}

/* Ranges are those inside, and what is outside does not matter: an error of one step where the range is 20 steps. */
static void figures_inside_the_mask_are_those_of_masked_networks(void **state) {
    (void)state;
    enum { POINTS = 12 };
    int16_t voxels[2 * 2 * POINTS], restored[2 * 2 * POINTS]; /* 2 volumes, 2 slices */
    uint8_t mask[2 * POINTS] = {[2] = 1, [5] = 1, [11] = 1};
    siren_series series = {
        .geometry = {.datatype = SIREN_INT16, .nx = 4, .ny = 3, .nz = 2, .n_volumes = 2, .slope = 1},
        .voxels = voxels};
    for (size_t i = 0; i < 2 * 2 * POINTS; i++) {
        size_t at = i % (2 * POINTS);
        voxels[i] = (int16_t)(mask[at] ? at : 9000 + 100 * i);
        if (i == 11) voxels[i] = 22;
        restored[i] = (int16_t)(mask[at] ? voxels[i] + (i == 5) : -(int)i);
    }
    siren_baseline_slice slices[2];
    assert_siren_ok(siren_baseline_figures(&series, restored, mask, true, slices));
    assert_true(slices[0].n_points == 3 && slices[1].n_points == 0);
    assert_false(slices[0].constant);
    assert_true(slices[1].constant && slices[1].fidelity.n == 0);
    assert_int_equal(slices[0].fidelity.n, 6);
    near(slices[0].fidelity.mse, 1.0 / 400 / 6);
    assert_true(slices[0].masked.mse == slices[0].fidelity.mse && slices[0].masked.n == 6);
}

static void methods_have_names(void **state) {
    (void)state;
    static const char *const names[] = {"jpeg2000",   "jpegxl",  "jpegls", "zfp",    "transform",
                                        "predictive", "deflate", "xz",     "smooth", "mppca"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_string_equal(siren_baseline_at(i)->name, names[i]);
        assert_ptr_equal(siren_baseline_find(names[i]), siren_baseline_at(i));
    }
    assert_null(siren_baseline_at(sizeof names / sizeof *names));
    assert_null(siren_baseline_find("jpeg"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jpeg2000_without_a_rate_is_nearly_lossless),
        cmocka_unit_test(a_rate_gives_about_its_ratio),
        cmocka_unit_test(a_search_hits_the_ratio),
        cmocka_unit_test(ratios_out_of_reach_are_errors),
        cmocka_unit_test(lossless_methods_are_exact),
        cmocka_unit_test(zfp_keeps_its_rate),
        cmocka_unit_test(errors_are_bounded),
        cmocka_unit_test(jpegs_take_ranges_of_any_depth),
        cmocka_unit_test(jpegxl_loses_more_with_distance),
        cmocka_unit_test(transform_reaches_ratios),
        cmocka_unit_test(voxels_that_are_not_finite_come_back),
        cmocka_unit_test(constant_images_are_exact),
        cmocka_unit_test(small_images_work),
        cmocka_unit_test(damaged_streams_are_refused),
        cmocka_unit_test(an_interruption_ends_it),
        cmocka_unit_test(figures_are_those_of_networks),
        cmocka_unit_test(figures_inside_the_mask_are_those_of_masked_networks),
        cmocka_unit_test(methods_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
