/* libFuzzer: any bytes as settings, a line KEY=VALUE each. A value that is taken is told as text that is taken
 * again, for the same; one that is refused leaves the setting as it was. */
#include "host/sirencl.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Yours; NULL where there is no such key. */
static char *value_of(siren_options *options, const char *key) {
    const char *value = NULL;
    return siren_options_get(options, key, &value) == SIREN_OK ? strdup(value) : NULL;
}

static void try_setting(siren_options *options, const char *key, const char *value) {
    char *before = value_of(options, key);
    const siren_status status = siren_options_set(options, key, value);
    char *after = value_of(options, key);
    if (status == SIREN_OK) {
        siren_options *others = NULL;
        if (!after || siren_options_create(&others) != SIREN_OK) abort();
        if (*after && siren_options_set(others, key, after) != SIREN_OK) abort();
        char *again = value_of(others, key);
        if (*after && strcmp(again, after) != 0) abort();
        free(again);
        siren_options_free(others);
    } else if (status != SIREN_USAGE || !*siren_message() || !before != !after ||
               (before && strcmp(before, after) != 0))
        abort();
    free(before), free(after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    siren_options *options = NULL;
    char *text = malloc(size + 1), *rest = NULL;
    if (!text || siren_options_create(&options) != SIREN_OK) abort();
    if (size > 0) memcpy(text, data, size);
    text[size] = 0;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char *value = strchr(line, '=');
        if (!value) continue;
        *value = 0;
        try_setting(options, line, value + 1);
    }
    free(text);
    siren_options_free(options);
    return 0;
}
