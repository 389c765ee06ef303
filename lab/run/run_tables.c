#define _GNU_SOURCE
#include "lab/run/run_tables.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/train/optimiser.h"

static const char *const result_columns[] = {
    SIREN_TRIAL_COLUMNS, "level",       "number", "status",         "points",
    "volumes",           "mse",         "psnr",   "psnr_published", "psnr_clamped",
    "mse_masked",        "psnr_masked", "bytes",  "ratio",          "ratio_float32",
    "epochs_run"};
static const char *const summary_columns[] = {SIREN_TRIAL_COLUMNS,
                                              "status",
                                              "slices",
                                              "archive_bytes",
                                              "series_bytes",
                                              "ratio",
                                              "ratio_float32",
                                              "mse_mean",
                                              "psnr_mean",
                                              "psnr_std",
                                              "psnr_median",
                                              "psnr_min",
                                              "psnr_max",
                                              "psnr_published_mean",
                                              "psnr_published_std",
                                              "psnr_clamped_mean",
                                              "psnr_masked_mean",
                                              "psnr_masked_std",
                                              "target",
                                              "reached",
                                              "coding",
                                              "train_flop",
                                              "epochs_run"};
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* What a network has and a baseline has not stays empty. */
static void add_baseline(siren_table *table, const siren_complete_trial *t) {
    siren_table_add_text(table, t->folder);
    siren_table_add_text(table, t->experiment->inputs[t->baseline->input].name);
    siren_table_add_text(table, siren_baseline_trial_model(t->baseline));
    for (int i = 0; i < SIREN_N_TRIAL_COLUMNS - 3; i++) siren_table_add_text(table, NULL);
}

void siren_run_table_trial(siren_table *table, const siren_complete_trial *t) {
    if (t->baseline) {
        add_baseline(table, t);
        return;
    }
    static const char *const columns[] = {SIREN_TRIAL_COLUMNS}; /* two, settings by their keys, one more */
    const siren_target_result *met = &t->result->target;
    siren_settings settings = t->trial->settings;
    const bool targeted = siren_trial_has_target(t->trial),
               trained = targeted ? met->met && met->coding == SIREN_CODING_NETWORK : true;
    if (targeted && trained) {
        settings.layers = met->layers;
        settings.width = met->width;
        settings.weight_bits = met->weight_bits;
    }
    char text[SIREN_SETTING_CHARS];
    siren_table_add_text(table, t->folder);
    siren_table_add_text(table, t->experiment->inputs[t->trial->input].name);
    for (size_t i = 2; i < SIREN_N_TRIAL_COLUMNS - 1; i++)
        siren_table_add_text(
            table,
            i == 2 || trained ? siren_setting_format(siren_setting_find(columns[i]), &settings, text) : NULL);
    if (trained)
        siren_table_add_integer(table, t->result->n_params);
    else
        siren_table_add_text(table, NULL);
}

/* 0 stays empty. */
static void add_count(siren_table *table, uint64_t n) {
    if (n > 0)
        siren_table_add_integer(table, n);
    else
        siren_table_add_text(table, NULL);
}

static void add_row(siren_table *table, const siren_complete_trial *t, const siren_result_row *row) {
    siren_run_table_trial(table, t);
    siren_table_add_text(table, siren_block_kind_name(row->level, 1));
    siren_table_add_integer(table, row->number);
    siren_table_add_text(table, siren_result_status_name(row->status));
    siren_table_add_integer(table, row->n_points);
    siren_table_add_integer(table, row->n_volumes);
    siren_table_add_number(table, row->fidelity.mse);
    siren_table_add_number(table, row->fidelity.psnr);
    siren_table_add_number(table, row->fidelity.psnr_published);
    siren_table_add_number(table, row->fidelity.psnr_clamped);
    siren_table_add_number(table, row->mse_masked);
    siren_table_add_number(table, row->psnr_masked);
    add_count(table, row->bytes);
    siren_table_add_number(table, row->ratio);
    siren_table_add_number(table, row->ratio_float32);
    add_count(table, row->n_epochs);
}

/* ---- statistics over slices ---- */

typedef struct {
    double mean, std, median, minimum, maximum; /* NaN where there are too few values */
} siren_statistics;

/* `values` (n) are sorted. */
static siren_statistics statistics_of(double *values, size_t n) {
    siren_statistics s = {NAN, NAN, NAN, NAN, NAN};
    double sum = 0, squares = 0;
    if (n == 0) return s;
    qsort(values, n, sizeof *values, siren_ascending);
    for (size_t i = 0; i < n; i++) sum += values[i];
    s.mean = sum / (double)n;
    for (size_t i = 0; i < n; i++) squares += (values[i] - s.mean) * (values[i] - s.mean);
    if (n > 1) s.std = sqrt(squares / (double)(n - 1));
    s.median = n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
    s.minimum = values[0];
    s.maximum = values[n - 1];
    return s;
}

