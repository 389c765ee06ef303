/* Linux's Documentation/admin-guide/cgroup-v1, cgroup-v2.rst, and proc(5), cgroups(7). */
#include "host/cgroup.h"

#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* A file of two numbers at most; false where there is none. "max" is UINT64_MAX, as is -1. */
static bool read_numbers(const char *root, const char *folder, const char *name, uint64_t out[2]) {
    char path[PATH_MAX], words[2][32] = {"", ""};
    int length = snprintf(path, sizeof path, "%s%s/%s", root, folder, name);
    FILE *file = length < (int)sizeof path ? fopen(path, "r") : NULL;
    if (!file) return false;
    int n = fscanf(file, "%31s %31s", words[0], words[1]);
    fclose(file);
    for (int i = 0; i < 2; i++)
        if (words[i][0] == '-' || sscanf(words[i], "%" SCNu64, &out[i]) != 1) out[i] = UINT64_MAX;
    return n > 0;
}

static void limit_processors(siren_cgroup_limits *limits, const uint64_t quota[2]) {
    if (quota[0] == UINT64_MAX || quota[1] == 0 || quota[1] == UINT64_MAX) return;
    uint64_t n = quota[0] / quota[1] + (quota[0] % quota[1] != 0);
    if (n == 0) n = 1;
    if (n <= UINT_MAX && (limits->processors == 0 || n < limits->processors))
        limits->processors = (unsigned)n;
}

static void read_group(const char *root, const char *folder, siren_cgroup_limits *limits) {
    static const char *const memory[] = {"memory.max", "memory.high", "memory.limit_in_bytes"};
    uint64_t numbers[2], period[2];
    for (size_t i = 0; i < sizeof memory / sizeof *memory; i++)
        if (read_numbers(root, folder, memory[i], numbers) && numbers[0] < limits->memory_bytes)
            limits->memory_bytes = numbers[0];
    if (read_numbers(root, folder, "cpu.max", numbers)) limit_processors(limits, numbers);
    if (read_numbers(root, folder, "cpu.cfs_quota_us", numbers) &&
        read_numbers(root, folder, "cpu.cfs_period_us", period))
        limit_processors(limits, (const uint64_t[]){numbers[0], period[0]});
}

/* Whether one of the `wanted` controllers, or "" for version 2, is in a list with commas. */
static bool controls(const char *list) {
    static const char *const wanted[] = {"memory", "cpu"};
    if (!*list) return true;
    for (size_t n; *list; list += n + (list[n] == ','))
        for (size_t i = (n = strcspn(list, ","), 0); i < sizeof wanted / sizeof *wanted; i++)
            if (strlen(wanted[i]) == n && strncmp(list, wanted[i], n) == 0) return true;
    return false;
}

/* Where the hierarchy of `controllers` is mounted and, in `top`, which of its groups is seen there. */
static bool find_mount(const char *root, const char *controllers, char mount[PATH_MAX], char top[PATH_MAX]) {
    char line[3 * PATH_MAX], type[32], options[512];
    snprintf(line, sizeof line, "%s/proc/self/mountinfo", root);
    FILE *file = fopen(line, "r");
    bool found = false;
    while (file && !found && fgets(line, sizeof line, file)) {
        const char *rest = strstr(line, " - ");
        /* 4095: PATH_MAX */
        if (!rest || sscanf(line, "%*s %*s %*s %4095s %4095s", top, mount) != 2 ||
            sscanf(rest, " - %31s %*s %511s", type, options) != 2)
            continue;
        if (!*controllers)
            found = strcmp(type, "cgroup2") == 0;
        else if (strcmp(type, "cgroup") == 0)
            for (const char *at = options; (at = strstr(at, controllers)) && !found; at++)
                found = (at == options || at[-1] == ',') && strchr(",\n", at[strlen(controllers)]);
    }
    if (file) fclose(file);
    return found;
}

/* The group `path` and those above it. In a container the path may be one of the machine outside: what is seen of the
 * hierarchy is its own group then. */
static void read_hierarchy(const char *root, const char *controllers, char *path,
                           siren_cgroup_limits *limits) {
    char mount[PATH_MAX], top[PATH_MAX], folder[2 * PATH_MAX];
    if (!find_mount(root, controllers, mount, top)) return;
    size_t above = strcmp(top, "/") == 0 ? 0 : strlen(top);
    char *below = path;
    if (strncmp(path, top, above) == 0 && (path[above] == '/' || !path[above]))
        below += above;
    else
        *below = '\0';
    for (char *end;; *end = '\0') {
        snprintf(folder, sizeof folder, "%s%s", mount, below);
        read_group(root, folder, limits);
        if (!(end = strrchr(below, '/'))) return;
    }
}

siren_cgroup_limits siren_cgroup_read(const char *root) {
    siren_cgroup_limits limits = {.memory_bytes = UINT64_MAX};
    char line[2 * PATH_MAX];
    snprintf(line, sizeof line, "%s/proc/self/cgroup", root);
    FILE *file = fopen(line, "r");
    while (file && fgets(line, sizeof line, file)) {
        char *controllers = strchr(line, ':'), *path = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!path) continue;
        controllers++;
        *path++ = '\0';
        path[strcspn(path, "\n")] = '\0';
        if (controls(controllers)) read_hierarchy(root, controllers, path, &limits);
    }
    if (file) fclose(file);
    return limits;
}
