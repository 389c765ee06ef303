#include "engine/trainer.h"

#include "engine/gradient.h"

#include <math.h>
#include <stdlib.h>

/* Seconds of enqueued work between two looks at the progress callback. */
#define PACE_SECONDS 0.1
#define UPLOAD_BYTES ((size_t)4 << 20) /* of targets that are padded at once */

struct siren_trainer {
    siren_device *device;
    siren_network network;
    size_t n_networks, n_points, max_epochs, n_epochs;
    size_t n_params, n_padded, n_outputs, out_padded;
    float rate;           /* of networks that are given none */
    size_t target_points; /* in `targets`: n_points, or those of a tile if they are read anew in each epoch */
    siren_target_source source;
    float *staged; /* (target_points, out_padded) of a tile to come; NULL where `targets` holds all points */
    size_t staged_tile; /* n_tiles: none */
    siren_buffer *table, *w0, *coordinates;
    siren_buffer *params, *best; /* (n_networks, n_padded) */
    siren_buffer *targets;       /* (n_networks, target_points, out_padded) */
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

/* Beside the gradient and the targets. */
static size_t held_bytes(const siren_trainer *trainer) {
    return 2 * siren_buffer_bytes(trainer->params) + siren_buffer_bytes(trainer->coordinates) +
           siren_buffer_bytes(trainer->history) + trainer->optimiser->n_bytes;
}

/* Room for the targets of all points, or of one network's tile on the device and in staging. */
static siren_status create_targets(siren_trainer *trainer, size_t memory_limit) {
    const siren_device_facts *facts = siren_device_get_facts(trainer->device);
    size_t point_bytes = trainer->out_padded * sizeof(float);
    size_t all = trainer->n_networks * trainer->n_points * point_bytes;
    size_t held = held_bytes(trainer) + trainer->gradient->n_bytes,
           left = siren_memory_left(memory_limit, held);
    trainer->target_points = trainer->n_points;
    if (all <= left && all <= facts->max_allocation_bytes) {
        siren_status status = siren_buffer_create(trainer->device, all, "the targets", &trainer->targets);
        if (status != SIREN_DEVICE_MEMORY || trainer->n_networks > 1) return status;
    }
    if (trainer->n_networks > 1)
        return siren_fail(
            SIREN_DEVICE_MEMORY,
            "%zu networks with %zu bytes of targets do not fit into the %zu bytes that the device %s "
            "and the memory limit leave; train fewer at once",
            trainer->n_networks, all, left < facts->max_allocation_bytes ? left : facts->max_allocation_bytes,
            facts->name);
    trainer->target_points = trainer->gradient->tile_points;
    size_t tile = trainer->target_points * point_bytes;
    if (2 * tile > left)
        return siren_fail(
            SIREN_UNSUPPORTED,
            "training a network of %zu parameters needs %zu bytes, more than the %zu that the memory limit "
            "leaves; raise --memory, or use a smaller network",
            trainer->n_params, held + 2 * tile, memory_limit);
    SIREN_RETURN_IF_FAILED(
        siren_allocate(&trainer->staged, trainer->target_points, point_bytes, "a tile of targets"));
    return siren_buffer_create(trainer->device, tile, "a tile of targets", &trainer->targets);
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
    SIREN_TRY(create_network_buffers(trainer, plan->coordinates));
    SIREN_TRY(siren_buffer_create(device, param_bytes, "the parameters", &trainer->params));
    SIREN_TRY(siren_buffer_create(device, param_bytes, "the best parameters", &trainer->best));
    SIREN_TRY(siren_buffer_create(device, trainer->n_networks * SIREN_STATE_FIELDS * sizeof(float),
                                  "the training state", &trainer->state));
    SIREN_TRY(siren_buffer_create(device, trainer->n_networks * trainer->max_epochs * sizeof(float),
                                  "the loss history", &trainer->history));
    SIREN_TRY(siren_kernel_create(device, "epoch.cl", "", "epoch_loss", &trainer->loss));
    SIREN_TRY(siren_kernel_create(device, "epoch.cl", "", "epoch_snapshot", &trainer->snapshot));
    SIREN_TRY(
        siren_adam_create(device, trainer->n_networks, trainer->n_padded, &plan->adam, &trainer->optimiser));
    size_t memory_left = siren_memory_left(plan->memory_limit, held_bytes(trainer));
    if (memory_left == 0) memory_left = 1; /* the least tile, which is then refused: 0 would be no limit */
    siren_gradient_shape shape = {.device = device,
                                  .network = &trainer->network,
                                  .n_networks = trainer->n_networks,
                                  .n_points = trainer->n_points,
                                  .table = trainer->table,
                                  .w0 = trainer->w0,
                                  .coordinates = trainer->coordinates,
                                  .memory_limit = memory_left};
    SIREN_TRY(siren_gradient_create(&shape, &trainer->gradient));
    SIREN_TRY(create_targets(trainer, plan->memory_limit));
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
    free(trainer->staged);
    free(trainer);
}

/* Reads rows of targets, padded with NaN (no data) to the width that the kernels read. */
static siren_status read_targets(const siren_trainer *trainer, size_t network, size_t first, size_t n,
                                 float *rows) {
    size_t pitch = trainer->out_padded;
    SIREN_RETURN_IF_FAILED(trainer->source.read(trainer->source.user, network, first, n, pitch, rows));
    for (size_t i = 0; i < n; i++)
        for (size_t j = trainer->n_outputs; j < pitch; j++) rows[i * pitch + j] = NAN;
    return SIREN_OK;
}

/* Goes through the targets of a network once: counts those that are data, and uploads them if there is room for all. */
static siren_status survey_targets(siren_trainer *trainer, size_t network, size_t *n_data) {
    siren_status status = SIREN_OK;
    float *rows = NULL;
    size_t n_points = trainer->n_points, row_bytes = trainer->out_padded * sizeof *rows, count = 0;
    size_t chunk = UPLOAD_BYTES > row_bytes ? UPLOAD_BYTES / row_bytes : 1;
    if (chunk > n_points) chunk = n_points;
    SIREN_TRY(siren_allocate(&rows, chunk, row_bytes, "padded targets"));
    for (size_t first = 0; first < n_points; first += chunk) {
        size_t n = n_points - first < chunk ? n_points - first : chunk;
        SIREN_TRY(read_targets(trainer, network, first, n, rows));
        for (size_t i = 0; i < n * trainer->out_padded; i++) count += !isnan(rows[i]);
        if (!trainer->staged)
            SIREN_TRY(siren_buffer_write(trainer->targets, (network * n_points + first) * row_bytes, rows,
                                         n * row_bytes));
    }
    *n_data = count;
done:
    free(rows);
    return status;
}

static siren_status start_network(siren_trainer *trainer, size_t network, float rate) {
    size_t n_data = 0;
    SIREN_RETURN_IF_FAILED(survey_targets(trainer, network, &n_data));
    float state[SIREN_STATE_FIELDS] = {0};
    state[SIREN_STATE_SCALE] = n_data ? (float)(1.0 / (double)n_data) : 0.0f;
    state[SIREN_STATE_BEST_LOSS] = INFINITY;
    state[SIREN_STATE_RATE] = rate;
    return siren_buffer_write(trainer->state, network * sizeof state, state, sizeof state);
}

siren_status siren_trainer_start(siren_trainer *trainer, const float *params,
                                 const siren_target_source *targets, const float *rates) {
    siren_status status = SIREN_OK;
    float *padded = NULL;
    size_t n_bytes = trainer->n_padded * sizeof *padded;
    trainer->source = *targets;
    trainer->staged_tile = trainer->gradient->n_tiles;
    SIREN_TRY(siren_allocate(&padded, trainer->n_padded, sizeof *padded, "the padded parameters"));
    for (size_t network = 0; network < trainer->n_networks; network++) {
        siren_network_pad(&trainer->network, params + network * trainer->n_params, padded);
        SIREN_TRY(siren_buffer_write(trainer->params, network * n_bytes, padded, n_bytes));
        SIREN_TRY(siren_buffer_write(trainer->best, network * n_bytes, padded, n_bytes));
        SIREN_TRY(start_network(trainer, network, rates ? rates[network] : trainer->rate));
    }
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

/* ---- targets read anew in each epoch ---- */

static size_t tile_begin(const siren_trainer *trainer, size_t tile) {
    return tile * trainer->gradient->tile_points;
}

static size_t tile_size(const siren_trainer *trainer, size_t tile) {
    size_t rest = trainer->n_points - tile_begin(trainer, tile);
    return rest < trainer->target_points ? rest : trainer->target_points;
}

/* Reads the targets of a tile unless that has been done. */
static siren_status stage(siren_trainer *trainer, size_t tile) {
    if (trainer->staged_tile == tile) return SIREN_OK;
    trainer->staged_tile = trainer->gradient->n_tiles;
    SIREN_RETURN_IF_FAILED(
        read_targets(trainer, 0, tile_begin(trainer, tile), tile_size(trainer, tile), trainer->staged));
    trainer->staged_tile = tile;
    return SIREN_OK;
}

static siren_status upload_tile(siren_trainer *trainer, size_t tile) {
    SIREN_RETURN_IF_FAILED(stage(trainer, tile));
    return siren_buffer_write(trainer->targets, 0, trainer->staged,
                              tile_size(trainer, tile) * trainer->out_padded * sizeof *trainer->staged);
}

/* Enqueues a tile's work, and the rest of the epoch after the last one. */
static siren_status run_tile(siren_trainer *trainer, size_t tile) {
    siren_gradient *gradient = trainer->gradient;
    if (trainer->staged) SIREN_RETURN_IF_FAILED(upload_tile(trainer, tile));
    SIREN_RETURN_IF_FAILED(gradient->tile(gradient, trainer->params, trainer->targets,
                                          trainer->staged ? tile_begin(trainer, tile) : 0, tile));
    return tile + 1 == gradient->n_tiles ? finish_epoch(trainer) : SIREN_OK;
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
            SIREN_RETURN_IF_FAILED(run_tile(trainer, tile));
            pace.flops += gradient->tile_flops;
            bool over = trainer->n_epochs == end;
            if (trainer->staged && !over) /* while the device works */
                SIREN_RETURN_IF_FAILED(stage(trainer, (tile + 1) % gradient->n_tiles));
            SIREN_RETURN_IF_FAILED(
                keep_pace(trainer, &pace, over, (double)trainer->n_epochs, (double)end, progress, user));
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
