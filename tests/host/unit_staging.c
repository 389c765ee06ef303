/* host/staging: files appear in a folder together or not at all. */
#include "tests/shared/testing.h"
#include "tests/shared/nifti_files.h"

#include <dirent.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/staging.h"
#include "tests/shared/refused_call.h"

#include <errno.h>
#include <linux/fs.h>

#define MARK ".made-by-sirencl-and-removed-by-it"

static const char *const names[] = {"first", "second", "last"};

static int entries_in(const char *folder) {
    int n = 0;
    DIR *d = opendir(folder);
    if (!d) return -1;
    for (struct dirent *e; (e = readdir(d));)
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    closedir(d);
    return n;
}

static siren_staging *open_staging(const char *folder, bool overwrite) {
    siren_staging *staging = NULL;
    assert_siren_ok(siren_staging_open(folder, names, 3, overwrite, &staging));
    return staging;
}

static void put(const siren_staging *staging, const char *name, const char *text) {
    char *path = NULL;
    assert_siren_ok(siren_staging_path(staging, name, &path));
    file_put(path, text, strlen(text));
    free(path);
}

static void expect(const char *name, const char *text) {
    char path[64];
    size_t n;
    snprintf(path, sizeof path, "out/%s", name);
    uint8_t *bytes = file_get(scratch_path(path), &n);
    assert_int_equal(n, strlen(text));
    assert_memory_equal(bytes, text, n);
    free(bytes);
}

static void what_was_made_appears_at_commit(void **state) {
    (void)state;
    siren_staging *staging = open_staging(scratch_path("out"), false);
    put(staging, "first", "1");
    put(staging, "last", "3");
    put(staging, "scratch", "x");
    assert_int_equal(mkdir(siren_staging_folder(staging), 0700), -1); /* it is there */
    assert_false(file_exists(scratch_path("out/first")));
    assert_siren_ok(siren_staging_commit(staging));
    expect("first", "1");
    expect("last", "3");
    assert_int_equal(entries_in(scratch_path("out")), 2);
}

static void nothing_is_replaced_without_consent(void **state) {
    (void)state;
    siren_staging *staging = NULL;
    assert_int_equal(siren_staging_open(scratch_path("out"), names, 3, false, &staging), SIREN_USAGE);
    assert_null(staging);
    assert_int_equal(entries_in(scratch_path("out")), 2);
    /* With consent, those of an earlier time that were not made go: the folder is of one time. */
    staging = open_staging(scratch_path("out"), true);
    put(staging, "second", "two");
    file_put(scratch_path("out/theirs"), "t", 1);
    assert_siren_ok(siren_staging_commit(staging));
    expect("second", "two");
    expect("theirs", "t");
    assert_int_equal(entries_in(scratch_path("out")), 2);
}

/* A folder under the last name cannot be replaced: what was there before comes back. */
static bool failed_commit_changes_nothing(void) {
    siren_staging *staging = NULL;
    siren_status status = siren_staging_open(scratch_path("mixed"), names, 3, true, &staging);
    if (status != SIREN_OK) return false;
    put(staging, "first", "new");
    put(staging, "last", "new");
    if (siren_staging_commit(staging) != SIREN_SYSTEM ||
        !strstr(siren_message(), "mixed/last: cannot be replaced"))
        return false;
    size_t n = 0;
    uint8_t *first = file_get(scratch_path("mixed/first"), &n),
            *second = file_get(scratch_path("mixed/second"), &n);
    bool same = n == 5 && memcmp(first, "older", 5) == 0 && memcmp(second, "older", 5) == 0;
    free(first), free(second);
    return same && entries_in(scratch_path("mixed")) == 3;
}

static void a_commit_is_complete_or_nothing(void **state) {
    (void)state;
    int how = 0;
    assert_int_equal(mkdir(scratch_path("mixed"), 0700), 0);
    assert_int_equal(mkdir(scratch_path("mixed/last"), 0700), 0);
    file_put(scratch_path("mixed/first"), "older", 5);
    file_put(scratch_path("mixed/second"), "older", 5);
    assert_true(failed_commit_changes_nothing());
    /* On file systems that can neither exchange two names nor rename without replacing, too. */
    pid_t pid = fork();
    if (pid == 0) {
        if (!refuse_call(SYS_renameat2, 4, RENAME_EXCHANGE, EINVAL) ||
            !refuse_call(SYS_renameat2, 4, RENAME_NOREPLACE, EINVAL))
            _exit(77);
        bool same = failed_commit_changes_nothing();
        siren_staging *staging = open_staging(scratch_path("mixed"), true);
        rmdir(scratch_path("mixed/last"));
        put(staging, "first", "new");
        put(staging, "last", "new");
        _exit(!same || siren_staging_commit(staging) != SIREN_OK || entries_in(scratch_path("mixed")) != 2);
    }
    assert_int_equal(waitpid(pid, &how, 0), pid);
    if (!WIFEXITED(how) || WEXITSTATUS(how) != 77) {
        size_t n;
        assert_int_equal(how, 0);
        uint8_t *first = file_get(scratch_path("mixed/first"), &n);
        assert_int_equal(n, 3);
        free(first);
    }
    siren_staging *staging = open_staging(scratch_path("mixed"), true);
    rmdir(scratch_path("mixed/last"));
    assert_siren_ok(siren_staging_commit(staging)); /* nothing was made: the older ones go */
    assert_int_equal(entries_in(scratch_path("mixed")), 0);
    rmdir(scratch_path("mixed"));
}

