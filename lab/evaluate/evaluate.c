#include "lab/evaluate/evaluate.h"

#include "lab/evaluate/evaluate_input.h"
#include "engine/model/grid.h"
#include "lab/evaluate/evaluated_originals.h"
#include "lab/evaluate/slices_cut.h"
#include "lab/evaluate/ssim.h"
#include "lab/run/run_folder.h"
#include "formats/nifti.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N_IMAGE_STEPS 6 /* of progress, before MRtrix3 */

/* All that may appear in the folder; evaluation.json at last. */
static const char *const output_names[] = {"relative_error.nii.gz",
                                           "ssim.nii.gz",
                                           "ssim_gaussian.nii.gz",
                                           "fa_relative_error.nii.gz",
                                           "md_relative_error.nii.gz",
                                           "rish0_relative_error.nii.gz",
                                           "rish2_relative_error.nii.gz",
                                           "fod_relative_error.nii.gz",
                                           "original_tensor.nii.gz",
                                           "original_fa.nii.gz",
                                           "original_md.nii.gz",
                                           "original_rish.nii.gz",
                                           "original_fod.nii.gz",
                                           "result_tensor.nii.gz",
                                           "result_fa.nii.gz",
                                           "result_md.nii.gz",
                                           "result_rish.nii.gz",
                                           "result_fod.nii.gz",
                                           "evaluation.json"};

/* Where a quantity comes from: volumes of the images that a pipeline makes of both series. */
static const struct {
    const char *name, *image, *map;
    siren_pipeline pipeline;
    size_t volume; /* of the image */
    bool vectors;  /* its volumes are the components of one vector in each voxel */
} quantities[SIREN_N_QUANTITIES] = {
    [SIREN_QUANTITY_INTENSITY] = {"intensity", NULL, "relative_error.nii.gz", SIREN_N_PIPELINES, 0, false},
    [SIREN_QUANTITY_FA] = {"fa", "fa", "fa_relative_error.nii.gz", SIREN_PIPELINE_TENSOR, 0, false},
    [SIREN_QUANTITY_MD] = {"md", "md", "md_relative_error.nii.gz", SIREN_PIPELINE_TENSOR, 0, false},
    [SIREN_QUANTITY_RISH0] = {"rish0", "rish", "rish0_relative_error.nii.gz", SIREN_PIPELINE_HARMONICS, 0,
                              false},
    [SIREN_QUANTITY_RISH2] = {"rish2", "rish", "rish2_relative_error.nii.gz", SIREN_PIPELINE_HARMONICS, 1,
                              false},
    [SIREN_QUANTITY_FOD] = {"fod", "fod", "fod_relative_error.nii.gz", SIREN_PIPELINE_FOD, 0, true},
};

typedef struct {
    siren_device *device;
    const siren_evaluate_options *options;
    siren_progress_fn progress;
    void *user;
    size_t n_done; /* image steps */
    siren_staging *staging;
    siren_evaluation_input in;
    float *errors; /* (n_volumes, nz, ny, nx) */
    float *map;    /* (nz, ny, nx) */
    siren_evaluation evaluation;
} evaluating;

const char *siren_quantity_name(siren_quantity quantity) { return quantities[quantity].name; }

const char *siren_region_name(const siren_evaluation *evaluation, siren_region region) {
    static const char *const names[SIREN_N_REGIONS] = {"brain", "wm", "gm", "csf"};
    return region == SIREN_REGION_BRAIN && !evaluation->masked ? "all" : names[region];
}

void siren_evaluation_free(siren_evaluation *evaluation) {
    if (!evaluation) return;
    for (int i = 0; i < SIREN_N_QUANTITIES; i++) free(evaluation->quantities[i].reason);
    *evaluation = (siren_evaluation){0};
}

static siren_status advance(evaluating *run) {
    if (!run->progress || run->progress(run->user, (double)++run->n_done, N_IMAGE_STEPS, "images"))
        return SIREN_OK;
    return siren_fail(SIREN_CANCELLED, "the evaluation was interrupted; nothing was written");
}

static size_t n_grid_of(const evaluating *run) {
    const siren_geometry *g = &run->in.original.geometry;
    return g->nx * g->ny * g->nz;
}

/* ---- input ---- */

