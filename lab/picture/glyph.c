#include "lab/picture/glyph.h"

#include "lab/picture/harmonics.h"
#include "lab/picture/surface.h"
#include "lab/picture/tensor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define REACH_SHARE 0.75
#define FULL_ANISOTROPY 0.7 /* FA of full colour: fibres seldom have more */
#define N_DIVISIONS 4       /* of the sphere: triangles of 4 degrees */
#define MOST_COEFFICIENTS SIREN_HARMONICS_MOST

typedef struct {
    siren_glyph_kind kind;
    const siren_series *series;
    const siren_view *view;
    size_t n_coefficients; /* volumes */
    siren_sphere sphere;
    double *basis;        /* (n_vertices, n_coefficients) of SIREN_GLYPH_FOD */
    double (*shape)[3];   /* (n_vertices) the glyph of a voxel, in the world */
    double (*points)[3];  /* the same in the picture */
    double (*colours)[3]; /* (n_vertices) */
    double (*normals)[3]; /* (n_vertices) */
} glyph_painter;

void siren_picture_free(siren_picture *picture) {
    if (!picture) return;
    free(picture->rgb);
    *picture = (siren_picture){.width = 0};
}

static void free_painter(glyph_painter *painter) {
    siren_sphere_free(&painter->sphere);
    free(painter->basis);
    free(painter->shape);
    free(painter->points);
    free(painter->colours);
    free(painter->normals);
}

static siren_status check_kind(siren_glyph_kind kind, const char *path, const siren_series *series) {
    const size_t n = series->geometry.n_volumes;
    unsigned order;
    if (kind == SIREN_GLYPH_TENSOR && n != SIREN_TENSOR_ELEMENTS)
        return siren_fail(SIREN_CORRUPT, "%s: has %zu volume%s, but tensors have %d elements", path, n,
                          siren_plural(n), SIREN_TENSOR_ELEMENTS);
    if (kind == SIREN_GLYPH_FOD && !siren_harmonics_order(n, &order))
        return siren_fail(SIREN_CORRUPT,
                          "%s: has %zu volume%s, and no even order up to %d has so many harmonics", path, n,
                          siren_plural(n), SIREN_HARMONICS_MOST_ORDER);
    return SIREN_OK;
}

static siren_status create_painter(siren_glyph_kind kind, const char *path, const siren_series *series,
                                   const siren_view *view, glyph_painter *out) {
    SIREN_AT_END(free_painter)
    glyph_painter p = {
        .kind = kind, .series = series, .view = view, .n_coefficients = series->geometry.n_volumes};
    unsigned order = 0;
    SIREN_TRY(check_kind(kind, path, series));
    SIREN_TRY(siren_sphere_make(N_DIVISIONS, &p.sphere));
    const size_t n = p.sphere.n_vertices;
    SIREN_TRY(siren_allocate(&p.shape, n, sizeof *p.shape, "a glyph"));
    SIREN_TRY(siren_allocate(&p.points, n, sizeof *p.points, "a glyph"));
    SIREN_TRY(siren_allocate(&p.colours, n, sizeof *p.colours, "a glyph"));
    SIREN_TRY(siren_allocate(&p.normals, n, sizeof *p.normals, "a glyph"));
    if (kind == SIREN_GLYPH_FOD) {
        SIREN_TRY(siren_allocate(&p.basis, n * p.n_coefficients, sizeof *p.basis, "harmonics"));
        siren_harmonics_order(p.n_coefficients, &order);
        for (size_t v = 0; v < n; v++)
            siren_harmonics(order, p.sphere.vertices[v], p.basis + v * p.n_coefficients);
    }
    *out = SIREN_TAKE(p);
    return SIREN_OK;
}

/* ---- voxels ---- */

