#include "host/threads.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

typedef struct {
    void (*member)(void *user, size_t i);
    void *user;
    size_t i;
    bool started;
    pthread_t thread;
} siren_thread;

static void *thread_run(void *argument) {
    siren_thread *self = argument;
    self->member(self->user, self->i);
    return NULL;
}

siren_status siren_threads_run(size_t n, void (*member)(void *user, size_t i), void *user) {
    SIREN_FREE_AT_END siren_thread *threads = NULL;
    SIREN_TRY(siren_allocate(&threads, n, sizeof *threads, "a team of threads"));
    for (size_t i = 1; i < n; i++) {
        threads[i] = (siren_thread){.member = member, .user = user, .i = i};
        threads[i].started = pthread_create(&threads[i].thread, NULL, thread_run, &threads[i]) == 0;
    }
    member(user, 0);
    for (size_t i = 1; i < n; i++)
        if (threads[i].started) pthread_join(threads[i].thread, NULL);
    return SIREN_OK;
}

typedef struct {
    siren_status (*work)(void *user, size_t i);
    void *user;
    size_t n;
    atomic_size_t next;
    atomic_int status;
    char message[SIREN_MESSAGE_BYTES]; /* of the first failure */
} shared_work;

static void take_next(void *user, size_t member) {
    shared_work *all = user;
    (void)member;
    for (size_t i; atomic_load(&all->status) == SIREN_OK && (i = atomic_fetch_add(&all->next, 1)) < all->n;) {
        const siren_status status = all->work(all->user, i);
        int none = SIREN_OK;
        if (status != SIREN_OK && atomic_compare_exchange_strong(&all->status, &none, (int)status))
            snprintf(all->message, sizeof all->message, "%s", siren_message());
    }
}

siren_status siren_threads_each(size_t n, siren_status (*work)(void *user, size_t i), void *user) {
    shared_work all = {.work = work, .user = user, .n = n};
    SIREN_TRY(siren_threads_run(siren_processors() < n ? siren_processors() : n, take_next, &all));
    return all.status == SIREN_OK ? SIREN_OK : siren_fail((siren_status)all.status, "%s", all.message);
}
