/* The values of one block while they are coded: integers 0 to `largest`, in coded order of the volumes, with two more
 * voxels on every side of a plane, so that neighbours need no care. What a border, or a voxel outside the mask, holds
 * follows from voxels coded before. docs/predictive.md is normative. */
#ifndef SIREN_ENGINE_PREDICTIVE_LATTICE_H
#define SIREN_ENGINE_PREDICTIVE_LATTICE_H

#include "host/base.h"

#define SIREN_LATTICE_BORDER 2

typedef struct {
    size_t nx, ny, nz, n_volumes;
    ptrdiff_t stride, plane, volume; /* steps to the next row, plane and volume */
    int32_t largest;
    int32_t *values;       /* (n_volumes, nz, ny + 4, nx + 4) */
    const uint8_t *inside; /* (nz, ny, nx); NULL: all */
    const uint8_t
        *absent; /* (n_volumes as stored, nz, ny, nx): 1 where a voxel has no value; NULL: nowhere */
    const uint32_t *order; /* (n_volumes) the stored volume that is coded i-th */
} siren_lattice;

/* Sizes alone; `values` is the caller's to allocate. False on overflow. */
bool siren_lattice_shape(size_t nx, size_t ny, size_t nz, size_t n_volumes, siren_lattice *out);

static inline ptrdiff_t siren_lattice_at(const siren_lattice *lattice, size_t volume, size_t z, size_t y) {
    return (ptrdiff_t)volume * lattice->volume + (ptrdiff_t)z * lattice->plane +
           ((ptrdiff_t)y + SIREN_LATTICE_BORDER) * lattice->stride + SIREN_LATTICE_BORDER;
}

/* Whether a voxel has a value that is coded. */
static inline bool siren_lattice_has(const siren_lattice *lattice, size_t volume, size_t z, size_t y,
                                     size_t x) {
    size_t place = (z * lattice->ny + y) * lattice->nx + x;
    if (lattice->inside && !lattice->inside[place]) return false;
    return !lattice->absent ||
           !lattice->absent[lattice->order[volume] * lattice->nz * lattice->ny * lattice->nx + place];
}

/* Borders: those above a plane from volume `like` (itself for the first: zeros), left of a row before it, right of it
 * after it, and below the plane after its last row. */
void siren_lattice_begin_plane(siren_lattice *lattice, size_t volume, size_t z, size_t like);
static inline void siren_lattice_begin_row(int32_t *row, ptrdiff_t stride) {
    row[-1] = row[-2] = row[-stride];
}
static inline void siren_lattice_end_row(int32_t *row, size_t nx) { row[nx] = row[nx + 1] = row[nx - 1]; }
void siren_lattice_end_plane(siren_lattice *lattice, size_t volume, size_t z);
/* For the encoder, whose values are all there: what a volume's borders and voxels without a value will hold. */
void siren_lattice_fill_borders(siren_lattice *lattice, size_t volume);
/* What a voxel without a value holds. */
static inline int32_t siren_lattice_between(const int32_t *value, ptrdiff_t stride) {
    return (int32_t)(((int64_t)value[-1] + value[-stride] + 1) >> 1);
}

#endif
