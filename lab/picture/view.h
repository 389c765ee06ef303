/* A part of one slice as a picture: which voxels are its pixels, and how its axes lie in the world. */
#ifndef SIREN_LAB_PICTURE_VIEW_H
#define SIREN_LAB_PICTURE_VIEW_H

#include "engine/calls.h"
#include "formats/series.h"

#define SIREN_FIGURE_MOST_RESULTS 8 /* beside the original in one figure */

/* Pixels count from the left and from the bottom. Where the header places voxels, slices are turned as radiologists
 * look at them: the patient's left, or back, at the right, front or head at the top. */
typedef struct {
    siren_span x, y; /* voxels shown */
    size_t z;
    bool flip_x, flip_y; /* a picture's first column is the last voxel of x, its first row the last of y */
    double right[3], up[3],
        toward[3];     /* unit vectors of the picture in the header's world; toward the viewer */
    double spacing[2]; /* mm from pixel to pixel, to the right and upwards */
} siren_view;

/* Spans 0:0 show the whole slice. USAGE for what the series (of the file `path`, for the message) does not have. */
siren_status siren_view_make(const char *path, const siren_series *series, siren_span x, siren_span y,
                             size_t z, siren_view *out);

static inline size_t siren_view_width(const siren_view *view) { return view->x.end - view->x.begin; }
static inline size_t siren_view_height(const siren_view *view) { return view->y.end - view->y.begin; }

/* Where pixel (column, row) lies in a slice (ny, nx). */
size_t siren_view_voxel(const siren_view *view, size_t nx, size_t column, size_t row);

#endif
