/* sirencl: compression of multidimensional medical images by small sine-activation networks.
 *
 * THE public header, of libsirencl and of its part libsirencl-decode (no OpenCL; it has the calls marked
 * [decode], and of devices siren_device_open(), which is NO_DEVICE there, siren_device_close() and
 * siren_device_name()). docs/api.md is the guide, examples/ shows whole programs.
 *
 * Errors. A call that can fail returns a siren_status and leaves its out-parameters untouched on failure;
 * siren_message() then holds one sentence. The library never prints and never exits. NULL where a handle or
 * an out-parameter is due is SIREN_USAGE; functions that release take NULL.
 * Ownership. What a call hands out as `T **out` is the caller's, to be released by the function that the call
 * names; `const T *` results are borrowed from the handle they come from.
 * Threads. Handles of different objects may be used at the same time. One siren_reader may be read by several
 * threads at once; an image may be compressed by several threads, each with a device of its own; everything
 * else serves one thread at a time. Progress is reported by the thread that made the call; the log may be
 * called by any. */
#ifndef SIREN_HOST_SIRENCL_H
#define SIREN_HOST_SIRENCL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* ---- version ---- */

#define SIREN_VERSION_MAJOR 0
#define SIREN_VERSION_MINOR 1
#define SIREN_VERSION_PATCH 0
#define SIREN_VERSION_NUMBER (SIREN_VERSION_MAJOR * 10000 + SIREN_VERSION_MINOR * 100 + SIREN_VERSION_PATCH)

/* Of the library that runs: SIREN_VERSION_NUMBER, and "0.1.0". [decode] */
int siren_version_number(void);
const char *siren_version(void);

/* ---- status, messages, log ---- [decode] */

/* name, value, exit code of the program, meaning */
#define SIREN_STATUS_MAP(X)                                                                                  \
    X(OK, 0, 0, "success")                                                                                   \
    X(SYSTEM, -1, 1, "the operating system refused: file missing or unwritable, disk full, out of memory")   \
    X(USAGE, -2, 2, "wrong usage")                                                                           \
    X(CORRUPT, -3, 3, "corrupt input")                                                                       \
    X(UNSUPPORTED, -4, 4, "unsupported input")                                                               \
    X(INTEGRITY, -5, 5, "integrity check failed")                                                            \
    X(NO_DEVICE, -6, 6, "no OpenCL device")                                                                  \
    X(DEVICE, -7, 7, "the device failed")                                                                    \
    X(DEVICE_MEMORY, -8, 7, "the device is out of memory")                                                   \
    X(PARTIAL, -9, 8, "partial result")                                                                      \
    X(BOUND, -10, 9, "error bound not met")                                                                  \
    X(WRONG_DEVICE, -12, 10, "the device computes wrongly")                                                  \
    X(CANCELLED, -11, 130, "interrupted")

typedef enum {
#define X(name, value, exit_code, meaning) SIREN_##name = (value),
    SIREN_STATUS_MAP(X)
#undef X
} siren_status;

/* Static string, e.g. "CORRUPT". */
const char *siren_status_name(siren_status status);
/* Static string: the meaning column above. */
const char *siren_status_meaning(siren_status status);
int siren_exit_code(siren_status status);
/* This thread's last message; never NULL, valid until the thread's next failure. */
const char *siren_message(void);

typedef enum { SIREN_LOG_WARNING, SIREN_LOG_INFO } siren_log_level;
typedef void (*siren_log_fn)(void *user, siren_log_level level, const char *message);
/* Process-wide; NULL (the default) drops messages. Set it before starting threads. */
void siren_set_log(siren_log_fn log, void *user);

/* Called as work advances: `done` of `total` units of `what`. Returning false cancels: the call stops at the next safe
 * point and returns SIREN_CANCELLED. */
typedef bool (*siren_progress_fn)(void *user, double done, double total, const char *what);

/* Restricts this thread, and the threads it starts from now on, to `n` of the processors it may use; 0 or
 * more than there are changes nothing. Call it before anything else: OpenCL starts threads. [decode] */
siren_status siren_limit_processors(unsigned n);

/* ---- devices ---- */

typedef struct siren_device siren_device;

/* What siren_devices_visit() tells of a device; strings live during the call. */
typedef struct {
    const char *place; /* "0:1": what siren_device_open() takes */
    const char *name, *platform, *driver;
    bool available, is_gpu;
    uint64_t memory_bytes;
} siren_device_description;
/* Calls `visit` for every device of every platform, in this thread, until it returns false. NO_DEVICE names
 * packages and variables to set. */
