/* Archives without networks for a target. */
#include "engine/encode/compression.h"
#include "engine/encode/context_fit.h"
#include "engine/encode/noise.h"
#include "engine/encode/predictive_blocks.h"
#include "engine/encode/transform_context.h"
#include "engine/encode/transform_restoration.h"
#include "host/opencl/profile.h"

#include <math.h>
#include <stdlib.h>

/* From the least to the largest value of slices that is finite and within the limits of its volume (NULL: none); 0
 * where there is none. */
static siren_status find_extent(const siren_series *series, size_t z_begin, size_t z_end,
                                const siren_scaling *limits, double *out) {
    const siren_geometry *g = &series->geometry;
    const siren_block slices = {.nx = g->nx, .ny = g->ny, .nz = z_end - z_begin, .z = z_begin};
    double least = INFINITY, most = -INFINITY;
    SIREN_FREE_AT_END double *row = NULL;
    SIREN_TRY(siren_allocate(&row, g->nx, sizeof *row, "a row"));
    for (size_t v = 0; v < g->n_volumes; v++)
        for (size_t i = 0; i < siren_block_voxels(&slices); i += g->nx) {
            siren_datatype_to_double(g->datatype, siren_block_value(series, &slices, v, i), g->nx, row);
            for (size_t x = 0; x < g->nx; x++) {
                if (!isfinite(row[x]) || (limits && !siren_scaling_holds(limits[v], row[x]))) continue;
                least = fmin(least, row[x]);
                most = fmax(most, row[x]);
            }
        }
    *out = most > least ? most - least : 0;
    return SIREN_OK;
}

siren_status siren_compression_bound(siren_compression *run) {
    const siren_compress_options *o = run->options;
    const siren_series *series = &run->image->series;
    const siren_geometry *g = &series->geometry;
    const siren_block_grid *grid = &run->layout.grid;
    run->layout.bound = o->target == SIREN_TARGET_MAX_ERROR ? o->amount : 0;
    run->layout.corrected = o->target == SIREN_TARGET_MAX_ERROR && run->coding != SIREN_CODING_PREDICTIVE;
    if (o->target == SIREN_TARGET_MAX_ERROR && o->percent) {
        double extent;
        SIREN_TRY(find_extent(series, grid->z_begin, grid->z_end, run->survey.limits, &extent));
        run->layout.bound = o->amount / 100 * extent;
    } else if (o->target == SIREN_TARGET_NOISE) { /* then the mean square over sigma is within it, too */
        double sum = 0, n = 0;
        for (size_t v = 0; v < g->n_volumes; v++)
            if (run->sigmas[v] > 0) sum += 1 / (run->sigmas[v] * run->sigmas[v]), n++;
        run->layout.bound = o->amount * sqrt(n / sum);
    }
    if (!isfinite(run->layout.bound))
        return siren_fail(SIREN_USAGE,
                          "%s: its values span too much for an error in percent; give --max-error E",
                          siren_image_name(run->image));
    return SIREN_OK;
}

/* USAGE where no volume shows any. */
static siren_status plan_noise(siren_compression *run) {
    const siren_geometry *g = &run->layout.geometry;
    const siren_block_grid *grid = &run->layout.grid;
    bool any = false;
    SIREN_TRY(siren_allocate(&run->sigmas, g->n_volumes, sizeof *run->sigmas, "the noise"));
    SIREN_TRY(siren_noise_estimate(&run->image->series, grid->z_begin, grid->z_end, run->sigmas));
    for (size_t v = 0; v < g->n_volumes; v++) any = any || run->sigmas[v] > 0;
    if (any) return SIREN_OK;
    return siren_fail(SIREN_USAGE,
                      "%s: no noise can be seen in it; give --psnr, --max-error or --lossless in the "
                      "place of --noise",
                      siren_image_name(run->image));
}

#define SERIES_SLICES 8 /* of a record: more gain little, and fewer records keep fewer processors busy */

/* Slices, but where prediction takes several at once. */
static siren_status plan_records(siren_compression *run) {
    siren_settings settings = run->settings;
    siren_block_kind kind = SIREN_BLOCK_SLICE;
    if (run->coding == SIREN_CODING_PREDICTIVE && settings.access == SIREN_ACCESS_SERIES) {
        const siren_geometry *g = &run->layout.geometry;
        kind = SIREN_BLOCK_PATCH;
        settings.patch[0] = g->nx;
        settings.patch[1] = g->ny;
        settings.patch[2] = SERIES_SLICES;
    }
    return siren_compression_grid(&settings, kind, &run->layout);
}

