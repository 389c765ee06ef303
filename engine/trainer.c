#include "engine/trainer.h"

#include "engine/gradient.h"

#include <math.h>
#include <stdlib.h>

/* Seconds of enqueued work between two looks at the progress callback. */
#define PACE_SECONDS 0.1
#define UPLOAD_ROWS 16384 /* points whose targets are padded at once */

struct siren_trainer {
    siren_device *device;
    siren_network network;
    size_t n_networks, n_points, max_epochs, n_epochs;
    size_t n_params, n_padded, n_outputs, out_padded;
    float rate; /* of networks that are given none */
    siren_buffer *table, *w0, *coordinates;
    siren_buffer *params, *best; /* (n_networks, n_padded) */
    siren_buffer *targets;       /* (n_networks, n_points, out_padded) */
    siren_buffer *state;         /* (n_networks, SIREN_STATE_FIELDS) */
    siren_buffer *history;       /* (n_networks, max_epochs) */
    siren_kernel *loss, *snapshot;
    siren_gradient *gradient;
    siren_optimiser *optimiser;
    double flops_per_second; /* measured; 0 before the first finish */
};

static siren_status create_network_buffers(siren_trainer *trainer, const float *coordinates) {
    siren_status status = SIREN_OK;
    const siren_network *network = &trainer->network;
    size_t coordinate_bytes = trainer->n_points * network->n_inputs * sizeof(float);
    SIREN_TRY(siren_network_upload(network, trainer->device, &trainer->table, &trainer->w0));
    SIREN_TRY(
        siren_buffer_create(trainer->device, coordinate_bytes, "the coordinates", &trainer->coordinates));
    SIREN_TRY(siren_buffer_write(trainer->coordinates, 0, coordinates, coordinate_bytes));
done:
    return status;
}

siren_status siren_trainer_create(siren_device *device, const siren_trainer_plan *plan, siren_trainer **out) {
    siren_status status = SIREN_OK;
    siren_trainer *trainer = NULL;
    SIREN_RETURN_IF_FAILED(siren_network_check(plan->network, "the network", SIREN_USAGE));
    if (plan->n_networks == 0 || plan->n_points == 0 || plan->n_points > SIREN_MAX_POINTS ||
        plan->max_epochs > INT32_MAX)
        return siren_fail(SIREN_USAGE,
                          "cannot train %zu networks on %zu points for %zu epochs: at least one network and "
                          "point, at most %d",
                          plan->n_networks, plan->n_points, plan->max_epochs, SIREN_MAX_POINTS);
    SIREN_TRY(siren_allocate(&trainer, 1, sizeof *trainer, "the trainer"));
    trainer->device = device;
    trainer->network = *plan->network;
    trainer->n_networks = plan->n_networks;
    trainer->n_points = plan->n_points;
    trainer->max_epochs = plan->max_epochs;
    trainer->n_params = siren_network_n_params(plan->network);
    trainer->n_padded = siren_network_n_padded(plan->network);
    trainer->n_outputs = siren_network_n_outputs(plan->network);
    trainer->out_padded = SIREN_PADDED(trainer->n_outputs);
    trainer->rate = plan->adam.rate;

    size_t param_bytes = trainer->n_networks * trainer->n_padded * sizeof(float);
    size_t target_bytes = trainer->n_networks * trainer->n_points * trainer->out_padded * sizeof(float);
    SIREN_TRY(create_network_buffers(trainer, plan->coordinates));
    SIREN_TRY(siren_buffer_create(device, param_bytes, "the parameters", &trainer->params));
    SIREN_TRY(siren_buffer_create(device, param_bytes, "the best parameters", &trainer->best));
    SIREN_TRY(siren_buffer_create(device, target_bytes, "the targets", &trainer->targets));
    SIREN_TRY(siren_buffer_create(device, trainer->n_networks * SIREN_STATE_FIELDS * sizeof(float),
                                  "the training state", &trainer->state));
    SIREN_TRY(siren_buffer_create(device, trainer->n_networks * trainer->max_epochs * sizeof(float),
                                  "the loss history", &trainer->history));
    SIREN_TRY(siren_kernel_create(device, "epoch.cl", "", "epoch_loss", &trainer->loss));
    SIREN_TRY(siren_kernel_create(device, "epoch.cl", "", "epoch_snapshot", &trainer->snapshot));
    siren_gradient_shape shape = {device,         &trainer->network, trainer->n_networks, trainer->n_points,
                                  trainer->table, trainer->w0,       trainer->coordinates};
    SIREN_TRY(siren_gradient_create(&shape, &trainer->gradient));
    SIREN_TRY(
        siren_adam_create(device, trainer->n_networks, trainer->n_padded, &plan->adam, &trainer->optimiser));
    *out = trainer;
    trainer = NULL;
done:
    siren_trainer_free(trainer);
    return status;
}

