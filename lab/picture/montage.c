#define _GNU_SOURCE
#include "lab/picture/montage.h"

#include "engine/metrics.h"
#include "engine/model/grid.h"
#include "formats/diffusion_table.h"
#include "formats/gzip.h"
#include "formats/nifti.h"
#include "host/names.h"
#include "lab/evaluate/slices_cut.h"
#include "lab/picture/png.h"
#include "lab/picture/view.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHITE_SHARE 0.995
#define MOST_TABLE_BYTES ((size_t)1 << 24)

typedef struct {
    siren_device *device;
    const siren_montage_options *options;
    siren_progress_fn progress;
    void *user;
    siren_series original, result;                  /* the judged slices; without an original nothing */
    siren_series shown[SIREN_MONTAGE_MOST_VOLUMES]; /* without an original: a decoded volume each */
    uint8_t *mask;                                  /* (judged slices, ny, nx), or NULL */
    size_t n_volumes;                               /* of the series */
    siren_montage montage;
} making;

void siren_montage_free(siren_montage *montage) {
    for (size_t v = 0; montage && v < SIREN_MONTAGE_MOST_VOLUMES; v++)
        for (int kind = 0; kind < SIREN_N_SHOWN; kind++)
            for (size_t i = 0; i < SIREN_MONTAGE_MOST_SLICES; i++)
                free(montage->volumes[v].pictures[kind][i].bytes);
    if (montage) free(montage->slice_psnr);
}

static void making_free(making *run) {
    siren_montage_free(&run->montage);
    siren_series_free(&run->original);
    siren_series_free(&run->result);
    for (size_t v = 0; v < SIREN_MONTAGE_MOST_VOLUMES; v++) siren_series_free(&run->shown[v]);
    free(run->mask);
}

/* ---- which volumes ---- */

/* Without an original the result is an archive, whatever its name. */
static bool is_archive(const making *run) {
    return !run->options->original || siren_has_suffix(run->options->result, ".siren");
}

/* The b-values of the result's archive, or beside the original; none where they cannot be read, for pictures
 * do without. */
static void read_bvals(const making *run, siren_diffusion_table *out) {
    SIREN_AT_END(siren_reader_close_at) siren_reader *reader = NULL;
    SIREN_FREE_AT_END char *path = NULL;
    SIREN_FREE_AT_END uint8_t *text = NULL;
    const void *bytes = NULL;
    size_t n_bytes = 0;
    siren_status status = SIREN_OK;
    if (is_archive(run)) {
        status = siren_reader_open(run->options->result, &reader);
        if (status == SIREN_OK) status = siren_reader_attachment(reader, ".bval", &bytes, &n_bytes);
        if (status == SIREN_OK && bytes)
            status = siren_diffusion_table_parse(run->options->result, bytes, n_bytes, NULL, NULL, 0, out);
    } else {
        status = siren_neighbour_find(run->options->original, ".bval", &path, NULL);
        if (status == SIREN_OK && path) status = siren_file_read(path, MOST_TABLE_BYTES, &text, &n_bytes);
        if (status == SIREN_OK && path)
            status = siren_diffusion_table_parse(path, text, n_bytes, NULL, NULL, 0, out);
    }
    if (status == SIREN_OK && out->bval && out->n_volumes != run->n_volumes)
        status = siren_fail(SIREN_CORRUPT, "%zu b-values for %zu volumes", out->n_volumes, run->n_volumes);
    if (status == SIREN_OK) return;
    siren_log(SIREN_LOG_WARNING, "b-values are left out: %s", siren_message());
    siren_diffusion_table_free(out);
    *out = (siren_diffusion_table){.n_volumes = 0};
}

