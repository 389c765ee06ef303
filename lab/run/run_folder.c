#define _GNU_SOURCE
#include "lab/run/run_folder.h"

#include "lab/run/run_sums.h"
#include "engine/encode/encoded_bytes.h"
#include "host/file.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define IDENTITY_DIGITS 8 /* of the SHA-256 in the name of a trial's folder */

siren_status siren_run_path(char **out, const char *folder, const char *format, ...) {
    char *name = NULL, *path = NULL;
    va_list arguments;
    va_start(arguments, format);
    int n = vasprintf(&name, format, arguments);
    va_end(arguments);
    if (n >= 0) {
        n = asprintf(&path, "%s/%s", folder, name);
        free(name);
    }
    if (n < 0) return siren_fail(SIREN_SYSTEM, "out of memory: cannot build a path below %s", folder);
    *out = path;
    return SIREN_OK;
}

siren_status siren_run_write_json(const siren_json *json, const char *folder, const char *name) {
    SIREN_FREE_AT_END char *text = NULL, *path = NULL;
    SIREN_TRY(siren_json_text(json, &text));
    SIREN_TRY(siren_run_path(&path, folder, "%s", name));
    return siren_file_write(path, true, text, strlen(text));
}

siren_status siren_run_write_table(const siren_table *table, const char *folder, const char *name) {
    SIREN_FREE_AT_END char *path = NULL;
    SIREN_TRY(siren_run_path(&path, folder, "%s", name));
    return siren_table_write(table, path, true);
}

/* ---- identity ---- */

static siren_status config_begin(const siren_trial_context *context, siren_json **json) {
    SIREN_TRY(siren_json_create(json));
    siren_json_integer(*json, "numerics", SIREN_NUMERICS_VERSION);
    siren_json_string(*json, "input_sha256", context->input_sha256);
    siren_json_string(*json, "mask_sha256", context->mask_sha256);
    if (context->train_on_mask) siren_json_string(*json, "mask_use", "train");
    return SIREN_OK;
}

/* The folder of the trial `name` whose configuration is in `json`. */
static siren_status folder_of(const char *run, const char *name, const siren_json *json,
                              siren_trial_folder *out) {
    SIREN_AT_END(siren_trial_folder_free) siren_trial_folder folder = {.name = NULL};
    SIREN_TRY(siren_json_text(json, &folder.config));
    siren_digest_bytes(folder.config, strlen(folder.config), folder.identity);
    if (asprintf(&folder.name, "%s-%.*s", name, IDENTITY_DIGITS, folder.identity) < 0) {
        folder.name = NULL;
        return siren_fail(SIREN_SYSTEM, "out of memory: cannot name trial %s", name);
    }
    SIREN_TRY(siren_run_path(&folder.folder, run, "trials/%s", folder.name));
    *out = SIREN_TAKE(folder);
    return SIREN_OK;
}

siren_status siren_trial_folder_create(const char *run, const siren_trial *trial,
                                       const siren_trial_context *context, siren_trial_folder *out) {
    SIREN_AT_END(siren_json_free_at) siren_json *json = NULL;
    SIREN_TRY(config_begin(context, &json));
    if (siren_trial_has_acquisition(trial))
        siren_json_string(json, "volume_coordinates_sha256", context->coordinates_sha256);
    siren_trial_write(trial, json);
    siren_json_integer(json, "log_interval", context->log_interval);
    siren_json_bool(json, "archive", context->keep_archives);
    siren_json_bool(json, "curves", context->keep_curves);
    return folder_of(run, trial->name, json, out);
}

siren_status siren_baseline_folder_create(const char *run, const siren_baseline_trial *baseline,
                                          const char *matched, const siren_trial_context *context,
                                          siren_trial_folder *out) {
    SIREN_AT_END(siren_json_free_at) siren_json *json = NULL;
    SIREN_TRY(config_begin(context, &json));
    siren_baseline_trial_write(baseline, matched, json);
    siren_json_bool(json, "restored", context->keep_restored);
    return folder_of(run, baseline->name, json, out);
}

