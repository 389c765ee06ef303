/* engine/model/grid: where images lie, and masks; formats/nifti: affines and the headers of maps. */
#include "tests/shared/testing.h"
#include "tests/shared/nifti_files.h"

#include <math.h>

#include "engine/model/grid.h"
#include "formats/nifti.h"

#define N_VOXELS 60

/* A uint8 image of 5 x 4 x 3 voxels with the sform (codes: 1 used, 0 not). */
typedef struct {
    nifti_recipe recipe;
    uint8_t bytes[NIFTI_MOST_BYTES];
    size_t n_bytes;
} sample;

static void put_affine(sample *s, int64_t sform_code, int64_t qform_code, const double rows[12]) {
    const bool first = s->recipe.version == 1, swapped = s->recipe.swapped;
    nifti_put_integer(s->bytes + (first ? 254 : 348), first ? 2 : 4, swapped, sform_code);
    nifti_put_integer(s->bytes + (first ? 252 : 344), first ? 2 : 4, swapped, qform_code);
    for (size_t i = 0; i < 12; i++)
        nifti_put_real(s->bytes + (first ? 280 + 4 * i : 400 + 8 * i), first ? 4 : 8, swapped, rows[i]);
}

static void put_qform(sample *s, double qfac, const double sizes[3], const double quaternion[3],
                      const double offset[3]) {
    const bool first = s->recipe.version == 1, swapped = s->recipe.swapped;
    const size_t width = first ? 4 : 8, pixdim = first ? 76 : 104, quatern = first ? 256 : 352;
    nifti_put_real(s->bytes + pixdim, width, swapped, qfac);
    for (size_t i = 0; i < 3; i++) {
        nifti_put_real(s->bytes + pixdim + (i + 1) * width, width, swapped, sizes[i]);
        nifti_put_real(s->bytes + quatern + i * width, width, swapped, quaternion[i]);
        nifti_put_real(s->bytes + quatern + (i + 3) * width, width, swapped, offset[i]);
    }
}

static const double plain[12] = {2, 0, 0, -4, 0, 2, 0, -3, 0, 0, 3, 7};

static void sample_make(sample *s, int version, bool swapped) {
    s->recipe = (nifti_recipe){version, swapped, SIREN_UINT8, 8, {3, 5, 4, 3, 1, 1, 1, 1}, 32, 1, 0};
    s->n_bytes = nifti_make(&s->recipe, s->bytes);
    put_affine(s, 1, 0, plain);
}

static siren_series series_of(sample *s) {
    siren_series series = {.header = s->bytes, .voxels = s->bytes + NIFTI_VOXEL_OFFSET(&s->recipe)};
    assert_siren_ok(siren_nifti_parse("sample", s->bytes, s->n_bytes, &series.geometry));
    return series;
}

static void expect_affine(sample *s, const double expected[12]) {
    double affine[3][4];
    const siren_series series = series_of(s);
    assert_true(siren_nifti_affine(series.header, &series.geometry, affine));
    for (size_t i = 0; i < 12; i++) assert_true(fabs(affine[i / 4][i % 4] - expected[i]) < 1e-6);
}

#define FOR_EACH_KIND(version, swapped)                                                                      \
    for (int version = 1; version <= 2; version++)                                                           \
        for (int swapped = 0; swapped < 2; swapped++)

static void headers_place_voxels(void **state) {
    (void)state;
    /* A third of a turn about (1, 1, 1): x becomes y, y becomes z, z becomes x. */
    const double sizes[3] = {2, 3, 4}, third[3] = {0.5, 0.5, 0.5}, half[3] = {0, 0, 1}, at[3] = {10, -20, 30};
    const double turned[12] = {0, 0, 4, 10, 2, 0, 0, -20, 0, 3, 0, 30};
    const double mirrored[12] = {-2, 0, 0, 10, 0, -3, 0, -20, 0, 0, -4, 30};
    FOR_EACH_KIND(version, swapped) {
        sample s;
        double affine[3][4];
        sample_make(&s, version, swapped);
        expect_affine(&s, plain);
        put_qform(&s, 1, sizes, third, at);
        put_affine(&s, 2, 1, plain);
        expect_affine(&s, plain);
        put_affine(&s, 0, 1, plain);
        expect_affine(&s, turned);
        put_qform(&s, -1, sizes, half, at);
        expect_affine(&s, mirrored);
        put_affine(&s, 0, 0, plain);
        const siren_series series = series_of(&s);
        assert_false(siren_nifti_affine(series.header, &series.geometry, affine));
    }
}

