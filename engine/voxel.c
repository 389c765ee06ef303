#include "engine/archive/record.h"
#include "engine/decode/decode.h"
#include "formats/little_endian.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    siren_archive *archive;
    siren_layout layout;
    siren_scaling *scaling; /* (n_volumes) */
    float *params;          /* (n_params) of the network, then of the volumes asked for */
    uint8_t *record;
    uint8_t *stored; /* (volumes asked for) stored values */
    size_t nth;      /* record that holds the voxel */
    siren_block box; /* its block, of all voxels */
    size_t voxel;    /* within it */
    bool inside;
    size_t point, n_points; /* of the block, where it is inside */
} siren_voxel_reading;

static void reading_free(siren_voxel_reading *run) {
    siren_archive_close(run->archive);
    free(run->scaling);
    free(run->params);
    free(run->record);
    free(run->stored);
}

/* Which block holds the voxel, and where. */
static siren_status find(siren_voxel_reading *run, const size_t voxel[3]) {
    const siren_geometry *g = &run->layout.geometry;
    const siren_block_grid *grid = &run->layout.grid;
    const char *path = siren_archive_path(run->archive);
    if (voxel[0] >= g->nx || voxel[1] >= g->ny || voxel[2] >= g->nz)
        return siren_fail(
            SIREN_USAGE,
            "voxel %zu,%zu,%zu is not in %s, whose series is %zu x %zu x %zu; coordinates count "
            "from 0",
            voxel[0], voxel[1], voxel[2], path, g->nx, g->ny, g->nz);
    if (voxel[2] < grid->z_begin || voxel[2] >= grid->z_end)
        return siren_fail(SIREN_USAGE,
                          "voxel %zu,%zu,%zu is in a slice that %s does not hold; it has %zu:%zu", voxel[0],
                          voxel[1], voxel[2], path, grid->z_begin, grid->z_end);
    size_t number = siren_block_number(grid, voxel[0], voxel[1], voxel[2]);
    run->nth = number - grid->first;
    run->box = siren_block_at(grid, number);
    run->voxel =
        ((voxel[2] - run->box.z) * run->box.ny + voxel[1] - run->box.y) * run->box.nx + voxel[0] - run->box.x;
    run->inside = siren_mask_point(&run->layout.mask, grid, number, run->voxel, &run->point);
    run->n_points = siren_mask_block_points(&run->layout.mask, grid, number);
    return SIREN_OK;
}

/* The network's outputs at the voxel as stored values. */
static siren_status evaluate(siren_voxel_reading *run, const siren_record *record, siren_span volumes) {
    siren_status status = SIREN_OK;
    const siren_layout *layout = &run->layout;
    const siren_network part = siren_network_part(&layout->network, volumes.begin, volumes.end);
    const siren_block alone = {.nx = 1, .ny = 1, .nz = 1};
    size_t n_volumes = volumes.end - volumes.begin;
    float coordinates[3], *y = NULL;
    if (!record->constant) {
        SIREN_TRY(siren_allocate(&y, n_volumes, sizeof *y, "the outputs at a voxel"));
        siren_network_part_params(&layout->network, volumes.begin, volumes.end, run->params);
        siren_block_coordinates(&run->box, part.n_inputs, run->voxel, 1, coordinates);
        SIREN_TRY(siren_decode_host(&part, part.n_layers, run->params, 1, coordinates, y));
    }
    SIREN_TRY(siren_block_restore(&alone, 0, 1, layout->geometry.datatype, n_volumes,
                                  run->scaling + volumes.begin, y, run->stored));
done:
    free(y);
    return status;
}

static void restore_exceptional(siren_voxel_reading *run, const siren_record *record, siren_span volumes) {
    siren_datatype datatype = run->layout.geometry.datatype;
    size_t size = siren_datatype_size(datatype);
    for (size_t i = 0; i < record->n_exceptional; i++) {
        size_t position = siren_get_u32(record->positions + 4 * i), volume = position / run->n_points;
        if (position % run->n_points != run->point || volume < volumes.begin || volume >= volumes.end)
            continue;
        uint8_t *to = run->stored + (volume - volumes.begin) * size;
        memcpy(to, record->values + i * size, size);
        if (siren_big_endian_machine()) siren_datatype_swap(datatype, to, 1);
    }
}

/* The stored values of a voxel inside. */
static siren_status decode(siren_voxel_reading *run, siren_span volumes) {
    const siren_layout *layout = &run->layout;
    siren_record record;
    size_t n_bytes = 0;
    char own[64], name[SIREN_MESSAGE_BYTES];
    siren_block_name(&layout->grid, layout->grid.first + run->nth, own, sizeof own);
    snprintf(name, sizeof name, "%s, %s", siren_archive_path(run->archive), own);
    SIREN_RETURN_IF_FAILED(siren_archive_record(run->archive, run->nth, &run->record, &n_bytes));
    SIREN_RETURN_IF_FAILED(siren_record_read(name, layout, run->n_points, run->record, n_bytes, &record));
    SIREN_RETURN_IF_FAILED(
        siren_allocate(&run->scaling, layout->geometry.n_volumes, sizeof *run->scaling, "the scaling"));
    if (!record.constant)
        SIREN_RETURN_IF_FAILED(siren_allocate(&run->params, siren_network_n_params(&layout->network),
                                              sizeof *run->params, "the parameters"));
    SIREN_RETURN_IF_FAILED(siren_record_unpack(name, layout, &record, run->scaling, run->params));
    SIREN_RETURN_IF_FAILED(evaluate(run, &record, volumes));
    restore_exceptional(run, &record, volumes);
    return SIREN_OK;
}

static void fill_background(siren_voxel_reading *run, size_t n) {
    size_t size = siren_datatype_size(run->layout.geometry.datatype);
    for (size_t i = 0; i < n; i++) memcpy(run->stored + i * size, run->layout.mask.background, size);
}

siren_status siren_voxel_read(const char *archive, const size_t voxel[3], siren_span volumes,
                              siren_voxel_series *out) {
    siren_status status = SIREN_OK;
    siren_voxel_reading run = {.archive = NULL};
    siren_voxel_series series = {.values = NULL};
    SIREN_TRY(siren_archive_open(archive, &run.archive));
    SIREN_TRY(siren_layout_read(run.archive, &run.layout));
    SIREN_TRY(siren_layout_volumes(&run.layout, &volumes));
    SIREN_TRY(find(&run, voxel));
    series.n_volumes = volumes.end - volumes.begin;
    series.inside = run.inside;
    SIREN_TRY(siren_allocate(&run.stored, series.n_volumes, siren_datatype_size(run.layout.geometry.datatype),
                             "a voxel's stored values"));
    SIREN_TRY(siren_allocate(&series.values, series.n_volumes, sizeof *series.values, "a voxel's values"));
    if (run.inside)
        SIREN_TRY(decode(&run, volumes));
    else
        fill_background(&run, series.n_volumes);
    siren_series_values(&(siren_series){.geometry = run.layout.geometry, .voxels = run.stored}, 0,
                        series.n_volumes, series.values);
    *out = series;
    series.values = NULL;
done:
    free(series.values);
    reading_free(&run);
    return status;
}
