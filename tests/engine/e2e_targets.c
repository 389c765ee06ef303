/* Archives without networks: every byte of a file comes back, of any datatype, byte order and version; an error is
 * never larger than asked for; a ratio and a PSNR are met; parts, boxes, masks; damage. No device takes part. */
#include "engine/calls.h"
#include "formats/series.h"
#include "tests/shared/nifti_files.h"
#include "tests/shared/testing.h"

#include <math.h>

enum { NX = 5, NY = 6, NZ = 3, NV = 4, N = NX * NY * NZ * NV };

static const struct {
    int code, bits;
} types[] = {{2, 8},    {256, 8}, {4, 16},  {512, 16},  {8, 32},
             {768, 32}, {16, 32}, {64, 64}, {1024, 64}, {1280, 64}};
#define N_TYPES (sizeof types / sizeof *types)

static nifti_recipe recipe_of(size_t type, int version, bool swapped) {
    return (nifti_recipe){.version = version,
                          .swapped = swapped,
                          .datatype = types[type].code,
                          .bitpix = types[type].bits,
                          .dim = {4, NX, NY, NZ, NV, 1, 1, 1},
                          .extension = 16,
                          .slope = 2,
                          .inter = -1};
}

static siren_compress_options without_networks(double max_error) {
    siren_compress_options options = siren_compress_defaults();
    options.target = max_error == 0 ? SIREN_TARGET_LOSSLESS : SIREN_TARGET_MAX_ERROR;
    options.amount = max_error;
    options.overwrite = true;
    return options;
}

static const siren_decompress_options whole = {.overwrite = true, .memory_limit = SIZE_MAX};

static void compress(double max_error, siren_archive_info *info) {
    siren_compress_options options = without_networks(max_error);
    assert_siren_ok(siren_compress_file(NULL, scratch_path("image.nii"), scratch_path("a.siren"), &options,
                                        NULL, NULL, info));
}

static void restore(void) {
    assert_siren_ok(
        siren_decompress_file(NULL, scratch_path("a.siren"), scratch_path("back.nii"), &whole, NULL, NULL));
}

/* Random bits: NaN of all kinds, infinities, -0 and subnormal numbers among the floats. */
static void every_byte_comes_back(void **state) {
    (void)state;
    for (size_t type = 0; type < N_TYPES; type++)
        for (int version = 1; version <= 2; version++)
            for (int swapped = 0; swapped < 2; swapped++) {
                nifti_recipe recipe = recipe_of(type, version, swapped);
                uint8_t bytes[NIFTI_MOST_BYTES];
                size_t n = nifti_make(&recipe, bytes), n_back, sound = 0;
                siren_archive_info info;
                file_put(scratch_path("image.nii"), bytes, n);
                compress(0, &info);
                assert_true(info.coding == SIREN_CODING_PREDICTIVE && info.max_error == 0 &&
                            info.n_layers == 0 && isinf(info.psnr));
                siren_archive_info_free(&info);
                assert_siren_ok(
                    siren_verify_file(NULL, scratch_path("a.siren"), SIZE_MAX, NULL, NULL, &sound));
                assert_int_equal(sound, NZ);
                restore();
                uint8_t *back = file_get(scratch_path("back.nii"), &n_back);
                assert_int_equal(n_back, n);
                assert_memory_equal(back, bytes, n);
                free(back);
            }
}

static double value_at(const uint8_t *at, size_t type) {
    double value;
    uint64_t aligned[1];
    memcpy(aligned, at, (size_t)types[type].bits / 8);
    siren_datatype_to_double((siren_datatype)types[type].code, aligned, 1, &value);
    return value;
}

