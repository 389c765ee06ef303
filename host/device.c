#define _GNU_SOURCE
#include "host/device.h"
#include "host/opencl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *siren_family_name(siren_family family) {
    return family == SIREN_FAMILY_CHAIN ? "chain" : "layer";
}

const char *siren_opencl_error_name(cl_int error) {
    switch (error) {
#define NAME(code)                                                                                           \
    case code:                                                                                               \
        return #code;
        NAME(CL_DEVICE_NOT_FOUND)
        NAME(CL_DEVICE_NOT_AVAILABLE)
        NAME(CL_COMPILER_NOT_AVAILABLE)
        NAME(CL_MEM_OBJECT_ALLOCATION_FAILURE)
        NAME(CL_OUT_OF_RESOURCES)
        NAME(CL_OUT_OF_HOST_MEMORY)
        NAME(CL_BUILD_PROGRAM_FAILURE)
        NAME(CL_INVALID_VALUE)
        NAME(CL_INVALID_DEVICE)
        NAME(CL_INVALID_CONTEXT)
        NAME(CL_INVALID_COMMAND_QUEUE)
        NAME(CL_INVALID_MEM_OBJECT)
        NAME(CL_INVALID_BUFFER_SIZE)
        NAME(CL_INVALID_BUILD_OPTIONS)
        NAME(CL_INVALID_PROGRAM_EXECUTABLE)
        NAME(CL_INVALID_KERNEL_NAME)
        NAME(CL_INVALID_KERNEL_ARGS)
        NAME(CL_INVALID_ARG_INDEX)
        NAME(CL_INVALID_ARG_VALUE)
        NAME(CL_INVALID_ARG_SIZE)
        NAME(CL_INVALID_WORK_GROUP_SIZE)
        NAME(CL_INVALID_WORK_ITEM_SIZE)
        NAME(CL_INVALID_GLOBAL_WORK_SIZE)
        NAME(CL_INVALID_EVENT_WAIT_LIST)
        NAME(CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST)
        NAME(CL_INVALID_OPERATION)
#undef NAME
    default:
        return "an unknown OpenCL error";
    }
}

siren_status siren_opencl_check(siren_device *device, cl_int error, const char *what) {
    if (device->calls_to_failure > 0)
        device->calls_to_failure--;
    else if (device->calls_to_failure == 0 && error == CL_SUCCESS)
        error =
            device->injected == SIREN_DEVICE_MEMORY ? CL_MEM_OBJECT_ALLOCATION_FAILURE : CL_OUT_OF_RESOURCES;
    if (error == CL_SUCCESS) return SIREN_OK;
    bool memory = error == CL_MEM_OBJECT_ALLOCATION_FAILURE || error == CL_OUT_OF_HOST_MEMORY ||
                  error == CL_INVALID_BUFFER_SIZE;
    return siren_fail(memory ? SIREN_DEVICE_MEMORY : SIREN_DEVICE, "%s failed on the device %s: %s (%d)",
                      what, device->facts.name, siren_opencl_error_name(error), error);
}

void siren_device_inject_failure(siren_device *device, long nth, siren_status status) {
    device->calls_to_failure = status == SIREN_OK ? -1 : nth;
    device->injected = status;
}

static siren_status no_platform(void) {
    return siren_fail(SIREN_NO_DEVICE, "no OpenCL platform was found; install one (Debian: pocl-opencl-icd "
                                       "for the CPU, or your GPU vendor's "
                                       "driver), or point OCL_ICD_VENDORS to the folder of its .icd files or "
                                       "to its library (OCL_ICD_FILENAMES with "
                                       "Khronos's loader)");
}

static void device_text(cl_device_id id, cl_device_info what, char *out, size_t size) {
    char text[1024] = "";
    if (clGetDeviceInfo(id, what, sizeof text - 1, text, NULL) != CL_SUCCESS) text[0] = 0;
    snprintf(out, size, "%s", text);
}

static void platform_text(cl_platform_id id, cl_platform_info what, char *out, size_t size) {
    char text[1024] = "";
    if (clGetPlatformInfo(id, what, sizeof text - 1, text, NULL) != CL_SUCCESS) text[0] = 0;
    snprintf(out, size, "%s", text);
}