/* All volumes of pixel (column, row); false where one is not finite. */
static bool read_voxel(const siren_series *series, const siren_view *view, size_t column, size_t row,
                       double *out) {
    const siren_geometry *g = &series->geometry;
    const size_t n = g->nx * g->ny, voxel = siren_view_voxel(view, g->nx, column, row);
    for (size_t volume = 0; volume < g->n_volumes; volume++) {
        siren_series_values(series, (volume * g->nz + view->z) * n + voxel, 1, &out[volume]);
        if (!isfinite(out[volume])) return false;
    }
    return true;
}

/* Eigenvalues below 0 come from noise and are taken as 0. */
static siren_eigen eigen_of(const double *elements) {
    siren_eigen eigen = siren_tensor_eigen(elements);
    for (int i = 0; i < 3; i++) eigen.values[i] = fmax(0, eigen.values[i]);
    return eigen;
}

/* The sphere's vertices u become D u. Returns the length. */
static double shape_tensor(glyph_painter *p, const double *elements) {
    const siren_eigen eigen = eigen_of(elements);
    for (size_t v = 0; v < p->sphere.n_vertices; v++)
        for (int k = 0; k < 3; k++) {
            p->shape[v][k] = 0;
            p->colours[v][k] = fabs(eigen.vectors[0][k]);
        }
    for (size_t v = 0; v < p->sphere.n_vertices; v++)
        for (int i = 0; i < 3; i++) {
            const double *u = p->sphere.vertices[v], *e = eigen.vectors[i];
            const double along = eigen.values[i] * (u[0] * e[0] + u[1] * e[1] + u[2] * e[2]);
            for (int k = 0; k < 3; k++) p->shape[v][k] += along * e[k];
        }
    return eigen.values[0];
}

/* The sphere's vertices u become f(u) u. Returns the length. */
static double shape_fod(glyph_painter *p, const double *coefficients) {
    double length = 0;
    for (size_t v = 0; v < p->sphere.n_vertices; v++) {
        const double *u = p->sphere.vertices[v], *basis = p->basis + v * p->n_coefficients;
        double amplitude = 0;
        for (size_t i = 0; i < p->n_coefficients; i++) amplitude += coefficients[i] * basis[i];
        amplitude = fmax(0, amplitude);
        length = fmax(length, amplitude);
        for (int k = 0; k < 3; k++) {
            p->shape[v][k] = amplitude * u[k];
            p->colours[v][k] = fabs(u[k]);
        }
    }
    return length;
}

/* Shapes the glyph of pixel (column, row). Returns its length, 0 for none. */
static double shape_glyph(glyph_painter *p, size_t column, size_t row) {
    double values[MOST_COEFFICIENTS];
    if (!read_voxel(p->series, p->view, column, row, values)) return 0;
    return p->kind == SIREN_GLYPH_TENSOR ? shape_tensor(p, values) : shape_fod(p, values);
}

/* ---- reach ---- */

siren_status siren_glyph_reach(siren_glyph_kind kind, const char *path, const siren_series *series,
                               const siren_view *view, double *reach) {
    SIREN_AT_END(free_painter) glyph_painter painter = {.n_coefficients = 0};
    const size_t width = siren_view_width(view), height = siren_view_height(view);
    SIREN_FREE_AT_END double *lengths = NULL;
    size_t n = 0;
    SIREN_TRY(create_painter(kind, path, series, view, &painter));
    SIREN_TRY(siren_allocate(&lengths, width * height, sizeof *lengths, "lengths of glyphs"));
    for (size_t row = 0; row < height; row++)
        for (size_t column = 0; column < width; column++) {
            const double length = shape_glyph(&painter, column, row);
            if (length > 0) lengths[n++] = length;
        }
    qsort(lengths, n, sizeof *lengths, siren_ascending);
    *reach = n > 0 ? lengths[(size_t)(REACH_SHARE * (double)(n - 1))] : 0;
    return SIREN_OK;
}

/* ---- pictures ---- */

