/* libFuzzer: any bytes as one of the files of a run folder, which the first one chooses, with digests put right: a
 * finished block, a result, checksums, how a trial was judged, a curve, the tables and texts that a report reads.
 * The other files are whole. */
#include "engine/encode/encoded_bytes.h"
#include "host/digest.h"
#include "host/file.h"
#include "lab/report/report_data.h"
#include "lab/report/report_training.h"
#include "lab/run/run_evaluation.h"
#include "lab/run/run_sums.h"
#include "tests/fuzz/must.h"
#include "tests/shared/fuzz_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BLOCK = 7, MOST_BYTES = 1 << 22 };

/* ---- a whole run ---- */

#define TRIAL_COLUMNS "trial,input,model,layers,width,weights,seed,lr,w0,epochs,parameters,"
#define A "a-siren-2d-1x8-int8-seed0-0123,p,siren-2d,1,8,int8,0,0.001,30,2,9,"
#define D "d-deflate-4567,p,deflate,,,,,,,,,"
static const struct {
    const char *name, *usual;
} files[] = {
    {"experiment.json", "{\"name\": \"a\", \"inputs\": [{\"name\": \"p\", \"sha256\": \"0\"}]}\n"},
    {"environment.json", "{\"sirencl\": \"1\", \"device\": \"cpu\"}\n"},
    {"summary.csv", TRIAL_COLUMNS
     "status,slices,archive_bytes,series_bytes,ratio,ratio_float32,psnr_mean,psnr_std,psnr_published_mean,"
     "psnr_published_std,psnr_masked_mean,psnr_masked_std,target,reached,coding,train_flop,epochs_run\n" A
     "ok,1,9,90,10,20,20,0,20,0,,,,,,7e9,1.5\n" D "ok,1,30,90,3,6,,,,,,,,,,,\n"},
    {"results.csv", TRIAL_COLUMNS
     "level,number,status,points,volumes,mse,psnr,psnr_published,psnr_clamped,mse_masked,psnr_masked,bytes,"
     "ratio,ratio_float32,epochs_run\n" A "slice,7,ok,9,2,0.01,20,20,20,,,9,10,20,2\n" A
     "slice,8,ok,9,2,0.01,20,20,20,,,9,10,20,1\n"},
    {"timing.csv",
     "trial,number,device,train_seconds,train_flop,encode_seconds,decode_seconds\n"
     "a-siren-2d-1x8-int8-seed0-0123,7,cpu,0.5,7e9,0.1,\n"
     "a-siren-2d-1x8-int8-seed0-0123,8,cpu,0.5,7e9,0.1,\na-siren-2d-1x8-int8-seed0-0123,7,cpu,0.4,7e9,0.1,\n"
     "a-siren-2d-1x8-int8-seed0-0123,,cpu,,,,0.25\n"},
    {"evaluation.csv",
     TRIAL_COLUMNS "metric,region,mean,std,median,p95,voxels,excluded\n" A "fa,wm,0.1,0.02,0.1,0.2,9,0\n"},
    {"trials/a-siren-2d-1x8-int8-seed0-0123/curves/0007.csv", "epoch,mse,psnr\n1,0.02,17\n2,0.01,20\n"}};
#define N_FILES (sizeof files / sizeof *files)
#define TRIAL "a-siren-2d-1x8-int8-seed0-0123"

static char folder[FUZZ_PATH_CHARS], trial_folder[FUZZ_PATH_CHARS];
static siren_trial_folder trial;
static siren_experiment *experiment; /* its first trial is of a set size, its second has a target */

static void put(const char *name, const void *bytes, size_t n) {
    char below[FUZZ_PATH_CHARS];
    snprintf(below, sizeof below, "run/%s", name);
    fuzz_put(below, bytes, n);
}

static void put_usual(size_t i) { put(files[i].name, files[i].usual, strlen(files[i].usual)); }

static void end(void) { siren_experiment_free(experiment); }

