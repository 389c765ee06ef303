#include "engine/codec.h"
#include "engine/quantise.h"
#include "engine/trainer.h"
#include "formats/gradients.h"
#include "formats/nifti.h"
#include "host/file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ATTACHMENT_LIMIT ((size_t)64 << 20) /* bytes of one attached file */

siren_compress_options siren_compress_defaults(void) {
    return (siren_compress_options){.model = "siren-2d",
                                    .layers = 3,
                                    .width = 256,
                                    .w0 = 30.0f,
                                    .epochs = 2000,
                                    .rate = 3e-4f,
                                    .weight_bits = 8,
                                    .memory_limit = SIZE_MAX};
}

/* Everything one run holds; released in one place. */
typedef struct {
    siren_device *device;
    const siren_compress_options *options;
    siren_progress_fn progress;
    void *user;
    siren_series series;
    siren_layout layout;
    siren_archive_writer *writer;
    siren_block_decoder *decoder;
    siren_trainer *trainer;
    size_t batch;                     /* networks trained side by side */
    size_t n_done;                    /* slices finished */
    float *coordinates;               /* (n_points, 2) */
    float *targets;                   /* (batch, n_points, n_volumes) */
    float *params;                    /* (batch, n_params) */
    siren_scaling *scaling;           /* (batch, n_volumes) */
    size_t *n_exceptional;            /* (batch) */
    uint8_t *voxels;                  /* (n_volumes, n_points) stored values of one slice */
} siren_compression;

static void compression_free(siren_compression *run) {
    siren_series_free(&run->series);
    siren_archive_writer_discard(run->writer);
    siren_block_decoder_free(run->decoder);
    siren_trainer_free(run->trainer);
    free(run->coordinates);
    free(run->targets);
    free(run->params);
    free(run->scaling);
    free(run->n_exceptional);
    free(run->voxels);
}

/* ---- what is stored beside the records -------------------------------------------------------------------------------- */

/* Gradient tables of another length than the series are attached all the same: they are the user's. */
static void warn_about_gradients(const siren_compression *run, const char *path, const char *suffix, const uint8_t *bytes, size_t n_bytes) {
    siren_gradients gradients;
    bool bval = strcmp(suffix, ".bval") == 0;
    siren_status status = bval ? siren_gradients_parse(path, bytes, n_bytes, NULL, NULL, 0, &gradients)
                               : siren_gradients_parse(NULL, NULL, 0, path, bytes, n_bytes, &gradients);
    if (status != SIREN_OK) {
        siren_log(SIREN_LOG_WARNING, "%s; it is attached as it is", siren_message());
        return;
    }
    if (gradients.n_volumes != run->series.geometry.n_volumes)
        siren_log(SIREN_LOG_WARNING, "%s: has %zu entries for a series of %zu volumes; it is attached as it is", path, gradients.n_volumes,
                  run->series.geometry.n_volumes);
    siren_gradients_free(&gradients);
}

/* The section: length of the suffix, suffix, file. `path` NULL: the file beside the image, if there is one. */
static siren_status attach(siren_compression *run, const char *image, const char *path, const char *suffix) {
    siren_status status = SIREN_OK;
    char *sibling = NULL;
    uint8_t *file = NULL, *section = NULL;
    size_t n_bytes = 0, n_suffix = strlen(suffix);
    if (!path) {
        SIREN_TRY(siren_sibling_path(image, suffix, &sibling));
        if (access(sibling, F_OK) != 0) goto done;
        path = sibling;
    }
    SIREN_TRY(siren_file_read(path, ATTACHMENT_LIMIT, &file, &n_bytes));
    if (strcmp(suffix, ".json") != 0) warn_about_gradients(run, path, suffix, file, n_bytes);
    SIREN_TRY(siren_allocate(&section, 4 + n_suffix + n_bytes, 1, path));
    section[0] = (uint8_t)n_suffix;
    memcpy(section + 4, suffix, n_suffix);
    memcpy(section + 4 + n_suffix, file, n_bytes);
    SIREN_TRY(siren_archive_writer_section(run->writer, SIREN_SECTION_ATTACHMENT, section, 4 + n_suffix + n_bytes, true));
done:
    free(sibling);
    free(file);
    free(section);
    return status;
}

/* A device's text as the value of a provenance line. */
static void append_line(char *text, size_t size, const char *key, const char *value) {
    size_t used = strlen(text);
    int n = snprintf(text + used, size - used, "%s=%s\n", key, value);
    for (char *c = text + used; n > 0 && c < text + size && *c; c++)
        if ((unsigned char)*c < ' ' && !(*c == '\n' && !c[1])) *c = ' ';
}

