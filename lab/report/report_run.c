#define _GNU_SOURCE
#include "lab/report/report_run.h"
#include "host/file.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/run/run_folder.h"

siren_status siren_text_make(char **out, const char *format, ...) {
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0) return siren_fail(SIREN_SYSTEM, "out of memory: cannot make a text");
    *out = text;
    return SIREN_OK;
}

bool siren_report_same_settings(const siren_report_trial *trial, const siren_report_trial *other) {
    return strcmp(trial->rate, other->rate) == 0 && strcmp(trial->w0, other->w0) == 0 &&
           strcmp(trial->epochs, other->epochs) == 0 && strcmp(trial->training, other->training) == 0;
}

/* ---- files ---- */

/* `*out` stays NULL where the file is missing. */
static siren_status read_table(const char *folder, const char *name, siren_table **out) {
    SIREN_FREE_AT_END char *path = NULL;
    SIREN_TRY(siren_run_path(&path, folder, "%s", name));
    return siren_file_exists(path) ? siren_table_read(path, out) : SIREN_OK;
}

static siren_status read_config(const char *folder, const char *name, siren_config **out) {
    SIREN_FREE_AT_END char *path = NULL;
    SIREN_TRY(siren_run_path(&path, folder, "%s", name));
    return siren_file_exists(path) ? siren_config_read(path, out) : SIREN_OK;
}

/* ---- summary.csv ---- */

typedef struct {
    const char *name;
    size_t member; /* its offset in siren_report_trial */
} column;

#define COLUMN(name, member)                                                                                 \
    { name, offsetof(siren_report_trial, member) }
static const column name_columns[] = {COLUMN("trial", name), COLUMN("input", input), COLUMN("model", model)};
static const column text_columns[] = {COLUMN("weights", weights), COLUMN("seed", seed),
                                      COLUMN("lr", rate),         COLUMN("w0", w0),
                                      COLUMN("epochs", epochs),   COLUMN("status", status)};
/* Runs of earlier versions lack them. */
static const column late_columns[] = {COLUMN("target", target), COLUMN("coding", coding)};
static const column number_columns[] = {COLUMN("layers", layers),
                                        COLUMN("width", width),
                                        COLUMN("parameters", parameters),
                                        COLUMN("slices", slices),
                                        COLUMN("archive_bytes", bytes),
                                        COLUMN("series_bytes", series_bytes),
                                        COLUMN("ratio", ratio),
                                        COLUMN("ratio_float32", ratio_float32),
                                        COLUMN("psnr_mean", psnr),
                                        COLUMN("psnr_std", psnr_std),
                                        COLUMN("psnr_published_mean", published),
                                        COLUMN("psnr_published_std", published_std),
                                        COLUMN("psnr_masked_mean", masked),
                                        COLUMN("psnr_masked_std", masked_std)};
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Names become parts of paths and of gnuplot's scripts. */
static bool is_name(const char *text) {
    if (!*text || *text == '.') return false;
    for (; *text; text++)
        if (!isalnum((unsigned char)*text) && !strchr("-_.", *text)) return false;
    return true;
}

static siren_status read_texts(siren_report_run *run, const column *columns, size_t n, bool names) {
    for (size_t i = 0; i < n; i++) {
        size_t at;
        SIREN_TRY(siren_table_find(run->summary, columns[i].name, &at));
        for (size_t row = 0; row < run->n_trials; row++) {
            const char *text = siren_table_cell(run->summary, row, at);
            if (names && !is_name(text))
                return siren_fail(
                    SIREN_CORRUPT,
                    "%s/summary.csv: line %zu, column %s: '%.64s' is no name of letters, digits, '-', '_' "
                    "and '.'; run the sweep again",
                    run->folder, row + 2, columns[i].name, text);
            *(const char **)((char *)&run->trials[row] + columns[i].member) = text;
        }
    }
    return SIREN_OK;
}

/* Of trials whose networks may have ended before their last epoch. */
static siren_status read_epochs_run(siren_report_run *run) {
    size_t at;
    bool there = siren_table_find(run->summary, "epochs_run", &at) == SIREN_OK;
    for (size_t row = 0; row < run->n_trials; row++) {
        siren_report_trial *trial = &run->trials[row];
        trial->epochs_run = NAN;
        if (there) SIREN_TRY(siren_table_number(run->summary, row, at, &trial->epochs_run));
        if (trial->epochs_run == strtod(trial->epochs, NULL)) trial->epochs_run = NAN;
    }
    return SIREN_OK;
}

