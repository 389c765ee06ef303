/* sirencl: compression of multidimensional medical images by small sine-activation networks.
 *
 * THE public header. Every function returns a siren_status and leaves its out-parameters untouched on failure;
 * siren_message() then holds one sentence. The library never prints and never exits. */
#ifndef SIREN_ENGINE_SIRENCL_H
#define SIREN_ENGINE_SIRENCL_H

#include "host/base.h"
#include "host/device.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Half-open range [begin, end) of slices or volumes, counted from 0; end 0 means "to the last". */
typedef struct {
    size_t begin, end;
} siren_span;

/* What one network stands for. The values are those of the archive's GEOMETRY. */
typedef enum {
    SIREN_BLOCK_BY_MODEL = 0, /* slices for models of 2 coordinates, the volume for those of 3 */
    SIREN_BLOCK_SLICE = 1,    /* one slice z, in 2 coordinates */
    SIREN_BLOCK_VOLUME = 2,   /* all slices at once, in 3 */
    SIREN_BLOCK_PATCH = 3     /* one box of voxels, in 3 */
} siren_block_kind;

/* ---- compress ---- */

#define SIREN_MASK_AUTO "auto"

typedef enum { SIREN_AXIS_X, SIREN_AXIS_Y, SIREN_AXIS_Z } siren_axis;

/* What is chosen of a compression, whatever its files and device. engine/settings.h has a row for each. */
typedef struct {
    const char *model;      /* shorthand of engine/model/network.h: "siren-2d" */
    uint32_t layers, width; /* hidden layers and their units */
    float w0;               /* frequency of the sine layers */
    size_t epochs;
    size_t points_per_epoch; /* an epoch sees so many points of each block in turns; 0: all */
    float rate;           /* Adam's learning rate; 0: 3e-4 for models of 2 coordinates, 2e-4 for those of 3 */
    uint64_t seed;        /* of the initial parameters */
    unsigned weight_bits; /* of a stored weight: 6..12, or 0 for float32 */
    siren_block_kind blocks;
    size_t patch[3];   /* voxels of a patch along x, y, z; larger ones are cut to the image */
    siren_axis axis;   /* slices are counted along it: z but in experiments */
    siren_span slices; /* to compress; the archive then holds the subseries */
} siren_settings;

typedef struct {
    siren_settings settings;
    const char *bval, *bvec,
        *sidecar; /* files to attach; NULL: the ones beside the image, where they exist */
    /* Voxels to train on and to store: a 3-D image on the series' grid, 0 outside and one other value inside;
     * SIREN_MASK_AUTO: the mask that MRtrix3's dwi2mask makes; NULL: all. What is outside comes back as one value. */
    const char *mask;
    bool overwrite;
    size_t
        memory_limit; /* bytes for the series, its training (on device and host) and a decoded block (docs/path.md) */
} siren_compress_options;

/* The published setting of the 2-D networks. */
siren_compress_options siren_compress_defaults(void);

/* One block of an archive. */
typedef struct {
    uint32_t number;          /* of a slice: its z */
    size_t first[3], size[3]; /* x, y, z of its first voxel, and voxels along each axis */
    size_t n_points;          /* of one volume: voxels inside the mask; all of them without one */
    uint64_t bytes;           /* of its record, packed */
    double
        mse; /* of the exact decode, on targets scaled to [0,1]; 0 where every volume of the block is constant */
    double psnr; /* -10 log10 mse; infinity where mse is 0 */
} siren_block_info;

/* One of an archive's layers, for display. */
typedef struct {
    uint32_t width;
    const char *activation; /* static: "sine" */
    float w0;
} siren_layer_info;

typedef struct {
    uint64_t bytes;        /* of the archive file */
    uint64_t series_bytes; /* uncompressed voxels of the archived slices in their stored type */
    double ratio;          /* series_bytes / bytes */
    double ratio_float32;  /* the same with 4 bytes a voxel */
    double psnr;           /* mean over the blocks whose mse is not 0; infinity where there is none */
    siren_block_kind block_kind;
    size_t n_blocks;
    siren_block_info *blocks;     /* (n_blocks) */
    bool masked;                  /* only voxels inside a mask are stored */
    uint64_t n_inside, n_voxels;  /* of the archived slices, of one volume: inside the mask, and all */
    double background;            /* stored value that all others are restored as */
    size_t nx, ny, nz, n_volumes; /* of the original series */
    const char *datatype;         /* static: "int16" */
    int nifti_version;
    double slope, inter;
    size_t n_params;          /* of one network */
    unsigned weight_bits;     /* 0: float32 */
    size_t n_layers;          /* output layer included */
    siren_layer_info *layers; /* (n_layers) */
    size_t n_attachments;
    char (*attachments)[64]; /* (n_attachments) suffixes: ".bval" */
    char *provenance;        /* "key=value" lines; what is not printable ASCII is "?" */
} siren_archive_info;

/* Releases what `info` holds; the struct itself is the caller's. NULL is allowed. */
void siren_archive_info_free(siren_archive_info *info);

