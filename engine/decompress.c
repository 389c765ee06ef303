#include "engine/archive/record.h"
#include "formats/diffusion_table.h"
#include "formats/little_endian.h"
#include "formats/nifti.h"
#include "host/file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_SUFFIX 32 /* bytes of an attachment's suffix */

/* ---- attachments ---- */

typedef struct {
    char suffix[MAX_SUFFIX + 1];
    const uint8_t *bytes; /* borrowed from the archive */
    size_t n_bytes;
} siren_attachment;

/* The nth attachment, its suffix checked so that it can name nothing but a sibling of the image. `bytes` NULL: no more. */
static siren_status read_attachment(siren_archive *archive, size_t nth, siren_attachment *out) {
    const char *path = siren_archive_path(archive);
    siren_attachment a = {.bytes = NULL};
    const uint8_t *bytes;
    size_t n_bytes;
    SIREN_RETURN_IF_FAILED(siren_archive_section(archive, SIREN_SECTION_ATTACHMENT, nth, &bytes, &n_bytes));
    if (!bytes) {
        *out = a;
        return SIREN_OK;
    }
    size_t length = n_bytes >= 4 ? siren_get_u32(bytes) : 0;
    bool sound =
        length >= 2 && length <= MAX_SUFFIX && length <= n_bytes - 4 && (bytes[4] == '.' || bytes[4] == '_');
    for (size_t i = 0; sound && i < length; i++)
        sound = bytes[4 + i] &&
                strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-", bytes[4 + i]);
    if (!sound)
        return siren_fail(
            SIREN_CORRUPT,
            "%s: the name of attachment %zu is not a plain suffix; restore the file from a copy", path, nth);
    memcpy(a.suffix, bytes + 4, length);
    if (strcmp(a.suffix, ".nii") == 0 || strcmp(a.suffix, ".nii.gz") == 0 || strcmp(a.suffix, ".siren") == 0)
        return siren_fail(SIREN_CORRUPT,
                          "%s: attachment %zu would replace an image; restore the file from a copy", path,
                          nth);
    a.bytes = bytes + 4 + length;
    a.n_bytes = n_bytes - 4 - length;
    *out = a;
    return SIREN_OK;
}

/* Gradient tables of a part of the volumes: their columns, written but not committed. `*output` stays NULL where the file
 * is no such table; it is kept whole then. */
static siren_status write_columns(const siren_attachment *a, siren_span volumes, const char *base,
                                  bool overwrite, siren_output **output) {
    siren_gradients whole;
    siren_status status = SIREN_OK;
    siren_output *none = NULL;
    bool bval = strcmp(a->suffix, ".bval") == 0, bvec = strcmp(a->suffix, ".bvec") == 0;
    if (!bval && !bvec) return SIREN_OK;
    if (siren_gradients_parse(a->suffix, bval ? a->bytes : NULL, a->n_bytes, a->suffix,
                              bvec ? a->bytes : NULL, a->n_bytes, &whole) != SIREN_OK)
        return SIREN_OK;
    if (volumes.end <= whole.n_volumes) {
        siren_gradients part = {volumes.end - volumes.begin, whole.bval ? whole.bval + volumes.begin : NULL,
                                whole.bvec ? whole.bvec + volumes.begin : NULL};
        status = siren_gradients_open(base, overwrite, &part, bval ? output : &none, bval ? &none : output);
    }
    siren_gradients_free(&whole);
    return status;
}

/* ---- decompress ---- */

/* A file beside the image. */
typedef struct {
    siren_output *output; /* NULL once committed */
    char *path;
    bool committed;
} siren_companion;

typedef struct {
    siren_archive *archive;
    siren_layout layout;
    siren_block_decoder *decoder;
    siren_nifti_writer *writer;
    uint8_t *header; /* of the restored part, NULL for the whole series */
    uint8_t *
        layer; /* (volumes, slices, ny, nx) of the part within one layer of blocks; NULL where a block fills its layer */
    siren_span slices, volumes;
    siren_companion *companions; /* (n_companions) */
    size_t n_companions;
} siren_restoration;

