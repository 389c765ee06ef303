/* Reading: formats/config_scan checks the text, cJSON makes the tree, and the rest goes through it. */
#include "formats/config.h"

#include <cjson/cJSON.h>

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/config_scan.h"
#include "formats/number.h"
#include "host/file.h"
#include "host/names.h"

struct siren_config {
    char *name;
    cJSON *root;
};

/* ---- the file ---- */

static int compare_keys(const void *a, const void *b) {
    return strcmp((*(const cJSON *const *)a)->string, (*(const cJSON *const *)b)->string);
}

/* One object's members, sorted in `members` (room for all). */
static siren_status check_object(const siren_config *config, const cJSON *object, const cJSON **members) {
    size_t n = 0;
    for (const cJSON *child = object->child; child; child = child->next) members[n++] = child;
    qsort(members, n, sizeof *members, compare_keys);
    for (size_t i = 1; i < n; i++)
        if (strcmp(members[i - 1]->string, members[i]->string) == 0) {
            siren_value_fail((siren_value){config, members[i]}, "is given twice: leave one out");
            return SIREN_CORRUPT;
        }
    return SIREN_OK;
}

static siren_status check_duplicates(const siren_config *config, const cJSON *item) {
    SIREN_FREE_AT_END const cJSON **members = NULL;
    if (cJSON_IsObject(item) && item->child) {
        SIREN_TRY(siren_allocate(&members, (size_t)cJSON_GetArraySize(item), sizeof *members,
                                 "the keys of an object"));
        SIREN_TRY(check_object(config, item, members));
    }
    for (const cJSON *child = item->child; child; child = child->next)
        SIREN_TRY(check_duplicates(config, child));
    return SIREN_OK;
}

siren_status siren_config_parse(const char *name, const void *bytes, size_t n_bytes, siren_config **out) {
    SIREN_AT_END(siren_config_free_at) siren_config *config = NULL;
    SIREN_FREE_AT_END char *text = NULL;
    const char *end = NULL;
    if (n_bytes > SIREN_CONFIG_MAX_BYTES)
        return siren_fail(SIREN_UNSUPPORTED, "%s: has %zu bytes, more than the limit of %zu", name, n_bytes,
                          SIREN_CONFIG_MAX_BYTES);
    SIREN_TRY(siren_allocate(&text, n_bytes + 1, 1, "the text of a configuration"));
    memcpy(text, bytes, n_bytes);
    SIREN_TRY(siren_config_scan(name, text, n_bytes));
    SIREN_TRY(siren_allocate(&config, 1, sizeof *config, "a configuration"));
    SIREN_TRY(siren_allocate(&config->name, strlen(name) + 1, 1, "the name of a configuration"));
    strcpy(config->name, name);
    config->root = cJSON_ParseWithLengthOpts(text, n_bytes + 1, &end, true);
    /* All but escapes has been checked, and cJSON stops at a wrong one. */
    if (!config->root && *end != '\\')
        return siren_fail(SIREN_SYSTEM, "out of memory: cannot keep what %s says", name);
    if (!config->root)
        SIREN_TRY(
            siren_config_fail_at(name, text, (size_t)(end - text), "an escape that JSON does not have"));
    SIREN_TRY(check_duplicates(config, config->root));
    *out = SIREN_TAKE(config);
    return SIREN_OK;
}

siren_status siren_config_read(const char *path, siren_config **out) {
    SIREN_FREE_AT_END uint8_t *bytes = NULL;
    size_t n_bytes;
    SIREN_TRY(siren_file_read(path, SIREN_CONFIG_MAX_BYTES, &bytes, &n_bytes));
    return siren_config_parse(path, bytes, n_bytes, out);
}

void siren_config_free(siren_config *config) {
    if (!config) return;
    cJSON_Delete(config->root);
    free(config->name);
    free(config);
}

/* ---- going through ---- */

static const cJSON *item_of(siren_value value) { return value.item; }
static siren_value value_of(siren_value beside, const cJSON *item) {
    return (siren_value){beside.config, item};
}