static siren_status write_provenance(siren_compression *run) {
    const siren_device_facts *facts = siren_device_get_facts(run->device);
    const siren_compress_options *o = run->options;
    char text[2048] = "", number[64];
    append_line(text, sizeof text, "device", facts->name);
    append_line(text, sizeof text, "driver", facts->driver);
    snprintf(number, sizeof number, "%zu", o->epochs);
    append_line(text, sizeof text, "epochs", number);
    append_line(text, sizeof text, "family", siren_family_name(facts->family));
    append_line(text, sizeof text, "model", o->model);
    append_line(text, sizeof text, "platform", facts->platform_version);
    snprintf(number, sizeof number, "%.9g", (double)o->rate);
    append_line(text, sizeof text, "rate", number);
    snprintf(number, sizeof number, "%llu", (unsigned long long)o->seed);
    append_line(text, sizeof text, "seed", number);
    append_line(text, sizeof text, "sirencl", siren_version());
    return siren_archive_writer_section(run->writer, SIREN_SECTION_PROVENANCE, text, strlen(text), true);
}

static siren_status write_sections(siren_compression *run, const char *image) {
    const siren_compress_options *o = run->options;
    SIREN_RETURN_IF_FAILED(siren_archive_writer_section(run->writer, SIREN_SECTION_HEADER, run->series.header,
                                                        (size_t)run->series.geometry.voxel_offset, true));
    SIREN_RETURN_IF_FAILED(siren_layout_write(run->writer, &run->layout));
    SIREN_RETURN_IF_FAILED(attach(run, image, o->bval, ".bval"));
    SIREN_RETURN_IF_FAILED(attach(run, image, o->bvec, ".bvec"));
    SIREN_RETURN_IF_FAILED(attach(run, image, o->sidecar, ".json"));
    return write_provenance(run);
}

/* ---- training ---------------------------------------------------------------------------------------------------------- */

/* Networks side by side so that the device is filled; never needed for the result. */
static size_t choose_batch(const siren_device_facts *facts, size_t n_slices) {
    size_t batch = facts->family == SIREN_FAMILY_CHAIN ? ((size_t)facts->compute_units + 7) / 8 : 8;
    return batch < n_slices ? batch : n_slices;
}

static siren_status create_trainer(siren_compression *run) {
    const siren_compress_options *o = run->options;
    for (;;) {
        siren_trainer_plan plan = {.network = &run->layout.network,
                                   .n_networks = run->batch,
                                   .n_points = run->layout.n_points,
                                   .coordinates = run->coordinates,
                                   .max_epochs = o->epochs,
                                   .adam = {o->rate, 0.9f, 0.999f, 1e-8f}};
        siren_status status = siren_trainer_create(run->device, &plan, &run->trainer);
        if (status != SIREN_DEVICE_MEMORY || run->batch == 1) return status;
        run->batch = (run->batch + 1) / 2;
        siren_log(SIREN_LOG_INFO, "%s; trying with %zu slices at once", siren_message(), run->batch);
    }
}

static bool report(void *user, double done, double total, const char *what) {
    siren_compression *run = user;
    (void)total;
    double epochs = (double)run->options->epochs, n_slices = (double)run->layout.count;
    double in_batch = (double)run->batch < n_slices - (double)run->n_done ? (double)run->batch : n_slices - (double)run->n_done;
    return run->progress(run->user, (double)run->n_done * epochs + in_batch * done, n_slices * epochs, what);
}

static bool all_constant(const siren_scaling *scaling, size_t n_volumes) {
    for (size_t volume = 0; volume < n_volumes; volume++)
        if (scaling[volume].minimum != scaling[volume].maximum) return false;
    return true;
}

/* Slice z as (n_volumes, n_points), for its exceptional voxels. */
static void copy_slice(siren_compression *run, size_t z) {
    const siren_geometry *g = &run->series.geometry;
    size_t bytes = run->layout.n_points * siren_datatype_size(g->datatype);
    for (size_t volume = 0; volume < g->n_volumes; volume++)
        memcpy(run->voxels + volume * bytes, (const uint8_t *)run->series.voxels + (volume * g->nz + z) * bytes, bytes);
}

