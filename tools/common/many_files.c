#define _GNU_SOURCE
#include "tools/common/many_files.h"

#include "formats/diffusion_table.h"
#include "host/file.h"
#include "tools/common/streams.h"
#include "tools/common/terminal.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- names ---- */

void siren_file_pairs_free(siren_file_pairs *pairs) {
    for (size_t i = 0; pairs->outputs && i < pairs->n; i++) free(pairs->outputs[i]);
    free(pairs->outputs);
}

size_t siren_tool_count_files(const char *const *files) {
    size_t n = 0;
    while (files[n]) n++;
    return n;
}

static siren_status join(const char *folder, const char *name, char **out) {
    const size_t n = strlen(folder) + strlen(name) + 2;
    SIREN_TRY(siren_allocate(out, n, 1, "the name of an output"));
    snprintf(*out, n, "%s/%s", folder, name);
    return SIREN_OK;
}

static siren_status derive(const char *input, const char *folder, const char *below, const char *suffix,
                           char **out) {
    SIREN_FREE_AT_END char *beside = NULL, *inner = NULL;
    SIREN_TRY(siren_sibling_path(input, suffix, &beside));
    if (folder && *below) SIREN_TRY(join(folder, below, &inner));
    if (folder) return join(inner ? inner : folder, basename(beside), out);
    *out = SIREN_TAKE(beside);
    return SIREN_OK;
}

/* The path without links and dots in its folder: two paths of one file are equal then, be it there or not. */
static siren_status canonical(const char *path, char **out) {
    SIREN_FREE_AT_END char *folder = strdup(path), *name = strdup(path), *real = NULL;
    if (!folder || !name) return siren_fail(SIREN_SYSTEM, "out of memory: the name of an output");
    SIREN_TRY(siren_file_canonical(dirname(folder), &real));
    return join(real, basename(name), out);
}

typedef struct {
    char *path;
    size_t nth;
} named;

static int compare_names(const void *a, const void *b) {
    return strcmp(((const named *)a)->path, ((const named *)b)->path);
}

typedef struct {
    named *of; /* (n) */
    size_t n;
} named_list;

static void free_names(named_list *list) {
    for (size_t i = 0; list->of && i < list->n; i++) free(list->of[i].path);
    free(list->of);
}

static siren_status refuse_doubles(const siren_file_pairs *pairs) {
    SIREN_AT_END(free_names) named_list list = {.n = pairs->n};
    SIREN_TRY(siren_allocate(&list.of, list.n, sizeof *list.of, "the names of outputs"));
    for (size_t i = 0; i < list.n; i++) {
        list.of[i].nth = i;
        SIREN_TRY(canonical(pairs->outputs[i], &list.of[i].path));
    }
    qsort(list.of, list.n, sizeof *list.of, compare_names);
    for (size_t i = 1; i < list.n; i++)
        if (strcmp(list.of[i - 1].path, list.of[i].path) == 0)
            return siren_fail(SIREN_USAGE, "%s and %s would both become %s; nothing was done",
                              pairs->inputs[list.of[i - 1].nth], pairs->inputs[list.of[i].nth],
                              pairs->outputs[list.of[i].nth]);
    return SIREN_OK;
}

static siren_status make_folder_of(const char *output) {
    SIREN_FREE_AT_END char *copy = strdup(output);
    if (!copy) return siren_fail(SIREN_SYSTEM, "out of memory: the folder of %s", output);
    return siren_folder_make(dirname(copy));
}

siren_status siren_file_pairs_derive(const char *const *inputs, const char *const *below, size_t n,
                                     const char *folder, const char *suffix, const char *advice,
                                     siren_file_pairs *out) {
    SIREN_AT_END(siren_file_pairs_free) siren_file_pairs pairs = {inputs, NULL, n};
    SIREN_FREE_AT_END char *plain = NULL;
    struct stat facts;
    for (size_t i = 0; (n > 1 || folder) && i < n; i++)
        if (lstat(inputs[i], &facts) != 0 && (errno == ENOENT || errno == ENOTDIR))
            return siren_fail(SIREN_USAGE, "%s: is not there, and nothing was done; %s", inputs[i], advice);
    if (folder) SIREN_TRY(siren_sibling_path(folder, "", &plain));
    if (folder && stat(folder, &facts) != 0 && strcmp(plain, folder) != 0)
        return siren_fail(SIREN_USAGE, "%s: is a file's name, but --output wants a folder's; %s", folder,
                          advice);
    SIREN_TRY(siren_allocate(&pairs.outputs, n, sizeof *pairs.outputs, "the names of outputs"));
    for (size_t i = 0; i < n; i++)
        SIREN_TRY(derive(inputs[i], folder, below ? below[i] : "", suffix, &pairs.outputs[i]));
    SIREN_TRY(refuse_doubles(&pairs));
    for (size_t i = 0; folder && i < n; i++) SIREN_TRY(make_folder_of(pairs.outputs[i]));
    *out = SIREN_TAKE(pairs);
    return SIREN_OK;
}

