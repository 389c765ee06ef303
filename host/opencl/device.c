#define _GNU_SOURCE
#include "host/opencl/device.h"
#include "host/driver_watch.h"
#include "host/opencl/opencl.h"

#include <CL/cl_ext.h>

#include <pthread.h>
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
        NAME(CL_DEVICE_PARTITION_FAILED)
        NAME(CL_INVALID_DEVICE_PARTITION_COUNT)
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
        error = device->injected == SIREN_DEVICE_MEMORY ? CL_MEM_OBJECT_ALLOCATION_FAILURE
                                                        : CL_INVALID_COMMAND_QUEUE;
    if (error == CL_SUCCESS) return SIREN_OK;
    /* NVIDIA makes room when a buffer is first used, and says CL_OUT_OF_RESOURCES where there is none. It says so of
     * kernels that went astray, too: a repetition with less then fails by another error. */
    bool memory = error == CL_MEM_OBJECT_ALLOCATION_FAILURE || error == CL_OUT_OF_HOST_MEMORY ||
                  error == CL_INVALID_BUFFER_SIZE || error == CL_OUT_OF_RESOURCES;
    return siren_fail(memory ? SIREN_DEVICE_MEMORY : SIREN_DEVICE, "%s failed on the device %s: %s (%d)%s",
                      what, device->label, siren_opencl_error_name(error), error,
                      error == CL_OUT_OF_RESOURCES
                          ? "; its memory may be full: end other programs on it, use a smaller network or "
                            "another device"
                          : "");
}

void siren_device_inject_failure(siren_device *device, long nth, siren_status status) {
    device->calls_to_failure = status == SIREN_OK ? -1 : nth;
    device->injected = status;
}

void siren_device_limit_room(siren_device *device, size_t bytes, bool late) {
    device->room = bytes;
    device->late = late;
}

static siren_status no_platform(cl_int error) {
    bool failed = error != CL_SUCCESS && error != CL_PLATFORM_NOT_FOUND_KHR;
    return siren_fail(SIREN_NO_DEVICE,
                      "no OpenCL platform was found%s%s; install one (Debian: pocl-opencl-icd "
                      "for the CPU, or your GPU vendor's driver), or point OCL_ICD_VENDORS "
                      "to the folder of its .icd files or to its library (OCL_ICD_FILENAMES "
                      "with Khronos's loader)",
                      failed ? ": " : "", failed ? siren_opencl_error_name(error) : "");
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

/* In `failure` what is wrong with a platform that does not tell its devices. */
static void tell_unlisted(cl_platform_id platform, cl_int error, char *failure, size_t size) {
    char name[128];
    if (error == CL_DEVICE_NOT_FOUND) return; /* a platform's word for none */
    platform_text(platform, CL_PLATFORM_NAME, name, sizeof name);
    snprintf(failure, size, "the OpenCL platform %s does not list its devices: %s", name,
             siren_opencl_error_name(error));
}

static cl_uint count_devices(cl_platform_id platform, char *failure, size_t size) {
    cl_uint n = 0;
    cl_int error = clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 0, NULL, &n);
    if (error == CL_SUCCESS) return n;
    tell_unlisted(platform, error, failure, size);
    return 0;
}

/* CL_DEVICE_COMPUTE_CAPABILITY_MAJOR_NV of cl_nv_device_attribute_query, an error on other devices. */
#define COMPUTE_CAPABILITY_MAJOR 0x4000

