#define _GNU_SOURCE
#include "engine/archive/part_section.h"
#include "engine/encode/brain_mask.h"
#include "engine/encode/choices.h"
#include "engine/model/grid.h"
#include "engine/encode/sections.h"
#include "engine/options.h"
#include "host/opencl/background.h"
#include "engine/settings.h"
#include "formats/diffusion_table.h"
#include "formats/original.h"
#include "host/file.h"
#include "host/opencl/profile.h"

#include <libgen.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define UNTAUGHT                                                                                             \
    0.5 /* of the variance: a network that leaves more has learnt little, or there is but noise */

void siren_compression_free(siren_compression *run) {
    siren_background_free(run->background); /* first: it uses all else */
    siren_trained_free(run->trained);
    siren_archive_writer_discard(run->writer);
    siren_encoder_free(run->encoder);
    siren_survey_free(&run->survey);
    free(run->mask);
    free(run->acquisition);
    free(run->context);
    free(run->restoration);
    free(run->sigmas);
    free(run->trainings);
    siren_image_free(run->own);
}

/* ---- in the background ---- */

static siren_status append_block(siren_compression *run, const siren_encoded *encoded) {
    char name[64];
    siren_block_name(&run->layout.grid, encoded->entry.block, name, sizeof name);
    if (!isfinite(encoded->entry.mse)) {
        siren_kept_blocks_spoil(run->kept);
        return siren_fail(SIREN_UNSUPPORTED, "%s did not converge to finite values; lower --lr or --w0",
                          name);
    }
    SIREN_TRY_STAGE(SIREN_STAGE_WRITING,
                    siren_archive_writer_packed_record(run->writer, &encoded->entry, encoded->packed,
                                                       encoded->n_packed, encoded->n_unpacked));
    run->n_record_bytes += encoded->n_packed + SIREN_ENTRY_BYTES;
    if (encoded->entry.mse > 0) run->psnr_sum -= 10 * log10(encoded->entry.mse), run->n_psnr++;
    if (encoded->spread > 0) { /* not told by what an earlier run has kept */
        run->n_networks += !encoded->constant;
        run->n_untaught += !encoded->constant && !(encoded->entry.mse < UNTAUGHT * encoded->spread);
    }
    run->n_epochs += (double)encoded->n_epochs;
    run->n_trained += encoded->n_epochs > 0;
    if (encoded->diverged)
        siren_log(SIREN_LOG_WARNING,
                  "%s diverged; the best parameters before that are kept; lower --lr or --w0", name);
    return SIREN_OK;
}

static siren_status store_block(siren_compression *run, size_t nth, const atomic_bool *stop) {
    SIREN_AT_END(siren_encoded_free) siren_encoded encoded = {0};
    SIREN_TRY(siren_trained_encode_within(run->trained, nth, &run->settings,
                                          run->budget.n_bytes ? &run->budget : NULL, stop, &encoded));
    if (isfinite(encoded.entry.mse))
        siren_kept_blocks_add(run->kept, &encoded); /* first: the disk may be full */
    return append_block(run, &encoded);
}

/* A siren_background_fn: appends the records of a batch, in its order. */
static siren_status store_batch(void *user, const atomic_bool *stop) {
    siren_compression *run = user;
    siren_status status = SIREN_OK;
    for (size_t i = 0; status == SIREN_OK && i < run->trained->n; i++) status = store_block(run, i, stop);
    siren_kept_blocks_flush(run->kept);
    return status;
}

/* ---- training ---- */

static bool report(void *user, double done, double total, const char *what) {
    siren_compression *run = user;
    (void)total;
    double epochs = (double)run->settings.epochs, n_blocks = (double)run->n_trainings;
    return !siren_background_failed(run->background) &&
           (!run->progress ||
            run->progress(run->user, (double)run->n_done * epochs + (double)run->n_in_batch * done,
                          n_blocks * epochs, what));
}

static bool report_waiting(void *user) { return report(user, 0, 0, "epochs"); }

