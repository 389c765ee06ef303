#include "engine/encode/encoder.h"

#include "cl/knobs.h"
#include "engine/decode/decode.h"
#include "engine/train/sampler.h"
#include "engine/train/trainer.h"
#include "host/opencl/profile.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct siren_encoder {
    siren_device *device;
    siren_encoder_plan plan;
    siren_trainer *trainer;   /* of n_networks on blocks with these points; NULL before the first batch */
    siren_points *points;     /* NULL likewise, */
    siren_decoder *evaluator; /* as is this, for curves */
    size_t n_networks, training_bytes; /* bytes that the trainer may hold; 0: what there is */
    size_t most;                       /* networks that fill the device, or that have been found to fit */
    siren_trained *batch;              /* in training */
    size_t *block_of;                  /* (most) which of its blocks each network of the trainer is for */
    siren_target_source targets;
    float *losses; /* (most) of the last epoch */
    float *rates;  /* (most) */
    float *chunk;  /* (points of a chunk, n_volumes) targets */
    float *y;      /* and outputs for curves; NULL without */
};

siren_status siren_layout_network(const siren_settings *s, uint32_t width, siren_layout *layout) {
    const siren_acquisition *acquisition = &layout->acquisition;
    SIREN_TRY(siren_network_from_model(s->model, s->layers, width, (uint32_t)layout->geometry.n_volumes,
                                       s->w0, &layout->network));
    if (!acquisition->section) return SIREN_OK;
    siren_network_acquire(&layout->network, siren_block_inputs(layout->grid.kind), acquisition->n_axes);
    return SIREN_OK;
}

/* Targets of a network of the trainer, scaled as they are asked for. */
static siren_status read_targets(void *user, size_t network, size_t first, size_t n, size_t pitch,
                                 float *targets) {
    const siren_encoder *encoder = user;
    return siren_trained_sample_targets(encoder->batch, encoder->block_of[network], first, n, pitch, targets);
}

/* ---- making and releasing ---- */

/* So many networks side by side fill the device. */
static size_t choose_batch(const siren_device_facts *facts) {
    return facts->family == SIREN_FAMILY_CHAIN ? ((size_t)facts->compute_units + 7) / 8 : 8;
}

siren_status siren_encoder_create(siren_device *device, const siren_encoder_plan *plan, siren_encoder **out) {
    SIREN_AT_END(siren_encoder_free_at) siren_encoder *encoder = NULL;
    SIREN_TRY(siren_allocate(&encoder, 1, sizeof *encoder, "the encoder"));
    encoder->device = device;
    encoder->plan = *plan;
    encoder->most = choose_batch(siren_device_get_facts(device));
    encoder->targets = (siren_target_source){read_targets, encoder};
    SIREN_TRY(siren_allocate(&encoder->block_of, encoder->most, sizeof *encoder->block_of, "the batch"));
    SIREN_TRY(siren_allocate(&encoder->rates, encoder->most, sizeof(float), "the learning rates"));
    SIREN_TRY(siren_allocate(&encoder->losses, encoder->most, sizeof(float), "the losses"));
    *out = SIREN_TAKE(encoder);
    return SIREN_OK;
}

/* What depends on the blocks' points and the number of networks. */
static void release_trainer(siren_encoder *encoder) {
    siren_trainer_free(encoder->trainer);
    siren_decoder_free(encoder->evaluator);
    siren_points_free(encoder->points);
    free(encoder->chunk);
    free(encoder->y);
    encoder->trainer = NULL;
    encoder->evaluator = NULL;
    encoder->points = NULL;
    encoder->chunk = encoder->y = NULL;
}

void siren_encoder_free(siren_encoder *encoder) {
    if (!encoder) return;
    release_trainer(encoder);
    siren_trained_free(encoder->batch);
    free(encoder->block_of);
    free(encoder->losses);
    free(encoder->rates);
    free(encoder);
}

