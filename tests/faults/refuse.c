/* Preloaded into sirencl: the nth call of one kind that the program SIREN_REFUSE_PROGRAM makes, or zlib, liblzma or
 * cJSON on its behalf, fails. SIREN_REFUSE=KIND:N names it, counted from 1; the file SIREN_REFUSE_COUNT, 8 bytes,
 * counts them, in children that are the same program as well. Where none is to fail (N = 0), the file
 * SIREN_REFUSE_STACKS gets 8 bytes for each: a digest of the way to the call. */
#define _GNU_SOURCE
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* glibc's own, which needs no dlsym(). */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);

typedef struct {
    uintptr_t begin, end, base;
} range;

static range ours[8];
static size_t n_ours;
static char kind[16];
static long refused;
static atomic_long *n_calls; /* shared with children, as are the numbers */
static int stacks = -1;
static _Thread_local bool looking; /* backtrace() may allocate */

static int add_object(struct dl_phdr_info *info, size_t size, void *user) {
    static const char *const names[] = {"liblzma", "libz.", "libcjson"};
    (void)size, (void)user;
    bool counts = !*info->dlpi_name; /* the program */
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        counts = counts || strstr(info->dlpi_name, names[i]);
    for (size_t i = 0; counts && i < info->dlpi_phnum && n_ours < sizeof ours / sizeof *ours; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        uintptr_t begin = info->dlpi_addr + part->p_vaddr;
        if (part->p_type == PT_LOAD && part->p_flags & PF_X)
            ours[n_ours++] = (range){begin, begin + part->p_memsz, info->dlpi_addr};
    }
    return 0;
}

__attribute__((constructor)) static void begin(void) {
    const char *asked = getenv("SIREN_REFUSE"), *program = getenv("SIREN_REFUSE_PROGRAM");
    char path_of[PATH_MAX] = "";
    if (!program || readlink("/proc/self/exe", path_of, sizeof path_of - 1) < 0 ||
        strcmp(path_of, program) != 0)
        return;
    if (!asked || sscanf(asked, "%15[a-z]:%ld", kind, &refused) != 2) *kind = '\0';
    dl_iterate_phdr(add_object, NULL);
    const char *path = getenv("SIREN_REFUSE_COUNT");
    int file = *kind && path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR) : -1;
    void *shared =
        file < 0 ? MAP_FAILED : mmap(NULL, sizeof *n_calls, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (shared == MAP_FAILED)
        *kind = '\0';
    else
        n_calls = shared;
    if (file >= 0) syscall(SYS_close, file);
    const char *list = getenv("SIREN_REFUSE_STACKS");
    if (*kind && refused == 0 && list)
        stacks = (int)syscall(SYS_openat, AT_FDCWD, list, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
}

/* Where `address` is within the program and the libraries that count, wherever they are loaded; 0: it is elsewhere. */
static uintptr_t place(const void *address) {
    for (size_t i = 0; i < n_ours; i++)
        if ((uintptr_t)address >= ours[i].begin && (uintptr_t)address < ours[i].end)
            return (uintptr_t)address - ours[i].base + i;
    return 0;
}

/* Tells by which functions the nth call was reached. */
static void tell_stack(long nth) {
    void *frames[48];
    uint64_t digest = 14695981039346656037U;
    looking = true;
    const int n = backtrace(frames, 48);
    for (int i = 0; i < n; i++)
        if (place(frames[i])) digest = (digest ^ place(frames[i])) * 1099511628211U;
    looking = false;
    syscall(SYS_pwrite64, stacks, &digest, sizeof digest, 8 * (nth - 1));
}

/* Whether this call, made from `caller`, is the one. */
static bool refuse(const char *of, const void *caller) {
    if (strcmp(of, kind) != 0 || looking || !place(caller)) return false;
    const long nth = atomic_fetch_add(n_calls, 1) + 1;
    if (stacks >= 0) tell_stack(nth);
    return nth == refused;
}

#define CALLER __builtin_return_address(0)
/* RESULT NAME(PARAMETERS) gives `failed` with `error` where it is refused, and else what the next library's gives. */
#define WRAP(of, result, name, parameters, arguments, failed, error)                                         \
    result name parameters {                                                                                 \
        static result(*next) parameters;                                                                     \
        if (!next) next = (result(*) parameters)dlsym(RTLD_NEXT, #name);                                     \
        if (!refuse(of, CALLER)) return next arguments;                                                      \
        errno = error;                                                                                       \
        return failed;                                                                                       \
    }

void *malloc(size_t size) {
    if (!refuse("allocations", CALLER)) return __libc_malloc(size);
    errno = ENOMEM;
    return NULL;
}

void *calloc(size_t n, size_t size) {
    if (!refuse("allocations", CALLER)) return __libc_calloc(n, size);
    errno = ENOMEM;
    return NULL;
}

void *realloc(void *old, size_t size) {
    if (!refuse("allocations", CALLER)) return __libc_realloc(old, size);
    errno = ENOMEM;
    return NULL;
}

int asprintf(char **out, const char *format, ...) {
    va_list arguments;
    if (refuse("allocations", CALLER)) {
        errno = ENOMEM;
        return -1;
    }
    va_start(arguments, format);
    int n = vasprintf(out, format, arguments);
    va_end(arguments);
    return n;
}

static int open_next(int folder, const char *path, int flags, mode_t mode) {
    return (int)syscall(SYS_openat, folder, path, flags, mode);
}

static mode_t mode_of(int flags, va_list *arguments) {
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(*arguments, mode_t) : 0;
}

int open(const char *path, int flags, ...) {
    va_list arguments;
    if (refuse("opens", CALLER)) {
        errno = EMFILE;
        return -1;
    }
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, &arguments);
    va_end(arguments);
    return open_next(AT_FDCWD, path, flags, mode);
}

int openat(int folder, const char *path, int flags, ...) {
    va_list arguments;
    if (refuse("opens", CALLER)) {
        errno = EMFILE;
        return -1;
    }
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, &arguments);
    va_end(arguments);
    return open_next(folder, path, flags, mode);
}

