#include "engine/archive/record.h"

#include "engine/archive/parameters.h"
#include "engine/archive/part_section.h"
#include "engine/transform/transform.h"
#include "formats/little_endian.h"
#include "formats/nifti.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CODING_FLOAT32 1
#define CODING_STEPS 2
#define GEOMETRY_BYTES 64      /* of slices */
#define GEOMETRY_BOX_BYTES 104 /* of other blocks */
#define LAYER_BYTES 16
#define WEIGHTS_BYTES 8
#define CODING_BYTES 16 /* coding, of the transform whether there are two quantisers, bound */
#define ERROR_BYTES 8

#define RECORD_CONSTANT 1 /* flag */
#define APART_BYTES 8
#define RECORD_PREFIX 8  /* bytes: flags, number of exceptional voxels */
#define SCALING_BYTES 16 /* of one volume */

static size_t geometry_bytes(uint32_t kind) {
    return kind == SIREN_BLOCK_SLICE ? GEOMETRY_BYTES : GEOMETRY_BOX_BYTES;
}

/* The kind of a context network's section. */
static uint32_t context_section(siren_coding coding) {
    return coding == SIREN_CODING_PREDICTIVE ? SIREN_SECTION_CONTEXT : SIREN_SECTION_LEVELS;
}

static siren_status write_coding(siren_archive_writer *writer, const siren_layout *layout) {
    uint8_t coding[CODING_BYTES] = {0};
    siren_put_u32(coding, layout->coding);
    siren_put_u32(coding + 4, layout->dependent);
    siren_put_f64(coding + 8, layout->corrected ? 0 : layout->bound);
    SIREN_TRY(siren_archive_writer_section(writer, SIREN_SECTION_CODING, coding, sizeof coding, false));
    if (layout->context)
        SIREN_TRY(siren_archive_writer_section(writer, context_section(layout->coding), layout->context,
                                               layout->n_context, false));
    if (layout->restoration)
        SIREN_TRY(siren_archive_writer_section(writer, SIREN_SECTION_RESTORATION, layout->restoration,
                                               layout->n_restoration, false));
    if (layout->coding != SIREN_CODING_TRANSFORM) return SIREN_OK;
    return siren_archive_writer_section(writer, SIREN_SECTION_BASIS, layout->basis, layout->n_basis, false);
}

static siren_status write_network(siren_archive_writer *writer, const siren_layout *layout) {
    uint8_t network[8 + SIREN_MAX_LAYERS * LAYER_BYTES], weights[WEIGHTS_BYTES];
    siren_put_u32(network, layout->network.n_inputs);
    siren_put_u32(network + 4, layout->network.n_layers);
    for (uint32_t l = 0; l < layout->network.n_layers; l++) {
        uint8_t *row = network + 8 + l * LAYER_BYTES;
        siren_put_u32(row, layout->network.layers[l].width);
        siren_put_u32(row + 4, layout->network.layers[l].activation);
        siren_put_f32(row + 8, layout->network.layers[l].w0);
        siren_put_u32(row + 12, layout->network.layers[l].init);
    }
    SIREN_TRY(siren_archive_writer_section(writer, SIREN_SECTION_NETWORK, network,
                                           8 + layout->network.n_layers * LAYER_BYTES, false));
    bool steps = layout->weight_bits != SIREN_FLOAT32_WEIGHTS;
    siren_put_u32(weights, steps ? CODING_STEPS : CODING_FLOAT32);
    siren_put_u32(weights + 4, steps ? layout->weight_bits : 32);
    SIREN_TRY(siren_archive_writer_section(writer, SIREN_SECTION_WEIGHTS, weights, sizeof weights, false));
    if (!layout->acquisition.section) return SIREN_OK;
    return siren_archive_writer_section(writer, SIREN_SECTION_ACQUISITION, layout->acquisition.section,
                                        layout->acquisition.n_bytes, true);
}

