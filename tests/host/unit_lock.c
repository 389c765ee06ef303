#define _GNU_SOURCE
/* host/lock: one holder at a time, and none that is dead. */
#include "tests/shared/testing.h"
#include "host/lock.h"
#include "tests/shared/nifti_files.h"

#include <errno.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* In the place of the C library's: a file system without locks, where that is asked for. */
static int refusal;
int flock(int fd, int operation) {
    if (refusal == 0) return (int)syscall(SYS_flock, fd, operation);
    errno = refusal;
    return -1;
}

static void a_file_system_without_locks_excludes_nobody(void **state) {
    (void)state;
    const int refusals[] = {ENOLCK, EOPNOTSUPP, ENOSYS};
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        siren_lock *first = NULL, *second = NULL;
        refusal = refusals[i];
        assert_siren_ok(siren_lock_acquire(scratch_path("unlocked"), &first));
        assert_siren_ok(siren_lock_acquire(scratch_path("unlocked"), &second));
        refusal = 0;
        siren_lock_release(first);
        siren_lock_release(second);
    }
}

static void one_holder_at_a_time(void **state) {
    (void)state;
    siren_lock *first = NULL, *second = NULL;
    char holder[100];
    const char *path = scratch_path("lock");
    assert_siren_ok(siren_lock_acquire(path, &first));
    assert_int_equal(siren_lock_acquire(path, &second), SIREN_USAGE);
    assert_null(second);
    snprintf(holder, sizeof holder, "%s is in use by process %ld on ", scratch_folder(), (long)getpid());
    assert_non_null(strstr(siren_message(), holder));
    siren_lock_release(first);
    assert_siren_ok(siren_lock_acquire(path, &second));
    siren_lock_release(second);
    siren_lock_release(NULL);
}

/* A killed holder leaves its lock file, and its name in it, but not its lock. */
static void a_killed_holder_lets_go(void **state) {
    (void)state;
    int ready[2];
    char byte;
    siren_lock *lock = NULL;
    const char *path = scratch_path("killed");
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (siren_lock_acquire(path, &lock) == SIREN_OK && write(ready[1], "x", 1) == 1) pause();
        _exit(1);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    char holder[64];
    snprintf(holder, sizeof holder, "by process %ld on ", (long)child);
    assert_int_equal(siren_lock_acquire(path, &lock), SIREN_USAGE);
    assert_non_null(strstr(siren_message(), holder));
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_true(file_exists(path));
    assert_siren_ok(siren_lock_acquire(path, &lock));
    siren_lock_release(lock);
}

/* A program started by the holder does not keep the lock after the holder. */
static void programs_started_do_not_inherit_it(void **state) {
    (void)state;
    siren_lock *lock = NULL;
    const char *path = scratch_path("inherited");
    assert_siren_ok(siren_lock_acquire(path, &lock));
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        execlp("sleep", "sleep", "60", (char *)NULL);
        _exit(1);
    }
    siren_lock_release(lock);
    lock = NULL;
    siren_status status = SIREN_USAGE;
    for (int i = 0; i < 200 && status == SIREN_USAGE; i++) { /* until the child has become sleep */
        status = siren_lock_acquire(path, &lock);
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_siren_ok(status);
    siren_lock_release(lock);
}

static void what_cannot_be_locked_is_reported(void **state) {
    (void)state;
    siren_lock *lock = NULL;
    assert_int_equal(siren_lock_acquire(scratch_path("no/folder"), &lock), SIREN_SYSTEM);
    assert_int_equal(siren_lock_acquire(scratch_folder(), &lock), SIREN_SYSTEM);
    assert_int_equal(symlink("elsewhere", scratch_path("link")), 0);
    assert_int_equal(siren_lock_acquire(scratch_path("link"), &lock), SIREN_SYSTEM);
    assert_false(file_exists(scratch_path("elsewhere")));
    assert_null(lock);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_holder_at_a_time),
        cmocka_unit_test(a_killed_holder_lets_go),
        cmocka_unit_test(programs_started_do_not_inherit_it),
        cmocka_unit_test(what_cannot_be_locked_is_reported),
        cmocka_unit_test(a_file_system_without_locks_excludes_nobody),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_remove();
    return failed;
}