/* Blocks that an earlier run has finished, at the head of those left: in their place, as if they had been trained. */
static siren_status append_kept(siren_compression *run) {
    while (run->n_done < run->n_trainings) {
        SIREN_AT_END(siren_encoded_free) siren_encoded encoded = {0};
        size_t number = run->trainings[run->n_done].block;
        if (!siren_kept_blocks_has(run->kept, number)) break;
        SIREN_TRY(siren_background_wait(run->background, report_waiting, run));
        if (!siren_kept_blocks_get(run->kept, number, &encoded)) break;
        SIREN_TRY(append_block(run, &encoded));
        run->n_done++;
    }
    return SIREN_OK;
}

/* Blocks to train, up to the next one that an earlier run has finished. */
static size_t count_missing(const siren_compression *run) {
    size_t end = run->n_done;
    while (end < run->n_trainings && !siren_kept_blocks_has(run->kept, run->trainings[end].block)) end++;
    return end - run->n_done;
}

/* Trains batch after batch. Not more than one is in the background at a time, so that memory is bounded. */
static siren_status train_blocks(siren_compression *run) {
    for (;;) {
        siren_trained *trained = NULL;
        SIREN_TRY(append_kept(run));
        size_t left = count_missing(run);
        if (left == 0) break;
        run->n_in_batch = left < siren_encoder_batch(run->encoder) ? left : siren_encoder_batch(run->encoder);
        SIREN_TRY(siren_encoder_train(run->encoder, run->trainings + run->n_done, left, NULL, report, run,
                                      &trained));
        run->n_done += trained->n;
        run->n_in_batch = 0;
        siren_status status = siren_background_wait(run->background, report_waiting, run);
        siren_trained_free(run->trained);
        run->trained = trained;
        SIREN_TRY(status);
        siren_background_begin(run->background, store_batch, run);
        if (!report_waiting(run)) return siren_fail(SIREN_CANCELLED, "compression was interrupted");
    }
    return siren_background_wait(run->background, report_waiting, run);
}

static siren_status compress_blocks(siren_compression *run) {
    siren_kept_plan plan = {run->device, &run->image->series, &run->layout, &run->settings, run->budget};
    if (run->archive) SIREN_TRY(siren_kept_blocks_open(run->archive, &plan, run->options->anew, &run->kept));
    SIREN_TRY(siren_background_create(&run->background));
    siren_status status = train_blocks(run);
    if (status != SIREN_OK) return siren_background_stop(run->background, status);
    if (run->settings.until_gain > 0 && run->n_trained > 0)
        siren_log(SIREN_LOG_INFO, "%.0f network%s trained for %.1f of %zu epochs on average", run->n_trained,
                  siren_plural((size_t)run->n_trained), run->n_epochs / run->n_trained, run->settings.epochs);
    if (2 * run->n_untaught > run->n_networks)
        siren_log(
            SIREN_LOG_WARNING,
            "%zu of %zu network%s with little more than a mean value: training diverged, was too short, or "
            "there is but noise; lower --lr or --w0, or give more --epochs",
            run->n_untaught, run->n_networks, siren_plural(run->n_networks));
    return SIREN_OK;
}

/* ---- the whole ---- */

/* The range of slices and their blocks of one kind. */
siren_status siren_compression_grid(const siren_settings *settings, siren_block_kind kind,
                                    siren_layout *layout) {
    siren_span slices = settings->slices;
    size_t n = layout->geometry.nz, end = slices.end == 0 ? n : slices.end;
    if (slices.begin >= end || end > n)
        return siren_fail(
            SIREN_USAGE,
            "slices %zu:%zu are not in the image, which has %zu; give a:b with 0 <= a < b <= %zu",
            slices.begin, end, n, n);
    return siren_block_grid_create(kind, settings->patch, &layout->geometry, slices.begin, end,
                                   &layout->grid);
}

static siren_status plan_blocks(const siren_settings *settings, siren_layout *layout) {
    siren_block_kind kind = settings->blocks;
    uint32_t n_inputs = layout->network.n_inputs;
    if (siren_block_inputs(kind) != n_inputs && !siren_model_has_acquisition(settings->model))
        return siren_fail(SIREN_USAGE, "model %s maps %u coordinate%s, but blocks of kind %s have %u; use %s",
                          settings->model, n_inputs, siren_plural(n_inputs), siren_block_kind_name(kind, 1),
                          siren_block_inputs(kind),
                          n_inputs == 2 ? "slices, or model siren-3d"
                                        : "a volume or patches, or a 2-D model");
    return siren_compression_grid(settings, kind, layout);
}