/* Small values, where every type can miss by as much as is asked for. */
static void errors_are_bounded(void **state) {
    (void)state;
    static const double bounds[] = {0.5, 1, 3, 10.25};
    for (size_t type = 0; type < N_TYPES; type++)
        for (size_t b = 0; b < sizeof bounds / sizeof *bounds; b++) {
            nifti_recipe recipe = recipe_of(type, 1, false);
            uint8_t bytes[NIFTI_MOST_BYTES];
            size_t n = nifti_make(&recipe, bytes), offset = NIFTI_VOXEL_OFFSET(&recipe),
                   size = (size_t)types[type].bits / 8, n_back, lossless;
            for (int i = 0; i < N; i++) {
                double value = 40 + 30 * sin(0.2 * i) + i * i % 13;
                uint64_t stored[1];
                siren_datatype_from_double((siren_datatype)types[type].code, &value, 1, stored);
                memcpy(bytes + offset + (size_t)i * size, stored, size);
            }
            file_put(scratch_path("image.nii"), bytes, n);
            siren_archive_info info;
            compress(0, &info);
            lossless = info.bytes;
            siren_archive_info_free(&info);
            compress(bounds[b], &info);
            assert_true(info.max_error == bounds[b]);
            if (bounds[b] >= 3) assert_true(info.bytes < lossless && isfinite(info.psnr) && info.psnr > 5);
            siren_archive_info_free(&info);
            restore();
            uint8_t *back = file_get(scratch_path("back.nii"), &n_back);
            assert_int_equal(n_back, n);
            for (int i = 0; i < N; i++) {
                size_t at = offset + (size_t)i * size;
                assert_true(fabs(value_at(back + at, type) - value_at(bytes + at, type)) <= bounds[b]);
            }
            free(back);
        }
}

/* Any box of the archive, some volumes and one voxel, are those of the file. */
static void parts_equal_the_whole(void **state) {
    (void)state;
    nifti_recipe recipe = recipe_of(2, 1, false);
    uint8_t bytes[NIFTI_MOST_BYTES];
    size_t n = nifti_make(&recipe, bytes), offset = NIFTI_VOXEL_OFFSET(&recipe), n_part;
    int16_t out[N];
    siren_reader *reader = NULL;
    file_put(scratch_path("image.nii"), bytes, n);
    compress(0, NULL);
    assert_siren_ok(siren_reader_open(scratch_path("a.siren"), &reader));
    const siren_box box = {{1, 4}, {2, 3}, {1, 3}, {2, 4}};
    assert_siren_ok(siren_reader_read(reader, &box, SIREN_AS_STORED, out, sizeof out));
    size_t at = 0;
    for (size_t v = 2; v < 4; v++)
        for (size_t z = 1; z < 3; z++)
            for (size_t x = 1; x < 4; x++, at++)
                assert_memory_equal(&out[at], bytes + offset + 2 * (((v * NZ + z) * NY + 2) * NX + x), 2);
    siren_reader_close(reader);
    const siren_decompress_options part = {
        .slices = {1, 2}, .volumes = {3, 4}, .overwrite = true, .memory_limit = SIZE_MAX};
    assert_siren_ok(
        siren_decompress_file(NULL, scratch_path("a.siren"), scratch_path("part.nii"), &part, NULL, NULL));
    uint8_t *file = file_get(scratch_path("part.nii"), &n_part);
    assert_int_equal(n_part, offset + 2 * NX * NY);
    assert_memory_equal(file + offset, bytes + offset + 2 * (3 * NZ + 1) * NX * NY, 2 * NX * NY);
    free(file);
    siren_voxel_series series;
    assert_siren_ok(siren_voxel_read(scratch_path("a.siren"), (const size_t[]){3, 2, 1}, (siren_span){0, 0},
                                     SIZE_MAX, &series));
    for (size_t v = 0; v < NV; v++)
        assert_true(series.values[v] ==
                    2 * value_at(bytes + offset + 2 * (((v * NZ + 1) * NY + 2) * NX + 3), 2) - 1);
    free(series.values);
}

