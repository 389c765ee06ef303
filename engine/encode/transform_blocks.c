#include "engine/encode/transform_blocks.h"

#include "engine/encode/fidelity.h"
#include "engine/transform/transform.h"
#include "host/threads.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENTRY_BYTES 56 /* of a record in the index (docs/archive-format.md) */
/* Steps are told in octaves: the finest and the coarsest that there are, and how near two are that make no difference
 * (docs/transform.md). */
#define FINEST (-16.0)
#define COARSEST 1.0
#define SAME (1.0 / 256)
#define MOST_ROUNDS 9
#define SOME_SLICES 6     /* of many: they are coded first */
#define CLOSE_RATIO 0.004 /* of the bytes wanted: nearer is not worth a round */
#define CLOSE_PSNR 0.02   /* dB */

void siren_transform_blocks_free(siren_transform_blocks *blocks) {
    if (!blocks) return;
    for (size_t i = 0; blocks->records && i < blocks->n; i++) free(blocks->records[i]);
    free(blocks->records);
    free(blocks->n_record_bytes);
    free(blocks->entries);
    free(blocks->basis);
    *blocks = (siren_transform_blocks){0};
}

siren_status siren_transform_blocks_write(const siren_transform_blocks *blocks,
                                          siren_archive_writer *writer) {
    for (size_t i = 0; i < blocks->n; i++)
        SIREN_TRY(siren_archive_writer_packed_record(writer, &blocks->entries[i], blocks->records[i],
                                                     blocks->n_record_bytes[i], blocks->n_record_bytes[i]));
    return SIREN_OK;
}

/* ---- one round ---- */

/* A team whose members take the next block until there is none, or one has failed. */
typedef struct {
    const siren_series *series;
    siren_layout layout; /* with this round's basis */
    const siren_transform_basis *basis;
    siren_transform_plan plan;
    size_t every; /* so many-th block of the grid is coded */
    size_t memory_limit;
    siren_transform_blocks *out;
    atomic_size_t next;
    atomic_bool failed;
    siren_status status; /* of the first failure, */
    char message[SIREN_MESSAGE_BYTES];
} round_team;

/* What siren_block_decode() is watched with. */
typedef struct {
    const float *targets;
    size_t n_volumes;
    siren_fidelity_sums sums;
} watched;

static siren_status watch(void *user, size_t first, size_t n, const float *y) {
    watched *w = user;
    siren_fidelity_add(&w->sums, n, w->n_volumes, y, w->targets + first * w->n_volumes, NULL);
    return SIREN_OK;
}

static siren_status encode_block(round_team *team, siren_block_decoder *decoder, size_t nth) {
    const siren_layout *layout = &team->layout;
    const siren_geometry *g = &layout->geometry;
    size_t number = layout->grid.first + nth * team->every, n_stream;
    siren_apart apart;
    siren_block block;
    char name[64];
    const void *voxels;
    SIREN_FREE_AT_END uint32_t *inside = NULL;
    SIREN_FREE_AT_END float *targets = NULL;
    SIREN_FREE_AT_END siren_scaling *scaling = NULL;
    SIREN_FREE_AT_END uint8_t *stream = NULL;
    SIREN_TRY(siren_mask_block(&layout->mask, &layout->grid, number, &block, &inside));
    size_t n_points = siren_block_points(&block);
    SIREN_TRY(siren_allocate(&targets, n_points * g->n_volumes, sizeof *targets, "the targets"));
    SIREN_TRY(siren_allocate(&scaling, g->n_volumes, sizeof *scaling, "the scaling"));
    SIREN_TRY(siren_block_gather(team->series, &block, team->plan.limits, targets, scaling, &apart));
    SIREN_TRY(siren_transform_encode_slice(team->basis, &team->plan, &block, targets, &stream, &n_stream));
    siren_index_entry *entry = &team->out->entries[nth];
    uint8_t **record = &team->out->records[nth];
    SIREN_TRY(siren_transform_record_write(layout, &block, team->series, scaling, stream, n_stream, apart.n,
                                           record, &team->out->n_record_bytes[nth]));
    *entry = (siren_index_entry){.block = (uint32_t)number, .plain = true};
    watched w = {.targets = targets, .n_volumes = g->n_volumes};
    siren_block_name(&layout->grid, number, name, sizeof name);
    SIREN_TRY(siren_block_decode(decoder, name, &block, *record, team->out->n_record_bytes[nth], watch, &w,
                                 &voxels, &entry->decoded_crc));
    siren_fidelity fidelity = siren_fidelity_of(&w.sums);
    bool constant =
        true; /* then every value is restored as its volume's minimum, whatever the transform says */
    for (size_t volume = 0; volume < g->n_volumes; volume++)
        constant = constant && scaling[volume].minimum == scaling[volume].maximum;
    entry->mse = fidelity.n && !constant ? fidelity.mse : 0;
    return SIREN_OK;
}

