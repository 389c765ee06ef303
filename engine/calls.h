/* The product's calls on whole files, with options as structs: what the public calls (host/sirencl.h), tools,
 * lab and tests are made of. Contracts are those of the public calls where none is given. */
#ifndef SIREN_ENGINE_CALLS_H
#define SIREN_ENGINE_CALLS_H

#include "formats/anonymise.h"
#include "host/part.h"

#define SIREN_MASK_AUTO "auto"

/* How the records of networks are packed. */
typedef enum {
    SIREN_PACKING_AUTO, /* the smaller one for each record; LZMA in experiments, as the paper's archives are */
    SIREN_PACKING_LZMA,    /* of byte planes: what every version reads */
    SIREN_PACKING_CODED,   /* the range coder */
    SIREN_PACKING_SMALLEST /* the smaller one for each record */
} siren_packing;

typedef enum { SIREN_AXIS_X, SIREN_AXIS_Y, SIREN_AXIS_Z } siren_axis;

/* What becomes 0 and 1 of a volume in a block: extremes of what does not lie far outside the rest, or of all
 * (docs/numerics.md). */
typedef enum { SIREN_SCALING_ROBUST, SIREN_SCALING_RANGE } siren_scaling_rule;

/* engine/train/optimiser.h */
typedef enum { SIREN_OPTIMISER_ADAM, SIREN_OPTIMISER_SOAP } siren_optimiser_kind;

/* What becomes of the learning rate over the epochs (engine/train/schedule.h). AUTO is resolved before training. */
typedef enum {
    SIREN_SCHEDULE_AUTO,
    SIREN_SCHEDULE_CONSTANT,
    SIREN_SCHEDULE_COSINE,
    SIREN_SCHEDULE_LINEAR
} siren_schedule_kind;

/* What is read at once of an archive by prediction. */
typedef enum {
    SIREN_ACCESS_SLICE,
    SIREN_ACCESS_SERIES /* eight slices, which are smaller together */
} siren_access;

/* What is chosen of a compression, whatever its files and device. engine/settings.h has a row for each. */
typedef struct {
    const char *model;      /* shorthand of engine/model/network.h: "siren-2d" */
    uint32_t layers, width; /* hidden layers and their units */
    float w0;               /* frequency of the sine layers */
    size_t epochs;
    size_t points_per_epoch; /* an epoch sees so many points of each block in turns; 0: all */
    uint32_t minibatches;    /* or such a part of them (engine/train/sampler.h); 0, 1: all */
    float rate;              /* learning rate; 0: what siren_settings_resolve() takes */
    uint64_t seed;           /* of the initial parameters */
    unsigned weight_bits;    /* of a stored weight: 6..12, or 0 for float32 */
    uint32_t taper; /* bits that weights lose from layer to layer in all (engine/encode/rounding.h) */
    siren_scaling_rule scaling;
    siren_packing packing;
    siren_optimiser_kind optimiser;
    siren_schedule_kind schedule;
    size_t warmup;      /* steps over which the learning rate rises; 0: left to the schedule */
    float beta1, beta2; /* of the optimiser's moments; 0: its own (engine/train/optimiser.h) */
    size_t refresh;     /* steps from one turn of SOAP's bases to the next; 0: its own */
    float until_gain;   /* a block ends where gain_epochs brought fewer dB; 0: it does not end early */
    size_t gain_epochs; /* 0: a twentieth of the epochs */
    uint32_t effort;    /* of archives without loss or with a bound: 1 to 9 */
    siren_access access;
    siren_block_kind blocks;
    size_t patch[3];   /* voxels of a patch along x, y, z; larger ones are cut to the image */
    siren_axis axis;   /* slices are counted along it: z but in experiments */
    siren_span slices; /* to compress; the archive then holds the subseries */
    uint32_t given;    /* a bit for each row of engine/settings.h that was set from text */
} siren_settings;

