/* Opens the device that tests run on: SIRENCL_DEVICE, else the first one. Ends the test where there is none. */
#ifndef SIREN_TESTS_DEVICES_H
#define SIREN_TESTS_DEVICES_H

#include "host/device.h"
#include "tests/testing.h"

static inline siren_device *open_test_device(siren_family family) {
    siren_device *device = NULL;
    if (siren_device_open(NULL, &device) != SIREN_OK) {
        print_message("skipped: %s\n", siren_message());
        exit(77);
    }
    siren_device_set_family(device, family);
    return device;
}

#endif
