/* compress, info, verify, decompress and compare in one process: what comes back, for images of every kind, and what a
 * failing device or a lying archive leaves behind. */
#include "tests/shared/devices.h"
#include "engine/archive/coded_record.h"
#include "engine/encode/quantise.h"
#include "engine/calls.h"
#include "formats/nifti.h"
#include "tests/shared/nifti_files.h"
#include "tests/shared/voxel_series.h"

#include <math.h>
#include <sys/resource.h>
#include <unistd.h>

static siren_compress_options quick(void) {
    siren_compress_options options = siren_compress_defaults();
    options.settings.layers = 2;
    options.settings.width = 24;
    options.settings.epochs = 5;
    options.overwrite = true;
    return options;
}

static const siren_decompress_options whole = {.overwrite = true, .memory_limit = 1 << 24};

/* A float32 image of 9 x 7 x 3 with 4 volumes: slice 0 all zero, slice 1 with volume 2 constant and NaN, infinities and
 * a NaN of unusual bits, slice 2 ordinary. */
enum { NX = 9, NY = 7, NZ = 3, NV = 4, SLICE = NX * NY };

static void make_image(const char *path, bool swapped) {
    nifti_recipe recipe = {.version = 1,
                           .swapped = swapped,
                           .datatype = 16,
                           .bitpix = 32,
                           .dim = {4, NX, NY, NZ, NV, 1, 1, 1},
                           .extension = 32,
                           .slope = 2,
                           .inter = -1};
    uint8_t bytes[NIFTI_MOST_BYTES];
    size_t n = nifti_make(&recipe, bytes), offset = NIFTI_VOXEL_OFFSET(&recipe);
    assert_true(n <= sizeof bytes && n == offset + 4 * SLICE * NZ * NV);
    for (int v = 0; v < NV; v++)
        for (int z = 0; z < NZ; z++)
            for (int i = 0; i < SLICE; i++) {
                double value = z == 0 ? 0 : z == 1 && v == 2 ? 42.5 : 100 + 50 * sin(0.3 * i + v) + z;
                uint8_t *at = bytes + offset + 4 * (size_t)((v * NZ + z) * SLICE + i);
                nifti_put_real(at, 4, swapped, value);
                if (z == 1 && v == 0 && i == 3) nifti_put_real(at, 4, swapped, INFINITY);
                if (z == 1 && v == 0 && i == 4) nifti_put_real(at, 4, swapped, -INFINITY);
                if (z == 1 && v == 3 && i == 62) nifti_put_integer(at, 4, swapped, 0x7FC12345);
            }
    file_put(path, bytes, n);
}

