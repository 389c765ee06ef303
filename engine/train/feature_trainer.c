#include "engine/train/feature_trainer.h"

#include "cl/knobs.h"
#include "engine/kernels/network_on_device.h"
#include "engine/train/gradient.h"
#include "engine/train/pace.h"
#include "host/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_POINTS 4096     /* asked of a source at once */
#define ORDER_KEY 0x62617463u /* apart from other streams of Philox */
#define POINT_BYTES(n_inputs) (SIREN_POINT_PITCH(n_inputs) * sizeof(float))

struct siren_feature_trainer {
    siren_device *device;
    siren_network network;
    siren_feature_source source;
    siren_schedule schedule;
    float rate;
    uint64_t seed;
    size_t n_points, n_batches; /* of a pass */
    size_t batch_points, n_steps, steps_run;
    size_t n_params, n_padded, held_bytes;
    uint32_t *order; /* (n_batches, batch_points) of the pass under way */
    uint32_t *turns; /* (batch_points + n_batches) from which it is dealt */
    size_t order_pass;
    siren_batch batch;
    float *features, *edges; /* of some points on their way */
    float *
        staged; /* (batch_points, SIREN_POINT_PITCH(n_inputs)) to come; NULL where the device holds all points */
    size_t chunk_points, staged_step; /* room in those before; n_steps: none */
    siren_buffer *table, *w0, *points, *device_order;
    siren_buffer *params, *state, *history; /* (n_padded), (SIREN_STATE_FIELDS), (n_steps) */
    siren_kernel *loss;
    siren_gradient *gradient;
    siren_optimiser *optimiser;
    siren_pace pace;
};

static siren_status read_array(void *user, const uint32_t *points, size_t n, float *features, float *edges) {
    const siren_feature_array *array = user;
    size_t n_inputs = array->n_inputs;
    for (size_t i = 0; i < n; i++) {
        memcpy(features + i * n_inputs, array->features + points[i] * n_inputs, n_inputs * sizeof *features);
        memcpy(edges + 2 * i, array->edges + 2 * (size_t)points[i], 2 * sizeof *edges);
    }
    return SIREN_OK;
}

siren_feature_source siren_feature_array_source(siren_feature_array *array) {
    return (siren_feature_source){read_array, array};
}

/* ---- batches ---- */

static size_t batches_of(const siren_feature_plan *plan) {
    return plan->batch < plan->n_points ? plan->n_points / plan->batch : 1;
}

size_t siren_feature_steps(const siren_feature_plan *plan) {
    double steps = round(plan->passes * (double)batches_of(plan));
    return steps < 1 ? 1 : (size_t)steps;
}

/* 0 ... n - 1; `i` counts the numbers of a pass. */
static uint32_t draw_below(const siren_feature_trainer *trainer, size_t pass, size_t i, size_t n) {
    siren_philox_block counter = {
        {(uint32_t)(i / 4), ORDER_KEY, (uint32_t)pass, (uint32_t)((uint64_t)pass >> 32)}};
    siren_philox_block random =
        siren_philox(counter, (uint32_t)trainer->seed, (uint32_t)(trainer->seed >> 32));
    return (uint32_t)(((uint64_t)random.word[i % 4] * n) >> 32);
}

/* The batches of a pass. Stratum i of n_batches points is turned by a number of its own, and batch b takes of each what
 * then stands at the place that a permutation gives it. Points beyond the strata are left out at either end. */
static void deal_pass(siren_feature_trainer *trainer, size_t pass) {
    size_t n_batches = trainer->n_batches, n = trainer->batch_points;
    uint32_t *turns = trainer->turns, *places = turns + n;
    uint32_t first = draw_below(trainer, pass, 0, trainer->n_points - n * n_batches + 1);
    for (size_t i = 0; i < n; i++) turns[i] = n_batches > 1 ? draw_below(trainer, pass, 1 + i, n_batches) : 0;
    for (size_t b = 0; b < n_batches; b++) { /* Fisher and Yates */
        size_t other = draw_below(trainer, pass, 1 + n + b, b + 1);
        places[b] = places[other];
        places[other] = (uint32_t)b;
    }
    for (size_t b = 0; b < n_batches; b++)
        for (size_t i = 0; i < n; i++) {
            uint32_t at = places[b] + turns[i];
            trainer->order[b * n + i] =
                first + (uint32_t)(i * n_batches) + (at < n_batches ? at : at - (uint32_t)n_batches);
        }
    trainer->order_pass = pass;
}

