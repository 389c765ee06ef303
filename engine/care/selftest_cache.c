#include "engine/care/device_cache.h"
#include "engine/calls.h"
#include "engine/kernels/configured.h"
#include "host/opencl/profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_KIND "selftest"
#define STAGE_SELFTEST "self-test"

#define MOST_KEPT 16

/* Configurations that have passed, the last ones, by siren_configuration_text(). */
typedef struct {
    char passed[MOST_KEPT][SIREN_CONFIGURATION_CHARS];
    size_t n;
} siren_verdict;

static bool has_passed(const siren_verdict *verdict, const char *text) {
    for (size_t i = 0; i < verdict->n; i++)
        if (strcmp(verdict->passed[i], text) == 0) return true;
    return false;
}

static void add_passed(siren_verdict *verdict, const char *text) {
    if (verdict->n == MOST_KEPT)
        memmove(verdict->passed, verdict->passed + 1, --verdict->n * sizeof *verdict->passed);
    snprintf(verdict->passed[verdict->n++], sizeof *verdict->passed, "%s", text);
}

/* siren_device_cache_write()'s. */
static void write_verdict(siren_json *json, const void *user) {
    const siren_verdict *verdict = user;
    siren_json_begin_array(json, "passed");
    for (size_t i = 0; i < verdict->n; i++) siren_json_string(json, NULL, verdict->passed[i]);
    siren_json_end(json);
}

/* What has been kept; nothing of what is damaged or of another device. */
static void read_verdict(const siren_device *device, siren_verdict *out) {
    siren_config *file = NULL;
    const char *text = "";
    siren_status status = siren_device_cache_read(device, CACHE_KIND, &file);
    *out = (siren_verdict){.n = 0};
    siren_value passed = file ? siren_value_member(siren_config_root(file), "passed") : (siren_value){0};
    if (status == SIREN_OK && file && !siren_value_is_array(passed))
        status = siren_value_fail(siren_config_root(file), "has no list of what has passed");
    for (siren_value value = siren_value_first(passed); status == SIREN_OK && siren_value_exists(value);
         value = siren_value_next(value)) {
        status = siren_value_string(value, &text);
        add_passed(out, text);
    }
    if (status != SIREN_OK) {
        *out = (siren_verdict){.n = 0};
        siren_log(SIREN_LOG_WARNING, "%s; the device is tested again", siren_message());
    }
    siren_config_free(file);
}

/* The self-test's networks are narrow ones: they are built as those of `shape` are. */
static siren_status test_as(siren_device *device, siren_width_class shape) {
    const siren_configuration own = siren_device_configuration(device, SIREN_WIDTH_NARROW),
                              tested = siren_configuration_of_width(device, shape);
    siren_device_configure(device, SIREN_WIDTH_NARROW, &tested);
    siren_status status = siren_selftest(device, NULL, NULL);
    siren_device_configure(device, SIREN_WIDTH_NARROW, &own);
    return status;
}

/* Once for each configuration that the device uses. */
static siren_status test_all(siren_device *device, siren_verdict *verdict, bool *any_tested) {
    *any_tested = false;
    for (int shape = 0; shape < SIREN_N_WIDTH_CLASSES; shape++) {
        const siren_configuration c = siren_configuration_of_width(device, (siren_width_class)shape);
        char text[SIREN_CONFIGURATION_CHARS];
        if (has_passed(verdict, siren_configuration_text(&c, text))) continue;
        SIREN_TRY_STAGE(STAGE_SELFTEST, test_as(device, (siren_width_class)shape));
        add_passed(verdict, text);
        *any_tested = true;
    }
    return SIREN_OK;
}

siren_status siren_selftest_once(siren_device *device) {
    const char *folder = getenv("SIRENCL_KERNEL_DIR");
    bool kept = !folder || !*folder, any_tested; /* kernels on trial are tested every time */
    siren_verdict verdict = {.n = 0};
    double start = siren_clock();
    if (kept) read_verdict(device, &verdict);
    SIREN_TRY(test_all(device, &verdict, &any_tested));
    if (!any_tested) return SIREN_OK;
    siren_log(SIREN_LOG_INFO, "the device %s passed the self-test, in %.2f s",
              siren_device_get_facts(device)->name, siren_clock() - start);
    if (kept && siren_device_cache_write(device, CACHE_KIND, write_verdict, &verdict) != SIREN_OK)
        siren_log(SIREN_LOG_INFO, "%s; the device is tested again next time", siren_message());
    return SIREN_OK;
}

siren_status siren_device_prepare(siren_device *device) {
    if (!device) return siren_fail(SIREN_USAGE, "siren_device_prepare: device must not be NULL");
    siren_tune_load(device);
    return siren_selftest_once(device);
}
