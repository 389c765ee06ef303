#include "engine/train/trainer.h"

#include "cl/knobs.h"
#include "engine/kernels/network_on_device.h"
#include "engine/train/gradient.h"
#include "engine/train/pace.h"
#include "engine/train/sampler.h"

#include <math.h>
#include <stdlib.h>

struct siren_trainer {
    siren_device *device;
    siren_network network;
    size_t n_networks, n_points, max_epochs, n_epochs, n_kept;
    size_t epoch_points; /* seen in an epoch */
    size_t n_params, n_padded, n_outputs, out_padded;
    float rate; /* of networks that are given none */
    siren_schedule schedule;
    double gain;        /* dB; 0: none ends early */
    size_t gain_epochs; /* over which it is judged */
    size_t n_active;    /* networks that have not ended: the first places of all buffers */
    size_t *place;      /* (n_networks) of each network there */
    size_t *ended;      /* (n_networks) epochs run by each that has ended; 0: it has not */
    float *judged;      /* (n_networks) lowest loss of each at the last judgement */
    siren_target_source source;
    float *staged; /* (tile_points, out_padded) of a tile to come; NULL where `targets` holds all points */
    size_t staged_tile;                                  /* n_tiles: none */
    siren_sampler *sampler;                              /* NULL: an epoch sees all points; else */
    siren_buffer *sampled_coordinates, *sampled_targets; /* (., epoch_points, .); no targets if `staged` */
    siren_buffer *table, *w0, *coordinates;
    siren_buffer *params, *best; /* (n_networks, n_padded) */
    siren_buffer *targets;       /* (n_networks, n_points, out_padded), or (tile_points, out_padded) */
    siren_buffer *state;         /* (n_networks, SIREN_STATE_FIELDS) */
    siren_buffer *history;       /* (n_networks, n_kept) losses, of all epochs or of the last */
    siren_kernel *loss, *snapshot;
    siren_gradient *gradient;
    siren_optimiser *optimiser;
    siren_pace pace;
};

static siren_status create_buffers(siren_trainer *trainer, const float *coordinates) {
    siren_device *device = trainer->device;
    const siren_network *network = &trainer->network;
    size_t n_networks = trainer->n_networks,
           coordinate_bytes = trainer->n_points * network->n_inputs * sizeof(float),
           param_bytes = n_networks * trainer->n_padded * sizeof(float);
    SIREN_TRY(siren_network_upload(network, device, &trainer->table, &trainer->w0));
    SIREN_TRY(siren_buffer_create(device, coordinate_bytes, "the coordinates", &trainer->coordinates));
    SIREN_TRY(siren_buffer_write(trainer->coordinates, 0, coordinates, coordinate_bytes));
    SIREN_TRY(siren_buffer_create(device, param_bytes, "the parameters", &trainer->params));
    SIREN_TRY(siren_buffer_create(device, param_bytes, "the best parameters", &trainer->best));
    SIREN_TRY(siren_buffer_create(device, n_networks * SIREN_STATE_FIELDS * sizeof(float),
                                  "the training state", &trainer->state));
    return siren_buffer_create(device, n_networks * trainer->n_kept * sizeof(float), "the loss history",
                               &trainer->history);
}

static siren_status create_sampler(siren_trainer *trainer) {
    size_t bytes = trainer->epoch_points * trainer->network.n_inputs * sizeof(float);
    SIREN_TRY(siren_sampler_create(trainer->device, &trainer->network, trainer->n_points,
                                   trainer->epoch_points, &trainer->sampler));
    return siren_buffer_create(trainer->device, bytes, "an epoch's coordinates",
                               &trainer->sampled_coordinates);
}

/* Beside the gradient and the targets. */
static size_t held_bytes(const siren_trainer *trainer) {
    size_t bytes = 2 * siren_buffer_bytes(trainer->params) + siren_buffer_bytes(trainer->coordinates) +
                   siren_buffer_bytes(trainer->history) + trainer->optimiser->n_bytes;
    if (!trainer->sampler) return bytes;
    return bytes + siren_sampler_bytes(trainer->sampler) + siren_buffer_bytes(trainer->sampled_coordinates);
}

