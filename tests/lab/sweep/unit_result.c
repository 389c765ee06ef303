/* lab/run/run_folder: a result comes back as it was written, and one that lacks what it must have is none. */
#define _GNU_SOURCE
#include "tests/shared/testing.h"
#include "tests/shared/fuzz_files.h"

#include "host/file.h"
#include "lab/run/run_folder.h"
#include "lab/run/run_sums.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static char name[] = "a", folder[FUZZ_PATH_CHARS], config[] = "{}\n";
static siren_trial_folder trial = {.name = name, .folder = folder, .config = config};

static const siren_result_facts anything = {0, 0};

static int make(void **state) {
    char path[FUZZ_PATH_CHARS];
    (void)state;
    fuzz_path("trial", folder);
    assert_siren_ok(siren_trial_folder_make(&trial));
    assert_siren_ok(siren_digest_file(fuzz_path("trial/config.json", path), trial.identity));
    return 0;
}

static siren_trial_result result_of(siren_result_row *row) {
    return (siren_trial_result){
        .n_params = 9, .archive_bytes = 8, .series_bytes = 90, .rows = row, .n_rows = 1};
}

static void results_come_back(void **state) {
    (void)state;
    siren_result_row row = {
        .level = SIREN_BLOCK_SLICE, .number = 7, .n_points = 4, .n_volumes = 3, .ratio = INFINITY};
    const siren_trial_result written = result_of(&row);
    siren_trial_result read;
    assert_siren_ok(siren_trial_result_write(&trial, &written, NULL, 0));
    assert_true(siren_trial_find_result(&trial, anything, &read));
    assert_true(read.n_rows == 1 && read.n_params == 9 && !read.target.met);
    assert_true(read.rows->number == 7 && read.rows->n_volumes == 3 && isinf(read.rows->ratio));
    siren_trial_result_free(&read);
}

/* Checksums are right. */
static void results_are_of_their_trial(void **state) {
    (void)state;
    siren_result_row row = {.level = SIREN_BLOCK_SLICE, .n_points = 4, .n_volumes = 3};
    const siren_trial_result written = result_of(&row);
    siren_trial_result read;
    assert_siren_ok(siren_trial_result_write(&trial, &written, NULL, 0));
    assert_true(siren_trial_find_result(&trial, (siren_result_facts){9, 3}, &read));
    siren_trial_result_free(&read);
    assert_false(siren_trial_find_result(&trial, (siren_result_facts){145, 3}, &read));
    assert_non_null(
        strstr(siren_message(), "/result.json: tells of 9 parameters, but the trial's network has 145"));
    assert_false(siren_trial_find_result(&trial, (siren_result_facts){9, 4}, &read));
    assert_non_null(strstr(siren_message(), "/result.json: tells of 3 volumes, but the trial's input has 4"));
    row.n_volumes = ((size_t)1 << 32) + 4;
    assert_siren_ok(siren_trial_result_write(&trial, &written, NULL, 0));
    assert_false(siren_trial_find_result(&trial, (siren_result_facts){9, 4}, &read));
}

/* Checksums are right. */
static void rows_have_volumes(void **state) {
    (void)state;
    siren_result_row row = {.level = SIREN_BLOCK_SLICE};
    const siren_trial_result written = result_of(&row);
    siren_trial_result read;
    SIREN_FREE_AT_END uint8_t *text = NULL;
    size_t n_text = 0;
    char path[FUZZ_PATH_CHARS], *at;
    assert_siren_ok(siren_trial_result_write(&trial, &written, NULL, 0));
    assert_false(siren_trial_find_result(&trial, anything, &read));
    assert_siren_ok(siren_file_read(fuzz_path("trial/result.json", path), 1 << 16, &text, &n_text));
    at = memmem(text, n_text, "\"volumes\"", 9);
    assert_non_null(at);
    memcpy(at, "\"volumen\"", 9); /* the member is missing then; the checksum is put right */
    fuzz_put("trial/result.json", text, n_text);
    FILE *sums = fopen(fuzz_path("trial/SHA256SUMS", path), "w");
    assert_non_null(sums);
    assert_siren_ok(siren_run_sum_write(folder, "config.json", sums));
    assert_siren_ok(siren_run_sum_write(folder, "result.json", sums));
    fclose(sums);
    assert_false(siren_trial_find_result(&trial, anything, &read));
    assert_non_null(strstr(siren_message(), "lacks volumes"));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(results_come_back),
                                       cmocka_unit_test(results_are_of_their_trial),
                                       cmocka_unit_test(rows_have_volumes)};
    return cmocka_run_group_tests(tests, make, NULL);
}
