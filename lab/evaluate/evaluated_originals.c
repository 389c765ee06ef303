#define _GNU_SOURCE
#include "lab/evaluate/evaluated_originals.h"

#include "lab/run/run_folder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_FILES 3

static const char *const files[SIREN_N_PIPELINES][MOST_FILES] = {
    [SIREN_PIPELINE_TENSOR] = {"original_tensor" SIREN_MRTRIX_SUFFIX, "original_fa" SIREN_MRTRIX_SUFFIX,
                               "original_md" SIREN_MRTRIX_SUFFIX},
    [SIREN_PIPELINE_HARMONICS] = {"original_rish" SIREN_MRTRIX_SUFFIX},
    [SIREN_PIPELINE_FOD] = {"original_fod" SIREN_MRTRIX_SUFFIX, "response.txt"}};

static siren_status is_there(const char *folder, siren_pipeline pipeline, bool *there) {
    *there = true;
    for (size_t i = 0; i < MOST_FILES && files[pipeline][i]; i++) {
        char *path = NULL;
        SIREN_TRY(siren_run_path(&path, folder, "%s", files[pipeline][i]));
        *there = *there && access(path, F_OK) == 0;
        free(path);
    }
    return SIREN_OK;
}

static siren_status link_all(const char *from, const char *to, siren_pipeline pipeline) {
    SIREN_FREE_AT_END char *source = NULL, *target = NULL;
    for (size_t i = 0; i < MOST_FILES && files[pipeline][i]; i++) {
        SIREN_TRY(siren_run_path(&source, from, "%s", files[pipeline][i]));
        SIREN_TRY(siren_run_path(&target, to, "%s", files[pipeline][i]));
        if (link(source, target) != 0)
            return siren_fail(SIREN_SYSTEM, "%s: cannot be made: %s", target, strerror(errno));
        free(source);
        free(target);
        source = target = NULL;
    }
    return SIREN_OK;
}

siren_status siren_originals_take(const char *cache, const char *folder, unsigned *made) {
    for (siren_pipeline pipeline = 0; pipeline < SIREN_N_PIPELINES; pipeline++) {
        bool there = false;
        SIREN_TRY(is_there(cache, pipeline, &there));
        if (!there) continue;
        SIREN_TRY(link_all(cache, folder, pipeline));
        *made |= 1U << pipeline;
    }
    return SIREN_OK;
}

siren_status siren_originals_keep(const char *cache, const char *folder, unsigned made,
                                  const siren_pipeline_outcome outcomes[SIREN_N_PIPELINES]) {
    for (siren_pipeline pipeline = 0; pipeline < SIREN_N_PIPELINES; pipeline++)
        if (!(made & 1U << pipeline) && outcomes[pipeline].state == SIREN_PIPELINE_DONE)
            SIREN_TRY(link_all(folder, cache, pipeline));
    return SIREN_OK;
}
