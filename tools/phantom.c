/* sirencl phantom: writes a brain-like diffusion series with its gradients, masks and ground truth. */
#define _GNU_SOURCE
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/phantom.h"
#include "formats/nifti.h"
#include "host/file.h"
#include "tools/tools.h"

#define HEAD_MM_XY 210.0 /* the field of view that the head fills */
#define HEAD_MM_Z 144.0

typedef struct {
    const char *path;
    siren_phantom_options phantom;
    siren_shell *shells;
    double voxel; /* 0: from the field of view */
    bool force, quiet;
} arguments;

static siren_status parse_dims(const char *text, siren_phantom_options *out) {
    size_t dims[3];
    const char *next = text;
    for (int axis = 0; axis < 3; axis++) {
        char *end = NULL;
        errno = 0;
        unsigned long long n = *next >= '0' && *next <= '9' ? strtoull(next, &end, 10) : 0;
        if (n < 1 || n > SIREN_PHANTOM_MAX_AXIS || errno != 0 || *end != (axis < 2 ? 'x' : 0))
            return siren_fail(
                SIREN_USAGE,
                "--dims %s: is not three whole numbers from 1 to %d; write for example 140x140x96", text,
                SIREN_PHANTOM_MAX_AXIS);
        dims[axis] = (size_t)n;
        next = end + 1;
    }
    out->nx = dims[0];
    out->ny = dims[1];
    out->nz = dims[2];
    return SIREN_OK;
}

static siren_status parse_datatype(const char *text, siren_datatype *out) {
    static const siren_datatype offered[] = {SIREN_INT16, SIREN_UINT16, SIREN_FLOAT32};
    for (size_t i = 0; i < sizeof offered / sizeof *offered; i++)
        if (strcmp(text, siren_datatype_name(offered[i])) == 0) {
            *out = offered[i];
            return SIREN_OK;
        }
    return siren_fail(SIREN_USAGE, "--datatype %s: is not offered; give int16, uint16 or float32", text);
}

/* One image to write. */
typedef enum { MASK, WM, GM, CSF, FA, MD, SERIES, N_IMAGES } image_kind;
static const char *const image_suffix[N_IMAGES] = {"_mask", "_wm", "_gm", "_csf", "_fa", "_md", ""};

typedef struct {
    char *path;
    siren_nifti_writer *writer; /* NULL once committed */
    siren_geometry geometry;
    bool committed;
} image;

static siren_status image_open(const arguments *a, image_kind kind, size_t n_volumes, image *out) {
    const siren_phantom_options *o = &a->phantom;
    const size_t dims[3] = {o->nx, o->ny, o->nz};
    const char *ending =
        strlen(a->path) > 3 && strcmp(a->path + strlen(a->path) - 3, ".gz") == 0 ? ".nii.gz" : ".nii";
    char suffix[32];
    uint8_t header[352];
    double voxel[3];
    for (int axis = 0; axis < 3; axis++)
        voxel[axis] = a->voxel > 0      ? a->voxel
                      : dims[axis] == 1 ? 1.5
                                        : (axis < 2 ? HEAD_MM_XY : HEAD_MM_Z) / (double)dims[axis];
    siren_datatype datatype = kind == SERIES             ? o->datatype
                              : kind == FA || kind == MD ? SIREN_FLOAT32
                                                         : SIREN_UINT8;
    SIREN_RETURN_IF_FAILED(siren_nifti_new_header(
        datatype, o->nx, o->ny, o->nz, kind == SERIES ? n_volumes : 1, voxel, &out->geometry, header));
    /* x runs to the left: then FSL, too, takes the directions as they are in image axes. srow_x is at byte
     * 280. */
    float row[4];
    memcpy(row, header + 280, sizeof row);
    row[0] = -row[0];
    row[3] = -row[3];
    memcpy(header + 280, row, sizeof row);
    snprintf(suffix, sizeof suffix, "%s%s", image_suffix[kind], ending);
    if (kind == SERIES) {
        out->path = strdup(a->path);
        if (!out->path) return siren_fail(SIREN_SYSTEM, "out of memory: cannot open %s", a->path);
    } else {
        SIREN_RETURN_IF_FAILED(siren_sibling_path(a->path, suffix, &out->path));
    }
    return siren_nifti_writer_open(out->path, a->force, &out->geometry, header, &out->writer);
}

