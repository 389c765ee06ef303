/* host/process: how programs end, what they wrote, and that nothing of them stays. */
#include "tests/shared/testing.h"
#include "host/process.h"
#include "host/threads.h"
#include "tests/shared/nifti_files.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ARGUMENTS(...) ((const char *const[]){__VA_ARGS__, NULL})

static siren_process_result run(const siren_process_plan *plan) {
    siren_process_result result = {0};
    assert_siren_ok(siren_process_run(plan, NULL, NULL, &result));
    return result;
}

static siren_process_result run_script(const char *script, double time_limit) {
    return run(&(siren_process_plan){.arguments = ARGUMENTS("sh", "-c", script), .time_limit = time_limit});
}

static void outputs_and_exit_code(void **state) {
    (void)state;
    siren_process_plan plan = {.arguments = ARGUMENTS("sh", "-c", "echo out; echo err >&2; exit 7")};
    siren_process_result result = run(&plan);
    assert_int_equal(result.exit_code, 7);
    assert_int_equal(result.signal, 0);
    assert_false(result.timed_out);
    assert_string_equal(result.output, "out\n");
    assert_string_equal(result.errors, "err\n");
    assert_int_equal(siren_process_check(&plan, &result), SIREN_SYSTEM);
    assert_string_equal(siren_message(), "sh failed with exit code 7: err");
    siren_process_result_free(&result);

    result = run_script("kill -SEGV $$", 0);
    assert_int_equal(result.exit_code, -1);
    assert_int_equal(result.signal, SIGSEGV);
    assert_int_equal(siren_process_check(&plan, &result), SIREN_SYSTEM);
    assert_non_null(strstr(siren_message(), "sh was ended by signal 11"));
    siren_process_result_free(&result);
}

static void no_shell_and_no_input(void **state) {
    (void)state;
    siren_process_plan plan = {.arguments = ARGUMENTS("printf", "%s|", "$HOME; ls *", "a b", "")};
    siren_process_result result = run(&plan);
    assert_string_equal(result.output, "$HOME; ls *|a b||");
    assert_siren_ok(siren_process_check(&plan, &result));
    siren_process_result_free(&result);
    result = run(&(siren_process_plan){.arguments = ARGUMENTS("cat"), .time_limit = 10});
    assert_int_equal(result.exit_code, 0);
    assert_string_equal(result.output, "");
    siren_process_result_free(&result);
}

static void folder_and_environment(void **state) {
    (void)state;
    setenv("SIREN_TEST_KEPT", "kept", 1);
    setenv("SIREN_TEST_CHANGED", "old", 1);
    siren_process_plan plan = {
        .arguments =
            ARGUMENTS("sh", "-c", "echo ${PWD##*/} $SIREN_TEST_KEPT $SIREN_TEST_CHANGED $SIREN_TEST_NEW"),
        .folder = scratch_folder(),
        .environment = ARGUMENTS("SIREN_TEST_NEW=new", "SIREN_TEST_CHANGED=changed")};
    siren_process_result result = run(&plan);
    char expected[100];
    snprintf(expected, sizeof expected, "%s kept changed new\n", scratch_folder());
    assert_string_equal(result.output, expected);
    siren_process_result_free(&result);
    unsetenv("SIREN_TEST_KEPT");
    unsetenv("SIREN_TEST_CHANGED");
}

/* A program that writes more than is kept, and than a pipe holds. */
static void the_end_of_long_output_is_kept(void **state) {
    (void)state;
    siren_process_result result =
        run(&(siren_process_plan){.arguments = ARGUMENTS("seq", "1", "200000"), .output_limit = 14});
    assert_string_equal(result.output, "199999\n200000\n");
    siren_process_result_free(&result);
    result = run(&(siren_process_plan){.arguments = ARGUMENTS("seq", "1", "200000"), .output_limit = 10});
    assert_string_equal(result.output, "99\n200000\n");
    siren_process_result_free(&result);
}