static void everything_comes_back(void **state) {
    (void)state;
    for (int swapped = 0; swapped < 2; swapped++) {
        const char *image = scratch_path("image.nii"), *archive = scratch_path("image.siren"),
                   *back = scratch_path("back.nii");
        siren_compress_options options = quick();
        siren_archive_info info;
        size_t n_sound = 0, n_image, n_back;
        make_image(image, swapped);
        file_put(scratch_path("image.bval"), "0 1 2 3\n", 8);
        file_put(scratch_path("image.json"), "{}", 2);
        assert_siren_ok(siren_compress_file(device, image, archive, &options, NULL, NULL, &info));
        assert_int_equal(info.n_blocks, NZ);
        assert_true(info.blocks[0].mse == 0 && isinf(info.blocks[0].psnr) && info.blocks[1].mse > 0);
        assert_true(fabs(info.psnr - (info.blocks[1].psnr + info.blocks[2].psnr) / 2) < 1e-9);
        assert_int_equal(info.series_bytes, 4 * SLICE * NZ * NV);
        assert_int_equal(info.n_attachments, 2);
        siren_archive_info_free(&info);
        assert_siren_ok(siren_verify_file(device, archive, SIZE_MAX, NULL, NULL, &n_sound));
        assert_int_equal(n_sound, NZ);
        assert_siren_ok(siren_verify_file(NULL, archive, SIZE_MAX, NULL, NULL, &n_sound));
        unlink(scratch_path("back.bval"));
        assert_siren_ok(siren_decompress_file(device, archive, back, &whole, NULL, NULL));
        uint8_t *a = file_get(image, &n_image), *b = file_get(back, &n_back);
        assert_int_equal(n_image, n_back);
        size_t offset = n_image - 4 * SLICE * NZ * NV;
        assert_memory_equal(a, b, offset);
        for (int v = 0; v < NV; v++) {
            size_t slice0 = offset + 4 * (size_t)(v * NZ * SLICE), slice1 = slice0 + 4 * SLICE;
            assert_memory_equal(a + slice0, b + slice0, 4 * SLICE);
            if (v == 2) assert_memory_equal(a + slice1, b + slice1, 4 * SLICE);
            if (v == 0) assert_memory_equal(a + slice1 + 4 * 3, b + slice1 + 4 * 3, 8);
            if (v == 3) assert_memory_equal(a + slice1 + 4 * 62, b + slice1 + 4 * 62, 4);
        }
        assert_true(file_exists(scratch_path("back.bval")) && file_exists(scratch_path("back.json")));
        free(a), free(b);
        siren_comparison c;
        assert_siren_ok(siren_compare_files(image, back, NULL, SIZE_MAX, &c));
        assert_int_equal(c.n_unequal_finite, 0);
        assert_int_equal(c.n_voxels, SLICE * NZ * NV - 3);
        /* The host decoder gives the same file. */
        assert_siren_ok(siren_decompress_file(NULL, archive, scratch_path("host.nii"), &whole, NULL, NULL));
        expect_voxel_series(archive, back);
        a = file_get(back, &n_image), b = file_get(scratch_path("host.nii"), &n_back);
        assert_int_equal(n_image, n_back);
        assert_memory_equal(a, b, n_image);
        free(a), free(b);
    }
}

static void every_datatype_and_weight(void **state) {
    (void)state;
    const int types[][2] = {{2, 8},   {4, 16},   {8, 32},   {16, 32},   {64, 64},
                            {256, 8}, {512, 16}, {768, 32}, {1024, 64}, {1280, 64}};
    for (size_t i = 0; i < 10; i++) {
        nifti_recipe recipe = {.version = 1 + (int)i % 2,
                               .swapped = i % 3 == 0,
                               .datatype = types[i][0],
                               .bitpix = types[i][1],
                               .dim = {4, 6, 1, 2, 3, 1, 1, 1},
                               .slope = 1};
        uint8_t bytes[NIFTI_MOST_BYTES];
        size_t n = nifti_make(&recipe, bytes), size = (size_t)recipe.bitpix / 8, n_voxels = 36, sound = 0;
        if (recipe.datatype == 16 || recipe.datatype == 64) /* random bits may be NaN or span too far */
            for (size_t v = 0; v < n_voxels; v++)
                nifti_put_real(bytes + NIFTI_VOXEL_OFFSET(&recipe) + v * size, size, recipe.swapped,
                               1.5 * (double)v);
        file_put(scratch_path("type.nii"), bytes, n);
        siren_compress_options options = quick();
        options.settings.weight_bits = i == 0 ? SIREN_FLOAT32_WEIGHTS : 6 + (unsigned)i % 7;
        assert_siren_ok(siren_compress_file(device, scratch_path("type.nii"), scratch_path("type.siren"),
                                            &options, NULL, NULL, NULL));
        assert_siren_ok(siren_verify_file(device, scratch_path("type.siren"), SIZE_MAX, NULL, NULL, &sound));
        assert_siren_ok(siren_decompress_file(device, scratch_path("type.siren"),
                                              scratch_path("type_back.nii"), &whole, NULL, NULL));
        size_t n_back;
        uint8_t *back = file_get(scratch_path("type_back.nii"), &n_back);
        assert_int_equal(n_back, n);
        assert_memory_equal(back, bytes, NIFTI_VOXEL_OFFSET(&recipe));
        free(back);
        expect_voxel_series(scratch_path("type.siren"), scratch_path("type_back.nii"));
    }
}

