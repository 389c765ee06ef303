#include "engine/care/device_cache.h"

#include "engine/calls.h"
#include "host/digest.h"
#include "host/file.h"
#include "host/opencl/kernels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CACHE_VERSION 1

/* What a finding is of. */
typedef struct {
    const char *name;
    char value[300];
} identity_line;
#define N_IDENTITY 7

static void identify(const siren_device *device, identity_line lines[N_IDENTITY]) {
    const siren_device_facts *facts = siren_device_get_facts(device);
    char kernels[SIREN_DIGEST_CHARS];
    siren_digest digest;
    siren_digest_begin(&digest);
    for (size_t i = 0; i < siren_n_kernel_sources; i++)
        siren_digest_add(&digest, siren_kernel_sources[i].text, siren_kernel_sources[i].length);
    siren_digest_end(&digest, kernels);
    const char *const names[] = {"platform", "device",  "driver", "compute_units",
                                 "family",   "sirencl", "kernels"};
    char units[16];
    snprintf(units, sizeof units, "%u", facts->compute_units);
    const char *const values[] = {facts->platform_version,          facts->name,     facts->driver, units,
                                  siren_family_name(facts->family), siren_version(), kernels};
    for (size_t i = 0; i < N_IDENTITY; i++) {
        lines[i].name = names[i];
        snprintf(lines[i].value, sizeof lines[i].value, "%s", values[i]);
    }
}

/* NULL where the environment names no folder. */
static const char *cache_home(const char **below) {
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    *below = "";
    if (cache && *cache == '/')
        return cache; /* others are to be ignored (XDG Base Directory Specification) */
    *below = "/.cache";
    return home && *home == '/' ? home : NULL;
}

siren_status siren_cache_file(const char *kind, const char *digest, const char *suffix, char **path) {
    const char *below, *home = cache_home(&below);
    if (!home)
        return siren_fail(SIREN_SYSTEM, "neither XDG_CACHE_HOME nor HOME names a folder for what is found "
                                        "out about devices; set one of them to an absolute path");
    size_t size = strlen(home) + strlen(kind) + strlen(suffix) + 64;
    char *text = NULL;
    SIREN_TRY(siren_allocate(&text, size, 1, "the path of the cache"));
    snprintf(text, size, "%s%s/sirencl/%s-%.16s%s", home, below, kind, digest, suffix);
    *path = text;
    return SIREN_OK;
}

static siren_status path_of(const char *kind, const identity_line lines[N_IDENTITY], char **path) {
    char hex[SIREN_DIGEST_CHARS];
    siren_digest digest;
    siren_digest_begin(&digest);
    for (size_t i = 0; i < N_IDENTITY; i++)
        siren_digest_add(&digest, lines[i].value, strlen(lines[i].value) + 1);
    siren_digest_end(&digest, hex);
    return siren_cache_file(kind, hex, ".json", path);
}

siren_status siren_device_cache_path(const siren_device *device, const char *kind, char **path) {
    identity_line lines[N_IDENTITY];
    identify(device, lines);
    return path_of(kind, lines, path);
}

/* Makes the file's folder where it is missing. */
static siren_status make_folder(const char *path) {
    SIREN_FREE_AT_END char *folder = NULL;
    SIREN_TRY(siren_allocate(&folder, strlen(path) + 1, 1, "the folder of the cache"));
    memcpy(folder, path, (size_t)(strrchr(path, '/') - path));
    return siren_folder_make(folder);
}

siren_status siren_cache_file_write(const char *path, const char *text) {
    SIREN_TRY(make_folder(path));
    return siren_file_write(path, true, text, strlen(text));
}

siren_status siren_device_cache_write(const siren_device *device, const char *kind,
                                      void (*content)(siren_json *json, const void *user), const void *user) {
    SIREN_AT_END(siren_json_free_at) siren_json *json = NULL;
    identity_line lines[N_IDENTITY];
    SIREN_FREE_AT_END char *path = NULL, *text = NULL;
    identify(device, lines);
    SIREN_TRY(path_of(kind, lines, &path));
    SIREN_TRY(siren_json_create(&json));
    siren_json_integer(json, "version", CACHE_VERSION);
    for (size_t i = 0; i < N_IDENTITY; i++) siren_json_string(json, lines[i].name, lines[i].value);
    content(json, user);
    SIREN_TRY(siren_json_text(json, &text));
    return siren_cache_file_write(path, text);
}

static siren_status check_identity(const char *path, siren_value root,
                                   const identity_line lines[N_IDENTITY]) {
    uint64_t version = 0;
    SIREN_TRY(siren_value_integer(siren_value_member(root, "version"), 0, UINT64_MAX, &version));
    if (version != CACHE_VERSION)
        return siren_fail(SIREN_UNSUPPORTED, "%s: is of version %llu, not %d", path,
                          (unsigned long long)version, CACHE_VERSION);
    for (size_t i = 0; i < N_IDENTITY; i++) {
        const char *value = "";
        SIREN_TRY(siren_value_string(siren_value_member(root, lines[i].name), &value));
        if (strcmp(value, lines[i].value) != 0)
            return siren_fail(SIREN_UNSUPPORTED, "%s: %s is '%s' there and '%s' here", path, lines[i].name,
                              value, lines[i].value);
    }
    return SIREN_OK;
}

siren_status siren_device_cache_read(const siren_device *device, const char *kind, siren_config **out) {
    SIREN_AT_END(siren_config_free_at) siren_config *file = NULL;
    identity_line lines[N_IDENTITY];
    const char *below;
    SIREN_FREE_AT_END char *path = NULL;
    *out = NULL;
    if (!cache_home(&below)) return SIREN_OK;
    identify(device, lines);
    SIREN_TRY(path_of(kind, lines, &path));
    if (!siren_file_exists(path)) return SIREN_OK;
    SIREN_TRY(siren_config_read(path, &file));
    SIREN_TRY(check_identity(path, siren_config_root(file), lines));
    *out = SIREN_TAKE(file);
    return SIREN_OK;
}