static void masks_keep_what_is_inside(void **state) {
    (void)state;
    nifti_recipe recipe = recipe_of(2, 1, false),
                 mask = {.version = 1, .datatype = 2, .bitpix = 8, .dim = {3, NX, NY, NZ, 1, 1, 1, 1}};
    uint8_t bytes[NIFTI_MOST_BYTES], inside[NIFTI_MOST_BYTES];
    size_t n = nifti_make(&recipe, bytes), offset = NIFTI_VOXEL_OFFSET(&recipe),
           n_mask = nifti_make(&mask, inside), at = NIFTI_VOXEL_OFFSET(&mask), n_back;
    memset(bytes + 252, 0, 4),
        memset(inside + 252, 0, 4); /* no qform, no sform: both lie in the same place */
    for (size_t i = 0; i < NX * NY * NZ; i++) inside[at + i] = i % NX > 1 && i < NX * NY * 2;
    file_put(scratch_path("image.nii"), bytes, n);
    file_put(scratch_path("mask.nii"), inside, n_mask);
    siren_compress_options options = without_networks(0);
    options.mask = scratch_path("mask.nii");
    assert_siren_ok(siren_compress_file(NULL, scratch_path("image.nii"), scratch_path("a.siren"), &options,
                                        NULL, NULL, NULL));
    restore();
    uint8_t *back = file_get(scratch_path("back.nii"), &n_back);
    assert_int_equal(n_back, n);
    for (size_t i = 0; i < N; i++)
        if (inside[at + i % (NX * NY * NZ)])
            assert_memory_equal(back + offset + 2 * i, bytes + offset + 2 * i, 2);
        else
            assert_true(value_at(back + offset + 2 * i, 2) == 0);
    free(back);
}

/* Whatever byte is changed or missing: a status, or the same bytes. */
static void damage_is_found(void **state) {
    (void)state;
    nifti_recipe recipe = recipe_of(2, 1, false);
    uint8_t bytes[NIFTI_MOST_BYTES];
    size_t n = nifti_make(&recipe, bytes), n_archive;
    int16_t wanted[N], out[N];
    const siren_box all = {{0, 0}, {0, 0}, {0, 0}, {0, 0}};
    siren_reader *reader = NULL;
    file_put(scratch_path("image.nii"), bytes, n);
    compress(0, NULL);
    memcpy(wanted, bytes + NIFTI_VOXEL_OFFSET(&recipe), sizeof wanted);
    uint8_t *archive = file_get(scratch_path("a.siren"), &n_archive);
    for (size_t i = 0; i < n_archive; i++) {
        archive[i] ^= (uint8_t)(1 << i % 8);
        if (siren_reader_open_memory(archive, n_archive, &reader) == SIREN_OK) {
            if (siren_reader_read(reader, &all, SIREN_AS_STORED, out, sizeof out) == SIREN_OK)
                assert_memory_equal(out, wanted, sizeof wanted);
            siren_reader_close(reader);
        }
        archive[i] ^= (uint8_t)(1 << i % 8);
    }
    free(archive);
}

static void bad_bounds_are_refused(void **state) {
    (void)state;
    nifti_recipe recipe = recipe_of(2, 1, false);
    uint8_t bytes[NIFTI_MOST_BYTES];
    static const double bad[] = {-1, INFINITY, NAN};
    file_put(scratch_path("image.nii"), bytes, nifti_make(&recipe, bytes));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        siren_compress_options options = without_networks(bad[i]);
        assert_int_equal(siren_compress_file(NULL, scratch_path("image.nii"), scratch_path("bad.siren"),
                                             &options, NULL, NULL, NULL),
                         SIREN_USAGE);
        assert_false(file_exists(scratch_path("bad.siren")));
    }
}

/* ---- the transform ---- */

enum { TX = 21, TY = 18, TZ = 3, TV = 6, TN = TX * TY * TZ * TV };
static int16_t smooth[TN]; /* (TV, TZ, TY, TX) with noise; slice 2 constant in all volumes */

static uint32_t mixed(uint32_t x) {
    x = (x ^ x >> 16) * 0x7feb352du;
    x = (x ^ x >> 15) * 0x846ca68bu;
    return x ^ x >> 16;
}