static void same_options_same_bytes(void **state) {
    (void)state;
    size_t n_a, n_b;
    siren_compress_options options = quick();
    make_image(scratch_path("image.nii"), false);
    assert_siren_ok(siren_compress_file(device, scratch_path("image.nii"), scratch_path("a.siren"), &options,
                                        NULL, NULL, NULL));
    assert_siren_ok(siren_compress_file(device, scratch_path("image.nii"), scratch_path("b.siren"), &options,
                                        NULL, NULL, NULL));
    uint8_t *a = file_get(scratch_path("a.siren"), &n_a), *b = file_get(scratch_path("b.siren"), &n_b);
    assert_int_equal(n_a, n_b);
    assert_memory_equal(a, b, n_a);
    free(b);
    options.settings.seed = 1;
    assert_siren_ok(siren_compress_file(device, scratch_path("image.nii"), scratch_path("b.siren"), &options,
                                        NULL, NULL, NULL));
    b = file_get(scratch_path("b.siren"), &n_b);
    assert_true(n_a != n_b || memcmp(a, b, n_a) != 0);
    free(a), free(b);
}

static void parts_equal_the_whole(void **state) {
    (void)state;
    siren_compress_options options = quick();
    siren_decompress_options part = whole;
    siren_series all = {.voxels = NULL}, some = {.voxels = NULL};
    make_image(scratch_path("image.nii"), false);
    file_put(scratch_path("image.bval"), "0 10 20 30\n", 11);
    assert_siren_ok(siren_compress_file(device, scratch_path("image.nii"), scratch_path("a.siren"), &options,
                                        NULL, NULL, NULL));
    assert_siren_ok(
        siren_decompress_file(device, scratch_path("a.siren"), scratch_path("all.nii"), &whole, NULL, NULL));
    part.slices = (siren_span){1, 3};
    part.volumes = (siren_span){1, 3};
    assert_siren_ok(siren_decompress_file(device, scratch_path("a.siren"), scratch_path("some.nii.gz"), &part,
                                          NULL, NULL));
    assert_siren_ok(siren_nifti_read(scratch_path("all.nii"), SIZE_MAX, &all));
    assert_siren_ok(siren_nifti_read(scratch_path("some.nii.gz"), SIZE_MAX, &some));
    assert_int_equal(some.geometry.nz, 2);
    assert_int_equal(some.geometry.n_volumes, 2);
    for (size_t v = 0; v < 2; v++)
        assert_memory_equal((float *)some.voxels + v * 2 * SLICE,
                            (float *)all.voxels + ((v + 1) * NZ + 1) * SLICE, 2 * SLICE * sizeof(float));
    size_t n;
    uint8_t *bval = file_get(scratch_path("some.bval"), &n);
    assert_memory_equal(bval, "10 20", 5);
    free(bval);
    siren_series_free(&all), siren_series_free(&some);

    /* An archive of a range of slices equals that range of the whole archive's decode. */
    options.settings.slices = (siren_span){1, 2};
    assert_siren_ok(siren_compress_file(device, scratch_path("image.nii"), scratch_path("one.siren"),
                                        &options, NULL, NULL, NULL));
    assert_siren_ok(siren_decompress_file(device, scratch_path("one.siren"), scratch_path("one.nii"), &whole,
                                          NULL, NULL));
    assert_siren_ok(siren_nifti_read(scratch_path("one.nii"), SIZE_MAX, &some));
    assert_siren_ok(siren_nifti_read(scratch_path("all.nii"), SIZE_MAX, &all));
    assert_int_equal(some.geometry.nz, 1);
    for (size_t v = 0; v < NV; v++)
        assert_memory_equal((float *)some.voxels + v * SLICE, (float *)all.voxels + (v * NZ + 1) * SLICE,
                            SLICE * sizeof(float));
    siren_series_free(&all), siren_series_free(&some);
    part.slices = (siren_span){0, 1};
    assert_int_equal(
        siren_decompress_file(device, scratch_path("one.siren"), scratch_path("none.nii"), &part, NULL, NULL),
        SIREN_USAGE);
    part = whole;
    part.volumes = (siren_span){2, 9};
    assert_int_equal(
        siren_decompress_file(device, scratch_path("one.siren"), scratch_path("none.nii"), &part, NULL, NULL),
        SIREN_USAGE);
    assert_false(file_exists(scratch_path("none.nii")));
}

