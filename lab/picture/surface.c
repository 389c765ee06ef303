#include "lab/picture/surface.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- vectors ---- */

static double dot(const double a[3], const double b[3]) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

static void normalise(double v[3]) {
    const double norm = sqrt(dot(v, v));
    for (int i = 0; i < 3 && norm > 0; i++) v[i] /= norm;
}

/* ---- sphere ---- */

#define GOLDEN_RATIO 1.6180339887498949

/* The vertices that halve the edges from one vertex. */
#define MAX_EDGES 6
typedef struct {
    uint32_t other[MAX_EDGES], middle[MAX_EDGES];
    size_t n;
} halved_edges;

static void start_icosahedron(siren_sphere *sphere) {
    static const uint32_t faces[20][3] = {{0, 11, 5}, {0, 5, 1},  {0, 1, 7},   {0, 7, 10}, {0, 10, 11},
                                          {1, 5, 9},  {5, 11, 4}, {11, 10, 2}, {10, 7, 6}, {7, 1, 8},
                                          {3, 9, 4},  {3, 4, 2},  {3, 2, 6},   {3, 6, 8},  {3, 8, 9},
                                          {4, 9, 5},  {2, 4, 11}, {6, 2, 10},  {8, 6, 7},  {9, 8, 1}};
    const double a = 1, b = GOLDEN_RATIO;
    const double vertices[12][3] = {{-a, b, 0}, {a, b, 0}, {-a, -b, 0}, {a, -b, 0},
                                    {0, -a, b}, {0, a, b}, {0, -a, -b}, {0, a, -b},
                                    {b, 0, -a}, {b, 0, a}, {-b, 0, -a}, {-b, 0, a}};
    memcpy(sphere->faces, faces, sizeof faces);
    memcpy(sphere->vertices, vertices, sizeof vertices);
    sphere->n_faces = 20;
    sphere->n_vertices = 12;
    for (size_t i = 0; i < 12; i++) normalise(sphere->vertices[i]);
}

/* The vertex in the middle of the edge from a to b, which is made where it is missing. */
static uint32_t middle_of(siren_sphere *sphere, halved_edges *edges, uint32_t a, uint32_t b) {
    halved_edges *of = &edges[a < b ? a : b];
    const uint32_t other = a < b ? b : a;
    for (size_t i = 0; i < of->n; i++)
        if (of->other[i] == other) return of->middle[i];
    const uint32_t made = (uint32_t)sphere->n_vertices++;
    for (int i = 0; i < 3; i++) sphere->vertices[made][i] = sphere->vertices[a][i] + sphere->vertices[b][i];
    normalise(sphere->vertices[made]);
    of->other[of->n] = other;
    of->middle[of->n++] = made;
    return made;
}

/* The faces in place: the corner of each keeps its number, three more follow those there are. */
static void divide(siren_sphere *sphere, halved_edges *edges) {
    const size_t n = sphere->n_faces;
    for (size_t i = 0; i < n; i++) {
        uint32_t *f = sphere->faces[i];
        const uint32_t a = f[0], b = f[1], c = f[2];
        const uint32_t ab = middle_of(sphere, edges, a, b), bc = middle_of(sphere, edges, b, c),
                       ca = middle_of(sphere, edges, c, a);
        const uint32_t made[4][3] = {{a, ab, ca}, {b, bc, ab}, {c, ca, bc}, {ab, bc, ca}};
        memcpy(sphere->faces[i], made[0], sizeof made[0]);
        memcpy(sphere->faces[sphere->n_faces], made[1], 3 * sizeof made[0]);
        sphere->n_faces += 3;
    }
}

