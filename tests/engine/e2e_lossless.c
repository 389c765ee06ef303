/* Archives without networks: every byte of a file comes back, of any datatype, byte order and version; an error is never larger than
 * asked for; parts, boxes, masks; damage. No device takes part. */
#include "engine/calls.h"
#include "formats/series.h"
#include "tests/shared/nifti_files.h"
#include "tests/shared/testing.h"

#include <math.h>

enum { NX = 5, NY = 6, NZ = 3, NV = 4, N = NX * NY * NZ * NV };

static const struct {
    int code, bits;
} types[] = {{2, 8}, {256, 8}, {4, 16}, {512, 16}, {8, 32}, {768, 32}, {16, 32}, {64, 64}, {1024, 64}, {1280, 64}};
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
    options.predictive = true;
    options.max_error = max_error;
    options.overwrite = true;
    return options;
}

static const siren_decompress_options whole = {.overwrite = true, .memory_limit = SIZE_MAX};

static void compress(double max_error, siren_archive_info *info) {
    siren_compress_options options = without_networks(max_error);
    assert_siren_ok(siren_compress_file(NULL, scratch_path("image.nii"), scratch_path("a.siren"), &options, NULL, NULL,
                                        info));
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
                assert_true(info.predictive && info.max_error == 0 && info.n_layers == 0 && isinf(info.psnr));
                siren_archive_info_free(&info);
                assert_siren_ok(siren_verify_file(NULL, scratch_path("a.siren"), SIZE_MAX, NULL, NULL, &sound));
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
            size_t n = nifti_make(&recipe, bytes), offset = NIFTI_VOXEL_OFFSET(&recipe), size = (size_t)types[type].bits / 8,
                   n_back, lossless;
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
    const siren_decompress_options part = {.slices = {1, 2}, .volumes = {3, 4}, .overwrite = true, .memory_limit = SIZE_MAX};
    assert_siren_ok(
        siren_decompress_file(NULL, scratch_path("a.siren"), scratch_path("part.nii"), &part, NULL, NULL));
    uint8_t *file = file_get(scratch_path("part.nii"), &n_part);
    assert_int_equal(n_part, offset + 2 * NX * NY);
    assert_memory_equal(file + offset, bytes + offset + 2 * (3 * NZ + 1) * NX * NY, 2 * NX * NY);
    free(file);
    siren_voxel_series series;
    assert_siren_ok(siren_voxel_read(scratch_path("a.siren"), (const size_t[]){3, 2, 1}, (siren_span){0, 0}, &series));
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
    size_t n = nifti_make(&recipe, bytes), offset = NIFTI_VOXEL_OFFSET(&recipe), n_mask = nifti_make(&mask, inside),
           at = NIFTI_VOXEL_OFFSET(&mask), n_back;
    memset(bytes + 252, 0, 4), memset(inside + 252, 0, 4); /* no qform, no sform: both lie in the same place */
    for (size_t i = 0; i < NX * NY * NZ; i++) inside[at + i] = i % NX > 1 && i < NX * NY * 2;
    file_put(scratch_path("image.nii"), bytes, n);
    file_put(scratch_path("mask.nii"), inside, n_mask);
    siren_compress_options options = without_networks(0);
    options.mask = scratch_path("mask.nii");
    assert_siren_ok(siren_compress_file(NULL, scratch_path("image.nii"), scratch_path("a.siren"), &options, NULL, NULL,
                                        NULL));
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
        assert_int_equal(siren_compress_file(NULL, scratch_path("image.nii"), scratch_path("bad.siren"), &options, NULL,
                                             NULL, NULL),
                         SIREN_USAGE);
        assert_false(file_exists(scratch_path("bad.siren")));
    }
}

static int clean(void **state) {
    (void)state;
    scratch_remove();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_comes_back),     cmocka_unit_test(errors_are_bounded),
        cmocka_unit_test(parts_equal_the_whole),     cmocka_unit_test(masks_keep_what_is_inside),
        cmocka_unit_test(damage_is_found),           cmocka_unit_test(bad_bounds_are_refused)};
    return cmocka_run_group_tests(tests, NULL, clean);
}
