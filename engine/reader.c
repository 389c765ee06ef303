/* Boxes of an archive, decoded on the host. */
#include "engine/archive/attachment.h"
#include "engine/archive/describe.h"
#include "engine/archive/coded_record.h"
#include "engine/calls.h"
#include "engine/decode/decode_host.h"
#include "formats/little_endian.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USUAL_CACHE ((size_t)64 << 20) /* bytes */

#define RECORD ((siren_span){SIZE_MAX, SIZE_MAX}) /* in place of volumes: a network's record, unpacked */

/* A decoded block, or some volumes of one, or its record. */
typedef struct cached_block {
    struct cached_block *next; /* used less lately */
    size_t nth;
    siren_span volumes;
    size_t n_users, n_bytes;
    bool dropped;                           /* out of the list: its last user frees it */
    _Alignas(max_align_t) uint8_t voxels[]; /* (volumes, voxels of the block) */
} cached_block;

struct siren_reader {
    siren_archive *archive;
    siren_layout layout;
    siren_archive_info info; /* bytes 0: not asked for yet */
    size_t memory_limit;     /* of a block */
    pthread_mutex_t lock; /* of all below, of `info`, and of sections that are read later than on opening */
    cached_block *cache;  /* the latest first */
    size_t cache_limit, cache_bytes;
};

/* ---- opening ---- */

static siren_status open_reader(siren_archive *archive, siren_reader **out) {
    SIREN_AT_END(siren_archive_close_at) siren_archive *owned = archive;
    SIREN_AT_END(siren_reader_close_at) siren_reader *reader = NULL;
    SIREN_TRY(siren_allocate(&reader, 1, sizeof *reader, "the reader"));
    reader->archive = SIREN_TAKE(owned);
    reader->cache_limit = USUAL_CACHE;
    reader->memory_limit = SIZE_MAX;
    pthread_mutex_init(&reader->lock, NULL);
    SIREN_TRY(siren_layout_read(reader->archive, &reader->layout));
    *out = SIREN_TAKE(reader);
    return SIREN_OK;
}

siren_status siren_reader_open(const char *path, siren_reader **out) {
    siren_archive *archive = NULL;
    if (!path || !out) return siren_fail(SIREN_USAGE, "siren_reader_open: archive and out must not be NULL");
    SIREN_TRY(siren_archive_open(path, &archive));
    return open_reader(archive, out);
}

siren_status siren_reader_open_memory(const void *bytes, size_t n_bytes, siren_reader **out) {
    siren_archive *archive = NULL;
    if (!bytes || !out)
        return siren_fail(SIREN_USAGE, "siren_reader_open_memory: bytes and out must not be NULL");
    SIREN_TRY(siren_archive_open_memory(bytes, n_bytes, &archive));
    return open_reader(archive, out);
}

/* ---- the cache ---- */

static void drop(siren_reader *reader, cached_block **at) {
    cached_block *block = *at;
    *at = block->next;
    reader->cache_bytes -= block->n_bytes;
    block->dropped = true;
    if (block->n_users == 0) free(block);
}

/* Drops the blocks used least lately until `room` bytes fit. */
static void make_room(siren_reader *reader, size_t room) {
    while (reader->cache && reader->cache_bytes + room > reader->cache_limit) {
        cached_block **last = &reader->cache;
        while ((*last)->next) last = &(*last)->next;
        drop(reader, last);
    }
}

/* A block that holds these volumes, to be given back; NULL where there is none. */
static cached_block *find_cached(siren_reader *reader, size_t nth, siren_span volumes) {
    cached_block *found = NULL;
    pthread_mutex_lock(&reader->lock);
    for (cached_block **at = &reader->cache; *at && !found; at = &(*at)->next)
        if ((*at)->nth == nth && (*at)->volumes.begin <= volumes.begin && (*at)->volumes.end >= volumes.end) {
            found = *at;
            *at = found->next;
            found->next = reader->cache;
            reader->cache = found;
            found->n_users++;
            break;
        }
    pthread_mutex_unlock(&reader->lock);
    return found;
}

static void give_back(siren_reader *reader, cached_block *block) {
    pthread_mutex_lock(&reader->lock);
    if (--block->n_users == 0 && block->dropped) free(block);
    pthread_mutex_unlock(&reader->lock);
}

