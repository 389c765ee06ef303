/* host/file: output appears complete or not at all; folders. */
#include "tests/shared/testing.h"
#include "host/file.h"
#include "tests/shared/nifti_files.h"

#include <dirent.h>
#include <sys/stat.h>
#include <sys/file.h>
#include <unistd.h>

static int files_in(const char *folder) {
    int n = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e; (e = readdir(d));)
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    closedir(d);
    return n;
}

static void nothing_before_commit(void **state) {
    (void)state;
    siren_output *output = NULL;
    const char *path = scratch_path("out");
    size_t n;
    assert_siren_ok(siren_output_open(path, false, &output));
    assert_siren_ok(siren_output_write(output, "hello ", 6));
    assert_siren_ok(siren_output_write_at(output, 8, "later", 5));
    assert_siren_ok(siren_output_write(output, "w", 1));
    assert_false(file_exists(path));
    assert_siren_ok(siren_output_commit(output));
    uint8_t *bytes = file_get(path, &n);
    assert_int_equal(n, 13);
    assert_memory_equal(bytes, "hello w\0later", 13);
    free(bytes);
    assert_int_equal(files_in(scratch_folder()), 1);
}

static void overwriting_needs_consent(void **state) {
    (void)state;
    siren_output *output = NULL;
    const char *path = scratch_path("out");
    assert_int_equal(siren_output_open(path, false, &output), SIREN_USAGE);
    assert_null(output);
    assert_siren_ok(siren_output_open(path, true, &output));
    assert_siren_ok(siren_output_write(output, "new", 3));
    siren_output_discard(output);
    size_t n;
    uint8_t *bytes = file_get(path, &n);
    assert_int_equal(n, 13);
    free(bytes);
    assert_siren_ok(siren_output_open(path, true, &output));
    assert_siren_ok(siren_output_write(output, "new", 3));
    assert_siren_ok(siren_output_commit(output));
    bytes = file_get(path, &n);
    assert_int_equal(n, 3);
    free(bytes);
    /* A name that appears meanwhile is not replaced. */
    assert_siren_ok(siren_output_open(scratch_path("race"), false, &output));
    file_put(scratch_path("race"), "theirs", 6);
    assert_int_equal(siren_output_commit(output), SIREN_USAGE);
    bytes = file_get(scratch_path("race"), &n);
    assert_memory_equal(bytes, "theirs", 6);
    free(bytes);
    assert_int_equal(files_in(scratch_folder()), 2);
    siren_output_abandon_all(); /* nothing is left to abandon */
    assert_int_equal(files_in(scratch_folder()), 2);
}

static void impossible_places_are_refused(void **state) {
    (void)state;
    siren_output *output = NULL;
    uint8_t *bytes = NULL;
    size_t n = 0;
    assert_int_equal(siren_output_open(scratch_path("no/such/folder"), false, &output), SIREN_SYSTEM);
    assert_int_equal(siren_output_open(scratch_folder(), true, &output), SIREN_USAGE);
    assert_int_equal(siren_output_open("", false, &output), SIREN_USAGE);
    assert_int_equal(siren_output_open(scratch_path("new/"), false, &output), SIREN_USAGE);
    char name[300];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = 0;
    assert_int_equal(siren_output_open(scratch_path(name), false, &output), SIREN_SYSTEM);
    assert_null(output);
    assert_int_equal(siren_file_read(scratch_path("missing"), 100, &bytes, &n), SIREN_SYSTEM);
    assert_int_equal(siren_file_read(scratch_folder(), 100, &bytes, &n), SIREN_USAGE);
    assert_int_equal(siren_file_read(scratch_path("race"), 5, &bytes, &n), SIREN_UNSUPPORTED);
    assert_int_equal(mkfifo(scratch_path("fifo"), 0600), 0);
    assert_int_equal(siren_file_read(scratch_path("fifo"), 100, &bytes, &n), SIREN_USAGE);
    assert_null(bytes);
}

static void two_names_of_one_file(void **state) {
    (void)state;
    file_put(scratch_path("one"), "1", 1);
    file_put(scratch_path("two"), "1", 1);
    assert_int_equal(symlink("one", scratch_path("symbolic")), 0);
    assert_int_equal(link(scratch_path("one"), scratch_path("hard")), 0);
    assert_true(siren_file_same(scratch_path("one"), scratch_path("./one")));
    assert_true(siren_file_same(scratch_path("one"), scratch_path("symbolic")));
    assert_true(siren_file_same(scratch_path("hard"), scratch_path("one")));
    assert_false(siren_file_same(scratch_path("one"), scratch_path("two")));
    assert_false(siren_file_same(scratch_path("one"), scratch_path("absent")));
    assert_false(siren_file_same(scratch_path("absent"), scratch_path("absent")));
}