size_t siren_encoder_batch(const siren_encoder *encoder) { return encoder->most; }

/* ---- training ---- */

static bool all_constant(const siren_scaling *scaling, size_t n_volumes) {
    for (size_t volume = 0; volume < n_volumes; volume++)
        if (scaling[volume].minimum != scaling[volume].maximum) return false;
    return true;
}

/* What the memory limit leaves to a trainer on blocks with the points of `block`, beside a batch that is being
 * encoded. */
static siren_status plan_memory(siren_encoder *encoder, const siren_block *block) {
    const siren_layout *layout = encoder->plan.layout;
    size_t limit = encoder->plan.memory_limit, n_points = siren_block_points(block);
    size_t held = siren_layout_samples(layout, n_points) * layout->network.n_inputs,
           values = siren_layout_chunk(layout, n_points) * layout->geometry.n_volumes;
    held = (held + values * (encoder->plan.log_interval ? 3 : 0)) * sizeof(float) +
           block->n_inside * sizeof *block->inside;
    bool fits = siren_add(held, siren_trained_bytes(layout, 1), &held);
    encoder->training_bytes = 0;
    if (!limit) return SIREN_OK;
    if (!fits || held >= limit)
        return siren_fail(
            SIREN_UNSUPPORTED,
            "decoding a %s of %zu x %zu x %zu points and %zu volume%s takes %zu byte%s, more than the "
            "%zu that the memory limit leaves; raise --memory, or use smaller blocks",
            siren_block_kind_name(layout->grid.kind, 1), block->nx, block->ny, block->nz,
            layout->geometry.n_volumes, siren_plural(layout->geometry.n_volumes), held, siren_plural(held),
            limit);
    encoder->training_bytes = limit - held;
    return SIREN_OK;
}

/* Coordinates of blocks with the points of `block`. Takes `*inside`, which `block` borrows, where it keeps it. */
static siren_status reserve(siren_encoder *encoder, const siren_block *block, uint32_t **inside) {
    if (encoder->points && siren_block_same_points(block, &encoder->points->block)) return SIREN_OK;
    release_trainer(encoder);
    SIREN_TRY(plan_memory(encoder, block));
    return siren_points_create(encoder->plan.layout, block, inside, &encoder->points);
}

static siren_status scale(const siren_encoder *encoder, siren_trained_block *block) {
    const siren_geometry *g = &encoder->plan.layout->geometry;
    siren_apart apart;
    SIREN_TRY(
        siren_block_scale(encoder->plan.series, &block->block, encoder->plan.limits, block->scaling, &apart));
    block->n_exceptional = apart.n;
    /* A network may be off by as much as a volume spans. */
    double most = g->datatype == SIREN_FLOAT32 ? (double)FLT_MAX : DBL_MAX;
    for (size_t volume = 0; volume < g->n_volumes; volume++) {
        const siren_scaling *s = &block->scaling[volume];
        double extent = s->maximum - s->minimum;
        if (extent == 0 || (s->maximum + extent < most && s->minimum - extent > -most)) continue;
        return siren_fail(
            SIREN_UNSUPPORTED,
            "volume %zu spans %g to %g, so that what a network makes of it may leave %s; clip the "
            "image, or compress it with --lossless",
            volume, s->minimum, s->maximum, siren_datatype_name(g->datatype));
    }
    return SIREN_OK;
}

/* A batch of `n` blocks with scaling and initial parameters; constant blocks take no place among the trainer's
 * networks. */
