/* The image series in memory: what formats/nifti reads and writes and engine/model/blocks cuts. */
#ifndef SIREN_FORMATS_SERIES_H
#define SIREN_FORMATS_SERIES_H

#include "host/base.h"

/* Bytes of one voxel; 0 for an unknown code. */
size_t siren_datatype_size(siren_datatype datatype);
/* "int16"; "unknown" for an unknown code. */
const char *siren_datatype_name(siren_datatype datatype);

/* What a NIfTI header says, as far as the program acts on it. Everything else stays in the header's bytes. */
typedef struct {
    int version;  /* NIfTI 1 or 2 */
    bool swapped; /* stored in the other byte order than this machine's */
    siren_datatype datatype;
    size_t nx, ny, nz;     /* voxels of one volume; x is fastest in memory */
    size_t n_volumes;      /* product of all dimensions past the third: axes 5 to 7 are flattened */
    double slope, inter;   /* value = slope * stored + inter; 1 and 0 where the header asks for no scaling */
    uint64_t voxel_offset; /* bytes before the voxels = bytes of the verbatim header */
} siren_geometry;

/* Number of voxels of the series (overflow was excluded when the header was read). */
static inline size_t siren_geometry_voxels(const siren_geometry *g) {
    return g->nx * g->ny * g->nz * g->n_volumes;
}

typedef struct {
    siren_geometry geometry;
    uint8_t *header; /* (voxel_offset) header, extender, extensions and padding, byte for byte */
    void *voxels;    /* (n_volumes, nz, ny, nx) of geometry.datatype, in this machine's byte order */
    uint8_t *tail;   /* (n_tail) what follows the voxels in the file, of a series to be stored */
    size_t n_tail;
} siren_series;

/* Releases what the series holds; the struct itself is the caller's. NULL is allowed. */
void siren_series_free(siren_series *series);

/* Stored values [0, count) as double (int64 beyond 2^53 is rounded), starting at `voxels`. */
void siren_datatype_to_double(siren_datatype datatype, const void *voxels, size_t count, double *out);
/* The inverse: integers are rounded to nearest even and clamped to the type's range; NaN becomes 0 there. */
void siren_datatype_from_double(siren_datatype datatype, const double *values, size_t count, void *voxels);
/* Scaled values (slope and inter applied) of voxels [first, first + count), counted over the whole series. */
void siren_series_values(const siren_series *series, size_t first, size_t count, double *out);
/* Reverses the bytes of each of `count` voxels in place; any alignment. */
void siren_datatype_swap(siren_datatype datatype, void *voxels, size_t count);

#endif
