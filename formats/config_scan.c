#include "formats/config_scan.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/config.h"

#define MAX_NUMBER 63 /* characters; cJSON cuts longer ones off without a word */

/* What may come next. */
typedef enum { VALUE, FIRST_VALUE, KEY, FIRST_KEY, COLON, COMMA, END } expectation;

/* The text being checked; NUL at text[length]. */
typedef struct {
    const char *name;
    char *text;
    size_t length, at;
    expectation expected;
    size_t depth;
    char open[SIREN_CONFIG_MAX_DEPTH]; /* '{' or '[' of each level */
} scanner;

siren_status siren_config_fail_at(const char *name, const char *text, size_t at, const char *format, ...) {
    char problem[256];
    size_t line = 1, start = 0;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(problem, sizeof problem, format, arguments);
    va_end(arguments);
    for (size_t i = 0; i < at; i++)
        if (text[i] == '\n') line++, start = i + 1;
    return siren_fail(SIREN_CORRUPT, "%s: line %zu, column %zu: %s", name, line, at - start + 1, problem);
}

#define fail_here(s, ...) siren_config_fail_at((s)->name, (s)->text, (s)->at, __VA_ARGS__)

/* ---- tokens ---- */

static siren_status check_bytes(scanner *s) {
    static const char mark[] = "\xef\xbb\xbf"; /* what some editors begin UTF-8 with */
    if (strncmp(s->text, mark, 3) == 0) memset(s->text, ' ', 3);
    for (size_t i = 0; i < s->length;) {
        if (s->text[i] == '\0')
            return siren_config_fail_at(s->name, s->text, i, "a NUL byte: this is no text");
        size_t n = siren_utf8_length((const unsigned char *)s->text + i);
        if (n == 0)
            return siren_config_fail_at(s->name, s->text, i,
                                        "byte 0x%02x is no UTF-8: save the file in that encoding",
                                        (unsigned)(unsigned char)s->text[i]);
        i += n;
    }
    return SIREN_OK;
}

/* Blanks the comment at s->at out. */
static siren_status scan_comment(scanner *s) {
    char *begin = s->text + s->at, *end;
    if (begin[1] == '/') {
        end = begin + strcspn(begin, "\n");
    } else if (begin[1] == '*') {
        end = strstr(begin + 2, "*/");
        if (!end) return fail_here(s, "a comment that is never closed: its end would be */");
        end += 2;
    } else {
        return fail_here(s, "a '/' that begins no comment");
    }
    for (char *c = begin; c < end; c++)
        if (*c != '\n') *c = ' ';
    s->at = (size_t)(end - s->text);
    return SIREN_OK;
}

/* Escapes but \u0000 are left to cJSON. */
static siren_status scan_string(scanner *s) {
    size_t begin = s->at++;
    for (; s->text[s->at] != '"'; s->at++) {
        if (s->at >= s->length || s->text[s->at] == '\n')
            return siren_config_fail_at(s->name, s->text, begin,
                                        "a text that is never closed: its end would be \"");
        if ((unsigned char)s->text[s->at] < 0x20)
            return fail_here(s, "control character 0x%02x in a text: write it as \\u%04x",
                             (unsigned)s->text[s->at], (unsigned)s->text[s->at]);
        if (s->text[s->at] != '\\') continue;
        if (strncmp(s->text + s->at, "\\u0000", 6) == 0)
            return fail_here(s, "\\u0000 in a text, which would end it");
        if (s->at + 1 < s->length && s->text[s->at + 1] != '\n') s->at++;
    }
    s->at++;
    return SIREN_OK;
}

static size_t digits(const char *text) {
    size_t n = 0;
    while (isdigit((unsigned char)text[n])) n++;
    return n;
}

static siren_status scan_number(scanner *s) {
    const char *begin = s->text + s->at, *c = begin;
    bool sound = true;
    if (*c == '-') c++;
    size_t n = digits(c);
    sound = n == 1 || (n > 1 && *c != '0');
    c += n;
    if (*c == '.') {
        n = digits(++c);
        sound = sound && n > 0;
        c += n;
    }
    if (*c == 'e' || *c == 'E') {
        c++;
        if (*c == '+' || *c == '-') c++;
        n = digits(c);
        sound = sound && n > 0;
        c += n;
    }
    if (!sound || isalnum((unsigned char)*c) || strchr("+-._", *c ? *c : ' '))
        return fail_here(s, "no number as JSON writes them: like 3, -0.5 or 3e-4");
    if (c - begin > MAX_NUMBER)
        return fail_here(s, "a number of %zu character%s: write at most %d", (size_t)(c - begin),
                         siren_plural((c - begin)), MAX_NUMBER);
    if (!isfinite(strtod(begin, NULL)))
        return fail_here(s, "a number that is too large for double precision");
    s->at += (size_t)(c - begin);
    return SIREN_OK;
}