static siren_status read_input(evaluating *run) {
    const siren_evaluate_options *o = run->options;
    SIREN_TRY(siren_evaluation_input_original(&run->in));
    run->evaluation.masked = o->mask != NULL;
    run->evaluation.judged = run->in.slices;
    run->evaluation.part = siren_evaluation_input_is_part(&run->in);
    for (int region = 0; region < SIREN_N_REGIONS; region++)
        run->evaluation.has_region[region] = run->in.masks[region] || region == SIREN_REGION_BRAIN;
    SIREN_TRY(siren_staging_open(o->folder, output_names, sizeof output_names / sizeof *output_names,
                                 o->overwrite, &run->staging));
    const char *const inputs[] = {o->original,   o->result,     o->mask, o->tissues[0],
                                  o->tissues[1], o->tissues[2], o->bval, o->bvec};
    SIREN_TRY(siren_staging_guard(run->staging, "evaluation.json", inputs, sizeof inputs / sizeof *inputs));
    SIREN_TRY(siren_evaluation_input_result(&run->in, run->device, run->staging, run->progress, run->user));
    SIREN_TRY(siren_allocate(&run->errors, siren_geometry_voxels(&run->in.original.geometry),
                             sizeof *run->errors, "relative errors"));
    SIREN_TRY(siren_allocate(&run->map, n_grid_of(run), sizeof *run->map, "a map"));
    return advance(run);
}

/* ---- intensities ---- */

/* Writes run->map as `name` of the hidden folder. */
static siren_status write_map(evaluating *run, const char *name) {
    siren_geometry geometry = run->in.original.geometry;
    SIREN_FREE_AT_END uint8_t *header = NULL;
    SIREN_FREE_AT_END char *path = NULL;
    SIREN_TRY(siren_nifti_map_header(run->in.original.header, &geometry, &header));
    SIREN_TRY(siren_staging_path(run->staging, name, &path));
    return siren_series_write(&(siren_series){.geometry = geometry, .header = header, .voxels = run->map},
                              path);
}

static double psnr_of(double peak, double mse) { return mse > 0 ? 10 * log10(peak * peak / mse) : INFINITY; }

static siren_status compare_intensities(evaluating *run) {
    siren_evaluation *e = &run->evaluation;
    const uint8_t *mask = run->in.masks[SIREN_REGION_BRAIN];
    siren_comparison whole, masked = {.mse = NAN};
    SIREN_TRY(siren_compare_series(&run->in.original, &run->in.result, NULL, &whole));
    if (mask) SIREN_TRY(siren_compare_series(&run->in.original, &run->in.result, mask, &masked));
    const double peak = whole.maximum - whole.minimum;
    if (!(peak > 0))
        return siren_fail(SIREN_USAGE,
                          "%s: every voxel is %g, and errors are measured by the range of values; give an "
                          "image that is not constant",
                          run->options->original, whole.minimum);
    e->minimum = whole.minimum;
    e->maximum = whole.maximum;
    e->mse = whole.mse;
    e->psnr = whole.psnr;
    e->max_abs_error = whole.max_abs_error;
    e->mse_masked = masked.mse;
    e->psnr_masked = mask ? psnr_of(peak, e->mse_masked) : NAN;
    SIREN_TRY(siren_compare_slices(&run->in.original, &run->in.result, &e->slices));
    return advance(run);
}

static siren_status similarity(evaluating *run, siren_ssim_window window, const char *name, double *mean) {
    const siren_geometry *g = &run->in.original.geometry;
    const siren_evaluation *e = &run->evaluation;
    const size_t size = siren_ssim_window_size(window);
    *mean = NAN;
    if (g->nx < size || g->ny < size) {
        siren_log(SIREN_LOG_WARNING,
                  "slices of %zu x %zu are smaller than the SSIM window of %zu x %zu, which is left out",
                  g->nx, g->ny, size, size);
        return advance(run);
    }
    SIREN_TRY(siren_ssim_series(window, &run->in.original, &run->in.result, e->maximum - e->minimum, run->map,
                                mean));
    SIREN_TRY(write_map(run, name));
    return advance(run);
}

/* Statistics and map of run->errors, which holds n_volumes of them for each voxel. */
static siren_status summarise_errors(evaluating *run, siren_quantity quantity, size_t n_volumes) {
    const size_t n = n_grid_of(run);
    siren_evaluated *evaluated = &run->evaluation.quantities[quantity];
    for (int region = 0; region < SIREN_N_REGIONS; region++)
        if (run->evaluation.has_region[region])
            SIREN_TRY(siren_error_statistics_of(run->errors, n, n_volumes, run->in.masks[region],
                                                &evaluated->regions[region]));
    siren_error_map(run->errors, n, n_volumes, run->in.masks[SIREN_REGION_BRAIN], run->map);
    SIREN_TRY(write_map(run, quantities[quantity].map));
    evaluated->done = true;
    return SIREN_OK;
}

