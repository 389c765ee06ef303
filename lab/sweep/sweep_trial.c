#include "lab/sweep/sweep_trial.h"

#include "engine/encode/sections.h"
#include "engine/encode/survey.h"
#include "lab/sweep/slicewise.h"
#include "host/file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void siren_sweep_trial_free(siren_sweep_trial *trial) {
    if (!trial) return;
    siren_trial_folder_free(&trial->folder);
    siren_trial_result_free(&trial->result);
    free(trial->finished);
    free(trial->share);
    free(trial->mask);
    trial->finished = trial->share = trial->mask = NULL;
}

/* ---- where it stands ---- */

siren_status siren_trial_check_slices(const siren_trial *trial, const siren_geometry *g) {
    const siren_span slices = trial->settings.slices;
    const size_t end = slices.end == 0 ? g->nz : slices.end;
    if (slices.begin < end && end <= g->nz) return SIREN_OK;
    return siren_fail(
        SIREN_USAGE,
        "trial %s asks for slices %zu to %zu, but there are %zu along its axis; change the range of "
        "its blocks",
        trial->name, slices.begin, end, g->nz);
}

siren_status siren_trial_layout(const siren_trial *trial, const siren_geometry *g,
                                const siren_acquisition *acquisition, siren_layout *out) {
    const siren_settings *settings = &trial->settings;
    siren_layout layout = {.geometry = *g, .weight_bits = settings->weight_bits, .any_network = true};
    size_t end = settings->slices.end == 0 ? g->nz : settings->slices.end;
    SIREN_TRY(siren_trial_check_slices(trial, g));
    if (g->n_volumes > SIREN_MAX_OUTPUTS)
        return siren_fail(SIREN_UNSUPPORTED, "trial %s: its input has %zu volumes, more than the limit of %d",
                          trial->name, g->n_volumes, SIREN_MAX_OUTPUTS);
    if (siren_trial_has_acquisition(trial)) layout.acquisition = *acquisition;
    SIREN_TRY(siren_trial_network(trial, (uint32_t)g->n_volumes, acquisition->n_axes, &layout.network));
    SIREN_TRY(siren_block_grid_create(settings->blocks, settings->patch, g, settings->slices.begin, end,
                                      &layout.grid));
    *out = layout;
    return SIREN_OK;
}

static bool is_shared(const siren_sweep_trial *trial, size_t i) { return !trial->share || trial->share[i]; }

bool siren_sweep_trial_lacks(const siren_sweep_trial *trial, size_t block) {
    const size_t i = block - trial->layout.grid.first;
    return is_shared(trial, i) && !trial->finished[i];
}

bool siren_sweep_trial_is_whole(const siren_sweep_trial *trial) {
    return !trial->share || trial->n_share == trial->layout.grid.count;
}

/* Its config.json, blocks/ and curves/. */
static siren_status make_folders(const siren_sweep_trial *trial) {
    SIREN_FREE_AT_END char *blocks = NULL, *curves = NULL;
    SIREN_TRY(siren_run_path(&blocks, trial->folder.folder, "blocks"));
    SIREN_TRY(siren_run_path(&curves, trial->folder.folder, "curves"));
    SIREN_TRY(siren_trial_folder_make(&trial->folder));
    SIREN_TRY(siren_folder_make(blocks));
    return siren_folder_make(curves);
}

/* Which blocks of the part are finished. */
static void find_finished(siren_sweep_trial *trial) {
    const siren_block_grid *grid = &trial->layout.grid;
    for (size_t i = 0; i < grid->count; i++) {
        siren_finished_block block;
        if (!is_shared(trial, i)) continue;
        trial->n_left++;
        if (!siren_finished_block_exists(&trial->folder, grid->first + i)) continue;
        if (siren_finished_block_read(&trial->folder, grid->first + i, &block) != SIREN_OK) {
            siren_log(SIREN_LOG_WARNING, "%s; it is done again", siren_message());
            continue;
        }
        trial->diverged = trial->diverged || block.encoded.diverged;
        siren_finished_block_free(&block);
        trial->finished[i] = 1;
        trial->n_left--;
    }
}

/* What killed runs left in the trial's folders. */
static siren_status clear_leftovers(const siren_sweep_trial *trial) {
    static const char *const below[] = {".", "blocks", "curves"};
    for (size_t i = 0; i < sizeof below / sizeof *below; i++) {
        char *path = NULL;
        SIREN_TRY(siren_run_path(&path, trial->folder.folder, "%s", below[i]));
        siren_folder_clear_leftovers(path);
        free(path);
    }
    return SIREN_OK;
}

/* The archive holds them. */
static siren_status remove_blocks(const siren_sweep_trial *trial) {
    const siren_block_grid *grid = &trial->layout.grid;
    SIREN_FREE_AT_END char *blocks = NULL;
    SIREN_TRY(siren_run_path(&blocks, trial->folder.folder, "blocks"));
    bool there = access(blocks, F_OK) == 0;
    for (size_t i = 0; there && i < grid->count; i++)
        siren_finished_block_remove(&trial->folder, grid->first + i);
    if (there) rmdir(blocks);
    return SIREN_OK;
}

