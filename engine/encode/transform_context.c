#include "engine/encode/transform_context.h"

#include "engine/transform/transform.h"
#include "host/threads.h"

#include <stdlib.h>
#include <string.h>

#define MOST_EXAMPLES 4000000
#define LEAST_BYTES 16384 /* of records: fewer save less than a network takes */
#define FEW_BYTES 98304   /* below, the smallest network */
#define USUAL_DENSITY 5   /* coefficients of a byte, at most, where there are many */
#define RATE .008f

/* What an effort trains. */
typedef struct {
    uint32_t widths[2];
    size_t n_steps, n_passes; /* at most, the second through the examples */
} effort_level;
static const effort_level levels[] = {[6] = {{32, 32}, 5000, 8},
                                      [7] = {{32, 32}, 15000, 20},
                                      [8] = {{48, 32}, 40000, 40},
                                      [9] = {{64, 32}, 100000, 80}};

/* Blocks are dealt to threads; what they leave stands in the order of blocks. */
typedef struct {
    const siren_layout *layout;
    const siren_transform_blocks *blocks;
    siren_transform_basis basis;
    const siren_context_network *network; /* that records are coded with; NULL: examples are collected */
    size_t every;
    siren_context_examples *parts; /* (blocks) */
    uint8_t **records;             /* (blocks) with the network */
    size_t *n_record_bytes;        /* (blocks) */
} team;

static void free_parts(siren_context_examples *parts, size_t n) {
    for (size_t i = 0; parts && i < n; i++) {
        free(parts[i].features);
        free(parts[i].magnitudes);
    }
    free(parts);
}

static void free_records(uint8_t **records, size_t n) {
    for (size_t i = 0; records && i < n; i++) free(records[i]);
    free(records);
}

/* A record whose stream begins `n_before` bytes from its start, with another stream. */
static siren_status replace_stream(const uint8_t *record, size_t n_before, const uint8_t *stream,
                                   size_t n_stream, uint8_t **out, size_t *n_out) {
    SIREN_TRY(siren_allocate(out, n_before + n_stream, 1, "a record"));
    memcpy(*out, record, n_before);
    memcpy(*out + n_before, stream, n_stream);
    *n_out = n_before + n_stream;
    return SIREN_OK;
}

static siren_status one(void *user, size_t nth) {
    team *t = user;
    const siren_layout *layout = t->layout;
    const uint8_t *bytes = t->blocks->records[nth], *corrections;
    size_t n_bytes = t->blocks->n_record_bytes[nth], n_corrections, n_stream;
    SIREN_FREE_AT_END uint32_t *inside = NULL;
    SIREN_FREE_AT_END uint8_t *stream = NULL;
    siren_transform_record record;
    siren_block block;
    char name[64];
    siren_block_name(&layout->grid, layout->grid.first + nth, name, sizeof name);
    SIREN_TRY(siren_mask_block(&layout->mask, &layout->grid, layout->grid.first + nth, &block, &inside));
    SIREN_TRY(siren_record_split(name, layout, bytes, &n_bytes, &corrections, &n_corrections));
    SIREN_TRY(siren_transform_record_read(name, layout, siren_block_points(&block), bytes, n_bytes, &record));
    if (!t->network)
        return siren_transform_collect_slice(&t->basis, name, &block, record.stream, record.n_stream,
                                             t->every, nth * 7 % t->every, &t->parts[nth]);
    SIREN_TRY(siren_transform_recode_slice(&t->basis, t->network, name, &block, record.stream,
                                           record.n_stream, &stream, &n_stream));
    SIREN_TRY(replace_stream(bytes, (size_t)(record.stream - bytes), stream, n_stream, &t->records[nth],
                             &t->n_record_bytes[nth]));
    if (!layout->corrected) return SIREN_OK;
    return siren_record_append(corrections, n_corrections, &t->records[nth], &t->n_record_bytes[nth]);
}

static size_t bytes_of(const size_t *n_bytes, size_t n) {
    size_t sum = 0;
    for (size_t i = 0; i < n; i++) sum += n_bytes[i];
    return sum;
}

/* The examples of all blocks, in their order. */
static siren_status gather(const siren_context_examples *parts, size_t n, siren_context_examples *out) {
    size_t sum = 0;
    for (size_t i = 0; i < n; i++) sum += parts[i].n;
    SIREN_TRY(siren_allocate(&out->features, sum, SIREN_COEFFICIENT_FEATURES, "the examples"));
    SIREN_TRY(siren_allocate(&out->magnitudes, sum, 1, "the examples"));
    for (size_t i = 0; i < n; i++) {
        memcpy(out->features + out->n * SIREN_COEFFICIENT_FEATURES, parts[i].features,
               parts[i].n * SIREN_COEFFICIENT_FEATURES);
        memcpy(out->magnitudes + out->n, parts[i].magnitudes, parts[i].n);
        out->n += parts[i].n;
    }
    return SIREN_OK;
}

static siren_status collect(team *t, siren_context_examples *out) {
    const size_t n = t->blocks->n;
    SIREN_TRY(siren_allocate(&t->parts, n, sizeof *t->parts, "the examples"));
    siren_status status = siren_threads_each(n, one, t);
    if (status == SIREN_OK) status = gather(t->parts, n, out);
    free_parts(t->parts, n);
    t->parts = NULL;
    return status;
}

