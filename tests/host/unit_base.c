/* host/base and host/rng: statuses, checked arithmetic, Philox known answers. */
#include "tests/shared/testing.h"
#include "host/base.h"
#include "host/rng.h"
#include "tests/shared/refused_call.h"

#include <errno.h>
#include <math.h>
#include <sys/wait.h>
#include <unistd.h>

static void fail_sets_message_and_returns_status(void **state) {
    (void)state;
    assert_int_equal(siren_fail(SIREN_CORRUPT, "%s: %d", "file", 7), SIREN_CORRUPT);
    assert_string_equal(siren_message(), "file: 7");
    assert_int_equal(siren_exit_code(SIREN_CANCELLED), 130);
    assert_string_equal(siren_status_name(SIREN_NO_DEVICE), "NO_DEVICE");
}

static void overflow_is_refused(void **state) {
    (void)state;
    size_t out = 5;
    assert_false(siren_mul(SIZE_MAX, 2, &out));
    assert_false(siren_add(SIZE_MAX, 1, &out));
    assert_int_equal(out, 5);
    void *block = NULL;
    assert_int_equal(siren_allocate(&block, SIZE_MAX, 16, "a test"), SIREN_SYSTEM);
    assert_null(block);
}

/* What went wrong stands behind the path. */
static void long_paths_leave_room_for_the_reason(void **state) {
    (void)state;
    char path[4096];
    memset(path, 'p', sizeof path - 1);
    path[sizeof path - 1] = 0;
    siren_fail(SIREN_SYSTEM, "%s: cannot be opened: %s", path, "the reason");
    assert_non_null(strstr(siren_message(), "the reason"));
}

/* Known answers of the Random123 distribution (kat_vectors, philox4x32 10). */
static void philox_known_answers(void **state) {
    (void)state;
    siren_philox_block zero = siren_philox((siren_philox_block){{0, 0, 0, 0}}, 0, 0);
    const uint32_t expect_zero[4] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
    assert_memory_equal(zero.word, expect_zero, sizeof expect_zero);
    siren_philox_block ones = siren_philox((siren_philox_block){{~0u, ~0u, ~0u, ~0u}}, ~0u, ~0u);
    const uint32_t expect_ones[4] = {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd};
    assert_memory_equal(ones.word, expect_ones, sizeof expect_ones);
}

static void normal_has_unit_moments(void **state) {
    (void)state;
    double sum = 0, squares = 0;
    const int n = 100000;
    for (int i = 0; i < n; i++) {
        double x = siren_rng_normal((siren_rng){1, 2, 3}, (uint64_t)i);
        sum += x;
        squares += x * x;
    }
    assert_true(fabs(sum / n) < 0.02);
    assert_true(fabs(squares / n - 1) < 0.02);
}

/* As where more processors are than the C library's set has room for. */
static void many_processors_are_counted(void **state) {
    (void)state;
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    pid_t pid = fork();
    int how = 0;
    if (pid == 0) {
        if (!refuse_call(SYS_sched_getaffinity, 0, 0, EINVAL)) _exit(77);
        _exit(siren_processors() != n || siren_limit_processors(1) != SIREN_OK);
    }
    assert_int_equal(waitpid(pid, &how, 0), pid);
    if (WIFEXITED(how) && WEXITSTATUS(how) == 77) skip();
    assert_int_equal(how, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fail_sets_message_and_returns_status),
        cmocka_unit_test(overflow_is_refused),
        cmocka_unit_test(long_paths_leave_room_for_the_reason),
        cmocka_unit_test(many_processors_are_counted),
        cmocka_unit_test(philox_known_answers),
        cmocka_unit_test(normal_has_unit_moments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