/* What a compression is to reach; at most one. */
typedef enum {
    SIREN_TARGET_NONE,      /* networks as the settings say */
    SIREN_TARGET_LOSSLESS,  /* every bit */
    SIREN_TARGET_MAX_ERROR, /* no stored value is off by more */
    SIREN_TARGET_RATIO,     /* stored voxels to the whole file, at least */
    SIREN_TARGET_SIZE,      /* bytes of the whole file, at most */
    SIREN_TARGET_PSNR,      /* mean PSNR of the slices in dB, at least */
    SIREN_TARGET_NOISE      /* errors in units of the noise, at most (engine/encode/noise.h) */
} siren_target;

/* What a compression by networks will take, before it trains. */
typedef struct {
    const char *model;
    uint32_t layers, width;
    size_t n_blocks, n_bytes; /* of the archive */
    double
        seconds; /* of training, as the first epochs of one block went; NaN: too short to be worth measuring */
} siren_foreseen;

typedef struct {
    siren_settings settings;
    const char *bval, *bvec,
        *sidecar; /* files to attach; NULL: the ones beside the image, where they exist */
    /* Voxels to train on and to store: a 3-D image on the series' grid, 0 outside and one other value inside;
     * SIREN_MASK_AUTO: the mask that MRtrix3's dwi2mask makes; NULL: all. What is outside comes back as one value. */
    const char *mask;
    const char *
        volume_coordinates; /* table with a row for each volume, for model siren-nd (docs/acquisition.md); NULL: none */
    siren_target target;
    double amount; /* of the target */
    bool percent;  /* SIREN_TARGET_MAX_ERROR: `amount` is of the range of the series' values, in percent */
    size_t most_bytes; /* networks that will take 64 KiB more are refused before they train; 0: none */
    void (*foresee)(const siren_foreseen *foreseen); /* called before networks train; may be NULL */
    bool without_tail;                               /* what follows the voxels in the file is left out */
    siren_anonymised
        *anonymise; /* what identifies is taken out of what is stored, and told here; NULL: all is stored */
    bool overwrite;
    bool steps_open;     /* of networks in their usual shape: they go by the points (siren_options_pace()) */
    size_t memory_limit; /* bytes for series, training on device and host, a decoded block (docs/path.md) */
    /* Finished blocks are kept beside the archive until it is complete, and such a file is gone on with
     * (docs/resume.md). */
    bool resume;
    bool anew; /* what is kept there from before is dropped */
    /* Of the blocks, which the archive then holds, and no image; of networks as they are given, without a target. */
    siren_part part;
} siren_compress_options;

/* The published setting of the 2-D networks. */
siren_compress_options siren_compress_defaults(void);

/* Releases what `info` holds; the struct itself is the caller's. NULL is allowed. */
void siren_archive_info_free(siren_archive_info *info);

/* Lets the device's matrix units multiply in trainings that begin afterwards (docs/matrix-units.md): faster,
 * with operands of 11 significant bits. UNSUPPORTED for devices whose units it does not know, DEVICE when
 * their kernels do not build or fail a comparison with plain C; training goes on without them then. */
siren_status siren_matrix_units_enable(siren_device *device);

/* What a compression would give, as some of the blocks tell. */
typedef struct {
    siren_compress_options options; /* for it */
    siren_coding coding;
    uint32_t layers, width; /* of networks */
    size_t n_bytes;         /* of the archive */
    double ratio;           /* of stored voxels to these */
    double psnr;            /* mean of the blocks tried; infinite: exact */
    bool psnr_is_least;     /* a network was not trained to the end: it would have more */
    double noise;           /* errors over sigma, where that is the target; else 0 */
    double seconds;
    char reason[SIREN_MESSAGE_BYTES]; /* why there is nothing of all this: "" where there is */
} siren_choice;

typedef struct {
    size_t n_volumes;
    double *sigmas;        /* (n_volumes) of the noise in stored units; 0: none can be seen */
    size_t stored_bytes;   /* of the voxels */
    siren_choice *choices; /* (n) */
    size_t n;
} siren_plan;
/* Releases what it holds. NULL is allowed. */
void siren_plan_free(siren_plan *plan);