siren_status siren_layout_write(siren_archive_writer *writer, const siren_layout *layout) {
    const siren_geometry *g = &layout->geometry;
    const siren_block_grid *grid = &layout->grid;
    uint8_t geometry[GEOMETRY_BOX_BYTES] = {0};
    const uint64_t sizes[] = {g->nx,         g->ny,         g->nz,         g->n_volumes,
                              grid->first,   grid->count,   grid->z_begin, grid->z_end,
                              grid->size[0], grid->size[1], grid->size[2]};
    size_t n_geometry = geometry_bytes(grid->kind);
    siren_put_u32(geometry, grid->kind);
    siren_put_u32(geometry + 4, (uint32_t)g->datatype);
    siren_put_u32(geometry + 8, g->swapped != siren_big_endian_machine());
    for (size_t i = 0; 16 + 8 * i < n_geometry; i++) siren_put_u64(geometry + 16 + 8 * i, sizes[i]);
    SIREN_TRY(siren_archive_writer_section(writer, SIREN_SECTION_GEOMETRY, geometry, n_geometry, false));

    SIREN_TRY(layout->coding == SIREN_CODING_NETWORK ? write_network(writer, layout)
                                                     : write_coding(writer, layout));
    if (layout->n_apart > 0) {
        uint8_t apart[APART_BYTES];
        siren_put_u64(apart, layout->n_apart);
        SIREN_TRY(siren_archive_writer_section(writer, SIREN_SECTION_APART, apart, sizeof apart, false));
    }
    if (layout->corrected) {
        uint8_t bound[ERROR_BYTES];
        siren_put_f64(bound, layout->bound);
        SIREN_TRY(siren_archive_writer_section(writer, SIREN_SECTION_ERROR, bound, sizeof bound, false));
    }
    if (!layout->mask.section) return SIREN_OK;
    return siren_archive_writer_section(writer, SIREN_SECTION_MASK, layout->mask.section,
                                        layout->mask.n_bytes, true);
}

/* The grid of a GEOMETRY section of the right length; false where a number of it cannot be. */
static bool read_grid(const uint8_t *bytes, const siren_geometry *g, siren_block_grid *out) {
    uint32_t kind = siren_get_u32(bytes);
    uint64_t first = siren_get_u64(bytes + 48), count = siren_get_u64(bytes + 56), begin = first,
             end = first + count;
    size_t size[3] = {0};
    if (kind != SIREN_BLOCK_SLICE) {
        begin = siren_get_u64(bytes + 64);
        end = siren_get_u64(bytes + 72);
    }
    if (begin >= end || end > g->nz) return false;
    for (size_t axis = 0; kind != SIREN_BLOCK_SLICE && axis < 3; axis++) {
        uint64_t along = siren_get_u64(bytes + 80 + 8 * axis), extent = axis == 0   ? g->nx
                                                                        : axis == 1 ? g->ny
                                                                                    : end - begin;
        if (along == 0 || along > extent || (kind == SIREN_BLOCK_VOLUME && along != extent)) return false;
        size[axis] = (size_t)along;
    }
    return siren_block_grid_create((siren_block_kind)kind, size, g, (size_t)begin, (size_t)end, out) ==
               SIREN_OK &&
           out->first == first && out->count == count;
}

/* A part alone stands for no image. */
static siren_status refuse_part(const char *path, siren_archive *archive) {
    siren_part part;
    SIREN_TRY(siren_part_section_read(archive, &part));
    if (part.of == 0) return SIREN_OK;
    return siren_fail(SIREN_UNSUPPORTED,
                      "%s: is part %zu of %zu of an archive; 'sirencl join' makes the whole of all parts",
                      path, part.number, part.of);
}

