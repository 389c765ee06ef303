#include "tests/shared/devices.h"

#include <unistd.h>

siren_device *device;

siren_device *open_test_device(siren_family family) {
    siren_device *opened = NULL;
    if (siren_device_open(NULL, &opened) != SIREN_OK) skip_test(siren_message());
    siren_device_set_family(opened, family);
    return opened;
}

siren_family first_family(const siren_device *of) {
    return siren_device_get_facts(of)->is_cpu ? SIREN_FAMILY_CHAIN : SIREN_FAMILY_LAYER;
}

static int run(const char *name, siren_family family, siren_gemm_choice gemm, const struct CMUnitTest *tests,
               size_t n_tests) {
    device = open_test_device(family);
    siren_device_set_gemm(device, gemm);
    int failed = _cmocka_run_group_tests(name, tests, n_tests, NULL, NULL);
    siren_device_close(device);
    device = NULL;
    return failed;
}

int run_on_family(siren_family family, const struct CMUnitTest *tests, size_t n_tests) {
    return run(siren_family_name(family), family, SIREN_GEMM_AUTO, tests, n_tests);
}

int run_on_families(const struct CMUnitTest *tests, size_t n_tests) {
    int failed = 0;
    siren_device *any = open_test_device(SIREN_FAMILY_LAYER);
    siren_family family = first_family(any);
    siren_device_close(any);
    for (; family <= SIREN_FAMILY_LAYER; family++) failed += run_on_family(family, tests, n_tests);
    return failed;
}

int run_with_clblast(const struct CMUnitTest *tests, size_t n_tests) {
    return run("clblast", SIREN_FAMILY_LAYER, SIREN_GEMM_CLBLAST, tests, n_tests);
}

void fail_every_call(const char *image, const char *archive, const siren_compress_options *options) {
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
