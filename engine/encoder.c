#include "engine/encoder.h"

#include "engine/decode.h"
#include "engine/quantise.h"
#include "engine/trainer.h"
#include "formats/pack.h"
#include "host/profile.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_TRAINING_BYTES ((size_t)64 << 10) /* no device has less room */
#define STAGE_TARGETS "gathering and scaling"

/* One of the networks last trained. */
typedef struct {
    siren_training training;
    siren_block block;
    siren_scaling *scaling; /* (n_volumes) */
    size_t n_exceptional;
    bool constant, diverged;
    size_t at; /* among the networks of the trainer; constant blocks have none */
} siren_slot;

struct siren_encoder {
    siren_device *device;
    siren_encoder_plan plan;
    siren_layout layout;          /* the plan's, with the weights of `decoder` */
    siren_block_decoder *decoder; /* NULL before the first block */
    siren_trainer
        *trainer; /* of n_networks on blocks with the points of `shape`; NULL before the first batch */
    siren_decoder *evaluator; /* for curves; NULL likewise */
    siren_block shape;
    size_t n_networks, training_bytes; /* bytes that the trainer may hold; 0: what there is */
    size_t most;                       /* networks that fill the device, or that have been found to fit */
    siren_slot *slots;                 /* (most) */
    size_t n_slots;                    /* last trained */
    size_t *trained;                   /* (most) slots of the networks of the trainer */
    uint32_t *inside;                  /* what `shape` and the slots' blocks borrow */
    siren_target_source targets;
    siren_scaling *scaling; /* (most, n_volumes) */
    float *coordinates;     /* (n_points, n_inputs) */
    float *params;          /* (most, n_params) */
    float *losses;          /* (most, epochs) */
    float *rates;           /* (most) */
    float *chunk;           /* (SIREN_DECODE_POINTS, n_volumes) targets, */
    float *y;               /* and outputs for curves */
};

void siren_encoded_free(siren_encoded *encoded) {
    if (!encoded) return;
    free(encoded->packed);
    encoded->packed = NULL;
}

/* Targets of a network of the trainer, scaled as they are asked for. */
static siren_status read_targets(void *user, size_t network, size_t first, size_t n, size_t pitch,
                                 float *targets) {
    const siren_encoder *encoder = user;
    const siren_slot *slot = &encoder->slots[encoder->trained[network]];
    const char *before = siren_profile_enter(STAGE_TARGETS);
    siren_status status =
        siren_block_targets(encoder->plan.series, &slot->block, slot->scaling, first, n, pitch, targets);
    siren_profile_leave(before);
    return status;
}

/* ---- making and releasing ---- */

/* So many networks side by side fill the device. */
static size_t choose_batch(const siren_device_facts *facts) {
    return facts->family == SIREN_FAMILY_CHAIN ? ((size_t)facts->compute_units + 7) / 8 : 8;
}

siren_status siren_encoder_create(siren_device *device, const siren_encoder_plan *plan, siren_encoder **out) {
    siren_status status = SIREN_OK;
    siren_encoder *encoder = NULL;
    SIREN_TRY(siren_allocate(&encoder, 1, sizeof *encoder, "the encoder"));
    encoder->device = device;
    encoder->plan = *plan;
    encoder->layout = *plan->layout;
    encoder->most = choose_batch(siren_device_get_facts(device));
    encoder->targets = (siren_target_source){read_targets, encoder};
    SIREN_TRY(siren_allocate(&encoder->slots, encoder->most, sizeof *encoder->slots, "the batch"));
    SIREN_TRY(siren_allocate(&encoder->trained, encoder->most, sizeof *encoder->trained, "the batch"));
    SIREN_TRY(siren_allocate(&encoder->rates, encoder->most, sizeof(float), "the learning rates"));
    SIREN_TRY(siren_allocate(&encoder->params, encoder->most * siren_network_n_params(&plan->layout->network),
                             sizeof(float), "the parameters"));
    SIREN_TRY(
        siren_allocate(&encoder->losses, encoder->most * plan->epochs, sizeof(float), "the loss history"));
    SIREN_TRY(siren_allocate(&encoder->scaling, encoder->most * plan->layout->geometry.n_volumes,
                             sizeof(siren_scaling), "the scaling"));
    *out = encoder;
    encoder = NULL;
done:
    siren_encoder_free(encoder);
    return status;
}

