#include "engine/encode/transform_round.h"

#include "engine/encode/corrected.h"
#include "engine/encode/fidelity.h"
#include "engine/transform/transform.h"
#include "host/threads.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A team whose members take the next block until there is none, or one has failed. */
typedef struct {
    const siren_series *series;
    siren_layout layout; /* with this round's basis */
    const siren_transform_basis *basis;
    siren_transform_plan plan;
    size_t every; /* so many-th block of the grid is coded */
    const siren_transform_target *target;
    bool encodes, checks; /* records are made; they are decoded, and what they give goes into the index */
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

/* Mean over points and volumes with a sigma of the square of (decoded - stored) / sigma; what is not finite is kept
 * exactly. */
static double noise_square(const round_team *team, const siren_block *block, const uint8_t *decoded) {
    const siren_geometry *g = &team->layout.geometry;
    const size_t n_points = siren_block_points(block), n_voxels = siren_block_voxels(block),
                 size = siren_datatype_size(g->datatype);
    double sum = 0, n = 0;
    for (size_t v = 0; v < g->n_volumes; v++) {
        const double sigma = team->target->sigmas[v];
        double squares = 0;
        if (!(sigma > 0)) continue;
        for (size_t i = 0; i < n_points; i++) {
            const size_t voxel = siren_block_voxel(block, i);
            double a, b;
            siren_datatype_to_double(g->datatype, decoded + (v * n_voxels + voxel) * size, 1, &a);
            siren_datatype_to_double(g->datatype, siren_block_value(team->series, block, v, voxel), 1, &b);
            if (isfinite(b)) squares += (a - b) * (a - b);
        }
        sum += squares / (sigma * sigma);
        n += (double)n_points;
    }
    return n > 0 ? sum / n : 0;
}

/* A block as the encoder has it. */
typedef struct {
    siren_block block;
    uint32_t *inside;       /* that the block borrows */
    float *targets;         /* (points, volumes) */
    siren_scaling *scaling; /* (volumes) */
    siren_apart apart;
} gathered_block;

static void gathered_free(gathered_block *b) {
    free(b->inside);
    free(b->targets);
    free(b->scaling);
}

static siren_status gather_block(const round_team *team, size_t number, gathered_block *out) {
    const siren_layout *layout = &team->layout;
    const siren_geometry *g = &layout->geometry;
    SIREN_TRY(siren_mask_block(&layout->mask, &layout->grid, number, &out->block, &out->inside));
    SIREN_TRY(siren_allocate(&out->targets, siren_block_points(&out->block) * g->n_volumes,
                             sizeof *out->targets, "the targets"));
    SIREN_TRY(siren_allocate(&out->scaling, g->n_volumes, sizeof *out->scaling, "the scaling"));
    return siren_block_gather(team->series, &out->block, team->plan.limits, out->targets, out->scaling,
                              &out->apart);
}

static siren_status encode_block(const round_team *team, const gathered_block *b, size_t nth) {
    SIREN_FREE_AT_END uint8_t *stream = NULL;
    size_t n_stream;
    SIREN_TRY(
        siren_transform_encode_slice(team->basis, &team->plan, &b->block, b->targets, &stream, &n_stream));
    return siren_transform_record_write(&team->layout, &b->block, team->series, b->scaling, stream, n_stream,
                                        b->apart.n, &team->out->records[nth],
                                        &team->out->n_record_bytes[nth]);
}

/* Decodes the record as a reader will: figures and checksum, and corrections where there is a bound. */
static siren_status check_block(const round_team *team, siren_block_decoder *decoder, const gathered_block *b,
                                size_t number, size_t nth) {
    const siren_layout *layout = &team->layout;
    const siren_geometry *g = &layout->geometry;
    const siren_scaling *scaling = b->scaling;
    siren_block block = b->block;
    siren_index_entry *entry = &team->out->entries[nth];
    uint8_t **record = &team->out->records[nth];
    watched w = {.targets = b->targets, .n_volumes = g->n_volumes};
    char name[64];
    const void *voxels;
    siren_block_name(&layout->grid, number, name, sizeof name);
    SIREN_TRY(siren_block_decode(decoder, name, &block, *record, team->out->n_record_bytes[nth], watch, &w,
                                 &voxels, &entry->decoded_crc));
    if (team->target->sigmas) team->out->noise_squares[nth] = noise_square(team, &block, voxels);
    siren_fidelity fidelity = siren_fidelity_of(&w.sums);
    bool constant =
        true; /* then every value is restored as its volume's minimum, whatever the transform says */
    for (size_t volume = 0; volume < g->n_volumes; volume++)
        constant = constant && scaling[volume].minimum == scaling[volume].maximum;
    entry->mse = fidelity.n && !constant ? fidelity.mse : 0;
    if (!layout->corrected) return SIREN_OK;
    return siren_record_correct(layout, name, team->series, &block, scaling, voxels, record,
                                &team->out->n_record_bytes[nth], entry);
}

static siren_status work(round_team *team) {
    SIREN_AT_END(siren_block_decoder_free_at) siren_block_decoder *decoder = NULL;
    siren_layout plain = team->layout;
    plain.corrected = false;
    if (team->checks)
        SIREN_TRY(siren_block_decoder_create(NULL, &plain, team->target->memory_limit, &decoder));
    for (size_t nth;
         !atomic_load(&team->failed) && (nth = atomic_fetch_add(&team->next, 1)) < team->out->n;) {
        const size_t number = team->layout.grid.first + team->every / 2 + nth * team->every;
        SIREN_AT_END(gathered_free) gathered_block block = {.inside = NULL};
        SIREN_TRY(gather_block(team, number, &block));
        if (team->encodes) SIREN_TRY(encode_block(team, &block, nth));
        if (team->encodes)
            team->out->entries[nth] = (siren_index_entry){.block = (uint32_t)number, .plain = true};
        if (team->checks) SIREN_TRY(check_block(team, decoder, &block, number, nth));
    }
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

static siren_status run_team(round_team *team) {
    const size_t n = siren_processors() < team->out->n ? siren_processors() : team->out->n;
    siren_threads_run(n, member, team);
    return atomic_load(&team->failed) ? siren_fail(team->status, "%s", team->message) : SIREN_OK;
}

/* Where bytes are the target alone, nothing is decoded before they are met. */
static bool checks_late(const siren_layout *layout, const siren_transform_target *target) {
    return target->n_bytes > 0 && !layout->corrected;
}

siren_status siren_transform_round_check(const siren_series *series, const siren_layout *layout, size_t every,
                                         const siren_transform_target *target,
                                         siren_transform_blocks *blocks) {
    if (!checks_late(layout, target)) return SIREN_OK;
    round_team team = {.series = series,
                       .layout = *layout,
                       .plan = {.limits = target->limits},
                       .every = every,
                       .target = target,
                       .checks = true,
                       .out = blocks};
    team.layout.basis = blocks->basis;
    team.layout.n_basis = blocks->n_basis;
    SIREN_TRY(run_team(&team));
    blocks->psnr = mean_psnr(blocks);
    return SIREN_OK;
}

siren_status siren_transform_round(const siren_series *series, const siren_layout *layout, double step,
                                   size_t every, const siren_transform_target *target,
                                   siren_transform_blocks *out) {
    SIREN_AT_END(siren_transform_basis_free) siren_transform_basis basis = {0};
    SIREN_AT_END(siren_transform_blocks_free)
    siren_transform_blocks blocks = {.n = (layout->grid.count - every / 2 + every - 1) / every, .step = step};
    SIREN_FREE_AT_END siren_block *slices = NULL;
    SIREN_FREE_AT_END uint32_t **inside = NULL;
    round_team team = {.series = series,
                       .layout = *layout,
                       .basis = &basis,
                       .plan = {.step = step, .dependent = layout->dependent, .limits = target->limits},
                       .every = every,
                       .target = target,
                       .encodes = true,
                       .checks = !checks_late(layout, target),
                       .out = &blocks};
    siren_status status = SIREN_OK;
    SIREN_TRY(siren_transform_plan_check(&team.plan));
    SIREN_TRY(siren_allocate(&slices, blocks.n, sizeof *slices, "the slices"));
    SIREN_TRY(siren_allocate(&inside, blocks.n, sizeof *inside, "the slices"));
    SIREN_TRY(siren_allocate(&blocks.entries, blocks.n, sizeof *blocks.entries, "the index"));
    SIREN_TRY(siren_allocate(&blocks.records, blocks.n, sizeof *blocks.records, "the records"));
    SIREN_TRY(siren_allocate(&blocks.n_record_bytes, blocks.n, sizeof *blocks.n_record_bytes, "the records"));
    SIREN_TRY(siren_allocate(&blocks.noise_squares, blocks.n, sizeof *blocks.noise_squares, "the index"));
    for (size_t i = 0; status == SIREN_OK && i < blocks.n; i++)
        status = siren_mask_block(&layout->mask, &layout->grid, layout->grid.first + every / 2 + i * every,
                                  &slices[i], &inside[i]);
    if (status == SIREN_OK) status = siren_transform_fit(series, slices, blocks.n, &team.plan, &basis);
    for (size_t i = 0; i < blocks.n; i++) free(inside[i]);
    SIREN_TRY(status);
    SIREN_TRY(siren_transform_basis_encode(&basis, &blocks.basis, &blocks.n_basis));
    team.layout.basis = blocks.basis;
    team.layout.n_basis = blocks.n_basis;
    SIREN_TRY(run_team(&team));
    blocks.psnr = mean_psnr(&blocks);
    for (size_t i = 0; i < blocks.n; i++) blocks.noise += blocks.noise_squares[i] / (double)blocks.n;
    blocks.noise = sqrt(blocks.noise);
    *out = SIREN_TAKE(blocks);
    return SIREN_OK;
}