WRAP("allocations", char *, strdup, (const char *text), (text), NULL, ENOMEM)
WRAP("allocations", FILE *, open_memstream, (char **text, size_t *n), (text, n), NULL, ENOMEM)
WRAP("allocations", int, posix_memalign, (void **out, size_t alignment, size_t size), (out, alignment, size),
     ENOMEM, ENOMEM)

WRAP("opens", FILE *, fopen, (const char *path, const char *mode), (path, mode), NULL, EMFILE)
WRAP("opens", DIR *, opendir, (const char *path), (path), NULL, EMFILE)
WRAP("opens", int, mkdir, (const char *path, mode_t mode), (path, mode), -1, ENOSPC)
WRAP("opens", char *, mkdtemp, (char *path), (path), NULL, ENOSPC)

WRAP("reads", ssize_t, read, (int file, void *to, size_t n), (file, to, n), -1, EIO)
WRAP("reads", ssize_t, pread, (int file, void *to, size_t n, off_t at), (file, to, n, at), -1, EIO)
WRAP("reads", int, fstat, (int file, struct stat *facts), (file, facts), -1, EIO)
WRAP("reads", char *, realpath, (const char *path, char *to), (path, to), NULL, EIO)

WRAP("writes", ssize_t, write, (int file, const void *from, size_t n), (file, from, n), -1, ENOSPC)
WRAP("writes", ssize_t, pwrite, (int file, const void *from, size_t n, off_t at), (file, from, n, at), -1,
     ENOSPC)
WRAP("writes", int, ftruncate, (int file, off_t n), (file, n), -1, ENOSPC)
WRAP("writes", size_t, fwrite, (const void *from, size_t size, size_t n, FILE *file), (from, size, n, file),
     0, ENOSPC)
WRAP("writes", int, fflush, (FILE * file), (file), EOF, ENOSPC)

WRAP("syncs", int, fsync, (int file), (file), -1, EIO)

WRAP("renames", int, rename, (const char *from, const char *to), (from, to), -1, EIO)
WRAP("renames", int, renameat2, (int a, const char *from, int b, const char *to, unsigned flags),
     (a, from, b, to, flags), -1, EIO)
WRAP("renames", int, link, (const char *from, const char *to), (from, to), -1, EIO)
WRAP("renames", int, linkat, (int a, const char *from, int b, const char *to, int flags),
     (a, from, b, to, flags), -1, EIO)
WRAP("renames", int, symlink, (const char *from, const char *to), (from, to), -1, EIO)

/* A call of OpenCL that says what it made of it, and one that makes something. */
#define OPENCL(name, parameters, arguments)                                                                  \
    WRAP("opencl", cl_int, name, parameters, arguments, CL_OUT_OF_RESOURCES, 0)
