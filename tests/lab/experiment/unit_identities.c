/* Names and identities of trials stay what they were: of every file of configs/, and of one that uses every setting.
 * `unit_identities FILE` prints the lines of tests/golden/identities.txt for a file. */
#include "tests/shared/testing.h"

#include "lab/experiment/experiment.h"
#include "lab/run/run_folder.h"

#include <glob.h>

static void print_lines(const char *path, FILE *out) {
    siren_experiment *x = NULL;
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    if (siren_experiment_read(path, NULL, SIREN_MAX_TRIALS, &x) != SIREN_OK)
        fail_msg("%s: %s", path, siren_message());
    for (size_t i = 0; i < x->n_trials + x->n_baselines; i++) {
        siren_trial_folder folder;
        const siren_trial_context context = {.input_sha256 = "an input",
                                             .log_interval = x->log_interval,
                                             .keep_archives = x->keep_archives,
                                             .keep_curves = x->keep_curves,
                                             .keep_restored = x->keep_restored};
        if (i < x->n_trials)
            assert_siren_ok(siren_trial_folder_create("run", &x->trials[i], &context, &folder));
        else
            assert_siren_ok(
                siren_baseline_folder_create("run", &x->baselines[i - x->n_trials], NULL, &context, &folder));
        fprintf(out, "%s %s %.16s\n", name, folder.name, folder.identity);
        siren_trial_folder_free(&folder);
    }
    siren_experiment_free(x);
}

static void shipped_trials_keep_their_identities(void **state) {
    (void)state;
    const char *golden = getenv("SIREN_GOLDEN");
    char path[4096], line[512];
    glob_t found;
    if (!golden) golden = "../../tests/golden";
    char *lines = NULL;
    size_t size = 0, n = 0;
    FILE *out = open_memstream(&lines, &size);
    snprintf(path, sizeof path, "%s/../../configs/*.json", golden);
    assert_int_equal(glob(path, 0, NULL, &found), 0);
    assert_true(found.gl_pathc >= 14);
    for (size_t i = 0; i < found.gl_pathc; i++) print_lines(found.gl_pathv[i], out);
    globfree(&found);
    snprintf(path, sizeof path, "%s/identities.json", golden);
    print_lines(path, out);
    fclose(out);
    snprintf(path, sizeof path, "%s/identities.txt", golden);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    for (char *at = lines; fgets(line, sizeof line, file); at += strcspn(at, "\n") + 1, n++)
        if (strncmp(at, line, strlen(line)) != 0)
            fail_msg("identities.txt says %sbut it is\n%.*s", line, (int)strcspn(at, "\n"), at);
        else if (at[strlen(line)] == '\0' && fgets(line, sizeof line, file))
            fail_msg("no trial is %s", line);
    fclose(file);
    for (char *at = lines; *at; at += strcspn(at, "\n") + 1) n--;
    assert_int_equal(n, 0);
    free(lines);
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) print_lines(argv[i], stdout);
    if (argc > 1) return 0;
    const struct CMUnitTest tests[] = {cmocka_unit_test(shipped_trials_keep_their_identities)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
