/* sirencl glyphs */
#include "tools/tools.h"

#include "tools/figures/glyph_figure.h"
#include "tools/figures/gnuplot_picture.h"

siren_status siren_tool_glyphs(int argc, char **argv) {
    siren_glyph_figure_options glyphs = {.memory_limit = siren_tool_memory()};
    siren_common_options common = {0};
    const char *folder = NULL, *label_text = NULL;
    const char *folders[SIREN_FIGURE_MOST_RESULTS] = {NULL}, *labels[SIREN_FIGURE_MOST_RESULTS];
    bool overwrite = false;
    const siren_option options[] = {
        SIREN_TEXT("output", "DIR", "folder for the figure (also -o)", &folder),
        {"slice", "Z", "counted from 0 in the original; else the middle one", SIREN_OPTION_SPAN,
         &glyphs.slice, 0, 0},
        {"x", "A:B", "glyphs of voxels A to B-1 along x", SIREN_OPTION_SPAN, &glyphs.x, 0, 0},
        {"y", "A:B", "glyphs of voxels A to B-1 along y", SIREN_OPTION_SPAN, &glyphs.y, 0, 0},
        SIREN_TEXT("labels", "A,B,...", "above the results; else names of the folders", &label_text),
        SIREN_FLAG("force", "replace files that exist", &overwrite),
        {"memory", "BYTES", SIREN_MEMORY_HELP, SIREN_OPTION_BYTES, &glyphs.memory_limit, 0x1p20, 0x1p62},
        SIREN_COMMON_OPTIONS(common),
    };
    const siren_usage usage = {
        .command = "glyphs",
        .arguments = "EVALUATION...",
        .n_arguments = 1,
        .n_more_arguments = SIREN_FIGURE_MOST_RESULTS - 1,
        .summary =
            "Draws the diffusion in one slice of an original and of up to eight results, from the folders "
            "that\n"
            "'sirencl evaluate' made of them: colour-coded anisotropy, tensor ellipsoids, fibre orientation\n"
            "distributions. Needs gnuplot; see docs/panels.md.",
        .example = "sirencl glyphs evaluation128 evaluation256 --slice 40 --x 40:70 --y 50:80 -o glyphs",
        SIREN_OPTION_TABLE(options)};
    siren_status status;
    if (!siren_terminal_begin(&usage, &common, argc, argv, folders, &status)) return status;

    SIREN_AT_END(siren_staging_discard_at) siren_staging *staging = NULL;
    SIREN_FREE_AT_END char *label_bytes = NULL;
    glyphs.evaluations = folders;
    glyphs.wording.labels = labels;
    while (glyphs.n < SIREN_FIGURE_MOST_RESULTS && folders[glyphs.n]) glyphs.n++;
    siren_terminal_catch_interrupt();
    if (!folder) return siren_fail(SIREN_USAGE, "no folder for the figure was given; add -o DIR");
    SIREN_TRY(siren_picture_labels(label_text, glyphs.evaluations, glyphs.n, &label_bytes, labels));
    SIREN_TRY(siren_glyph_figure_open(folder, overwrite, &staging));
    SIREN_TRY(siren_staging_guard(staging, SIREN_GLYPHS_MARK, NULL, 0));
    SIREN_TRY(siren_glyph_figure_draw(&glyphs, staging, siren_terminal_progress, NULL));
    return siren_staging_commit(SIREN_TAKE(staging));
}