siren_value siren_config_root(const siren_config *config) { return (siren_value){config, config->root}; }
bool siren_value_is_object(siren_value value) { return cJSON_IsObject(item_of(value)); }
bool siren_value_is_array(siren_value value) { return cJSON_IsArray(item_of(value)); }
bool siren_value_is_string(siren_value value) { return cJSON_IsString(item_of(value)); }
bool siren_value_is_null(siren_value value) { return cJSON_IsNull(item_of(value)); }

siren_value siren_value_member(siren_value object, const char *key) {
    return value_of(object, siren_value_is_object(object) ? cJSON_GetObjectItemCaseSensitive(object.item, key)
                                                          : NULL);
}

siren_value siren_value_first(siren_value container) {
    return value_of(container, container.item ? item_of(container)->child : NULL);
}

siren_value siren_value_next(siren_value value) {
    return value_of(value, value.item ? item_of(value)->next : NULL);
}

const char *siren_value_key(siren_value value) { return value.item ? item_of(value)->string : NULL; }

siren_value siren_value_list(siren_value value) {
    return siren_value_is_array(value) ? siren_value_first(value) : value;
}

size_t siren_value_count(siren_value container) {
    size_t n = 0;
    for (siren_value v = siren_value_first(container); siren_value_exists(v); v = siren_value_next(v)) n++;
    return n;
}

bool siren_value_equal(siren_value a, siren_value b) {
    if (!a.item || !b.item) return a.item == b.item;
    return cJSON_Compare(item_of(a), item_of(b), true);
}

/* ---- errors ---- */

/* Copies at most `size` - 1 bytes of `text`, whole characters only and none that could steer a terminal. */
static void copy_printable(const char *text, size_t length, char *out, size_t size) {
    size_t to = 0;
    for (const unsigned char *from = (const unsigned char *)text, *end = from + length; from < end;) {
        size_t n = siren_utf8_length(from);
        bool control =
            n == 0 || *from < 0x20 || *from == 0x7f || (n == 2 && from[0] == 0xc2 && from[1] < 0xa0);
        if (to + (n ? n : 1) + 4 > size) {
            to += (size_t)snprintf(out + to, size - to, "...");
            break;
        }
        if (control)
            out[to++] = '?';
        else
            memcpy(out + to, from, n), to += n;
        from += n ? n : 1;
    }
    out[to] = '\0';
}

/* A message's text; what does not fit is left out. */
typedef struct {
    char text[384];
    size_t length;
} line;

