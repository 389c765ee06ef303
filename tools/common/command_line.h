/* Command lines: one table of options drives parsing, --help, man pages and completion (command_help.h).
 *
 * GNU long options (--name VALUE, --name=VALUE, anywhere before "--"), -h, -o for --output, and four of MRtrix's
 * names with one dash: -force, -quiet, -nthreads N, and -info for --verbose. */
#ifndef SIREN_TOOLS_COMMAND_LINE_H
#define SIREN_TOOLS_COMMAND_LINE_H

#include "engine/settings.h"

#include <stdio.h>

/* What `value` of an option points to; the first five are parsed and shown as settings of these types. */
typedef enum {
    SIREN_OPTION_UINT32 = SIREN_SETTING_UINT32, /* uint32_t in [minimum, maximum] */
    SIREN_OPTION_SIZE = SIREN_SETTING_SIZE,     /* size_t in [minimum, maximum] */
    SIREN_OPTION_UINT64 = SIREN_SETTING_UINT64, /* uint64_t in [minimum, maximum] */
    SIREN_OPTION_FLOAT = SIREN_SETTING_FLOAT,   /* float in [minimum, maximum] */
    SIREN_OPTION_SPAN = SIREN_SETTING_SPAN,     /* siren_span, as siren_parse_span() reads it */
    SIREN_OPTION_SETTING, /* siren_settings, whose row of engine/settings.h has the option's name */
    SIREN_OPTION_FLAG,    /* bool: set to true; takes no value */
    SIREN_OPTION_TEXT,    /* const char *: borrowed from argv */
    SIREN_OPTION_DOUBLE,  /* double in [minimum, maximum] */
    SIREN_OPTION_BYTES    /* size_t in [minimum, maximum]: "1500000", "512M", "16G" (powers of 1024) */
} siren_option_type;

typedef struct {
    const char *name;     /* without the dashes */
    const char *argument; /* how --help calls the value: "N"; NULL for a flag */
    const char *help;     /* one sentence without full stop, filled into lines; NULL: a setting's own */
    siren_option_type type;
    void *value; /* what it holds before parsing is shown as the default, except of flags, spans and NULL */
    double minimum, maximum;
} siren_option;

/* A subcommand's command line. */
typedef struct {
    const char *command;   /* "compress" */
    const char *arguments; /* what stands beside the options: "IN.nii[.gz] OUT.siren"; "" for nothing */
    size_t n_arguments;    /* so many at least */
    const char *summary;   /* the paragraphs of --help, with an empty line between them; filled into lines */
    const char *example;   /* one line, or NULL */
    const siren_option *options;
    size_t n_options;
    size_t n_more_arguments; /* that may follow the others */
} siren_usage;

/* What --help prints; the last three are for packages. */
typedef enum {
    SIREN_HELP_NONE, /* not asked for */
    SIREN_HELP_TEXT, /* --help, -h */
    SIREN_HELP_MAN,  /* --help=man */
    SIREN_HELP_BASH, /* --help=bash: the command's part of the completion */
    SIREN_HELP_ZSH   /* --help=zsh */
} siren_help;
/* The word of a command line. */
siren_help siren_help_parse(const char *text);

/* Parses argv[1..argc-1] into the options' values and the `arguments` (n_arguments + n_more_arguments of the usage,
 * borrowed from argv; those not given stay as they are). With
 * --help or -h anywhere before "--", only *help is set, and values are still defaults. USAGE in one sentence otherwise;
 * values may then have changed. */
siren_status siren_options_parse(const siren_usage *usage, int argc, char **argv, const char **arguments,
                                 siren_help *help);
/* What the option's value is the path of. */
typedef enum { SIREN_PATH_NONE, SIREN_PATH_FILE, SIREN_PATH_FOLDER } siren_path_kind;
siren_path_kind siren_option_path(const siren_option *option);
/* The setting, or a row of the option's type and range, as which a value of its own is parsed and shown. */
siren_setting siren_option_row(const siren_option *option);

/* Puts the options of all settings that compress has, into `settings`, at `out`; returns their number. */
size_t siren_setting_options(siren_settings *settings, siren_option out[SIREN_MAX_SETTINGS]);

/* The options every command has; the rows of its table. */
typedef struct {
    uint32_t nthreads; /* processors to use; 0: all */
    bool quiet, verbose;
} siren_common_options;

/* Rows of a table of options, and the table in its siren_usage. */
#define SIREN_FLAG(name, help, value)                                                                        \
    { name, NULL, help, SIREN_OPTION_FLAG, value, 0, 0 }
#define SIREN_TEXT(name, argument, help, value)                                                              \
    { name, argument, help, SIREN_OPTION_TEXT, value, 0, 0 }
#define SIREN_OPTION_TABLE(rows) .options = (rows), .n_options = sizeof(rows) / sizeof *(rows)

#define SIREN_COMMON_OPTIONS(common)                                                                         \
    {"nthreads", "N", "processors to use, 0 for all", SIREN_OPTION_UINT32, &(common).nthreads, 0, 65536},    \
        {"quiet",                                                                                            \
         NULL,                                                                                               \
         "print errors and what was asked for: no progress, warnings or summaries",                          \
         SIREN_OPTION_FLAG,                                                                                  \
         &(common).quiet,                                                                                    \
         0,                                                                                                  \
         0},                                                                                                 \
    {                                                                                                        \
        "verbose", NULL, "print what the library has to tell (also -info)", SIREN_OPTION_FLAG,               \
            &(common).verbose, 0, 0                                                                          \
    }

#endif