/* Whatever call the device fails at: the right status, and no archive, old or new, is harmed. */
static void a_failing_device_leaves_nothing(void **state) {
    (void)state;
    siren_compress_options options = quick();
    make_image(scratch_path("image.nii"), false);
    fail_every_call(scratch_path("image.nii"), scratch_path("failed.siren"), &options);
    siren_device_inject_failure(device, 8, SIREN_DEVICE);
    assert_int_equal(siren_decompress_file(device, scratch_path("failed.siren"), scratch_path("failed.nii"),
                                           &whole, NULL, NULL),
                     SIREN_DEVICE);
    siren_device_inject_failure(device, 0, SIREN_OK);
    assert_false(file_exists(scratch_path("failed.nii")));
}

static bool stop(void *user, double done, double total, const char *what) {
    (void)user, (void)total, (void)what;
    return done < 4;
}

static void an_interrupted_run_leaves_nothing(void **state) {
    (void)state;
    siren_compress_options options = quick();
    make_image(scratch_path("image.nii"), false);
    unlink(scratch_path("stopped.siren"));
    assert_int_equal(siren_compress_file(device, scratch_path("image.nii"), scratch_path("stopped.siren"),
                                         &options, stop, NULL, NULL),
                     SIREN_CANCELLED);
    assert_false(file_exists(scratch_path("stopped.siren")));
    options.overwrite = false;
    file_put(scratch_path("stopped.siren"), "precious", 8);
    assert_int_equal(siren_compress_file(device, scratch_path("image.nii"), scratch_path("stopped.siren"),
                                         &options, NULL, NULL, NULL),
                     SIREN_USAGE);
    size_t n;
    uint8_t *kept = file_get(scratch_path("stopped.siren"), &n);
    assert_int_equal(n, 8);
    free(kept);
}

/* Near the end of the training, no further file can be opened. */
static bool exhaust_descriptors(void *user, double done, double total, const char *what) {
    const struct rlimit *none = user;
    (void)what;
    if (done == total) assert_int_equal(setrlimit(RLIMIT_NOFILE, none), 0);
    return true;
}

static void an_archive_that_cannot_be_described_does_not_appear(void **state) {
    (void)state;
    siren_compress_options options = quick();
    siren_archive_info info;
    struct rlimit limit, none;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = limit.rlim_max};
    make_image(scratch_path("image.nii"), false);
    unlink(scratch_path("unread.siren"));
    siren_status status = siren_compress_file(device, scratch_path("image.nii"), scratch_path("unread.siren"),
                                              &options, exhaust_descriptors, &none, &info);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(status, SIREN_SYSTEM);
    assert_non_null(strstr(siren_message(), "unread.siren: does not appear"));
    assert_false(file_exists(scratch_path("unread.siren")));
}

