/* What the files of host/ share about OpenCL; nothing above host/ includes it. */
#ifndef SIREN_HOST_OPENCL_H
#define SIREN_HOST_OPENCL_H

#include <CL/cl.h>

#include "host/device.h"

typedef struct {
    char *key; /* file and options */
    cl_program program;
} siren_built_program;

struct siren_device {
    siren_device_facts facts;
    char label[328]; /* "NAME (0:1)", for messages */
    cl_device_id id;
    bool is_part; /* of a device; released when closed */
    cl_context context;
    cl_command_queue queue;
    siren_built_program *programs; /* (n_programs) built so far */
    size_t n_programs;
    long calls_to_failure; /* negative: never */
    siren_status injected;
};

struct siren_buffer {
    siren_device *device;
    cl_mem memory;
    size_t bytes;
    const char *what;
};

struct siren_kernel {
    siren_device *device;
    cl_kernel kernel;
    char *name;
    cl_uint n_arguments;
};

/* OK for CL_SUCCESS; otherwise DEVICE or DEVICE_MEMORY with "`what` failed on `device`: CL_NAME". Counts towards an
 * injected failure. */
siren_status siren_opencl_check(siren_device *device, cl_int error, const char *what);
/* "CL_OUT_OF_RESOURCES" */
const char *siren_opencl_error_name(cl_int error);

/* Program for (file, options), built at most once per device; borrowed. (host/program.c) */
siren_status siren_program_get(siren_device *device, const char *file, const char *options, cl_program *out);

#endif
