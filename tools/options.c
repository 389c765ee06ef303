#include "tools/options.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/names.h"

/* ---- values ---- */

static siren_status out_of_range(const char *what, const char *text, double minimum, double maximum) {
    return siren_fail(SIREN_USAGE, "%s is %s but must be from %.10g to %.10g", what, text, minimum, maximum);
}

/* strtoull would take "-1" and " 1". */
static siren_status parse_integer(const char *what, const char *text, double minimum, double maximum,
                                  uint64_t *out) {
    const char *end = text;
    while (isdigit((unsigned char)*end)) end++;
    if (end == text || *end != '\0')
        return siren_fail(SIREN_USAGE, "%s is '%s' but must be a whole number from %.10g to %.10g", what,
                          text, minimum, maximum);
    errno = 0;
    uint64_t value = strtoull(text, NULL, 10);
    if (errno == ERANGE || (double)value < minimum || (double)value > maximum)
        return out_of_range(what, text, minimum, maximum);
    *out = value;
    return SIREN_OK;
}

static siren_status parse_real(const char *what, const char *text, double minimum, double maximum,
                               double *out) {
    char *end = NULL;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || isspace((unsigned char)*text) || isnan(value))
        return siren_fail(SIREN_USAGE, "%s is '%s' but must be a number from %.10g to %.10g", what, text,
                          minimum, maximum);
    if (value < minimum || value > maximum) return out_of_range(what, text, minimum, maximum);
    *out = value;
    return SIREN_OK;
}

siren_status siren_parse_span(const char *what, const char *text, siren_span *out) {
    char copy[64];
    const char *colon = strchr(text, ':');
    uint64_t begin = 0, end = 0;
    bool numbers = *text != '\0' && strlen(text) < sizeof copy;
    if (numbers && !colon) {
        numbers = parse_integer(what, text, 0, 0x1p53, &begin) == SIREN_OK;
        end = begin + 1;
    } else if (numbers) {
        strcpy(copy, text);
        copy[colon - text] = '\0';
        const char *last = copy + (colon - text) + 1;
        if (*copy) numbers = parse_integer(what, copy, 0, 0x1p53, &begin) == SIREN_OK;
        if (*last && numbers) {
            numbers = parse_integer(what, last, 0, 0x1p53, &end) == SIREN_OK;
            if (numbers && end <= begin)
                return siren_fail(SIREN_USAGE,
                                  "%s is %s, an empty range: it counts from 0 and ends before its second "
                                  "number, so that one slice "
                                  "is %" PRIu64 ":%" PRIu64,
                                  what, text, begin, begin + 1);
        }
    }
    if (!numbers)
        return siren_fail(
            SIREN_USAGE,
            "%s is '%s' but must be a range a:b (from a up to, not including, b), a:, :b or one number", what,
            text);
    *out = (siren_span){(size_t)begin, (size_t)end};
    return SIREN_OK;
}

siren_status siren_parse_bytes(const char *what, const char *text, double minimum, double maximum,
                               size_t *out) {
    char *end = NULL;
    double value = isdigit((unsigned char)*text) ? strtod(text, &end) : NAN;
    const char *suffixes = "KMGT", *suffix;
    if (end && *end && (suffix = strchr(suffixes, toupper((unsigned char)*end)))) {
        value = ldexp(value, 10 * (int)(suffix - suffixes + 1));
        end += strncmp(end + 1, "iB", 2) == 0 ? 3 : end[1] == 'B' ? 2 : 1;
    }
    if (!isfinite(value) || !end || *end != '\0')
        return siren_fail(SIREN_USAGE, "%s is '%s' but must be a number of bytes like 1500000, 512M or 16G",
                          what, text);
    if (value < minimum || value > maximum)
        return siren_fail(SIREN_USAGE, "%s is %s but must be from %.0f to %.0f bytes", what, text, minimum,
                          maximum);
    *out = (size_t)value;
    return SIREN_OK;
}