static siren_status evaluate_intensities(evaluating *run) {
    const size_t n_volumes = run->in.original.geometry.n_volumes;
    SIREN_TRY(compare_intensities(run));
    SIREN_TRY(similarity(run, SIREN_SSIM_UNIFORM, "ssim.nii.gz", &run->evaluation.ssim));
    SIREN_TRY(similarity(run, SIREN_SSIM_GAUSSIAN, "ssim_gaussian.nii.gz", &run->evaluation.ssim_gaussian));
    siren_relative_errors(&run->in.original, &run->in.result, 0, n_volumes, run->in.masks[SIREN_REGION_BRAIN],
                          run->errors);
    SIREN_TRY(advance(run));
    SIREN_TRY(summarise_errors(run, SIREN_QUANTITY_INTENSITY, n_volumes));
    return advance(run);
}

/* ---- diffusion metrics ---- */

static siren_status run_mrtrix(evaluating *run, siren_pipeline_outcome outcomes[SIREN_N_PIPELINES]) {
    const siren_evaluate_options *o = run->options;
    const char *hidden = siren_staging_folder(run->staging);
    siren_mrtrix_plan plan = {.folder = hidden, .fod = o->fod, .time_limit = o->time_limit};
    if (o->cache) SIREN_TRY(siren_originals_take(o->cache, hidden, &plan.made));
    SIREN_TRY(siren_evaluation_input_stage(&run->in, run->staging, &plan));
    SIREN_TRY(siren_mrtrix_run(&plan, run->progress, run->user, outcomes));
    return o->cache ? siren_originals_keep(o->cache, hidden, plan.made, outcomes) : SIREN_OK;
}

/* Reads the image that a pipeline has made of a series, and checks that it is on its grid. */
static siren_status read_made(evaluating *run, const char *series, siren_quantity quantity,
                              siren_series *out) {
    SIREN_AT_END(siren_series_free) siren_series made = {.voxels = NULL};
    char name[64];
    SIREN_FREE_AT_END char *path = NULL;
    snprintf(name, sizeof name, "%s_%s" SIREN_MRTRIX_SUFFIX, series, quantities[quantity].image);
    SIREN_TRY(siren_staging_path(run->staging, name, &path));
    SIREN_TRY(siren_nifti_read(path, run->options->memory_limit, &made));
    SIREN_TRY(siren_grid_check(run->options->original, &run->in.original.geometry, name, &made.geometry,
                               made.geometry.n_volumes));
    if (made.geometry.n_volumes <= quantities[quantity].volume)
        return siren_fail(SIREN_CORRUPT, "%s: MRtrix3 made only %zu volume%s of it", name,
                          made.geometry.n_volumes, siren_plural(made.geometry.n_volumes));
    *out = SIREN_TAKE(made);
    return SIREN_OK;
}

static siren_status evaluate_quantity(evaluating *run, siren_quantity quantity) {
    const uint8_t *mask = run->in.masks[SIREN_REGION_BRAIN];
    SIREN_AT_END(siren_series_free) siren_series x = {.voxels = NULL}, other = {.voxels = NULL};
    SIREN_TRY(read_made(run, "original", quantity, &x));
    SIREN_TRY(read_made(run, "result", quantity, &other));
    SIREN_TRY(siren_grid_check("the original's image", &x.geometry, "the result's", &other.geometry,
                               x.geometry.n_volumes));
    if (quantities[quantity].vectors)
        SIREN_TRY(siren_relative_errors_of_vectors(&x, &other, mask, run->errors));
    else
        siren_relative_errors(&x, &other, quantities[quantity].volume, 1, mask, run->errors);
    return summarise_errors(run, quantity, 1);
}

/* Keeps why a quantity is not there. */
static siren_status leave_out(evaluating *run, siren_quantity quantity, bool failed, const char *reason) {
    siren_evaluated *evaluated = &run->evaluation.quantities[quantity];
    evaluated->failed = failed;
    evaluated->reason = strdup(reason);
    return evaluated->reason ? SIREN_OK : siren_fail(SIREN_SYSTEM, "out of memory: a reason");
}

