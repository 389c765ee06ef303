/* Closed surfaces around a point, drawn with light and shade: a small renderer for glyphs. */
#ifndef SIREN_LAB_PICTURE_SURFACE_H
#define SIREN_LAB_PICTURE_SURFACE_H

#include "lab/picture/png.h"

/* A sphere of triangles: an icosahedron whose faces were divided. */
typedef struct {
    size_t n_vertices, n_faces;
    double (*vertices)[3]; /* (n_vertices) unit vectors */
    uint32_t (*faces)[3];  /* (n_faces) vertices, counter-clockwise as seen from outside */
} siren_sphere;

#define SIREN_SPHERE_MOST_DIVISIONS 6

/* Each division makes four faces of one: 20 * 4^n_divisions. `*out` is yours: siren_sphere_free(). */
siren_status siren_sphere_make(unsigned n_divisions, siren_sphere *out);
void siren_sphere_free(siren_sphere *sphere);

/* A picture being drawn, with SIREN_CANVAS_SAMPLES^2 samples a pixel. */
#define SIREN_CANVAS_SAMPLES 3
typedef struct {
    size_t width, height; /* pixels */
    uint8_t *colours;     /* samples (rows, columns, 3), from the bottom up */
    float *depths;        /* samples: how near the viewer, in pixels */
} siren_canvas;

#define SIREN_CANVAS_MOST_PIXELS (SIREN_PNG_MOST_PIXELS / (SIREN_CANVAS_SAMPLES * SIREN_CANVAS_SAMPLES))
/* A black picture. UNSUPPORTED where it has no pixel or more than SIREN_CANVAS_MOST_PIXELS. */
siren_status siren_canvas_create(size_t width, size_t height, siren_canvas *out);
void siren_canvas_free(siren_canvas *canvas);

/* Draws a surface that has a vertex for each of the sphere's: at (x, y) pixels from the lower left corner of the canvas
 * lies its point 0; `points` (n_vertices) are in pixels to the right, upwards and toward the viewer, `colours`
 * (n_vertices) from 0 to 1. Seen from infinity, lit from the upper left. `normals` (n_vertices) is working memory. */
void siren_canvas_draw(siren_canvas *canvas, const siren_sphere *sphere, double x, double y,
                       const double (*points)[3], const double (*colours)[3], double (*normals)[3]);

/* The picture (height, width, 3), from the top down. `*rgb` is yours to free(). */
siren_status siren_canvas_picture(const siren_canvas *canvas, uint8_t **rgb);

#endif
