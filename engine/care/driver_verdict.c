#define _GNU_SOURCE
#include "engine/care/driver_verdict.h"

#include "engine/care/device_cache.h"
#include "engine/care/driver_files.h"
#include "host/digest.h"
#include "host/file.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define REMEMBERED_SECONDS 86400

/* What chooses drivers: ocl-icd(7), Khronos's loader, PoCL's and Mesa's documentation. */
static const char *const variables[] = {"OCL_ICD_VENDORS",       "OCL_ICD_FILENAMES",   "OPENCL_VENDOR_PATH",
                                        "OCL_ICD_PLATFORM_SORT", "LD_LIBRARY_PATH",     "LD_PRELOAD",
                                        "POCL_DEVICES",          "POCL_CACHE_DIR",      "RUSTICL_ENABLE",
                                        "CUDA_VISIBLE_DEVICES",  "ROCR_VISIBLE_DEVICES"};

static void add_text(siren_digest *digest, const char *text) {
    siren_digest_add(digest, text, strlen(text) + 1);
}

static void add_file(siren_digest *digest, const char *path) {
    struct stat facts;
    char text[128];
    if (stat(path, &facts) != 0) return;
    snprintf(text, sizeof text, "%lld %lld.%09ld", (long long)facts.st_size, (long long)facts.st_mtim.tv_sec,
             facts.st_mtim.tv_nsec);
    add_text(digest, path);
    add_text(digest, text);
}

/* ---- verdicts ---- */

/* All that may change what a trial of the drivers comes to. False: there is no cache. */
static bool verdict_path(const char *trial, char **path) {
    SIREN_AT_END(siren_driver_files_free) siren_driver_files files = {0};
    char hex[SIREN_DIGEST_CHARS], program[4096], library[SIREN_LIBRARY_CHARS];
    siren_digest digest;
    *path = NULL;
    siren_digest_begin(&digest);
    add_text(&digest, siren_version());
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    program[length > 0 ? length : 0] = '\0';
    add_file(&digest, program);
    add_text(&digest, trial);
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        const char *value = getenv(variables[i]);
        add_text(&digest, value ? value : "");
    }
    add_file(&digest, "/etc/ld.so.cache"); /* changes when libraries are installed */
    if (siren_driver_files_find(&files) != SIREN_OK) return false;
    for (size_t i = 0; i < files.n; i++) {
        siren_driver_library(files.paths[i], library);
        add_file(&digest, files.paths[i]);
        add_text(&digest, library);
        add_file(&digest, library);
    }
    siren_digest_end(&digest, hex);
    return siren_cache_file("driver", hex, ".txt", path) == SIREN_OK;
}

/* Written less than a day ago; by another machine's clock perhaps, so that it may seem to be yet to come. */
static bool is_fresh(int fd) {
    struct stat facts;
    return fstat(fd, &facts) == 0 && fabs(difftime(time(NULL), facts.st_mtime)) < REMEMBERED_SECONDS;
}

siren_verdict_kind siren_driver_verdict(const char *trial, char **path) {
    char word[16] = "";
    if (!verdict_path(trial, path)) return SIREN_VERDICT_NONE;
    SIREN_AT_END(siren_fclose_at) FILE *file = fopen(*path, "r");
    if (!file || fscanf(file, "%15s", word) != 1) return SIREN_VERDICT_NONE;
    if (strcmp(word, "passed") == 0) return SIREN_VERDICT_PASSED;
    return strcmp(word, "hung") == 0 && is_fresh(fileno(file)) ? SIREN_VERDICT_HUNG : SIREN_VERDICT_NONE;
}

siren_status siren_driver_verdict_keep(const char *path, siren_verdict_kind verdict) {
    if (!path)
        return siren_fail(SIREN_SYSTEM, "neither XDG_CACHE_HOME nor HOME names a folder to remember it in");
    return siren_cache_file_write(path, verdict == SIREN_VERDICT_HUNG ? "hung\n" : "passed\n");
}

/* ---- drivers that are left out ---- */

#define LOADING "load"        /* the trial's name */
#define LEFT_OUT "left out\n" /* then the folder of those that are used, and a line for each that is not */
#define MOST_LEFT_OUT 65536

siren_status siren_driver_left_out_keep(const char *path, const char *lines) {
    SIREN_FREE_AT_END char *text = NULL;
    if (!path)
        return siren_fail(SIREN_SYSTEM, "neither XDG_CACHE_HOME nor HOME names a folder to remember it in");
    if (asprintf(&text, LEFT_OUT "%s\n%s", getenv("OCL_ICD_VENDORS"), lines) < 0) {
        text = NULL;
        return siren_fail(SIREN_SYSTEM, "out of memory: the drivers that are left out");
    }
    return siren_cache_file_write(path, text);
}

siren_status siren_driver_left_out(char **path, char **lines) {
    SIREN_FREE_AT_END uint8_t *bytes = NULL;
    SIREN_FREE_AT_END char *text = NULL;
    size_t n_bytes = 0;
    *lines = NULL;
    if (!verdict_path(LOADING, path)) return SIREN_OK;
    SIREN_AT_END(siren_close_at) int fd = open(*path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || !is_fresh(fd) || siren_file_read(*path, MOST_LEFT_OUT, &bytes, &n_bytes) != SIREN_OK ||
        !(text = strndup((const char *)bytes, n_bytes)) || strncmp(text, LEFT_OUT, strlen(LEFT_OUT)) != 0)
        return SIREN_OK;
    char *rest = text + strlen(LEFT_OUT), *folder = strsep(&rest, "\n");
    if (!rest || access(folder, R_OK | X_OK) != 0) return SIREN_OK;
    *lines = strdup(rest);
    if (!*lines) return siren_fail(SIREN_SYSTEM, "out of memory: the drivers that are left out");
    siren_driver_vendors_set(folder);
    return SIREN_OK;
}
