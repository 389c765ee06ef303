#include "tools/common/command_line.h"

#include <string.h>

#include "host/names.h"

/* ---- values ---- */

/* The setting, or a row of the option's type and range, as which a value of its own is parsed and shown. */
static siren_setting row_of(const siren_option *option) {
    if (option->type == SIREN_OPTION_SETTING) return *siren_setting_find(option->name);
    return (siren_setting){
        .type = (siren_setting_type)option->type, .minimum = option->minimum, .maximum = option->maximum};
}

static siren_status assign(const siren_option *option, const char *text) {
    char what[64];
    snprintf(what, sizeof what, "--%s", option->name);
    const siren_setting row = row_of(option);
    switch (option->type) {
    case SIREN_OPTION_FLAG:
        *(bool *)option->value = true;
        return SIREN_OK;
    case SIREN_OPTION_TEXT:
        *(const char **)option->value = text;
        return SIREN_OK;
    case SIREN_OPTION_DOUBLE:
        return siren_parse_real(what, text, option->minimum, option->maximum, option->value);
    case SIREN_OPTION_BYTES:
        return siren_parse_bytes(what, text, option->minimum, option->maximum, option->value);
    default:
        return siren_setting_parse(&row, what, text, option->value);
    }
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
                                              {"-o", "output"},
                                              {"-r", "recursive"}};
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
            SIREN_TRY(assign(w.option, w.value));
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
    SIREN_TRY(walk(usage, argc, argv, NULL, false, help));
    return *help ? SIREN_OK : walk(usage, argc, argv, arguments, true, help);
}

/* ---- --help ---- */

size_t siren_setting_options(siren_settings *settings, siren_option out[SIREN_MAX_SETTINGS]) {
    const siren_setting *s;
    size_t n = 0;
    for (size_t i = 0; (s = siren_setting_at(i)); i++)
        if (s->option)
            out[n++] = (siren_option){s->option, s->argument, NULL, SIREN_OPTION_SETTING, settings, 0, 0};
    return n;
}

static void show_default(const siren_option *option, char *out, size_t size) {
    const siren_setting row = row_of(option);
    *out = '\0';
    if (option->type == SIREN_OPTION_TEXT) {
        const char *text = *(const char **)option->value;
        snprintf(out, size, "%s", text ? text : "");
    } else if (option->type == SIREN_OPTION_DOUBLE) {
        if (*(double *)option->value >= option->minimum) snprintf(out, size, "%g", *(double *)option->value);
    } else if (option->type == SIREN_OPTION_BYTES) {
        snprintf(out, size, "%.3gG", (double)*(size_t *)option->value / 0x1p30);
    } else if (option->type != SIREN_OPTION_FLAG && option->type != SIREN_OPTION_SPAN) {
        siren_setting_format(&row, option->value, out);
    }
}

/* The help, range and default, broken between words where a line is full and where the help says so. */
static void print_help(const siren_option *option, int column, FILE *out) {
    const siren_setting row = row_of(option);
    const char *unit = row.unit ? row.unit : "";
    char text[1024], value[SIREN_SETTING_CHARS], range[SIREN_SETTING_CHARS] = "";
    int at = column;
    show_default(option, value, sizeof value);
    if (option->type == SIREN_OPTION_SETTING) siren_setting_range(&row, range);
    snprintf(text, sizeof text, *range || *value ? "%s%s%s (%s%s%s%s)" : "%s%s%s", unit, *unit ? " " : "",
             option->help ? option->help : row.help, row.values_option ? row.values_option : range,
             *range && *value ? "; " : "", *value ? "default: " : "", value);
    for (const char *next = text; *next;) {
        int n = (int)strcspn(next, " \n");
        if (next > text && (next[-1] == '\n' || at + 1 + n > 100))
            fprintf(out, "\n%*s", at = column, "");
        else if (next > text)
            at += fprintf(out, " ");
        at += fprintf(out, "%.*s", n, next);
        next += n + (next[n] != '\0');
    }
}

/* Options that few need are told last, whatever the command. */
static bool is_rare(const siren_option *option) {
    static const char *const names[] = {"points-per-epoch",
                                        "w0",
                                        "seed",
                                        "bval",
                                        "bvec",
                                        "sidecar",
                                        "gemm",
                                        "matrix-units",
                                        "allow-failed-device",
                                        "memory",
                                        "profile",
                                        "plain-sidecar",
                                        "no-tail",
                                        "time-limit",
                                        "nthreads"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(option->name, names[i]) == 0) return true;
    return false;
}

static void print_option(const siren_option *option, FILE *out) {
    const int column = 24;
    char name[64];
    snprintf(name, sizeof name, "--%s%s%s", option->name, option->argument ? " " : "",
             option->argument ? option->argument : "");
    fprintf(out, "  %-*s", column - 2, name);
    if (strlen(name) > (size_t)column - 3) fprintf(out, "\n%*s", column, "");
    print_help(option, column, out);
    fputc('\n', out);
}

void siren_options_help(const siren_usage *usage, FILE *out) {
    bool rare = false;
    fprintf(out, "Usage: sirencl %s [OPTIONS]%s%s\n\n%s\n\nOptions:\n", usage->command,
            *usage->arguments ? " " : "", usage->arguments, usage->summary);
    for (size_t i = 0; i < usage->n_options; i++)
        if (!is_rare(&usage->options[i])) print_option(&usage->options[i], out);
    fprintf(out, "  %-22sthis text (also -h)\n", "--help");
    for (size_t i = 0; i < usage->n_options; i++) {
        if (!is_rare(&usage->options[i])) continue;
        if (!rare) fputs("\nRarely needed:\n", out);
        rare = true;
        print_option(&usage->options[i], out);
    }
    if (usage->example) fprintf(out, "\nExample:\n  %s\n", usage->example);
}
