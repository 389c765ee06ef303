/* Archives of volumes and patches: every model, edges, placement, parts, chunks of points, and a GEOMETRY that lies. */
#include "tests/shared/devices.h"
#include "engine/archive/coded_record.h"
#include "engine/decode/decode.h"
#include "engine/encode/quantise.h"
#include "formats/little_endian.h"
#include "formats/nifti.h"
#include "host/file.h"
#include "tests/shared/nifti_files.h"
#include "tests/shared/oracle.h"
#include "tests/shared/voxel_series.h"

#include <math.h>
#include <unistd.h>

enum { NX = 9, NY = 7, NZ = 3, NV = 4, SLICE = NX * NY, POINTS = SLICE * NZ, IMAGE_BYTES = 4 * POINTS * NV };

static siren_compress_options quick(const char *model, siren_block_kind blocks) {
    siren_compress_options options = siren_compress_defaults();
    options.settings.model = model;
    options.settings.blocks = blocks;
    options.settings.patch[0] = 4, options.settings.patch[1] = 3, options.settings.patch[2] = 2;
    options.settings.layers = 2;
    options.settings.width = 24;
    options.settings.epochs = 4;
    options.overwrite = true;
    return options;
}

static const siren_decompress_options whole = {.overwrite = true, .memory_limit = 1 << 24};

/* One voxel as the tests want it: `value`, and the bits of some that are not finite. */
typedef double (*voxel_fn)(int x, int y, int z, int v);

static size_t make_image(const char *path, bool swapped, voxel_fn value) {
    nifti_recipe recipe = {.version = 1,
                           .swapped = swapped,
                           .datatype = 16,
                           .bitpix = 32,
                           .dim = {4, NX, NY, NZ, NV, 1, 1, 1},
                           .slope = 1};
    static uint8_t bytes[NIFTI_MOST_BYTES];
    size_t n = nifti_make(&recipe, bytes), offset = NIFTI_VOXEL_OFFSET(&recipe);
    assert_int_equal(n, offset + IMAGE_BYTES);
    for (int i = 0; i < POINTS * NV; i++)
        nifti_put_real(bytes + offset + 4 * i, 4, swapped,
                       value(i % NX, i / NX % NY, i / SLICE % NZ, i / POINTS));
    file_put(path, bytes, n);
    return offset;
}

/* Slice 2 is constant, so that the patches there are; volume 2 is constant everywhere; some voxels are not finite. */
static double ordinary(int x, int y, int z, int v) {
    if (v == 0 && x == 8 && z == 1) return y % 2 ? INFINITY : -INFINITY;
    if (v == 3 && x == 0 && y == 6 && z == 0) return NAN;
    if (z == 2) return 3 + v;
    return v == 2 ? 42.5 : 100 + 50 * sin(0.7 * x + 0.4 * y + v) + 9 * z;
}

/* Each patch of 4 x 3 x 2 has a value of its own. */
static double value_of_patch(int x, int y, int z, int v) {
    return x / 4 + 3 * (y / 3) + 9 * (z / 2) + 100 * v;
}

static void expect_equal_files(const char *path, const char *other) {
    size_t n_a, n_b;
    uint8_t *a = file_get(path, &n_a), *b = file_get(other, &n_b);
    assert_int_equal(n_a, n_b);
    assert_memory_equal(a, b, n_a);
    free(a), free(b);
}

/* Compresses image.nii to a.siren, verifies it, and restores it to back.nii on the device and on the host. */
static void there_and_back(const siren_compress_options *options, size_t n_blocks) {
    siren_archive_info info;
    size_t n_sound = 0;
    const char *archive = scratch_path("a.siren");
    assert_siren_ok(
        siren_compress_file(device, scratch_path("image.nii"), archive, options, NULL, NULL, &info));
    assert_int_equal(info.n_blocks, n_blocks);
    siren_archive_info_free(&info);
    assert_siren_ok(siren_verify_file(device, archive, SIZE_MAX, NULL, NULL, &n_sound));
    assert_int_equal(n_sound, n_blocks);
    assert_siren_ok(siren_verify_file(NULL, archive, SIZE_MAX, NULL, NULL, &n_sound));
    assert_int_equal(n_sound, n_blocks);
    assert_siren_ok(siren_decompress_file(device, archive, scratch_path("back.nii"), &whole, NULL, NULL));
    assert_siren_ok(siren_decompress_file(NULL, archive, scratch_path("host.nii"), &whole, NULL, NULL));
    expect_equal_files(scratch_path("back.nii"), scratch_path("host.nii"));
    expect_voxel_series(archive, scratch_path("back.nii"));
}

