#define _GNU_SOURCE
#include "engine/archive/sidecar.h"

#include "engine/archive/describe.h"
#include "engine/calls.h"
#include "engine/predictive/stored_value.h"
#include "formats/number.h"

#include <stdio.h>
#include <string.h>

#define KEY "LossyImageCompression"

/* The value of a line "key=value", as it may stand in a JSON string. */
static void find_line(const char *lines, const char *key, char out[64]) {
    const size_t n = strlen(key);
    *out = 0;
    for (const char *line = lines; line && *line; line += strcspn(line, "\n"), line += *line == '\n')
        if (strncmp(line, key, n) == 0 && line[n] == '=')
            snprintf(out, 64, "%.*s", (int)strcspn(line + n + 1, "\n"), line + n + 1);
    for (char *c = out; *c; c++)
        if (*c == '"' || *c == '\\') *c = '?';
}

static bool is_lossy(const siren_layout *layout, const siren_archive_info *info) {
    /* Of floats too small an error beside their range is 0, unless a network's block is constant. */
    const bool tells = layout->coding == SIREN_CODING_NETWORK || !siren_is_float(info->datatype);
    const bool exact = layout->coding == SIREN_CODING_PREDICTIVE && layout->bound == 0;
    return info->masked || !(exact || (tells && info->psnr > 1e300));
}

siren_status siren_trace_of(siren_archive *archive, const siren_layout *layout, char out[SIREN_TRACE_CHARS]) {
    SIREN_AT_END(siren_archive_info_free) siren_archive_info info = {0};
    char model[64], version[64], ratio[SIREN_NUMBER_BYTES];
    SIREN_TRY(siren_archive_describe(archive, layout, &info));
    find_line(info.provenance, "model", model);
    find_line(info.provenance, "sirencl", version);
    siren_number_format_digits(info.ratio, 4, ratio);
    *out = 0;
    if (is_lossy(layout, &info))
        snprintf(out, SIREN_TRACE_CHARS,
                 "\n  \"" KEY "\": \"01\",\n  \"" KEY "Ratio\": %s,\n  \"" KEY
                 "Method\": \"sirencl %s, %s\"\n",
                 ratio, version, model);
    return SIREN_OK;
}

