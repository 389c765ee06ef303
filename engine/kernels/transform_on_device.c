#include "engine/kernels/transform_on_device.h"

#include "host/opencl/device.h"
#include "host/opencl/launch.h"

#include <stdlib.h>

#define PLACES SIREN_TRANSFORM_BLOCK
#define UNIT_OF_ONE 10 /* 2^-unit, of which y is a multiple of 2^-24 by 14 bits of a vector */

struct siren_transform_on_device {
    siren_device *device;
    size_t n_components, n_volumes;
    siren_kernel *rebuild, *combine;
    siren_buffer *vectors, *mean;
};

void siren_transform_on_device_free(siren_transform_on_device *transform) {
    if (!transform) return;
    siren_kernel_free(transform->rebuild);
    siren_kernel_free(transform->combine);
    siren_buffer_free(transform->vectors);
    siren_buffer_free(transform->mean);
    free(transform);
}

static siren_status upload(siren_device *device, const void *bytes, size_t n_bytes, const char *what,
                           siren_buffer **out) {
    SIREN_TRY(siren_buffer_create(device, n_bytes, what, out));
    return siren_buffer_write(*out, 0, bytes, n_bytes);
}

siren_status siren_transform_on_device_create(siren_device *device, const siren_transform_basis *basis,
                                              siren_transform_on_device **out) {
    SIREN_AT_END(siren_transform_on_device_free_at) siren_transform_on_device *transform = NULL;
    SIREN_TRY(siren_allocate(&transform, 1, sizeof *transform, "the transform"));
    *transform = (siren_transform_on_device){
        .device = device, .n_components = basis->n_components, .n_volumes = basis->n_volumes};
    SIREN_TRY(siren_kernel_create(device, "transform.cl", "", "transform_rebuild", &transform->rebuild));
    SIREN_TRY(siren_kernel_create(device, "transform.cl", "", "transform_combine", &transform->combine));
    SIREN_TRY(upload(device, basis->mean, basis->n_volumes, "the basis", &transform->mean));
    if (basis->n_components > 0)
        SIREN_TRY(upload(device, basis->vectors,
                         basis->n_components * basis->n_volumes * sizeof *basis->vectors, "the basis",
                         &transform->vectors));
    *out = SIREN_TAKE(transform);
    return SIREN_OK;
}

siren_status siren_transform_on_device_run(siren_transform_on_device *transform,
                                           const siren_transform_coefficients *slice, size_t n_points,
                                           siren_span volumes, float *y) {
    const siren_slice_grid *grid = &slice->grid;
    const size_t n_blocks = grid->n_blocks, n_components = transform->n_components,
                 n_out = volumes.end - volumes.begin, n_bytes = n_points * n_out * sizeof *y;
    SIREN_AT_END(siren_buffer_free_at) siren_buffer *values = NULL;
    SIREN_AT_END(siren_buffer_free_at) siren_buffer *used = NULL;
    SIREN_AT_END(siren_buffer_free_at) siren_buffer *points = NULL;
    SIREN_AT_END(siren_buffer_free_at) siren_buffer *targets = NULL;
    if (n_points == 0) return SIREN_OK;
    if (n_components > 0)
        SIREN_TRY(upload(transform->device, slice->values,
                         n_components * n_blocks * PLACES * sizeof *slice->values, "the components",
                         &values));
    SIREN_TRY(upload(transform->device, grid->used, n_blocks, "a slice's blocks", &used));
    SIREN_TRY(upload(transform->device, grid->points, n_blocks * PLACES * sizeof *grid->points,
                     "a slice's points", &points));
    SIREN_TRY(siren_buffer_create(transform->device, n_bytes, "the decoded slice", &targets));
    size_t lanes = siren_element_group(transform->device);
    if (n_components > 0)
        SIREN_TRY(SIREN_LAUNCH(transform->rebuild,
                               ((siren_range){.global = {lanes, n_components}, .local = {lanes, 1}}),
                               SIREN_BUFFER(values), SIREN_BUFFER(used), SIREN_INT((int)n_components),
                               SIREN_INT((int)n_blocks), SIREN_INT((int)grid->across)));
    SIREN_TRY(SIREN_LAUNCH(transform->combine, ((siren_range){.global = {PLACES, n_blocks, n_out}}),
                           SIREN_BUFFER(targets), SIREN_BUFFER(values), SIREN_BUFFER(transform->vectors),
                           SIREN_BUFFER(transform->mean), SIREN_BUFFER(points), SIREN_INT((int)n_components),
                           SIREN_INT((int)n_blocks), SIREN_INT((int)transform->n_volumes),
                           SIREN_INT((int)volumes.begin), SIREN_INT((int)n_out),
                           SIREN_INT((int)(slice->unit - UNIT_OF_ONE))));
    return siren_buffer_read(targets, 0, y, n_bytes);
}
