#include "engine/encode/choices.h"

#include "engine/encode/context_fit.h"
#include "engine/encode/noise.h"
#include "engine/encode/predictive_blocks.h"
#include "engine/encode/transform_context.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NETWORK_SECONDS 20 /* in which a network is trained to see its PSNR */
/* `auto` looks at lossless for ratios up to this, which no series measured came near; takes it, or a bound, where some
 * slices say that it has so much to spare; and takes a network, or a bound, that is so many dB above the transform.
 * With a bound ratios come up to so many times the lossless one, in so many tries. */
#define LOSSLESS_RATIO 30
#define BOUND_RATIO 2.5
#define BOUND_TRIES 5
#define SPARE 0.98
#define AHEAD 0.1

/* ---- one row ---- */

static siren_status measure_network(siren_compression *part, double most_seconds, siren_choice *out) {
    const siren_compress_options *o = part->options;
    siren_network_trial trial = {.psnr = NAN};
    SIREN_TRY(siren_plan_networks(part));
    SIREN_TRY(siren_compression_other_bytes(part, &part->n_other_bytes));
    const bool sized = siren_options_sized(o);
    const size_t all = part->settings.epochs;
    if (sized) SIREN_TRY(siren_size_networks(part, false, true, &trial));
    siren_network_sizing sizing = siren_compression_sizing(part);
    if (!sized)
        SIREN_TRY(siren_network_try(&sizing, part->settings.width,
                                    siren_network_short_epochs(&part->settings), true, &trial));
    out->psnr = trial.psnr;
    if (o->target != SIREN_TARGET_PSNR) {
        siren_network_trial longer;
        const double seconds = trial.seconds / fmax((double)trial.n_networks, 1),
                     share = most_seconds / fmax(seconds, 1e-9);
        const size_t some = share < 1 ? (size_t)(share * (double)all) : all;
        if (sized) SIREN_TRY(siren_plan_budget(part));
        sizing.budget = part->budget;
        SIREN_TRY(siren_network_try(&sizing, trial.width, some < 1 ? 1 : some, false, &longer));
        out->psnr = longer.psnr;
        out->psnr_is_least = some < all;
        trial.n_bytes = longer.n_bytes;
        if (some == all) trial.seconds = longer.seconds;
    }
    out->layers = part->settings.layers;
    out->width = trial.width;
    out->n_bytes = trial.n_bytes;
    out->seconds = trial.seconds;
    return SIREN_OK;
}

static siren_status measure_transform(siren_compression *part, siren_choice *out) {
    siren_transform_target target;
    siren_transform_estimate estimate; /* by counts alone: networks would make it some per cent smaller */
    double training;
    const double start = siren_clock();
    SIREN_TRY(siren_plan_without_network(part));
    SIREN_TRY(siren_compression_transform_target(part, &target));
    if (!target.n_bytes) SIREN_TRY(siren_compression_other_bytes(part, &target.n_other_bytes));
    const double before = siren_clock() - start; /* of the noise, where it counts */
    SIREN_TRY(siren_transform_blocks_estimate(&part->image->series, &part->layout, &target, part->progress,
                                              part->user, &estimate));
    out->n_bytes = estimate.n_bytes;
    out->psnr = estimate.psnr;
    out->noise = estimate.noise;
    SIREN_TRY(siren_transform_context_seconds(part->settings.effort, estimate.n_bytes, &training));
    /* A network for pixels, for which all is searched once more, and one for levels. */
    out->seconds = before + (training > 0 ? 2 : 1) * (training + estimate.seconds);
    return SIREN_OK;
}

static siren_status measure_predictive(siren_compression *part, siren_choice *out) {
    siren_predictive_outcome estimate; /* by counts alone */
    siren_context_expectation network;
    size_t n_other;
    SIREN_TRY(siren_plan_without_network(part));
    SIREN_TRY(siren_compression_other_bytes(part, &n_other));
    SIREN_TRY(siren_predictive_blocks_estimate(&part->image->series, &part->layout, part->survey.limits,
                                               part->progress, part->user, &estimate));
    SIREN_TRY(siren_context_expect(&part->image->series, &part->layout, part->settings.effort,
                                   part->settings.seed, part->options->memory_limit, part->progress,
                                   part->user, &network));
    out->n_bytes = n_other + network.n_bytes + (size_t)((double)estimate.n_bytes * network.share);
    out->psnr = estimate.psnr;
    out->seconds = network.seconds + estimate.seconds;
    return SIREN_OK;
}