static siren_status read_geometry(const char *path, siren_archive *archive, siren_layout *layout) {
    const uint8_t *header, *bytes;
    size_t header_bytes, n_bytes;
    siren_geometry *g = &layout->geometry;
    SIREN_TRY(refuse_part(path, archive));
    SIREN_TRY(siren_archive_section(archive, SIREN_SECTION_HEADER, 0, &header, &header_bytes));
    SIREN_TRY(siren_nifti_parse(path, header, header_bytes, g));
    SIREN_TRY(siren_archive_section(archive, SIREN_SECTION_GEOMETRY, 0, &bytes, &n_bytes));
    uint32_t kind = n_bytes >= GEOMETRY_BYTES ? siren_get_u32(bytes) : 0;
    if (kind < SIREN_BLOCK_SLICE || kind > SIREN_BLOCK_PATCH || n_bytes != geometry_bytes(kind) ||
        siren_get_u32(bytes + 12) != 0)
        return siren_fail(SIREN_UNSUPPORTED,
                          "%s: its blocks are of a kind that this version does not know; use a newer sirencl",
                          path);
    const uint64_t sizes[] = {g->nx, g->ny, g->nz, g->n_volumes};
    bool agrees = header_bytes == g->voxel_offset && siren_get_u32(bytes + 4) == (uint32_t)g->datatype &&
                  siren_get_u32(bytes + 8) == (uint32_t)(g->swapped != siren_big_endian_machine());
    for (size_t i = 0; i < 4; i++) agrees = agrees && siren_get_u64(bytes + 16 + 8 * i) == sizes[i];
    siren_block_grid *grid = &layout->grid;
    if (!agrees || !read_grid(bytes, g, grid) || grid->count != siren_archive_n_records(archive))
        return siren_fail(
            SIREN_CORRUPT,
            "%s: its geometry does not agree with its header and index; restore the file from a copy", path);
    for (size_t i = 0; i < grid->count; i++)
        if (siren_archive_index(archive)[i].block != grid->first + i)
            return siren_fail(SIREN_CORRUPT,
                              "%s: %s %zu is missing from its index; restore the file from a copy", path,
                              siren_block_kind_name(grid->kind, 1), grid->first + i);
    if (siren_block_grid_points(grid) > SIREN_MAX_POINTS)
        return siren_fail(SIREN_UNSUPPORTED, "%s: its %s have %zu points, more than the limit of %d", path,
                          siren_block_kind_name(grid->kind, 2), siren_block_grid_points(grid),
                          SIREN_MAX_POINTS);
    return SIREN_OK;
}

/* Of a network of `n_inputs`, and what is told of it: outputs are volumes where these have no coordinates. */
static siren_status read_acquisition(const char *path, siren_archive *archive, siren_layout *layout) {
    const uint8_t *bytes;
    size_t n_bytes;
    const size_t n_volumes = layout->geometry.n_volumes;
    siren_network *network = &layout->network;
    if (siren_archive_has_section(archive, SIREN_SECTION_ACQUISITION)) {
        SIREN_TRY(siren_archive_section(archive, SIREN_SECTION_ACQUISITION, 0, &bytes, &n_bytes));
        SIREN_TRY(siren_acquisition_view(path, n_volumes, bytes, n_bytes, &layout->acquisition));
    }
    const uint32_t n_acquisition = layout->acquisition.n_axes,
                   n_inputs = siren_block_inputs(layout->grid.kind) + n_acquisition;
    const size_t n_outputs = n_acquisition ? 1 : n_volumes;
    if (network->n_inputs != n_inputs || siren_network_n_outputs(network) != n_outputs)
        return siren_fail(SIREN_CORRUPT,
                          "%s: its network maps %u coordinates to %u outputs, but %s need %u and %zu", path,
                          network->n_inputs, siren_network_n_outputs(network),
                          siren_block_kind_name(layout->grid.kind, 2), n_inputs, n_outputs);
    network->n_acquisition = n_acquisition;
    return siren_network_check(network, path, SIREN_CORRUPT);
}

