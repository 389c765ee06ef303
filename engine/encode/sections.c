#include "engine/encode/sections.h"

#include "engine/archive/sidecar.h"
#include "engine/kernels/configured.h"
#include "engine/settings.h"
#include "formats/diffusion_table.h"
#include "formats/number.h"
#include "formats/original.h"
#include "host/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* CORRUPT where a table cannot be read or is of another length than the series. */
static siren_status check_table(const siren_series *series, const char *path, const char *suffix,
                                const uint8_t *bytes, size_t n_bytes) {
    SIREN_AT_END(siren_diffusion_table_free) siren_diffusion_table gradients = {0};
    if (strcmp(suffix, ".bval") == 0)
        SIREN_TRY(siren_diffusion_table_parse(path, bytes, n_bytes, NULL, NULL, 0, &gradients));
    else
        SIREN_TRY(siren_diffusion_table_parse(NULL, NULL, 0, path, bytes, n_bytes, &gradients));
    if (gradients.n_volumes == series->geometry.n_volumes) return SIREN_OK;
    return siren_fail(SIREN_CORRUPT, "%s: has %zu entr%s for a series of %zu volume%s", path,
                      gradients.n_volumes, gradients.n_volumes == 1 ? "y" : "ies", series->geometry.n_volumes,
                      siren_plural(series->geometry.n_volumes));
}

/* The section: length of the suffix, suffix, file. */
static siren_status write_attachment(siren_archive_writer *writer, const char *name, const char *suffix,
                                     const uint8_t *bytes, size_t n_bytes) {
    SIREN_FREE_AT_END uint8_t *section = NULL;
    size_t n_suffix = strlen(suffix);
    SIREN_TRY(siren_allocate(&section, 4 + n_suffix + n_bytes, 1, name));
    section[0] = (uint8_t)n_suffix;
    memcpy(section + 4, suffix, n_suffix);
    memcpy(section + 4 + n_suffix, bytes, n_bytes);
    return siren_archive_writer_section(writer, SIREN_SECTION_ATTACHMENT, section, 4 + n_suffix + n_bytes,
                                        true);
}

static bool is_given(const siren_attachments *files, const char *suffix) {
    for (size_t i = 0; i < files->n_given; i++)
        if (strcmp(files->given[i].suffix, suffix) == 0) return true;
    return false;
}

/* Tables that do not fit are the user's and attached all the same, but not those of a whole folder: they are of another
 * image. */
static siren_status attach_bytes(siren_archive_writer *writer, const siren_series *series,
                                 const siren_attachments *files, const char *name, const char *suffix,
                                 const uint8_t *bytes, size_t n_bytes, bool shared) {
    bool fits = !siren_diffusion_table_suffix(suffix) || (files->silent && !shared) ||
                check_table(series, name, suffix, bytes, n_bytes) == SIREN_OK;
    if (!fits && !files->silent)
        siren_log(SIREN_LOG_WARNING, "%s; it is %s", siren_message(),
                  shared ? "not attached" : "attached as it is");
    return shared && !fits ? SIREN_OK : write_attachment(writer, name, suffix, bytes, n_bytes);
}

static siren_status anonymise(const siren_attachments *files, const char *path, uint8_t **file,
                              size_t *n_bytes) {
    siren_anonymised again = {.n_tail = 0}; /* of sections that only tell their size */
    uint8_t *without = NULL;
    SIREN_TRY(siren_anonymise_sidecar(path, *file, *n_bytes, files->silent ? &again : files->anonymise,
                                      &without, n_bytes));
    free(*file);
    *file = without;
    return SIREN_OK;
}

/* Of what is attached all the same. */
static void warn_of_content(const char *path, const char *suffix, const uint8_t *bytes, size_t n_bytes) {
    const char *fetch = siren_pointer_fetch(bytes, n_bytes);
    if (fetch)
        siren_log(SIREN_LOG_WARNING, "%s: is a text that stands for the file; get that first (%s)", path,
                  fetch);
    else if (strcmp(suffix, ".json") == 0 && !siren_sidecar_is_object(bytes, n_bytes))
        siren_log(SIREN_LOG_WARNING, "%s: is no JSON object; it is attached as it is", path);
}