static siren_status evaluate_diffusion(evaluating *run) {
    SIREN_AT_END(siren_mrtrix_free)
    siren_pipeline_outcome outcomes[SIREN_N_PIPELINES] = {{SIREN_PIPELINE_DONE, NULL}};
    if (run->options->diffusion) SIREN_TRY(run_mrtrix(run, outcomes));
    for (siren_quantity q = SIREN_QUANTITY_FA; q < SIREN_N_QUANTITIES; q++) {
        const siren_pipeline_outcome *outcome = &outcomes[quantities[q].pipeline];
        if (!run->options->diffusion)
            SIREN_TRY(leave_out(run, q, false, "diffusion metrics were not asked for"));
        else if (outcome->state != SIREN_PIPELINE_DONE)
            SIREN_TRY(leave_out(run, q, outcome->state == SIREN_PIPELINE_FAILED, outcome->reason));
        else if (evaluate_quantity(run, q) != SIREN_OK)
            SIREN_TRY(leave_out(run, q, true, siren_message()));
    }
    return SIREN_OK;
}

/* ---- evaluation.json ---- */

static void statistics_json(siren_json *json, const char *key, const siren_error_statistics *s) {
    siren_json_begin_object(json, key);
    siren_json_number(json, "mean", s->mean);
    siren_json_number(json, "std", s->std);
    siren_json_number(json, "median", s->median);
    siren_json_number(json, "p95", s->p95);
    siren_json_integer(json, "voxels", s->n);
    siren_json_integer(json, "excluded", s->n_excluded);
    siren_json_end(json);
}

void siren_evaluation_json(const siren_evaluation *e, siren_json *json) {
    if (e->part)
        siren_json_integers(json, "slices_judged", (const size_t[]){e->judged.begin, e->judged.end}, 2);
    siren_json_number(json, "minimum", e->minimum);
    siren_json_number(json, "maximum", e->maximum);
    siren_json_number(json, "mse", e->mse);
    siren_json_number(json, "psnr", e->psnr);
    siren_json_number(json, "mse_masked", e->mse_masked);
    siren_json_number(json, "psnr_masked", e->psnr_masked);
    siren_json_number(json, "psnr_mean", e->slices.psnr);
    siren_json_number(json, "psnr_published_mean", e->slices.psnr_published);
    siren_json_number(json, "psnr_clamped_mean", e->slices.psnr_clamped);
    siren_json_integer(json, "slices", e->slices.n);
    siren_json_number(json, "max_abs_error", e->max_abs_error);
    siren_json_number(json, "ssim", e->ssim);
    siren_json_number(json, "ssim_gaussian", e->ssim_gaussian);
    siren_json_number(json, "relative_error",
                      e->quantities[SIREN_QUANTITY_INTENSITY].regions[SIREN_REGION_BRAIN].mean);
    for (siren_quantity q = 0; q < SIREN_N_QUANTITIES; q++) {
        const siren_evaluated *evaluated = &e->quantities[q];
        siren_json_begin_object(json, quantities[q].name);
        for (siren_region r = 0; r < SIREN_N_REGIONS && evaluated->done; r++)
            if (e->has_region[r]) statistics_json(json, siren_region_name(e, r), &evaluated->regions[r]);
        if (!evaluated->done)
            siren_json_string(json, evaluated->failed ? "failed" : "skipped", evaluated->reason);
        siren_json_end(json);
    }
}

static siren_status write_json(evaluating *run) {
    SIREN_AT_END(siren_json_free_at) siren_json *json = NULL;
    SIREN_TRY(siren_json_create(&json));
    siren_evaluation_json(&run->evaluation, json);
    return siren_run_write_json(json, siren_staging_folder(run->staging), "evaluation.json");
}

/* ---- all of it ---- */

static void evaluating_free(evaluating *run) {
    siren_staging_discard(run->staging);
    siren_evaluation_input_free(&run->in);
    free(run->errors);
    free(run->map);
    siren_evaluation_free(&run->evaluation);
}

siren_status siren_evaluate(siren_device *device, const siren_evaluate_options *options,
                            siren_progress_fn progress, void *user, siren_evaluation *out) {
    SIREN_AT_END(evaluating_free)
    evaluating run = {
        .device = device, .options = options, .progress = progress, .user = user, .in.options = options};
    SIREN_TRY(read_input(&run));
    SIREN_TRY(evaluate_intensities(&run));
    SIREN_TRY(evaluate_diffusion(&run));
    SIREN_TRY(write_json(&run));
    SIREN_TRY(siren_staging_commit(SIREN_TAKE(run.staging)));
    *out = SIREN_TAKE(run.evaluation);
    return SIREN_OK;
}