static siren_status read_network(const char *path, siren_archive *archive, siren_layout *layout) {
    const uint8_t *bytes;
    size_t n_bytes;
    siren_network *network = &layout->network;
    SIREN_TRY(siren_archive_section(archive, SIREN_SECTION_NETWORK, 0, &bytes, &n_bytes));
    uint32_t n_layers = n_bytes >= 8 ? siren_get_u32(bytes + 4) : 0;
    if (n_layers < 1 || n_layers > SIREN_MAX_LAYERS || n_bytes != 8 + (size_t)n_layers * LAYER_BYTES)
        return siren_fail(
            SIREN_CORRUPT,
            "%s: its network has %u layer%s in %zu byte%s, which cannot be; restore the file from a copy",
            path, n_layers, siren_plural(n_layers), n_bytes, siren_plural(n_bytes));
    *network = (siren_network){.n_inputs = siren_get_u32(bytes), .n_layers = n_layers};
    for (uint32_t l = 0; l < n_layers; l++) {
        const uint8_t *row = bytes + 8 + l * LAYER_BYTES;
        network->layers[l] = (siren_layer){siren_get_u32(row), siren_get_u32(row + 4), siren_get_f32(row + 8),
                                           siren_get_u32(row + 12)};
    }
    SIREN_TRY(read_acquisition(path, archive, layout));
    SIREN_TRY(siren_archive_section(archive, SIREN_SECTION_WEIGHTS, 0, &bytes, &n_bytes));
    uint32_t coding = n_bytes == WEIGHTS_BYTES ? siren_get_u32(bytes) : 0,
             bits = n_bytes == WEIGHTS_BYTES ? siren_get_u32(bytes + 4) : 0;
    bool steps = coding == CODING_STEPS && bits >= SIREN_MIN_WEIGHT_BITS && bits <= SIREN_MAX_WEIGHT_BITS;
    if (!steps && !(coding == CODING_FLOAT32 && bits == 32))
        return siren_fail(SIREN_UNSUPPORTED,
                          "%s: its weights use coding %u with %u bits, which this version does not know; use "
                          "a newer sirencl",
                          path, coding, bits);
    layout->weight_bits = steps ? bits : SIREN_FLOAT32_WEIGHTS;
    /* A lie about the network costs no memory: records that could hold one are as large as it. */
    for (size_t i = 0; i < layout->grid.count; i++)
        if (siren_archive_index(archive)[i].unpacked_bytes >=
            siren_quantised_bytes(network, layout->weight_bits))
            layout->any_network = true;
    return SIREN_OK;
}

static siren_status bound_check(const char *path, double bound) {
    if (isfinite(bound) && bound >= 0) return SIREN_OK;
    return siren_fail(SIREN_CORRUPT,
                      "%s: its largest error is %g, which cannot be; restore the file from a copy", path,
                      bound);
}

static siren_status read_coding(const char *path, siren_archive *archive, siren_layout *layout) {
    const uint8_t *bytes;
    size_t n_bytes;
    SIREN_TRY(siren_archive_section(archive, SIREN_SECTION_CODING, 0, &bytes, &n_bytes));
    uint32_t coding = n_bytes == CODING_BYTES ? siren_get_u32(bytes) : 0;
    const uint32_t quantisers = n_bytes == CODING_BYTES ? siren_get_u32(bytes + 4) : 0;
    if ((coding != SIREN_CODING_PREDICTIVE && coding != SIREN_CODING_TRANSFORM) ||
        quantisers > (coding == SIREN_CODING_TRANSFORM))
        return siren_fail(SIREN_UNSUPPORTED,
                          "%s: its records use a coding that this version does not know; use a newer sirencl",
                          path);
    layout->coding = (siren_coding)coding;
    layout->dependent = quantisers == 1;
    layout->bound = siren_get_f64(bytes + 8);
    SIREN_TRY(bound_check(path, layout->bound));
    if (coding != SIREN_CODING_TRANSFORM) return SIREN_OK;
    if (layout->bound != 0)
        return siren_fail(SIREN_CORRUPT,
                          "%s: its transform has a largest error of %g, which only a section ERROR gives; "
                          "restore the file from a copy",
                          path, layout->bound);
    if (layout->grid.kind != SIREN_BLOCK_SLICE)
        return siren_fail(SIREN_CORRUPT, "%s: its transform is not of slices; restore the file from a copy",
                          path);
    return siren_archive_section(archive, SIREN_SECTION_BASIS, 0, &layout->basis, &layout->n_basis);
}

/* The coder of records is one of networks' parameters. */
static siren_status check_coded(const char *path, const siren_archive *archive, const siren_layout *layout) {
    const siren_index_entry *index = siren_archive_index(archive);
    for (size_t i = 0; layout->coding != SIREN_CODING_NETWORK && i < layout->grid.count; i++)
        if (index[i].coded)
            return siren_fail(
                SIREN_CORRUPT,
                "%s: block %u is coded as networks are, in an archive without them; restore the "
                "file from a copy",
                path, index[i].block);
    return SIREN_OK;
}

