#include "lab/sweep/sweep_target.h"

#include "engine/encode/noise.h"
#include "host/opencl/device.h"
#include "lab/evaluate/slices_cut.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    siren_sweeping *sweep;
    siren_sweep_trial *trial;
    const siren_sweep_input *input;
    bool inside;   /* nothing outside the mask is stored */
    char *archive; /* its path */
    uint8_t *mask; /* (nz, ny, nx) of the whole series, or NULL; once there is an archive, as what follows */
    siren_series original; /* the trial's slices */
    void *restored;        /* voxels of these */
    siren_archive_info info;
    siren_trial_result result;
    double encode_seconds, decode_seconds;
} target_run;

static void target_run_free(target_run *run) {
    siren_series_free(&run->original);
    siren_archive_info_free(&run->info);
    siren_trial_result_free(&run->result);
    free(run->mask);
    free(run->restored);
    free(run->archive);
}

/* Blocks, epochs or rounds of one trial: of the whole nothing is known but how many trials there are. */
static bool report(void *user, double done, double total, const char *what) {
    (void)what;
    const target_run *run = user;
    siren_sweeping *s = run->sweep;
    const double part = total > 0 && done < total ? done / total : 0;
    char text[64];
    snprintf(text, sizeof text, "trials %zu/%zu", s->n_complete, s->experiment->n_trials);
    return !s->progress ||
           s->progress(s->user, (double)s->n_complete + part, (double)s->experiment->n_trials, text);
}

/* ---- figures ---- */

/* Of the values that are kept, which are those inside a mask. */
typedef struct {
    double largest;        /* error, */
    double least, most;    /* values */
    double squares, count; /* of errors over the noise's sigma */
} error_sums;

/* One slice of one volume; NaN and infinities come back as they are. */
static void add_errors(const double *a, const double *b, const uint8_t *inside, size_t n, double sigma,
                       error_sums *sums) {
    for (size_t i = 0; i < n; i++) {
        if (inside && !inside[i]) continue;
        sums->count += sigma > 0;
        if (!isfinite(a[i])) continue;
        const double error = fabs(a[i] - b[i]);
        sums->largest = fmax(sums->largest, error);
        sums->least = fmin(sums->least, a[i]);
        sums->most = fmax(sums->most, a[i]);
        if (sigma > 0) sums->squares += error * error / (sigma * sigma);
    }
}

static siren_status sum_errors(const target_run *run, error_sums *sums) {
    const siren_geometry *g = &run->original.geometry;
    const size_t n = g->nx * g->ny, size = siren_datatype_size(g->datatype);
    SIREN_FREE_AT_END double *a = NULL, *b = NULL, *sigmas = NULL;
    SIREN_TRY(siren_allocate(&a, n, sizeof *a, "the values of a slice"));
    SIREN_TRY(siren_allocate(&b, n, sizeof *b, "the values of a slice"));
    SIREN_TRY(siren_allocate(&sigmas, g->n_volumes, sizeof *sigmas, "the noise"));
    if (run->trial->trial->target.kind == SIREN_TARGET_NOISE)
        SIREN_TRY(siren_noise_estimate(&run->original, 0, g->nz, sigmas));
    *sums = (error_sums){.least = INFINITY, .most = -INFINITY};
    for (size_t slice = 0; slice < g->nz * g->n_volumes; slice++) {
        const uint8_t *inside = run->inside ? run->mask + (run->info.z_begin + slice % g->nz) * n : NULL;
        siren_datatype_to_double(g->datatype, (const uint8_t *)run->original.voxels + slice * n * size, n, a);
        siren_datatype_to_double(g->datatype, (const uint8_t *)run->restored + slice * n * size, n, b);
        add_errors(a, b, inside, n, sigmas[slice / g->nz], sums);
    }
    return SIREN_OK;
}

static siren_status find_reached(target_run *run, double *out) {
    const siren_trial_target *target = &run->trial->trial->target;
    error_sums sums;
    SIREN_TRY(sum_errors(run, &sums));
    switch (target->kind) {
    case SIREN_TARGET_RATIO:
        *out = run->info.ratio;
        break;
    case SIREN_TARGET_SIZE:
        *out = (double)run->info.bytes;
        break;
    case SIREN_TARGET_PSNR:
        *out = run->info.psnr;
        break;
    case SIREN_TARGET_NOISE:
        *out = sqrt(sums.squares / sums.count);
        break;
    default:
        *out = target->percent ? 100 * sums.largest / (sums.most - sums.least) : sums.largest;
    }
    return SIREN_OK;
}

