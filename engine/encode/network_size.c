#include "engine/encode/network_size.h"

#include "engine/archive/parameters.h"

#include <math.h>
#include <stdlib.h>

#define ENTRY_BYTES 56   /* of a record in the index (docs/archive-format.md) */
#define SPARE 0.004      /* of the bytes wanted: blocks differ by about so much */
#define SHORT_SHARE 64   /* such a part of the epochs is trained to see bytes and speed, */
#define LEAST_EPOCHS 4   /* but no fewer */
#define ENOUGH_EPOCHS 50 /* and no more */
#define MOST_TRIALS 6
#define ROOM 1.04    /* by which bytes may come out smaller than trials tell */
#define DECIBELS 5.0 /* that twice the width brings at first (docs/results.md) */
#define CLOSE_DECIBELS 0.25
#define FEWEST_BITS 6
#define MOST_BITS 9
#define MOST_TAPER 2
#define BYTES_DECIBELS 3.5 /* that twice the bytes bring: 4.2 and 4.6 were measured (docs/quantisation.md) */

/* ---- one width ---- */

static siren_status layout_of(const siren_network_sizing *sizing, uint32_t width, siren_layout *out) {
    const siren_settings *s = sizing->settings;
    *out = *sizing->layout;
    return siren_layout_network(s, width, out);
}

/* One block: whether some volume varies, so that it has a network; of others the bytes of its record, unless `n_bytes`
 * is NULL. */
static siren_status look_at(const siren_network_sizing *sizing, size_t number, siren_scaling *scaling,
                            bool *varies, size_t *n_bytes) {
    const siren_layout *layout = sizing->layout;
    siren_block block;
    siren_apart apart;
    char name[64];
    SIREN_AT_END(siren_encoded_free) siren_encoded encoded = {0};
    SIREN_FREE_AT_END uint32_t *inside = NULL;
    SIREN_FREE_AT_END uint8_t *record = NULL;
    SIREN_TRY(siren_mask_block(&layout->mask, &layout->grid, number, &block, &inside));
    SIREN_TRY(siren_block_scale(sizing->series, &block, sizing->limits, scaling, &apart));
    *varies = false;
    for (size_t v = 0; v < layout->geometry.n_volumes; v++)
        *varies = *varies || scaling[v].minimum != scaling[v].maximum;
    if (*varies || !n_bytes) return SIREN_OK;
    siren_block_name(&layout->grid, number, name, sizeof name);
    SIREN_TRY(siren_record_write(layout, &block, sizing->series, scaling, NULL, apart.n, &record,
                                 &encoded.n_unpacked));
    SIREN_TRY(siren_encoded_pack(name, layout, sizing->settings->packing, record, &encoded));
    *n_bytes += encoded.n_packed;
    return SIREN_OK;
}

siren_status siren_network_count(const siren_network_sizing *sizing, size_t *n_networks,
                                 size_t *n_constant_bytes) {
    const siren_block_grid *grid = &sizing->layout->grid;
    SIREN_FREE_AT_END siren_scaling *scaling = NULL;
    *n_networks = 0;
    if (n_constant_bytes) *n_constant_bytes = 0;
    SIREN_TRY(siren_allocate(&scaling, sizing->layout->geometry.n_volumes, sizeof *scaling,
                             "the ranges of a block"));
    for (size_t i = 0; i < grid->count; i++) {
        bool varies;
        SIREN_TRY(look_at(sizing, grid->first + i, scaling, &varies, n_constant_bytes));
        *n_networks += varies;
    }
    return SIREN_OK;
}

/* Of an archive of networks of that width, where a record packs as in the trial. */
static double bytes_of(const siren_network_sizing *sizing, uint32_t width, const siren_network_trial *trial) {
    siren_layout layout;
    const double n_blocks = (double)sizing->layout->grid.count;
    if (layout_of(sizing, width, &layout) != SIREN_OK) return INFINITY;
    const double record = (double)siren_record_bytes(&layout),
                 parameters = (double)siren_quantised_bytes(&layout.network, layout.weight_bits);
    return (double)sizing->n_other_bytes + n_blocks * ENTRY_BYTES +
           trial->packed * (n_blocks * record - (n_blocks - (double)trial->n_networks) * parameters);
}

