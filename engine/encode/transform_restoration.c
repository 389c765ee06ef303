#include "engine/encode/transform_restoration.h"

#include "engine/transform/restoration.h"
#include "host/threads.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_EXAMPLES 1500000
#define LEAST_BYTES 24576 /* of records: of fewer a network takes more than it saves */
#define FEW_BYTES 393216  /* below, the smallest network */

/* Blocks are dealt to threads; their examples stand in the order of blocks. */
typedef struct {
    const siren_series *series;
    const siren_layout *layout;
    const siren_scaling *limits;
    const siren_transform_blocks *blocks;
    siren_transform_basis basis;
    size_t every;
    siren_context_examples *parts; /* (blocks) */
} collection;

static void collection_free(collection *c) {
    for (size_t i = 0; c->parts && i < c->blocks->n; i++) {
        free(c->parts[i].features);
        free(c->parts[i].targets);
    }
    free(c->parts);
    siren_transform_basis_free(&c->basis);
}

static siren_status collect_block(void *user, size_t nth) {
    collection *c = user;
    const siren_layout *layout = c->layout;
    const size_t number = layout->grid.first + nth, n_volumes = layout->geometry.n_volumes;
    const uint8_t *bytes = c->blocks->records[nth], *corrections;
    size_t n_bytes = c->blocks->n_record_bytes[nth], n_corrections;
    SIREN_FREE_AT_END uint32_t *inside = NULL;
    SIREN_FREE_AT_END float *targets = NULL;
    SIREN_FREE_AT_END siren_scaling *scaling = NULL;
    siren_transform_record record;
    siren_block block;
    siren_apart apart;
    char name[64];
    siren_block_name(&layout->grid, number, name, sizeof name);
    SIREN_TRY(siren_mask_block(&layout->mask, &layout->grid, number, &block, &inside));
    SIREN_TRY(
        siren_allocate(&targets, siren_block_points(&block) * n_volumes, sizeof *targets, "the targets"));
    SIREN_TRY(siren_allocate(&scaling, n_volumes, sizeof *scaling, "the scaling"));
    SIREN_TRY(siren_block_gather(c->series, &block, c->limits, targets, scaling, &apart));
    SIREN_TRY(siren_record_split(name, layout, bytes, &n_bytes, &corrections, &n_corrections));
    SIREN_TRY(siren_transform_record_read(name, layout, siren_block_points(&block), bytes, n_bytes, &record));
    return siren_transform_lacking(&c->basis, name, &block, record.stream, record.n_stream, targets, c->every,
                                   nth * 7 % c->every, &c->parts[nth]);
}

/* The examples of all blocks, in their order; yours. */
static siren_status gather(collection *c, siren_context_examples *out) {
    size_t n = 0;
    for (size_t i = 0; i < c->blocks->n; i++) n += c->parts[i].n;
    SIREN_TRY(siren_allocate(&out->features, n, SIREN_RESTORATION_FEATURES, "the examples"));
    SIREN_TRY(siren_allocate(&out->targets, n, sizeof *out->targets, "the examples"));
    for (size_t i = 0; i < c->blocks->n; i++) {
        const siren_context_examples *part = &c->parts[i];
        if (part->n == 0) continue;
        memcpy(out->features + out->n * SIREN_RESTORATION_FEATURES, part->features,
               part->n * SIREN_RESTORATION_FEATURES);
        memcpy(out->targets + out->n, part->targets, part->n * sizeof *out->targets);
        out->n += part->n;
    }
    return SIREN_OK;
}

/* `examples` are freed by the caller in any case. */
static siren_status collect(const siren_series *series, const siren_layout *layout,
                            const siren_scaling *limits, const siren_transform_blocks *blocks,
                            siren_context_examples *examples) {
    SIREN_AT_END(collection_free)
    collection c = {.series = series, .layout = layout, .limits = limits, .blocks = blocks};
    SIREN_TRY(siren_transform_basis_decode("the basis", blocks->basis, blocks->n_basis,
                                           layout->geometry.n_volumes, &c.basis));
    c.basis.dependent = layout->dependent;
    c.every = siren_block_grid_points(&layout->grid) * blocks->n * c.basis.n_components / MOST_EXAMPLES + 1;
    SIREN_TRY(siren_allocate(&c.parts, blocks->n, sizeof *c.parts, "the examples"));
    SIREN_TRY(siren_threads_each(blocks->n, collect_block, &c));
    return gather(&c, examples);
}

static siren_status train(const siren_context_examples *examples, const siren_context_training *training,
                          uint8_t **section, size_t *n_section, double *gain) {
    SIREN_FREE_AT_END siren_context_network *network = NULL;
    double before = 0, after; /* half squares in nats, and in bits */
    SIREN_TRY(siren_allocate(&network, 1, sizeof *network, "the restoration network"));
    for (size_t i = 0; i < examples->n; i++)
        before += (double)examples->targets[i] * (double)examples->targets[i] / 2;
    SIREN_TRY(siren_context_train(examples, training, network, &after));
    *gain = before > 0 && after > 0 ? 10 * log10(before / (double)examples->n / (after * log(2))) : 0;
    return siren_context_encode(network, section, n_section);
}

siren_status siren_transform_restoration_fit(const siren_series *series, const siren_layout *layout,
                                             const siren_scaling *limits,
                                             const siren_transform_blocks *blocks,
                                             const siren_transform_context_plan *plan, uint8_t **section,
                                             size_t *n_section, double *gain) {
    siren_context_examples examples = {.n = 0};
    size_t n_bytes = 0;
    *section = NULL;
    *n_section = 0;
    *gain = 0;
    for (size_t i = 0; i < blocks->n; i++) n_bytes += blocks->n_record_bytes[i];
    if (plan->effort < SIREN_EFFORT_WITH_TRANSFORM_NETWORK || n_bytes < LEAST_BYTES) return SIREN_OK;
    siren_status status = collect(series, layout, limits, blocks, &examples);
    if (status == SIREN_OK && examples.n >= SIREN_CONTEXT_BATCH) {
        siren_context_training training =
            siren_transform_context_training(SIREN_CONTEXT_OF_PIXELS, plan->effort, n_bytes, examples.n);
        if (n_bytes < FEW_BYTES) training.widths[0] = training.widths[1] = 16;
        training.seed = plan->seed;
        training.progress = plan->progress;
        training.user = plan->user;
        status = train(&examples, &training, section, n_section, gain);
    }
    free(examples.features);
    free(examples.targets);
    return status;
}