/* Sections that only one coding of records has. */
static siren_status check_sections(const char *path, const siren_archive *archive,
                                   const siren_layout *layout) {
    static const struct {
        siren_section_kind kind;
        siren_coding coding;
    } sections[] = {
        {SIREN_SECTION_NETWORK, SIREN_CODING_NETWORK},      {SIREN_SECTION_WEIGHTS, SIREN_CODING_NETWORK},
        {SIREN_SECTION_ACQUISITION, SIREN_CODING_NETWORK},  {SIREN_SECTION_CONTEXT, SIREN_CODING_PREDICTIVE},
        {SIREN_SECTION_BASIS, SIREN_CODING_TRANSFORM},      {SIREN_SECTION_LEVELS, SIREN_CODING_TRANSFORM},
        {SIREN_SECTION_RESTORATION, SIREN_CODING_TRANSFORM}};
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        if (siren_archive_has_section(archive, sections[i].kind) && layout->coding != sections[i].coding)
            return siren_fail(
                SIREN_CORRUPT,
                "%s: has a section %s beside records that do without; restore the file from a copy", path,
                siren_section_name(sections[i].kind));
    return SIREN_OK;
}

static siren_status read_context(siren_archive *archive, siren_layout *layout) {
    if (siren_archive_has_section(archive, SIREN_SECTION_RESTORATION))
        SIREN_TRY(siren_archive_section(archive, SIREN_SECTION_RESTORATION, 0, &layout->restoration,
                                        &layout->n_restoration));
    if (layout->coding == SIREN_CODING_NETWORK ||
        !siren_archive_has_section(archive, context_section(layout->coding)))
        return SIREN_OK;
    return siren_archive_section(archive, context_section(layout->coding), 0, &layout->context,
                                 &layout->n_context);
}

static siren_status read_error(const char *path, siren_archive *archive, siren_layout *layout) {
    const uint8_t *bytes;
    size_t n_bytes;
    if (!siren_archive_has_section(archive, SIREN_SECTION_ERROR)) return SIREN_OK;
    SIREN_TRY(siren_archive_section(archive, SIREN_SECTION_ERROR, 0, &bytes, &n_bytes));
    if (n_bytes != ERROR_BYTES || layout->coding == SIREN_CODING_PREDICTIVE)
        return siren_fail(SIREN_CORRUPT, "%s: its section ERROR cannot be; restore the file from a copy",
                          path);
    layout->corrected = true;
    layout->bound = siren_get_f64(bytes);
    return bound_check(path, layout->bound);
}

static siren_status read_mask(const char *path, siren_archive *archive, siren_layout *layout) {
    const uint8_t *bytes;
    size_t n_bytes;
    if (!siren_archive_has_section(archive, SIREN_SECTION_MASK)) return SIREN_OK;
    SIREN_TRY(siren_archive_section(archive, SIREN_SECTION_MASK, 0, &bytes, &n_bytes));
    return siren_mask_view(path, &layout->grid, layout->geometry.datatype, bytes, n_bytes, &layout->mask);
}

siren_status siren_layout_apart(siren_archive *archive, const siren_layout *layout, uint64_t *out) {
    const uint8_t *bytes;
    size_t n_bytes;
    SIREN_TRY(siren_archive_section(archive, SIREN_SECTION_APART, 0, &bytes, &n_bytes));
    *out = n_bytes == APART_BYTES ? siren_get_u64(bytes) : 0;
    if (!bytes || (*out > 0 && *out <= siren_geometry_voxels(&layout->geometry))) return SIREN_OK;
    return siren_fail(
        SIREN_CORRUPT,
        "%s: the number of its voxels that are kept apart cannot be; restore the file from a copy",
        siren_archive_path(archive));
}

