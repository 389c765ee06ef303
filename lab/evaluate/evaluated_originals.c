#define _GNU_SOURCE
#include "lab/evaluate/evaluated_originals.h"

#include "lab/run/run_folder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_FILES 3

static const char *const files[SIREN_N_CHAINS][MOST_FILES] = {
    [SIREN_CHAIN_TENSOR] = {"original_tensor" SIREN_MRTRIX_SUFFIX, "original_fa" SIREN_MRTRIX_SUFFIX,
                            "original_md" SIREN_MRTRIX_SUFFIX},
    [SIREN_CHAIN_HARMONICS] = {"original_rish" SIREN_MRTRIX_SUFFIX},
    [SIREN_CHAIN_FOD] = {"original_fod" SIREN_MRTRIX_SUFFIX, "response.txt"}};

static siren_status is_there(const char *folder, siren_chain chain, bool *there) {
    *there = true;
    for (size_t i = 0; i < MOST_FILES && files[chain][i]; i++) {
        char *path = NULL;
        SIREN_RETURN_IF_FAILED(siren_run_path(&path, folder, "%s", files[chain][i]));
        *there = *there && access(path, F_OK) == 0;
        free(path);
    }
    return SIREN_OK;
}

static siren_status link_all(const char *from, const char *to, siren_chain chain) {
    siren_status status = SIREN_OK;
    char *source = NULL, *target = NULL;
    for (size_t i = 0; i < MOST_FILES && files[chain][i]; i++) {
        SIREN_TRY(siren_run_path(&source, from, "%s", files[chain][i]));
        SIREN_TRY(siren_run_path(&target, to, "%s", files[chain][i]));
        if (link(source, target) != 0)
            SIREN_TRY(siren_fail(SIREN_SYSTEM, "%s: cannot be made: %s", target, strerror(errno)));
        free(source);
        free(target);
        source = target = NULL;
    }
done:
    free(source);
    free(target);
    return status;
}

siren_status siren_originals_take(const char *cache, const char *folder, unsigned *made) {
    for (siren_chain chain = 0; chain < SIREN_N_CHAINS; chain++) {
        bool there = false;
        SIREN_RETURN_IF_FAILED(is_there(cache, chain, &there));
        if (!there) continue;
        SIREN_RETURN_IF_FAILED(link_all(cache, folder, chain));
        *made |= 1U << chain;
    }
    return SIREN_OK;
}

siren_status siren_originals_keep(const char *cache, const char *folder, unsigned made,
                                  const siren_chain_outcome outcomes[SIREN_N_CHAINS]) {
    for (siren_chain chain = 0; chain < SIREN_N_CHAINS; chain++)
        if (!(made & 1U << chain) && outcomes[chain].state == SIREN_CHAIN_DONE)
            SIREN_RETURN_IF_FAILED(link_all(folder, cache, chain));
    return SIREN_OK;
}
