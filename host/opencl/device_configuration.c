#include "host/opencl/device_configuration.h"

#include "host/opencl/opencl.h"

siren_configuration siren_device_configuration(const siren_device *device, siren_width_class shape) {
    return device->configurations[device->facts.family][shape];
}

void siren_device_configure(siren_device *device, siren_width_class shape,
                            const siren_configuration *configuration) {
    device->configurations[device->facts.family][shape] = *configuration;
}