static void append(line *l, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void append(line *l, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(l->text + l->length, sizeof l->text - l->length, format, arguments);
    va_end(arguments);
    if (n > 0) l->length += (size_t)n;
    if (l->length >= sizeof l->text) l->length = sizeof l->text - 1;
}

/* Appends the path from `from` to `to`; false where `to` is not below. cJSON's items do not know their parents. */
static bool append_path(const cJSON *from, const cJSON *to, line *l) {
    size_t length = l->length, index = 0;
    if (from == to) return true;
    for (const cJSON *child = from->child; child; child = child->next, index++) {
        if (cJSON_IsArray(from)) {
            append(l, "[%zu]", index);
        } else {
            char key[40];
            copy_printable(child->string, strlen(child->string), key, sizeof key);
            append(l, "%s%s", length ? "." : "", key);
        }
        if (append_path(child, to, l)) return true;
        l->length = length;
        l->text[length] = '\0';
    }
    return false;
}

static void append_text(const cJSON *item, line *l) {
    char text[64] = "";
    if (cJSON_IsArray(item)) {
        append(l, "a list of %d value%s", cJSON_GetArraySize(item), siren_plural(cJSON_GetArraySize(item)));
    } else if (cJSON_IsObject(item)) {
        append(l, "an object");
    } else if (cJSON_IsNumber(item)) {
        append(l, "%s", siren_number_format(item->valuedouble, text));
    } else {
        char *printed = cJSON_PrintUnformatted(item);
        if (printed) copy_printable(printed, strlen(printed), text, sizeof text);
        append(l, "%s", text);
        cJSON_free(printed);
    }
}

static siren_status fail_value(siren_value value, bool with_text, const char *format, va_list arguments) {
    line path = {.length = 0}, problem = {.length = 0};
    append_path(value.config->root, value.item, &path);
    if (path.length == 0) append(&path, "the document");
    if (with_text) {
        append(&problem, "is ");
        append_text(value.item, &problem);
        append(&problem, ": ");
    }
    vsnprintf(problem.text + problem.length, sizeof problem.text - problem.length, format, arguments);
    return siren_fail(SIREN_USAGE, "%s: %s %s", value.config->name, path.text, problem.text);
}

siren_status siren_value_refuse(siren_value value, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    siren_status status = fail_value(value, true, format, arguments);
    va_end(arguments);
    return status;
}

siren_status siren_value_fail(siren_value value, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    siren_status status = fail_value(value, false, format, arguments);
    va_end(arguments);
    return status;
}

/* ---- typed values ---- */

/* "a, b or c". */
static void append_names(line *l, const char *const *names, size_t n) {
    for (size_t i = 0; i < n; i++) append(l, "%s%s", i == 0 ? "" : i + 1 == n ? " or " : ", ", names[i]);
}

siren_status siren_value_keys(siren_value value, const char *const *keys, size_t n) {
    if (!siren_value_is_object(value)) {
        line known = {.length = 0};
        append_names(&known, keys, n);
        return siren_value_refuse(value, "give an object with %s", known.text);
    }
    for (siren_value v = siren_value_first(value); siren_value_exists(v); v = siren_value_next(v)) {
        const char *key = item_of(v)->string;
        size_t i = 0;
        while (i < n && strcmp(key, keys[i]) != 0) i++;
        if (i < n) continue;
        line known = {.length = 0};
        const char *nearest = siren_nearest_name(key, keys, n);
        if (nearest) append(&known, "did you mean %s? ", nearest);
        append(&known, "Known here: ");
        append_names(&known, keys, n);
        return siren_value_fail(v, "is no known key: %s", known.text);
    }
    return SIREN_OK;
}

siren_status siren_value_integer(siren_value value, uint64_t minimum, uint64_t maximum, uint64_t *out) {
    const cJSON *item = item_of(value);
    if (!item) return SIREN_OK;
    double number = item->valuedouble, most = fmin((double)maximum, SIREN_CONFIG_MAX_INTEGER);
    if (!cJSON_IsNumber(item) || floor(number) != number || !(number >= (double)minimum && number <= most))
        return siren_value_refuse(value, "give a whole number from %.0f to %.0f", (double)minimum, most);
    *out = (uint64_t)number;
    return SIREN_OK;
}

siren_status siren_value_number(siren_value value, double minimum, double maximum, double *out) {
    const cJSON *item = item_of(value);
    if (!item) return SIREN_OK;
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= minimum && item->valuedouble <= maximum))
        return siren_value_refuse(value, "give a number from %g to %g", minimum, maximum);
    *out = item->valuedouble;
    return SIREN_OK;
}

siren_status siren_value_bool(siren_value value, bool *out) {
    if (!value.item) return SIREN_OK;
    if (!cJSON_IsBool(item_of(value))) return siren_value_refuse(value, "give true or false");
    *out = cJSON_IsTrue(item_of(value));
    return SIREN_OK;
}

siren_status siren_value_string(siren_value value, const char **out) {
    const cJSON *item = item_of(value);
    if (!item) return SIREN_OK;
    if (!cJSON_IsString(item) || !*item->valuestring)
        return siren_value_refuse(value, "give a text in double quotes, not an empty one");
    *out = item->valuestring;
    return SIREN_OK;
}

siren_status siren_value_choice(siren_value value, const char *const *names, size_t n, size_t *out) {
    const cJSON *item = item_of(value);
    line known = {.length = 0};
    if (!item) return SIREN_OK;
    for (size_t i = 0; cJSON_IsString(item) && i < n; i++)
        if (strcmp(item->valuestring, names[i]) == 0) {
            *out = i;
            return SIREN_OK;
        }
    append_names(&known, names, n);
    return siren_value_refuse(value, "give %s", known.text);
}
