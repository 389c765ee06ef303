/* lab/picture/view: which voxels are pixels, for any orientation of the grid. */
#include "tests/shared/testing.h"

#include <math.h>

#include "lab/picture/view.h"
#include "formats/nifti.h"

#define NX 5
#define NY 4

/* A series of 5 x 4 x 3 voxels of 2 x 3 x 4 mm without voxels; its header is `bytes` (352). */
static siren_series make_series(uint8_t *bytes) {
    siren_series series = {.header = bytes};
    assert_siren_ok(siren_nifti_new_header(SIREN_FLOAT32, NX, NY, 3, 1, (const double[]){2, 3, 4},
                                           &series.geometry, bytes));
    return series;
}

/* Sets rows of the sform. */
static void place(uint8_t *bytes, const float srow[3][4]) { memcpy(bytes + 280, srow, 12 * sizeof(float)); }

static void check_axis(const double v[3], double x, double y, double z) {
    assert_true(fabs(v[0] - x) < 1e-6 && fabs(v[1] - y) < 1e-6 && fabs(v[2] - z) < 1e-6);
}

/* x runs to the patient's right-hand side in the file: the left is at the right of the picture already. */
static void radiological_order(void **state) {
    (void)state;
    uint8_t bytes[352];
    siren_series series = make_series(bytes);
    siren_view view;
    place(bytes, (const float[3][4]){{-2, 0, 0, 0}, {0, 3, 0, 0}, {0, 0, 4, 0}});
    assert_siren_ok(siren_view_make("image", &series, (siren_span){0, 0}, (siren_span){0, 0}, 1, &view));
    assert_false(view.flip_x || view.flip_y);
    assert_int_equal(siren_view_width(&view), NX);
    assert_int_equal(siren_view_height(&view), NY);
    assert_int_equal(siren_view_voxel(&view, NX, 1, 2), 2 * NX + 1);
    check_axis(view.right, -1, 0, 0);
    check_axis(view.up, 0, 1, 0);
    check_axis(view.toward, 0, 0, -1);
    assert_true(fabs(view.spacing[0] - 2) < 1e-6 && fabs(view.spacing[1] - 3) < 1e-6);

    place(bytes, (const float[3][4]){{2, 0, 0, 0}, {0, -3, 0, 0}, {0, 0, 4, 0}});
    assert_siren_ok(siren_view_make("image", &series, (siren_span){1, 4}, (siren_span){0, 2}, 0, &view));
    assert_true(view.flip_x && view.flip_y);
    assert_int_equal(siren_view_voxel(&view, NX, 0, 0), 1 * NX + 3);
    assert_int_equal(siren_view_voxel(&view, NX, 2, 1), 0 * NX + 1);
    check_axis(view.right, -1, 0, 0);
    check_axis(view.up, 0, 1, 0);
}

/* A sagittal grid: x runs from front to back, y from head to feet. */
static void sagittal(void **state) {
    (void)state;
    uint8_t bytes[352];
    siren_series series = make_series(bytes);
    siren_view view;
    place(bytes, (const float[3][4]){{0, 0, 4, 0}, {-2, 0, 0, 0}, {0, -3, 0, 0}});
    assert_siren_ok(siren_view_make("image", &series, (siren_span){0, 0}, (siren_span){0, 0}, 0, &view));
    assert_true(!view.flip_x && view.flip_y);
    check_axis(view.right, 0, -1, 0);
    check_axis(view.up, 0, 0, 1);
    check_axis(view.toward, -1, 0, 0);
}

/* An oblique grid: the axes of the picture are the grid's. */
static void oblique(void **state) {
    (void)state;
    uint8_t bytes[352];
    siren_series series = make_series(bytes);
    siren_view view;
    const float c = 0.8F, s = 0.6F;
    place(bytes, (const float[3][4]){{-2 * c, 0, 4 * s, 0}, {0, 3, 0, 0}, {2 * s, 0, 4 * c, 0}});
    assert_siren_ok(siren_view_make("image", &series, (siren_span){0, 0}, (siren_span){0, 0}, 0, &view));
    check_axis(view.right, -c, 0, s);
    check_axis(view.toward, -s, 0, -c);
    assert_true(fabs(view.spacing[0] - 2) < 1e-6);
}

static void refuses_what_is_not_there(void **state) {
    (void)state;
    uint8_t bytes[352];
    siren_series series = make_series(bytes);
    siren_view view;
    const siren_span all = {0, 0};
    assert_int_equal(siren_view_make("image", &series, all, all, 3, &view), SIREN_USAGE);
    assert_non_null(strstr(siren_message(), "no slice 3"));
    assert_int_equal(siren_view_make("image", &series, (siren_span){2, 6}, all, 0, &view), SIREN_USAGE);
    assert_int_equal(siren_view_make("image", &series, all, (siren_span){4, 5}, 0, &view), SIREN_USAGE);
    place(bytes, (const float[3][4]){{2, 4, 0, 0}, {0, 0, 0, 0}, {0, 0, 4, 0}});
    assert_int_equal(siren_view_make("image", &series, all, all, 0, &view), SIREN_CORRUPT);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(radiological_order), cmocka_unit_test(sagittal),
                                       cmocka_unit_test(oblique),
                                       cmocka_unit_test(refuses_what_is_not_there)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
