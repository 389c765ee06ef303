/* host/cgroup: the files of Linux's control groups, of both versions, as a machine, a batch system and containers show
 * them. */
#include "tests/shared/testing.h"
#include "host/cgroup.h"
#include "host/file.h"
#include "tests/shared/nifti_files.h"

#include <stdlib.h>
#include <string.h>

#define GIB ((uint64_t)1 << 30)

static int n_roots;

/* A root of its own, so that no file of another case is seen. */
static const char *new_root(void) {
    static char root[4096];
    snprintf(root, sizeof root, "%s/root%d", scratch_folder(), n_roots++);
    return root;
}

static void put(const char *root, const char *path, const char *text) {
    char whole[5000];
    snprintf(whole, sizeof whole, "%s%s", root, path);
    char *slash = strrchr(whole, '/');
    *slash = '\0';
    assert_siren_ok(siren_folder_make(whole));
    *slash = '/';
    assert_siren_ok(siren_file_write(whole, true, text, strlen(text)));
}

static void assert_limits(const char *root, uint64_t memory, unsigned processors) {
    const siren_cgroup_limits limits = siren_cgroup_read(root);
    assert_int_equal(limits.memory_bytes, memory);
    assert_int_equal(limits.processors, processors);
}

static void nothing_is_no_limit(void **state) {
    (void)state;
    assert_limits("/nowhere", UINT64_MAX, 0);
    const char *root = new_root();
    put(root, "/proc/self/cgroup", "0::/\n");
    put(root, "/proc/self/mountinfo", "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    put(root, "/sys/fs/cgroup/memory.max", "max\n");
    put(root, "/sys/fs/cgroup/cpu.max", "max 100000\n");
    assert_limits(root, UINT64_MAX, 0);
}

/* Slurm's and systemd's: the limit may be of a group above. */
static void version_2(void **state) {
    (void)state;
    const char *root = new_root();
    put(root, "/proc/self/cgroup", "0::/system.slice/job_7/step_0\n");
    put(root, "/proc/self/mountinfo",
        "23 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
        "31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n");
    put(root, "/sys/fs/cgroup/system.slice/job_7/step_0/memory.max", "max\n");
    put(root, "/sys/fs/cgroup/system.slice/job_7/step_0/cpu.max", "max 100000\n");
    put(root, "/sys/fs/cgroup/system.slice/job_7/memory.max", "4294967296\n");
    put(root, "/sys/fs/cgroup/system.slice/job_7/cpu.max", "250000 100000\n");
    put(root, "/sys/fs/cgroup/system.slice/memory.max", "8589934592\n");
    assert_limits(root, 4 * GIB, 3);
    put(root, "/sys/fs/cgroup/system.slice/memory.high", "2147483648\n");
    put(root, "/sys/fs/cgroup/system.slice/cpu.max", "1000 100000\n");
    assert_limits(root, 2 * GIB, 1);
}

/* Docker's with a namespace of its own, and without, when the machine's path is told and its own group is mounted. */
static void containers(void **state) {
    (void)state;
    const char *root = new_root();
    put(root, "/proc/self/cgroup", "0::/\n");
    put(root, "/proc/self/mountinfo", "31 23 0:28 /../../ /sys/fs/cgroup ro - cgroup2 cgroup rw\n");
    put(root, "/sys/fs/cgroup/memory.max", "1073741824\n");
    put(root, "/sys/fs/cgroup/cpu.max", "200000 100000\n");
    assert_limits(root, GIB, 2);

    root = new_root();
    put(root, "/proc/self/cgroup",
        "9:memory:/docker/ab12\n4:cpu,cpuacct:/docker/ab12\n1:name=systemd:/docker/ab12\n0::/\n");
    put(root, "/proc/self/mountinfo",
        "40 31 0:36 /docker/ab12 /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n"
        "41 31 0:37 /docker/ab12 /sys/fs/cgroup/memory ro master:3 - cgroup cgroup rw,memory\n");
    put(root, "/sys/fs/cgroup/memory/memory.limit_in_bytes", "1073741824\n");
    put(root, "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "150000\n");
    put(root, "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
    assert_limits(root, GIB, 2);
}

static void version_1(void **state) {
    (void)state;
    const char *root = new_root();
    put(root, "/proc/self/cgroup", "4:memory:/jobs/7\n3:cpuset:/\n2:cpuacct:/\n1:cpu:/jobs/7\n0::/\n");
    put(root, "/proc/self/mountinfo",
        "33 31 0:30 / /sys/fs/cgroup/cpuacct rw,relatime - cgroup cgroup rw,cpuacct\n"
        "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n"
        "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n");
    put(root, "/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    put(root, "/sys/fs/cgroup/memory/jobs/7/memory.limit_in_bytes", "3221225472\n");
    put(root, "/sys/fs/cgroup/cpu/jobs/7/cpu.cfs_quota_us", "-1\n");
    put(root, "/sys/fs/cgroup/cpu/jobs/7/cpu.cfs_period_us", "100000\n");
    put(root, "/sys/fs/cgroup/cpu/jobs/cpu.cfs_quota_us", "400000\n");
    put(root, "/sys/fs/cgroup/cpu/jobs/cpu.cfs_period_us", "100000\n");
    put(root, "/sys/fs/cgroup/cpuacct/jobs/7/cpu.cfs_quota_us", "1\n"); /* of no controller asked for */
    assert_limits(root, 3 * GIB, 4);
}

static void nonsense_is_no_limit(void **state) {
    (void)state;
    static const char *const texts[] = {
        "", "\n", "x y z", "100000", "100000 0", "-5 -5", "99999999999999999999 1"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *root = new_root();
        put(root, "/proc/self/cgroup", "0::/a\nnonsense\n:\n::\n");
        put(root, "/proc/self/mountinfo", "nonsense\n - \n1 2 3 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
        put(root, "/sys/fs/cgroup/a/cpu.max", texts[i]);
        put(root, "/sys/fs/cgroup/memory.max", "5000000000");
        assert_limits(root, 5000000000, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_is_no_limit), cmocka_unit_test(version_2),
                                       cmocka_unit_test(containers), cmocka_unit_test(version_1),
                                       cmocka_unit_test(nonsense_is_no_limit)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