/* What must come back to the bit: the header, constant volumes of the constant slice, and what is not finite. */
static void expect_faithful(size_t offset, bool constant_slice) {
    size_t n_a, n_b;
    uint8_t *a = file_get(scratch_path("image.nii"), &n_a), *b = file_get(scratch_path("back.nii"), &n_b);
    siren_comparison c;
    assert_int_equal(n_a, n_b);
    assert_memory_equal(a, b, offset);
    for (int i = 0; i < POINTS * NV; i++) {
        int z = i / SLICE % NZ, v = i / POINTS;
        bool exact = !isfinite(ordinary(i % NX, i / NX % NY, z, v)) || (constant_slice && z == 2);
        if (exact && memcmp(a + offset + 4 * i, b + offset + 4 * i, 4) != 0) fail_msg("voxel %d differs", i);
    }
    free(a), free(b);
    assert_siren_ok(
        siren_compare_files(scratch_path("image.nii"), scratch_path("back.nii"), NULL, SIZE_MAX, &c));
    assert_int_equal(c.n_unequal_finite, 0);
    assert_int_equal(c.n_voxels, POINTS * NV - NY - 1);
    assert_true(c.max_abs_error <
                400); /* a few epochs: the outputs of a network stay near [0,1], the values span 120 */
}

static void every_model_and_kind(void **state) {
    (void)state;
    const char *models[] = {"siren-2d", "siren-2d-relu", "siren-2d-leaky", "siren-2d-tanh", "mlp-relu",
                            "mlp-tanh", "mlp-siren",     "mlp-siren-last", "siren-3d",      "siren-3d"};
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        for (int swapped = 0; swapped < 2; swapped++) {
            siren_compress_options options =
                quick(models[i], i == 9 ? SIREN_BLOCK_PATCH : SIREN_BLOCK_BY_MODEL);
            if (swapped) options.settings.weight_bits = SIREN_FLOAT32_WEIGHTS;
            size_t offset = make_image(scratch_path("image.nii"), swapped, ordinary);
            there_and_back(&options, i < 8 ? NZ : i == 8 ? 1 : 3 * 3 * 2);
            expect_faithful(offset, i != 8);
        }
}

/* Constant patches are exact, so a voxel that is not where it was shows. */
static void patches_are_put_in_their_places(void **state) {
    (void)state;
    siren_compress_options options = quick("siren-3d", SIREN_BLOCK_PATCH);
    siren_archive_info info;
    make_image(scratch_path("image.nii"), false, value_of_patch);
    there_and_back(&options, 18);
    expect_equal_files(scratch_path("image.nii"), scratch_path("back.nii"));
    assert_siren_ok(siren_info(scratch_path("a.siren"), &info));
    assert_int_equal(info.block_kind, SIREN_BLOCK_PATCH);
    assert_int_equal(info.series_bytes, IMAGE_BYTES);
    for (size_t i = 0; i < 18; i++) {
        size_t at[3] = {i % 3 * 4, i / 3 % 3 * 3, i / 9 * 2},
               size[3] = {i % 3 == 2 ? 1 : 4, i / 3 % 3 == 2 ? 1 : 3, i / 9 == 1 ? 1 : 2};
        assert_int_equal(info.blocks[i].number, i);
        assert_memory_equal(info.blocks[i].first, at, sizeof at);
        assert_memory_equal(info.blocks[i].size, size, sizeof size);
        assert_true(info.blocks[i].mse == 0 && isinf(info.blocks[i].psnr));
    }
    siren_archive_info_free(&info);
}

