/* Overfits a batch of networks of one shape to the targets of as many blocks: full-batch gradient descent on
 *
 *   loss = mean over data of (Y - target)^2
 *
 * with the parameters that gave the lowest loss kept on the device.
 *
 * Where an epoch sees some of the points only, its loss is their sum of squares times n_points / points_per_epoch, over
 * the number of all data: it estimates the mean above without bias, and equals the mean over what was seen where no
 * target is missing. History and the choice of the best are of these estimates.
 *
 * With a `gain`, a network ends after a multiple of gain_epochs k, but not the first, where its lowest loss so far is
 * not so many dB below the lowest gain_epochs before: 10 log10(best(k - gain_epochs) / best(k)) < gain. It leaves the
 * batch, which goes on smaller; no other network's bits change. */
#ifndef SIREN_ENGINE_TRAIN_TRAINER_H
#define SIREN_ENGINE_TRAIN_TRAINER_H

#include "engine/model/network.h"
#include "engine/train/optimiser.h"
#include "engine/train/schedule.h"
#include "engine/model/targets.h"

typedef struct {
    const siren_network *network;
    size_t n_networks;        /* trained side by side; results do not depend on it */
    size_t n_points;          /* of each block */
    const float *coordinates; /* (n_points, n_inputs), the same for all blocks */
    size_t max_epochs;
    bool last_loss_only; /* the loss history is the last epoch's */
    siren_optimiser_kind optimiser;
    siren_adam_options adam; /* SOAP's, too */
    size_t refresh;          /* steps between turns of SOAP's bases, at least 1 */
    siren_schedule schedule; /* over max_epochs, wherever networks end */
    double gain;             /* dB; 0: all networks train for max_epochs */
    size_t gain_epochs;      /* at least 1 with a gain */
    size_t points_per_epoch; /* seen in an epoch (engine/train/sampler.h); 0, n_points or more: all */
    size_t memory_limit;     /* bytes that the trainer may hold, on the device and besides; 0: no limit */
} siren_trainer_plan;

typedef struct siren_trainer siren_trainer;

/* The plan's pointers are borrowed during the call, the device as long as the trainer lives. Targets of a single
 * network for which there is no room on the device are read anew in each epoch, a tile of points at a time; that
 * changes no bit of a result. DEVICE_MEMORY when a batch of several does not fit: try fewer networks. UNSUPPORTED when
 * the limit is too low for one. `*out` is yours: siren_trainer_free(). */
siren_status siren_trainer_create(siren_device *device, const siren_trainer_plan *plan, siren_trainer **out);
void siren_trainer_free(siren_trainer *trainer);
SIREN_POINTER_RELEASE(siren_trainer, siren_trainer_free)

/* Begins anew. `params`: (n_networks, n_params) in exchange order; `targets` (copied) must be readable until training
 * ends; `rates`: (n_networks) learning rates, or NULL for the plan's adam.rate. */
siren_status siren_trainer_start(siren_trainer *trainer, const float *params,
                                 const siren_target_source *targets, const float *rates);
/* Runs `n_epochs` more, no further than max_epochs in all. Progress counts epochs, several times a second. CANCELLED
 * keeps what has been reached. */
siren_status siren_trainer_run(siren_trainer *trainer, size_t n_epochs, siren_progress_fn progress,
                               void *user);
/* Networks that have not ended; 0: there is nothing left to run. */
size_t siren_trainer_n_active(const siren_trainer *trainer);
/* Epochs run by a network so far. */
size_t siren_trainer_epochs(const siren_trainer *trainer, size_t network);

/* Reads the best parameters (n_networks, n_params) and their losses (n_networks); either may be NULL. Before the first
 * epoch these are the initial ones and infinity. A network whose loss was never finite keeps its initial parameters. */
siren_status siren_trainer_best(siren_trainer *trainer, float *params, float *losses);
/* Reads the losses of the epochs run so far, or of the last one, into (n_networks, epochs); NaN after a network's
 * end. */
siren_status siren_trainer_history(siren_trainer *trainer, float *losses);
/* Reads the current parameters (n_networks, n_params), at a network's end where it has ended. */
siren_status siren_trainer_params(siren_trainer *trainer, float *params);

#endif