static void what_appeared_meanwhile_is_not_replaced(void **state) {
    (void)state;
    for (int made = 0; made < 2; made++) {
        size_t n;
        siren_staging *staging = open_staging(scratch_path("race"), false);
        put(staging, "first", "ours");
        if (made) put(staging, "last", "ours");
        file_put(scratch_path("race/last"), "theirs", 6);
        assert_int_equal(siren_staging_commit(staging), SIREN_USAGE);
        assert_non_null(strstr(siren_message(), "race/last: appeared"));
        assert_int_equal(entries_in(scratch_path("race")), 1);
        uint8_t *bytes = file_get(scratch_path("race/last"), &n);
        assert_memory_equal(bytes, "theirs", 6);
        free(bytes);
        remove(scratch_path("race/last"));
    }
    rmdir(scratch_path("race"));
}

static void without_a_folder_it_is_the_temporary_one(void **state) {
    (void)state;
    siren_staging *staging = NULL;
    assert_int_equal(setenv("TMPDIR", scratch_path("temporary"), 1), 0);
    assert_siren_ok(siren_staging_open(NULL, NULL, 0, true, &staging));
    assert_non_null(strstr(siren_staging_folder(staging), "/temporary/."));
    siren_staging_discard(staging);
    assert_int_equal(entries_in(scratch_path("temporary")), -1);
    assert_int_equal(unsetenv("TMPDIR"), 0);
}

static void discarding_leaves_nothing(void **state) {
    (void)state;
    char *path = NULL;
    siren_staging *staging = open_staging(scratch_path("deeper"), false);
    put(staging, "first", "1");
    assert_siren_ok(siren_staging_path(staging, "tree", &path));
    assert_int_equal(mkdir(path, 0700), 0);
    free(path);
    put(staging, "tree/leaf", "l");
    siren_staging_discard(staging);
    assert_int_equal(entries_in(scratch_path("deeper")), -1);
    staging = open_staging(scratch_path("out"), true);
    put(staging, "second", "other");
    siren_staging_discard(staging);
    expect("second", "two");
    assert_int_equal(entries_in(scratch_path("out")), 2);
    siren_staging_discard(NULL);
}

/* As a signal handler does; the staging's owner may still discard it. */
static void abandoning_leaves_nothing(void **state) {
    (void)state;
    char *path = NULL;
    siren_staging *staging = open_staging(scratch_path("deeper"), false);
    for (int i = 0; i < 300; i++) { /* more than one reading of the folder */
        char name[32];
        snprintf(name, sizeof name, "file-with-a-long-name-%d", i);
        put(staging, name, "1");
    }
    assert_siren_ok(siren_staging_path(staging, "tree", &path));
    assert_int_equal(mkdir(path, 0700), 0);
    free(path);
    put(staging, "tree/leaf", "l");
    assert_siren_ok(siren_staging_path(staging, "link", &path));
    assert_int_equal(symlink("/", path), 0);
    free(path);
    siren_staging_abandon_all();
    assert_int_equal(entries_in(scratch_path("deeper")), -1);
    siren_staging_discard(staging);
}

/* Folders named as hidden ones are may be a user's own: only what has the mark in it goes, and the mark goes last. */
static void folders_of_a_user_stay(void **state) {
    (void)state;
    const char *kept[] = {"user/.siren-backup", "user/.siren-images", "user/.siren-linked",
                          "user/.siren-subdir"};
    const char *files[] = {"a.nii", "made-by-sirencl-and-removed-by-it", MARK, MARK "/a.nii"};
    char path[128];
    assert_int_equal(mkdir(scratch_path("user"), 0700), 0);
    for (size_t i = 0; i < 4; i++) assert_int_equal(mkdir(scratch_path(kept[i]), 0700), 0);
    assert_int_equal(mkdir(scratch_path("user/.siren-subdir/" MARK), 0700), 0);
    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/%s", kept[i], files[i]);
        if (i != 2) file_put(scratch_path(path), "mine", 4);
    }
    assert_int_equal(symlink("../.siren-backup/a.nii", scratch_path("user/.siren-linked/" MARK)), 0);
    /* Killed while one was made, and while one was removed. */
    assert_int_equal(mkdir(scratch_path("user/.siren-empty0"), 0700), 0);
    assert_int_equal(mkdir(scratch_path("user/.siren-marked"), 0700), 0);
    file_put(scratch_path("user/.siren-marked/" MARK), "", 0);
    siren_staging_discard(open_staging(scratch_path("user"), true));
    assert_int_equal(entries_in(scratch_path("user")), 4);
    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/%s", kept[i], files[i]);
        assert_int_equal(unlink(scratch_path(path)), 0);
        if (i == 3) assert_int_equal(rmdir(scratch_path("user/.siren-subdir/" MARK)), 0);
        assert_int_equal(rmdir(scratch_path(kept[i])), 0);
    }
    assert_int_equal(rmdir(scratch_path("user")), 0);
}