static siren_array smooth_array(void) {
    for (int i = 0; i < TN; i++) {
        int x = i % TX, y = i / TX % TY, z = i / (TX * TY) % TZ, v = i / (TX * TY * TZ);
        double value =
            500 + 300 * sin(0.3 * x + v) * cos(0.2 * y + z) + 100 * v + (int)(mixed((uint32_t)i) >> 27);
        smooth[i] = z == 2 ? 7 : (int16_t)value;
    }
    return (siren_array){.voxels = smooth, .datatype = SIREN_INT16, .n_axes = 4, .shape = {TX, TY, TZ, TV}};
}

/* The archive for a target; NULL, with its status, where there is none. */
static uint8_t *for_target(const char *key, const char *value, size_t *n_bytes, siren_status *status) {
    siren_array array = smooth_array();
    siren_image *image = NULL;
    siren_options *options = NULL;
    void *bytes = NULL;
    assert_siren_ok(siren_options_create(&options));
    assert_siren_ok(siren_options_set(options, key, value));
    assert_siren_ok(siren_image_from_array(&array, &image));
    *status = siren_compress_to_memory(NULL, image, options, &bytes, n_bytes);
    siren_image_free(image);
    siren_options_free(options);
    return bytes;
}

/* Mean over the slices that vary of -10 log10 of the mean squared error, volumes in units of their ranges. */
static double psnr_of(const int16_t *back) {
    double sum = 0;
    for (int z = 0; z < 2; z++) {
        double squares = 0;
        for (int v = 0; v < TV; v++) {
            const int16_t *x = smooth + (v * TZ + z) * TX * TY, *y = back + (v * TZ + z) * TX * TY;
            int least = x[0], most = x[0];
            for (int i = 0; i < TX * TY; i++)
                least = x[i] < least ? x[i] : least, most = x[i] > most ? x[i] : most;
            for (int i = 0; i < TX * TY; i++) squares += pow((double)(x[i] - y[i]) / (most - least), 2);
        }
        sum -= 10 * log10(squares / (TX * TY * TV));
    }
    return sum / 2;
}

static void targets_are_met(void **state) {
    (void)state;
    static const struct {
        const char *key, *value;
    } targets[] = {{"ratio", "4"}, {"ratio", "7.5"}, {"ratio", "12"},  {"psnr", "25"},
                   {"psnr", "33"}, {"psnr", "45"},   {"size", "1500"}, {"size", "1K"}};
    const siren_box all = {{0, 0}, {0, 0}, {0, 0}, {0, 0}}, part = {{3, 9}, {2, 11}, {1, 2}, {1, 3}};
    static int16_t back[TN], piece[6 * 9 * 2];
    size_t n_before = 0;
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        size_t n_bytes;
        siren_status status;
        siren_reader *reader = NULL;
        const siren_archive_info *info;
        double wanted = atof(targets[i].value);
        uint8_t *bytes = for_target(targets[i].key, targets[i].value, &n_bytes, &status);
        assert_siren_ok(status);
        assert_siren_ok(siren_reader_open_memory(bytes, n_bytes, &reader));
        assert_siren_ok(siren_reader_info(reader, &info));
        assert_int_equal(info->coding, SIREN_CODING_TRANSFORM);
        assert_siren_ok(siren_reader_read(reader, &all, SIREN_AS_STORED, back, sizeof back));
        assert_siren_ok(siren_reader_read(reader, &part, SIREN_AS_STORED, piece, sizeof piece));
        size_t at = 0;
        for (size_t v = 1; v < 3; v++)
            for (size_t y = 2; y < 11; y++)
                for (size_t x = 3; x < 9; x++)
                    assert_int_equal(piece[at++], back[((v * TZ + 1) * TY + y) * TX + x]);
        /* Rounding to integers moves a PSNR that is high. */
        assert_true(fabs(psnr_of(back) - info->psnr) < (info->psnr > 40 ? 0.6 : 0.1));
        if (*targets[i].key == 's') wanted = (double)sizeof smooth / (i == 6 ? 1500 : 1024);
        if (*targets[i].key != 'p')
            assert_true(info->ratio >= wanted && (info->ratio < 1.05 * wanted) && n_bytes == info->bytes);
        else
            assert_true(info->psnr >= wanted && info->psnr < wanted + 0.5);
        if (i % 3 != 0) assert_true(*targets[i].key != 'p' ? n_bytes < n_before : n_bytes > n_before);
        n_before = n_bytes;
        siren_reader_close(reader);
        free(bytes);
    }
}