static siren_status check_points(const siren_feature_trainer *trainer, const uint32_t *points, size_t n,
                                 const float *features, const float *edges) {
    size_t n_inputs = trainer->network.n_inputs;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < n_inputs; k++)
            if (!isfinite(features[i * n_inputs + k]))
                return siren_fail(SIREN_USAGE,
                                  "feature %zu of point %u is %g: networks train on finite features", k,
                                  points[i], (double)features[i * n_inputs + k]);
        if (!(edges[2 * i] < edges[2 * i + 1]))
            return siren_fail(SIREN_USAGE, "the edges of point %u are %g and %g: the first must be less",
                              points[i], (double)edges[2 * i], (double)edges[2 * i + 1]);
    }
    return SIREN_OK;
}

/* Rows of features and edges, as the device has them. */
static siren_status read_points(siren_feature_trainer *trainer, const uint32_t *points, size_t n,
                                float *rows) {
    size_t n_inputs = trainer->network.n_inputs;
    float *features = trainer->features, *edges = trainer->edges;
    for (size_t first = 0, n_chunk; first < n; first += n_chunk) {
        n_chunk = n - first < trainer->chunk_points ? n - first : trainer->chunk_points;
        SIREN_TRY(trainer->source.read(trainer->source.user, points + first, n_chunk, features, edges));
        SIREN_TRY(check_points(trainer, points + first, n_chunk, features, edges));
        for (size_t i = 0; i < n_chunk; i++, rows += SIREN_POINT_PITCH(n_inputs)) {
            memset(rows, 0, POINT_BYTES(n_inputs));
            memcpy(rows, features + i * n_inputs, n_inputs * sizeof *rows);
            memcpy(rows + n_inputs, edges + 2 * i, 2 * sizeof *rows);
        }
    }
    return SIREN_OK;
}

/* Reads the batch of a step unless that has been done. */
static siren_status stage(siren_feature_trainer *trainer, size_t step) {
    if (trainer->staged_step == step) return SIREN_OK;
    trainer->staged_step = trainer->n_steps;
    if (trainer->order_pass != step / trainer->n_batches) deal_pass(trainer, step / trainer->n_batches);
    SIREN_TRY(read_points(trainer, trainer->order + step % trainer->n_batches * trainer->batch_points,
                          trainer->batch_points, trainer->staged));
    trainer->staged_step = step;
    return SIREN_OK;
}

static siren_status upload_batch(siren_feature_trainer *trainer) {
    SIREN_TRY(stage(trainer, trainer->steps_run));
    trainer->staged_step = trainer->n_steps;
    return siren_buffer_write(trainer->points, 0, trainer->staged,
                              trainer->batch_points * POINT_BYTES(trainer->network.n_inputs));
}

static siren_status begin_step(siren_feature_trainer *trainer) {
    size_t pass = trainer->steps_run / trainer->n_batches, n = trainer->batch_points;
    if (trainer->staged) return upload_batch(trainer);
    if (trainer->order_pass != pass) {
        deal_pass(trainer, pass);
        SIREN_TRY(siren_buffer_write(trainer->device_order, 0, trainer->order,
                                     trainer->n_batches * n * sizeof *trainer->order));
    }
    trainer->batch.begin = trainer->steps_run % trainer->n_batches * n;
    return SIREN_OK;
}

/* ---- memory ---- */

/* Zeroed: some drivers find room only when a buffer is first used. */
static siren_status create_zeroed(siren_feature_trainer *trainer, size_t bytes, const char *what,
                                  siren_buffer **out) {
    SIREN_TRY(siren_buffer_create(trainer->device, bytes, what, out));
    SIREN_TRY(siren_buffer_zero(*out));
    return siren_device_finish(trainer->device);
}

static siren_status upload_points(siren_feature_trainer *trainer) {
    SIREN_FREE_AT_END float *rows = NULL;
    SIREN_FREE_AT_END uint32_t *points = NULL;
    size_t row_bytes = POINT_BYTES(trainer->network.n_inputs), chunk = trainer->chunk_points;
    SIREN_TRY(siren_allocate(&rows, chunk, row_bytes, "some points"));
    SIREN_TRY(siren_allocate(&points, chunk, sizeof *points, "some points"));
    for (size_t first = 0; first < trainer->n_points; first += chunk) {
        size_t n = trainer->n_points - first < chunk ? trainer->n_points - first : chunk;
        for (size_t i = 0; i < n; i++) points[i] = (uint32_t)(first + i);
        SIREN_TRY(read_points(trainer, points, n, rows));
        SIREN_TRY(siren_buffer_write(trainer->points, first * row_bytes, rows, n * row_bytes));
    }
    return SIREN_OK;
}