/* Kernels are planned by what a device tells: one that does not is not used. */
static cl_int read_facts(cl_platform_id platform, cl_device_id id, siren_device_facts *facts) {
    cl_device_type type = 0;
    cl_uint units = 0, clock = 0, preferred = 0, native = 0, capability = 0;
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
    const struct {
        cl_device_info what;
        size_t size;
        void *out;
    } asked[] = {{CL_DEVICE_TYPE, sizeof type, &type},
                 {CL_DEVICE_MAX_COMPUTE_UNITS, sizeof units, &units},
                 {CL_DEVICE_PREFERRED_VECTOR_WIDTH_FLOAT, sizeof preferred, &preferred},
                 {CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, sizeof native, &native},
                 {CL_DEVICE_GLOBAL_MEM_SIZE, sizeof global, &global},
                 {CL_DEVICE_LOCAL_MEM_SIZE, sizeof local, &local},
                 {CL_DEVICE_MAX_MEM_ALLOC_SIZE, sizeof allocation, &allocation},
                 {CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof group, &group},
                 {CL_DEVICE_SINGLE_FP_CONFIG, sizeof config, &config},
                 {CL_DEVICE_AVAILABLE, sizeof available, &available}};
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        const cl_int error = clGetDeviceInfo(id, asked[i].what, asked[i].size, asked[i].out, NULL);
        if (error != CL_SUCCESS) return error;
    }
    clGetDeviceInfo(id, CL_DEVICE_MAX_CLOCK_FREQUENCY, sizeof clock, &clock, NULL); /* is but shown */
    if (clGetDeviceInfo(id, COMPUTE_CAPABILITY_MAJOR, sizeof capability, &capability, NULL) == CL_SUCCESS)
        facts->compute_capability = capability;
    facts->is_cpu = (type & CL_DEVICE_TYPE_CPU) != 0;
    facts->is_gpu = (type & CL_DEVICE_TYPE_GPU) != 0;
    facts->available = available == CL_TRUE;
    facts->compute_units = units > 0 ? units : 1;
    facts->clock_mhz = clock;
    /* Intel's CPU runtime prefers 1, because it vectorises across work-items. */
    facts->vector_width = native > preferred ? native : preferred;
    facts->global_bytes = global;
    facts->local_bytes = local;
    facts->max_allocation_bytes = allocation;
    facts->max_work_group = group > 0 ? group : 1;
    facts->has_fma = (config & CL_FP_FMA) != 0;
    /* Mesa's CPU driver ended whatever loop ran when a work-item had gone through all of its loops so often
     * (LP_MAX_TGSI_LOOP_ITERATIONS of gallivm), and said nothing: 22.3.6 does, 25.0.7 does not. */
    if (strcasestr(facts->name, "llvmpipe") && strtol(facts->driver, NULL, 10) < 25)
        facts->loop_limit = 65535;
    facts->family = siren_family_for(facts);
    return CL_SUCCESS;
}

siren_family siren_family_for(const siren_device_facts *facts) {
    /* Oclgrind calls itself CPU and GPU at once: it interprets, either family will do. */
    bool interprets = facts->is_cpu && facts->is_gpu;
    /* A CPU whose vectors are of 1 float fills its own with work-items (llvmpipe), of which the chain family has
     * few. */
    bool own_vectors = facts->is_cpu && facts->vector_width > 1;
    return interprets || own_vectors ? SIREN_FAMILY_CHAIN : SIREN_FAMILY_LAYER;
}

bool siren_emulates_fma(const siren_device_facts *facts) {
    return facts->is_cpu && !facts->has_fma && facts->vector_width <= 1;
}

static siren_status no_device(cl_uint n_platforms, const char *failure) {
    return siren_fail(
        SIREN_NO_DEVICE,
        "%u OpenCL platform(s) were found, but none has a device; check the driver's installation, "
        "and that it can write its cache folder (PoCL: $POCL_CACHE_DIR)%s%s",
        (unsigned)n_platforms, *failure ? "; " : "", failure);
}

