/* Masked archives: what is inside decodes like any block, what is outside comes back as one value and changes
 * nothing. */
#include "tests/shared/devices.h"
#include "engine/archive/coded_record.h"
#include "engine/decode/decode.h"
#include "engine/encode/quantise.h"
#include "lab/sweep/slicewise.h"
#include "formats/little_endian.h"
#include "formats/nifti.h"
#include "tests/shared/masked_images.h"
#include "tests/shared/nifti_files.h"
#include "tests/shared/oracle.h"
#include "tests/shared/voxel_series.h"

#include <math.h>

static const siren_decompress_options whole = {.overwrite = true, .memory_limit = 1 << 24};

/* ---- images ---- */

static double everywhere(int x, int y, int z, int v) {
    (void)x, (void)y, (void)z, (void)v;
    return 1;
}

/* The same brain in a background that would ruin every scaling. */
static double loud(int x, int y, int z, int v) {
    if (brain(x, y, z, 0) > 0) return ordinary(x, y, z, v);
    return x % 3 == 0 ? NAN : x % 3 == 1 ? -INFINITY : 1e30 * y;
}

static double in_nan(int x, int y, int z, int v) {
    return brain(x, y, z, 0) > 0 ? signal_inside(x, y, z, v) : NAN;
}

static float *read_voxels(const char *path, siren_series *series) {
    assert_siren_ok(siren_nifti_read(path, SIZE_MAX, series));
    assert_int_equal(series->geometry.datatype, SIREN_FLOAT32);
    return series->voxels;
}

static void expect_equal_files(const char *path, const char *other) {
    size_t n_a, n_b;
    uint8_t *a = file_get(path, &n_a), *b = file_get(other, &n_b);
    assert_int_equal(n_a, n_b);
    assert_memory_equal(a, b, n_a);
    free(a), free(b);
}

/* ---- there and back ---- */

/* Compresses, verifies and restores to back.nii, the same on the device and on the host. */
static void there_and_back(const siren_compress_options *options) {
    siren_archive_info info;
    size_t n_sound = 0;
    const char *archive = scratch_path("a.siren");
    masked_compress(options, "a.siren");
    assert_siren_ok(siren_info(archive, &info));
    for (int on_host = 0; on_host < 2; on_host++) {
        assert_siren_ok(siren_verify_file(on_host ? NULL : device, archive, SIZE_MAX, NULL, NULL, &n_sound));
        assert_int_equal(n_sound, info.n_blocks);
    }
    assert_siren_ok(siren_decompress_file(device, archive, scratch_path("back.nii"), &whole, NULL, NULL));
    assert_siren_ok(siren_decompress_file(NULL, archive, scratch_path("host.nii"), &whole, NULL, NULL));
    expect_equal_files(scratch_path("back.nii"), scratch_path("host.nii"));
    expect_voxel_series(archive, scratch_path("back.nii"));
    siren_archive_info_free(&info);
}

/* Values of a block by the portable definition: its whole box decoded, of which only voxels inside count. */
static void expect_block(siren_archive *archive, const siren_layout *layout, size_t nth, const float *back) {
    const siren_block box = siren_block_at(&layout->grid, siren_archive_index(archive)[nth].block);
    size_t n = siren_block_voxels(&box), n_bytes;
    siren_block block;
    siren_record record;
    siren_scaling scaling[NV];
    float coordinates[3 * POINTS], y[VALUES], restored[VALUES], *params;
    uint32_t *inside;
    uint8_t *bytes;
    assert_siren_ok(siren_record_load("block", layout, archive, nth, &bytes, &n_bytes));
    assert_siren_ok(siren_mask_block(&layout->mask, &layout->grid, siren_archive_index(archive)[nth].block,
                                     &block, &inside));
    assert_siren_ok(siren_record_read("block", layout, siren_block_points(&block), bytes, n_bytes, &record));
    params = calloc(siren_network_n_params(&layout->network), sizeof *params);
    for (size_t v = 0; v < NV; v++)
        scaling[v] = (siren_scaling){siren_get_f64(record.scaling + 16 * v),
                                     siren_get_f64(record.scaling + 16 * v + 8)};
    if (!record.constant)
        assert_siren_ok(siren_dequantise("block", &layout->network, layout->weight_bits, record.parameters,
                                         siren_quantised_bytes(&layout->network, layout->weight_bits),
                                         params));
    method_coordinates((uint32_t)box.nx, (uint32_t)box.ny, (uint32_t)box.nz, layout->network.n_inputs,
                       coordinates);
    assert_siren_ok(siren_decode_host(&layout->network, layout->network.n_layers, params, n, coordinates, y));
    assert_siren_ok(
        siren_block_restore(&box, 0, n, SIREN_FLOAT32, NV, scaling, record.constant ? NULL : y, restored));
    for (size_t v = 0; v < NV; v++)
        for (size_t i = 0; i < n; i++) {
            size_t x = box.x + i % box.nx, row = i / box.nx, yy = box.y + row % box.ny,
                   z = box.z + row / box.ny;
            double wanted = ordinary((int)x, (int)yy, (int)z, (int)v);
            if (brain((int)x, (int)yy, (int)z, 0) > 0 && isfinite(wanted)) wanted = restored[v * n + i];
            float got = back[((v * NZ + z) * NY + yy) * NX + x];
            if (got != (float)wanted)
                fail_msg("block %zu: voxel %zu,%zu,%zu of volume %zu is %g, not %g", nth, x, yy, z, v,
                         (double)got, wanted);
        }
    free(params), free(bytes), free(inside);
}

