#include "engine/encode/context_fit.h"

#include "engine/encode/context_trainer.h"
#include "engine/encode/corrected.h"
#include "host/threads.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_EXAMPLES 4000000
#define LEAST_VALUES 32768 /* of a series: fewer save less than a network takes */
#define FEW_VALUES 262144  /* below, the smallest network */
#define TRIALS 4           /* blocks that are coded with and without the network */

/* What an effort trains. */
typedef struct {
    uint32_t widths[2];
    size_t n_steps, n_passes; /* at most, the second through the examples */
} effort_level;
static const effort_level levels[] = {
    [4] = {{32, 32}, 8000, 8},   [5] = {{32, 32}, 30000, 20},  [6] = {{48, 32}, 40000, 30},
    [7] = {{64, 32}, 60000, 40}, [8] = {{64, 32}, 120000, 60}, [9] = {{64, 64}, 240000, 90}};

/* Blocks are dealt to threads; what they leave stands in the order of blocks. */
typedef struct {
    const siren_series *series;
    const siren_layout *layout;
    const siren_context_network *network; /* of trials */
    size_t every, n;                      /* blocks: all, or trials */
    siren_context_examples *parts;        /* (n) each with room for its examples */
    size_t *n_bytes;                      /* (n, 2) of a trial without and with the network */
    siren_progress_fn progress;
    void *user;
    atomic_size_t next;
    atomic_int status;
    char message[SIREN_MESSAGE_BYTES];
} fitting;

/* The voxels of one block. */
typedef struct {
    siren_block block;
    siren_predictive_plan plan;
    uint32_t *points;
    uint8_t *voxels, *inside;
} cut_block;

static void cut_free(cut_block *cut) {
    free(cut->points);
    free(cut->voxels);
    free(cut->inside);
}

static siren_status cut(const fitting *all, size_t nth, cut_block *out) {
    const siren_layout *layout = all->layout;
    const siren_geometry *g = &layout->geometry;
    SIREN_TRY(
        siren_mask_block(&layout->mask, &layout->grid, layout->grid.first + nth, &out->block, &out->points));
    size_t n_voxels = siren_block_voxels(&out->block);
    SIREN_TRY(siren_allocate(&out->voxels, n_voxels * g->n_volumes, siren_datatype_size(g->datatype),
                             "a block's voxels"));
    SIREN_TRY(siren_allocate(&out->inside, n_voxels, 1, "a block's mask"));
    siren_block_cut(all->series, &out->block, out->voxels);
    out->plan = siren_block_predictive_plan(layout, &out->block, out->inside, NULL);
    return SIREN_OK;
}

static siren_status collect(fitting *all, size_t nth) {
    SIREN_AT_END(cut_free) cut_block block = {.points = NULL};
    SIREN_TRY(cut(all, nth, &block));
    return siren_predictive_collect(&block.plan, block.voxels, all->every, nth * 7 % all->every,
                                    &all->parts[nth]);
}

static siren_status compare(fitting *all, size_t nth) {
    SIREN_AT_END(cut_free) cut_block block = {.points = NULL};
    SIREN_TRY(cut(all, (2 * nth + 1) * all->layout->grid.count / (2 * all->n), &block));
    for (size_t with = 0; with < 2; with++) {
        SIREN_FREE_AT_END uint8_t *bytes = NULL;
        block.plan.network = with ? all->network : NULL;
        SIREN_TRY(siren_predictive_encode(&block.plan, block.voxels, &bytes, &all->n_bytes[2 * nth + with]));
    }
    return SIREN_OK;
}

/* The first of them, in the caller's thread, asks whether to go on. */
static void member(void *user, size_t i) {
    fitting *all = user;
    for (size_t nth; all->status == SIREN_OK && (nth = atomic_fetch_add(&all->next, 1)) < all->n;) {
        siren_status status = all->network ? compare(all, nth) : collect(all, nth);
        int none = SIREN_OK;
        if (status == SIREN_OK && i == 0 && all->progress &&
            !all->progress(all->user, (double)(nth + 1), (double)all->n,
                           all->network ? "measuring" : "features"))
            status = siren_fail(SIREN_CANCELLED, "compression was interrupted");
        if (status != SIREN_OK && atomic_compare_exchange_strong(&all->status, &none, (int)status))
            snprintf(all->message, sizeof all->message, "%s", siren_message());
    }
}

static siren_status run(fitting *all) {
    all->next = 0;
    size_t n_team = siren_processors() < all->n ? siren_processors() : all->n;
    SIREN_TRY(siren_threads_run(n_team, member, all));
    if (all->status == SIREN_OK) return SIREN_OK;
    return siren_fail((siren_status)all->status, "%s", all->message);
}

/* Room for the examples of each block, side by side. */
static siren_status share_room(fitting *all, siren_context_examples *out) {
    const siren_block_grid *grid = &all->layout->grid;
    size_t n = 0;
    for (size_t i = 0; i < all->n; i++) {
        siren_block block = siren_block_at(grid, grid->first + i);
        siren_predictive_plan plan = {
            .nx = block.nx, .ny = block.ny, .nz = block.nz, .n_volumes = all->layout->geometry.n_volumes};
        all->parts[i].n = siren_predictive_n_examples(&plan, all->every);
        n += all->parts[i].n;
    }
    SIREN_TRY(siren_allocate(&out->features, n, SIREN_FEATURES, "the examples"));
    SIREN_TRY(siren_allocate(&out->targets, n, 2 * sizeof *out->targets, "the examples"));
    n = 0;
    for (size_t i = 0; i < all->n; i++) {
        siren_context_examples *part = &all->parts[i];
        part->features = out->features + n * SIREN_FEATURES;
        part->targets = out->targets + 2 * n;
        n += part->n;
        part->n = 0;
    }
    return SIREN_OK;
}

