/* sirencl view */
#include "tools/report/view_page.h"
#include "tools/tools.h"

#include <stdio.h>

siren_status siren_tool_view(int argc, char **argv) {
    siren_view_options view = {.command = "view", .montage = {.memory_limit = siren_tool_memory()}};
    siren_common_options common = {0};
    const char *device_choice = NULL, *files[2] = {NULL};
    const siren_option options[] = {
        SIREN_TEXT("output", "PAGE", "the page (also -o)", &view.page),
        {"volume", "V", "shown beside the first without diffusion weighting; else the first of the highest b",
         SIREN_OPTION_SPAN, &view.montage.volume, 0, 0},
        SIREN_TEXT("mask", "FILE", "errors are told of its inside only; needs ORIGINAL" SIREN_MASK_AUTO_HELP,
                   &view.montage.mask),
        SIREN_TEXT("device", "D", SIREN_HOST_OPENCL_DEVICE_HELP, &device_choice),
        SIREN_FLAG("force", "replace the page", &view.overwrite),
        {"memory", "BYTES", SIREN_MEMORY_HELP, SIREN_OPTION_BYTES, &view.montage.memory_limit, 0x1p20,
         0x1p62},
        SIREN_COMMON_OPTIONS(common),
    };
    const siren_usage usage = {
        .command = "view",
        .arguments = "A.siren [ORIGINAL.nii[.gz]]",
        .n_arguments = 1,
        .n_more_arguments = 1,
        .summary =
            "Writes one self-contained HTML page to look at: slices of a volume without diffusion weighting "
            "and of one with it, the PSNR of each slice, the size beside that of gzip, network and "
            "provenance; beside the original also errors, as maps and figures.",
        .example = "sirencl view dwi.siren dwi.nii.gz -o dwi.html",
        SIREN_OPTION_TABLE(options)};
    siren_status status;
    if (!siren_terminal_begin(&usage, &common, argc, argv, files, &status)) return status;

    siren_device *device = NULL;
    SIREN_AT_END(siren_tool_mask_free) siren_tool_mask made = {NULL, NULL};
    if (!view.page) return siren_fail(SIREN_USAGE, "no page was named; add -o PAGE.html");
    view.montage.result = files[0];
    view.montage.original = files[1];
    siren_terminal_catch_interrupt();
    SIREN_TRY(siren_tool_open_decoder(device_choice, &device));
    if (files[1]) SIREN_TRY(siren_tool_make_mask(files[1], NULL, NULL, &view.montage.mask, &made));
    SIREN_TRY(siren_view_page_write(device, &view, siren_terminal_progress, NULL));
    siren_terminal_end_progress();
    if (!common.quiet) printf("%s: written\n", view.page);
    return SIREN_OK;
}