void siren_trainer_free(siren_trainer *trainer) {
    if (!trainer) return;
    if (trainer->gradient) trainer->gradient->free(trainer->gradient);
    if (trainer->optimiser) trainer->optimiser->free(trainer->optimiser);
    siren_kernel_free(trainer->loss);
    siren_kernel_free(trainer->snapshot);
    siren_buffer_free(trainer->table);
    siren_buffer_free(trainer->w0);
    siren_buffer_free(trainer->coordinates);
    siren_buffer_free(trainer->params);
    siren_buffer_free(trainer->best);
    siren_buffer_free(trainer->targets);
    siren_buffer_free(trainer->state);
    siren_buffer_free(trainer->history);
    free(trainer);
}

/* Rows padded with NaN (no data) to the width that the kernels read; each network's state on the way. */
static siren_status upload_targets(siren_trainer *trainer, const float *targets, const float *rates) {
    siren_status status = SIREN_OK;
    float *rows = NULL;
    size_t n_points = trainer->n_points, n_outputs = trainer->n_outputs, pitch = trainer->out_padded;
    size_t chunk = n_points < UPLOAD_ROWS ? n_points : UPLOAD_ROWS;
    SIREN_TRY(siren_allocate(&rows, chunk * pitch, sizeof *rows, "padded targets"));
    for (size_t network = 0; network < trainer->n_networks; network++) {
        size_t n_data = 0;
        for (size_t first = 0; first < n_points; first += chunk) {
            size_t n = n_points - first < chunk ? n_points - first : chunk,
                   begin = network * n_points + first;
            for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j < pitch; j++) {
                    float target = j < n_outputs ? targets[(begin + i) * n_outputs + j] : NAN;
                    n_data += !isnan(target);
                    rows[i * pitch + j] = target;
                }
            SIREN_TRY(siren_buffer_write(trainer->targets, begin * pitch * sizeof *rows, rows,
                                         n * pitch * sizeof *rows));
        }
        float state[SIREN_STATE_FIELDS] = {0};
        state[SIREN_STATE_SCALE] = n_data ? (float)(1.0 / (double)n_data) : 0.0f;
        state[SIREN_STATE_BEST_LOSS] = INFINITY;
        state[SIREN_STATE_RATE] = rates ? rates[network] : trainer->rate;
        SIREN_TRY(siren_buffer_write(trainer->state, network * sizeof state, state, sizeof state));
    }
done:
    free(rows);
    return status;
}

siren_status siren_trainer_start(siren_trainer *trainer, const float *params, const float *targets,
                                 const float *rates) {
    siren_status status = SIREN_OK;
    float *padded = NULL;
    size_t n_bytes = trainer->n_padded * sizeof *padded;
    SIREN_TRY(siren_allocate(&padded, trainer->n_padded, sizeof *padded, "the padded parameters"));
    for (size_t network = 0; network < trainer->n_networks; network++) {
        siren_network_pad(&trainer->network, params + network * trainer->n_params, padded);
        SIREN_TRY(siren_buffer_write(trainer->params, network * n_bytes, padded, n_bytes));
        SIREN_TRY(siren_buffer_write(trainer->best, network * n_bytes, padded, n_bytes));
    }
    SIREN_TRY(upload_targets(trainer, targets, rates));
    SIREN_TRY(trainer->optimiser->restart(trainer->optimiser));
    trainer->n_epochs = 0;
done:
    free(padded);
    return status;
}

/* Work enqueued since the device was last waited for. */
typedef struct {
    double flops, since;
} siren_pace;

/* Waits for the device and reports once PACE_SECONDS of work are under way. */
static siren_status keep_pace(siren_trainer *trainer, siren_pace *pace, bool last, double done, double total,
                              siren_progress_fn progress, void *user) {
    if (!last && pace->flops < trainer->flops_per_second * PACE_SECONDS) return SIREN_OK;
    SIREN_RETURN_IF_FAILED(siren_device_finish(trainer->device));
    double now = siren_clock();
    if (now > pace->since) trainer->flops_per_second = pace->flops / (now - pace->since);
    *pace = (siren_pace){0, now};
    if (progress && !progress(user, done, total, "epochs"))
        return siren_fail(SIREN_CANCELLED, "training was interrupted");
    return SIREN_OK;
}