/* Keeps a copy where there is room; without memory for one, none. */
static void keep(siren_reader *reader, size_t nth, siren_span volumes, const void *voxels, size_t n_bytes) {
    pthread_mutex_lock(&reader->lock);
    if (n_bytes <= reader->cache_limit) {
        cached_block *block = malloc(sizeof *block + n_bytes);
        make_room(reader, n_bytes);
        if (block) {
            *block = (cached_block){reader->cache, nth, volumes, 0, n_bytes, false};
            memcpy(block->voxels, voxels, n_bytes);
            reader->cache = block;
            reader->cache_bytes += n_bytes;
        }
    }
    pthread_mutex_unlock(&reader->lock);
}

siren_status siren_reader_set_cache(siren_reader *reader, size_t n_bytes) {
    if (!reader) return siren_fail(SIREN_USAGE, "siren_reader_set_cache: reader must not be NULL");
    pthread_mutex_lock(&reader->lock);
    reader->cache_limit = n_bytes;
    make_room(reader, 0);
    pthread_mutex_unlock(&reader->lock);
    return SIREN_OK;
}

void siren_reader_close(siren_reader *reader) {
    if (!reader) return;
    while (reader->cache) drop(reader, &reader->cache);
    siren_archive_info_free(&reader->info);
    pthread_mutex_destroy(&reader->lock);
    siren_archive_close(reader->archive);
    free(reader);
}

/* ---- what the archive says ---- */

siren_status siren_reader_info(siren_reader *reader, const siren_archive_info **info) {
    siren_status status = SIREN_OK;
    if (!reader || !info)
        return siren_fail(SIREN_USAGE, "siren_reader_info: reader and info must not be NULL");
    pthread_mutex_lock(&reader->lock);
    if (reader->info.bytes == 0)
        status = siren_archive_describe(reader->archive, &reader->layout, &reader->info);
    pthread_mutex_unlock(&reader->lock);
    if (status == SIREN_OK) *info = &reader->info;
    return status;
}

siren_status siren_reader_header(siren_reader *reader, const void **bytes, size_t *n_bytes) {
    const uint8_t *header;
    if (!reader || !bytes || !n_bytes)
        return siren_fail(SIREN_USAGE, "siren_reader_header: reader, bytes and n_bytes must not be NULL");
    /* It was read on opening, and stays. */
    SIREN_TRY(siren_archive_section(reader->archive, SIREN_SECTION_HEADER, 0, &header, n_bytes));
    *bytes = header;
    return SIREN_OK;
}

siren_status siren_reader_attachment(siren_reader *reader, const char *suffix, const void **bytes,
                                     size_t *n_bytes) {
    siren_status status = SIREN_OK;
    siren_attachment a = {.bytes = NULL};
    if (!reader || !suffix || !bytes || !n_bytes)
        return siren_fail(SIREN_USAGE,
                          "siren_reader_attachment: reader, suffix, bytes and n_bytes must not be NULL");
    pthread_mutex_lock(&reader->lock);
    for (size_t nth = 0;; nth++) {
        status = siren_attachment_read(reader->archive, nth, &a);
        if (status != SIREN_OK || !a.bytes || strcmp(a.suffix, suffix) == 0) break;
    }
    pthread_mutex_unlock(&reader->lock);
    if (status != SIREN_OK) return status;
    *bytes = a.bytes;
    *n_bytes = a.n_bytes;
    return SIREN_OK;
}

/* ---- boxes ---- */

typedef struct {
    siren_reader *reader;
    siren_box box; /* no end is 0 */
    siren_value_type type;
    uint8_t *buffer;
    double *row;                  /* (voxels of the box along x) values on their way to float32 */
    siren_block_decoder *decoder; /* made when a whole block is to be decoded */
} box_reading;

static void box_reading_free(box_reading *run) {
    siren_block_decoder_free(run->decoder);
    free(run->row);
}

static size_t length_of(siren_span span) { return span.end - span.begin; }

static siren_status resolve(const char *axis, size_t first, size_t last, siren_span *span) {
    if (siren_span_complete(span, first, last)) return SIREN_OK;
    return siren_fail(SIREN_USAGE, "%s %zu:%zu is not in the archive, which holds %zu:%zu", axis, span->begin,
                      span->end, first, last);
}

