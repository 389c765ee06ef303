#define _GNU_SOURCE
#include "tools/datasets/bids_names.h"

#include "host/names.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MOST_ENTITIES 32

/* ---- names ---- */

/* A name cut into its parts, which lie in it. */
typedef struct {
    const char *entities[MOST_ENTITIES]; /* "sub-01" */
    size_t n_chars[MOST_ENTITIES];
    size_t n_entities;
    const char *suffix; /* "dwi" */
    size_t n_suffix;
    const char *extension; /* ".nii.gz" */
} bids_name;

static const char *file_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool is_plain(const char *text, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)text[i]) && text[i] != '+') return false;
    return n > 0;
}

static bool is_entity(const char *text, size_t n) {
    const char *dash = memchr(text, '-', n);
    const size_t key = dash ? (size_t)(dash - text) : 0;
    return dash && is_plain(text, key) && is_plain(dash + 1, n - key - 1);
}

/* False where it is no name of BIDS. */
static bool cut(const char *path, bids_name *out) {
    const char *part = file_of(path);
    *out = (bids_name){.extension = part + strcspn(part, ".")};
    for (;;) {
        const size_t n = strcspn(part, "_.");
        if (part[n] != '_') {
            out->suffix = part;
            out->n_suffix = n;
            return is_plain(part, n) && *out->extension;
        }
        if (!is_entity(part, n) || out->n_entities == MOST_ENTITIES) return false;
        out->entities[out->n_entities] = part;
        out->n_chars[out->n_entities++] = n;
        part += n + 1;
    }
}

bool siren_bids_listed(const char *list, const char *word, size_t n) {
    while (*list) {
        const size_t length = strcspn(list, ",");
        if (length == n && strncmp(list, word, n) == 0) return true;
        list += length + (list[length] == ',');
    }
    return false;
}

bool siren_bids_is_series(const char *path, const char *suffixes) {
    const char *name = file_of(path), *extension = name + strcspn(name, "."), *suffix = extension;
    /* In any case, so that the user's slip is told: siren_bids_check_name(). */
    if (strcasecmp(extension, ".nii") != 0 && strcasecmp(extension, ".nii.gz") != 0) return false;
    while (suffix > name && suffix[-1] != '_') suffix--;
    return siren_bids_listed(suffixes, suffix, (size_t)(extension - suffix));
}

siren_status siren_bids_check_name(const char *path) {
    bids_name name;
    const bool is_name = cut(path, &name) && name.n_entities > 0 && strncmp(name.entities[0], "sub-", 4) == 0;
    if (is_name && (strcmp(name.extension, ".nii") == 0 || strcmp(name.extension, ".nii.gz") == 0))
        return SIREN_OK;
    if (is_name)
        return siren_fail(SIREN_USAGE, "%s: ends in %s, where BIDS has .nii or .nii.gz; rename it", path,
                          name.extension);
    return siren_fail(
        SIREN_USAGE,
        "%s: is no name of BIDS, which is sub-LABEL, further KEY-LABEL and a suffix joined by '_'", path);
}

const char *siren_bids_participant(const char *relative, size_t *n) {
    if (strncmp(relative, "sub-", 4) != 0) return NULL;
    *n = strcspn(relative + 4, "/");
    return relative[4 + *n] == '/' && *n > 0 ? relative + 4 : NULL;
}

siren_status siren_bids_join(const char *folder, const char *name, char **out) {
    if (asprintf(out, *folder ? "%s/%s" : "%s%s", folder, name) >= 0) return SIREN_OK;
    *out = NULL;
    return siren_fail(SIREN_SYSTEM, "out of memory: the path of %s", name);
}

/* ---- inheritance ---- */

void siren_bids_sidecars_free(siren_bids_sidecars *sidecars) {
    siren_file_list_free(&sidecars->all);
    free(sidecars->jsons);
}

/* Suffixes of what describes a series of another suffix: events and physiology of bold, contexts of asl. */
static bool describes(const bids_name *file, const bids_name *series) {
    static const char others[] = "events,physio,stim,aslcontext";
    return (file->n_suffix == series->n_suffix &&
            strncmp(file->suffix, series->suffix, file->n_suffix) == 0) ||
           siren_bids_listed(others, file->suffix, file->n_suffix);
}

static bool may_describe(const bids_name *file) {
    static const char extensions[] = ".json,.bval,.bvec,.tsv,.tsv.gz";
    return siren_bids_listed(extensions, file->extension, strlen(file->extension));
}

/* Whether a file in the series' folder or above it is of the series: each of its entities is the series', too. */
static bool applies(const bids_name *file, const bids_name *series) {
    if (!may_describe(file) || !describes(file, series)) return false;
    for (size_t i = 0; i < file->n_entities; i++) {
        bool found = false;
        for (size_t k = 0; k < series->n_entities && !found; k++)
            found = file->n_chars[i] == series->n_chars[k] &&
                    strncmp(file->entities[i], series->entities[k], file->n_chars[i]) == 0;
        if (!found) return false;
    }
    return true;
}