static void inside_decodes_and_outside_is_the_background(void **state) {
    (void)state;
    for (siren_block_kind kind = SIREN_BLOCK_SLICE; kind <= SIREN_BLOCK_PATCH; kind++)
        for (int swapped = 0; swapped < 2; swapped++) {
            siren_compress_options options = masked_options(kind);
            siren_archive *archive = NULL;
            siren_layout layout;
            siren_series back = {.voxels = NULL};
            make_mask(brain);
            make_ordinary(ordinary, swapped);
            if (swapped) options.settings.weight_bits = SIREN_FLOAT32_WEIGHTS;
            there_and_back(&options);
            assert_siren_ok(siren_archive_open(scratch_path("a.siren"), &archive));
            assert_siren_ok(siren_layout_read(archive, &layout));
            float *voxels = read_voxels(scratch_path("back.nii"), &back);
            for (size_t nth = 0; nth < layout.grid.count; nth++) expect_block(archive, &layout, nth, voxels);
            siren_series_free(&back);
            siren_archive_close(archive);
        }
}

static void info_tells_what_is_stored(void **state) {
    (void)state;
    siren_compress_options options = masked_options(SIREN_BLOCK_SLICE);
    siren_archive_info info;
    size_t n_inside = 0;
    make_mask(brain);
    make_ordinary(ordinary, false);
    masked_compress(&options, "a.siren");
    assert_siren_ok(siren_info(scratch_path("a.siren"), &info));
    for (int z = 0; z < NZ; z++) {
        size_t n = 0;
        for (int i = 0; i < SLICE; i++) n += brain(i % NX, i / NX, z, 0) > 0;
        assert_int_equal(info.blocks[z].n_points, n);
        assert_true(n > 0 ? info.blocks[z].mse > 0 : info.blocks[z].mse == 0);
        n_inside += n;
    }
    assert_true(info.masked && info.background == -1 && info.n_voxels == POINTS);
    assert_int_equal(info.n_inside, n_inside);
    assert_int_equal(info.series_bytes, 4 * VALUES);
    siren_archive_info_free(&info);

    options.mask = NULL;
    masked_compress(&options, "a.siren");
    assert_siren_ok(siren_info(scratch_path("a.siren"), &info));
    assert_true(!info.masked && info.n_inside == POINTS && info.blocks[1].n_points == SLICE);
    siren_archive_info_free(&info);
}

/* A value that all voxels outside have in common comes back bit for bit, else 0, in every type. */
static double counted(int x, int y, int z, int v) {
    return brain(x, y, z, 0) > 0 ? x + y + z + v : x == 0 && y == 0 ? 1 : 2;
}
static double seven(int x, int y, int z, int v) { return brain(x, y, z, 0) > 0 ? x + y + z + v : 7; }