/* A process that opens a staging in the folder, tells its hidden folder and waits to be killed. */
static pid_t start_owner(const char *folder, char hidden[256]) {
    int told[2];
    assert_int_equal(pipe(told), 0);
    pid_t pid = fork();
    if (pid == 0) {
        siren_staging *staging = NULL;
        char name[256] = "";
        if (siren_staging_open(folder, names, 3, true, &staging) == SIREN_OK) {
            snprintf(name, sizeof name, "%s", siren_staging_folder(staging));
            put(staging, "half", "made");
        }
        ssize_t n = write(told[1], name, sizeof name);
        for (;;) pause();
        (void)n;
    }
    assert_true(pid > 0);
    close(told[1]);
    assert_int_equal(read(told[0], hidden, 256), 256);
    close(told[0]);
    assert_true(*hidden);
    return pid;
}

static void leftovers_of_the_dead_go_and_those_of_the_living_stay(void **state) {
    (void)state;
    char dead[256], living[256], folder[64];
    snprintf(folder, sizeof folder, "%s", scratch_path("shared"));
    pid_t killed = start_owner(folder, dead), alive = start_owner(folder, living);
    siren_staging *mine = open_staging(folder, true);
    siren_staging_clear_leftovers(folder);
    assert_true(file_exists(dead) && file_exists(living) && file_exists(siren_staging_folder(mine)));
    assert_int_equal(kill(killed, SIGKILL), 0);
    assert_int_equal(waitpid(killed, NULL, 0), killed);
    assert_true(file_exists(dead));
    siren_staging_discard(open_staging(folder, true));
    assert_false(file_exists(dead));
    assert_true(file_exists(living) && file_exists(siren_staging_folder(mine)));
    put(mine, "first", "1");
    assert_int_equal(kill(alive, SIGKILL), 0);
    assert_int_equal(waitpid(alive, NULL, 0), alive);
    siren_staging_clear_leftovers(folder);
    assert_false(file_exists(living));
    assert_true(file_exists(siren_staging_folder(mine)));
    /* What merely looks alike: other names, a file, a link. */
    const char *alike[] = {"shared/.siren-abc", "shared/.siren-abcdefg", "shared/.sirex-abcdef"};
    for (size_t i = 0; i < 3; i++) assert_int_equal(mkdir(scratch_path(alike[i]), 0700), 0);
    file_put(scratch_path("shared/.siren-afile0"), "f", 1);
    assert_int_equal(symlink("/", scratch_path("shared/.siren-alink0")), 0);
    siren_staging_clear_leftovers(folder);
    for (size_t i = 0; i < 3; i++) assert_int_equal(rmdir(scratch_path(alike[i])), 0);
    assert_int_equal(unlink(scratch_path("shared/.siren-afile0")), 0);
    assert_int_equal(unlink(scratch_path("shared/.siren-alink0")), 0);
    siren_staging_discard(mine);
    siren_staging_clear_leftovers(scratch_path("absent"));
    assert_int_equal(rmdir(folder), 0);
}

static void folders_that_cannot_be(void **state) {
    (void)state;
    siren_staging *staging = NULL;
    file_put(scratch_path("file"), "f", 1);
    assert_int_equal(siren_staging_open(scratch_path("file"), names, 3, false, &staging), SIREN_USAGE);
    assert_null(staging);
    assert_true(file_exists(scratch_path("file")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_made_appears_at_commit),
        cmocka_unit_test(nothing_is_replaced_without_consent),
        cmocka_unit_test(a_commit_is_complete_or_nothing),
        cmocka_unit_test(what_appeared_meanwhile_is_not_replaced),
        cmocka_unit_test(without_a_folder_it_is_the_temporary_one),
        cmocka_unit_test(discarding_leaves_nothing),
        cmocka_unit_test(abandoning_leaves_nothing),
        cmocka_unit_test(leftovers_of_the_dead_go_and_those_of_the_living_stay),
        cmocka_unit_test(folders_of_a_user_stay),
        cmocka_unit_test(folders_that_cannot_be),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    static const char *const left[] = {"out/second", "out/theirs"};
    for (size_t i = 0; i < 2; i++) remove(scratch_path(left[i]));
    scratch_remove();
    return failed;
}