static void begin(void) {
    static const char *const folders[] = {"run",
                                          "run/tables",
                                          "run/trials",
                                          "run/trials/" TRIAL,
                                          "run/trials/" TRIAL "/blocks",
                                          "run/trials/" TRIAL "/curves"};
    static const char text[] =
        "{\"input\": \"p.nii\", \"trials\": [{\"model\": \"siren-2d\", \"layers\": 1, \"width\": 8}, "
        "{\"model\": \"transform\", \"psnr\": 30}]}";
    static const char short_curve[] = "epoch,mse,psnr\n1,0.02,17\n"; /* of a network that ended early */
    static char name[] = TRIAL;
    char path[FUZZ_PATH_CHARS];
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) fuzz_subfolder(folders[i]);
    for (size_t i = 0; i < N_FILES; i++) put_usual(i);
    put("trials/" TRIAL "/config.json", "{}\n", 3);
    put("trials/" TRIAL "/curves/0008.csv", short_curve, strlen(short_curve));
    fuzz_path("run", folder);
    trial = (siren_trial_folder){.name = name, .folder = fuzz_path("run/trials/" TRIAL, trial_folder)};
    MUST(siren_digest_file(fuzz_path("run/trials/" TRIAL "/config.json", path), trial.identity) == SIREN_OK);
    MUST(siren_experiment_read(fuzz_file(text, strlen(text)), NULL, 2, &experiment) == SIREN_OK &&
         atexit(end) == 0);
}

/* ---- a finished block ---- */

static void check_same(const siren_finished_block *a, const siren_finished_block *b) {
    SIREN_FREE_AT_END uint8_t *bytes = NULL, *other = NULL;
    size_t n_bytes, n_other;
    MUST(siren_encoded_write(&a->encoded, a->curve, 0, &bytes, &n_bytes) == SIREN_OK &&
         siren_encoded_write(&b->encoded, b->curve, 0, &other, &n_other) == SIREN_OK && n_bytes == n_other &&
         memcmp(bytes, other, n_bytes) == 0);
}

static void try_block(const uint8_t *data, size_t size) {
    siren_digest digest;
    char hex[SIREN_DIGEST_CHARS];
    SIREN_FREE_AT_END uint8_t *bytes = malloc(size + sizeof hex);
    SIREN_AT_END(siren_finished_block_free)
    siren_finished_block block = {.curve = NULL}, again = {.curve = NULL};
    MUST(bytes != NULL);
    memcpy(bytes, data, size);
    siren_digest_begin(&digest);
    siren_digest_add(&digest, bytes, size);
    siren_digest_add(&digest, trial.identity, strlen(trial.identity));
    siren_digest_end(&digest, hex);
    memcpy(bytes + size, hex, SIREN_DIGEST_CHARS - 1);
    put("trials/" TRIAL "/blocks/0007.block", bytes, size + SIREN_DIGEST_CHARS - 1);
    if (siren_finished_block_read(&trial, BLOCK, &block) != SIREN_OK) return;
    MUST(siren_finished_block_exists(&trial, BLOCK) &&
         siren_finished_block_write(&trial, &block) == SIREN_OK &&
         siren_finished_block_read(&trial, BLOCK, &again) == SIREN_OK);
    check_same(&block, &again);
    siren_finished_block_remove(&trial, BLOCK);
    MUST(!siren_finished_block_exists(&trial, BLOCK));
}

/* ---- a result, checksums, an evaluation ---- */

static void put_sums(const uint8_t *before, size_t n_before) {
    SIREN_FREE_AT_END char *sums = NULL;
    size_t n = 0;
    FILE *stream = open_memstream(&sums, &n);
    MUST(stream && fwrite(before, 1, n_before, stream) == n_before &&
         siren_run_sum_write(trial_folder, "config.json", stream) == SIREN_OK &&
         siren_run_sum_write(trial_folder, "result.json", stream) == SIREN_OK && fclose(stream) == 0);
    put("trials/" TRIAL "/SHA256SUMS", sums, n);
}

static siren_complete_trial complete(const siren_trial_result *result) {
    return (siren_complete_trial){.experiment = experiment,
                                  .trial = &experiment->trials[result->target.met],
                                  .folder = trial.name,
                                  .result = result};
}

static void check_table(const char *name) {
    char below[FUZZ_PATH_CHARS], path[FUZZ_PATH_CHARS];
    siren_table *table = NULL;
    snprintf(below, sizeof below, "run/%s", name);
    MUST(siren_table_read(fuzz_path(below, path), &table) == SIREN_OK);
    siren_table_free(table);
}

