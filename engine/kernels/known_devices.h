/* What kernels are built with on devices that nobody has tuned: a table of devices, before the rules for all others. */
#ifndef SIREN_ENGINE_KERNELS_KNOWN_DEVICES_H
#define SIREN_ENGINE_KERNELS_KNOWN_DEVICES_H

#include "host/opencl/configuration.h"
#include "host/opencl/device.h"

typedef struct {
    siren_family family;
    const char *vendor, *name; /* parts of the device's own, in any case; "": any */
    unsigned vector_width;     /* of its floats, at least */
    siren_configuration configuration;
    bool
        measured; /* else it is a cautious guess from the vendor's published register and local memory sizes */
} siren_known_device;

/* (siren_n_known_devices) the first that matches counts. */
extern const siren_known_device siren_known_devices[];
extern const size_t siren_n_known_devices;

/* The entry for a device of such facts, or NULL. */
const siren_known_device *siren_known_device_of(const siren_device_facts *facts);

#endif
