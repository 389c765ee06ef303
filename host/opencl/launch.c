#define _GNU_SOURCE
#include "host/opencl/launch.h"
#include "host/driver_watch.h"
#include "host/opencl/opencl.h"
#include "host/opencl/profile.h"

#include <stdlib.h>
#include <string.h>

static bool lacks_room(const siren_device *device) {
    return device->room > 0 && device->held_bytes > device->room;
}

/* Of a call that uses buffers. */
static siren_status check_use(siren_device *device, cl_int error, const char *what) {
    if (lacks_room(device) && device->late) error = CL_OUT_OF_RESOURCES;
    return siren_opencl_check(device, error, what);
}

siren_status siren_buffer_create(siren_device *device, size_t bytes, const char *what, siren_buffer **out) {
    cl_int error = CL_SUCCESS;
    siren_buffer *buffer = NULL;
    if (bytes == 0) bytes = 1;
    if (bytes > device->facts.max_allocation_bytes)
        return siren_fail(SIREN_DEVICE_MEMORY,
                          "%s: %zu bytes are needed at once, but the device %s allocates at most %llu; use a "
                          "smaller network or another device",
                          what, bytes, device->label, (unsigned long long)device->facts.max_allocation_bytes);
    SIREN_TRY(siren_allocate(&buffer, 1, sizeof *buffer, what));
    buffer->device = device;
    buffer->bytes = bytes;
    buffer->what = what;
    buffer->memory = clCreateBuffer(device->context, CL_MEM_READ_WRITE, bytes, NULL, &error);
    device->held_bytes += bytes;
    if (lacks_room(device) && !device->late) error = CL_MEM_OBJECT_ALLOCATION_FAILURE;
    siren_status status = siren_opencl_check(device, error, "creating a buffer");
    if (status != SIREN_OK) {
        siren_buffer_free(buffer);
        if (status == SIREN_DEVICE_MEMORY)
            siren_fail(
                status,
                "the device %s has no room for %s (%zu bytes); use a smaller network or another device",
                device->label, what, bytes);
        return status;
    }
    *out = buffer;
    return SIREN_OK;
}

void siren_buffer_free(siren_buffer *buffer) {
    if (!buffer) return;
    if (buffer->memory) clReleaseMemObject(buffer->memory);
    buffer->device->held_bytes -= buffer->bytes;
    free(buffer);
}

size_t siren_buffer_bytes(const siren_buffer *buffer) { return buffer->bytes; }

siren_status siren_buffer_write(siren_buffer *buffer, size_t offset, const void *bytes, size_t n_bytes) {
    if (n_bytes == 0) return SIREN_OK;
    siren_timed_call call = siren_timed_call_begin(buffer->device);
    cl_int error = clEnqueueWriteBuffer(buffer->device->queue, buffer->memory, CL_TRUE, offset, n_bytes,
                                        bytes, 0, NULL, siren_timed_call_event(&call));
    siren_timed_call_end(&call, "write buffers");
    siren_device_collect_times(buffer->device);
    return check_use(buffer->device, error, buffer->what);
}

siren_status siren_buffer_read(siren_buffer *buffer, size_t offset, void *bytes, size_t n_bytes) {
    if (n_bytes == 0) return SIREN_OK;
    siren_timed_call call = siren_timed_call_begin(buffer->device);
    cl_int error = clEnqueueReadBuffer(buffer->device->queue, buffer->memory, CL_TRUE, offset, n_bytes, bytes,
                                       0, NULL, siren_timed_call_event(&call));
    siren_timed_call_end(&call, "read buffers");
    siren_device_collect_times(buffer->device);
    return check_use(buffer->device, error, buffer->what);
}

siren_status siren_buffer_zero(siren_buffer *buffer) {
    const cl_uchar zero = 0;
    siren_timed_call call = siren_timed_call_begin(buffer->device);
    cl_int error = clEnqueueFillBuffer(buffer->device->queue, buffer->memory, &zero, 1, 0, buffer->bytes, 0,
                                       NULL, siren_timed_call_event(&call));
    siren_timed_call_end(&call, "fill buffers");
    return check_use(buffer->device, error, buffer->what);
}

