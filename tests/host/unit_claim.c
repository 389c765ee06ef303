/* host/claim: one holder at a time, on this machine and elsewhere, whatever clocks say, and none that is dead. */
#define _GNU_SOURCE
#include "tests/shared/testing.h"
#include "host/claim.h"
#include "host/file.h"
#include "tests/shared/nifti_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EXPIRY 1.5

static siren_claim_plan plan_of(const char *name) {
    return (siren_claim_plan){.folder = strdup(scratch_path(name)), .guards = "RUN", .expiry = EXPIRY};
}

/* scratch_remove() takes no folders that hold something. */
static void end_plan(siren_claim_plan *plan) {
    DIR *listing = opendir(plan->folder);
    for (struct dirent *entry; listing && (entry = readdir(listing));)
        unlinkat(dirfd(listing), entry->d_name, 0);
    if (listing) closedir(listing);
    free((char *)plan->folder);
}

static void nap(double seconds) {
    nanosleep(&(struct timespec){.tv_sec = (time_t)seconds,
                                 .tv_nsec = (long)(1e9 * (seconds - (double)(time_t)seconds))},
              NULL);
}

/* What a process on another machine leaves. `age`: seconds that its last touch is back, by the file system's clock;
 * `expiry`: how long it may be silent, as the file has it. */
static char *leave_file(const siren_claim_plan *plan, const char *name, double age, const char *expiry) {
    char *path = NULL;
    struct timespec times[2];
    struct stat facts;
    assert_siren_ok(siren_folder_make(plan->folder));
    assert_true(asprintf(&path, "%s/%s.1", plan->folder, name) > 0);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "+4711 elsewhere another-boot pid:[1] 99 %s\n", expiry);
    fclose(file);
    assert_int_equal(stat(path, &facts), 0);
    times[0] = times[1] =
        (struct timespec){.tv_sec = facts.st_mtim.tv_sec - (time_t)age, .tv_nsec = facts.st_mtim.tv_nsec};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    return path;
}

static char *leave_foreign(const siren_claim_plan *plan, const char *name, double age) {
    char expiry[32];
    snprintf(expiry, sizeof expiry, "%.3f", EXPIRY);
    return leave_file(plan, name, age, expiry);
}

static bool gives_up(void *user, double done, double total, const char *what) {
    (void)user, (void)done, (void)total, (void)what;
    return false;
}

static void one_holder_at_a_time(void **state) {
    (void)state;
    SIREN_AT_END(end_plan) siren_claim_plan plan = plan_of("one");
    siren_claim *first = NULL, *second = NULL;
    char holder[100];
    assert_siren_ok(siren_claim_acquire(&plan, "part-1-of-2", &first));
    assert_int_equal(siren_claim_acquire(&plan, "part-1-of-2", &second), SIREN_USAGE);
    assert_null(second);
    snprintf(holder, sizeof holder, "RUN is in use by process %ld on ", (long)getpid());
    assert_non_null(strstr(siren_message(), holder));
    assert_siren_ok(siren_claim_acquire(&plan, "part-2-of-2", &second)); /* another name is another claim */
    siren_claim_release(second);
    siren_claim_release(SIREN_TAKE(first));
    assert_siren_ok(siren_claim_acquire(&plan, "part-1-of-2", &first));
    assert_siren_ok(siren_claim_check(first));
    siren_claim_release(first);
    siren_claim_release(NULL);
    assert_siren_ok(siren_claim_check(NULL));
}

