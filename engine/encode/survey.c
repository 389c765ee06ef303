#include "engine/encode/survey.h"

#include "host/threads.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

void siren_survey_free(siren_survey *survey) {
    if (!survey) return;
    free(survey->limits);
    *survey = (siren_survey){0};
}

/* A team whose members take the next volume until there is none, or one has failed. */
typedef struct {
    const siren_series *series;
    siren_block block; /* all points */
    siren_scaling *limits;
    atomic_size_t n_apart, next;
    atomic_bool failed;
    siren_status status; /* of the first failure, */
    char message[SIREN_MESSAGE_BYTES];
} survey_team;

static void member(void *user, size_t i) {
    survey_team *team = user;
    size_t n_volumes = team->series->geometry.n_volumes, n_apart;
    (void)i;
    for (size_t v; !atomic_load(&team->failed) && (v = atomic_fetch_add(&team->next, 1)) < n_volumes;) {
        siren_status status = siren_block_limits(team->series, &team->block, v, &team->limits[v], &n_apart);
        if (status == SIREN_OK) atomic_fetch_add(&team->n_apart, n_apart);
        if (status == SIREN_OK || atomic_exchange(&team->failed, true)) continue;
        snprintf(team->message, sizeof team->message, "%s", siren_message());
        team->status = status;
    }
}

static void warn_of_many(const char *name, uint64_t n_apart, double n_values) {
    if ((double)n_apart <= SIREN_MANY_APART * n_values) return;
    siren_log(
        SIREN_LOG_WARNING,
        "%s: %llu voxel%s, %.2g %% of all, so far outside the rest of their volumes as to be kept apart, "
        "bit for bit; have a look at the image, or scale by all voxels with --scaling range",
        name, (unsigned long long)n_apart, siren_plural(n_apart), 100 * (double)n_apart / n_values);
}

static void warn_of_rounding(const char *name, const siren_geometry *g, const siren_scaling *limits) {
    if (g->datatype != SIREN_INT64 && g->datatype != SIREN_UINT64) return;
    for (size_t volume = 0; volume < g->n_volumes; volume++) {
        if (!(fmax(fabs(limits[volume].minimum), fabs(limits[volume].maximum)) > 0x1p53)) continue;
        siren_log(
            SIREN_LOG_WARNING,
            "%s: has integers from %.17g to %.17g, and those beyond 2^53 are rounded to double precision; "
            "compress it with --lossless to keep every digit",
            name, limits[volume].minimum, limits[volume].maximum);
        return;
    }
}

siren_status siren_survey_volumes(const char *name, const siren_series *series, const siren_layout *layout,
                                  bool robust, siren_survey *out) {
    SIREN_AT_END(siren_survey_free) siren_survey survey = {0};
    SIREN_FREE_AT_END uint32_t *inside = NULL;
    const siren_geometry *g = &layout->geometry;
    const siren_block_grid *grid = &layout->grid;
    siren_block_grid whole;
    survey_team team = {.series = series};
    if (!robust && g->datatype != SIREN_INT64 && g->datatype != SIREN_UINT64) {
        *out = SIREN_TAKE(survey);
        return SIREN_OK;
    }
    SIREN_TRY(siren_block_grid_create(SIREN_BLOCK_VOLUME, NULL, g, grid->z_begin, grid->z_end, &whole));
    SIREN_TRY(siren_mask_block(&layout->mask, &whole, 0, &team.block, &inside));
    SIREN_TRY(siren_allocate(&survey.limits, g->n_volumes, sizeof *survey.limits, "the volumes' limits"));
    team.limits = survey.limits;
    siren_threads_run(siren_processors() < g->n_volumes ? siren_processors() : g->n_volumes, member, &team);
    if (atomic_load(&team.failed)) return siren_fail(team.status, "%s", team.message);
    if (name) warn_of_rounding(name, g, survey.limits);
    if (!robust) {
        free(SIREN_TAKE(survey.limits));
        *out = SIREN_TAKE(survey);
        return SIREN_OK;
    }
    survey.n_apart = atomic_load(&team.n_apart);
    if (name)
        warn_of_many(name, survey.n_apart, (double)siren_block_points(&team.block) * (double)g->n_volumes);
    *out = SIREN_TAKE(survey);
    return SIREN_OK;
}