static void odd_sizes(void **state) {
    (void)state;
    const size_t sizes[][4] = {{1, 1, 1, POINTS},
                               {SIZE_MAX, SIZE_MAX, SIZE_MAX, 1},
                               {NX, NY, 1, NZ},
                               {NX, 1, NZ, NY},
                               {2, NY, 5, 5}};
    size_t offset = make_image(scratch_path("image.nii"), false, ordinary);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        siren_compress_options options = quick("siren-3d", SIREN_BLOCK_PATCH);
        memcpy(options.settings.patch, sizes[i], sizeof options.settings.patch);
        options.settings.epochs = 2;
        options.settings.width = 16;
        there_and_back(&options, sizes[i][3]);
        expect_faithful(offset, sizes[i][2] == 1);
    }
}

static void parts_equal_the_whole(void **state) {
    (void)state;
    for (siren_block_kind kind = SIREN_BLOCK_VOLUME; kind <= SIREN_BLOCK_PATCH; kind++) {
        siren_compress_options options = quick("siren-3d", kind);
        siren_series all = {.voxels = NULL}, some = {.voxels = NULL};
        make_image(scratch_path("image.nii"), false, ordinary);
        there_and_back(&options, kind == SIREN_BLOCK_VOLUME ? 1 : 18);
        assert_siren_ok(siren_nifti_read(scratch_path("back.nii"), SIZE_MAX, &all));
        for (size_t z = 0; z < NZ; z++)
            for (size_t end = z + 1; end <= NZ; end++) {
                siren_decompress_options part = whole;
                part.slices = (siren_span){z, end};
                part.volumes = (siren_span){1, 3};
                assert_siren_ok(siren_decompress_file(device, scratch_path("a.siren"),
                                                      scratch_path("some.nii.gz"), &part, NULL, NULL));
                assert_siren_ok(siren_nifti_read(scratch_path("some.nii.gz"), SIZE_MAX, &some));
                assert_true(some.geometry.nz == end - z && some.geometry.n_volumes == 2);
                size_t n = (end - z) * SLICE;
                for (size_t v = 0; v < 2; v++)
                    assert_memory_equal((float *)some.voxels + v * n,
                                        (float *)all.voxels + ((v + 1) * NZ + z) * SLICE, n * sizeof(float));
                siren_series_free(&some);
            }
        siren_series_free(&all);

        /* An archive of a range of slices: the grid begins at the range. */
        siren_archive_info info;
        siren_decompress_options outside = whole;
        options.settings.slices = (siren_span){1, 3};
        assert_siren_ok(siren_compress_file(device, scratch_path("image.nii"), scratch_path("two.siren"),
                                            &options, NULL, NULL, &info));
        assert_int_equal(info.n_blocks, kind == SIREN_BLOCK_VOLUME ? 1 : 9);
        assert_true(info.blocks[0].first[2] == 1 && info.blocks[0].size[2] == 2 &&
                    info.series_bytes == IMAGE_BYTES / 3 * 2);
        siren_archive_info_free(&info);
        assert_siren_ok(siren_decompress_file(device, scratch_path("two.siren"), scratch_path("two.nii"),
                                              &whole, NULL, NULL));
        assert_siren_ok(siren_nifti_read(scratch_path("two.nii"), SIZE_MAX, &some));
        assert_int_equal(some.geometry.nz, 2);
        assert_true(isinf(((float *)some.voxels)[8]) && isinf(((float *)some.voxels)[8 + NX]));
        siren_series_free(&some);
        outside.slices = (siren_span){0, 1};
        assert_int_equal(siren_decompress_file(device, scratch_path("two.siren"), scratch_path("none.nii"),
                                               &outside, NULL, NULL),
                         SIREN_USAGE);
    }
}

