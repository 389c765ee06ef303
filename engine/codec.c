#include "engine/codec.h"

#include "engine/decode.h"
#include "engine/quantise.h"
#include "formats/little_endian.h"
#include "formats/nifti.h"
#include "formats/pack.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_SLICE 1
#define CODING_FLOAT32 1
#define CODING_STEPS 2
#define GEOMETRY_BYTES 64
#define LAYER_BYTES 16
#define WEIGHTS_BYTES 8

#define RECORD_CONSTANT 1 /* flag */
#define RECORD_PREFIX 8   /* bytes: flags, number of exceptional voxels */
#define SCALING_BYTES 16  /* of one volume */

static bool big_endian_machine(void) { return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__; }

siren_status siren_layout_write(siren_archive_writer *writer, const siren_layout *layout) {
    const siren_geometry *g = &layout->geometry;
    uint8_t geometry[GEOMETRY_BYTES] = {0}, network[8 + SIREN_MAX_LAYERS * LAYER_BYTES], weights[WEIGHTS_BYTES];
    const uint64_t sizes[] = {g->nx, g->ny, g->nz, g->n_volumes, layout->first, layout->count};
    siren_put_u32(geometry, BLOCK_SLICE);
    siren_put_u32(geometry + 4, (uint32_t)g->datatype);
    siren_put_u32(geometry + 8, g->swapped != big_endian_machine());
    for (size_t i = 0; i < 6; i++) siren_put_u64(geometry + 16 + 8 * i, sizes[i]);
    SIREN_RETURN_IF_FAILED(siren_archive_writer_section(writer, SIREN_SECTION_GEOMETRY, geometry, sizeof geometry, false));

    siren_put_u32(network, layout->network.n_inputs);
    siren_put_u32(network + 4, layout->network.n_layers);
    for (uint32_t l = 0; l < layout->network.n_layers; l++) {
        uint8_t *row = network + 8 + l * LAYER_BYTES;
        siren_put_u32(row, layout->network.layers[l].width);
        siren_put_u32(row + 4, layout->network.layers[l].activation);
        siren_put_f32(row + 8, layout->network.layers[l].w0);
        siren_put_u32(row + 12, layout->network.layers[l].init);
    }
    SIREN_RETURN_IF_FAILED(siren_archive_writer_section(writer, SIREN_SECTION_NETWORK, network,
                                                        8 + layout->network.n_layers * LAYER_BYTES, false));
    bool steps = layout->weight_bits != SIREN_FLOAT32_WEIGHTS;
    siren_put_u32(weights, steps ? CODING_STEPS : CODING_FLOAT32);
    siren_put_u32(weights + 4, steps ? layout->weight_bits : 32);
    return siren_archive_writer_section(writer, SIREN_SECTION_WEIGHTS, weights, sizeof weights, false);
}

static siren_status read_geometry(const char *path, siren_archive *archive, siren_layout *layout) {
    const uint8_t *header, *bytes;
    size_t header_bytes, n_bytes;
    siren_geometry *g = &layout->geometry;
    SIREN_RETURN_IF_FAILED(siren_archive_section(archive, SIREN_SECTION_HEADER, 0, &header, &header_bytes));
    SIREN_RETURN_IF_FAILED(siren_nifti_parse(path, header, header_bytes, g));
    SIREN_RETURN_IF_FAILED(siren_archive_section(archive, SIREN_SECTION_GEOMETRY, 0, &bytes, &n_bytes));
    if (n_bytes != GEOMETRY_BYTES || siren_get_u32(bytes) != BLOCK_SLICE || siren_get_u32(bytes + 12) != 0)
        return siren_fail(SIREN_UNSUPPORTED, "%s: its blocks are of a kind that this version does not know; use a newer sirencl", path);
    const uint64_t sizes[] = {g->nx, g->ny, g->nz, g->n_volumes};
    bool agrees = header_bytes == g->voxel_offset && siren_get_u32(bytes + 4) == (uint32_t)g->datatype &&
                  siren_get_u32(bytes + 8) == (uint32_t)(g->swapped != big_endian_machine());
    for (size_t i = 0; i < 4; i++) agrees = agrees && siren_get_u64(bytes + 16 + 8 * i) == sizes[i];
    uint64_t first = siren_get_u64(bytes + 48), count = siren_get_u64(bytes + 56);
    if (!agrees || first >= g->nz || count == 0 || count > g->nz - first || count != siren_archive_n_records(archive))
        return siren_fail(SIREN_CORRUPT, "%s: its geometry does not agree with its header and index; restore the file from a copy", path);
    for (size_t i = 0; i < count; i++)
        if (siren_archive_index(archive)[i].block != first + i)
            return siren_fail(SIREN_CORRUPT, "%s: slice %zu is missing from its index; restore the file from a copy", path, (size_t)first + i);
    layout->first = (size_t)first;
    layout->count = (size_t)count;
    layout->n_points = g->nx * g->ny;
    if (layout->n_points > SIREN_MAX_POINTS)
        return siren_fail(SIREN_UNSUPPORTED, "%s: its slices have %zu points, more than the limit of %d", path, layout->n_points,
                          SIREN_MAX_POINTS);
    return SIREN_OK;
}

