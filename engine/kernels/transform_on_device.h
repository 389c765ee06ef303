/* The inverse of the transform model on a device, to the bits of siren_transform_decode_slice(). */
#ifndef SIREN_ENGINE_KERNELS_TRANSFORM_ON_DEVICE_H
#define SIREN_ENGINE_KERNELS_TRANSFORM_ON_DEVICE_H

#include "engine/transform/transform.h"

typedef struct siren_transform_on_device siren_transform_on_device;

/* `basis` is copied to the device. `*out` is yours. */
siren_status siren_transform_on_device_create(siren_device *device, const siren_transform_basis *basis,
                                              siren_transform_on_device **out);
void siren_transform_on_device_free(siren_transform_on_device *transform);
SIREN_POINTER_RELEASE(siren_transform_on_device, siren_transform_on_device_free)
/* Coefficients of a slice, as siren_transform_read_slice() gives them, to targets `y` (n_points, volumes.end -
 * volumes.begin). */
siren_status siren_transform_on_device_run(siren_transform_on_device *transform,
                                           const siren_transform_coefficients *slice, size_t n_points,
                                           siren_span volumes, float *y);

#endif