/* Draws the shaped glyph around (x, y). */
static void draw_shape(glyph_painter *p, siren_canvas *canvas, double x, double y, double scale) {
    const siren_view *view = p->view;
    for (size_t v = 0; v < p->sphere.n_vertices; v++) {
        const double *from = p->shape[v];
        const double *axes[3] = {view->right, view->up, view->toward};
        for (int k = 0; k < 3; k++)
            p->points[v][k] = scale * (from[0] * axes[k][0] + from[1] * axes[k][1] + from[2] * axes[k][2]);
    }
    siren_canvas_draw(canvas, &p->sphere, x, y, (const double(*)[3])p->points, (const double(*)[3])p->colours,
                      p->normals);
}

/* The drawing's pixels, `size` (2), in which a voxel's shorter side has `cell`; of voxels of any size that a header may
 * tell. */
static siren_status check_size(const char *path, const siren_view *view, const double size[2]) {
    if (size[0] >= 1 && size[1] >= 1 && size[0] * size[1] <= (double)SIREN_CANVAS_MOST_PIXELS)
        return SIREN_OK;
    return siren_fail(
        SIREN_UNSUPPORTED,
        "%s: %zu x %zu voxels of %g x %g mm would be a drawing of %.6g x %.6g pixels, of which 1 to %zu "
        "are possible; draw fewer voxels (--x, --y), or put their size in its header right",
        path, siren_view_width(view), siren_view_height(view), view->spacing[0], view->spacing[1], size[0],
        size[1], (size_t)SIREN_CANVAS_MOST_PIXELS);
}

siren_status siren_glyph_picture(siren_glyph_kind kind, const char *path, const siren_series *series,
                                 const siren_view *view, double reach, size_t cell, siren_picture *out) {
    SIREN_AT_END(free_painter) glyph_painter painter = {.n_coefficients = 0};
    SIREN_AT_END(siren_canvas_free) siren_canvas canvas = {.width = 0};
    const size_t width = siren_view_width(view), height = siren_view_height(view);
    const double shorter = fmin(view->spacing[0], view->spacing[1]);
    const double step_x = (double)cell * view->spacing[0] / shorter,
                 step_y = (double)cell * view->spacing[1] / shorter;
    const double size[2] = {floor((double)width * step_x + 0.5), floor((double)height * step_y + 0.5)};
    uint8_t *rgb = NULL;
    SIREN_TRY(create_painter(kind, path, series, view, &painter));
    SIREN_TRY(check_size(path, view, size));
    SIREN_TRY(siren_canvas_create((size_t)size[0], (size_t)size[1], &canvas));
    for (size_t row = 0; row < height; row++)
        for (size_t column = 0; column < width; column++) {
            const double length = shape_glyph(&painter, column, row);
            if (length > 0)
                draw_shape(&painter, &canvas, ((double)column + 0.5) * step_x, ((double)row + 0.5) * step_y,
                           0.5 * (double)cell / fmax(reach, length));
        }
    SIREN_TRY(siren_canvas_picture(&canvas, &rgb));
    *out = (siren_picture){canvas.width, canvas.height, rgb};
    return SIREN_OK;
}

siren_status siren_colour_anisotropy(const char *path, const siren_series *series, const siren_view *view,
                                     siren_picture *out) {
    const size_t width = siren_view_width(view), height = siren_view_height(view);
    uint8_t *rgb;
    SIREN_TRY(check_kind(SIREN_GLYPH_TENSOR, path, series));
    SIREN_TRY(siren_allocate(&rgb, width * height, 3, "a picture"));
    for (size_t row = 0; row < height; row++)
        for (size_t column = 0; column < width; column++) {
            double elements[SIREN_TENSOR_ELEMENTS];
            if (!read_voxel(series, view, column, row, elements)) continue;
            const siren_eigen eigen = eigen_of(elements);
            const double strength = siren_tensor_anisotropy(&eigen) / FULL_ANISOTROPY;
            for (int k = 0; k < 3; k++)
                rgb[((height - 1 - row) * width + column) * 3 + (size_t)k] =
                    (uint8_t)(255 * fmin(1, strength * fabs(eigen.vectors[0][k])) + 0.5);
        }
    *out = (siren_picture){width, height, rgb};
    return SIREN_OK;
}
