#include "engine/archive/sections.h"

#include "engine/kernels/configured.h"
#include "formats/diffusion_table.h"
#include "host/file.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ATTACHMENT_LIMIT ((size_t)64 << 20) /* bytes of one attached file */

/* Gradient tables of another length than the series are attached all the same: they are the user's. */
static void warn_about_gradients(const siren_series *series, const char *path, const char *suffix,
                                 const uint8_t *bytes, size_t n_bytes) {
    siren_gradients gradients;
    bool bval = strcmp(suffix, ".bval") == 0;
    siren_status status = bval ? siren_gradients_parse(path, bytes, n_bytes, NULL, NULL, 0, &gradients)
                               : siren_gradients_parse(NULL, NULL, 0, path, bytes, n_bytes, &gradients);
    if (status != SIREN_OK) {
        siren_log(SIREN_LOG_WARNING, "%s; it is attached as it is", siren_message());
        return;
    }
    if (gradients.n_volumes != series->geometry.n_volumes)
        siren_log(SIREN_LOG_WARNING,
                  "%s: has %zu entries for a series of %zu volumes; it is attached as it is", path,
                  gradients.n_volumes, series->geometry.n_volumes);
    siren_gradients_free(&gradients);
}

/* The section: length of the suffix, suffix, file. `path` NULL: the file beside the image, if there is one. */
static siren_status attach(siren_archive_writer *writer, const siren_series *series, const char *image,
                           const char *path, const char *suffix) {
    SIREN_FREE_AT_END char *sibling = NULL;
    SIREN_FREE_AT_END uint8_t *file = NULL, *section = NULL;
    size_t n_bytes = 0, n_suffix = strlen(suffix);
    if (!path && !image) return SIREN_OK;
    if (!path) {
        SIREN_RETURN_IF_FAILED(siren_sibling_path(image, suffix, &sibling));
        if (access(sibling, F_OK) != 0) return SIREN_OK;
        path = sibling;
    }
    SIREN_RETURN_IF_FAILED(siren_file_read(path, ATTACHMENT_LIMIT, &file, &n_bytes));
    if (strcmp(suffix, ".json") != 0) warn_about_gradients(series, path, suffix, file, n_bytes);
    SIREN_RETURN_IF_FAILED(siren_allocate(&section, 4 + n_suffix + n_bytes, 1, path));
    section[0] = (uint8_t)n_suffix;
    memcpy(section + 4, suffix, n_suffix);
    memcpy(section + 4 + n_suffix, file, n_bytes);
    return siren_archive_writer_section(writer, SIREN_SECTION_ATTACHMENT, section, 4 + n_suffix + n_bytes,
                                        true);
}

/* A device's text as the value of a provenance line. */
static void append_line(char *text, size_t size, const char *key, const char *value) {
    size_t used = strlen(text);
    int n = snprintf(text + used, size - used, "%s=%s\n", key, value);
    for (char *c = text + used; n > 0 && c < text + size && *c; c++)
        if ((unsigned char)*c < ' ' && !(*c == '\n' && !c[1])) *c = ' ';
}

static siren_status write_provenance(siren_archive_writer *writer, const siren_network *network,
                                     const siren_provenance *p) {
    const siren_device_facts *facts = siren_device_get_facts(p->device);
    char text[2048] = "", number[64], configuration[SIREN_CONFIGURATION_CHARS], kernels[SIREN_KERNELS_CHARS];
    char *products = strchr(siren_kernels_text(p->device, network, kernels), ',');
    if (products) *products = 0;
    append_line(text, sizeof text, "device", facts->name);
    append_line(text, sizeof text, "driver", facts->driver);
    snprintf(number, sizeof number, "%zu", p->epochs);
    append_line(text, sizeof text, "epochs", number);
    append_line(text, sizeof text, "family", kernels);
    append_line(text, sizeof text, "model", p->model);
    append_line(text, sizeof text, "platform", facts->platform_version);
    snprintf(number, sizeof number, "%zu", p->points_per_epoch);
    if (p->points_per_epoch) append_line(text, sizeof text, "points_per_epoch", number);
    if (products) append_line(text, sizeof text, "products", products + 2);
    snprintf(number, sizeof number, "%.9g", (double)p->rate);
    append_line(text, sizeof text, "rate", number);
    snprintf(number, sizeof number, "%llu", (unsigned long long)p->seed);
    append_line(text, sizeof text, "seed", number);
    append_line(text, sizeof text, "sirencl", siren_version());
    siren_configuration used = siren_configuration_of(p->device, network),
                        usual = siren_configuration_default(p->device);
    used.clblast = 0; /* told above */
    if (!siren_configuration_equal(&used, &usual))
        append_line(text, sizeof text, "tuned", siren_configuration_text(&used, configuration));
    return siren_archive_writer_section(writer, SIREN_SECTION_PROVENANCE, text, strlen(text), true);
}

siren_status siren_sections_write(siren_archive_writer *writer, const siren_series *series,
                                  const siren_layout *layout, const siren_attachments *files,
                                  const siren_provenance *provenance) {
    SIREN_RETURN_IF_FAILED(siren_archive_writer_section(writer, SIREN_SECTION_HEADER, series->header,
                                                        (size_t)series->geometry.voxel_offset, true));
    SIREN_RETURN_IF_FAILED(siren_layout_write(writer, layout));
    SIREN_RETURN_IF_FAILED(attach(writer, series, files->image, files->bval, ".bval"));
    SIREN_RETURN_IF_FAILED(attach(writer, series, files->image, files->bvec, ".bvec"));
    SIREN_RETURN_IF_FAILED(attach(writer, series, files->image, files->sidecar, ".json"));
    return write_provenance(writer, &layout->network, provenance);
}
