#define _GNU_SOURCE
#include "tools/figures/gnuplot_picture.h"

#include <string.h>
#include <unistd.h>

#include "lab/run/run_folder.h"
#include "formats/nifti.h"
#include "host/file.h"
#include "host/process.h"
#include "tools/figures/panels.h"

#define GNUPLOT_SECONDS 120
#define MOST_SVG_BYTES ((size_t)64 << 20)
#define MOST_SCRIPT_BYTES ((size_t)1 << 20)

siren_status siren_picture_check_gnuplot(void) {
    if (siren_process_find("gnuplot")) return SIREN_OK;
    return siren_fail(SIREN_SYSTEM,
                      "gnuplot, which draws the figure, is not on PATH; install it (the package "
                      "gnuplot-nox on Debian and Ubuntu)");
}

siren_status siren_picture_write(const siren_staging *staging, const char *name, const void *bytes,
                                 size_t n_bytes) {
    SIREN_FREE_AT_END char *path = NULL;
    SIREN_TRY(siren_staging_path(staging, name, &path));
    return siren_file_write(path, true, bytes, n_bytes);
}

siren_status siren_picture_write_text(const siren_staging *staging, const char *name,
                                      void (*write)(const void *user, FILE *out), const void *user) {
    SIREN_FREE_AT_END char *text = NULL;
    size_t n_bytes = 0;
    FILE *out = open_memstream(&text, &n_bytes);
    if (!out) return siren_fail(SIREN_SYSTEM, "out of memory: %s", name);
    write(user, out);
    bool failed = ferror(out);
    failed |= fclose(out) != 0;
    return failed ? siren_fail(SIREN_SYSTEM, "out of memory: %s", name)
                  : siren_picture_write(staging, name, text, n_bytes);
}

void siren_picture_quote(const char *text, FILE *out) {
    fputc('\'', out);
    for (; *text; text++) {
        if (*text == '\'') fputc('\'', out); /* a quote within quotes is written twice */
        fputc((unsigned char)*text < ' ' ? ' ' : *text, out);
    }
    fputc('\'', out);
}

siren_status siren_picture_slice(const char *path, siren_span asked, size_t *z) {
    siren_geometry geometry;
    if (asked.end > asked.begin + 1)
        return siren_fail(SIREN_USAGE, "--slice is %zu:%zu, but one slice is shown", asked.begin, asked.end);
    *z = asked.begin;
    if (asked.end > 0) return SIREN_OK;
    SIREN_TRY(siren_nifti_read_geometry(path, &geometry));
    *z = geometry.nz / 2;
    return SIREN_OK;
}

/* Where the name of a file begins in its path, and how long it is without slashes at the end and the suffix of an
 * image. */
static const char *plain_name(const char *path, size_t *length) {
    static const char *const suffixes[] = {".nii.gz", ".nii", ".siren"};
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/') end--;
    size_t begin = end;
    while (begin > 0 && path[begin - 1] != '/') begin--;
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        const size_t n = strlen(suffixes[i]);
        if (end - begin <= n || memcmp(path + end - n, suffixes[i], n) != 0) continue;
        end -= n;
        break;
    }
    *length = end - begin;
    return path + begin;
}

siren_status siren_picture_labels(const char *text, const char *const *paths, size_t n, char **kept,
                                  const char **labels) {
    size_t n_bytes = 0, n_parts = 1;
    for (const char *c = text ? text : ""; *c; c++) n_parts += *c == ',';
    if (text && n_parts != n)
        return siren_fail(SIREN_USAGE,
                          "--labels has %zu part%s between its commas, but there are %zu to label", n_parts,
                          siren_plural(n_parts), n);
    for (size_t i = 0; i < n; i++) n_bytes += strlen(paths[i]) + 1;
    char *to;
    SIREN_TRY(siren_allocate(&to, text ? strlen(text) + 1 : n_bytes, 1, "the labels"));
    *kept = to;
    for (size_t i = 0; i < n; i++) {
        size_t length = text ? strcspn(text, ",") : 0;
        const char *label = text ? text : plain_name(paths[i], &length);
        memcpy(to, label, length);
        labels[i] = to;
        to += length + 1; /* what was allocated is zeros */
        if (text) text += length + 1;
    }
    return SIREN_OK;
}

