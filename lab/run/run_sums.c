#define _GNU_SOURCE
#include "lab/run/run_sums.h"

#include "lab/run/run_folder.h"
#include "host/file.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_SUMS_BYTES ((size_t)64 << 20)
#define NAME_AT (SIREN_DIGEST_CHARS + 1) /* of a line: the digest, two blanks, the name */

/* A file, or a folder with all that is in it; and a file that the addition cannot lack. */
static const struct {
    const char *path, *last;
} additions[SIREN_N_ADDED] = {
    [SIREN_ADDED_EVALUATION] = {SIREN_EVALUATION_FILE, SIREN_EVALUATION_FILE},
    [SIREN_ADDED_PANEL] = {SIREN_PANEL_FOLDER "/", SIREN_PANEL_FOLDER "/" SIREN_PANEL_FILE},
    [SIREN_ADDED_GLYPHS] = {SIREN_GLYPHS_FOLDER "/", SIREN_GLYPHS_FOLDER "/" SIREN_GLYPHS_FILE},
};

/* ---- lines ---- */

/* "" where the line is too short to have one. */
static const char *name_in(const char *line) { return strlen(line) > NAME_AT ? line + NAME_AT : ""; }

/* The addition that the line belongs to; SIREN_N_ADDED: none. */
static siren_added addition_of(const char *line) {
    const char *name = name_in(line);
    siren_added added = 0;
    for (; added < SIREN_N_ADDED; added++) {
        const size_t n = strlen(additions[added].path);
        const bool folder = additions[added].path[n - 1] == '/';
        if (folder ? strncmp(name, additions[added].path, n) == 0 : strcmp(name, additions[added].path) == 0)
            break;
    }
    return added;
}

/* The lines as one text, the last one without its end; yours to free(). */
static siren_status read_lines(const char *folder, char **out) {
    SIREN_FREE_AT_END char *path = NULL;
    SIREN_FREE_AT_END uint8_t *bytes = NULL;
    size_t n_bytes = 0;
    SIREN_TRY(siren_run_path(&path, folder, "SHA256SUMS"));
    SIREN_TRY(siren_file_read(path, MAX_SUMS_BYTES, &bytes, &n_bytes));
    if (n_bytes == 0 || bytes[n_bytes - 1] != '\n' || memchr(bytes, 0, n_bytes))
        return siren_fail(SIREN_CORRUPT, "%s: is damaged", path);
    bytes[n_bytes - 1] = 0;
    *out = (char *)bytes;
    bytes = NULL;
    return SIREN_OK;
}

siren_status siren_run_sum_write(const char *folder, const char *name, FILE *sums) {
    SIREN_FREE_AT_END char *path = NULL;
    char hex[SIREN_DIGEST_CHARS];
    SIREN_TRY(siren_run_path(&path, folder, "%s", name));
    SIREN_TRY(siren_digest_file(path, hex));
    fprintf(sums, "%s  %s\n", hex, name);
    return SIREN_OK;
}

static siren_status check_line(const char *folder, const char *line) {
    SIREN_FREE_AT_END char *path = NULL;
    char hex[SIREN_DIGEST_CHARS];
    if (!*name_in(line) || strstr(line, ".."))
        return siren_fail(SIREN_CORRUPT, "%s/SHA256SUMS: has a line that is no checksum", folder);
    SIREN_TRY(siren_run_path(&path, folder, "%s", name_in(line)));
    SIREN_TRY(siren_digest_file(path, hex));
    if (strncmp(hex, line, SIREN_DIGEST_CHARS - 1) == 0) return SIREN_OK;
    return siren_fail(SIREN_CORRUPT, "%s: is not the file that was written", path);
}

siren_status siren_run_sums_check(const char *folder, const char *identity, size_t *n_files) {
    SIREN_FREE_AT_END char *path = NULL, *lines = NULL;
    bool config = false, result = false;
    *n_files = 0;
    SIREN_TRY(siren_run_path(&path, folder, "SHA256SUMS"));
    if (access(path, F_OK) != 0) return SIREN_PARTIAL;
    SIREN_TRY(read_lines(folder, &lines));
    for (char *next = lines, *line; (line = strsep(&next, "\n"));) {
        if (addition_of(line) != SIREN_N_ADDED) continue;
        SIREN_TRY(check_line(folder, line));
        if (strcmp(name_in(line), "config.json") == 0)
            config = strncmp(line, identity, SIREN_DIGEST_CHARS - 1) == 0;
        else if (strcmp(name_in(line), "result.json") == 0)
            result = true;
        else
            ++*n_files;
    }
    if (!config || !result) return siren_fail(SIREN_CORRUPT, "%s: lacks files", path);
    return SIREN_OK;
}

/* ---- additions ---- */

static bool is_there(const char *folder, const char *name) {
    SIREN_FREE_AT_END char *path = NULL;
    if (siren_run_path(&path, folder, "%s", name) != SIREN_OK) return false;
    return access(path, F_OK) == 0;
}

bool siren_run_has_added(const char *folder, siren_added added, bool *damaged) {
    SIREN_FREE_AT_END char *lines = NULL;
    bool last = false, whole = read_lines(folder, &lines) == SIREN_OK;
    *damaged = false;
    for (char *next = lines, *line; whole && (line = strsep(&next, "\n"));) {
        if (addition_of(line) != added) continue;
        last = last || strcmp(name_in(line), additions[added].last) == 0;
        whole = is_there(folder, name_in(line));
        *damaged = whole && check_line(folder, line) != SIREN_OK;
        whole = whole && !*damaged;
    }
    return whole && last;
}

/* The lines of other additions, and those of `files`. */
static siren_status write_added(const char *folder, char *lines, siren_added added, const char *const *files,
                                size_t n, FILE *out) {
    char *rest = NULL;
    size_t n_rest = 0;
    FILE *later = open_memstream(&rest, &n_rest);
    siren_status status = SIREN_OK;
    if (!later) return siren_fail(SIREN_SYSTEM, "out of memory: the checksums of %s", folder);
    for (char *next = lines, *line; (line = strsep(&next, "\n"));) {
        const siren_added of = addition_of(line);
        if (of != added) fprintf(of == SIREN_N_ADDED || of < added ? out : later, "%s\n", line);
    }
    for (size_t i = 0; i < n && status == SIREN_OK; i++) status = siren_run_sum_write(folder, files[i], out);
    if (fclose(later) != 0 && status == SIREN_OK)
        status = siren_fail(SIREN_SYSTEM, "out of memory: the checksums of %s", folder);
    if (status == SIREN_OK) fputs(rest, out);
    free(rest);
    return status;
}

siren_status siren_run_add(const char *folder, siren_added added, const char *const *files, size_t n) {
    SIREN_FREE_AT_END char *lines = NULL, *path = NULL, *text = NULL;
    size_t n_text = 0;
    SIREN_AT_END(siren_fclose_at) FILE *out = open_memstream(&text, &n_text);
    if (!out) return siren_fail(SIREN_SYSTEM, "out of memory: the checksums of %s", folder);
    SIREN_TRY(read_lines(folder, &lines));
    SIREN_TRY(siren_run_path(&path, folder, "SHA256SUMS"));
    SIREN_TRY(write_added(folder, lines, added, files, n, out));
    if (fflush(out) != 0) return siren_fail(SIREN_SYSTEM, "out of memory: cannot list %s", path);
    return siren_file_write(path, true, text, n_text);
}
