#include "engine/model/mask.h"

#include "formats/little_endian.h"

#include <stdlib.h>
#include <string.h>

/* ---- making ---- */

typedef struct {
    uint8_t value[8]; /* of the first voxel outside; 0 where there is none */
    bool found, same; /* whether there is one, and whether all others equal it */
} siren_background;

static void look_at(siren_background *background, const uint8_t *voxel, size_t size) {
    if (!background->found) {
        memcpy(background->value, voxel, size);
        background->found = background->same = true;
    }
    background->same = background->same && memcmp(background->value, voxel, size) == 0;
}

/* The value that all voxels outside have in common in every volume, else 0, little-endian. */
static void find_background(const uint8_t *inside, const siren_series *series, size_t begin, size_t end,
                            uint8_t *to) {
    const siren_geometry *g = &series->geometry;
    size_t n_grid = g->nx * g->ny * g->nz, size = siren_datatype_size(g->datatype);
    siren_background background = {.found = false};
    for (size_t volume = 0; volume < g->n_volumes; volume++)
        for (size_t i = begin; i < end; i++)
            if (!inside[i])
                look_at(&background, (const uint8_t *)series->voxels + (volume * n_grid + i) * size, size);
    memset(to, 0, 8);
    if (background.same) memcpy(to, background.value, size);
    if (siren_big_endian_machine()) siren_datatype_swap(g->datatype, to, 1);
}

static siren_status refuse_empty(size_t z_begin, size_t z_end) {
    return siren_fail(SIREN_USAGE,
                      "the mask has no voxel in slices %zu:%zu; give one that has, or other slices", z_begin,
                      z_end);
}

siren_status siren_mask_pack(const uint8_t *inside, const siren_series *series, size_t z_begin, size_t z_end,
                             uint8_t **out, size_t *n_bytes) {
    size_t n_slice = series->geometry.nx * series->geometry.ny, begin = z_begin * n_slice,
           end = z_end * n_slice, total = SIREN_MASK_PREFIX + (end - begin + 7) / 8, n_inside = 0;
    uint8_t *section = NULL;
    SIREN_TRY(siren_allocate(&section, total, 1, "the packed mask"));
    for (size_t i = begin; i < end; i++) {
        if (!inside[i]) continue;
        section[SIREN_MASK_PREFIX + (i - begin) / 8] |= (uint8_t)(1U << (i - begin) % 8);
        n_inside++;
    }
    if (n_inside == 0) {
        free(section);
        return refuse_empty(z_begin, z_end);
    }
    siren_put_u64(section, n_inside);
    find_background(inside, series, begin, end, section + 8);
    *out = section;
    *n_bytes = total;
    return SIREN_OK;
}

siren_status siren_mask_apply(const uint8_t *inside, size_t z_begin, siren_series *series) {
    const siren_geometry *g = &series->geometry;
    size_t n_grid = g->nx * g->ny * g->nz, size = siren_datatype_size(g->datatype), n_inside = 0;
    uint8_t background[8];
    for (size_t i = 0; i < n_grid; i++) n_inside += inside[i] != 0;
    if (n_inside == 0) return refuse_empty(z_begin, z_begin + g->nz);
    find_background(inside, series, 0, g->nz * g->nx * g->ny, background);
    if (siren_big_endian_machine()) siren_datatype_swap(g->datatype, background, 1);
    for (size_t i = 0; i < n_grid * g->n_volumes; i++)
        if (!inside[i % n_grid]) memcpy((uint8_t *)series->voxels + i * size, background, size);
    return SIREN_OK;
}

/* ---- reading ---- */

static uint64_t count_bits(const uint8_t *bytes, size_t n_bytes) {
    uint64_t n = 0;
    for (size_t i = 0; i < n_bytes; i++) n += (uint64_t)__builtin_popcount(bytes[i]);
    return n;
}

siren_status siren_mask_view(const char *name, const siren_block_grid *grid, siren_datatype datatype,
                             const uint8_t *section, size_t n_bytes, siren_mask *out) {
    size_t n_voxels = grid->nx * grid->ny * (grid->z_end - grid->z_begin), n_bits = (n_voxels + 7) / 8,
           size = siren_datatype_size(datatype);
    siren_mask mask = {.section = section, .n_bytes = n_bytes};
    if (n_bytes != SIREN_MASK_PREFIX + n_bits)
        return siren_fail(
            SIREN_CORRUPT,
            "%s: its mask has %zu byte%s, but %zu voxel%s need %zu; restore the file from a copy", name,
            n_bytes, siren_plural(n_bytes), n_voxels, siren_plural(n_voxels), SIREN_MASK_PREFIX + n_bits);
    const uint8_t *bits = section + SIREN_MASK_PREFIX;
    mask.n_inside = siren_get_u64(section);
    bool unused = n_voxels % 8 && bits[n_bits - 1] >> n_voxels % 8;
    if (mask.n_inside == 0 || mask.n_inside != count_bits(bits, n_bits) || unused)
        return siren_fail(SIREN_CORRUPT,
                          "%s: its mask says that %llu voxels are inside, but its bits say %llu of %zu; "
                          "restore the file from a copy",
                          name, (unsigned long long)mask.n_inside,
                          (unsigned long long)count_bits(bits, n_bits), n_voxels);
    memcpy(mask.background, section + 8, 8);
    for (size_t i = size; i < 8; i++)
        if (mask.background[i])
            return siren_fail(SIREN_CORRUPT,
                              "%s: the background of its mask is no %s; restore the file from a copy", name,
                              siren_datatype_name(datatype));
    if (siren_big_endian_machine()) siren_datatype_swap(datatype, mask.background, 1);
    siren_datatype_to_double(datatype, mask.background, 1, &mask.value_of_background);
    *out = mask;
    return SIREN_OK;
}

/* ---- blocks ---- */

bool siren_mask_holds(const siren_mask *mask, const siren_block_grid *grid, const siren_block *block,
                      size_t voxel) {
    if (!mask->section) return true;
    size_t row = voxel / block->nx, y = block->y + row % block->ny,
           z = block->z - grid->z_begin + row / block->ny,
           at = (z * grid->ny + y) * grid->nx + block->x + voxel % block->nx;
    return mask->section[SIREN_MASK_PREFIX + at / 8] >> at % 8 & 1;
}

size_t siren_mask_block_points(const siren_mask *mask, const siren_block_grid *grid, size_t number) {
    const siren_block block = siren_block_at(grid, number);
    size_t n_voxels = siren_block_voxels(&block), n = 0;
    if (!mask->section) return n_voxels;
    for (size_t voxel = 0; voxel < n_voxels; voxel++) n += siren_mask_holds(mask, grid, &block, voxel);
    return n;
}

siren_status siren_mask_block(const siren_mask *mask, const siren_block_grid *grid, size_t number,
                              siren_block *out, uint32_t **inside) {
    siren_block block = siren_block_at(grid, number);
    size_t n_voxels = siren_block_voxels(&block), n_points = siren_mask_block_points(mask, grid, number);
    uint32_t *points = NULL;
    if (n_points < n_voxels) {
        SIREN_TRY(siren_allocate(&points, n_points, sizeof *points, "the points of a block"));
        block.inside = points;
        for (size_t voxel = 0; voxel < n_voxels; voxel++)
            if (siren_mask_holds(mask, grid, &block, voxel)) points[block.n_inside++] = (uint32_t)voxel;
    }
    *out = block;
    *inside = points;
    return SIREN_OK;
}