/* A siren_progress_fn: epochs of a trial are not those of the work. */
static bool report(void *user, double done, double total, const char *what) {
    const siren_network_sizing *sizing = user;
    (void)what;
    return !sizing->progress || sizing->progress(sizing->user, done, total, "measuring");
}

/* The same of the block that is trained to the end. */
static bool report_weights(void *user, double done, double total, const char *what) {
    const siren_network_sizing *sizing = user;
    (void)what;
    return !sizing->progress || sizing->progress(sizing->user, done, total, "weights");
}

/* Sums over trained blocks. */
typedef struct {
    double packed, unpacked, psnr, n_psnr;
} encoded_sums;

static siren_status encode_some(const siren_trained *trained, const siren_settings *settings,
                                const siren_record_budget *budget, encoded_sums *sums) {
    const atomic_bool never = false;
    for (size_t i = 0; i < trained->n; i++) {
        SIREN_AT_END(siren_encoded_free) siren_encoded encoded = {0};
        SIREN_TRY(siren_trained_encode_within(trained, i, settings, budget->n_bytes ? budget : NULL, &never,
                                              &encoded));
        if (encoded.constant) continue;
        sums->packed += (double)encoded.n_packed;
        sums->unpacked += (double)encoded.n_unpacked;
        if (!(encoded.entry.mse > 0)) continue;
        sums->psnr += -10 * log10(encoded.entry.mse);
        sums->n_psnr++;
    }
    return SIREN_OK;
}

siren_status siren_network_try(const siren_network_sizing *sizing, uint32_t width, size_t epochs, bool timed,
                               siren_network_trial *out) {
    siren_settings settings = *sizing->settings;
    siren_layout layout;
    const siren_block_grid *grid = &sizing->layout->grid;
    siren_network_trial trial = {.width = width, .psnr = INFINITY, .packed = 1};
    SIREN_AT_END(siren_encoder_free_at) siren_encoder *encoder = NULL;
    SIREN_AT_END(siren_trained_free_at) siren_trained *trained = NULL;
    SIREN_FREE_AT_END siren_training *trainings = NULL;
    encoded_sums sums = {0};
    siren_network_sizing progress = *sizing;
    const double n_epochs = (double)settings.epochs;
    SIREN_TRY(layout_of(sizing, width, &layout));
    SIREN_TRY(siren_network_count(sizing, &trial.n_networks, NULL));
    if (epochs > settings.epochs) epochs = settings.epochs;
    siren_settings_widen(&settings, width);
    if (epochs < settings.epochs) settings.until_gain = 0;
    settings.epochs = epochs;
    const siren_encoder_plan plan = {.series = sizing->series,
                                     .layout = &layout,
                                     .limits = sizing->limits,
                                     .settings = &settings,
                                     .memory_limit = sizing->memory_limit};
    SIREN_TRY(siren_encoder_create(sizing->device, &plan, &encoder));
    size_t n = siren_encoder_batch(encoder) < grid->count ? siren_encoder_batch(encoder) : grid->count;
    SIREN_TRY(siren_allocate(&trainings, n, sizeof *trainings, "the list of networks"));
    for (size_t i = 0; i < n; i++)
        trainings[i] =
            (siren_training){grid->first + (grid->count - n) / 2 + i, settings.seed, settings.rate};
    if (timed) {
        SIREN_TRY(siren_encoder_train(encoder, trainings, n, NULL, report, &progress, &trained));
        siren_trained_free(SIREN_TAKE(trained));
    }
    double start = siren_clock();
    SIREN_TRY(siren_encoder_train(encoder, trainings, n, NULL, report, &progress, &trained));
    double trained_at = siren_clock(), n_trained = (double)trained->n;
    SIREN_TRY(encode_some(trained, &settings, &sizing->budget, &sums));
    /* Encoding goes on beside training, on processors that both share. */
    trial.seconds = (double)trial.n_networks / n_trained *
                    ((trained_at - start) * n_epochs / (double)epochs +
                     (siren_clock() - trained_at) / (double)siren_processors());
    if (sums.unpacked > 0) trial.packed = sums.packed / sums.unpacked;
    if (sizing->longer > 0 && epochs < sizing->settings->epochs) trial.packed *= sizing->longer;
    if (sums.n_psnr > 0) trial.psnr = sums.psnr / sums.n_psnr;
    trial.n_bytes = (size_t)bytes_of(sizing, width, &trial);
    *out = trial;
    return SIREN_OK;
}