static siren_status assign(const siren_option *option, const char *text) {
    char what[64];
    snprintf(what, sizeof what, "--%s", option->name);
    uint64_t integer = 0;
    double real = 0;
    switch (option->type) {
    case SIREN_OPTION_FLAG:
        *(bool *)option->value = true;
        break;
    case SIREN_OPTION_TEXT:
        *(const char **)option->value = text;
        break;
    case SIREN_OPTION_UINT32:
    case SIREN_OPTION_SIZE:
    case SIREN_OPTION_UINT64:
        SIREN_RETURN_IF_FAILED(parse_integer(what, text, option->minimum, option->maximum, &integer));
        if (option->type == SIREN_OPTION_UINT32) *(uint32_t *)option->value = (uint32_t)integer;
        if (option->type == SIREN_OPTION_SIZE) *(size_t *)option->value = (size_t)integer;
        if (option->type == SIREN_OPTION_UINT64) *(uint64_t *)option->value = integer;
        break;
    case SIREN_OPTION_FLOAT:
    case SIREN_OPTION_DOUBLE:
        SIREN_RETURN_IF_FAILED(parse_real(what, text, option->minimum, option->maximum, &real));
        if (option->type == SIREN_OPTION_FLOAT) *(float *)option->value = (float)real;
        if (option->type == SIREN_OPTION_DOUBLE) *(double *)option->value = real;
        break;
    case SIREN_OPTION_SPAN:
        return siren_parse_span(what, text, option->value);
    case SIREN_OPTION_BYTES:
        return siren_parse_bytes(what, text, option->minimum, option->maximum, option->value);
    }
    return SIREN_OK;
}

/* ---- names ---- */

static const siren_option *find(const siren_usage *usage, const char *name, size_t length) {
    for (size_t i = 0; i < usage->n_options; i++) {
        const char *candidate = usage->options[i].name;
        if (strlen(candidate) == length && strncmp(candidate, name, length) == 0) return &usage->options[i];
    }
    return NULL;
}

static siren_status unknown_option(const siren_usage *usage, const char *given) {
    const char *names[64], *nearest;
    size_t n = usage->n_options < 64 ? usage->n_options : 64, length = strcspn(given, "=");
    char name[64];
    for (size_t i = 0; i < n; i++) names[i] = usage->options[i].name;
    snprintf(name, sizeof name, "%.*s", (int)(length < 63 ? length : 63), given);
    nearest = siren_nearest_name(name + strspn(name, "-"), names, n);
    return siren_fail(SIREN_USAGE, "unknown option %s%s%s%s; see 'sirencl %s --help'", name,
                      nearest ? " (did you mean --" : "", nearest ? nearest : "", nearest ? "?)" : "",
                      usage->command);
}

/* ---- the command line ---- */

/* What one word of the command line is. */
typedef struct {
    bool help, end;             /* --help or -h; -- */
    const siren_option *option; /* NULL: a plain argument */
    const char *value;          /* attached by '=', or NULL */
} word;

static siren_status read_word(const siren_usage *usage, const char *text, word *out) {
    static const char *const one_dash[][2] = {{"-force", "force"},
                                              {"-quiet", "quiet"},
                                              {"-nthreads", "nthreads"},
                                              {"-info", "verbose"},
                                              {"-o", "output"}};
    *out = (word){0};
    if (text[0] != '-' || text[1] == '\0') return SIREN_OK;
    if (strcmp(text, "--") == 0) {
        out->end = true;
        return SIREN_OK;
    }
    if (strcmp(text, "-h") == 0 || strcmp(text, "--help") == 0) {
        out->help = true;
        return SIREN_OK;
    }
    for (size_t i = 0; i < sizeof one_dash / sizeof *one_dash; i++)
        if (strcmp(text, one_dash[i][0]) == 0)
            out->option = find(usage, one_dash[i][1], strlen(one_dash[i][1]));
    if (!out->option && text[1] == '-') {
        size_t length = strcspn(text + 2, "=");
        out->option = find(usage, text + 2, length);
        if (text[2 + length] == '=') out->value = text + 2 + length + 1;
    }
    return out->option ? SIREN_OK : unknown_option(usage, text);
}

