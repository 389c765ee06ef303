/* Blocks of a series to networks: those of one shape are overfitted side by side. What `compress` does once and a sweep
 * does for every trial. */
#ifndef SIREN_ENGINE_ENCODE_ENCODER_H
#define SIREN_ENGINE_ENCODE_ENCODER_H

#include "engine/settings.h"
#include "engine/encode/trained_batch.h"

/* What all networks of an encoder share. Everything is borrowed as long as the encoder lives. */
typedef struct {
    const siren_series *series;
    const siren_layout *layout; /* its weight_bits are not looked at */
    const uint8_t *mask;        /* of the masked figures: (nz, ny, nx) of the series, 0 outside; NULL: none */
    const siren_scaling *limits;    /* (n_volumes) of the survey; NULL: none */
    const siren_settings *settings; /* but those of siren_training */
    size_t log_interval;            /* epochs between two points of a curve; 0: no curves */
    size_t memory_limit;            /* bytes to be held on device and host; 0: what there is */
} siren_encoder_plan;

/* A point of the curve of training `nth`: figures of the float32 parameters after `epoch` steps. */
typedef void (*siren_curve_fn)(void *user, size_t nth, size_t epoch, const siren_fidelity *fidelity);

typedef struct siren_encoder siren_encoder;

/* The network that settings of a model ask for, with `width` units, into a layout whose geometry, grid and coordinates
 * of volumes stand. USAGE names what cannot be. */
siren_status siren_layout_network(const siren_settings *settings, uint32_t width, siren_layout *layout);

/* `*out` is yours: siren_encoder_free(). One thread at a time may use an encoder; several may share a series. */
siren_status siren_encoder_create(siren_device *device, const siren_encoder_plan *plan, siren_encoder **out);
void siren_encoder_free(siren_encoder *encoder);
SIREN_POINTER_RELEASE(siren_encoder, siren_encoder_free)
/* How many networks fill the device. */
size_t siren_encoder_batch(const siren_encoder *encoder);

/* Trains the first of `trainings` (n >= 1): as many, side by side, as follow one another with blocks of the same
 * points, fill the device and fit on it. Results do not depend on which are trained together. Progress counts epochs.
 * `curve` may be NULL. Where the device turns out to be full, also while it trains, the batch is halved or, of a single
 * network, the memory, with a warning; all of it begins anew then, curves with epoch 0. DEVICE_MEMORY when not even one
 * fits, UNSUPPORTED when the memory limit is too low for it. `*trained` is yours, and may outlive the encoder but not
 * the series. The memory limit counts one such batch beside the one in training. */
siren_status siren_encoder_train(siren_encoder *encoder, const siren_training *trainings, size_t n,
                                 siren_curve_fn curve, siren_progress_fn progress, void *user,
                                 siren_trained **trained);

#endif
