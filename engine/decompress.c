#include "engine/archive/attachment.h"
#include "engine/archive/decoding_team.h"
#include "engine/archive/record.h"
#include "engine/archive/sidecar.h"
#include "engine/options.h"
#include "formats/diffusion_table.h"
#include "formats/nifti.h"
#include "formats/original.h"
#include "host/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- attachments ---- */

/* A gradient table's columns of some of `n_volumes`, written but not committed. `*output` stays NULL where it cannot be
 * cut:
 * whole it would belie the image. */
static siren_status write_columns(const siren_attachment *a, size_t n_volumes, siren_span volumes,
                                  const char *base, bool overwrite, siren_output **output) {
    SIREN_AT_END(siren_diffusion_table_free) siren_diffusion_table whole = {0};
    siren_output *none = NULL;
    bool bval = strcmp(a->suffix, ".bval") == 0;
    siren_status status =
        bval ? siren_diffusion_table_parse(a->suffix, a->bytes, a->n_bytes, NULL, NULL, 0, &whole)
             : siren_diffusion_table_parse(NULL, NULL, 0, a->suffix, a->bytes, a->n_bytes, &whole);
    if (status == SIREN_OK && whole.n_volumes != n_volumes)
        status = siren_fail(SIREN_CORRUPT, "%s: has %zu entr%s for a series of %zu volume%s", a->suffix,
                            whole.n_volumes, whole.n_volumes == 1 ? "y" : "ies", n_volumes,
                            siren_plural(n_volumes));
    if (status == SIREN_CORRUPT) {
        siren_log(SIREN_LOG_WARNING, "%s%s is not written beside a part of the volumes: %s", base, a->suffix,
                  siren_message());
        return SIREN_OK;
    }
    if (status != SIREN_OK) return status;
    siren_diffusion_table part = {volumes.end - volumes.begin, whole.bval ? whole.bval + volumes.begin : NULL,
                                  whole.bvec ? whole.bvec + volumes.begin : NULL};
    return siren_diffusion_table_open(base, overwrite, &part, bval ? output : &none, bval ? &none : output);
}

/* ---- decompress ---- */

/* A file beside the image. */
typedef struct {
    siren_output *output; /* NULL once committed, or where it is left out */
    char *path;
    bool replaces, committed;
} siren_companion;

typedef struct {
    siren_archive *archive;
    siren_layout layout;
    siren_decoding_team *team;
    siren_nifti_writer *writer;
    uint8_t *header; /* of the restored part, NULL for the whole series */
    uint8_t *
        band; /* (volumes, slices, ny, nx) of the part within one band of blocks; NULL where a block fills its band */
    siren_span slices, volumes;
    char trace[SIREN_TRACE_CHARS]; /* of the sidecar; "": none */
    siren_companion *companions;   /* (n_companions) */
    size_t n_companions;
} siren_restoration;

static siren_status resolve_spans(siren_restoration *run, const siren_decompress_options *options) {
    const siren_layout *layout = &run->layout;
    size_t first = layout->grid.z_begin, last = layout->grid.z_end;
    run->slices = options->slices;
    run->volumes = options->volumes;
    if (!siren_span_complete(&run->slices, first, last))
        return siren_fail(SIREN_USAGE, "slices %zu:%zu are not in the archive, which holds %zu:%zu",
                          run->slices.begin, run->slices.end, first, last);
    return siren_layout_volumes(layout, &run->volumes);
}

/* A writer for the part that was asked for. The whole series keeps its header byte for byte. A part begins with its own
 * first volume only in name: NIfTI has no field that says so. */
