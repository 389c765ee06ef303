#define _GNU_SOURCE
#include "lab/run/run_parts.h"

#include "lab/run/run_folder.h"
#include "host/file.h"
#include "host/names.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TIMING_FILE "timing.csv"

siren_status siren_run_timing_path(const char *run, siren_part part, char **path) {
    if (part.of == 0) return siren_run_path(path, run, TIMING_FILE);
    return siren_run_path(path, run, SIREN_PARTS_FOLDER "/%zu-of-%zu.csv", part.number, part.of);
}

/* ---- gathering ---- */

/* The lines of a table, without that which a killed process has not ended. */
typedef struct {
    char *text;   /* with zeros for the ends of lines */
    char **lines; /* (n) */
    size_t n;
} table_lines;

static void lines_free(table_lines *t) {
    free(t->text);
    free(t->lines);
}

/* A file that is missing has no lines. */
static siren_status lines_read(const char *path, table_lines *out) {
    uint8_t *bytes = NULL;
    size_t n_bytes = 0, n = 0;
    if (!siren_file_exists(path)) return SIREN_OK;
    SIREN_TRY(siren_file_read(path, SIREN_TABLE_MOST_BYTES, &bytes, &n_bytes));
    out->text = (char *)bytes;
    for (size_t i = 0; i < n_bytes; i++) n += bytes[i] == '\n';
    SIREN_TRY(siren_allocate(&out->lines, n, sizeof *out->lines, "the lines of a table"));
    for (char *line = out->text, *end; out->n < n; line = end + 1) {
        end = memchr(line, '\n', n_bytes - (size_t)(line - out->text));
        *end = '\0';
        out->lines[out->n++] = line;
    }
    return SIREN_OK;
}

static int compare_lines(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The two tables are of one kind. */
static bool agree(const table_lines *a, const table_lines *b) {
    return a->n == 0 || b->n == 0 || strcmp(a->lines[0], b->lines[0]) == 0;
}

/* Writes what `part` has and `whole` lacks behind that. */
static siren_status add_lines(const char *path, const table_lines *whole, const table_lines *part) {
    SIREN_FREE_AT_END char *text = NULL;
    SIREN_FREE_AT_END char **sorted = NULL;
    size_t n_bytes = 0;
    SIREN_AT_END(siren_fclose_at) FILE *out = open_memstream(&text, &n_bytes);
    if (!out) return siren_fail(SIREN_SYSTEM, "out of memory: %s", path);
    SIREN_TRY(siren_allocate(&sorted, whole->n, sizeof *sorted, "the lines of a table"));
    if (whole->n > 0) memcpy(sorted, whole->lines, whole->n * sizeof *sorted);
    qsort(sorted, whole->n, sizeof *sorted, compare_lines);
    for (size_t i = 0; i < whole->n; i++) fprintf(out, "%s\n", whole->lines[i]);
    for (size_t i = 0; i < part->n; i++)
        if (!bsearch(&part->lines[i], sorted, whole->n, sizeof *sorted, compare_lines))
            fprintf(out, "%s\n", part->lines[i]);
    if (fflush(out) != 0) return siren_fail(SIREN_SYSTEM, "out of memory: %s", path);
    return siren_file_write(path, true, text, n_bytes);
}

/* One part's table; that of another kind, which an older program began, stays. */
static siren_status gather(const char *path, const char *of_part) {
    SIREN_AT_END(lines_free) table_lines whole = {.text = NULL}, part = {.text = NULL};
    SIREN_TRY(lines_read(path, &whole));
    SIREN_TRY(lines_read(of_part, &part));
    if (!agree(&whole, &part)) return SIREN_OK;
    SIREN_TRY(add_lines(path, &whole, &part));
    unlink(of_part);
    return SIREN_OK;
}

static int is_table(const struct dirent *entry) { return siren_has_suffix(entry->d_name, ".csv"); }

siren_status siren_run_parts_gather(const char *run) {
    SIREN_FREE_AT_END char *folder = NULL, *path = NULL;
    struct dirent **entries = NULL;
    siren_status status = SIREN_OK;
    SIREN_TRY(siren_run_path(&folder, run, SIREN_PARTS_FOLDER));
    SIREN_TRY(siren_run_path(&path, run, TIMING_FILE));
    int n = scandir(folder, &entries, is_table, versionsort);
    if (n < 0 && errno != ENOENT)
        return siren_fail(SIREN_SYSTEM, "%s: the folder cannot be read: %s", folder, strerror(errno));
    for (int i = 0; i < n; i++) {
        SIREN_FREE_AT_END char *of_part = NULL;
        if (status == SIREN_OK) status = siren_run_path(&of_part, folder, "%s", entries[i]->d_name);
        if (status == SIREN_OK) status = gather(path, of_part);
        free(entries[i]);
    }
    free(entries);
    return status;
}
