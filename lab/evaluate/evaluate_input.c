#define _GNU_SOURCE
#include "lab/evaluate/evaluate_input.h"

#include "engine/model/grid.h"
#include "lab/evaluate/slices_cut.h"
#include "formats/diffusion_table.h"
#include "formats/nifti.h"
#include "host/file.h"
#include "host/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void siren_evaluation_input_free(siren_evaluation_input *in) {
    siren_series_free(&in->original);
    siren_series_free(&in->result);
    for (int region = 0; region < SIREN_N_REGIONS; region++) free(in->masks[region]);
    siren_diffusion_table_free(&in->gradients);
    free(in->no_gradients);
}

/* ---- the original and what goes with it ---- */

/* The gradient tables that were given or lie beside the original. */
static siren_status read_gradients(siren_evaluation_input *in) {
    const siren_evaluate_options *o = in->options;
    SIREN_FREE_AT_END char *bval = NULL, *bvec = NULL;
    const char *path = o->bval;
    if (!o->bval) {
        SIREN_TRY(siren_neighbour_find(o->original, ".bval", &bval, NULL));
        SIREN_TRY(siren_neighbour_find(o->original, ".bvec", &bvec, NULL));
        if (!bval || !bvec)
            return siren_fail(SIREN_USAGE,
                              "no gradient table was given or lies beside the original (.bval and .bvec)");
        path = bval;
    }
    SIREN_TRY(siren_diffusion_table_read(path, bvec ? bvec : o->bvec, &in->gradients));
    if (in->gradients.n_volumes != in->original.geometry.n_volumes)
        return siren_fail(SIREN_USAGE,
                          "%s has %zu b-value%s, but %s has %zu volume%s; give its own tables by --bval and "
                          "--bvec, or --no-diffusion",
                          path, in->gradients.n_volumes, siren_plural(in->gradients.n_volumes), o->original,
                          in->original.geometry.n_volumes, siren_plural(in->original.geometry.n_volumes));
    return SIREN_OK;
}

/* Only tables that were asked for must be right: intensities need none. */
static siren_status find_gradients(siren_evaluation_input *in) {
    const siren_evaluate_options *o = in->options;
    if (!o->diffusion) return SIREN_OK;
    if (!o->bval != !o->bvec)
        return siren_fail(SIREN_USAGE,
                          "only one of the two gradient tables was given; give --bval and --bvec");
    siren_status status = read_gradients(in);
    if (status == SIREN_OK || (o->bval && !o->tables_found)) return status;
    in->no_gradients = strdup(siren_message());
    return in->no_gradients ? SIREN_OK : siren_fail(SIREN_SYSTEM, "out of memory: a reason");
}

/* Where the result is an archive of some slices of a series like the original, these are judged. */
static siren_status find_slices(siren_evaluation_input *in) {
    const siren_geometry *g = &in->original.geometry;
    siren_archive_info info;
    in->slices = (siren_span){0, g->nz};
    if (!siren_has_suffix(in->options->result, ".siren")) return SIREN_OK;
    SIREN_TRY(siren_info(in->options->result, &info));
    const siren_block_info *last = &info.blocks[info.n_blocks - 1];
    if (info.nz == g->nz) in->slices = (siren_span){info.blocks[0].first[2], last->first[2] + last->size[2]};
    siren_archive_info_free(&info);
    return SIREN_OK;
}

bool siren_evaluation_input_is_part(const siren_evaluation_input *in) {
    return in->slices.end - in->slices.begin < in->n_slices;
}

/* Leaves the judged slices of a mask; false where no voxel of theirs is inside. */
static bool cut_mask(const siren_evaluation_input *in, uint8_t *mask) {
    const siren_geometry *g = &in->original.geometry;
    size_t plane = g->nx * g->ny, n = (in->slices.end - in->slices.begin) * plane;
    memmove(mask, mask + in->slices.begin * plane, n);
    return memchr(mask, 1, n) != NULL;
}

static siren_status read_masks(siren_evaluation_input *in) {
    const siren_evaluate_options *o = in->options;
    const char *paths[SIREN_N_REGIONS] = {o->mask, o->tissues[0], o->tissues[1], o->tissues[2]};
    for (int region = 0; region < SIREN_N_REGIONS; region++) {
        if (!paths[region]) continue;
        SIREN_TRY(
            siren_mask_read(paths[region], o->original, &in->original, o->memory_limit, &in->masks[region]));
        if (!siren_evaluation_input_is_part(in) || cut_mask(in, in->masks[region])) continue;
        if (region == SIREN_REGION_BRAIN)
            return siren_fail(SIREN_USAGE, "%s: is 0 on slices %zu:%zu, the ones that %s holds",
                              paths[region], in->slices.begin, in->slices.end, o->result);
        siren_log(SIREN_LOG_WARNING, "%s: is 0 on slices %zu:%zu, the ones that %s holds, and is left out",
                  paths[region], in->slices.begin, in->slices.end, o->result);
        free(SIREN_TAKE(in->masks[region]));
    }
    return SIREN_OK;
}

