/* What fuzzing has reached, tests/fuzz/corpus, through the targets that reached it, without libFuzzer: nothing of it
 * crashes, hangs or, in a build with sanitizers, leaks. */
#include "tests/shared/testing.h"

#include "host/file.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST_BYTES ((size_t)1 << 20)

typedef int target(const uint8_t *data, size_t size);
/* SIREN_FUZZ_TARGETS is an X(name) for each fuzz_NAME.c, whose function is fuzz_target_NAME here. */
#define X(name) target fuzz_target_##name;
SIREN_FUZZ_TARGETS
#undef X

static void run_all(const char *folder, target *run) {
    char path[2048];
    struct dirent **entries = NULL;
    size_t n_run = 0;
    int n = scandir(folder, &entries, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        SIREN_FREE_AT_END uint8_t *bytes = NULL;
        size_t n_bytes = 0;
        if (entries[i]->d_name[0] != '.') {
            snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
            assert_siren_ok(siren_file_read(path, MOST_BYTES, &bytes, &n_bytes));
            assert_int_equal(run(bytes, n_bytes), 0);
            n_run++;
        }
        free(entries[i]);
    }
    free(entries);
    if (n_run == 0) fail_msg("%s: no input", folder);
}

#define X(name)                                                                                              \
    static void corpus_of_##name(void **state) {                                                             \
        (void)state;                                                                                         \
        run_all(SIREN_CORPUS "/" #name, fuzz_target_##name);                                                 \
    }
SIREN_FUZZ_TARGETS
#undef X

/* The experiments of configs/ keep what the target promises of any. */
static void configs(void **state) {
    (void)state;
    run_all(SIREN_CONFIGS, fuzz_target_config);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define X(name) cmocka_unit_test(corpus_of_##name),
        SIREN_FUZZ_TARGETS
#undef X
            cmocka_unit_test(configs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