/* A damaged patch does not keep the slices that it has no part in from being restored. */
static void only_the_patches_asked_for_are_read(void **state) {
    (void)state;
    siren_compress_options options = quick("siren-3d", SIREN_BLOCK_PATCH);
    siren_archive *archive = NULL;
    siren_decompress_options part = whole;
    size_t n;
    make_image(scratch_path("image.nii"), false, ordinary);
    assert_siren_ok(siren_compress_file(device, scratch_path("image.nii"), scratch_path("a.siren"), &options,
                                        NULL, NULL, NULL));
    assert_siren_ok(siren_archive_open(scratch_path("a.siren"), &archive));
    size_t at = (size_t)siren_archive_index(archive)[17].offset + 2;
    siren_archive_close(archive);
    uint8_t *bytes = file_get(scratch_path("a.siren"), &n);
    bytes[at] ^= 1;
    file_put(scratch_path("a.siren"), bytes, n);
    free(bytes);
    part.slices = (siren_span){0, 2};
    assert_siren_ok(
        siren_decompress_file(device, scratch_path("a.siren"), scratch_path("some.nii"), &part, NULL, NULL));
    part.slices = (siren_span){2, 3};
    assert_int_equal(
        siren_decompress_file(device, scratch_path("a.siren"), scratch_path("some2.nii"), &part, NULL, NULL),
        SIREN_CORRUPT);
    assert_false(file_exists(scratch_path("some2.nii")));
    siren_voxel_series series; /* patch 17 begins at (8, 6, 2) */
    assert_siren_ok(siren_voxel_read(scratch_path("a.siren"), (const size_t[]){8, 6, 1}, (siren_span){0, 0},
                                     SIZE_MAX, &series));
    free(series.values);
    assert_int_equal(siren_voxel_read(scratch_path("a.siren"), (const size_t[]){8, 6, 2}, (siren_span){0, 0},
                                      SIZE_MAX, &series),
                     SIREN_CORRUPT);
}

/* ---- blocks of more points than are decoded at once ---- */

enum { BIG_X = 45, BIG_Y = 41, BIG_Z = 40, BIG = BIG_X * BIG_Y * BIG_Z };

static void make_big_image(const char *path) {
    uint8_t header[352];
    siren_geometry g;
    siren_nifti_writer *writer = NULL;
    static int16_t slice[BIG_X * BIG_Y];
    assert_true(BIG > SIREN_DECODE_POINTS);
    assert_siren_ok(
        siren_nifti_new_header(SIREN_INT16, BIG_X, BIG_Y, BIG_Z, 2, (const double[]){1, 1, 1}, &g, header));
    assert_siren_ok(siren_nifti_writer_open(path, true, &g, header, &writer));
    for (size_t v = 0; v < 2; v++)
        for (size_t z = 0; z < BIG_Z; z++) {
            for (int i = 0; i < BIG_X * BIG_Y; i++)
                slice[i] = (int16_t)(500 * (v + 1) + 7 * (size_t)(i % BIG_X) + 11 * z);
            assert_siren_ok(siren_nifti_writer_slice(writer, v, z, slice));
        }
    assert_siren_ok(siren_nifti_writer_commit(writer));
}

/* The archive's only block, decoded in one piece by the portable definition. */
static void decode_at_once(const char *path, int16_t *voxels) {
    siren_archive *archive = NULL;
    siren_layout layout;
    siren_record record;
    uint8_t *bytes;
    size_t n_bytes;
    siren_scaling scaling[2];
    float *coordinates = calloc(BIG, 3 * sizeof *coordinates), *y = calloc(BIG, 2 * sizeof *y), *params;
    const siren_block block = {.nx = BIG_X, .ny = BIG_Y, .nz = BIG_Z};
    assert_siren_ok(siren_archive_open(path, &archive));
    assert_siren_ok(siren_layout_read(archive, &layout));
    assert_siren_ok(siren_record_load("big", &layout, archive, 0, &bytes, &n_bytes));
    assert_siren_ok(siren_record_read("big", &layout, siren_block_points(&block), bytes, n_bytes, &record));
    for (size_t v = 0; v < 2; v++)
        scaling[v] = (siren_scaling){siren_get_f64(record.scaling + 16 * v),
                                     siren_get_f64(record.scaling + 16 * v + 8)};
    params = calloc(siren_network_n_params(&layout.network), sizeof *params);
    assert_siren_ok(siren_dequantise("big", &layout.network, layout.weight_bits, record.parameters,
                                     siren_quantised_bytes(&layout.network, layout.weight_bits), params));
    method_coordinates(BIG_X, BIG_Y, BIG_Z, 3, coordinates);
    assert_siren_ok(siren_decode_host(&layout.network, layout.network.n_layers, params, BIG, coordinates, y));
    assert_siren_ok(siren_block_restore(&block, 0, BIG, SIREN_INT16, 2, scaling, y, voxels));
    free(bytes), free(coordinates), free(y), free(params);
    siren_archive_close(archive);
}