/* Lets the device's matrix units multiply in trainings that begin afterwards (docs/matrix-units.md): faster, with operands
 * of 11 significant bits. UNSUPPORTED for devices whose units it does not know, DEVICE when their kernels do not build or
 * fail a comparison with plain C; training goes on without them then. */
siren_status siren_matrix_units_enable(siren_device *device);

/* Compresses the NIfTI file `image` into the archive `archive`. Progress counts epochs of all blocks. Nothing appears
 * under `archive` unless the status is OK. `info` (may be NULL) is yours: siren_archive_info_free(). */
siren_status siren_compress(siren_device *device, const char *image, const char *archive,
                            const siren_compress_options *options, siren_progress_fn progress, void *user,
                            siren_archive_info *info);

/* ---- decompress, info, verify ---- */

typedef struct {
    siren_span slices, volumes; /* in the numbering of the original series */
    bool overwrite;
    size_t
        memory_limit; /* bytes for one decoded block or a layer of patches, or for a .nii.gz; larger is refused before allocation */
} siren_decompress_options;

/* Restores the series (all of it: with its original header byte for byte; a part: with a header that says so) and its
 * attachments beside `image`. `device` NULL decodes on the host. Each decoded block is checked: INTEGRITY on any
 * difference, and nothing is left behind. Of a part of the volumes no other is evaluated; a block's checksum, which is of all
 * of them, cannot be compared then, and some points of each block are compared with the host instead. */
siren_status siren_decompress(siren_device *device, const char *archive, const char *image,
                              const siren_decompress_options *options, siren_progress_fn progress,
                              void *user);

/* The series of one voxel. */
typedef struct {
    size_t n_volumes;
    double *values; /* (n_volumes) scaled: slope and inter applied */
    bool inside;    /* false: outside the archive's mask, the values are its background */
} siren_voxel_series;

/* Decodes `volumes` of the voxel (x, y, z) of the original series, and nothing else: its record is read and its network evaluated
 * at one point, on the host, to the bits that siren_decompress() gives. The record's checksum is checked; that of the
 * decoded block cannot be. USAGE for a voxel that the archive does not hold. The values are yours to free(). */
siren_status siren_voxel_read(const char *archive, const size_t voxel[3], siren_span volumes,
                              siren_voxel_series *out);

/* Reads what the archive says of itself; touches no record. */
siren_status siren_info(const char *archive, siren_archive_info *info);

/* Checks every checksum of the archive, decodes every block and compares it with its decode checksum. Blocks that fail
 * are logged one by one, and the first one's status is returned: CORRUPT where its record is damaged, INTEGRITY where it
 * decodes to other voxels. `*n_blocks` receives the number of sound blocks. `device` NULL decodes on the host. */
siren_status siren_verify(siren_device *device, const char *archive, size_t memory_limit,
                          siren_progress_fn progress, void *user, size_t *n_blocks);

/* ---- compare ---- */

typedef struct {
    size_t n_voxels;         /* compared: inside the mask, all volumes, finite in both */
    size_t n_unequal_finite; /* finite in one image only, or not the same kind of non-finite */
    double mse;              /* mean of (x - x')^2 of scaled values */
    double
        psnr; /* 10 log10(peak^2 / mse), peak = maximum minus minimum of the first image; infinity for mse 0 */
    double max_abs_error;    /* max |x - x'| */
    double relative_error;   /* mean of |x - x'| / |x| over voxels with x != 0 */
    size_t n_relative;       /* voxels that counted in it */
    double minimum, maximum; /* of the first image, where compared */
} siren_comparison;

/* Compares two series of equal dimensions on scaled values (slope and inter applied). `mask` (may be NULL): a 3-D image
 * of the same grid with one value beside 0; voxels other than 0 count. */
siren_status siren_compare(const char *image, const char *other, const char *mask, size_t memory_limit,
                           siren_comparison *out);

/* ---- the engine itself ---- */

/* Known answers of every kernel on the device, against plain C. `report` (may be NULL) hears of each: name, worst
 * relative difference, its bound, and whether it passed. WRONG_DEVICE when one fails. */
typedef void (*siren_selftest_fn)(void *user, const char *name, double difference, double bound, bool passed);
siren_status siren_selftest(siren_device *device, siren_selftest_fn report, void *user);

/* Runs the self-test unless the user's cache says that the device, with this driver, version and tuning, has passed it, and
 * keeps there that it has. Call it before the first training on a device, after siren_tune_load(). WRONG_DEVICE where
 * it fails, of which nothing is kept. A damaged cache is ignored with a warning. */
siren_status siren_selftest_once(siren_device *device);

/* Lets the device use what 'sirencl tune' has measured for it, kept in the user's cache; nothing where there is nothing, or
 * where the environment says SIRENCL_TUNE=off. A damaged cache, or one of another device or version, is ignored with a
 * warning. Decoded bits do not depend on it; trained ones may in their last digits. */
void siren_tune_load(siren_device *device);

/* Changes whenever the same settings on the same device give other results: part of the identity of a sweep's trials. */
#define SIREN_NUMERICS_VERSION 1

/* Known version of arithmetic and archive: "0.1.0". */
const char *siren_version(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