static siren_status read_network(const char *path, siren_archive *archive, siren_layout *layout) {
    const uint8_t *bytes;
    size_t n_bytes;
    siren_network *network = &layout->network;
    SIREN_RETURN_IF_FAILED(siren_archive_section(archive, SIREN_SECTION_NETWORK, 0, &bytes, &n_bytes));
    uint32_t n_layers = n_bytes >= 8 ? siren_get_u32(bytes + 4) : 0;
    if (n_layers < 1 || n_layers > SIREN_MAX_LAYERS || n_bytes != 8 + (size_t)n_layers * LAYER_BYTES)
        return siren_fail(SIREN_CORRUPT, "%s: its network has %u layers in %zu bytes, which cannot be; restore the file from a copy", path,
                          n_layers, n_bytes);
    *network = (siren_network){.n_inputs = siren_get_u32(bytes), .n_layers = n_layers};
    for (uint32_t l = 0; l < n_layers; l++) {
        const uint8_t *row = bytes + 8 + l * LAYER_BYTES;
        network->layers[l] = (siren_layer){siren_get_u32(row), siren_get_u32(row + 4), siren_get_f32(row + 8), siren_get_u32(row + 12)};
    }
    SIREN_RETURN_IF_FAILED(siren_network_check(network, path, SIREN_CORRUPT));
    if (network->n_inputs != 2 || siren_network_n_outputs(network) != layout->geometry.n_volumes)
        return siren_fail(SIREN_CORRUPT, "%s: its network maps %u coordinates to %u volumes, but slices need 2 and %zu", path,
                          network->n_inputs, siren_network_n_outputs(network), layout->geometry.n_volumes);

    SIREN_RETURN_IF_FAILED(siren_archive_section(archive, SIREN_SECTION_WEIGHTS, 0, &bytes, &n_bytes));
    uint32_t coding = n_bytes == WEIGHTS_BYTES ? siren_get_u32(bytes) : 0, bits = n_bytes == WEIGHTS_BYTES ? siren_get_u32(bytes + 4) : 0;
    bool steps = coding == CODING_STEPS && bits >= SIREN_MIN_WEIGHT_BITS && bits <= SIREN_MAX_WEIGHT_BITS;
    if (!steps && !(coding == CODING_FLOAT32 && bits == 32))
        return siren_fail(SIREN_UNSUPPORTED, "%s: its weights use coding %u with %u bits, which this version does not know; use a newer sirencl",
                          path, coding, bits);
    layout->weight_bits = steps ? bits : SIREN_FLOAT32_WEIGHTS;
    /* A lie about the network costs no memory: records that could hold one are as large as it. */
    for (size_t i = 0; i < layout->count; i++)
        if (siren_archive_index(archive)[i].unpacked_bytes >= siren_quantised_bytes(network, layout->weight_bits)) layout->any_network = true;
    return SIREN_OK;
}

siren_status siren_layout_read(siren_archive *archive, siren_layout *out) {
    siren_layout layout = {0};
    const char *path = siren_archive_path(archive);
    SIREN_RETURN_IF_FAILED(read_geometry(path, archive, &layout));
    SIREN_RETURN_IF_FAILED(read_network(path, archive, &layout));
    *out = layout;
    return SIREN_OK;
}

/* ---- records --------------------------------------------------------------------------------------------------------- */

/* Bytes of a record; false on overflow. */
static bool record_bytes(const siren_layout *layout, bool constant, size_t n_exceptional, size_t *out) {
    size_t size = siren_datatype_size(layout->geometry.datatype), scaling, exceptional;
    size_t parameters = constant ? 0 : siren_quantised_bytes(&layout->network, layout->weight_bits);
    return siren_mul(layout->geometry.n_volumes, SCALING_BYTES, &scaling) && siren_mul(n_exceptional, 4 + size, &exceptional) &&
           siren_add(scaling, parameters, out) && siren_add(*out, exceptional, out) && siren_add(*out, RECORD_PREFIX, out);
}