/* Measures what each of `wanted` (n), options that are settled, would give of the file `image`, on some of
 * its blocks. `device` may be NULL where no networks are wanted. `*out` is yours: siren_plan_free(). */
siren_status siren_plan_file(siren_device *device, const char *image, const siren_compress_options *wanted,
                             size_t n, siren_progress_fn progress, void *user, siren_plan *out);

/* Compresses the NIfTI file `image` into the archive `archive`. `info` (may be NULL) is yours:
 * siren_archive_info_free(). */
siren_status siren_compress_file(siren_device *device, const char *image, const char *archive,
                                 const siren_compress_options *options, siren_progress_fn progress,
                                 void *user, siren_archive_info *info);

/* Makes `archive` of the archives of all parts (n), which may come in any order: the bytes of a compression
 * that was not divided. USAGE where a part is missing or there twice, or is of another compression; nothing
 * appears then. `info` as above. */
siren_status siren_join_files(const char *const *parts, size_t n, const char *archive, bool overwrite,
                              siren_archive_info *info);

typedef struct {
    siren_span slices, volumes; /* in the numbering of the original series */
    bool overwrite;
    bool
        plain_sidecar; /* the JSON sidecar as it was, without a word of lossy compression (engine/archive/sidecar.h) */
    bool alone; /* the image without the files that go with it */
    void (*replaced)(void *user,
                     const char *path); /* hears in the end of each file that was; NULL is allowed */
    void *user;
    /* Bytes for one decoded block or a band of patches, or for a .nii.gz; larger is refused before allocation. */
    size_t memory_limit;
} siren_decompress_options;

/* Of a part of the volumes no other is evaluated; a block's checksum, which is of all of them, cannot be
 * compared then, and some points of each block are compared with the host instead. */
siren_status siren_decompress_file(siren_device *device, const char *archive, const char *image,
                                   const siren_decompress_options *options, siren_progress_fn progress,
                                   void *user);

/* The series of one voxel. */
typedef struct {
    size_t n_volumes;
    double *values; /* (n_volumes) scaled: slope and inter applied */
    bool inside;    /* false: outside the archive's mask, the values are its background */
} siren_voxel_series;

/* Decodes `volumes` of the voxel (x, y, z) of the original series, and nothing else: its record is read and
 * its network evaluated at one point, on the host, to the bits that siren_decompress_file() gives. The
 * record's checksum is checked; that of the decoded block cannot be. USAGE for a voxel that the archive does
 * not hold, UNSUPPORTED where its block takes more than `memory_limit` bytes. The values are yours to free(). */
siren_status siren_voxel_read(const char *archive, const size_t voxel[3], siren_span volumes,
                              size_t memory_limit, siren_voxel_series *out);

/* Reads what the archive says of itself; touches no record. */
siren_status siren_info(const char *archive, siren_archive_info *info);

siren_status siren_verify_file(siren_device *device, const char *archive, size_t memory_limit,
                               siren_progress_fn progress, void *user, size_t *n_blocks);

/* `mask` may be NULL. */
siren_status siren_compare_files(const char *image, const char *other, const char *mask, size_t memory_limit,
                                 siren_comparison *out);

/* Runs the self-test unless the user's cache says that the device, with this driver, version and tuning, has
 * passed it, and keeps there that it has. Call it before the first training on a device, after
 * siren_tune_load(). WRONG_DEVICE where it fails, of which nothing is kept. A damaged cache is ignored with a
 * warning. */
siren_status siren_selftest_once(siren_device *device);

/* Lets the device use what 'sirencl tune' has measured for it, kept in the user's cache; nothing where there
 * is nothing, or where the environment says SIRENCL_TUNE=off. A damaged cache, or one of another device or
 * version, is ignored with a warning. Decoded bits do not depend on it; trained ones may in their last
 * digits. */
void siren_tune_load(siren_device *device);

/* Changes whenever the same settings on the same device give other results: part of the identity of a sweep's
 * trials. */
#define SIREN_NUMERICS_VERSION 1

#endif