/* The mask of the archive, for the slices of the trial. */
static siren_status pack_mask(const siren_sweep_source *source, siren_sweep_trial *trial) {
    siren_layout *layout = &trial->layout;
    size_t n_bytes;
    if (!source->train_on_mask) return SIREN_OK;
    SIREN_TRY(siren_mask_pack(source->mask, source->series, layout->grid.z_begin, layout->grid.z_end,
                              &trial->mask, &n_bytes));
    return siren_mask_view(trial->folder.name, &layout->grid, layout->geometry.datatype, trial->mask, n_bytes,
                           &layout->mask);
}

siren_status siren_sweep_trial_open(const siren_sweep_source *source, siren_sweep_trial *trial) {
    if (!trial->share)
        SIREN_TRY(clear_leftovers(trial)); /* else others are at work there, elsewhere perhaps */
    SIREN_TRY(
        siren_trial_layout(trial->trial, &source->series->geometry, source->acquisition, &trial->layout));
    SIREN_TRY(pack_mask(source, trial));
    if (trial->complete) return remove_blocks(trial);
    SIREN_TRY(siren_allocate(&trial->finished, trial->layout.grid.count, 1, "the list of blocks"));
    SIREN_TRY(make_folders(trial));
    find_finished(trial);
    return SIREN_OK;
}

/* ---- the result ---- */

/* Everything finishing holds. */
typedef struct {
    const siren_sweep_source *source;
    const siren_sweep_trial *trial;
    siren_archive_writer *writer; /* NULL once committed or where there can be no archive */
    siren_trial_result result;
    char **files; /* (n_files) names for SHA256SUMS */
    size_t n_files;
    char *archive; /* its path */
    double decode_seconds;
} siren_finishing;

static void finishing_free(siren_finishing *f) {
    siren_archive_writer_discard(f->writer);
    siren_trial_result_free(&f->result);
    for (size_t i = 0; i < f->n_files; i++) free(f->files[i]);
    free(f->files);
    free(f->archive);
}

static siren_status add_file(siren_finishing *f, const char *name) {
    char *copy = strdup(name);
    if (!copy) return siren_fail(SIREN_SYSTEM, "out of memory: cannot list %s", name);
    f->files[f->n_files++] = copy;
    return SIREN_OK;
}

static siren_status write_curve(siren_finishing *f, size_t number, const char *curve) {
    SIREN_FREE_AT_END char *path = NULL;
    char name[64];
    if (!f->source->experiment->keep_curves || !*curve) return SIREN_OK;
    snprintf(name, sizeof name, "curves/%04zu.csv", number);
    SIREN_TRY(siren_run_path(&path, f->trial->folder.folder, "%s", name));
    SIREN_TRY(siren_file_write(path, true, curve, strlen(curve)));
    return add_file(f, name);
}

/* Figures of a block that is stored as constants. */
static const siren_fidelity exact = {0, 0, INFINITY, INFINITY, INFINITY};

static siren_status add_block(siren_finishing *f, size_t number) {
    const siren_layout *layout = &f->trial->layout;
    const siren_block where = siren_block_at(&layout->grid, number);
    size_t n_volumes = layout->geometry.n_volumes;
    SIREN_AT_END(siren_finished_block_free) siren_finished_block block = {0};
    SIREN_TRY(siren_finished_block_read(&f->trial->folder, number, &block));
    const siren_encoded *e = &block.encoded;
    double voxels = (double)siren_block_voxels(&where) * (double)n_volumes, bytes = (double)e->n_packed;
    f->result.rows[f->result.n_rows++] =
        (siren_result_row){.level = layout->grid.kind,
                           .number = number,
                           .status = e->constant   ? SIREN_RESULT_CONSTANT
                                     : e->diverged ? SIREN_RESULT_DIVERGED
                                                   : SIREN_RESULT_OK,
                           .n_points = siren_mask_block_points(&layout->mask, &layout->grid, number),
                           .n_volumes = n_volumes,
                           .fidelity = e->constant ? exact : e->fidelity,
                           .mse_masked = e->masked.mse,
                           .psnr_masked = e->masked.psnr,
                           .bytes = e->n_packed,
                           .ratio = voxels * (double)siren_datatype_size(layout->geometry.datatype) / bytes,
                           .ratio_float32 = voxels * sizeof(float) / bytes,
                           .n_epochs = e->n_epochs};
    if (e->diverged) f->result.status = SIREN_RESULT_DIVERGED;
    SIREN_TRY(write_curve(f, number, block.curve));
    if (!isfinite(e->entry.mse)) { /* an archive holds no such block */
        siren_archive_writer_discard(SIREN_TAKE(f->writer));
    }
    if (f->writer)
        SIREN_TRY(
            siren_archive_writer_packed_record(f->writer, &e->entry, e->packed, e->n_packed, e->n_unpacked));
    return SIREN_OK;
}

