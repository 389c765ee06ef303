#define _GNU_SOURCE
#include "lab/sweep/sweep_claims.h"

#include "lab/run/run_folder.h"

#include <stdio.h>
#include <string.h>

#define WHOLE "run"
#define COMMON "common"

/* A siren_claim_exclude() test; `user` is the ending of the names that get along: those of the same division. */
static bool disagrees(void *user, const char *name) {
    const char *ending = user;
    const size_t n = strlen(name);
    if (strcmp(name, COMMON) == 0) return false;
    if (!*ending) return strcmp(name, WHOLE) != 0;
    return n < strlen(ending) || strcmp(name + n - strlen(ending), ending) != 0;
}

static siren_status claim(const siren_sweep_options *options, const char *name, bool patient,
                          siren_progress_fn progress, void *user, char **folder, siren_claim_plan *plan,
                          siren_claim **out) {
    SIREN_TRY(siren_run_path(folder, options->folder, "claims"));
    *plan = (siren_claim_plan){.folder = *folder,
                               .guards = options->folder,
                               .expiry = options->expiry,
                               .patient = patient,
                               .progress = progress,
                               .user = user};
    return siren_claim_acquire(plan, name, out);
}

siren_status siren_sweep_claim_work(const siren_sweep_options *options, siren_progress_fn progress,
                                    void *user, siren_claim **out) {
    SIREN_FREE_AT_END char *folder = NULL;
    SIREN_AT_END(siren_claim_release_at) siren_claim *held = NULL;
    siren_claim_plan plan;
    char name[64] = WHOLE, ending[32] = "";
    if (options->part.of > 0) {
        snprintf(ending, sizeof ending, "-of-%zu", options->part.of);
        snprintf(name, sizeof name, "part-%zu%s", options->part.number, ending);
    }
    SIREN_TRY(claim(options, name, false, progress, user, &folder, &plan, &held));
    SIREN_TRY(siren_claim_exclude(&plan, disagrees, ending));
    *out = SIREN_TAKE(held);
    return SIREN_OK;
}

siren_status siren_sweep_claim_common(const siren_sweep_options *options, siren_progress_fn progress,
                                      void *user, siren_claim **out) {
    SIREN_FREE_AT_END char *folder = NULL;
    siren_claim_plan plan;
    return claim(options, COMMON, true, progress, user, &folder, &plan, out);
}