/* Whatever stands there: what is not there yet is taken by its letters. */
static void what_lies_below_what(void **state) {
    (void)state;
    static const char *const same[] = {"place/a/b", "place/a/../a/./b", "way/b", "place//a/b", "place/a/b/."};
    char *folder, *path;
    assert_siren_ok(siren_folder_make(scratch_path("place/a/b")));
    assert_int_equal(symlink("place/a", scratch_path("way")), 0);
    assert_siren_ok(siren_file_canonical(scratch_path("place"), &folder));
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        assert_siren_ok(siren_file_canonical(scratch_path(same[i]), &path));
        assert_string_equal(siren_file_way_below(folder, path), "a/b");
        free(path);
    }
    assert_siren_ok(siren_file_canonical(scratch_path("way/new/one"), &path));
    assert_string_equal(siren_file_way_below(folder, path), "a/new/one");
    assert_null(siren_file_way_below(path, folder));
    assert_null(siren_file_way_below(folder, folder));
    free(path);
    assert_siren_ok(siren_file_canonical(scratch_path("places"), &path));
    assert_null(siren_file_way_below(folder, path));
    free(path);
    free(folder);
    assert_siren_ok(siren_file_canonical("/nowhere/at/all", &path));
    assert_string_equal(path, "/nowhere/at/all");
    free(path);
    assert_siren_ok(siren_file_canonical("/", &path));
    assert_string_equal(path, "");
    free(path);
    assert_int_equal(rmdir(scratch_path("place/a/b")), 0);
    assert_int_equal(rmdir(scratch_path("place/a")), 0);
}

static void folders_are_made(void **state) {
    (void)state;
    struct stat facts;
    assert_siren_ok(siren_folder_make(scratch_path("tree//of/folders/")));
    assert_int_equal(stat(scratch_path("tree/of/folders"), &facts), 0);
    assert_true(S_ISDIR(facts.st_mode));
    assert_siren_ok(siren_folder_make(scratch_path("tree/of/folders")));
    assert_siren_ok(siren_folder_make("/"));
    assert_siren_ok(siren_folder_make("."));
    assert_int_equal(siren_folder_make(""), SIREN_USAGE);
    file_put(scratch_path("tree/file"), "1", 1);
    assert_int_equal(siren_folder_make(scratch_path("tree/file/more")), SIREN_USAGE);
    assert_non_null(strstr(siren_message(), "tree/file is a file"));
    assert_int_equal(siren_folder_make(scratch_path("tree/file")), SIREN_USAGE);
    assert_int_equal(siren_folder_make("/proc/none/here"), SIREN_SYSTEM);
    assert_non_null(strstr(siren_message(), "/proc/none cannot be made"));
    /* Links that are no folders: what is wrong with them, and not that they exist. */
    const char *const links[][3] = {{"tree/a", "b", "link to b: Too many levels of symbolic links"},
                                    {"tree/b", "a", "link to a: Too many levels of symbolic links"},
                                    {"tree/c", "nowhere", "link to nowhere: No such file or directory"}};
    for (size_t i = 0; i < 3; i++) assert_int_equal(symlink(links[i][1], scratch_path(links[i][0])), 0);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(siren_folder_make(scratch_path(links[i][0])), SIREN_SYSTEM);
        assert_non_null(strstr(siren_message(), links[i][2]));
    }
    for (size_t i = 0; i < 3; i++) remove(scratch_path(links[i][0]));
    remove(scratch_path("tree/file"));
    rmdir(scratch_path("tree/of/folders"));
    rmdir(scratch_path("tree/of"));
    rmdir(scratch_path("tree"));
}

static void leftovers_of_killed_processes_go_and_nothing_else(void **state) {
    (void)state;
    siren_output *output = NULL;
    const char *const names[] = {
        "left/.sirencl-1-0.tmp",     "left/.sirencl-1-0",       "left/sirencl-1-0.tmp",
        "left/.other.tmp",           "left/.sirencl-notes.tmp", "left/.sirencl-1-.tmp",
        "left/.sirencl-1-0.tmp.tmp", "left/.sirencl--1-0.tmp",  "left/.sirencl-1-0x.tmp"};
    const size_t n = sizeof names / sizeof *names;
    assert_siren_ok(siren_folder_make(scratch_path("left")));
    for (size_t i = 0; i < n; i++) {
        assert_siren_ok(siren_output_open(scratch_path(names[i]), false, &output));
        assert_siren_ok(siren_output_commit(output));
    }
    int living = open(scratch_path("left/.sirencl-2-0.tmp"), O_CREAT | O_RDWR, 0666);
    assert_int_equal(flock(living, LOCK_EX | LOCK_NB), 0);
    siren_folder_clear_leftovers(scratch_path("left"));
    siren_folder_clear_leftovers(scratch_path("missing"));
    assert_int_equal(unlink(scratch_path("left/.sirencl-2-0.tmp")), 0);
    close(living);
    assert_int_equal(access(scratch_path(names[0]), F_OK), -1);
    for (size_t i = 1; i < n; i++) assert_int_equal(unlink(scratch_path(names[i])), 0);
}

/* Only what is certainly not there is missing: a name that cannot be looked at may be one that must not be replaced. */
static void what_cannot_be_looked_at_may_exist(void **state) {
    (void)state;
    const char *path = scratch_path("there");
    char below[5000];
    assert_false(siren_file_exists(path));
    file_put(path, "x", 1);
    assert_true(siren_file_exists(path));
    snprintf(below, sizeof below, "%s/below", path); /* ENOTDIR */
    assert_false(siren_file_exists(below));
    const char *loop = scratch_path("loop");
    assert_int_equal(symlink("loop", loop), 0);
    assert_true(siren_file_exists(loop)); /* ELOOP */
    unlink(loop);
    unlink(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_before_commit),
        cmocka_unit_test(overwriting_needs_consent),
        cmocka_unit_test(impossible_places_are_refused),
        cmocka_unit_test(two_names_of_one_file),
        cmocka_unit_test(what_lies_below_what),
        cmocka_unit_test(folders_are_made),
        cmocka_unit_test(what_cannot_be_looked_at_may_exist),
        cmocka_unit_test(leftovers_of_killed_processes_go_and_nothing_else),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_remove();
    return failed;
}