siren_status siren_plan_without_network(siren_compression *run) {
    siren_layout *layout = &run->layout;
    run->settings = run->options->settings;
    layout->geometry = run->image->series.geometry;
    layout->coding = run->coding;
    layout->dependent =
        run->coding == SIREN_CODING_TRANSFORM && run->settings.effort >= SIREN_EFFORT_WITH_TRELLIS;
    SIREN_TRY(plan_records(run));
    if (run->options->target == SIREN_TARGET_NOISE) SIREN_TRY(plan_noise(run));
    SIREN_TRY(siren_compression_mask(run));
    const siren_target target = run->options->target;
    if (layout->coding == SIREN_CODING_TRANSFORM || target == SIREN_TARGET_NOISE ||
        (target == SIREN_TARGET_MAX_ERROR && run->options->amount > 0))
        SIREN_TRY(siren_compression_survey(run));
    if (run->coding == SIREN_CODING_PREDICTIVE || target == SIREN_TARGET_MAX_ERROR)
        SIREN_TRY(siren_compression_bound(run));
    if (layout->coding == SIREN_CODING_PREDICTIVE) layout->n_apart = 0; /* the bound holds for all voxels */
    return SIREN_OK;
}

siren_status siren_compression_context(siren_compression *run) {
    SIREN_TRY(siren_context_fit(&run->image->series, &run->layout, run->settings.effort, run->settings.seed,
                                run->options->memory_limit, run->progress, run->user, &run->context,
                                &run->layout.n_context));
    run->layout.context = run->context;
    return SIREN_OK;
}

siren_status siren_compression_transform_target(siren_compression *run, siren_transform_target *out) {
    const siren_compress_options *o = run->options;
    siren_transform_target target = {.limits = run->survey.limits, .memory_limit = o->memory_limit};
    if (o->target == SIREN_TARGET_PSNR) {
        target.psnr = o->amount;
    } else if (o->target == SIREN_TARGET_NOISE) {
        target.noise = o->amount;
        target.sigmas = run->sigmas;
    } else if (o->target != SIREN_TARGET_MAX_ERROR) {
        SIREN_TRY(siren_compression_other_bytes(run, &target.n_other_bytes));
        target.n_bytes = siren_compression_target_bytes(run);
    }
    *out = target;
    return SIREN_OK;
}

/* Of basis and records, with their places in the index. */
static size_t bytes_of(const siren_transform_blocks *blocks) {
    size_t n_bytes = blocks->n_basis;
    for (size_t i = 0; i < blocks->n; i++) n_bytes += SIREN_ENTRY_BYTES + blocks->n_record_bytes[i];
    return n_bytes;
}

/* Forgets a section that is not worth its bytes. */
static void drop(uint8_t **section, const uint8_t **in_layout, size_t *n_in_layout) {
    free(SIREN_TAKE(*section));
    *in_layout = NULL;
    *n_in_layout = 0;
}

/* What is coded anew, more coarsely or as finely as the network's bytes allow, where it is better for being restored by
 * a network. */
static siren_status restore_pixels(siren_compression *run, const siren_transform_target *target,
                                   siren_transform_blocks *blocks) {
    SIREN_AT_END(siren_transform_blocks_free) siren_transform_blocks restored = {0};
    const siren_transform_context_plan plan = {.effort = run->settings.effort,
                                               .seed = run->settings.seed,
                                               .progress = run->progress,
                                               .user = run->user};
    siren_layout *layout = &run->layout;
    siren_transform_target with = *target;
    double gain;
    SIREN_TRY(siren_transform_restoration_fit(&run->image->series, layout, target->limits, blocks, &plan,
                                              &run->restoration, &layout->n_restoration, &gain));
    if (!run->restoration) return SIREN_OK;
    layout->restoration = run->restoration;
    if (target->n_bytes) SIREN_TRY(siren_compression_other_bytes(run, &with.n_other_bytes));
    with.step = target->n_bytes || layout->corrected ? blocks->step : blocks->step * pow(10, gain / 20);
    const siren_status status = siren_transform_blocks_encode(&run->image->series, layout, &with,
                                                              run->progress, run->user, &restored);
    if (status != SIREN_OK && status != SIREN_BOUND) return status;
    const bool better = status == SIREN_OK &&
                        (target->n_bytes ? restored.psnr > blocks->psnr
                                         : bytes_of(&restored) + layout->n_restoration < bytes_of(blocks));
    if (!better) {
        drop(&run->restoration, &layout->restoration, &layout->n_restoration);
        return SIREN_OK;
    }
    siren_transform_blocks_free(blocks);
    *blocks = SIREN_TAKE(restored);
    return SIREN_OK;
}

/* A number of bytes may be used up again by finer steps, where a network saves some: records of these, coded with the
 * same network, take the place of the first ones if they keep to the number and are better. */
#define SPARE 0.002 /* of the bytes: what the network may save less of the finer steps */

