/* sirencl phantom: writes a brain-like diffusion series with its gradients, masks and ground truth. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lab/phantom/phantom_echoes.h"
#include "lab/phantom/phantom_files.h"
#include "tools/tools.h"

typedef struct {
    const char *path;
    siren_phantom_options phantom;
    double voxel; /* 0: from the field of view */
    bool force;
} arguments;

static siren_status parse_dims(const char *text, siren_phantom_options *out) {
    size_t dims[3];
    bool fits = siren_parse_three(text, 'x', dims);
    for (int axis = 0; fits && axis < 3; axis++)
        fits = dims[axis] >= 1 && dims[axis] <= SIREN_PHANTOM_MAX_AXIS;
    if (!fits)
        return siren_fail(SIREN_USAGE,
                          "--dims %s: is not three whole numbers from 1 to %d; write for example 140x140x96",
                          text, SIREN_PHANTOM_MAX_AXIS);
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

static void print_summary(const arguments *a, const siren_phantom *p) {
    const siren_geometry *g = &p->geometry;
    size_t n[SIREN_TISSUE_WM + 1] = {0};
    for (size_t i = 0; i < g->nx * g->ny * g->nz; i++) n[p->tissue[i]]++;
    printf(
        "%s: %zux%zux%zu, %zu volume%s, %s, seed %llu, sigma %.4g; voxels of white matter %zu, grey matter "
        "%zu, fluid %zu\n",
        a->path, g->nx, g->ny, g->nz, g->n_volumes, siren_plural(g->n_volumes),
        siren_datatype_name(g->datatype), (unsigned long long)a->phantom.seed, p->sigma, n[SIREN_TISSUE_WM],
        n[SIREN_TISSUE_GM], n[SIREN_TISSUE_CSF]);
}

siren_status siren_tool_phantom(int argc, char **argv) {
    siren_common_options common = {0};
    arguments a = {
        .phantom = {.nx = 140, .ny = 140, .nz = 96, .snr = 30, .seed = 1, .datatype = SIREN_INT16}};
    const char *dims = "140x140x96", *shells = "0:5,1000:64",
               *datatype = siren_datatype_name(a.phantom.datatype), *echo_times = NULL;
    const siren_option options[] = {
        SIREN_TEXT("dims", "XxYxZ", "voxels along each axis; the head fills the grid", &dims),
        SIREN_TEXT("shells", "B:N,...", "b-value in s/mm^2 and number of volumes of each shell", &shells),
        SIREN_TEXT("echo-times", "MS,...", "acquire all shells at each of these echo times; else once",
                   &echo_times),
        {"snr", "X", "mean b = 0 signal of white matter over sigma; 0 or inf: no noise", SIREN_OPTION_DOUBLE,
         &a.phantom.snr, 0, INFINITY},
        {"seed", "N", "another seed, another head", SIREN_OPTION_UINT64, &a.phantom.seed, 0, 0x1p64},
        SIREN_TEXT("datatype", "T", "int16, uint16 or float32", &datatype),
        {"voxel", "MM", "voxel size in the header, 0 for a field of view of\n210 x 210 x 144 mm",
         SIREN_OPTION_DOUBLE, &a.voxel, 0, 1000},
        SIREN_FLAG("force", "replace images that exist and the tables beside them", &a.force),
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
            "is; with --echo-times\n"
            "OUT_volumes.tsv, too, for 'sirencl compress --model siren-nd --volume-coordinates'.",
        .example = "sirencl phantom --dims 64x64x8 --shells 0:2,1000:16 --seed 7 dwi.nii.gz",
        SIREN_OPTION_TABLE(options)};
    siren_status status;
    if (!siren_terminal_begin(&usage, &common, argc, argv, &a.path, &status)) return status;

    SIREN_AT_END(siren_phantom_free) siren_phantom phantom = {.voxels = NULL};
    SIREN_FREE_AT_END siren_shell *wanted_shells = NULL;
    SIREN_FREE_AT_END double *wanted_echo_times = NULL;
    siren_terminal_catch_interrupt();
    SIREN_TRY(parse_dims(dims, &a.phantom));
    SIREN_TRY(parse_datatype(datatype, &a.phantom.datatype));
    if (a.voxel > 0 && a.voxel < 0.001)
        return siren_fail(SIREN_USAGE, "--voxel is %g mm but must be 0, or from 0.001 to 1000", a.voxel);
    SIREN_TRY(siren_shells_parse(shells, &wanted_shells, &a.phantom.n_shells));
    a.phantom.shells = wanted_shells;
    if (echo_times)
        SIREN_TRY(siren_echo_times_parse(echo_times, &wanted_echo_times, &a.phantom.n_echo_times));
    a.phantom.echo_times = wanted_echo_times;
    SIREN_TRY(siren_phantom_write(
        &(siren_phantom_files){.phantom = &a.phantom,
                               .path = a.path,
                               .voxel = a.voxel,
                               .overwrite = a.force,
                               .replaced = common.quiet ? NULL : siren_terminal_tell_replaced,
                               .progress = siren_terminal_progress},
        &phantom));
    siren_terminal_end_progress();
    if (!common.quiet) print_summary(&a, &phantom);
    return SIREN_OK;
}
