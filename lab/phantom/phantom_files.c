#define _GNU_SOURCE
#include "lab/phantom/phantom_files.h"

#include "lab/phantom/phantom_echoes.h"

#include "formats/nifti.h"
#include "host/file.h"
#include "host/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEAD_MM_XY 210.0 /* the field of view that the head fills */
#define HEAD_MM_Z 144.0

static bool report(const siren_phantom_files *f, double done, double total, const char *what) {
    return !f->progress || f->progress(f->user, done, total, what);
}

/* One image to write. */
typedef enum { MASK, WM, GM, CSF, FA, MD, SERIES, N_IMAGES } image_kind;
static const char *const image_suffix[N_IMAGES] = {"_mask", "_wm", "_gm", "_csf", "_fa", "_md", ""};

typedef struct {
    char *path;
    siren_nifti_writer *writer; /* NULL once committed */
    siren_geometry geometry;
    bool committed, replaces;
} image;

static siren_status image_open(const siren_phantom_files *f, image_kind kind, size_t n_volumes, image *out) {
    const siren_phantom_options *o = f->phantom;
    const size_t dims[3] = {o->nx, o->ny, o->nz};
    const char *ending = siren_has_suffix(f->path, ".gz") ? ".nii.gz" : ".nii";
    char suffix[32];
    uint8_t header[352];
    double voxel[3];
    for (int axis = 0; axis < 3; axis++)
        voxel[axis] = f->voxel > 0      ? f->voxel
                      : dims[axis] == 1 ? 1.5
                                        : (axis < 2 ? HEAD_MM_XY : HEAD_MM_Z) / (double)dims[axis];
    siren_datatype datatype = kind == SERIES             ? o->datatype
                              : kind == FA || kind == MD ? SIREN_FLOAT32
                                                         : SIREN_UINT8;
    SIREN_TRY(siren_nifti_new_header(datatype, o->nx, o->ny, o->nz, kind == SERIES ? n_volumes : 1, voxel,
                                     &out->geometry, header));
    /* x runs to the left: then FSL, too, takes the directions as they are in image axes. srow_x is at byte
     * 280. */
    float row[4];
    memcpy(row, header + 280, sizeof row);
    row[0] = -row[0];
    row[3] = -row[3];
    memcpy(header + 280, row, sizeof row);
    snprintf(suffix, sizeof suffix, "%s%s", image_suffix[kind], ending);
    if (kind == SERIES) {
        out->path = strdup(f->path);
        if (!out->path) return siren_fail(SIREN_SYSTEM, "out of memory: cannot open %s", f->path);
    } else {
        SIREN_TRY(siren_sibling_path(f->path, suffix, &out->path));
    }
    return siren_nifti_writer_open(out->path, f->overwrite, &out->geometry, header, &out->writer);
}

static siren_status write_map(image *map, image_kind kind, const siren_phantom *p) {
    const siren_geometry *g = &p->geometry;
    size_t n_slice = g->nx * g->ny;
    SIREN_FREE_AT_END uint8_t *mask = NULL;
    SIREN_TRY(siren_allocate(&mask, n_slice, 1, "a slice of a mask"));
    for (size_t z = 0; z < g->nz; z++) {
        const uint8_t *tissue = p->tissue + z * n_slice;
        const void *voxels = kind == FA ? p->fa + z * n_slice : p->md + z * n_slice;
        if (kind <= CSF) {
            static const uint8_t wanted[] = {
                [WM] = SIREN_TISSUE_WM, [GM] = SIREN_TISSUE_GM, [CSF] = SIREN_TISSUE_CSF};
            for (size_t i = 0; i < n_slice; i++)
                mask[i] = kind == MASK ? siren_tissue_in_brain(tissue[i]) : tissue[i] == wanted[kind];
            voxels = mask;
        }
        SIREN_TRY(siren_nifti_writer_slice(map->writer, 0, z, voxels));
    }
    return SIREN_OK;
}

static siren_status write_series(const siren_phantom_files *f, image *series, const siren_phantom *p) {
    const siren_geometry *g = &p->geometry;
    size_t slice_bytes = g->nx * g->ny * siren_datatype_size(g->datatype), n_slices = g->n_volumes * g->nz;
    for (size_t i = 0; i < n_slices; i++) {
        SIREN_TRY(siren_nifti_writer_slice(series->writer, i / g->nz, i % g->nz,
                                           (const uint8_t *)p->voxels + i * slice_bytes));
        if (!report(f, (double)(i + 1), (double)n_slices, "writing"))
            return siren_fail(SIREN_CANCELLED, "the phantom was cancelled; nothing was written");
    }
    return SIREN_OK;
}

/* Tables beside the series; the last one only of several echo times. */
enum { BVAL, BVEC, COORDINATES, MOST_TEXTS };

