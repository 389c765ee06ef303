/* Networks as large as a target wants them, and what they will take. */
#include "engine/encode/compression.h"

#include "engine/encode/rounding.h"
#include "engine/train/optimiser.h"

#include <math.h>
#include <stdio.h>

siren_network_sizing siren_compression_sizing(siren_compression *run) {
    return (siren_network_sizing){.device = run->device,
                                  .series = &run->image->series,
                                  .layout = &run->layout,
                                  .limits = run->survey.limits,
                                  .settings = &run->settings,
                                  .n_other_bytes = run->n_other_bytes,
                                  .memory_limit = siren_compression_encoder_bytes(run),
                                  .progress = run->progress,
                                  .user = run->user};
}

/* What is larger by less is a trial on a small image, not a loss: it gets a warning in the end. */
#define LARGER_BYTES ((size_t)64 << 10)

static bool too_large(const siren_compress_options *o, double n_bytes) {
    return o->most_bytes > 0 && n_bytes > (double)(o->most_bytes + LARGER_BYTES);
}

/* Tells what is to come, and refuses what is larger than it may be. */
static siren_status foresee(siren_compression *run, const siren_network_trial *trial) {
    const siren_compress_options *o = run->options;
    if (!too_large(o, (double)trial->n_bytes)) {
        if (o->foresee)
            o->foresee(&(siren_foreseen){.model = run->settings.model,
                                         .layers = run->settings.layers,
                                         .width = trial->width,
                                         .n_blocks = run->layout.grid.count,
                                         .n_bytes = trial->n_bytes,
                                         .seconds = trial->seconds});
        return SIREN_OK;
    }
    return siren_fail(
        SIREN_USAGE,
        "%s: networks of %u units would make %zu bytes of its %zu; ask for less, for --model auto or "
        "for --lossless, or add --force-larger",
        siren_image_name(run->image), trial->width, trial->n_bytes, o->most_bytes);
}

/* A training that takes less is not worth to be measured beforehand: operations. */
#define WORTH_FORESEEING 1e12

siren_status siren_foresee_published(siren_compression *run) {
    const siren_compress_options *o = run->options;
    siren_network_sizing sizing = siren_compression_sizing(run);
    siren_layout *layout = &run->layout;
    const siren_settings *s = &run->settings;
    double flops = 0;
    if (!o->foresee && o->most_bytes == 0) return SIREN_OK;
    siren_network_trial trial = {.width = s->width,
                                 .seconds = NAN,
                                 .n_bytes =
                                     run->n_other_bytes +
                                     layout->grid.count * (SIREN_ENTRY_BYTES + siren_record_bytes(layout))};
    for (size_t i = 0; i < layout->grid.count; i++)
        flops += siren_training_flops(
            &layout->network, s,
            siren_layout_samples(
                layout, siren_mask_block_points(&layout->mask, &layout->grid, layout->grid.first + i)));
    const bool refused = too_large(o, 0.8 * (double)trial.n_bytes);
    if (!refused && flops > WORTH_FORESEEING) {
        SIREN_TRY(siren_network_try(&sizing, s->width, siren_network_short_epochs(s), true, &trial));
    }
    return foresee(run, &trial);
}

/* Fewer blocks are not worth to train one of them beforehand. */
#define WORTH_CHOOSING 4
#define SPREAD 0.008 /* by which the mean record may be larger than that of the block in the middle */

/* How weights are stored, where nobody says it. */
static siren_status choose_weights(siren_compression *run, siren_network_sizing *sizing) {
    siren_network_trial trial, few;
    double packed = 0;
    SIREN_TRY(siren_network_widest(sizing, siren_compression_target_bytes(run), false, &trial));
    SIREN_TRY(siren_network_choose_weights(sizing, trial.width, &run->settings, &packed));
    run->layout.weight_bits = run->settings.weight_bits;
    SIREN_TRY(
        siren_network_try(sizing, trial.width, siren_network_short_epochs(&run->settings), false, &few));
    sizing->longer = packed / few.packed * (1 + SPREAD);
    siren_log(SIREN_LOG_INFO, "weights of %u bits, taper %u", run->settings.weight_bits, run->settings.taper);
    return SIREN_OK;
}

/* What serves best, or nearly, on most series (docs/quantisation.md, Taper). */
#define USUAL_BITS 7
#define USUAL_TAPER 1
#define MOST_DECIBELS 38 /* for which they serve: closer networks want int8 */

