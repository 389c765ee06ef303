#include "lab/picture/view.h"

#include "formats/nifti.h"

#include <math.h>

static siren_status check_span(const char *path, const char *axis, size_t n, siren_span *span) {
    if (span->end == 0) span->end = n;
    if (span->begin < span->end && span->end <= n) return SIREN_OK;
    return siren_fail(SIREN_USAGE, "%s: has no voxels %zu:%zu along %s, only 0:%zu", path, span->begin,
                      span->end, axis, n);
}

static double normalise(double v[3]) {
    const double norm = sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
    for (int i = 0; i < 3; i++) v[i] /= norm;
    return norm;
}

/* The axis of the world, which runs left to right, back to front and feet to head, that `v` is nearest to. */
static int nearest_axis(const double v[3]) {
    int axis = 0;
    for (int i = 1; i < 3; i++)
        if (fabs(v[i]) > fabs(v[axis])) axis = i;
    return axis;
}

static void turn(const siren_series *series, siren_view *view) {
    double affine[3][4], size[3];
    siren_nifti_voxel_size(series->header, &series->geometry, size);
    bool placed = siren_nifti_affine(series->header, &series->geometry, affine);
    for (int i = 0; i < 3; i++) {
        view->right[i] = placed ? affine[i][0] : i == 0 ? size[0] : 0;
        view->up[i] = placed ? affine[i][1] : i == 1 ? size[1] : 0;
    }
    view->spacing[0] = normalise(view->right);
    view->spacing[1] = normalise(view->up);
    const int right = nearest_axis(view->right), up = nearest_axis(view->up);
    view->flip_x = placed && view->right[right] > 0;
    view->flip_y = placed && view->up[up] < 0;
    for (int i = 0; i < 3; i++) {
        if (view->flip_x) view->right[i] = -view->right[i];
        if (view->flip_y) view->up[i] = -view->up[i];
    }
    for (int i = 0; i < 3; i++) {
        const int j = (i + 1) % 3, k = (i + 2) % 3;
        view->toward[i] = view->right[j] * view->up[k] - view->right[k] * view->up[j];
    }
    normalise(view->toward);
}

siren_status siren_view_make(const char *path, const siren_series *series, siren_span x, siren_span y,
                             size_t z, siren_view *out) {
    const siren_geometry *g = &series->geometry;
    siren_view view = {.x = x, .y = y, .z = z};
    SIREN_TRY(check_span(path, "x", g->nx, &view.x));
    SIREN_TRY(check_span(path, "y", g->ny, &view.y));
    if (z >= g->nz) return siren_fail(SIREN_USAGE, "%s: has no slice %zu, only 0 to %zu", path, z, g->nz - 1);
    turn(series, &view);
    if (!(view.spacing[0] > 0 && view.spacing[1] > 0 &&
          isfinite(view.toward[0] + view.toward[1] + view.toward[2])))
        return siren_fail(SIREN_CORRUPT, "%s: its header places all voxels of a row in one point or line",
                          path);
    *out = view;
    return SIREN_OK;
}

size_t siren_view_voxel(const siren_view *view, size_t nx, size_t column, size_t row) {
    const size_t i = view->flip_x ? view->x.end - 1 - column : view->x.begin + column;
    const size_t j = view->flip_y ? view->y.end - 1 - row : view->y.begin + row;
    return j * nx + i;
}
