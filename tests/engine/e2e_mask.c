/* Masked archives: what is inside decodes like any block, what is outside comes back as one value and changes nothing, and
 * masks that cannot be are refused. */
#include "tests/shared/devices.h"
#include "engine/archive/coded_record.h"
#include "engine/decode/decode.h"
#include "engine/encode/quantise.h"
#include "lab/sweep/slicewise.h"
#include "formats/little_endian.h"
#include "formats/nifti.h"
#include "tests/shared/nifti_files.h"
#include "tests/shared/oracle.h"
#include "tests/shared/voxel_series.h"

#include <math.h>
#include <unistd.h>

static char mask_path[64];

enum { NX = 9, NY = 7, NZ = 5, NV = 2, SLICE = NX * NY, POINTS = SLICE * NZ, VALUES = POINTS * NV };

static siren_compress_options quick(siren_block_kind blocks) {
    siren_compress_options options = siren_compress_defaults();
    options.settings.model = blocks == SIREN_BLOCK_SLICE ? "siren-2d" : "siren-3d";
    options.settings.blocks = blocks;
    options.settings.patch[0] = 4, options.settings.patch[1] = 3, options.settings.patch[2] = 2;
    options.settings.layers = 2;
    options.settings.width = 24;
    options.settings.packing = SIREN_PACKING_LZMA; /* quicker to read, which is done for many a part */
    options.settings.epochs = 6;
    options.overwrite = true;
    options.mask = mask_path;
    return options;
}

static const siren_decompress_options whole = {.overwrite = true, .memory_limit = 1 << 24};

/* ---- images ---- */

typedef double (*voxel_fn)(int x, int y, int z, int v);

/* An image of `nv` volumes; returns where its voxels begin. */
static size_t make_image(const char *path, int datatype, int bitpix, bool swapped, int nv, voxel_fn value) {
    nifti_recipe recipe = {.version = 1,
                           .swapped = swapped,
                           .datatype = datatype,
                           .bitpix = bitpix,
                           .dim = {4, NX, NY, NZ, nv, 1, 1, 1},
                           .slope = 1};
    static uint8_t bytes[NIFTI_MOST_BYTES];
    size_t n = nifti_make(&recipe, bytes), size = (size_t)bitpix / 8, offset = NIFTI_VOXEL_OFFSET(&recipe);
    assert_int_equal(n, offset + size * POINTS * (size_t)nv);
    for (int i = 0; i < POINTS * nv; i++) {
        double v = value(i % NX, i / NX % NY, i / SLICE % NZ, i / POINTS);
        uint8_t *at = bytes + offset + size * (size_t)i;
        if (datatype == 16 || datatype == 64)
            nifti_put_real(at, size, swapped, v);
        else
            nifti_put_integer(at, size, swapped, (int64_t)v);
    }
    file_put(path, bytes, n);
    return offset;
}

/* Slice 0 has nothing inside, slices 1 and 2 the same cylinder, slice 3 a part of it, slice 4 all. */
static double brain(int x, int y, int z, int v) {
    (void)v;
    double r = hypot(x - 4, y - 3);
    return z == 0 ? 0 : z == 4 ? 1 : r < 2.8 && (z < 3 || x > 3);
}

static double everywhere(int x, int y, int z, int v) {
    (void)x, (void)y, (void)z, (void)v;
    return 1;
}

static double signal(int x, int y, int z, int v) { return 100 + 50 * sin(0.7 * x + 0.4 * y + v) + 9 * z; }

/* A value of -1 around the brain; infinities within. */
static double ordinary(int x, int y, int z, int v) {
    if (!(brain(x, y, z, 0) > 0)) return -1;
    return x == 4 && y == 3 && v == 1 ? (z % 2 ? INFINITY : -INFINITY) : signal(x, y, z, v);
}