siren_status siren_trial_folder_make(const siren_trial_folder *folder) {
    SIREN_FREE_AT_END char *config = NULL;
    SIREN_TRY(siren_folder_make(folder->folder));
    SIREN_TRY(siren_run_path(&config, folder->folder, "config.json"));
    return siren_file_write(config, true, folder->config, strlen(folder->config));
}

void siren_trial_folder_free(siren_trial_folder *folder) {
    if (!folder) return;
    free(folder->name);
    free(folder->folder);
    free(folder->config);
    *folder = (siren_trial_folder){.name = NULL};
}

/* ---- finished blocks ----
 *
 * A block's file: the block and its curve as siren_encoded_write() has them, then the SHA-256 of all before and of the
 * trial's identity. */

#define BLOCK_DIGEST (SIREN_DIGEST_CHARS - 1)
#define MAX_BLOCK_BYTES ((size_t)2 << 30)

void siren_finished_block_free(siren_finished_block *block) {
    if (!block) return;
    siren_encoded_free(&block->encoded);
    free(SIREN_TAKE(block->curve));
}

static siren_status block_path(const siren_trial_folder *folder, size_t number, char **path) {
    return siren_run_path(path, folder->folder, "blocks/%04zu.block", number);
}

/* Of a block's file up to the digest itself. */
static void block_digest(const siren_trial_folder *folder, const uint8_t *bytes, size_t n_bytes,
                         char hex[SIREN_DIGEST_CHARS]) {
    siren_digest digest;
    siren_digest_begin(&digest);
    siren_digest_add(&digest, bytes, n_bytes);
    siren_digest_add(&digest, folder->identity, strlen(folder->identity));
    siren_digest_end(&digest, hex);
}

siren_status siren_finished_block_write(const siren_trial_folder *folder, const siren_finished_block *block) {
    SIREN_FREE_AT_END uint8_t *bytes = NULL;
    size_t n_body = 0;
    SIREN_FREE_AT_END char *path = NULL;
    char hex[SIREN_DIGEST_CHARS];
    SIREN_TRY(block_path(folder, block->encoded.entry.block, &path));
    SIREN_TRY(siren_encoded_write(&block->encoded, block->curve, BLOCK_DIGEST, &bytes, &n_body));
    block_digest(folder, bytes, n_body, hex);
    memcpy(bytes + n_body, hex, BLOCK_DIGEST);
    return siren_file_write(path, true, bytes, n_body + BLOCK_DIGEST);
}

siren_status siren_finished_block_read(const siren_trial_folder *folder, size_t number,
                                       siren_finished_block *out) {
    SIREN_AT_END(siren_finished_block_free) siren_finished_block block = {.curve = NULL};
    SIREN_FREE_AT_END char *path = NULL;
    char hex[SIREN_DIGEST_CHARS] = "";
    SIREN_FREE_AT_END uint8_t *bytes = NULL;
    size_t n_bytes = 0;
    SIREN_TRY(block_path(folder, number, &path));
    SIREN_TRY(siren_file_read(path, MAX_BLOCK_BYTES, &bytes, &n_bytes));
    if (n_bytes >= BLOCK_DIGEST) block_digest(folder, bytes, n_bytes - BLOCK_DIGEST, hex);
    if (n_bytes < BLOCK_DIGEST || memcmp(bytes + n_bytes - BLOCK_DIGEST, hex, BLOCK_DIGEST) != 0)
        return siren_fail(SIREN_CORRUPT, "%s: is damaged or of another trial", path);
    SIREN_TRY(siren_encoded_read(path, bytes, n_bytes - BLOCK_DIGEST, &block.encoded, &block.curve));
    if (block.encoded.entry.block != number)
        return siren_fail(SIREN_CORRUPT, "%s: is of block %u", path, (unsigned)block.encoded.entry.block);
    *out = SIREN_TAKE(block);
    return SIREN_OK;
}

bool siren_finished_block_exists(const siren_trial_folder *folder, size_t number) {
    SIREN_FREE_AT_END char *path = NULL;
    if (block_path(folder, number, &path) != SIREN_OK) return false;
    return access(path, F_OK) == 0;
}

void siren_finished_block_remove(const siren_trial_folder *folder, size_t number) {
    char *path = NULL;
    if (block_path(folder, number, &path) == SIREN_OK) unlink(path);
    free(path);
}