static siren_status write_map(image *map, image_kind kind, const siren_phantom *p) {
    const siren_geometry *g = &p->geometry;
    size_t n_slice = g->nx * g->ny;
    uint8_t *mask = NULL;
    siren_status status = SIREN_OK;
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
done:
    free(mask);
    return status;
}

static siren_status write_series(image *series, const siren_phantom *p) {
    const siren_geometry *g = &p->geometry;
    size_t slice_bytes = g->nx * g->ny * siren_datatype_size(g->datatype), n_slices = g->n_volumes * g->nz;
    for (size_t i = 0; i < n_slices; i++) {
        SIREN_RETURN_IF_FAILED(siren_nifti_writer_slice(series->writer, i / g->nz, i % g->nz,
                                                        (const uint8_t *)p->voxels + i * slice_bytes));
        if (!siren_terminal_progress(NULL, (double)(i + 1), (double)n_slices, "writing"))
            return siren_fail(SIREN_CANCELLED, "the phantom was cancelled; nothing was written");
    }
    return SIREN_OK;
}

static void print_summary(const arguments *a, const siren_phantom *p) {
    const siren_geometry *g = &p->geometry;
    size_t n[SIREN_TISSUE_WM + 1] = {0};
    for (size_t i = 0; i < g->nx * g->ny * g->nz; i++) n[p->tissue[i]]++;
    printf("%s: %zux%zux%zu, %zu volumes, %s, seed %llu, sigma %.4g; voxels of white matter %zu, grey matter "
           "%zu, fluid %zu\n",
           a->path, g->nx, g->ny, g->nz, g->n_volumes, siren_datatype_name(g->datatype),
           (unsigned long long)a->phantom.seed, p->sigma, n[SIREN_TISSUE_WM], n[SIREN_TISSUE_GM],
           n[SIREN_TISSUE_CSF]);
}

/* Every target is checked before the work starts, and everything is written before the first file appears. */
static siren_status make_files(const arguments *a) {
    siren_status status = SIREN_OK;
    static const char *const texts[] = {".bval", ".bvec"};
    image images[N_IMAGES];
    memset(images, 0, sizeof images);
    siren_phantom phantom;
    memset(&phantom, 0, sizeof phantom);
    char *text_path[2] = {NULL, NULL};
    siren_output *text[2] = {NULL, NULL};
    bool text_committed[2] = {false, false};
    size_t n_volumes = 0;
    for (size_t i = 0; i < a->phantom.n_shells; i++)
        if (!siren_add(n_volumes, a->phantom.shells[i].n, &n_volumes)) n_volumes = SIZE_MAX;
    if (n_volumes < 1 || n_volumes > SIREN_PHANTOM_MAX_VOLUMES) {
        status = siren_fail(SIREN_USAGE, "--shells: %zu volumes in all; give 1 to %d", n_volumes,
                            SIREN_PHANTOM_MAX_VOLUMES);
        goto done;
    }
    for (int kind = SERIES; kind >= 0; kind--)
        SIREN_TRY(image_open(a, (image_kind)kind, n_volumes, &images[kind]));
    for (int i = 0; i < 2; i++) {
        siren_output *probe = NULL;
        SIREN_TRY(siren_sibling_path(a->path, texts[i], &text_path[i]));
        SIREN_TRY(siren_output_open(text_path[i], a->force, &probe));
        siren_output_discard(probe);
    }
    SIREN_TRY(siren_phantom_make(&a->phantom, siren_terminal_progress, NULL, &phantom));
    for (int kind = 0; kind < SERIES; kind++) SIREN_TRY(write_map(&images[kind], (image_kind)kind, &phantom));
    SIREN_TRY(write_series(&images[SERIES], &phantom));
    SIREN_TRY(siren_gradients_open(a->path, a->force, &phantom.gradients, &text[0], &text[1]));
    for (int kind = 0; kind < N_IMAGES; kind++) {
        SIREN_TRY(siren_nifti_writer_finish(images[kind].writer));
        if (!siren_terminal_progress(NULL, kind + 1, N_IMAGES, "finishing")) {
            status = siren_fail(SIREN_CANCELLED, "the phantom was cancelled; nothing was written");
            goto done;
        }
    }
    for (int i = 0; i < 2; i++) {
        siren_output *output = text[i];
        text[i] = NULL;
        SIREN_TRY(siren_output_commit(output));
        text_committed[i] = true;
    }
    for (int kind = 0; kind < N_IMAGES; kind++) {
        siren_nifti_writer *writer = images[kind].writer;
        images[kind].writer = NULL;
        SIREN_TRY(siren_nifti_writer_commit(writer));
        images[kind].committed = true;
    }
    siren_terminal_end_progress();
    if (!a->quiet) print_summary(a, &phantom);
done:
    /* A set that is not whole is taken back, unless it replaced files that are gone anyway. */
    for (int kind = 0; kind < N_IMAGES; kind++) {
        siren_nifti_writer_discard(images[kind].writer);
        if (status != SIREN_OK && images[kind].committed && !a->force) unlink(images[kind].path);
        free(images[kind].path);
    }
    for (int i = 0; i < 2; i++) {
        siren_output_discard(text[i]);
        if (status != SIREN_OK && text_committed[i] && !a->force) unlink(text_path[i]);
        free(text_path[i]);
    }
    siren_phantom_free(&phantom);
    return status;
}