/* Copies what the box wants of `from`, voxels (volumes, nz, ny, nx) of a part of the series, into the buffer. */
static void deliver(const box_reading *run, const siren_block *part, siren_span volumes,
                    const uint8_t *from) {
    const siren_geometry *g = &run->reader->layout.geometry;
    const siren_box *box = &run->box;
    const siren_span x = siren_span_meet(box->x, part->x, part->nx),
                     y = siren_span_meet(box->y, part->y, part->ny),
                     z = siren_span_meet(box->z, part->z, part->nz);
    size_t size = siren_datatype_size(g->datatype), n = length_of(x);
    for (size_t v = box->volumes.begin; v < box->volumes.end; v++)
        for (size_t k = z.begin; k < z.end; k++)
            for (size_t j = y.begin; j < y.end; j++) {
                const uint8_t *row =
                    from +
                    ((((v - volumes.begin) * part->nz + k - part->z) * part->ny + j - part->y) * part->nx +
                     x.begin - part->x) *
                        size;
                size_t to =
                    (((v - box->volumes.begin) * length_of(box->z) + k - box->z.begin) * length_of(box->y) +
                     j - box->y.begin) *
                        length_of(box->x) +
                    x.begin - box->x.begin;
                if (run->type == SIREN_AS_STORED) {
                    memcpy(run->buffer + to * size, row, n * size);
                    continue;
                }
                siren_datatype_to_double(g->datatype, row, n, run->row);
                for (size_t i = 0; i < n; i++) {
                    float value = (float)(run->row[i] * g->slope + g->inter);
                    memcpy(run->buffer + (to + i) * sizeof value, &value, sizeof value);
                }
            }
}

/* Exceptional voxels of a record that lie in the part, as stored. */
static void restore_exceptional(const siren_layout *layout, const siren_block *block, const siren_block *part,
                                siren_span volumes, const siren_record *record, uint8_t *stored) {
    size_t size = siren_datatype_size(layout->geometry.datatype), n_points = siren_block_points(block);
    for (size_t i = 0; i < record->n_exceptional; i++) {
        size_t position = siren_get_u32(record->positions + 4 * i), volume = position / n_points;
        size_t voxel = siren_block_voxel(block, position % n_points), row = voxel / block->nx;
        /* Below the part's first voxel these wrap around to what is beyond its last. */
        size_t x = block->x + voxel % block->nx - part->x, y = block->y + row % block->ny - part->y,
               z = block->z + row / block->ny - part->z;
        if (volume < volumes.begin || volume >= volumes.end || x >= part->nx || y >= part->ny ||
            z >= part->nz)
            continue;
        uint8_t *to =
            stored + ((((volume - volumes.begin) * part->nz + z) * part->ny + y) * part->nx + x) * size;
        memcpy(to, record->values + i * size, size);
        if (siren_big_endian_machine()) siren_datatype_swap(layout->geometry.datatype, to, 1);
    }
}

/* A part of a block that is corrected. */
typedef struct {
    siren_corrections_plan plan;
    const siren_block *part;
    siren_span volumes;
    uint8_t *stored;
} corrected_part;

static void correct(void *user, size_t volume, size_t voxel, const siren_correction *correction) {
    corrected_part *run = user;
    const siren_block *block = run->plan.block, *part = run->part;
    size_t row = voxel / block->nx;
    /* Below the part's first voxel these wrap around to what is beyond its last. */
    size_t x = block->x + voxel % block->nx - part->x, y = block->y + row % block->ny - part->y,
           z = block->z + row / block->ny - part->z;
    if (volume < run->volumes.begin || volume >= run->volumes.end || x >= part->nx || y >= part->ny ||
        z >= part->nz)
        return;
    siren_correction_apply(&run->plan, correction, run->stored,
                           (((volume - run->volumes.begin) * part->nz + z) * part->ny + y) * part->nx + x);
}

/* The number within its block of the voxel that is the part's `i`th. */
static size_t voxel_of_part(const siren_block *block, const siren_block *part, size_t i) {
    size_t row = i / part->nx, y = row % part->ny, z = row / part->ny;
    return ((part->z - block->z + z) * block->ny + part->y - block->y + y) * block->nx + part->x - block->x +
           i % part->nx;
}