/* All that is written. A set that is not whole is taken back, unless it replaced files that are gone anyway. */
typedef struct {
    image images[N_IMAGES];
    char *text_path[MOST_TEXTS];
    siren_output *text[MOST_TEXTS];
    bool text_committed[MOST_TEXTS], text_replaces[MOST_TEXTS], keep;
} file_set;

static void set_free(file_set *set) {
    for (int kind = 0; kind < N_IMAGES; kind++) {
        siren_nifti_writer_discard(set->images[kind].writer);
        if (set->images[kind].committed && !set->keep) unlink(set->images[kind].path);
        free(set->images[kind].path);
    }
    for (int i = 0; i < MOST_TEXTS; i++) {
        siren_output_discard(set->text[i]);
        if (set->text_committed[i] && !set->keep) unlink(set->text_path[i]);
        free(set->text_path[i]);
    }
}

static siren_status write_coordinates(const siren_phantom_files *f, const siren_phantom *p, const char *path,
                                      siren_output **out) {
    SIREN_AT_END(siren_output_discard_at) siren_output *output = NULL;
    SIREN_FREE_AT_END char *text = NULL;
    SIREN_TRY(siren_phantom_coordinates(f->phantom, &p->gradients, &text));
    SIREN_TRY(siren_output_open(path, f->overwrite, &output));
    SIREN_TRY(siren_output_write(output, text, strlen(text)));
    SIREN_TRY(siren_output_flush(output));
    *out = SIREN_TAKE(output);
    return SIREN_OK;
}

/* Every target is checked before the work starts, and everything is written before the first file appears. */
siren_status siren_phantom_write(const siren_phantom_files *f, siren_phantom *out) {
    static const char *const texts[MOST_TEXTS] = {".bval", ".bvec", SIREN_PHANTOM_COORDINATES};
    const int n_texts = f->phantom->n_echo_times > 0 ? MOST_TEXTS : COORDINATES;
    SIREN_AT_END(set_free) file_set set = {.keep = f->overwrite};
    SIREN_AT_END(siren_phantom_free) siren_phantom phantom = {.voxels = NULL};
    size_t n_volumes = 0;
    SIREN_TRY(siren_phantom_volumes(f->phantom, &n_volumes));
    for (int kind = SERIES; kind >= 0; kind--)
        SIREN_TRY(image_open(f, (image_kind)kind, n_volumes, &set.images[kind]));
    for (int i = 0; i < n_texts; i++) {
        SIREN_AT_END(siren_output_discard_at) siren_output *probe = NULL;
        SIREN_TRY(siren_sibling_path(f->path, texts[i], &set.text_path[i]));
        SIREN_TRY(siren_output_open(set.text_path[i], f->overwrite, &probe));
    }
    SIREN_TRY(siren_phantom_make(f->phantom, f->progress, f->user, &phantom));
    for (int kind = 0; kind < SERIES; kind++)
        SIREN_TRY(write_map(&set.images[kind], (image_kind)kind, &phantom));
    SIREN_TRY(write_series(f, &set.images[SERIES], &phantom));
    SIREN_TRY(siren_diffusion_table_open(f->path, f->overwrite, &phantom.gradients, &set.text[BVAL],
                                         &set.text[BVEC]));
    if (n_texts == MOST_TEXTS)
        SIREN_TRY(write_coordinates(f, &phantom, set.text_path[COORDINATES], &set.text[COORDINATES]));
    for (int kind = 0; kind < N_IMAGES; kind++) {
        SIREN_TRY(siren_nifti_writer_finish(set.images[kind].writer));
        if (!report(f, kind + 1, N_IMAGES, "finishing"))
            return siren_fail(SIREN_CANCELLED, "the phantom was cancelled; nothing was written");
    }
    for (int i = 0; i < n_texts; i++) {
        set.text_replaces[i] = access(set.text_path[i], F_OK) == 0;
        SIREN_TRY(siren_output_commit(SIREN_TAKE(set.text[i])));
        set.text_committed[i] = true;
    }
    for (int kind = 0; kind < N_IMAGES; kind++) {
        set.images[kind].replaces = access(set.images[kind].path, F_OK) == 0;
        SIREN_TRY(siren_nifti_writer_commit(SIREN_TAKE(set.images[kind].writer)));
        set.images[kind].committed = true;
    }
    set.keep = true;
    for (int kind = N_IMAGES - 1; f->replaced && kind >= 0; kind--)
        if (set.images[kind].replaces) f->replaced(f->user, set.images[kind].path);
    for (int i = 0; f->replaced && i < n_texts; i++)
        if (set.text_replaces[i]) f->replaced(f->user, set.text_path[i]);
    if (out) *out = SIREN_TAKE(phantom);
    return SIREN_OK;
}