/* Those of one platform, of `room` at most, behind `*n`; in `failure` what is wrong with those that are left out. */
static void add_devices(cl_platform_id platform, cl_uint nth, size_t room, siren_device_facts *list,
                        cl_device_id *ids, size_t *n, char *failure, size_t size) {
    cl_device_id *found = ids + *n;
    cl_uint n_found = 0;
    cl_int error = clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, (cl_uint)room, found, &n_found);
    if (error != CL_SUCCESS) return tell_unlisted(platform, error, failure, size);
    for (cl_uint d = 0; d < n_found && d < room; d++) {
        siren_device_facts facts = {.platform = nth, .index = d};
        snprintf(facts.place, sizeof facts.place, "%u:%u", nth, d);
        error = read_facts(platform, found[d], &facts);
        if (error != CL_SUCCESS) {
            snprintf(failure, size, "the OpenCL device %.100s (%s) does not tell what it is: %s", facts.name,
                     facts.place, siren_opencl_error_name(error));
            continue;
        }
        ids[*n] = found[d];
        list[(*n)++] = facts;
    }
}

/* All devices with their ids; both arrays are the caller's to free(). */
static siren_status enumerate_alone(siren_device_facts **facts, cl_device_id **ids, size_t *n_devices) {
    SIREN_FREE_AT_END cl_platform_id *platforms = NULL;
    SIREN_FREE_AT_END cl_device_id *found = NULL;
    SIREN_FREE_AT_END siren_device_facts *list = NULL;
    cl_uint n_platforms = 0;
    size_t total = 0;
    char failure[256] = "";
    cl_int error = clGetPlatformIDs(0, NULL, &n_platforms);
    if (error != CL_SUCCESS || n_platforms == 0) return no_platform(error);
    SIREN_TRY(siren_allocate(&platforms, n_platforms, sizeof *platforms, "the list of platforms"));
    error = clGetPlatformIDs(n_platforms, platforms, NULL);
    if (error != CL_SUCCESS) return no_platform(error);
    for (cl_uint p = 0; p < n_platforms; p++) total += count_devices(platforms[p], failure, sizeof failure);
    if (total == 0) return no_device(n_platforms, failure);
    SIREN_TRY(siren_allocate(&found, total, sizeof *found, "the list of devices"));
    SIREN_TRY(siren_allocate(&list, total, sizeof *list, "the list of devices"));
    size_t at = 0;
    for (cl_uint p = 0; p < n_platforms && at < total; p++)
        add_devices(platforms[p], p, total - at, list, found, &at, failure, sizeof failure);
    if (at == 0) return no_device(n_platforms, failure);
    if (*failure) siren_log(SIREN_LOG_WARNING, "%s", failure);
    *facts = SIREN_TAKE(list);
    *ids = SIREN_TAKE(found);
    *n_devices = at;
    return SIREN_OK;
}

/* PoCL makes its devices in the first calls, and hands out unfinished ones to threads that ask meanwhile. */
static siren_status enumerate(siren_device_facts **facts, cl_device_id **ids, size_t *n_devices) {
    static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&one_at_a_time);
    int before = siren_driver_enter(SIREN_DRIVER_OPENING);
    siren_status status = enumerate_alone(facts, ids, n_devices);
    siren_driver_leave(before);
    pthread_mutex_unlock(&one_at_a_time);
    return status;
}

siren_status siren_device_list(siren_device_facts **facts, size_t *n_devices) {
    SIREN_FREE_AT_END cl_device_id *ids = NULL;
    return enumerate(facts, &ids, n_devices);
}

/* ---- choosing ---- */

siren_status siren_devices_visit(bool (*visit)(void *user, const siren_device_description *device),
                                 void *user) {
    SIREN_FREE_AT_END siren_device_facts *list = NULL;
    size_t n = 0;
    if (!visit) return siren_fail(SIREN_USAGE, "siren_devices_visit: visit must not be NULL");
    SIREN_TRY(siren_device_list(&list, &n));
    for (size_t i = 0; i < n; i++) {
        const siren_device_description description = {.place = list[i].place,
                                                      .name = list[i].name,
                                                      .platform = list[i].platform_name,
                                                      .driver = list[i].driver,
                                                      .available = list[i].available,
                                                      .is_gpu = list[i].is_gpu,
                                                      .memory_bytes = list[i].global_bytes};
        if (!visit(user, &description)) break;
    }
    return SIREN_OK;
}

