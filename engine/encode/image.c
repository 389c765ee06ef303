#define _GNU_SOURCE
#include "engine/encode/image.h"

#include "engine/encode/sections.h"
#include "engine/options.h"
#include "formats/nifti.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

const char *siren_image_name(const siren_image *image) {
    return image->path ? image->path : "the image in memory";
}

void siren_image_free(siren_image *image) {
    if (!image) return;
    if (image->borrowed) image->series.voxels = NULL;
    siren_series_free(&image->series);
    for (size_t i = 0; i < image->n_given; i++) free((void *)image->given[i].bytes);
    free(image->path);
    free(image);
}

siren_status siren_image_load(const char *path, siren_nifti_use use, size_t memory_limit, siren_image **out) {
    SIREN_AT_END(siren_image_free_at) siren_image *image = NULL;
    SIREN_TRY(siren_allocate(&image, 1, sizeof *image, "the image"));
    SIREN_TRY(siren_allocate(&image->path, strlen(path) + 1, 1, "the image's path"));
    strcpy(image->path, path);
    SIREN_TRY(siren_nifti_read_for(use, path, memory_limit, &image->series));
    *out = SIREN_TAKE(image);
    return SIREN_OK;
}

siren_status siren_image_read(const char *path, const siren_options *options, siren_image **out) {
    if (!path || !out) return siren_fail(SIREN_USAGE, "siren_image_read: path and out must not be NULL");
    SIREN_FREE_AT_END char *absolute = NULL; /* what lies beside it is looked for when it is compressed */
    SIREN_FREE_AT_END char *folder = *path == '/' ? strdup("") : getcwd(NULL, 0);
    if (!folder || asprintf(&absolute, *path == '/' ? "%s%s" : "%s/%s", folder, path) < 0)
        return siren_fail(SIREN_SYSTEM, "%s: its folder cannot be found: %s", path, strerror(errno));
    return siren_image_load(absolute,
                            options && options->compress.without_tail ? SIREN_NIFTI_CUT : SIREN_NIFTI_STORED,
                            options ? options->compress.memory_limit : SIZE_MAX, out);
}

siren_status siren_image_attach(siren_image *image, const char *suffix, const void *bytes, size_t n_bytes) {
    if (!image || !suffix || (!bytes && n_bytes))
        return siren_fail(SIREN_USAGE, "siren_image_attach: image, suffix and bytes must not be NULL");
    if (!siren_suffix_is_plain(suffix) || siren_suffix_is_image(suffix))
        return siren_fail(
            SIREN_USAGE,
            "siren_image_attach: '%.64s' is no suffix; give '.' or '_' and up to %d letters, digits, "
            "'.', '_' or '-' that name no image",
            suffix, SIREN_MAX_SUFFIX - 1);
    if (n_bytes > SIREN_ATTACHMENT_LIMIT)
        return siren_fail(
            SIREN_UNSUPPORTED,
            "siren_image_attach: %zu byte%s of %s are more than the limit of %zu; leave the file out",
            n_bytes, siren_plural(n_bytes), suffix, SIREN_ATTACHMENT_LIMIT);
    for (size_t i = 0; i < image->n_given; i++)
        if (strcmp(image->given[i].suffix, suffix) == 0)
            return siren_fail(SIREN_USAGE,
                              "siren_image_attach: %s is attached already; attach each suffix once", suffix);
    if (image->n_given == SIREN_MAX_GIVEN)
        return siren_fail(
            SIREN_USAGE,
            "siren_image_attach: %d files are attached already, which is the limit; leave some out",
            SIREN_MAX_GIVEN);
    uint8_t *copy = NULL;
    SIREN_TRY(siren_allocate(&copy, n_bytes, 1, suffix));
    if (n_bytes) memcpy(copy, bytes, n_bytes);
    siren_attachment *given = &image->given[image->n_given++];
    *given = (siren_attachment){.bytes = copy, .n_bytes = n_bytes};
    strcpy(given->suffix, suffix);
    return SIREN_OK;
}