/* `path` NULL: the file beside the image, if there is one. */
static siren_status attach(siren_archive_writer *writer, const siren_series *series,
                           const siren_attachments *files, const char *path, const char *suffix) {
    SIREN_FREE_AT_END char *sibling = NULL;
    SIREN_FREE_AT_END uint8_t *file = NULL;
    size_t n_bytes = 0;
    uint64_t n_present;
    bool shared = false;
    if (is_given(files, suffix) && path)
        return siren_fail(
            SIREN_USAGE, "%s: a file of that suffix is attached from memory already; give one of them", path);
    if (is_given(files, suffix) || (!path && !files->image)) return SIREN_OK;
    if (!path) {
        SIREN_AT_END(siren_close_at) int fd = -1;
        SIREN_TRY(siren_neighbour_find(files->image, suffix, &sibling, &shared));
        if (!sibling) return SIREN_OK;
        if (siren_file_open(sibling, &fd, &n_present) != SIREN_OK) {
            if (!files->silent) siren_log(SIREN_LOG_WARNING, "%s; it is not attached", siren_message());
            return SIREN_OK;
        }
        path = sibling;
    }
    SIREN_TRY(siren_file_read(path, SIREN_ATTACHMENT_LIMIT, &file, &n_bytes));
    if (files->anonymise && strcmp(suffix, ".json") == 0)
        SIREN_TRY(anonymise(files, path, &file, &n_bytes));
    else if (!files->silent)
        warn_of_content(path, suffix, file, n_bytes);
    return attach_bytes(writer, series, files, path, suffix, file, n_bytes, shared);
}

/* Puts the line of `key`, which is not in `text`, where the order of keys wants it; what steers a terminal becomes
 * blank. */
static void insert_line(char *text, size_t size, const char *key, const char *value) {
    char line[512], *at = text;
    int n = snprintf(line, sizeof line, "%s=%.*s\n", key, (int)sizeof line - 64, value);
    size_t used = strlen(text);
    while (*at && strncmp(at, line, strcspn(line, "=")) < 0) at += strcspn(at, "\n") + 1;
    if (n < 0 || used + (size_t)n >= size) return;
    for (int i = 0; i < n - 1; i++)
        if ((unsigned char)line[i] < ' ') line[i] = ' ';
    memmove(at + n, at, strlen(at) + 1);
    memcpy(at, line, (size_t)n);
}

static siren_status write_provenance(siren_archive_writer *writer, const siren_layout *layout,
                                     const siren_provenance *p) {
    char text[2048] = "", configuration[SIREN_CONFIGURATION_CHARS], kernels[SIREN_KERNELS_CHARS];
    if (!p->device) {
        char noise[64] = "";
        if (p->noise > 0) snprintf(noise, sizeof noise, "noise=errors of %.4f sigma\n", p->noise);
        snprintf(text, sizeof text, "model=%s\n%ssirencl=%s\n",
                 layout->coding == SIREN_CODING_PREDICTIVE ? "predictive" : "transform", noise,
                 siren_version());
        return siren_archive_writer_section(writer, SIREN_SECTION_PROVENANCE, text, strlen(text), true);
    }
    const siren_device_facts *facts = siren_device_get_facts(p->device);
    char *products = strchr(siren_kernels_text(p->device, &layout->network, kernels), ',');
    if (products) *products = 0;
    insert_line(text, sizeof text, "device", facts->name);
    insert_line(text, sizeof text, "driver", facts->driver);
    insert_line(text, sizeof text, "family", kernels);
    insert_line(text, sizeof text, "platform", facts->platform_version);
    if (products) insert_line(text, sizeof text, "products", products + 2);
    insert_line(text, sizeof text, "sirencl", siren_version());
    const siren_setting *s;
    for (size_t i = 0; (s = siren_setting_at(i)); i++) {
        char value[SIREN_SETTING_CHARS];
        double real;
        if (!s->provenance || siren_setting_is_untold(s, p->settings)) continue;
        siren_setting_format(s, p->settings, value);
        if (s->type == SIREN_SETTING_FLOAT && siren_number_parse(value, &real)) /* in the digits of 0.1.0 */
            siren_number_format_digits((double)(float)real, 9, value);
        insert_line(text, sizeof text, s->provenance, value);
    }
    siren_configuration used = siren_configuration_of(p->device, &layout->network),
                        usual = siren_configuration_default(p->device);
    used.clblast = 0; /* told above */
    if (!siren_configuration_equal(&used, &usual))
        insert_line(text, sizeof text, "tuned", siren_configuration_text(&used, configuration));
    return siren_archive_writer_section(writer, SIREN_SECTION_PROVENANCE, text, strlen(text), true);
}

