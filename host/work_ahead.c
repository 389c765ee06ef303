#include "host/work_ahead.h"

#include <pthread.h>
#include <stdlib.h>

/* Piece nth stands at place nth % n_places. What threads share is guarded by `mutex`. */
struct siren_work_ahead {
    siren_work_fn work;
    void *user;
    size_t n_places;
    pthread_t *threads; /* (n_threads) */
    size_t n_threads;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool shared, stop; /* shared: mutex and condition are there */
    bool *made;        /* (n_places) the piece at that place */
    size_t wanted;     /* the caller has done with those before it */
    size_t next, end;  /* the piece to be made next, and the one after the last */
    size_t n_busy;
};

void siren_work_ahead_free(siren_work_ahead *team) {
    if (!team) return;
    if (team->shared) {
        pthread_mutex_lock(&team->mutex);
        team->stop = true;
        pthread_cond_broadcast(&team->changed);
        pthread_mutex_unlock(&team->mutex);
        for (size_t i = 0; i < team->n_threads; i++) pthread_join(team->threads[i], NULL);
        pthread_cond_destroy(&team->changed);
        pthread_mutex_destroy(&team->mutex);
    }
    free(team->threads);
    free(team->made);
    free(team);
}

/* Makes piece after piece, as far ahead of the caller as there are places. */
static void *run(void *user) {
    siren_work_ahead *team = user;
    pthread_mutex_lock(&team->mutex);
    for (;;) {
        while (!team->stop && (team->next >= team->end || team->next >= team->wanted + team->n_places))
            pthread_cond_wait(&team->changed, &team->mutex);
        if (team->stop) break;
        const size_t nth = team->next++, at = nth % team->n_places;
        team->made[at] = false;
        team->n_busy++;
        pthread_mutex_unlock(&team->mutex);
        team->work(team->user, nth, at);
        pthread_mutex_lock(&team->mutex);
        team->made[at] = true;
        team->n_busy--;
        pthread_cond_broadcast(&team->changed);
    }
    pthread_mutex_unlock(&team->mutex);
    return NULL;
}

siren_status siren_work_ahead_create(size_t n_threads, size_t n_places, siren_work_fn work, void *user,
                                     siren_work_ahead **out) {
    SIREN_AT_END(siren_work_ahead_free_at) siren_work_ahead *team = NULL;
    SIREN_TRY(siren_allocate(&team, 1, sizeof *team, "a team of threads"));
    team->work = work;
    team->user = user;
    team->n_places = n_places;
    if (n_threads > n_places) n_threads = n_places;
    if (n_places < 2) n_threads = 0;
    SIREN_TRY(siren_allocate(&team->threads, n_threads, sizeof *team->threads, "a team of threads"));
    SIREN_TRY(siren_allocate(&team->made, n_places, sizeof *team->made, "a team of threads"));
    if (pthread_mutex_init(&team->mutex, NULL) == 0) {
        team->shared = pthread_cond_init(&team->changed, NULL) == 0;
        if (!team->shared) pthread_mutex_destroy(&team->mutex);
    }
    while (team->shared && team->n_threads < n_threads &&
           pthread_create(&team->threads[team->n_threads], NULL, run, team) == 0)
        team->n_threads++;
    *out = SIREN_TAKE(team);
    return SIREN_OK;
}

size_t siren_work_ahead_take(siren_work_ahead *team, size_t nth, size_t end) {
    const size_t at = nth % team->n_places;
    if (team->n_threads == 0) {
        team->work(team->user, nth, at);
        return at;
    }
    pthread_mutex_lock(&team->mutex);
    if (nth >= team->next) { /* the first one, or one beyond those that were announced */
        team->end = 0;
        while (team->n_busy > 0) pthread_cond_wait(&team->changed, &team->mutex);
        team->next = nth;
    }
    team->wanted = nth;
    team->end = end;
    pthread_cond_broadcast(&team->changed);
    while (team->next <= nth || !team->made[at]) pthread_cond_wait(&team->changed, &team->mutex);
    pthread_mutex_unlock(&team->mutex);
    return at;
}
