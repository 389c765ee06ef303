#include "engine/encode/context_fit.h"

#include "engine/encode/context_trainer.h"
#include "engine/encode/corrected.h"
#include "host/threads.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_EXAMPLES 4000000
#define RATE .008f
#define LEAST_VALUES 32768 /* of a series: fewer save less than a network takes */
#define FEW_VALUES 262144  /* below, the smallest network */
#define TRIALS 4           /* blocks that are coded with and without the network */
/* What an expectation trains on, and for how long: a second or two. */
#define EXPECTED_BLOCKS 6
#define EXPECTED_EXAMPLES 100000
#define EXPECTED_STEPS 400

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
    size_t every, n;               /* so many blocks, evenly spaced, of each every so many-th example */
    siren_context_examples *parts; /* (n) each with room for its examples */
    size_t *n_bytes;               /* (n, 2) of a trial without and with the network */
    siren_progress_fn progress;    /* or NULL */
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

/* Of all blocks the nth of `all->n`. */
static size_t number_of(const fitting *all, size_t nth) {
    const siren_block_grid *grid = &all->layout->grid;
    return grid->first + (2 * nth + 1) * grid->count / (2 * all->n);
}

static siren_status cut(const fitting *all, size_t nth, cut_block *out) {
    const siren_layout *layout = all->layout;
    const siren_geometry *g = &layout->geometry;
    SIREN_TRY(siren_mask_block(&layout->mask, &layout->grid, number_of(all, nth), &out->block, &out->points));
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
    SIREN_TRY(cut(all, nth, &block));
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
    siren_threads_run(n_team, member, all);
    if (all->status == SIREN_OK) return SIREN_OK;
    return siren_fail((siren_status)all->status, "%s", all->message);
}