static siren_status open_writer(siren_restoration *run, const char *image,
                                const siren_decompress_options *options) {
    const uint8_t *header, *tail;
    size_t n_bytes, total;
    siren_geometry part = run->layout.geometry;
    size_t nz = run->slices.end - run->slices.begin, n_volumes = run->volumes.end - run->volumes.begin,
           n_path = strlen(image);
    SIREN_TRY(siren_archive_section(run->archive, SIREN_SECTION_HEADER, 0, &header, &n_bytes));
    if (nz != part.nz || n_volumes != part.n_volumes) {
        SIREN_TRY(
            siren_nifti_subseries_header(header, &part, run->slices.begin, nz, n_volumes, &run->header));
        header = run->header;
    }
    bool held_in_memory = n_path > 3 && strcmp(image + n_path - 3, ".gz") == 0;
    if (!siren_mul(part.nx * part.ny, nz, &total) || !siren_mul(total, n_volumes, &total) ||
        !siren_mul(total, siren_datatype_size(part.datatype), &total) ||
        (held_in_memory && total > options->memory_limit))
        return siren_fail(
            SIREN_UNSUPPORTED,
            "%s: needs more memory than the limit of %zu bytes; write .nii instead, or raise --memory", image,
            options->memory_limit);
    SIREN_TRY(siren_nifti_writer_open(image, options->overwrite, &part, header, &run->writer));
    if (run->header || !siren_archive_has_section(run->archive, SIREN_SECTION_TAIL)) return SIREN_OK;
    SIREN_TRY(siren_archive_section(run->archive, SIREN_SECTION_TAIL, 0, &tail, &n_bytes));
    return siren_nifti_writer_tail(run->writer, tail, n_bytes);
}

/* The slices asked for that a band of blocks holds; false for none. */
static bool slices_of_band(const siren_restoration *run, const siren_block *block, siren_span *out) {
    *out = siren_span_meet(run->slices, block->z, block->nz);
    return out->begin < out->end;
}

/* Room for a band of patches, to be written slice by slice. */
static siren_status create_band(siren_restoration *run, size_t memory_limit) {
    const siren_block_grid *grid = &run->layout.grid;
    size_t nz = run->slices.end - run->slices.begin, n_volumes = run->volumes.end - run->volumes.begin, bytes;
    if (grid->size[0] == grid->nx && grid->size[1] == grid->ny) return SIREN_OK;
    if (!siren_mul(grid->nx * grid->ny, nz < grid->size[2] ? nz : grid->size[2], &bytes) ||
        !siren_mul(bytes, n_volumes, &bytes) ||
        !siren_mul(bytes, siren_datatype_size(run->layout.geometry.datatype), &bytes) || bytes > memory_limit)
        return siren_fail(SIREN_UNSUPPORTED,
                          "a band of patches with %zu volume%s needs more than the memory limit of %zu "
                          "bytes; restore fewer slices or volumes at once, or raise --memory",
                          n_volumes, siren_plural(n_volumes), memory_limit);
    return siren_allocate(&run->band, bytes, 1, "a band of patches");
}

/* Copies what was asked for of a block's decoded voxels to its place in the band. */
static void place_block(siren_restoration *run, const siren_block *block, siren_span slices,
                        const uint8_t *voxels) {
    const siren_block_grid *grid = &run->layout.grid;
    size_t size = siren_datatype_size(run->layout.geometry.datatype), nz = slices.end - slices.begin;
    for (size_t volume = run->volumes.begin; volume < run->volumes.end; volume++)
        for (size_t z = slices.begin; z < slices.end; z++)
            for (size_t y = 0; y < block->ny; y++) {
                size_t from =
                    (((volume - run->volumes.begin) * block->nz + z - block->z) * block->ny + y) * block->nx;
                size_t to =
                    (((volume - run->volumes.begin) * nz + z - slices.begin) * grid->ny + block->y + y) *
                        grid->nx +
                    block->x;
                memcpy(run->band + to * size, voxels + from * size, block->nx * size);
            }
}

