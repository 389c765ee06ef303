/* What an archive's sections and records mean (docs/archive-format.md, chapter 7), and decoding one block. Used by
 * compress.c, which checks every block by decoding it, and by decompress.c. */
#ifndef SIREN_ENGINE_ARCHIVE_RECORD_H
#define SIREN_ENGINE_ARCHIVE_RECORD_H

#include "cl/knobs.h"
#include "engine/archive/corrections.h"
#include "engine/model/acquisition.h"
#include "engine/model/mask.h"
#include "engine/predictive/predictive.h"
#include "formats/archive.h"
#include "host/part.h"

typedef struct {
    siren_coding coding;
    double
        bound; /* of a predictive archive, and of a corrected one: the largest error of a stored value; 0: lossless */
    bool corrected;       /* records of networks or a transform end with corrections */
    bool dependent;       /* levels of a transform archive are those of two quantisers */
    const uint8_t *basis; /* (n_basis) of a transform archive: its section, borrowed */
    size_t n_basis;
    const uint8_t
        *context; /* (n_context) of an archive with a context network: its section, borrowed; else NULL */
    size_t n_context;
    const uint8_t
        *restoration; /* (n_restoration) of a transform archive with one: its section, borrowed; else NULL */
    size_t n_restoration;
    siren_geometry geometry;       /* of the original series */
    siren_block_grid grid;         /* the blocks in the archive */
    siren_mask mask;               /* its section belongs to the archive, or to whoever made it */
    siren_acquisition acquisition; /* likewise; without a section volumes are outputs of the network */
    siren_network network;         /* of networks, as the next two; else without layers */
    unsigned weight_bits;
    bool any_network; /* false: every block is constant, no network is stored */
    uint64_t n_apart; /* to be written: finite values among the exceptional voxels of all blocks */
} siren_layout;

/* Writes GEOMETRY, NETWORK, WEIGHTS and ACQUISITION, or CODING and BASIS, and MASK and APART. */
siren_status siren_layout_write(siren_archive_writer *writer, const siren_layout *layout);
/* Reads them and HEADER, and checks that they agree with each other and with the index: CORRUPT otherwise. `*out`
 * borrows from the archive. */
siren_status siren_layout_read(siren_archive *archive, siren_layout *out);

/* Samples of so many points: what the network is evaluated at. */
static inline size_t siren_layout_samples(const siren_layout *layout, size_t n_points) {
    return n_points * siren_samples_of_point(&layout->acquisition, layout->geometry.n_volumes);
}
/* Points of a block of `n_points` that are decoded at once: SIREN_DECODE_POINTS samples, or of one point. */
size_t siren_layout_chunk(const siren_layout *layout, size_t n_points);

/* How many finite values are among the exceptional voxels; 0 where the archive does not tell. */
siren_status siren_layout_apart(siren_archive *archive, const siren_layout *layout, uint64_t *out);

/* Volumes asked for, end 0 being "to the last". USAGE where the archive has not got them. */
siren_status siren_layout_volumes(const siren_layout *layout, siren_span *volumes);

/* The parts of an unpacked record, borrowed from its bytes. */
typedef struct {
    bool constant; /* every volume is: no parameters are stored */
    size_t n_exceptional;
    const uint8_t *scaling;    /* (n_volumes, 2) f64: minimum, maximum */
    const uint8_t *parameters; /* siren_quantised_bytes() */
    const uint8_t *positions;  /* (n_exceptional) u32: volume * n_points + point, ascending */
    const uint8_t *values;     /* (n_exceptional) stored values, little-endian */
} siren_record;

/* Assembles the record of a block of `series`, from which the exceptional voxels are taken. `parameters` NULL:
 * constant. `*bytes` is yours to free(). */
siren_status siren_record_write(const siren_layout *layout, const siren_block *block,
                                const siren_series *series, const siren_scaling *scaling,
                                const uint8_t *parameters, size_t n_exceptional, uint8_t **bytes,
                                size_t *n_bytes);
/* Bytes of a record, before packing; false on overflow. */
bool siren_record_size(const siren_layout *layout, bool constant, size_t n_exceptional, size_t *n_bytes);
/* Its head, into `bytes`, which have room for it; returns where its parameters come. */
uint8_t *siren_record_begin(bool constant, size_t n_exceptional, const siren_scaling *scaling,
                            size_t n_volumes, uint8_t *bytes);
/* Bytes of a record without exceptional voxels, before packing. */
size_t siren_record_bytes(const siren_layout *layout);
/* Checks the lengths and finds the parts, of a block of so many points. CORRUPT otherwise; `name` names the block. */
siren_status siren_record_read(const char *name, const siren_layout *layout, size_t n_points,
                               const uint8_t *bytes, size_t n_bytes, siren_record *out);
/* Scaling (n_volumes). CORRUPT for what cannot be. */
siren_status siren_record_scaling(const char *name, const siren_layout *layout, const siren_record *record,
                                  siren_scaling *scaling);
/* Scaling (n_volumes) and, unless the record is constant, parameters (n_params) of the network. CORRUPT for what cannot
 * be. */
siren_status siren_record_unpack(const char *name, const siren_layout *layout, const siren_record *record,
                                 siren_scaling *scaling, float *params);

