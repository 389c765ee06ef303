#include "tools/common/command_help.h"

#include <string.h>

#include "tools/common/command_map.h"

#define COLUMNS 80
#define OPTION_COLUMN 24

/* ---- facts ---- */

static const siren_command commands[] = {
#define X(name, help) {#name, help},
#ifdef SIREN_WITHOUT_OPENCL
#define Y(name, help)
#else
#define Y X
#endif
    SIREN_TOOL_MAP(X, Y)
#undef Y
#undef X
};

const siren_command *siren_command_at(size_t i) {
    return i < sizeof commands / sizeof *commands ? &commands[i] : NULL;
}

const char siren_program_summary[] =
    "Compresses diffusion MRI series: by small sine-activation networks overfitted to each slice, by a "
    "transform, or without loss.";
const char siren_program_notes[] =
    "'sirencl COMMAND --help' tells its options. Options may stand anywhere; after '--' everything is a file "
    "name. '-' is standard input or output; -t, -l and -d are verify, info and decompress. "
    "MRtrix's -force, -nthreads N, -quiet and -info (--verbose) are understood, too.";

const siren_meaning siren_program_environment[] = {
    {"SIRENCL_DEVICE", "the device where --device is not given"},
    {"SIRENCL_TUNE=off", "kernels as if 'sirencl tune' had never run"},
    {"SIRENCL_KERNEL_DIR", "folder of kernel sources to use instead of the built-in ones"},
    {"SIRENCL_DRIVER_LIMIT", "seconds after which a driver that hangs is given up, else 20"},
    {NULL, NULL}};

#define TEXT_OF_(number) #number
#define TEXT_OF(number) TEXT_OF_(number)
const siren_meaning siren_program_exit_codes[] = {
#define X(name, value, exit_code, meaning) {TEXT_OF(exit_code), meaning},
    SIREN_STATUS_MAP(X)
#undef X
        {NULL, NULL}};

/* ---- options ---- */

static void show_default(const siren_option *option, bool here, char *out, size_t size) {
    const siren_setting row = siren_option_row(option);
    *out = '\0';
    if (option->type == SIREN_OPTION_TEXT) {
        const char *text = *(const char **)option->value;
        snprintf(out, size, "%s", text ? text : "");
    } else if (option->type == SIREN_OPTION_DOUBLE) {
        if (*(double *)option->value >= option->minimum) snprintf(out, size, "%g", *(double *)option->value);
    } else if (option->type == SIREN_OPTION_BYTES) {
        if (here) snprintf(out, size, "%.3gG", (double)*(size_t *)option->value / 0x1p30);
    } else if (option->type != SIREN_OPTION_FLAG && option->type != SIREN_OPTION_SPAN) {
        siren_setting_format(&row, option->value, out);
    }
}

char *siren_option_text(const siren_option *option, bool here, char out[SIREN_OPTION_TEXT_CHARS]) {
    const siren_setting row = siren_option_row(option);
    const char *unit = row.unit ? row.unit : "";
    char value[SIREN_SETTING_CHARS], range[SIREN_SETTING_CHARS] = "";
    show_default(option, here, value, sizeof value);
    if (option->type == SIREN_OPTION_SETTING) siren_setting_range(&row, range);
    snprintf(out, SIREN_OPTION_TEXT_CHARS, *range || *value ? "%s%s%s (%s%s%s%s)" : "%s%s%s", unit,
             *unit ? " " : "", option->help ? option->help : row.help,
             row.values_option ? row.values_option : range, *range && *value ? "; " : "",
             *value ? "default: " : "", value);
    return out;
}