/* What depends on the blocks' points and the number of networks. */
static void release_trainer(siren_encoder *encoder) {
    siren_trainer_free(encoder->trainer);
    siren_decoder_free(encoder->evaluator);
    free(encoder->coordinates);
    free(encoder->chunk);
    free(encoder->y);
    free(encoder->inside);
    encoder->trainer = NULL;
    encoder->evaluator = NULL;
    encoder->inside = NULL;
    encoder->coordinates = encoder->chunk = encoder->y = NULL;
}

void siren_encoder_free(siren_encoder *encoder) {
    if (!encoder) return;
    release_trainer(encoder);
    siren_block_decoder_free(encoder->decoder);
    free(encoder->slots);
    free(encoder->trained);
    free(encoder->scaling);
    free(encoder->params);
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

/* Points that are decoded or compared at once. */
static size_t chunk_points(size_t n_points) {
    return n_points < SIREN_DECODE_POINTS ? n_points : SIREN_DECODE_POINTS;
}

/* What the memory limit leaves to a trainer on blocks with the points of `block`. */
static siren_status plan_memory(siren_encoder *encoder, const siren_block *block) {
    const siren_layout *layout = &encoder->layout;
    size_t limit = encoder->plan.memory_limit, n_points = siren_block_points(block);
    size_t held = n_points * layout->network.n_inputs,
           values = chunk_points(n_points) * layout->geometry.n_volumes;
    held = (held + values * (encoder->plan.log_interval ? 3 : 1)) * sizeof(float) +
           block->n_inside * sizeof *block->inside;
    bool fits = siren_add(held, siren_block_decoder_bytes(layout), &held);
    encoder->training_bytes = 0;
    if (!limit) return SIREN_OK;
    if (!fits || held >= limit)
        return siren_fail(
            SIREN_UNSUPPORTED,
            "decoding a %s of %zu x %zu x %zu points and %zu volumes takes %zu bytes, more than the "
            "%zu that the memory limit leaves; raise --memory, or use smaller blocks",
            siren_block_kind_name(layout->grid.kind, 1), block->nx, block->ny, block->nz,
            layout->geometry.n_volumes, held, limit);
    encoder->training_bytes = limit - held;
    return SIREN_OK;
}

/* Coordinates of blocks with the points of `block`, and what is needed a chunk at a time. Takes `*inside`, which `block`
 * borrows, where it keeps it. */
static siren_status reserve(siren_encoder *encoder, const siren_block *block, uint32_t **inside) {
    size_t n_points = siren_block_points(block),
           n_values = chunk_points(n_points) * encoder->layout.geometry.n_volumes;
    uint32_t n_inputs = encoder->layout.network.n_inputs;
    if (encoder->chunk && siren_block_same_points(block, &encoder->shape)) return SIREN_OK;
    release_trainer(encoder);
    SIREN_RETURN_IF_FAILED(plan_memory(encoder, block));
    SIREN_RETURN_IF_FAILED(
        siren_allocate(&encoder->coordinates, n_points, n_inputs * sizeof(float), "the coordinates"));
    siren_block_coordinates(block, n_inputs, 0, n_points, encoder->coordinates);
    encoder->shape = *block;
    encoder->inside = *inside;
    *inside = NULL;
    return siren_allocate(&encoder->chunk, n_values, sizeof(float), "some targets");
}

/* Scaling and initial parameters of the slots; constant blocks take no place among the trainer's networks. */
static siren_status fill_slots(siren_encoder *encoder, const siren_training *trainings, size_t n,
                               size_t *n_networks) {
    siren_status status = SIREN_OK;
    const siren_layout *layout = &encoder->layout;
    size_t n_volumes = layout->geometry.n_volumes, n_params = siren_network_n_params(&layout->network);
    *n_networks = 0;
    for (size_t i = 0; i < n; i++) {
        siren_slot *slot = &encoder->slots[i];
        size_t at = *n_networks;
        *slot = (siren_slot){.training = trainings[i],
                             .block = siren_block_at(&layout->grid, trainings[i].block),
                             .scaling = encoder->scaling + i * n_volumes,
                             .at = at};
        slot->block.inside = encoder->shape.inside;
        slot->block.n_inside = encoder->shape.n_inside;
        SIREN_TRY_STAGE(STAGE_TARGETS, siren_block_scale(encoder->plan.series, &slot->block, slot->scaling,
                                                         &slot->n_exceptional));
        slot->constant = all_constant(slot->scaling, n_volumes);
        if (slot->constant) continue;
        encoder->trained[at] = i;
        encoder->rates[at] = trainings[i].rate;
        const char *before = siren_profile_enter("initialising");
        siren_network_initialise(&layout->network, trainings[i].seed, (uint32_t)trainings[i].block,
                                 encoder->params + at * n_params);
        siren_profile_leave(before);
        ++*n_networks;
    }
done:
    return status;
}

/* A trainer of exactly `n_networks`, and what curves need. */
static siren_status prepare_trainer(siren_encoder *encoder, size_t n_networks) {
    const siren_network *network = &encoder->layout.network;
    size_t n_points = siren_block_points(&encoder->shape), chunk = chunk_points(n_points);
    if (!encoder->trainer || encoder->n_networks != n_networks) {
        siren_trainer_plan plan = {.network = network,
                                   .n_networks = n_networks,
                                   .n_points = n_points,
                                   .coordinates = encoder->coordinates,
                                   .max_epochs = encoder->plan.epochs,
                                   .adam = {0, 0.9f, 0.999f, 1e-8f},
                                   .points_per_epoch = encoder->plan.points_per_epoch,
                                   .memory_limit = encoder->training_bytes};
        siren_trainer_free(encoder->trainer);
        encoder->trainer = NULL;
        SIREN_RETURN_IF_FAILED(siren_trainer_create(encoder->device, &plan, &encoder->trainer));
        encoder->n_networks = n_networks;
    }
    if (!encoder->plan.log_interval || encoder->evaluator) return SIREN_OK;
    if (!encoder->y)
        SIREN_RETURN_IF_FAILED(siren_allocate(&encoder->y, chunk * encoder->layout.geometry.n_volumes,
                                              sizeof(float), "some outputs"));
    return siren_decoder_create(encoder->device, network, chunk, encoder->coordinates, &encoder->evaluator);
}

/* One call of siren_encoder_train(). */
typedef struct {
    siren_encoder *encoder;
    size_t n, n_networks;
    siren_curve_fn curve;
    siren_progress_fn progress;
    void *user;
} siren_training_run;

static bool report(void *user, double done, double total, const char *what) {
    siren_training_run *run = user;
    (void)total;
    return !run->progress || run->progress(run->user, done, (double)run->encoder->plan.epochs, what);
}

/* A point of every curve: the exact forward pass of the current parameters. */
static siren_status add_curve_points(siren_training_run *run, size_t epoch) {
    siren_encoder *encoder = run->encoder;
    const siren_network *network = &encoder->layout.network;
    size_t n_points = siren_block_points(&encoder->shape), n_volumes = encoder->layout.geometry.n_volumes;
    SIREN_RETURN_IF_FAILED(siren_trainer_params(encoder->trainer, encoder->params));
    for (size_t i = 0; i < run->n; i++) {
        const siren_slot *slot = &encoder->slots[i];
        siren_fidelity_sums sums = {0};
        if (slot->constant) continue;
        for (size_t first = 0, n; first < n_points; first += n) {
            n = n_points - first < SIREN_DECODE_POINTS ? n_points - first : SIREN_DECODE_POINTS;
            if (n_points > SIREN_DECODE_POINTS)
                SIREN_RETURN_IF_FAILED(siren_decoder_move(encoder->evaluator, n,
                                                          encoder->coordinates + first * network->n_inputs));
            SIREN_RETURN_IF_FAILED(
                siren_decoder_run(encoder->evaluator,
                                  encoder->params + slot->at * siren_network_n_params(network), encoder->y));
            SIREN_RETURN_IF_FAILED(read_targets(encoder, slot->at, first, n, n_volumes, encoder->chunk));
            siren_fidelity_add(&sums, n, n_volumes, encoder->y, encoder->chunk, NULL);
        }
        siren_fidelity fidelity = siren_fidelity_of(&sums);
        run->curve(run->user, i, epoch, &fidelity);
    }
    return SIREN_OK;
}

static siren_status train_slots(siren_training_run *run) {
    siren_encoder *encoder = run->encoder;
    SIREN_RETURN_IF_FAILED(prepare_trainer(encoder, run->n_networks));
    bool curves = run->curve && encoder->plan.log_interval > 0;
    size_t epochs = encoder->plan.epochs,
           stride = curves && encoder->plan.log_interval < epochs ? encoder->plan.log_interval : epochs;
    SIREN_RETURN_IF_FAILED(
        siren_trainer_start(encoder->trainer, encoder->params, &encoder->targets, encoder->rates));
    for (size_t epoch = 0; epoch < epochs; epoch += stride) {
        if (curves) SIREN_RETURN_IF_FAILED(add_curve_points(run, epoch));
        SIREN_RETURN_IF_FAILED(siren_trainer_run(
            encoder->trainer, epochs - epoch < stride ? epochs - epoch : stride, report, run));
    }
    if (curves) SIREN_RETURN_IF_FAILED(add_curve_points(run, epochs));
    SIREN_RETURN_IF_FAILED(siren_trainer_history(encoder->trainer, encoder->losses));
    for (size_t i = 0; i < run->n; i++) {
        siren_slot *slot = &encoder->slots[i];
        if (!slot->constant) slot->diverged = !isfinite(encoder->losses[(slot->at + 1) * epochs - 1]);
    }
    return siren_trainer_best(encoder->trainer, encoder->params, NULL);
}

/* Trainings at the head of the list whose blocks have the points of `first`, the first one's; at most as many as fit. */
static siren_status count_alike(const siren_encoder *encoder, const siren_training *trainings, size_t n,
                                const siren_block *first, size_t *out) {
    const siren_layout *layout = &encoder->layout;
    size_t count = 1;
    for (; count < n && count < encoder->most; count++) {
        siren_block next;
        uint32_t *inside = NULL;
        SIREN_RETURN_IF_FAILED(
            siren_mask_block(&layout->mask, &layout->grid, trainings[count].block, &next, &inside));
        bool alike = siren_block_same_points(&next, first);
        free(inside);
        if (!alike) break;
    }
    *out = count;
    return SIREN_OK;
}

/* After the device had no room: half of the networks next time or, of a single one, half of the bytes. False where there is
 * nothing left to give up. */
static bool shrink(siren_encoder *encoder, size_t n) {
    siren_trainer_free(encoder->trainer);
    encoder->trainer = NULL;
    if (n > 1) {
        encoder->most = (n + 1) / 2;
        siren_log(SIREN_LOG_WARNING, "%s; trying with %zu %s at once", siren_message(), encoder->most,
                  siren_block_kind_name(encoder->layout.grid.kind, encoder->most));
        return true;
    }
    uint64_t bytes = siren_device_get_facts(encoder->device)->global_bytes;
    if (encoder->training_bytes && encoder->training_bytes < bytes) bytes = encoder->training_bytes;
    if (bytes / 2 < LEAST_TRAINING_BYTES) return false;
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
        SIREN_RETURN_IF_FAILED(count_alike(encoder, trainings, n, &encoder->shape, &run->n));
        SIREN_RETURN_IF_FAILED(fill_slots(encoder, trainings, run->n, &run->n_networks));
        if (run->n_networks == 0) return SIREN_OK;
        siren_status status = train_slots(run);
        if (status == SIREN_UNSUPPORTED && encoder->training_bytes != limit) break; /* too little by now */
        if (status != SIREN_DEVICE_MEMORY) return status;
        snprintf(no_room, sizeof no_room, "%s", siren_message());
        if (!shrink(encoder, run->n)) break;
    }
    return siren_fail(SIREN_DEVICE_MEMORY, "%s", no_room);
}