/* ---- results ---- */

static const char *const status_names[] = {"ok", "constant", "diverged", "unreached"};
#define N_STATUSES (sizeof status_names / sizeof *status_names)
static const char *const level_names[] = {"slice", "volume", "patch"};
#define N_LEVELS (sizeof level_names / sizeof *level_names)

const char *siren_result_status_name(siren_result_status status) { return status_names[status]; }

void siren_trial_result_free(siren_trial_result *result) {
    if (!result) return;
    free(SIREN_TAKE(result->rows));
}

/* A figure that may be infinite, which JSON cannot say, or not exist: then it has no member. */
static void write_figure(siren_json *json, const char *key, double value) {
    if (isinf(value))
        siren_json_string(json, key, value > 0 ? "inf" : "-inf");
    else if (!isnan(value))
        siren_json_number(json, key, value);
}

static siren_status read_figure(siren_value row, const char *key, double *out) {
    siren_value value = siren_value_member(row, key);
    *out = NAN;
    if (!siren_value_exists(value)) return SIREN_OK;
    if (!siren_value_is_string(value)) return siren_value_number(value, -INFINITY, INFINITY, out);
    static const char *const infinities[] = {"inf", "-inf"};
    size_t which = 0;
    SIREN_TRY(siren_value_choice(value, infinities, 2, &which));
    *out = which == 0 ? INFINITY : -INFINITY;
    return SIREN_OK;
}

/* The figures of a row, `bytes` stands before the last two. */
static const struct {
    const char *key;
    size_t member;
} figures[] = {{"mse", offsetof(siren_result_row, fidelity.mse)},
               {"psnr", offsetof(siren_result_row, fidelity.psnr)},
               {"psnr_published", offsetof(siren_result_row, fidelity.psnr_published)},
               {"psnr_clamped", offsetof(siren_result_row, fidelity.psnr_clamped)},
               {"mse_masked", offsetof(siren_result_row, mse_masked)},
               {"psnr_masked", offsetof(siren_result_row, psnr_masked)},
               {"ratio", offsetof(siren_result_row, ratio)},
               {"ratio_float32", offsetof(siren_result_row, ratio_float32)}};
#define N_FIGURES (sizeof figures / sizeof *figures)

static void write_row(siren_json *json, const siren_result_row *row) {
    siren_json_begin_object(json, NULL);
    siren_json_string(json, "level", siren_block_kind_name(row->level, 1));
    siren_json_integer(json, "number", row->number);
    siren_json_string(json, "status", status_names[row->status]);
    siren_json_integer(json, "points", row->n_points);
    siren_json_integer(json, "volumes", row->n_volumes);
    for (size_t i = 0; i < N_FIGURES; i++) {
        if (i == N_FIGURES - 2) siren_json_integer(json, "bytes", row->bytes);
        write_figure(json, figures[i].key, *(const double *)((const char *)row + figures[i].member));
    }
    if (row->n_epochs > 0) siren_json_integer(json, "epochs_run", row->n_epochs);
    siren_json_end(json);
}

static siren_status read_row(siren_value value, siren_result_row *row) {
    uint64_t number = 0, points = 0, volumes = 0, most = (uint64_t)1 << 53;
    size_t level = 0, status = 0;
    SIREN_TRY(siren_value_choice(siren_value_member(value, "level"), level_names, N_LEVELS, &level));
    SIREN_TRY(siren_value_integer(siren_value_member(value, "number"), 0, most, &number));
    SIREN_TRY(siren_value_choice(siren_value_member(value, "status"), status_names, N_STATUSES, &status));
    SIREN_TRY(siren_value_integer(siren_value_member(value, "points"), 0, most, &points));
    SIREN_TRY(siren_value_integer(siren_value_member(value, "volumes"), 1, most, &volumes));
    if (volumes == 0) return siren_value_fail(value, "lacks volumes");
    SIREN_TRY(siren_value_integer(siren_value_member(value, "bytes"), 0, most, &row->bytes));
    SIREN_TRY(siren_value_integer(siren_value_member(value, "epochs_run"), 0, most, &row->n_epochs));
    row->level = (siren_block_kind)(level + SIREN_BLOCK_SLICE);
    row->number = (size_t)number;
    row->status = (siren_result_status)status;
    row->n_points = row->fidelity.n = (size_t)points;
    row->n_volumes = (size_t)volumes;
    for (size_t i = 0; i < N_FIGURES; i++)
        SIREN_TRY(read_figure(value, figures[i].key, (double *)((char *)row + figures[i].member)));
    return SIREN_OK;
}