siren_status siren_choice_measure(const siren_compression *run, const siren_compress_options *options,
                                  double seconds, siren_choice *out) {
    SIREN_AT_END(siren_compression_free)
    siren_compression part = {.device = run->device,
                              .options = options,
                              .image = run->image,
                              .progress = run->progress,
                              .user = run->user,
                              .coding = siren_options_coding(options)};
    siren_choice choice = {.options = *options, .coding = part.coding};
    if (part.coding == SIREN_CODING_NETWORK && !run->device)
        return siren_fail(SIREN_NO_DEVICE, "there is no device to try networks on");
    const siren_status status = part.coding == SIREN_CODING_NETWORK ? measure_network(&part, seconds, &choice)
                                : part.coding == SIREN_CODING_TRANSFORM ? measure_transform(&part, &choice)
                                                                        : measure_predictive(&part, &choice);
    if (status == SIREN_BOUND || (status == SIREN_UNSUPPORTED && part.coding == SIREN_CODING_NETWORK))
        snprintf(choice.reason, sizeof choice.reason, "%s", siren_message());
    else if (status != SIREN_OK)
        return status;
    if (status == SIREN_OK && choice.n_bytes > 0)
        choice.ratio = (double)siren_compression_stored_bytes(&part) / (double)choice.n_bytes;
    *out = choice;
    return SIREN_OK;
}

/* ---- the best of all ---- */

static siren_status use(const char *model, siren_compress_options *o) {
    const siren_setting *s = siren_setting_find("model");
    return siren_setting_parse(s, s->key, model, &o->settings);
}

/* Networks in the place of `best`, where one of them is ahead of it. */
static siren_status try_networks(const siren_compression *run, const siren_choice *transform,
                                 siren_compress_options *best) {
    static const char *const names[] = {"siren-2d", "siren-2d-relu"};
    double psnr = transform->psnr + AHEAD;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        siren_compress_options o = *run->options;
        siren_choice choice;
        SIREN_TRY(use(names[i], &o));
        siren_options_shape(&o);
        SIREN_TRY(siren_choice_measure(run, &o, INFINITY, &choice));
        if (*choice.reason || !(choice.psnr > psnr)) continue;
        psnr = choice.psnr;
        *best = o;
    }
    return SIREN_OK;
}

static bool has_fraction(siren_datatype datatype) {
    return datatype == SIREN_FLOAT32 || datatype == SIREN_FLOAT64;
}

/* Prediction with a bound in the place of `best`, where that is better than the transform: for a number of bytes with
 * the least one that they allow, for a PSNR with the largest one that has it. */
static siren_status try_bounds(const siren_compression *run, const siren_choice *transform,
                               const siren_choice *exact, siren_compress_options *best) {
    const siren_compress_options *asked = run->options;
    const siren_datatype datatype = run->image->series.geometry.datatype;
    const double n_values = exact->ratio * (double)exact->n_bytes / (double)siren_datatype_size(datatype);
    double fewest = SPARE * (double)transform->n_bytes, error = 1;
    if (has_fraction(datatype) || transform->ratio > BOUND_RATIO * exact->ratio) return SIREN_OK;
    if (asked->target == SIREN_TARGET_PSNR) fewest = fmin(fewest, SPARE * (double)exact->n_bytes);
    /* Steps of 2 E + 1 save at most their logarithm in each value. */
    if (asked->target != SIREN_TARGET_PSNR)
        error = fmax(1, floor((exp2(8 * ((double)exact->n_bytes - fewest) / n_values) - 1) / 2));
    for (int i = 0; i < BOUND_TRIES; i++, error++) {
        siren_compress_options o = *asked;
        siren_choice choice;
        SIREN_TRY(use(SIREN_MODEL_PREDICTIVE, &o));
        o.target = SIREN_TARGET_MAX_ERROR;
        o.amount = error;
        o.percent = false;
        SIREN_TRY(siren_choice_measure(run, &o, INFINITY, &choice));
        if (*choice.reason) return SIREN_OK;
        if (asked->target == SIREN_TARGET_PSNR && choice.psnr < asked->amount + AHEAD) return SIREN_OK;
        if (!((double)choice.n_bytes <= fewest)) continue;
        if (asked->target != SIREN_TARGET_PSNR && choice.psnr < transform->psnr + AHEAD) return SIREN_OK;
        *best = o;
        if (asked->target != SIREN_TARGET_PSNR) return SIREN_OK;
        fewest = (double)choice.n_bytes;
    }
    return SIREN_OK;
}

/* The smaller one for a largest error. */
static siren_status choose_exact(const siren_compression *run, siren_compress_options *out) {
    siren_compress_options predictive = *run->options, transform = *run->options;
    siren_choice by_predictive, by_transform;
    SIREN_TRY(use(SIREN_MODEL_PREDICTIVE, &predictive));
    SIREN_TRY(use(SIREN_MODEL_TRANSFORM, &transform));
    *out = predictive;
    if (run->options->target == SIREN_TARGET_LOSSLESS) return SIREN_OK;
    SIREN_TRY(siren_choice_measure(run, &predictive, INFINITY, &by_predictive));
    SIREN_TRY(siren_choice_measure(run, &transform, INFINITY, &by_transform));
    if (by_transform.n_bytes < by_predictive.n_bytes) *out = transform;
    return SIREN_OK;
}