static int by_bytes(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* The nearest table of a kind: of one folder that of most entities. */
typedef struct {
    const char *path;
    size_t level, n_entities;
    bool doubtful;
} nearest;

static void take_nearest(nearest *n, const char *path, size_t level, size_t n_entities) {
    if (n->path && n->level == level && n->n_entities > n_entities) return;
    n->doubtful = n->path && n->level == level && n->n_entities == n_entities;
    n->path = path;
    n->level = level;
    n->n_entities = n_entities;
}

static siren_status unread(const char *folder) {
    return siren_fail(SIREN_SYSTEM, "%s: the folder cannot be read: %s", folder, strerror(errno));
}

/* The files of one folder that are of the series. */
static siren_status look_into(const char *dataset, const char *folder, const bids_name *series,
                              siren_file_list *all) {
    SIREN_FREE_AT_END char *path = NULL;
    struct dirent **entries = NULL;
    siren_status status = SIREN_OK;
    SIREN_TRY(siren_bids_join(dataset, folder, &path));
    const int n = scandir(path, &entries, NULL, by_bytes);
    if (n < 0) return unread(path);
    for (int i = 0; i < n; i++) {
        bids_name name;
        SIREN_FREE_AT_END char *relative = NULL;
        if (status == SIREN_OK && cut(entries[i]->d_name, &name) && applies(&name, series)) {
            status = siren_bids_join(folder, entries[i]->d_name, &relative);
            if (status == SIREN_OK) status = siren_file_list_add(all, relative, folder);
        }
        free(entries[i]);
    }
    free(entries);
    return status;
}

siren_status siren_bids_top_files(const char *dataset, siren_file_list *out) {
    SIREN_AT_END(siren_file_list_free) siren_file_list list = {.n = 0};
    struct dirent **entries = NULL;
    siren_status status = SIREN_OK;
    const int n = scandir(dataset, &entries, NULL, by_bytes);
    if (n < 0) return unread(dataset);
    for (int i = 0; i < n; i++) {
        bids_name name;
        if (status == SIREN_OK && cut(entries[i]->d_name, &name) && may_describe(&name))
            status = siren_file_list_add(&list, entries[i]->d_name, "");
        free(entries[i]);
    }
    free(entries);
    if (status == SIREN_OK) *out = SIREN_TAKE(list);
    return status;
}

static size_t level_of(const char *path) {
    size_t n = 0;
    for (; *path; path++) n += *path == '/';
    return n;
}

static siren_status sort_out(siren_bids_sidecars *s) {
    nearest bval = {.path = NULL}, bvec = {.path = NULL};
    bids_name name;
    SIREN_TRY(siren_allocate(&s->jsons, s->all.n, sizeof *s->jsons, "sidecars"));
    for (size_t i = 0; i < s->all.n; i++) {
        const char *path = s->all.paths[i];
        cut(path, &name);
        if (strcmp(name.extension, ".bval") == 0) take_nearest(&bval, path, level_of(path), name.n_entities);
        if (strcmp(name.extension, ".bvec") == 0) take_nearest(&bvec, path, level_of(path), name.n_entities);
    }
    const nearest *doubt = bval.doubtful ? &bval : bvec.doubtful ? &bvec : NULL;
    if (doubt)
        return siren_fail(SIREN_CORRUPT,
                          "%s: is not the only table of its kind in its folder that may be meant",
                          doubt->path);
    s->bval = bval.path;
    s->bvec = bvec.path;
    return SIREN_OK;
}

static bool is_json_of(const char *path, const bids_name *series, size_t *n_entities) {
    bids_name name;
    const bool is = cut(path, &name) && strcmp(name.extension, ".json") == 0 &&
                    name.n_suffix == series->n_suffix &&
                    strncmp(name.suffix, series->suffix, name.n_suffix) == 0;
    *n_entities = name.n_entities;
    return is;
}

/* Those of the series' own suffix, from the data set's folder down, and in one folder the fewer entities the
 * earlier. */
static void order_jsons(siren_bids_sidecars *s, const bids_name *series) {
    size_t n_entities, n_before;
    for (size_t i = 0; i < s->all.n; i++) {
        if (!is_json_of(s->all.paths[i], series, &n_entities)) continue;
        size_t at = s->n_jsons++;
        for (; at > 0; at--) {
            const char *before = s->all.paths[s->jsons[at - 1]];
            is_json_of(before, series, &n_before);
            if (level_of(before) != level_of(s->all.paths[i]) || n_before <= n_entities) break;
            s->jsons[at] = s->jsons[at - 1];
        }
        s->jsons[at] = i;
    }
}

siren_status siren_bids_sidecars_find(const char *dataset, const siren_file_list *top, const char *relative,
                                      siren_bids_sidecars *out) {
    SIREN_AT_END(siren_bids_sidecars_free) siren_bids_sidecars found = {.n_jsons = 0};
    SIREN_FREE_AT_END char *folder = strdup(relative);
    bids_name series, name;
    if (!folder) return siren_fail(SIREN_SYSTEM, "out of memory: the sidecars of %s", relative);
    if (!cut(relative, &series)) return siren_bids_check_name(relative);
    for (size_t i = 0; i < top->n; i++)
        if (cut(top->paths[i], &name) && applies(&name, &series))
            SIREN_TRY(siren_file_list_add(&found.all, top->paths[i], ""));
    for (char *end = strchr(folder, '/'); end; end = strchr(end + 1, '/')) {
        *end = '\0';
        SIREN_TRY(look_into(dataset, folder, &series, &found.all));
        *end = '/';
    }
    SIREN_TRY(sort_out(&found));
    order_jsons(&found, &series);
    *out = SIREN_TAKE(found);
    return SIREN_OK;
}