siren_status siren_encoder_train(siren_encoder *encoder, const siren_training *trainings, size_t n,
                                 siren_curve_fn curve, siren_progress_fn progress, void *user,
                                 size_t *n_trained) {
    siren_status status = SIREN_OK;
    const siren_layout *layout = &encoder->layout;
    siren_training_run run = {.encoder = encoder, .curve = curve, .progress = progress, .user = user};
    siren_block block;
    uint32_t *inside = NULL;
    encoder->n_slots = 0;
    if (siren_block_grid_points(&layout->grid) > SIREN_MAX_POINTS)
        return siren_fail(SIREN_UNSUPPORTED,
                          "a %s has %zu points, more than the limit of %d; use smaller blocks",
                          siren_block_kind_name(layout->grid.kind, 1), siren_block_grid_points(&layout->grid),
                          SIREN_MAX_POINTS);
    SIREN_TRY(siren_mask_block(&layout->mask, &layout->grid, trainings[0].block, &block, &inside));
    SIREN_TRY(reserve(encoder, &block, &inside));
    SIREN_TRY(train_alike(&run, trainings, n));
    encoder->n_slots = run.n;
    *n_trained = run.n;
done:
    free(inside);
    return status;
}

bool siren_encoder_has_trained(const siren_encoder *encoder, size_t nth) {
    return !encoder->slots[nth].constant;
}

