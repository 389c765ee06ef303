/* sirencl: dispatch to the subcommands. */
#include "host/names.h"
#include "tools/common/command_help.h"
#include "tools/tools.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *name;
    siren_status (*run)(int argc, char **argv); /* NULL: needs OpenCL, which this program was built without */
} tools[] = {
#define X(name, help) {#name, siren_tool_##name},
#ifdef SIREN_WITHOUT_OPENCL
#define Y(name, help) {#name, NULL},
#else
#define Y X
#endif
    SIREN_TOOL_MAP(X, Y)
#undef Y
#undef X
};
#define N_TOOLS (sizeof tools / sizeof *tools)

/* What users of zstd, xz and gzip have in their fingers. */
static const char *habit(const char *name) {
    static const char *const habits[][2] = {{"-t", "verify"}, {"-l", "info"}, {"-d", "decompress"}};
    for (size_t i = 0; i < sizeof habits / sizeof *habits; i++)
        if (strcmp(name, habits[i][0]) == 0) return habits[i][1];
    return name;
}

/* The program's help, of which completion has a part of each command. */
static siren_status print_help(siren_help help) {
    siren_program_help(help, false, stdout);
    for (size_t i = 0; help >= SIREN_HELP_BASH && i < N_TOOLS; i++) {
        char name[32], option[16] = "--help=zsh";
        if (!tools[i].run) continue;
        snprintf(name, sizeof name, "%s", tools[i].name);
        if (help == SIREN_HELP_BASH) strcpy(option, "--help=bash");
        SIREN_TRY(tools[i].run(2, (char *[]){name, option, NULL}));
    }
    if (help >= SIREN_HELP_BASH) siren_program_help(help, true, stdout);
    return SIREN_OK;
}

/* A file must not get the number of a closed standard stream: messages would land in it. Opened for reading, a standard
 * output that was closed is still an error to print to. */
static void fill_standard_streams(void) {
    int fd;
    do fd = open("/dev/null", O_RDONLY);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0) close(fd);
}

int main(int argc, char **argv) {
    fill_standard_streams();
    signal(SIGXFSZ, SIG_IGN); /* a file over the limit (ulimit -f) is a failed write then, with its message */
    const char *names[N_TOOLS];
    for (size_t i = 0; i < N_TOOLS; i++) names[i] = tools[i].name;
    if (argc < 2) {
        siren_program_help(SIREN_HELP_TEXT, false, stderr);
        return siren_exit_code(SIREN_USAGE);
    }
    const char *name = habit(argv[1]);
    if (strcmp(name, "--version") == 0) {
        printf("sirencl %s\n", siren_version());
        return siren_terminal_exit(SIREN_OK);
    }
    bool help = strcmp(name, "help") == 0;
    const siren_help asked = help && argc == 2 ? SIREN_HELP_TEXT : siren_help_parse(name);
    if (asked) return siren_terminal_exit(print_help(asked));
    if (help) name = argv[2];
    for (size_t i = 0; i < N_TOOLS; i++) {
        if (strcmp(name, names[i]) != 0) continue;
        if (!tools[i].run) {
            fprintf(stderr,
                    "sirencl: %s needs OpenCL, which this sirencl was built without; build it with "
                    "-DSIREN_OPENCL=ON\n",
                    name);
            return siren_exit_code(SIREN_UNSUPPORTED);
        }
        if (help) return siren_terminal_exit(tools[i].run(2, (char *[]){argv[2], "--help", NULL}));
        return siren_terminal_exit(tools[i].run(argc - 1, argv + 1));
    }
    const char *nearest = siren_nearest_name(name + strspn(name, "-"), names, N_TOOLS);
    fprintf(stderr, "sirencl: unknown command '%s'%s%s%s; see 'sirencl --help'\n", name,
            nearest ? " (did you mean " : "", nearest ? nearest : "", nearest ? "?)" : "");
    return siren_exit_code(SIREN_USAGE);
}