/* Callers choose suffixes: ".JSON" and "_bids.json" are sidecars, too. */
static bool is_sidecar(const char *suffix) {
    static const char end[] = ".json";
    const size_t n = strlen(suffix), n_end = sizeof end - 1;
    return n >= n_end && strcasecmp(suffix + n - n_end, end) == 0;
}

static siren_status copy_given(const siren_attachment *from, siren_anonymised *told, siren_attachment *to) {
    uint8_t *copy = NULL;
    size_t n_bytes = from->n_bytes;
    if (is_sidecar(from->suffix)) {
        SIREN_TRY(siren_anonymise_sidecar(from->suffix, from->bytes, from->n_bytes, told, &copy, &n_bytes));
    } else {
        SIREN_TRY(siren_allocate(&copy, from->n_bytes, 1, from->suffix));
        memcpy(copy, from->bytes, from->n_bytes);
    }
    *to = *from;
    to->bytes = copy;
    to->n_bytes = n_bytes;
    return SIREN_OK;
}

siren_status siren_image_anonymous(const siren_image *image, siren_anonymised *told, siren_image **out) {
    SIREN_AT_END(siren_image_free_at) siren_image *copy = NULL;
    const siren_series *series = &image->series;
    const size_t n_header = (size_t)series->geometry.voxel_offset;
    SIREN_TRY(siren_allocate(&copy, 1, sizeof *copy, "the image"));
    copy->series =
        (siren_series){.geometry = series->geometry, .voxels = series->voxels, .n_tail = series->n_tail};
    copy->borrowed = true;
    SIREN_TRY(siren_allocate(&copy->series.header, n_header, 1, "a header"));
    memcpy(copy->series.header, series->header, n_header);
    SIREN_TRY(siren_anonymise_series(&copy->series, told)); /* the tail is told, and was not copied */
    for (; copy->n_given < image->n_given; copy->n_given++)
        SIREN_TRY(copy_given(&image->given[copy->n_given], told, &copy->given[copy->n_given]));
    if (image->path && !(copy->path = strdup(image->path)))
        return siren_fail(SIREN_SYSTEM, "out of memory: the image's path");
    *out = SIREN_TAKE(copy);
    return SIREN_OK;
}

/* ---- arrays ---- */

/* The array's strides, those of an array without gaps where none are given; false where one overflows. */
static bool find_strides(const siren_array *array, ptrdiff_t strides[7], bool *dense) {
    size_t next = siren_datatype_size(array->datatype), reach = 0;
    bool given = false;
    for (size_t axis = 0; axis < array->n_axes; axis++) given = given || array->strides[axis] != 0;
    *dense = (uintptr_t)array->voxels % siren_datatype_size(array->datatype) == 0;
    for (size_t axis = 0; axis < array->n_axes; axis++) {
        ptrdiff_t stride = given ? array->strides[axis] : (ptrdiff_t)next;
        size_t length = stride < 0 ? (size_t)0 - (size_t)stride : (size_t)stride, span;
        if (!siren_mul(length, array->shape[axis] - 1, &span) || !siren_add(reach, span, &reach) ||
            reach > PTRDIFF_MAX || !siren_mul(next, array->shape[axis], &span) || span > PTRDIFF_MAX)
            return false;
        *dense = *dense && (array->shape[axis] == 1 || stride == (ptrdiff_t)next);
        strides[axis] = stride;
        next = span;
    }
    return true;
}

/* Copies the array into `to`, x fastest. */
static void gather(const siren_array *array, const ptrdiff_t strides[7], uint8_t *to) {
    size_t size = siren_datatype_size(array->datatype), at[7] = {0};
    const uint8_t *row = array->voxels;
    for (;;) {
        const uint8_t *voxel = row;
        for (size_t x = 0; x < array->shape[0]; x++, voxel += strides[0], to += size) memcpy(to, voxel, size);
        size_t axis = 1;
        for (; axis < array->n_axes; axis++) {
            row += strides[axis];
            if (++at[axis] < array->shape[axis]) break;
            row -= strides[axis] * (ptrdiff_t)array->shape[axis];
            at[axis] = 0;
        }
        if (axis >= array->n_axes) return;
    }
}