static siren_status begin_batch(siren_encoder *encoder, const siren_training *trainings, size_t n,
                                size_t *n_networks) {
    const siren_layout *layout = encoder->plan.layout;
    size_t n_volumes = layout->geometry.n_volumes, n_params = siren_network_n_params(&layout->network);
    siren_trained_free(SIREN_TAKE(encoder->batch));
    SIREN_TRY(siren_trained_create(encoder->plan.series, layout, encoder->plan.mask, encoder->points, n,
                                   &encoder->batch));
    *n_networks = 0;
    for (size_t i = 0; i < n; i++) {
        siren_trained_block *block = &encoder->batch->blocks[i];
        size_t at = *n_networks;
        *block = (siren_trained_block){.training = trainings[i],
                                       .block = siren_block_at(&layout->grid, trainings[i].block),
                                       .scaling = encoder->batch->scaling + i * n_volumes,
                                       .at = at};
        block->block.inside = encoder->points->inside;
        block->block.n_inside = encoder->points->block.n_inside;
        SIREN_TRY_STAGE(SIREN_STAGE_TARGETS, scale(encoder, block));
        block->constant = all_constant(block->scaling, n_volumes);
        if (block->constant) continue;
        encoder->block_of[at] = i;
        encoder->rates[at] = trainings[i].rate;
        const char *before = siren_profile_enter("initialising");
        siren_network_initialise(&layout->network, trainings[i].seed, (uint32_t)trainings[i].block,
                                 encoder->batch->params + at * n_params);
        siren_profile_leave(before);
        ++*n_networks;
    }
    return SIREN_OK;
}

/* What the limit leaves to a trainer of `n_networks` beside the host's copies of their parameters: those of the batch
 * in training, and of the one before. */
static size_t trainer_bytes(const siren_encoder *encoder, size_t n_networks) {
    size_t params = siren_network_n_params(&encoder->plan.layout->network) * sizeof(float),
           copies = (2 * n_networks - 1) * params; /* one has been counted */
    if (!encoder->training_bytes) return 0;
    return encoder->training_bytes > copies ? encoder->training_bytes - copies : 1;
}

/* A trainer of exactly `n_networks`, and what curves need. */
static siren_status prepare_trainer(siren_encoder *encoder, size_t n_networks) {
    const siren_layout *layout = encoder->plan.layout;
    const siren_network *network = &layout->network;
    const siren_settings *settings = encoder->plan.settings;
    size_t n_points = siren_block_points(&encoder->points->block),
           chunk = siren_layout_chunk(layout, n_points);
    if (!encoder->trainer || encoder->n_networks != n_networks) {
        siren_trainer_plan plan = {.network = network,
                                   .n_networks = n_networks,
                                   .n_points = siren_layout_samples(layout, n_points),
                                   .coordinates = encoder->points->coordinates,
                                   .max_epochs = settings->epochs,
                                   .last_loss_only = true,
                                   .optimiser = settings->optimiser,
                                   .adam = siren_adam_options_of(settings),
                                   .refresh = siren_soap_refresh_of(settings),
                                   .schedule = {settings->schedule, settings->warmup},
                                   .gain = (double)settings->until_gain,
                                   .gain_epochs = settings->gain_epochs,
                                   .points_per_epoch =
                                       siren_points_of_step(settings, siren_layout_samples(layout, n_points)),
                                   .memory_limit = trainer_bytes(encoder, n_networks)};
        siren_trainer_free(SIREN_TAKE(encoder->trainer));
        SIREN_TRY(siren_trainer_create(encoder->device, &plan, &encoder->trainer));
        encoder->n_networks = n_networks;
    }
    if (!encoder->plan.log_interval || encoder->evaluator) return SIREN_OK;
    size_t n_values = chunk * encoder->plan.layout->geometry.n_volumes;
    if (!encoder->chunk) SIREN_TRY(siren_allocate(&encoder->chunk, n_values, sizeof(float), "some targets"));
    if (!encoder->y) SIREN_TRY(siren_allocate(&encoder->y, n_values, sizeof(float), "some outputs"));
    return siren_decoder_create(encoder->device, network, siren_layout_samples(layout, chunk),
                                encoder->points->coordinates, &encoder->evaluator);
}

