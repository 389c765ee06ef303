/* host/abandon: what a handler may still look at is not freed under it. */
#include "tests/shared/testing.h"
#include "host/abandon.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

enum { SOUND = 12345, ENOUGH = 500 };

static siren_abandon_list list;
static atomic_bool over;
static size_t n_seen, n_unsound;

static void look(void *object) {
    n_seen++;
    nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL); /* what could go, goes */
    n_unsound += *(volatile int *)object != SOUND;
}

static void *own(void *user) {
    int *objects = user;
    for (int i = 0; !atomic_load(&over); i++) {
        int *object = &objects[i % 2];
        *object = SOUND;
        siren_abandon_add(&list, object);
        sched_yield();
        siren_abandon_remove(&list, object);
        *object = 0;
    }
    return NULL;
}

static void nothing_goes_during_a_visit(void **state) {
    (void)state;
    pthread_t owner;
    int objects[2] = {0};
    assert_int_equal(pthread_create(&owner, NULL, own, objects), 0);
    while (n_seen < ENOUGH) siren_abandon_all(&list, look);
    atomic_store(&over, true);
    assert_int_equal(pthread_join(owner, NULL), 0);
    assert_int_equal(n_unsound, 0);
    n_seen = 0;
    siren_abandon_all(&list, look);
    assert_int_equal(n_seen, 0);
}

static void those_without_room_are_left_alone(void **state) {
    (void)state;
    int objects[SIREN_ABANDON_ROOM + 1];
    n_seen = 0;
    for (int i = 0; i <= SIREN_ABANDON_ROOM; i++) {
        objects[i] = SOUND;
        siren_abandon_add(&list, &objects[i]);
    }
    siren_abandon_all(&list, look);
    assert_int_equal(n_seen, SIREN_ABANDON_ROOM);
    for (int i = SIREN_ABANDON_ROOM; i >= 0; i--) siren_abandon_remove(&list, &objects[i]);
    siren_abandon_all(&list, look);
    assert_int_equal(n_seen, SIREN_ABANDON_ROOM);
    assert_int_equal(n_unsound, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_goes_during_a_visit),
        cmocka_unit_test(those_without_room_are_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
