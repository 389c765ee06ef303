#define _GNU_SOURCE
#include "lab/picture/panel.h"

#include "engine/archive/record.h"
#include "engine/model/grid.h"
#include "engine/metrics.h"
#include "lab/evaluate/ssim.h"
#include "lab/evaluate/statistics.h"
#include "lab/picture/otsu.h"
#include "formats/nifti.h"
#include "host/names.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHITE_SHARE 0.995
#define SCALE_SHARE 0.95

typedef struct {
    siren_device *device;
    const siren_panel_options *options;
    siren_series original; /* all of it */
    siren_series slice;    /* the one shown, its values as double */
    uint8_t *mask;         /* (nz, ny, nx), or NULL */
    double range;          /* of the original */
    float *map;            /* (ny, nx) */
    uint8_t *counted;      /* (ny, nx): in means and scales */
    siren_panel panel;
} making;

void siren_panel_free(siren_panel *panel) {
    if (!panel) return;
    for (size_t i = 0; i < panel->n_results; i++) {
        free(panel->results[i].values);
        free(panel->results[i].errors);
        free(panel->results[i].ssim);
    }
    free(panel->results);
    free(panel->original);
    *panel = (siren_panel){.n_results = 0};
}

/* ---- input ---- */

/* One slice of one volume as a series of doubles without a header. */
static siren_status cut(const siren_series *series, size_t volume, size_t z, siren_series *out) {
    const siren_geometry *g = &series->geometry;
    const size_t n = g->nx * g->ny;
    double *values;
    SIREN_TRY(siren_allocate(&values, n, sizeof *values, "a slice"));
    siren_series_values(series, (volume * g->nz + z) * n, n, values);
    *out = (siren_series){
        .geometry =
            {.datatype = SIREN_FLOAT64, .nx = g->nx, .ny = g->ny, .nz = 1, .n_volumes = 1, .slope = 1},
        .voxels = values};
    return SIREN_OK;
}

static siren_status read_original(making *run) {
    const siren_panel_options *o = run->options;
    SIREN_TRY(siren_nifti_read_for(SIREN_NIFTI_JUDGED, o->original, o->memory_limit, &run->original));
    SIREN_TRY(siren_series_check_finite(o->original, &run->original));
    const siren_geometry *g = &run->original.geometry;
    SIREN_TRY(siren_view_make(o->original, &run->original, o->x, o->y, o->z, &run->panel.view));
    if (o->volume >= g->n_volumes)
        return siren_fail(SIREN_USAGE, "%s: has no volume %zu, only 0 to %zu", o->original, o->volume,
                          g->n_volumes - 1);
    if (o->mask)
        SIREN_TRY(siren_mask_read(o->mask, o->original, &run->original, o->memory_limit, &run->mask));
    siren_comparison whole;
    SIREN_TRY(siren_compare_series(&run->original, &run->original, NULL, &whole));
    run->range = o->range > 0 ? o->range : whole.maximum - whole.minimum;
    if (!(run->range > 0))
        return siren_fail(SIREN_USAGE,
                          "%s: every voxel is %g, and errors are measured by the range of values",
                          o->original, whole.minimum);
    run->panel.width = siren_view_width(&run->panel.view);
    run->panel.height = siren_view_height(&run->panel.view);
    SIREN_TRY(siren_allocate(&run->map, g->nx * g->ny, sizeof *run->map, "a map"));
    return cut(&run->original, o->volume, o->z, &run->slice);
}

/* Checks that an archive is one of a series of the original's grid; its slices may be a part of that. */
static siren_status check_archive(const making *run, const char *path) {
    SIREN_AT_END(siren_archive_close_at) siren_archive *archive = NULL;
    siren_layout layout;
    SIREN_TRY(siren_archive_open(path, &archive));
    SIREN_TRY(siren_layout_read(archive, &layout));
    return siren_grid_check(run->options->original, &run->original.geometry, path, &layout.geometry,
                            run->original.geometry.n_volumes);
}