/* Sets the part's voxels that are outside the mask; how many are inside. */
static size_t fill_background(const siren_layout *layout, const siren_block *block, const siren_block *part,
                              size_t n_volumes, uint8_t *stored) {
    size_t size = siren_datatype_size(layout->geometry.datatype), n_voxels = siren_block_voxels(part),
           n_inside = 0;
    for (size_t i = 0; i < n_voxels; i++) {
        bool inside = siren_mask_holds(&layout->mask, &layout->grid, block, voxel_of_part(block, part, i));
        for (size_t v = 0; !inside && v < n_volumes; v++)
            memcpy(stored + (v * n_voxels + i) * size, layout->mask.background, size);
        n_inside += inside;
    }
    return n_inside;
}

/* Evaluates a network on the voxels of a part of its block, into `stored` (volumes, nz, ny, nx) of the part. `params`
 * NULL: every volume is constant. */
static siren_status evaluate(const siren_layout *layout, const siren_block *block, const siren_block *part,
                             siren_span volumes, const siren_scaling *scaling, const float *params,
                             uint8_t *stored) {
    const siren_network network = siren_network_part(&layout->network, volumes.begin, volumes.end);
    const siren_acquisition *acquisition = &layout->acquisition;
    size_t n_voxels = siren_block_voxels(part), n_volumes = length_of(volumes),
           most = siren_layout_chunk(layout, n_voxels),
           n_samples = siren_samples_of_point(acquisition, n_volumes); /* of a voxel */
    SIREN_FREE_AT_END float *coordinates = NULL, *y = NULL;
    SIREN_TRY(siren_allocate(&coordinates, most * n_samples * network.n_inputs, sizeof *coordinates,
                             "the coordinates"));
    if (params) SIREN_TRY(siren_allocate(&y, most * n_volumes, sizeof *y, "some decoded points"));
    for (size_t first = 0; first < n_voxels; first += most) {
        size_t n = n_voxels - first < most ? n_voxels - first : most;
        for (size_t i = 0; params && i < n; i++)
            siren_sample_coordinates(block, acquisition, volumes, network.n_inputs,
                                     voxel_of_part(block, part, first + i) * n_samples, n_samples,
                                     coordinates + i * n_samples * network.n_inputs);
        if (params)
            SIREN_TRY(siren_decode_host(&network, network.n_layers, params, n * n_samples, coordinates, y));
        SIREN_TRY(siren_block_restore(part, first, n, layout->geometry.datatype, n_volumes,
                                      scaling + volumes.begin, y, stored));
    }
    return SIREN_OK;
}

/* A network's record; one voxel after another of a block unpacks it once. `*bytes` is yours to free(). */
static siren_status load_record(siren_reader *reader, const char *name, size_t nth, uint8_t **bytes,
                                size_t *n_bytes) {
    cached_block *cached = find_cached(reader, nth, RECORD);
    if (!cached) {
        SIREN_TRY(siren_record_load(name, &reader->layout, reader->archive, nth, bytes, n_bytes));
        keep(reader, nth, RECORD, *bytes, *n_bytes);
        return SIREN_OK;
    }
    siren_status status = siren_allocate(bytes, cached->n_bytes, 1, "a record");
    if (status == SIREN_OK) memcpy(*bytes, cached->voxels, *n_bytes = cached->n_bytes);
    give_back(reader, cached);
    return status;
}