siren_status siren_size_networks(siren_compression *run, bool choose, bool timed,
                                 siren_network_trial *trial) {
    const siren_compress_options *o = run->options;
    siren_settings *settings = &run->settings;
    const bool open = siren_options_weights_open(o), of_bytes = o->target != SIREN_TARGET_PSNR;
    if (of_bytes ? open : open && o->amount <= MOST_DECIBELS) {
        settings->weight_bits = run->layout.weight_bits = USUAL_BITS;
        settings->taper = USUAL_TAPER;
    }
    siren_network_sizing sizing = siren_compression_sizing(run);
    choose = choose && open && of_bytes && run->layout.grid.count >= WORTH_CHOOSING;
    if (choose) SIREN_TRY(choose_weights(run, &sizing));
    sizing.filled = settings->weight_bits != SIREN_FLOAT32_WEIGHTS;
    sizing.nearest = open;
    if (of_bytes)
        SIREN_TRY(siren_network_widest(&sizing, siren_compression_target_bytes(run), timed, trial));
    else
        SIREN_TRY(siren_network_narrowest(&sizing, o->amount, siren_compression_stored_bytes(run), trial));
    siren_settings_widen(settings, trial->width);
    run->expected_bytes = trial->record_bytes;
    if (open && of_bytes) { /* they may get a bit more than is best, where the next width would be too wide */
        siren_layout layout = run->layout;
        run->layout.weight_bits = ++settings->weight_bits;
        SIREN_TRY(siren_layout_network(settings, trial->width, &layout));
        run->expected_bytes += siren_rounded_bytes_of_bit(&layout.network);
    }
    return SIREN_OK;
}

siren_status siren_plan_size(siren_compression *run) {
    siren_network_trial trial;
    SIREN_TRY(siren_size_networks(run, true, run->options->foresee != NULL, &trial));
    return foresee(run, &trial);
}

siren_status siren_plan_budget(siren_compression *run) {
    const siren_network_sizing sizing = siren_compression_sizing(run);
    size_t n_networks, n_constant_bytes;
    run->budget = (siren_record_budget){.n_bytes = 0};
    if (run->options->target == SIREN_TARGET_PSNR || run->settings.weight_bits == SIREN_FLOAT32_WEIGHTS)
        return SIREN_OK;
    SIREN_TRY(siren_network_count(&sizing, &n_networks, &n_constant_bytes));
    const double left = (double)siren_compression_target_bytes(run) - (double)run->n_other_bytes -
                        (double)(run->layout.grid.count * SIREN_ENTRY_BYTES + n_constant_bytes);
    if (n_networks == 0 || left < (double)n_networks) return SIREN_OK;
    run->budget.n_bytes = (size_t)(left / (double)n_networks);
    run->budget.expected = run->expected_bytes;
    return SIREN_OK;
}

siren_status siren_size_met(siren_compression *run, bool *out) {
    const siren_compress_options *o = run->options;
    uint32_t width = run->settings.width;
    const double n_bytes = (double)(run->n_record_bytes + run->n_other_bytes),
                 psnr = run->n_psnr > 0 ? run->psnr_sum / run->n_psnr : INFINITY;
    *out = o->target == SIREN_TARGET_PSNR ? psnr >= o->amount
                                          : n_bytes <= (double)siren_compression_target_bytes(run);
    if (*out) return SIREN_OK;
    siren_log(SIREN_LOG_INFO, "networks of %u units make %.0f bytes of %.2f dB", width, n_bytes, psnr);
    if (o->target == SIREN_TARGET_PSNR) {
        const uint32_t wider = (uint32_t)ceil(width * exp2((o->amount - psnr + 0.05) / 5)) + 1;
        if (wider > SIREN_MAX_WIDTH || n_bytes > (double)siren_compression_stored_bytes(run))
            return siren_fail(
                SIREN_BOUND,
                "a PSNR of %g dB is out of reach of networks: those of %u units have %.2f dB; ask for "
                "less, or leave out --model",
                o->amount, width, psnr);
        width = wider;
    } else {
        const uint32_t narrower =
            (uint32_t)(width * sqrt((double)siren_compression_target_bytes(run) / n_bytes));
        width = narrower < width ? narrower : width - 1;
        if (width == 0)
            return siren_fail(SIREN_BOUND,
                              "an archive of %zu byte%s is out of reach of networks: the smallest has %.0f; "
                              "ask for more bytes",
                              siren_compression_target_bytes(run),
                              siren_plural(siren_compression_target_bytes(run)), n_bytes);
    }
    siren_settings_widen(&run->settings, width);
    run->expected_bytes = 0;
    return SIREN_OK;
}