static siren_status decode(const making *run, const char *path, siren_series *out) {
    const siren_panel_options *o = run->options;
    const siren_decompress_options decompress = {.slices = {o->z, o->z + 1},
                                                 .volumes = {o->volume, o->volume + 1},
                                                 .overwrite = true,
                                                 .memory_limit = o->memory_limit};
    SIREN_AT_END(siren_series_free) siren_series decoded = {.voxels = NULL};
    SIREN_FREE_AT_END char *image = NULL;
    if (asprintf(&image, "%s/decoded.nii", o->folder) < 0)
        return siren_fail(SIREN_SYSTEM, "out of memory: the path of a decoded slice");
    SIREN_TRY(check_archive(run, path));
    SIREN_TRY(siren_decompress_file(run->device, path, image, &decompress, NULL, NULL));
    SIREN_TRY(siren_nifti_read_for(SIREN_NIFTI_DECODED, image, o->memory_limit, &decoded));
    return cut(&decoded, 0, 0, out);
}

static siren_status read_result(const making *run, const char *path, siren_series *out) {
    const siren_panel_options *o = run->options;
    SIREN_AT_END(siren_series_free) siren_series series = {.voxels = NULL};
    if (siren_has_suffix(path, ".siren")) return decode(run, path, out);
    SIREN_TRY(siren_nifti_read_for(SIREN_NIFTI_JUDGED, path, o->memory_limit, &series));
    SIREN_TRY(siren_grid_check(o->original, &run->original.geometry, path, &series.geometry,
                               run->original.geometry.n_volumes));
    SIREN_TRY(siren_grid_check_place(o->original, &run->original, path, &series));
    SIREN_TRY(siren_series_check_finite(path, &series));
    return cut(&series, o->volume, o->z, out);
}

/* ---- pictures ---- */

static const uint8_t *mask_of_slice(const making *run) {
    const siren_geometry *g = &run->original.geometry;
    return run->mask ? run->mask + run->options->z * g->nx * g->ny : NULL;
}

/* Without a mask air would rule means and scales: what counts is above Otsu's threshold of the original. */
static siren_status find_counted(making *run) {
    const size_t n = run->slice.geometry.nx * run->slice.geometry.ny;
    const uint8_t *mask = mask_of_slice(run);
    const double *values = run->slice.voxels;
    const double threshold = mask ? 0 : siren_otsu_threshold(values, n);
    SIREN_TRY(siren_allocate(&run->counted, n, 1, "the voxels that count"));
    for (size_t i = 0; i < n; i++) run->counted[i] = mask ? mask[i] : values[i] > threshold;
    return SIREN_OK;
}

/* What the view shows of run->map; `*mean` (may be NULL) is that of the counted pixels that are not NaN. */
static siren_status take_picture(const making *run, const uint8_t *mask, float **out, double *mean) {
    const siren_panel *panel = &run->panel;
    double sum = 0;
    size_t n = 0;
    SIREN_TRY(siren_allocate(out, panel->width * panel->height, sizeof **out, "a picture"));
    for (size_t row = 0; row < panel->height; row++)
        for (size_t column = 0; column < panel->width; column++) {
            const size_t voxel = siren_view_voxel(&panel->view, run->original.geometry.nx, column, row);
            const float value = mask && !mask[voxel] ? NAN : run->map[voxel];
            (*out)[row * panel->width + column] = value;
            if (isnan(value) || !run->counted[voxel]) continue;
            sum += value;
            n++;
        }
    if (mean) *mean = n > 0 ? sum / (double)n : NAN;
    return SIREN_OK;
}

static siren_status take_values(making *run, const siren_series *slice, float **out) {
    const double *values = slice->voxels;
    for (size_t i = 0; i < slice->geometry.nx * slice->geometry.ny; i++) run->map[i] = (float)values[i];
    return take_picture(run, NULL, out, NULL);
}