static siren_status choose_volumes(making *run) {
    SIREN_AT_END(siren_diffusion_table_free) siren_diffusion_table table = {.n_volumes = 0};
    const siren_montage_options *o = run->options;
    size_t chosen[SIREN_MONTAGE_MOST_VOLUMES] = {0, run->n_volumes / 2};
    read_bvals(run, &table);
    for (size_t v = 0; table.bval && v < run->n_volumes; v++) {
        if (v == 0) chosen[0] = chosen[1] = 0;
        if (table.bval[v] < table.bval[chosen[0]]) chosen[0] = v;
        if (table.bval[v] > table.bval[chosen[1]]) chosen[1] = v;
    }
    if (o->volume.begin >= run->n_volumes)
        return siren_fail(SIREN_USAGE, "%s: has no volume %zu, only 0 to %zu", o->result, o->volume.begin,
                          run->n_volumes - 1);
    if (o->volume.end) chosen[1] = o->volume.begin;
    run->montage.n_volumes = chosen[0] == chosen[1] ? 1 : SIREN_MONTAGE_MOST_VOLUMES;
    for (size_t i = 0; i < run->montage.n_volumes; i++) {
        run->montage.volumes[i].volume = chosen[i];
        run->montage.volumes[i].bval = table.bval ? table.bval[chosen[i]] : NAN;
        run->montage.volumes[i].most_error = NAN;
    }
    return SIREN_OK;
}

/* ---- input ---- */

/* Decodes `volumes` of the archive ({0, 0}: all) into a series. */
static siren_status decode(const making *run, siren_span volumes, siren_series *out) {
    const siren_montage_options *o = run->options;
    const siren_decompress_options decompress = {
        .volumes = volumes, .overwrite = true, .memory_limit = o->memory_limit};
    SIREN_FREE_AT_END char *image = NULL;
    if (asprintf(&image, "%s/decoded.nii", o->folder) < 0)
        return siren_fail(SIREN_SYSTEM, "out of memory: the path of decoded volumes");
    SIREN_TRY(siren_decompress_file(run->device, o->result, image, &decompress, run->progress, run->user));
    return siren_nifti_read_for(SIREN_NIFTI_DECODED, image, o->memory_limit, out);
}

/* Leaves the judged slices of the original, where the archive holds some alone, and of the mask. */
static siren_status cut_judged(making *run, size_t nz) {
    const siren_span judged = run->montage.judged;
    const siren_geometry *g = &run->original.geometry;
    const size_t plane = g->nx * g->ny;
    siren_series part;
    if (g->nz != nz || judged.end - judged.begin == nz) return SIREN_OK;
    if (run->mask) memmove(run->mask, run->mask + judged.begin * plane, (judged.end - judged.begin) * plane);
    SIREN_TRY(siren_slices_cut(&run->original, judged.begin, judged.end - judged.begin, &part));
    siren_series_free(&run->original);
    run->original = part;
    return SIREN_OK;
}

static siren_status read_pair(making *run, const siren_archive_info *info) {
    const siren_montage_options *o = run->options;
    SIREN_TRY(siren_nifti_read_for(SIREN_NIFTI_JUDGED, o->original, o->memory_limit, &run->original));
    if (o->mask)
        SIREN_TRY(siren_mask_read(o->mask, o->original, &run->original, o->memory_limit, &run->mask));
    if (info) {
        SIREN_TRY(cut_judged(run, info->nz));
        SIREN_TRY(decode(run, (siren_span){0, 0}, &run->result));
    } else {
        SIREN_TRY(siren_nifti_read_for(SIREN_NIFTI_JUDGED, o->result, o->memory_limit, &run->result));
        run->montage.judged = (siren_span){0, run->original.geometry.nz};
    }
    SIREN_TRY(siren_grid_check(o->original, &run->original.geometry, o->result, &run->result.geometry,
                               run->original.geometry.n_volumes));
    if (siren_grid_check_place(o->original, &run->original, o->result, &run->result) != SIREN_OK)
        siren_log(SIREN_LOG_WARNING, "%s; they are compared voxel by voxel all the same", siren_message());
    run->n_volumes = run->original.geometry.n_volumes;
    return choose_volumes(run);
}

static siren_status read_shown(making *run, const siren_archive_info *info) {
    run->n_volumes = info->n_volumes;
    SIREN_TRY(choose_volumes(run));
    for (size_t i = 0; i < run->montage.n_volumes; i++) {
        const size_t v = run->montage.volumes[i].volume;
        SIREN_TRY(decode(run, (siren_span){v, v + 1}, &run->shown[i]));
    }
    return SIREN_OK;
}