/* What is accepted is written to what is accepted as the same, and makes tables. */
static void try_result(const uint8_t *data, size_t size) {
    const siren_result_facts facts = {0, 0};
    siren_trial_result result, again;
    SIREN_FREE_AT_END uint8_t *once = NULL, *twice = NULL;
    size_t n_once, n_twice;
    char path[FUZZ_PATH_CHARS], tables[FUZZ_PATH_CHARS];
    put("trials/" TRIAL "/result.json", data, size);
    put_sums((const uint8_t *)"", 0);
    if (!siren_trial_find_result(&trial, facts, &result)) return;
    fuzz_path("run/trials/" TRIAL "/result.json", path);
    MUST(siren_trial_result_write(&trial, &result, NULL, 0) == SIREN_OK &&
         siren_file_read(path, MOST_BYTES, &once, &n_once) == SIREN_OK &&
         siren_trial_find_result(&trial, facts, &again));
    MUST(siren_trial_result_write(&trial, &again, NULL, 0) == SIREN_OK &&
         siren_file_read(path, MOST_BYTES, &twice, &n_twice) == SIREN_OK && n_once == n_twice &&
         memcmp(once, twice, n_once) == 0);
    const siren_complete_trial trials[] = {complete(&result)};
    MUST(siren_run_tables_write(fuzz_path("run/tables", tables), trials, 1) == SIREN_OK);
    check_table("tables/results.csv");
    check_table("tables/summary.csv");
    siren_trial_result_free(&result);
    siren_trial_result_free(&again);
}

static void try_sums(const uint8_t *data, size_t size) {
    size_t n_files;
    bool damaged;
    put("trials/" TRIAL "/result.json", "{}", 2);
    put_sums(data, size);
    siren_run_sums_check(trial_folder, trial.identity, &n_files);
    for (siren_added added = 0; added < SIREN_N_ADDED; added++)
        siren_run_has_added(trial_folder, added, &damaged);
}

static void try_evaluation(const uint8_t *data, size_t size) {
    static const char *const added[] = {SIREN_EVALUATION_FILE};
    const siren_trial_result result = {.n_rows = 0};
    const siren_complete_trial trials[] = {complete(&result)};
    bool damaged;
    put("trials/" TRIAL "/result.json", "{}", 2);
    put("trials/" TRIAL "/" SIREN_EVALUATION_FILE, data, size);
    put_sums((const uint8_t *)"", 0);
    MUST(siren_run_add(trial_folder, SIREN_ADDED_EVALUATION, added, 1) == SIREN_OK &&
         siren_run_has_added(trial_folder, SIREN_ADDED_EVALUATION, &damaged));
    if (siren_run_evaluation_table(folder, trials, 1) == SIREN_OK) check_table("evaluation.csv");
}

/* ---- a report ---- */

/* The tables of its figures can be written. */
static void make_figures(const siren_report_run *run, const siren_report_points *points) {
    siren_status (*const make[])(const siren_report_run *, const siren_report_points *, siren_table **,
                                 char **) = {siren_report_curves,  siren_report_ratio,
                                             siren_report_depth,   siren_report_width,
                                             siren_report_weights, siren_report_training};
    for (size_t i = 0; i < sizeof make / sizeof *make; i++) {
        siren_table *table = NULL;
        char *caption = NULL, *text = NULL;
        size_t n_text;
        if (make[i](run, points, &table, &caption) == SIREN_OK && table)
            MUST(siren_table_text(table, &text, &n_text) == SIREN_OK && caption);
        siren_table_free(table);
        free(caption);
        free(text);
    }
}

static void try_report(size_t file, const uint8_t *data, size_t size) {
    siren_report_run *run = NULL;
    put(files[file].name, data, size);
    const siren_status status = siren_report_run_read(folder, &run);
    for (size_t i = 0; status == SIREN_OK && i < run->n_trials; i++) {
        siren_report_points points;
        const siren_report_trial *found = siren_report_run_find(run, run->trials[i].name);
        MUST(found && strcmp(found->name, run->trials[i].name) == 0);
        if (i > 3 || siren_report_points_collect(run, run->trials[i].input, &points) != SIREN_OK) continue;
        make_figures(run, &points);
        siren_report_points_free(&points);
    }
    for (size_t i = 0; status == SIREN_OK && i < run->n_judged; i++) {
        const siren_report_judged *judged = &run->judged[i];
        MUST(siren_report_run_judged(run, judged->trial, judged->metric, judged->region));
    }
    siren_report_run_free(run);
    put_usual(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    enum { OF_BLOCK, OF_RESULT, OF_REPORT, OF_SUMS = OF_REPORT + N_FILES, OF_EVALUATION, N_KINDS };
    if (size == 0) return 0;
    if (!*folder) begin();
    fuzz_hear();
    const unsigned which = data[0] % N_KINDS;
    data++, size--;
    if (which == OF_BLOCK)
        try_block(data, size);
    else if (which == OF_RESULT)
        try_result(data, size);
    else if (which == OF_SUMS)
        try_sums(data, size);
    else if (which == OF_EVALUATION)
        try_evaluation(data, size);
    else
        try_report(which - OF_REPORT, data, size);
    return 0;
}
