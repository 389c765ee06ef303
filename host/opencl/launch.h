/* Buffers, programs and kernel launches on an open device. Everything runs in the order enqueued. */
#ifndef SIREN_HOST_OPENCL_LAUNCH_H
#define SIREN_HOST_OPENCL_LAUNCH_H

#include "host/opencl/device.h"

typedef struct siren_buffer siren_buffer;

/* `what` names the buffer in messages. DEVICE_MEMORY when the device has no room: the caller may retry with less.
 * `*out` is yours: siren_buffer_free(). Content is undefined. */
siren_status siren_buffer_create(siren_device *device, size_t bytes, const char *what, siren_buffer **out);
void siren_buffer_free(siren_buffer *buffer);
SIREN_POINTER_RELEASE(siren_buffer, siren_buffer_free)
size_t siren_buffer_bytes(const siren_buffer *buffer);
/* Blocking; offset and count in bytes, inside the buffer. */
siren_status siren_buffer_write(siren_buffer *buffer, size_t offset, const void *bytes, size_t n_bytes);
siren_status siren_buffer_read(siren_buffer *buffer, size_t offset, void *bytes, size_t n_bytes);
/* Enqueued, not waited for. Ranges of a copy do not overlap. */
siren_status siren_buffer_zero(siren_buffer *buffer);
siren_status siren_buffer_copy(siren_buffer *buffer, size_t from, size_t to, size_t n_bytes);

/* A kernel of a source file of cl/, ready to launch. */
typedef struct siren_kernel siren_kernel;

/* Builds `file` ("chain.cl", its includes resolved among the embedded sources, or in SIRENCL_KERNEL_DIR if that is set)
 * with `options` unless the device has it already, and takes the kernel `name` from it. DEVICE with the head of the
 * build log otherwise. `*out` is yours: siren_kernel_free(). */
siren_status siren_kernel_create(siren_device *device, const char *file, const char *options,
                                 const char *name, siren_kernel **out);
void siren_kernel_free(siren_kernel *kernel);
SIREN_POINTER_RELEASE(siren_kernel, siren_kernel_free)

/* One kernel argument. */
typedef struct {
    enum { SIREN_ARGUMENT_BUFFER, SIREN_ARGUMENT_INT, SIREN_ARGUMENT_FLOAT, SIREN_ARGUMENT_LOCAL } kind;
    union {
        const siren_buffer *buffer; /* NULL is a null pointer in the kernel */
        int integer;
        float real;
        size_t local_bytes;
    };
} siren_argument;
#define SIREN_BUFFER(b) ((siren_argument){.kind = SIREN_ARGUMENT_BUFFER, .buffer = (b)})
#define SIREN_INT(i) ((siren_argument){.kind = SIREN_ARGUMENT_INT, .integer = (i)})
#define SIREN_FLOAT(f) ((siren_argument){.kind = SIREN_ARGUMENT_FLOAT, .real = (f)})
#define SIREN_LOCAL(bytes) ((siren_argument){.kind = SIREN_ARGUMENT_LOCAL, .local_bytes = (bytes)})

/* Work-items in up to three dimensions; unused ones are 1. */
typedef struct {
    size_t global[3], local[3];
} siren_range;

/* Work-items of a group for a kernel whose items are vectors on their own: 1 on CPUs, a multiple of a GPU's lanes
 * else. */
size_t siren_element_group(const siren_device *device);

/* Enqueues the kernel; the number of arguments is checked against the kernel's, the work-group against the device. */
siren_status siren_launch_arguments(siren_kernel *kernel, siren_range range, size_t n_arguments,
                                    const siren_argument *arguments);
#define SIREN_LAUNCH(kernel, range, ...)                                                                     \
    siren_launch_arguments(kernel, range, sizeof((siren_argument[]){__VA_ARGS__}) / sizeof(siren_argument),  \
                           (siren_argument[]){__VA_ARGS__})

#endif
