/* Devices that are to train. */
#include "host/opencl/device.h"
#include "tools/tools.h"

#include <stdio.h>
#include <string.h>

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
