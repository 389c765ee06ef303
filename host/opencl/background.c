#include "host/opencl/background.h"

#include "host/opencl/profile.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define POLL_NANOSECONDS 100000000L
#define STAGE_WAITING "waiting for background"

struct siren_background {
    siren_background_fn work;
    void *user;
    atomic_bool stop;
    bool under_way; /* there is a thread to be joined */
    pthread_t thread;
    bool profiled;          /* the owner has a profile; */
    siren_profile *profile; /* this is the thread's */
    pthread_mutex_t mutex;  /* guards what follows */
    pthread_cond_t ended;
    bool done;
    siren_status status; /* of the work that failed first */
    char message[SIREN_MESSAGE_BYTES];
};

siren_status siren_background_create(siren_background **out) {
    siren_background *background = NULL;
    pthread_condattr_t attributes;
    SIREN_TRY(siren_allocate(&background, 1, sizeof *background, "a thread in the background"));
    pthread_mutex_init(&background->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&background->ended, &attributes);
    pthread_condattr_destroy(&attributes);
    atomic_init(&background->stop, false);
    background->done = true;
    *out = background;
    return SIREN_OK;
}

static void do_work(siren_background *background) {
    siren_status status = background->work(background->user, &background->stop);
    pthread_mutex_lock(&background->mutex);
    background->done = true;
    background->status = status;
    if (status != SIREN_OK) strcpy(background->message, siren_message());
    pthread_cond_signal(&background->ended);
    pthread_mutex_unlock(&background->mutex);
}

static void *run_thread(void *user) {
    siren_background *background = user;
    if (background->profiled && siren_profile_create(&background->profile) != SIREN_OK)
        background->profile = NULL; /* not timed, but done */
    do_work(background);
    siren_profile_end(background->profile);
    return NULL;
}

void siren_background_begin(siren_background *background, siren_background_fn work, void *user) {
    if (background->status != SIREN_OK) return;
    background->work = work;
    background->user = user;
    background->done = false;
    background->profiled = siren_profile_active();
    background->profile = NULL;
    background->under_way = pthread_create(&background->thread, NULL, run_thread, background) == 0;
    if (!background->under_way) do_work(background);
}

/* Waits until the work has ended; false where `poll` said no meanwhile. */
static bool wait_for_end(siren_background *background, siren_poll_fn poll, void *user) {
    bool wanted = true;
    pthread_mutex_lock(&background->mutex);
    while (!background->done) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += POLL_NANOSECONDS;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        pthread_cond_timedwait(&background->ended, &background->mutex, &until);
        if (background->done || !poll || !wanted) continue;
        pthread_mutex_unlock(&background->mutex);
        wanted = poll(user);
        if (!wanted) atomic_store(&background->stop, true);
        pthread_mutex_lock(&background->mutex);
    }
    pthread_mutex_unlock(&background->mutex);
    return wanted;
}

static bool join(siren_background *background, siren_poll_fn poll, void *user) {
    if (!background->under_way) return true;
    const char *before = siren_profile_enter(STAGE_WAITING);
    bool wanted = wait_for_end(background, poll, user);
    pthread_join(background->thread, NULL);
    siren_profile_leave(before);
    siren_profile_add_background(background->profile);
    siren_profile_free(SIREN_TAKE(background->profile));
    background->under_way = false;
    return wanted;
}

siren_status siren_background_wait(siren_background *background, siren_poll_fn poll, void *user) {
    bool wanted = join(background, poll, user);
    if (background->status != SIREN_OK) return siren_fail(background->status, "%s", background->message);
    return wanted ? SIREN_OK : siren_fail(SIREN_CANCELLED, "the work was interrupted");
}

bool siren_background_failed(siren_background *background) {
    pthread_mutex_lock(&background->mutex);
    bool failed = background->status != SIREN_OK && background->status != SIREN_CANCELLED;
    pthread_mutex_unlock(&background->mutex);
    return failed;
}

siren_status siren_background_stop(siren_background *background, siren_status status) {
    atomic_store(&background->stop, true);
    join(background, NULL, NULL);
    if (status != SIREN_CANCELLED || !siren_background_failed(background)) return status;
    return siren_fail(background->status, "%s", background->message);
}

void siren_background_free(siren_background *background) {
    if (!background) return;
    atomic_store(&background->stop, true);
    join(background, NULL, NULL);
    pthread_cond_destroy(&background->ended);
    pthread_mutex_destroy(&background->mutex);
    free(background);
}