static double plain_psnr(const siren_result_row *row) { return row->fidelity.psnr; }
static double published_psnr(const siren_result_row *row) { return row->fidelity.psnr_published; }
static double clamped_psnr(const siren_result_row *row) { return row->fidelity.psnr_clamped; }
static double masked_psnr(const siren_result_row *row) { return row->psnr_masked; }
static double mse(const siren_result_row *row) { return row->fidelity.mse; }

/* Over the finite figures of slices that are ok; `values` has room for all rows. `*n` receives how many there were. */
static siren_statistics over_slices(const siren_trial_result *result,
                                    double (*figure)(const siren_result_row *), double *values, size_t *n) {
    *n = 0;
    for (size_t i = 0; i < result->n_rows; i++) {
        const siren_result_row *row = &result->rows[i];
        if (row->level != SIREN_BLOCK_SLICE || row->status != SIREN_RESULT_OK) continue;
        if (isfinite(figure(row))) values[(*n)++] = figure(row);
    }
    return statistics_of(values, *n);
}

/* The target of a trial that has one, and how it was met. */
static void add_target(siren_table *table, const siren_complete_trial *t) {
    const siren_target_result *met = &t->result->target;
    char name[SIREN_SETTING_CHARS];
    const bool targeted = t->trial && siren_trial_has_target(t->trial);
    siren_table_add_text(table, targeted ? siren_trial_target_name(&t->trial->target, name) : NULL);
    siren_table_add_number(table, targeted && met->met ? met->reached : NAN);
    siren_table_add_text(table, targeted && met->met ? siren_coding_name(met->coding) : NULL);
}

/* The network of a result. How many coordinates of volumes it has is told by its parameters. */
static siren_status network_of(const siren_complete_trial *t, size_t n_volumes, siren_network *out) {
    SIREN_TRY(siren_trial_network(t->trial, (uint32_t)n_volumes, 1, out));
    if (out->n_acquisition == 0) return SIREN_OK;
    const size_t more = (t->result->n_params - siren_network_n_params(out)) / out->layers[0].width;
    return siren_trial_network(t->trial, (uint32_t)n_volumes, 1 + (uint32_t)more, out);
}

/* Operations of training the blocks that have a network; NaN where a target decided what was trained. */
static siren_status count_flops(const siren_complete_trial *t, double *out) {
    const siren_trial_result *result = t->result;
    siren_network network;
    *out = NAN;
    if (!t->trial || siren_trial_has_target(t->trial)) return SIREN_OK;
    *out = 0;
    for (size_t i = 0; i < result->n_rows; i++) {
        const siren_result_row *row = &result->rows[i];
        if (row->level != t->trial->settings.blocks || row->status == SIREN_RESULT_CONSTANT) continue;
        SIREN_TRY(network_of(t, row->n_volumes, &network));
        siren_settings settings = t->trial->settings;
        if (row->n_epochs > 0) settings.epochs = row->n_epochs;
        *out += siren_training_flops(&network, &settings,
                                     row->n_points * (network.n_acquisition > 0 ? row->n_volumes : 1));
    }
    return SIREN_OK;
}

/* Mean over the networks; NaN where none tells it. */
static double mean_epochs(const siren_trial_result *result) {
    double sum = 0, n = 0;
    for (size_t i = 0; i < result->n_rows; i++) {
        sum += (double)result->rows[i].n_epochs;
        n += result->rows[i].n_epochs > 0;
    }
    return n > 0 ? sum / n : NAN;
}