static const char *const coding_names[] = {"network", "predictive", "transform"};
#define N_CODINGS (sizeof coding_names / sizeof *coding_names)

const char *siren_coding_name(siren_coding coding) { return coding_names[coding]; }

static void write_target(siren_json *json, const siren_target_result *target) {
    if (!target->met) return;
    siren_json_begin_object(json, "target");
    siren_json_string(json, "coding", coding_names[target->coding]);
    if (target->coding == SIREN_CODING_NETWORK) {
        siren_json_integer(json, "layers", target->layers);
        siren_json_integer(json, "width", target->width);
        siren_json_integer(json, "weight_bits", target->weight_bits);
    }
    write_figure(json, "reached", target->reached);
    siren_json_end(json);
}

static siren_status read_target(siren_value value, siren_target_result *out) {
    uint64_t layers = 0, width = 0, bits = 0;
    size_t coding = 0;
    if (!siren_value_exists(value)) return SIREN_OK;
    SIREN_TRY(siren_value_choice(siren_value_member(value, "coding"), coding_names, N_CODINGS, &coding));
    SIREN_TRY(siren_value_integer(siren_value_member(value, "layers"), 0, SIREN_MAX_LAYERS, &layers));
    SIREN_TRY(siren_value_integer(siren_value_member(value, "width"), 0, SIREN_MAX_WIDTH, &width));
    SIREN_TRY(siren_value_integer(siren_value_member(value, "weight_bits"), 0, 32, &bits));
    SIREN_TRY(read_figure(value, "reached", &out->reached));
    out->met = true;
    out->coding = (siren_coding)coding;
    out->layers = (uint32_t)layers;
    out->width = (uint32_t)width;
    out->weight_bits = (unsigned)bits;
    return SIREN_OK;
}

static siren_status write_result(const siren_trial_folder *folder, const siren_trial_result *result) {
    SIREN_AT_END(siren_json_free_at) siren_json *json = NULL;
    SIREN_TRY(siren_json_create(&json));
    siren_json_string(json, "trial", folder->name);
    siren_json_string(json, "status", status_names[result->status]);
    siren_json_integer(json, "parameters", result->n_params);
    if (result->rate > 0) siren_json_number(json, "rate", result->rate);
    write_target(json, &result->target);
    siren_json_integer(json, "archive_bytes", result->archive_bytes);
    siren_json_integer(json, "series_bytes", result->series_bytes);
    siren_json_integer(json, "float32_bytes", result->float32_bytes);
    siren_json_integer(json, "files", result->n_files);
    siren_json_begin_array(json, "rows");
    for (size_t i = 0; i < result->n_rows; i++) write_row(json, &result->rows[i]);
    siren_json_end(json);
    return siren_run_write_json(json, folder->folder, "result.json");
}

siren_status siren_trial_result_write(const siren_trial_folder *folder, const siren_trial_result *result,
                                      char *const *files, size_t n_files) {
    SIREN_FREE_AT_END char *path = NULL, *sums = NULL;
    size_t n_sums = 0;
    SIREN_AT_END(siren_fclose_at) FILE *stream = open_memstream(&sums, &n_sums);
    if (!stream)
        return siren_fail(SIREN_SYSTEM, "out of memory: cannot list the files of %s", folder->folder);
    SIREN_TRY(write_result(folder, result));
    SIREN_TRY(siren_run_sum_write(folder->folder, "config.json", stream));
    SIREN_TRY(siren_run_sum_write(folder->folder, "result.json", stream));
    for (size_t i = 0; i < n_files; i++) SIREN_TRY(siren_run_sum_write(folder->folder, files[i], stream));
    SIREN_TRY(siren_run_path(&path, folder->folder, "SHA256SUMS"));
    if (fflush(stream) != 0) return siren_fail(SIREN_SYSTEM, "out of memory: cannot list %s", path);
    return siren_file_write(path, true, sums, n_sums);
}

