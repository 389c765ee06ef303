#define _GNU_SOURCE
#include "host/driver_watch.h"
#include "host/file.h"
#include "host/opencl/kernels.h"
#include "host/opencl/opencl.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Devices used from threads of their own build one at a time, whatever an implementation's compiler shares. */
static pthread_mutex_t building = PTHREAD_MUTEX_INITIALIZER;

#define MAX_SOURCES 16              /* files of one program, includes counted */
#define KERNEL_FILE_LIMIT (1 << 20) /* bytes of a file of SIRENCL_KERNEL_DIR */

/* A program's text while its includes are being resolved; each file enters once. */
typedef struct {
    char *text;
    size_t length, capacity;
    char included[MAX_SOURCES][64];
    size_t n_included;
} siren_source;

static siren_status source_append(siren_source *source, const char *text, size_t length) {
    if (source->length + length + 1 > source->capacity) {
        size_t capacity = (source->length + length + 1) * 2;
        char *grown = realloc(source->text, capacity);
        if (!grown)
            return siren_fail(SIREN_SYSTEM, "out of memory: cannot hold %zu bytes of kernel source",
                              capacity);
        source->text = grown;
        source->capacity = capacity;
    }
    memcpy(source->text + source->length, text, length);
    source->length += length;
    source->text[source->length] = 0;
    return SIREN_OK;
}

/* The text of one file: from SIRENCL_KERNEL_DIR if that is set, else embedded. `*owned` is the caller's to free(). */
static siren_status find_text(const char *file, const char **text, size_t *length, char **owned) {
    const char *folder = getenv("SIRENCL_KERNEL_DIR");
    if (folder && *folder) {
        SIREN_FREE_AT_END char *path = NULL;
        uint8_t *bytes = NULL;
        if (asprintf(&path, "%s/%s", folder, file) < 0)
            return siren_fail(SIREN_SYSTEM, "out of memory: cannot name the kernel file %s", file);
        SIREN_TRY(siren_file_read(path, KERNEL_FILE_LIMIT, &bytes, length));
        *text = *owned = (char *)bytes;
        return SIREN_OK;
    }
    for (size_t i = 0; i < siren_n_kernel_sources; i++)
        if (strcmp(siren_kernel_sources[i].name, file) == 0) {
            *text = siren_kernel_sources[i].text;
            *length = siren_kernel_sources[i].length;
            return SIREN_OK;
        }
    return siren_fail(SIREN_DEVICE, "the kernel source %s does not exist in this build", file);
}

static siren_status source_add_file(siren_source *source, const char *file) {
    const char *text = NULL;
    SIREN_FREE_AT_END char *owned = NULL;
    size_t length = 0;
    for (size_t i = 0; i < source->n_included; i++)
        if (strcmp(source->included[i], file) == 0) return SIREN_OK;
    if (source->n_included == MAX_SOURCES || strlen(file) >= sizeof source->included[0])
        return siren_fail(
            SIREN_DEVICE,
            "the kernel source %s cannot be included: more than %d files, or a name over 63 bytes", file,
            MAX_SOURCES);
    strcpy(source->included[source->n_included++], file);
    SIREN_TRY(find_text(file, &text, &length, &owned));
    for (const char *line = text, *end = text + length; line < end;) {
        const char *next = memchr(line, '\n', (size_t)(end - line));
        next = next ? next + 1 : end;
        char name[64];
        if (strncmp(line, "#include \"", 10) == 0 && sscanf(line, "#include \"%63[^\"]\"", name) == 1)
            SIREN_TRY(source_add_file(source, name));
        else
            SIREN_TRY(source_append(source, line, (size_t)(next - line)));
        line = next;
    }
    return SIREN_OK;
}

/* The line of a build log that says most: the first one of an error, or the first one. Logs the whole in lines. */
static const char *read_log(char *log) {
    const char *first = "", *error = NULL;
    for (char *rest = NULL, *line = strtok_r(log, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        siren_log(SIREN_LOG_INFO, "%s", line);
        if (!*first) first = line;
        if (!error && strstr(line, "error")) error = line;
    }
    return error ? error : first;
}

static siren_status build_failed(siren_device *device, cl_program program, const char *file, cl_int error) {
    SIREN_FREE_AT_END char *log = NULL;
    size_t size = 0;
    if (clGetProgramBuildInfo(program, device->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &size) != CL_SUCCESS ||
        siren_allocate(&log, size + 1, 1, "a build log") != SIREN_OK ||
        clGetProgramBuildInfo(program, device->id, CL_PROGRAM_BUILD_LOG, size, log, NULL) != CL_SUCCESS)
        size = 0;
    return siren_fail(
        SIREN_DEVICE,
        "%s does not build on the device %s: %s: %.700s; --verbose shows the whole build log; where no "
        "line is named, the driver's cache folder may be full or read-only (PoCL: $POCL_CACHE_DIR)",
        file, device->label, siren_opencl_error_name(error), size ? read_log(log) : "");
}

static void source_free(siren_source *source) { free(source->text); }

static void release_program(cl_program *program) {
    if (*program) clReleaseProgram(*program);
}

siren_status siren_program_get(siren_device *device, const char *file, const char *options, cl_program *out) {
    SIREN_AT_END(source_free) siren_source source = {0};
    SIREN_FREE_AT_END char *key = NULL, *quiet = NULL;
    SIREN_AT_END(release_program) cl_program program = NULL;
    cl_int error = CL_SUCCESS;
    if (asprintf(&key, "%s %s", file, options) < 0)
        return siren_fail(SIREN_SYSTEM, "out of memory: cannot name the program %s", file);
    for (size_t i = 0; i < device->n_programs; i++)
        if (strcmp(device->programs[i].key, key) == 0) {
            *out = device->programs[i].program;
            return SIREN_OK;
        }
    /* Warnings would be of the driver's own headers: PoCL tells their number on stderr, where there is no AVX-512. */
    if (asprintf(&quiet, "-w %s", options) < 0)
        return siren_fail(SIREN_SYSTEM, "out of memory: cannot build the program %s", file);
    SIREN_TRY(source_add_file(&source, file));
    const char *text = source.text;
    program = clCreateProgramWithSource(device->context, 1, &text, &source.length, &error);
    SIREN_TRY(siren_opencl_check(device, error, "creating a program"));
    pthread_mutex_lock(&building);
    int before = siren_driver_enter(SIREN_DRIVER_BUILDING);
    error = clBuildProgram(program, 1, &device->id, quiet, NULL, NULL);
    siren_driver_leave(before);
    pthread_mutex_unlock(&building);
    if (error != CL_SUCCESS) return build_failed(device, program, file, error);
    siren_built_program *grown = realloc(device->programs, (device->n_programs + 1) * sizeof *grown);
    if (!grown) return siren_fail(SIREN_SYSTEM, "out of memory: cannot keep the program %s", file);
    *out = program;
    device->programs = grown;
    device->programs[device->n_programs++] = (siren_built_program){SIREN_TAKE(key), SIREN_TAKE(program)};
    return SIREN_OK;
}
