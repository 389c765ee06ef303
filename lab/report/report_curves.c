#include "lab/report/report_curves.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab/run/run_folder.h"

#define MOST_BLOCKS 100000000.0 /* their numbers have up to 8 digits */
#define MOST_ROWS 400           /* of a curve in a figure; more cannot be told apart */

/* Numbers of the trial's trained blocks: of its volumes or patches, or else of its slices. */
static siren_status find_blocks(const siren_report_run *run, const siren_report_trial *trial, double **out,
                                size_t *n_out) {
    SIREN_FREE_AT_END double *numbers = NULL;
    size_t name, level, number, state, n = 0;
    const siren_table *table = run->results;
    bool slices = true;
    SIREN_TRY(siren_table_find(table, "trial", &name));
    SIREN_TRY(siren_table_find(table, "level", &level));
    SIREN_TRY(siren_table_find(table, "number", &number));
    SIREN_TRY(siren_table_find(table, "status", &state));
    SIREN_TRY(siren_allocate(&numbers, siren_table_rows(table), sizeof *numbers, "the blocks of a trial"));
    for (size_t row = 0; row < siren_table_rows(table); row++) {
        if (strcmp(siren_table_cell(table, row, name), trial->name) != 0) continue;
        bool slice = strcmp(siren_table_cell(table, row, level), "slice") == 0;
        if (slices && !slice) n = 0; /* the slices seen so far are those of a 3-D model */
        slices = slices && slice;
        if (slice != slices || strcmp(siren_table_cell(table, row, state), "ok") != 0) continue;
        SIREN_TRY(siren_table_number(table, row, number, &numbers[n]));
        if (!(numbers[n] >= 0 && numbers[n] < MOST_BLOCKS && numbers[n] == floor(numbers[n])))
            return siren_fail(SIREN_CORRUPT,
                              "%s/results.csv: line %zu, column number: '%s' is no number of a block; "
                              "correct the file or make it anew",
                              run->folder, row + 2, siren_table_cell(table, row, number));
        n++;
    }
    *out = SIREN_TAKE(numbers);
    *n_out = n;
    return SIREN_OK;
}

/* Means over blocks as they come in. */
typedef struct {
    siren_report_mean_curve curve;
    bool early;        /* some may have ended before others: the epochs are there before the means */
    double epochs_run; /* of all blocks together */
} mean_curve;

static void mean_curve_free(mean_curve *mean) { siren_report_mean_curve_free(&mean->curve); }

/* Gives the means the epochs of a block's curve that goes further than those before. */
static siren_status take_epochs(const siren_table *table, const char *path, mean_curve *mean) {
    siren_report_mean_curve *curve = &mean->curve;
    const size_t n = siren_table_rows(table);
    size_t epoch;
    double last = -1;
    (void)path;
    SIREN_TRY(siren_table_find(table, "epoch", &epoch));
    if (n > 0) SIREN_TRY(siren_table_number(table, n - 1, epoch, &last));
    if (n == 0 || (curve->n_rows > 0 && !(last > curve->rows[curve->n_rows - 1].epoch))) return SIREN_OK;
    siren_report_mean_curve_free(curve);
    SIREN_TRY(siren_allocate(&curve->rows, n, sizeof *curve->rows, "a mean curve"));
    curve->n_rows = n;
    for (size_t i = 0; i < n; i++) SIREN_TRY(siren_table_number(table, i, epoch, &curve->rows[i].epoch));
    return SIREN_OK;
}

/* Adds a block's curve to means and sums of squared distances from them (Welford), which psnr_std and
 * mse_std hold until all are in. A block that has ended early stays where it was. */
