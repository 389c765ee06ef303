/* Man pages, in the man(7) macros that groff and mandoc share. They have no date: the same source gives the same
 * page. */
#include "tools/common/command_help.h"

#include <ctype.h>
#include <string.h>

#define COLUMNS 78

/* One character of text: what roff would take for an instruction, or print as another character, is spelt out. */
static const char *spelt(char c) {
    switch (c) {
    case '\\':
        return "\\e";
    case '-':
        return "\\-";
    case '\'':
        return "\\(aq";
    case '`':
        return "\\(ga";
    case '^':
        return "\\(ha";
    case '~':
        return "\\(ti";
    case '"':
        return "\\(dq";
    default:
        return NULL;
    }
}

static int put_word(FILE *out, const char *word, size_t n) {
    int at = *word == '.' ? fprintf(out, "\\&") : 0;
    for (size_t i = 0; i < n; i++)
        at += spelt(word[i]) ? fprintf(out, "%s", spelt(word[i])) : fprintf(out, "%c", word[i]);
    return at;
}

/* The words of `text` in lines of the page's source; empty lines begin a paragraph. */
static void put_text(FILE *out, const char *text) {
    int at = 0;
    for (const char *next = text; *next;) {
        const size_t blank = strspn(next, " \n"), n = strcspn(next + blank, " \n");
        if (strncmp(next, "\n\n", 2) == 0) {
            fputs("\n.PP\n", out);
            at = 0;
        } else if (at > 0) {
            const bool full = at + 1 + (int)n > COLUMNS;
            fputc(full ? '\n' : ' ', out);
            at = full ? 0 : at + 1;
        }
        at += put_word(out, next + blank, n);
        next += blank + n;
    }
    fputc('\n', out);
}

static void put_line(FILE *out, const char *before, const char *text, const char *after) {
    fputs(before, out);
    put_word(out, text, strlen(text));
    fputs(after, out);
}

static void begin(FILE *out, const char *command, const char *help) {
    fputs(".TH SIRENCL", out);
    if (command) fputs("\\-", out);
    for (const char *c = command; c && *c; c++) fputc(toupper((unsigned char)*c), out);
    fprintf(out, " 1 \"\" \"sirencl %s\" \"sirencl\"\n.SH NAME\nsirencl%s%s \\- ", siren_version(),
            command ? "\\-" : "", command ? command : "");
    put_text(out, help);
}

/* A list whose entries begin with a name. */
static void put_meanings(FILE *out, const siren_meaning *m) {
    for (; m->name; m++) {
        put_line(out, ".TP\n.B ", m->name, "\n");
        put_text(out, m->help);
    }
}

static void put_ends(FILE *out) {
    fputs(".SH ENVIRONMENT\n", out);
    put_meanings(out, siren_program_environment);
    fputs(".SH EXIT STATUS\n", out);
    put_meanings(out, siren_program_exit_codes);
}

static void put_options(const siren_usage *usage, bool rare, FILE *out) {
    char text[SIREN_OPTION_TEXT_CHARS];
    for (size_t i = 0; i < usage->n_options; i++) {
        const siren_option *option = &usage->options[i];
        if (siren_option_is_rare(option) != rare) continue;
        put_line(out, ".TP\n\\fB\\-\\-", option->name, "\\fR");
        if (option->argument) put_line(out, " \\fI", option->argument, "\\fR");
        fputc('\n', out);
        put_text(out, siren_option_text(option, false, text));
    }
}

void siren_man_command(const siren_usage *usage, FILE *out) {
    const siren_command *command;
    bool rare = false;
    for (size_t i = 0; (command = siren_command_at(i)); i++)
        if (strcmp(command->name, usage->command) == 0) begin(out, command->name, command->help);
    fprintf(out, ".SH SYNOPSIS\n.B sirencl %s\n", usage->command);
    put_line(out, "[", "OPTIONS", "]\n");
    if (*usage->arguments) put_text(out, usage->arguments);
    fputs(".SH DESCRIPTION\n", out);
    put_text(out, usage->summary);
    fputs(".SH OPTIONS\n", out);
    put_options(usage, false, out);
    fputs(".TP\n\\fB\\-h\\fR, \\fB\\-\\-help\\fR\nthe options in short\n", out);
    for (size_t i = 0; i < usage->n_options; i++) rare = rare || siren_option_is_rare(&usage->options[i]);
    if (rare) fputs(".SS Rarely needed\n", out);
    put_options(usage, true, out);
    if (usage->example) {
        fputs(".SH EXAMPLES\n", out);
        put_text(out, usage->example);
    }
    put_ends(out);
    fputs(".SH SEE ALSO\n.BR sirencl (1)\n", out);
}

void siren_man_program(FILE *out) {
    const siren_command *command;
    begin(out, NULL, "compression of diffusion MRI, on OpenCL");
    fputs(".SH SYNOPSIS\n.B sirencl\n.I COMMAND\n[OPTIONS] FILES\n.SH DESCRIPTION\n", out);
    put_text(out, siren_program_summary);
    fputs(".PP\n", out);
    put_text(out, siren_program_notes);
    fputs(".SH COMMANDS\n", out);
    for (size_t i = 0; (command = siren_command_at(i)); i++) {
        fprintf(out, ".TP\n.BR sirencl\\-%s (1)\n", command->name);
        put_text(out, command->help);
    }
    put_ends(out);
    fputs(".SH SEE ALSO\n", out);
    for (size_t i = 0; (command = siren_command_at(i)); i++)
        fprintf(out, ".BR sirencl\\-%s (1)%s\n", command->name, siren_command_at(i + 1) ? "," : "");
}
