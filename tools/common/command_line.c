#include "tools/common/command_line.h"

#include <string.h>

#include "host/names.h"

/* ---- values ---- */

siren_setting siren_option_row(const siren_option *option) {
    if (option->type == SIREN_OPTION_SETTING) return *siren_setting_find(option->name);
    return (siren_setting){
        .type = (siren_setting_type)option->type, .minimum = option->minimum, .maximum = option->maximum};
}

siren_path_kind siren_option_path(const siren_option *option) {
    static const struct {
        const char *argument;
        siren_path_kind kind;
    } paths[] = {{"DIR", SIREN_PATH_FOLDER},
                 {"RUN", SIREN_PATH_FOLDER},
                 {"FILE", SIREN_PATH_FILE},
                 {"PAGE", SIREN_PATH_FILE},
                 {"TABLE", SIREN_PATH_FILE}};
    for (size_t i = 0; option->type == SIREN_OPTION_TEXT && i < sizeof paths / sizeof *paths; i++)
        if (strcmp(option->argument, paths[i].argument) == 0) return paths[i].kind;
    return SIREN_PATH_NONE;
}

/* An empty path is a variable of a script that was not set; one that is made of it stands in the root folder. */
#define EMPTY "empty, as where a variable is not set"

static siren_status assign(const siren_option *option, const char *text) {
    char what[64];
    snprintf(what, sizeof what, "--%s", option->name);
    const siren_setting row = siren_option_row(option);
    switch (option->type) {
    case SIREN_OPTION_FLAG:
        *(bool *)option->value = true;
        return SIREN_OK;
    case SIREN_OPTION_TEXT:
        if (!*text && siren_option_path(option) != SIREN_PATH_NONE)
            return siren_fail(SIREN_USAGE, "%s is " EMPTY "; give %s %s, or leave it out", what, what,
                              option->argument);
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
    siren_help help;            /* --help or -h */
    bool end;                   /* -- */
    const siren_option *option; /* NULL: a plain argument */
    const char *value;          /* attached by '=', or NULL */
} word;

siren_help siren_help_parse(const char *text) {
    static const char *const names[] = {"", "--help", "--help=man", "--help=bash", "--help=zsh"};
    if (strcmp(text, "-h") == 0) return SIREN_HELP_TEXT;
    for (siren_help help = SIREN_HELP_TEXT; help <= SIREN_HELP_ZSH; help++)
        if (strcmp(text, names[help]) == 0) return help;
    return SIREN_HELP_NONE;
}

static siren_status read_word(const siren_usage *usage, const char *text, word *out) {
    static const char *const one_dash[][2] = {{"-force", "force"},       {"-quiet", "quiet"},
                                              {"-nthreads", "nthreads"}, {"-info", "verbose"},
                                              {"-o", "output"},          {"-r", "recursive"}};
    *out = (word){0};
    if (text[0] != '-' || text[1] == '\0') return SIREN_OK;
    if (strcmp(text, "--") == 0) {
        out->end = true;
        return SIREN_OK;
    }
    out->help = siren_help_parse(text);
    if (out->help) return SIREN_OK;
    if (strncmp(text, "--help=", 7) == 0)
        return siren_fail(SIREN_USAGE, "--help is '%s' but must be man, bash or zsh, or without a value",
                          text + 7);
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
                         bool assigning, siren_help *help) {
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
            *help = w.help;
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
            if (!*argv[i])
                return siren_fail(SIREN_USAGE, "a file name is " EMPTY ": usage: sirencl %s [OPTIONS] %s",
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
                                 siren_help *help) {
    *help = SIREN_HELP_NONE;
    SIREN_TRY(walk(usage, argc, argv, NULL, false, help));
    return *help ? SIREN_OK : walk(usage, argc, argv, arguments, true, help);
}

/* ---- settings as options ---- */

size_t siren_setting_options(siren_settings *settings, siren_option out[SIREN_MAX_SETTINGS]) {
    const siren_setting *s;
    size_t n = 0;
    for (size_t i = 0; (s = siren_setting_at(i)); i++)
        if (s->option)
            out[n++] = (siren_option){s->option, s->argument, NULL, SIREN_OPTION_SETTING, settings, 0, 0};
    return n;
}