siren_status siren_sphere_make(unsigned n_divisions, siren_sphere *out) {
    SIREN_AT_END(siren_sphere_free) siren_sphere sphere = {.n_vertices = 0};
    SIREN_FREE_AT_END halved_edges *edges = NULL;
    if (n_divisions > SIREN_SPHERE_MOST_DIVISIONS)
        return siren_fail(SIREN_UNSUPPORTED, "a sphere divided %u times; %d is the most", n_divisions,
                          SIREN_SPHERE_MOST_DIVISIONS);
    const size_t n_faces = (size_t)20 << (2 * n_divisions), n_vertices = n_faces / 2 + 2;
    SIREN_TRY(siren_allocate(&sphere.vertices, n_vertices, sizeof *sphere.vertices, "vertices"));
    SIREN_TRY(siren_allocate(&sphere.faces, n_faces, sizeof *sphere.faces, "faces"));
    SIREN_TRY(siren_allocate(&edges, n_vertices, sizeof *edges, "edges"));
    start_icosahedron(&sphere);
    for (unsigned i = 0; i < n_divisions; i++) {
        memset(edges, 0, n_vertices * sizeof *edges);
        divide(&sphere, edges);
    }
    *out = SIREN_TAKE(sphere);
    return SIREN_OK;
}

void siren_sphere_free(siren_sphere *sphere) {
    free(sphere->vertices);
    free(sphere->faces);
    *sphere = (siren_sphere){.n_vertices = 0};
}

/* ---- canvas ---- */

siren_status siren_canvas_create(size_t width, size_t height, siren_canvas *out) {
    const size_t samples_of_pixel = SIREN_CANVAS_SAMPLES * SIREN_CANVAS_SAMPLES;
    SIREN_AT_END(siren_canvas_free) siren_canvas canvas = {.width = width, .height = height};
    if (width == 0 || height == 0 || width > SIREN_CANVAS_MOST_PIXELS / height)
        return siren_fail(SIREN_UNSUPPORTED, "a drawing of %zu x %zu pixels; 1 to %zu are possible", width,
                          height, SIREN_CANVAS_MOST_PIXELS);
    const size_t n = width * height * samples_of_pixel;
    SIREN_TRY(siren_allocate(&canvas.colours, n, 3, "a drawing"));
    SIREN_TRY(siren_allocate(&canvas.depths, n, sizeof *canvas.depths, "depths of a drawing"));
    for (size_t i = 0; i < n; i++) canvas.depths[i] = -INFINITY;
    *out = SIREN_TAKE(canvas);
    return SIREN_OK;
}

void siren_canvas_free(siren_canvas *canvas) {
    free(canvas->colours);
    free(canvas->depths);
    *canvas = (siren_canvas){.width = 0};
}

siren_status siren_canvas_picture(const siren_canvas *canvas, uint8_t **rgb) {
    const size_t n = SIREN_CANVAS_SAMPLES, stride = canvas->width * n;
    SIREN_TRY(siren_allocate(rgb, canvas->width * canvas->height, 3, "a picture"));
    for (size_t y = 0; y < canvas->height; y++)
        for (size_t x = 0; x < canvas->width; x++)
            for (size_t channel = 0; channel < 3; channel++) {
                unsigned sum = 0;
                for (size_t j = 0; j < n; j++)
                    for (size_t i = 0; i < n; i++)
                        sum += canvas->colours[((y * n + j) * stride + x * n + i) * 3 + channel];
                (*rgb)[((canvas->height - 1 - y) * canvas->width + x) * 3 + channel] =
                    (uint8_t)((sum + n * n / 2) / (n * n));
            }
    return SIREN_OK;
}

/* ---- drawing ---- */

/* Normals of the vertices: the mean of those of the faces around, by area. */
static void find_normals(const siren_sphere *sphere, const double (*points)[3], double (*normals)[3]) {
    memset(normals, 0, sphere->n_vertices * sizeof *normals);
    for (size_t f = 0; f < sphere->n_faces; f++) {
        const uint32_t *face = sphere->faces[f];
        const double *a = points[face[0]], *b = points[face[1]], *c = points[face[2]];
        for (int i = 0; i < 3; i++) {
            const int j = (i + 1) % 3, k = (i + 2) % 3;
            const double cross = (b[j] - a[j]) * (c[k] - a[k]) - (b[k] - a[k]) * (c[j] - a[j]);
            for (int corner = 0; corner < 3; corner++) normals[face[corner]][i] += cross;
        }
    }
    for (size_t v = 0; v < sphere->n_vertices; v++) normalise(normals[v]);
}