static void large_blocks_are_decoded_in_pieces(void **state) {
    (void)state;
    siren_compress_options options = quick("siren-3d", SIREN_BLOCK_VOLUME);
    int16_t *voxels = calloc(BIG, 2 * sizeof *voxels);
    size_t n_sound = 0;
    options.settings.weight_bits = SIREN_FLOAT32_WEIGHTS;
    make_big_image(scratch_path("big.nii"));
    for (siren_family family = SIREN_FAMILY_CHAIN; family <= SIREN_FAMILY_LAYER; family++) {
        siren_series back = {.voxels = NULL};
        siren_device_set_family(device, family);
        assert_siren_ok(siren_compress_file(device, scratch_path("big.nii"), scratch_path("big.siren"),
                                            &options, NULL, NULL, NULL));
        assert_siren_ok(siren_verify_file(NULL, scratch_path("big.siren"), SIZE_MAX, NULL, NULL, &n_sound));
        assert_siren_ok(siren_decompress_file(device, scratch_path("big.siren"), scratch_path("back.nii"),
                                              &whole, NULL, NULL));
        assert_siren_ok(siren_nifti_read(scratch_path("back.nii"), SIZE_MAX, &back));
        decode_at_once(scratch_path("big.siren"), voxels);
        assert_memory_equal(back.voxels, voxels, 2 * BIG * sizeof *voxels);
        siren_series_free(&back);
    }
    siren_device_set_family(device, SIREN_FAMILY_CHAIN);
    free(voxels);
}

static siren_status compress_big(const siren_compress_options *options, const char *archive) {
    return siren_compress_file(device, scratch_path("big.nii"), archive, options, NULL, NULL, NULL);
}

static void expect_same_file(const char *path, const char *wanted) {
    uint8_t *bytes = NULL, *expected = NULL;
    size_t n_bytes = 0, n_expected = 0;
    assert_siren_ok(siren_file_read(path, SIZE_MAX, &bytes, &n_bytes));
    assert_siren_ok(siren_file_read(wanted, SIZE_MAX, &expected, &n_expected));
    assert_int_equal(n_bytes, n_expected);
    assert_memory_equal(bytes, expected, n_bytes);
    free(bytes), free(expected);
}

/* Targets that no buffer of the device can hold, or that memory is too short for, are read again in each epoch: the
 * same archive. Where even that does not fit, the error says so. */
static void little_memory_gives_the_same_archive(void **state) {
    (void)state;
    siren_device_facts *facts = (siren_device_facts *)siren_device_get_facts(device), before = *facts;
    siren_compress_options options = quick("siren-3d", SIREN_BLOCK_VOLUME);
    char wanted[256], tiled[256];
    make_big_image(scratch_path("big.nii"));
    snprintf(wanted, sizeof wanted, "%s", scratch_path("big.siren"));
    snprintf(tiled, sizeof tiled, "%s", scratch_path("tiled.siren"));
    options.settings.epochs = 2;
    options.settings.weight_bits = SIREN_FLOAT32_WEIGHTS;
    for (siren_family family = SIREN_FAMILY_CHAIN; family <= SIREN_FAMILY_LAYER; family++) {
        siren_device_set_family(device, family);
        options.memory_limit = SIZE_MAX;
        assert_siren_ok(compress_big(&options, wanted));
        facts->max_allocation_bytes = 3 << 20; /* targets: 73,800 points of 16 floats */
        assert_siren_ok(compress_big(&options, tiled));
        facts->max_allocation_bytes = before.max_allocation_bytes;
        expect_same_file(tiled, wanted);
        unlink(tiled);
        options.memory_limit = 1 << 20;
        siren_status status;
        size_t n_refused = 0;
        while ((status = compress_big(&options, tiled)) == SIREN_UNSUPPORTED) {
            assert_non_null(strstr(siren_message(), "--memory"));
            assert_false(file_exists(tiled));
            options.memory_limit += options.memory_limit / 16;
            n_refused++;
        }
        assert_siren_ok(status);
        assert_true(n_refused > 0);
        expect_same_file(tiled, wanted);
    }
    *facts = before;
}

