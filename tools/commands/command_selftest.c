/* sirencl selftest */
#include "tools/tools.h"

#include <stdio.h>

static void print_result(void *user, const char *name, double difference, double bound, bool passed) {
    (void)user;
    printf("%-6s  %-32s difference %.3g, bound %.3g\n", passed ? "ok" : "FAILED", name, difference, bound);
    fflush(stdout);
}

siren_status siren_tool_selftest(int argc, char **argv) {
    siren_common_options common = {0};
    const char *device_choice = NULL, *gemm = NULL;
    const siren_option options[] = {
        SIREN_TEXT("device", "D", SIREN_DEVICE_HELP, &device_choice),
        SIREN_TEXT("gemm", "WHO", SIREN_GEMM_HELP, &gemm),
        SIREN_COMMON_OPTIONS(common),
    };
    const siren_usage usage = {.command = "selftest",
                               .arguments = "",
                               .summary = "Runs every kernel on the device and compares its results with "
                                          "plain C. Exit code 10 where one differs.",
                               SIREN_OPTION_TABLE(options)};
    siren_status status;
    if (!siren_terminal_begin(&usage, &common, argc, argv, NULL, &status)) return status;

    SIREN_AT_END(siren_device_close_at) siren_device *device = NULL;
    SIREN_TRY(siren_tool_open_device(device_choice, false, &device));
    siren_tune_load(device);
    SIREN_TRY(siren_tool_use_gemm(device, gemm, false));
    if (!common.quiet) printf("%s\n", siren_device_name(device));
    return siren_selftest(device, common.quiet ? NULL : print_result, NULL);
}
