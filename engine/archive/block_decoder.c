#include "engine/archive/coded_record.h"
#include "engine/archive/parameters.h"
#include "engine/decode/decode.h"
#include "engine/transform/transform.h"
#include "formats/little_endian.h"
#include "formats/pack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct siren_block_decoder {
    siren_layout layout;
    siren_span volumes;    /* that are decoded */
    siren_network network; /* of these */
    bool
        sampled; /* points are compared with the host: a device decodes a part, of which there is no checksum */
    siren_block moved_to;   /* the network's points are those of this block */
    size_t moved_first;     /* from this one on */
    size_t chunk;           /* points decoded at once, at most */
    siren_scaling *scaling; /* (n_volumes); NULL of a predictive archive */
    float *y;               /* (chunk, n_decoded) */
    siren_decoder *decoder; /* as the next two only where the layout says any_network */
    float *params;          /* (n_params) */
    float *coordinates;     /* (samples of a chunk, n_inputs) */
    uint8_t *voxels;        /* (n_decoded, voxels) of the largest block; of predictive ones all volumes */
    uint8_t *inside;        /* (voxels) of the largest predictive block */
    siren_transform_basis basis;        /* of a transform archive */
    siren_context_network *context;     /* of a predictive or a transform one; or NULL */
    siren_context_network *restoration; /* of a transform one; or NULL */
};

void siren_block_decoder_free(siren_block_decoder *decoder) {
    if (!decoder) return;
    siren_decoder_free(decoder->decoder);
    free(decoder->scaling);
    free(decoder->params);
    free(decoder->coordinates);
    free(decoder->y);
    free(decoder->voxels);
    free(decoder->inside);
    siren_transform_basis_free(&decoder->basis);
    free(decoder->context);
    free(decoder->restoration);
    free(decoder);
}

/* Points decoded at once, at most. */
static size_t decoder_chunk(const siren_layout *layout) {
    size_t n_points = siren_block_grid_points(&layout->grid);
    return layout->coding == SIREN_CODING_TRANSFORM ? n_points : siren_layout_chunk(layout, n_points);
}

/* What decoding takes beside that while it lasts. */
static size_t working_bytes(const siren_layout *layout) {
    const siren_block_grid *grid = &layout->grid;
    if (layout->coding == SIREN_CODING_PREDICTIVE) {
        const siren_predictive_plan plan = {.nx = grid->size[0],
                                            .ny = grid->size[1],
                                            .nz = grid->size[2],
                                            .n_volumes = layout->geometry.n_volumes};
        return siren_predictive_decoding_bytes(&plan, layout->context != NULL);
    }
    if (layout->coding == SIREN_CODING_TRANSFORM) {
        const size_t n_volumes = layout->geometry.n_volumes;
        size_t n_components,
            vectors = siren_transform_basis_bytes(layout->basis, layout->n_basis, n_volumes, &n_components),
            bytes = siren_transform_decoding_bytes(grid->size[0], grid->size[1], n_components,
                                                   layout->dependent || layout->context,
                                                   layout->restoration != NULL);
        return siren_add(bytes, vectors, &bytes) &&
                       siren_add(bytes, n_volumes * sizeof(siren_scaling), &bytes)
                   ? bytes
                   : SIZE_MAX;
    }
    return 0;
}

static size_t decoder_bytes(const siren_layout *layout, size_t n_volumes) {
    size_t n_points = siren_block_grid_points(&layout->grid), voxels, outputs, bytes,
           floats = 2 + (layout->acquisition.section ? 2 * layout->network.n_inputs : 0);
    bool fits = siren_mul(n_volumes, siren_datatype_size(layout->geometry.datatype), &voxels) &&
                siren_add(voxels, layout->mask.section ? sizeof(uint32_t) : 0, &voxels) &&
                siren_mul(voxels, n_points, &voxels) &&
                siren_mul(decoder_chunk(layout) * n_volumes, floats * sizeof(float), &outputs) &&
                siren_add(voxels, outputs, &bytes) && siren_add(bytes, working_bytes(layout), &bytes);
    return fits ? bytes : SIZE_MAX;
}

size_t siren_block_decoder_bytes(const siren_layout *layout) {
    return decoder_bytes(layout, layout->geometry.n_volumes);
}

#define USUAL_NETWORK ((size_t)64 << 20) /* bytes that any archive may take, which are not counted */

