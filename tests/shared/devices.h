/* The device that tests run on: SIRENCL_DEVICE, else the first one. Where there is none, the program ends as
 * skipped. */
#ifndef SIREN_TESTS_DEVICES_H
#define SIREN_TESTS_DEVICES_H

#include "host/opencl/device.h"
#include "engine/calls.h"
#include "tests/shared/testing.h"

/* Open while tests run that one of the calls below was given. */
extern siren_device *device;

/* Run the tests, and return the number that failed: by one kernel family, by each that suits the device, and with
 * CLBlast's products. */
int run_on_family(siren_family family, const struct CMUnitTest *tests, size_t n_tests);
int run_on_families(const struct CMUnitTest *tests, size_t n_tests);
int run_with_clblast(const struct CMUnitTest *tests, size_t n_tests);

/* Another one, for tests of several; siren_device_close() it. */
siren_device *open_test_device(siren_family family);
/* The chain family is for CPUs: other compilers may take minutes for it. */
siren_family first_family(const siren_device *of);

/* Lets the device fail at one call after another of a compression, until a run has fewer calls: each failure is
 * reported as the device's, and leaves no archive. The archive of the last run stays. */
void fail_every_call(const char *image, const char *archive, const siren_compress_options *options);

#endif