static siren_status check_part(const siren_compression *run) {
    const siren_block_grid *grid = &run->layout.grid;
    if (run->options->part.of <= grid->count) return SIREN_OK;
    return siren_fail(SIREN_USAGE, "%s: has %zu %s, which cannot be divided into %zu parts; ask for fewer%s",
                      siren_image_name(run->image), grid->count,
                      siren_block_kind_name(grid->kind, grid->count), run->options->part.of,
                      grid->kind == SIREN_BLOCK_VOLUME ? ", or for patches, as by --blocks patch:16x16x16"
                                                       : "");
}

/* Every block of the part in the order of sizes, so that trainers are made once for each. */
static siren_status plan_trainings(siren_compression *run) {
    const siren_block_grid *grid = &run->layout.grid;
    SIREN_FREE_AT_END size_t *numbers = NULL;
    SIREN_TRY(check_part(run));
    SIREN_TRY(siren_allocate(&numbers, grid->count, sizeof *numbers, "the order of the blocks"));
    SIREN_TRY(siren_allocate(&run->trainings, grid->count, sizeof *run->trainings, "the list of networks"));
    siren_block_grid_by_size(grid, numbers);
    for (size_t i = 0; i < grid->count; i++)
        if (siren_part_has(run->options->part, (double)i, 1, (double)grid->count))
            run->trainings[run->n_trainings++] =
                (siren_training){numbers[i], run->settings.seed, run->settings.rate};
    return SIREN_OK;
}

/* The mask of the blocks' slices, where one is asked for. */
siren_status siren_compression_mask(siren_compression *run) {
    const siren_compress_options *o = run->options;
    siren_layout *layout = &run->layout;
    SIREN_FREE_AT_END uint8_t *inside = NULL;
    size_t n_bytes = 0;
    const char *image = siren_image_name(run->image);
    if (!o->mask) return SIREN_OK;
    bool automatic = strcmp(o->mask, SIREN_MASK_AUTO) == 0;
    if (automatic && !run->image->path)
        return siren_fail(SIREN_USAGE, "a mask is made of a file, not of %s; give a mask's file", image);
    if (automatic)
        SIREN_TRY(siren_brain_mask(image, o->bval, o->bvec, &run->image->series, o->memory_limit,
                                   run->progress, run->user, &inside));
    else
        SIREN_TRY(siren_mask_read(o->mask, image, &run->image->series, o->memory_limit, &inside));
    SIREN_TRY(siren_mask_pack(inside, &run->image->series, layout->grid.z_begin, layout->grid.z_end,
                              &run->mask, &n_bytes));
    return siren_mask_view(image, &layout->grid, layout->geometry.datatype, run->mask, n_bytes,
                           &layout->mask);
}

/* Coordinates of volumes, where the model learns in them. */
static siren_status read_acquisition(siren_compression *run) {
    const char *path = run->options->volume_coordinates, *model = run->settings.model;
    siren_layout *layout = &run->layout;
    size_t n_volumes = layout->geometry.n_volumes, n_bytes = 0;
    if (!path && siren_model_has_acquisition(model))
        return siren_fail(SIREN_USAGE,
                          "model %s learns in coordinates of volumes; give a table of them by "
                          "--volume-coordinates (docs/acquisition.md)",
                          model);
    if (!path) return SIREN_OK;
    SIREN_TRY(siren_acquisition_read(path, n_volumes, &run->acquisition, &n_bytes));
    return siren_acquisition_view(path, n_volumes, run->acquisition, n_bytes, &layout->acquisition);
}

/* Which values lie far outside the rest; the layout is told how many. */
siren_status siren_compression_survey(siren_compression *run) {
    SIREN_TRY_STAGE(SIREN_STAGE_TARGETS,
                    siren_survey_volumes(siren_image_name(run->image), &run->image->series, &run->layout,
                                         run->options->settings.scaling == SIREN_SCALING_ROBUST,
                                         &run->survey));
    run->layout.n_apart = run->survey.n_apart;
    return SIREN_OK;
}

