/* NIfTI-1 and NIfTI-2 single files (.nii, .nii.gz), both byte orders, hostile input expected. */
#ifndef SIREN_FORMATS_NIFTI_H
#define SIREN_FORMATS_NIFTI_H

#include "formats/series.h"

/* Reads the geometry from the first bytes of a file. `n_bytes` >= 540, or the whole file where it is shorter.
 * `name` is used in messages. CORRUPT or UNSUPPORTED with one sentence otherwise.
 * Dimensions beyond dim[0] are ignored. scl_slope 0, NaN or infinite means no scaling (as nibabel takes it).
 * vox_offset 0 means that voxels follow the header and its 4 extender bytes; between 1 and the header's end it is
 * CORRUPT, of a fraction it is the whole part, as nibabel and MRtrix3 take it. 0 and -1 in dim[2..dim[0]] are 1, as
 * MRtrix3 and ITK take them; bitpix is not looked at, the datatype binds, and NIfTI-1's mark binds more than
 * sizeof_hdr, dim[0], of 1 to 7, more than the byte order of that (nibabel, nifti_clib). The mark of a pair, where
 * vox_offset is beyond the header, is that of a single file. */
siren_status siren_nifti_parse(const char *name, const uint8_t *bytes, size_t n_bytes, siren_geometry *out);
/* Logs a warning for each field that contradicts the ones that siren_nifti_parse() went by. */
void siren_nifti_warn(const char *name, const uint8_t *header, const siren_geometry *geometry);

/* What a file is read for. */
typedef enum {
    SIREN_NIFTI_STORED, /* to be compressed: what follows its voxels is kept */
    SIREN_NIFTI_CUT, /* to be compressed without that, which is read, so that gzip's checks hold, and warned of */
    SIREN_NIFTI_JUDGED, /* a mask, or an image to compare: what follows the voxels is left out, with a warning */
    SIREN_NIFTI_DECODED /* of an archive: left out without warnings, for the first reader was told of its header */
} siren_nifti_use;

#define SIREN_NIFTI_MOST_TAIL ((size_t)16 << 20) /* bytes after the voxels that are kept */

/* Reads a whole series. gzip (of one or more members) is recognised by its content, not by the name. `*out`
 * is yours: siren_series_free(). Truncation and a bad CRC are CORRUPT; header and voxels of more than `memory_limit`
 * bytes are UNSUPPORTED, and so is more after the voxels than can be kept; what is left out is not read beyond as much
 * as before it, or 1 MiB. Needs the series once, and 100 KiB. */
siren_status siren_nifti_read_for(siren_nifti_use use, const char *path, size_t memory_limit,
                                  siren_series *out);
/* The same for SIREN_NIFTI_STORED. */
siren_status siren_nifti_read(const char *path, size_t memory_limit, siren_series *out);

/* Reads the geometry alone, from the first bytes of the file: the rest is not checked, and no warning given. */
siren_status siren_nifti_read_geometry(const char *path, siren_geometry *out);

/* A NIfTI file being written, slices in any order, one call at a time; the suffix of `path` decides (.nii or
 * .nii.gz, any other is USAGE). A .nii goes to disk slice by slice; a .nii.gz is held in memory and
 * compressed at commit to bytes that depend on the image alone (no time, no name, no system). */
typedef struct siren_nifti_writer siren_nifti_writer;

/* `header` (geometry->voxel_offset bytes) is written as it is. Nothing appears under `path` before commit. */
siren_status siren_nifti_writer_open(const char *path, bool overwrite, const siren_geometry *geometry,
                                     const uint8_t *header, siren_nifti_writer **out);
/* `voxels`: (ny, nx) of one slice z of one volume, in this machine's byte order; swapped on the way where the
 * geometry says so. USAGE for a slice that the geometry does not have. */
siren_status siren_nifti_writer_slice(siren_nifti_writer *writer, size_t volume, size_t z,
                                      const void *voxels);
