#include "engine/encode/predictive_blocks.h"

#include "engine/encode/corrected.h"
#include "engine/predictive/stored_value.h"
#include "host/work_ahead.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENTRY_BYTES 56 /* of a record in the index (docs/archive-format.md) */
#define SOME_SLICES 12 /* that stand for all in an estimate */
#define AHEAD 2        /* blocks for each processor, done or in work */

/* One block on its way to a record. */
typedef struct {
    siren_index_entry entry;
    uint8_t *bytes;
    size_t n_bytes;
    siren_status status;
    char message[SIREN_MESSAGE_BYTES];
} predictive_block;

typedef struct {
    const siren_series *series;
    const siren_layout *layout;
    const siren_scaling *limits;
    const siren_context_network *network; /* of the layout's section; or NULL */
    size_t every;                         /* so many-th block of the grid is coded */
    predictive_block *blocks;             /* done, or in work */
} predictive_team;

/* Between two stored values; as integers where doubles would round 64 bits. */
static double distance(siren_datatype datatype, const uint8_t *x, const uint8_t *y) {
    if (datatype == SIREN_INT64 || datatype == SIREN_UINT64) {
        const uint64_t sign = datatype == SIREN_INT64 ? (uint64_t)1 << 63 : 0;
        const uint64_t a = siren_voxel_bits(datatype, x, 0) ^ sign,
                       b = siren_voxel_bits(datatype, y, 0) ^ sign;
        return (double)(a > b ? a - b : b - a);
    }
    double a, b;
    siren_datatype_to_double(datatype, x, 1, &a);
    siren_datatype_to_double(datatype, y, 1, &b);
    return fabs(a - b);
}

/* Whether the decoded values of one volume are within the bound, and their squared error in units of the volume's
 * range. */
static bool compare(siren_datatype datatype, double bound, const siren_block *block, siren_scaling range,
                    const uint8_t *wanted, const uint8_t *decoded, double *squares) {
    size_t size = siren_datatype_size(datatype);
    double extent = range.maximum - range.minimum;
    for (size_t point = 0; point < siren_block_points(block); point++) {
        const uint8_t *x = wanted + siren_block_voxel(block, point) * size,
                      *y = decoded + siren_block_voxel(block, point) * size;
        double a;
        if (memcmp(x, y, size) == 0) continue;
        const double error = distance(datatype, x, y);
        if (!(error <= bound)) return false;
        siren_datatype_to_double(datatype, x, 1, &a);
        if (extent > 0 && siren_scaling_holds(range, a)) *squares += error / extent * (error / extent);
    }
    return true;
}

static siren_status check(const predictive_team *team, const siren_block *block, const uint8_t *wanted,
                          const uint8_t *decoded, double *mse) {
    const siren_geometry *g = &team->layout->geometry;
    SIREN_FREE_AT_END siren_scaling *scaling = NULL;
    size_t n_bytes = siren_block_voxels(block) * siren_datatype_size(g->datatype);
    siren_apart apart = {0, 0};
    double squares = 0;
    SIREN_TRY(siren_allocate(&scaling, g->n_volumes, sizeof *scaling, "the ranges of a block"));
    if (team->layout->bound > 0) /* else there is nothing to scale, and no range that is too wide */
        SIREN_TRY(siren_block_scale(team->series, block, team->limits, scaling, &apart));
    for (size_t volume = 0; volume < g->n_volumes; volume++)
        if (!compare(g->datatype, team->layout->bound, block, scaling[volume], wanted + volume * n_bytes,
                     decoded + volume * n_bytes, &squares))
            return siren_fail(
                SIREN_INTEGRITY,
                "a block decodes to values that are more than %g from what they were; report this "
                "image, and compress it without --lossless and --max-error meanwhile",
                team->layout->bound);
    size_t n = siren_block_points(block) * g->n_volumes - apart.n_finite;
    *mse = n ? squares / (double)n : 0;
    return SIREN_OK;
}

static siren_status encode(const predictive_team *team, size_t nth, predictive_block *out) {
    const siren_layout *layout = team->layout;
    const siren_geometry *g = &layout->geometry;
    siren_block block;
    char name[64];
    SIREN_FREE_AT_END uint32_t *points = NULL;
    SIREN_FREE_AT_END uint8_t *voxels = NULL;
    SIREN_FREE_AT_END uint8_t *decoded = NULL;
    SIREN_FREE_AT_END uint8_t *inside = NULL;
    size_t number = layout->grid.first + team->every / 2 + nth * team->every;
    siren_block_name(&layout->grid, number, name, sizeof name);
    SIREN_TRY(siren_mask_block(&layout->mask, &layout->grid, number, &block, &points));
    size_t n_voxels = siren_block_voxels(&block), n_values = n_voxels * g->n_volumes,
           size = siren_datatype_size(g->datatype);
    SIREN_TRY(siren_allocate(&voxels, n_values, size, "a block's voxels"));
    SIREN_TRY(siren_allocate(&decoded, n_values, size, "a decoded block"));
    SIREN_TRY(siren_allocate(&inside, n_voxels, 1, "a block's mask"));
    siren_block_cut(team->series, &block, voxels);
    siren_predictive_plan plan = siren_block_predictive_plan(layout, &block, inside, team->network);
    SIREN_TRY(siren_predictive_encode(&plan, voxels, &out->bytes, &out->n_bytes));
    for (size_t i = 0; block.inside && i < n_values; i++)
        memcpy(decoded + i * size, layout->mask.background, size);
    SIREN_TRY(siren_predictive_decode(&plan, name, out->bytes, out->n_bytes, decoded));
    out->entry = (siren_index_entry){.block = (uint32_t)number, .plain = true};
    SIREN_TRY(check(team, &block, voxels, decoded, &out->entry.mse));
    out->entry.decoded_crc = siren_block_crc(g->datatype, decoded, n_values);
    return SIREN_OK;
}

