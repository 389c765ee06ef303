/* sirencl evaluate */
#include "tools/tools.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lab/evaluate/evaluate.h"
#include "host/names.h"
#include "tools/figures/panel_figure.h"
#include "tools/figures/gnuplot_picture.h"

/* "wm.nii,gm.nii,csf.nii" in place; borrowed from `text`. */
static siren_status parse_tissues(char *text, const char *tissues[3]) {
    char *first = strchr(text, ','), *second = first ? strchr(first + 1, ',') : NULL;
    bool three =
        second && first > text && second > first + 1 && second[1] != '\0' && !strchr(second + 1, ',');
    if (!three)
        return siren_fail(
            SIREN_USAGE,
            "--tissues is '%s' but must be three files: white matter, grey matter, fluid, joined by commas",
            text);
    *first = *second = '\0';
    tissues[0] = text;
    tissues[1] = first + 1;
    tissues[2] = second + 1;
    return SIREN_OK;
}

/* Draws --panel, if it was asked for, in `*staging`, which stays NULL otherwise. */
static siren_status draw_panel(siren_device *device, const siren_evaluate_options *evaluate,
                               const char *panel_text, siren_staging **staging) {
    siren_panel_options panel = {.original = evaluate->original,
                                 .results = &evaluate->result,
                                 .n_results = 1,
                                 .mask = evaluate->mask,
                                 .memory_limit = evaluate->memory_limit};
    SIREN_FREE_AT_END char *kept = NULL;
    const char *label;
    if (!panel_text) return SIREN_OK;
    SIREN_TRY(siren_panel_figure_parse(panel_text, &panel.z, &panel.volume));
    SIREN_TRY(siren_picture_labels(NULL, panel.results, 1, &kept, &label));
    SIREN_TRY(siren_panel_figure_open(evaluate->folder, evaluate->overwrite, staging));
    SIREN_TRY(siren_staging_guard(*staging, SIREN_PANEL_MARK, NULL, 0));
    const siren_picture_wording wording = {.labels = &label};
    return siren_panel_figure_draw(device, &panel, &wording, *staging, siren_terminal_progress, NULL);
}

static siren_status print_json(const siren_evaluation *e) {
    SIREN_AT_END(siren_json_free_at) siren_json *json = NULL;
    SIREN_TRY(siren_json_create(&json));
    siren_evaluation_json(e, json);
    return siren_tool_print_json(json);
}

static void print_errors(const siren_evaluation *e, siren_quantity quantity) {
    const siren_evaluated *evaluated = &e->quantities[quantity];
    for (siren_region r = 0; r < SIREN_N_REGIONS; r++) {
        const siren_error_statistics *s = &evaluated->regions[r];
        char counted[32], excluded[32], spread[40];
        if (!evaluated->done || !e->has_region[r]) continue;
        snprintf(spread, sizeof spread, "%.4g +- %.4g", s->mean, s->std);
        printf("  %-10s %-6s %-22s %-9.4g %-9.4g %s",
               r == SIREN_REGION_BRAIN ? siren_quantity_name(quantity) : "", siren_region_name(e, r), spread,
               s->median, s->p95, siren_format_integer(s->n, counted));
        if (s->n_excluded) printf(" (%s excluded)", siren_format_integer(s->n_excluded, excluded));
        putchar('\n');
    }
}

static void print_text(const siren_evaluation *e) {
    if (e->part)
        printf("judged          slices %zu:%zu, the ones that the archive holds\n", e->judged.begin,
               e->judged.end);
    printf("MSE             %.9g\n", e->mse);
    printf("PSNR            %.4f dB (peak %.9g - %.9g)\n", e->psnr, e->maximum, e->minimum);
    if (e->masked) printf("  in the mask   MSE %.9g, PSNR %.4f dB\n", e->mse_masked, e->psnr_masked);
    printf("  of slices     %.4f dB, mean of %zu, each volume scaled to its range in the slice\n",
           e->slices.psnr, e->slices.n);
    printf("maximal error   %.9g\n", e->max_abs_error);
    if (!isnan(e->ssim)) printf("SSIM            %.6f (7 x 7 uniform window)\n", e->ssim);
    if (!isnan(e->ssim_gaussian)) printf("SSIM            %.6f (Gaussian window)\n", e->ssim_gaussian);
    printf("relative error  %-7s%-22s %-9s %-9s %s\n", "", "mean +- std", "median", "95th %", "voxels");
    for (siren_quantity q = 0; q < SIREN_N_QUANTITIES; q++) print_errors(e, q);
}

/* Quantities that are missing for one reason are named together. PARTIAL where one of them failed. */
static siren_status report_missing(const siren_evaluate_options *asked, const siren_evaluation *e) {
    bool failed = false;
    for (siren_quantity q = 0; q < SIREN_N_QUANTITIES; q++) {
        const siren_evaluated *first = &e->quantities[q];
        char names[64];
        size_t at = (size_t)snprintf(names, sizeof names, "%s", siren_quantity_name(q));
        bool told = first->done || !asked->diffusion || (q == SIREN_QUANTITY_FOD && !asked->fod);
        for (siren_quantity other = 0; other < q && !told; other++)
            told = !e->quantities[other].done && strcmp(e->quantities[other].reason, first->reason) == 0;
        if (told) continue;
        for (siren_quantity other = q + 1; other < SIREN_N_QUANTITIES; other++)
            if (!e->quantities[other].done && strcmp(e->quantities[other].reason, first->reason) == 0)
                at += (size_t)snprintf(names + at, sizeof names - at, ", %s", siren_quantity_name(other));
        siren_terminal_warn("%s %s: %s", names, first->failed ? "failed" : "skipped", first->reason);
        failed |= first->failed;
    }
    return failed ? siren_fail(SIREN_PARTIAL, "some metrics failed; the others are complete") : SIREN_OK;
}