/* ---- a number of bytes ---- */

size_t siren_network_short_epochs(const siren_settings *settings) {
    const size_t n = settings->epochs / SHORT_SHARE;
    return n < LEAST_EPOCHS ? LEAST_EPOCHS : n > ENOUGH_EPOCHS ? ENOUGH_EPOCHS : n;
}

/* 0: none. */
static uint32_t widest(const siren_network_sizing *sizing, double most_bytes,
                       const siren_network_trial *trial) {
    uint32_t low = 0, high = SIREN_MAX_WIDTH + 1;
    while (high - low > 1) {
        const uint32_t middle = low + (high - low) / 2;
        if (bytes_of(sizing, middle, trial) <= most_bytes)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* What weights of fewer bits will bring to `most_bytes`. `width`: the widest that is no larger. */
static uint32_t to_be_filled(const siren_network_sizing *sizing, double most_bytes, uint32_t width,
                             const siren_network_trial *trial) {
    if (!sizing->filled) return width;
    if (sizing->nearest && width < SIREN_MAX_WIDTH)
        return most_bytes / bytes_of(sizing, width, trial) < bytes_of(sizing, width + 1, trial) / most_bytes
                   ? width
                   : width + 1;
    while (width < SIREN_MAX_WIDTH && bytes_of(sizing, width, trial) < ROOM * most_bytes) width++;
    return width;
}

siren_status siren_network_widest(const siren_network_sizing *sizing, size_t most_bytes, bool timed,
                                  siren_network_trial *out) {
    const double wanted = (double)most_bytes * (1 - SPARE);
    siren_network_trial trial = {.packed = 1};
    siren_layout layout;
    SIREN_TRY(siren_network_count(sizing, &trial.n_networks, NULL));
    uint32_t width = widest(sizing, wanted, &trial);
    for (int round = 0; round < MOST_TRIALS; round++) {
        SIREN_TRY(siren_network_try(sizing, width ? width : 1, siren_network_short_epochs(sizing->settings),
                                    timed, &trial));
        width = widest(sizing, wanted, &trial);
        if (width == 0)
            return siren_fail(
                SIREN_BOUND,
                "an archive of %zu byte%s is out of reach of networks: those of one unit take %.0f; ask "
                "for more bytes",
                most_bytes, siren_plural(most_bytes), bytes_of(sizing, 1, &trial));
        if (fabs((double)width - (double)trial.width) <= 0.04 * (double)width) break; /* it packs alike */
    }
    width = to_be_filled(sizing, (double)most_bytes, width, &trial);
    trial.seconds *= pow((double)width / (double)trial.width, 2);
    trial.n_bytes = (size_t)bytes_of(sizing, width, &trial);
    if (sizing->filled && trial.n_bytes > most_bytes) trial.n_bytes = most_bytes;
    SIREN_TRY(layout_of(sizing, width, &layout));
    trial.record_bytes = trial.packed * (double)siren_record_bytes(&layout);
    trial.width = width;
    *out = trial;
    return SIREN_OK;
}

/* ---- bits of weights ---- */

/* PSNR of the trained network, less what its bytes would have brought as a wider one. */
static siren_status worth_of(const siren_trained *trained, const siren_settings *settings, double *packed,
                             double *out) {
    SIREN_AT_END(siren_encoded_free) siren_encoded encoded = {0};
    const atomic_bool never = false;
    SIREN_TRY(siren_trained_encode(trained, 0, settings, &never, &encoded));
    *packed = (double)encoded.n_packed / (double)encoded.n_unpacked;
    *out = encoded.constant || !(encoded.entry.mse > 0)
               ? -INFINITY
               : -10 * log10(encoded.entry.mse) - BYTES_DECIBELS * log2((double)encoded.n_packed);
    return SIREN_OK;
}

siren_status siren_network_choose_weights(const siren_network_sizing *sizing, uint32_t width,
                                          siren_settings *chosen, double *packed) {
    const siren_block_grid *grid = &sizing->layout->grid;
    siren_settings settings = *sizing->settings;
    siren_layout layout;
    SIREN_AT_END(siren_encoder_free_at) siren_encoder *encoder = NULL;
    SIREN_AT_END(siren_trained_free_at) siren_trained *trained = NULL;
    siren_network_sizing progress = *sizing;
    double most = -INFINITY;
    SIREN_TRY(layout_of(sizing, width, &layout));
    siren_settings_widen(&settings, width);
    const siren_encoder_plan plan = {.series = sizing->series,
                                     .layout = &layout,
                                     .limits = sizing->limits,
                                     .settings = &settings,
                                     .memory_limit = sizing->memory_limit};
    const siren_training middle = {grid->first + grid->count / 2, settings.seed, settings.rate};
    SIREN_TRY(siren_encoder_create(sizing->device, &plan, &encoder));
    SIREN_TRY(siren_encoder_train(encoder, &middle, 1, NULL, report_weights, &progress, &trained));
    for (settings.taper = 0; settings.taper <= MOST_TAPER; settings.taper++) {
        double before = -INFINITY, worth, record;
        for (settings.weight_bits = FEWEST_BITS; settings.weight_bits <= MOST_BITS; settings.weight_bits++) {
            SIREN_TRY(worth_of(trained, &settings, &record, &worth));
            if (worth > most) {
                most = worth;
                chosen->weight_bits = settings.weight_bits;
                chosen->taper = settings.taper;
                *packed = record;
            }
            if (!(worth > before)) break; /* more bits gain less and less */
            before = worth;
        }
    }
    return SIREN_OK;
}

/* ---- a PSNR ---- */

siren_status siren_network_narrowest(const siren_network_sizing *sizing, double psnr, size_t most_bytes,
                                     siren_network_trial *out) {
    siren_network_trial most = {.packed = 1}, best = {.width = 0};
    SIREN_TRY(siren_network_count(sizing, &most.n_networks, NULL));
    const uint32_t limit = widest(sizing, (double)most_bytes, &most);
    double low = -1, high = log2(limit ? limit : 1), at = fmin(6, high); /* octaves of the width */
    for (int round = 0; round < MOST_TRIALS; round++) {
        siren_network_trial trial;
        const uint32_t width = (uint32_t)fmax(rint(exp2(at)), 1);
        SIREN_TRY(siren_network_try(sizing, width, sizing->settings->epochs, false, &trial));
        const double more = psnr - trial.psnr;
        if (more > 0 && width >= limit)
            return siren_fail(
                SIREN_BOUND,
                "a PSNR of %g dB is out of reach of networks: with %u units, as large as the voxels "
                "themselves, they have %.2f dB; ask for less, or leave out --model",
                psnr, width, trial.psnr);
        if (more <= 0) best = trial;
        if (more <= 0)
            high = at;
        else
            low = at;
        if ((more <= 0 && more > -CLOSE_DECIBELS) || (best.width && high - low < 0.02)) break;
        at += (more + CLOSE_DECIBELS / 2) / DECIBELS;
        if (!(at > low && at <= high)) at = best.width ? (low + high) / 2 : high;
    }
    if (!best.width)
        return siren_fail(SIREN_BOUND,
                          "a PSNR of %g dB was not found with networks; ask for less, or leave out --model",
                          psnr);
    *out = best;
    return SIREN_OK;
}