/* Operations, epochs run; targets, and how they were met. */
static siren_status read_late(siren_report_run *run) {
    size_t at;
    SIREN_TRY(read_epochs_run(run));
    for (size_t row = 0; row < run->n_trials; row++) {
        run->trials[row].target = run->trials[row].coding = "";
        run->trials[row].reached = run->trials[row].flop = NAN;
    }
    if (siren_table_find(run->summary, "train_flop", &at) == SIREN_OK)
        for (size_t row = 0; row < run->n_trials; row++)
            SIREN_TRY(siren_table_number(run->summary, row, at, &run->trials[row].flop));
    if (siren_table_find(run->summary, "target", &at) != SIREN_OK) return SIREN_OK;
    SIREN_TRY(read_texts(run, late_columns, COUNT(late_columns), false));
    SIREN_TRY(siren_table_find(run->summary, "reached", &at));
    for (size_t row = 0; row < run->n_trials; row++)
        SIREN_TRY(siren_table_number(run->summary, row, at, &run->trials[row].reached));
    return SIREN_OK;
}

static siren_status read_numbers(siren_report_run *run) {
    for (size_t i = 0; i < COUNT(number_columns); i++) {
        size_t at;
        SIREN_TRY(siren_table_find(run->summary, number_columns[i].name, &at));
        for (size_t row = 0; row < run->n_trials; row++)
            SIREN_TRY(siren_table_number(run->summary, row, at,
                                         (double *)((char *)&run->trials[row] + number_columns[i].member)));
    }
    return SIREN_OK;
}

/* The model, with "-for-ratio" behind it where a network is as large as a target wants it: it may be trained otherwise
 * than those of set sizes; of a list of layers the trial's name without its identity. In tables, which tell the target,
 * the model; other methods by the trial's name, too, but for the input's, which has a column. */
static siren_status name_series(siren_report_trial *trial) {
    const char *end = strrchr(trial->name, '-'), *name = trial->name;
    const size_t n_input = strlen(trial->input);
    const int n_target = trial->baseline ? 0 : (int)strcspn(trial->target, "0123456789");
    if (trial->baseline && strncmp(name, trial->input, n_input) == 0 && name[n_input] == '-')
        name += n_input + 1;
    const int n = end && end > name ? (int)(end - name) : (int)strlen(name);
    const bool custom = strcmp(trial->model, "custom") == 0;
    SIREN_TRY(custom ? siren_text_make(&trial->series, "%.*s", n, name)
                     : siren_text_make(&trial->series, "%s%s%.*s", trial->model, n_target ? "-for-" : "",
                                       n_target, trial->target));
    return custom || trial->baseline ? siren_text_make(&trial->label, "%.*s", n, name)
                                     : siren_text_make(&trial->label, "%s", trial->model);
}

/* Names are MODEL-LAYERSxWIDTH-WEIGHTS-seedN, what differs from the experiment's settings, and the identity. */
static siren_status name_training(siren_report_trial *trial) {
    SIREN_FREE_AT_END char *seed = NULL;
    const char *end = strrchr(trial->name, '-'), *found = NULL;
    SIREN_TRY(siren_text_make(&seed, "-%s-seed%s", trial->weights, trial->seed));
    for (const char *at = trial->name; !trial->baseline && (at = strstr(at, seed)); at++) found = at;
    const char *begin = found ? found + strlen(seed) : end;
    return siren_text_make(&trial->training, "%.*s", end && begin < end ? (int)(end - begin) : 0,
                           begin ? begin : "");
}

/* What .nii.gz makes of the same voxels is the size of the baseline `deflate` of them. */
static void compare_with_gzip(siren_report_run *run) {
    for (size_t i = 0; i < run->n_trials; i++) {
        const siren_report_trial *packed = &run->trials[i];
        if (strcmp(packed->model, "deflate") != 0) continue;
        for (size_t k = 0; k < run->n_trials; k++) {
            siren_report_trial *trial = &run->trials[k];
            if (trial->series_bytes == packed->series_bytes && strcmp(trial->input, packed->input) == 0)
                trial->ratio_gzip = packed->bytes / trial->bytes;
        }
    }
}

