/* One trial's part of a run folder (docs/run-folder.md): its identity, its finished blocks, its result. */
#ifndef SIREN_LAB_RUN_RUN_FOLDER_H
#define SIREN_LAB_RUN_RUN_FOLDER_H

#include "engine/encode/encoder.h"
#include "lab/experiment/experiment.h"
#include "formats/table.h"
#include "host/digest.h"

/* Files of a trial: what a network's blocks and what a baseline restored are kept in, and how it was judged. */
#define SIREN_ARCHIVE_FILE "archive.siren"
#define SIREN_RESTORED_FILE "restored.nii.gz"
#define SIREN_EVALUATION_FILE "evaluation.json"
/* Folders in that of a trial for what figures of a slice show of it, and the file in each that is written last. */
#define SIREN_PANEL_FOLDER "panel"
#define SIREN_PANEL_FILE "panel.json"
#define SIREN_GLYPHS_FOLDER "glyphs"
#define SIREN_GLYPHS_FILE "glyphs.json"

/* "FOLDER/..." by printf's rules; `*out` is yours to free(). */
siren_status siren_run_path(char **out, const char *folder, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Writes a JSON document or a table as NAME in a folder, complete or not at all, over what is there. */
siren_status siren_run_write_json(const siren_json *json, const char *folder, const char *name);
siren_status siren_run_write_table(const siren_table *table, const char *folder, const char *name);

/* A trial in its folder. */
typedef struct {
    char *name;                        /* of the folder: the trial's name and the head of its identity */
    char *folder;                      /* its path */
    char *config;                      /* text of config.json */
    char identity[SIREN_DIGEST_CHARS]; /* SHA-256 of it */
} siren_trial_folder;

/* What a result depends on beside the trial's settings. */
typedef struct {
    const char *input_sha256, *mask_sha256; /* mask_sha256 NULL: no mask */
    bool train_on_mask;
    const char *coordinates_sha256; /* of the table of networks on coordinates of volumes; NULL: none */
    size_t log_interval;
    bool keep_archives, keep_curves; /* of networks */
    bool keep_restored;              /* of baselines */
} siren_trial_context;

/* Names the trial below `run`; makes nothing. `*out` is yours: siren_trial_folder_free(). */
siren_status siren_trial_folder_create(const char *run, const siren_trial *trial,
                                       const siren_trial_context *context, siren_trial_folder *out);
/* The same for a baseline; `matched` (may be NULL) is the identity of the trial whose ratio it takes. */
siren_status siren_baseline_folder_create(const char *run, const siren_baseline_trial *baseline,
                                          const char *matched, const siren_trial_context *context,
                                          siren_trial_folder *out);
/* Makes the folder where it is missing, with config.json. */
siren_status siren_trial_folder_make(const siren_trial_folder *folder);
/* Releases what it holds. NULL is allowed. */
void siren_trial_folder_free(siren_trial_folder *folder);

/* ---- finished blocks ---- */

/* A finished block as its file keeps it. */
typedef struct {
    siren_encoded encoded;
    char *curve; /* rows of its curve as CSV, "" for none */
} siren_finished_block;
void siren_finished_block_free(siren_finished_block *block);

siren_status siren_finished_block_write(const siren_trial_folder *folder, const siren_finished_block *block);
/* Reads and verifies block `number`. CORRUPT where it is damaged or of another trial, SYSTEM where it is missing.
 * `*out` is yours: siren_finished_block_free(). */
siren_status siren_finished_block_read(const siren_trial_folder *folder, size_t number,
                                       siren_finished_block *out);
bool siren_finished_block_exists(const siren_trial_folder *folder, size_t number);
void siren_finished_block_remove(const siren_trial_folder *folder, size_t number);

/* ---- results ---- */

typedef enum {
    SIREN_RESULT_OK,
    SIREN_RESULT_CONSTANT,
    SIREN_RESULT_DIVERGED,
    SIREN_RESULT_UNREACHED /* the target, or the ratio asked of a baseline, cannot be had: there are no rows */
} siren_result_status;
/* "network", "predictive", "transform" */
const char *siren_coding_name(siren_coding coding);
/* "ok", "constant", "diverged", "unreached" */
const char *siren_result_status_name(siren_result_status status);

/* A row of results.csv from `level` on. */
typedef struct {
    siren_block_kind level;
    size_t number;
    siren_result_status status;
    size_t n_points, n_volumes;
    siren_fidelity fidelity; /* NaN where it does not exist */
    double mse_masked, psnr_masked;
    uint64_t bytes; /* of the packed record; 0: none */
    double ratio, ratio_float32;
    uint64_t n_epochs; /* that its network was trained for; 0: none, or an older program did not tell */
} siren_result_row;

/* How a target was met, for the archive that was made. */
typedef struct {
    bool met;               /* there is such an archive */
    siren_coding coding;    /* of it */
    uint32_t layers, width; /* of its networks */
    unsigned weight_bits;   /* of them */
    double reached; /* of what the target counts: ratio, bytes, dB, largest error (in percent), sigmas */
} siren_target_result;

typedef struct {
    siren_result_status status; /* never CONSTANT */
    siren_target_result target; /* of a trial with a target */
    size_t n_params;            /* 0 for a baseline */
    double rate;                /* of a baseline's codestreams; 0: none */
    uint64_t archive_bytes; /* of the archive, or of all that a baseline restores from; 0: there is none */
    uint64_t series_bytes;  /* voxels of the archived slices in their stored type */
    uint64_t float32_bytes; /* the same in float32 */
    size_t n_files;         /* in SHA256SUMS beside config.json, result.json and the evaluation */
    siren_result_row *rows; /* (n_rows) blocks, then slices of a 3-D model */
    size_t n_rows;
} siren_trial_result;
void siren_trial_result_free(siren_trial_result *result);

/* Writes result.json and then SHA256SUMS, which makes the trial complete. `files` (n_files): names below the trial's
 * folder that belong to it, beside config.json and result.json. */
siren_status siren_trial_result_write(const siren_trial_folder *folder, const siren_trial_result *result,
                                      char *const *files, size_t n_files);
/* What rows and network of a trial's result have; 0: anything. */
typedef struct {
    size_t n_params, n_volumes;
} siren_result_facts;
/* Whether the trial is complete: SHA256SUMS is there, lists all its files, and each has its checksum; and its result
 * agrees with `facts`. Then `*out` is its result, yours: siren_trial_result_free(). False otherwise, and where
 * something is damaged that is told (SIREN_LOG_WARNING). */
bool siren_trial_find_result(const siren_trial_folder *folder, siren_result_facts facts,
                             siren_trial_result *out);

#endif