void siren_picture_write_wording(const siren_picture_wording *wording, size_t n, FILE *out) {
    for (size_t i = 0; i < n; i++) {
        fprintf(out, "label_%zu = ", i + 1);
        siren_picture_quote(wording->labels[i], out);
        fputc('\n', out);
        if (!wording->notes) continue;
        fprintf(out, "note_%zu = ", i + 1);
        siren_picture_quote(wording->notes[i], out);
        fputc('\n', out);
    }
}

siren_status siren_picture_place_script(const char *kept, const char *folder,
                                        const siren_embedded_file *scripts, size_t n, const char *name) {
    SIREN_FREE_AT_END char *from = NULL, *to = NULL;
    SIREN_FREE_AT_END uint8_t *bytes = NULL;
    size_t n_bytes = 0, length = strlen(name);
    const siren_embedded_file *script = scripts, *end = scripts + n;
    while (script < end &&
           (strncmp(script->name, name, length) != 0 || strcmp(script->name + length, ".gp") != 0))
        script++;
    if (script == end) return siren_fail(SIREN_USAGE, "there is no built-in script %s.gp", name);
    SIREN_TRY(siren_run_path(&from, kept ? kept : folder, "%s", script->name));
    SIREN_TRY(siren_run_path(&to, folder, "%s", script->name));
    if (!kept || access(from, F_OK) != 0) return siren_file_write(to, true, script->text, script->length);
    SIREN_TRY(siren_file_read(from, MOST_SCRIPT_BYTES, &bytes, &n_bytes));
    if (n_bytes != script->length || memcmp(bytes, script->text, n_bytes) != 0)
        siren_log(SIREN_LOG_WARNING,
                  "%s: is not the built-in script and is used as it is; delete it to have that", from);
    return kept != folder ? siren_file_write(to, true, bytes, n_bytes) : SIREN_OK;
}

siren_status siren_picture_run(const char *folder, const char *name, siren_progress_fn progress, void *user) {
    SIREN_AT_END(siren_process_result_free) siren_process_result result = {0};
    char file[64];
    snprintf(file, sizeof file, "%s.gp", name);
    const char *const arguments[] = {"gnuplot", "--default-settings", file, NULL};
    const siren_process_plan plan = {.arguments = arguments, .folder = folder, .time_limit = GNUPLOT_SECONDS};
    SIREN_TRY(siren_process_run(&plan, progress, user, &result));
    return siren_process_check(&plan, &result);
}

siren_status siren_picture_draw(const siren_staging *staging, const char *name,
                                const siren_picture_wording *wording, siren_progress_fn progress,
                                void *user) {
    const char *folder = siren_staging_folder(staging);
    SIREN_TRY(siren_picture_place_script(wording->scripts, folder, siren_panel_scripts, siren_n_panel_scripts,
                                         name));
    return siren_picture_run(folder, name, progress, user);
}

siren_status siren_picture_read_svg(const char *path, char **svg) {
    SIREN_FREE_AT_END uint8_t *bytes = NULL;
    size_t n_bytes = 0;
    SIREN_TRY(siren_file_read(path, MOST_SVG_BYTES, &bytes, &n_bytes));
    if (!memmem(bytes, n_bytes, "<svg", 4))
        return siren_fail(SIREN_CORRUPT, "%s: is no SVG file; let the script make one", path);
    if (memmem(bytes, n_bytes, "<script", 7))
        return siren_fail(SIREN_UNSUPPORTED, "%s: holds a script; draw it without 'mousing'", path);
    SIREN_TRY(siren_allocate(svg, n_bytes + 1, 1, path));
    memcpy(*svg, bytes, n_bytes);
    return SIREN_OK;
}
