/* Blocks of a series to packed records: networks of one shape are overfitted side by side; then each is quantised, decoded
 * as a reader will, and packed. What `compress` does once and a sweep does for every trial. */
#ifndef SIREN_ENGINE_ENCODER_H
#define SIREN_ENGINE_ENCODER_H

#include "engine/codec.h"
#include "engine/fidelity.h"

/* What all networks of an encoder share. Everything is borrowed as long as the encoder lives. */
typedef struct {
    const siren_series *series;
    const siren_layout *layout; /* its weight_bits are not looked at */
    const uint8_t *mask;        /* of the masked figures: (nz, ny, nx) of the series, 0 outside; NULL: none */
    size_t epochs;
    size_t points_per_epoch; /* as siren_trainer_plan's */
    size_t log_interval;     /* epochs between two points of a curve; 0: no curves */
    size_t memory_limit;     /* bytes that the encoder may hold, on device and host; 0: what there is */
} siren_encoder_plan;

/* One network to train. */
typedef struct {
    size_t block;  /* number in the layout's grid */
    uint64_t seed; /* of the initial parameters */
    float rate;    /* Adam's learning rate */
} siren_training;

/* A point of the curve of training `nth`: figures of the float32 parameters after `epoch` steps. */
typedef void (*siren_curve_fn)(void *user, size_t nth, size_t epoch, const siren_fidelity *fidelity);

/* One block, ready for an archive. */
typedef struct {
    siren_index_entry entry; /* block, decoded_crc, mse; the writer sets the rest */
    bool constant;           /* no network was needed */
    bool diverged;           /* the last loss was not finite; what is stored is the best before that */
    siren_fidelity fidelity; /* of the exact decode, */
    siren_fidelity
        masked;      /* and inside the mask; n = 0 and NaN where there is no data, or the block is constant */
    uint8_t *packed; /* (n_packed) the record as siren_pack() makes it */
    size_t n_packed, n_unpacked;
} siren_encoded;
/* Releases what it holds. NULL is allowed. */
void siren_encoded_free(siren_encoded *encoded);

typedef struct siren_encoder siren_encoder;

/* `*out` is yours: siren_encoder_free(). One thread at a time may use an encoder; several may share a series. */
siren_status siren_encoder_create(siren_device *device, const siren_encoder_plan *plan, siren_encoder **out);
void siren_encoder_free(siren_encoder *encoder);
/* How many networks fill the device. */
size_t siren_encoder_batch(const siren_encoder *encoder);

/* Trains the first of `trainings` (n >= 1): as many, side by side, as follow one another with blocks of the same points, fill
 * the device and fit on it; `*n_trained` says how many. Results do not depend on which are trained together. Progress counts
 * epochs. `curve` may be NULL. Where the device turns out to be full, also while it trains, the batch is halved or, of a
 * single network, the memory, with a warning; all of it begins anew then, curves with epoch 0. DEVICE_MEMORY when not even
 * one fits, UNSUPPORTED when the memory limit is too low for it. */
siren_status siren_encoder_train(siren_encoder *encoder, const siren_training *trainings, size_t n,
                                 siren_curve_fn curve, siren_progress_fn progress, void *user,
                                 size_t *n_trained);
/* Whether the nth of those last trained took any training: constant blocks take none. */
bool siren_encoder_has_trained(const siren_encoder *encoder, size_t nth);
/* Encodes the nth of those last trained, with weights of `weight_bits` (0: float32); several widths may follow one
 * training. The mse is NaN or infinite where the network decodes to such values. `*out` is yours: siren_encoded_free(). */
siren_status siren_encoder_encode(siren_encoder *encoder, size_t nth, unsigned weight_bits,
                                  siren_encoded *out);

#endif
