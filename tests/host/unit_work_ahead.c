/* host/work_ahead: pieces come in order whatever they take, each once and none too early, with any number of threads
 * and places. */
#include "tests/shared/testing.h"

#include "host/work_ahead.h"

#include <stdatomic.h>

#define PIECES 200

typedef struct {
    size_t place[8]; /* the piece that stands there */
    atomic_bool in_use[8];
    atomic_size_t made[PIECES];
    atomic_size_t taken; /* the piece that the caller looks at */
    size_t n_places;
    atomic_bool wrong;
} bench;

/* A while that differs from piece to piece. */
static void spend(size_t n) {
    for (volatile size_t i = 0; i < 1000 * n; i++) {
    }
}

static void make(void *user, size_t nth, size_t at) {
    bench *b = user;
    if (at >= b->n_places || nth >= PIECES || atomic_exchange(&b->in_use[at], true))
        atomic_store(&b->wrong, true);
    if (nth >= atomic_load(&b->taken) + b->n_places) atomic_store(&b->wrong, true); /* no room yet */
    spend(nth * 37 % 11);
    b->place[at] = nth;
    atomic_fetch_add(&b->made[nth], 1);
    atomic_store(&b->in_use[at], false);
}

static void take(bench *b, siren_work_ahead *team, size_t nth, size_t end) {
    atomic_store(&b->taken, nth);
    size_t at = siren_work_ahead_take(team, nth, end);
    assert_true(at < b->n_places);
    assert_int_equal(b->place[at], nth);
    spend(nth * 53 % 7);
    assert_int_equal(b->place[at], nth); /* nobody has written over it */
}

static void pieces_come_in_order(void **state) {
    (void)state;
    for (size_t n_threads = 0; n_threads <= 5; n_threads++)
        for (size_t n_places = 1; n_places <= 8; n_places++) {
            bench b = {.n_places = n_places};
            siren_work_ahead *team = NULL;
            assert_siren_ok(siren_work_ahead_create(n_threads, n_places, make, &b, &team));
            for (size_t nth = 3; nth < 60; nth++) take(&b, team, nth, 60);
            for (size_t nth = 90; nth < 120; nth++) take(&b, team, nth, 120); /* a gap, and further on */
            siren_work_ahead_free(team);
            assert_false(b.wrong);
            for (size_t nth = 0; nth < PIECES; nth++)
                assert_int_equal(b.made[nth], (nth >= 3 && nth < 60) || (nth >= 90 && nth < 120));
        }
}

/* A caller that goes away early finds nothing at work any more. */
static void a_team_can_be_left(void **state) {
    (void)state;
    for (size_t taken = 0; taken < 5; taken++) {
        bench b = {.n_places = 4};
        siren_work_ahead *team = NULL;
        assert_siren_ok(siren_work_ahead_create(3, 4, make, &b, &team));
        for (size_t nth = 0; nth < taken; nth++) take(&b, team, nth, PIECES);
        siren_work_ahead_free(team);
        assert_false(b.wrong);
        for (size_t at = 0; at < 4; at++) assert_false(b.in_use[at]);
        for (size_t nth = taken + 4; nth < PIECES; nth++) assert_int_equal(b.made[nth], 0);
    }
    siren_work_ahead_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(pieces_come_in_order),
                                       cmocka_unit_test(a_team_can_be_left)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