/* Decodes a part of the nth block: its network is evaluated at the part's voxels alone. */
static siren_status decode_part(siren_reader *reader, size_t nth, const siren_block *part, siren_span volumes,
                                uint8_t *stored) {
    const siren_layout *layout = &reader->layout;
    const siren_block_grid *grid = &layout->grid;
    const siren_block box = siren_block_at(grid, grid->first + nth); /* of all its voxels */
    siren_block block = box;
    siren_record record;
    SIREN_FREE_AT_END siren_scaling *scaling = NULL;
    SIREN_FREE_AT_END float *params = NULL;
    SIREN_FREE_AT_END uint32_t *inside = NULL;
    SIREN_FREE_AT_END uint8_t *bytes = NULL;
    const uint8_t *corrections;
    size_t n_bytes = 0, n_corrections;
    char own[64], name[SIREN_MESSAGE_BYTES];
    siren_block_name(grid, grid->first + nth, own, sizeof own);
    snprintf(name, sizeof name, "%s, %s", siren_archive_path(reader->archive), own);
    if (fill_background(layout, &box, part, length_of(volumes), stored) == 0) return SIREN_OK;
    SIREN_TRY(load_record(reader, name, nth, &bytes, &n_bytes));
    SIREN_TRY(siren_record_split(name, layout, bytes, &n_bytes, &corrections, &n_corrections));
    SIREN_TRY(siren_record_read(name, layout, siren_mask_block_points(&layout->mask, grid, grid->first + nth),
                                bytes, n_bytes, &record));
    SIREN_TRY(siren_allocate(&scaling, layout->geometry.n_volumes, sizeof *scaling, "the scaling"));
    if (!record.constant)
        SIREN_TRY(siren_allocate(&params, siren_network_n_params(&layout->network), sizeof *params,
                                 "the parameters"));
    SIREN_TRY(siren_record_unpack(name, layout, &record, scaling, params));
    if (params) siren_network_part_params(&layout->network, volumes.begin, volumes.end, params);
    SIREN_TRY(evaluate(layout, &box, part, volumes, scaling, params, stored));
    if (layout->mask.section) fill_background(layout, &box, part, length_of(volumes), stored);
    if (record.n_exceptional || n_corrections)
        SIREN_TRY(siren_mask_block(&layout->mask, grid, grid->first + nth, &block, &inside));
    restore_exceptional(layout, &block, part, volumes, &record, stored);
    corrected_part run = {siren_layout_corrections(layout, &block), part, volumes, stored};
    return siren_corrections_decode(&run.plan, name, corrections, n_corrections, correct, &run);
}

/* A block of which the box wants the voxels of `part`. */
static siren_status read_block(box_reading *run, size_t nth, const siren_block *block,
                               const siren_block *part) {
    siren_reader *reader = run->reader;
    const siren_span volumes = run->box.volumes;
    size_t size = siren_datatype_size(reader->layout.geometry.datatype), n_voxels = siren_block_voxels(block);
    const void *voxels = NULL;
    SIREN_FREE_AT_END uint8_t *stored = NULL;
    cached_block *cached = find_cached(reader, nth, volumes);
    if (cached) {
        deliver(run, block, cached->volumes, cached->voxels);
        give_back(reader, cached);
    } else if (2 * siren_block_voxels(part) > n_voxels || reader->layout.coding != SIREN_CODING_NETWORK) {
        if (!run->decoder)
            SIREN_TRY(siren_block_decoder_create_part(NULL, &reader->layout, volumes, reader->memory_limit,
                                                      &run->decoder));
        SIREN_TRY(siren_block_decode_nth(run->decoder, reader->archive, nth, NULL, NULL, &voxels));
        deliver(run, block, volumes, voxels);
        keep(reader, nth, volumes, voxels, length_of(volumes) * n_voxels * size);
    } else {
        SIREN_TRY(siren_allocate(&stored, length_of(volumes) * siren_block_voxels(part), size,
                                 "a part of a block"));
        SIREN_TRY(decode_part(reader, nth, part, volumes, stored));
        deliver(run, part, volumes, stored);
    }
    return SIREN_OK;
}