static siren_status add_rows(target_run *run) {
    const siren_geometry *g = &run->original.geometry;
    const siren_archive_info *info = &run->info;
    const uint8_t *mask = run->mask ? run->mask + info->z_begin * g->nx * g->ny : NULL;
    const double slice_bytes = (double)(g->nx * g->ny * g->n_volumes);
    SIREN_FREE_AT_END siren_baseline_slice *slices = NULL;
    SIREN_TRY(siren_allocate(&slices, g->nz, sizeof *slices, "the slices' figures"));
    SIREN_TRY(siren_allocate(&run->result.rows, g->nz, sizeof *run->result.rows, "the rows of a result"));
    SIREN_TRY(siren_baseline_figures(&run->original, run->restored, mask, run->inside, slices));
    for (size_t i = 0; i < g->nz; i++) {
        const double bytes = info->n_blocks == g->nz ? (double)info->blocks[i].bytes : NAN;
        run->result.rows[run->result.n_rows++] =
            (siren_result_row){.level = SIREN_BLOCK_SLICE,
                               .number = info->z_begin + i,
                               .status = slices[i].constant ? SIREN_RESULT_CONSTANT : SIREN_RESULT_OK,
                               .n_points = slices[i].n_points,
                               .n_volumes = g->n_volumes,
                               .fidelity = slices[i].fidelity,
                               .mse_masked = slices[i].masked.mse,
                               .psnr_masked = slices[i].masked.psnr,
                               .bytes = isnan(bytes) ? 0 : info->blocks[i].bytes,
                               .ratio = slice_bytes * (double)siren_datatype_size(g->datatype) / bytes,
                               .ratio_float32 = slice_bytes * sizeof(float) / bytes};
    }
    return SIREN_OK;
}

/* The archive's slices, as a reader has them, beside the original's. */
static siren_status restore(target_run *run) {
    const siren_archive_info *info = &run->info;
    SIREN_AT_END(siren_reader_close_at) siren_reader *reader = NULL;
    SIREN_AT_END(siren_series_free) siren_series whole = {.voxels = NULL};
    SIREN_TRY(siren_sweep_input_read(run->input, SIREN_AXIS_Z, run->sweep->options->memory_limit, &whole,
                                     &run->mask));
    SIREN_TRY(siren_slices_cut(&whole, info->z_begin, info->z_end - info->z_begin, &run->original));
    const siren_geometry *g = &run->original.geometry;
    const size_t n_bytes = siren_geometry_voxels(g) * siren_datatype_size(g->datatype);
    const siren_box box = {.z = {info->z_begin, info->z_end}};
    SIREN_TRY(siren_allocate(&run->restored, n_bytes, 1, "what an archive restores"));
    SIREN_TRY(siren_reader_open(run->archive, &reader));
    return siren_reader_read(reader, &box, SIREN_AS_STORED, run->restored, n_bytes);
}

/* ---- one trial ---- */

static siren_status judge(target_run *run) {
    const siren_archive_info *info = &run->info;
    siren_trial_result *result = &run->result;
    const double start = siren_clock();
    SIREN_TRY(siren_verify_file(run->sweep->workers[0].device, run->archive,
                                run->sweep->options->memory_limit, NULL, NULL, NULL));
    run->decode_seconds = siren_clock() - start;
    result->n_params = info->n_params;
    result->archive_bytes = info->bytes;
    result->target = (siren_target_result){.met = true, .coding = info->coding};
    if (info->coding == SIREN_CODING_NETWORK) {
        result->target.layers = info->n_layers > 0 ? (uint32_t)info->n_layers - 1 : 0;
        result->target.width = info->n_layers > 0 ? info->layers[0].width : 0;
        result->target.weight_bits = info->weight_bits;
    }
    SIREN_TRY(restore(run));
    SIREN_TRY(find_reached(run, &result->target.reached));
    return add_rows(run);
}