/* What follows the voxels, once, before the first slice. */
siren_status siren_nifti_writer_tail(siren_nifti_writer *writer, const uint8_t *bytes, size_t n_bytes);
/* Does early what commit would do and what can fail or last: compression and fsync. After it only commit and
 * discard. */
siren_status siren_nifti_writer_finish(siren_nifti_writer *writer);
/* Completes the file and frees the writer whatever the result. Slices never written are zero. */
siren_status siren_nifti_writer_commit(siren_nifti_writer *writer);
/* Leaves nothing behind. NULL is allowed. */
void siren_nifti_writer_discard(siren_nifti_writer *writer);
SIREN_POINTER_RELEASE(siren_nifti_writer, siren_nifti_writer_discard)

/* The header of a subseries: `*out` is a copy of `header` (voxel_offset bytes) whose dimensions say nz and
 * n_volumes and whose sform, qform and slice fields are moved to begin at slice z0 where those are used.
 * Yours to free(). `*geometry` is updated to it. Fewer volumes than there are make a 4-D image, whatever axes
 * were flattened; all slices and all volumes give the bytes of `header`. slice_code becomes 0 (unknown) where
 * part of an interleaved order is left, and what siren_nifti_warn() speaks of is corrected in a part. USAGE for a
 * range outside the image; UNSUPPORTED for volumes that a NIfTI-1 dimension cannot count. */
siren_status siren_nifti_subseries_header(const uint8_t *header, siren_geometry *geometry, size_t z0,
                                          size_t nz, size_t n_volumes, uint8_t **out);

/* Reorders a series so that its slices along `axis` (0: x, 1: y, 2: z, which changes nothing) become the slices z: axes
 * x, y, z become y, z, x for axis 0 and z, x, y for axis 1. The cyclic order keeps the handedness. Every voxel keeps
 * its bytes and its place in the world, by sform and qform; dimensions, voxel sizes, dim_info and slice fields follow.
 * Directions in image axes (.bvec) do not belong to the header: who uses them reorders their components alike. Needs
 * one volume more than the series. */
siren_status siren_series_slice_along(siren_series *series, unsigned axis);

/* Where voxel (i, j, k) lies: (x, y, z) in mm = affine (i, j, k, 1), by the sform where it is used (sform_code > 0),
 * else by the qform. False where the header uses neither. */
bool siren_nifti_affine(const uint8_t *header, const siren_geometry *geometry, double affine[3][4]);

/* The header of a float32 map of one value a voxel on the grid of `header`: a copy of it without its extensions, with
 * one volume, no scaling, no intent and no display range. `*out` is yours to free(). `*geometry` is updated to it. */
siren_status siren_nifti_map_header(const uint8_t *header, siren_geometry *geometry, uint8_t **out);

/* Sizes of a voxel along the axes in memory, in mm; 1 where the header has none. */
void siren_nifti_voxel_size(const uint8_t *header, const siren_geometry *geometry, double size[3]);

/* What a new header says. */
typedef struct {
    siren_datatype datatype;
    size_t n_axes, shape[7];
    double voxel_size[3];      /* mm */
    const double (*affine)[4]; /* (3, 4) voxel indices to mm; NULL: not told */
    double slope, inter;       /* slope 0: no scaling */
} siren_nifti_plan;

/* A header in this machine's byte order without extensions: NIfTI-1, or NIfTI-2 where an axis is longer than 32767 or
 * the scaling is no float32. USAGE for a type or shape that cannot be. `*out` (geometry->voxel_offset) is yours to
 * free(). */
siren_status siren_nifti_make_header(const siren_nifti_plan *plan, siren_geometry *geometry, uint8_t **out);

#define SIREN_NEW_HEADER_BYTES 352
/* The same for NIfTI-1, with an sform that centres the grid. n_volumes 1 gives a 3-D image. `header` has room for
 * SIREN_NEW_HEADER_BYTES. */
siren_status siren_nifti_new_header(siren_datatype datatype, size_t nx, size_t ny, size_t nz,
                                    size_t n_volumes, const double voxel_size[3], siren_geometry *geometry,
                                    uint8_t *header);

#endif
