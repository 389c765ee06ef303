/* What the program tells of itself, from the tables of its commands: --help in 80 columns, man pages,
 * completion of bash and zsh. */
#ifndef SIREN_TOOLS_COMMAND_HELP_H
#define SIREN_TOOLS_COMMAND_HELP_H

#include "tools/common/command_line.h"

/* Of one command. Call it before values change, for they are the defaults shown. */
void siren_command_help(const siren_usage *usage, siren_help help, FILE *out);
/* Of the program. For completion this is what stands before the commands' parts, or after them where `end`.
 */
void siren_program_help(siren_help help, bool end, FILE *out);

/* ---- what the pages share ---- */

/* A command that this program has. */
typedef struct {
    const char *name, *help; /* the line of `sirencl --help` */
} siren_command;
/* NULL past the last. */
const siren_command *siren_command_at(size_t i);

/* A thing and what it means. */
typedef struct {
    const char *name, *help;
} siren_meaning;
/* The program in a paragraph, what holds for all commands, environment variables, exit codes; lists end with
 * {NULL, NULL}. */
extern const char siren_program_summary[], siren_program_notes[];
extern const siren_meaning siren_program_environment[], siren_program_exit_codes[];

#define SIREN_OPTION_TEXT_CHARS 1024
/* "units of a hidden layer (16 to 1024; default: 256)"; a default that is the machine's is left out unless
 * `here`. Returns `out`. */
char *siren_option_text(const siren_option *option, bool here, char out[SIREN_OPTION_TEXT_CHARS]);
/* Options that few need are told last, whatever the command. */
bool siren_option_is_rare(const siren_option *option);

void siren_man_command(const siren_usage *usage, FILE *out);
void siren_man_program(FILE *out);
void siren_bash_command(const siren_usage *usage, FILE *out);
void siren_bash_program(bool end, FILE *out);
void siren_zsh_command(const siren_usage *usage, FILE *out);
void siren_zsh_program(bool end, FILE *out);

#endif
