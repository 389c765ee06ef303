/* lab/picture/surface and lab/picture/glyph: areas, extents, directions and colours of shapes that are known. */
#define _GNU_SOURCE
#include "tests/shared/testing.h"

#include <math.h>

#include "lab/picture/glyph.h"
#include "lab/picture/harmonics.h"
#include "lab/picture/surface.h"
#include "lab/picture/tensor.h"

#define CELL 60
#define MOST_VOLUMES 15

/* Picture axes are the world's x and y. */
static siren_view view_of(size_t nx, size_t ny) {
    return (siren_view){.x = {0, nx},
                        .y = {0, ny},
                        .right = {1, 0, 0},
                        .up = {0, 1, 0},
                        .toward = {0, 0, 1},
                        .spacing = {2, 2}};
}

static siren_series series_of(size_t nx, size_t ny, size_t n_volumes, double *voxels) {
    return (siren_series){
        .geometry =
            {.datatype = SIREN_FLOAT64, .nx = nx, .ny = ny, .nz = 1, .n_volumes = n_volumes, .slope = 1},
        .voxels = voxels};
}

/* What is not black in a part of a picture: its area, extents, the angle of its longest axis and mean colour. */
typedef struct {
    double area, width, height, angle, colour[3];
} seen;

static seen look(const siren_picture *p, size_t x0, size_t x1, size_t y0, size_t y1) {
    double n = 0, sx = 0, sy = 0, sxx = 0, sxy = 0, syy = 0, left = 1e9, right = -1, top = 1e9, bottom = -1;
    seen s = {.area = 0};
    for (size_t y = y0; y < y1; y++)
        for (size_t x = x0; x < x1; x++) {
            const uint8_t *rgb = p->rgb + (y * p->width + x) * 3;
            if (rgb[0] + rgb[1] + rgb[2] == 0) continue;
            const double px = (double)x, py = -(double)y;
            n++, sx += px, sy += py, sxx += px * px, sxy += px * py, syy += py * py;
            left = fmin(left, px), right = fmax(right, px), top = fmin(top, -py), bottom = fmax(bottom, -py);
            for (int k = 0; k < 3; k++) s.colour[k] += rgb[k];
        }
    for (int k = 0; k < 3; k++) s.colour[k] /= n;
    s.area = n;
    s.width = right - left + 1;
    s.height = bottom - top + 1;
    s.angle = 0.5 * atan2(2 * (sxy / n - sx / n * (sy / n)),
                          sxx / n - sx / n * (sx / n) - (syy / n - sy / n * (sy / n)));
    return s;
}

static seen look_at_all(const siren_picture *p) { return look(p, 0, p->width, 0, p->height); }

static siren_picture draw(siren_glyph_kind kind, size_t nx, size_t ny, size_t n_volumes, double *voxels,
                          double reach) {
    const siren_view view = view_of(nx, ny);
    const siren_series series = series_of(nx, ny, n_volumes, voxels);
    siren_picture picture;
    assert_siren_ok(siren_glyph_picture(kind, "image", &series, &view, reach, CELL, &picture));
    assert_int_equal(picture.width, nx * CELL);
    assert_int_equal(picture.height, ny * CELL);
    return picture;
}

/* Pixels at the edge that are covered in part make areas and extents a little larger. */
static bool near(double x, double expected, double edge) { return x >= expected - 1 && x <= expected + edge; }

static void spheres_are_closed(void **state) {
    (void)state;
    for (unsigned divisions = 0; divisions <= 4; divisions++) {
        siren_sphere sphere;
        double volume = 0;
        assert_siren_ok(siren_sphere_make(divisions, &sphere));
        assert_int_equal(sphere.n_faces, (size_t)20 << (2 * divisions));
        assert_int_equal(sphere.n_vertices, sphere.n_faces / 2 + 2);
        for (size_t v = 0; v < sphere.n_vertices; v++) {
            const double *u = sphere.vertices[v];
            assert_true(fabs(u[0] * u[0] + u[1] * u[1] + u[2] * u[2] - 1) < 1e-12);
        }
        for (size_t f = 0; f < sphere.n_faces; f++) {
            const double *a = sphere.vertices[sphere.faces[f][0]], *b = sphere.vertices[sphere.faces[f][1]],
                         *c = sphere.vertices[sphere.faces[f][2]];
            const double six = a[0] * (b[1] * c[2] - b[2] * c[1]) + a[1] * (b[2] * c[0] - b[0] * c[2]) +
                               a[2] * (b[0] * c[1] - b[1] * c[0]);
            assert_true(six > 0); /* seen from outside, counter-clockwise */
            volume += six / 6;
        }
        assert_true(volume < 4 * M_PI / 3);
        if (divisions == 4) assert_true(volume > 0.996 * 4 * M_PI / 3);
        siren_sphere_free(&sphere);
    }
    siren_sphere none;
    assert_int_equal(siren_sphere_make(SIREN_SPHERE_MOST_DIVISIONS + 1, &none), SIREN_UNSUPPORTED);
}