siren_status siren_layout_read(siren_archive *archive, siren_layout *out) {
    siren_layout layout = {.coding = SIREN_CODING_NETWORK};
    const char *path = siren_archive_path(archive);
    SIREN_TRY(read_geometry(path, archive, &layout));
    SIREN_TRY(siren_archive_has_section(archive, SIREN_SECTION_CODING)
                  ? read_coding(path, archive, &layout)
                  : read_network(path, archive, &layout));
    SIREN_TRY(check_sections(path, archive, &layout));
    SIREN_TRY(check_coded(path, archive, &layout));
    SIREN_TRY(read_context(archive, &layout));
    SIREN_TRY(read_error(path, archive, &layout));
    SIREN_TRY(read_mask(path, archive, &layout));
    *out = layout;
    return SIREN_OK;
}

size_t siren_layout_chunk(const siren_layout *layout, size_t n_points) {
    size_t most = SIREN_DECODE_POINTS / siren_layout_samples(layout, 1);
    if (most < 1) most = 1;
    return n_points < most ? n_points : most;
}

siren_status siren_layout_volumes(const siren_layout *layout, siren_span *volumes) {
    size_t n_volumes = layout->geometry.n_volumes;
    if (siren_span_complete(volumes, 0, n_volumes)) return SIREN_OK;
    return siren_fail(SIREN_USAGE, "volumes %zu:%zu are not in the archive, which holds 0:%zu",
                      volumes->begin, volumes->end, n_volumes);
}

/* ---- records ---- */

bool siren_record_size(const siren_layout *layout, bool constant, size_t n_exceptional, size_t *out) {
    size_t size = siren_datatype_size(layout->geometry.datatype), scaling, exceptional;
    size_t parameters = constant ? 0 : siren_quantised_bytes(&layout->network, layout->weight_bits);
    return siren_mul(layout->geometry.n_volumes, SCALING_BYTES, &scaling) &&
           siren_mul(n_exceptional, 4 + size, &exceptional) && siren_add(scaling, parameters, out) &&
           siren_add(*out, exceptional, out) && siren_add(*out, RECORD_PREFIX, out);
}

size_t siren_record_bytes(const siren_layout *layout) {
    size_t n_bytes = 0;
    return siren_record_size(layout, false, 0, &n_bytes) ? n_bytes : SIZE_MAX;
}

/* Copies the positions and values of a block's exceptional voxels. */
static void copy_exceptional(const siren_block *block, const siren_series *series,
                             const siren_scaling *scaling, uint8_t *positions, uint8_t *values) {
    const siren_geometry *g = &series->geometry;
    size_t size = siren_datatype_size(g->datatype), n_points = siren_block_points(block);
    for (size_t volume = 0; volume < g->n_volumes; volume++)
        for (size_t point = 0; point < n_points; point++) {
            const uint8_t *stored = siren_block_value(series, block, volume, siren_block_voxel(block, point));
            double value;
            siren_datatype_to_double(g->datatype, stored, 1, &value);
            if (siren_scaling_holds(scaling[volume], value)) continue;
            siren_put_u32(positions, (uint32_t)(volume * n_points + point));
            memcpy(values, stored, size);
            if (siren_big_endian_machine()) siren_datatype_swap(g->datatype, values, 1);
            positions += 4;
            values += size;
        }
}

uint8_t *siren_record_begin(bool constant, size_t n_exceptional, const siren_scaling *scaling,
                            size_t n_volumes, uint8_t *bytes) {
    uint8_t *at = bytes + RECORD_PREFIX;
    siren_put_u32(bytes, constant ? RECORD_CONSTANT : 0);
    siren_put_u32(bytes + 4, (uint32_t)n_exceptional);
    for (size_t volume = 0; volume < n_volumes; volume++, at += SCALING_BYTES) {
        siren_put_f64(at, scaling[volume].minimum);
        siren_put_f64(at + 8, scaling[volume].maximum);
    }
    return at;
}