static siren_status cut_original(siren_evaluation_input *in) {
    siren_series part;
    SIREN_TRY(siren_slices_cut(&in->original, in->slices.begin, in->slices.end - in->slices.begin, &part));
    siren_series_free(&in->original);
    in->original = part;
    return SIREN_OK;
}

siren_status siren_evaluation_input_original(siren_evaluation_input *in) {
    const siren_evaluate_options *o = in->options;
    SIREN_TRY(siren_nifti_read_for(SIREN_NIFTI_JUDGED, o->original, o->memory_limit, &in->original));
    in->n_slices = in->original.geometry.nz;
    SIREN_TRY(siren_series_check_finite(o->original, &in->original));
    SIREN_TRY(find_slices(in));
    SIREN_TRY(read_masks(in));
    SIREN_TRY(find_gradients(in));
    return siren_evaluation_input_is_part(in) ? cut_original(in) : SIREN_OK;
}

/* ---- the result ---- */

/* The name that an image gets in the hidden folder: MRtrix3 goes by the suffix. */
static const char *staged_name(const siren_evaluation_input *in, bool original) {
    const char *path = original ? in->options->original : in->options->result;
    bool gzip = siren_has_suffix(path, ".gz") && !(original && siren_evaluation_input_is_part(in));
    if (original) return gzip ? "original.nii.gz" : "original.nii";
    return gzip ? "result.nii.gz" : "result.nii";
}

siren_status siren_evaluation_input_result(siren_evaluation_input *in, siren_device *device,
                                           siren_staging *staging, siren_progress_fn progress, void *user) {
    const siren_evaluate_options *o = in->options;
    SIREN_FREE_AT_END char *decoded = NULL;
    if (siren_has_suffix(o->result, ".siren")) {
        const siren_decompress_options decompress = {.memory_limit = o->memory_limit};
        SIREN_TRY(siren_staging_path(staging, staged_name(in, false), &decoded));
        SIREN_TRY(siren_decompress_file(device, o->result, decoded, &decompress, progress, user));
    }
    SIREN_TRY(siren_nifti_read_for(decoded ? SIREN_NIFTI_DECODED : SIREN_NIFTI_JUDGED,
                                   decoded ? decoded : o->result, o->memory_limit, &in->result));
    SIREN_TRY(siren_grid_check(o->original, &in->original.geometry, o->result, &in->result.geometry,
                               in->original.geometry.n_volumes));
    SIREN_TRY(siren_grid_check_place(o->original, &in->original, o->result, &in->result));
    return siren_series_check_finite(o->result, &in->result);
}

/* ---- for MRtrix3 ---- */

/* A link of a plain name in the hidden folder to a file: MRtrix3 gives brackets and dashes in names a meaning. */
static siren_status link_into(siren_staging *staging, const char *path, const char *name) {
    SIREN_FREE_AT_END char *target = realpath(path, NULL), *link = NULL;
    if (!target) return siren_fail(SIREN_SYSTEM, "%s: cannot be found: %s", path, strerror(errno));
    SIREN_TRY(siren_staging_path(staging, name, &link));
    if (symlink(target, link) != 0)
        return siren_fail(SIREN_SYSTEM, "%s: cannot be made: %s", link, strerror(errno));
    return SIREN_OK;
}

/* An image's judged slices, as `name` of the hidden folder. */
static siren_status stage_image(const siren_evaluation_input *in, siren_staging *staging, const char *path,
                                const char *name) {
    SIREN_AT_END(siren_series_free) siren_series part = {.voxels = NULL};
    SIREN_FREE_AT_END char *to = NULL;
    if (!siren_evaluation_input_is_part(in)) return link_into(staging, path, name);
    SIREN_TRY(siren_staging_path(staging, name, &to));
    return siren_slices_cut_file(path, in->options->memory_limit, in->slices, to, &part);
}

siren_status siren_evaluation_input_stage(const siren_evaluation_input *in, siren_staging *staging,
                                          siren_mrtrix_plan *plan) {
    const siren_evaluate_options *o = in->options;
    SIREN_FREE_AT_END char *gradients = NULL;
    plan->input[0] = staged_name(in, true);
    plan->input[1] = staged_name(in, false);
    plan->mask = !o->mask                                                                  ? NULL
                 : siren_has_suffix(o->mask, ".gz") && !siren_evaluation_input_is_part(in) ? "mask.nii.gz"
                                                                                           : "mask.nii";
    plan->bvec = "gradients.bvec";
    plan->bval = "gradients.bval";
    plan->no_gradients = in->no_gradients;
    SIREN_TRY(stage_image(in, staging, o->original, plan->input[0]));
    if (!siren_has_suffix(o->result, ".siren")) SIREN_TRY(link_into(staging, o->result, plan->input[1]));
    if (plan->mask) SIREN_TRY(stage_image(in, staging, o->mask, plan->mask));
    if (in->no_gradients) return SIREN_OK;
    /* In FSL's form, whatever form they had: not every version of MRtrix3 reads them all. */
    SIREN_TRY(siren_staging_path(staging, "gradients", &gradients));
    return siren_diffusion_table_write(gradients, &in->gradients);
}
