/* An OpenCL driver with one fault, which FAULT names: PoCL behind an .icd file of its own, some of whose entries are
 * replaced. */
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <CL/cl_icd.h>
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

struct _cl_platform_id {
    cl_icd_dispatch *dispatch;
};

static cl_icd_dispatch pocl; /* its own entries */

/* Does what FAULT says where it is "WHERE-..." */
static void fault(const char *where) {
    const char *text = getenv("FAULT");
    size_t n = strlen(where);
    if (!text || strncmp(text, where, n) != 0 || text[n] != '-') return;
    text += n + 1;
    if (strcmp(text, "abort") == 0) abort();
    if (strcmp(text, "crash") == 0) raise(SIGSEGV);
    if (strcmp(text, "killed") == 0) raise(SIGKILL);
    if (strcmp(text, "exit") == 0) exit(0);
    if (strcmp(text, "_exit") == 0) _exit(3);
    if (strcmp(text, "hang") == 0)
        for (;;) pause();
    if (strcmp(text, "loop") == 0)
        for (volatile int i = 0;; i++) continue;
    if (strcmp(text, "slow") == 0) { /* once, for some seconds of processor time */
        static int was;
        const clock_t from = clock();
        const char *seconds = getenv("FAULT_SECONDS");
        while (!was && clock() - from < (seconds ? atof(seconds) : 3) * CLOCKS_PER_SEC) continue;
        was = 1;
    }
    if (strcmp(text, "prints") == 0) printf("{\"nobody\": \"asked for this\"}\n");
}

static int is(const char *what) {
    const char *text = getenv("FAULT");
    return text && strcmp(text, what) == 0;
}

__attribute__((constructor)) static void load(void) { fault("load"); }

static cl_int CL_API_CALL get_devices(cl_platform_id platform, cl_device_type type, cl_uint n,
                                      cl_device_id *devices, cl_uint *count) {
    fault("devices");
    if (is("devices-fails")) return CL_OUT_OF_HOST_MEMORY;
    return pocl.clGetDeviceIDs(platform, type, n, devices, count);
}

static cl_int CL_API_CALL get_facts(cl_device_id device, cl_device_info what, size_t n, void *out,
                                    size_t *size) {
    const cl_int error = pocl.clGetDeviceInfo(device, what, n, out, size);
    if (what != CL_DEVICE_MAX_COMPUTE_UNITS) return error;
    if (is("units-fails")) return CL_OUT_OF_RESOURCES;
    if (is("units-none") && out) *(cl_uint *)out = 0;
    return error;
}

static cl_context CL_API_CALL create_context(
    const cl_context_properties *properties, cl_uint n, const cl_device_id *devices,
    void(CL_CALLBACK *notify)(const char *, const void *, size_t, void *), void *user, cl_int *error) {
    fault("context");
    if (is("context-fails")) {
        *error = CL_OUT_OF_RESOURCES;
        return NULL;
    }
    return pocl.clCreateContext(properties, n, devices, notify, user, error);
}

static cl_int CL_API_CALL build(cl_program program, cl_uint n, const cl_device_id *devices,
                                const char *options, void(CL_CALLBACK *notify)(cl_program, void *),
                                void *user) {
    fault("build");
    if (is("build-fails")) return CL_BUILD_PROGRAM_FAILURE;
    return pocl.clBuildProgram(program, n, devices, options, notify, user);
}

static cl_int CL_API_CALL enqueue(cl_command_queue queue, cl_kernel kernel, cl_uint n, const size_t *offset,
                                  const size_t *global, const size_t *local, cl_uint n_events,
                                  const cl_event *events, cl_event *event) {
    fault("run");
    if (is("run-fails")) return CL_OUT_OF_RESOURCES;
    return pocl.clEnqueueNDRangeKernel(queue, kernel, n, offset, global, local, n_events, events, event);
}

static cl_int CL_API_CALL read_buffer(cl_command_queue queue, cl_mem buffer, cl_bool blocking, size_t offset,
                                      size_t n, void *bytes, cl_uint n_events, const cl_event *events,
                                      cl_event *event) {
    cl_int error =
        pocl.clEnqueueReadBuffer(queue, buffer, blocking, offset, n, bytes, n_events, events, event);
    fault("read");
    if (is("read-fails")) return CL_OUT_OF_RESOURCES;
    if (is("read-wrong")) ((unsigned char *)bytes)[n / 2 / 4 * 4 + 3] ^= 0x40;
    return error;
}

static cl_int CL_API_CALL release_memory(cl_mem memory) {
    fault("release");
    return pocl.clReleaseMemObject(memory);
}

__attribute__((destructor)) static void unload(void) { fault("unload"); }

cl_int CL_API_CALL clIcdGetPlatformIDsKHR(cl_uint n, cl_platform_id *platforms, cl_uint *count) {
    cl_platform_id platform;
    void *library = dlopen("libpocl.so.2", RTLD_NOW | RTLD_LOCAL);
    if (!library) return CL_PLATFORM_NOT_FOUND_KHR;
    void *(CL_API_CALL * address)(const char *);
    cl_int(CL_API_CALL * get)(cl_uint, cl_platform_id *, cl_uint *);
    *(void **)&address = dlsym(library, "clGetExtensionFunctionAddress");
    *(void **)&get = address ? address("clIcdGetPlatformIDsKHR") : NULL;
    if (!get) return CL_PLATFORM_NOT_FOUND_KHR;
    fault("platforms");
    if (is("platforms-fails")) return CL_OUT_OF_HOST_MEMORY;
    cl_int error = get(1, &platform, NULL);
    if (error != CL_SUCCESS) return error;
    if (!pocl.clGetPlatformIDs) {
        cl_icd_dispatch *table = platform->dispatch;
        size_t page = (size_t)sysconf(_SC_PAGESIZE);
        char *first = (char *)((size_t)table / page * page);
        if (mprotect(first, (size_t)((char *)(table + 1) - first), PROT_READ | PROT_WRITE) != 0)
            return CL_OUT_OF_HOST_MEMORY;
        pocl = *table;
        table->clGetDeviceIDs = get_devices;
        table->clGetDeviceInfo = get_facts;
        table->clCreateContext = create_context;
        table->clBuildProgram = build;
        table->clEnqueueNDRangeKernel = enqueue;
        table->clEnqueueReadBuffer = read_buffer;
        table->clReleaseMemObject = release_memory;
    }
    if (platforms && n > 0) platforms[0] = platform;
    if (count) *count = 1;
    return CL_SUCCESS;
}

void *CL_API_CALL clGetExtensionFunctionAddress(const char *name) {
    return strcmp(name, "clIcdGetPlatformIDsKHR") == 0 ? (void *)clIcdGetPlatformIDsKHR : NULL;
}

/* ocl-icd asks the library, not the table. */
cl_int CL_API_CALL clGetPlatformInfo(cl_platform_id platform, cl_platform_info what, size_t n, void *out,
                                     size_t *size) {
    return pocl.clGetPlatformInfo(platform, what, n, out, size);
}
