/* The mask of an archive: the voxels that its networks stand for. All others, the background, come back as one value.
 *
 * It has one form, that of the archive's MASK section (docs/archive-format.md, 7.9). */
#ifndef SIREN_ENGINE_MODEL_MASK_H
#define SIREN_ENGINE_MODEL_MASK_H

#include "engine/model/blocks.h"

#define SIREN_MASK_PREFIX 16 /* bytes before the bits */

/* A view of a section. */
typedef struct {
    const uint8_t *section; /* (n_bytes), borrowed; NULL: no mask, every voxel is inside */
    size_t n_bytes;
    uint64_t n_inside;     /* voxels inside, at least one */
    uint8_t background[8]; /* the stored value of the others, in this machine's byte order; 0 behind it */
    double value_of_background;
} siren_mask;

/* The section for slices z_begin ... z_end - 1 of a series. `inside`: (nz, ny, nx) of the whole series, 0 outside. The
 * background is the value that all voxels outside have in common, bit for bit, else 0. USAGE where no voxel is inside.
 * `*section` is yours to free(). */
siren_status siren_mask_pack(const uint8_t *inside, const siren_series *series, size_t z_begin, size_t z_end,
                             uint8_t **section, size_t *n_bytes);
/* Sets all voxels of a series outside to that background. `inside`: (nz, ny, nx), 0 outside. USAGE as above; `z_begin`
 * is for the message, the slice of the whole series that this one begins with. */
siren_status siren_mask_apply(const uint8_t *inside, size_t z_begin, siren_series *series);
/* Checks the section of an archive of `grid`: its length, that the number of voxels is that of the bits, that unused
 * bits are 0. CORRUPT otherwise; `name` names the archive. */
siren_status siren_mask_view(const char *name, const siren_block_grid *grid, siren_datatype datatype,
                             const uint8_t *section, size_t n_bytes, siren_mask *out);

/* The block of a number with those of its voxels as points that are inside. `*inside` is what it borrows, yours to
 * free(); NULL where every voxel is inside. */
siren_status siren_mask_block(const siren_mask *mask, const siren_block_grid *grid, size_t number,
                              siren_block *block, uint32_t **inside);
/* Whether voxel `voxel` of a block of the grid is inside. */
bool siren_mask_holds(const siren_mask *mask, const siren_block_grid *grid, const siren_block *block,
                      size_t voxel);
/* How many points the block of a number has. */
size_t siren_mask_block_points(const siren_mask *mask, const siren_block_grid *grid, size_t number);

#endif