static void the_background_is_common_or_zero(void **state) {
    (void)state;
    const int types[][2] = {{2, 8},   {4, 16},   {8, 32},   {16, 32},   {64, 64},
                            {256, 8}, {512, 16}, {768, 32}, {1024, 64}, {1280, 64}};
    siren_compress_options options = masked_options(SIREN_BLOCK_SLICE);
    siren_series back = {.voxels = NULL};
    make_mask(brain);
    options.settings.epochs = 1;
    for (size_t i = 0; i < 10; i++)
        for (int common = 0; common < 2; common++) {
            double values[POINTS];
            make_image(scratch_path("image.nii"), types[i][0], types[i][1], i % 2 == 1, 1,
                       common ? seven : counted);
            there_and_back(&options);
            assert_siren_ok(siren_nifti_read(scratch_path("back.nii"), SIZE_MAX, &back));
            siren_series_values(&back, 0, POINTS, values);
            for (int k = 0; k < POINTS; k++)
                if (!(brain(k % NX, k / NX % NY, k / SLICE % NZ, 0) > 0))
                    assert_true(values[k] == (common ? 7 : 0));
            siren_series_free(&back);
        }
    make_ordinary(in_nan, false);
    there_and_back(&options);
    float *voxels = read_voxels(scratch_path("back.nii"), &back);
    for (int k = 0; k < VALUES; k++)
        assert_true(!isnan(voxels[k]) == (brain(k % NX, k / NX % NY, k / SLICE % NZ, 0) > 0));
    siren_series_free(&back);
}

/* ---- what training sees ---- */

static void expect_equal_records(const char *path, const char *other) {
    siren_archive *a = NULL, *b = NULL;
    assert_siren_ok(siren_archive_open(scratch_path(path), &a));
    assert_siren_ok(siren_archive_open(scratch_path(other), &b));
    for (size_t i = 0; i < siren_archive_n_records(a); i++) {
        uint8_t *of_a, *of_b;
        size_t n_a, n_b, k = 0;
        while (siren_archive_index(b)[k].block != siren_archive_index(a)[i].block) k++;
        assert_siren_ok(siren_archive_record(a, i, &of_a, &n_a));
        assert_siren_ok(siren_archive_record(b, k, &of_b, &n_b));
        assert_int_equal(n_a, n_b);
        assert_memory_equal(of_a, of_b, n_a);
        assert_true(siren_archive_index(a)[i].mse == siren_archive_index(b)[k].mse);
        free(of_a), free(of_b);
    }
    siren_archive_close(a);
    siren_archive_close(b);
}

static void a_full_mask_changes_nothing(void **state) {
    (void)state;
    for (siren_block_kind kind = SIREN_BLOCK_SLICE; kind <= SIREN_BLOCK_PATCH; kind++) {
        siren_compress_options options = masked_options(kind);
        options.settings.weight_bits = SIREN_FLOAT32_WEIGHTS;
        make_mask(everywhere);
        make_ordinary(ordinary, false);
        there_and_back(&options);
        assert_int_equal(rename(scratch_path("back.nii"), scratch_path("masked.nii")), 0);
        assert_int_equal(rename(scratch_path("a.siren"), scratch_path("masked.siren")), 0);
        options.mask = NULL;
        there_and_back(&options);
        expect_equal_records("masked.siren", "a.siren");
        expect_equal_files(scratch_path("masked.nii"), scratch_path("back.nii"));
    }
}

static void what_is_outside_changes_nothing(void **state) {
    (void)state;
    for (siren_block_kind kind = SIREN_BLOCK_SLICE; kind <= SIREN_BLOCK_PATCH; kind++)
        for (size_t points = 0; points <= 5; points += 5) {
            siren_compress_options options = masked_options(kind);
            options.settings.points_per_epoch = points;
            make_mask(brain);
            make_ordinary(ordinary, false);
            masked_compress(&options, "a.siren");
            make_ordinary(loud, false);
            masked_compress(&options, "loud.siren");
            expect_equal_records("a.siren", "loud.siren");
        }
}

/* Slices 1 and 2 have one mask and may be trained together, the others alone. */
static void blocks_do_not_depend_on_each_other(void **state) {
    (void)state;
    siren_compress_options options = masked_options(SIREN_BLOCK_SLICE);
    make_mask(brain);
    make_ordinary(ordinary, false);
    masked_compress(&options, "a.siren");
    for (size_t z = 1; z < NZ; z++) {
        options.settings.slices = (siren_span){z, z + 1};
        masked_compress(&options, "one.siren");
        expect_equal_records("one.siren", "a.siren");
    }
}

static void little_memory_gives_the_same_archive(void **state) {
    (void)state;
    siren_compress_options options = masked_options(SIREN_BLOCK_VOLUME);
    size_t n_refused = 0;
    siren_status status;
    make_mask(brain);
    make_ordinary(ordinary, false);
    masked_compress(&options, "a.siren");
    options.memory_limit = 1 << 14;
    while ((status = siren_compress_file(device, scratch_path("image.nii"), scratch_path("small.siren"),
                                         &options, NULL, NULL, NULL)) == SIREN_UNSUPPORTED) {
        options.memory_limit += options.memory_limit / 16;
        n_refused++;
    }
    assert_siren_ok(status);
    assert_true(n_refused > 0);
    expect_equal_files(scratch_path("a.siren"), scratch_path("small.siren"));
}

