/* sirencl panel */
#include "tools/tools.h"

#include "tools/figures/panel_figure.h"
#include "tools/figures/gnuplot_picture.h"

siren_status siren_tool_panel(int argc, char **argv) {
    siren_panel_options panel = {.memory_limit = siren_tool_memory()};
    siren_common_options common = {0};
    siren_span slice = {0, 0};
    const char *device_choice = NULL, *folder = NULL, *label_text = NULL;
    const char *files[1 + SIREN_FIGURE_MOST_RESULTS] = {NULL}, *labels[SIREN_FIGURE_MOST_RESULTS];
    bool overwrite = false;
    const siren_option options[] = {
        SIREN_TEXT("output", "DIR", "folder for the figure (also -o)", &folder),
        {"slice", "Z", "counted from 0 in the original; else the middle one", SIREN_OPTION_SPAN, &slice, 0,
         0},
        {"volume", "V", "counted from 0", SIREN_OPTION_SIZE, &panel.volume, 0, 0x1p31},
        {"x", "A:B", "show only voxels A to B-1 along x", SIREN_OPTION_SPAN, &panel.x, 0, 0},
        {"y", "A:B", "show only voxels A to B-1 along y", SIREN_OPTION_SPAN, &panel.y, 0, 0},
        SIREN_TEXT("mask", "FILE", "relative errors and SSIM only inside" SIREN_MASK_AUTO_HELP, &panel.mask),
        SIREN_TEXT("labels", "A,B,...", "above the results; else their file names", &label_text),
        SIREN_TEXT("device", "D", SIREN_HOST_OPENCL_DEVICE_HELP, &device_choice),
        SIREN_FLAG("force", "replace files that exist", &overwrite),
        {"memory", "BYTES", SIREN_MEMORY_HELP, SIREN_OPTION_BYTES, &panel.memory_limit, 0x1p20, 0x1p62},
        SIREN_COMMON_OPTIONS(common),
    };
    const siren_usage usage = {
        .command = "panel",
        .arguments = "ORIGINAL.nii[.gz] RESULT...",
        .n_arguments = 2,
        .n_more_arguments = SIREN_FIGURE_MOST_RESULTS - 1,
        .summary =
            "Draws what up to eight results, images or archives, have made of one slice of one volume: "
            "values, relative\nerrors and SSIM on common scales. Needs gnuplot; see docs/panels.md.",
        .example = "sirencl panel dwi.nii.gz a.siren b.siren --slice 40 -o panel",
        SIREN_OPTION_TABLE(options)};
    siren_status status;
    if (!siren_terminal_begin(&usage, &common, argc, argv, files, &status)) return status;

    siren_device *device = NULL;
    SIREN_AT_END(siren_staging_discard_at) siren_staging *staging = NULL;
    SIREN_AT_END(siren_tool_mask_free) siren_tool_mask made = {NULL, NULL};
    SIREN_FREE_AT_END char *label_bytes = NULL;
    panel.original = files[0];
    panel.results = files + 1;
    while (panel.n_results < SIREN_FIGURE_MOST_RESULTS && files[1 + panel.n_results]) panel.n_results++;
    siren_terminal_catch_interrupt();
    if (!folder) return siren_fail(SIREN_USAGE, "no folder for the figure was given; add -o DIR");
    SIREN_TRY(siren_picture_slice(files[0], slice, &panel.z));
    SIREN_TRY(siren_picture_labels(label_text, panel.results, panel.n_results, &label_bytes, labels));
    SIREN_TRY(siren_tool_open_decoder(device_choice, &device));
    SIREN_TRY(siren_tool_make_mask(files[0], NULL, NULL, &panel.mask, &made));
    SIREN_TRY(siren_panel_figure_open(folder, overwrite, &staging));
    SIREN_TRY(siren_staging_guard(staging, SIREN_PANEL_MARK, NULL, 0));
    const siren_picture_wording wording = {.labels = labels};
    SIREN_TRY(siren_panel_figure_draw(device, &panel, &wording, staging, siren_terminal_progress, NULL));
    return siren_staging_commit(SIREN_TAKE(staging));
}