/* Of the slices as they are stored. */
size_t siren_compression_stored_bytes(const siren_compression *run) {
    const siren_geometry *g = &run->layout.geometry;
    return g->nx * g->ny * (run->layout.grid.z_end - run->layout.grid.z_begin) * g->n_volumes *
           siren_datatype_size(g->datatype);
}

/* Most bytes of the archive that a ratio or a size allows. */
size_t siren_compression_target_bytes(const siren_compression *run) {
    const siren_compress_options *o = run->asked ? run->asked : run->options;
    const double n =
        o->target == SIREN_TARGET_SIZE ? o->amount : (double)siren_compression_stored_bytes(run) / o->amount;
    return n >= 1 ? (size_t)n : 1; /* 0 would be no target */
}

/* What networks train in beside the series. */
size_t siren_compression_encoder_bytes(const siren_compression *run) {
    const siren_geometry *g = &run->image->series.geometry;
    size_t limit = run->options->memory_limit,
           series = siren_geometry_voxels(g) * siren_datatype_size(g->datatype);
    return limit > series ? limit - series : 1;
}

static siren_status plan_encoder(siren_compression *run) {
    siren_layout *layout = &run->layout;
    const siren_settings *settings = &run->settings;
    SIREN_TRY(siren_layout_network(settings, settings->width, layout));
    for (size_t i = 0; i < run->n_trainings; i++) run->trainings[i].rate = settings->rate;
    siren_encoder_plan plan = {.series = &run->image->series,
                               .layout = layout,
                               .limits = run->survey.limits,
                               .settings = settings,
                               .memory_limit = siren_compression_encoder_bytes(run)};
    return siren_encoder_create(run->device, &plan, &run->encoder);
}

/* Of its largest block. */
static size_t most_points(const siren_layout *layout) {
    const siren_block_grid *grid = &layout->grid;
    size_t most = 0;
    for (size_t i = 0; i < grid->count; i++) {
        const size_t n = siren_mask_block_points(&layout->mask, grid, grid->first + i);
        if (n > most) most = n;
    }
    return most;
}

siren_status siren_plan_networks(siren_compression *run) {
    const siren_compress_options *o = run->options;
    siren_layout *layout = &run->layout;
    const siren_geometry *g = &run->image->series.geometry;
    siren_settings *settings = &run->settings;
    *settings = o->settings;
    SIREN_TRY(siren_settings_check(settings));
    layout->geometry = *g;
    layout->weight_bits = settings->weight_bits;
    layout->any_network = true;
    if (g->n_volumes > SIREN_MAX_OUTPUTS)
        return siren_fail(SIREN_UNSUPPORTED, "%s: has %zu volumes, more than the limit of %d",
                          siren_image_name(run->image), g->n_volumes, SIREN_MAX_OUTPUTS);
    SIREN_TRY(siren_network_from_model(settings->model, settings->layers, settings->width,
                                       (uint32_t)g->n_volumes, settings->w0, &layout->network));
    siren_settings_resolve(settings, layout->network.n_inputs);
    if (settings->packing == SIREN_PACKING_AUTO) settings->packing = SIREN_PACKING_SMALLEST;
    SIREN_TRY(plan_blocks(settings, layout));
    SIREN_TRY(read_acquisition(run));
    SIREN_TRY(siren_layout_network(settings, settings->width, layout));
    SIREN_TRY(siren_compression_mask(run));
    siren_options_pace(o, most_points(layout), settings);
    SIREN_TRY(siren_compression_survey(run));
    if (o->target == SIREN_TARGET_MAX_ERROR) SIREN_TRY(siren_compression_bound(run));
    return plan_trainings(run);
}

siren_status siren_compression_sections(siren_compression *run, siren_archive_writer *writer, bool silent) {
    const siren_compress_options *o = run->options;
    const siren_image *image = run->image;
    siren_attachments attachments = {image->path,    o->bval,         o->bvec, o->sidecar,  image->given,
                                     image->n_given, o->without_tail, silent,  o->anonymise};
    siren_provenance provenance = {run->coding == SIREN_CODING_NETWORK ? run->device : NULL, &run->settings,
                                   run->noise};
    SIREN_TRY(siren_sections_write(writer, &image->series, &run->layout, &attachments, &provenance));
    return siren_part_section_write(writer, o->part);
}