/* Archives whose container is sound but whose contents contradict each other. */
static void contradictions_are_found(void **state) {
    (void)state;
    siren_compress_options options = quick();
    siren_archive *archive = NULL;
    siren_layout layout, again;
    const uint8_t *header;
    size_t n_header, n_record;
    uint8_t *record;
    make_image(scratch_path("image.nii"), false);
    assert_siren_ok(siren_compress_file(device, scratch_path("image.nii"), scratch_path("good.siren"),
                                        &options, NULL, NULL, NULL));
    assert_siren_ok(siren_archive_open(scratch_path("good.siren"), &archive));
    assert_siren_ok(siren_layout_read(archive, &layout));
    assert_siren_ok(siren_archive_section(archive, SIREN_SECTION_HEADER, 0, &header, &n_header));
    assert_siren_ok(siren_record_load("block", &layout, archive, 1, &record, &n_record));
    for (int lie = 0; lie < 12; lie++) {
        siren_archive_writer *writer = NULL;
        siren_layout forged = layout;
        siren_index_entry entry = siren_archive_index(archive)[1];
        size_t n_forged = n_record;
        uint8_t *bytes = malloc(n_record);
        memcpy(bytes, record, n_record);
        forged.grid.first = 1, forged.grid.count = 1;
        switch (lie) {
        case 0:
            break; /* the truth */
        case 1:
            forged.geometry.nx++;
            break;
        case 2:
            forged.geometry.datatype = SIREN_INT16;
            break;
        case 3:
            forged.grid.first = NZ;
            break;
        case 4:
            forged.grid.count = 2;
            break;
        case 5:
            forged.network.layers[2].width = NV + 1;
            break;
        case 6:
            forged.network.layers[0].width = 25;
            break;
        case 7:
            forged.network.layers[0].w0 = NAN;
            break;
        case 8:
            forged.weight_bits = 9;
            break;
        case 9:
            n_forged--;
            break;
        case 10:
            bytes[4]++;
            break; /* number of exceptional voxels */
        case 11:
            entry.decoded_crc ^= 1;
            break;
        }
        assert_siren_ok(siren_archive_writer_open(scratch_path("forged.siren"), true, &writer));
        assert_siren_ok(siren_archive_writer_section(writer, SIREN_SECTION_HEADER, header, n_header, true));
        assert_siren_ok(siren_layout_write(writer, &forged));
        assert_siren_ok(siren_archive_writer_record(writer, &entry, bytes, n_forged));
        assert_siren_ok(siren_archive_writer_commit(writer, NULL));
        size_t sound = 7;
        siren_status status =
            siren_verify_file(device, scratch_path("forged.siren"), 1 << 24, NULL, NULL, &sound);
        siren_status expected = lie == 0 ? SIREN_OK : lie == 11 ? SIREN_INTEGRITY : SIREN_CORRUPT;
        if (status != expected) fail_msg("lie %d: %s (%s)", lie, siren_status_name(status), siren_message());
        unlink(scratch_path("forged.nii"));
        assert_int_equal(siren_decompress_file(device, scratch_path("forged.siren"),
                                               scratch_path("forged.nii"), &whole, NULL, NULL),
                         expected);
        assert_true(file_exists(scratch_path("forged.nii")) == (lie == 0));
        free(bytes);
    }
    assert_siren_ok(siren_layout_read(archive, &again));
    assert_memory_equal(again.grid.size, layout.grid.size, sizeof layout.grid.size);
    assert_true(again.grid.first == layout.grid.first && again.grid.count == layout.grid.count);
    assert_memory_equal(&again.network, &layout.network, sizeof layout.network);
    free(record);
    siren_archive_close(archive);
    siren_decompress_options small = whole;
    small.memory_limit = 1000;
    assert_int_equal(siren_decompress_file(device, scratch_path("good.siren"), scratch_path("forged.nii"),
                                           &small, NULL, NULL),
                     SIREN_UNSUPPORTED);
}

/* Nor are records of an archive without networks read as networks'. */
static void only_networks_are_coded(void **state) {
    (void)state;
    siren_compress_options options = siren_compress_defaults();
    siren_archive *archive = NULL;
    siren_archive_writer *writer = NULL;
    siren_layout layout;
    size_t sound, n_header, n_record;
    const uint8_t *header;
    uint8_t *record;
    make_image(scratch_path("image.nii"), false);
    options.target = SIREN_TARGET_LOSSLESS;
    assert_siren_ok(siren_compress_file(NULL, scratch_path("image.nii"), scratch_path("lossless.siren"),
                                        &options, NULL, NULL, NULL));
    assert_siren_ok(siren_archive_open(scratch_path("lossless.siren"), &archive));
    assert_siren_ok(siren_layout_read(archive, &layout));
    assert_siren_ok(siren_archive_section(archive, SIREN_SECTION_HEADER, 0, &header, &n_header));
    for (int coded = 0; coded < 2; coded++) {
        assert_siren_ok(siren_archive_writer_open(scratch_path("forged.siren"), true, &writer));
        assert_siren_ok(siren_archive_writer_section(writer, SIREN_SECTION_HEADER, header, n_header, true));
        assert_siren_ok(siren_layout_write(writer, &layout));
        for (size_t i = 0; i < layout.grid.count; i++) {
            siren_index_entry entry = siren_archive_index(archive)[i];
            assert_siren_ok(siren_record_load("block", &layout, archive, i, &record, &n_record));
            entry.coded = coded && i == 1;
            entry.plain = !entry.coded;
            assert_siren_ok(siren_archive_writer_packed_record(writer, &entry, record, n_record, n_record));
            free(record);
        }
        assert_siren_ok(siren_archive_writer_commit(writer, NULL));
        assert_int_equal(siren_verify_file(NULL, scratch_path("forged.siren"), 1 << 24, NULL, NULL, &sound),
                         coded ? SIREN_CORRUPT : SIREN_OK);
        if (coded) assert_non_null(strstr(siren_message(), "block 1 is coded as networks are"));
    }
    siren_archive_close(archive);
}