static void maps_keep_the_grid(void **state) {
    (void)state;
    FOR_EACH_KIND(version, swapped) {
        sample s;
        uint8_t *header = NULL;
        double affine[3][4];
        sample_make(&s, version, swapped);
        siren_geometry g = series_of(&s).geometry;
        g.n_volumes = 7; /* of the series; a map has one */
        assert_siren_ok(siren_nifti_map_header(s.bytes, &g, &header));
        assert_true(g.nx == 5 && g.ny == 4 && g.nz == 3 && g.n_volumes == 1);
        assert_true(g.datatype == SIREN_FLOAT32 && g.slope == 1 && g.inter == 0 && g.version == version &&
                    g.swapped == (bool)swapped);
        assert_int_equal(g.voxel_offset, version == 1 ? 352 : 544); /* no extensions */
        assert_memory_equal(header + g.voxel_offset - 4, "\0\0\0\0", 4);
        assert_true(siren_nifti_affine(header, &g, affine));
        for (size_t i = 0; i < 12; i++) assert_true(fabs(affine[i / 4][i % 4] - plain[i]) < 1e-6);
        free(header);
    }
}

static void grids_must_agree(void **state) {
    (void)state;
    siren_geometry a = {.nx = 5, .ny = 4, .nz = 3, .n_volumes = 7}, b = a;
    assert_siren_ok(siren_grid_check("a", &a, "b", &b, 7));
    assert_int_equal(siren_grid_check("a", &a, "b", &b, 1), SIREN_USAGE);
    size_t *sizes[4] = {&b.nx, &b.ny, &b.nz, &b.n_volumes};
    for (size_t i = 0; i < 4; i++) {
        ++*sizes[i];
        assert_int_equal(siren_grid_check("a", &a, "b", &b, 7), SIREN_USAGE);
        --*sizes[i];
    }
}

static void places_must_agree(void **state) {
    (void)state;
    sample s, t;
    sample_make(&s, 1, false);
    sample_make(&t, 2, true);
    const siren_series a = series_of(&s), b = series_of(&t);
    assert_siren_ok(siren_grid_check_place("a", &a, "b", &b));
    double moved[12];
    memcpy(moved, plain, sizeof moved);
    moved[7] += 0.15; /* of voxels of 2 mm */
    put_affine(&t, 1, 0, moved);
    assert_siren_ok(siren_grid_check_place("a", &a, "b", &b));
    moved[7] += 0.1;
    put_affine(&t, 1, 0, moved);
    assert_int_equal(siren_grid_check_place("a", &a, "b", &b), SIREN_USAGE);
    moved[7] = plain[7];
    moved[0] += 0.06; /* 0.24 mm at the far end of x */
    put_affine(&t, 1, 0, moved);
    assert_int_equal(siren_grid_check_place("a", &a, "b", &b), SIREN_USAGE);
    put_affine(&t, 0, 0, moved);
    assert_siren_ok(siren_grid_check_place("a", &a, "b", &b));
}

/* Writes `voxels` (N_VOXELS) as a mask beside `like` and reads it. */
static siren_status read_mask(sample *like, const uint8_t *voxels, uint8_t **mask) {
    sample s;
    const siren_series series = series_of(like);
    sample_make(&s, 1, false);
    memcpy(s.bytes + NIFTI_VOXEL_OFFSET(&s.recipe), voxels, N_VOXELS);
    file_put(scratch_path("mask.nii"), s.bytes, s.n_bytes);
    return siren_mask_read(scratch_path("mask.nii"), "image", &series, 1 << 20, mask);
}

static void masks_are_binary(void **state) {
    (void)state;
    sample like;
    uint8_t voxels[N_VOXELS] = {0}, *mask = NULL;
    sample_make(&like, 1, false);
    assert_int_equal(read_mask(&like, voxels, &mask), SIREN_CORRUPT); /* empty */
    voxels[17] = voxels[59] = 255;
    assert_siren_ok(read_mask(&like, voxels, &mask));
    for (size_t i = 0; i < N_VOXELS; i++) assert_int_equal(mask[i], i == 17 || i == 59);
    free(mask);
    mask = NULL;
    voxels[3] = 254;
    assert_int_equal(read_mask(&like, voxels, &mask), SIREN_CORRUPT);
    assert_non_null(strstr(siren_message(), "0 and one other value"));
    assert_null(mask);
}

static void values_must_be_finite(void **state) {
    (void)state;
    float voxels[12] = {0};
    siren_series series = {
        .geometry = {.datatype = SIREN_FLOAT32, .nx = 2, .ny = 3, .nz = 1, .n_volumes = 2, .slope = 1},
        .voxels = voxels};
    assert_siren_ok(siren_series_check_finite("image", &series));
    voxels[9] = NAN;
    assert_int_equal(siren_series_check_finite("image", &series), SIREN_CORRUPT);
    assert_non_null(strstr(siren_message(), "voxel (1, 1, 0) of volume 1 is nan"));
    voxels[9] = -INFINITY;
    assert_int_equal(siren_series_check_finite("image", &series), SIREN_CORRUPT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_place_voxels), cmocka_unit_test(maps_keep_the_grid),
        cmocka_unit_test(grids_must_agree),     cmocka_unit_test(places_must_agree),
        cmocka_unit_test(masks_are_binary),     cmocka_unit_test(values_must_be_finite),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_remove();
    return failed;
}
