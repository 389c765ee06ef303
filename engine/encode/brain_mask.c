#include "engine/encode/brain_mask.h"

#include "engine/model/grid.h"
#include "formats/diffusion_table.h"
#include "host/process.h"
#include "host/staging.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM "dwi2mask"
#define TIME_LIMIT 1800.0 /* seconds */

/* The table that was given, or the one beside the image; USAGE where it cannot be read. */
static siren_status find_table(const char *image, const char *given, const char *suffix, char **out) {
    char *path = NULL;
    if (given)
        path = strdup(given);
    else
        SIREN_TRY(siren_neighbour_find(image, suffix, &path, NULL));
    if (!given && !path) SIREN_TRY(siren_sibling_path(image, suffix, &path));
    if (!path) return siren_fail(SIREN_SYSTEM, "out of memory: the path of %s", given);
    if (access(path, R_OK) != 0) {
        siren_status status = siren_fail(
            SIREN_USAGE,
            "%s: cannot be read, but a mask is made from gradient tables; give --%s FILE, or a mask", path,
            suffix + 1);
        free(path);
        return status;
    }
    *out = path;
    return SIREN_OK;
}

static siren_status run_program(const char *const *arguments, siren_progress_fn progress, void *user) {
    const siren_process_plan plan = {.arguments = arguments, .time_limit = TIME_LIMIT};
    SIREN_AT_END(siren_process_result_free) siren_process_result result = {0};
    SIREN_TRY(siren_process_run(&plan, progress, user, &result));
    return siren_process_check(&plan, &result);
}

siren_status siren_brain_mask_make(const char *image, const char *bval, const char *bvec,
                                   const siren_staging *staging, siren_progress_fn progress, void *user,
                                   char **out) {
    SIREN_AT_END(siren_diffusion_table_free) siren_diffusion_table gradients = {0};
    SIREN_FREE_AT_END char *own_bval = NULL, *own_bvec = NULL, *base = NULL, *path = NULL;
    if (!siren_process_find(PROGRAM))
        return siren_fail(SIREN_UNSUPPORTED, PROGRAM " of MRtrix3 is not installed, so that no mask can be "
                                                     "made; install mrtrix3, or give a mask's file");
    SIREN_TRY(find_table(image, bval, ".bval", &own_bval));
    SIREN_TRY(find_table(image, bvec, ".bvec", &own_bvec));
    SIREN_TRY(siren_staging_path(staging, "mask.nii", &path));
    /* In FSL's form: not every version of MRtrix3 reads all that we do. */
    SIREN_TRY(siren_diffusion_table_read(own_bval, own_bvec, &gradients));
    SIREN_TRY(siren_staging_path(staging, "gradients", &base));
    SIREN_TRY(siren_diffusion_table_write(base, &gradients));
    free(SIREN_TAKE(own_bval));
    free(SIREN_TAKE(own_bvec));
    SIREN_TRY(siren_sibling_path(base, ".bval", &own_bval));
    SIREN_TRY(siren_sibling_path(base, ".bvec", &own_bvec));
    const char *const arguments[] = {PROGRAM, "-quiet", "-fslgrad", own_bvec, own_bval, image, path, NULL};
    SIREN_TRY(run_program(arguments, progress, user));
    *out = SIREN_TAKE(path);
    return SIREN_OK;
}

siren_status siren_brain_mask(const char *image, const char *bval, const char *bvec,
                              const siren_series *series, size_t memory_limit, siren_progress_fn progress,
                              void *user, uint8_t **mask) {
    SIREN_AT_END(siren_staging_discard_at) siren_staging *staging = NULL; /* nothing of it is kept */
    SIREN_FREE_AT_END char *path = NULL;
    SIREN_TRY(siren_staging_open(NULL, NULL, 0, true, &staging));
    SIREN_TRY(siren_brain_mask_make(image, bval, bvec, staging, progress, user, &path));
    return siren_mask_read(path, image, series, memory_limit, mask);
}