/* Writes the slices of a band, or of a block that fills its band. */
static siren_status write_band(siren_restoration *run, const siren_block *block, siren_span slices,
                               const uint8_t *voxels) {
    size_t bytes =
        run->layout.grid.nx * run->layout.grid.ny * siren_datatype_size(run->layout.geometry.datatype);
    for (size_t volume = run->volumes.begin; volume < run->volumes.end; volume++)
        for (size_t z = slices.begin; z < slices.end; z++) {
            const uint8_t *slice =
                run->band ? run->band + ((volume - run->volumes.begin) * (slices.end - slices.begin) + z -
                                         slices.begin) *
                                            bytes
                          : voxels + ((volume - run->volumes.begin) * block->nz + z - block->z) * bytes;
            SIREN_TRY(siren_nifti_writer_slice(run->writer, volume - run->volumes.begin,
                                               z - run->slices.begin, slice));
        }
    return SIREN_OK;
}

/* Decodes the blocks that meet the slices asked for, band by band, and writes these. */
static siren_status restore_voxels(siren_restoration *run, size_t memory_limit, siren_progress_fn progress,
                                   void *user) {
    const siren_block_grid *grid = &run->layout.grid;
    siren_span slices;
    size_t n_wanted = 0, n_done = 0, end = 0;
    for (size_t nth = 0; nth < grid->count; nth++) {
        const siren_block block = siren_block_at(grid, grid->first + nth);
        if (!slices_of_band(run, &block, &slices)) continue;
        n_wanted++;
        end = nth + 1;
    }
    SIREN_TRY(create_band(run, memory_limit));
    for (size_t nth = 0; nth < grid->count; nth++) {
        const siren_block block = siren_block_at(grid, grid->first + nth);
        const void *voxels = NULL;
        if (!slices_of_band(run, &block, &slices)) continue;
        SIREN_TRY(siren_decoding_team_decode(run->team, nth, end, &voxels));
        if (run->band) place_block(run, &block, slices, voxels);
        if (block.x + block.nx == grid->nx && block.y + block.ny == grid->ny)
            SIREN_TRY(write_band(run, &block, slices, voxels));
        if (progress &&
            !progress(user, (double)++n_done, (double)n_wanted, siren_block_kind_name(grid->kind, 2)))
            return siren_fail(SIREN_CANCELLED, "decompression was interrupted");
    }
    return SIREN_OK;
}

/* Whether the file is there and holds these bytes. */
static bool holds(const char *path, const uint8_t *bytes, size_t n_bytes) {
    SIREN_FREE_AT_END uint8_t *present = NULL;
    size_t n = 0;
    return access(path, F_OK) == 0 && siren_file_read(path, n_bytes, &present, &n) == SIREN_OK &&
           n == n_bytes && memcmp(present, bytes, n) == 0;
}

/* An attachment as it is, but for the trace of a sidecar. What is there already is left as it is. */
static siren_status write_whole(const siren_restoration *run, const siren_attachment *a, bool overwrite,
                                siren_companion *companion) {
    SIREN_FREE_AT_END uint8_t *traced = NULL;
    const uint8_t *bytes = a->bytes;
    size_t n_bytes = a->n_bytes;
    if (*run->trace && strcmp(a->suffix, ".json") == 0)
        SIREN_TRY(siren_sidecar_trace(a->bytes, a->n_bytes, run->trace, &traced, &n_bytes));
    if (traced)
        bytes = traced;
    else if (*run->trace && strcmp(a->suffix, ".json") == 0 && !siren_sidecar_is_object(a->bytes, a->n_bytes))
        siren_log(SIREN_LOG_WARNING, "%s: is no JSON object, so that it does not tell of lossy compression",
                  companion->path);
    if (holds(companion->path, bytes, n_bytes)) return SIREN_OK;
    if (traced && !overwrite && holds(companion->path, a->bytes, a->n_bytes)) {
        siren_log(SIREN_LOG_WARNING,
                  "%s: is there already and left as it is, so that it does not tell of lossy compression",
                  companion->path);
        return SIREN_OK;
    }
    if (overwrite)
        SIREN_TRY(siren_kind_check(
            companion->path, siren_named_as_image(companion->path) ? SIREN_KIND_IMAGE : SIREN_KIND_OTHER));
    SIREN_TRY(siren_output_open(companion->path, overwrite, &companion->output));
    SIREN_TRY(siren_output_write(companion->output, bytes, n_bytes));
    return siren_output_flush(companion->output);
}