static void a_killed_holder_here_is_free_at_once(void **state) {
    (void)state;
    SIREN_AT_END(end_plan) siren_claim_plan plan = plan_of("killed");
    int ready[2];
    char byte;
    siren_claim *claim = NULL;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (siren_claim_acquire(&plan, "run", &claim) == SIREN_OK && write(ready[1], "x", 1) == 1) pause();
        _exit(1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(siren_claim_acquire(&plan, "run", &claim), SIREN_USAGE);
    kill(child, SIGKILL);
    double start = siren_clock();
    assert_siren_ok(siren_claim_acquire(&plan, "run", &claim)); /* it still is in the process table */
    assert_true(siren_clock() - start < EXPIRY);
    assert_int_equal(waitpid(child, NULL, 0), child);
    close(ready[0]);
    close(ready[1]);
    siren_claim_release(claim);
}

static void a_silent_holder_elsewhere_expires(void **state) {
    (void)state;
    SIREN_AT_END(end_plan) siren_claim_plan plan = plan_of("silent");
    siren_claim *claim = NULL;
    free(leave_foreign(&plan, "run", 0));
    double start = siren_clock();
    assert_siren_ok(siren_claim_acquire(&plan, "run", &claim));
    assert_true(siren_clock() - start > EXPIRY / 2);
    siren_claim_release(SIREN_TAKE(claim));
    SIREN_AT_END(end_plan)
    siren_claim_plan old = plan_of("old"); /* silent for long already: no time is lost */
    free(leave_foreign(&old, "run", 100));
    start = siren_clock();
    assert_siren_ok(siren_claim_acquire(&old, "run", &claim));
    assert_true(siren_clock() - start < EXPIRY / 2);
    siren_claim_release(claim);
}

/* Nobody can say of itself that it may be silent for ever, nor that it is dead at once. */
static void an_expiry_that_cannot_be_is_the_usual_one(void **state) {
    (void)state;
    static const char *const expiries[] = {"1e300", "nan", "inf", "-1", "0", "86401"};
    for (size_t i = 0; i < sizeof expiries / sizeof *expiries; i++) {
        SIREN_AT_END(end_plan) siren_claim_plan plan = plan_of(expiries[i]);
        siren_claim *claim = NULL;
        free(leave_file(&plan, "run", SIREN_CLAIM_EXPIRY + 10, expiries[i]));
        double start = siren_clock();
        assert_siren_ok(siren_claim_acquire(&plan, "run", &claim));
        assert_true(siren_clock() - start < EXPIRY / 2);
        siren_claim_release(claim);
    }
    SIREN_AT_END(end_plan) siren_claim_plan plan = plan_of("young");
    siren_claim *claim = NULL;
    plan.progress = gives_up;
    free(leave_file(&plan, "run", SIREN_CLAIM_EXPIRY / 2, "-1"));
    assert_int_equal(siren_claim_acquire(&plan, "run", &claim), SIREN_CANCELLED);
}

/* A time in the future, as of a server whose clock was set back: silence counts. */
static void a_touch_in_the_future_expires(void **state) {
    (void)state;
    SIREN_AT_END(end_plan) siren_claim_plan plan = plan_of("future");
    siren_claim *claim = NULL;
    free(leave_foreign(&plan, "run", -86400));
    assert_siren_ok(siren_claim_acquire(&plan, "run", &claim));
    siren_claim_release(claim);
}

static void a_holder_elsewhere_that_touches_it_is_alive(void **state) {
    (void)state;
    SIREN_AT_END(end_plan) siren_claim_plan plan = plan_of("alive");
    siren_claim *claim = NULL;
    SIREN_FREE_AT_END char *path = leave_foreign(&plan, "run", 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        for (;;) {
            nap(0.2);
            utimensat(AT_FDCWD, path, NULL, 0);
        }
    assert_int_equal(siren_claim_acquire(&plan, "run", &claim), SIREN_USAGE);
    assert_non_null(strstr(siren_message(), "RUN is in use by process 4711 on elsewhere (claim run)"));
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static bool is_not_mine(void *user, const char *name) { return strcmp(user, name) != 0; }

static void others_are_excluded(void **state) {
    (void)state;
    SIREN_AT_END(end_plan) siren_claim_plan plan = plan_of("others");
    siren_claim *mine = NULL, *other = NULL;
    char name[] = "mine";
    assert_siren_ok(siren_claim_acquire(&plan, name, &mine));
    assert_siren_ok(siren_claim_exclude(&plan, is_not_mine, name));
    assert_siren_ok(siren_claim_acquire(&plan, "other", &other));
    assert_int_equal(siren_claim_exclude(&plan, is_not_mine, name), SIREN_USAGE);
    assert_non_null(strstr(siren_message(), "(claim other)"));
    siren_claim_release(other);
    assert_siren_ok(siren_claim_exclude(&plan, is_not_mine, name));
    siren_claim_release(mine);
}

static void who_was_taken_for_dead_learns_it(void **state) {
    (void)state;
    SIREN_AT_END(end_plan) siren_claim_plan plan = plan_of("lost");
    siren_claim *claim = NULL;
    SIREN_FREE_AT_END char *next = NULL;
    assert_siren_ok(siren_claim_acquire(&plan, "run", &claim));
    assert_true(asprintf(&next, "%s/run.2", plan.folder) > 0);
    int fd = open(next, O_CREAT | O_EXCL | O_WRONLY, 0666);
    assert_true(fd >= 0);
    close(fd);
    siren_status status = SIREN_OK;
    for (double start = siren_clock(); status == SIREN_OK && siren_clock() - start < 20; nap(0.02))
        status = siren_claim_check(claim);
    assert_int_equal(status, SIREN_SYSTEM);
    assert_non_null(strstr(siren_message(), "another process has taken over the claim run"));
    siren_claim_release(claim);
}

/* Many take turns at once: a file that only one may have stands for the work. */
static void many_take_turns(void **state) {
    (void)state;
    enum { PROCESSES = 6, TURNS = 8 };
    SIREN_AT_END(end_plan) siren_claim_plan plan = plan_of("turns");
    SIREN_FREE_AT_END char *work = strdup(scratch_path("work"));
    pid_t children[PROCESSES];
    plan.patient = true;
    free(leave_foreign(&plan, "run", 100)); /* all find the same dead holder */
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        for (int turn = 0; children[i] == 0 && turn < TURNS; turn++) {
            siren_claim *claim = NULL;
            if (siren_claim_acquire(&plan, "run", &claim) != SIREN_OK) _exit(1);
            int fd = open(work, O_CREAT | O_EXCL | O_WRONLY, 0666);
            if (fd < 0) _exit(2);
            close(fd);
            nap(0.002);
            if (unlink(work) != 0 || siren_claim_check(claim) != SIREN_OK) _exit(3);
            if (turn == TURNS - 1 && i % 2 == 0) _exit(0); /* dies with it */
            siren_claim_release(claim);
        }
        if (children[i] == 0) _exit(0);
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status = 0;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
}

static void what_cannot_be_made(void **state) {
    (void)state;
    siren_claim *claim = NULL;
    siren_claim_plan plan = {.folder = "/proc/no/folder", .guards = "RUN"};
    assert_int_equal(siren_claim_acquire(&plan, "run", &claim), SIREN_SYSTEM);
    assert_null(claim);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_holder_at_a_time),
        cmocka_unit_test(a_killed_holder_here_is_free_at_once),
        cmocka_unit_test(a_silent_holder_elsewhere_expires),
        cmocka_unit_test(an_expiry_that_cannot_be_is_the_usual_one),
        cmocka_unit_test(a_touch_in_the_future_expires),
        cmocka_unit_test(a_holder_elsewhere_that_touches_it_is_alive),
        cmocka_unit_test(others_are_excluded),
        cmocka_unit_test(who_was_taken_for_dead_learns_it),
        cmocka_unit_test(many_take_turns),
        cmocka_unit_test(what_cannot_be_made),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_remove();
    return failed;
}