siren_context_training siren_transform_context_training(siren_context_kind kind, uint32_t effort,
                                                        size_t n_bytes, size_t n_examples) {
    const effort_level *level = &levels[effort];
    const size_t n_steps = n_examples * level->n_passes / SIREN_CONTEXT_BATCH;
    siren_context_training training = {.kind = kind,
                                       .widths = {level->widths[0], level->widths[1]},
                                       .n_steps = n_steps < level->n_steps ? n_steps : level->n_steps,
                                       .rate = RATE};
    if (n_bytes < FEW_BYTES) training.widths[0] = training.widths[1] = 16;
    return training;
}

siren_status siren_transform_context_seconds(uint32_t effort, size_t n_bytes, double *out) {
    SIREN_FREE_AT_END int8_t *features = NULL;
    SIREN_FREE_AT_END uint8_t *magnitudes = NULL;
    SIREN_FREE_AT_END siren_context_network *network = NULL;
    const size_t n_steps = 20;
    *out = 0;
    if (effort < SIREN_EFFORT_WITH_TRANSFORM_NETWORK || n_bytes < LEAST_BYTES) return SIREN_OK;
    siren_context_training training = siren_transform_context_training(SIREN_CONTEXT_OF_COEFFICIENTS, effort,
                                                                       n_bytes, n_bytes * USUAL_DENSITY);
    const double share = (double)training.n_steps / (double)n_steps;
    training.n_steps = n_steps;
    SIREN_TRY(siren_allocate(&network, 1, sizeof *network, "the context network"));
    SIREN_TRY(siren_allocate(&features, SIREN_CONTEXT_BATCH, SIREN_COEFFICIENT_FEATURES, "the examples"));
    SIREN_TRY(siren_allocate(&magnitudes, SIREN_CONTEXT_BATCH, 1, "the examples"));
    const siren_context_examples examples = {
        .n = SIREN_CONTEXT_BATCH, .features = features, .magnitudes = magnitudes};
    const double start = siren_clock();
    SIREN_TRY(siren_context_train(&examples, &training, network, NULL));
    *out = (siren_clock() - start) * share;
    return SIREN_OK;
}

siren_status siren_transform_context_fit(const siren_layout *layout, const siren_transform_blocks *blocks,
                                         const siren_transform_context_plan *plan, uint8_t **section,
                                         size_t *n_section) {
    const size_t n_bytes = bytes_of(blocks->n_record_bytes, blocks->n);
    siren_context_examples examples = {.n = 0};
    SIREN_FREE_AT_END siren_context_network *network = NULL;
    *section = NULL;
    *n_section = 0;
    if (plan->effort < SIREN_EFFORT_WITH_TRANSFORM_NETWORK || n_bytes < LEAST_BYTES) return SIREN_OK;
    team t = {.layout = layout, .blocks = blocks, .every = n_bytes * USUAL_DENSITY / MOST_EXAMPLES + 1};
    SIREN_TRY(siren_allocate(&network, 1, sizeof *network, "the context network"));
    SIREN_TRY(siren_transform_basis_decode("the basis", blocks->basis, blocks->n_basis,
                                           layout->geometry.n_volumes, &t.basis));
    t.basis.dependent = layout->dependent;
    siren_status status = collect(&t, &examples);
    siren_transform_basis_free(&t.basis);
    if (status == SIREN_OK && examples.n >= SIREN_CONTEXT_BATCH) {
        siren_context_training training = siren_transform_context_training(SIREN_CONTEXT_OF_COEFFICIENTS,
                                                                           plan->effort, n_bytes, examples.n);
        training.seed = plan->seed;
        training.progress = plan->progress;
        training.user = plan->user;
        status = siren_context_train(&examples, &training, network, NULL);
        if (status == SIREN_OK) status = siren_context_encode(network, section, n_section);
    }
    free(examples.features);
    free(examples.magnitudes);
    return status;
}

siren_status siren_transform_context_use(const siren_layout *layout, const uint8_t *section, size_t n_section,
                                         siren_transform_blocks *blocks, size_t *n_saved) {
    SIREN_FREE_AT_END siren_context_network *network = NULL;
    SIREN_FREE_AT_END size_t *n_record_bytes = NULL;
    const size_t n = blocks->n, n_before = bytes_of(blocks->n_record_bytes, n);
    team t = {.layout = layout, .blocks = blocks};
    *n_saved = 0;
    SIREN_TRY(siren_allocate(&network, 1, sizeof *network, "the context network"));
    SIREN_TRY(siren_context_decode("the context network", SIREN_CONTEXT_OF_COEFFICIENTS, section, n_section,
                                   network));
    SIREN_TRY(siren_allocate(&n_record_bytes, n, sizeof *n_record_bytes, "the records"));
    SIREN_TRY(siren_allocate(&t.records, n, sizeof *t.records, "the records"));
    t.network = network;
    t.n_record_bytes = n_record_bytes;
    siren_status status = siren_transform_basis_decode("the basis", blocks->basis, blocks->n_basis,
                                                       layout->geometry.n_volumes, &t.basis);
    t.basis.dependent = layout->dependent;
    if (status == SIREN_OK) status = siren_threads_each(n, one, &t);
    siren_transform_basis_free(&t.basis);
    const size_t n_after = bytes_of(n_record_bytes, n);
    if (status == SIREN_OK && n_after + n_section < n_before) {
        uint8_t **records = blocks->records;
        blocks->records = t.records;
        t.records = records;
        memcpy(blocks->n_record_bytes, n_record_bytes, n * sizeof *n_record_bytes);
        *n_saved = n_before - n_after;
    }
    free_records(t.records, n);
    return status;
}
