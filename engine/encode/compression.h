/* One run of compress, and what its parts share: compress.c the whole and training, compress_sized.c networks as large
 * as a target wants them, compress_plain.c archives without networks. */
#ifndef SIREN_ENGINE_ENCODE_COMPRESSION_H
#define SIREN_ENGINE_ENCODE_COMPRESSION_H

#include "engine/encode/encoder.h"
#include "engine/encode/image.h"
#include "engine/encode/kept_blocks.h"
#include "engine/encode/network_size.h"
#include "engine/encode/survey.h"
#include "engine/encode/transform_blocks.h"
#include "engine/options.h"
#include "host/opencl/background.h"

#define SIREN_STAGE_WRITING "writing"
#define SIREN_ENTRY_BYTES 56 /* of a record in the index (docs/archive-format.md) */

/* Everything one run holds; compress.c makes it and releases it. */
typedef struct {
    siren_device *device;
    const siren_compress_options *options, *asked; /* these as they were before `auto` was resolved */
    siren_settings settings;                       /* the options', no choice left open */
    siren_progress_fn progress;
    void *user;
    siren_image *own; /* as it was read, and what is compressed: it or the caller's */
    const siren_image *image;
    siren_compress_options chosen; /* what model auto is for this image: then `options` are these */
    siren_coding coding;
    siren_layout layout;
    uint8_t *context;     /* the context network's section, which the layout borrows; NULL: none */
    uint8_t *restoration; /* likewise of a transform archive */
    double *sigmas;       /* (n_volumes) of the noise, where the target is in its units */
    uint8_t *mask;        /* the archive's section, which the layout borrows; NULL: none */
    uint8_t *acquisition; /* likewise */
    const char *path;     /* of the archive; NULL: in memory */
    siren_archive_writer *writer;
    siren_encoder *encoder;
    siren_training *trainings;  /* (n_trainings) in the order of compression */
    size_t n_trainings;         /* blocks of the part */
    size_t n_done;              /* blocks trained */
    size_t n_in_batch;          /* blocks in training */
    size_t n_record_bytes;      /* appended, with their places in the index */
    double psnr_sum, n_psnr;    /* of blocks appended, but constant ones */
    size_t n_other_bytes;       /* of an archive whose networks are sized: its sections */
    double expected_bytes;      /* of a record, as trials of the width tell it */
    siren_record_budget budget; /* of a network, where a number of bytes is to be filled; else 0 */
    double noise;               /* what was reached of SIREN_TARGET_NOISE; 0: it was not asked for */
    siren_background *background;
    siren_survey survey;
    double n_epochs, n_trained;    /* sum over networks whose epochs are known, and how many these are */
    size_t n_networks, n_untaught; /* stored; and of them those that tell hardly more than a mean */
    const char *archive;           /* its path, where finished blocks are to be kept beside it; or NULL */
    siren_kept_blocks *kept;       /* these; or NULL */
    siren_trained *trained;        /* what it encodes and appends, while the next batch trains */
} siren_compression;

/* Releases what it holds. */
void siren_compression_free(siren_compression *run);

/* The range of slices and their blocks of one kind. */
siren_status siren_compression_grid(const siren_settings *settings, siren_block_kind kind,
                                    siren_layout *layout);
/* The mask of the blocks' slices, where one is asked for. */
siren_status siren_compression_mask(siren_compression *run);
/* Which values lie far outside the rest; the layout is told how many. */
siren_status siren_compression_survey(siren_compression *run);
siren_status siren_compression_sections(siren_compression *run, siren_archive_writer *writer, bool silent);
/* Bytes of the archive without its basis and records. */
siren_status siren_compression_other_bytes(siren_compression *run, size_t *n_bytes);
/* Of the slices as they are stored. */
size_t siren_compression_stored_bytes(const siren_compression *run);
/* Most bytes of the archive that a ratio or a size allows. */
size_t siren_compression_target_bytes(const siren_compression *run);
/* What networks may train in beside the series. */
size_t siren_compression_encoder_bytes(const siren_compression *run);

/* Grid, noise, bound and mask of an archive without networks, whose blocks are slices. */
siren_status siren_plan_without_network(siren_compression *run);
/* The largest error of a stored value, into the layout; of slices that its grid holds. */
siren_status siren_compression_bound(siren_compression *run);
/* The context network of a predictive archive, into the layout, where it is worth its bytes. */
siren_status siren_compression_context(siren_compression *run);
/* What the transform is to reach. */
siren_status siren_compression_transform_target(siren_compression *run, siren_transform_target *out);
/* All of the archive. */
siren_status siren_compress_by_transform(siren_compression *run);
/* The same; `*met` is false where `auto` took prediction for a ratio, a size or a PSNR, and it is missed. */
siren_status siren_compress_by_prediction(siren_compression *run, bool *met);

/* Grid, mask and trainings of networks whose width may be open. */
siren_status siren_plan_networks(siren_compression *run);
siren_network_sizing siren_compression_sizing(siren_compression *run);
/* Tells what networks as they are set will take, and refuses what is larger than it may be. */
siren_status siren_foresee_published(siren_compression *run);
/* The width that the target tells, into the settings, with a trial of it, and the bits of weights where nobody says
 * them: `choose`: by a block that is trained to the end, where there are several and a number of bytes is wanted; else
 * the usual ones. */
siren_status siren_size_networks(siren_compression *run, bool choose, bool timed, siren_network_trial *trial);
/* The same, with what siren_foresee_published() does. */
siren_status siren_plan_size(siren_compression *run);
/* What each network may take of the target's bytes, once their shape and the other bytes are known. */
siren_status siren_plan_budget(siren_compression *run);
/* After all blocks: whether the target is met; if not, the width to begin anew with is set. BOUND where there is
 * none. */
siren_status siren_size_met(siren_compression *run, bool *out);

#endif