/* One call of siren_encoder_train(). */
typedef struct {
    siren_encoder *encoder;
    size_t n, n_networks;
    siren_curve_fn curve;
    siren_progress_fn progress;
    void *user;
    size_t curves_to; /* epoch to which the curves have been told */
} siren_training_run;

static bool report(void *user, double done, double total, const char *what) {
    siren_training_run *run = user;
    (void)total;
    return !run->progress ||
           run->progress(run->user, done, (double)run->encoder->plan.settings->epochs, what);
}

/* A point of every curve that goes on, or has ended since the last one: the exact forward pass of the current
 * parameters. */
static siren_status add_curve_points(siren_training_run *run, size_t epoch) {
    siren_encoder *encoder = run->encoder;
    const siren_layout *layout = encoder->plan.layout;
    const siren_network *network = &layout->network;
    size_t n_points = siren_block_points(&encoder->points->block),
           chunk = siren_layout_chunk(layout, n_points), n_volumes = layout->geometry.n_volumes;
    SIREN_TRY(siren_trainer_params(encoder->trainer, encoder->batch->params));
    for (size_t i = 0; i < run->n; i++) {
        const siren_trained_block *block = &encoder->batch->blocks[i];
        siren_fidelity_sums sums = {0};
        if (block->constant) continue;
        size_t at = siren_trainer_epochs(encoder->trainer, block->at);
        if (epoch > 0 && at <= run->curves_to) continue;
        for (size_t first = 0, n; first < n_points; first += n) {
            n = n_points - first < chunk ? n_points - first : chunk;
            if (n_points > chunk)
                SIREN_TRY(siren_decoder_move(encoder->evaluator, siren_layout_samples(layout, n),
                                             encoder->points->coordinates +
                                                 siren_layout_samples(layout, first) * network->n_inputs));
            SIREN_TRY(siren_decoder_run(encoder->evaluator,
                                        encoder->batch->params + block->at * siren_network_n_params(network),
                                        encoder->y));
            SIREN_TRY(siren_trained_targets(encoder->batch, i, first, n, n_volumes, encoder->chunk));
            siren_fidelity_add(&sums, n, n_volumes, encoder->y, encoder->chunk, NULL);
        }
        siren_fidelity fidelity = siren_fidelity_of(&sums);
        run->curve(run->user, i, at, &fidelity);
    }
    run->curves_to = epoch;
    return SIREN_OK;
}

static siren_status train_batch(siren_training_run *run) {
    siren_encoder *encoder = run->encoder;
    SIREN_TRY(prepare_trainer(encoder, run->n_networks));
    bool curves = run->curve && encoder->plan.log_interval > 0;
    size_t epochs = encoder->plan.settings->epochs,
           stride = curves && encoder->plan.log_interval < epochs ? encoder->plan.log_interval : epochs;
    SIREN_TRY(
        siren_trainer_start(encoder->trainer, encoder->batch->params, &encoder->targets, encoder->rates));
    for (size_t epoch = 0; epoch < epochs && siren_trainer_n_active(encoder->trainer) > 0; epoch += stride) {
        if (curves) SIREN_TRY(add_curve_points(run, epoch));
        SIREN_TRY(siren_trainer_run(encoder->trainer, epochs - epoch < stride ? epochs - epoch : stride,
                                    report, run));
    }
    if (curves) SIREN_TRY(add_curve_points(run, epochs));
    SIREN_TRY(siren_trainer_history(encoder->trainer, encoder->losses));
    for (size_t i = 0; i < run->n; i++) {
        siren_trained_block *block = &encoder->batch->blocks[i];
        if (block->constant) continue;
        block->diverged = !isfinite(encoder->losses[block->at]);
        block->n_epochs = siren_trainer_epochs(encoder->trainer, block->at);
    }
    return siren_trainer_best(encoder->trainer, encoder->batch->params, NULL);
}

/* Trainings at the head of the list whose blocks have the points of `first`, the first one's; at most as many as
 * fit. */