/* Mean squared error of the decoded outputs over the targets that are data. */
static double decoded_mse(const siren_compression *run, const float *y, const float *targets) {
    double sum = 0;
    size_t n = 0;
    for (size_t i = 0; i < run->layout.n_points * run->layout.geometry.n_volumes; i++) {
        if (isnan(targets[i])) continue;
        double error = (y ? (double)y[i] : 0.0) - (double)targets[i];
        sum += error * error;
        n++;
    }
    return n ? sum / (double)n : 0;
}

/* Quantises, decodes as a reader will, and stores slice z, the `slot`th of its batch. */
static siren_status store_slice(siren_compression *run, size_t z, size_t slot, const float *params) {
    siren_status status = SIREN_OK;
    const siren_layout *layout = &run->layout;
    uint8_t *parameters = NULL, *record = NULL;
    size_t n_parameters = 0, n_record = 0, n_volumes = layout->geometry.n_volumes;
    const float *targets = run->targets + slot * layout->n_points * n_volumes, *y = NULL;
    const siren_scaling *scaling = run->scaling + slot * n_volumes;
    const void *voxels = NULL;
    siren_index_entry entry = {.block = (uint32_t)z};
    char name[64];
    snprintf(name, sizeof name, "slice %zu", z);
    if (!all_constant(scaling, n_volumes))
        SIREN_TRY(siren_quantise(&layout->network, layout->weight_bits, params, layout->n_points, run->coordinates, targets, &parameters,
                                 &n_parameters));
    if (run->n_exceptional[slot] > 0) copy_slice(run, z);
    SIREN_TRY(siren_record_write(layout, scaling, parameters, run->voxels, run->n_exceptional[slot], &record, &n_record));
    SIREN_TRY(siren_block_decode(run->decoder, name, record, n_record, &voxels, &y, &entry.decoded_crc));
    entry.mse = decoded_mse(run, y, targets);
    if (!isfinite(entry.mse)) {
        status = siren_fail(SIREN_UNSUPPORTED, "slice %zu did not converge to finite values; lower --lr or --w0", z);
        goto done;
    }
    SIREN_TRY(siren_archive_writer_record(run->writer, &entry, record, n_record));
    run->n_done++;
done:
    free(parameters);
    free(record);
    return status;
}

/* Slices z ... z + n, n <= batch. Unused networks of the batch get no data. */
static siren_status compress_batch(siren_compression *run, size_t z, size_t n) {
    const siren_layout *layout = &run->layout;
    size_t n_params = siren_network_n_params(&layout->network), n_volumes = layout->geometry.n_volumes;
    size_t n_targets = layout->n_points * n_volumes;
    bool any = false;
    for (size_t slot = 0; slot < run->batch; slot++) {
        if (slot < n) {
            SIREN_RETURN_IF_FAILED(siren_slice_gather(&run->series, z + slot, run->targets + slot * n_targets,
                                                      run->scaling + slot * n_volumes, &run->n_exceptional[slot]));
            any = any || !all_constant(run->scaling + slot * n_volumes, n_volumes);
        } else {
            for (size_t i = 0; i < n_targets; i++) run->targets[slot * n_targets + i] = NAN;
        }
        siren_network_initialise(&layout->network, run->options->seed, (uint32_t)(z + slot), run->params + slot * n_params);
    }
    if (any) {
        SIREN_RETURN_IF_FAILED(siren_trainer_start(run->trainer, run->params, run->targets));
        SIREN_RETURN_IF_FAILED(siren_trainer_run(run->trainer, run->options->epochs, run->progress ? report : NULL, run));
        SIREN_RETURN_IF_FAILED(siren_trainer_best(run->trainer, run->params, NULL));
    }
    for (size_t slot = 0; slot < n; slot++) {
        SIREN_RETURN_IF_FAILED(store_slice(run, z + slot, slot, run->params + slot * n_params));
        if (run->progress && !report(run, 0, 0, "epochs")) return siren_fail(SIREN_CANCELLED, "compression was interrupted");
    }
    return SIREN_OK;
}

/* ---- the whole --------------------------------------------------------------------------------------------------------- */

/* `span` with end 0 meaning n, checked. */
static siren_status resolve_slices(siren_span span, size_t n, siren_layout *layout) {
    size_t end = span.end == 0 ? n : span.end;
    if (span.begin >= end || end > n)
        return siren_fail(SIREN_USAGE, "slices %zu:%zu are not in the image, which has %zu; give a:b with 0 <= a < b <= %zu", span.begin, end, n, n);
    layout->first = span.begin;
    layout->count = end - span.begin;
    return SIREN_OK;
}