/* Corrections of a block of a corrected layout. */
siren_corrections_plan siren_layout_corrections(const siren_layout *layout, const siren_block *block);
/* Appends corrections to a record, which is replaced. */
siren_status siren_record_append(const uint8_t *corrections, size_t n_corrections, uint8_t **record,
                                 size_t *n_record);
/* Of a record of a corrected layout, the bytes before its corrections, and these, borrowed; of another one all of it.
 * CORRUPT where the lengths do not add up. */
siren_status siren_record_split(const char *name, const siren_layout *layout, const uint8_t *bytes,
                                size_t *n_bytes, const uint8_t **corrections, size_t *n_corrections);
/* Applies corrections to `voxels`, the block's values in some volumes, in this machine's byte order. */
siren_status siren_block_correct(const siren_layout *layout, const char *name, const siren_block *block,
                                 siren_span volumes, const uint8_t *corrections, size_t n_corrections,
                                 void *voxels);

/* The parts of a transform archive's record, borrowed from its bytes. */
typedef struct {
    size_t n_exceptional, n_scaling, n_stream;
    const uint8_t *scaling;            /* siren_scaling_decode() */
    const uint8_t *positions, *values; /* as in siren_record */
    const uint8_t *stream;             /* siren_transform_decode_slice() */
} siren_transform_record;

/* Assembles the record of a block, from whose series the exceptional voxels are taken. `*bytes` is yours to free(). */
siren_status siren_transform_record_write(const siren_layout *layout, const siren_block *block,
                                          const siren_series *series, const siren_scaling *scaling,
                                          const uint8_t *stream, size_t n_stream, size_t n_exceptional,
                                          uint8_t **bytes, size_t *n_bytes);
siren_status siren_transform_record_read(const char *name, const siren_layout *layout, size_t n_points,
                                         const uint8_t *bytes, size_t n_bytes, siren_transform_record *out);
/* CORRUPT for a range that cannot be. */
siren_status siren_scaling_check(const char *name, const siren_scaling *scaling, size_t n_volumes);

/* What an error message calls a block: "slice 7", "the volume", "patch 12". */
void siren_block_name(const siren_block_grid *grid, size_t number, char *out, size_t size);

/* How a block of a predictive layout is coded; fills `inside` (voxels of the block), which it borrows, where it has a
 * mask; `network`: of the layout's section, or NULL. */
siren_predictive_plan siren_block_predictive_plan(const siren_layout *layout, const siren_block *block,
                                                  uint8_t *inside, const siren_context_network *network);
/* CRC-64 of voxels, little-endian, which are left as they were. */
uint64_t siren_block_crc(siren_datatype datatype, uint8_t *voxels, size_t n_values);

/* Decodes blocks of one layout, SIREN_DECODE_POINTS points at a time: beside the block's voxels it needs no memory that
 * grows with the block. */
typedef struct siren_block_decoder siren_block_decoder;

/* Bytes of memory that a decoder takes for a block: its voxels and outputs, on the host and on the device, and what
 * decoding them takes meanwhile on the host; SIZE_MAX where that is beyond what can be addressed. */
size_t siren_block_decoder_bytes(const siren_layout *layout);

/* `device` NULL: on the host. UNSUPPORTED where a block would need more than `memory_limit` bytes. `*out` is yours. */
siren_status siren_block_decoder_create(siren_device *device, const siren_layout *layout, size_t memory_limit,
                                        siren_block_decoder **out);
/* The same for volumes begin ... end - 1 alone: only these outputs of the networks are evaluated and decoded. A block's
 * checksum is of all volumes; in its place some points of each block are compared with the host. */
siren_status siren_block_decoder_create_part(siren_device *device, const siren_layout *layout,
                                             siren_span volumes, size_t memory_limit,
                                             siren_block_decoder **out);
void siren_block_decoder_free(siren_block_decoder *decoder);
SIREN_POINTER_RELEASE(siren_block_decoder, siren_block_decoder_free)
/* (n_volumes) of the record decoded last, or being decoded; borrowed. NULL of a predictive archive. */
const siren_scaling *siren_block_decoder_scaling(const siren_block_decoder *decoder);
/* Receives outputs y (n, n_volumes that are decoded) of the network for points first ... first + n - 1 of a block, in
 * ascending order, before they become stored values; 0 where the record is constant. Borrowed. A failure ends the
 * decoding with it. */
typedef siren_status (*siren_outputs_fn)(void *user, size_t first, size_t n, const float *y);
/* `*voxels`: (n_volumes that are decoded, voxels of the block) stored values of `block` in this machine's byte order,
 * those that are no points being the mask's background; borrowed until the next call.
 * `outputs` may be NULL. `*crc`: CRC-64 of the little-endian voxels. */
siren_status siren_block_decode(siren_block_decoder *decoder, const char *name, const siren_block *block,
                                const uint8_t *bytes, size_t n_bytes, siren_outputs_fn outputs, void *user,
                                const void **voxels, uint64_t *crc);
/* The same for the nth record of an archive of the decoder's layout. INTEGRITY where it decodes to other voxels than
 * were compressed (of a part of the volumes: where the host decodes to others), CORRUPT where it is damaged. */
siren_status siren_block_decode_nth(siren_block_decoder *decoder, siren_archive *archive, size_t nth,
                                    siren_outputs_fn outputs, void *user, const void **voxels);

#endif
