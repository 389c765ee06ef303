/* OpenCL devices: list, choose, open, and the facts the engine plans with. All vendor quirks live in device.c. */
#ifndef SIREN_HOST_OPENCL_DEVICE_H
#define SIREN_HOST_OPENCL_DEVICE_H

#include "host/base.h"

/* Which kernels a device gets: chain (a block of points through the whole network per work-item, explicit vectors) for
 * CPUs, layer (tiled matrix products with local memory) for everything else, siren_family_for() says. */
typedef enum { SIREN_FAMILY_CHAIN, SIREN_FAMILY_LAYER } siren_family;
/* "chain" or "layer" */
const char *siren_family_name(siren_family family);

/* What multiplies in the layer family's training: ordinary instructions, NVIDIA's matrix units, or an imitation of
 * these for tests. */
typedef enum { SIREN_MATRIX_OFF, SIREN_MATRIX_PTX, SIREN_MATRIX_EMULATED } siren_matrix_units;

/* Who multiplies the matrices of training: whoever was quicker where the device was tuned, else our own kernels; our
 * own kernels in any case; or CLBlast in any case. */
typedef enum { SIREN_GEMM_AUTO, SIREN_GEMM_OWN, SIREN_GEMM_CLBLAST } siren_gemm_choice;

typedef struct {
    unsigned platform, index; /* as in --device platform:index */
    char place[64];           /* "0:1"; the first of four parts of that device: "0:1/4#0" */
    char platform_name[128], platform_version[128];
    char name[256], vendor[128], version[128], driver[128];
    bool is_cpu, is_gpu, available;
    unsigned compute_units, clock_mhz, vector_width; /* floats of the device's vectors */
    uint64_t global_bytes, local_bytes, max_allocation_bytes;
    size_t max_work_group;
    bool has_fma;        /* correctly rounded fma in hardware (CL_FP_FMA) */
    uint64_t loop_limit; /* passes of all loops together after which a work-item's loops end; 0: none */
    unsigned compute_capability; /* NVIDIA's, the major number; 0 of other devices */
    siren_family family;
    siren_matrix_units matrix_units;
    siren_gemm_choice gemm;
} siren_device_facts;

/* The family for a device of these facts: type and vectors. */
siren_family siren_family_for(const siren_device_facts *facts);

/* Whether each fma costs dozens of instructions: of CPUs those without it whose vectors are of 1 float. Others do not
 * say what they have: Intel's runtime has it and reports none. */
bool siren_emulates_fma(const siren_device_facts *facts);

/* Every device of every platform; `*facts` is yours to free(). NO_DEVICE names packages and variables to set. */
siren_status siren_device_list(siren_device_facts **facts, size_t *n_devices);

/* Opens several devices. `choice`: "all" (every one that is available), or a list, with commas, of what
 * siren_device_open() takes. "/N" behind one of them splits it into N devices of as many compute units each: "cpu/2",
 * "0:0/2,1:0". USAGE where a device is named twice or does not split so, else as siren_device_open(). Each device may
 * be used by a thread of its own at the same time. `*out` is yours: siren_devices_close(). */
siren_status siren_devices_open(const char *choice, siren_device ***out, size_t *n_devices);
void siren_devices_close(siren_device **devices, size_t n_devices);

const siren_device_facts *siren_device_get_facts(const siren_device *device);
/* Overrides the family (tests run every family on every device). */
void siren_device_set_family(siren_device *device, siren_family family);
/* Chooses without checking: siren_matrix_units_enable() does. Only what is created afterwards is concerned. */
void siren_device_set_matrix_units(siren_device *device, siren_matrix_units units);
/* For what is created afterwards. CLBlast excludes matrix units: with them, only our own kernels multiply. */
void siren_device_set_gemm(siren_device *device, siren_gemm_choice gemm);

/* The host may decode in the device's place where that fails: nobody asked for this device by name. */
void siren_device_allow_host(siren_device *device);
/* After a failure: whether the host takes the device's place from now on, siren_device_name() included. With a warning
 * the first time, which begins with the present message. */
bool siren_device_replace(siren_device *device);
bool siren_device_is_replaced(const siren_device *device);

/* Waits until everything enqueued has run. A device error surfaces here at the latest (DEVICE). */
siren_status siren_device_finish(siren_device *device);

/* For tests: the nth call to the device from now on (0 = the next) fails with `status`, and so does every later one;
 * SIREN_OK takes that back. */
void siren_device_inject_failure(siren_device *device, long nth, siren_status status);
/* For tests: buffers have room for so many bytes together; 0: what there is. Others fail when they are created
 * (CL_MEM_OBJECT_ALLOCATION_FAILURE) or, `late`, at every use of the device while they exist (CL_OUT_OF_RESOURCES,
 * NVIDIA's way). */
void siren_device_limit_room(siren_device *device, size_t bytes, bool late);

#endif
