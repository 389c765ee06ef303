/* Devices that are to train. */
#include "engine/care/driver_verdict.h"
#include "host/opencl/device.h"
#include "tools/common/driver_choice.h"
#include "tools/common/driver_guard.h"
#include "tools/tools.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a child tries: the list of devices, or opening `any`. */
typedef struct {
    const char *choice;
    bool any, several, train;
} trial;

static siren_status undergo(const trial *t) {
    SIREN_FREE_AT_END siren_device_facts *facts = NULL;
    siren_device **devices = NULL, *one = NULL;
    size_t n = 1;
    if (!t->any) return siren_device_list(&facts, &n);
    SIREN_TRY(t->several ? siren_devices_open(t->choice, &devices, &n) : siren_device_open(t->choice, &one));
    for (size_t i = 0; t->train && i < n; i++) {
        siren_device *device = t->several ? devices[i] : one;
        siren_tune_load(device);
        SIREN_TRY(siren_selftest_once(device));
    }
    return SIREN_OK; /* the process ends: nothing is closed */
}

/* Only what a driver does to the process counts here: other failures come again, and are told, where the device is
 * opened. */
static siren_status try_drivers(const trial *asked) {
    const char *environment = getenv("SIRENCL_DEVICE"), *kernels = getenv("SIRENCL_KERNEL_DIR");
    const char *choice = asked->choice && *asked->choice ? asked->choice : environment ? environment : "";
    char name[256], reason[SIREN_GUARD_REASON];
    SIREN_FREE_AT_END char *path = NULL;
    siren_guard_end end = SIREN_GUARD_PASSED;
    bool again;
    const trial listing = {.any = false}, *t = asked;
    SIREN_TRY(siren_drivers_recall());
    snprintf(name, sizeof name, "%s %s", !asked->any ? "list" : asked->train ? "train" : "open", choice);
    if (siren_driver_verdict(name, &path) == SIREN_VERDICT_PASSED) return SIREN_OK;
    /* Without a cache everything would be done twice each time; kernels on trial have no history. */
    if (!path || (kernels && *kernels)) t = &listing;
    SIREN_TRY(siren_guard_begin(&end, reason));
    if (end == SIREN_GUARD_PASSED || (end == SIREN_GUARD_CHILD && !siren_guard_in_child())) return SIREN_OK;
    if (end != SIREN_GUARD_CHILD) {
        SIREN_TRY(siren_drivers_sort(&again));
        if (again) return try_drivers(asked);
        return siren_fail(SIREN_DEVICE, "%s; choose another --device, or look after the driver", reason);
    }
    siren_guard_divert_output();
    if (undergo(t) == SIREN_OK && t == asked &&
        siren_driver_verdict_keep(path, SIREN_VERDICT_PASSED) != SIREN_OK)
        siren_log(SIREN_LOG_INFO, "%s; the driver is tried again next time", siren_message());
    siren_guard_pass();
    return SIREN_OK;
}

siren_status siren_tool_try_drivers(void) { return try_drivers(&(trial){.any = false}); }

siren_status siren_tool_open_device(const char *choice, bool train, siren_device **out) {
    SIREN_TRY(try_drivers(&(trial){.choice = choice, .any = true, .train = train}));
    siren_guard_divert_output();
    siren_status status = siren_device_open(choice, out);
    siren_guard_restore_output();
    return status;
}

siren_status siren_tool_open_devices(const char *choice, bool train, siren_device ***out, size_t *n_devices) {
    SIREN_TRY(try_drivers(&(trial){.choice = choice, .any = true, .several = true, .train = train}));
    siren_guard_divert_output();
    siren_status status = siren_devices_open(choice, out, n_devices);
    siren_guard_restore_output();
    return status;
}

siren_status siren_tool_prepare_trainer(siren_device *device, bool allow_failed) {
    char reason[SIREN_MESSAGE_BYTES];
    siren_tune_load(device);
    if (allow_failed) {
        siren_terminal_warn("%s is not tested: results may be wrong", siren_device_name(device));
        return SIREN_OK;
    }
    siren_status status = siren_selftest_once(device);
    if (status != SIREN_WRONG_DEVICE) return status;
    snprintf(reason, sizeof reason, "%s", siren_message());
    return siren_fail(status, "%s; 'sirencl selftest' tells more, and --allow-failed-device trains on it",
                      reason);
}

siren_status siren_tool_use_matrix_units(siren_device *device) {
    siren_status status = siren_matrix_units_enable(device);
    if (status != SIREN_UNSUPPORTED && status != SIREN_DEVICE) return status;
    siren_terminal_warn("training without matrix units: %s", siren_message());
    return SIREN_OK;
}

siren_status siren_tool_use_gemm(siren_device *device, const char *gemm, bool matrix_units) {
    static const char *const names[] = {"auto", "own", "clblast"};
    siren_gemm_choice choice = SIREN_GEMM_AUTO;
    if (!gemm) return SIREN_OK;
    while (choice <= SIREN_GEMM_CLBLAST && strcmp(gemm, names[choice]) != 0) choice++;
    if (choice > SIREN_GEMM_CLBLAST)
        return siren_fail(SIREN_USAGE, "--gemm is '%s' but must be auto, own or clblast", gemm);
    if (choice == SIREN_GEMM_CLBLAST && matrix_units)
        return siren_fail(SIREN_USAGE,
                          "--gemm clblast and --matrix-units exclude each other: CLBlast uses no "
                          "matrix units; give one of them");
    siren_device_set_gemm(device, choice);
    return SIREN_OK;
}