siren_status siren_record_write(const siren_layout *layout, const siren_block *block,
                                const siren_series *series, const siren_scaling *scaling,
                                const uint8_t *parameters, size_t n_exceptional, uint8_t **bytes,
                                size_t *n_bytes) {
    const siren_geometry *g = &layout->geometry;
    size_t n_voxels = g->n_volumes * siren_block_points(block), total = 0;
    uint8_t *record = NULL;
    if (!siren_record_size(layout, !parameters, n_exceptional, &total) ||
        (n_exceptional > 0 && n_voxels > UINT32_MAX))
        return siren_fail(
            SIREN_UNSUPPORTED,
            "a block of %zu voxel%s of which %zu are exceptional is too large for a record; use "
            "smaller blocks",
            n_voxels, siren_plural(n_voxels), n_exceptional);
    SIREN_TRY(siren_allocate(&record, total, 1, "a record"));
    uint8_t *at = siren_record_begin(!parameters, n_exceptional, scaling, g->n_volumes, record);
    if (parameters) {
        size_t n_parameters = siren_quantised_bytes(&layout->network, layout->weight_bits);
        memcpy(at, parameters, n_parameters);
        at += n_parameters;
    }
    if (n_exceptional > 0) copy_exceptional(block, series, scaling, at, at + 4 * n_exceptional);
    *bytes = record;
    *n_bytes = total;
    return SIREN_OK;
}

/* Positions of exceptional voxels: ascending, within a block of so many values. */
static siren_status check_positions(const char *name, uint64_t n_values, size_t n, const uint8_t *positions) {
    uint64_t next = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t position = siren_get_u32(positions + 4 * i);
        if (position < next || position >= n_values)
            return siren_fail(SIREN_CORRUPT,
                              "%s: exceptional voxel %zu is at %u, outside the block or out of order; "
                              "restore the file from a copy",
                              name, i, position);
        next = (uint64_t)position + 1;
    }
    return SIREN_OK;
}

siren_status siren_record_read(const char *name, const siren_layout *layout, size_t n_points,
                               const uint8_t *bytes, size_t n_bytes, siren_record *out) {
    const siren_geometry *g = &layout->geometry;
    siren_record record = {0};
    size_t expected = 0;
    uint32_t flags = n_bytes >= RECORD_PREFIX ? siren_get_u32(bytes) : 0;
    record.constant = (flags & RECORD_CONSTANT) != 0;
    record.n_exceptional = n_bytes >= RECORD_PREFIX ? siren_get_u32(bytes + 4) : 0;
    if (n_bytes < RECORD_PREFIX || (flags & ~(uint32_t)RECORD_CONSTANT) ||
        !siren_record_size(layout, record.constant, record.n_exceptional, &expected) || expected != n_bytes)
        return siren_fail(
            SIREN_CORRUPT,
            "%s: its record of %zu bytes does not fit the archive's network; restore the file from a copy",
            name, n_bytes);
    record.scaling = bytes + RECORD_PREFIX;
    record.parameters = record.scaling + g->n_volumes * SCALING_BYTES;
    record.positions = record.parameters +
                       (record.constant ? 0 : siren_quantised_bytes(&layout->network, layout->weight_bits));
    record.values = record.positions + 4 * record.n_exceptional;
    SIREN_TRY(
        check_positions(name, (uint64_t)g->n_volumes * n_points, record.n_exceptional, record.positions));
    *out = record;
    return SIREN_OK;
}

siren_status siren_scaling_check(const char *name, const siren_scaling *scaling, size_t n_volumes) {
    for (size_t volume = 0; volume < n_volumes; volume++) {
        const siren_scaling *s = &scaling[volume];
        if (!isfinite(s->maximum - s->minimum) || s->maximum < s->minimum)
            return siren_fail(
                SIREN_CORRUPT,
                "%s: volume %zu is scaled from %g to %g, which cannot be; restore the file from a copy", name,
                volume, s->minimum, s->maximum);
    }
    return SIREN_OK;
}

siren_status siren_record_scaling(const char *name, const siren_layout *layout, const siren_record *record,
                                  siren_scaling *scaling) {
    for (size_t volume = 0; volume < layout->geometry.n_volumes; volume++)
        scaling[volume] = (siren_scaling){siren_get_f64(record->scaling + volume * SCALING_BYTES),
                                          siren_get_f64(record->scaling + volume * SCALING_BYTES + 8)};
    return siren_scaling_check(name, scaling, layout->geometry.n_volumes);
}

