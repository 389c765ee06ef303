/* Opens the device that tests run on: SIRENCL_DEVICE, else the first one. Ends the test where there is none. */
#ifndef SIREN_TESTS_DEVICES_H
#define SIREN_TESTS_DEVICES_H

#include "host/opencl/device.h"
#include "engine/calls.h"
#include "tests/shared/testing.h"

#include <unistd.h>

static inline siren_device *open_test_device(siren_family family) {
    siren_device *device = NULL;
    if (siren_device_open(NULL, &device) != SIREN_OK) {
        print_message("skipped: %s\n", siren_message());
        exit(77);
    }
    siren_device_set_family(device, family);
    return device;
}

/* The chain family is for CPUs: other compilers may take minutes for it. */
static inline siren_family first_family(const siren_device *device) {
    return siren_device_get_facts(device)->is_cpu ? SIREN_FAMILY_CHAIN : SIREN_FAMILY_LAYER;
}

/* Runs the tests once on each kernel family of the test device, with *device set to it. Returns the number that failed. */
static inline int run_on_families(siren_device **device, const struct CMUnitTest *tests, size_t n_tests) {
    int failed = 0;
    for (int family = SIREN_FAMILY_CHAIN; family <= SIREN_FAMILY_LAYER; family++) {
        *device = open_test_device((siren_family)family);
        if (family < (int)first_family(*device)) {
            siren_device_close(*device);
            continue;
        }
        failed +=
            _cmocka_run_group_tests(siren_family_name((siren_family)family), tests, n_tests, NULL, NULL);
        siren_device_close(*device);
    }
    return failed;
}

/* The same with CLBlast's products. */
static inline int run_with_clblast(siren_device **device, const struct CMUnitTest *tests, size_t n_tests) {
    *device = open_test_device(SIREN_FAMILY_LAYER);
    siren_device_set_gemm(*device, SIREN_GEMM_CLBLAST);
    int failed = _cmocka_run_group_tests("clblast", tests, n_tests, NULL, NULL);
    siren_device_close(*device);
    return failed;
}

/* Lets `device` fail at one call after another of a compression, until a run has fewer calls: each failure is reported as the
 * device's, and leaves no archive. The archive of the last run stays. */
static inline void fail_every_call(siren_device *device, const char *image, const char *archive,
                                   const siren_compress_options *options) {
    long nth = 0;
    for (;; nth += 1 + nth / 8) {
        unlink(archive);
        siren_device_inject_failure(device, nth, nth % 2 ? SIREN_DEVICE : SIREN_DEVICE_MEMORY);
        siren_status status = siren_compress_file(device, image, archive, options, NULL, NULL, NULL);
        siren_device_inject_failure(device, 0, SIREN_OK);
        if (status == SIREN_OK) break;
        assert_int_equal(siren_exit_code(status), 7);
        assert_int_not_equal(access(archive, F_OK), 0);
    }
    assert_true(nth > 100);
}

#endif