static bool matches(const siren_device_facts *facts, const char *choice) {
    if (strcmp(choice, "cpu") == 0) return facts->is_cpu;
    if (strcmp(choice, "gpu") == 0) return facts->is_gpu;
    if (strcmp(choice, "all") == 0) return false;
    if (choice[0] >= '0' && choice[0] <= '9' && strchr(choice, ':')) return strcmp(choice, facts->place) == 0;
    return strcasestr(facts->name, choice) || strcasestr(facts->platform_name, choice);
}

/* The first device that matches, or n. No choice means the first GPU, else the first device. */
static size_t find(const char *choice, const siren_device_facts *list, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (choice ? matches(&list[i], choice) : list[i].is_gpu && list[i].available) return i;
    return choice ? n : 0;
}

/* NULL for no choice, neither here nor in the environment. */
static const char *present_choice(const char *choice) {
    if (!choice || !*choice) choice = getenv("SIRENCL_DEVICE");
    return choice && *choice ? choice : NULL;
}

/* Where the "/N" of a choice begins, or NULL. A slash may stand in a name, too. */
static const char *find_parts(const char *choice) {
    const char *slash = strrchr(choice, '/');
    return slash && slash[1] && strspn(slash + 1, "0123456789") == strlen(slash + 1) ? slash : NULL;
}

static siren_status nothing_matches(const char *choice, const siren_device_facts *list, size_t n) {
    char known[512] = "";
    for (size_t i = 0, used = 0; i < n && used + 1 < sizeof known; i++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s %s", i ? ", " : "", list[i].place,
                                 list[i].name);
    return siren_fail(
        SIREN_NO_DEVICE,
        "no OpenCL device matches '%s' (cpu, gpu, platform:index or part of a name); there are: %s", choice,
        known);
}

/* ---- opening ---- */

/* A part of a device is given over: closed with the device, or released on failure. */
static siren_status open_device(const siren_device_facts *facts, cl_device_id id, bool is_part,
                                siren_device **out) {
    cl_int error = CL_SUCCESS;
    SIREN_AT_END(siren_device_close_at) siren_device *device = NULL;
    siren_status status = siren_allocate(&device, 1, sizeof *device, "the device");
    if (status != SIREN_OK) {
        if (is_part) clReleaseDevice(id);
        return status;
    }
    device->facts = *facts;
    snprintf(device->label, sizeof device->label, "%s (%s)", facts->name, facts->place);
    device->id = id;
    device->is_part = is_part;
    device->calls_to_failure = -1;
    int before = siren_driver_enter(SIREN_DRIVER_OPENING);
    device->context = clCreateContext(NULL, 1, &device->id, NULL, NULL, &error);
    siren_driver_leave(before);
    SIREN_TRY(siren_opencl_check(device, error, "creating a context"));
    device->queue = clCreateCommandQueue(device->context, device->id, 0, &error);
    SIREN_TRY(siren_opencl_check(device, error, "creating a command queue"));
    *out = SIREN_TAKE(device);
    return status;
}

siren_status siren_device_open(const char *choice, siren_device **out) {
    SIREN_FREE_AT_END siren_device_facts *list = NULL;
    SIREN_FREE_AT_END cl_device_id *ids = NULL;
    size_t n = 0;
    if (!out) return siren_fail(SIREN_USAGE, "siren_device_open: out must not be NULL");
    SIREN_TRY(enumerate(&list, &ids, &n));
    choice = present_choice(choice);
    size_t chosen = find(choice, list, n);
    if (chosen < n) return open_device(&list[chosen], ids[chosen], false, out);
    if (strcmp(choice, "all") == 0 || strchr(choice, ',') || find_parts(choice))
        return siren_fail(
            SIREN_USAGE,
            "'%s' names several devices, but this runs on one; name one, or use sirencl sweep, which "
            "takes several",
            choice);
    return nothing_matches(choice, list, n);
}