static int compare_names(const void *a, const void *b) {
    return strcmp((*(const siren_report_trial *const *)a)->name,
                  (*(const siren_report_trial *const *)b)->name);
}

static siren_status read_trials(siren_report_run *run) {
    const size_t n = siren_table_rows(run->summary);
    SIREN_TRY(siren_allocate(&run->trials, n, sizeof *run->trials, "the trials"));
    SIREN_TRY(siren_allocate(&run->by_name, n, sizeof *run->by_name, "the names of trials"));
    run->n_trials = n;
    SIREN_TRY(read_texts(run, name_columns, COUNT(name_columns), true));
    SIREN_TRY(read_texts(run, text_columns, COUNT(text_columns), false));
    SIREN_TRY(read_numbers(run));
    SIREN_TRY(read_late(run));
    for (size_t i = 0; i < n; i++) {
        siren_report_trial *trial = run->by_name[i] = &run->trials[i];
        unsigned bits = 0;
        trial->baseline = !*trial->weights;
        trial->bits = trial->baseline ? NAN : sscanf(trial->weights, "int%2u", &bits) == 1 ? bits : 32;
        trial->train_seconds = trial->train_flop = trial->decode_seconds = trial->ratio_gzip = NAN;
        SIREN_TRY(name_series(trial));
        SIREN_TRY(name_training(trial));
    }
    compare_with_gzip(run);
    qsort(run->by_name, n, sizeof *run->by_name, compare_names);
    return SIREN_OK;
}

siren_report_trial *siren_report_run_find(const siren_report_run *run, const char *name) {
    const siren_report_trial wanted = {.name = name}, *key = &wanted;
    if (run->n_trials == 0) return NULL;
    siren_report_trial **found =
        bsearch(&key, run->by_name, run->n_trials, sizeof *run->by_name, compare_names);
    return found ? *found : NULL;
}

/* ---- timing.csv ---- */

static void accumulate(double *sum, double value) {
    if (!isnan(value)) *sum = isnan(*sum) ? value : *sum + value;
}

/* A row about a block of a trial. */
typedef struct {
    siren_report_trial *trial;
    double number;
    size_t row;
} timed_block;