/* The same brain in a background that would ruin every scaling. */
static double loud(int x, int y, int z, int v) {
    if (brain(x, y, z, 0) > 0) return ordinary(x, y, z, v);
    return x % 3 == 0 ? NAN : x % 3 == 1 ? -INFINITY : 1e30 * y;
}

static double in_nan(int x, int y, int z, int v) { return brain(x, y, z, 0) > 0 ? signal(x, y, z, v) : NAN; }

static void make_mask(voxel_fn value) { make_image(mask_path, 2, 8, false, 1, value); }

static void make_ordinary(voxel_fn value, bool swapped) {
    make_image(scratch_path("image.nii"), 16, 32, swapped, NV, value);
}

static float *read_voxels(const char *path, siren_series *series) {
    assert_siren_ok(siren_nifti_read(path, SIZE_MAX, series));
    assert_int_equal(series->geometry.datatype, SIREN_FLOAT32);
    return series->voxels;
}

/* Compresses image.nii to `name`. */
static void compress(const siren_compress_options *options, const char *name) {
    assert_siren_ok(siren_compress_file(device, scratch_path("image.nii"), scratch_path(name), options, NULL,
                                        NULL, NULL));
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
    compress(options, "a.siren");
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
            siren_compress_options options = quick(kind);
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
    siren_compress_options options = quick(SIREN_BLOCK_SLICE);
    siren_archive_info info;
    size_t n_inside = 0;
    make_mask(brain);
    make_ordinary(ordinary, false);
    compress(&options, "a.siren");
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
    compress(&options, "a.siren");
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
    siren_compress_options options = quick(SIREN_BLOCK_SLICE);
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
        siren_compress_options options = quick(kind);
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
            siren_compress_options options = quick(kind);
            options.settings.points_per_epoch = points;
            make_mask(brain);
            make_ordinary(ordinary, false);
            compress(&options, "a.siren");
            make_ordinary(loud, false);
            compress(&options, "loud.siren");
            expect_equal_records("a.siren", "loud.siren");
        }
}

/* Slices 1 and 2 have one mask and may be trained together, the others alone. */
static void blocks_do_not_depend_on_each_other(void **state) {
    (void)state;
    siren_compress_options options = quick(SIREN_BLOCK_SLICE);
    make_mask(brain);
    make_ordinary(ordinary, false);
    compress(&options, "a.siren");
    for (size_t z = 1; z < NZ; z++) {
        options.settings.slices = (siren_span){z, z + 1};
        compress(&options, "one.siren");
        expect_equal_records("one.siren", "a.siren");
    }
}