static siren_status read_input(making *run) {
    const siren_montage_options *o = run->options;
    SIREN_AT_END(siren_archive_info_free) siren_archive_info info = {0};
    if (is_archive(run)) {
        SIREN_TRY(siren_info(o->result, &info));
        run->montage.judged = (siren_span){info.z_begin, info.z_end};
    }
    if (o->original) return read_pair(run, is_archive(run) ? &info : NULL);
    return read_shown(run, &info);
}

/* ---- pictures ---- */

/* Scaled values of volume i of those shown, of the original or the result: (nz, ny, nx), yours to free(). */
static siren_status take_values(const making *run, size_t i, bool original, double **out) {
    const bool pair = run->options->original != NULL;
    const siren_series *series = original ? &run->original : pair ? &run->result : &run->shown[i];
    const size_t n = series->geometry.nx * series->geometry.ny * series->geometry.nz;
    SIREN_TRY(siren_allocate(out, n, sizeof **out, "a volume"));
    siren_series_values(series, pair ? run->montage.volumes[i].volume * n : 0, n, *out);
    return SIREN_OK;
}

/* The values that `share` of the finite ones do not exceed, and the least; 0 and 1 where there are none or
 * all are equal. */
static siren_status find_scale(const double *values, size_t n, double share, double scale[2]) {
    SIREN_FREE_AT_END double *sorted = NULL;
    size_t kept = 0;
    SIREN_TRY(siren_allocate(&sorted, n, sizeof *sorted, "values of a volume"));
    for (size_t i = 0; i < n; i++)
        if (isfinite(values[i])) sorted[kept++] = values[i];
    qsort(sorted, kept, sizeof *sorted, siren_ascending);
    scale[0] = kept > 0 ? sorted[0] : 0;
    scale[1] = kept > 0 ? sorted[(size_t)(share * (double)(kept - 1))] : 1;
    if (scale[1] <= scale[0])
        scale[1] = kept > 0 && sorted[kept - 1] > scale[0] ? sorted[kept - 1] : scale[0] + 1;
    return SIREN_OK;
}

/* Two significant digits, not below x. */
static double round_up(double x) {
    const double step = pow(10, floor(log10(x)) - 1);
    return ceil(x / step - 1e-9) * step;
}

/* matplotlib's "inferno" (S. van der Walt and N. Smith, CC0) at five places, linear between them. */
void siren_montage_colour(double share, uint8_t rgb[3]) {
    static const uint8_t stops[][3] = {
        {0, 0, 4}, {87, 16, 110}, {188, 55, 84}, {249, 142, 9}, {252, 255, 164}};
    const double at = 4 * (share > 0 ? share < 1 ? share : 1 : 0);
    const size_t i = at < 4 ? (size_t)at : 3;
    for (int c = 0; c < 3; c++)
        rgb[c] = (uint8_t)lround(stops[i][c] + (at - (double)i) * (stops[i + 1][c] - stops[i][c]));
}

/* One slice (ny, nx) of values as a picture from the top down. What is not finite is black. */
static siren_status take_picture(const siren_view *view, size_t nx, const double *slice,
                                 const double scale[2], bool coloured, siren_png *out) {
    const size_t width = siren_view_width(view), height = siren_view_height(view);
    const unsigned channels = coloured ? 3 : 1;
    SIREN_FREE_AT_END uint8_t *pixels = NULL;
    SIREN_TRY(siren_allocate(&pixels, width * height, channels, "a picture"));
    for (size_t row = 0; row < height; row++)
        for (size_t column = 0; column < width; column++) {
            const double value = slice[siren_view_voxel(view, nx, column, height - 1 - row)],
                         share = isfinite(value) ? (value - scale[0]) / (scale[1] - scale[0]) : 0;
            uint8_t *pixel = pixels + (row * width + column) * channels;
            if (coloured)
                siren_montage_colour(share, pixel);
            else
                *pixel = (uint8_t)lround(255 * (share > 0 ? share < 1 ? share : 1 : 0));
        }
    return siren_png_encode("a slice", width, height, channels, pixels, &out->bytes, &out->n_bytes);
}