/* ---- encoding ---- */

/* A decoder for weights of so many bits. */
static siren_status prepare_decoder(siren_encoder *encoder, unsigned weight_bits) {
    if (encoder->decoder && encoder->layout.weight_bits == weight_bits) return SIREN_OK;
    siren_block_decoder_free(encoder->decoder);
    encoder->decoder = NULL;
    encoder->layout.weight_bits = weight_bits;
    return siren_block_decoder_create(encoder->device, &encoder->layout, SIZE_MAX, &encoder->decoder);
}

/* Which of a block's points are in the mask for figures; yours to free(). */
static siren_status cut_mask(const siren_encoder *encoder, const siren_block *block, uint8_t **out) {
    const siren_geometry *g = &encoder->layout.geometry;
    uint8_t *inside = NULL;
    SIREN_RETURN_IF_FAILED(siren_allocate(&inside, siren_block_points(block), 1, "the mask of a block"));
    for (size_t point = 0; point < siren_block_points(block); point++) {
        size_t voxel = siren_block_voxel(block, point), row = voxel / block->nx,
               z = block->z + row / block->ny, y = block->y + row % block->ny;
        inside[point] = encoder->plan.mask[(z * g->ny + y) * g->nx + block->x + voxel % block->nx];
    }
    *out = inside;
    return SIREN_OK;
}