siren_status siren_reader_read(siren_reader *reader, const siren_box *box, siren_value_type type,
                               void *buffer, size_t n_bytes) {
    if (!reader || !box || !buffer)
        return siren_fail(SIREN_USAGE, "siren_reader_read: reader, box and buffer must not be NULL");
    if (type != SIREN_AS_STORED && type != SIREN_AS_FLOAT32)
        return siren_fail(
            SIREN_USAGE, "siren_reader_read: values as %d are unknown; ask for stored or float32", (int)type);
    const siren_geometry *g = &reader->layout.geometry;
    const siren_block_grid *grid = &reader->layout.grid;
    SIREN_AT_END(box_reading_free)
    box_reading run = {.reader = reader, .box = *box, .type = type, .buffer = buffer};
    SIREN_TRY(resolve("x", 0, g->nx, &run.box.x));
    SIREN_TRY(resolve("y", 0, g->ny, &run.box.y));
    SIREN_TRY(resolve("z", grid->z_begin, grid->z_end, &run.box.z));
    SIREN_TRY(resolve("volumes", 0, g->n_volumes, &run.box.volumes));
    size_t needed =
        length_of(run.box.x) * length_of(run.box.y) * length_of(run.box.z) * length_of(run.box.volumes);
    /* Of int8 as float32 more than there are addresses. */
    if (!siren_mul(needed, type == SIREN_AS_STORED ? siren_datatype_size(g->datatype) : sizeof(float),
                   &needed))
        needed = SIZE_MAX;
    if (n_bytes < needed)
        return siren_fail(SIREN_USAGE, "a buffer of %zu byte%s is too small for a box of %zu", n_bytes,
                          siren_plural(n_bytes), needed);
    SIREN_TRY(siren_allocate(&run.row, length_of(run.box.x), sizeof *run.row, "a row of the box"));
    for (size_t nth = 0; nth < grid->count; nth++) {
        const siren_block block = siren_block_at(grid, grid->first + nth);
        const siren_span x = siren_span_meet(run.box.x, block.x, block.nx),
                         y = siren_span_meet(run.box.y, block.y, block.ny),
                         z = siren_span_meet(run.box.z, block.z, block.nz);
        if (x.begin >= x.end || y.begin >= y.end || z.begin >= z.end) continue;
        const siren_block part = {.x = x.begin,
                                  .y = y.begin,
                                  .z = z.begin,
                                  .nx = length_of(x),
                                  .ny = length_of(y),
                                  .nz = length_of(z)};
        SIREN_TRY(read_block(&run, nth, &block, &part));
    }
    return SIREN_OK;
}

siren_status siren_voxel_read(const char *archive, const size_t voxel[3], siren_span volumes,
                              size_t memory_limit, siren_voxel_series *out) {
    SIREN_AT_END(siren_reader_close_at) siren_reader *reader = NULL;
    SIREN_FREE_AT_END uint8_t *stored = NULL;
    SIREN_FREE_AT_END double *values = NULL;
    SIREN_TRY(siren_reader_open(archive, &reader));
    reader->memory_limit = memory_limit;
    const siren_layout *layout = &reader->layout;
    const siren_geometry *g = &layout->geometry;
    const siren_block_grid *grid = &layout->grid;
    if (voxel[0] >= g->nx || voxel[1] >= g->ny || voxel[2] >= g->nz)
        return siren_fail(
            SIREN_USAGE,
            "voxel %zu,%zu,%zu is not in %s, whose series is %zu x %zu x %zu; coordinates count from 0",
            voxel[0], voxel[1], voxel[2], archive, g->nx, g->ny, g->nz);
    if (voxel[2] < grid->z_begin || voxel[2] >= grid->z_end)
        return siren_fail(SIREN_USAGE,
                          "voxel %zu,%zu,%zu is in a slice that %s does not hold; it has %zu:%zu", voxel[0],
                          voxel[1], voxel[2], archive, grid->z_begin, grid->z_end);
    SIREN_TRY(siren_layout_volumes(layout, &volumes));
    const siren_box box = {
        {voxel[0], voxel[0] + 1}, {voxel[1], voxel[1] + 1}, {voxel[2], voxel[2] + 1}, volumes};
    const siren_block block = siren_block_at(grid, siren_block_number(grid, voxel[0], voxel[1], voxel[2]));
    size_t n = length_of(volumes), n_bytes = n * siren_datatype_size(g->datatype);
    const bool inside = siren_mask_holds(&layout->mask, grid, &block,
                                         ((voxel[2] - block.z) * block.ny + voxel[1] - block.y) * block.nx +
                                             voxel[0] - block.x);
    SIREN_TRY(siren_allocate(&stored, n_bytes, 1, "a voxel's stored values"));
    SIREN_TRY(siren_allocate(&values, n, sizeof *values, "a voxel's values"));
    SIREN_TRY(siren_reader_read(reader, &box, SIREN_AS_STORED, stored, n_bytes));
    siren_series_values(&(siren_series){.geometry = *g, .voxels = stored}, 0, n, values);
    *out = (siren_voxel_series){n, SIREN_TAKE(values), inside};
    return SIREN_OK;
}