siren_status siren_file_pairs_given(const char *const *names, siren_file_pairs *out) {
    SIREN_AT_END(siren_file_pairs_free) siren_file_pairs pairs = {names, NULL, 1};
    struct stat facts;
    if (stat(names[1], &facts) == 0 && S_ISDIR(facts.st_mode))
        return siren_fail(SIREN_USAGE, "%s: is a folder; give --output %s for a file in it", names[1],
                          names[1]);
    SIREN_TRY(siren_allocate(&pairs.outputs, 1, sizeof *pairs.outputs, "the name of the output"));
    pairs.outputs[0] = strdup(names[1]);
    if (!pairs.outputs[0]) return siren_fail(SIREN_SYSTEM, "out of memory: the name of the output");
    *out = SIREN_TAKE(pairs);
    return SIREN_OK;
}

siren_status siren_file_streams(const char *const *names, bool may_write, const char *folder, bool *input,
                                bool *output) {
    const size_t n = siren_tool_count_files(names);
    size_t n_streams = 0;
    for (size_t i = 0; i < n; i++) n_streams += siren_stream_named(names[i]);
    *input = *output = false;
    if (n_streams == 0) return SIREN_OK;
    if (n > (may_write ? 2 : 1) || folder)
        return siren_fail(SIREN_USAGE,
                          "'-' is standard input%s, and stands %s; give other files by themselves",
                          may_write ? " or output" : "", may_write ? "alone or with one name" : "alone");
    *input = siren_stream_named(names[0]);
    *output = may_write && siren_stream_named(names[n - 1]);
    return SIREN_OK;
}

/* ---- one after the other ---- */

static double size_of(const char *file) {
    struct stat facts;
    return stat(file, &facts) == 0 && facts.st_size > 0 ? (double)facts.st_size : 1;
}

siren_status siren_tool_each_file(const char *const *files, size_t n, siren_json *json, siren_file_fn one,
                                  void *user) {
    siren_status first = SIREN_OK;
    double all = 0, before = 0;
    size_t n_failed = 0;
    if (n == 1) return one(user, 0);
    for (size_t i = 0; i < n; i++) all += size_of(files[i]);
    for (size_t i = 0; i < n; i++) {
        const double size = size_of(files[i]), begin = before / all;
        before += size;
        siren_terminal_begin_item(i + 1, n, begin < 1 ? begin : 1, before < all ? before / all : 1);
        siren_status status = one(user, i);
        if (status == SIREN_CANCELLED)
            return siren_fail(
                SIREN_CANCELLED,
                "interrupted at %s, of which nothing was written; %zu of %zu file%s were done before",
                files[i], i - n_failed, n, siren_plural(n));
        if (status == SIREN_OK) continue;
        if (n_failed++ == 0) first = status;
        siren_terminal_tell_failure();
        if (!json) continue;
        siren_json_begin_object(json, NULL);
        siren_json_string(json, "file", files[i]);
        siren_json_string(json, "error", siren_message());
        siren_json_integer(json, "exit_code", (uint64_t)siren_exit_code(status));
        siren_json_end(json);
    }
    if (n_failed == 0) return SIREN_OK;
    return siren_fail(n_failed < n ? SIREN_PARTIAL : first, "%zu of %zu file%s failed", n_failed, n,
                      siren_plural(n));
}

siren_status siren_tool_json_of_files(size_t n, siren_json **out) {
    return n == 1 ? siren_json_create(out) : siren_json_create_array(out);
}

void siren_tool_json_begin_file(siren_json *json, size_t n) {
    if (n > 1) siren_json_begin_object(json, NULL);
}

void siren_tool_json_end_file(siren_json *json, size_t n) {
    if (n > 1) siren_json_end(json);
}