siren_status siren_record_write(const siren_layout *layout, const siren_scaling *scaling, const uint8_t *parameters,
                                const void *voxels, size_t n_exceptional, uint8_t **bytes, size_t *n_bytes) {
    const siren_geometry *g = &layout->geometry;
    size_t n_voxels = g->n_volumes * layout->n_points, size = siren_datatype_size(g->datatype), n = 0, total = 0;
    uint8_t *record = NULL;
    if (!record_bytes(layout, !parameters, n_exceptional, &total) || (n_exceptional > 0 && n_voxels > UINT32_MAX))
        return siren_fail(SIREN_UNSUPPORTED, "a slice with %zu values that are not finite is too large for a record", n_exceptional);
    SIREN_RETURN_IF_FAILED(siren_allocate(&record, total, 1, "a record"));
    uint8_t *at = record + RECORD_PREFIX;
    siren_put_u32(record, parameters ? 0 : RECORD_CONSTANT);
    siren_put_u32(record + 4, (uint32_t)n_exceptional);
    for (size_t volume = 0; volume < g->n_volumes; volume++, at += SCALING_BYTES) {
        siren_put_f64(at, scaling[volume].minimum);
        siren_put_f64(at + 8, scaling[volume].maximum);
    }
    if (parameters) {
        size_t n_parameters = siren_quantised_bytes(&layout->network, layout->weight_bits);
        memcpy(at, parameters, n_parameters);
        at += n_parameters;
    }
    for (size_t i = 0; n < n_exceptional && i < n_voxels; i++) {
        double value;
        siren_datatype_to_double(g->datatype, (const uint8_t *)voxels + i * size, 1, &value);
        if (isfinite(value)) continue;
        siren_put_u32(at + 4 * n, (uint32_t)i);
        uint8_t *stored = at + 4 * n_exceptional + n * size;
        memcpy(stored, (const uint8_t *)voxels + i * size, size);
        if (big_endian_machine()) siren_datatype_swap(g->datatype, stored, 1);
        n++;
    }
    *bytes = record;
    *n_bytes = total;
    return SIREN_OK;
}

siren_status siren_record_read(const char *name, const siren_layout *layout, const uint8_t *bytes, size_t n_bytes, siren_record *out) {
    const siren_geometry *g = &layout->geometry;
    siren_record record = {0};
    size_t expected = 0;
    uint32_t flags = n_bytes >= RECORD_PREFIX ? siren_get_u32(bytes) : 0;
    record.constant = (flags & RECORD_CONSTANT) != 0;
    record.n_exceptional = n_bytes >= RECORD_PREFIX ? siren_get_u32(bytes + 4) : 0;
    if (n_bytes < RECORD_PREFIX || (flags & ~(uint32_t)RECORD_CONSTANT) ||
        !record_bytes(layout, record.constant, record.n_exceptional, &expected) || expected != n_bytes)
        return siren_fail(SIREN_CORRUPT, "%s: its record of %zu bytes does not fit the archive's network; restore the file from a copy", name,
                          n_bytes);
    record.scaling = bytes + RECORD_PREFIX;
    record.parameters = record.scaling + g->n_volumes * SCALING_BYTES;
    record.positions = record.parameters + (record.constant ? 0 : siren_quantised_bytes(&layout->network, layout->weight_bits));
    record.values = record.positions + 4 * record.n_exceptional;
    uint64_t n_voxels = (uint64_t)g->n_volumes * layout->n_points, next = 0;
    for (size_t i = 0; i < record.n_exceptional; i++) {
        uint32_t position = siren_get_u32(record.positions + 4 * i);
        if (position < next || position >= n_voxels)
            return siren_fail(SIREN_CORRUPT, "%s: exceptional voxel %zu is at %u, outside the slice or out of order; restore the file from a copy",
                              name, i, position);
        next = (uint64_t)position + 1;
    }
    *out = record;
    return SIREN_OK;
}

/* ---- decoding a block ------------------------------------------------------------------------------------------------ */

struct siren_block_decoder {
    siren_layout layout;
    siren_scaling *scaling; /* (n_volumes) */
    siren_decoder *network; /* as the next two only where the layout says any_network */
    float *params;          /* (n_params) */
    float *y;               /* (n_points, n_volumes) */
    uint8_t *voxels;        /* (n_volumes, n_points) */
};