/* ---- wrong use, and lies ---- */

static void expect_refusal(siren_compress_options options, siren_status expected, const char *text) {
    unlink(scratch_path("refused.siren"));
    assert_int_equal(siren_compress_file(device, scratch_path("image.nii"), scratch_path("refused.siren"),
                                         &options, NULL, NULL, NULL),
                     expected);
    if (!strstr(siren_message(), text)) fail_msg("'%s' does not say '%s'", siren_message(), text);
    assert_false(file_exists(scratch_path("refused.siren")));
}

static void wrong_combinations_are_refused(void **state) {
    (void)state;
    make_image(scratch_path("image.nii"), false, ordinary);
    expect_refusal(quick("siren-2d", SIREN_BLOCK_VOLUME), SIREN_USAGE, "model siren-2d maps 2 coordinates");
    expect_refusal(quick("mlp-tanh", SIREN_BLOCK_PATCH), SIREN_USAGE, "blocks of kind patch have 3");
    expect_refusal(quick("siren-3d", SIREN_BLOCK_SLICE), SIREN_USAGE, "blocks of kind slice have 2");
    siren_compress_options empty = quick("siren-3d", SIREN_BLOCK_PATCH);
    empty.settings.patch[1] = 0;
    expect_refusal(empty, SIREN_USAGE, "give at least 1");
    siren_compress_options absent = quick("siren-3d", SIREN_BLOCK_VOLUME);
    absent.settings.slices = (siren_span){2, 4};
    expect_refusal(absent, SIREN_USAGE, "slices 2:4");
}

static void a_layer_needs_memory(void **state) {
    (void)state;
    siren_compress_options options = quick("siren-3d", SIREN_BLOCK_PATCH);
    siren_decompress_options small = whole;
    make_image(scratch_path("image.nii"), false, ordinary);
    assert_siren_ok(siren_compress_file(device, scratch_path("image.nii"), scratch_path("a.siren"), &options,
                                        NULL, NULL, NULL));
    small.memory_limit = 4 * SLICE * 2 * NV - 1;
    unlink(scratch_path("back.nii"));
    assert_int_equal(
        siren_decompress_file(device, scratch_path("a.siren"), scratch_path("back.nii"), &small, NULL, NULL),
        SIREN_UNSUPPORTED);
    assert_false(file_exists(scratch_path("back.nii")));
    small.volumes = (siren_span){0, NV - 1};
    assert_siren_ok(
        siren_decompress_file(device, scratch_path("a.siren"), scratch_path("back.nii"), &small, NULL, NULL));
}

/* Offsets of GEOMETRY by docs/archive-format.md. */
enum {
    KIND = 0,
    FIRST = 48,
    COUNT = 56,
    BEGIN = 64,
    END = 72,
    SIZE_X = 80,
    SIZE_Y = 88,
    SIZE_Z = 96,
    GEOMETRY = 104
};

typedef struct {
    size_t at;
    uint64_t value; /* of 4 bytes at KIND and 12, else of 8 */
    siren_status expected;
} lie;