/* Of a network's record and its parameters: as they are stored, as integers, as numbers, and packed for the host. */
static bool add_network(const siren_layout *layout, size_t *bytes) {
    size_t n = siren_network_n_params(&layout->network), of_all;
    return siren_mul(n, sizeof(int16_t) + 2 * sizeof(float), &of_all) &&
           siren_add(of_all, siren_quantised_bytes(&layout->network, layout->weight_bits), &of_all) &&
           (of_all <= USUAL_NETWORK || siren_add(*bytes, of_all, bytes));
}

siren_status siren_block_decoder_create(siren_device *device, const siren_layout *layout, size_t memory_limit,
                                        siren_block_decoder **out) {
    return siren_block_decoder_create_part(device, layout, (siren_span){0, layout->geometry.n_volumes},
                                           memory_limit, out);
}

/* What the network is evaluated at for so many points. */
static size_t samples_of(const siren_block_decoder *decoder, size_t n_points) {
    return n_points * siren_samples_of_point(&decoder->layout.acquisition,
                                             decoder->volumes.end - decoder->volumes.begin);
}

siren_status siren_block_decoder_create_part(siren_device *device, const siren_layout *layout,
                                             siren_span volumes, size_t memory_limit,
                                             siren_block_decoder **out) {
    SIREN_AT_END(siren_block_decoder_free_at) siren_block_decoder *decoder = NULL;
    const siren_block_grid *grid = &layout->grid;
    size_t n_points = siren_block_grid_points(grid), chunk = decoder_chunk(layout),
           n_volumes = volumes.end - volumes.begin, bytes;
    bool predictive = layout->coding == SIREN_CODING_PREDICTIVE,
         networks = layout->coding == SIREN_CODING_NETWORK;
    if (predictive) n_volumes = layout->geometry.n_volumes; /* one is predicted from another */
    bytes = decoder_bytes(layout, n_volumes);
    if (layout->any_network && !add_network(layout, &bytes)) bytes = SIZE_MAX;
    if (bytes == SIZE_MAX || bytes > memory_limit)
        return siren_fail(SIREN_UNSUPPORTED,
                          "a %s of %zu x %zu x %zu points and %zu volume%s needs more than the memory limit "
                          "of %zu bytes; raise --memory",
                          siren_block_kind_name(grid->kind, 1), grid->size[0], grid->size[1], grid->size[2],
                          n_volumes, siren_plural(n_volumes), memory_limit);
    SIREN_TRY(siren_allocate(&decoder, 1, sizeof *decoder, "the block decoder"));
    decoder->layout = *layout;
    decoder->volumes = volumes;
    if (networks) decoder->network = siren_network_part(&layout->network, volumes.begin, volumes.end);
    decoder->sampled = networks && device && n_volumes < layout->geometry.n_volumes;
    decoder->chunk = chunk;
    decoder->moved_to = siren_block_at(grid, grid->first);
    if (!predictive)
        SIREN_TRY(siren_allocate(&decoder->scaling, layout->geometry.n_volumes, sizeof *decoder->scaling,
                                 "the scaling"));
    SIREN_TRY(siren_allocate(&decoder->voxels, n_points * n_volumes,
                             siren_datatype_size(layout->geometry.datatype), "a decoded block"));
    if (layout->context) {
        SIREN_TRY(siren_allocate(&decoder->context, 1, sizeof *decoder->context, "the context network"));
        SIREN_TRY(siren_context_decode("the archive's context network",
                                       predictive ? SIREN_CONTEXT_OF_VOXELS : SIREN_CONTEXT_OF_COEFFICIENTS,
                                       layout->context, layout->n_context, decoder->context));
    }
    if (layout->restoration) {
        SIREN_TRY(siren_allocate(&decoder->restoration, 1, sizeof *decoder->restoration,
                                 "the restoration network"));
        SIREN_TRY(siren_context_decode("the archive's restoration network", SIREN_CONTEXT_OF_PIXELS,
                                       layout->restoration, layout->n_restoration, decoder->restoration));
    }
    if (predictive) {
        SIREN_TRY(siren_allocate(&decoder->inside, n_points, 1, "a block's mask"));
        *out = SIREN_TAKE(decoder);
        return SIREN_OK;
    }
    SIREN_TRY(siren_allocate(&decoder->y, chunk * n_volumes, sizeof(float), "some decoded points"));
    if (layout->coding == SIREN_CODING_TRANSFORM)
        SIREN_TRY(siren_transform_basis_decode("the archive's basis", layout->basis, layout->n_basis,
                                               layout->geometry.n_volumes, &decoder->basis));
    decoder->basis.network = decoder->context;
    decoder->basis.restoration = decoder->restoration;
    decoder->basis.dependent = layout->dependent;
    if (layout->any_network) {
        SIREN_TRY(siren_allocate(&decoder->params, siren_network_n_params(&layout->network), sizeof(float),
                                 "the parameters"));
        const size_t n_samples = samples_of(decoder, chunk);
        SIREN_TRY(siren_allocate(&decoder->coordinates, n_samples, layout->network.n_inputs * sizeof(float),
                                 "the coordinates"));
        /* The first block is of full size. */
        siren_sample_coordinates(&decoder->moved_to, &layout->acquisition, volumes, layout->network.n_inputs,
                                 0, n_samples, decoder->coordinates);
        SIREN_TRY(siren_decoder_create(device, &decoder->network, n_samples, decoder->coordinates,
                                       &decoder->decoder));
    }
    *out = SIREN_TAKE(decoder);
    return SIREN_OK;
}

