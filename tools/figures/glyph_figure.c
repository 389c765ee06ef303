#define _GNU_SOURCE
#include "tools/figures/glyph_figure.h"

#include <stdio.h>
#include <string.h>

#include "lab/picture/glyph.h"
#include "engine/model/grid.h"
#include "formats/config.h"
#include "formats/nifti.h"
#include "host/file.h"
#include "lab/picture/png.h"

#define TILE_PIXELS 320 /* about: the width of a tile of glyphs */
#define LEAST_CELL 6
#define MOST_CELL 80

/* Rows of the figure, each with the files of its tiles: the original's, then the results'. */
enum { ROW_COLOURS, ROW_TENSOR, ROW_FOD, N_ROWS };
#define TILES(row)                                                                                           \
    row "-0.png", row "-1.png", row "-2.png", row "-3.png", row "-4.png", row "-5.png", row "-6.png",        \
        row "-7.png", row "-8.png"
#define N_TILES (1 + SIREN_FIGURE_MOST_RESULTS)
static const char *const output_names[] = {TILES("colours"), TILES("tensor"), TILES("fod"), SIREN_GLYPHS_MARK,
                                           "glyphs.gp",      "glyphs.svg",    "glyphs.png"};

typedef struct {
    const siren_glyph_figure_options *options;
    const siren_staging *staging;
    siren_progress_fn progress;
    void *user;
    size_t n_done, n_total; /* tiles */
    siren_view slice, region;
    size_t cell;
    size_t width[N_ROWS], height[N_ROWS]; /* pixels of a tile; 0 where there is no such row */
} drawing;

siren_status siren_glyph_figure_open(const char *folder, bool overwrite, siren_staging **out) {
    SIREN_TRY(siren_picture_check_gnuplot());
    return siren_staging_open(folder, output_names, sizeof output_names / sizeof *output_names, overwrite,
                              out);
}

/* ---- input ---- */

/* The image "original_tensor.nii.gz" of an evaluation. `*path` is yours to free(). */
static siren_status image_path(const char *evaluation, const char *series, const char *image, char **path) {
    if (asprintf(path, "%s/%s_%s.nii.gz", evaluation, series, image) >= 0) return SIREN_OK;
    *path = NULL;
    return siren_fail(SIREN_SYSTEM, "out of memory: the path of an image of %s", evaluation);
}

static siren_status read_image(const drawing *d, const char *evaluation, const char *series,
                               const char *image, char **path, siren_series *out) {
    SIREN_TRY(image_path(evaluation, series, image, path));
    return siren_nifti_read(*path, d->options->memory_limit, out);
}

/* USAGE where the image that an evaluation has made of its original is not that of the first one. */
static siren_status check_original(const drawing *d, const char *evaluation, const char *image,
                                   const siren_series *first) {
    SIREN_AT_END(siren_series_free) siren_series other = {.voxels = NULL};
    SIREN_FREE_AT_END char *path = NULL;
    SIREN_TRY(read_image(d, evaluation, "original", image, &path, &other));
    SIREN_TRY(siren_grid_check(d->options->evaluations[0], &first->geometry, path, &other.geometry,
                               first->geometry.n_volumes));
    const size_t n = siren_geometry_voxels(&first->geometry);
    if (first->geometry.datatype != other.geometry.datatype ||
        memcmp(first->voxels, other.voxels, n * siren_datatype_size(first->geometry.datatype)) != 0)
        return siren_fail(SIREN_USAGE,
                          "%s: is of another original than that of %s; evaluate both against one", path,
                          d->options->evaluations[0]);
    return SIREN_OK;
}

static bool has_image(const char *evaluation, const char *image) {
    SIREN_FREE_AT_END char *path = NULL;
    if (image_path(evaluation, "original", image, &path) != SIREN_OK) return false;
    return siren_file_exists(path);
}

/* The slices of the original that an evaluation is of, and counts from 0: not all where its result was a part.
 * `*slices` stays as it is where the evaluation does not say. */
