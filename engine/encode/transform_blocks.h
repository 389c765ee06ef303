/* The blocks of a transform archive, coded as finely as a target wants it. */
#ifndef SIREN_ENGINE_ENCODE_TRANSFORM_BLOCKS_H
#define SIREN_ENGINE_ENCODE_TRANSFORM_BLOCKS_H

#include "engine/archive/record.h"

/* The least effort that codes levels of two quantisers: fewer bytes by 5 to 8 %, in several times the time
 * (docs/transform.md). */
#define SIREN_EFFORT_WITH_TRELLIS 4

/* One of n_bytes, psnr and noise is not 0, or the layout is corrected: then all is as small as its bound allows. */
typedef struct {
    size_t n_bytes, n_other_bytes; /* the archive's, at most; of these what it has beside basis and records */
    double psnr;                   /* mean over the slices that are not constant, at least; dB */
    double noise;         /* root of the mean square of errors of stored values over sigmas, at most */
    const double *sigmas; /* (n_volumes) for that, of engine/encode/noise.h; volumes of 0 do not count */
    size_t memory_limit;  /* bytes for a decoded block */
    const siren_scaling *limits; /* of siren_block_scale() */
    double step;                 /* of quantisation, near which the target is met; 0: not known */
} siren_transform_target;

typedef struct {
    uint8_t *basis; /* (n_basis) */
    size_t n_basis, n;
    double step;                /* of quantisation */
    siren_index_entry *entries; /* (n) */
    uint8_t **records;          /* (n) */
    size_t *n_record_bytes;     /* (n) */
    double *noise_squares;      /* (n) mean squares of errors over sigmas, where these are given */
    double psnr, noise;         /* of all; noise likewise */
} siren_transform_blocks;

/* Codes every block of the layout's grid on all processors, again and again until the target is met closely: at most as
 * many bytes, or at least the PSNR, by the exact decode. Progress counts rounds. BOUND where the target cannot be met,
 * with what can. `*out` is yours: siren_transform_blocks_free(). */
siren_status siren_transform_blocks_encode(const siren_series *series, const siren_layout *layout,
                                           const siren_transform_target *target, siren_progress_fn progress,
                                           void *user, siren_transform_blocks *out);
/* What that would give, as some slices tell. */
typedef struct {
    size_t n_bytes; /* of the archive */
    double psnr, noise, seconds;
} siren_transform_estimate;
siren_status siren_transform_blocks_estimate(const siren_series *series, const siren_layout *layout,
                                             const siren_transform_target *target, siren_progress_fn progress,
                                             void *user, siren_transform_estimate *out);
void siren_transform_blocks_free(siren_transform_blocks *blocks);
/* Appends the records. */
siren_status siren_transform_blocks_write(const siren_transform_blocks *blocks, siren_archive_writer *writer);

#endif