static const lie patch_lies[] = {
    {SIZE_X, 4, SIREN_OK},
    {SIZE_X, 0, SIREN_CORRUPT},
    {SIZE_Y, 0, SIREN_CORRUPT},
    {SIZE_Z, 0, SIREN_CORRUPT},
    {SIZE_X, (uint64_t)1 << 63, SIREN_CORRUPT},
    {SIZE_Z, UINT64_MAX, SIREN_CORRUPT},
    {SIZE_X, 1, SIREN_CORRUPT},      /* more blocks than records */
    {SIZE_X, 9, SIREN_CORRUPT},      /* fewer */
    {SIZE_Y, NY + 1, SIREN_CORRUPT}, /* beyond the axis */
    {SIZE_Z, NZ + 1, SIREN_CORRUPT},
    {COUNT, 0, SIREN_CORRUPT},
    {COUNT, 17, SIREN_CORRUPT},
    {COUNT, 19, SIREN_CORRUPT},
    {COUNT, UINT64_MAX, SIREN_CORRUPT},
    {FIRST, 1, SIREN_CORRUPT},
    {FIRST, UINT64_MAX - 17, SIREN_CORRUPT},
    {BEGIN, NZ, SIREN_CORRUPT},
    {BEGIN, UINT64_MAX, SIREN_CORRUPT},
    {END, 0, SIREN_CORRUPT},
    {END, NZ + 1, SIREN_CORRUPT},
    {END, (uint64_t)1 << 63, SIREN_CORRUPT},
    {END, NZ - 1, SIREN_CORRUPT}, /* half of the blocks */
    {KIND, SIREN_BLOCK_VOLUME, SIREN_CORRUPT},
    {KIND, SIREN_BLOCK_SLICE, SIREN_UNSUPPORTED}, /* in a section of another length */
    {KIND, 0, SIREN_UNSUPPORTED},
    {KIND, 4, SIREN_UNSUPPORTED},
    {12, 1, SIREN_UNSUPPORTED},
    {16, NX + 1, SIREN_CORRUPT},
    {32, NZ + 1, SIREN_CORRUPT},
};
static const lie volume_lies[] = {
    {SIZE_X, NX, SIREN_OK},
    {SIZE_X, NX - 1, SIREN_CORRUPT},
    {SIZE_Z, NZ - 1, SIREN_CORRUPT},
    {BEGIN, 1, SIREN_CORRUPT},
    {COUNT, 2, SIREN_CORRUPT},
    {FIRST, 1, SIREN_CORRUPT},
    {KIND, SIREN_BLOCK_PATCH, SIREN_OK}, /* one patch of the whole size is the same box */
};

/* A copy of `archive` whose GEOMETRY has `n_geometry` bytes and one field changed. */
static void forge(siren_archive *archive, const char *path, size_t n_geometry, const lie *l) {
    siren_archive_writer *writer = NULL;
    const uint32_t kinds[] = {SIREN_SECTION_HEADER, SIREN_SECTION_GEOMETRY, SIREN_SECTION_NETWORK,
                              SIREN_SECTION_WEIGHTS};
    uint8_t geometry[GEOMETRY + 8] = {0};
    assert_siren_ok(siren_archive_writer_open(path, true, &writer));
    for (size_t i = 0; i < 4; i++) {
        const uint8_t *bytes;
        size_t n;
        assert_siren_ok(siren_archive_section(archive, kinds[i], 0, &bytes, &n));
        if (kinds[i] == SIREN_SECTION_GEOMETRY) {
            assert_int_equal(n, GEOMETRY);
            memcpy(geometry, bytes, n);
            if (l->at == KIND || l->at == 12)
                siren_put_u32(geometry + l->at, (uint32_t)l->value);
            else
                siren_put_u64(geometry + l->at, l->value);
            bytes = geometry;
            n = n_geometry;
        }
        assert_siren_ok(siren_archive_writer_section(writer, kinds[i], bytes, n, false));
    }
    siren_layout layout;
    assert_siren_ok(siren_layout_read(archive, &layout));
    for (size_t i = 0; i < siren_archive_n_records(archive); i++) {
        uint8_t *record;
        size_t n;
        assert_siren_ok(siren_record_load("block", &layout, archive, i, &record, &n));
        assert_siren_ok(siren_archive_writer_record(writer, &siren_archive_index(archive)[i], record, n));
        free(record);
    }
    assert_siren_ok(siren_archive_writer_commit(writer, NULL));
}