/* Room for the examples of each block, side by side. */
static siren_status share_room(fitting *all, siren_context_examples *out) {
    size_t n = 0;
    for (size_t i = 0; i < all->n; i++) {
        siren_block block = siren_block_at(&all->layout->grid, number_of(all, i));
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

/* What a network saves of the bytes of all records, as some tell, and what these take without it. */
static siren_status measure_saving(fitting *all, const siren_context_network *network, double *without,
                                   double *saved) {
    size_t n_bytes[TRIALS][2] = {{0}};
    const size_t count = all->layout->grid.count;
    all->n = count < TRIALS ? count : TRIALS;
    all->network = network;
    all->n_bytes = n_bytes[0];
    *without = *saved = 0;
    SIREN_TRY(run(all));
    const double share = (double)count / (double)all->n;
    for (size_t i = 0; i < all->n; i++) {
        *without += (double)n_bytes[i][0] * share;
        *saved += ((double)n_bytes[i][0] - (double)n_bytes[i][1]) * share;
    }
    return SIREN_OK;
}

static size_t values_of(const siren_layout *layout) {
    const siren_geometry *g = &layout->geometry;
    return g->nx * g->ny * (layout->grid.z_end - layout->grid.z_begin) * g->n_volumes;
}

/* What examples allow of an effort. */
static effort_level limited(effort_level level, size_t n_values, size_t n_examples) {
    const size_t n_steps = n_examples * level.n_passes / SIREN_CONTEXT_BATCH;
    if (n_values < FEW_VALUES) level.widths[0] = level.widths[1] = 16;
    if (level.n_steps > n_steps) level.n_steps = n_steps;
    return level;
}

/* A network in training and in trials. */
typedef struct {
    siren_context_network network;
    uint8_t *coded;
    size_t n_coded;
    double without, saved, seconds; /* bytes of all records; of the training */
} fitted;

static void fitted_free(fitted **fit) {
    if (*fit) free((*fit)->coded);
    free(*fit);
}

/* On examples of `n_blocks` blocks, at most `most` of them; `*out` is NULL where there are too few. */
static siren_status fit_network(const siren_series *series, const siren_layout *layout, size_t n_blocks,
                                size_t most, siren_context_training *training, effort_level level,
                                fitted **out) {
    SIREN_AT_END(examples_free) siren_context_examples examples = {.n = 0};
    SIREN_AT_END(fitted_free) fitted *fit = NULL;
    SIREN_FREE_AT_END siren_context_examples *parts = NULL;
    const size_t n_values = values_of(layout) / layout->grid.count * n_blocks;
    fitting all = {.series = series,
                   .layout = layout,
                   .every = n_values / most + 1,
                   .n = n_blocks,
                   .progress = training->progress,
                   .user = training->user};
    *out = NULL;
    SIREN_TRY(siren_allocate(&parts, n_blocks, sizeof *parts, "the examples"));
    SIREN_TRY(siren_allocate(&fit, 1, sizeof *fit, "the context network"));
    all.parts = parts;
    SIREN_TRY(share_room(&all, &examples));
    SIREN_TRY(run(&all));
    close_ranks(&all, &examples);
    if (examples.n < SIREN_CONTEXT_BATCH) return SIREN_OK;
    level = limited(level, values_of(layout), examples.n);
    memcpy(training->widths, level.widths, sizeof training->widths);
    training->n_steps = level.n_steps;
    const double start = siren_clock();
    SIREN_TRY(siren_context_train(&examples, training, &fit->network, NULL));
    fit->seconds = siren_clock() - start;
    SIREN_TRY(siren_context_encode(&fit->network, &fit->coded, &fit->n_coded));
    SIREN_TRY(measure_saving(&all, &fit->network, &fit->without, &fit->saved));
    *out = SIREN_TAKE(fit);
    return SIREN_OK;
}

/* How many examples there is room for; 0 where a series gets no network. */
static size_t most_examples(const siren_layout *layout, uint32_t effort, size_t memory_limit) {
    const size_t room = memory_limit / 4 / (SIREN_FEATURES + 2 * sizeof(float)),
                 most = room < MOST_EXAMPLES ? room : MOST_EXAMPLES;
    return effort < SIREN_EFFORT_WITH_NETWORK || values_of(layout) < LEAST_VALUES ||
                   most < SIREN_CONTEXT_BATCH
               ? 0
               : most;
}

siren_status siren_context_expect(const siren_series *series, const siren_layout *layout, uint32_t effort,
                                  uint64_t seed, size_t memory_limit, siren_progress_fn progress, void *user,
                                  siren_context_expectation *out) {
    SIREN_AT_END(fitted_free) fitted *fit = NULL;
    const size_t n_values = values_of(layout), most = most_examples(layout, effort, memory_limit),
                 count = layout->grid.count;
    *out = (siren_context_expectation){.share = 1};
    if (most == 0) return SIREN_OK;
    const effort_level real = limited(levels[effort], n_values, n_values < most ? n_values : most);
    effort_level level = levels[effort];
    if (level.n_steps > EXPECTED_STEPS) level.n_steps = EXPECTED_STEPS;
    siren_context_training training = {.rate = RATE, .seed = seed, .progress = progress, .user = user};
    SIREN_TRY(fit_network(series, layout, count < EXPECTED_BLOCKS ? count : EXPECTED_BLOCKS,
                          most < EXPECTED_EXAMPLES ? most : EXPECTED_EXAMPLES, &training, level, &fit));
    if (!fit) return SIREN_OK;
    out->seconds = fit->seconds * (double)real.n_steps / (double)training.n_steps;
    if (fit->saved <= (double)fit->n_coded) return SIREN_OK;
    out->share = 1 - fit->saved / fit->without;
    out->n_bytes = fit->n_coded;
    return SIREN_OK;
}

siren_status siren_context_fit(const siren_series *series, const siren_layout *layout, uint32_t effort,
                               uint64_t seed, size_t memory_limit, siren_progress_fn progress, void *user,
                               uint8_t **bytes, size_t *n_bytes) {
    SIREN_AT_END(fitted_free) fitted *fit = NULL;
    const size_t most = most_examples(layout, effort, memory_limit);
    *bytes = NULL;
    *n_bytes = 0;
    if (most == 0) return SIREN_OK;
    siren_context_training training = {.rate = RATE, .seed = seed, .progress = progress, .user = user};
    SIREN_TRY(fit_network(series, layout, layout->grid.count, most, &training, levels[effort], &fit));
    if (!fit || fit->saved <= (double)fit->n_coded) return SIREN_OK;
    *n_bytes = fit->n_coded;
    *bytes = SIREN_TAKE(fit->coded);
    return SIREN_OK;
}