static size_t order_bytes(const siren_feature_trainer *trainer) {
    return trainer->n_batches * trainer->batch_points * sizeof *trainer->order;
}

/* All points on the device. DEVICE_MEMORY where there is no room, or less `left` by the memory limit. */
static siren_status create_resident(siren_feature_trainer *trainer, size_t left) {
    size_t point_bytes = trainer->n_points * POINT_BYTES(trainer->network.n_inputs),
           bytes = point_bytes + order_bytes(trainer);
    if (bytes > left)
        return siren_fail(SIREN_DEVICE_MEMORY,
                          "%zu bytes of features are more than the %zu that the memory limit leaves", bytes,
                          left);
    SIREN_TRY(create_zeroed(trainer, point_bytes, "the features", &trainer->points));
    SIREN_TRY(
        create_zeroed(trainer, order_bytes(trainer), "the order of the points", &trainer->device_order));
    trainer->held_bytes += bytes;
    return upload_points(trainer);
}

static void free_points(siren_feature_trainer *trainer) {
    siren_buffer_free(SIREN_TAKE(trainer->points));
    siren_buffer_free(SIREN_TAKE(trainer->device_order));
}

static size_t staged_bytes(const siren_feature_trainer *trainer) {
    return trainer->batch_points * (2 * POINT_BYTES(trainer->network.n_inputs) + sizeof(uint32_t));
}

/* Room for one batch on the device and one in staging. Its points are in order. */
static siren_status create_staged(siren_feature_trainer *trainer) {
    size_t n = trainer->batch_points, row_bytes = POINT_BYTES(trainer->network.n_inputs);
    SIREN_FREE_AT_END uint32_t *as_they_are = NULL;
    SIREN_TRY(siren_allocate(&as_they_are, n, sizeof *as_they_are, "the order of a batch"));
    for (size_t i = 0; i < n; i++) as_they_are[i] = (uint32_t)i;
    SIREN_TRY(siren_allocate(&trainer->staged, n, row_bytes, "a batch of points"));
    SIREN_TRY(create_zeroed(trainer, n * row_bytes, "a batch of points", &trainer->points));
    SIREN_TRY(create_zeroed(trainer, n * sizeof(uint32_t), "the order of a batch", &trainer->device_order));
    trainer->held_bytes += staged_bytes(trainer);
    return siren_buffer_write(trainer->device_order, 0, as_they_are, n * sizeof *as_they_are);
}

static siren_status create_points(siren_feature_trainer *trainer, size_t memory_limit) {
    size_t left = siren_memory_left(memory_limit, trainer->held_bytes);
    siren_status status = create_resident(trainer, left);
    if (status != SIREN_DEVICE_MEMORY) return status;
    siren_log(SIREN_LOG_INFO, "%s; features are read anew for each step", siren_message());
    free_points(trainer);
    if (staged_bytes(trainer) > left)
        return siren_fail(
            SIREN_UNSUPPORTED,
            "training on batches of %zu points with %u features needs %zu bytes, more than the limit of "
            "%zu; raise --memory, or use smaller batches",
            trainer->batch_points, trainer->network.n_inputs, trainer->held_bytes + staged_bytes(trainer),
            memory_limit);
    return create_staged(trainer);
}

static siren_status create_gradient(siren_feature_trainer *trainer, size_t memory_limit) {
    /* The families hold activations of a part of what is left beside a batch; 1, which they refuse: 0 would be no
     * limit. */
    size_t left = siren_memory_left(memory_limit, trainer->held_bytes + staged_bytes(trainer));
    siren_gradient_plan shape = {.device = trainer->device,
                                 .network = &trainer->network,
                                 .n_networks = 1,
                                 .n_points = trainer->batch_points,
                                 .table = trainer->table,
                                 .w0 = trainer->w0,
                                 .batch = &trainer->batch,
                                 .memory_limit = left > 0 ? left : 1};
    SIREN_TRY(siren_gradient_create(&shape, &trainer->gradient));
    trainer->held_bytes += trainer->gradient->n_bytes;
    return SIREN_OK;
}

/* ---- the trainer ---- */