const siren_scaling *siren_block_decoder_scaling(const siren_block_decoder *decoder) {
    return decoder->scaling;
}

/* Coordinates of whole boxes depend on their size alone, so that those of one size of up to `chunk` points move
 * nothing. */
static siren_status move_to(siren_block_decoder *decoder, const siren_block *block, size_t first, size_t n) {
    siren_block *at = &decoder->moved_to;
    if (!block->inside && first == decoder->moved_first && siren_block_same_points(block, at))
        return SIREN_OK;
    siren_sample_coordinates(block, &decoder->layout.acquisition, decoder->volumes,
                             decoder->layout.network.n_inputs, samples_of(decoder, first),
                             samples_of(decoder, n), decoder->coordinates);
    *at = (siren_block){0}; /* nowhere, should moving fail */
    SIREN_TRY(siren_decoder_move(decoder->decoder, samples_of(decoder, n), decoder->coordinates));
    if (!block->inside) *at = *block;
    decoder->moved_first = first;
    return SIREN_OK;
}

/* The network's outputs for points first ... first + n - 1 of a block, the parameters being those of the record. */
static siren_status evaluate(siren_block_decoder *decoder, const char *name, const siren_block *block,
                             size_t first, size_t n) {
    bool equal = true;
    SIREN_TRY(move_to(decoder, block, first, n));
    SIREN_TRY(siren_decoder_run(decoder->decoder, decoder->params, decoder->y));
    if (decoder->sampled)
        SIREN_TRY(siren_decode_sample(&decoder->network, decoder->params, samples_of(decoder, n),
                                      decoder->coordinates, decoder->y, &equal));
    if (equal) return SIREN_OK;
    siren_fail(
        SIREN_INTEGRITY,
        "%s: the device decodes to other values than the host; try --device host, and report the device",
        name);
    if (!siren_decoder_leave_device(decoder->decoder)) return SIREN_INTEGRITY;
    return siren_decoder_run(decoder->decoder, decoder->params, decoder->y);
}

/* Every value of the decoder's voxels becomes the mask's background. */
static void fill_background(siren_block_decoder *decoder, size_t n_values) {
    size_t size = siren_datatype_size(decoder->layout.geometry.datatype);
    for (size_t i = 0; i < n_values; i++)
        memcpy(decoder->voxels + i * size, decoder->layout.mask.background, size);
}

/* Puts the exceptional voxels of a record, which are little-endian, into the decoder's. */
static void restore_exceptional(siren_block_decoder *decoder, const siren_block *block, size_t n_values,
                                size_t n, const uint8_t *positions, const uint8_t *values) {
    const siren_datatype datatype = decoder->layout.geometry.datatype;
    size_t size = siren_datatype_size(datatype), n_points = siren_block_points(block),
           n_voxels = siren_block_voxels(block);
    const siren_span *volumes = &decoder->volumes;
    if (siren_big_endian_machine()) siren_datatype_swap(datatype, decoder->voxels, n_values);
    for (size_t i = 0; i < n; i++) {
        size_t position = siren_get_u32(positions + 4 * i), volume = position / n_points;
        if (volume < volumes->begin || volume >= volumes->end) continue;
        size_t at = (volume - volumes->begin) * n_voxels + siren_block_voxel(block, position % n_points);
        memcpy(decoder->voxels + at * size, values + i * size, size);
    }
    if (siren_big_endian_machine()) siren_datatype_swap(datatype, decoder->voxels, n_values);
}