siren_status siren_record_unpack(const char *name, const siren_layout *layout, const siren_record *record,
                                 siren_scaling *scaling, float *params) {
    SIREN_TRY(siren_record_scaling(name, layout, record, scaling));
    if (record->constant) return SIREN_OK;
    return siren_dequantise(name, &layout->network, layout->weight_bits, record->parameters,
                            siren_quantised_bytes(&layout->network, layout->weight_bits), params);
}

/* ---- records of the transform ---- */

#define TRANSFORM_PREFIX 12 /* flags, number of exceptional voxels, bytes of the scaling */

siren_status siren_transform_record_write(const siren_layout *layout, const siren_block *block,
                                          const siren_series *series, const siren_scaling *scaling,
                                          const uint8_t *stream, size_t n_stream, size_t n_exceptional,
                                          uint8_t **bytes, size_t *n_bytes) {
    SIREN_FREE_AT_END uint8_t *ranges = NULL;
    size_t n_ranges;
    SIREN_TRY(siren_scaling_encode(scaling, layout->geometry.n_volumes, &ranges, &n_ranges));
    size_t size = siren_datatype_size(layout->geometry.datatype),
           total = TRANSFORM_PREFIX + n_ranges + n_exceptional * (4 + size) + n_stream;
    uint8_t *record = NULL;
    if (n_exceptional > 0 && layout->geometry.n_volumes * siren_block_points(block) > UINT32_MAX)
        return siren_fail(
            SIREN_UNSUPPORTED,
            "a slice of %zu points and %zu volumes of which %zu values are exceptional is too large for a "
            "record; compress it with --lossless",
            siren_block_points(block), layout->geometry.n_volumes, n_exceptional);
    SIREN_TRY(siren_allocate(&record, total, 1, "a record"));
    uint8_t *at = record + TRANSFORM_PREFIX;
    siren_put_u32(record + 4, (uint32_t)n_exceptional);
    siren_put_u32(record + 8, (uint32_t)n_ranges);
    memcpy(at, ranges, n_ranges);
    at += n_ranges;
    if (n_exceptional > 0) copy_exceptional(block, series, scaling, at, at + 4 * n_exceptional);
    memcpy(at + n_exceptional * (4 + size), stream, n_stream);
    *bytes = record;
    *n_bytes = total;
    return SIREN_OK;
}

siren_status siren_transform_record_read(const char *name, const siren_layout *layout, size_t n_points,
                                         const uint8_t *bytes, size_t n_bytes, siren_transform_record *out) {
    size_t size = siren_datatype_size(layout->geometry.datatype), n_exceptional_bytes, needed;
    siren_transform_record record = {.n_exceptional =
                                         n_bytes >= TRANSFORM_PREFIX ? siren_get_u32(bytes + 4) : 0,
                                     .n_scaling = n_bytes >= TRANSFORM_PREFIX ? siren_get_u32(bytes + 8) : 0};
    if (n_bytes < TRANSFORM_PREFIX || siren_get_u32(bytes) != 0 ||
        !siren_mul(record.n_exceptional, 4 + size, &n_exceptional_bytes) ||
        !siren_add(n_exceptional_bytes, TRANSFORM_PREFIX + record.n_scaling, &needed) || needed > n_bytes)
        return siren_fail(
            SIREN_CORRUPT,
            "%s: its record of %zu byte%s is shorter than its parts; restore the file from a copy", name,
            n_bytes, siren_plural(n_bytes));
    record.scaling = bytes + TRANSFORM_PREFIX;
    record.positions = record.scaling + record.n_scaling;
    record.values = record.positions + 4 * record.n_exceptional;
    record.stream = bytes + needed;
    record.n_stream = n_bytes - needed;
    SIREN_TRY(check_positions(name, (uint64_t)layout->geometry.n_volumes * n_points, record.n_exceptional,
                              record.positions));
    *out = record;
    return SIREN_OK;
}

void siren_block_name(const siren_block_grid *grid, size_t number, char *out, size_t size) {
    if (grid->kind == SIREN_BLOCK_VOLUME)
        snprintf(out, size, "the volume");
    else
        snprintf(out, size, "%s %zu", siren_block_kind_name(grid->kind, 1), number);
}