static void check_lies(siren_block_kind kind, const lie *lies, size_t n_lies) {
    siren_compress_options options = quick("siren-3d", kind);
    siren_archive *archive = NULL;
    make_image(scratch_path("image.nii"), false, ordinary);
    assert_siren_ok(siren_compress_file(device, scratch_path("image.nii"), scratch_path("a.siren"), &options,
                                        NULL, NULL, NULL));
    assert_siren_ok(siren_archive_open(scratch_path("a.siren"), &archive));
    for (size_t i = 0; i < n_lies; i++) {
        siren_archive_info info;
        forge(archive, scratch_path("forged.siren"), GEOMETRY, &lies[i]);
        siren_status status = siren_info(scratch_path("forged.siren"), &info);
        if (status != lies[i].expected)
            fail_msg("lie %zu: %s (%s)", i, siren_status_name(status), siren_message());
        if (status == SIREN_OK) siren_archive_info_free(&info);
        unlink(scratch_path("forged.nii"));
        assert_int_equal(siren_decompress_file(NULL, scratch_path("forged.siren"), scratch_path("forged.nii"),
                                               &whole, NULL, NULL),
                         lies[i].expected);
        assert_true(file_exists(scratch_path("forged.nii")) == (status == SIREN_OK));
        assert_int_equal(siren_verify_file(NULL, scratch_path("forged.siren"), 1 << 24, NULL, NULL, NULL),
                         lies[i].expected);
    }
    const size_t lengths[] = {0, 16, 63, 64, 96, 103, 105, 112};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        siren_archive_info info;
        forge(archive, scratch_path("forged.siren"), lengths[i], &lies[0]);
        assert_int_equal(siren_info(scratch_path("forged.siren"), &info), SIREN_UNSUPPORTED);
    }
    siren_archive_close(archive);
}

static void a_lying_geometry_is_found(void **state) {
    (void)state;
    check_lies(SIREN_BLOCK_PATCH, patch_lies, sizeof patch_lies / sizeof *patch_lies);
    check_lies(SIREN_BLOCK_VOLUME, volume_lies, sizeof volume_lies / sizeof *volume_lies);
}

/* A network of 3 coordinates for slices: as many records as slices, each sound in itself. */
static void the_network_must_suit_the_blocks(void **state) {
    (void)state;
    siren_compress_options options = quick("siren-3d", SIREN_BLOCK_PATCH);
    siren_archive *archive = NULL;
    siren_archive_info info;
    options.settings.patch[0] = NX, options.settings.patch[1] = NY, options.settings.patch[2] = 1;
    make_image(scratch_path("image.nii"), false, ordinary);
    assert_siren_ok(siren_compress_file(device, scratch_path("image.nii"), scratch_path("a.siren"), &options,
                                        NULL, NULL, NULL));
    assert_siren_ok(siren_archive_open(scratch_path("a.siren"), &archive));
    forge(archive, scratch_path("forged.siren"), 64, &(lie){KIND, SIREN_BLOCK_SLICE, SIREN_CORRUPT});
    assert_int_equal(siren_info(scratch_path("forged.siren"), &info), SIREN_CORRUPT);
    assert_non_null(strstr(siren_message(), "slices need 2"));
    siren_archive_close(archive);
}

/* Whatever call fails while groups of patches change trainers: no archive appears and nothing leaks. */
static void a_failing_device_leaves_nothing(void **state) {
    (void)state;
    siren_compress_options options = quick("siren-3d", SIREN_BLOCK_PATCH);
    options.settings.epochs = 1;
    make_image(scratch_path("image.nii"), false, ordinary);
    fail_every_call(scratch_path("image.nii"), scratch_path("failed.siren"), &options);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_model_and_kind),
        cmocka_unit_test(patches_are_put_in_their_places),
        cmocka_unit_test(odd_sizes),
        cmocka_unit_test(parts_equal_the_whole),
        cmocka_unit_test(only_the_patches_asked_for_are_read),
        cmocka_unit_test(large_blocks_are_decoded_in_pieces),
        cmocka_unit_test(little_memory_gives_the_same_archive),
        cmocka_unit_test(wrong_combinations_are_refused),
        cmocka_unit_test(a_layer_needs_memory),
        cmocka_unit_test(a_lying_geometry_is_found),
        cmocka_unit_test(the_network_must_suit_the_blocks),
        cmocka_unit_test(a_failing_device_leaves_nothing),
    };
    int failed = run_on_family(SIREN_FAMILY_CHAIN, tests, sizeof tests / sizeof *tests);
    scratch_remove();
    return failed;
}