static void ball_fills_its_cell(void **state) {
    (void)state;
    double ball[] = {1e-3, 1e-3, 1e-3, 0, 0, 0};
    siren_picture picture = draw(SIREN_GLYPH_TENSOR, 1, 1, 6, ball, 1e-3);
    seen s = look_at_all(&picture);
    assert_true(near(s.width, CELL, 1) && near(s.height, CELL, 1));
    assert_true(near(s.area, M_PI / 4 * CELL * CELL, 2 * M_PI * CELL / 2));
    siren_picture_free(&picture);
    picture = draw(SIREN_GLYPH_TENSOR, 1, 1, 6, ball, 2e-3); /* half as large */
    s = look_at_all(&picture);
    assert_true(near(s.width, CELL / 2, 2) && near(s.height, CELL / 2, 2));
    siren_picture_free(&picture);
    picture = draw(SIREN_GLYPH_TENSOR, 1, 1, 6, ball, 1e-4); /* shrunk to its cell */
    s = look_at_all(&picture);
    assert_true(near(s.width, CELL, 1));
    siren_picture_free(&picture);
}

/* Half axes 1, 1/2, 1/2 along (cos a, sin a, 0). */
static void ellipsoids_point_where_they_should(void **state) {
    (void)state;
    for (int degrees = 0; degrees < 180; degrees += 30) {
        const double a = degrees * M_PI / 180, c = cos(a), s = sin(a);
        double tensor[] = {0.5 + 0.5 * c * c, 0.5 + 0.5 * s * s, 0.5, 0.5 * c * s, 0, 0};
        siren_picture picture = draw(SIREN_GLYPH_TENSOR, 1, 1, 6, tensor, 1);
        const seen glyph = look_at_all(&picture);
        const double turn = fmod(glyph.angle - a + 2.5 * M_PI, M_PI) - 0.5 * M_PI;
        assert_true(fabs(turn) < 0.02);
        assert_true(near(glyph.area, M_PI / 8 * CELL * CELL, 2 * M_PI * CELL / 2));
        assert_true(near(glyph.width, CELL * sqrt(c * c + 0.25 * s * s), 2));
        assert_true(near(glyph.height, CELL * sqrt(s * s + 0.25 * c * c), 2));
        if (degrees == 0) assert_true(glyph.colour[0] > 100 && glyph.colour[1] < 15 && glyph.colour[2] < 15);
        if (degrees == 90) assert_true(glyph.colour[1] > 100 && glyph.colour[0] < 15);
        siren_picture_free(&picture);
    }
}

/* f = -Y_20 has its lobes around the equator, f = Y_20 at the poles; both are seen from a pole. */
static void distributions_have_their_lobes(void **state) {
    (void)state;
    double sphere[] = {1}, equator[] = {0, 0, 0, -1, 0, 0}, poles[] = {0, 0, 0, 1, 0, 0}, widest = 0;
    const double pole = sqrt(5 / (4 * M_PI));
    siren_picture picture = draw(SIREN_GLYPH_FOD, 1, 1, 1, sphere, sqrt(1 / (4 * M_PI)));
    assert_true(near(look_at_all(&picture).area, M_PI / 4 * CELL * CELL, 2 * M_PI * CELL / 2));
    siren_picture_free(&picture);
    picture = draw(SIREN_GLYPH_FOD, 1, 1, 6, equator, pole / 2);
    assert_true(near(look_at_all(&picture).width, CELL, 1));
    siren_picture_free(&picture);
    for (double t = 0; t < M_PI / 2; t += 1e-3) widest = fmax(widest, sin(t) * (3 * cos(t) * cos(t) - 1) / 2);
    picture = draw(SIREN_GLYPH_FOD, 1, 1, 6, poles, pole);
    const seen s = look_at_all(&picture);
    assert_true(near(s.width, widest * CELL, 2) && near(s.height, widest * CELL, 2));
    assert_true(s.colour[2] > s.colour[0] && s.colour[2] > s.colour[1]);
    siren_picture_free(&picture);
}

