#define _GNU_SOURCE
#include "tools/datasets/bids_run.h"

#include "formats/diffusion_table.h"
#include "formats/nifti.h"
#include "host/threads.h"
#include "tools/datasets/bids_files.h"
#include "tools/datasets/bids_names.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MOST_WORKERS 4      /* each compresses on all processors itself, but reads and writes on one */
#define SERIES_PER_MEMORY 4 /* what one of them needs, in series */

/* What the walk gives is an image by its name, in any case, or a folder that cannot be read, whatever its name. */
static bool is_image(const char *path) {
    struct stat facts;
    const char *slash = strrchr(path, '/');
    return strcasestr(slash ? slash : path, ".nii") && (stat(path, &facts) != 0 || !S_ISDIR(facts.st_mode));
}

static siren_status take_participant(siren_bids_run *run, const char *label) {
    static const char *const suffixes[] = {".nii", ".nii.gz", NULL};
    SIREN_FREE_AT_END char *name = NULL, *folder = NULL;
    SIREN_AT_END(siren_file_list_free) siren_file_list images = {.n = 0};
    if (asprintf(&name, "sub-%s", label) < 0)
        return siren_fail(SIREN_SYSTEM, "out of memory: the folder of sub-%s", label);
    SIREN_TRY(siren_bids_join(run->dataset, name, &folder));
    SIREN_TRY(siren_file_walk(folder, suffixes, &images));
    for (size_t i = 0; i < images.n; i++) {
        const char *path = images.paths[i];
        if (!is_image(path) || siren_bids_is_series(path, run->choice->suffixes))
            SIREN_TRY(siren_file_list_add(&run->found, path, ""));
        else
            run->n_other_images++;
    }
    return SIREN_OK;
}

static int by_bytes(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}
static int is_participant(const struct dirent *entry) {
    return strncmp(entry->d_name, "sub-", 4) == 0 && entry->d_name[4];
}

/* "sub-01" in a list of labels, which may have "sub-" before them. */
static bool is_wanted(const char *list, const char *name) {
    return !list || siren_bids_listed(list, name, strlen(name)) ||
           siren_bids_listed(list, name + 4, strlen(name) - 4);
}

/* USAGE for one of the list that is not there. */
static siren_status check_participants(const char *list, const char *dataset, struct dirent **entries,
                                       int n) {
    for (const char *label = list; label && *label;) {
        const size_t length = strcspn(label, ",");
        bool found = false;
        char one[256];
        snprintf(one, sizeof one, "%.*s", (int)(length < 255 ? length : 255), label);
        for (int i = 0; i < n && !found; i++) found = is_wanted(one, entries[i]->d_name);
        if (!found)
            return siren_fail(SIREN_USAGE, "%s: has no participant '%s' among its %d (%s%s)", dataset, one, n,
                              n > 0 ? entries[0]->d_name : "", n > 1 ? ", ..." : "");
        label += length + (label[length] == ',');
    }
    return SIREN_OK;
}

siren_status siren_bids_find_series(siren_bids_run *run) {
    struct dirent **entries = NULL;
    struct stat facts;
    const int n = scandir(run->dataset, &entries, is_participant, by_bytes);
    if (n < 0) return siren_fail(SIREN_SYSTEM, "%s: cannot be read: %s", run->dataset, strerror(errno));
    siren_status status = check_participants(run->choice->participants, run->dataset, entries, n);
    for (int i = 0; i < n; i++) {
        SIREN_FREE_AT_END char *path = NULL;
        if (status == SIREN_OK) status = siren_bids_join(run->dataset, entries[i]->d_name, &path);
        if (status == SIREN_OK && is_wanted(run->choice->participants, entries[i]->d_name) &&
            (stat(path, &facts) != 0 ||
             S_ISDIR(facts.st_mode))) /* what cannot be looked at is told as a failure */
            status = take_participant(run, entries[i]->d_name + 4);
    }
    for (int i = 0; i < n; i++) free(entries[i]);
    free(entries);
    if (status != SIREN_OK || run->found.n > 0) return status;
    return siren_fail(SIREN_USAGE, "%s: holds no series whose name ends in _%s.nii or _%s.nii.gz%s",
                      run->dataset, run->choice->suffixes, run->choice->suffixes,
                      run->choice->participants ? " of these participants" : "");
}