/* `assigning` false: only looks for --help, and leaves errors to the second pass. */
static siren_status walk(const siren_usage *usage, int argc, char **argv, const char **arguments,
                         bool assigning, bool *help) {
    size_t n = 0;
    bool ended = false;
    for (int i = 1; i < argc; i++) {
        word w = {0};
        siren_status status = ended ? SIREN_OK : read_word(usage, argv[i], &w);
        if (status != SIREN_OK) {
            if (assigning) return status;
            continue;
        }
        if (w.help) {
            *help = true;
            return SIREN_OK;
        }
        if (w.end) {
            ended = true;
        } else if (w.option) {
            bool flag = w.option->type == SIREN_OPTION_FLAG;
            if (!flag && !w.value && i + 1 < argc) w.value = argv[++i];
            if (!assigning) continue;
            if (flag && w.value)
                return siren_fail(SIREN_USAGE, "--%s takes no value: leave out '=%s'", w.option->name,
                                  w.value);
            if (!flag && !w.value)
                return siren_fail(SIREN_USAGE, "--%s needs a value: --%s %s", w.option->name, w.option->name,
                                  w.option->argument);
            SIREN_RETURN_IF_FAILED(assign(w.option, w.value));
        } else if (assigning) {
            if (n == usage->n_arguments + usage->n_more_arguments)
                return siren_fail(SIREN_USAGE, "'%s' is too much: usage: sirencl %s [OPTIONS] %s", argv[i],
                                  usage->command, usage->arguments);
            arguments[n++] = argv[i];
        }
    }
    if (assigning && n < usage->n_arguments)
        return siren_fail(SIREN_USAGE, "%s missing: usage: sirencl %s [OPTIONS] %s",
                          n == 0 && usage->n_arguments > 1 ? "file names are" : "a file name is",
                          usage->command, usage->arguments);
    return SIREN_OK;
}

siren_status siren_options_parse(const siren_usage *usage, int argc, char **argv, const char **arguments,
                                 bool *help) {
    *help = false;
    SIREN_RETURN_IF_FAILED(walk(usage, argc, argv, NULL, false, help));
    return *help ? SIREN_OK : walk(usage, argc, argv, arguments, true, help);
}

/* ---- --help ---- */

static void show_default(const siren_option *option, char *out, size_t size) {
    *out = '\0';
    switch (option->type) {
    case SIREN_OPTION_TEXT: {
        const char *text = *(const char **)option->value;
        if (text) snprintf(out, size, "%s", text);
        break;
    }
    case SIREN_OPTION_UINT32:
        snprintf(out, size, "%" PRIu32, *(uint32_t *)option->value);
        break;
    case SIREN_OPTION_SIZE:
        snprintf(out, size, "%zu", *(size_t *)option->value);
        break;
    case SIREN_OPTION_UINT64:
        snprintf(out, size, "%" PRIu64, *(uint64_t *)option->value);
        break;
    case SIREN_OPTION_FLOAT:
        /* A value that could not be given stands for "it depends", which the help text tells. */
        if ((double)*(float *)option->value >= option->minimum)
            snprintf(out, size, "%g", (double)*(float *)option->value);
        break;
    case SIREN_OPTION_DOUBLE:
        snprintf(out, size, "%g", *(double *)option->value);
        break;
    case SIREN_OPTION_BYTES:
        snprintf(out, size, "%.3gG", (double)*(size_t *)option->value / 0x1p30);
        break;
    case SIREN_OPTION_FLAG:
    case SIREN_OPTION_SPAN:
        break;
    }
}

void siren_options_help(const siren_usage *usage, FILE *out) {
    const int column = 24;
    fprintf(out, "Usage: sirencl %s [OPTIONS]%s%s\n\n%s\n\nOptions:\n", usage->command,
            *usage->arguments ? " " : "", usage->arguments, usage->summary);
    for (size_t i = 0; i < usage->n_options; i++) {
        const siren_option *option = &usage->options[i];
        char name[64], value[64];
        snprintf(name, sizeof name, "--%s%s%s", option->name, option->argument ? " " : "",
                 option->argument ? option->argument : "");
        fprintf(out, "  %-*s", column - 2, name);
        if (strlen(name) > (size_t)column - 3) fprintf(out, "\n%*s", column, "");
        for (const char *c = option->help; *c; c++)
            *c == '\n' ? fprintf(out, "\n%*s", column, "") : fputc(*c, out);
        show_default(option, value, sizeof value);
        if (*value) fprintf(out, " (default: %s)", value);
        fputc('\n', out);
    }
    fprintf(out, "  %-*sthis text (also -h)\n", column - 2, "--help");
    if (usage->example) fprintf(out, "\nExample:\n  %s\n", usage->example);
}
