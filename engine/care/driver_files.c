#define _GNU_SOURCE
#include "engine/care/driver_files.h"

#include "engine/care/device_cache.h"
#include "host/digest.h"
#include "host/file.h"
#include "host/names.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_icd(const char *path) { return siren_has_suffix(path, ".icd"); }

void siren_driver_library(const char *path, char library[SIREN_LIBRARY_CHARS]) {
    library[0] = '\0';
    if (!is_icd(path)) {
        snprintf(library, SIREN_LIBRARY_CHARS, "%s", path);
        return;
    }
    SIREN_AT_END(siren_fclose_at) FILE *file = fopen(path, "r");
    if (file && fscanf(file, "%1023s", library) != 1) library[0] = '\0';
}

/* `path` becomes the list's, unless it names a library that is there already. */
static siren_status add_path(siren_driver_files *files, char *path) {
    char library[SIREN_LIBRARY_CHARS], other[SIREN_LIBRARY_CHARS];
    char **grown = path ? realloc(files->paths, (files->n + 1) * sizeof *grown) : NULL;
    if (!grown) {
        free(path);
        return siren_fail(SIREN_SYSTEM, "out of memory: the list of OpenCL drivers");
    }
    files->paths = grown;
    siren_driver_library(path, library);
    bool known = false;
    for (size_t i = 0; i < files->n && !known; i++) {
        siren_driver_library(grown[i], other);
        known = *library && strcmp(library, other) == 0;
    }
    if (known)
        free(path);
    else
        grown[files->n++] = path;
    return SIREN_OK;
}

/* What stands in a loader's folder, or is named in its place. */
static siren_status add_vendors(siren_driver_files *files, const char *vendors) {
    struct dirent **entries = NULL;
    siren_status status = SIREN_OK;
    int n = scandir(vendors, &entries, NULL, alphasort);
    if (n < 0) return add_path(files, strdup(vendors));
    for (int i = 0; i < n; i++) {
        char *path = NULL;
        if (status == SIREN_OK && entries[i]->d_name[0] != '.' && is_icd(entries[i]->d_name))
            status = add_path(files, asprintf(&path, "%s/%s", vendors, entries[i]->d_name) > 0 ? path : NULL);
        free(entries[i]);
    }
    free(entries);
    return status;
}

siren_status siren_driver_files_find(siren_driver_files *out) {
    SIREN_AT_END(siren_driver_files_free) siren_driver_files files = {0};
    const char *vendors = getenv("OCL_ICD_VENDORS"), *names = getenv("OCL_ICD_FILENAMES");
    if (!vendors || !*vendors) vendors = getenv("OPENCL_VENDOR_PATH");
    SIREN_TRY(add_vendors(&files, vendors && *vendors ? vendors : "/etc/OpenCL/vendors"));
    SIREN_FREE_AT_END char *copy = strdup(names ? names : "");
    if (!copy) return siren_fail(SIREN_SYSTEM, "out of memory: the list of OpenCL drivers");
    for (char *rest = copy, *name; (name = strsep(&rest, ":"));)
        if (*name) SIREN_TRY(add_path(&files, strdup(name)));
    *out = SIREN_TAKE(files);
    return SIREN_OK;
}

void siren_driver_files_free(siren_driver_files *files) {
    for (size_t i = 0; i < files->n; i++) free(files->paths[i]);
    free(files->paths);
    *files = (siren_driver_files){0};
}

void siren_driver_vendors_set(const char *path) {
    setenv("OCL_ICD_VENDORS", path, 1);
    unsetenv("OCL_ICD_FILENAMES");
}

/* `*folder`: its .icd files name those that are used. */
static siren_status make_folder(const siren_driver_files *files, const bool *used, char **folder) {
    char hex[SIREN_DIGEST_CHARS], library[SIREN_LIBRARY_CHARS], line[SIREN_LIBRARY_CHARS + 1];
    siren_digest digest;
    siren_digest_begin(&digest);
    for (size_t i = 0; i < files->n; i++) {
        siren_driver_library(files->paths[i], library);
        if (used[i]) siren_digest_add(&digest, library, strlen(library) + 1);
    }
    siren_digest_end(&digest, hex);
    SIREN_TRY(siren_cache_file("drivers", hex, "", folder));
    SIREN_TRY(siren_folder_make(*folder));
    for (size_t i = 0; i < files->n; i++) {
        SIREN_FREE_AT_END char *path = NULL;
        siren_driver_library(files->paths[i], library);
        if (!used[i] || !*library) continue;
        if (asprintf(&path, "%s/%03zu.icd", *folder, i) < 0) {
            path = NULL;
            return siren_fail(SIREN_SYSTEM, "out of memory: the list of OpenCL drivers");
        }
        snprintf(line, sizeof line, "%s\n", library);
        SIREN_TRY(siren_file_write(path, true, line, strlen(line)));
    }
    return SIREN_OK;
}

siren_status siren_driver_files_use(const siren_driver_files *files, const bool *used) {
    SIREN_FREE_AT_END char *folder = NULL;
    size_t n = 0, last = 0;
    for (size_t i = 0; i < files->n; i++)
        if (used[i]) n++, last = i;
    siren_status status = make_folder(files, used, &folder);
    if (status != SIREN_OK && n != 1) return status;
    siren_driver_vendors_set(status == SIREN_OK ? folder
                                                : files->paths[last]); /* ocl-icd takes a single file */
    return SIREN_OK;
}