static siren_status read_result(const siren_trial_folder *folder, siren_trial_result *out) {
    SIREN_AT_END(siren_trial_result_free) siren_trial_result result = {.rows = NULL};
    SIREN_AT_END(siren_config_free_at) siren_config *config = NULL;
    SIREN_FREE_AT_END char *path = NULL;
    size_t which = 0;
    uint64_t n_params = 0, n_files = 0, most = (uint64_t)1 << 53;
    SIREN_TRY(siren_run_path(&path, folder->folder, "result.json"));
    SIREN_TRY(siren_config_read(path, &config));
    siren_value root = siren_config_root(config), rows = siren_value_member(root, "rows");
    SIREN_TRY(siren_value_choice(siren_value_member(root, "status"), status_names, N_STATUSES, &which));
    SIREN_TRY(siren_value_integer(siren_value_member(root, "parameters"), 0, most, &n_params));
    SIREN_TRY(siren_value_number(siren_value_member(root, "rate"), 0, INFINITY, &result.rate));
    SIREN_TRY(read_target(siren_value_member(root, "target"), &result.target));
    SIREN_TRY(siren_value_integer(siren_value_member(root, "archive_bytes"), 0, most, &result.archive_bytes));
    SIREN_TRY(siren_value_integer(siren_value_member(root, "series_bytes"), 0, most, &result.series_bytes));
    SIREN_TRY(siren_value_integer(siren_value_member(root, "float32_bytes"), 0, most, &result.float32_bytes));
    SIREN_TRY(siren_value_integer(siren_value_member(root, "files"), 0, most, &n_files));
    result.n_files = (size_t)n_files;
    result.status = (siren_result_status)which;
    result.n_params = (size_t)n_params;
    SIREN_TRY(
        siren_allocate(&result.rows, siren_value_count(rows), sizeof *result.rows, "the rows of a result"));
    for (siren_value row = siren_value_first(rows); siren_value_exists(row); row = siren_value_next(row))
        SIREN_TRY(read_row(row, &result.rows[result.n_rows++]));
    *out = SIREN_TAKE(result);
    return SIREN_OK;
}

/* What comes of a result reckons with both: CORRUPT where they are another trial's, or a file was changed with its
 * sums. */
static siren_status check_result(const siren_trial_folder *folder, siren_result_facts facts,
                                 const siren_trial_result *result) {
    if (facts.n_params > 0 && result->n_params != facts.n_params)
        return siren_fail(SIREN_CORRUPT,
                          "%s/result.json: tells of %zu parameters, but the trial's network has %zu",
                          folder->folder, result->n_params, facts.n_params);
    for (size_t i = 0; facts.n_volumes > 0 && i < result->n_rows; i++)
        if (result->rows[i].n_volumes != facts.n_volumes)
            return siren_fail(SIREN_CORRUPT,
                              "%s/result.json: tells of %zu volume%s, but the trial's input has %zu",
                              folder->folder, result->rows[i].n_volumes,
                              siren_plural(result->rows[i].n_volumes), facts.n_volumes);
    return SIREN_OK;
}

bool siren_trial_find_result(const siren_trial_folder *folder, siren_result_facts facts,
                             siren_trial_result *out) {
    size_t n_files = 0;
    siren_trial_result result = {.rows = NULL};
    siren_status status = siren_run_sums_check(folder->folder, folder->identity, &n_files);
    if (status == SIREN_PARTIAL) return false;
    if (status == SIREN_OK) status = read_result(folder, &result);
    if (status == SIREN_OK && result.n_files != n_files)
        status = siren_fail(SIREN_CORRUPT, "%s/SHA256SUMS: lists %zu file%s beside the result, which has %zu",
                            folder->folder, n_files, siren_plural(n_files), result.n_files);
    if (status == SIREN_OK) status = check_result(folder, facts, &result);
    if (status == SIREN_OK) {
        *out = result;
        return true;
    }
    siren_trial_result_free(&result);
    siren_log(SIREN_LOG_WARNING, "%s; trial %s is done again", siren_message(), folder->name);
    return false;
}