static siren_status work(round_team *team) {
    SIREN_AT_END(siren_block_decoder_free_at) siren_block_decoder *decoder = NULL;
    SIREN_TRY(siren_block_decoder_create(NULL, &team->layout, team->memory_limit, &decoder));
    for (size_t nth; !atomic_load(&team->failed) && (nth = atomic_fetch_add(&team->next, 1)) < team->out->n;)
        SIREN_TRY(encode_block(team, decoder, nth));
    return SIREN_OK;
}

static void member(void *user, size_t i) {
    round_team *team = user;
    (void)i;
    siren_status status = work(team);
    if (status == SIREN_OK || atomic_exchange(&team->failed, true)) return;
    snprintf(team->message, sizeof team->message, "%s", siren_message());
    team->status = status;
}

static double mean_psnr(const siren_transform_blocks *blocks) {
    double sum = 0;
    size_t n = 0;
    for (size_t i = 0; i < blocks->n; i++)
        if (blocks->entries[i].mse > 0) sum -= 10 * log10(blocks->entries[i].mse), n++;
    return n ? sum / (double)n : INFINITY;
}

/* Every `every`-th block at a step. */
static siren_status encode_round(const siren_series *series, const siren_layout *layout, double step,
                                 size_t every, const siren_transform_target *target,
                                 siren_transform_blocks *out) {
    SIREN_AT_END(siren_transform_basis_free) siren_transform_basis basis = {0};
    SIREN_AT_END(siren_transform_blocks_free)
    siren_transform_blocks blocks = {.n = (layout->grid.count + every - 1) / every};
    SIREN_FREE_AT_END siren_block *slices = NULL;
    SIREN_FREE_AT_END uint32_t **inside = NULL;
    round_team team = {.series = series,
                       .layout = *layout,
                       .basis = &basis,
                       .plan = {.step = step, .limits = target->limits},
                       .every = every,
                       .memory_limit = target->memory_limit,
                       .out = &blocks};
    siren_status status = SIREN_OK;
    SIREN_TRY(siren_transform_plan_check(&team.plan));
    SIREN_TRY(siren_allocate(&slices, blocks.n, sizeof *slices, "the slices"));
    SIREN_TRY(siren_allocate(&inside, blocks.n, sizeof *inside, "the slices"));
    SIREN_TRY(siren_allocate(&blocks.entries, blocks.n, sizeof *blocks.entries, "the index"));
    SIREN_TRY(siren_allocate(&blocks.records, blocks.n, sizeof *blocks.records, "the records"));
    SIREN_TRY(siren_allocate(&blocks.n_record_bytes, blocks.n, sizeof *blocks.n_record_bytes, "the records"));
    for (size_t i = 0; status == SIREN_OK && i < blocks.n; i++)
        status = siren_mask_block(&layout->mask, &layout->grid, layout->grid.first + i * every, &slices[i],
                                  &inside[i]);
    if (status == SIREN_OK) status = siren_transform_fit(series, slices, blocks.n, &team.plan, &basis);
    for (size_t i = 0; i < blocks.n; i++) free(inside[i]);
    SIREN_TRY(status);
    SIREN_TRY(siren_transform_basis_encode(&basis, &blocks.basis, &blocks.n_basis));
    team.layout.basis = blocks.basis;
    team.layout.n_basis = blocks.n_basis;
    size_t n_team = siren_processors() < blocks.n ? siren_processors() : blocks.n;
    SIREN_TRY(siren_threads_run(n_team, member, &team));
    if (atomic_load(&team.failed)) return siren_fail(team.status, "%s", team.message);
    blocks.psnr = mean_psnr(&blocks);
    *out = SIREN_TAKE(blocks);
    return SIREN_OK;
}

/* ---- the search ---- */

/* Of the whole archive, as far as the blocks that were coded tell. */
static size_t all_bytes(const siren_transform_blocks *blocks, const siren_transform_target *target,
                        size_t n_blocks) {
    size_t n = 0;
    for (size_t i = 0; i < blocks->n; i++) n += ENTRY_BYTES + blocks->n_record_bytes[i];
    if (blocks->n < n_blocks) n = (size_t)((double)n * (double)n_blocks / (double)blocks->n);
    return n + target->n_other_bytes + blocks->n_basis;
}

