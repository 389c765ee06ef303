/* What the files of host/ share about OpenCL; nothing above host/ includes it. */
#ifndef SIREN_HOST_OPENCL_OPENCL_H
#define SIREN_HOST_OPENCL_OPENCL_H

#include <CL/cl.h>

#include "host/opencl/configuration.h"
#include "host/opencl/device.h"

typedef struct siren_profile siren_profile;
typedef struct siren_profile_row siren_profile_row;

typedef struct {
    char *key; /* file and options */
    cl_program program;
} siren_built_program;

/* Enqueued for a profile, and the row that its time goes to. */
typedef struct {
    cl_event event;
    siren_profile_row *row;
} siren_timed_event;

struct siren_device {
    siren_device_facts facts;
    char label[328]; /* "NAME (0:1)", for messages */
    cl_device_id id;
    bool is_part; /* of a device; released when closed */
    cl_context context;
    cl_command_queue queue;
    siren_built_program *programs; /* (n_programs) built so far */
    size_t n_programs;
    siren_configuration configurations[2][SIREN_N_WIDTH_CLASSES]; /* of each family */
    siren_profile *profile;                                       /* borrowed; NULL: nothing is timed */
    siren_timed_event *timed; /* (n_timed) enqueued since the device was last waited for */
    size_t n_timed, timed_capacity;
    long calls_to_failure; /* negative: never */
    siren_status injected;
    bool replaceable, replaced; /* by the host, siren_device_replace() */
    size_t held_bytes;          /* of all buffers */
    size_t room;                /* for them; 0: what there is */
    bool late;                  /* what is beyond is noticed when the device is used */
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
/* A call to a device that may have a profile: the thread is in stage SIREN_STAGE_DEVICE between begin and end, and what
 * was enqueued with the event in between is timed as `name`. (host/opencl/profile.c) */
typedef struct {
    siren_device *device;
    const char *before;
    int phase_before; /* host/driver_watch.h */
    cl_event event;
} siren_timed_call;
siren_timed_call siren_timed_call_begin(siren_device *device);
/* For the last argument of clEnqueue...; NULL where nothing is timed. */
cl_event *siren_timed_call_event(siren_timed_call *call);
void siren_timed_call_end(siren_timed_call *call, const char *name);
/* Adds up what was enqueued. Everything must have ended. */
void siren_device_collect_times(siren_device *device);

/* "CL_OUT_OF_RESOURCES" */
const char *siren_opencl_error_name(cl_int error);

/* Drops what CLBlast has built for the device, if it has. (host/opencl/gemm.c) */
void siren_gemm_forget(siren_device *device);

/* Program for (file, options), built at most once per device; borrowed. (host/opencl/program.c) */
siren_status siren_program_get(siren_device *device, const char *file, const char *options, cl_program *out);

#endif