/* Zeroed: some drivers find room only when a buffer is first used. */
static siren_status create_at_once(siren_trainer *trainer, size_t bytes, const char *what,
                                   siren_buffer **out) {
    SIREN_TRY(siren_buffer_create(trainer->device, bytes, what, out));
    SIREN_TRY(siren_buffer_zero(*out));
    return siren_device_finish(trainer->device);
}

/* Targets of all points on the device, and room for those of an epoch. DEVICE_MEMORY where there is no room, or less
 * `left` by the memory limit (`*limited`). */
static siren_status create_resident_targets(siren_trainer *trainer, size_t left, bool *limited) {
    size_t row_bytes = trainer->n_networks * trainer->out_padded * sizeof(float);
    size_t all = trainer->n_points * row_bytes,
           sampled = trainer->sampler ? trainer->epoch_points * row_bytes : 0;
    *limited = all + sampled > left;
    if (*limited)
        return siren_fail(
            SIREN_DEVICE_MEMORY,
            "%zu bytes of targets of %zu networks are more than the %zu that the memory limit leaves; "
            "train fewer at once, or raise --memory",
            all + sampled, trainer->n_networks, left);
    SIREN_TRY(create_at_once(trainer, all, "the targets", &trainer->targets));
    if (sampled == 0) return SIREN_OK;
    return create_at_once(trainer, sampled, "an epoch's targets", &trainer->sampled_targets);
}

/* Room for the targets of a tile of one network, on the device and in staging. */
static siren_status create_tile_targets(siren_trainer *trainer, size_t held, size_t memory_limit) {
    size_t left = siren_memory_left(memory_limit, held), row_bytes = trainer->out_padded * sizeof(float),
           tile_points = trainer->gradient->tile_points;
    if (2 * tile_points * row_bytes > left)
        return siren_fail(
            SIREN_UNSUPPORTED,
            "training a network of %zu parameter%s needs %zu byte%s, more than the %zu that the memory limit "
            "leaves; raise --memory, or use a smaller network",
            trainer->n_params, siren_plural(trainer->n_params), held + 2 * tile_points * row_bytes,
            siren_plural(held + 2 * tile_points * row_bytes), memory_limit);
    siren_buffer_free(trainer->targets);
    siren_buffer_free(trainer->sampled_targets);
    trainer->targets = trainer->sampled_targets = NULL;
    SIREN_TRY(siren_allocate(&trainer->staged, tile_points, row_bytes, "a tile of targets"));
    return siren_buffer_create(trainer->device, tile_points * row_bytes, "a tile of targets",
                               &trainer->targets);
}

static siren_status create_targets(siren_trainer *trainer, size_t memory_limit) {
    size_t held = held_bytes(trainer) + trainer->gradient->n_bytes,
           left = siren_memory_left(memory_limit, held);
    bool limited;
    siren_status status = create_resident_targets(trainer, left, &limited);
    if (status != SIREN_DEVICE_MEMORY || trainer->n_networks > 1) return status;
    siren_log(limited ? SIREN_LOG_INFO : SIREN_LOG_WARNING, "%s; its targets are read anew in each epoch",
              siren_message());
    return create_tile_targets(trainer, held, memory_limit);
}

static siren_status create_gradient(siren_trainer *trainer, size_t memory_limit) {
    size_t left = siren_memory_left(memory_limit, held_bytes(trainer));
    siren_gradient_plan shape = {
        .device = trainer->device,
        .network = &trainer->network,
        .n_networks = trainer->n_networks,
        .n_points = trainer->epoch_points,
        .table = trainer->table,
        .w0 = trainer->w0,
        .coordinates = trainer->sampler ? trainer->sampled_coordinates : trainer->coordinates,
        .memory_limit = left > 0 ? left : 1 /* the least tile, which is then refused: 0 would be no limit */};
    return siren_gradient_create(&shape, &trainer->gradient);
}

static siren_status check_plan(const siren_trainer_plan *plan) {
    SIREN_TRY(siren_network_check(plan->network, "the network", SIREN_USAGE));
    if (plan->n_networks > 0 && plan->n_points > 0 && plan->n_points <= SIREN_MAX_POINTS &&
        plan->max_epochs <= INT32_MAX)
        return SIREN_OK;
    return siren_fail(SIREN_USAGE,
                      "cannot train %zu network%s on %zu point%s for %zu epoch%s: at least one network and "
                      "point, at most %d",
                      plan->n_networks, siren_plural(plan->n_networks), plan->n_points,
                      siren_plural(plan->n_points), plan->max_epochs, siren_plural(plan->max_epochs),
                      SIREN_MAX_POINTS);
}