/* Three voxels in a row: nothing where a value is not finite or all are 0. */
static void voxels_are_where_they_should(void **state) {
    (void)state;
    double tensors[6][2][3] = {{{1, NAN, 0}, {0, 0, 2}}, {{1, 1, 0}, {0, 0, 2}}, {{1, 1, 0}, {0, 0, 2}}};
    siren_picture picture = draw(SIREN_GLYPH_TENSOR, 3, 2, 6, &tensors[0][0][0], 2);
    /* row 0 is at the bottom */
    assert_true(look(&picture, 0, CELL, CELL, 2 * CELL).area > 0);
    assert_true(look(&picture, CELL, 3 * CELL, CELL, 2 * CELL).area == 0);
    assert_true(look(&picture, 0, 2 * CELL, 0, CELL).area == 0);
    assert_true(near(look(&picture, 2 * CELL, 3 * CELL, 0, CELL).width, CELL, 1));
    siren_picture_free(&picture);
    double reach;
    const siren_series series = series_of(3, 2, 6, &tensors[0][0][0]);
    const siren_view view = view_of(3, 2);
    assert_siren_ok(siren_glyph_reach(SIREN_GLYPH_TENSOR, "image", &series, &view, &reach));
    assert_true(fabs(reach - 1) < 1e-12); /* of lengths 1 and 2 */
}

static void anisotropy_has_its_colour(void **state) {
    (void)state;
    double tensors[6][2] = {{0, 1}, {1, 1}, {0, 1}}; /* a stick along y, a ball */
    const siren_series series = series_of(2, 1, 6, &tensors[0][0]);
    siren_view view = view_of(2, 1);
    siren_picture picture;
    assert_siren_ok(siren_colour_anisotropy("image", &series, &view, &picture));
    assert_memory_equal(picture.rgb, ((const uint8_t[]){0, 255, 0, 0, 0, 0}), 6);
    siren_picture_free(&picture);
    view.flip_x = true;
    assert_siren_ok(siren_colour_anisotropy("image", &series, &view, &picture));
    assert_memory_equal(picture.rgb, ((const uint8_t[]){0, 0, 0, 0, 255, 0}), 6);
    siren_picture_free(&picture);
}

static void refuses_other_images(void **state) {
    (void)state;
    double voxels[MOST_VOLUMES] = {0}, reach;
    const siren_view view = view_of(1, 1);
    siren_series series = series_of(1, 1, 7, voxels);
    siren_picture picture;
    assert_int_equal(siren_glyph_reach(SIREN_GLYPH_TENSOR, "image", &series, &view, &reach), SIREN_CORRUPT);
    assert_int_equal(siren_glyph_picture(SIREN_GLYPH_FOD, "image", &series, &view, 1, CELL, &picture),
                     SIREN_CORRUPT);
    assert_int_equal(siren_colour_anisotropy("image", &series, &view, &picture), SIREN_CORRUPT);
    series.geometry.n_volumes = 15;
    assert_siren_ok(siren_glyph_reach(SIREN_GLYPH_FOD, "image", &series, &view, &reach));
    assert_true(reach == 0);
    assert_int_equal(siren_glyph_picture(SIREN_GLYPH_FOD, "image", &series, &view, 1, 1 << 20, &picture),
                     SIREN_UNSUPPORTED);
}

/* Of headers that tell nonsense of their voxels, sizes of drawings are no integers. */
static void refuses_voxels_of_any_shape(void **state) {
    (void)state;
    static const double spacings[][2] = {{1, 1e-30}, {1e-30, 1}, {1e30, 1e-300}, {1000, 1}, {1, 1000000}};
    double voxels[6] = {1, 1, 1, 0, 0, 0};
    const siren_series series = series_of(1, 1, 6, voxels);
    for (size_t i = 0; i < sizeof spacings / sizeof *spacings; i++) {
        siren_view view = view_of(1, 1);
        siren_picture picture;
        memcpy(view.spacing, spacings[i], sizeof view.spacing);
        siren_status status =
            siren_glyph_picture(SIREN_GLYPH_TENSOR, "image", &series, &view, 1, CELL, &picture);
        if (status == SIREN_OK) siren_picture_free(&picture);
        assert_int_equal(status, spacings[i][0] == 1000 ? SIREN_OK : SIREN_UNSUPPORTED);
        if (status == SIREN_OK) continue;
        assert_non_null(strstr(siren_message(), "image: 1 x 1 voxels of "));
        assert_non_null(
            strstr(siren_message(), "draw fewer voxels (--x, --y), or put their size in its header right"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(spheres_are_closed),
                                       cmocka_unit_test(ball_fills_its_cell),
                                       cmocka_unit_test(ellipsoids_point_where_they_should),
                                       cmocka_unit_test(distributions_have_their_lobes),
                                       cmocka_unit_test(voxels_are_where_they_should),
                                       cmocka_unit_test(anisotropy_has_its_colour),
                                       cmocka_unit_test(refuses_other_images),
                                       cmocka_unit_test(refuses_voxels_of_any_shape)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