/* The target was not met, which is a result. */
static void tell_unreached(target_run *run) {
    siren_log(SIREN_LOG_WARNING, "%s: %s", run->trial->folder.name, siren_message());
    run->result.status = SIREN_RESULT_UNREACHED;
}

static siren_status compress(target_run *run) {
    siren_sweeping *s = run->sweep;
    const siren_trial *trial = run->trial->trial;
    const siren_geometry *g = &run->input->geometry;
    const siren_span slices = trial->settings.slices;
    const size_t n_slices = (slices.end ? slices.end : g->nz) - slices.begin;
    siren_compress_options options = siren_trial_options(trial);
    SIREN_TRY(siren_options_settle(&options));
    options.overwrite = true;
    options.resume = siren_options_coding(&options) == SIREN_CODING_NETWORK;
    options.memory_limit = s->options->memory_limit;
    options.mask = run->inside ? run->input->mask : NULL;
    options.volume_coordinates = siren_trial_has_acquisition(trial) ? run->input->coordinates : NULL;
    const double start = siren_clock();
    SIREN_TRY(siren_run_path(&run->archive, run->trial->folder.folder, "%s", SIREN_ARCHIVE_FILE));
    siren_status status = siren_compress_file(s->workers[0].device, run->input->image, run->archive, &options,
                                              report, run, &run->info);
    run->encode_seconds = siren_clock() - start;
    if (status != SIREN_OK && status != SIREN_BOUND) return status;
    run->result.series_bytes = g->nx * g->ny * n_slices * g->n_volumes * siren_datatype_size(g->datatype);
    run->result.float32_bytes = g->nx * g->ny * n_slices * g->n_volumes * sizeof(float);
    if (status == SIREN_OK) return judge(run);
    tell_unreached(run);
    return SIREN_OK;
}

/* Results, and timing.csv. */
static siren_status keep(target_run *run) {
    static char archive[] = SIREN_ARCHIVE_FILE;
    char *const files[] = {archive};
    siren_sweeping *s = run->sweep;
    siren_sweep_trial *trial = run->trial;
    const bool met = run->result.target.met, keeps = met && s->experiment->keep_archives;
    const char *device = siren_device_get_facts(s->workers[0].device)->name;
    const siren_timing timing = {.trial = trial->folder.name,
                                 .device = run->info.coding == SIREN_CODING_NETWORK ? device : "host",
                                 .encode_seconds = run->encode_seconds};
    if (met && !keeps) unlink(run->archive);
    run->result.n_files = keeps ? 1 : 0;
    SIREN_TRY(siren_trial_result_write(&trial->folder, &run->result, files, run->result.n_files));
    SIREN_TRY(siren_run_timing_append(s->timing, &timing));
    if (met)
        SIREN_TRY(
            siren_run_timing_append_decoding(s->timing, trial->folder.name, device, run->decode_seconds));
    trial->result = run->result;
    run->result.rows = NULL;
    trial->complete = true;
    s->n_complete++;
    return SIREN_OK;
}

/* A failure that is the trial's own is told and counted. */
static siren_status run_one(siren_sweeping *s, siren_sweep_trial *trial) {
    SIREN_AT_END(target_run_free)
    target_run run = {.sweep = s,
                      .trial = trial,
                      .input = &s->inputs[trial->trial->input],
                      .inside = s->experiment->inputs[trial->trial->input].train_on_mask};
    SIREN_TRY(siren_trial_folder_make(&trial->folder));
    siren_status status = compress(&run);
    if (status == SIREN_OK) return keep(&run);
    if (status == SIREN_CANCELLED)
        return siren_fail(status, "the sweep was interrupted; what is finished is kept in %s",
                          s->options->folder);
    if (s->options->fail_fast) return status;
    siren_sweep_result_fail(&s->result, "trial %s failed", trial->folder.name);
    trial->failed = true;
    return SIREN_OK;
}

siren_status siren_sweep_targets_run(siren_sweeping *s) {
    for (size_t i = 0; i < s->experiment->n_trials; i++) {
        siren_sweep_trial *trial = &s->trials[i];
        if (!siren_trial_has_target(trial->trial)) continue;
        if (trial->complete)
            s->result.n_before++, s->n_complete++;
        else
            SIREN_TRY(run_one(s, trial));
    }
    return SIREN_OK;
}
