#include "host/threads.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

typedef struct {
    void (*member)(void *user, size_t i);
    void *user;
    size_t i;
} siren_thread;

static void *thread_run(void *argument) {
    siren_thread *self = argument;
    self->member(self->user, self->i);
    return NULL;
}

/* The threads from the ith on: each is kept on the stack, so that a team needs no memory that it could lack. */
static void run_from(size_t i, size_t n, void (*member)(void *user, size_t i), void *user) {
    siren_thread self = {.member = member, .user = user, .i = i};
    pthread_t thread;
    if (i >= n) {
        member(user, 0);
        return;
    }
    const bool started = pthread_create(&thread, NULL, thread_run, &self) == 0;
    run_from(i + 1, n, member, user);
    if (started) pthread_join(thread, NULL);
}

void siren_threads_run(size_t n, void (*member)(void *user, size_t i), void *user) {
    run_from(1, n, member, user);
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
    siren_threads_run(siren_processors() < n ? siren_processors() : n, take_next, &all);
    return all.status == SIREN_OK ? SIREN_OK : siren_fail((siren_status)all.status, "%s", all.message);
}