static siren_status count_alike(const siren_encoder *encoder, const siren_training *trainings, size_t n,
                                const siren_block *first, size_t *out) {
    const siren_layout *layout = encoder->plan.layout;
    size_t count = 1;
    for (; count < n && count < encoder->most; count++) {
        siren_block next;
        uint32_t *inside = NULL;
        SIREN_TRY(siren_mask_block(&layout->mask, &layout->grid, trainings[count].block, &next, &inside));
        bool alike = siren_block_same_points(&next, first);
        free(inside);
        if (!alike) break;
    }
    *out = count;
    return SIREN_OK;
}

/* After the device had no room: half of the networks next time or, of a single one, half of the bytes. False where
 * there is nothing left to give up. */
static bool shrink(siren_encoder *encoder, size_t n) {
    siren_trainer_free(SIREN_TAKE(encoder->trainer));
    if (n > 1) {
        encoder->most = (n + 1) / 2;
        siren_log(SIREN_LOG_WARNING, "%s; trying with %zu %s at once", siren_message(), encoder->most,
                  siren_block_kind_name(encoder->plan.layout->grid.kind, encoder->most));
        return true;
    }
    uint64_t bytes = siren_device_get_facts(encoder->device)->global_bytes;
    if (encoder->training_bytes && encoder->training_bytes < bytes) bytes = encoder->training_bytes;
    if (bytes / 2 < SIREN_LEAST_TRAINING_BYTES) return false;
    encoder->training_bytes = bytes / 2;
    siren_log(SIREN_LOG_WARNING, "%s; trying with %zu bytes of memory for training", siren_message(),
              encoder->training_bytes);
    return true;
}

/* Trains as many of the list as the device has room for, all of them at first. */
static siren_status train_alike(siren_training_run *run, const siren_training *trainings, size_t n) {
    siren_encoder *encoder = run->encoder;
    char no_room[SIREN_MESSAGE_BYTES] = "";
    size_t limit = encoder->training_bytes;
    for (;;) {
        SIREN_TRY(count_alike(encoder, trainings, n, &encoder->points->block, &run->n));
        SIREN_TRY(begin_batch(encoder, trainings, run->n, &run->n_networks));
        if (run->n_networks == 0) return SIREN_OK;
        siren_status status = train_batch(run);
        if (status == SIREN_UNSUPPORTED && encoder->training_bytes != limit) break; /* too little by now */
        if (status != SIREN_DEVICE_MEMORY) return status;
        snprintf(no_room, sizeof no_room, "%s", siren_message());
        if (!shrink(encoder, run->n)) break;
    }
    return siren_fail(SIREN_DEVICE_MEMORY, "%s", no_room);
}

siren_status siren_encoder_train(siren_encoder *encoder, const siren_training *trainings, size_t n,
                                 siren_curve_fn curve, siren_progress_fn progress, void *user,
                                 siren_trained **trained) {
    const siren_layout *layout = encoder->plan.layout;
    siren_training_run run = {.encoder = encoder, .curve = curve, .progress = progress, .user = user};
    siren_block block;
    SIREN_FREE_AT_END uint32_t *inside = NULL;
    const size_t n_samples = siren_layout_samples(layout, siren_block_grid_points(&layout->grid));
    if (n_samples > SIREN_MAX_POINTS)
        return siren_fail(SIREN_UNSUPPORTED, "a %s has %zu %s, more than the limit of %d; use smaller blocks",
                          siren_block_kind_name(layout->grid.kind, 1), n_samples,
                          layout->acquisition.section ? "samples" : "points", SIREN_MAX_POINTS);
    SIREN_TRY(siren_mask_block(&layout->mask, &layout->grid, trainings[0].block, &block, &inside));
    SIREN_TRY(reserve(encoder, &block, &inside));
    SIREN_TRY(train_alike(&run, trainings, n));
    *trained = SIREN_TAKE(encoder->batch);
    return SIREN_OK;
}
