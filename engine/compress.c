#include "engine/codec.h"
#include "engine/fidelity.h"
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
                                    .weight_bits = 8,
                                    .memory_limit = SIZE_MAX};
}

/* Everything one run holds; released in one place. */
typedef struct {
    siren_device *device;
    const siren_compress_options *options;
    float rate; /* options->rate, or the model's */
    siren_progress_fn progress;
    void *user;
    siren_series series;
    siren_layout layout;
    siren_archive_writer *writer;
    siren_block_decoder *decoder;
    siren_trainer *trainer;
    size_t *numbers;        /* (grid.count) of the blocks, in the order of compression */
    size_t most;            /* networks side by side for which there is room here */
    size_t batch, n_points; /* networks trained side by side, and points of each of their blocks */
    size_t n_in_batch;      /* those of them that have a block */
    size_t n_done;          /* blocks finished */
    float *coordinates;     /* (n_points, n_inputs) */
    float *targets;         /* (batch, n_points, n_volumes) */
    float *params;          /* (batch, n_params) */
    siren_scaling *scaling; /* (batch, n_volumes) */
    size_t *n_exceptional;  /* (batch) */
} siren_compression;

static void compression_free(siren_compression *run) {
    siren_series_free(&run->series);
    siren_archive_writer_discard(run->writer);
    siren_block_decoder_free(run->decoder);
    siren_trainer_free(run->trainer);
    free(run->numbers);
    free(run->coordinates);
    free(run->targets);
    free(run->params);
    free(run->scaling);
    free(run->n_exceptional);
}

/* ---- what is stored beside the records ---- */

