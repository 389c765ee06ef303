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

/* Runs the tests once on each kernel family, with *device set to the test device. Returns the number that failed. */
static inline int run_on_families(siren_device **device, const struct CMUnitTest *tests, size_t n_tests) {
    int failed = 0;
    for (int family = SIREN_FAMILY_CHAIN; family <= SIREN_FAMILY_LAYER; family++) {
        *device = open_test_device((siren_family)family);
        failed +=
            _cmocka_run_group_tests(siren_family_name((siren_family)family), tests, n_tests, NULL, NULL);
        siren_device_close(*device);
    }
    return failed;
}

#endif
