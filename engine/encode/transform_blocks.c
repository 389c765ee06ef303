#include "engine/encode/transform_round.h"

#include <math.h>
#include <stdlib.h>

#define ENTRY_BYTES 56 /* of a record in the index (docs/archive-format.md) */
/* Steps are told in octaves: the finest and the coarsest that there are, and how near two are that make no difference
 * (docs/transform.md). */
#define FINEST (-16.0)
#define COARSEST 1.0
#define SAME (1.0 / 256)
#define MOST_ROUNDS 9
#define SOME_SLICES 5  /* of many: they are coded first, */
#define MORE_SLICES 12 /* or these, to estimate what all give */
/* Octaves of distance(): what is nearer is not worth a round, 0.55 % of bytes or 0.07 dB; steps come in 1/256
 * octave. */
#define CLOSE_BYTES 0.008
#define CLOSE_ERROR 0.011
#define SURE 0.016 /* some slices that are so near need not be told by another round how to go on, */
#define ROUGH 0.12 /* nor are those whose last two rounds tell it: all slices differ from them by as much */
#define DOUBT 0.15 /* of a way to the target: how far it may end beside */
#define FAR 0.1    /* octaves: some slices that are further off are out of reach */
#define USUAL_SLOPE 1.3  /* octaves of the step for one of distance, before two rounds have told it */
#define FEWER_ROUNDS 0.7 /* over some slices than an estimate needs, */
#define USUAL_ROUNDS 2.0 /* and over all, until they are met */
#define ENOUGH_ROUNDS 2  /* over all of many slices, once the target is met nearly as closely */