siren_status siren_encoder_encode(siren_encoder *encoder, size_t nth, unsigned weight_bits,
                                  siren_encoded *out) {
    siren_status status = SIREN_OK;
    const siren_slot *slot = &encoder->slots[nth];
    const siren_layout *layout = &encoder->layout;
    siren_encoded encoded = {.entry = {.block = (uint32_t)slot->training.block},
                             .constant = slot->constant,
                             .diverged = slot->diverged,
                             .fidelity = {0, NAN, NAN, NAN, NAN},
                             .masked = {0, NAN, NAN, NAN, NAN}};
    siren_fidelity_watch watch = {.n_outputs = layout->geometry.n_volumes,
                                  .targets = &encoder->targets,
                                  .network = slot->at,
                                  .chunk = encoder->chunk};
    uint8_t *parameters = NULL, *record = NULL, *mask = NULL;
    const void *voxels = NULL;
    size_t n_parameters = 0;
    char name[64];
    SIREN_RETURN_IF_FAILED(prepare_decoder(encoder, weight_bits));
    siren_block_name(&layout->grid, slot->training.block, name, sizeof name);
    if (encoder->plan.mask) SIREN_TRY(cut_mask(encoder, &slot->block, &mask));
    watch.mask = mask;
    if (!slot->constant)
        SIREN_TRY_STAGE("quantising",
                        siren_quantise(&layout->network, weight_bits,
                                       encoder->params + slot->at * siren_network_n_params(&layout->network),
                                       siren_block_points(&slot->block), encoder->coordinates,
                                       &encoder->targets, slot->at, &parameters, &n_parameters));
    SIREN_TRY_STAGE("packing",
                    siren_record_write(layout, &slot->block, encoder->plan.series, slot->scaling, parameters,
                                       slot->n_exceptional, &record, &encoded.n_unpacked));
    SIREN_TRY_STAGE("decode check",
                    siren_block_decode(encoder->decoder, name, &slot->block, record, encoded.n_unpacked,
                                       slot->constant ? NULL : siren_fidelity_outputs, &watch, &voxels,
                                       &encoded.entry.decoded_crc));
    SIREN_TRY_STAGE("packing", siren_pack(record, encoded.n_unpacked, &encoded.packed, &encoded.n_packed));
    if (!slot->constant) {
        encoded.fidelity = siren_fidelity_of(&watch.sums);
        encoded.entry.mse = encoded.fidelity.mse;
        encoded.masked = siren_fidelity_of(&watch.masked);
    }
    *out = encoded;
    encoded.packed = NULL;
done:
    siren_encoded_free(&encoded);
    free(parameters);
    free(record);
    free(mask);
    return status;
}