/* Bytes of the archive without its basis and records. */
siren_status siren_compression_other_bytes(siren_compression *run, size_t *n_bytes) {
    SIREN_AT_END(siren_archive_writer_discard_at) siren_archive_writer *writer = NULL;
    SIREN_FREE_AT_END uint8_t *bytes = NULL;
    SIREN_TRY(siren_archive_writer_open(NULL, false, &writer));
    SIREN_TRY(siren_compression_sections(run, writer, true));
    return siren_archive_writer_take(SIREN_TAKE(writer), &bytes, n_bytes);
}

/* An empty archive in the place of what was written, and no block trained. */
static siren_status begin_anew(siren_compression *run) {
    siren_background_free(run->background);
    siren_trained_free(run->trained);
    siren_encoder_free(run->encoder);
    siren_kept_blocks_spoil(run->kept);
    siren_kept_blocks_end(SIREN_TAKE(run->kept), SIREN_OK);
    run->background = NULL;
    run->trained = NULL;
    run->encoder = NULL;
    run->n_networks = run->n_untaught = 0;
    run->n_epochs = run->n_trained = 0;
    run->n_done = run->n_in_batch = run->n_record_bytes = 0;
    run->psnr_sum = run->n_psnr = 0;
    siren_archive_writer_discard(SIREN_TAKE(run->writer));
    return siren_archive_writer_open(run->path, run->options->overwrite, &run->writer);
}

static siren_status compress_by_networks(siren_compression *run) {
    const bool sized = siren_options_sized(run->options);
    SIREN_TRY(siren_plan_networks(run));
    SIREN_TRY(siren_compression_other_bytes(run, &run->n_other_bytes));
    SIREN_TRY(sized ? siren_plan_size(run) : siren_foresee_published(run));
    for (bool done = false; !done;) {
        SIREN_TRY(plan_encoder(run));
        if (sized) SIREN_TRY(siren_compression_other_bytes(run, &run->n_other_bytes));
        if (sized) SIREN_TRY(siren_plan_budget(run));
        SIREN_TRY_STAGE(SIREN_STAGE_WRITING, siren_compression_sections(run, run->writer, false));
        SIREN_TRY(compress_blocks(run));
        done = !sized;
        if (sized) SIREN_TRY(siren_size_met(run, &done));
        if (!done) SIREN_TRY(begin_anew(run));
    }
    return SIREN_OK;
}

/* Where `auto` took prediction, and some slices were no good sample: the transform, which meets the target. */
static siren_status go_back(siren_compression *run) {
    run->chosen.target = run->asked->target;
    run->chosen.amount = run->asked->amount;
    SIREN_TRY(siren_setting_parse(siren_setting_find("model"), "model", SIREN_MODEL_TRANSFORM,
                                  &run->chosen.settings));
    free(SIREN_TAKE(run->mask));
    free(SIREN_TAKE(run->context));
    free(SIREN_TAKE(run->restoration));
    free(SIREN_TAKE(run->sigmas));
    siren_survey_free(&run->survey);
    run->survey = (siren_survey){0};
    run->layout = (siren_layout){0};
    return begin_anew(run);
}

/* A largest error as in counts, but of an image of fractions: every volume may become one value. */
static void warn_of_bound(const siren_compression *run) {
    double span = 0;
    if (run->options->target != SIREN_TARGET_MAX_ERROR || !run->survey.limits) return;
    for (size_t v = 0; v < run->layout.geometry.n_volumes; v++)
        span = fmax(span, run->survey.limits[v].maximum - run->survey.limits[v].minimum);
    if (span > 0 && 2 * run->layout.bound >= span)
        siren_log(SIREN_LOG_WARNING,
                  "%s: errors of up to %g leave nothing of it, for no volume's values span more than %g; ask "
                  "for less, or in per cent of the span, as --max-error 1%%",
                  siren_image_name(run->image), run->layout.bound, span);
}