/* A siren_work_fn. */
static void encode_ahead(void *user, size_t nth, size_t at) {
    const predictive_team *team = user;
    predictive_block *block = &team->blocks[at];
    block->status = encode(team, nth, block);
    if (block->status != SIREN_OK) snprintf(block->message, sizeof block->message, "%s", siren_message());
}

/* Sums over blocks. */
typedef struct {
    size_t n, n_bytes;
    double psnr, n_psnr;
} predictive_sums;

/* `writer` may be NULL. */
static siren_status append(predictive_block *block, siren_archive_writer *writer, predictive_sums *sums) {
    siren_status status = SIREN_OK;
    if (block->status != SIREN_OK) return siren_fail(block->status, "%s", block->message);
    if (writer)
        status = siren_archive_writer_packed_record(writer, &block->entry, block->bytes, block->n_bytes,
                                                    block->n_bytes);
    free(SIREN_TAKE(block->bytes));
    sums->n++;
    sums->n_bytes += ENTRY_BYTES + block->n_bytes;
    if (block->entry.mse > 0) sums->psnr -= 10 * log10(block->entry.mse), sums->n_psnr++;
    return status;
}

/* Every `every`-th block. */
static siren_status code_blocks(const siren_series *series, const siren_layout *layout,
                                const siren_scaling *limits, size_t every, siren_archive_writer *writer,
                                siren_progress_fn progress, void *user, predictive_sums *sums) {
    const siren_block_grid *grid = &layout->grid;
    const size_t count = (grid->count - every / 2 + every - 1) / every, most = AHEAD * siren_processors(),
                 n_blocks = siren_processors() == 1 ? 1
                            : most < count          ? most
                                                    : count;
    SIREN_FREE_AT_END predictive_block *blocks = NULL;
    SIREN_FREE_AT_END siren_context_network *network = NULL;
    siren_work_ahead *threads = NULL;
    if (layout->context) {
        SIREN_TRY(siren_allocate(&network, 1, sizeof *network, "the context network"));
        SIREN_TRY(siren_context_decode("the context network", SIREN_CONTEXT_OF_VOXELS, layout->context,
                                       layout->n_context, network));
    }
    SIREN_TRY(siren_allocate(&blocks, n_blocks, sizeof *blocks, "the blocks in work"));
    predictive_team team = {series, layout, limits, network, every, blocks};
    siren_status status =
        siren_work_ahead_create(siren_processors(), n_blocks, encode_ahead, &team, &threads);
    for (size_t nth = 0; status == SIREN_OK && nth < count; nth++) {
        status = append(&blocks[siren_work_ahead_take(threads, nth, count)], writer, sums);
        if (status == SIREN_OK && progress &&
            !progress(user, (double)(nth + 1), (double)count,
                      every > 1 ? "measuring" : siren_block_kind_name(grid->kind, 2)))
            status = siren_fail(SIREN_CANCELLED, "compression was interrupted");
    }
    siren_work_ahead_free(threads); /* first: it fills the blocks */
    for (size_t i = 0; i < n_blocks; i++) free(blocks[i].bytes);
    return status;
}

/* What all blocks give, as every `every`-th tells. */
static siren_status code_all(const siren_series *series, const siren_layout *layout,
                             const siren_scaling *limits, size_t every, siren_archive_writer *writer,
                             siren_progress_fn progress, void *user, siren_predictive_outcome *out) {
    const double start = siren_clock();
    predictive_sums sums = {0};
    SIREN_TRY(code_blocks(series, layout, limits, every, writer, progress, user, &sums));
    const double share = (double)layout->grid.count / (double)sums.n;
    *out = (siren_predictive_outcome){.n_bytes = (size_t)((double)sums.n_bytes * share),
                                      .psnr = sums.n_psnr > 0 ? sums.psnr / sums.n_psnr : INFINITY,
                                      .seconds = (siren_clock() - start) * share};
    return SIREN_OK;
}

siren_status siren_predictive_blocks_write(const siren_series *series, const siren_layout *layout,
                                           const siren_scaling *limits, siren_archive_writer *writer,
                                           siren_progress_fn progress, void *user,
                                           siren_predictive_outcome *out) {
    return code_all(series, layout, limits, 1, writer, progress, user, out);
}

siren_status siren_predictive_blocks_estimate(const siren_series *series, const siren_layout *layout,
                                              const siren_scaling *limits, siren_progress_fn progress,
                                              void *user, siren_predictive_outcome *out) {
    const size_t n_blocks = layout->grid.count,
                 every = n_blocks >= 2 * SOME_SLICES ? n_blocks / SOME_SLICES : 1;
    return code_all(series, layout, limits, every, NULL, progress, user, out);
}