bool siren_option_is_rare(const siren_option *option) {
    static const char *const names[] = {"points-per-epoch",
                                        "minibatches",
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

/* ---- --help ---- */

/* The words of `text` in full lines, from column `at` on; further lines begin at `indent` and follow `breaking`.
 * Empty lines stay. */
static void fill(FILE *out, int at, int indent, const char *breaking, const char *text) {
    const int room = COLUMNS - (int)strcspn(breaking, "\n");
    bool first = true;
    for (const char *next = text; *next;) {
        const size_t blank = strspn(next, " \n"), n = strcspn(next + blank, " \n");
        const bool paragraph = blank > 1 && memchr(next, '\n', blank) && strncmp(next, "\n\n", 2) == 0;
        if (paragraph)
            at = fprintf(out, "\n\n%*s", indent, "") - 2;
        else if (!first && at + 1 + (int)n > room)
            at = fprintf(out, "%s%*s", breaking, indent, "") - (int)strlen(breaking);
        else if (!first)
            at += fprintf(out, " ");
        at += fprintf(out, "%.*s", (int)n, next + blank);
        next += blank + n;
        first = false;
    }
    fputc('\n', out);
}

/* A name, and what it means from `column` on; on a line of its own where the name is too long. */
static void entry(FILE *out, int column, const char *name, const char *help) {
    int at = fprintf(out, "  %s", name);
    if (at > column - 1) {
        fputc('\n', out);
        at = 0;
    }
    fprintf(out, "%*s", column - at, "");
    fill(out, column, column, "\n", help);
}

static void print_options(const siren_usage *usage, bool rare, FILE *out) {
    char name[64], text[SIREN_OPTION_TEXT_CHARS];
    for (size_t i = 0; i < usage->n_options; i++) {
        const siren_option *option = &usage->options[i];
        if (siren_option_is_rare(option) != rare) continue;
        snprintf(name, sizeof name, "--%s%s%s", option->name, option->argument ? " " : "",
                 option->argument ? option->argument : "");
        entry(out, OPTION_COLUMN, name, siren_option_text(option, true, text));
    }
}

static void command_text(const siren_usage *usage, FILE *out) {
    bool rare = false;
    int at = fprintf(out, "Usage: sirencl %s [OPTIONS]%s", usage->command, *usage->arguments ? " " : "");
    fill(out, at, 7, "\n", usage->arguments);
    fputc('\n', out);
    fill(out, 0, 0, "\n", usage->summary);
    fputs("\nOptions:\n", out);
    print_options(usage, false, out);
    entry(out, OPTION_COLUMN, "--help", "this text (also -h)");
    for (size_t i = 0; i < usage->n_options; i++) rare = rare || siren_option_is_rare(&usage->options[i]);
    if (rare) fputs("\nRarely needed:\n", out);
    print_options(usage, true, out);
    if (!usage->example) return;
    fputs("\nExample:\n  ", out);
    fill(out, 2, 6, " \\\n", usage->example);
}

static void program_text(FILE *out) {
    const siren_command *command;
    fputs("Usage: sirencl COMMAND [OPTIONS] FILES\n\n", out);
    fill(out, 0, 0, "\n", siren_program_summary);
    fputs("\nCommands:\n", out);
    for (size_t i = 0; (command = siren_command_at(i)); i++) entry(out, 14, command->name, command->help);
    fputc('\n', out);
    fill(out, 0, 0, "\n", siren_program_notes);
    fputs("\nEnvironment:\n", out);
    for (const siren_meaning *m = siren_program_environment; m->name; m++) entry(out, 24, m->name, m->help);
    fputs("\nExit codes:\n", out);
    for (const siren_meaning *m = siren_program_exit_codes; m->name; m++) {
        char name[16];
        const bool same = m != siren_program_exit_codes && strcmp(m->name, m[-1].name) == 0;
        snprintf(name, sizeof name, "%3s", same ? "or" : m->name);
        entry(out, 7, name, m->help);
    }
}

void siren_command_help(const siren_usage *usage, siren_help help, FILE *out) {
    if (help == SIREN_HELP_TEXT) command_text(usage, out);
    if (help == SIREN_HELP_MAN) siren_man_command(usage, out);
    if (help == SIREN_HELP_BASH) siren_bash_command(usage, out);
    if (help == SIREN_HELP_ZSH) siren_zsh_command(usage, out);
}

void siren_program_help(siren_help help, bool end, FILE *out) {
    if (help == SIREN_HELP_TEXT) program_text(out);
    if (help == SIREN_HELP_MAN) siren_man_program(out);
    if (help == SIREN_HELP_BASH) siren_bash_program(end, out);
    if (help == SIREN_HELP_ZSH) siren_zsh_program(end, out);
}