/* All of the archive, into run->writer. */
static siren_status compress_image(siren_compression *run) {
    bool met = true;
    run->asked = run->options;
    if (strcmp(run->options->settings.model, SIREN_MODEL_AUTO) == 0) {
        SIREN_TRY(siren_choose(run, &run->chosen));
        run->options = &run->chosen;
    }
    run->coding = siren_options_coding(run->options);
    if (run->coding == SIREN_CODING_NETWORK) return compress_by_networks(run);
    if (run->archive) SIREN_TRY(siren_kept_blocks_aside(run->archive, run->options->anew));
    SIREN_TRY(siren_plan_without_network(run));
    warn_of_bound(run);
    if (run->coding == SIREN_CODING_PREDICTIVE) {
        SIREN_TRY(siren_compress_by_prediction(run, &met));
        if (met) return SIREN_OK;
        SIREN_TRY(go_back(run));
        run->coding = SIREN_CODING_TRANSFORM;
        SIREN_TRY(siren_plan_without_network(run));
    }
    return siren_compress_by_transform(run);
}

/* USAGE where the archive's name is an image's, as a shell's *.nii.gz makes it, or where it would replace what is no
 * archive. */
static siren_status check_output(const char *archive) {
    struct stat facts;
    if (siren_named_as_image(archive))
        return siren_fail(SIREN_USAGE,
                          "%s: is an image's name, but an archive is written; give one that ends in .siren",
                          archive);
    if (stat(archive, &facts) == 0 && S_ISREG(facts.st_mode) && !siren_archive_recognise(archive))
        return siren_fail(SIREN_USAGE,
                          "%s: exists and is no archive, so that nothing replaces it; give another name",
                          archive);
    return SIREN_OK;
}

/* What killed processes left in the archive's folder, but for their journals. */
static siren_status clear_leftovers(const char *archive) {
    SIREN_FREE_AT_END char *copy = strdup(archive);
    if (!copy) return siren_fail(SIREN_SYSTEM, "out of memory: the folder of %s", archive);
    siren_folder_clear_leftovers(dirname(copy));
    return SIREN_OK;
}

/* USAGE where the archive would replace what it is made of. `path` may be NULL. */
static siren_status refuse_inputs(const siren_compress_options *o, const char *path, const char *archive) {
    const char *inputs[] = {path, o->mask, o->bval, o->bvec, o->sidecar, o->volume_coordinates},
               *suffixes[] = {".bval", ".bvec", ".json"};
    bool same = false;
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++)
        same = same || (inputs[i] && siren_file_same(inputs[i], archive));
    for (size_t i = 0; path && !same && i < sizeof suffixes / sizeof *suffixes; i++) {
        SIREN_FREE_AT_END char *sibling = NULL;
        SIREN_TRY(siren_neighbour_find(path, suffixes[i], &sibling, NULL));
        same = sibling && siren_file_same(sibling, archive);
    }
    if (!same) return SIREN_OK;
    return siren_fail(SIREN_USAGE, "%s: is %s itself and is not replaced; give the archive another name",
                      archive, path && siren_file_same(path, archive) ? "the image" : "an input");
}

/* What is compressed: the caller's image, or one of our own where it is read or loses what identifies. */
static siren_status take_image(siren_compression *run, const siren_image *image) {
    if (image && run->options->anonymise)
        SIREN_TRY(siren_image_anonymous(image, run->options->anonymise, &run->own));
    run->image = run->own ? run->own : image;
    return SIREN_OK;
}

/* `image` NULL: what the file `path` holds. */
static siren_status make_archive(siren_compression *run, const char *path, const siren_image *image,
                                 const char *archive, siren_archive_info *info) {
    SIREN_AT_END(siren_archive_info_free) siren_archive_info described = {0};
    const char *unfinished;
    SIREN_TRY(refuse_inputs(run->options, path, archive));
    SIREN_TRY(check_output(archive));
    SIREN_TRY(clear_leftovers(archive));
    SIREN_TRY_STAGE(SIREN_STAGE_WRITING,
                    siren_archive_writer_open(archive, run->options->overwrite, &run->writer));
    run->path = archive;
    const siren_nifti_use use = run->options->without_tail ? SIREN_NIFTI_CUT : SIREN_NIFTI_STORED;
    if (!image)
        SIREN_TRY_STAGE("reading", siren_image_load(path, use, run->options->memory_limit, &run->own));
    if (run->own && run->options->anonymise)
        SIREN_TRY(siren_anonymise_series(&run->own->series, run->options->anonymise));
    SIREN_TRY(take_image(run, image));
    SIREN_TRY(compress_image(run));
    SIREN_TRY_STAGE(SIREN_STAGE_WRITING, siren_archive_writer_finish(run->writer, &unfinished));
    siren_status status = info ? siren_info(unfinished, &described) : SIREN_OK;
    if (status != SIREN_OK)
        return siren_fail(status, "%s: does not appear, as it cannot be described: %s", archive,
                          siren_message());
    SIREN_TRY_STAGE(SIREN_STAGE_WRITING, siren_archive_writer_commit(SIREN_TAKE(run->writer), NULL));
    if (info) *info = SIREN_TAKE(described);
    return SIREN_OK;
}

