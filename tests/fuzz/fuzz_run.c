/* libFuzzer: any bytes as one of the files of a run folder, which the first one chooses, with digests put right: a finished block,
 * a result, the tables and texts that a report reads. */
#include "host/digest.h"
#include "lab/report/report_run.h"
#include "lab/run/run_folder.h"
#include "lab/run/run_sums.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[64];

static void clear(void) {
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (system(command) != 0) abort();
}

static void put(const char *name, const void *bytes, size_t n) {
    char path[160];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    if (!file || fwrite(bytes, 1, n, file) != n || fclose(file) != 0) abort();
}

static void put_text(const char *name, const char *text) { put(name, text, strlen(text)); }

#define TRIAL_COLUMNS "trial,input,model,layers,width,weights,seed,lr,w0,epochs,parameters,"

static void begin(void) {
    static const char *const folders[] = {"", "/blocks", "/trials", "/trials/a", "/trials/a/curves"};
    char path[96];
    snprintf(folder, sizeof folder, "/dev/shm/siren-fuzz-%d", (int)getpid());
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        snprintf(path, sizeof path, "%s%s", folder, folders[i]);
        mkdir(path, 0700);
    }
    put_text("config.json", "{}\n");
    put_text("experiment.json", "{\"name\": \"a\", \"inputs\": [{\"name\": \"p\", \"sha256\": \"0\"}]}\n");
    put_text("summary.csv",
             TRIAL_COLUMNS "status,slices,archive_bytes,series_bytes,ratio,ratio_float32,psnr_mean,psnr_std,"
                           "psnr_published_mean,psnr_published_std,psnr_masked_mean,psnr_masked_std\n"
                           "a,p,siren-2d,1,8,int8,0,0.001,30,2,9,ok,1,9,9,1,1,20,0,20,0,,\n");
    atexit(clear);
}

static void try_block(const siren_trial_folder *trial, const uint8_t *data, size_t size) {
    siren_digest digest;
    char hex[SIREN_DIGEST_CHARS];
    uint8_t *bytes = malloc(size + sizeof hex);
    siren_finished_block block = {.curve = NULL};
    if (!bytes) abort();
    memcpy(bytes, data, size);
    siren_digest_begin(&digest);
    siren_digest_add(&digest, bytes, size);
    siren_digest_add(&digest, trial->identity, strlen(trial->identity));
    siren_digest_end(&digest, hex);
    memcpy(bytes + size, hex, SIREN_DIGEST_CHARS - 1);
    put("blocks/0007.block", bytes, size + SIREN_DIGEST_CHARS - 1);
    free(bytes);
    if (siren_finished_block_read(trial, 7, &block) == SIREN_OK) siren_finished_block_free(&block);
}

static void try_result(const siren_trial_folder *trial, const uint8_t *data, size_t size) {
    siren_trial_result result;
    char *sums = NULL;
    size_t n = 0;
    put("result.json", data, size);
    FILE *stream = open_memstream(&sums, &n);
    if (!stream || siren_run_sum_write(folder, "config.json", stream) != SIREN_OK ||
        siren_run_sum_write(folder, "result.json", stream) != SIREN_OK || fclose(stream) != 0)
        abort();
    put("SHA256SUMS", sums, n);
    free(sums);
    if (siren_trial_find_result(trial, &result)) siren_trial_result_free(&result);
}

static void try_report(const char *name, const uint8_t *data, size_t size) {
    siren_report_run *run = NULL;
    put(name, data, size);
    if (siren_report_run_read(folder, &run) == SIREN_OK) siren_report_run_free(run);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const tables[] = {"experiment.json", "environment.json", "summary.csv",
                                         "results.csv",     "timing.csv",       "evaluation.csv"};
    siren_trial_folder trial = {.name = "a", .folder = folder};
    if (size == 0) return 0;
    if (!*folder) begin();
    char path[96];
    snprintf(path, sizeof path, "%s/config.json", folder);
    if (siren_digest_file(path, trial.identity) != SIREN_OK) abort();
    const unsigned which = data[0] % 8u;
    if (which == 0)
        try_block(&trial, data + 1, size - 1);
    else if (which == 1)
        try_result(&trial, data + 1, size - 1);
    else
        try_report(tables[which - 2], data + 1, size - 1);
    return 0;
}