static siren_status check_plan(const siren_feature_plan *plan) {
    SIREN_TRY(siren_network_check_features(plan->network, "the network", SIREN_USAGE));
    bool whole =
        plan->n_points >= 1 && plan->n_points <= SIREN_MAX_POINTS && plan->batch >= 1 && plan->n_values >= 1;
    if (whole && plan->passes > 0 && plan->passes * (double)batches_of(plan) < (double)(INT32_MAX / 2))
        return SIREN_OK;
    return siren_fail(SIREN_USAGE,
                      "cannot train on %zu points in batches of %zu for %g passes on integers of %zu values: "
                      "at least one of "
                      "each, at most %d points and steps",
                      plan->n_points, plan->batch, plan->passes, plan->n_values, SIREN_MAX_POINTS);
}

static siren_status create_state(siren_feature_trainer *trainer, const siren_feature_plan *plan) {
    size_t param_bytes = trainer->n_padded * sizeof(float), history_bytes = trainer->n_steps * sizeof(float);
    SIREN_TRY(siren_network_upload(&trainer->network, trainer->device, &trainer->table, &trainer->w0));
    SIREN_TRY(siren_buffer_create(trainer->device, param_bytes, "the parameters", &trainer->params));
    SIREN_TRY(siren_buffer_create(trainer->device, SIREN_STATE_FIELDS * sizeof(float), "the training state",
                                  &trainer->state));
    SIREN_TRY(siren_buffer_create(trainer->device, history_bytes, "the loss history", &trainer->history));
    SIREN_TRY(siren_epoch_kernel_create(trainer->device, &trainer->network, "epoch_loss", &trainer->loss));
    SIREN_TRY(siren_adam_create(trainer->device, &trainer->network, 1, &plan->adam, &trainer->optimiser));
    SIREN_TRY(siren_allocate(&trainer->order, trainer->n_batches,
                             trainer->batch_points * sizeof *trainer->order, "the order of the points"));
    SIREN_TRY(siren_allocate(&trainer->features, trainer->chunk_points,
                             trainer->network.n_inputs * sizeof(float), "some features"));
    SIREN_TRY(siren_allocate(&trainer->edges, trainer->chunk_points, 2 * sizeof(float), "some edges"));
    SIREN_TRY(siren_allocate(&trainer->turns, trainer->batch_points + trainer->n_batches,
                             sizeof *trainer->turns, "the order of the points"));
    trainer->held_bytes =
        trainer->chunk_points * (2 * POINT_BYTES(trainer->network.n_inputs) + sizeof(uint32_t)) +
        param_bytes + history_bytes + trainer->optimiser->n_bytes + order_bytes(trainer) +
        (trainer->batch_points + trainer->n_batches) * sizeof *trainer->turns;
    return SIREN_OK;
}

siren_status siren_feature_trainer_create(siren_device *device, const siren_feature_plan *plan,
                                          siren_feature_trainer **out) {
    SIREN_AT_END(siren_feature_trainer_free_at) siren_feature_trainer *trainer = NULL;
    SIREN_TRY(check_plan(plan));
    SIREN_TRY(siren_allocate(&trainer, 1, sizeof *trainer, "the trainer"));
    trainer->device = device;
    trainer->network = *plan->network;
    trainer->source = plan->source;
    trainer->schedule = plan->schedule;
    trainer->rate = plan->adam.rate;
    trainer->seed = plan->seed;
    trainer->n_points = plan->n_points;
    trainer->n_batches = batches_of(plan);
    trainer->batch_points = plan->n_points / trainer->n_batches;
    trainer->chunk_points = plan->n_points < CHUNK_POINTS ? plan->n_points : CHUNK_POINTS;
    trainer->n_steps = siren_feature_steps(plan);
    trainer->n_params = siren_network_n_params(plan->network);
    trainer->n_padded = siren_network_n_padded(plan->network);
    trainer->order_pass = SIZE_MAX;
    trainer->batch.least = (float)((double)SIREN_UNIFORM_SHARE / (double)plan->n_values);
    SIREN_TRY(create_state(trainer, plan));
    SIREN_TRY(create_gradient(trainer, plan->memory_limit));
    SIREN_TRY(create_points(trainer, plan->memory_limit));
    trainer->batch.points = trainer->points;
    trainer->batch.order = trainer->device_order;
    *out = SIREN_TAKE(trainer);
    return SIREN_OK;
}