void siren_transform_blocks_free(siren_transform_blocks *blocks) {
    if (!blocks) return;
    for (size_t i = 0; blocks->records && i < blocks->n; i++) free(blocks->records[i]);
    free(blocks->records);
    free(blocks->n_record_bytes);
    free(blocks->noise_squares);
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

/* ---- the search ---- */

/* Of the whole archive, as far as the blocks that were coded tell. */
static size_t all_bytes(const siren_transform_blocks *blocks, const siren_transform_target *target,
                        size_t n_blocks) {
    size_t n = 0;
    for (size_t i = 0; i < blocks->n; i++) n += ENTRY_BYTES + blocks->n_record_bytes[i];
    if (blocks->n < n_blocks) n = (size_t)((double)n * (double)n_blocks / (double)blocks->n);
    return n + target->n_other_bytes + blocks->n_basis;
}

/* How far a round is from the target, in octaves of the step or so: positive where fewer bytes are wanted, or a lower
 * PSNR. */
static double distance(const siren_transform_blocks *blocks, const siren_transform_target *target,
                       size_t n_blocks) {
    if (target->n_bytes) return log2((double)all_bytes(blocks, target, n_blocks) / (double)target->n_bytes);
    if (target->noise > 0) return fmin(log2(target->noise / blocks->noise), 16);
    return fmin((blocks->psnr - target->psnr) / 6.02, 16);
}

static double closeness(const siren_transform_target *target) {
    return target->n_bytes ? CLOSE_BYTES : CLOSE_ERROR;
}

static siren_status out_of_reach(const siren_transform_blocks *nearest,
                                 const siren_transform_target *target) {
    if (target->n_bytes)
        return siren_fail(
            SIREN_BOUND,
            "an archive of %zu byte%s is out of reach: the coarsest has %zu; ask for a lower ratio",
            target->n_bytes, siren_plural(target->n_bytes), all_bytes(nearest, target, nearest->n));
    if (target->noise > 0)
        return siren_fail(
            SIREN_BOUND,
            "errors of %g sigma are out of reach: the finest have %.3g; ask for more, or for --lossless",
            target->noise, nearest->noise);
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
    double at;      /* octaves of the step to try next */
    double slope;   /* octaves of the step for one of distance */
    size_t rounds;  /* done */
    double seconds; /* of the last of them */
} siren_step_search;

/* Codes every `every`-th block until the target is met within `close` octaves; all blocks (1) until it is met at
 * least. `best` is the nearest of them, else the last round. */
static siren_status search(siren_step_search *s, size_t every, double close, siren_transform_blocks *best) {
    const size_t n_blocks = s->layout->grid.count;
    bool bytes = s->target->n_bytes > 0, found = false;
    /* The target is met on one side of a step between these; the ends may not have been tried yet. */
    double low = FINEST - SAME, high = COARSEST + SAME, before = NAN, off_before = NAN, nearest = NAN;
    for (size_t round = 0; (!found && every == 1) || round < MOST_ROUNDS; round++) {
        SIREN_AT_END(siren_transform_blocks_free) siren_transform_blocks blocks = {0};
        double at = s->at = fmin(fmax(s->at, FINEST), COARSEST);
        const double start = siren_clock();
        SIREN_TRY(siren_transform_round(s->series, s->layout, exp2(at), every, s->target, &blocks));
        s->rounds++;
        s->seconds = siren_clock() - start;
        if (s->progress && !s->progress(s->user, (double)s->rounds, (double)s->rounds + 1, "rounds"))
            return siren_fail(SIREN_CANCELLED, "compression was interrupted");
        double off = distance(&blocks, s->target, n_blocks);
        bool met = bytes ? off <= 0 : off >= 0, last = at == (bytes ? COARSEST : FINEST);
        if (!met && last && every == 1) return out_of_reach(&blocks, s->target);
        if (met || every > 1) {
            siren_transform_blocks_free(best);
            *best = SIREN_TAKE(blocks);
        }
        if (met) nearest = off;
        found = found || met;
        /* Fewer bytes come with coarser steps, a higher PSNR with finer ones. */
        if (bytes == met)
            high = at;
        else
            low = at;
        const bool at_end = at == FINEST || at == COARSEST;
        if (every == 1 && met && (fabs(off) < close || at_end)) return SIREN_OK;
        /* By the last two rounds, unless they are so near that they tell more of chance. */
        double slope = (at - before) / (off_before - off);
        const bool known = slope > 0.2 && slope < 8;
        if (known && fabs(at - before) > 0.1) s->slope = slope;
        before = at, off_before = off;
        if (every > 1 && (at_end || fabs(off) < SURE || (known && fabs(off) < close))) {
            s->at += s->slope * off;
            return SIREN_OK;
        }
        /* Past the target by a little, so that it comes to be met; within what is left. */
        const double past = every > 1 ? 0 : fmin(fmax(0.8 * close, DOUBT * fabs(off)), 2 * close);
        s->at += s->slope * (off + (bytes ? past : -past));
        if (!(s->at > low && s->at < high)) s->at = (low + high) / 2;
        const bool enough = n_blocks >= 2 * SOME_SLICES && every == 1 && round + 1 >= ENOUGH_ROUNDS &&
                            fabs(nearest) < (bytes ? 2 : 3) * close;
        if (found && (high - low < SAME || enough)) return SIREN_OK;
        if (!found && high - low < 2 * SAME)
            s->at = bytes ? high : low; /* what has not been met yet is so at an end */
    }
    return SIREN_OK;
}

/* Root mean square over volumes of the range in the middle block over sigma. */
static siren_status ranges_in_noise(const siren_series *series, const siren_layout *layout,
                                    const siren_transform_target *target, double *out) {
    const siren_block_grid *grid = &layout->grid;
    const size_t n_volumes = layout->geometry.n_volumes;
    siren_apart apart;
    siren_block block;
    SIREN_FREE_AT_END uint32_t *inside = NULL;
    SIREN_FREE_AT_END siren_scaling *scaling = NULL;
    double squares = 0, n = 0;
    SIREN_TRY(siren_mask_block(&layout->mask, grid, grid->first + grid->count / 2, &block, &inside));
    SIREN_TRY(siren_allocate(&scaling, n_volumes, sizeof *scaling, "the scaling"));
    SIREN_TRY(siren_block_scale(series, &block, target->limits, scaling, &apart));
    for (size_t v = 0; v < n_volumes; v++) {
        const double ratio = (scaling[v].maximum - scaling[v].minimum) / target->sigmas[v];
        if (!(target->sigmas[v] > 0)) continue;
        squares += ratio * ratio;
        n++;
    }
    *out = n > 0 ? sqrt(squares / n) : 0;
    return SIREN_OK;
}

/* Begins a search where the error of a step, about 1/3.5 of it (of two quantisers 1/4.1), is the one that is asked for;
 * for a number of bytes, where on three series so many bits a value were met, within 1.4 octaves. */
static siren_status search_for(const siren_series *series, const siren_layout *layout,
                               const siren_transform_target *target, siren_progress_fn progress, void *user,
                               siren_step_search *out) {
    const siren_geometry *g = &layout->geometry;
    const double n_values =
        (double)(g->nx * g->ny * (layout->grid.z_end - layout->grid.z_begin) * g->n_volumes);
    double at = -3.7 - 1.1 * fmin(8 * (double)target->n_bytes / n_values, 8), ranges = 0;
    const double step = layout->dependent ? 4.1 : 3.5; /* for one of error */
    if (target->psnr > 0) at = log2(step) - target->psnr / 6.02;
    if (target->noise > 0) SIREN_TRY(ranges_in_noise(series, layout, target, &ranges));
    if (ranges > 0 && isfinite(ranges)) at = log2(step * target->noise / ranges);
    *out = (siren_step_search){series, layout, target, progress, user, .at = at, .slope = USUAL_SLOPE};
    return SIREN_OK;
}

/* Octaves of the step whose error is about the layout's bound, by the ranges of the middle block. */
static siren_status step_of_bound(const siren_series *series, const siren_layout *layout,
                                  const siren_scaling *limits, double *octaves) {
    const siren_block_grid *grid = &layout->grid;
    size_t n_volumes = layout->geometry.n_volumes;
    siren_apart apart;
    siren_block block;
    SIREN_FREE_AT_END uint32_t *inside = NULL;
    SIREN_FREE_AT_END siren_scaling *scaling = NULL;
    double extent = 0;
    SIREN_TRY(siren_mask_block(&layout->mask, grid, grid->first + grid->count / 2, &block, &inside));
    SIREN_TRY(siren_allocate(&scaling, n_volumes, sizeof *scaling, "the scaling"));
    SIREN_TRY(siren_block_scale(series, &block, limits, scaling, &apart));
    for (size_t v = 0; v < n_volumes; v++)
        extent += (scaling[v].maximum - scaling[v].minimum) / (double)n_volumes;
    double step = 2 * fmax(layout->bound, 0.5) / extent;
    *octaves = extent > 0 ? log2(fmin(fmax(step, 1e-9), 2)) : 0;
    return SIREN_OK;
}

/* The step of the fewest bytes, corrections included: from a guess downhill, by octaves and then by halves of one. */
static siren_status search_fewest(siren_step_search *s, size_t every, siren_transform_blocks *best) {
    const size_t n_blocks = s->layout->grid.count;
    size_t fewest = SIZE_MAX;
    double best_at = s->at, stride = 1, way = 1;
    bool other_known = false; /* what lies the other way has more bytes */
    for (double next = s->at; stride >= 0.5; next = best_at + way * stride) {
        SIREN_AT_END(siren_transform_blocks_free) siren_transform_blocks blocks = {0};
        const double start = siren_clock();
        s->at = fmin(fmax(next, FINEST), COARSEST);
        SIREN_TRY(siren_transform_round(s->series, s->layout, exp2(s->at), every, s->target, &blocks));
        s->rounds++;
        s->seconds = siren_clock() - start;
        if (s->progress && !s->progress(s->user, (double)s->rounds, (double)s->rounds + 1, "rounds"))
            return siren_fail(SIREN_CANCELLED, "compression was interrupted");
        size_t n_bytes = all_bytes(&blocks, s->target, n_blocks);
        if (n_bytes < fewest) {
            other_known = fewest < SIZE_MAX;
            siren_transform_blocks_free(best);
            *best = SIREN_TAKE(blocks);
            fewest = n_bytes;
            best_at = s->at;
            if (s->at == next) continue;
        }
        way = -way;
        if (other_known) stride /= 2;
        other_known = !other_known;
    }
    s->at = best_at;
    return SIREN_OK;
}

siren_status siren_transform_blocks_estimate(const siren_series *series, const siren_layout *layout,
                                             const siren_transform_target *target, siren_progress_fn progress,
                                             void *user, siren_transform_estimate *out) {
    SIREN_AT_END(siren_transform_blocks_free) siren_transform_blocks some = {0};
    siren_step_search s;
    const size_t n_blocks = layout->grid.count,
                 every = n_blocks >= 2 * MORE_SLICES ? n_blocks / MORE_SLICES : 1;
    const double start = siren_clock();
    SIREN_TRY(search_for(series, layout, target, progress, user, &s));
    if (layout->corrected) {
        SIREN_TRY(step_of_bound(series, layout, target->limits, &s.at));
        SIREN_TRY(search_fewest(&s, every, &some));
    } else
        SIREN_TRY(search(&s, every, every > 1 ? SURE : closeness(target), &some));
    const double searched = siren_clock();
    SIREN_TRY(siren_transform_round_check(series, layout, every, target, &some));
    const double end = siren_clock();
    const double off = layout->corrected ? 0 : distance(&some, target, n_blocks);
    if (target->n_bytes ? off > FAR : off < -FAR)
        return siren_fail(SIREN_BOUND, "--%s is out of reach of the transform",
                          target->n_bytes     ? "ratio"
                          : target->noise > 0 ? "noise"
                                              : "psnr");
    const double share = (double)some.n / (double)n_blocks,
                 first = FEWER_ROUNDS * (searched - start) * (double)SOME_SLICES / (double)some.n,
                 rounds = layout->corrected ? 1 : USUAL_ROUNDS;
    *out = (siren_transform_estimate){
        .n_bytes = all_bytes(&some, target, n_blocks),
        .psnr = some.psnr,
        .noise = some.noise,
        .seconds = every == 1 ? end - start : first + rounds * s.seconds / share + (end - searched) / share};
    return SIREN_OK;
}

static siren_status encode_within_bound(siren_step_search *s, siren_transform_blocks *out) {
    SIREN_AT_END(siren_transform_blocks_free) siren_transform_blocks some = {0};
    const size_t count = s->layout->grid.count, every = count >= 2 * SOME_SLICES ? count / SOME_SLICES : 1;
    SIREN_TRY(step_of_bound(s->series, s->layout, s->target->limits, &s->at));
    SIREN_TRY(search_fewest(s, every, &some));
    if (every > 1) return siren_transform_round(s->series, s->layout, exp2(s->at), 1, s->target, out);
    *out = SIREN_TAKE(some);
    return SIREN_OK;
}

siren_status siren_transform_blocks_encode(const siren_series *series, const siren_layout *layout,
                                           const siren_transform_target *target, siren_progress_fn progress,
                                           void *user, siren_transform_blocks *out) {
    SIREN_AT_END(siren_transform_blocks_free) siren_transform_blocks some = {0};
    SIREN_AT_END(siren_transform_blocks_free) siren_transform_blocks best = {0};
    siren_step_search s;
    SIREN_TRY(search_for(series, layout, target, progress, user, &s));
    if (layout->corrected) return encode_within_bound(&s, out);
    /* Some slices tell nearly where to look, so that all are coded twice or three times. */
    if (target->step > 0)
        s.at = log2(target->step);
    else if (layout->grid.count >= 2 * SOME_SLICES)
        SIREN_TRY(search(&s, layout->grid.count / SOME_SLICES, ROUGH, &some));
    SIREN_TRY(search(&s, 1, closeness(target), &best));
    SIREN_TRY(siren_transform_round_check(series, layout, 1, target, &best));
    *out = SIREN_TAKE(best);
    return SIREN_OK;
}
