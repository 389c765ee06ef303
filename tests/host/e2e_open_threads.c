/* Devices may be opened by several threads at once, also where these make OpenCL's first calls. */
#include "host/opencl/device.h"
#include "tests/shared/testing.h"

#include <pthread.h>

enum { N = 6 };

static void *open_one(void *user) {
    siren_device *device = NULL;
    *(siren_status *)user = siren_device_open(NULL, &device);
    siren_device_close(device);
    return NULL;
}

static void all_threads_open(void **state) {
    (void)state;
    pthread_t threads[N];
    siren_status status[N];
    for (size_t i = 0; i < N; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, open_one, &status[i]), 0);
    for (size_t i = 0; i < N; i++) pthread_join(threads[i], NULL);
    if (status[0] == SIREN_NO_DEVICE) skip_case("there is no OpenCL device");
    for (size_t i = 0; i < N; i++) assert_int_equal(status[i], SIREN_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_threads_open)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