static siren_status take_pictures(making *run, const siren_view *view, const siren_geometry *g,
                                  siren_shown kind, const double *values, const double scale[2],
                                  siren_montage_volume *volume) {
    for (size_t i = 0; i < run->montage.n_slices; i++) {
        const size_t z = run->montage.slices[i] - run->montage.judged.begin;
        SIREN_TRY(take_picture(view, g->nx, values + z * g->nx * g->ny, scale, kind == SIREN_SHOWN_ERROR,
                               &volume->pictures[kind][i]));
    }
    return SIREN_OK;
}

static siren_status make_volume(making *run, size_t i, const siren_view *view, const siren_geometry *g) {
    siren_montage_volume *volume = &run->montage.volumes[i];
    SIREN_FREE_AT_END double *result = NULL, *original = NULL;
    const size_t n = g->nx * g->ny * g->nz;
    double errors[2] = {0, 0};
    SIREN_TRY(take_values(run, i, false, &result));
    if (!run->options->original) {
        SIREN_TRY(find_scale(result, n, WHITE_SHARE, volume->values));
        return take_pictures(run, view, g, SIREN_SHOWN_RESULT, result, volume->values, volume);
    }
    SIREN_TRY(take_values(run, i, true, &original));
    SIREN_TRY(find_scale(original, n, WHITE_SHARE, volume->values));
    SIREN_TRY(take_pictures(run, view, g, SIREN_SHOWN_ORIGINAL, original, volume->values, volume));
    SIREN_TRY(take_pictures(run, view, g, SIREN_SHOWN_RESULT, result, volume->values, volume));
    for (size_t k = 0; k < n; k++) original[k] = fabs(original[k] - result[k]);
    SIREN_TRY(find_scale(original, n, WHITE_SHARE, errors));
    errors[0] = 0;
    volume->most_error = errors[1] = round_up(errors[1]);
    return take_pictures(run, view, g, SIREN_SHOWN_ERROR, original, errors, volume);
}

static siren_status make_pictures(making *run) {
    siren_montage *m = &run->montage;
    const siren_series *series = run->options->original ? &run->result : &run->shown[0];
    const siren_geometry *g = &series->geometry;
    siren_view view;
    SIREN_TRY(
        siren_view_make(run->options->result, series, (siren_span){0, 0}, (siren_span){0, 0}, 0, &view));
    m->width = siren_view_width(&view);
    m->height = siren_view_height(&view);
    m->aspect = (double)m->width * view.spacing[0] / ((double)m->height * view.spacing[1]);
    m->n_slices = g->nz < SIREN_MONTAGE_MOST_SLICES ? g->nz : SIREN_MONTAGE_MOST_SLICES;
    for (size_t i = 0; i < m->n_slices; i++)
        m->slices[i] = m->judged.begin + (2 * i + 1) * g->nz / (2 * m->n_slices);
    for (size_t i = 0; i < m->n_volumes; i++) {
        if (run->progress && !run->progress(run->user, (double)i, (double)m->n_volumes, "pictures"))
            return siren_fail(SIREN_CANCELLED, "interrupted while pictures were made; nothing was written");
        SIREN_TRY(make_volume(run, i, &view, g));
    }
    return SIREN_OK;
}

/* ---- figures ---- */