static void read_facts(cl_platform_id platform, cl_device_id id, siren_device_facts *facts) {
    cl_device_type type = 0;
    cl_uint units = 0, clock = 0, preferred = 0, native = 0;
    cl_ulong global = 0, local = 0, allocation = 0;
    cl_device_fp_config config = 0;
    cl_bool available = CL_FALSE;
    size_t group = 0;
    platform_text(platform, CL_PLATFORM_NAME, facts->platform_name, sizeof facts->platform_name);
    platform_text(platform, CL_PLATFORM_VERSION, facts->platform_version, sizeof facts->platform_version);
    device_text(id, CL_DEVICE_NAME, facts->name, sizeof facts->name);
    device_text(id, CL_DEVICE_VENDOR, facts->vendor, sizeof facts->vendor);
    device_text(id, CL_DEVICE_VERSION, facts->version, sizeof facts->version);
    device_text(id, CL_DRIVER_VERSION, facts->driver, sizeof facts->driver);
    clGetDeviceInfo(id, CL_DEVICE_TYPE, sizeof type, &type, NULL);
    clGetDeviceInfo(id, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof units, &units, NULL);
    clGetDeviceInfo(id, CL_DEVICE_MAX_CLOCK_FREQUENCY, sizeof clock, &clock, NULL);
    clGetDeviceInfo(id, CL_DEVICE_PREFERRED_VECTOR_WIDTH_FLOAT, sizeof preferred, &preferred, NULL);
    clGetDeviceInfo(id, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, sizeof native, &native, NULL);
    clGetDeviceInfo(id, CL_DEVICE_GLOBAL_MEM_SIZE, sizeof global, &global, NULL);
    clGetDeviceInfo(id, CL_DEVICE_LOCAL_MEM_SIZE, sizeof local, &local, NULL);
    clGetDeviceInfo(id, CL_DEVICE_MAX_MEM_ALLOC_SIZE, sizeof allocation, &allocation, NULL);
    clGetDeviceInfo(id, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof group, &group, NULL);
    clGetDeviceInfo(id, CL_DEVICE_SINGLE_FP_CONFIG, sizeof config, &config, NULL);
    clGetDeviceInfo(id, CL_DEVICE_AVAILABLE, sizeof available, &available, NULL);
    facts->is_cpu = (type & CL_DEVICE_TYPE_CPU) != 0;
    facts->is_gpu = (type & CL_DEVICE_TYPE_GPU) != 0;
    facts->available = available == CL_TRUE;
    facts->compute_units = units;
    facts->clock_mhz = clock;
    /* Intel's CPU runtime prefers 1, because it vectorises across work-items. */
    facts->vector_width = native > preferred ? native : preferred;
    facts->global_bytes = global;
    facts->local_bytes = local;
    facts->max_allocation_bytes = allocation;
    facts->max_work_group = group;
    facts->has_fma = (config & CL_FP_FMA) != 0;
    /* Oclgrind calls itself CPU and GPU at once: it interprets, either family will do. */
    facts->family = facts->is_cpu ? SIREN_FAMILY_CHAIN : SIREN_FAMILY_LAYER;
}

/* All devices with their ids; both arrays are the caller's to free(). */
static siren_status enumerate(siren_device_facts **facts, cl_device_id **ids, size_t *n_devices) {
    siren_status status = SIREN_OK;
    cl_platform_id *platforms = NULL;
    cl_device_id *found = NULL;
    siren_device_facts *list = NULL;
    cl_uint n_platforms = 0;
    size_t total = 0;
    if (clGetPlatformIDs(0, NULL, &n_platforms) != CL_SUCCESS || n_platforms == 0) return no_platform();
    SIREN_TRY(siren_allocate(&platforms, n_platforms, sizeof *platforms, "the list of platforms"));
    if (clGetPlatformIDs(n_platforms, platforms, NULL) != CL_SUCCESS) {
        status = no_platform();
        goto done;
    }
    for (cl_uint p = 0; p < n_platforms; p++) {
        cl_uint n = 0;
        if (clGetDeviceIDs(platforms[p], CL_DEVICE_TYPE_ALL, 0, NULL, &n) == CL_SUCCESS) total += n;
    }
    if (total == 0) {
        status = siren_fail(
            SIREN_NO_DEVICE,
            "%u OpenCL platform(s) were found, but none has a device; check the driver's installation, "
            "and that it can write its cache folder (PoCL: $POCL_CACHE_DIR)",
            (unsigned)n_platforms);
        goto done;
    }
    SIREN_TRY(siren_allocate(&found, total, sizeof *found, "the list of devices"));
    SIREN_TRY(siren_allocate(&list, total, sizeof *list, "the list of devices"));
    size_t at = 0;
    for (cl_uint p = 0; p < n_platforms; p++) {
        cl_uint n = 0;
        if (clGetDeviceIDs(platforms[p], CL_DEVICE_TYPE_ALL, (cl_uint)(total - at), found + at, &n) !=
            CL_SUCCESS)
            continue;
        if (n > total - at) n = (cl_uint)(total - at);
        for (cl_uint d = 0; d < n; d++) {
            list[at + d].platform = p;
            list[at + d].index = d;
            read_facts(platforms[p], found[at + d], &list[at + d]);
        }
        at += n;
    }
    *facts = list;
    *ids = found;
    *n_devices = at;
    list = NULL;
    found = NULL;
done:
    free(list);
    free(found);
    free(platforms);
    return status;
}