/* The devices of the machine, and those opened so far. */
typedef struct {
    siren_device_facts *list; /* (n) */
    cl_device_id *ids;        /* (n) */
    bool *taken;              /* (n) */
    size_t n;
    siren_device **devices; /* (n_devices) */
    size_t n_devices;
} siren_opening;

static siren_status add_device(siren_opening *opening, const siren_device_facts *facts, cl_device_id id,
                               bool is_part) {
    siren_device **grown = realloc(opening->devices, (opening->n_devices + 1) * sizeof *opening->devices);
    if (!grown) {
        if (is_part) clReleaseDevice(id);
        return siren_fail(SIREN_SYSTEM, "out of memory: cannot keep %zu devices", opening->n_devices + 1);
    }
    opening->devices = grown;
    SIREN_TRY(open_device(facts, id, is_part, &grown[opening->n_devices]));
    opening->n_devices++;
    return SIREN_OK;
}

/* Splits device i into `n_parts` and opens them. What does not divide evenly stays unused. */
static siren_status add_parts(siren_opening *opening, size_t i, size_t n_parts) {
    siren_status status = SIREN_OK;
    siren_device_facts facts = opening->list[i];
    SIREN_FREE_AT_END cl_device_id *parts = NULL;
    cl_uint n_made = 0, units = 0;
    if (n_parts == 1) return add_device(opening, &facts, opening->ids[i], false);
    if (n_parts == 0 || n_parts > facts.compute_units)
        return siren_fail(
            SIREN_USAGE,
            "the device %s (%s) has %u compute unit(s) and does not split into %zu parts; ask for 1 to %u",
            facts.name, facts.place, facts.compute_units, n_parts, facts.compute_units);
    const cl_device_partition_property how[] = {
        CL_DEVICE_PARTITION_EQUALLY, (cl_device_partition_property)(facts.compute_units / n_parts), 0};
    cl_int error = clCreateSubDevices(opening->ids[i], how, 0, NULL, &n_made);
    if (error == CL_SUCCESS) {
        SIREN_TRY(siren_allocate(&parts, n_made, sizeof(cl_device_id), "the parts of a device"));
        error = clCreateSubDevices(opening->ids[i], how, n_made, parts, NULL);
    }
    if (error != CL_SUCCESS || n_made < n_parts)
        return siren_fail(SIREN_USAGE,
                          "the device %s (%s) does not split into equal parts (%s); leave out the /%zu",
                          facts.name, facts.place, siren_opencl_error_name(error), n_parts);
    facts.compute_units /= (unsigned)n_parts; /* unless they tell otherwise */
    for (cl_uint part = 0; part < n_made; part++) {
        if (part >= n_parts || status != SIREN_OK) {
            clReleaseDevice(parts[part]);
            continue;
        }
        snprintf(facts.place, sizeof facts.place, "%u:%u/%zu#%u", facts.platform, facts.index, n_parts, part);
        if (clGetDeviceInfo(parts[part], CL_DEVICE_MAX_COMPUTE_UNITS, sizeof units, &units, NULL) ==
                CL_SUCCESS &&
            units > 0)
            facts.compute_units = units;
        status = add_device(opening, &facts, parts[part], true);
    }
    return status;
}

/* One of a list: a device, or its parts. */
static siren_status add_chosen(siren_opening *opening, const char *choice) {
    char name[256];
    const char *parts = find_parts(choice);
    size_t length = parts ? (size_t)(parts - choice) : strlen(choice), i = opening->n;
    if (length > 0 && length < sizeof name) {
        memcpy(name, choice, length);
        name[length] = 0;
        i = find(name, opening->list, opening->n);
    }
    if (i == opening->n) return nothing_matches(choice, opening->list, opening->n);
    if (opening->taken[i])
        return siren_fail(SIREN_USAGE,
                          "the device %s (%s) is named twice, the second time as '%s'; name it once",
                          opening->list[i].name, opening->list[i].place, choice);
    opening->taken[i] = true;
    return add_parts(opening, i, parts ? strtoul(parts + 1, NULL, 10) : 1);
}