/* An archive without a record that could hold its network costs no memory for it, however large it claims to be; and
 * its text moves no cursor. */
static void constant_archives_need_no_network(void **state) {
    (void)state;
    siren_compress_options options = quick();
    siren_archive *archive = NULL;
    siren_layout layout;
    siren_archive_info info;
    siren_archive_writer *writer = NULL;
    const uint8_t *header;
    const char text[] = "device=\x1b[2J\xc2\x9b\r\n";
    size_t n_header, n_record, sound;
    uint8_t *record;
    make_image(scratch_path("image.nii"), false);
    assert_siren_ok(siren_compress_file(device, scratch_path("image.nii"), scratch_path("all.siren"),
                                        &options, NULL, NULL, NULL));
    assert_siren_ok(siren_archive_open(scratch_path("all.siren"), &archive));
    assert_siren_ok(siren_layout_read(archive, &layout));
    assert_true(layout.any_network);
    siren_archive_close(archive);

    options.settings.slices = (siren_span){0, 1}; /* all zero */
    assert_siren_ok(siren_compress_file(device, scratch_path("image.nii"), scratch_path("zero.siren"),
                                        &options, NULL, NULL, NULL));
    assert_siren_ok(siren_archive_open(scratch_path("zero.siren"), &archive));
    assert_siren_ok(siren_layout_read(archive, &layout));
    assert_false(layout.any_network);
    assert_siren_ok(siren_archive_section(archive, SIREN_SECTION_HEADER, 0, &header, &n_header));
    assert_siren_ok(siren_record_load("block", &layout, archive, 0, &record, &n_record));
    assert_siren_ok(
        siren_network_from_model("siren-2d", SIREN_MAX_LAYERS - 1, SIREN_MAX_WIDTH, NV, 30, &layout.network));
    assert_siren_ok(siren_archive_writer_open(scratch_path("forged.siren"), true, &writer));
    assert_siren_ok(siren_archive_writer_section(writer, SIREN_SECTION_HEADER, header, n_header, true));
    assert_siren_ok(siren_layout_write(writer, &layout));
    assert_siren_ok(siren_archive_writer_section(writer, SIREN_SECTION_PROVENANCE, text, strlen(text), true));
    assert_siren_ok(siren_archive_writer_record(writer, siren_archive_index(archive), record, n_record));
    assert_siren_ok(siren_archive_writer_commit(writer, NULL));
    assert_siren_ok(siren_info(scratch_path("forged.siren"), &info));
    assert_string_equal(info.provenance, "device=?[2J???\n");
    siren_archive_info_free(&info);
    siren_device_inject_failure(device, 0, SIREN_DEVICE_MEMORY); /* no call reaches the device */
    assert_siren_ok(siren_verify_file(device, scratch_path("forged.siren"), 1 << 20, NULL, NULL, &sound));
    siren_device_inject_failure(device, 0, SIREN_OK);
    assert_int_equal(sound, 1);
    free(record);
    siren_archive_close(archive);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_comes_back),
        cmocka_unit_test(every_datatype_and_weight),
        cmocka_unit_test(same_options_same_bytes),
        cmocka_unit_test(parts_equal_the_whole),
        cmocka_unit_test(a_failing_device_leaves_nothing),
        cmocka_unit_test(an_interrupted_run_leaves_nothing),
        cmocka_unit_test(an_archive_that_cannot_be_described_does_not_appear),
        cmocka_unit_test(contradictions_are_found),
        cmocka_unit_test(only_networks_are_coded),
        cmocka_unit_test(constant_archives_need_no_network),
    };
    int failed = run_on_family(SIREN_FAMILY_CHAIN, tests, sizeof tests / sizeof *tests);
    scratch_remove();
    return failed;
}