static siren_status resolve_spans(siren_restoration *run, const siren_decompress_options *options) {
    const siren_layout *layout = &run->layout;
    size_t first = layout->grid.z_begin, last = layout->grid.z_end;
    run->slices = options->slices;
    run->volumes = options->volumes;
    if (run->slices.end == 0) {
        run->slices.end = last;
        if (run->slices.begin == 0) run->slices.begin = first;
    }
    if (run->slices.begin < first || run->slices.begin >= run->slices.end || run->slices.end > last)
        return siren_fail(SIREN_USAGE, "slices %zu:%zu are not in the archive, which holds %zu:%zu",
                          run->slices.begin, run->slices.end, first, last);
    return siren_layout_volumes(layout, &run->volumes);
}

/* A writer for the part that was asked for. The whole series keeps its header byte for byte. A part begins with its own
 * first volume only in name: NIfTI has no field that says so. */
static siren_status open_writer(siren_restoration *run, const char *image,
                                const siren_decompress_options *options) {
    const uint8_t *header;
    size_t n_bytes, total;
    siren_geometry part = run->layout.geometry;
    size_t nz = run->slices.end - run->slices.begin, n_volumes = run->volumes.end - run->volumes.begin,
           n_path = strlen(image);
    SIREN_RETURN_IF_FAILED(siren_archive_section(run->archive, SIREN_SECTION_HEADER, 0, &header, &n_bytes));
    if (nz != part.nz || n_volumes != part.n_volumes) {
        SIREN_RETURN_IF_FAILED(
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
    return siren_nifti_writer_open(image, options->overwrite, &part, header, &run->writer);
}

/* The slices asked for that a layer of blocks holds; false for none. */
static bool slices_of_layer(const siren_restoration *run, const siren_block *block, siren_span *out) {
    size_t end = block->z + block->nz;
    out->begin = block->z > run->slices.begin ? block->z : run->slices.begin;
    out->end = end < run->slices.end ? end : run->slices.end;
    return out->begin < out->end;
}

/* Room for a layer of patches, to be written slice by slice. */
static siren_status create_layer(siren_restoration *run, size_t memory_limit) {
    const siren_block_grid *grid = &run->layout.grid;
    size_t nz = run->slices.end - run->slices.begin, n_volumes = run->volumes.end - run->volumes.begin, bytes;
    if (grid->size[0] == grid->nx && grid->size[1] == grid->ny) return SIREN_OK;
    if (!siren_mul(grid->nx * grid->ny, nz < grid->size[2] ? nz : grid->size[2], &bytes) ||
        !siren_mul(bytes, n_volumes, &bytes) ||
        !siren_mul(bytes, siren_datatype_size(run->layout.geometry.datatype), &bytes) || bytes > memory_limit)
        return siren_fail(SIREN_UNSUPPORTED,
                          "a layer of patches with %zu volumes needs more than the memory limit of %zu "
                          "bytes; restore fewer slices or volumes "
                          "at once, or raise --memory",
                          n_volumes, memory_limit);
    return siren_allocate(&run->layer, bytes, 1, "a layer of patches");
}

/* Copies what was asked for of a block's decoded voxels to its place in the layer. */
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
                memcpy(run->layer + to * size, voxels + from * size, block->nx * size);
            }
}

/* Writes the slices of a layer, or of a block that fills its layer. */
static siren_status write_layer(siren_restoration *run, const siren_block *block, siren_span slices,
                                const uint8_t *voxels) {
    size_t bytes =
        run->layout.grid.nx * run->layout.grid.ny * siren_datatype_size(run->layout.geometry.datatype);
    for (size_t volume = run->volumes.begin; volume < run->volumes.end; volume++)
        for (size_t z = slices.begin; z < slices.end; z++) {
            const uint8_t *slice =
                run->layer ? run->layer + ((volume - run->volumes.begin) * (slices.end - slices.begin) + z -
                                           slices.begin) *
                                              bytes
                           : voxels + ((volume - run->volumes.begin) * block->nz + z - block->z) * bytes;
            SIREN_RETURN_IF_FAILED(siren_nifti_writer_slice(run->writer, volume - run->volumes.begin,
                                                            z - run->slices.begin, slice));
        }
    return SIREN_OK;
}