static siren_status use_up(siren_compression *run, const siren_transform_target *target, size_t n_saved,
                           siren_transform_blocks *blocks) {
    SIREN_AT_END(siren_transform_blocks_free) siren_transform_blocks finer = {0};
    const double n_bytes = (double)target->n_bytes;
    siren_transform_target more = *target;
    siren_layout counted = run->layout;
    size_t n_finer;
    SIREN_TRY(siren_compression_other_bytes(run, &more.n_other_bytes));
    more.n_bytes = (size_t)(n_bytes * (1 - SPARE) * (n_bytes / (n_bytes - (double)n_saved)));
    if (more.n_bytes <= target->n_bytes) return SIREN_OK;
    counted.context = NULL;
    SIREN_TRY(siren_transform_blocks_encode(&run->image->series, &counted, &more, run->progress, run->user,
                                            &finer));
    SIREN_TRY(
        siren_transform_context_use(&run->layout, run->context, run->layout.n_context, &finer, &n_finer));
    if (n_finer == 0 || more.n_other_bytes + bytes_of(&finer) > target->n_bytes || finer.psnr <= blocks->psnr)
        return SIREN_OK;
    siren_transform_blocks_free(blocks);
    *blocks = SIREN_TAKE(finer);
    return SIREN_OK;
}

/* The network of a transform archive, where it is worth its bytes, and records coded with it. */
static siren_status expect_levels(siren_compression *run, const siren_transform_target *target,
                                  siren_transform_blocks *blocks) {
    const siren_transform_context_plan plan = {.effort = run->settings.effort,
                                               .seed = run->settings.seed,
                                               .progress = run->progress,
                                               .user = run->user};
    size_t n_saved;
    SIREN_TRY(
        siren_transform_context_fit(&run->layout, blocks, &plan, &run->context, &run->layout.n_context));
    if (!run->context) return SIREN_OK;
    SIREN_TRY(
        siren_transform_context_use(&run->layout, run->context, run->layout.n_context, blocks, &n_saved));
    if (n_saved == 0) {
        drop(&run->context, &run->layout.context, &run->layout.n_context);
        return SIREN_OK;
    }
    run->layout.context = run->context;
    if (!target->n_bytes) return SIREN_OK;
    return use_up(run, target, n_saved - run->layout.n_context, blocks);
}

#define FEW_BYTES 32768 /* too few, perhaps, for the second quantiser's models to learn what they cost */

/* Of a small archive the levels of one quantiser, where they are better than those of two. */
static siren_status try_one_quantiser(siren_compression *run, const siren_transform_target *target,
                                      siren_transform_blocks *blocks) {
    SIREN_AT_END(siren_transform_blocks_free) siren_transform_blocks one = {0};
    siren_layout layout = run->layout;
    if (!layout.dependent || bytes_of(blocks) >= FEW_BYTES) return SIREN_OK;
    layout.dependent = false;
    const siren_status status =
        siren_transform_blocks_encode(&run->image->series, &layout, target, run->progress, run->user, &one);
    if (status == SIREN_BOUND) return SIREN_OK; /* two met it */
    SIREN_TRY(status);
    if (target->n_bytes ? one.psnr <= blocks->psnr : bytes_of(&one) >= bytes_of(blocks)) return SIREN_OK;
    run->layout.dependent = false;
    siren_transform_blocks_free(blocks);
    *blocks = SIREN_TAKE(one);
    return SIREN_OK;
}

siren_status siren_compress_by_transform(siren_compression *run) {
    SIREN_AT_END(siren_transform_blocks_free) siren_transform_blocks blocks = {0};
    siren_transform_target target;
    SIREN_TRY(siren_compression_transform_target(run, &target));
    SIREN_TRY(siren_transform_blocks_encode(&run->image->series, &run->layout, &target, run->progress,
                                            run->user, &blocks));
    SIREN_TRY(try_one_quantiser(run, &target, &blocks));
    SIREN_TRY(restore_pixels(run, &target, &blocks));
    SIREN_TRY(expect_levels(run, &target, &blocks));
    run->layout.basis = blocks.basis;
    run->layout.n_basis = blocks.n_basis;
    run->noise = blocks.noise;
    SIREN_TRY_STAGE(SIREN_STAGE_WRITING, siren_compression_sections(run, run->writer, false));
    return siren_transform_blocks_write(&blocks, run->writer);
}

siren_status siren_compress_by_prediction(siren_compression *run, bool *met) {
    const siren_compress_options *asked = run->asked;
    const bool chosen = asked != run->options;
    siren_predictive_outcome outcome;
    size_t n_other = 0;
    SIREN_TRY(siren_compression_context(run));
    if (chosen) SIREN_TRY(siren_compression_other_bytes(run, &n_other));
    SIREN_TRY_STAGE(SIREN_STAGE_WRITING, siren_compression_sections(run, run->writer, false));
    SIREN_TRY(siren_predictive_blocks_write(&run->image->series, &run->layout, run->survey.limits,
                                            run->writer, run->progress, run->user, &outcome));
    *met = true;
    if (chosen && (asked->target == SIREN_TARGET_RATIO || asked->target == SIREN_TARGET_SIZE))
        *met = n_other + outcome.n_bytes <= siren_compression_target_bytes(run);
    if (chosen && asked->target == SIREN_TARGET_PSNR) *met = outcome.psnr >= asked->amount;
    return SIREN_OK;
}
