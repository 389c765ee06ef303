/* sirencl compare */
#include "tools/tools.h"

#include <stdio.h>

#ifndef SIREN_WITHOUT_OPENCL
#include "tools/report/view_page.h"
#endif

static siren_status print_json(const siren_comparison *c) {
    SIREN_AT_END(siren_json_free_at) siren_json *json = NULL;
    SIREN_TRY(siren_json_create(&json));
    siren_json_number(json, "mse", c->mse);
    siren_json_number(json, "psnr", c->psnr);
    siren_json_number(json, "max_abs_error", c->max_abs_error);
    siren_json_number(json, "relative_error", c->relative_error);
    siren_json_number(json, "minimum", c->minimum);
    siren_json_number(json, "maximum", c->maximum);
    siren_json_integer(json, "apart", c->n_apart);
    siren_json_integer(json, "voxels", c->n_voxels);
    siren_json_integer(json, "relative_voxels", c->n_relative);
    siren_json_integer(json, "unequal_finite", c->n_unequal_finite);
    return siren_tool_print_json(json);
}

static void print_text(const siren_comparison *c) {
    char count[32];
    printf("MSE             %.9g\n", c->mse);
    printf("PSNR            %.4f dB (peak %.9g - %.9g)\n", c->psnr, c->maximum, c->minimum);
    printf("                one peak for all; the scaled PSNR of an archive has each volume of a block on "
           "its own range\n");
    printf("maximal error   %.9g\n", c->max_abs_error);
    printf("relative error  %.6g (mean over %s voxel%s other than 0)\n", c->relative_error,
           siren_format_integer(c->n_relative, count), siren_plural(c->n_relative));
    printf("voxels          %s\n", siren_format_integer(c->n_voxels, count));
    if (c->n_apart)
        printf("apart           %s voxel%s of the first image, far outside the rest and not in the peak\n",
               siren_format_integer(c->n_apart, count), siren_plural(c->n_apart));
    if (c->n_unequal_finite)
        printf("not compared    %s voxel%s: finite in one image only\n",
               siren_format_integer(c->n_unequal_finite, count), siren_plural(c->n_unequal_finite));
}

/* The page of --html: pictures, figures by slice. */
static siren_status write_page(const char *const files[2], const char *mask, size_t memory, const char *page,
                               bool overwrite) {
#ifdef SIREN_WITHOUT_OPENCL
    (void)files, (void)mask, (void)memory, (void)overwrite;
    return siren_fail(SIREN_UNSUPPORTED,
                      "%s: pages are written by a sirencl with OpenCL alone; build it with -DSIREN_OPENCL=ON",
                      page);
#else
    const siren_view_options view = {
        .command = "compare",
        .montage = {.original = files[0], .result = files[1], .mask = mask, .memory_limit = memory},
        .page = page,
        .overwrite = overwrite};
    return siren_view_page_write(NULL, &view, siren_terminal_progress, NULL);
#endif
}

siren_status siren_tool_compare(int argc, char **argv) {
    bool json = false, overwrite = false;
    siren_common_options common = {0};
    size_t memory = siren_tool_memory();
    const char *mask = NULL, *page = NULL, *files[2];
    const siren_option options[] = {
        SIREN_TEXT("mask", "FILE",
                   "3-D image; only voxels where it is not 0 count" SIREN_MASK_AUTO_HELP " of A", &mask),
        SIREN_TEXT("html", "PAGE", "a page to look at, too: slices, errors, PSNR of each slice", &page),
        SIREN_FLAG("force", "replace the page", &overwrite),
        SIREN_FLAG("json", "machine-readable output", &json),
        {"memory", "BYTES", SIREN_MEMORY_HELP, SIREN_OPTION_BYTES, &memory, 0x1p20, 0x1p62},
        SIREN_COMMON_OPTIONS(common),
    };
    const siren_usage usage = {.command = "compare",
                               .arguments = "A.nii[.gz] B.nii[.gz]",
                               .n_arguments = 2,
                               .summary = "Compares the intensities (slope and intercept applied) of two "
                                          "series of equal dimensions: mean squared error, PSNR\n"
                                          "with the first image's maximum minus minimum as peak, the largest "
                                          "absolute error, and the mean of |a-b|/|a|. With --html "
                                          "also a page like that of 'sirencl view'.",
                               .example = "sirencl compare --mask dwi_mask.nii.gz dwi.nii.gz restored.nii.gz",
                               SIREN_OPTION_TABLE(options)};
    siren_status status;
    if (!siren_terminal_begin(&usage, &common, argc, argv, files, &status)) return status;

    siren_comparison comparison;
    SIREN_AT_END(siren_tool_mask_free) siren_tool_mask made = {NULL, NULL};
    if (mask || page) siren_terminal_catch_interrupt(); /* a mask that is made takes long */
    SIREN_TRY(siren_tool_make_mask(files[0], NULL, NULL, &mask, &made));
    if (page) SIREN_TRY(write_page(files, mask, memory, page, overwrite));
    SIREN_TRY(siren_compare_files(files[0], files[1], mask, memory, &comparison));
    siren_terminal_end_progress();
    if (json) return print_json(&comparison);
    print_text(&comparison);
    return SIREN_OK;
}