/* Decodes the blocks that meet the slices asked for, layer by layer, and writes these. */
static siren_status restore_voxels(siren_restoration *run, size_t memory_limit, siren_progress_fn progress,
                                   void *user) {
    const siren_block_grid *grid = &run->layout.grid;
    siren_span slices;
    size_t n_wanted = 0, n_done = 0;
    for (size_t nth = 0; nth < grid->count; nth++) {
        const siren_block block = siren_block_at(grid, grid->first + nth);
        n_wanted += slices_of_layer(run, &block, &slices);
    }
    SIREN_RETURN_IF_FAILED(create_layer(run, memory_limit));
    for (size_t nth = 0; nth < grid->count; nth++) {
        const siren_block block = siren_block_at(grid, grid->first + nth);
        const void *voxels = NULL;
        if (!slices_of_layer(run, &block, &slices)) continue;
        SIREN_RETURN_IF_FAILED(siren_block_decode_nth(run->decoder, run->archive, nth, NULL, NULL, &voxels));
        if (run->layer) place_block(run, &block, slices, voxels);
        if (block.x + block.nx == grid->nx && block.y + block.ny == grid->ny)
            SIREN_RETURN_IF_FAILED(write_layer(run, &block, slices, voxels));
        if (progress &&
            !progress(user, (double)++n_done, (double)n_wanted, siren_block_kind_name(grid->kind, 2)))
            return siren_fail(SIREN_CANCELLED, "decompression was interrupted");
    }
    return SIREN_OK;
}

static siren_status write_companion(siren_restoration *run, const siren_attachment *a, const char *image,
                                    bool overwrite) {
    siren_status status = SIREN_OK;
    char *base = NULL;
    siren_companion *companion = &run->companions[run->n_companions++];
    SIREN_TRY(siren_sibling_path(image, "", &base));
    SIREN_TRY(siren_sibling_path(image, a->suffix, &companion->path));
    if (run->volumes.end - run->volumes.begin != run->layout.geometry.n_volumes)
        SIREN_TRY(write_columns(a, run->volumes, base, overwrite, &companion->output));
    if (companion->output) goto done;
    SIREN_TRY(siren_output_open(companion->path, overwrite, &companion->output));
    SIREN_TRY(siren_output_write(companion->output, a->bytes, a->n_bytes));
    SIREN_TRY(siren_output_flush(companion->output));
done:
    free(base);
    return status;
}

/* All attachments before the first slice: what cannot be written is known early, and appears with the image or not at all. */
static siren_status write_companions(siren_restoration *run, const char *image, bool overwrite) {
    siren_attachment a;
    size_t n = 0;
    for (;; n++) {
        SIREN_RETURN_IF_FAILED(read_attachment(run->archive, n, &a));
        if (!a.bytes) break;
    }
    SIREN_RETURN_IF_FAILED(siren_allocate(&run->companions, n, sizeof *run->companions, "the attachments"));
    for (size_t nth = 0; nth < n; nth++) {
        SIREN_RETURN_IF_FAILED(read_attachment(run->archive, nth, &a));
        SIREN_RETURN_IF_FAILED(write_companion(run, &a, image, overwrite));
    }
    return SIREN_OK;
}

/* The image and its companions, or, unless files were replaced that are gone anyway, nothing. */
static siren_status commit(siren_restoration *run, const char *image, bool overwrite) {
    siren_status status = siren_nifti_writer_finish(run->writer);
    if (status != SIREN_OK) return status;
    siren_nifti_writer *writer = run->writer;
    run->writer = NULL;
    SIREN_RETURN_IF_FAILED(siren_nifti_writer_commit(writer));
    for (size_t i = 0; status == SIREN_OK && i < run->n_companions; i++) {
        siren_companion *companion = &run->companions[i];
        status = siren_output_commit(companion->output);
        companion->output = NULL;
        companion->committed = status == SIREN_OK;
    }
    if (status == SIREN_OK || overwrite) return status;
    unlink(image);
    for (size_t i = 0; i < run->n_companions; i++)
        if (run->companions[i].committed) unlink(run->companions[i].path);
    return status;
}

static void restoration_free(siren_restoration *run) {
    siren_nifti_writer_discard(run->writer);
    for (size_t i = 0; i < run->n_companions; i++) {
        siren_output_discard(run->companions[i].output);
        free(run->companions[i].path);
    }
    free(run->companions);
    siren_block_decoder_free(run->decoder);
    siren_archive_close(run->archive);
    free(run->header);
    free(run->layer);
}

