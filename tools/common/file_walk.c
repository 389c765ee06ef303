#define _GNU_SOURCE
#include "tools/common/file_walk.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

void siren_file_list_free(siren_file_list *list) {
    for (size_t i = 0; i < list->n; i++) {
        free(list->paths[i]);
        free(list->below[i]);
    }
    free(list->paths);
    free(list->below);
}

siren_status siren_file_list_add(siren_file_list *list, const char *path, const char *below) {
    const size_t n = list->n;
    if ((n & (n + 1)) == 0) { /* 0, 1, 3, 7 ... : room for twice as many */
        char **paths = realloc(list->paths, (2 * n + 3) * sizeof *paths);
        if (paths) list->paths = paths;
        char **folders = realloc(list->below, (2 * n + 3) * sizeof *folders);
        if (folders) list->below = folders;
        if (!paths || !folders) return siren_fail(SIREN_SYSTEM, "out of memory: a list of files");
    }
    list->paths[n] = strdup(path);
    list->below[n] = strdup(below);
    list->paths[n + 1] = NULL;
    list->n++;
    if (list->paths[n] && list->below[n]) return SIREN_OK;
    return siren_fail(SIREN_SYSTEM, "out of memory: a list of files");
}

static bool is_wanted(const char *name, const char *const *suffixes) {
    for (; *suffixes; suffixes++) {
        const size_t n = strlen(name), n_suffix = strlen(*suffixes);
        if (n > n_suffix && strcasecmp(name + n - n_suffix, *suffixes) == 0) return true;
    }
    return false;
}

static siren_status join(const char *folder, const char *name, char **out) {
    const char *between = *folder && folder[strlen(folder) - 1] != '/' ? "/" : "";
    if (asprintf(out, "%s%s%s", folder, between, name) >= 0) return SIREN_OK;
    *out = NULL;
    return siren_fail(SIREN_SYSTEM, "out of memory: the path of %s", name);
}

static int not_hidden(const struct dirent *entry) { return entry->d_name[0] != '.'; }
static int by_bytes(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

static siren_status walk(const char *folder, const char *below, const char *const *suffixes, unsigned depth,
                         siren_file_list *list);

static siren_status take_entry(const char *folder, const char *below, const char *name,
                               const char *const *suffixes, unsigned depth, siren_file_list *list) {
    SIREN_FREE_AT_END char *path = NULL, *inner = NULL;
    struct stat facts;
    SIREN_TRY(join(folder, name, &path));
    if (lstat(path, &facts) !=
        0) /* gone meanwhile, or in a folder that may be listed alone: told when it is read */
        return errno == ENOENT ? SIREN_OK : siren_file_list_add(list, path, below);
    if (S_ISDIR(facts.st_mode)) {
        SIREN_TRY(join(below, name, &inner));
        return walk(path, inner, suffixes, depth + 1, list);
    }
    const bool is_file = S_ISREG(facts.st_mode) || S_ISLNK(facts.st_mode);
    return is_file && is_wanted(name, suffixes) ? siren_file_list_add(list, path, below) : SIREN_OK;
}

static siren_status walk(const char *folder, const char *below, const char *const *suffixes, unsigned depth,
                         siren_file_list *list) {
    struct dirent **entries = NULL;
    siren_status status = SIREN_OK;
    if (depth > SIREN_WALK_DEPTH)
        return siren_fail(SIREN_UNSUPPORTED, "%s: folders are nested deeper than %d", folder,
                          SIREN_WALK_DEPTH);
    const int n = scandir(folder, &entries, not_hidden, by_bytes);
    if (n < 0) return siren_file_list_add(list, folder, below);
    for (int i = 0; i < n; i++) {
        if (status == SIREN_OK) status = take_entry(folder, below, entries[i]->d_name, suffixes, depth, list);
        free(entries[i]);
    }
    free(entries);
    return status;
}

siren_status siren_file_walk(const char *folder, const char *const *suffixes, siren_file_list *list) {
    return walk(folder, "", suffixes, 0, list);
}

siren_status siren_file_walk_names(const char *const *names, const char *const *suffixes,
                                   siren_file_list *out) {
    SIREN_AT_END(siren_file_list_free) siren_file_list list = {.n = 0};
    struct stat facts;
    for (; *names; names++) {
        const size_t before = list.n;
        if (stat(*names, &facts) != 0 || !S_ISDIR(facts.st_mode)) {
            SIREN_TRY(siren_file_list_add(&list, *names, ""));
            continue;
        }
        SIREN_TRY(siren_file_walk(*names, suffixes, &list));
        if (list.n == before)
            return siren_fail(SIREN_USAGE, "%s: holds no file that ends in %s, nor does a folder below it",
                              *names, *suffixes);
    }
    *out = SIREN_TAKE(list);
    return SIREN_OK;
}
