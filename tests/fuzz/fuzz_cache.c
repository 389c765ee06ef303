/* libFuzzer: any bytes as what the cache holds of a device, its self-test or its tuning as the first one chooses. They are read
 * before every training, and a damaged or foreign file must not matter. */
#include "engine/calls.h"
#include "engine/care/device_cache.h"
#include "engine/care/tune.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static siren_device *device;
static char folder[64];

static void end(void) {
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    siren_device_close(device);
    if (system(command) != 0) abort();
}

static void nothing(siren_json *json, const void *user) { (void)json, (void)user; }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const kinds[] = {"tune", "selftest"};
    char *path = NULL;
    if (!device) {
        snprintf(folder, sizeof folder, "/dev/shm/siren-fuzz-%d", (int)getpid());
        if (mkdir(folder, 0700) != 0 || setenv("XDG_CACHE_HOME", folder, 1) != 0 ||
            siren_device_open("cpu", &device) != SIREN_OK ||
            siren_device_cache_write(device, "tune", nothing, NULL) != SIREN_OK)
            abort();
        atexit(end);
    }
    if (size == 0 || siren_device_cache_path(device, kinds[data[0] % 2], &path) != SIREN_OK) return 0;
    FILE *file = fopen(path, "w");
    free(path);
    if (!file || fwrite(data + 1, 1, size - 1, file) != size - 1 || fclose(file) != 0) abort();
    siren_config *config = NULL;
    if (siren_device_cache_read(device, kinds[data[0] % 2], &config) == SIREN_OK) siren_config_free(config);
    siren_tune_load(device);
    return 0;
}
