#define _GNU_SOURCE
#include "tests/shared/fuzz_files.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

const char *fuzz_file(const void *bytes, size_t n_bytes) {
    static int file = -1;
    static char path[32];
    if (file < 0) file = memfd_create("fuzz", MFD_CLOEXEC);
    if (file < 0 || ftruncate(file, (off_t)n_bytes) != 0 ||
        pwrite(file, bytes, n_bytes, 0) != (ssize_t)n_bytes)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    return path;
}

static char folder[64];

static int remove_one(const char *path, const struct stat *facts, int type, struct FTW *at) {
    (void)facts, (void)type, (void)at;
    return remove(path);
}

static void remove_folder(void) { nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS); }

const char *fuzz_folder(void) {
    if (*folder) return folder;
    snprintf(folder, sizeof folder, "/dev/shm/siren-fuzz-%ld", (long)getpid());
    if (mkdir(folder, 0700) != 0 || atexit(remove_folder) != 0) abort();
    return folder;
}

char *fuzz_path(const char *name, char path[FUZZ_PATH_CHARS]) {
    const int n = snprintf(path, FUZZ_PATH_CHARS, "%s/%s", fuzz_folder(), name);
    if (n < 0 || n >= FUZZ_PATH_CHARS) abort();
    return path;
}

void fuzz_put(const char *name, const void *bytes, size_t n_bytes) {
    char path[FUZZ_PATH_CHARS];
    FILE *file = fopen(fuzz_path(name, path), "w");
    if (!file || fwrite(bytes, 1, n_bytes, file) != n_bytes || fclose(file) != 0) abort();
}

void fuzz_subfolder(const char *name) {
    char path[FUZZ_PATH_CHARS];
    if (mkdir(fuzz_path(name, path), 0700) != 0 && errno != EEXIST) abort();
}

static void ignore(void *user, siren_log_level level, const char *message) {
    (void)user, (void)level, (void)message;
}

void fuzz_hear(void) { siren_set_log(ignore, NULL); }
