/* libFuzzer: any bytes as what the cache holds of a device, its self-test or its tuning as the first one chooses, as
 * the whole file or behind what the file tells of this device, which an attacker knows. They are read before every
 * training, and a damaged or foreign file must not matter: what kernels are built with is always of the curated
 * list. */
#define _GNU_SOURCE
#include "engine/calls.h"
#include "engine/care/device_cache.h"
#include "engine/care/tune.h"
#include "host/file.h"
#include "tests/fuzz/must.h"
#include "tests/shared/fuzz_files.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const kinds[] = {"tune", "selftest"};
#define N_KINDS (sizeof kinds / sizeof *kinds)

static siren_device *device;
static char *names[N_KINDS]; /* of their files, below the folder */
static uint8_t *identity;    /* a file without its last brace */
static size_t n_identity;

static void end(void) {
    siren_device_close(device);
    free(identity);
    for (size_t i = 0; i < N_KINDS; i++) free(names[i]);
}

static void nothing(siren_json *json, const void *user) { (void)json, (void)user; }

/* The driver takes signals over by which libFuzzer would learn of a fault. */
static void open_device(void) {
    static const int signals[] = {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV};
    struct sigaction old[sizeof signals / sizeof *signals];
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) sigaction(signals[i], NULL, &old[i]);
    MUST(siren_device_open("cpu", &device) == SIREN_OK);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) sigaction(signals[i], &old[i], NULL);
}

static void begin(void) {
    char *path = NULL;
    open_device();
    MUST(siren_device_cache_write(device, kinds[0], nothing, NULL) == SIREN_OK &&
         siren_device_cache_path(device, kinds[0], &path) == SIREN_OK &&
         siren_file_read(path, 1 << 16, &identity, &n_identity) == SIREN_OK && atexit(end) == 0);
    while (identity[--n_identity] != '}') continue;
    while (strchr("}\n", identity[n_identity])) n_identity--;
    n_identity++;
    free(path);
    for (size_t i = 0; i < N_KINDS; i++) {
        MUST(siren_device_cache_path(device, kinds[i], &path) == SIREN_OK);
        names[i] = strdup(path + strlen(fuzz_folder()) + 1);
        MUST(names[i] != NULL);
        free(path);
    }
}

static void put(size_t kind, bool known, const uint8_t *data, size_t size) {
    static uint8_t text[1 << 17];
    size_t n = 0;
    MUST(n_identity + 2 + size <= sizeof text);
    if (known) {
        memcpy(text, identity, n_identity);
        text[n_identity] = ',';
        n = n_identity + 1;
    }
    memcpy(text + n, data, size);
    fuzz_put(names[kind], text, n + size);
}

static void load_selftest(void) {
    siren_config *config = NULL;
    if (siren_device_cache_read(device, "selftest", &config) == SIREN_OK) siren_config_free(config);
}

static void load_tuning(void) {
    size_t n = 0;
    const siren_configuration *candidates = siren_tune_candidates(siren_device_get_facts(device)->family, &n);
    for (int shape = 0; shape < SIREN_N_WIDTH_CLASSES; shape++)
        siren_device_configure(device, (siren_width_class)shape, &(siren_configuration){0});
    siren_tune_load(device);
    for (int shape = 0; shape < SIREN_N_WIDTH_CLASSES; shape++) {
        const siren_configuration chosen = siren_device_configuration(device, (siren_width_class)shape);
        bool known =
            siren_configuration_equal(&chosen, &(siren_configuration){0}); /* nothing has been chosen */
        for (size_t i = 0; i < n; i++) known = known || siren_configuration_equal(&candidates[i], &chosen);
        MUST(known);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    /* hostile_corpus, which runs all targets, keeps both otherwise. */
    const char *cache = getenv("XDG_CACHE_HOME"), *tune = getenv("SIRENCL_TUNE");
    char *old_cache = cache ? strdup(cache) : NULL, *old_tune = tune ? strdup(tune) : NULL;
    MUST(setenv("XDG_CACHE_HOME", fuzz_folder(), 1) == 0 && unsetenv("SIRENCL_TUNE") == 0);
    fuzz_hear();
    if (!device) begin();
    if (size > 0 && size < 1 << 16) {
        put(data[0] % N_KINDS, data[0] & 2, data + 1, size - 1);
        if (data[0] % N_KINDS == 0)
            load_tuning();
        else
            load_selftest();
    }
    if (old_cache) setenv("XDG_CACHE_HOME", old_cache, 1);
    if (old_tune) setenv("SIRENCL_TUNE", old_tune, 1);
    free(old_cache);
    free(old_tune);
    return 0;
}
