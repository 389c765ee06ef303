/* formats/nifti: headers of a range of slices and volumes. */
#include "tests/shared/testing.h"
#include "tests/shared/nifti_files.h"
#include "formats/nifti.h"

#include <math.h>

typedef struct {
    nifti_recipe recipe;
    uint8_t bytes[NIFTI_MOST_BYTES];
    siren_geometry geometry;
} sample;

/* 5 x 4 x 6 voxels, 3 volumes as 3 x 1, sliced along z in the order `slice_code`. */
static void sample_make(sample *s, int version, bool swapped, int slice_axis, int slice_code) {
    s->recipe = (nifti_recipe){version, swapped, SIREN_INT16, 16, {5, 5, 4, 6, 3, 1, 1, 1}, 32, 1, 0};
    nifti_make(&s->recipe, s->bytes);
    s->bytes[version == 1 ? 39 : 524] = (uint8_t)(slice_axis << 4 | 1 << 2 | 2);
    if (version == 1) {
        nifti_put_integer(s->bytes + 120, 2, swapped, 5);
        s->bytes[122] = (uint8_t)slice_code;
    } else {
        nifti_put_integer(s->bytes + 232, 8, swapped, 5);
        nifti_put_integer(s->bytes + 496, 4, swapped, slice_code);
    }
    assert_siren_ok(siren_nifti_parse("sample", s->bytes, sizeof s->bytes, &s->geometry));
}

/* Slice range and order as the header `bytes` have them. */
static void expect_slices(const sample *s, const uint8_t *header, int64_t start, int64_t end, int code) {
    uint8_t expected[8], width = s->recipe.version == 1 ? 2 : 8;
    nifti_put_integer(expected, width, s->recipe.swapped, start);
    assert_memory_equal(header + (width == 2 ? 74 : 224), expected, width);
    nifti_put_integer(expected, width, s->recipe.swapped, end);
    assert_memory_equal(header + (width == 2 ? 120 : 232), expected, width);
    if (width == 8) nifti_put_integer(expected, 4, s->recipe.swapped, code);
    if (width == 8)
        assert_memory_equal(header + 496, expected, 4);
    else
        assert_int_equal(header[122], code);
}

#define FOR_EACH_KIND(version, swapped)                                                                      \
    for (int version = 1; version <= 2; version++)                                                           \
        for (int swapped = 0; swapped < 2; swapped++)

static void the_whole_series_keeps_its_bytes(void **state) {
    (void)state;
    FOR_EACH_KIND(version, swapped) {
        sample s;
        sample_make(&s, version, swapped, 3, 3);
        siren_geometry g = s.geometry;
        uint8_t *header = NULL;
        assert_siren_ok(siren_nifti_subseries_header(s.bytes, &g, 0, 6, 3, &header));
        assert_memory_equal(header, s.bytes, s.geometry.voxel_offset);
        assert_true(g.nz == 6 && g.n_volumes == 3);
        free(header);
    }
}

static void dimensions_and_slices_follow(void **state) {
    (void)state;
    FOR_EACH_KIND(version, swapped) {
        sample s;
        sample_make(&s, version, swapped, 3, 3);
        siren_geometry g = s.geometry, parsed;
        uint8_t *header = NULL;
        const size_t offset = (size_t)g.voxel_offset;
        assert_siren_ok(siren_nifti_subseries_header(s.bytes, &g, 2, 3, 2, &header));
        assert_siren_ok(siren_nifti_parse("subseries", header, offset, &parsed));
        assert_true(g.nx == 5 && g.ny == 4 && g.nz == 3 && g.n_volumes == 2);
        assert_true(parsed.nx == 5 && parsed.ny == 4 && parsed.nz == 3 && parsed.n_volumes == 2);
        assert_true(parsed.version == version && parsed.swapped == swapped && parsed.voxel_offset == offset);
        /* The subseries is 4-D, whatever axes were flattened. */
        const size_t width = version == 1 ? 2 : 8, dim = version == 1 ? 40 : 16;
        const int64_t expected[8] = {4, 5, 4, 3, 2, 1, 1, 1};
        for (size_t i = 0; i < 8; i++) {
            uint8_t stored[8];
            nifti_put_integer(stored, width, swapped, expected[i]);
            assert_memory_equal(header + dim + i * width, stored, width);
        }
        expect_slices(&s, header, 0, 2, 0);
        assert_memory_equal(header + NIFTI_HEADER_BYTES(version), s.bytes + NIFTI_HEADER_BYTES(version),
                            4 + s.recipe.extension);
        free(header);
        /* All volumes: their axes stay as they are. */
        g = s.geometry;
        assert_siren_ok(siren_nifti_subseries_header(s.bytes, &g, 1, 5, 3, &header));
        assert_memory_equal(header + dim, s.bytes + dim, width);
        assert_memory_equal(header + dim + 4 * width, s.bytes + dim + 4 * width, 4 * width);
        free(header);
    }
}

