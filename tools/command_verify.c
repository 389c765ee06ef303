/* sirencl verify */
#include "engine/model/blocks.h"
#include "tools/tools.h"

#include <stdio.h>

siren_status siren_tool_verify(int argc, char **argv) {
    siren_common_options common = {0};
    const char *device_choice = NULL, *file[1];
    size_t memory = siren_tool_memory();
    const siren_option options[] = {
        SIREN_TEXT("device", "D", SIREN_HOST_OPENCL_DEVICE_HELP, &device_choice),
        {"memory", "BYTES", SIREN_MEMORY_HELP, SIREN_OPTION_BYTES, &memory, 0x1p20, 0x1p62},
        SIREN_COMMON_OPTIONS(common),
    };
    const siren_usage usage = {
        .command = "verify",
        .arguments = "A.siren",
        .n_arguments = 1,
        .summary =
            "Checks every checksum of the archive, decodes every block and compares it with its checksum.\n"
            "Exit code 3 for a damaged archive, 5 where a block decodes to other bits.",
        .example = "sirencl verify --device host dwi.siren",
        SIREN_OPTION_TABLE(options)};
    siren_status status;
    if (!siren_terminal_begin(&usage, &common, argc, argv, file, &status)) return status;

    SIREN_AT_END(siren_device_close_at) siren_device *device = NULL;
    size_t n_blocks = 0;
    SIREN_AT_END(siren_archive_info_free) siren_archive_info info = {0};
    double start = siren_clock();
    siren_terminal_catch_interrupt();
    SIREN_TRY(siren_tool_open_decoder(device_choice, &device));
    SIREN_TRY(siren_verify_file(device, file[0], memory, siren_terminal_progress, NULL, &n_blocks));
    SIREN_TRY(siren_info(file[0], &info));
    siren_terminal_end_progress();
    if (!common.quiet)
        printf("%s: sound; %zu %s%s to the recorded bits on %s (%.2f s)\n", file[0], n_blocks,
               siren_block_kind_name(info.block_kind, n_blocks), n_blocks == 1 ? " decodes" : " decode",
               siren_device_name(device), siren_clock() - start);
    return SIREN_OK;
}