static siren_status add_summary(siren_table *table, const siren_complete_trial *t) {
    const siren_trial_result *result = t->result;
    double *values = NULL, bytes = (double)result->archive_bytes, flops;
    size_t n = 0, n_slices = 0;
    SIREN_TRY(count_flops(t, &flops));
    SIREN_TRY(siren_allocate(&values, result->n_rows, sizeof *values, "the figures of a trial"));
    siren_run_table_trial(table, t);
    siren_table_add_text(table, siren_result_status_name(result->status));
    siren_statistics plain = over_slices(result, plain_psnr, values, &n_slices);
    siren_table_add_integer(table, n_slices);
    add_count(table, result->archive_bytes);
    siren_table_add_integer(table, result->series_bytes);
    siren_table_add_number(table, bytes > 0 ? (double)result->series_bytes / bytes : NAN);
    siren_table_add_number(table, bytes > 0 ? (double)result->float32_bytes / bytes : NAN);
    siren_table_add_number(table, over_slices(result, mse, values, &n).mean);
    siren_table_add_number(table, plain.mean);
    siren_table_add_number(table, plain.std);
    siren_table_add_number(table, plain.median);
    siren_table_add_number(table, plain.minimum);
    siren_table_add_number(table, plain.maximum);
    siren_statistics published = over_slices(result, published_psnr, values, &n);
    siren_table_add_number(table, published.mean);
    siren_table_add_number(table, published.std);
    siren_table_add_number(table, over_slices(result, clamped_psnr, values, &n).mean);
    siren_statistics masked = over_slices(result, masked_psnr, values, &n);
    siren_table_add_number(table, masked.mean);
    siren_table_add_number(table, masked.std);
    add_target(table, t);
    siren_table_add_number(table, rint(flops));
    siren_table_add_number(table, mean_epochs(result));
    free(values);
    return SIREN_OK;
}

/* ---- files ---- */

siren_status siren_run_tables_write(const char *run, const siren_complete_trial *trials, size_t n) {
    SIREN_AT_END(siren_table_free_at) siren_table *results = NULL, *summary = NULL;
    SIREN_TRY(siren_table_create(result_columns, COUNT(result_columns), &results));
    SIREN_TRY(siren_table_create(summary_columns, COUNT(summary_columns), &summary));
    for (size_t i = 0; i < n; i++) {
        for (size_t row = 0; row < trials[i].result->n_rows; row++)
            add_row(results, &trials[i], &trials[i].result->rows[row]);
        SIREN_TRY(add_summary(summary, &trials[i]));
    }
    SIREN_TRY(siren_run_write_table(results, run, "results.csv"));
    return siren_run_write_table(summary, run, "summary.csv");
}

#define TIMING_COLUMNS "trial,number,device,train_seconds,train_flop,encode_seconds"

/* A device's name as a cell. */
static void device_cell(const char *device, char *out, size_t size) {
    snprintf(out, size, "%s", device);
    for (char *c = out; *c; c++)
        if (*c == ',' || *c == '"' || (unsigned char)*c < ' ') *c = ' ';
}

/* Whether an open timing.csv, which is new or has a header, has the column of decoding. */
static bool has_decoding(FILE *file) {
    char header[sizeof TIMING_COLUMNS + 32] = "";
    rewind(file);
    return !fgets(header, sizeof header, file) || strstr(header, "decode_seconds");
}

/* A row: cells of TIMING_COLUMNS, and one of decoding. */
static siren_status append_timing(const char *path, const char *cells, const char *decoding) {
    FILE *file = fopen(path, "a+e");
    bool written = file != NULL;
    /* A run that was killed may have left half a line. */
    if (file && fseek(file, -1, SEEK_END) == 0 && fgetc(file) != '\n' && fseek(file, 0, SEEK_END) == 0)
        fputc('\n', file);
    if (file && fseek(file, 0, SEEK_END) == 0 && ftell(file) == 0)
        written = fputs(TIMING_COLUMNS ",decode_seconds\n", file) >= 0;
    bool column = file && has_decoding(file);
    if (file && (column || !*decoding)) {
        fseek(file, 0, SEEK_END);
        written = fprintf(file, "%s%s%s\n", cells, column ? "," : "", decoding) > 0 && written;
    }
    if (file) written = fclose(file) == 0 && written;
    return written ? SIREN_OK : siren_fail(SIREN_SYSTEM, "%s: cannot be written: %s", path, strerror(errno));
}

siren_status siren_run_timing_append(const char *path, const siren_timing *timing) {
    char device[256];
    SIREN_FREE_AT_END char *cells = NULL;
    device_cell(timing->device, device, sizeof device);
    if (asprintf(&cells, "%s,%zu,%s,%.6f,%.0f,%.6f", timing->trial, timing->number, device,
                 timing->train_seconds, timing->train_flop, timing->encode_seconds) < 0)
        return siren_fail(SIREN_SYSTEM, "out of memory: a row of timing.csv");
    return append_timing(path, cells, "");
}

siren_status siren_run_timing_append_decoding(const char *path, const char *trial, const char *device_name,
                                              double seconds) {
    char device[256], decoding[32];
    SIREN_FREE_AT_END char *cells = NULL;
    device_cell(device_name, device, sizeof device);
    snprintf(decoding, sizeof decoding, "%.6f", seconds);
    if (asprintf(&cells, "%s,,%s,,,", trial, device) < 0)
        return siren_fail(SIREN_SYSTEM, "out of memory: a row of timing.csv");
    return append_timing(path, cells, decoding);
}