static void sequential_order_and_other_axes_stay(void **state) {
    (void)state;
    FOR_EACH_KIND(version, swapped) {
        sample s;
        uint8_t *header = NULL;
        siren_geometry g;
        sample_make(&s, version, swapped, 3, 2);
        g = s.geometry;
        assert_siren_ok(siren_nifti_subseries_header(s.bytes, &g, 1, 4, 3, &header));
        expect_slices(&s, header, 0, 3, 2);
        free(header);
        sample_make(&s, version, swapped, 1, 3);
        g = s.geometry;
        assert_siren_ok(siren_nifti_subseries_header(s.bytes, &g, 1, 4, 3, &header));
        expect_slices(&s, header, 0, 5, 3);
        free(header);
        /* Slices 4 and 5 alone were acquired, none of them is left. */
        sample_make(&s, version, swapped, 3, 3);
        nifti_put_integer(s.bytes + (version == 1 ? 74 : 224), version == 1 ? 2 : 8, swapped, 4);
        g = s.geometry;
        assert_siren_ok(siren_nifti_subseries_header(s.bytes, &g, 0, 3, 3, &header));
        expect_slices(&s, header, 0, 0, 0);
        free(header);
        /* Both are left: their order is the old one, two slices further down. */
        g = s.geometry;
        assert_siren_ok(siren_nifti_subseries_header(s.bytes, &g, 2, 4, 3, &header));
        expect_slices(&s, header, 2, 3, 3);
        free(header);
    }
}

/* Transforms that are switched off, or hold no numbers, keep their bytes. */
static void unused_transforms_stay(void **state) {
    (void)state;
    FOR_EACH_KIND(version, swapped) {
        sample s;
        sample_make(&s, version, swapped, 0, 0);
        const size_t real = version == 1 ? 4 : 8, srow = version == 1 ? 280 : 400,
                     quatern = version == 1 ? 256 : 352;
        const size_t codes = version == 1 ? 252 : 344, code = version == 1 ? 2 : 4, n_bytes = 18 * real;
        for (int used = 0; used < 2; used++) {
            for (size_t i = 0; i < 12; i++)
                nifti_put_real(s.bytes + srow + i * real, real, swapped, used ? NAN : 7);
            for (size_t i = 0; i < 6; i++)
                nifti_put_real(s.bytes + quatern + i * real, real, swapped, used ? INFINITY : 0.5);
            nifti_put_integer(s.bytes + codes, code, swapped, used);
            nifti_put_integer(s.bytes + codes + code, code, swapped, used);
            siren_geometry g = s.geometry;
            uint8_t *header = NULL;
            assert_siren_ok(siren_nifti_subseries_header(s.bytes, &g, 3, 2, 1, &header));
            assert_memory_equal(header + quatern, s.bytes + quatern, n_bytes);
            free(header);
        }
    }
}

static void impossible_ranges_are_refused(void **state) {
    (void)state;
    static const size_t ranges[][3] = {{0, 0, 1}, {0, 7, 1}, {6, 1, 1},        {5, 2, 1},
                                       {0, 1, 0}, {0, 1, 4}, {1, SIZE_MAX, 1}, {SIZE_MAX, 2, 1}};
    sample s;
    sample_make(&s, 1, false, 3, 1);
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        siren_geometry g = s.geometry;
        uint8_t *header = NULL;
        assert_int_equal(
            siren_nifti_subseries_header(s.bytes, &g, ranges[i][0], ranges[i][1], ranges[i][2], &header),
            SIREN_USAGE);
        assert_null(header);
        assert_memory_equal(&g, &s.geometry, sizeof g);
    }
}

/* 300 x 300 flattened volumes: all of them fit their two axes, 40000 fit none. */
static void more_volumes_than_a_dimension_counts(void **state) {
    (void)state;
    for (int version = 1; version <= 2; version++) {
        sample s = {.recipe = {version, false, SIREN_UINT8, 8, {5, 1, 1, 1, 1, 1, 1, 1}, 0, 1, 0}};
        nifti_make(&s.recipe, s.bytes);
        for (size_t axis = 4; axis <= 5; axis++)
            nifti_put_integer(s.bytes + (version == 1 ? 40 + 2 * axis : 16 + 8 * axis), version == 1 ? 2 : 8,
                              false, 300);
        assert_siren_ok(siren_nifti_parse("many", s.bytes, sizeof s.bytes, &s.geometry));
        siren_geometry g = s.geometry;
        uint8_t *header = NULL;
        assert_int_equal(g.n_volumes, 90000);
        assert_siren_ok(siren_nifti_subseries_header(s.bytes, &g, 0, 1, 90000, &header));
        free(header);
        header = NULL;
        assert_int_equal(siren_nifti_subseries_header(s.bytes, &g, 0, 1, 40000, &header),
                         version == 1 ? SIREN_UNSUPPORTED : SIREN_OK);
        free(header);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole_series_keeps_its_bytes),
        cmocka_unit_test(dimensions_and_slices_follow),
        cmocka_unit_test(sequential_order_and_other_axes_stay),
        cmocka_unit_test(unused_transforms_stay),
        cmocka_unit_test(impossible_ranges_are_refused),
        cmocka_unit_test(more_volumes_than_a_dimension_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
