/* sirencl: dispatch to the subcommands. */
#include "host/names.h"
#include "tools/tools.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *name, *help;
    siren_status (*run)(int argc, char **argv); /* NULL: needs OpenCL, which this program was built without */
} tools[] = {
#define X(name, help) {#name, help, siren_tool_##name},
#ifdef SIREN_WITHOUT_OPENCL
#define Y(name, help) {#name, help, NULL},
#else
#define Y X
#endif
    SIREN_TOOL_MAP(X, Y)
#undef Y
#undef X
};
#define N_TOOLS (sizeof tools / sizeof *tools)

static void print_exit_codes(FILE *out) {
    static const struct {
        int code;
        const char *meaning;
    } codes[] = {
#define X(name, value, exit_code, meaning) {exit_code, meaning},
        SIREN_STATUS_MAP(X)
#undef X
    };
    fputs("\nExit codes:\n", out);
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (i > 0 && codes[i].code == codes[i - 1].code)
            fprintf(out, "       or %s\n", codes[i].meaning);
        else
            fprintf(out, "  %3d  %s\n", codes[i].code, codes[i].meaning);
}

/* What users of zstd, xz and gzip have in their fingers. */
static const char *habit(const char *name) {
    static const char *const habits[][2] = {{"-t", "verify"}, {"-l", "info"}, {"-d", "decompress"}};
    for (size_t i = 0; i < sizeof habits / sizeof *habits; i++)
        if (strcmp(name, habits[i][0]) == 0) return habits[i][1];
    return name;
}

static void print_help(FILE *out) {
    fputs("Usage: sirencl COMMAND [OPTIONS] FILES\n\n"
          "Compresses diffusion MRI series by overfitting a small sine-activation network to each "
          "slice.\n\nCommands:\n",
          out);
    for (size_t i = 0; i < N_TOOLS; i++)
        if (tools[i].run) fprintf(out, "  %-11s %s\n", tools[i].name, tools[i].help);
    fputs("\n'sirencl COMMAND --help' tells its options. Options may stand anywhere; after '--' everything "
          "is a file name.\n"
          "'-' is standard input or output; -t, -l and -d are verify, info and decompress.\n"
          "MRtrix's -force, -nthreads N, -quiet and -info (--verbose) are understood, too.\n"
          "\nEnvironment:\n"
          "  SIRENCL_DEVICE      the device where --device is not given\n"
          "  SIRENCL_TUNE=off    kernels as if 'sirencl tune' had never run\n"
          "  SIRENCL_KERNEL_DIR  folder of kernel sources to use instead of the built-in ones\n"
          "  SIRENCL_DRIVER_LIMIT\n"
          "                      seconds after which a driver that hangs is given up, else 20\n",
          out);
    print_exit_codes(out);
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
        print_help(stderr);
        return siren_exit_code(SIREN_USAGE);
    }
    const char *name = habit(argv[1]);
    if (strcmp(name, "--version") == 0) {
        printf("sirencl %s\n", siren_version());
        return siren_terminal_exit(SIREN_OK);
    }
    bool help = strcmp(name, "help") == 0;
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || (help && argc == 2)) {
        print_help(stdout);
        return siren_terminal_exit(SIREN_OK);
    }
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