static siren_status judged_slices(const char *evaluation, siren_span *slices) {
    SIREN_AT_END(siren_config_free_at) siren_config *config = NULL;
    SIREN_FREE_AT_END char *path = NULL;
    uint64_t begin = 0;
    if (asprintf(&path, "%s/evaluation.json", evaluation) < 0) {
        path = NULL;
        return siren_fail(SIREN_SYSTEM, "out of memory: the path of an evaluation");
    }
    if (!siren_file_exists(path)) return SIREN_OK;
    SIREN_TRY(siren_config_read(path, &config));
    siren_value first = siren_value_first(siren_value_member(siren_config_root(config), "slices_judged"));
    if (!siren_value_exists(first)) return SIREN_OK;
    SIREN_TRY(siren_value_integer(first, 0, 1u << 31, &begin));
    *slices = (siren_span){(size_t)begin, (size_t)begin + slices->end};
    return SIREN_OK;
}

/* ---- tiles ---- */

static siren_status make_views(drawing *d, const char *path, const siren_series *series) {
    const siren_glyph_figure_options *o = d->options;
    const siren_span all = {0, 0};
    size_t z;
    siren_span judged = {0, series->geometry.nz}, asked = o->slice;
    SIREN_TRY(judged_slices(o->evaluations[0], &judged));
    if (asked.end > 0 && (asked.begin < judged.begin || asked.end > judged.end))
        return siren_fail(SIREN_USAGE, "%s: has no slice %zu; it is of slices %zu:%zu of the original",
                          o->evaluations[0], asked.begin, judged.begin, judged.end);
    if (asked.end > 0) asked = (siren_span){asked.begin - judged.begin, asked.end - judged.begin};
    SIREN_TRY(siren_picture_slice(path, asked, &z));
    SIREN_TRY(siren_view_make(path, series, all, all, z, &d->slice));
    SIREN_TRY(siren_view_make(path, series, o->x, o->y, z, &d->region));
    d->cell = TILE_PIXELS / siren_view_width(&d->region);
    if (d->cell < LEAST_CELL) d->cell = LEAST_CELL;
    if (d->cell > MOST_CELL) d->cell = MOST_CELL;
    return SIREN_OK;
}

/* Writes a tile and takes the picture. */
static siren_status write_tile(drawing *d, size_t row, size_t column, siren_picture *picture) {
    SIREN_FREE_AT_END char *path = NULL;
    siren_status status = siren_staging_path(d->staging, output_names[row * N_TILES + column], &path);
    if (status == SIREN_OK)
        status = siren_png_write(path, false, picture->width, picture->height, picture->rgb);
    d->width[row] = picture->width;
    d->height[row] = picture->height;
    siren_picture_free(picture);
    return status;
}

static siren_status draw_colours(drawing *d, const char *path, const siren_series *series, size_t column) {
    siren_picture picture;
    SIREN_TRY(siren_colour_anisotropy(path, series, &d->slice, &picture));
    return write_tile(d, ROW_COLOURS, column, &picture);
}

static siren_status draw_glyphs(drawing *d, siren_glyph_kind kind, const char *path,
                                const siren_series *series, double reach, size_t column) {
    siren_picture picture;
    if (d->progress && !d->progress(d->user, (double)d->n_done++, (double)d->n_total, "glyphs"))
        return siren_fail(SIREN_CANCELLED, "interrupted while glyphs were drawn; nothing was written");
    if (kind == SIREN_GLYPH_TENSOR) SIREN_TRY(draw_colours(d, path, series, column));
    SIREN_TRY(siren_glyph_picture(kind, path, series, &d->region, reach, d->cell, &picture));
    return write_tile(d, kind == SIREN_GLYPH_TENSOR ? ROW_TENSOR : ROW_FOD, column, &picture);
}

