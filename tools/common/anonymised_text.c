#include "tools/tools.h"

#include <stdio.h>
#include <string.h>

static void add(char *out, size_t size, const char *before, const char *text) {
    const size_t n = strlen(out);
    if (n < size) snprintf(out + n, size - n, "%s%s%s", n ? "; " : "", before, text);
}

char *siren_tool_anonymised_text(const siren_anonymised *told, char out[SIREN_ANONYMISED_TEXT]) {
    char bytes[64];
    *out = '\0';
    if (*told->fields) add(out, SIREN_ANONYMISED_TEXT, "", told->fields);
    snprintf(bytes, sizeof bytes, "%zu bytes of extensions", told->n_extension_bytes);
    if (told->n_extension_bytes) add(out, SIREN_ANONYMISED_TEXT, "", bytes);
    snprintf(bytes, sizeof bytes, "%zu bytes after the voxels", told->n_tail);
    if (told->n_tail) add(out, SIREN_ANONYMISED_TEXT, "", bytes);
    if (*told->keys) add(out, SIREN_ANONYMISED_TEXT, "of the JSON ", told->keys);
    if (!*out) add(out, SIREN_ANONYMISED_TEXT, "", "nothing was there to take out");
    return out;
}

bool siren_tool_header_changed(const siren_anonymised *told) {
    return *told->fields || told->n_extension_bytes > 0;
}
