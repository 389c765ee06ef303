#include "lab/run/run_evaluation.h"

#include "lab/run/run_sums.h"
#include "formats/table.h"

#include <math.h>

siren_status siren_run_evaluation_keep(const char *folder, const siren_evaluation *evaluation) {
    SIREN_AT_END(siren_json_free_at) siren_json *json = NULL;
    const char *const files[] = {SIREN_EVALUATION_FILE};
    SIREN_TRY(siren_json_create(&json));
    siren_evaluation_json(evaluation, json);
    SIREN_TRY(siren_run_write_json(json, folder, SIREN_EVALUATION_FILE));
    return siren_run_add(folder, SIREN_ADDED_EVALUATION, files, 1);
}

/* ---- evaluation.csv ---- */

static const char *const columns[] = {
    SIREN_TRIAL_COLUMNS, "metric", "region", "mean", "std", "median", "p95", "voxels", "excluded"};

/* A member that is a number, or null; NaN then, and where there is none. */
static siren_status read_figure(siren_value object, const char *key, double *out) {
    siren_value value = siren_value_member(object, key);
    *out = NAN;
    if (siren_value_is_null(value)) return SIREN_OK;
    return siren_value_number(value, -INFINITY, INFINITY, out);
}

/* One figure of all voxels of a region, where it exists. */
static siren_status add_figure(siren_table *table, const siren_complete_trial *trial, siren_value root,
                               const char *key, const char *region) {
    double value;
    SIREN_TRY(read_figure(root, key, &value));
    if (isnan(value)) return SIREN_OK;
    siren_run_table_trial(table, trial);
    siren_table_add_text(table, key);
    siren_table_add_text(table, region);
    siren_table_add_number(table, value);
    for (int i = 0; i < 5; i++) siren_table_add_text(table, NULL);
    return SIREN_OK;
}

static siren_status add_region(siren_table *table, const siren_complete_trial *trial, const char *metric,
                               const char *region, siren_value statistics) {
    static const char *const figures[] = {"mean", "std", "median", "p95"};
    static const char *const counts[] = {"voxels", "excluded"};
    siren_run_table_trial(table, trial);
    siren_table_add_text(table, metric);
    siren_table_add_text(table, region);
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) {
        double value;
        SIREN_TRY(read_figure(statistics, figures[i], &value));
        siren_table_add_number(table, value);
    }
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        uint64_t count = 0;
        SIREN_TRY(siren_value_integer(siren_value_member(statistics, counts[i]), 0,
                                      (uint64_t)SIREN_CONFIG_MAX_INTEGER, &count));
        siren_table_add_integer(table, count);
    }
    return SIREN_OK;
}

static siren_status add_evaluation(siren_table *table, const siren_complete_trial *trial, siren_value root) {
    static const char *const whole[][2] = {
        {"psnr", "all"}, {"psnr_masked", "brain"}, {"ssim", "all"}, {"ssim_gaussian", "all"}};
    static const char *const regions[] = {"all", "brain", "wm", "gm", "csf"};
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        SIREN_TRY(add_figure(table, trial, root, whole[i][0], whole[i][1]));
    for (siren_quantity q = 0; q < SIREN_N_QUANTITIES; q++) {
        siren_value quantity = siren_value_member(root, siren_quantity_name(q));
        for (size_t r = 0; r < sizeof regions / sizeof *regions; r++) {
            siren_value statistics = siren_value_member(quantity, regions[r]);
            if (siren_value_is_object(statistics))
                SIREN_TRY(add_region(table, trial, siren_quantity_name(q), regions[r], statistics));
        }
    }
    return SIREN_OK;
}

static siren_status add_trial(siren_table *table, const char *run, const siren_complete_trial *trial) {
    SIREN_AT_END(siren_config_free_at) siren_config *config = NULL;
    SIREN_FREE_AT_END char *folder = NULL, *path = NULL;
    bool damaged;
    SIREN_TRY(siren_run_path(&folder, run, "trials/%s", trial->folder));
    if (!siren_run_has_added(folder, SIREN_ADDED_EVALUATION, &damaged)) return SIREN_OK;
    SIREN_TRY(siren_run_path(&path, folder, "%s", SIREN_EVALUATION_FILE));
    SIREN_TRY(siren_config_read(path, &config));
    return add_evaluation(table, trial, siren_config_root(config));
}

siren_status siren_run_evaluation_table(const char *run, const siren_complete_trial *trials, size_t n) {
    SIREN_AT_END(siren_table_free_at) siren_table *table = NULL;
    SIREN_TRY(siren_table_create(columns, sizeof columns / sizeof *columns, &table));
    for (size_t i = 0; i < n; i++) SIREN_TRY(add_trial(table, run, &trials[i]));
    return siren_run_write_table(table, run, "evaluation.csv");
}