siren_status siren_trainer_create(siren_device *device, const siren_trainer_plan *plan, siren_trainer **out) {
    SIREN_AT_END(siren_trainer_free_at) siren_trainer *trainer = NULL;
    SIREN_TRY(check_plan(plan));
    SIREN_TRY(siren_allocate(&trainer, 1, sizeof *trainer, "the trainer"));
    trainer->device = device;
    trainer->network = *plan->network;
    trainer->n_networks = plan->n_networks;
    trainer->n_points = trainer->epoch_points = plan->n_points;
    if (plan->points_per_epoch && plan->points_per_epoch < plan->n_points)
        trainer->epoch_points = plan->points_per_epoch;
    trainer->max_epochs = plan->max_epochs;
    trainer->n_kept = plan->last_loss_only ? 1 : plan->max_epochs;
    trainer->n_params = siren_network_n_params(plan->network);
    trainer->n_padded = siren_network_n_padded(plan->network);
    trainer->n_outputs = siren_network_n_outputs(plan->network);
    trainer->out_padded = SIREN_PADDED(trainer->n_outputs);
    trainer->rate = plan->adam.rate;
    trainer->schedule = plan->schedule;
    trainer->gain = plan->gain;
    trainer->gain_epochs = plan->gain_epochs;
    SIREN_TRY(siren_allocate(&trainer->place, plan->n_networks, sizeof *trainer->place, "the batch"));
    SIREN_TRY(siren_allocate(&trainer->ended, plan->n_networks, sizeof *trainer->ended, "the batch"));
    SIREN_TRY(siren_allocate(&trainer->judged, plan->n_networks, sizeof *trainer->judged, "the batch"));

    SIREN_TRY(create_buffers(trainer, plan->coordinates));
    SIREN_TRY(siren_epoch_kernel_create(device, plan->network, "epoch_loss", &trainer->loss));
    SIREN_TRY(siren_epoch_kernel_create(device, plan->network, "epoch_snapshot", &trainer->snapshot));
    if (plan->optimiser == SIREN_OPTIMISER_SOAP)
        SIREN_TRY(siren_soap_create(device, plan->network, trainer->n_networks, &plan->adam, plan->refresh,
                                    &trainer->optimiser));
    else
        SIREN_TRY(
            siren_adam_create(device, plan->network, trainer->n_networks, &plan->adam, &trainer->optimiser));
    if (trainer->epoch_points < trainer->n_points) SIREN_TRY(create_sampler(trainer));
    SIREN_TRY(create_gradient(trainer, plan->memory_limit));
    SIREN_TRY(create_targets(trainer, plan->memory_limit));
    *out = SIREN_TAKE(trainer);
    return SIREN_OK;
}

void siren_trainer_free(siren_trainer *trainer) {
    if (!trainer) return;
    siren_gradient_free_at(&trainer->gradient);
    siren_optimiser_free_at(&trainer->optimiser);
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
    siren_buffer_free(trainer->sampled_coordinates);
    siren_buffer_free(trainer->sampled_targets);
    siren_sampler_free(trainer->sampler);
    free(trainer->staged);
    free(trainer->place);
    free(trainer->ended);
    free(trainer->judged);
    free(trainer);
}

/* Reads rows of targets, padded with NaN (no data) to the width that the kernels read. */
static siren_status read_targets(const siren_trainer *trainer, size_t network, size_t first, size_t n,
                                 float *rows) {
    size_t pitch = trainer->out_padded;
    SIREN_TRY(trainer->source.read(trainer->source.user, network, first, n, pitch, rows));
    for (size_t i = 0; i < n; i++)
        for (size_t j = trainer->n_outputs; j < pitch; j++) rows[i * pitch + j] = NAN;
    return SIREN_OK;
}

/* Goes through the targets of a network once: counts those that are data, and uploads them if there is room for all. */
static siren_status survey_targets(siren_trainer *trainer, size_t network, size_t *n_data) {
    SIREN_FREE_AT_END float *rows = NULL;
    size_t n_points = trainer->n_points, row_bytes = trainer->out_padded * sizeof *rows, count = 0;
    size_t chunk = SIREN_UPLOAD_BYTES > row_bytes ? SIREN_UPLOAD_BYTES / row_bytes : 1;
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
    return SIREN_OK;
}