static siren_status compress_to_file(siren_compression *run, const char *path, const siren_image *image,
                                     const char *archive, siren_archive_info *info) {
    run->archive = run->options->resume ? archive : NULL;
    siren_status status = make_archive(run, path, image, archive, info);
    siren_background_free(SIREN_TAKE(run->background)); /* it uses what is kept */
    return siren_kept_blocks_end(SIREN_TAKE(run->kept), status);
}

siren_status siren_compress_file(siren_device *device, const char *image, const char *archive,
                                 const siren_compress_options *options, siren_progress_fn progress,
                                 void *user, siren_archive_info *info) {
    SIREN_AT_END(siren_compression_free)
    siren_compression run = {.device = device, .options = options, .progress = progress, .user = user};
    return compress_to_file(&run, image, NULL, archive, info);
}

/* The options of a call on `device`, whose open choices are made; they borrow `told` where it is wanted. */
static siren_status settle(const siren_options *options, const siren_device *device, const char *call,
                           siren_anonymised *told, siren_compress_options *out) {
    siren_options usual;
    if (!options) options = siren_options_usual(&usual);
    *out = options->compress;
    if (options->anonymise) out->anonymise = told;
    SIREN_TRY(siren_options_settle(out));
    if (!device && siren_options_coding(out) == SIREN_CODING_NETWORK)
        return siren_fail(SIREN_USAGE, "%s: device must not be NULL where networks are to be trained", call);
    return SIREN_OK;
}

static void tell_anonymised(const siren_image *image, const siren_compress_options *options) {
    char text[SIREN_ANONYMISED_TEXT];
    if (options->anonymise)
        siren_log(SIREN_LOG_INFO, "%s: anonymised: %s", siren_image_name(image),
                  siren_anonymised_text(options->anonymise, text));
}

siren_status siren_compress(siren_device *device, const siren_image *image, const siren_options *options,
                            const char *archive) {
    siren_compress_options settled;
    siren_anonymised told = {.n_tail = 0};
    SIREN_TRY(settle(options, device, "siren_compress", &told, &settled));
    if (!image || !archive)
        return siren_fail(SIREN_USAGE, "siren_compress: image and archive must not be NULL");
    SIREN_AT_END(siren_compression_free)
    siren_compression run = {device, &settled, .progress = options ? options->progress : NULL,
                             .user = options ? options->user : NULL};
    SIREN_TRY(compress_to_file(&run, image->path, image, archive, NULL));
    tell_anonymised(image, &settled);
    return SIREN_OK;
}

siren_status siren_compress_to_memory(siren_device *device, const siren_image *image,
                                      const siren_options *options, void **bytes, size_t *n_bytes) {
    siren_compress_options settled;
    siren_anonymised told = {.n_tail = 0};
    uint8_t *made = NULL;
    SIREN_TRY(settle(options, device, "siren_compress_to_memory", &told, &settled));
    if (!image || !bytes || !n_bytes)
        return siren_fail(SIREN_USAGE, "siren_compress_to_memory: image, bytes and n_bytes must not be NULL");
    SIREN_AT_END(siren_compression_free)
    siren_compression run = {device, &settled, .progress = options ? options->progress : NULL,
                             .user = options ? options->user : NULL};
    SIREN_TRY(take_image(&run, image));
    SIREN_TRY(siren_archive_writer_open(NULL, false, &run.writer));
    SIREN_TRY(compress_image(&run));
    SIREN_TRY(siren_archive_writer_take(SIREN_TAKE(run.writer), &made, n_bytes));
    *bytes = made;
    tell_anonymised(image, &settled);
    return SIREN_OK;
}
