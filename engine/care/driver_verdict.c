#define _GNU_SOURCE
#include "engine/care/driver_verdict.h"

#include "engine/care/device_cache.h"
#include "host/digest.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define HUNG_SECONDS 86400

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

/* An .icd file, or a library, and the library that the first one names. */
static void add_driver(siren_digest *digest, const char *path) {
    char library[1024] = "";
    size_t length = strlen(path);
    add_file(digest, path);
    if (length < 4 || strcmp(path + length - 4, ".icd") != 0) return;
    FILE *file = fopen(path, "r");
    if (!file) return;
    if (fscanf(file, "%1023s", library) == 1) {
        add_text(digest, library);
        add_file(digest, library);
    }
    fclose(file);
}

static void add_drivers(siren_digest *digest, const char *folder) {
    struct dirent **entries = NULL;
    int n = scandir(folder, &entries, NULL, alphasort);
    if (n < 0) {
        add_driver(digest, folder);
        return;
    }
    for (int i = 0; i < n; i++) {
        SIREN_FREE_AT_END char *path = NULL;
        if (entries[i]->d_name[0] != '.' && asprintf(&path, "%s/%s", folder, entries[i]->d_name) > 0)
            add_driver(digest, path);
        free(entries[i]);
    }
    free(entries);
}

siren_verdict_kind siren_driver_verdict(const char *trial, char **path) {
    char hex[SIREN_DIGEST_CHARS], program[4096], word[16] = "";
    siren_digest digest;
    struct stat facts;
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
    const char *vendors = getenv("OCL_ICD_VENDORS");
    add_drivers(&digest, vendors && *vendors ? vendors : "/etc/OpenCL/vendors");
    siren_digest_end(&digest, hex);
    if (siren_cache_file("driver", hex, ".txt", path) != SIREN_OK) return SIREN_VERDICT_NONE;
    FILE *file = fopen(*path, "r");
    if (!file) return SIREN_VERDICT_NONE;
    bool read = fscanf(file, "%15s", word) == 1 && fstat(fileno(file), &facts) == 0;
    fclose(file);
    if (read && strcmp(word, "passed") == 0) return SIREN_VERDICT_PASSED;
    double age = read ? difftime(time(NULL), facts.st_mtime) : 0;
    return read && strcmp(word, "hung") == 0 && age >= 0 && age < HUNG_SECONDS ? SIREN_VERDICT_HUNG
                                                                               : SIREN_VERDICT_NONE;
}

void siren_driver_verdict_keep(const char *path, siren_verdict_kind verdict) {
    if (!path) return;
    const char *text = verdict == SIREN_VERDICT_HUNG ? "hung\n" : "passed\n";
    if (siren_cache_file_write(path, text) != SIREN_OK)
        siren_log(SIREN_LOG_INFO, "%s; the driver is tried again next time", siren_message());
}
