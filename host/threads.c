#include "host/threads.h"

#include <pthread.h>

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
