/* sirencl decompress */
#include "tools/tools.h"

#include <stdio.h>

int siren_tool_decompress(int argc, char **argv) {
    siren_decompress_options decompress = {.memory_limit = siren_tool_memory()};
    siren_common_options common = {0};
    const char *device_choice = NULL, *files[2];
    const siren_option options[] = {
        {"slices", "A:B", "restore only slices A to B-1, counted from 0", SIREN_OPTION_SPAN,
         &decompress.slices, 0, 0},
        {"volumes", "A:B", "restore only volumes A to B-1, counted from 0", SIREN_OPTION_SPAN,
         &decompress.volumes, 0, 0},
        {"device", "D", SIREN_HOST_DEVICE_HELP, SIREN_OPTION_TEXT, &device_choice, 0, 0},
        {"force", NULL, "replace files that exist", SIREN_OPTION_FLAG, &decompress.overwrite, 0, 0},
        {"memory", "BYTES", SIREN_MEMORY_HELP, SIREN_OPTION_BYTES, &decompress.memory_limit, 0x1p20, 0x1p62},
        SIREN_COMMON_OPTIONS(common),
    };
    const siren_usage usage = {.command = "decompress",
                               .arguments = "IN.siren OUT.nii[.gz]",
                               .n_arguments = 2,
                               .summary = "Restores the series with its original header, extensions, "
                                          "datatype, scaling, byte order and NIfTI version, and\n"
                                          "the attached files beside it. Each block is checked against its "
                                          "checksum: any device gives the same bits.",
                               .example =
                                   "sirencl decompress --slices 20:21 --volumes 0:5 dwi.siren slice20.nii.gz",
                               .options = options,
                               .n_options = sizeof options / sizeof *options};
    int exit_code;
    if (!siren_terminal_begin(&usage, &common, argc, argv, files, &exit_code)) return exit_code;

    siren_status status = SIREN_OK;
    siren_device *device = NULL;
    double start = siren_clock();
    siren_terminal_catch_interrupt();
    SIREN_TRY(siren_tool_open_decoder(device_choice, &device));
    SIREN_TRY(siren_decompress(device, files[0], files[1], &decompress, siren_terminal_progress, NULL));
    siren_terminal_end_progress();
    if (!common.quiet)
        printf("%s: restored in %.2f s on %s\n", files[1], siren_clock() - start,
               siren_tool_device_name(device));
done:
    siren_device_close(device);
    return siren_terminal_exit(status);
}