static siren_status write_companion(siren_restoration *run, const siren_attachment *a, const char *image,
                                    bool overwrite) {
    SIREN_FREE_AT_END char *base = NULL;
    siren_companion *companion = &run->companions[run->n_companions++];
    SIREN_TRY(siren_sibling_path(image, "", &base));
    SIREN_TRY(siren_sibling_path(image, a->suffix, &companion->path));
    if (siren_file_same(siren_archive_path(run->archive), companion->path))
        return siren_fail(
            SIREN_USAGE,
            "%s: is the archive itself and is not replaced by its attachment; give the image another "
            "name",
            companion->path);
    size_t n_volumes = run->layout.geometry.n_volumes;
    if (run->volumes.end - run->volumes.begin != n_volumes && siren_diffusion_table_suffix(a->suffix))
        return write_columns(a, n_volumes, run->volumes, base, overwrite, &companion->output);
    return write_whole(run, a, overwrite, companion);
}

/* All attachments before the first slice: what cannot be written is known early, and appears with the image or not at
 * all. */
static siren_status write_companions(siren_restoration *run, const char *image, bool overwrite) {
    siren_attachment a;
    size_t n = 0;
    for (;; n++) {
        SIREN_TRY(siren_attachment_read(run->archive, n, &a));
        if (!a.bytes) break;
    }
    SIREN_TRY(siren_allocate(&run->companions, n, sizeof *run->companions, "the attachments"));
    for (size_t nth = 0; nth < n; nth++) {
        SIREN_TRY(siren_attachment_read(run->archive, nth, &a));
        SIREN_TRY(write_companion(run, &a, image, overwrite));
    }
    return SIREN_OK;
}

/* The image and its companions, or, but for what replaced files that are gone anyway, nothing. */
static siren_status commit(siren_restoration *run, const char *image,
                           const siren_decompress_options *options) {
    SIREN_TRY(siren_nifti_writer_finish(run->writer));
    bool replaces = access(image, F_OK) == 0;
    siren_status status = siren_nifti_writer_commit(SIREN_TAKE(run->writer));
    if (status != SIREN_OK) return status;
    for (size_t i = 0; status == SIREN_OK && i < run->n_companions; i++) {
        siren_companion *companion = &run->companions[i];
        if (!companion->output) continue;
        companion->replaces = access(companion->path, F_OK) == 0;
        status = siren_output_commit(SIREN_TAKE(companion->output));
        companion->committed = status == SIREN_OK;
    }
    if (status == SIREN_OK && replaces && options->replaced) options->replaced(options->user, image);
    for (size_t i = 0; status == SIREN_OK && options->replaced && i < run->n_companions; i++)
        if (run->companions[i].replaces) options->replaced(options->user, run->companions[i].path);
    if (status == SIREN_OK) return SIREN_OK;
    if (!replaces) unlink(image);
    for (size_t i = 0; i < run->n_companions; i++)
        if (run->companions[i].committed && !run->companions[i].replaces) unlink(run->companions[i].path);
    return status;
}

static void restoration_free(siren_restoration *run) {
    siren_nifti_writer_discard(run->writer);
    for (size_t i = 0; i < run->n_companions; i++) {
        siren_output_discard(run->companions[i].output);
        free(run->companions[i].path);
    }
    free(run->companions);
    siren_decoding_team_free(run->team);
    siren_archive_close(run->archive);
    free(run->header);
    free(run->band);
}