siren_status siren_decompress_file(siren_device *device, const char *archive, const char *image,
                              const siren_decompress_options *options, siren_progress_fn progress,
                              void *user) {
    if (!archive || !image || !options)
        return siren_fail(SIREN_USAGE, "siren_decompress: archive, image and options must not be NULL");
    siren_status status = SIREN_OK;
    siren_restoration run = {.archive = NULL};
    SIREN_TRY(siren_archive_open(archive, &run.archive));
    SIREN_TRY(siren_layout_read(run.archive, &run.layout));
    SIREN_TRY(resolve_spans(&run, options));
    if (siren_file_same(archive, image)) {
        status = siren_fail(
            SIREN_USAGE, "%s: is the archive itself and is not replaced; give the image another name", image);
        goto done;
    }
    SIREN_TRY(open_writer(&run, image, options));
    SIREN_TRY(write_companions(&run, image, options->overwrite));
    SIREN_TRY(siren_block_decoder_create_part(device, &run.layout, run.volumes, options->memory_limit,
                                              &run.decoder));
    SIREN_TRY(restore_voxels(&run, options->memory_limit, progress, user));
    SIREN_TRY(commit(&run, image, options->overwrite));
done:
    restoration_free(&run);
    return status;
}

siren_status siren_verify_file(siren_device *device, const char *archive, size_t memory_limit,
                          siren_progress_fn progress, void *user, size_t *n_blocks) {
    siren_status status = SIREN_OK, first_failure = SIREN_OK;
    siren_restoration run = {.archive = NULL};
    char first_message[SIREN_MESSAGE_BYTES] = "";
    size_t sound = 0;
    SIREN_TRY(siren_archive_open(archive, &run.archive));
    for (size_t i = 0; i < siren_archive_n_sections(run.archive); i++) {
        const uint8_t *bytes;
        size_t n_bytes;
        SIREN_TRY(siren_archive_section_at(run.archive, i, &bytes, &n_bytes));
    }
    SIREN_TRY(siren_layout_read(run.archive, &run.layout));
    for (size_t nth = 0;; nth++) {
        siren_attachment a;
        SIREN_TRY(read_attachment(run.archive, nth, &a));
        if (!a.bytes) break;
    }
    SIREN_TRY(siren_block_decoder_create(device, &run.layout, memory_limit, &run.decoder));
    for (size_t nth = 0; nth < run.layout.grid.count; nth++) {
        const void *voxels = NULL;
        siren_status checked = siren_block_decode_nth(run.decoder, run.archive, nth, NULL, NULL, &voxels);
        if (checked != SIREN_OK && checked != SIREN_CORRUPT && checked != SIREN_INTEGRITY) {
            status = checked; /* the machine's fault, not the archive's */
            goto done;
        }
        if (checked == SIREN_OK) {
            sound++;
        } else {
            siren_log(SIREN_LOG_WARNING, "%s", siren_message());
            if (first_failure == SIREN_OK)
                snprintf(first_message, sizeof first_message, "%s", siren_message());
            if (first_failure == SIREN_OK) first_failure = checked;
        }
        if (progress && !progress(user, (double)(nth + 1), (double)run.layout.grid.count,
                                  siren_block_kind_name(run.layout.grid.kind, 2))) {
            status = siren_fail(SIREN_CANCELLED, "verification was interrupted");
            goto done;
        }
    }
    if (n_blocks) *n_blocks = sound;
    if (first_failure != SIREN_OK)
        status =
            siren_fail(first_failure, "%zu of %zu %s failed; the first: %s", run.layout.grid.count - sound,
                       run.layout.grid.count,
                       siren_block_kind_name(run.layout.grid.kind, run.layout.grid.count), first_message);
done:
    restoration_free(&run);
    return status;
}

/* ---- info ---- */

void siren_archive_info_free(siren_archive_info *info) {
    if (!info) return;
    free(info->blocks);
    free(info->layers);
    free(info->attachments);
    free(info->provenance);
    *info = (siren_archive_info){0};
}

