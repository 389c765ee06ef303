/* sirencl devices: every OpenCL device and the kernel family it gets. */
#include "host/opencl/device.h"
#include "tools/common/driver_guard.h"
#include "tools/tools.h"

#include <stdio.h>

static siren_status print_json(const siren_device_facts *facts, size_t n) {
    SIREN_AT_END(siren_json_free_at) siren_json *json = NULL;
    SIREN_TRY(siren_json_create(&json));
    siren_json_begin_array(json, "devices");
    for (size_t i = 0; i < n; i++) {
        const siren_device_facts *f = &facts[i];
        siren_json_begin_object(json, NULL);
        siren_json_string(json, "device", f->place);
        siren_json_string(json, "name", f->name);
        siren_json_string(json, "vendor", f->vendor);
        siren_json_string(json, "version", f->version);
        siren_json_string(json, "driver", f->driver);
        siren_json_string(json, "platform_name", f->platform_name);
        siren_json_string(json, "platform_version", f->platform_version);
        siren_json_integer(json, "platform", f->platform);
        siren_json_integer(json, "index", f->index);
        siren_json_bool(json, "is_cpu", f->is_cpu);
        siren_json_bool(json, "is_gpu", f->is_gpu);
        siren_json_bool(json, "available", f->available);
        siren_json_integer(json, "compute_units", f->compute_units);
        siren_json_integer(json, "clock_mhz", f->clock_mhz);
        siren_json_integer(json, "vector_width", f->vector_width);
        siren_json_integer(json, "global_bytes", f->global_bytes);
        siren_json_integer(json, "local_bytes", f->local_bytes);
        siren_json_integer(json, "max_allocation_bytes", f->max_allocation_bytes);
        siren_json_integer(json, "max_work_group", f->max_work_group);
        siren_json_bool(json, "has_fma", f->has_fma);
        siren_json_string(json, "family", siren_family_name(f->family));
        siren_json_end(json);
    }
    siren_json_end(json);
    return siren_tool_print_json(json);
}

static void print_table(const siren_device_facts *facts, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const siren_device_facts *f = &facts[i];
        printf("%s  %s%s\n", f->place, f->name, f->available ? "" : " (not available)");
        printf("     platform   %s, %s\n", f->platform_name, f->platform_version);
        printf("     device     %s, %s, driver %s, %s\n",
               f->is_cpu   ? "CPU"
               : f->is_gpu ? "GPU"
                           : "accelerator",
               f->version, f->driver, f->vendor);
        printf("     units      %u at %u MHz, vectors of %u floats, fma %s\n", f->compute_units, f->clock_mhz,
               f->vector_width, f->has_fma ? "in hardware" : "emulated");
        printf("     memory     %.1f GiB, one buffer at most %.1f GiB, %.0f KiB local\n",
               (double)f->global_bytes / 0x1p30, (double)f->max_allocation_bytes / 0x1p30,
               (double)f->local_bytes / 0x1p10);
        printf("     work-group at most %zu\n", f->max_work_group);
        printf("     kernels    %s family\n", siren_family_name(f->family));
    }
}

siren_status siren_tool_devices(int argc, char **argv) {
    bool json = false;
    siren_common_options common = {0};
    const siren_option options[] = {SIREN_FLAG("json", "machine-readable output", &json),
                                    SIREN_COMMON_OPTIONS(common)};
    const siren_usage usage = {
        .command = "devices",
        .arguments = "",
        .summary =
            "Lists every device of every OpenCL platform, and which family of kernels it gets.\n"
            "Exit code 6 where there is none.\n\n"
            "--device of other commands takes cpu, gpu, PLATFORM:INDEX as listed here, or part of a name.\n"
            "Where several devices can share the work, it takes a list (0:0,1:0) or all, too, and /N\n"
            "splits a device into N parts of as many compute units each (cpu/2).",
        SIREN_OPTION_TABLE(options)};
    siren_status status;
    if (!siren_terminal_begin(&usage, &common, argc, argv, NULL, &status)) return status;

    SIREN_FREE_AT_END siren_device_facts *facts = NULL;
    size_t n = 0;
    SIREN_TRY(siren_tool_try_drivers());
    siren_guard_divert_output();
    status = siren_device_list(&facts, &n);
    siren_guard_restore_output();
    if (status != SIREN_OK) return status;
    if (json) return print_json(facts, n);
    print_table(facts, n);
    return SIREN_OK;
}