static void little_memory_gives_the_same_archive(void **state) {
    (void)state;
    siren_compress_options options = quick(SIREN_BLOCK_VOLUME);
    size_t n_refused = 0;
    siren_status status;
    make_mask(brain);
    make_ordinary(ordinary, false);
    compress(&options, "a.siren");
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
        siren_compress_options options = quick(kind);
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
        siren_compress_options options = quick(kind);
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

/* ---- wrong masks ---- */

static double nowhere(int x, int y, int z, int v) {
    (void)x, (void)y, (void)z, (void)v;
    return 0;
}
static double three_values(int x, int y, int z, int v) { return brain(x, y, z, v) + (x == 4 && y == 3); }
static double with_nan(int x, int y, int z, int v) { return x == 8 && z == 4 ? NAN : brain(x, y, z, v); }

static void expect_refusal(const siren_compress_options *options, siren_status expected, const char *text) {
    unlink(scratch_path("refused.siren"));
    assert_int_equal(siren_compress_file(device, scratch_path("image.nii"), scratch_path("refused.siren"),
                                         options, NULL, NULL, NULL),
                     expected);
    if (!strstr(siren_message(), text)) fail_msg("'%s' does not say '%s'", siren_message(), text);
    assert_false(file_exists(scratch_path("refused.siren")));
}

static void wrong_masks_are_refused(void **state) {
    (void)state;
    siren_compress_options options = quick(SIREN_BLOCK_SLICE);
    make_ordinary(ordinary, false);
    make_mask(nowhere);
    expect_refusal(&options, SIREN_CORRUPT, "is 0 everywhere");
    make_mask(three_values);
    expect_refusal(&options, SIREN_CORRUPT, "holds 2 beside 0 and 1");
    make_image(mask_path, 16, 32, false, 1, with_nan);
    expect_refusal(&options, SIREN_CORRUPT, "voxel (8, 0, 4) of volume 0 is nan; give finite values first");
    make_image(mask_path, 2, 8, false, 2, brain);
    expect_refusal(&options, SIREN_USAGE, "in 2 volumes");
    make_mask(brain);
    options.settings.slices = (siren_span){0, 1};
    expect_refusal(&options, SIREN_USAGE, "no voxel in slices 0:1");
    options.mask = "absent.nii";
    expect_refusal(&options, SIREN_SYSTEM, "absent.nii");
}

/* ---- lies ---- */

enum { N_BITS = (POINTS + 7) / 8, MASK = SIREN_MASK_PREFIX + N_BITS };

/* A copy of `archive` with `mask` (n_mask) as its MASK section, or without one where `mask` is NULL. */
static void forge(siren_archive *archive, const uint8_t *mask, size_t n_mask) {
    siren_archive_writer *writer = NULL;
    const uint32_t kinds[] = {SIREN_SECTION_HEADER, SIREN_SECTION_GEOMETRY, SIREN_SECTION_NETWORK,
                              SIREN_SECTION_WEIGHTS};
    assert_siren_ok(siren_archive_writer_open(scratch_path("forged.siren"), true, &writer));
    for (size_t i = 0; i < 4; i++) {
        const uint8_t *bytes;
        size_t n;
        assert_siren_ok(siren_archive_section(archive, kinds[i], 0, &bytes, &n));
        assert_siren_ok(siren_archive_writer_section(writer, kinds[i], bytes, n, false));
    }
    if (mask) assert_siren_ok(siren_archive_writer_section(writer, SIREN_SECTION_MASK, mask, n_mask, false));
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

/* What info, verify and decompress say of the forged archive; one that is refused restores nothing. */
static void expect_forged(siren_status info_status, siren_status decode_status) {
    siren_archive_info info;
    siren_status status = siren_info(scratch_path("forged.siren"), &info);
    if (status != info_status) fail_msg("%s: %s", siren_status_name(status), siren_message());
    if (status == SIREN_OK) siren_archive_info_free(&info);
    unlink(scratch_path("forged.nii"));
    for (size_t z = 0; z < NZ;
         z++) { /* whose checksums cannot tell that a mask lies, but a mask that cannot be is found */
        siren_voxel_series series = {.values = NULL};
        siren_status alone = siren_voxel_read(scratch_path("forged.siren"), (const size_t[]){4, 3, z},
                                              (siren_span){0, 0}, &series);
        if (info_status != SIREN_OK) assert_int_equal(alone, info_status);
        free(series.values);
    }
    for (int on_host = 0; on_host < 2; on_host++) {
        siren_device *on = on_host ? NULL : device;
        status = siren_decompress_file(on, scratch_path("forged.siren"), scratch_path("forged.nii"), &whole,
                                       NULL, NULL);
        if (status != decode_status) fail_msg("%s: %s", siren_status_name(status), siren_message());
        assert_true(file_exists(scratch_path("forged.nii")) == (status == SIREN_OK));
        assert_int_equal(siren_verify_file(on, scratch_path("forged.siren"), 1 << 24, NULL, NULL, NULL),
                         status);
    }
}

static void lying_masks_are_found(void **state) {
    (void)state;
    siren_compress_options options = quick(SIREN_BLOCK_PATCH);
    siren_archive *archive = NULL;
    const uint8_t *section;
    uint8_t mask[MASK + 8] = {0};
    size_t n;
    make_mask(brain);
    make_ordinary(ordinary, false);
    compress(&options, "a.siren");
    assert_siren_ok(siren_archive_open(scratch_path("a.siren"), &archive));
    assert_siren_ok(siren_archive_section(archive, SIREN_SECTION_MASK, 0, &section, &n));
    assert_int_equal(n, MASK);
    memcpy(mask, section, MASK);
    forge(archive, mask, MASK);
    expect_forged(SIREN_OK, SIREN_OK);

    const size_t lengths[] = {0, 1, 15, 16, MASK - 1, MASK + 1, MASK + 8};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        forge(archive, mask, lengths[i]);
        expect_forged(SIREN_CORRUPT, SIREN_CORRUPT);
        assert_non_null(strstr(siren_message(), "its mask has"));
    }
    const uint64_t counts[] = {0, 1, siren_get_u64(mask) - 1, siren_get_u64(mask) + 1, UINT64_MAX};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        siren_put_u64(mask, counts[i]);
        forge(archive, mask, MASK);
        expect_forged(SIREN_CORRUPT, SIREN_CORRUPT);
    }
    memcpy(mask, section, MASK);
    memset(mask + SIREN_MASK_PREFIX, 0, N_BITS); /* nothing inside, and consistent */
    siren_put_u64(mask, 0);
    forge(archive, mask, MASK);
    expect_forged(SIREN_CORRUPT, SIREN_CORRUPT);

    memcpy(mask, section, MASK);
    mask[MASK - 1] |= 0x80; /* a bit behind the last voxel, counted */
    siren_put_u64(mask, siren_get_u64(mask) + 1);
    forge(archive, mask, MASK);
    expect_forged(SIREN_CORRUPT, SIREN_CORRUPT);

    memcpy(mask, section, MASK);
    mask[12] = 1; /* a background of more bytes than a float32 has */
    forge(archive, mask, MASK);
    expect_forged(SIREN_CORRUPT, SIREN_CORRUPT);

    /* Sound in themselves, but of other voxels: the blocks' checksums tell. */
    memcpy(mask, section, MASK);
    mask[8] ^= 1;
    forge(archive, mask, MASK);
    expect_forged(SIREN_OK, SIREN_INTEGRITY);
    memcpy(mask, section, MASK);
    mask[SIREN_MASK_PREFIX] |= 1; /* voxel 0 inside in the place of the last one */
    mask[SIREN_MASK_PREFIX + (POINTS - 1) / 8] &= (uint8_t) ~(1U << (POINTS - 1) % 8);
    forge(archive, mask, MASK);
    siren_archive_info info;
    assert_siren_ok(siren_info(scratch_path("forged.siren"), &info));
    siren_archive_info_free(&info);
    siren_status status = siren_verify_file(NULL, scratch_path("forged.siren"), 1 << 24, NULL, NULL, NULL);
    assert_true(status == SIREN_INTEGRITY || status == SIREN_CORRUPT);
    forge(archive, NULL, 0);
    expect_forged(SIREN_OK, SIREN_INTEGRITY);
    siren_archive_close(archive);
}

/* Whatever call fails while masked blocks change trainers: no archive appears and nothing leaks. */
static void a_failing_device_leaves_nothing(void **state) {
    (void)state;
    siren_compress_options options = quick(SIREN_BLOCK_SLICE);
    options.settings.epochs = 1;
    make_mask(brain);
    make_ordinary(ordinary, false);
    fail_every_call(scratch_path("image.nii"), scratch_path("failed.siren"), &options);
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
        cmocka_unit_test(wrong_masks_are_refused),
        cmocka_unit_test(lying_masks_are_found),
        cmocka_unit_test(a_failing_device_leaves_nothing),
    };
    snprintf(mask_path, sizeof mask_path, "%s", scratch_path("mask.nii"));
    int failed = run_on_families(tests, sizeof tests / sizeof *tests);
    scratch_remove();
    return failed;
}