/* Gradient tables of another length than the series are attached all the same: they are the user's. */
static void warn_about_gradients(const siren_compression *run, const char *path, const char *suffix,
                                 const uint8_t *bytes, size_t n_bytes) {
    siren_gradients gradients;
    bool bval = strcmp(suffix, ".bval") == 0;
    siren_status status = bval ? siren_gradients_parse(path, bytes, n_bytes, NULL, NULL, 0, &gradients)
                               : siren_gradients_parse(NULL, NULL, 0, path, bytes, n_bytes, &gradients);
    if (status != SIREN_OK) {
        siren_log(SIREN_LOG_WARNING, "%s; it is attached as it is", siren_message());
        return;
    }
    if (gradients.n_volumes != run->series.geometry.n_volumes)
        siren_log(SIREN_LOG_WARNING,
                  "%s: has %zu entries for a series of %zu volumes; it is attached as it is", path,
                  gradients.n_volumes, run->series.geometry.n_volumes);
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
    SIREN_TRY(siren_archive_writer_section(run->writer, SIREN_SECTION_ATTACHMENT, section,
                                           4 + n_suffix + n_bytes, true));
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
    snprintf(number, sizeof number, "%.9g", (double)run->rate);
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

/* ---- training ---- */

/* Networks side by side so that the device is filled; never needed for the result. */
static size_t choose_batch(const siren_device_facts *facts, size_t n_blocks) {
    size_t batch = facts->family == SIREN_FAMILY_CHAIN ? ((size_t)facts->compute_units + 7) / 8 : 8;
    return batch < n_blocks ? batch : n_blocks;
}

/* There is no room for a single network and its targets. */
static siren_status no_room(const siren_compression *run) {
    const siren_device_facts *facts = siren_device_get_facts(run->device);
    const siren_block_grid *grid = &run->layout.grid;
    size_t n_volumes = run->layout.geometry.n_volumes;
    return siren_fail(
        SIREN_DEVICE_MEMORY,
        "a %s of %zu x %zu x %zu points and %zu volumes has %zu bytes of targets and does not fit into the "
        "device %s, which "
        "allocates at most %llu bytes at once; use smaller patches, a smaller network or another device",
        siren_block_kind_name(grid->kind, 1), grid->size[0], grid->size[1], grid->size[2], n_volumes,
        run->n_points * SIREN_PADDED(n_volumes) * sizeof(float), facts->name,
        (unsigned long long)facts->max_allocation_bytes);
}

static siren_status create_trainer(siren_compression *run) {
    const siren_compress_options *o = run->options;
    for (;;) {
        siren_trainer_plan plan = {.network = &run->layout.network,
                                   .n_networks = run->batch,
                                   .n_points = run->n_points,
                                   .coordinates = run->coordinates,
                                   .max_epochs = o->epochs,
                                   .adam = {run->rate, 0.9f, 0.999f, 1e-8f}};
        siren_status status = siren_trainer_create(run->device, &plan, &run->trainer);
        if (status != SIREN_DEVICE_MEMORY) return status;
        if (run->batch == 1) return run->layout.grid.kind == SIREN_BLOCK_SLICE ? status : no_room(run);
        run->batch = (run->batch + 1) / 2;
        siren_log(SIREN_LOG_INFO, "%s; trying with %zu blocks at once", siren_message(), run->batch);
    }
}

static bool report(void *user, double done, double total, const char *what) {
    siren_compression *run = user;
    (void)total;
    double epochs = (double)run->options->epochs, n_blocks = (double)run->layout.grid.count;
    return run->progress(run->user, (double)run->n_done * epochs + (double)run->n_in_batch * done,
                         n_blocks * epochs, what);
}

static bool all_constant(const siren_scaling *scaling, size_t n_volumes) {
    for (size_t volume = 0; volume < n_volumes; volume++)
        if (scaling[volume].minimum != scaling[volume].maximum) return false;
    return true;
}

/* Quantises, decodes as a reader will, and stores block `number`, the `slot`th of its batch. */
static siren_status store_block(siren_compression *run, size_t number, size_t slot, const float *params) {
    siren_status status = SIREN_OK;
    const siren_layout *layout = &run->layout;
    const siren_block block = siren_block_at(&layout->grid, number);
    uint8_t *parameters = NULL, *record = NULL;
    size_t n_parameters = 0, n_record = 0, n_volumes = layout->geometry.n_volumes;
    const float *targets = run->targets + slot * run->n_points * n_volumes;
    const siren_scaling *scaling = run->scaling + slot * n_volumes;
    const void *voxels = NULL;
    siren_fidelity_watch watch = {.n_outputs = n_volumes, .targets = targets};
    siren_index_entry entry = {.block = (uint32_t)number};
    char name[64];
    siren_block_name(&layout->grid, number, name, sizeof name);
    if (!all_constant(scaling, n_volumes))
        SIREN_TRY(siren_quantise(&layout->network, layout->weight_bits, params, run->n_points,
                                 run->coordinates, targets, &parameters, &n_parameters));
    SIREN_TRY(siren_record_write(layout, &block, &run->series, scaling, parameters, run->n_exceptional[slot],
                                 &record, &n_record));
    SIREN_TRY(siren_block_decode(run->decoder, name, &block, record, n_record, siren_fidelity_outputs, &watch,
                                 &voxels, &entry.decoded_crc));
    if (watch.sums.n > 0) entry.mse = siren_fidelity_of(&watch.sums).mse;
    if (!isfinite(entry.mse)) {
        status =
            siren_fail(SIREN_UNSUPPORTED, "%s did not converge to finite values; lower --lr or --w0", name);
        goto done;
    }
    SIREN_TRY(siren_archive_writer_record(run->writer, &entry, record, n_record));
    run->n_done++;
done:
    free(parameters);
    free(record);
    return status;
}

/* Up to `batch` blocks of n_points each. Unused networks of the batch get no data. */
static siren_status compress_batch(siren_compression *run, const size_t *numbers, size_t n) {
    const siren_layout *layout = &run->layout;
    size_t n_params = siren_network_n_params(&layout->network), n_volumes = layout->geometry.n_volumes;
    size_t n_targets = run->n_points * n_volumes;
    bool any = false;
    run->n_in_batch = n;
    for (size_t slot = 0; slot < run->batch; slot++) {
        if (slot < n) {
            const siren_block block = siren_block_at(&layout->grid, numbers[slot]);
            SIREN_RETURN_IF_FAILED(siren_block_gather(&run->series, &block, run->targets + slot * n_targets,
                                                      run->scaling + slot * n_volumes,
                                                      &run->n_exceptional[slot]));
            any = any || !all_constant(run->scaling + slot * n_volumes, n_volumes);
        } else {
            for (size_t i = 0; i < n_targets; i++) run->targets[slot * n_targets + i] = NAN;
        }
        siren_network_initialise(&layout->network, run->options->seed, (uint32_t)numbers[slot < n ? slot : 0],
                                 run->params + slot * n_params);
    }
    if (any) {
        SIREN_RETURN_IF_FAILED(siren_trainer_start(run->trainer, run->params, run->targets, NULL));
        SIREN_RETURN_IF_FAILED(
            siren_trainer_run(run->trainer, run->options->epochs, run->progress ? report : NULL, run));
        SIREN_RETURN_IF_FAILED(siren_trainer_best(run->trainer, run->params, NULL));
    }
    for (size_t slot = 0; slot < n; slot++) {
        SIREN_RETURN_IF_FAILED(store_block(run, numbers[slot], slot, run->params + slot * n_params));
        if (run->progress && !report(run, 0, 0, "epochs"))
            return siren_fail(SIREN_CANCELLED, "compression was interrupted");
    }
    return SIREN_OK;
}

/* Blocks of one size: they share coordinates and trainer. */
static siren_status compress_group(siren_compression *run, const size_t *numbers, size_t n) {
    const siren_block block = siren_block_at(&run->layout.grid, numbers[0]);
    run->n_points = siren_block_points(&block);
    run->batch = run->most < n ? run->most : n;
    siren_block_coordinates(&block, run->layout.network.n_inputs, 0, run->n_points, run->coordinates);
    siren_trainer_free(run->trainer);
    run->trainer = NULL;
    SIREN_RETURN_IF_FAILED(create_trainer(run));
    for (size_t done = 0; done < n; done += run->batch)
        SIREN_RETURN_IF_FAILED(
            compress_batch(run, numbers + done, n - done < run->batch ? n - done : run->batch));
    return SIREN_OK;
}

/* How many of the blocks from the nth on have its size. */
static size_t group_size(const siren_compression *run, size_t nth) {
    const siren_block_grid *grid = &run->layout.grid;
    const siren_block first = siren_block_at(grid, run->numbers[nth]);
    size_t n = 1;
    for (; nth + n < grid->count; n++) {
        const siren_block next = siren_block_at(grid, run->numbers[nth + n]);
        if (next.nx != first.nx || next.ny != first.ny || next.nz != first.nz) break;
    }
    return n;
}

/* ---- the whole ---- */

/* The range of slices and their blocks, for a network of `n_inputs`. */
static siren_status plan_blocks(const siren_compress_options *o, uint32_t n_inputs, siren_layout *layout) {
    siren_block_kind kind = o->blocks != SIREN_BLOCK_BY_MODEL ? o->blocks
                            : n_inputs == 2                   ? SIREN_BLOCK_SLICE
                                                              : SIREN_BLOCK_VOLUME;
    size_t n = layout->geometry.nz, end = o->slices.end == 0 ? n : o->slices.end;
    if (o->slices.begin >= end || end > n)
        return siren_fail(
            SIREN_USAGE,
            "slices %zu:%zu are not in the image, which has %zu; give a:b with 0 <= a < b <= %zu",
            o->slices.begin, end, n, n);
    if (siren_block_inputs(kind) != n_inputs)
        return siren_fail(SIREN_USAGE, "model %s maps %u coordinates, but blocks of kind %s have %u; use %s",
                          o->model, n_inputs, siren_block_kind_name(kind, 1), siren_block_inputs(kind),
                          n_inputs == 2 ? "slices, or model siren-3d"
                                        : "a volume or patches, or a 2-D model");
    return siren_block_grid_create(kind, o->patch, &layout->geometry, o->slices.begin, end, &layout->grid);
}

static siren_status allocate_batch(siren_compression *run, const char *image) {
    const siren_layout *layout = &run->layout;
    size_t n_points = siren_block_grid_points(&layout->grid), n_volumes = layout->geometry.n_volumes,
           n_values;
    run->most = choose_batch(siren_device_get_facts(run->device), layout->grid.count);
    if (!siren_mul(n_points, n_volumes, &n_values) || !siren_mul(n_values, run->most, &n_values))
        return siren_fail(SIREN_UNSUPPORTED, "%s: its %s have more values than memory can address", image,
                          siren_block_kind_name(layout->grid.kind, 2));
    SIREN_RETURN_IF_FAILED(
        siren_allocate(&run->numbers, layout->grid.count, sizeof *run->numbers, "the order of the blocks"));
    SIREN_RETURN_IF_FAILED(siren_allocate(&run->coordinates, n_points,
                                          layout->network.n_inputs * sizeof(float), "the coordinates"));
    SIREN_RETURN_IF_FAILED(siren_allocate(&run->targets, n_values, sizeof(float), "the targets"));
    SIREN_RETURN_IF_FAILED(siren_allocate(&run->params, run->most * siren_network_n_params(&layout->network),
                                          sizeof(float), "the parameters"));
    SIREN_RETURN_IF_FAILED(
        siren_allocate(&run->scaling, run->most * n_volumes, sizeof *run->scaling, "the scaling"));
    return siren_allocate(&run->n_exceptional, run->most, sizeof *run->n_exceptional, "the counts");
}

static siren_status plan_run(siren_compression *run, const char *image) {
    const siren_compress_options *o = run->options;
    siren_layout *layout = &run->layout;
    const siren_geometry *g = &run->series.geometry;
    if (o->epochs < 1 || o->epochs > 10000000)
        return siren_fail(SIREN_USAGE, "--epochs %zu is not supported; give 1 to 10000000", o->epochs);
    if (!(o->rate >= 0 && o->rate <= 1))
        return siren_fail(SIREN_USAGE, "--lr %g is not supported; give a value above 0, up to 1",
                          (double)o->rate);
    layout->geometry = *g;
    layout->weight_bits = o->weight_bits;
    layout->any_network = true;
    if (g->n_volumes > SIREN_MAX_OUTPUTS)
        return siren_fail(SIREN_UNSUPPORTED, "%s: has %zu volumes, more than the limit of %d", image,
                          g->n_volumes, SIREN_MAX_OUTPUTS);
    SIREN_RETURN_IF_FAILED(siren_network_from_model(o->model, o->layers, o->width, (uint32_t)g->n_volumes,
                                                    o->w0, &layout->network));
    run->rate = o->rate > 0                     ? o->rate
                : layout->network.n_inputs == 2 ? 3e-4f
                                                : 2e-4f; /* the published settings */
    SIREN_RETURN_IF_FAILED(plan_blocks(o, layout->network.n_inputs, layout));
    size_t n_points = siren_block_grid_points(&layout->grid);
    if (n_points > SIREN_MAX_POINTS)
        return siren_fail(SIREN_UNSUPPORTED,
                          "%s: a %s of it has %zu points, more than the limit of %d; use smaller blocks",
                          image, siren_block_kind_name(layout->grid.kind, 1), n_points, SIREN_MAX_POINTS);
    SIREN_RETURN_IF_FAILED(allocate_batch(run, image));
    siren_block_grid_by_size(&layout->grid, run->numbers);
    return siren_block_decoder_create(run->device, layout, SIZE_MAX, &run->decoder);
}

siren_status siren_compress(siren_device *device, const char *image, const char *archive,
                            const siren_compress_options *options, siren_progress_fn progress, void *user,
                            siren_archive_info *info) {
    siren_status status = SIREN_OK;
    siren_compression run = {.device = device, .options = options, .progress = progress, .user = user};
    if (options->overwrite && siren_file_same(image, archive)) {
        status =
            siren_fail(SIREN_USAGE,
                       "%s: is the image itself and is not replaced; give the archive another name", archive);
        goto done;
    }
    SIREN_TRY(siren_archive_writer_open(archive, options->overwrite, &run.writer));
    SIREN_TRY(siren_nifti_read(image, options->memory_limit, &run.series));
    SIREN_TRY(plan_run(&run, image));
    SIREN_TRY(write_sections(&run, image));
    for (size_t done = 0, n; done < run.layout.grid.count; done += n) {
        n = group_size(&run, done);
        SIREN_TRY(compress_group(&run, run.numbers + done, n));
    }
    siren_archive_writer *writer = run.writer;
    run.writer = NULL;
    SIREN_TRY(siren_archive_writer_commit(writer, NULL));
    if (info) SIREN_TRY(siren_info(archive, info));
done:
    compression_free(&run);
    return status;
}