siren_status siren_tool_evaluate(int argc, char **argv) {
    siren_evaluate_options evaluate = {.memory_limit = siren_tool_memory(), .time_limit = 3600};
    siren_common_options common = {0};
    const char *device_choice = NULL, *tissues = NULL, *panel_text = NULL, *files[2];
    bool json = false, no_diffusion = false, no_fod = false;
    const siren_option options[] = {
        SIREN_TEXT("output", "DIR", "folder for maps and evaluation.json (also -o)", &evaluate.folder),
        SIREN_TEXT("mask", "FILE", "brain mask; else every voxel counts" SIREN_MASK_AUTO_HELP,
                   &evaluate.mask),
        SIREN_TEXT("tissues", "WM,GM,CSF", "three masks for statistics of each tissue", &tissues),
        SIREN_TEXT("bval", "FILE", "b-values; else those beside ORIGINAL", &evaluate.bval),
        SIREN_TEXT("bvec", "FILE", "directions; else those beside ORIGINAL", &evaluate.bvec),
        SIREN_FLAG("no-diffusion", "intensities only: do not run MRtrix3", &no_diffusion),
        SIREN_FLAG("no-fod", "no fibre orientation distributions, which take longest", &no_fod),
        {"time-limit", "SECONDS", "for each program of MRtrix3; 0 for none", SIREN_OPTION_DOUBLE,
         &evaluate.time_limit, 0, 1e9},
        SIREN_TEXT(
            "panel", "Z[,V]",
            "draw slice Z of volume V (else 0): values, relative\nerror, SSIM, as 'sirencl panel' does",
            &panel_text),
        SIREN_TEXT("device", "D", SIREN_HOST_OPENCL_DEVICE_HELP, &device_choice),
        SIREN_FLAG("json", "machine-readable output", &json),
        SIREN_FLAG("force", "replace files that exist", &evaluate.overwrite),
        {"memory", "BYTES", SIREN_MEMORY_HELP, SIREN_OPTION_BYTES, &evaluate.memory_limit, 0x1p20, 0x1p62},
        SIREN_COMMON_OPTIONS(common),
    };
    const siren_usage usage = {
        .command = "evaluate",
        .arguments = "ORIGINAL.nii[.gz] RESULT.nii[.gz]|RESULT.siren",
        .n_arguments = 2,
        .summary =
            "Judges what compression or processing has made of a series: MSE, PSNR, SSIM (Wang 2004), "
            "relative errors\n"
            "of intensities and, through MRtrix3 where it is installed, of FA, MD, RISH0, RISH2 and "
            "fibre orientation\n"
            "distributions, in the brain and in each tissue. Maps go to a folder; see docs/evaluate.md.",
        .example = "sirencl evaluate dwi.nii.gz dwi.siren --mask dwi_mask.nii.gz -o evaluation",
        SIREN_OPTION_TABLE(options)};
    siren_status status;
    if (!siren_terminal_begin(&usage, &common, argc, argv, files, &status)) return status;

    siren_device *device = NULL;
    SIREN_AT_END(siren_evaluation_free) siren_evaluation evaluation = {0};
    SIREN_AT_END(siren_staging_discard_at) siren_staging *staging = NULL; /* of the panel */
    SIREN_FREE_AT_END char *tissue_text = NULL;
    SIREN_AT_END(siren_tool_mask_free) siren_tool_mask made = {NULL, NULL};
    evaluate.original = files[0];
    evaluate.result = files[1];
    evaluate.diffusion = !no_diffusion;
    evaluate.fod = !no_fod;
    siren_terminal_catch_interrupt();
    if (!evaluate.folder) return siren_fail(SIREN_USAGE, "no folder for the maps was given; add -o DIR");
    if (tissues) {
        tissue_text = strdup(tissues);
        SIREN_TRY(tissue_text ? parse_tissues(tissue_text, evaluate.tissues)
                              : siren_fail(SIREN_SYSTEM, "out of memory: --tissues"));
    }
    if (siren_has_suffix(files[1], ".siren")) SIREN_TRY(siren_tool_open_decoder(device_choice, &device));
    SIREN_TRY(siren_tool_make_mask(files[0], evaluate.bval, evaluate.bvec, &evaluate.mask, &made));
    SIREN_TRY(draw_panel(device, &evaluate, panel_text, &staging));
    SIREN_TRY(siren_evaluate(device, &evaluate, siren_terminal_progress, NULL, &evaluation));
    if (staging) SIREN_TRY(siren_staging_commit(SIREN_TAKE(staging)));
    siren_terminal_end_progress();
    if (json)
        SIREN_TRY(print_json(&evaluation));
    else
        print_text(&evaluation);
    return report_missing(&evaluate, &evaluation);
}