void siren_block_decoder_free(siren_block_decoder *decoder) {
    if (!decoder) return;
    siren_decoder_free(decoder->network);
    free(decoder->scaling);
    free(decoder->params);
    free(decoder->y);
    free(decoder->voxels);
    free(decoder);
}

siren_status siren_block_decoder_create(siren_device *device, const siren_layout *layout, size_t memory_limit, siren_block_decoder **out) {
    siren_status status = SIREN_OK;
    siren_block_decoder *decoder = NULL;
    float *coordinates = NULL;
    size_t size = siren_datatype_size(layout->geometry.datatype), n_voxels, needed;
    if (!siren_mul(layout->n_points, layout->geometry.n_volumes, &n_voxels) || !siren_mul(n_voxels, 2 * sizeof(float) + size, &needed) ||
        needed > memory_limit)
        return siren_fail(SIREN_UNSUPPORTED, "a slice of %zu x %zu points and %zu volumes needs more than the memory limit of %zu bytes; raise --memory",
                          layout->geometry.nx, layout->geometry.ny, layout->geometry.n_volumes, memory_limit);
    SIREN_TRY(siren_allocate(&decoder, 1, sizeof *decoder, "the block decoder"));
    decoder->layout = *layout;
    SIREN_TRY(siren_allocate(&decoder->scaling, layout->geometry.n_volumes, sizeof *decoder->scaling, "the scaling"));
    SIREN_TRY(siren_allocate(&decoder->voxels, n_voxels, size, "a decoded block"));
    if (layout->any_network) {
        SIREN_TRY(siren_allocate(&decoder->params, siren_network_n_params(&layout->network), sizeof(float), "the parameters"));
        SIREN_TRY(siren_allocate(&decoder->y, n_voxels, sizeof(float), "a decoded block"));
        SIREN_TRY(siren_allocate(&coordinates, layout->n_points, 2 * sizeof(float), "the coordinates"));
        siren_slice_coordinates(layout->geometry.nx, layout->geometry.ny, coordinates);
        SIREN_TRY(siren_decoder_create(device, &layout->network, layout->n_points, coordinates, &decoder->network));
    }
    *out = decoder;
    decoder = NULL;
done:
    siren_block_decoder_free(decoder);
    free(coordinates);
    return status;
}

siren_status siren_block_decode(siren_block_decoder *decoder, const char *name, const uint8_t *bytes, size_t n_bytes, const void **voxels,
                                const float **y, uint64_t *crc) {
    const siren_layout *layout = &decoder->layout;
    const siren_geometry *g = &layout->geometry;
    size_t n_voxels = g->n_volumes * layout->n_points, size = siren_datatype_size(g->datatype);
    siren_record record;
    SIREN_RETURN_IF_FAILED(siren_record_read(name, layout, bytes, n_bytes, &record));
    for (size_t volume = 0; volume < g->n_volumes; volume++) {
        siren_scaling *s = &decoder->scaling[volume];
        s->minimum = siren_get_f64(record.scaling + volume * SCALING_BYTES);
        s->maximum = siren_get_f64(record.scaling + volume * SCALING_BYTES + 8);
        if (!isfinite(s->maximum - s->minimum) || s->maximum < s->minimum)
            return siren_fail(SIREN_CORRUPT, "%s: volume %zu is scaled from %g to %g, which cannot be; restore the file from a copy", name,
                              volume, s->minimum, s->maximum);
    }
    if (!record.constant) {
        SIREN_RETURN_IF_FAILED(siren_dequantise(name, &layout->network, layout->weight_bits, record.parameters,
                                                siren_quantised_bytes(&layout->network, layout->weight_bits), decoder->params));
        SIREN_RETURN_IF_FAILED(siren_decoder_run(decoder->network, decoder->params, decoder->y));
    }
    SIREN_RETURN_IF_FAILED(siren_block_restore(g->datatype, layout->n_points, g->n_volumes, decoder->scaling,
                                               record.constant ? NULL : decoder->y, decoder->voxels));
    if (big_endian_machine()) siren_datatype_swap(g->datatype, decoder->voxels, n_voxels);
    for (size_t i = 0; i < record.n_exceptional; i++)
        memcpy(decoder->voxels + siren_get_u32(record.positions + 4 * i) * size, record.values + i * size, size);
    *crc = siren_crc64(0, decoder->voxels, n_voxels * size);
    if (big_endian_machine()) siren_datatype_swap(g->datatype, decoder->voxels, n_voxels);
    *voxels = decoder->voxels;
    if (y) *y = record.constant ? NULL : decoder->y;
    return SIREN_OK;
}