static siren_status compare(making *run) {
    siren_montage *m = &run->montage;
    const siren_geometry *g = &run->original.geometry;
    const size_t plane = g->nx * g->ny;
    SIREN_TRY(siren_compare_series(&run->original, &run->result, run->mask, &m->comparison));
    if (m->comparison.n_voxels == 0)
        return siren_fail(SIREN_USAGE, "%s and %s have no finite voxel in common%s", run->options->original,
                          run->options->result, run->mask ? " inside the mask" : "");
    const double peak = m->comparison.maximum - m->comparison.minimum;
    SIREN_TRY(siren_allocate(&m->slice_psnr, g->nz, sizeof *m->slice_psnr, "the PSNR of slices"));
    for (size_t z = 0; z < g->nz; z++) {
        SIREN_AT_END(siren_series_free) siren_series x = {.voxels = NULL}, y = {.voxels = NULL};
        siren_comparison c;
        if (run->progress && !run->progress(run->user, (double)z, (double)g->nz, "slices"))
            return siren_fail(SIREN_CANCELLED, "interrupted while slices were compared; nothing was written");
        SIREN_TRY(siren_slices_cut(&run->original, z, 1, &x));
        SIREN_TRY(siren_slices_cut(&run->result, z, 1, &y));
        SIREN_TRY(siren_compare_series(&x, &y, run->mask ? run->mask + z * plane : NULL, &c));
        m->slice_psnr[z] = c.n_voxels == 0 ? NAN : c.mse > 0 ? 10 * log10(peak * peak / c.mse) : INFINITY;
    }
    m->compared = true;
    return SIREN_OK;
}

static uint64_t voxel_bytes(const siren_series *series) {
    return siren_geometry_voxels(&series->geometry) * siren_datatype_size(series->geometry.datatype);
}

static siren_status gzip_size(const siren_series *series, double *out) {
    SIREN_AT_END(siren_output_discard_at) siren_output *output = NULL;
    SIREN_FREE_AT_END uint8_t *bytes = NULL;
    size_t n_bytes = 0;
    SIREN_TRY(siren_output_open_memory(&output));
    SIREN_TRY(siren_gzip_write(output, series->voxels, voxel_bytes(series)));
    siren_output_take(SIREN_TAKE(output), &bytes, &n_bytes);
    *out += (double)n_bytes;
    return SIREN_OK;
}

/* The size of the original's file where that is gzip and all of it is judged. */
static siren_status gzip_file_size(const making *run, double *out) {
    SIREN_AT_END(siren_fclose_at) FILE *file = fopen(run->options->original, "rbe");
    uint8_t magic[2];
    siren_geometry geometry;
    SIREN_TRY(siren_nifti_read_geometry(run->options->original, &geometry));
    if (geometry.nz != run->original.geometry.nz || !file || fread(magic, 1, 2, file) != 2 ||
        magic[0] != 0x1f || magic[1] != 0x8b || fseeko(file, 0, SEEK_END) != 0)
        return SIREN_OK;
    *out = (double)ftello(file);
    return SIREN_OK;
}

static siren_status find_sizes(making *run) {
    siren_montage *m = &run->montage;
    uint64_t shown = 0;
    if (run->options->original) {
        m->stored_bytes = voxel_bytes(&run->original);
        SIREN_TRY(gzip_file_size(run, &m->gzip_bytes));
        m->gzip_is_file = m->gzip_bytes > 0;
        return m->gzip_is_file ? SIREN_OK : gzip_size(&run->original, &m->gzip_bytes);
    }
    for (size_t i = 0; i < m->n_volumes; i++) {
        SIREN_TRY(gzip_size(&run->shown[i], &m->gzip_bytes));
        shown += voxel_bytes(&run->shown[i]);
    }
    m->stored_bytes = shown / m->n_volumes * run->n_volumes;
    m->gzip_bytes *= (double)m->stored_bytes / (double)shown;
    m->gzip_is_estimate = m->n_volumes < run->n_volumes;
    return SIREN_OK;
}

siren_status siren_montage_make(siren_device *device, const siren_montage_options *options,
                                siren_progress_fn progress, void *user, siren_montage *out) {
    SIREN_AT_END(making_free)
    making run = {.device = device, .options = options, .progress = progress, .user = user};
    if (options->mask && !options->original)
        return siren_fail(SIREN_USAGE, "a mask tells where a result is compared; give the original, too");
    SIREN_TRY(read_input(&run));
    SIREN_TRY(make_pictures(&run));
    if (options->original) SIREN_TRY(compare(&run));
    SIREN_TRY(find_sizes(&run));
    *out = SIREN_TAKE(run.montage);
    return SIREN_OK;
}
