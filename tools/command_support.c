/* What several subcommands share. */
#include "tools/tools.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

siren_status siren_tool_open_decoder(const char *choice, siren_device **out) {
    const char *wanted = choice && *choice ? choice : getenv("SIRENCL_DEVICE");
    if (wanted && strcmp(wanted, "host") == 0) {
        *out = NULL;
        return SIREN_OK;
    }
    siren_status status = siren_device_open(choice, out);
    if (status == SIREN_OK) siren_tune_load(*out);
    if (status != SIREN_NO_DEVICE || (wanted && *wanted)) return status;
    siren_terminal_warn(
        "no OpenCL device: decoding on the host (--device host does so without this warning)");
    *out = NULL;
    return SIREN_OK;
}

siren_status siren_tool_prepare_trainer(siren_device *device, bool allow_failed) {
    char reason[SIREN_MESSAGE_BYTES];
    siren_tune_load(device);
    if (allow_failed) {
        siren_terminal_warn("%s is not tested: results may be wrong", siren_tool_device_name(device));
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

const char *siren_tool_device_name(const siren_device *device) {
    return device ? siren_device_get_facts(device)->name : "the host";
}

siren_status siren_tool_print_json(const siren_json *json) {
    char *text = NULL;
    SIREN_RETURN_IF_FAILED(siren_json_text(json, &text));
    fputs(text, stdout);
    free(text);
    return SIREN_OK;
}

size_t siren_tool_memory(void) {
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    size_t bytes;
    if (pages <= 0 || page <= 0 || !siren_mul((size_t)pages, (size_t)page, &bytes)) return (size_t)4 << 30;
    return bytes / 2;
}