/* ---- parts, figures ---- */

static void parts_equal_the_whole(void **state) {
    (void)state;
    for (siren_block_kind kind = SIREN_BLOCK_SLICE; kind <= SIREN_BLOCK_PATCH; kind++) {
        siren_compress_options options = masked_options(kind);
        siren_series all = {.voxels = NULL}, some = {.voxels = NULL};
        siren_decompress_options part = whole;
        make_mask(brain);
        make_ordinary(ordinary, false);
        there_and_back(&options);
        float *voxels = read_voxels(scratch_path("back.nii"), &all);
        part.slices = (siren_span){2, 4};
        part.volumes = (siren_span){1, 2};
        assert_siren_ok(siren_decompress_file(device, scratch_path("a.siren"), scratch_path("some.nii.gz"),
                                              &part, NULL, NULL));
        float *got = read_voxels(scratch_path("some.nii.gz"), &some);
        assert_memory_equal(got, voxels + (NZ + 2) * SLICE, 2 * SLICE * sizeof *got);
        siren_series_free(&all);
        siren_series_free(&some);

        /* The mask is kept for the archived slices alone, wherever its bits begin. */
        options.settings.slices = (siren_span){3, 5};
        there_and_back(&options);
        got = read_voxels(scratch_path("back.nii"), &some);
        for (int i = 0; i < 2 * SLICE; i++)
            assert_true((got[i] == -1) == !(brain(i % NX, i / NX % NY, 3 + i / SLICE, 0) > 0));
        siren_series_free(&some);
    }
}

static void figures_of_slices_are_of_what_is_inside(void **state) {
    (void)state;
    for (siren_block_kind kind = SIREN_BLOCK_SLICE; kind <= SIREN_BLOCK_PATCH; kind++) {
        siren_compress_options options = masked_options(kind);
        siren_series series = {.voxels = NULL}, back = {.voxels = NULL};
        siren_slice_fidelity *slices = NULL;
        size_t n_slices = 0;
        make_mask(brain);
        make_ordinary(loud, false);
        there_and_back(&options);
        float *a = read_voxels(scratch_path("image.nii"), &series),
              *b = read_voxels(scratch_path("back.nii"), &back);
        assert_siren_ok(siren_slicewise(device, scratch_path("a.siren"), &series, NULL, SIZE_MAX, NULL, NULL,
                                        &slices, &n_slices));
        assert_int_equal(n_slices, NZ);
        assert_true(slices[0].constant && slices[0].honest.n == 0);
        for (int z = 1; z < NZ; z++) {
            double sum = 0;
            size_t n = 0;
            for (int v = 0; v < NV; v++) {
                double low = INFINITY, high = -INFINITY;
                for (int pass = 0; pass < 2; pass++)
                    for (int i = 0; i < SLICE; i++) {
                        size_t at = (size_t)((v * NZ + z) * SLICE + i);
                        double value = (double)a[at];
                        if (!(brain(i % NX, i / NX, z, 0) > 0) || !isfinite(value)) continue;
                        low = fmin(low, value), high = fmax(high, value);
                        if (pass == 0) continue;
                        sum += pow((value - (double)b[at]) / (high - low), 2);
                        n++;
                    }
            }
            assert_int_equal(slices[z].honest.n, n);
            double mse = sum / (double)n;
            if (!(fabs(slices[z].honest.mse - mse) < 1e-5 * mse + 1e-11)) /* restored values are float32 */
                fail_msg("kind %d, slice %d: %.9g, not %.9g", (int)kind, z, slices[z].honest.mse, mse);
        }
        free(slices);
        siren_series_free(&series);
        siren_series_free(&back);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inside_decodes_and_outside_is_the_background),
        cmocka_unit_test(info_tells_what_is_stored),
        cmocka_unit_test(the_background_is_common_or_zero),
        cmocka_unit_test(a_full_mask_changes_nothing),
        cmocka_unit_test(what_is_outside_changes_nothing),
        cmocka_unit_test(blocks_do_not_depend_on_each_other),
        cmocka_unit_test(little_memory_gives_the_same_archive),
        cmocka_unit_test(parts_equal_the_whole),
        cmocka_unit_test(figures_of_slices_are_of_what_is_inside),
    };
    int failed = run_on_families(tests, sizeof tests / sizeof *tests);
    scratch_remove();
    return failed;
}