/* Whether the process whose number `text` begins with is gone, or will be within a second. */
static bool is_gone(const char *text) {
    pid_t pid = (pid_t)atol(text);
    assert_true(pid > 1);
    for (int i = 0; i < 100; i++) {
        if (kill(pid, 0) != 0 && errno == ESRCH) return true;
        char path[64], stat[300] = "";
        snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
        FILE *file = fopen(path, "r");
        bool zombie = !file || (fgets(stat, sizeof stat, file) && strstr(stat, ") Z "));
        if (file) fclose(file);
        if (zombie) return true; /* an orphan that waits for its new parent */
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    return false;
}

static void the_time_limit_ends_it(void **state) {
    (void)state;
    siren_process_plan plan = {.arguments = ARGUMENTS("sleep", "60"), .time_limit = 0.3};
    double begin = siren_clock();
    siren_process_result result = run(&plan);
    assert_true(siren_clock() - begin < 1.8);
    assert_true(result.timed_out);
    assert_int_equal(result.signal, SIGTERM);
    assert_int_equal(siren_process_check(&plan, &result), SIREN_SYSTEM);
    assert_string_equal(siren_message(), "sleep did not end within its time limit of 0.3 s");
    siren_process_result_free(&result);

    result = run(&(siren_process_plan){.arguments = ARGUMENTS("yes"), .time_limit = 0.2, .output_limit = 4});
    assert_true(result.timed_out);
    assert_int_equal(strlen(result.output), 4);
    siren_process_result_free(&result);

    /* Deaf to SIGTERM, with a child that is, too. */
    begin = siren_clock();
    result = run_script("trap '' TERM; sleep 60 & echo $!; wait; sleep 60", 0.2);
    double seconds = siren_clock() - begin;
    assert_true(seconds > 2 && seconds < 5);
    assert_int_equal(result.signal, SIGKILL);
    assert_true(is_gone(result.output));
    siren_process_result_free(&result);
}

static bool cancel_later(void *user, double done, double total, const char *what) {
    assert_true(done == 0 && total == 1);
    assert_string_equal(what, "sh");
    return --*(int *)user > 0;
}

static void cancelling_ends_it(void **state) {
    (void)state;
    int calls = 3;
    siren_process_result result = {.exit_code = 55};
    double begin = siren_clock();
    assert_int_equal(
        siren_process_run(&(siren_process_plan){.arguments = ARGUMENTS("sh", "-c", "trap '' TERM; sleep 60")},
                          cancel_later, &calls, &result),
        SIREN_CANCELLED);
    assert_int_equal(calls, 0);
    assert_int_equal(result.exit_code, 55);
    double seconds = siren_clock() - begin;
    assert_true(seconds > 0.4 && seconds < 2);
}

static void nothing_is_left_behind(void **state) {
    (void)state;
    double begin = siren_clock();
    siren_process_result result = run_script("sleep 60 & echo $!", 0); /* the child holds the outputs open */
    assert_true(siren_clock() - begin < 2);
    assert_int_equal(result.exit_code, 0);
    assert_true(is_gone(result.output));
    siren_process_result_free(&result);

    result = run_script("exec >&- 2>&-; sleep 0.3; exit 3", 0); /* ends later than its outputs */
    assert_int_equal(result.exit_code, 3);
    siren_process_result_free(&result);
    errno = 0;
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static int open_descriptors(void) {
    int n = 0;
    DIR *listing = opendir("/proc/self/fd");
    assert_non_null(listing);
    while (readdir(listing)) n++;
    closedir(listing);
    return n;
}

typedef struct {
    char descriptors[64]; /* what a program run alone gets */
    int failures[6];
} process_team;

static void run_many(void *user, size_t thread) {
    process_team *team = user;
    for (int i = 0; i < 15; i++) {
        char script[64], expected[96];
        snprintf(script, sizeof script, "ls /proc/self/fd | wc -l; echo %zu.%d; exit %d", thread, i, i);
        snprintf(expected, sizeof expected, "%s%zu.%d\n", team->descriptors, thread, i);
        siren_process_result result = {0};
        siren_status status = siren_process_run(
            &(siren_process_plan){.arguments = ARGUMENTS("sh", "-c", script)}, NULL, NULL, &result);
        if (status != SIREN_OK || result.exit_code != i || strcmp(result.output, expected) != 0)
            team->failures[thread]++;
        siren_process_result_free(&result);
    }
}

/* Of programs run side by side none inherits, or leaves, a descriptor of another's. */
static void threads_do_not_mix(void **state) {
    (void)state;
    process_team team = {0};
    int before = open_descriptors();
    siren_process_result alone = run_script("ls /proc/self/fd | wc -l", 0);
    snprintf(team.descriptors, sizeof team.descriptors, "%s", alone.output);
    siren_process_result_free(&alone);
    siren_threads_run(6, run_many, &team);
    for (int i = 0; i < 6; i++) assert_int_equal(team.failures[i], 0);
    assert_int_equal(open_descriptors(), before);
}

/* A caller without standard descriptors of its own. */
static void closed_standard_descriptors(void **state) {
    (void)state;
    int kept = dup(STDIN_FILENO);
    close(STDIN_FILENO);
    siren_process_result result = run_script("echo out; echo err >&2", 0);
    if (kept >= 0) {
        dup2(kept, STDIN_FILENO);
        close(kept);
    }
    assert_string_equal(result.output, "out\n");
    assert_string_equal(result.errors, "err\n");
    siren_process_result_free(&result);
}

static void what_cannot_start_is_reported(void **state) {
    (void)state;
    siren_process_result result = {.exit_code = 55};
    int before = open_descriptors();
    assert_int_equal(siren_process_run(&(siren_process_plan){.arguments = ARGUMENTS("no-such-program")}, NULL,
                                       NULL, &result),
                     SIREN_SYSTEM);
    assert_string_equal(siren_message(),
                        "the program no-such-program is not there; install it, or add its folder to PATH");
    assert_int_equal(
        siren_process_run(&(siren_process_plan){.arguments = ARGUMENTS("ls"), .folder = "/no/such/folder"},
                          NULL, NULL, &result),
        SIREN_SYSTEM);
    assert_non_null(strstr(siren_message(), "in the folder /no/such/folder"));
    assert_int_equal(
        siren_process_run(&(siren_process_plan){.arguments = ARGUMENTS("/etc/passwd")}, NULL, NULL, &result),
        SIREN_SYSTEM);
    assert_int_equal(result.exit_code, 55);
    assert_int_equal(open_descriptors(), before);
}

static void programs_are_found(void **state) {
    (void)state;
    assert_true(siren_process_find("sh"));
    assert_true(siren_process_find("/bin/sh"));
    assert_false(siren_process_find("no-such-program"));
    assert_false(siren_process_find("/etc/passwd"));
    assert_false(siren_process_find("/bin"));
    assert_false(siren_process_find(""));
    char *path = strdup(getenv("PATH"));
    setenv("PATH", "/nowhere:/bin", 1);
    assert_true(siren_process_find("sh"));
    setenv("PATH", "/nowhere", 1);
    assert_false(siren_process_find("sh"));
    setenv("PATH", path, 1);
    free(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outputs_and_exit_code),       cmocka_unit_test(no_shell_and_no_input),
        cmocka_unit_test(folder_and_environment),      cmocka_unit_test(the_end_of_long_output_is_kept),
        cmocka_unit_test(the_time_limit_ends_it),      cmocka_unit_test(cancelling_ends_it),
        cmocka_unit_test(nothing_is_left_behind),      cmocka_unit_test(threads_do_not_mix),
        cmocka_unit_test(closed_standard_descriptors), cmocka_unit_test(what_cannot_start_is_reported),
        cmocka_unit_test(programs_are_found),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_remove();
    return failed;
}