static siren_status finish_epoch(siren_trainer *trainer) {
    siren_gradient *gradient = trainer->gradient;
    SIREN_RETURN_IF_FAILED(SIREN_LAUNCH(
        trainer->loss, ((siren_range){.global = {trainer->n_networks}}), SIREN_BUFFER(trainer->state),
        SIREN_BUFFER(trainer->history), SIREN_BUFFER(gradient->partial_losses),
        SIREN_INT((int)trainer->n_networks), SIREN_INT((int)gradient->n_parts),
        SIREN_INT((int)trainer->max_epochs), SIREN_INT((int)trainer->n_epochs)));
    siren_range vectors = {.global = {trainer->n_padded / 16, trainer->n_networks},
                           .local = {siren_element_group(trainer->device)}};
    SIREN_RETURN_IF_FAILED(SIREN_LAUNCH(trainer->snapshot, vectors, SIREN_BUFFER(trainer->best),
                                        SIREN_BUFFER(trainer->params), SIREN_BUFFER(trainer->state),
                                        SIREN_INT((int)trainer->n_padded)));
    trainer->n_epochs++;
    return trainer->optimiser->step(trainer->optimiser, trainer->params, gradient->partial_gradients,
                                    gradient->n_parts, trainer->state);
}

siren_status siren_trainer_run(siren_trainer *trainer, size_t n_epochs, siren_progress_fn progress,
                               void *user) {
    siren_gradient *gradient = trainer->gradient;
    siren_pace pace = {0, siren_clock()};
    size_t end = trainer->n_epochs + n_epochs;
    if (end > trainer->max_epochs) end = trainer->max_epochs;
    while (trainer->n_epochs < end) {
        SIREN_RETURN_IF_FAILED(gradient->begin(gradient, trainer->params));
        for (size_t tile = 0; tile < gradient->n_tiles; tile++) {
            SIREN_RETURN_IF_FAILED(gradient->tile(gradient, trainer->params, trainer->targets, tile));
            pace.flops += gradient->tile_flops;
            if (tile + 1 == gradient->n_tiles) SIREN_RETURN_IF_FAILED(finish_epoch(trainer));
            SIREN_RETURN_IF_FAILED(keep_pace(trainer, &pace, trainer->n_epochs == end,
                                             (double)trainer->n_epochs, (double)end, progress, user));
        }
    }
    return SIREN_OK;
}

static siren_status read_networks(siren_trainer *trainer, siren_buffer *buffer, float *params) {
    siren_status status = SIREN_OK;
    float *padded = NULL;
    size_t n_bytes = trainer->n_padded * sizeof *padded;
    SIREN_TRY(siren_allocate(&padded, trainer->n_padded, sizeof *padded, "the padded parameters"));
    for (size_t network = 0; network < trainer->n_networks; network++) {
        SIREN_TRY(siren_buffer_read(buffer, network * n_bytes, padded, n_bytes));
        siren_network_unpad(&trainer->network, padded, params + network * trainer->n_params);
    }
done:
    free(padded);
    return status;
}

siren_status siren_trainer_params(siren_trainer *trainer, float *params) {
    return read_networks(trainer, trainer->params, params);
}

siren_status siren_trainer_best(siren_trainer *trainer, float *params, float *losses) {
    if (params) SIREN_RETURN_IF_FAILED(read_networks(trainer, trainer->best, params));
    for (size_t network = 0; losses && network < trainer->n_networks; network++)
        SIREN_RETURN_IF_FAILED(siren_buffer_read(
            trainer->state, (network * SIREN_STATE_FIELDS + SIREN_STATE_BEST_LOSS) * sizeof *losses,
            &losses[network], sizeof *losses));
    return SIREN_OK;
}

siren_status siren_trainer_history(siren_trainer *trainer, float *losses) {
    for (size_t network = 0; network < trainer->n_networks; network++)
        SIREN_RETURN_IF_FAILED(
            siren_buffer_read(trainer->history, network * trainer->max_epochs * sizeof *losses,
                              losses + network * trainer->n_epochs, trainer->n_epochs * sizeof *losses));
    return SIREN_OK;
}