static siren_status describe_blocks(siren_archive *archive, const siren_layout *layout,
                                    siren_archive_info *info) {
    const siren_block_grid *grid = &layout->grid;
    double sum = 0;
    size_t n = 0;
    const siren_index_entry *index = siren_archive_index(archive);
    info->block_kind = grid->kind;
    info->n_blocks = grid->count;
    SIREN_RETURN_IF_FAILED(
        siren_allocate(&info->blocks, info->n_blocks, sizeof *info->blocks, "the list of blocks"));
    for (size_t i = 0; i < info->n_blocks; i++) {
        const siren_block block = siren_block_at(grid, index[i].block);
        double psnr = index[i].mse > 0 ? -10 * log10(index[i].mse) : INFINITY;
        info->blocks[i] =
            (siren_block_info){.number = index[i].block,
                               .first = {block.x, block.y, block.z},
                               .size = {block.nx, block.ny, block.nz},
                               .n_points = siren_mask_block_points(&layout->mask, grid, index[i].block),
                               .bytes = index[i].bytes,
                               .mse = index[i].mse,
                               .psnr = psnr};
        if (index[i].mse > 0) {
            sum += psnr;
            n++;
        }
    }
    info->psnr = n ? sum / (double)n : INFINITY;
    return SIREN_OK;
}

static siren_status describe_attachments(siren_archive *archive, siren_archive_info *info) {
    siren_attachment a;
    size_t n = 0;
    for (;; n++) {
        SIREN_RETURN_IF_FAILED(read_attachment(archive, n, &a));
        if (!a.bytes) break;
    }
    SIREN_RETURN_IF_FAILED(
        siren_allocate(&info->attachments, n, sizeof *info->attachments, "the list of attachments"));
    for (size_t i = 0; i < n; i++) {
        SIREN_RETURN_IF_FAILED(read_attachment(archive, i, &a));
        snprintf(info->attachments[i], sizeof *info->attachments, "%s", a.suffix);
    }
    info->n_attachments = n;
    return SIREN_OK;
}

siren_status siren_info(const char *path, siren_archive_info *out) {
    siren_status status = SIREN_OK;
    siren_archive *archive = NULL;
    siren_layout layout;
    siren_archive_info info = {0};
    const uint8_t *provenance;
    size_t n_provenance;
    SIREN_TRY(siren_archive_open(path, &archive));
    SIREN_TRY(siren_layout_read(archive, &layout));
    const siren_geometry *g = &layout.geometry;
    info.bytes = siren_archive_bytes(archive);
    info.nx = g->nx, info.ny = g->ny, info.nz = g->nz, info.n_volumes = g->n_volumes;
    info.datatype = g->datatype;
    info.datatype_name = siren_datatype_name(g->datatype);
    info.z_begin = layout.grid.z_begin, info.z_end = layout.grid.z_end;
    info.nifti_version = g->version;
    info.slope = g->slope, info.inter = g->inter;
    info.n_voxels = (uint64_t)g->nx * g->ny * (layout.grid.z_end - layout.grid.z_begin);
    info.masked = layout.mask.section != NULL;
    info.n_inside = info.masked ? layout.mask.n_inside : info.n_voxels;
    info.background = layout.mask.value_of_background;
    uint64_t voxels = info.n_voxels * g->n_volumes;
    info.series_bytes = voxels * siren_datatype_size(g->datatype);
    info.ratio = (double)info.series_bytes / (double)info.bytes;
    info.ratio_float32 = 4 * (double)voxels / (double)info.bytes;
    info.n_params = siren_network_n_params(&layout.network);
    info.weight_bits = layout.weight_bits;
    info.n_layers = layout.network.n_layers;
    SIREN_TRY(siren_allocate(&info.layers, info.n_layers, sizeof *info.layers, "the list of layers"));
    for (uint32_t l = 0; l < layout.network.n_layers; l++)
        info.layers[l] = (siren_layer_info){layout.network.layers[l].width,
                                            siren_activation_name(layout.network.layers[l].activation),
                                            layout.network.layers[l].w0};
    SIREN_TRY(describe_blocks(archive, &layout, &info));
    SIREN_TRY(describe_attachments(archive, &info));
    SIREN_TRY(siren_archive_section(archive, SIREN_SECTION_PROVENANCE, 0, &provenance, &n_provenance));
    SIREN_TRY(siren_allocate(&info.provenance, n_provenance + 1, 1, "the provenance"));
    if (provenance) memcpy(info.provenance, provenance, n_provenance);
    for (char *c = info.provenance; *c;
         c++) /* a stranger's text on the user's terminal: no escape sequences */
        if (*c != '\n' && (*c < ' ' || *c > '~')) *c = '?';
    *out = info;
    info = (siren_archive_info){0};
done:
    siren_archive_info_free(&info);
    siren_archive_close(archive);
    return status;
}
