#include "tools/command_line.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/names.h"

/* ---- values ---- */

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
        SIREN_RETURN_IF_FAILED(siren_parse_integer(what, text, option->minimum, option->maximum, &integer));
        if (option->type == SIREN_OPTION_UINT32) *(uint32_t *)option->value = (uint32_t)integer;
        if (option->type == SIREN_OPTION_SIZE) *(size_t *)option->value = (size_t)integer;
        if (option->type == SIREN_OPTION_UINT64) *(uint64_t *)option->value = integer;
        break;
    case SIREN_OPTION_FLOAT:
    case SIREN_OPTION_DOUBLE:
        SIREN_RETURN_IF_FAILED(siren_parse_real(what, text, option->minimum, option->maximum, &real));
        if (option->type == SIREN_OPTION_FLOAT) *(float *)option->value = (float)real;
        if (option->type == SIREN_OPTION_DOUBLE) *(double *)option->value = real;
        break;
    case SIREN_OPTION_SPAN:
        return siren_parse_span(what, text, option->value);
    case SIREN_OPTION_SETTING:
        return siren_setting_parse(siren_setting_find(option->name), what, text, option->value);
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

size_t siren_setting_options(siren_settings *settings, siren_option out[SIREN_MAX_SETTINGS]) {
    const siren_setting *s;
    size_t n = 0;
    for (size_t i = 0; (s = siren_setting_at(i)); i++)
        if (s->option)
            out[n++] = (siren_option){s->option, s->argument, s->help, SIREN_OPTION_SETTING, settings, 0, 0};
    return n;
}

static void show_default(const siren_option *option, char *out, size_t size) {
    *out = '\0';
    switch (option->type) {
    case SIREN_OPTION_SETTING:
        siren_setting_format(siren_setting_find(option->name), option->value, out);
        break;
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

/* The help, range and default, broken between words where a line is full and where the help says so. */
static void print_help(const siren_option *option, int column, FILE *out) {
    const int width = 100;
    char text[1024], value[SIREN_SETTING_CHARS], range[SIREN_SETTING_CHARS] = "";
    int at = column;
    show_default(option, value, sizeof value);
    const siren_setting *setting =
        option->type == SIREN_OPTION_SETTING ? siren_setting_find(option->name) : NULL;
    const char *unit = setting ? setting->unit : NULL;
    if (setting) siren_setting_range(setting, range);
    snprintf(text, sizeof text, *range || *value ? "%s%s%s (%s%s%s%s)" : "%s%s%s", unit ? unit : "",
             unit ? " " : "", option->help, range, *range && *value ? "; " : "", *value ? "default: " : "",
             value);
    for (const char *next = text; *next;) {
        int n = (int)strcspn(next, " \n");
        if (at + n > width) fprintf(out, "\n%*s", at = column, "");
        fprintf(out, "%.*s", n, next);
        at += n + 1;
        next += n;
        if (*next == '\n' || (*next && at + (int)strcspn(next + 1, " \n") > width))
            fprintf(out, "\n%*s", at = column, "");
        else if (*next)
            fputc(' ', out);
        if (*next) next++;
    }
}

void siren_options_help(const siren_usage *usage, FILE *out) {
    const int column = 24;
    fprintf(out, "Usage: sirencl %s [OPTIONS]%s%s\n\n%s\n\nOptions:\n", usage->command,
            *usage->arguments ? " " : "", usage->arguments, usage->summary);
    for (size_t i = 0; i < usage->n_options; i++) {
        const siren_option *option = &usage->options[i];
        char name[64];
        snprintf(name, sizeof name, "--%s%s%s", option->name, option->argument ? " " : "",
                 option->argument ? option->argument : "");
        fprintf(out, "  %-*s", column - 2, name);
        if (strlen(name) > (size_t)column - 3) fprintf(out, "\n%*s", column, "");
        print_help(option, column, out);
        fputc('\n', out);
    }
    fprintf(out, "  %-*sthis text (also -h)\n", column - 2, "--help");
    if (usage->example) fprintf(out, "\nExample:\n  %s\n", usage->example);
}