/* Light from behind the viewer's left shoulder, some from everywhere, and a highlight. */
static void shade(const double normal[3], const double colour[3], uint8_t out[3]) {
    static const double light[3] = {-0.36, 0.48, 0.8}, halfway[3] = {-0.1897, 0.2530, 0.9487};
    const double norm = sqrt(dot(normal, normal)), scale = norm > 0 ? 1 / norm : 0;
    const double diffuse = 0.25 + 0.75 * fmax(0, dot(normal, light) * scale);
    const double highlight = 0.25 * pow(fmax(0, dot(normal, halfway) * scale), 40);
    for (int i = 0; i < 3; i++) out[i] = (uint8_t)(255 * fmin(1, colour[i] * diffuse + highlight) + 0.5);
}

/* One corner of a face on the canvas, in samples. */
typedef struct {
    double x, y, depth;
    const double *normal, *colour;
} corner;

static double signed_area(const corner *a, const corner *b, double x, double y) {
    return (b->x - a->x) * (y - a->y) - (b->y - a->y) * (x - a->x);
}

static void draw_sample(siren_canvas *canvas, size_t sample, const corner corners[3],
                        const double weights[3]) {
    double depth = 0, normal[3] = {0}, colour[3] = {0};
    for (int i = 0; i < 3; i++) depth += weights[i] * corners[i].depth;
    if (!((float)depth > canvas->depths[sample])) return;
    canvas->depths[sample] = (float)depth;
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++) {
            normal[k] += weights[i] * corners[i].normal[k];
            colour[k] += weights[i] * corners[i].colour[k];
        }
    shade(normal, colour, canvas->colours + 3 * sample);
}

/* The whole numbers from `*first` to before the returned one are those of samples in [low, high] on the canvas. */
static size_t sample_range(double low, double high, size_t n, size_t *first) {
    const double from = fmax(0, ceil(low - 0.5)), to = fmin((double)n, floor(high - 0.5) + 1);
    *first = (size_t)from;
    return to > from ? (size_t)to : (size_t)from;
}

static void draw_face(siren_canvas *canvas, const corner c[3]) {
    const size_t columns = canvas->width * SIREN_CANVAS_SAMPLES, rows = canvas->height * SIREN_CANVAS_SAMPLES;
    const double area = signed_area(&c[0], &c[1], c[2].x, c[2].y);
    if (!(area > 0)) return; /* seen from behind, or from the side */
    size_t x0, y0;
    const size_t x1 =
        sample_range(fmin(c[0].x, fmin(c[1].x, c[2].x)), fmax(c[0].x, fmax(c[1].x, c[2].x)), columns, &x0);
    const size_t y1 =
        sample_range(fmin(c[0].y, fmin(c[1].y, c[2].y)), fmax(c[0].y, fmax(c[1].y, c[2].y)), rows, &y0);
    for (size_t y = y0; y < y1; y++)
        for (size_t x = x0; x < x1; x++) {
            const double px = (double)x + 0.5, py = (double)y + 0.5;
            const double weights[3] = {signed_area(&c[1], &c[2], px, py) / area,
                                       signed_area(&c[2], &c[0], px, py) / area,
                                       signed_area(&c[0], &c[1], px, py) / area};
            if (weights[0] >= 0 && weights[1] >= 0 && weights[2] >= 0)
                draw_sample(canvas, y * columns + x, c, weights);
        }
}

void siren_canvas_draw(siren_canvas *canvas, const siren_sphere *sphere, double x, double y,
                       const double (*points)[3], const double (*colours)[3], double (*normals)[3]) {
    find_normals(sphere, points, normals);
    for (size_t f = 0; f < sphere->n_faces; f++) {
        corner corners[3];
        for (int i = 0; i < 3; i++) {
            const uint32_t v = sphere->faces[f][i];
            corners[i] =
                (corner){(x + points[v][0]) * SIREN_CANVAS_SAMPLES, (y + points[v][1]) * SIREN_CANVAS_SAMPLES,
                         points[v][2], normals[v], colours[v]};
        }
        draw_face(canvas, corners);
    }
}