siren_status siren_devices_visit(bool (*visit)(void *user, const siren_device_description *device),
                                 void *user);

/* Opens a device. `choice`: "cpu", "gpu", "platform:index", or part of a name (any case); NULL or "" means
 * the environment's SIRENCL_DEVICE, else the first GPU, else the first device. NO_DEVICE when nothing
 * matches, listing what there is. `*out` is yours: siren_device_close(). */
siren_status siren_device_open(const char *choice, siren_device **out);
void siren_device_close(siren_device *device);
/* Of an open device; "the host" for NULL. */
const char *siren_device_name(const siren_device *device);
/* Before the first training on a device: loads what 'sirencl tune' has measured for it, and runs the
 * self-test unless the user's cache says that it has passed. WRONG_DEVICE where it fails. Nothing forces you
 * to it; an untested device may train wrongly. */
siren_status siren_device_prepare(siren_device *device);

/* Known answers of every kernel on the device, against plain C. `report` (may be NULL) hears of each: name, worst
 * relative difference, its bound, and whether it passed. WRONG_DEVICE when one fails. */
typedef void (*siren_selftest_fn)(void *user, const char *name, double difference, double bound, bool passed);
siren_status siren_selftest(siren_device *device, siren_selftest_fn report, void *user);

/* ---- options ---- [decode] */

/* Settings by name, each at its default until set: those of 'sirencl compress' (network, epochs, weights,
 * blocks, mask ...) and of 'sirencl decompress' (slices, volumes), with "memory" (bytes; "16G") and "force"
 * (replace files that exist; "true"). docs/api.md lists them. A call ignores what does not concern it. */
typedef struct siren_options siren_options;

siren_status siren_options_create(siren_options **out); /* yours: siren_options_free() */
void siren_options_free(siren_options *options);
/* USAGE for an unknown key (the nearest one is named) and for a value that is out of range; the option stays
 * as it was. */
siren_status siren_options_set(siren_options *options, const char *key, const char *value);
/* The value as text; borrowed until the next call with these options. USAGE for an unknown key. */
siren_status siren_options_get(siren_options *options, const char *key, const char **value);
/* Calls `visit` for every key, in this thread: its value at present and one sentence of help. */
siren_status siren_options_visit(siren_options *options,
                                 void (*visit)(void *user, const char *key, const char *value,
                                               const char *help),
                                 void *user);
siren_status siren_options_set_progress(siren_options *options, siren_progress_fn progress, void *user);

/* ---- images ---- */

/* Stored types of voxels; the values are NIfTI's datatype codes. */
typedef enum {
    SIREN_UINT8 = 2,
    SIREN_INT16 = 4,
    SIREN_INT32 = 8,
    SIREN_FLOAT32 = 16,
    SIREN_FLOAT64 = 64,
    SIREN_INT8 = 256,
    SIREN_UINT16 = 512,
    SIREN_UINT32 = 768,
    SIREN_INT64 = 1024,
    SIREN_UINT64 = 1280
} siren_datatype;

/* An array of the caller's: element (i0, i1, ...) stands at voxels + i0 strides[0] + i1 strides[1] + ...
 * bytes. Axes 0 to 2 are x, y, z; all further ones count volumes, axis 3 fastest: volume i3 + shape[3] (i4 +
 * shape[4] (i5 + ...)), whatever the strides are. Missing axes have length 1. */
typedef struct {
    const void *voxels; /* in this machine's byte order */
    siren_datatype datatype;
    size_t n_axes; /* 1 to 7 */
    size_t shape[7];
    ptrdiff_t strides[7];      /* bytes, may be negative; all 0: x is fastest and there are no gaps */
    double slope, inter;       /* value = slope * stored + inter; slope 0: no scaling */
    const double (*affine)[4]; /* (3, 4) voxel indices to mm, or NULL */
    /* (header_bytes) A NIfTI-1 or -2 header with its extensions, to be kept byte for byte; it must agree with
     * the type and shape, and its scaling and transforms hold instead of those above. NULL: one is made. */
    const void *header;
    size_t header_bytes;
} siren_array;

typedef struct siren_image siren_image;

/* Reads a NIfTI file, .nii or .nii.gz. Of `options` (may be NULL) "memory" counts. `*out` is yours:
 * siren_image_free(). */