siren_status siren_buffer_copy(siren_buffer *buffer, size_t from, size_t to, size_t n_bytes) {
    siren_timed_call call = siren_timed_call_begin(buffer->device);
    cl_int error = clEnqueueCopyBuffer(buffer->device->queue, buffer->memory, buffer->memory, from, to,
                                       n_bytes, 0, NULL, siren_timed_call_event(&call));
    siren_timed_call_end(&call, "copy buffers");
    return check_use(buffer->device, error, buffer->what);
}

siren_status siren_kernel_create(siren_device *device, const char *file, const char *options,
                                 const char *name, siren_kernel **out) {
    SIREN_AT_END(siren_kernel_free_at) siren_kernel *kernel = NULL;
    cl_program program = NULL;
    cl_int error = CL_SUCCESS;
    SIREN_TRY_STAGE("building kernels", siren_program_get(device, file, options, &program));
    SIREN_TRY(siren_allocate(&kernel, 1, sizeof *kernel, name));
    kernel->device = device;
    kernel->name = strdup(name);
    if (!kernel->name) return siren_fail(SIREN_SYSTEM, "out of memory: cannot name the kernel %s", name);
    int before = siren_driver_enter(SIREN_DRIVER_BUILDING);
    kernel->kernel = clCreateKernel(program, name, &error);
    siren_driver_leave(before);
    SIREN_TRY(siren_opencl_check(device, error, name));
    SIREN_TRY(siren_opencl_check(device,
                                 clGetKernelInfo(kernel->kernel, CL_KERNEL_NUM_ARGS,
                                                 sizeof kernel->n_arguments, &kernel->n_arguments, NULL),
                                 name));
    *out = SIREN_TAKE(kernel);
    return SIREN_OK;
}

void siren_kernel_free(siren_kernel *kernel) {
    if (!kernel) return;
    if (kernel->kernel) clReleaseKernel(kernel->kernel);
    free(kernel->name);
    free(kernel);
}

static cl_int set_argument(cl_kernel kernel, cl_uint index, const siren_argument *argument) {
    switch (argument->kind) {
    case SIREN_ARGUMENT_BUFFER:
        return clSetKernelArg(kernel, index, sizeof(cl_mem),
                              argument->buffer ? &argument->buffer->memory : NULL);
    case SIREN_ARGUMENT_INT:
        return clSetKernelArg(kernel, index, sizeof(cl_int), &argument->integer);
    case SIREN_ARGUMENT_FLOAT:
        return clSetKernelArg(kernel, index, sizeof(cl_float), &argument->real);
    case SIREN_ARGUMENT_LOCAL:
        return clSetKernelArg(kernel, index, argument->local_bytes, NULL);
    }
    return CL_INVALID_ARG_VALUE;
}

size_t siren_element_group(const siren_device *device) {
    if (device->facts.family == SIREN_FAMILY_CHAIN) return 1;
    return device->facts.max_work_group < 64 ? device->facts.max_work_group : 64;
}

siren_status siren_launch_arguments(siren_kernel *kernel, siren_range range, size_t n_arguments,
                                    const siren_argument *arguments) {
    siren_device *device = kernel->device;
    size_t group = 1;
    if (n_arguments != kernel->n_arguments)
        return siren_fail(SIREN_DEVICE, "the kernel %s takes %u argument%s, not %zu", kernel->name,
                          kernel->n_arguments, siren_plural(kernel->n_arguments), n_arguments);
    for (int d = 0; d < 3; d++) {
        if (range.global[d] == 0) range.global[d] = 1;
        if (range.local[d] == 0) range.local[d] = 1;
        range.global[d] = (range.global[d] + range.local[d] - 1) / range.local[d] * range.local[d];
        group *= range.local[d];
    }
    if (group > device->facts.max_work_group)
        return siren_fail(SIREN_DEVICE,
                          "the kernel %s needs work-groups of %zu items, but the device %s allows %zu",
                          kernel->name, group, device->label, device->facts.max_work_group);
    for (cl_uint i = 0; i < n_arguments; i++)
        SIREN_TRY(siren_opencl_check(device, set_argument(kernel->kernel, i, &arguments[i]), kernel->name));
    siren_timed_call call = siren_timed_call_begin(device);
    cl_int error = clEnqueueNDRangeKernel(device->queue, kernel->kernel, 3, NULL, range.global, range.local,
                                          0, NULL, siren_timed_call_event(&call));
    siren_timed_call_end(&call, kernel->name);
    return check_use(device, error, kernel->name);
}
