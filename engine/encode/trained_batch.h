/* Networks trained side by side, on their way to packed records: each is quantised, decoded as a reader will, and
 * packed. They need neither the encoder that trained them nor its device, so that a thread in the background may encode
 * them while the next ones train. */
#ifndef SIREN_ENGINE_ENCODE_TRAINED_BATCH_H
#define SIREN_ENGINE_ENCODE_TRAINED_BATCH_H

#include "engine/archive/record.h"
#include "engine/calls.h"
#include "engine/encode/fidelity.h"

#include <stdatomic.h>

/* One network to train. */
typedef struct {
    size_t block;  /* number in the layout's grid */
    uint64_t seed; /* of the initial parameters */
    float rate;    /* Adam's learning rate */
} siren_training;

/* What blocks of the same points have in common. An encoder shares it with what it trained. */
typedef struct {
    atomic_size_t n_owners;
    siren_block block;  /* one of the blocks, */
    uint32_t *inside;   /* and what it borrows */
    float *coordinates; /* (n_samples, n_inputs) */
} siren_points;

/* Of blocks of a layout with the points of `block`, for one owner. Takes `*inside`, which `block` borrows. */
siren_status siren_points_create(const siren_layout *layout, const siren_block *block, uint32_t **inside,
                                 siren_points **out);
siren_points *siren_points_share(siren_points *points);
/* Of one owner; the last one releases them. NULL is allowed. */
void siren_points_free(siren_points *points);
SIREN_POINTER_RELEASE(siren_points, siren_points_free)

typedef struct {
    siren_training training;
    siren_block block;
    siren_scaling *scaling; /* (n_volumes) */
    size_t n_exceptional;
    bool constant; /* needed no network */
    bool diverged;
    size_t n_epochs; /* run; 0 of a constant one */
    size_t at;       /* among the networks; constant blocks have none */
} siren_trained_block;

/* Filled by the encoder; read-only afterwards. */
typedef struct {
    const siren_series *series; /* borrowed, */
    const uint8_t *mask;        /* as in siren_encoder_plan */
    siren_layout layout;
    siren_points *points;
    siren_trained_block *blocks; /* (n) */
    size_t n;
    siren_scaling *scaling; /* (n, n_volumes) */
    float *params;          /* (n_networks, n_params) */
} siren_trained;

#define SIREN_STAGE_TARGETS "gathering and scaling" /* of a profile */

/* Of `n` blocks; shares the points. `*out` is yours: siren_trained_free(). */
siren_status siren_trained_create(const siren_series *series, const siren_layout *layout, const uint8_t *mask,
                                  siren_points *points, size_t n, siren_trained **out);
void siren_trained_free(siren_trained *trained);
SIREN_POINTER_RELEASE(siren_trained, siren_trained_free)
/* Bytes of memory that `n` blocks of the layout take until they are encoded, that included; SIZE_MAX where that is
 * beyond what can be addressed. The matrices of the quantiser come on top. */
size_t siren_trained_bytes(const siren_layout *layout, size_t n);

/* Scaled targets of points of the nth block, as siren_target_source has them. */
siren_status siren_trained_targets(const siren_trained *trained, size_t nth, size_t first, size_t n,
                                   size_t pitch, float *targets);

/* Those of samples first ... first + n - 1, which are points unless the layout has coordinates of volumes: what the
 * network learns. */
siren_status siren_trained_sample_targets(const siren_trained *trained, size_t nth, size_t first, size_t n,
                                          size_t pitch, float *targets);

/* One block, ready for an archive. */
typedef struct {
    siren_index_entry entry; /* block, decoded_crc, mse; the writer sets the rest */
    bool constant;           /* no network was needed */
    bool diverged;           /* the last loss was not finite; what is stored is the best before that */
    size_t n_epochs;         /* run; 0 where no network was needed, or an older program did not tell */
    double spread;           /* the variance of the targets; 0 where no network was needed */
    siren_fidelity fidelity; /* of the exact decode, */
    siren_fidelity
        masked; /* and inside the mask; n = 0 and NaN where there is no data, or the block is constant */
    uint8_t *
        packed; /* (n_packed) the record as siren_pack() makes it or, where the entry says coded, siren_record_code() */
    size_t n_packed, n_unpacked;
} siren_encoded;
/* Releases what it holds. NULL is allowed. */
void siren_encoded_free(siren_encoded *encoded);
/* Packs an unpacked record (encoded->n_unpacked) into it, as it is smaller where `packing` leaves the choice. */
siren_status siren_encoded_pack(const char *name, const siren_layout *layout, siren_packing packing,
                                const uint8_t *record, siren_encoded *encoded);

/* Encodes the nth block on the host, with the settings' weight_bits (0: float32), taper and packing (SIREN_PACKING_AUTO
 * is LZMA). The mse is NaN or infinite where the network decodes to such values. CANCELLED soon after `*stop` has
 * become true. `*out` is yours: siren_encoded_free(). */
siren_status siren_trained_encode(const siren_trained *trained, size_t nth, const siren_settings *settings,
                                  const atomic_bool *stop, siren_encoded *out);

/* What a record may take, packed, and what it is expected to with all bits of its weights: where the search begins. */
typedef struct {
    size_t n_bytes;
    double expected; /* 0: not known */
} siren_record_budget;

/* The same where `budget` is NULL. Else weights lose as many sixteenths of a bit as it takes for a record of no more
 * than the budget and, unless it would be smaller with all their bits, hardly less: 0.3 %. Weights of float32 lose
 * nothing, and what cannot be made so small is larger. The layout takes no corrections. */
siren_status siren_trained_encode_within(const siren_trained *trained, size_t nth,
                                         const siren_settings *settings, const siren_record_budget *budget,
                                         const atomic_bool *stop, siren_encoded *out);

#endif