int siren_tool_phantom(int argc, char **argv) {
    siren_common_options common = {0};
    arguments a = {
        .phantom = {.nx = 140, .ny = 140, .nz = 96, .snr = 30, .seed = 1, .datatype = SIREN_INT16}};
    const char *dims = "140x140x96", *shells = "0:5,1000:64",
               *datatype = siren_datatype_name(a.phantom.datatype);
    const siren_option options[] = {
        {"dims", "XxYxZ", "voxels along each axis; the head fills the grid", SIREN_OPTION_TEXT, &dims, 0, 0},
        {"shells", "B:N,...", "b-value in s/mm^2 and number of volumes of each shell", SIREN_OPTION_TEXT,
         &shells, 0, 0},
        {"snr", "X", "mean b = 0 signal of white matter over sigma; 0 or inf: no noise", SIREN_OPTION_DOUBLE,
         &a.phantom.snr, 0, INFINITY},
        {"seed", "N", "another seed, another head", SIREN_OPTION_UINT64, &a.phantom.seed, 0, 0x1p64},
        {"datatype", "T", "int16, uint16 or float32", SIREN_OPTION_TEXT, &datatype, 0, 0},
        {"voxel", "MM", "voxel size in the header, 0 for a field of view of\n210 x 210 x 144 mm",
         SIREN_OPTION_DOUBLE, &a.voxel, 0, 1000},
        {"force", NULL, "replace files that exist", SIREN_OPTION_FLAG, &a.force, 0, 0},
        SIREN_COMMON_OPTIONS(common),
    };
    const siren_usage usage = {
        .command = "phantom",
        .arguments = "OUT.nii[.gz]",
        .n_arguments = 1,
        .summary =
            "Makes a deterministic brain-like diffusion MRI series: folded cortex, ventricles, deep nuclei, "
            "crossing\n"
            "white-matter bundles, Rician noise. The same options give the same bytes on every machine.\n"
            "Beside OUT.nii.gz it writes OUT.bval and OUT.bvec (directions in image axes; volumes in the "
            "order of the\n"
            "shells), OUT_mask, OUT_wm, OUT_gm and OUT_csf (uint8) and the ground truth OUT_fa and OUT_md "
            "(float32,\n"
            "mm^2/s; where fibres cross, of their volume-weighted mean tensor), each .nii or .nii.gz as OUT "
            "is.",
        .example = "sirencl phantom --dims 64x64x8 --shells 0:2,1000:16 --seed 7 dwi.nii.gz",
        .options = options,
        .n_options = sizeof options / sizeof *options};
    int exit_code;
    if (!siren_terminal_begin(&usage, &common, argc, argv, &a.path, &exit_code)) return exit_code;

    siren_status status = SIREN_OK;
    a.quiet = common.quiet;
    siren_terminal_catch_interrupt();
    SIREN_TRY(parse_dims(dims, &a.phantom));
    SIREN_TRY(parse_datatype(datatype, &a.phantom.datatype));
    if (a.voxel > 0 && a.voxel < 0.001) {
        status = siren_fail(SIREN_USAGE, "--voxel is %g mm but must be 0, or from 0.001 to 1000", a.voxel);
        goto done;
    }
    SIREN_TRY(siren_shells_parse(shells, &a.shells, &a.phantom.n_shells));
    a.phantom.shells = a.shells;
    SIREN_TRY(make_files(&a));
done:
    free(a.shells);
    return siren_terminal_exit(status);
}