siren_predictive_plan siren_block_predictive_plan(const siren_layout *layout, const siren_block *block,
                                                  uint8_t *inside, const siren_context_network *network) {
    const siren_geometry *g = &layout->geometry;
    if (block->inside) memset(inside, 0, siren_block_voxels(block));
    for (size_t i = 0; i < block->n_inside; i++) inside[block->inside[i]] = 1;
    return (siren_predictive_plan){.datatype = g->datatype,
                                   .nx = block->nx,
                                   .ny = block->ny,
                                   .nz = block->nz,
                                   .n_volumes = g->n_volumes,
                                   .inside = block->inside ? inside : NULL,
                                   .bound = layout->bound,
                                   .network = network};
}

uint64_t siren_block_crc(siren_datatype datatype, uint8_t *voxels, size_t n_values) {
    if (siren_big_endian_machine()) siren_datatype_swap(datatype, voxels, n_values);
    uint64_t crc = siren_crc64(0, voxels, n_values * siren_datatype_size(datatype));
    if (siren_big_endian_machine()) siren_datatype_swap(datatype, voxels, n_values);
    return crc;
}

/* Corrects the decoder's voxels where there is a bound; they are done then. */
static siren_status correct(siren_block_decoder *decoder, const char *name, const siren_block *block,
                            size_t n_values, const uint8_t *corrections, size_t n_corrections,
                            const void **voxels, uint64_t *crc) {
    const siren_layout *layout = &decoder->layout;
    SIREN_TRY(siren_block_correct(layout, name, block, decoder->volumes, corrections, n_corrections,
                                  decoder->voxels));
    *crc = siren_block_crc(layout->geometry.datatype, decoder->voxels, n_values);
    *voxels = decoder->voxels;
    return SIREN_OK;
}

/* The checksum is of all volumes; those asked for are moved to the front then. */
static siren_status decode_predictive(siren_block_decoder *decoder, const char *name,
                                      const siren_block *block, const uint8_t *bytes, size_t n_bytes,
                                      const void **voxels, uint64_t *crc) {
    const siren_geometry *g = &decoder->layout.geometry;
    size_t n_voxels = siren_block_voxels(block), size = siren_datatype_size(g->datatype),
           n_values = g->n_volumes * n_voxels;
    siren_predictive_plan plan =
        siren_block_predictive_plan(&decoder->layout, block, decoder->inside, decoder->context);
    if (block->inside) fill_background(decoder, n_values);
    SIREN_TRY(siren_predictive_decode(&plan, name, bytes, n_bytes, decoder->voxels));
    *crc = siren_block_crc(g->datatype, decoder->voxels, n_values);
    memmove(decoder->voxels, decoder->voxels + decoder->volumes.begin * n_voxels * size,
            (decoder->volumes.end - decoder->volumes.begin) * n_voxels * size);
    *voxels = decoder->voxels;
    return SIREN_OK;
}

static siren_status decode_transform(siren_block_decoder *decoder, const char *name, const siren_block *block,
                                     const uint8_t *bytes, size_t n_bytes, siren_outputs_fn outputs,
                                     void *user, const void **voxels, uint64_t *crc) {
    const siren_layout *layout = &decoder->layout;
    const siren_geometry *g = &layout->geometry;
    const siren_span *volumes = &decoder->volumes;
    size_t n_points = siren_block_points(block), n_volumes = volumes->end - volumes->begin,
           n_values = n_volumes * siren_block_voxels(block);
    siren_transform_record record;
    const uint8_t *corrections;
    size_t n_corrections;
    SIREN_TRY(siren_record_split(name, layout, bytes, &n_bytes, &corrections, &n_corrections));
    SIREN_TRY(siren_transform_record_read(name, layout, n_points, bytes, n_bytes, &record));
    SIREN_TRY(siren_scaling_decode(name, record.scaling, record.n_scaling, g->n_volumes, decoder->scaling));
    SIREN_TRY(siren_scaling_check(name, decoder->scaling, g->n_volumes));
    SIREN_TRY(siren_transform_decode_slice(&decoder->basis, name, block, record.stream, record.n_stream,
                                           *volumes, decoder->y));
    if (block->inside) fill_background(decoder, n_values);
    SIREN_TRY(siren_block_restore(block, 0, n_points, g->datatype, n_volumes,
                                  decoder->scaling + volumes->begin, decoder->y, decoder->voxels));
    if (outputs) SIREN_TRY(outputs(user, 0, n_points, decoder->y));
    restore_exceptional(decoder, block, n_values, record.n_exceptional, record.positions, record.values);
    return correct(decoder, name, block, n_values, corrections, n_corrections, voxels, crc);
}