static void close_ranks(const fitting *all, siren_context_examples *out) {
    for (size_t i = 0; i < all->n; i++) {
        const siren_context_examples *part = &all->parts[i];
        memmove(out->features + out->n * SIREN_FEATURES, part->features, part->n * SIREN_FEATURES);
        memmove(out->targets + 2 * out->n, part->targets, 2 * part->n * sizeof *part->targets);
        out->n += part->n;
    }
}

static void examples_free(siren_context_examples *examples) {
    free(examples->features);
    free(examples->targets);
}

/* Whether records become smaller by more than the network takes, as some tell. */
static siren_status is_worth(fitting *all, const siren_context_network *network, size_t n_network,
                             bool *out) {
    size_t n_bytes[TRIALS][2] = {{0}};
    double saved = 0;
    const size_t count = all->layout->grid.count;
    all->n = count < TRIALS ? count : TRIALS;
    all->network = network;
    all->n_bytes = n_bytes[0];
    SIREN_TRY(run(all));
    for (size_t i = 0; i < all->n; i++) saved += (double)n_bytes[i][0] - (double)n_bytes[i][1];
    *out = saved * (double)count / (double)all->n > (double)n_network;
    return SIREN_OK;
}

static size_t values_of(const siren_layout *layout) {
    const siren_geometry *g = &layout->geometry;
    return g->nx * g->ny * (layout->grid.z_end - layout->grid.z_begin) * g->n_volumes;
}

static effort_level level_of(uint32_t effort, size_t n_values, size_t n_examples) {
    effort_level level = levels[effort];
    const size_t n_steps = n_examples * level.n_passes / SIREN_CONTEXT_BATCH;
    if (n_values < FEW_VALUES) level.widths[0] = level.widths[1] = 16;
    if (level.n_steps > n_steps) level.n_steps = n_steps;
    return level;
}

siren_status siren_context_fit_seconds(const siren_layout *layout, uint32_t effort, double *out) {
    const size_t n_values = values_of(layout), n_steps = 20;
    *out = 0;
    if (effort < SIREN_EFFORT_WITH_NETWORK || n_values < LEAST_VALUES) return SIREN_OK;
    SIREN_AT_END(examples_free) siren_context_examples examples = {.n = SIREN_CONTEXT_BATCH};
    SIREN_FREE_AT_END siren_context_network *network = NULL;
    const effort_level level =
        level_of(effort, n_values, n_values < MOST_EXAMPLES ? n_values : MOST_EXAMPLES);
    siren_context_training training = {
        .widths = {level.widths[0], level.widths[1]}, .n_steps = n_steps, .rate = .008f};
    SIREN_TRY(siren_allocate(&network, 1, sizeof *network, "the context network"));
    SIREN_TRY(siren_allocate(&examples.features, examples.n, SIREN_FEATURES, "the examples"));
    SIREN_TRY(siren_allocate(&examples.targets, examples.n, 2 * sizeof *examples.targets, "the examples"));
    for (size_t i = 0; i < examples.n; i++) examples.targets[2 * i + 1] = 1;
    const double start = siren_clock();
    SIREN_TRY(siren_context_train(&examples, &training, network, NULL));
    *out = (siren_clock() - start) * (double)level.n_steps / (double)n_steps;
    return SIREN_OK;
}

siren_status siren_context_fit(const siren_series *series, const siren_layout *layout, uint32_t effort,
                               uint64_t seed, size_t memory_limit, siren_progress_fn progress, void *user,
                               uint8_t **bytes, size_t *n_bytes) {
    SIREN_AT_END(examples_free) siren_context_examples examples = {.n = 0};
    SIREN_FREE_AT_END siren_context_examples *parts = NULL;
    SIREN_FREE_AT_END siren_context_network *network = NULL;
    SIREN_FREE_AT_END uint8_t *coded = NULL;
    const siren_block_grid *grid = &layout->grid;
    *bytes = NULL;
    *n_bytes = 0;
    if (effort < SIREN_EFFORT_WITH_NETWORK) return SIREN_OK;
    const size_t n_values = values_of(layout), room = memory_limit / 4 / (SIREN_FEATURES + 2 * sizeof(float)),
                 most = room < MOST_EXAMPLES ? room : MOST_EXAMPLES;
    if (n_values < LEAST_VALUES || most < SIREN_CONTEXT_BATCH) return SIREN_OK;
    fitting all = {.series = series,
                   .layout = layout,
                   .every = n_values / most + 1,
                   .n = grid->count,
                   .progress = progress,
                   .user = user};
    SIREN_TRY(siren_allocate(&parts, grid->count, sizeof *parts, "the examples"));
    SIREN_TRY(siren_allocate(&network, 1, sizeof *network, "the context network"));
    all.parts = parts;
    SIREN_TRY(share_room(&all, &examples));
    SIREN_TRY(run(&all));
    close_ranks(&all, &examples);
    if (examples.n < SIREN_CONTEXT_BATCH) return SIREN_OK;
    const effort_level level = level_of(effort, n_values, examples.n);
    siren_context_training training = {.widths = {level.widths[0], level.widths[1]},
                                       .n_steps = level.n_steps,
                                       .rate = .008f,
                                       .seed = seed,
                                       .progress = progress,
                                       .user = user};
    bool worth = false;
    size_t n_coded;
    SIREN_TRY(siren_context_train(&examples, &training, network, NULL));
    SIREN_TRY(siren_context_encode(network, &coded, &n_coded));
    SIREN_TRY(is_worth(&all, network, n_coded, &worth));
    if (!worth) return SIREN_OK;
    *n_bytes = n_coded;
    *bytes = SIREN_TAKE(coded);
    return SIREN_OK;
}