static siren_status start_network(siren_trainer *trainer, size_t network, float rate) {
    size_t n_data = 0;
    SIREN_TRY(survey_targets(trainer, network, &n_data));
    float state[SIREN_STATE_FIELDS] = {0};
    double share = (double)trainer->epoch_points / (double)trainer->n_points;
    state[SIREN_STATE_SCALE] = n_data ? (float)(1.0 / (share * (double)n_data)) : 0.0f;
    state[SIREN_STATE_BEST_LOSS] = INFINITY;
    state[SIREN_STATE_RATE] = rate;
    return siren_buffer_write(trainer->state, network * sizeof state, state, sizeof state);
}

siren_status siren_trainer_start(siren_trainer *trainer, const float *params,
                                 const siren_target_source *targets, const float *rates) {
    SIREN_FREE_AT_END float *padded = NULL;
    size_t n_bytes = trainer->n_padded * sizeof *padded;
    trainer->source = *targets;
    trainer->staged_tile = trainer->gradient->n_tiles;
    SIREN_TRY(siren_allocate(&padded, trainer->n_padded, sizeof *padded, "the padded parameters"));
    for (size_t network = 0; network < trainer->n_networks; network++) {
        siren_network_pad(&trainer->network, params + network * trainer->n_params, padded);
        SIREN_TRY(siren_buffer_write(trainer->params, network * n_bytes, padded, n_bytes));
        SIREN_TRY(siren_buffer_write(trainer->best, network * n_bytes, padded, n_bytes));
        SIREN_TRY(start_network(trainer, network, rates ? rates[network] : trainer->rate));
        trainer->place[network] = network;
        trainer->ended[network] = 0;
        trainer->judged[network] = INFINITY;
    }
    SIREN_TRY(trainer->optimiser->restart(trainer->optimiser));
    trainer->gradient->keep(trainer->gradient, trainer->n_networks);
    trainer->n_active = trainer->n_networks;
    trainer->n_epochs = 0;
    return SIREN_OK;
}

/* ---- networks that end early ---- */

static siren_status swap_rows(siren_buffer *buffer, size_t n_bytes, size_t a, size_t b) {
    SIREN_FREE_AT_END uint8_t *rows = NULL;
    SIREN_TRY(siren_allocate(&rows, 2, n_bytes, "two networks"));
    SIREN_TRY(siren_buffer_read(buffer, a * n_bytes, rows, n_bytes));
    SIREN_TRY(siren_buffer_read(buffer, b * n_bytes, rows + n_bytes, n_bytes));
    SIREN_TRY(siren_buffer_write(buffer, a * n_bytes, rows + n_bytes, n_bytes));
    return siren_buffer_write(buffer, b * n_bytes, rows, n_bytes);
}

/* Takes a network out of what is launched: the last active one gets its place, and it the last. */
static siren_status end_network(siren_trainer *trainer, size_t network) {
    size_t place = trainer->place[network], last = trainer->n_active - 1, other = 0,
           target_bytes = trainer->n_points * trainer->out_padded * sizeof(float);
    SIREN_TRY(trainer->optimiser->leave(trainer->optimiser, place));
    if (place != last) { /* of several, all targets lie on the device */
        SIREN_TRY(swap_rows(trainer->params, trainer->n_padded * sizeof(float), place, last));
        SIREN_TRY(swap_rows(trainer->best, trainer->n_padded * sizeof(float), place, last));
        SIREN_TRY(swap_rows(trainer->state, SIREN_STATE_FIELDS * sizeof(float), place, last));
        SIREN_TRY(swap_rows(trainer->history, trainer->n_kept * sizeof(float), place, last));
        SIREN_TRY(
            siren_buffer_copy(trainer->targets, last * target_bytes, place * target_bytes, target_bytes));
        while (trainer->place[other] != last) other++;
        trainer->place[other] = place;
        trainer->place[network] = last;
    }
    trainer->ended[network] = trainer->n_epochs;
    if (--trainer->n_active > 0) trainer->gradient->keep(trainer->gradient, trainer->n_active);
    return SIREN_OK;
}