static siren_status scan_word(scanner *s) {
    static const char *const words[] = {"true", "false", "null"};
    size_t n = 0;
    while (isalnum((unsigned char)s->text[s->at + n])) n++;
    for (int i = 0; i < 3; i++)
        if (n == strlen(words[i]) && strncmp(s->text + s->at, words[i], n) == 0) {
            s->at += n;
            return SIREN_OK;
        }
    return fail_here(s, "no value of JSON: a number, a text in double quotes, true, false or null");
}

/* ---- the structure ---- */

static siren_status unexpected(const scanner *s) {
    static const char *const expected[] = {
        [VALUE] = "a value",
        [FIRST_VALUE] = "a value or ]",
        [KEY] = "a key in double quotes",
        [FIRST_KEY] = "a key in double quotes or }",
        [COLON] = "a colon",
        [END] = "nothing more",
    };
    const char *what = s->expected != COMMA           ? expected[s->expected]
                       : s->open[s->depth - 1] == '{' ? "a comma or }"
                                                      : "a comma or ]";
    return fail_here(s, "%s is expected here", what);
}

static void value_ended(scanner *s) { s->expected = s->depth == 0 ? END : COMMA; }

static siren_status scan_opening(scanner *s, char c) {
    if (s->expected != VALUE && s->expected != FIRST_VALUE) return unexpected(s);
    if (s->depth == SIREN_CONFIG_MAX_DEPTH)
        return fail_here(s, "nested deeper than %d", SIREN_CONFIG_MAX_DEPTH);
    s->open[s->depth++] = c;
    s->expected = c == '{' ? FIRST_KEY : FIRST_VALUE;
    s->at++;
    return SIREN_OK;
}

static siren_status scan_closing(scanner *s, char c) {
    bool object = c == '}', empty = s->expected == (object ? FIRST_KEY : FIRST_VALUE);
    if (!empty && (s->expected != COMMA || s->open[s->depth - 1] != (object ? '{' : '[')))
        return unexpected(s);
    s->depth--;
    value_ended(s);
    s->at++;
    return SIREN_OK;
}

static siren_status scan_separator(scanner *s, char c) {
    if (s->expected != (c == ',' ? COMMA : COLON)) return unexpected(s);
    s->expected = c == ',' && s->open[s->depth - 1] == '{' ? KEY : VALUE;
    s->at++;
    return SIREN_OK;
}

/* A text, a number or a word. */
static siren_status scan_scalar(scanner *s, char c) {
    bool key = s->expected == KEY || s->expected == FIRST_KEY;
    if (key ? c != '"' : s->expected != VALUE && s->expected != FIRST_VALUE) return unexpected(s);
    SIREN_TRY(c == '"'                                ? scan_string(s)
              : c == '-' || isdigit((unsigned char)c) ? scan_number(s)
                                                      : scan_word(s));
    if (key)
        s->expected = COLON;
    else
        value_ended(s);
    return SIREN_OK;
}

static siren_status scan_token(scanner *s) {
    char c = s->text[s->at];
    switch (c) {
    case ' ':
    case '\t':
    case '\r':
    case '\n':
        s->at++;
        return SIREN_OK;
    case '/':
        return scan_comment(s);
    case '{':
    case '[':
        return scan_opening(s, c);
    case '}':
    case ']':
        return scan_closing(s, c);
    case ',':
    case ':':
        return scan_separator(s, c);
    default:
        return scan_scalar(s, c);
    }
}

siren_status siren_config_scan(const char *name, char *text, size_t length) {
    scanner s = {.name = name, .text = text, .length = length, .expected = VALUE};
    SIREN_TRY(check_bytes(&s));
    while (s.at < length) SIREN_TRY(scan_token(&s));
    if (s.expected != END) return fail_here(&s, "the file ends before its JSON does");
    return SIREN_OK;
}
