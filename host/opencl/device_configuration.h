/* The configuration that a device's kernels are built with. */
#ifndef SIREN_HOST_OPENCL_DEVICE_CONFIGURATION_H
#define SIREN_HOST_OPENCL_DEVICE_CONFIGURATION_H

#include "host/opencl/configuration.h"
#include "host/opencl/device.h"

/* The device's configuration of its family for a shape; all 0 where none has been set. */
siren_configuration siren_device_configuration(const siren_device *device, siren_width_class shape);
/* For what is created on the device from now on. */
void siren_device_configure(siren_device *device, siren_width_class shape,
                            const siren_configuration *configuration);

#endif