static siren_status add_all(siren_opening *opening) {
    for (size_t i = 0; i < opening->n; i++)
        if (opening->list[i].available)
            SIREN_TRY(add_device(opening, &opening->list[i], opening->ids[i], false));
    if (opening->n_devices == 0)
        return siren_fail(SIREN_NO_DEVICE, "none of the %zu OpenCL devices is available; see sirencl devices",
                          opening->n);
    return SIREN_OK;
}

static void opening_free(siren_opening *opening) {
    siren_devices_close(opening->devices, opening->n_devices);
    free(opening->taken);
    free(opening->list);
    free(opening->ids);
}

siren_status siren_devices_open(const char *choice, siren_device ***out, size_t *n_devices) {
    SIREN_AT_END(opening_free) siren_opening opening = {0};
    SIREN_FREE_AT_END char *names = NULL;
    SIREN_TRY(enumerate(&opening.list, &opening.ids, &opening.n));
    SIREN_TRY(siren_allocate(&opening.taken, opening.n, sizeof(bool), "the list of devices"));
    choice = present_choice(choice);
    size_t single = find(choice, opening.list, opening.n);
    if (single < opening.n) {
        SIREN_TRY(add_device(&opening, &opening.list[single], opening.ids[single], false));
    } else if (strcmp(choice, "all") == 0) {
        SIREN_TRY(add_all(&opening));
    } else {
        char *rest = names = strdup(choice);
        if (!names) return siren_fail(SIREN_SYSTEM, "out of memory: cannot choose devices");
        for (const char *name; (name = strsep(&rest, ","));) SIREN_TRY(add_chosen(&opening, name));
    }
    *out = SIREN_TAKE(opening.devices);
    *n_devices = SIREN_TAKE(opening.n_devices);
    return SIREN_OK;
}

void siren_devices_close(siren_device **devices, size_t n_devices) {
    for (size_t i = 0; i < n_devices; i++) siren_device_close(devices[i]);
    free(devices);
}

void siren_device_close(siren_device *device) {
    if (!device) return;
    /* PoCL may still be compiling what was enqueued, in a thread that does not survive the end of main(). */
    if (device->queue && clFinish(device->queue) == CL_SUCCESS) siren_device_collect_times(device);
    siren_gemm_forget(device);
    for (size_t i = 0; i < device->n_programs; i++) {
        clReleaseProgram(device->programs[i].program);
        free(device->programs[i].key);
    }
    free(device->programs);
    free(device->timed);
    if (device->queue) clReleaseCommandQueue(device->queue);
    if (device->context) clReleaseContext(device->context);
    if (device->is_part) clReleaseDevice(device->id);
    free(device);
}

const char *siren_device_name(const siren_device *device) {
    return device && !device->replaced ? device->facts.name : "the host";
}

void siren_device_allow_host(siren_device *device) { device->replaceable = true; }

bool siren_device_replace(siren_device *device) {
    if (!device->replaceable) return false;
    if (!device->replaced)
        siren_log(SIREN_LOG_WARNING, "%s; decoding on the host (--device host does so without this warning)",
                  siren_message());
    device->replaced = true;
    return true;
}

bool siren_device_is_replaced(const siren_device *device) { return device->replaced; }

const siren_device_facts *siren_device_get_facts(const siren_device *device) { return &device->facts; }

void siren_device_set_family(siren_device *device, siren_family family) { device->facts.family = family; }

void siren_device_set_matrix_units(siren_device *device, siren_matrix_units units) {
    device->facts.matrix_units = units;
}

void siren_device_set_gemm(siren_device *device, siren_gemm_choice gemm) { device->facts.gemm = gemm; }

siren_status siren_device_finish(siren_device *device) {
    siren_timed_call call = siren_timed_call_begin(device);
    cl_int error = clFinish(device->queue);
    siren_timed_call_end(&call, NULL);
    siren_device_collect_times(device);
    return siren_opencl_check(device, error, "waiting for the queue");
}