siren_status siren_device_list(siren_device_facts **facts, size_t *n_devices) {
    cl_device_id *ids = NULL;
    SIREN_RETURN_IF_FAILED(enumerate(facts, &ids, n_devices));
    free(ids);
    return SIREN_OK;
}

static bool matches(const siren_device_facts *facts, const char *choice) {
    char place[32];
    if (strcmp(choice, "cpu") == 0) return facts->is_cpu;
    if (strcmp(choice, "gpu") == 0) return facts->is_gpu;
    snprintf(place, sizeof place, "%u:%u", facts->platform, facts->index);
    if (choice[0] >= '0' && choice[0] <= '9' && strchr(choice, ':')) return strcmp(choice, place) == 0;
    return strcasestr(facts->name, choice) || strcasestr(facts->platform_name, choice);
}

static siren_status choose(const char *choice, const siren_device_facts *list, size_t n, size_t *out) {
    if (!choice || !*choice) choice = getenv("SIRENCL_DEVICE");
    if (!choice || !*choice) {
        *out = 0;
        for (size_t i = n; i-- > 0;)
            if (list[i].is_gpu && list[i].available) *out = i;
        return SIREN_OK;
    }
    for (size_t i = 0; i < n; i++)
        if (matches(&list[i], choice)) {
            *out = i;
            return SIREN_OK;
        }
    char known[512] = "";
    for (size_t i = 0, used = 0; i < n && used + 1 < sizeof known; i++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%u:%u %s", i ? ", " : "",
                                 list[i].platform, list[i].index, list[i].name);
    return siren_fail(
        SIREN_NO_DEVICE,
        "no OpenCL device matches '%s' (cpu, gpu, platform:index or part of a name); there are: %s", choice,
        known);
}

siren_status siren_device_open(const char *choice, siren_device **out) {
    siren_status status = SIREN_OK;
    siren_device_facts *list = NULL;
    cl_device_id *ids = NULL;
    siren_device *device = NULL;
    size_t n = 0, chosen = 0;
    cl_int error = CL_SUCCESS;
    SIREN_TRY(enumerate(&list, &ids, &n));
    SIREN_TRY(choose(choice, list, n, &chosen));
    SIREN_TRY(siren_allocate(&device, 1, sizeof *device, "the device"));
    device->facts = list[chosen];
    device->id = ids[chosen];
    device->calls_to_failure = -1;
    device->context = clCreateContext(NULL, 1, &device->id, NULL, NULL, &error);
    SIREN_TRY(siren_opencl_check(device, error, "creating a context"));
    device->queue = clCreateCommandQueue(device->context, device->id, 0, &error);
    SIREN_TRY(siren_opencl_check(device, error, "creating a command queue"));
    *out = device;
    device = NULL;
done:
    siren_device_close(device);
    free(list);
    free(ids);
    return status;
}

void siren_device_close(siren_device *device) {
    if (!device) return;
    for (size_t i = 0; i < device->n_programs; i++) {
        clReleaseProgram(device->programs[i].program);
        free(device->programs[i].key);
    }
    free(device->programs);
    if (device->queue) clReleaseCommandQueue(device->queue);
    if (device->context) clReleaseContext(device->context);
    free(device);
}

const siren_device_facts *siren_device_get_facts(const siren_device *device) { return &device->facts; }

void siren_device_set_family(siren_device *device, siren_family family) { device->facts.family = family; }

siren_status siren_device_finish(siren_device *device) {
    return siren_opencl_check(device, clFinish(device->queue), "waiting for the queue");
}