void siren_feature_trainer_free(siren_feature_trainer *trainer) {
    if (!trainer) return;
    siren_gradient_free_at(&trainer->gradient);
    siren_optimiser_free_at(&trainer->optimiser);
    siren_kernel_free(trainer->loss);
    free_points(trainer);
    siren_buffer_free(trainer->table);
    siren_buffer_free(trainer->w0);
    siren_buffer_free(trainer->params);
    siren_buffer_free(trainer->state);
    siren_buffer_free(trainer->history);
    free(trainer->order);
    free(trainer->turns);
    free(trainer->features);
    free(trainer->edges);
    free(trainer->staged);
    free(trainer);
}

siren_status siren_feature_trainer_start(siren_feature_trainer *trainer, const float *params) {
    SIREN_FREE_AT_END float *padded = NULL;
    float state[SIREN_STATE_FIELDS] = {[SIREN_STATE_SCALE] = 1.0f / (float)trainer->batch_points,
                                       [SIREN_STATE_BEST_LOSS] = INFINITY,
                                       [SIREN_STATE_RATE] = trainer->rate};
    SIREN_TRY(siren_allocate(&padded, trainer->n_padded, sizeof *padded, "the padded parameters"));
    siren_network_pad(&trainer->network, params, padded);
    SIREN_TRY(siren_buffer_write(trainer->params, 0, padded, trainer->n_padded * sizeof *padded));
    SIREN_TRY(siren_buffer_write(trainer->state, 0, state, sizeof state));
    trainer->steps_run = 0;
    trainer->staged_step = trainer->n_steps;
    return trainer->optimiser->restart(trainer->optimiser);
}

static siren_status finish_step(siren_feature_trainer *trainer) {
    siren_gradient *gradient = trainer->gradient;
    SIREN_TRY(SIREN_LAUNCH(trainer->loss, ((siren_range){.global = {1}}), SIREN_BUFFER(trainer->state),
                           SIREN_BUFFER(trainer->history), SIREN_BUFFER(gradient->partial_losses),
                           SIREN_INT(1), SIREN_INT((int)gradient->n_parts), SIREN_INT((int)trainer->n_steps),
                           SIREN_INT((int)trainer->steps_run)));
    float factor = siren_schedule_factor(&trainer->schedule, trainer->steps_run++, trainer->n_steps);
    return trainer->optimiser->step(trainer->optimiser, trainer->params, gradient->partial_gradients,
                                    gradient->n_parts, trainer->state, factor);
}

siren_status siren_feature_trainer_run(siren_feature_trainer *trainer, size_t n_steps,
                                       siren_progress_fn progress, void *user) {
    siren_gradient *gradient = trainer->gradient;
    size_t left = trainer->n_steps - trainer->steps_run,
           end = trainer->steps_run + (n_steps < left ? n_steps : left);
    trainer->pace.flops = 0;
    trainer->pace.since = siren_clock();
    while (trainer->steps_run < end) {
        SIREN_TRY(begin_step(trainer));
        SIREN_TRY(gradient->begin(gradient, trainer->params));
        for (size_t tile = 0; tile < gradient->n_tiles; tile++)
            SIREN_TRY(gradient->tile(gradient, trainer->params, NULL, 0, tile));
        SIREN_TRY(finish_step(trainer));
        trainer->pace.flops += gradient->tile_flops * (double)gradient->n_tiles;
        bool over = trainer->steps_run == end;
        if (trainer->staged && !over)
            SIREN_TRY(stage(trainer, trainer->steps_run)); /* while the device works */
        SIREN_TRY(siren_pace_keep(&trainer->pace, trainer->device, over, (double)trainer->steps_run,
                                  (double)end, "steps", progress, user));
    }
    return SIREN_OK;
}

siren_status siren_feature_trainer_params(siren_feature_trainer *trainer, float *params) {
    SIREN_FREE_AT_END float *padded = NULL;
    size_t n_bytes = trainer->n_padded * sizeof *padded;
    SIREN_TRY(siren_allocate(&padded, trainer->n_padded, sizeof *padded, "the padded parameters"));
    SIREN_TRY(siren_buffer_read(trainer->params, 0, padded, n_bytes));
    siren_network_unpad(&trainer->network, padded, params);
    return SIREN_OK;
}

siren_status siren_feature_trainer_losses(siren_feature_trainer *trainer, float *losses) {
    if (trainer->steps_run == 0) return SIREN_OK;
    return siren_buffer_read(trainer->history, 0, losses, trainer->steps_run * sizeof *losses);
}

bool siren_feature_trainer_in_tiles(const siren_feature_trainer *trainer) { return trainer->staged; }

size_t siren_feature_trainer_bytes(const siren_feature_trainer *trainer) { return trainer->held_bytes; }