static siren_status add_curve(const siren_table *table, const char *path, mean_curve *mean) {
    siren_report_mean_curve *curve = &mean->curve;
    size_t epoch, mse, psnr;
    const size_t n = siren_table_rows(table);
    SIREN_TRY(siren_table_find(table, "epoch", &epoch));
    SIREN_TRY(siren_table_find(table, "mse", &mse));
    SIREN_TRY(siren_table_find(table, "psnr", &psnr));
    if (!curve->rows) {
        SIREN_TRY(siren_allocate(&curve->rows, n, sizeof *curve->rows, "a mean curve"));
        curve->n_rows = n;
    }
    if (n != curve->n_rows && !(mean->early && n > 0))
        return siren_fail(SIREN_CORRUPT,
                          "%s: has %zu epoch%s, but the trial's first curve has %zu; run the sweep again",
                          path, n, siren_plural(n), curve->n_rows);
    const double count = (double)++curve->n_blocks;
    double at = 0;
    for (size_t i = 0, from = 0; i < curve->n_rows; i++) {
        siren_report_mean_row *row = &curve->rows[i];
        double p, e, next = 0;
        while (mean->early && from + 1 < n) {
            SIREN_TRY(siren_table_number(table, from + 1, epoch, &next));
            if (!(next <= row->epoch)) break;
            from++;
        }
        if (!mean->early) from = i;
        SIREN_TRY(siren_table_number(table, from, epoch, &at));
        SIREN_TRY(siren_table_number(table, from, psnr, &p));
        SIREN_TRY(siren_table_number(table, from, mse, &e));
        if (count == 1)
            *row = (siren_report_mean_row){.epoch = mean->early ? row->epoch : at, .mse_least = e};
        if (!mean->early && at != row->epoch)
            return siren_fail(
                SIREN_CORRUPT,
                "%s: line %zu has epoch %s, but the trial's first curve has %g; run the sweep again", path,
                i + 2, siren_table_cell(table, i, epoch), row->epoch);
        const double from_psnr = p - row->psnr, from_mse = e - row->mse;
        row->psnr += from_psnr / count;
        row->psnr_std += from_psnr * (p - row->psnr);
        row->mse += from_mse / count;
        row->mse_std += from_mse * (e - row->mse);
        row->mse_least = fmin(row->mse_least, e);
    }
    mean->epochs_run += at;
    return SIREN_OK;
}

/* Goes through the curves of a trial's blocks. */
static siren_status add_trial(const siren_report_run *run, const siren_report_trial *trial,
                              siren_status (*add)(const siren_table *, const char *, mean_curve *),
                              mean_curve *mean) {
    SIREN_AT_END(siren_table_free_at) siren_table *table = NULL;
    SIREN_FREE_AT_END double *blocks = NULL;
    SIREN_FREE_AT_END char *path = NULL;
    size_t n_blocks = 0;
    if (run->results) SIREN_TRY(find_blocks(run, trial, &blocks, &n_blocks));
    for (size_t i = 0; i < n_blocks; i++) {
        SIREN_TRY(siren_run_path(&path, run->folder, "trials/%s/curves/%04.0f.csv", trial->name, blocks[i]));
        if (access(path, F_OK) == 0 || errno != ENOENT) {
            SIREN_TRY(siren_table_read(path, &table));
            SIREN_TRY(add(table, path, mean));
        }
        siren_table_free(SIREN_TAKE(table));
        free(SIREN_TAKE(path));
    }
    return SIREN_OK;
}

/* Trials that share a training have a part each of its seconds and of its operations: all of these take the time that
 * the part takes at its speed. */
static void add_cost(const siren_report_trial *const *trials, size_t n, double n_counted,
                     siren_report_mean_curve *curve) {
    double flop = 0, seconds = 0;
    for (size_t i = 0; i < n; i++) {
        flop += trials[i]->flop;
        seconds += trials[i]->flop / trials[i]->train_flop * trials[i]->train_seconds;
    }
    curve->flop = n_counted > 0 ? flop / n_counted : NAN;
    curve->seconds = n_counted > 0 ? seconds / n_counted : NAN;
}

siren_status siren_report_mean_curve_read(const siren_report_run *run,
                                          const siren_report_trial *const *trials, size_t n,
                                          siren_report_mean_curve *out) {
    SIREN_AT_END(mean_curve_free) mean_curve mean = {.early = false};
    siren_report_mean_curve *curve = &mean.curve;
    for (size_t i = 0; i < n; i++) mean.early = mean.early || !isnan(trials[i]->epochs_run);
    for (size_t i = 0; mean.early && i < n; i++) SIREN_TRY(add_trial(run, trials[i], take_epochs, &mean));
    for (size_t i = 0; i < n; i++) SIREN_TRY(add_trial(run, trials[i], add_curve, &mean));
    const double others = curve->n_blocks > 1 ? (double)curve->n_blocks - 1 : 1;
    for (size_t i = 0; i < curve->n_rows; i++) {
        siren_report_mean_row *row = &curve->rows[i];
        row->psnr_std = sqrt(row->psnr_std / others);
        row->mse_std = sqrt(row->mse_std / others);
        if (!isfinite(row->psnr)) row->psnr = row->psnr_std = NAN;
    }
    add_cost(trials, n, mean.epochs_run, curve);
    *out = SIREN_TAKE(mean.curve);
    return SIREN_OK;
}

void siren_report_mean_curve_free(siren_report_mean_curve *curve) { free(SIREN_TAKE(curve->rows)); }

bool siren_report_curve_shows(const siren_report_mean_curve *curve, size_t row) {
    return row % ((curve->n_rows + MOST_ROWS - 1) / MOST_ROWS) == 0 || row + 1 == curve->n_rows;
}
