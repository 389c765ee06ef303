#include "formats/config.h"

#include <cjson/cJSON.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/number.h"

#define MAX_DEPTH 16

struct siren_json {
    cJSON *open[MAX_DEPTH]; /* the root, and what was begun and not ended */
    size_t depth, skipped;  /* levels open; levels beyond MAX_DEPTH */
    const char *failure;    /* why the text cannot be had; NULL: nothing failed */
};

/* Takes `root` over; NULL is a failed allocation. */
static siren_status create(cJSON *root, siren_json **out) {
    SIREN_AT_END(siren_json_free_at) siren_json *json = NULL;
    siren_status status = siren_allocate(&json, 1, sizeof *json, "a JSON document");
    if (status != SIREN_OK) {
        cJSON_Delete(root);
        return status;
    }
    json->open[0] = root;
    json->depth = 1;
    if (!json->open[0]) return siren_fail(SIREN_SYSTEM, "out of memory: cannot allocate a JSON document");
    *out = SIREN_TAKE(json);
    return SIREN_OK;
}

siren_status siren_json_create(siren_json **out) { return create(cJSON_CreateObject(), out); }

siren_status siren_json_create_array(siren_json **out) { return create(cJSON_CreateArray(), out); }

void siren_json_free(siren_json *json) {
    if (!json) return;
    cJSON_Delete(json->open[0]);
    free(json);
}

/* Takes `item` over; NULL is a failed allocation. */
static bool add(siren_json *json, const char *key, cJSON *item) {
    cJSON *parent = json->open[json->depth - 1];
    bool added = item && !json->skipped &&
                 (key ? cJSON_AddItemToObject(parent, key, item) : cJSON_AddItemToArray(parent, item));
    if (!added) {
        cJSON_Delete(item);
        if (!json->failure) json->failure = json->skipped ? "nested too deep" : "out of memory";
    }
    return added;
}

static void begin(siren_json *json, const char *key, cJSON *item) {
    if (json->depth == MAX_DEPTH || json->skipped) {
        json->skipped++;
        add(json, key, item);
    } else if (add(json, key, item)) {
        json->open[json->depth++] = item;
    } else {
        json->skipped++;
    }
}

void siren_json_number(siren_json *json, const char *key, double value) {
    char text[SIREN_NUMBER_BYTES];
    /* cJSON's own takes 15 digits for equal where they are nearly so. */
    add(json, key, isfinite(value) ? cJSON_CreateRaw(siren_number_format(value, text)) : cJSON_CreateNull());
}

void siren_json_float(siren_json *json, const char *key, float value) {
    char text[SIREN_NUMBER_BYTES];
    add(json, key,
        isfinite(value) ? cJSON_CreateRaw(siren_number_format_float(value, text)) : cJSON_CreateNull());
}

void siren_json_integer(siren_json *json, const char *key, uint64_t value) {
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, value);
    add(json, key, cJSON_CreateRaw(text));
}

void siren_json_bool(siren_json *json, const char *key, bool value) {
    add(json, key, cJSON_CreateBool(value));
}

size_t siren_utf8_length(const unsigned char *s) {
    size_t n = s[0] < 0x80                   ? 1
               : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
               : (s[0] & 0xf0) == 0xe0       ? 3
               : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
                                             : 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
        (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return n;
}

void siren_json_string(siren_json *json, const char *key, const char *text) {
    if (!text) {
        add(json, key, cJSON_CreateNull());
        return;
    }
    char *clean = malloc(3 * strlen(text) + 1), *to = clean;
    if (!clean) {
        add(json, key, NULL);
        return;
    }
    for (const unsigned char *from = (const unsigned char *)text; *from;) {
        size_t n = siren_utf8_length(from);
        memcpy(to, n ? (const char *)from : "\xef\xbf\xbd", n ? n : 3);
        to += n ? n : 3;
        from += n ? n : 1;
    }
    *to = '\0';
    add(json, key, cJSON_CreateString(clean));
    free(clean);
}

void siren_json_begin_object(siren_json *json, const char *key) { begin(json, key, cJSON_CreateObject()); }
void siren_json_begin_array(siren_json *json, const char *key) { begin(json, key, cJSON_CreateArray()); }

void siren_json_end(siren_json *json) {
    if (json->skipped)
        json->skipped--;
    else if (json->depth > 1)
        json->depth--;
}

void siren_json_integers(siren_json *json, const char *key, const size_t *values, size_t n) {
    siren_json_begin_array(json, key);
    for (size_t i = 0; i < n; i++) siren_json_integer(json, NULL, values[i]);
    siren_json_end(json);
}

siren_status siren_json_text(const siren_json *json, char **text) {
    if (json->failure) return siren_fail(SIREN_SYSTEM, "cannot build a JSON document: %s", json->failure);
    char *printed = cJSON_Print(json->open[0]);
    size_t length = printed ? strlen(printed) : 0;
    char *copy = printed ? malloc(length + 2) : NULL;
    if (copy) {
        memcpy(copy, printed, length);
        memcpy(copy + length, "\n", 2);
    }
    cJSON_free(printed);
    if (!copy) return siren_fail(SIREN_SYSTEM, "out of memory: cannot allocate the text of a JSON document");
    *text = copy;
    return SIREN_OK;
}