siren_status siren_choose(const siren_compression *run, siren_compress_options *out) {
    const siren_compress_options *asked = run->options;
    const siren_geometry *g = &run->image->series.geometry;
    siren_compress_options best = *asked, lossless = *asked;
    siren_choice transform = {.n_bytes = 0}, exact = {.n_bytes = 0};
    const bool of_bytes = asked->target == SIREN_TARGET_RATIO || asked->target == SIREN_TARGET_SIZE;
    SIREN_TRY(use(SIREN_MODEL_PREDICTIVE, &lossless));
    lossless.target = SIREN_TARGET_LOSSLESS;
    if (asked->target == SIREN_TARGET_LOSSLESS || asked->target == SIREN_TARGET_MAX_ERROR)
        return choose_exact(run, out);
    SIREN_TRY(use(SIREN_MODEL_TRANSFORM, &best));
    SIREN_TRY(siren_choice_measure(run, &best, INFINITY, &transform));
    const bool reached = !*transform.reason;
    /* For a ratio the transform's bytes are those that are allowed. */
    if (!reached || transform.ratio < LOSSLESS_RATIO) {
        SIREN_TRY(siren_choice_measure(run, &lossless, INFINITY, &exact));
        const bool fits = reached ? (double)exact.n_bytes <= SPARE * (double)transform.n_bytes : !of_bytes;
        if (fits) best = lossless;
        if (asked->target == SIREN_TARGET_PSNR || (of_bytes && reached && !fits))
            SIREN_TRY(try_bounds(run, reached ? &transform : &exact, &exact, &best));
        if (siren_options_coding(&best) == SIREN_CODING_PREDICTIVE) {
            const double bound = best.target == SIREN_TARGET_MAX_ERROR ? best.amount : 0;
            siren_log(SIREN_LOG_INFO, "auto: predictive, errors of at most %g", bound);
            *out = best;
            return SIREN_OK;
        }
    }
    if (!reached) transform.psnr = -INFINITY;
    if (of_bytes && run->device && g->n_volumes >= SIREN_NETWORK_VOLUMES)
        SIREN_TRY(try_networks(run, &transform, &best));
    siren_log(SIREN_LOG_INFO, "auto: %s", best.settings.model);
    *out = best;
    return SIREN_OK;
}

/* ---- the table ---- */

static bool any_noise(const siren_plan *plan) {
    for (size_t v = 0; v < plan->n_volumes; v++)
        if (plan->sigmas[v] > 0) return true;
    return false;
}

static bool all_of_noise(const siren_compress_options *wanted, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (wanted[i].target != SIREN_TARGET_NOISE) return false;
    return true;
}

void siren_plan_free(siren_plan *plan) {
    if (!plan) return;
    free(plan->sigmas);
    free(plan->choices);
    *plan = (siren_plan){0};
}

siren_status siren_plan_file(siren_device *device, const char *image, const siren_compress_options *wanted,
                             size_t n, siren_progress_fn progress, void *user, siren_plan *out) {
    SIREN_AT_END(siren_compression_free)
    siren_compression run = {.device = device, .progress = progress, .user = user};
    SIREN_AT_END(siren_plan_free) siren_plan plan = {.n = n};
    siren_layout layout = {.context = NULL};
    const double start = siren_clock();
    SIREN_TRY(siren_image_load(image, SIREN_NIFTI_STORED, wanted[0].memory_limit, &run.own));
    const double reading = siren_clock() - start;
    run.image = run.own;
    layout.geometry = run.image->series.geometry;
    const siren_geometry *g = &layout.geometry;
    SIREN_TRY(siren_compression_grid(&wanted[0].settings, SIREN_BLOCK_SLICE, &layout));
    plan.n_volumes = g->n_volumes;
    plan.stored_bytes = g->nx * g->ny * (layout.grid.z_end - layout.grid.z_begin) * g->n_volumes *
                        siren_datatype_size(g->datatype);
    SIREN_TRY(siren_allocate(&plan.sigmas, g->n_volumes, sizeof *plan.sigmas, "the noise"));
    SIREN_TRY(siren_allocate(&plan.choices, n, sizeof *plan.choices, "the choices"));
    SIREN_TRY(siren_noise_estimate(&run.image->series, layout.grid.z_begin, layout.grid.z_end, plan.sigmas));
    const bool noisy =
        any_noise(&plan) || all_of_noise(wanted, n); /* measuring fails where noise alone is asked for */
    for (size_t i = 0; i < n; i++) {
        siren_compress_options chosen = wanted[i];
        if (!noisy && chosen.target == SIREN_TARGET_NOISE) {
            plan.choices[i] = (siren_choice){.options = chosen,
                                             .coding = siren_options_coding(&chosen),
                                             .reason = "no noise can be seen in it"};
            continue;
        }
        if (strcmp(wanted[i].settings.model, SIREN_MODEL_AUTO) == 0) {
            run.options = &wanted[i];
            SIREN_TRY(siren_choose(&run, &chosen));
        }
        SIREN_TRY(siren_choice_measure(&run, &chosen, NETWORK_SECONDS, &plan.choices[i]));
        plan.choices[i].seconds += reading;
    }
    *out = SIREN_TAKE(plan);
    return SIREN_OK;
}