#define OPENCL_MADE(type, name, parameters, arguments)                                                       \
    type name parameters {                                                                                   \
        static type(*next) parameters;                                                                       \
        if (!next) next = (type(*) parameters)dlsym(RTLD_NEXT, #name);                                       \
        if (!refuse("opencl", CALLER)) return next arguments;                                                \
        if (status) *status = CL_OUT_OF_RESOURCES;                                                           \
        return NULL;                                                                                         \
    }
OPENCL(clGetPlatformIDs, (cl_uint n, cl_platform_id *out, cl_uint *count), (n, out, count))
OPENCL(clGetPlatformInfo, (cl_platform_id of, cl_platform_info what, size_t size, void *out, size_t *n),
       (of, what, size, out, n))
OPENCL(clGetDeviceIDs, (cl_platform_id of, cl_device_type type, cl_uint n, cl_device_id *out, cl_uint *count),
       (of, type, n, out, count))
OPENCL(clGetDeviceInfo, (cl_device_id of, cl_device_info what, size_t size, void *out, size_t *n),
       (of, what, size, out, n))
OPENCL(clGetKernelInfo, (cl_kernel of, cl_kernel_info what, size_t size, void *out, size_t *n),
       (of, what, size, out, n))
OPENCL(clGetEventProfilingInfo, (cl_event of, cl_profiling_info what, size_t size, void *out, size_t *n),
       (of, what, size, out, n))
OPENCL(clGetProgramBuildInfo,
       (cl_program of, cl_device_id device, cl_program_build_info what, size_t size, void *out, size_t *n),
       (of, device, what, size, out, n))
OPENCL(clBuildProgram,
       (cl_program of, cl_uint n, const cl_device_id *devices, const char *options,
        void(CL_CALLBACK *done)(cl_program, void *), void *user),
       (of, n, devices, options, done, user))
OPENCL(clCreateSubDevices,
       (cl_device_id of, const cl_device_partition_property *how, cl_uint n, cl_device_id *out,
        cl_uint *count),
       (of, how, n, out, count))
OPENCL(clSetKernelArg, (cl_kernel of, cl_uint nth, size_t size, const void *value), (of, nth, size, value))
OPENCL(clFinish, (cl_command_queue queue), (queue))
OPENCL(clEnqueueFillBuffer,
       (cl_command_queue queue, cl_mem to, const void *pattern, size_t n, size_t at, size_t size,
        cl_uint waits, const cl_event *wait, cl_event *event),
       (queue, to, pattern, n, at, size, waits, wait, event))
OPENCL(clEnqueueReadBuffer,
       (cl_command_queue queue, cl_mem from, cl_bool blocking, size_t at, size_t size, void *to,
        cl_uint waits, const cl_event *wait, cl_event *event),
       (queue, from, blocking, at, size, to, waits, wait, event))
OPENCL(clEnqueueWriteBuffer,
       (cl_command_queue queue, cl_mem to, cl_bool blocking, size_t at, size_t size, const void *from,
        cl_uint waits, const cl_event *wait, cl_event *event),
       (queue, to, blocking, at, size, from, waits, wait, event))
OPENCL(clEnqueueNDRangeKernel,
       (cl_command_queue queue, cl_kernel kernel, cl_uint n, const size_t *first, const size_t *all,
        const size_t *group, cl_uint waits, const cl_event *wait, cl_event *event),
       (queue, kernel, n, first, all, group, waits, wait, event))
OPENCL_MADE(cl_context, clCreateContext,
            (const cl_context_properties *how, cl_uint n, const cl_device_id *devices,
             void(CL_CALLBACK *told)(const char *, const void *, size_t, void *), void *user, cl_int *status),
            (how, n, devices, told, user, status))
OPENCL_MADE(cl_command_queue, clCreateCommandQueue,
            (cl_context context, cl_device_id device, cl_command_queue_properties how, cl_int *status),
            (context, device, how, status))
OPENCL_MADE(cl_mem, clCreateBuffer,
            (cl_context context, cl_mem_flags flags, size_t size, void *host, cl_int *status),
            (context, flags, size, host, status))
OPENCL_MADE(cl_mem, clCreateSubBuffer,
            (cl_mem of, cl_mem_flags flags, cl_buffer_create_type type, const void *what, cl_int *status),
            (of, flags, type, what, status))
OPENCL_MADE(cl_program, clCreateProgramWithSource,
            (cl_context context, cl_uint n, const char **texts, const size_t *sizes, cl_int *status),
            (context, n, texts, sizes, status))
OPENCL_MADE(cl_kernel, clCreateKernel, (cl_program program, const char *name, cl_int *status),
            (program, name, status))