static bool is_blank(uint8_t c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/* Where the object stands; false: there is none. A byte-order mark of UTF-8 and blanks do not matter. */
static bool find_object(const uint8_t *bytes, size_t n_bytes, size_t *begin, size_t *end) {
    *begin = n_bytes >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    *end = n_bytes;
    while (*begin < *end && is_blank(bytes[*begin])) ++*begin;
    while (*end > *begin && is_blank(bytes[*end - 1])) --*end;
    if (*end < *begin + 2 || bytes[*begin] != '{' || bytes[*end - 1] != '}') return false;
    size_t last = *end - 1;
    while (is_blank(bytes[last - 1])) last--;
    return bytes[last - 1] != ','; /* no JSON, and none with a member more */
}

bool siren_sidecar_is_object(const uint8_t *bytes, size_t n_bytes) {
    size_t begin, end;
    return find_object(bytes, n_bytes, &begin, &end);
}

static bool has(const uint8_t *bytes, size_t n_bytes, const char *text) {
    return memmem(bytes, n_bytes, text, strlen(text)) != NULL;
}

/* Behind `at`, where a sidecar says of its image, as DICOM does, that nothing was lost: the place of the "1" that it
 * needs; n_bytes:
 * nowhere. */
static size_t find_denial(const uint8_t *bytes, size_t n_bytes, size_t at) {
    static const char key[] = "\"" KEY "\"", none[] = "\"00\"";
    for (const uint8_t *found; (found = memmem(bytes + at, n_bytes - at, key, sizeof key - 1)) != NULL;) {
        at = (size_t)(found - bytes) + sizeof key - 1;
        size_t value = at;
        while (value < n_bytes && (is_blank(bytes[value]) || bytes[value] == ':')) value++;
        if (n_bytes - value >= sizeof none - 1 && memcmp(bytes + value, none, sizeof none - 1) == 0)
            return value + 2;
    }
    return n_bytes;
}

/* Whether the object has the member itself, not only one within it. By its text: the decoder has no parser of JSON. */
static bool has_member(const uint8_t *bytes, size_t n_bytes, const char *key) {
    const size_t n_key = strlen(key);
    size_t depth = 0;
    for (size_t at = 0; at < n_bytes; at++) {
        if (bytes[at] == '{' || bytes[at] == '[') depth++;
        if (bytes[at] == '}' || bytes[at] == ']') depth -= depth > 0;
        if (bytes[at] != '"') continue;
        const size_t begin = ++at;
        while (at < n_bytes && bytes[at] != '"') at += bytes[at] == '\\' ? 2 : 1;
        if (depth != 1 || at >= n_bytes || at - begin != n_key || memcmp(bytes + begin, key, n_key) != 0)
            continue;
        size_t next = at + 1;
        while (next < n_bytes && is_blank(bytes[next])) next++;
        if (next < n_bytes && bytes[next] == ':') return true;
    }
    return false;
}

/* The members of a trace, a line each, that the object lacks: each without its comma and line end. */
static void lacking_members(const uint8_t *bytes, size_t n_bytes, const char *trace,
                            char out[SIREN_TRACE_CHARS]) {
    *out = 0;
    for (const char *line = trace; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        const size_t n = strcspn(line, "\n"), comma = n > 0 && line[n - 1] == ',';
        char key[64] = "";
        if (n == 0 || sscanf(line, " \"%60[A-Za-z]", key) != 1 || has_member(bytes, n_bytes, key)) continue;
        const size_t used = strlen(out);
        snprintf(out + used, SIREN_TRACE_CHARS - used, "%s\n%.*s", used ? "," : "", (int)(n - comma), line);
    }
    if (*out) strncat(out, "\n", SIREN_TRACE_CHARS - 1 - strlen(out));
}

siren_status siren_sidecar_trace(const uint8_t *bytes, size_t n_bytes, const char *trace, uint8_t **out,
                                 size_t *n_out) {
    size_t begin, end, last;
    char members[SIREN_TRACE_CHARS];
    if (!find_object(bytes, n_bytes, &begin, &end)) return SIREN_OK;
    if (find_denial(bytes, n_bytes, 0) == n_bytes && has(bytes, n_bytes, "\"" KEY)) return SIREN_OK;
    lacking_members(bytes, n_bytes, trace, members);
    for (last = end - 1; is_blank(bytes[last - 1]);) last--;
    const bool comma = last - 1 > begin && *members;
    const size_t n = strlen(members);
    uint8_t *copy = NULL;
    SIREN_TRY(siren_allocate(&copy, last + comma + n + (n_bytes - end) + 1, 1, "a sidecar"));
    uint8_t *to = copy;
    memcpy(to, bytes, last), to += last;
    for (size_t at = 0; (at = find_denial(copy, last, at)) < last;) copy[at] = '1';
    if (comma) *to++ = ',';
    memcpy(to, members, n), to += n;
    memcpy(to, bytes + end - 1, n_bytes - end + 1), to += n_bytes - end + 1;
    *n_out = (size_t)(to - copy);
    *out = copy;
    return SIREN_OK;
}

siren_status siren_sidecar_of(const char *path, const uint8_t *bytes, size_t n_bytes, uint8_t **out,
                              size_t *n_out) {
    SIREN_AT_END(siren_archive_close_at) siren_archive *archive = NULL;
    siren_layout layout;
    char trace[SIREN_TRACE_CHARS];
    uint8_t *made = NULL;
    SIREN_TRY(siren_archive_open(path, &archive));
    SIREN_TRY(siren_layout_read(archive, &layout));
    SIREN_TRY(siren_trace_of(archive, &layout, trace));
    if (*trace) SIREN_TRY(siren_sidecar_trace(bytes, n_bytes, trace, &made, n_out));
    if (!made) {
        SIREN_TRY(siren_allocate(&made, n_bytes, 1, "a sidecar"));
        if (n_bytes) memcpy(made, bytes, n_bytes);
        *n_out = n_bytes;
    }
    *out = made;
    return SIREN_OK;
}