siren_status siren_image_read(const char *path, const siren_options *options, siren_image **out);
/* Takes the caller's array, which is borrowed until siren_image_free() where it has no gaps, x is fastest, y,
 * z, volumes follow and it is aligned; else copied. USAGE for shapes or strides that cannot be. */
siren_status siren_image_from_array(const siren_array *array, siren_image **out);
/* A file to go with the image, as `suffix` (".bval", ".bvec", ".json") beside it; the bytes are copied. It
 * takes the place of one that lies beside a file. USAGE for a suffix that names an image or is attached
 * already, UNSUPPORTED beyond 64 MiB. */
siren_status siren_image_attach(siren_image *image, const char *suffix, const void *bytes, size_t n_bytes);
void siren_image_free(siren_image *image);

/* ---- compress ---- */

/* Compresses the image into an archive. Nothing appears under `archive` unless the status is OK, and nothing
 * is replaced there but an archive. `options` NULL: the defaults. Progress counts epochs of all blocks. A
 * mask is a file also for an array, on its grid; "auto" needs an image that was read from a file. With a
 * target ("lossless", "max_error", "ratio", "size", "psnr", "noise") and no "model" that names a network
 * there is nothing to train, and `device` may be NULL; progress counts blocks or rounds then. BOUND says that
 * a target is out of reach. Without target and settings of training: networks for a ratio of 10. */
siren_status siren_compress(siren_device *device, const siren_image *image, const siren_options *options,
                            const char *archive);
/* The same into memory: `*bytes` is yours to free(). */
siren_status siren_compress_to_memory(siren_device *device, const siren_image *image,
                                      const siren_options *options, void **bytes, size_t *n_bytes);

/* ---- read ---- [decode] */

/* What one network stands for. The values are those of the archive's GEOMETRY. */
typedef enum {
    SIREN_BLOCK_BY_MODEL = 0, /* slices for models of 2 coordinates, the volume for those of 3 */
    SIREN_BLOCK_SLICE = 1,    /* one slice z, in 2 coordinates */
    SIREN_BLOCK_VOLUME = 2,   /* all slices at once, in 3 */
    SIREN_BLOCK_PATCH = 3     /* one box of voxels, in 3 */
} siren_block_kind;

/* What stands for voxels. The values are those of the archive's CODING. */
typedef enum {
    SIREN_CODING_NETWORK = 0,
    SIREN_CODING_PREDICTIVE = 1, /* values predicted from each other, lossless or with a bound */
    SIREN_CODING_TRANSFORM = 2   /* principal components over volumes, cosine transform of slices */
} siren_coding;

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
    uint64_t bytes;        /* of the archive */
    uint64_t series_bytes; /* uncompressed voxels of the archived slices in their stored type */
    double ratio;          /* series_bytes / bytes */
    double ratio_float32;  /* the same with 4 bytes a voxel */
    double psnr;           /* mean over the blocks whose mse is not 0; infinity where there is none */
    uint64_t
        n_apart; /* voxels of all volumes that lie far outside the rest, are kept bit for bit, and count in no figure */
    siren_block_kind block_kind;
    size_t n_blocks;
    siren_block_info *blocks;     /* (n_blocks) */
    bool masked;                  /* only voxels inside a mask are stored */
    uint64_t n_inside, n_voxels;  /* of the archived slices, of one volume: inside the mask, and all */
    double background;            /* stored value that all others are restored as */
    size_t nx, ny, nz, n_volumes; /* of the original series */
    const char *datatype_name;    /* static: "int16" */
    siren_datatype datatype;
    size_t z_begin, z_end; /* slices that the archive holds */
    int nifti_version;
    double slope, inter;
    siren_coding coding;      /* other than networks: n_layers is 0 */
    double max_error;         /* in stored units; 0: none, of a predictive archive lossless */
    size_t n_params;          /* of one network */
    unsigned weight_bits;     /* 0: float32 */
    size_t n_layers;          /* output layer included */
    siren_layer_info *layers; /* (n_layers) */
    size_t n_attachments;
    char (*attachments)[64]; /* (n_attachments) suffixes: ".bval" */
    char *provenance;        /* "key=value" lines; what is not printable ASCII is "?" */
    size_t
        n_volume_coordinates; /* of networks that learn in coordinates of volumes, too; 0: volumes are outputs */
    char (*volume_coordinates)[64]; /* (n_volume_coordinates) their names: "TE" */
    /* Of networks beside a predictive or a transform coding; 0: none. That which tells what to expect, and that which
     * restores pixels. */
    size_t context_bytes, restoration_bytes;
} siren_archive_info;

