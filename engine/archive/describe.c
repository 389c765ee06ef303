#include "engine/archive/describe.h"

#include "engine/archive/attachment.h"
#include "engine/calls.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void siren_archive_info_free(siren_archive_info *info) {
    if (!info) return;
    free(info->blocks);
    free(info->layers);
    free(info->attachments);
    free(info->provenance);
    free(info->volume_coordinates);
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
    SIREN_TRY(siren_allocate(&info->blocks, info->n_blocks, sizeof *info->blocks, "the list of blocks"));
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

static siren_status describe_acquisition(const siren_acquisition *acquisition, siren_archive_info *info) {
    char name[SIREN_ACQUISITION_NAME];
    info->n_volume_coordinates = acquisition->n_axes;
    SIREN_TRY(siren_allocate(&info->volume_coordinates, acquisition->n_axes, sizeof *info->volume_coordinates,
                             "the coordinates of volumes"));
    for (uint32_t axis = 0; axis < acquisition->n_axes; axis++)
        snprintf(info->volume_coordinates[axis], sizeof *info->volume_coordinates, "%s",
                 siren_acquisition_name(acquisition, axis, name));
    return SIREN_OK;
}

static siren_status describe_attachments(siren_archive *archive, siren_archive_info *info) {
    siren_attachment a;
    size_t n = 0;
    for (;; n++) {
        SIREN_TRY(siren_attachment_read(archive, n, &a));
        if (!a.bytes) break;
    }
    SIREN_TRY(siren_allocate(&info->attachments, n, sizeof *info->attachments, "the list of attachments"));
    for (size_t i = 0; i < n; i++) {
        SIREN_TRY(siren_attachment_read(archive, i, &a));
        snprintf(info->attachments[i], sizeof *info->attachments, "%s", a.suffix);
    }
    info->n_attachments = n;
    return SIREN_OK;
}

siren_status siren_archive_describe(siren_archive *archive, const siren_layout *layout,
                                    siren_archive_info *out) {
    SIREN_AT_END(siren_archive_info_free) siren_archive_info info = {0};
    const uint8_t *provenance;
    size_t n_provenance;
    const siren_geometry *g = &layout->geometry;
    info.bytes = siren_archive_bytes(archive);
    info.nx = g->nx, info.ny = g->ny, info.nz = g->nz, info.n_volumes = g->n_volumes;
    info.datatype = g->datatype;
    info.datatype_name = siren_datatype_name(g->datatype);
    info.z_begin = layout->grid.z_begin, info.z_end = layout->grid.z_end;
    info.nifti_version = g->version;
    info.slope = g->slope, info.inter = g->inter;
    info.n_voxels = (uint64_t)g->nx * g->ny * (layout->grid.z_end - layout->grid.z_begin);
    info.masked = layout->mask.section != NULL;
    info.n_inside = info.masked ? layout->mask.n_inside : info.n_voxels;
    info.background = layout->mask.value_of_background;
    uint64_t voxels = info.n_voxels * g->n_volumes;
    info.series_bytes = voxels * siren_datatype_size(g->datatype);
    info.ratio = (double)info.series_bytes / (double)info.bytes;
    info.ratio_float32 = 4 * (double)voxels / (double)info.bytes;
    info.coding = layout->coding;
    info.max_error = layout->bound;
    info.context_bytes = layout->n_context;
    info.restoration_bytes = layout->n_restoration;
    info.n_params = siren_network_n_params(&layout->network);
    info.weight_bits = layout->weight_bits;
    info.n_layers = layout->network.n_layers;
    SIREN_TRY(siren_allocate(&info.layers, info.n_layers, sizeof *info.layers, "the list of layers"));
    for (uint32_t l = 0; l < layout->network.n_layers; l++)
        info.layers[l] = (siren_layer_info){layout->network.layers[l].width,
                                            siren_activation_name(layout->network.layers[l].activation),
                                            layout->network.layers[l].w0};
    SIREN_TRY(describe_blocks(archive, layout, &info));
    SIREN_TRY(siren_layout_apart(archive, layout, &info.n_apart));
    SIREN_TRY(describe_attachments(archive, &info));
    SIREN_TRY(describe_acquisition(&layout->acquisition, &info));
    SIREN_TRY(siren_archive_section(archive, SIREN_SECTION_PROVENANCE, 0, &provenance, &n_provenance));
    SIREN_TRY(siren_allocate(&info.provenance, n_provenance + 1, 1, "the provenance"));
    if (provenance) memcpy(info.provenance, provenance, n_provenance);
    for (char *c = info.provenance; *c;
         c++) /* a stranger's text on the user's terminal: no escape sequences */
        if (*c != '\n' && (*c < ' ' || *c > '~')) *c = '?';
    *out = SIREN_TAKE(info);
    return SIREN_OK;
}

siren_status siren_info(const char *path, siren_archive_info *out) {
    SIREN_AT_END(siren_archive_close_at) siren_archive *archive = NULL;
    siren_layout layout;
    SIREN_TRY(siren_archive_open(path, &archive));
    SIREN_TRY(siren_layout_read(archive, &layout));
    return siren_archive_describe(archive, &layout, out);
}