static siren_status read_best_loss(const siren_trainer *trainer, size_t network, float *out) {
    size_t at = trainer->place[network] * SIREN_STATE_FIELDS + SIREN_STATE_BEST_LOSS;
    return siren_buffer_read(trainer->state, at * sizeof *out, out, sizeof *out);
}

/* After an epoch: ends networks that gained too little, those without a finite loss among them. */
static siren_status judge(siren_trainer *trainer) {
    const double least_fall = pow(10, trainer->gain / 10);
    if (!(trainer->gain > 0) || trainer->n_epochs % trainer->gain_epochs != 0) return SIREN_OK;
    for (size_t network = 0; network < trainer->n_networks; network++) {
        float best = 0;
        if (trainer->ended[network]) continue;
        SIREN_TRY(read_best_loss(trainer, network, &best));
        bool gained = (double)trainer->judged[network] >= least_fall * (double)best;
        trainer->judged[network] = best;
        if (!gained || best == 0 || isinf(best)) SIREN_TRY(end_network(trainer, network));
    }
    return SIREN_OK;
}

size_t siren_trainer_n_active(const siren_trainer *trainer) { return trainer->n_active; }

size_t siren_trainer_epochs(const siren_trainer *trainer, size_t network) {
    return trainer->ended[network] ? trainer->ended[network] : trainer->n_epochs;
}

/* ---- epochs ---- */

static siren_status finish_epoch(siren_trainer *trainer) {
    siren_gradient *gradient = trainer->gradient;
    SIREN_TRY(SIREN_LAUNCH(trainer->loss, ((siren_range){.global = {trainer->n_active}}),
                           SIREN_BUFFER(trainer->state), SIREN_BUFFER(trainer->history),
                           SIREN_BUFFER(gradient->partial_losses), SIREN_INT((int)trainer->n_active),
                           SIREN_INT((int)gradient->n_parts), SIREN_INT((int)trainer->n_kept),
                           SIREN_INT((int)(trainer->n_epochs % trainer->n_kept))));
    siren_range vectors = {.global = {trainer->n_padded / 16, trainer->n_active},
                           .local = {siren_element_group(trainer->device)}};
    SIREN_TRY(SIREN_LAUNCH(trainer->snapshot, vectors, SIREN_BUFFER(trainer->best),
                           SIREN_BUFFER(trainer->params), SIREN_BUFFER(trainer->state),
                           SIREN_INT((int)trainer->n_padded)));
    float factor = siren_schedule_factor(&trainer->schedule, trainer->n_epochs++, trainer->max_epochs);
    return trainer->optimiser->step(trainer->optimiser, trainer->params, gradient->partial_gradients,
                                    gradient->n_parts, trainer->state, factor);
}

/* ---- targets of an epoch ---- */

static size_t tile_begin(const siren_trainer *trainer, size_t tile) {
    return tile * trainer->gradient->tile_points;
}

static size_t tile_size(const siren_trainer *trainer, size_t tile) {
    size_t rest = trainer->epoch_points - tile_begin(trainer, tile);
    return rest < trainer->gradient->tile_points ? rest : trainer->gradient->tile_points;
}

/* Reads the targets of a tile of this epoch unless that has been done. */
static siren_status stage(siren_trainer *trainer, size_t tile) {
    size_t begin = tile_begin(trainer, tile), n = tile_size(trainer, tile);
    if (trainer->staged_tile == tile) return SIREN_OK;
    trainer->staged_tile = trainer->gradient->n_tiles;
    if (trainer->sampler)
        for (size_t i = 0; i < n; i++)
            SIREN_TRY(read_targets(trainer, 0,
                                   siren_sampler_point(trainer->sampler, trainer->n_epochs, begin + i), 1,
                                   trainer->staged + i * trainer->out_padded));
    else
        SIREN_TRY(read_targets(trainer, 0, begin, n, trainer->staged));
    trainer->staged_tile = tile;
    return SIREN_OK;
}

static siren_status upload_tile(siren_trainer *trainer, size_t tile) {
    SIREN_TRY(stage(trainer, tile));
    trainer->staged_tile = trainer->gradient->n_tiles;
    return siren_buffer_write(trainer->targets, 0, trainer->staged,
                              tile_size(trainer, tile) * trainer->out_padded * sizeof *trainer->staged);
}

