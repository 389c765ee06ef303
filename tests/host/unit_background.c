/* host/opencl/background: work beside its owner, its failures, the owner's change of mind, and what a profile says of
 * it. */
#include "tests/shared/testing.h"
#include "host/opencl/background.h"
#include "host/opencl/profile.h"

#include <math.h>
#include <pthread.h>

typedef struct {
    siren_status result;
    bool until_stopped; /* goes on until nobody wants it */
    int n_calls;
    pthread_t thread;
} job;

static siren_status do_job(void *user, const atomic_bool *stop) {
    job *j = user;
    const char *before = siren_profile_enter("beside");
    j->n_calls++;
    j->thread = pthread_self();
    for (double start = siren_clock();
         siren_clock() - start < 0.02 || (j->until_stopped && !atomic_load(stop));)
        ;
    siren_profile_leave(before);
    if (atomic_load(stop)) return siren_fail(SIREN_CANCELLED, "the job was stopped");
    return j->result == SIREN_OK ? SIREN_OK : siren_fail(j->result, "the job failed");
}

static bool count_down(void *user) {
    int *left = user;
    return --*left > 0;
}

static void one_piece_after_another(void **state) {
    (void)state;
    siren_background *background = NULL;
    job j = {.result = SIREN_OK};
    assert_siren_ok(siren_background_create(&background));
    assert_siren_ok(siren_background_wait(background, NULL, NULL)); /* for nothing */
    for (int i = 0; i < 5; i++) {
        siren_background_begin(background, do_job, &j);
        assert_siren_ok(siren_background_wait(background, NULL, NULL));
        assert_int_equal(j.n_calls, i + 1);
        assert_false(pthread_equal(j.thread, pthread_self()));
        assert_false(siren_background_failed(background));
    }
    assert_int_equal(siren_background_stop(background, SIREN_USAGE), SIREN_USAGE);
    siren_background_free(background);
    siren_background_free(NULL);
}

static void a_failure_stays(void **state) {
    (void)state;
    siren_background *background = NULL;
    job j = {.result = SIREN_UNSUPPORTED}, next = {.result = SIREN_OK};
    assert_siren_ok(siren_background_create(&background));
    siren_background_begin(background, do_job, &j);
    while (!siren_background_failed(background))
        ;
    for (int i = 0; i < 2; i++) {
        siren_fail(SIREN_OK, "something else");
        assert_int_equal(siren_background_wait(background, NULL, NULL), SIREN_UNSUPPORTED);
        assert_string_equal(siren_message(), "the job failed");
    }
    siren_background_begin(background, do_job, &next);
    assert_int_equal(siren_background_wait(background, NULL, NULL), SIREN_UNSUPPORTED);
    assert_int_equal(next.n_calls, 0);
    /* The owner was cancelled because of it, or failed by itself. */
    siren_fail(SIREN_CANCELLED, "the owner was stopped");
    assert_int_equal(siren_background_stop(background, SIREN_CANCELLED), SIREN_UNSUPPORTED);
    assert_string_equal(siren_message(), "the job failed");
    siren_fail(SIREN_DEVICE, "the owner failed");
    assert_int_equal(siren_background_stop(background, SIREN_DEVICE), SIREN_DEVICE);
    assert_string_equal(siren_message(), "the owner failed");
    siren_background_free(background);
}

static void the_owner_changes_its_mind(void **state) {
    (void)state;
    for (int how = 0; how < 3; how++) {
        siren_background *background = NULL;
        job j = {.until_stopped = true};
        int left = 3;
        assert_siren_ok(siren_background_create(&background));
        siren_background_begin(background, do_job, &j);
        siren_fail(SIREN_CANCELLED, "the owner was stopped");
        if (how == 0) {
            assert_int_equal(siren_background_wait(background, count_down, &left), SIREN_CANCELLED);
            assert_string_equal(siren_message(), "the job was stopped");
            assert_int_equal(left, 0); /* asked no more after that */
        } else if (how == 1) {
            assert_int_equal(siren_background_stop(background, SIREN_CANCELLED), SIREN_CANCELLED);
            assert_string_equal(siren_message(), "the owner was stopped");
        }
        assert_false(siren_background_failed(background));
        siren_background_free(background);
        assert_int_equal(j.n_calls, 1);
    }
}

/* Rows of the background stand beside those that add up to the wall time. */
static void a_profile_knows_it(void **state) {
    (void)state;
    siren_background *background = NULL;
    siren_profile *profile = NULL;
    job j = {.result = SIREN_OK};
    assert_siren_ok(siren_profile_create(&profile));
    assert_siren_ok(siren_background_create(&background));
    for (int i = 0; i < 2; i++) {
        siren_background_begin(background, do_job, &j);
        const char *before = siren_profile_enter("own");
        for (double start = siren_clock(); siren_clock() - start < 0.005;)
            ;
        siren_profile_leave(before);
        assert_siren_ok(siren_background_wait(background, NULL, NULL));
    }
    const siren_profile_row *rows;
    size_t n, n_beside = 0, n_waits = 0;
    double wall, sum = 0;
    siren_profile_get(profile, &rows, &n, &wall);
    for (size_t i = 0; i < n; i++) {
        if (rows[i].place != SIREN_PROFILE_BACKGROUND) sum += rows[i].seconds;
        if (strcmp(rows[i].name, "waiting for background") == 0) {
            assert_int_equal(rows[i].place, SIREN_PROFILE_HOST);
            n_waits += rows[i].n_calls;
        }
        if (strcmp(rows[i].name, "beside") != 0) continue;
        assert_int_equal(rows[i].place, SIREN_PROFILE_BACKGROUND);
        assert_true(rows[i].seconds >= 0.04);
        n_beside += rows[i].n_calls;
    }
    assert_int_equal(n_beside, 2);
    assert_int_equal(n_waits, 2);
    assert_true(fabs(sum - wall) < 1e-9 * wall + 1e-12);
    siren_background_free(background);
    siren_profile_free(profile);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_piece_after_another),
        cmocka_unit_test(a_failure_stays),
        cmocka_unit_test(the_owner_changes_its_mind),
        cmocka_unit_test(a_profile_knows_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