static siren_status make_result(making *run, const char *path, siren_panel_result *result) {
    const uint8_t *mask = mask_of_slice(run);
    SIREN_AT_END(siren_series_free) siren_series slice = {.voxels = NULL};
    double mean;
    SIREN_TRY(read_result(run, path, &slice));
    SIREN_TRY(take_values(run, &slice, &result->values));
    siren_relative_errors(&run->slice, &slice, 0, 1, mask, run->map);
    SIREN_TRY(take_picture(run, mask, &result->errors, &result->mean_error));
    SIREN_TRY(siren_ssim_series(SIREN_SSIM_UNIFORM, &run->slice, &slice, run->range, run->map, &mean));
    return take_picture(run, mask, &result->ssim, &result->mean_ssim);
}

/* ---- scales ---- */

static int compare_floats(const void *a, const void *b) {
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* The value that `share` of the pixels do not exceed, of all or of the counted ones; NaN where none has one. */
static siren_status quantile(const making *run, const float *picture, bool all, double share, double *out) {
    const siren_panel *panel = &run->panel;
    SIREN_FREE_AT_END float *sorted = NULL;
    size_t n_values = 0;
    SIREN_TRY(siren_allocate(&sorted, panel->width * panel->height, sizeof *sorted, "values of a picture"));
    for (size_t row = 0; row < panel->height; row++)
        for (size_t column = 0; column < panel->width; column++) {
            const float value = picture[row * panel->width + column];
            const size_t voxel = siren_view_voxel(&panel->view, run->original.geometry.nx, column, row);
            if (!isnan(value) && (all || run->counted[voxel])) sorted[n_values++] = value;
        }
    qsort(sorted, n_values, sizeof *sorted, compare_floats);
    *out = n_values > 0 ? sorted[(size_t)(share * (double)(n_values - 1))] : NAN;
    return SIREN_OK;
}

/* The least round number that is not below `x`; 1 where `x` is no positive number. */
static double round_up(double x) {
    if (!(x > 0)) return 1;
    const double power = pow(10, floor(log10(x)));
    const double steps[] = {1, 1.5, 2, 3, 5, 7};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (x <= steps[i] * power * (1 + 1e-9)) return steps[i] * power;
    return 10 * power;
}

static siren_status find_scales(making *run) {
    siren_panel *panel = &run->panel;
    double most_error = 0, least_ssim = 1, found;
    SIREN_TRY(quantile(run, panel->original, true, 0, &panel->values[0]));
    SIREN_TRY(quantile(run, panel->original, true, WHITE_SHARE, &panel->values[1]));
    if (panel->values[1] <= panel->values[0]) panel->values[1] = panel->values[0] + 1;
    for (size_t i = 0; i < panel->n_results; i++) {
        SIREN_TRY(quantile(run, panel->results[i].errors, false, SCALE_SHARE, &found));
        most_error = fmax(most_error, found);
        SIREN_TRY(quantile(run, panel->results[i].ssim, false, 1 - SCALE_SHARE, &found));
        least_ssim = fmin(least_ssim, found);
    }
    panel->most_error = round_up(most_error);
    panel->least_ssim = 1 - round_up(1 - least_ssim);
    return SIREN_OK;
}

static void making_free(making *run) {
    siren_panel_free(&run->panel);
    siren_series_free(&run->original);
    siren_series_free(&run->slice);
    free(run->mask);
    free(run->map);
    free(run->counted);
}

siren_status siren_panel_make(siren_device *device, const siren_panel_options *options,
                              siren_progress_fn progress, void *user, siren_panel *out) {
    SIREN_AT_END(making_free) making run = {.device = device, .options = options};
    SIREN_TRY(read_original(&run));
    SIREN_TRY(find_counted(&run));
    SIREN_TRY(take_values(&run, &run.slice, &run.panel.original));
    SIREN_TRY(siren_allocate(&run.panel.results, options->n_results, sizeof *run.panel.results, "results"));
    run.panel.n_results = options->n_results;
    for (size_t i = 0; i < options->n_results; i++) {
        if (progress && !progress(user, (double)i, (double)options->n_results, "results"))
            return siren_fail(SIREN_CANCELLED, "interrupted while the panel was made; nothing was written");
        SIREN_TRY(make_result(&run, options->results[i], &run.panel.results[i]));
    }
    SIREN_TRY(find_scales(&run));
    *out = SIREN_TAKE(run.panel);
    return SIREN_OK;
}