siren_status siren_decompress_file(siren_device *device, const char *archive, const char *image,
                                   const siren_decompress_options *options, siren_progress_fn progress,
                                   void *user) {
    SIREN_AT_END(restoration_free) siren_restoration run = {.archive = NULL};
    SIREN_TRY(siren_archive_open(archive, &run.archive));
    SIREN_TRY(siren_layout_read(run.archive, &run.layout));
    SIREN_TRY(resolve_spans(&run, options));
    if (siren_file_same(archive, image))
        return siren_fail(
            SIREN_USAGE, "%s: is the archive itself and is not replaced; give the image another name", image);
    SIREN_TRY(open_writer(&run, image, options));
    if (!options->plain_sidecar) SIREN_TRY(siren_trace_of(run.archive, &run.layout, run.trace));
    if (!options->alone) SIREN_TRY(write_companions(&run, image, options->overwrite));
    SIREN_TRY(siren_decoding_team_create(device, run.archive, &run.layout, run.volumes, options->memory_limit,
                                         &run.team));
    SIREN_TRY(restore_voxels(&run, options->memory_limit, progress, user));
    siren_decoding_team_free(SIREN_TAKE(run.team)); /* no driver can fail any more */
    return commit(&run, image, options);
}

siren_status siren_verify_file(siren_device *device, const char *archive, size_t memory_limit,
                               siren_progress_fn progress, void *user, size_t *n_blocks) {
    siren_status first_failure = SIREN_OK;
    SIREN_AT_END(restoration_free) siren_restoration run = {.archive = NULL};
    char first_message[SIREN_MESSAGE_BYTES] = "";
    size_t sound = 0;
    SIREN_TRY(siren_archive_open(archive, &run.archive));
    for (size_t i = 0; i < siren_archive_n_sections(run.archive); i++)
        SIREN_TRY(siren_archive_section_check(run.archive, i));
    SIREN_TRY(siren_layout_read(run.archive, &run.layout));
    for (size_t nth = 0;; nth++) {
        siren_attachment a;
        SIREN_TRY(siren_attachment_read(run.archive, nth, &a));
        if (!a.bytes) break;
    }
    SIREN_TRY(siren_decoding_team_create(device, run.archive, &run.layout,
                                         (siren_span){0, run.layout.geometry.n_volumes}, memory_limit,
                                         &run.team));
    for (size_t nth = 0; nth < run.layout.grid.count; nth++) {
        const void *voxels = NULL;
        siren_status checked = siren_decoding_team_decode(run.team, nth, run.layout.grid.count, &voxels);
        if (checked != SIREN_OK && checked != SIREN_CORRUPT && checked != SIREN_INTEGRITY)
            return checked; /* the machine's fault, not the archive's */
        if (checked == SIREN_OK) {
            sound++;
        } else {
            if (first_failure == SIREN_OK)
                snprintf(first_message, sizeof first_message, "%s", siren_message());
            if (first_failure == SIREN_OK) first_failure = checked;
            siren_log(SIREN_LOG_WARNING, "%s", siren_message()); /* last: its function may fail itself */
        }
        if (progress && !progress(user, (double)(nth + 1), (double)run.layout.grid.count,
                                  siren_block_kind_name(run.layout.grid.kind, 2)))
            return siren_fail(SIREN_CANCELLED, "verification was interrupted");
    }
    if (n_blocks) *n_blocks = sound;
    if (first_failure == SIREN_OK) return SIREN_OK;
    return siren_fail(first_failure, "%zu of %zu %s failed; the first: %s", run.layout.grid.count - sound,
                      run.layout.grid.count,
                      siren_block_kind_name(run.layout.grid.kind, run.layout.grid.count), first_message);
}

/* ---- public ---- */

siren_status siren_decompress(siren_device *device, const char *archive, const siren_options *options,
                              const char *image) {
    siren_options usual;
    if (!archive || !image)
        return siren_fail(SIREN_USAGE, "siren_decompress: archive and image must not be NULL");
    if (!options) options = siren_options_usual(&usual);
    const siren_decompress_options wanted = siren_options_decompress(options);
    return siren_decompress_file(device, archive, image, &wanted, options->progress, options->user);
}

siren_status siren_verify(siren_device *device, const char *archive, const siren_options *options,
                          size_t *n_blocks) {
    siren_options usual;
    if (!archive) return siren_fail(SIREN_USAGE, "siren_verify: archive must not be NULL");
    if (!options) options = siren_options_usual(&usual);
    return siren_verify_file(device, archive, options->compress.memory_limit, options->progress,
                             options->user, n_blocks);
}