static siren_status begin_epoch(siren_trainer *trainer) {
    if (trainer->sampler)
        SIREN_TRY(siren_sampler_copy(trainer->sampler, trainer->n_epochs, 1, trainer->network.n_inputs,
                                     trainer->coordinates, trainer->sampled_coordinates));
    if (trainer->sampled_targets)
        SIREN_TRY(siren_sampler_copy(trainer->sampler, trainer->n_epochs, trainer->n_active,
                                     trainer->out_padded, trainer->targets, trainer->sampled_targets));
    return trainer->gradient->begin(trainer->gradient, trainer->params);
}

/* Enqueues a tile's work, and the rest of the epoch after the last one. */
static siren_status run_tile(siren_trainer *trainer, size_t tile) {
    siren_gradient *gradient = trainer->gradient;
    if (trainer->staged) SIREN_TRY(upload_tile(trainer, tile));
    SIREN_TRY(gradient->tile(gradient, trainer->params,
                             trainer->sampled_targets ? trainer->sampled_targets : trainer->targets,
                             trainer->staged ? tile_begin(trainer, tile) : 0, tile));
    return tile + 1 == gradient->n_tiles ? finish_epoch(trainer) : SIREN_OK;
}

siren_status siren_trainer_run(siren_trainer *trainer, size_t n_epochs, siren_progress_fn progress,
                               void *user) {
    siren_gradient *gradient = trainer->gradient;
    trainer->pace.flops = 0;
    trainer->pace.since = siren_clock();
    size_t end = trainer->n_epochs + n_epochs;
    if (end > trainer->max_epochs) end = trainer->max_epochs;
    while (trainer->n_epochs < end && trainer->n_active > 0) {
        SIREN_TRY(begin_epoch(trainer));
        for (size_t tile = 0; tile < gradient->n_tiles; tile++) {
            SIREN_TRY(run_tile(trainer, tile));
            trainer->pace.flops += gradient->tile_flops;
            bool over = trainer->n_epochs == end;
            if (trainer->staged && !over) /* while the device works */
                SIREN_TRY(stage(trainer, (tile + 1) % gradient->n_tiles));
            SIREN_TRY(siren_pace_keep(&trainer->pace, trainer->device, over, (double)trainer->n_epochs,
                                      (double)end, "epochs", progress, user));
        }
        SIREN_TRY(judge(trainer));
    }
    return SIREN_OK;
}

static siren_status read_networks(siren_trainer *trainer, siren_buffer *buffer, float *params) {
    SIREN_FREE_AT_END float *padded = NULL;
    size_t n_bytes = trainer->n_padded * sizeof *padded;
    SIREN_TRY(siren_allocate(&padded, trainer->n_padded, sizeof *padded, "the padded parameters"));
    for (size_t network = 0; network < trainer->n_networks; network++) {
        SIREN_TRY(siren_buffer_read(buffer, trainer->place[network] * n_bytes, padded, n_bytes));
        siren_network_unpad(&trainer->network, padded, params + network * trainer->n_params);
    }
    return SIREN_OK;
}

siren_status siren_trainer_params(siren_trainer *trainer, float *params) {
    return read_networks(trainer, trainer->params, params);
}

siren_status siren_trainer_best(siren_trainer *trainer, float *params, float *losses) {
    if (params) SIREN_TRY(read_networks(trainer, trainer->best, params));
    for (size_t network = 0; losses && network < trainer->n_networks; network++)
        SIREN_TRY(read_best_loss(trainer, network, &losses[network]));
    return SIREN_OK;
}

siren_status siren_trainer_history(siren_trainer *trainer, float *losses) {
    size_t n = trainer->n_epochs < trainer->n_kept ? trainer->n_epochs : trainer->n_kept;
    for (size_t network = 0; network < trainer->n_networks; network++) {
        SIREN_TRY(siren_buffer_read(trainer->history,
                                    trainer->place[network] * trainer->n_kept * sizeof *losses,
                                    losses + network * n, n * sizeof *losses));
        for (size_t i = siren_trainer_epochs(trainer, network); i < n; i++) losses[network * n + i] = NAN;
    }
    return SIREN_OK;
}
