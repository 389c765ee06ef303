#include "host/abandon.h"

#include <sched.h>
#include <stddef.h>

static void replace(siren_abandon_list *list, void *from, void *to) {
    for (size_t i = 0; i < SIREN_ABANDON_ROOM; i++) {
        void *expected = from;
        if (atomic_compare_exchange_strong(&list->objects[i], &expected, to)) return;
    }
}

void siren_abandon_add(siren_abandon_list *list, void *object) { replace(list, NULL, object); }

void siren_abandon_remove(siren_abandon_list *list, void *object) {
    replace(list, object, NULL);
    /* A visit that begins from here on does not find it. */
    while (atomic_load(&list->n_visits) > 0) sched_yield();
}

void siren_abandon_all(siren_abandon_list *list, void (*clean)(void *object)) {
    atomic_fetch_add(&list->n_visits, 1);
    for (size_t i = 0; i < SIREN_ABANDON_ROOM; i++) {
        void *object = atomic_load(&list->objects[i]);
        if (object) clean(object);
    }
    atomic_fetch_sub(&list->n_visits, 1);
}