/* Percent are of the range of all values, 7 to the largest; noise of 32 even steps has a sigma of about 9, and of Q
 * times that the root of the mean square is measured here. */
static void errors_in_percent_and_sigmas(void **state) {
    (void)state;
    const siren_box all = {{0, 0}, {0, 0}, {0, 0}, {0, 0}};
    static int16_t back[TN];
    size_t n_bytes, n_before = SIZE_MAX;
    siren_status status;
    siren_reader *reader = NULL;
    const siren_archive_info *info;
    uint8_t *bytes = for_target("max_error", "2%", &n_bytes, &status);
    assert_siren_ok(status);
    int least = smooth[0], most = smooth[0];
    for (int i = 0; i < TN; i++)
        least = smooth[i] < least ? smooth[i] : least, most = smooth[i] > most ? smooth[i] : most;
    assert_siren_ok(siren_reader_open_memory(bytes, n_bytes, &reader));
    assert_siren_ok(siren_reader_info(reader, &info));
    assert_true(info->max_error == 0.02 * (most - least));
    siren_reader_close(reader);
    free(bytes);
    static const char *const noises[] = {"0.3", "0.6", "1.2"};
    for (size_t k = 0; k < sizeof noises / sizeof *noises; k++) {
        double squares = 0;
        bytes = for_target("noise", noises[k], &n_bytes, &status);
        assert_siren_ok(status);
        assert_siren_ok(siren_reader_open_memory(bytes, n_bytes, &reader));
        assert_siren_ok(siren_reader_read(reader, &all, SIREN_AS_STORED, back, sizeof back));
        for (int i = 0; i < TN; i++) squares += pow(back[i] - smooth[i], 2);
        const double sigma = sqrt(squares / (TN * 2 / 3)) / atof(noises[k]); /* slice 2 is constant */
        assert_true(sigma > 5 && sigma < 14);
        assert_true(n_bytes < n_before);
        n_before = n_bytes;
        siren_reader_close(reader);
        free(bytes);
    }
}