/* How far a round is from the target, in octaves of the step or so: positive where fewer bytes are wanted, or a lower PSNR. */
static double distance(const siren_transform_blocks *blocks, const siren_transform_target *target,
                       size_t n_blocks) {
    if (target->n_bytes) return log2((double)all_bytes(blocks, target, n_blocks) / (double)target->n_bytes);
    return fmin((blocks->psnr - target->psnr) / 6.02, 16);
}

static siren_status out_of_reach(const siren_transform_blocks *nearest,
                                 const siren_transform_target *target) {
    if (target->n_bytes)
        return siren_fail(
            SIREN_BOUND,
            "an archive of %zu bytes is out of reach: the coarsest has %zu; ask for a lower ratio",
            target->n_bytes, all_bytes(nearest, target, nearest->n));
    return siren_fail(
        SIREN_BOUND,
        "a PSNR of %g dB is out of reach: the finest has %.2f dB; ask for less, or for --lossless",
        target->psnr, nearest->psnr);
}

/* What a search goes by, and where it is. */
typedef struct {
    const siren_series *series;
    const siren_layout *layout;
    const siren_transform_target *target;
    siren_progress_fn progress;
    void *user;
    double at;     /* octaves of the step to try next */
    double slope;  /* octaves of the step for one of distance */
    size_t rounds; /* done */
} siren_step_search;

/* Codes every `every`-th block until the target is met within `close` octaves; of all blocks (1) until it is met at least. */
static siren_status search(siren_step_search *s, size_t every, double close, siren_transform_blocks *best) {
    const size_t n_blocks = s->layout->grid.count;
    bool bytes = s->target->n_bytes > 0, found = false;
    /* The target is met on one side of a step between these; the ends may not have been tried yet. */
    double low = FINEST - SAME, high = COARSEST + SAME, before = NAN, off_before = NAN;
    for (size_t round = 0; (!found && every == 1) || round < MOST_ROUNDS; round++) {
        SIREN_AT_END(siren_transform_blocks_free) siren_transform_blocks blocks = {0};
        double at = s->at = fmin(fmax(s->at, FINEST), COARSEST);
        SIREN_TRY(encode_round(s->series, s->layout, exp2(at), every, s->target, &blocks));
        s->rounds++;
        if (s->progress && !s->progress(s->user, (double)s->rounds, (double)s->rounds + 1, "rounds"))
            return siren_fail(SIREN_CANCELLED, "compression was interrupted");
        double off = distance(&blocks, s->target, n_blocks);
        bool met = bytes ? off <= 0 : off >= 0, last = at == (bytes ? COARSEST : FINEST);
        if (!met && last && every == 1) return out_of_reach(&blocks, s->target);
        if (met) {
            siren_transform_blocks_free(best);
            *best = SIREN_TAKE(blocks);
            found = true;
        }
        /* Fewer bytes come with coarser steps, a higher PSNR with finer ones. */
        if (bytes == met)
            high = at;
        else
            low = at;
        if ((met || every > 1) && (fabs(off) < close || at == FINEST || at == COARSEST)) return SIREN_OK;
        /* By the last two rounds, past the target by a little, so that it comes to be met; within what is left. */
        double slope = (at - before) / (off_before - off);
        if (slope > 0.2 && slope < 8) s->slope = slope;
        before = at, off_before = off;
        s->at += s->slope * (off + (bytes ? 0.3 : -0.3) * close);
        if (!(s->at > low && s->at < high)) s->at = (low + high) / 2;
        if (found && high - low < SAME) return SIREN_OK;
        if (!found && high - low < 2 * SAME)
            s->at = bytes ? high : low; /* what has not been met yet is so at an end */
    }
    return SIREN_OK;
}

siren_status siren_transform_blocks_encode(const siren_series *series, const siren_layout *layout,
                                           const siren_transform_target *target, siren_progress_fn progress,
                                           void *user, siren_transform_blocks *out) {
    SIREN_AT_END(siren_transform_blocks_free) siren_transform_blocks some = {0};
    SIREN_AT_END(siren_transform_blocks_free) siren_transform_blocks best = {0};
    double close = target->n_bytes ? CLOSE_RATIO : CLOSE_PSNR / 6.02;
    siren_step_search s = {series,    layout, target,
                           progress,  user,   .at = target->n_bytes ? -5 : log2(3.5) - target->psnr / 6.02,
                           .slope = 1};
    /* Some slices tell nearly where to look, so that all are coded two or three times. */
    if (layout->grid.count >= 2 * SOME_SLICES)
        SIREN_TRY(search(&s, layout->grid.count / SOME_SLICES, 2 * close, &some));
    SIREN_TRY(search(&s, 1, close, &best));
    *out = SIREN_TAKE(best);
    return SIREN_OK;
}