static int by_archive(const void *a, const void *b) {
    const siren_bids_series *const *x = a, *const *y = b;
    return strcmp((*x)->archive, (*y)->archive);
}

/* Images that would become the same archive, as x.nii and x.nii.gz, are told of each other. */
static siren_status find_doubles(siren_bids_run *run) {
    SIREN_FREE_AT_END siren_bids_series **sorted = NULL;
    SIREN_TRY(siren_allocate(&sorted, run->found.n, sizeof *sorted, "the series"));
    for (size_t i = 0; i < run->found.n; i++) sorted[i] = &run->series[i];
    qsort(sorted, run->found.n, sizeof *sorted, by_archive);
    for (size_t i = 1; i < run->found.n; i++) {
        if (strcmp(sorted[i - 1]->archive, sorted[i]->archive) != 0) continue;
        sorted[i]->other = (size_t)(sorted[i - 1] - run->series);
        if (sorted[i - 1]->other == SIZE_MAX) sorted[i - 1]->other = (size_t)(sorted[i] - run->series);
    }
    return SIREN_OK;
}

siren_status siren_bids_plan_series(siren_bids_run *run) {
    size_t largest = 1;
    SIREN_TRY(siren_allocate(&run->series, run->found.n, sizeof *run->series, "the series"));
    for (size_t i = 0; i < run->found.n; i++) {
        siren_bids_series *s = &run->series[i];
        siren_geometry g;
        s->relative = run->found.paths[i] + strlen(run->dataset) + 1;
        s->other = SIZE_MAX;
        SIREN_TRY(siren_sibling_path(s->relative, ".siren", &s->archive));
        if (siren_nifti_read_geometry(run->found.paths[i], &g) != SIREN_OK)
            continue; /* told when it is its turn */
        const size_t bytes = siren_geometry_voxels(&g) * siren_datatype_size(g.datatype);
        if (bytes > largest) largest = bytes;
    }
    run->n_workers = run->device ? 1 : siren_processors() < MOST_WORKERS ? siren_processors() : MOST_WORKERS;
    if (run->n_workers > run->found.n) run->n_workers = run->found.n;
    while (run->n_workers > 1 && run->options->memory_limit / run->n_workers / SERIES_PER_MEMORY < largest)
        run->n_workers--;
    run->memory = run->options->memory_limit / run->n_workers;
    return find_doubles(run);
}

void siren_bids_describe_settings(siren_bids_run *run) {
    const siren_compress_options *o = run->options;
    char value[SIREN_SETTING_CHARS], *out = run->settings;
    const size_t size = sizeof run->settings;
    const siren_setting *s;
    const char *target = siren_target_name(o->target);
    if (target) snprintf(out, size, "%s=%s", target, siren_target_format(o, value));
    for (size_t i = 0; (s = siren_setting_at(i)); i++) {
        const size_t n = strlen(out);
        if (!s->option || !siren_setting_is_given(&o->settings, s->key)) continue;
        siren_setting_format(s, &o->settings, value);
        snprintf(out + n, size - n, "%s%s=%s", n ? " " : "", s->key, value);
    }
    const size_t n = strlen(out);
    snprintf(out + n, size - n, "%s%s%s%s", o->mask ? " mask=" : "", o->mask ? o->mask : "",
             o->without_tail ? " without_tail" : "", run->anonymise ? " anonymised" : "");
    const size_t n_more = strlen(out);
    if (o->volume_coordinates)
        snprintf(out + n_more, size - n_more, " volume_coordinates=%s", o->volume_coordinates);
}
