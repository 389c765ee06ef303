/* Masks that cannot be, and archives whose masks lie, are refused or found; where the device fails, nothing appears. */
#include "engine/archive/coded_record.h"
#include "engine/decode/decode.h"
#include "formats/little_endian.h"
#include "tests/shared/masked_images.h"
#include "tests/shared/nifti_files.h"
#include "tests/shared/testing.h"
#include "tests/shared/voxel_series.h"

#include <math.h>
#include <unistd.h>

static const siren_decompress_options whole = {.overwrite = true, .memory_limit = 1 << 24};

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
    siren_compress_options options = masked_options(SIREN_BLOCK_SLICE);
    make_ordinary(ordinary, false);
    make_mask(nowhere);
    expect_refusal(&options, SIREN_CORRUPT, "is 0 everywhere");
    make_mask(three_values);
    expect_refusal(&options, SIREN_CORRUPT, "holds 2 beside 0 and 1");
    make_image(mask_path(), 16, 32, false, 1, with_nan);
    expect_refusal(&options, SIREN_CORRUPT, "voxel (8, 0, 4) of volume 0 is nan; give finite values first");
    make_image(mask_path(), 2, 8, false, 2, brain);
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
                                              (siren_span){0, 0}, SIZE_MAX, &series);
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
    siren_compress_options options = masked_options(SIREN_BLOCK_PATCH);
    siren_archive *archive = NULL;
    const uint8_t *section;
    uint8_t mask[MASK + 8] = {0};
    size_t n;
    make_mask(brain);
    make_ordinary(ordinary, false);
    masked_compress(&options, "a.siren");
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
    siren_compress_options options = masked_options(SIREN_BLOCK_SLICE);
    options.settings.epochs = 1;
    make_mask(brain);
    make_ordinary(ordinary, false);
    fail_every_call(scratch_path("image.nii"), scratch_path("failed.siren"), &options);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_masks_are_refused),
        cmocka_unit_test(lying_masks_are_found),
        cmocka_unit_test(a_failing_device_leaves_nothing),
    };
    int failed = run_on_families(tests, sizeof tests / sizeof *tests);
    scratch_remove();
    return failed;
}