/* The caller's header, where it says what the array is. */
static siren_status take_header(const siren_array *array, siren_series *series) {
    siren_geometry *g = &series->geometry;
    const char *name = "the header of the array";
    SIREN_TRY(siren_nifti_parse(name, array->header, array->header_bytes, g));
    size_t sizes[4] = {1, 1, 1, 1};
    for (size_t axis = 0; axis < array->n_axes; axis++) sizes[axis < 3 ? axis : 3] *= array->shape[axis];
    if (g->datatype != array->datatype || g->nx != sizes[0] || g->ny != sizes[1] || g->nz != sizes[2] ||
        g->n_volumes != sizes[3])
        return siren_fail(
            SIREN_USAGE,
            "%s declares %zu x %zu x %zu x %zu voxels of %s, but the array has %zu x %zu x %zu x %zu of "
            "%s; give the header that belongs to it, or none",
            name, g->nx, g->ny, g->nz, g->n_volumes, siren_datatype_name(g->datatype), sizes[0], sizes[1],
            sizes[2], sizes[3], siren_datatype_name(array->datatype));
    if (g->voxel_offset != array->header_bytes)
        return siren_fail(
            SIREN_USAGE, "%s has %zu byte%s, but says that voxels begin after %llu; give it whole", name,
            array->header_bytes, siren_plural(array->header_bytes), (unsigned long long)g->voxel_offset);
    SIREN_TRY(siren_allocate(&series->header, array->header_bytes, 1, name));
    memcpy(series->header, array->header, array->header_bytes);
    siren_nifti_warn(name, series->header, g);
    return SIREN_OK;
}

static siren_status make_header(const siren_array *array, siren_series *series) {
    siren_nifti_plan plan = {.datatype = array->datatype,
                             .n_axes = array->n_axes,
                             .voxel_size = {1, 1, 1},
                             .affine = array->affine,
                             .slope = array->slope,
                             .inter = array->inter};
    memcpy(plan.shape, array->shape, sizeof plan.shape);
    if (!isfinite(plan.slope) || !isfinite(plan.inter))
        return siren_fail(SIREN_USAGE, "an array cannot be scaled by %g and %g; give finite numbers",
                          plan.slope, plan.inter);
    for (size_t axis = 0; plan.affine && axis < 3; axis++) {
        plan.voxel_size[axis] =
            hypot(hypot(plan.affine[0][axis], plan.affine[1][axis]), plan.affine[2][axis]);
        if (!isfinite(plan.voxel_size[axis]) || !isfinite(plan.affine[axis][3]))
            return siren_fail(SIREN_USAGE,
                              "the affine of an array is not finite; give finite numbers, or none");
    }
    return siren_nifti_make_header(&plan, &series->geometry, &series->header);
}

siren_status siren_image_from_array(const siren_array *array, siren_image **out) {
    if (!array || !out || !array->voxels)
        return siren_fail(SIREN_USAGE, "siren_image_from_array: array, voxels and out must not be NULL");
    SIREN_AT_END(siren_image_free_at) siren_image *image = NULL;
    ptrdiff_t strides[7];
    bool dense, sound = array->n_axes >= 1 && array->n_axes <= 7 && siren_datatype_size(array->datatype) > 0;
    for (size_t axis = 0; sound && axis < array->n_axes; axis++) sound = array->shape[axis] > 0;
    if (!sound || !find_strides(array, strides, &dense))
        return siren_fail(
            SIREN_USAGE,
            "an array of %zu axes of datatype %d cannot be: give 1 to 7 axes of 1 voxel or more, a known "
            "type, and strides within memory",
            array->n_axes, (int)array->datatype);
    SIREN_TRY(siren_allocate(&image, 1, sizeof *image, "the image"));
    SIREN_TRY(array->header ? take_header(array, &image->series) : make_header(array, &image->series));
    image->borrowed = dense;
    if (dense) {
        image->series.voxels = (void *)array->voxels; /* only read, as all of a series that is compressed */
    } else {
        SIREN_TRY(siren_allocate(&image->series.voxels, siren_geometry_voxels(&image->series.geometry),
                                 siren_datatype_size(array->datatype), "the image's voxels"));
        gather(array, strides, image->series.voxels);
    }
    *out = SIREN_TAKE(image);
    return SIREN_OK;
}