siren_status siren_block_decode(siren_block_decoder *decoder, const char *name, const siren_block *block,
                                const uint8_t *bytes, size_t n_bytes, siren_outputs_fn outputs, void *user,
                                const void **voxels, uint64_t *crc) {
    if (decoder->layout.coding == SIREN_CODING_PREDICTIVE)
        return decode_predictive(decoder, name, block, bytes, n_bytes, voxels, crc);
    if (decoder->layout.coding == SIREN_CODING_TRANSFORM)
        return decode_transform(decoder, name, block, bytes, n_bytes, outputs, user, voxels, crc);
    const siren_layout *layout = &decoder->layout;
    const siren_geometry *g = &layout->geometry;
    const siren_span *volumes = &decoder->volumes;
    size_t n_points = siren_block_points(block), n_volumes = volumes->end - volumes->begin,
           n_values = n_volumes * siren_block_voxels(block);
    siren_record record;
    const uint8_t *corrections;
    size_t n_corrections;
    SIREN_TRY(siren_record_split(name, layout, bytes, &n_bytes, &corrections, &n_corrections));
    SIREN_TRY(siren_record_read(name, layout, n_points, bytes, n_bytes, &record));
    SIREN_TRY(siren_record_unpack(name, layout, &record, decoder->scaling, decoder->params));
    if (!record.constant)
        siren_network_part_params(&layout->network, volumes->begin, volumes->end, decoder->params);
    if (block->inside) fill_background(decoder, n_values);
    if (record.constant) memset(decoder->y, 0, decoder->chunk * n_volumes * sizeof *decoder->y);
    for (size_t first = 0; first < n_points; first += decoder->chunk) {
        size_t n = n_points - first < decoder->chunk ? n_points - first : decoder->chunk;
        if (!record.constant) SIREN_TRY(evaluate(decoder, name, block, first, n));
        SIREN_TRY(siren_block_restore(block, first, n, g->datatype, n_volumes,
                                      decoder->scaling + volumes->begin, record.constant ? NULL : decoder->y,
                                      decoder->voxels));
        if (outputs) SIREN_TRY(outputs(user, first, n, decoder->y));
    }
    restore_exceptional(decoder, block, n_values, record.n_exceptional, record.positions, record.values);
    return correct(decoder, name, block, n_values, corrections, n_corrections, voxels, crc);
}

siren_status siren_block_decode_nth(siren_block_decoder *decoder, siren_archive *archive, size_t nth,
                                    siren_outputs_fn outputs, void *user, const void **voxels) {
    const siren_block_grid *grid = &decoder->layout.grid;
    const siren_index_entry *entry = &siren_archive_index(archive)[nth];
    siren_block block;
    SIREN_FREE_AT_END uint32_t *inside = NULL;
    SIREN_FREE_AT_END uint8_t *bytes = NULL;
    size_t n_bytes = 0;
    uint64_t crc = 0;
    const void *decoded = NULL;
    char own[64], name[SIREN_MESSAGE_BYTES];
    siren_block_name(grid, entry->block, own, sizeof own);
    snprintf(name, sizeof name, "%s, %s", siren_archive_path(archive), own);
    SIREN_TRY(siren_record_load(name, &decoder->layout, archive, nth, &bytes, &n_bytes));
    SIREN_TRY(siren_mask_block(&decoder->layout.mask, grid, entry->block, &block, &inside));
    SIREN_TRY(siren_block_decode(decoder, name, &block, bytes, n_bytes, outputs, user, &decoded, &crc));
    bool whole = decoder->layout.coding == SIREN_CODING_PREDICTIVE ||
                 decoder->volumes.end - decoder->volumes.begin == decoder->layout.geometry.n_volumes;
    *voxels = decoded;
    if (!whole || crc == entry->decoded_crc) return SIREN_OK;
    const bool on_device = decoder->decoder && siren_decoder_on_device(decoder->decoder);
    siren_fail(SIREN_INTEGRITY,
               "%s: decodes to other voxels than were compressed (CRC-64 %016llx, archived %016llx); %s",
               name, (unsigned long long)crc, (unsigned long long)entry->decoded_crc,
               on_device ? "try --device host, and report the device"
                         : "restore the archive from a copy, and report the machine if that is no better");
    /* What has gone out already cannot be taken back. */
    if (outputs || !decoder->decoder || !siren_decoder_leave_device(decoder->decoder)) return SIREN_INTEGRITY;
    return siren_block_decode_nth(decoder, archive, nth, outputs, user, voxels);
}