/* An archive open for reading. */
typedef struct siren_reader siren_reader;

/* Opens an archive; its structure is checked, records when they are read. `*out` is yours: siren_reader_close(). */
siren_status siren_reader_open(const char *archive, siren_reader **out);
/* The same for the bytes of an archive, borrowed until siren_reader_close(). */
siren_status siren_reader_open_memory(const void *bytes, size_t n_bytes, siren_reader **out);
void siren_reader_close(siren_reader *reader);

/* Borrowed until siren_reader_close(). */
siren_status siren_reader_info(siren_reader *reader, const siren_archive_info **info);
/* The original NIfTI header with its extensions, byte for byte; borrowed. */
siren_status siren_reader_header(siren_reader *reader, const void **bytes, size_t *n_bytes);
/* The file attached under `suffix`; borrowed. *bytes = NULL where there is none. */
siren_status siren_reader_attachment(siren_reader *reader, const char *suffix, const void **bytes,
                                     size_t *n_bytes);

/* Half-open range [begin, end), counted from 0; end 0 means "to the last". {0, 0} is all there is: of z that is info's
 * [z_begin, z_end), for an archive may hold some slices only. */
typedef struct {
    size_t begin, end;
} siren_span;

/* Voxels of the original series. */
typedef struct {
    siren_span x, y, z, volumes;
} siren_box;

typedef enum {
    SIREN_AS_STORED, /* the archive's type, unscaled */
    SIREN_AS_FLOAT32 /* slope * stored + inter */
} siren_value_type;

/* Decodes a box, and no more than it needs, into `buffer` (volumes, z, y, x), x fastest, in this machine's
 * byte order. USAGE for a box outside what the archive holds and for a buffer of less than the box's bytes.
 * Blocks that are read whole are compared with their checksums: INTEGRITY on any difference. A part of a
 * block has none; its record's is checked. The bits are those that siren_decompress() writes. */
siren_status siren_reader_read(siren_reader *reader, const siren_box *box, siren_value_type type,
                               void *buffer, size_t n_bytes);
/* Decoded blocks and unpacked records are kept, the latest ones, up to so many bytes together; 64 MiB unless
 * set, 0 keeps none. */
siren_status siren_reader_set_cache(siren_reader *reader, size_t n_bytes);

/* ---- decompress, verify, compare ---- [decode] */

/* Restores the series (all of it: with its original header byte for byte; "slices" or "volumes" of it: with a
 * header that says so) and its attachments beside `image`, a JSON sidecar with a word of lossy compression
 * unless "plain_sidecar"; those that are there already as they would be are left. Progress counts blocks.
 * `device` NULL decodes on the host. Each decoded block is checked: INTEGRITY on any difference, and nothing
 * is left behind. */
siren_status siren_decompress(siren_device *device, const char *archive, const siren_options *options,
                              const char *image);

/* Checks every checksum of the archive, decodes every block and compares it with its decode checksum. Blocks
 * that fail are logged one by one, and the first one's status is returned: CORRUPT where its record is
 * damaged, INTEGRITY where it decodes to other voxels. `*n_blocks` (may be NULL) receives the number of sound
 * blocks. */
siren_status siren_verify(siren_device *device, const char *archive, const siren_options *options,
                          size_t *n_blocks);

typedef struct {
    size_t n_voxels;         /* compared: inside the mask, all volumes, finite in both */
    size_t n_unequal_finite; /* finite in one image only, or not the same kind of non-finite */
    double mse;              /* mean of (x - x')^2 of scaled values */
    double
        psnr; /* 10 log10(peak^2 / mse), peak = maximum minus minimum of the first image; infinity for mse 0 */
    double max_abs_error;    /* max |x - x'| */
    double relative_error;   /* mean of |x - x'| / |x| over voxels with x != 0 */
    size_t n_relative;       /* voxels that counted in it */
    double minimum, maximum; /* of the first image, where compared, without */
    size_t n_apart;          /* voxels that lie far outside the rest (docs/numerics.md) */
} siren_comparison;

/* Compares two NIfTI files of equal dimensions on scaled values. Of `options` "mask" (a 3-D image of the same
 * grid with one value beside 0; voxels other than 0 count) and "memory" count. */
siren_status siren_compare(const char *image, const char *other, const siren_options *options,
                           siren_comparison *out);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