static siren_status plan_run(siren_compression *run, const char *image) {
    const siren_compress_options *o = run->options;
    siren_layout *layout = &run->layout;
    const siren_geometry *g = &run->series.geometry;
    size_t n_values, batch_values;
    if (o->epochs < 1 || o->epochs > 10000000)
        return siren_fail(SIREN_USAGE, "--epochs %zu is not supported; give 1 to 10000000", o->epochs);
    if (!(o->rate > 0 && o->rate <= 1)) return siren_fail(SIREN_USAGE, "--lr %g is not supported; give a value above 0, up to 1", (double)o->rate);
    layout->geometry = *g;
    layout->weight_bits = o->weight_bits;
    layout->n_points = g->nx * g->ny;
    layout->any_network = true;
    if (layout->n_points > SIREN_MAX_POINTS)
        return siren_fail(SIREN_UNSUPPORTED, "%s: its slices have %zu points, more than the limit of %d", image, layout->n_points,
                          SIREN_MAX_POINTS);
    if (g->n_volumes > SIREN_MAX_OUTPUTS)
        return siren_fail(SIREN_UNSUPPORTED, "%s: has %zu volumes, more than the limit of %d", image, g->n_volumes, SIREN_MAX_OUTPUTS);
    SIREN_RETURN_IF_FAILED(resolve_slices(o->slices, g->nz, layout));
    SIREN_RETURN_IF_FAILED(siren_network_from_model(o->model, o->layers, o->width, (uint32_t)g->n_volumes, o->w0, &layout->network));
    if (layout->network.n_inputs != 2)
        return siren_fail(SIREN_USAGE, "model %s maps %u coordinates, but slices have 2; use a 2-D model", o->model, layout->network.n_inputs);

    run->batch = choose_batch(siren_device_get_facts(run->device), layout->count);
    if (!siren_mul(layout->n_points, g->n_volumes, &n_values) || !siren_mul(n_values, run->batch, &batch_values))
        return siren_fail(SIREN_UNSUPPORTED, "%s: its slices have more values than memory can address", image);
    SIREN_RETURN_IF_FAILED(siren_allocate(&run->coordinates, layout->n_points, 2 * sizeof(float), "the coordinates"));
    SIREN_RETURN_IF_FAILED(siren_allocate(&run->targets, batch_values, sizeof(float), "the targets"));
    SIREN_RETURN_IF_FAILED(siren_allocate(&run->params, run->batch * siren_network_n_params(&layout->network), sizeof(float), "the parameters"));
    SIREN_RETURN_IF_FAILED(siren_allocate(&run->scaling, run->batch * g->n_volumes, sizeof *run->scaling, "the scaling"));
    SIREN_RETURN_IF_FAILED(siren_allocate(&run->n_exceptional, run->batch, sizeof *run->n_exceptional, "the counts"));
    SIREN_RETURN_IF_FAILED(siren_allocate(&run->voxels, n_values, siren_datatype_size(g->datatype), "a slice"));
    siren_slice_coordinates(g->nx, g->ny, run->coordinates);
    return siren_block_decoder_create(run->device, layout, SIZE_MAX, &run->decoder);
}

siren_status siren_compress(siren_device *device, const char *image, const char *archive, const siren_compress_options *options,
                            siren_progress_fn progress, void *user, siren_archive_info *info) {
    siren_status status = SIREN_OK;
    siren_compression run = {.device = device, .options = options, .progress = progress, .user = user};
    if (options->overwrite && siren_file_same(image, archive)) {
        status = siren_fail(SIREN_USAGE, "%s: is the image itself and is not replaced; give the archive another name", archive);
        goto done;
    }
    SIREN_TRY(siren_archive_writer_open(archive, options->overwrite, &run.writer));
    SIREN_TRY(siren_nifti_read(image, options->memory_limit, &run.series));
    SIREN_TRY(plan_run(&run, image));
    SIREN_TRY(write_sections(&run, image));
    SIREN_TRY(create_trainer(&run));
    for (size_t done = 0; done < run.layout.count; done += run.batch) {
        size_t left = run.layout.count - done;
        SIREN_TRY(compress_batch(&run, run.layout.first + done, left < run.batch ? left : run.batch));
    }
    siren_archive_writer *writer = run.writer;
    run.writer = NULL;
    SIREN_TRY(siren_archive_writer_commit(writer, NULL));
    if (info) SIREN_TRY(siren_info(archive, info));
done:
    compression_free(&run);
    return status;
}