static siren_status draw_result(drawing *d, siren_glyph_kind kind, const char *image,
                                const siren_series *original, double reach, size_t i) {
    const char *evaluation = d->options->evaluations[i];
    SIREN_AT_END(siren_series_free) siren_series result = {.voxels = NULL};
    SIREN_FREE_AT_END char *path = NULL;
    if (i > 0) SIREN_TRY(check_original(d, evaluation, image, original));
    SIREN_TRY(read_image(d, evaluation, "result", image, &path, &result));
    SIREN_TRY(siren_grid_check("the original's image", &original->geometry, path, &result.geometry,
                               original->geometry.n_volumes));
    return draw_glyphs(d, kind, path, &result, reach, i + 1);
}

/* The rows of one kind. */
static siren_status draw_kind(drawing *d, siren_glyph_kind kind, const char *image) {
    SIREN_AT_END(siren_series_free) siren_series original = {.voxels = NULL};
    SIREN_FREE_AT_END char *path = NULL;
    double reach;
    SIREN_TRY(read_image(d, d->options->evaluations[0], "original", image, &path, &original));
    SIREN_TRY(make_views(d, path, &original));
    SIREN_TRY(siren_glyph_reach(kind, path, &original, &d->region, &reach));
    SIREN_TRY(draw_glyphs(d, kind, path, &original, reach, 0));
    for (size_t i = 0; i < d->options->n; i++) SIREN_TRY(draw_result(d, kind, image, &original, reach, i));
    return SIREN_OK;
}

/* ---- the figure ---- */

/* What glyphs.gp loads. */
static void write_data(const void *user, FILE *out) {
    static const char *const names[N_ROWS] = {"colours", "tensor", "fod"};
    const drawing *d = user;
    fprintf(out, "n = %zu\nrows = '", d->options->n);
    for (size_t row = 0, n = 0; row < N_ROWS; row++)
        if (d->width[row] > 0) fprintf(out, "%s%s", n++ > 0 ? " " : "", names[row]);
    fprintf(out, "'\n# pixels of the tiles in a row\n");
    for (size_t row = 0; row < N_ROWS; row++)
        if (d->width[row] > 0)
            fprintf(out, "%s_x = %zu\n%s_y = %zu\n", names[row], d->width[row], names[row], d->height[row]);
    const siren_view *s = &d->slice, *r = &d->region;
    const size_t left = r->flip_x ? s->x.end - r->x.end : r->x.begin,
                 bottom = r->flip_y ? s->y.end - r->y.end : r->y.begin;
    fprintf(
        out,
        "# height of a voxel by its width, and the glyphs' voxels within the slice from its lower left\n");
    fprintf(out, "pixel = %.9g\nregion_x = %zu\nregion_y = %zu\nregion_nx = %zu\nregion_ny = %zu\n",
            s->spacing[1] / s->spacing[0], left, bottom, siren_view_width(r), siren_view_height(r));
    siren_picture_write_wording(&d->options->wording, d->options->n, out);
}

siren_status siren_glyph_figure_draw(const siren_glyph_figure_options *options, const siren_staging *staging,
                                     siren_progress_fn progress, void *user) {
    drawing d = {.options = options, .staging = staging, .progress = progress, .user = user};
    const char *first = options->evaluations[0];
    const bool tensor = has_image(first, "tensor"), fod = has_image(first, "fod");
    d.n_total = ((size_t)tensor + (size_t)fod) * (options->n + 1);
    if (!tensor && !fod)
        return siren_fail(
            SIREN_USAGE,
            "%s: holds neither original_tensor.nii.gz nor original_fod.nii.gz; let sirencl evaluate make "
            "them there, with MRtrix3",
            first);
    if (tensor) SIREN_TRY(draw_kind(&d, SIREN_GLYPH_TENSOR, "tensor"));
    if (fod) SIREN_TRY(draw_kind(&d, SIREN_GLYPH_FOD, "fod"));
    SIREN_TRY(siren_picture_write_text(staging, SIREN_GLYPHS_MARK, write_data, &d));
    return siren_picture_draw(staging, "glyphs", &options->wording, progress, user);
}