/* Rows for the slices of a 3-D model. */
static siren_status add_slices(siren_finishing *f) {
    const siren_sweep_source *source = f->source;
    const siren_geometry *g = &source->series->geometry;
    SIREN_FREE_AT_END siren_slice_fidelity *slices = NULL;
    size_t n = 0;
    SIREN_TRY(siren_slicewise(source->device, f->archive, source->series, source->mask, source->memory_limit,
                              NULL, NULL, &slices, &n));
    for (size_t i = 0; i < n; i++) {
        const siren_slice_fidelity *s = &slices[i];
        siren_fidelity fidelity = s->honest;
        fidelity.psnr_published = s->published.psnr_published;
        f->result.rows[f->result.n_rows++] =
            (siren_result_row){.level = SIREN_BLOCK_SLICE,
                               .number = s->z,
                               .status = s->constant ? SIREN_RESULT_CONSTANT : f->result.status,
                               .n_points = g->nx * g->ny,
                               .n_volumes = g->n_volumes,
                               .fidelity = fidelity,
                               .mse_masked = s->honest_masked.mse,
                               .psnr_masked = s->honest_masked.psnr,
                               .ratio = NAN,
                               .ratio_float32 = NAN};
    }
    return SIREN_OK;
}

/* The archive, its slices' figures, and its size. */
static siren_status finish_archive(siren_finishing *f) {
    siren_archive_writer *writer = SIREN_TAKE(f->writer);
    if (!writer) return SIREN_OK;
    SIREN_TRY(siren_archive_writer_commit(writer, &f->result.archive_bytes));
    double start = siren_clock();
    SIREN_TRY(siren_verify_file(f->source->device, f->archive, f->source->memory_limit, NULL, NULL, NULL));
    f->decode_seconds = siren_clock() - start;
    if (f->trial->layout.grid.kind != SIREN_BLOCK_SLICE) SIREN_TRY(add_slices(f));
    if (f->source->experiment->keep_archives) return add_file(f, SIREN_ARCHIVE_FILE);
    unlink(f->archive);
    return SIREN_OK;
}

static siren_status prepare(siren_finishing *f) {
    const siren_sweep_trial *trial = f->trial;
    const siren_layout *layout = &trial->layout;
    const siren_settings *settings = &trial->trial->settings;
    size_t n_slices = layout->grid.z_end - layout->grid.z_begin,
           n_voxels = layout->geometry.nx * layout->geometry.ny * n_slices * layout->geometry.n_volumes;
    f->result.n_params = siren_network_n_params(&layout->network);
    f->result.series_bytes = n_voxels * siren_datatype_size(layout->geometry.datatype);
    f->result.float32_bytes = n_voxels * sizeof(float);
    SIREN_TRY(siren_allocate(&f->result.rows, layout->grid.count + n_slices, sizeof *f->result.rows,
                             "the rows of a result"));
    SIREN_TRY(siren_allocate(&f->files, layout->grid.count + 1, sizeof *f->files, "the files of a trial"));
    SIREN_TRY(siren_run_path(&f->archive, trial->folder.folder, "%s", SIREN_ARCHIVE_FILE));
    SIREN_TRY(siren_archive_writer_open(f->archive, true, &f->writer));
    /* Gradient directions are in image axes: they do not belong to a series that was turned. */
    siren_attachments attachments = {.image = settings->axis == SIREN_AXIS_Z ? f->source->image : NULL};
    siren_provenance provenance = {.device = f->source->named, .settings = settings};
    SIREN_AT_END(siren_survey_free) siren_survey survey = {0};
    siren_layout told = *layout;
    SIREN_TRY(siren_survey_volumes(NULL, f->source->series, layout, settings->scaling == SIREN_SCALING_ROBUST,
                                   &survey));
    told.n_apart = survey.n_apart;
    return siren_sections_write(f->writer, f->source->series, &told, &attachments, &provenance);
}

siren_status siren_sweep_trial_finish(const siren_sweep_source *source, const siren_sweep_trial *trial,
                                      siren_trial_result *out, double *decode_seconds) {
    const siren_block_grid *grid = &trial->layout.grid;
    SIREN_AT_END(finishing_free)
    siren_finishing f = {.source = source, .trial = trial, .decode_seconds = NAN};
    SIREN_TRY(prepare(&f));
    for (size_t i = 0; i < grid->count; i++) SIREN_TRY(add_block(&f, grid->first + i));
    SIREN_TRY(finish_archive(&f));
    f.result.n_files = f.n_files;
    SIREN_TRY(siren_trial_result_write(&trial->folder, &f.result, f.files, f.n_files));
    SIREN_TRY(remove_blocks(trial));
    *out = f.result;
    *decode_seconds = f.decode_seconds;
    f.result.rows = NULL;
    return SIREN_OK;
}