static siren_status write_tail(siren_archive_writer *writer, const siren_series *series,
                               const siren_attachments *files) {
    const char *name = files->image ? files->image : "the image";
    if (series->n_tail == 0) return SIREN_OK;
    if (!files->silent)
        siren_log(SIREN_LOG_WARNING, "%s: %zu byte%s after the voxels %s", name, series->n_tail,
                  siren_plural(series->n_tail),
                  files->without_tail ? "left out" : "kept (--no-tail: left out)");
    return files->without_tail
               ? SIREN_OK
               : siren_archive_writer_section(writer, SIREN_SECTION_TAIL, series->tail, series->n_tail, true);
}

/* Where a table is missing: files that may be it. */
static siren_status warn_of_doubtful(const char *image) {
    char *paths[SIREN_MOST_DOUBTFUL];
    size_t n = 0;
    const siren_status status = siren_neighbours_doubtful(image, paths, &n);
    for (size_t i = 0; i < n; i++) {
        siren_log(SIREN_LOG_WARNING,
                  "%s: may be a gradient table of %s and is not attached; give --bval and --bvec if it is",
                  paths[i], image);
        free(paths[i]);
    }
    return status;
}

siren_status siren_sections_write(siren_archive_writer *writer, const siren_series *series,
                                  const siren_layout *layout, const siren_attachments *files,
                                  const siren_provenance *provenance) {
    SIREN_FREE_AT_END char *unread = NULL;
    SIREN_TRY(siren_archive_writer_section(writer, SIREN_SECTION_HEADER, series->header,
                                           (size_t)series->geometry.voxel_offset, true));
    SIREN_TRY(write_tail(writer, series, files));
    SIREN_TRY(siren_layout_write(writer, layout));
    const size_t before = siren_archive_writer_n_sections(writer);
    SIREN_TRY(attach(writer, series, files, files->bval, ".bval"));
    const size_t n = siren_archive_writer_n_sections(writer);
    SIREN_TRY(attach(writer, series, files, files->bvec, ".bvec"));
    const bool alone =
        n == before && siren_archive_writer_n_sections(writer) > n && !is_given(files, ".bval");
    if (alone && files->image) SIREN_TRY(siren_neighbour_find(files->image, ".bval", &unread, NULL));
    if (alone && !unread && !files->silent) /* one that cannot be read was spoken of */
        siren_log(
            SIREN_LOG_WARNING,
            "%s: has directions (.bvec) without b-values (.bval); directions alone describe no diffusion",
            files->image ? files->image : "the image in memory");
    if (files->image && !files->silent && !is_given(files, ".bval") && !is_given(files, ".bvec") &&
        siren_archive_writer_n_sections(writer) < before + 2)
        SIREN_TRY(warn_of_doubtful(files->image));
    SIREN_TRY(attach(writer, series, files, files->sidecar, ".json"));
    for (size_t i = 0; i < files->n_given; i++)
        SIREN_TRY(attach_bytes(writer, series, files, files->given[i].suffix, files->given[i].suffix,
                               files->given[i].bytes, files->given[i].n_bytes, false));
    return write_provenance(writer, layout, provenance);
}