static void what_is_out_of_reach(void **state) {
    (void)state;
    siren_status status;
    size_t n_bytes;
    assert_null(for_target("ratio", "1000", &n_bytes, &status));
    assert_int_equal(status, SIREN_BOUND);
    assert_non_null(strstr(siren_message(), "ratio"));
    assert_null(for_target("psnr", "500", &n_bytes, &status));
    assert_int_equal(status, SIREN_BOUND);
    siren_options *options = NULL;
    assert_siren_ok(siren_options_create(&options));
    assert_int_equal(siren_options_set(options, "ratio", "0.5"), SIREN_USAGE);
    assert_int_equal(siren_options_set(options, "psnr", "nan"), SIREN_USAGE);
    static const char *const bad[][2] = {{"size", "0"},      {"size", "-3"},       {"size", "much"},
                                         {"noise", "0"},     {"noise", "nan"},     {"max_error", "101%"},
                                         {"max_error", "%"}, {"max_error", "inf"}, {"lossless", "yes"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(siren_options_set(options, bad[i][0], bad[i][1]), SIREN_USAGE);
    static const char *const kept[][2] = {
        {"size", "2048"}, {"noise", "0.5"}, {"max_error", "2%"}, {"lossless", "true"}};
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) { /* the last one set holds */
        const char *value;
        assert_siren_ok(siren_options_set(options, kept[i][0], kept[i][1]));
        assert_siren_ok(siren_options_get(options, kept[i][0], &value));
        assert_string_equal(value, kept[i][1]);
        if (i > 0) assert_siren_ok(siren_options_get(options, kept[i - 1][0], &value));
        if (i > 0) assert_string_equal(value, "none");
    }
    siren_options_free(options);
}

/* Every datatype, from one voxel on, random bits: what is not finite comes back as it was. */
static void transforms_of_any_image(void **state) {
    (void)state;
    static const int64_t sizes[][4] = {{1, 1, 1, 1}, {9, 1, 2, 1}, {5, 6, 3, 4}, {8, 8, 1, 3}, {3, 17, 1, 2}};
    for (size_t type = 0; type < N_TYPES; type++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            nifti_recipe recipe = recipe_of(type, 1 + (int)(s % 2), s % 2);
            uint8_t bytes[NIFTI_MOST_BYTES];
            size_t n = 1, size = (size_t)types[type].bits / 8, n_back, sound;
            for (int axis = 0; axis < 4; axis++)
                recipe.dim[axis + 1] = sizes[s][axis], n *= (size_t)sizes[s][axis];
            size_t n_file = nifti_make(&recipe, bytes), offset = NIFTI_VOXEL_OFFSET(&recipe);
            if (types[type].bits == 64 && type != 7)
                memset(bytes + offset, 0, n_file - offset); /* spans that fit a double */
            for (size_t i = 0; (type == 6 || type == 7) && i < n;
                 i++) { /* of floats every third is not finite */
                double value = i % 3 ? sin((double)i) : i % 2 ? INFINITY : NAN;
                nifti_put_real(bytes + offset + i * size, size, recipe.swapped, value);
            }
            siren_compress_options options = siren_compress_defaults();
            options.target = SIREN_TARGET_PSNR;
            options.amount = 30;
            options.overwrite = true;
            file_put(scratch_path("image.nii"), bytes, n_file);
            assert_siren_ok(siren_compress_file(NULL, scratch_path("image.nii"), scratch_path("a.siren"),
                                                &options, NULL, NULL, NULL));
            assert_siren_ok(siren_verify_file(NULL, scratch_path("a.siren"), SIZE_MAX, NULL, NULL, &sound));
            restore();
            uint8_t *back = file_get(scratch_path("back.nii"), &n_back);
            assert_int_equal(n_back, n_file);
            assert_memory_equal(back, bytes, offset);
            for (size_t i = 0; (type == 6 || type == 7) && i < n; i += 3)
                assert_memory_equal(back + offset + i * size, bytes + offset + i * size, size);
            free(back);
        }
}

/* Whatever byte is changed: a status, or the same voxels. */
static void damage_to_a_transform(void **state) {
    (void)state;
    siren_status status;
    size_t n_bytes;
    const siren_box all = {{0, 0}, {0, 0}, {0, 0}, {0, 0}};
    static int16_t whole_series[TN], again[TN];
    siren_reader *reader = NULL;
    uint8_t *bytes = for_target("ratio", "8", &n_bytes, &status);
    assert_siren_ok(siren_reader_open_memory(bytes, n_bytes, &reader));
    assert_siren_ok(siren_reader_read(reader, &all, SIREN_AS_STORED, whole_series, sizeof whole_series));
    siren_reader_close(reader);
    for (size_t i = 0; i < n_bytes; i++) {
        bytes[i] ^= (uint8_t)(1 << i % 8);
        if (siren_reader_open_memory(bytes, n_bytes, &reader) == SIREN_OK) {
            if (siren_reader_read(reader, &all, SIREN_AS_STORED, again, sizeof again) == SIREN_OK)
                assert_memory_equal(again, whole_series, sizeof again);
            siren_reader_close(reader);
        }
        bytes[i] ^= (uint8_t)(1 << i % 8);
    }
    free(bytes);
}

static int clean(void **state) {
    (void)state;
    scratch_remove();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_comes_back), cmocka_unit_test(errors_are_bounded),
        cmocka_unit_test(parts_equal_the_whole), cmocka_unit_test(masks_keep_what_is_inside),
        cmocka_unit_test(damage_is_found),       cmocka_unit_test(bad_bounds_are_refused),
        cmocka_unit_test(targets_are_met),       cmocka_unit_test(errors_in_percent_and_sigmas),
        cmocka_unit_test(what_is_out_of_reach),  cmocka_unit_test(transforms_of_any_image),
        cmocka_unit_test(damage_to_a_transform)};
    return cmocka_run_group_tests(tests, NULL, clean);
}