static int compare_timed(const void *a, const void *b) {
    const timed_block *x = a, *y = b;
    if (x->trial != y->trial) return x->trial < y->trial ? -1 : 1;
    if (x->number < y->number || x->number > y->number) return x->number < y->number ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* Rows about archives, of which the last counts. A run of an earlier version has none. */
static siren_status read_decoding(siren_report_run *run) {
    size_t name, at;
    if (siren_table_find(run->timing, "decode_seconds", &at) != SIREN_OK) return SIREN_OK;
    SIREN_TRY(siren_table_find(run->timing, "trial", &name));
    for (size_t row = 0; row < siren_table_rows(run->timing); row++) {
        siren_report_trial *trial = siren_report_run_find(run, siren_table_cell(run->timing, row, name));
        double seconds;
        SIREN_TRY(siren_table_number(run->timing, row, at, &seconds));
        if (trial && !isnan(seconds)) trial->decode_seconds = seconds;
    }
    return SIREN_OK;
}

/* Of a block that was done again, the last row counts. */
static siren_status read_times(siren_report_run *run) {
    size_t name, number, train, flop, n = 0;
    const siren_table *table = run->timing;
    SIREN_FREE_AT_END timed_block *blocks = NULL;
    SIREN_TRY(siren_table_find(table, "trial", &name));
    SIREN_TRY(siren_table_find(table, "number", &number));
    SIREN_TRY(siren_table_find(table, "train_seconds", &train));
    SIREN_TRY(siren_table_find(table, "train_flop", &flop));
    SIREN_TRY(siren_allocate(&blocks, siren_table_rows(table), sizeof *blocks, "the times of a run"));
    for (size_t row = 0; row < siren_table_rows(table); row++) {
        blocks[n] = (timed_block){.trial = siren_report_run_find(run, siren_table_cell(table, row, name)),
                                  .row = row};
        if (!blocks[n].trial) continue; /* it has not finished */
        SIREN_TRY(siren_table_number(table, row, number, &blocks[n].number));
        n += !isnan(blocks[n].number); /* else it is about the archive */
    }
    qsort(blocks, n, sizeof *blocks, compare_timed);
    for (size_t i = 0; i < n; i++) {
        double seconds, operations;
        if (i + 1 < n && blocks[i + 1].trial == blocks[i].trial && blocks[i + 1].number <= blocks[i].number)
            continue;
        SIREN_TRY(siren_table_number(table, blocks[i].row, train, &seconds));
        SIREN_TRY(siren_table_number(table, blocks[i].row, flop, &operations));
        accumulate(&blocks[i].trial->train_seconds, seconds);
        accumulate(&blocks[i].trial->train_flop, operations);
    }
    return SIREN_OK;
}

/* ---- evaluation.csv ---- */

static siren_status read_judged(siren_report_run *run) {
    size_t name, metric, region, mean, std;
    const siren_table *table = run->evaluation;
    SIREN_TRY(siren_table_find(table, "trial", &name));
    SIREN_TRY(siren_table_find(table, "metric", &metric));
    SIREN_TRY(siren_table_find(table, "region", &region));
    SIREN_TRY(siren_table_find(table, "mean", &mean));
    SIREN_TRY(siren_table_find(table, "std", &std));
    SIREN_TRY(siren_allocate(&run->judged, siren_table_rows(table), sizeof *run->judged, "the evaluations"));
    for (size_t row = 0; row < siren_table_rows(table); row++) {
        siren_report_judged *judged = &run->judged[run->n_judged];
        judged->trial = siren_report_run_find(run, siren_table_cell(table, row, name));
        judged->metric = siren_table_cell(table, row, metric);
        judged->region = siren_table_cell(table, row, region);
        SIREN_TRY(siren_table_number(table, row, mean, &judged->mean));
        SIREN_TRY(siren_table_number(table, row, std, &judged->std));
        run->n_judged += judged->trial != NULL;
    }
    return SIREN_OK;
}

const siren_report_judged *siren_report_run_judged(const siren_report_run *run,
                                                   const siren_report_trial *trial, const char *metric,
                                                   const char *region) {
    for (size_t i = 0; i < run->n_judged; i++) {
        const siren_report_judged *judged = &run->judged[i];
        if (judged->trial == trial && strcmp(judged->metric, metric) == 0 &&
            strcmp(judged->region, region) == 0)
            return judged;
    }
    return NULL;
}

/* ---- the folder ---- */

siren_status siren_report_run_read(const char *folder, siren_report_run **out) {
    SIREN_AT_END(siren_report_run_free_at) siren_report_run *run = NULL;
    SIREN_TRY(siren_allocate(&run, 1, sizeof *run, "a run"));
    SIREN_TRY(siren_text_make(&run->folder, "%s", folder));
    SIREN_TRY(read_config(folder, "experiment.json", &run->experiment));
    if (!run->experiment)
        return siren_fail(SIREN_USAGE, "%s: holds no experiment.json; give a folder made by 'sirencl sweep'",
                          folder);
    SIREN_TRY(read_config(folder, "environment.json", &run->environment));
    SIREN_TRY(read_table(folder, "summary.csv", &run->summary));
    SIREN_TRY(read_table(folder, "results.csv", &run->results));
    SIREN_TRY(read_table(folder, "timing.csv", &run->timing));
    SIREN_TRY(read_table(folder, "evaluation.csv", &run->evaluation));
    if (run->summary) SIREN_TRY(read_trials(run));
    if (run->timing) SIREN_TRY(read_times(run));
    if (run->timing) SIREN_TRY(read_decoding(run));
    if (run->evaluation) SIREN_TRY(read_judged(run));
    *out = SIREN_TAKE(run);
    return SIREN_OK;
}

void siren_report_run_free(siren_report_run *run) {
    if (!run) return;
    for (size_t i = 0; i < run->n_trials; i++) {
        free(run->trials[i].series);
        free(run->trials[i].label);
        free(run->trials[i].training);
    }
    free(run->trials);
    free(run->by_name);
    siren_table_free(run->summary);
    siren_table_free(run->results);
    siren_table_free(run->timing);
    siren_table_free(run->evaluation);
    free(run->judged);
    siren_config_free(run->experiment);
    siren_config_free(run->environment);
    free(run->folder);
    free(run);
}
