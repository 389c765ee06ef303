#include "host/opencl/profile.h"
#include "host/driver_watch.h"
#include "host/opencl/opencl.h"

#include <stdlib.h>
#include <string.h>

#define MOST_ROWS 64 /* kernels and stages together; more are counted as the rest */

struct siren_profile {
    const char *stage; /* where the thread is, */
    double since;      /* and since when */
    double start;
    siren_profile_row rows[MOST_ROWS]; /* the first is the rest */
    size_t n_rows;
    siren_profile_row sorted[MOST_ROWS];
};

static _Thread_local siren_profile *current;

const char *siren_profile_place_name(siren_profile_place place) {
    return place == SIREN_PROFILE_HOST ? "host" : place == SIREN_PROFILE_DEVICE ? "device" : "background";
}

static siren_profile_row *find_row(siren_profile *profile, const char *name, siren_profile_place place) {
    for (size_t i = 0; i < profile->n_rows; i++)
        if (profile->rows[i].place == place && strcmp(profile->rows[i].name, name) == 0)
            return &profile->rows[i];
    if (profile->n_rows == MOST_ROWS) return &profile->rows[0];
    char *copy = strdup(name);
    if (!copy) return &profile->rows[0];
    profile->rows[profile->n_rows] = (siren_profile_row){.name = copy, .place = place};
    return &profile->rows[profile->n_rows++];
}

siren_status siren_profile_create(siren_profile **out) {
    SIREN_FREE_AT_END siren_profile *profile = NULL;
    SIREN_TRY(siren_allocate(&profile, 1, sizeof *profile, "the profile"));
    char *rest = strdup(SIREN_STAGE_REST);
    if (!rest) return siren_fail(SIREN_SYSTEM, "out of memory: cannot begin a profile");
    profile->rows[profile->n_rows++] = (siren_profile_row){.name = rest, .n_calls = 1};
    profile->stage = SIREN_STAGE_REST;
    profile->start = profile->since = siren_clock();
    *out = current = SIREN_TAKE(profile);
    return SIREN_OK;
}

void siren_profile_free(siren_profile *profile) {
    if (!profile) return;
    if (current == profile) current = NULL;
    for (size_t i = 0; i < profile->n_rows; i++) free((char *)profile->rows[i].name);
    free(profile);
}

/* ---- stages ---- */

static void pass_to(siren_profile *profile, const char *stage) {
    double now = siren_clock();
    find_row(profile, profile->stage, SIREN_PROFILE_HOST)->seconds += now - profile->since;
    profile->since = now;
    profile->stage = stage;
}

const char *siren_profile_enter(const char *stage) {
    if (!current) return NULL;
    const char *before = current->stage;
    pass_to(current, stage);
    find_row(current, stage, SIREN_PROFILE_HOST)->n_calls++;
    return before;
}

void siren_profile_leave(const char *before) {
    if (current && before) pass_to(current, before);
}

/* ---- threads in the background ---- */

bool siren_profile_active(void) { return current != NULL; }

void siren_profile_end(siren_profile *profile) {
    if (!profile) return;
    pass_to(profile, profile->stage);
    if (current == profile) current = NULL;
}

void siren_profile_add_background(const siren_profile *ended) {
    for (size_t i = 0; current && ended && i < ended->n_rows; i++) {
        siren_profile_row *row = find_row(current, ended->rows[i].name, SIREN_PROFILE_BACKGROUND);
        if (row->place != SIREN_PROFILE_BACKGROUND) continue; /* there is no room */
        row->seconds += ended->rows[i].seconds;
        row->n_calls += ended->rows[i].n_calls;
    }
}

/* ---- the device ---- */

siren_status siren_device_set_profile(siren_device *device, siren_profile *profile) {
    cl_int error = CL_SUCCESS;
    cl_command_queue queue =
        clCreateCommandQueue(device->context, device->id, CL_QUEUE_PROFILING_ENABLE, &error);
    SIREN_TRY(siren_opencl_check(device, error, "creating a command queue that measures time"));
    clReleaseCommandQueue(device->queue);
    device->queue = queue;
    device->profile = profile;
    return SIREN_OK;
}

siren_timed_call siren_timed_call_begin(siren_device *device) {
    siren_timed_call call = {.device = device};
    if (device->profile) call.before = siren_profile_enter(SIREN_STAGE_DEVICE);
    call.phase_before = siren_driver_enter(SIREN_DRIVER_RUNNING);
    return call;
}

cl_event *siren_timed_call_event(siren_timed_call *call) {
    return call->device->profile ? &call->event : NULL;
}

void siren_timed_call_end(siren_timed_call *call, const char *name) {
    siren_device *device = call->device;
    siren_driver_leave(call->phase_before);
    if (!device->profile) return;
    siren_profile_leave(call->before);
    if (!call->event) return;
    siren_profile_row *row = find_row(device->profile, name, SIREN_PROFILE_DEVICE);
    if (device->n_timed == device->timed_capacity) {
        size_t capacity = 2 * device->timed_capacity + 256;
        siren_timed_event *grown = realloc(device->timed, capacity * sizeof *grown);
        if (!grown) { /* not timed, but done */
            clReleaseEvent(call->event);
            return;
        }
        device->timed = grown;
        device->timed_capacity = capacity;
    }
    device->timed[device->n_timed++] = (siren_timed_event){call->event, row};
}

void siren_device_collect_times(siren_device *device) {
    for (size_t i = 0; i < device->n_timed; i++) {
        cl_ulong start = 0, end = 0;
        siren_timed_event *timed = &device->timed[i];
        if (clGetEventProfilingInfo(timed->event, CL_PROFILING_COMMAND_START, sizeof start, &start, NULL) ==
                CL_SUCCESS &&
            clGetEventProfilingInfo(timed->event, CL_PROFILING_COMMAND_END, sizeof end, &end, NULL) ==
                CL_SUCCESS &&
            end >= start) {
            timed->row->seconds += 1e-9 * (double)(end - start);
            timed->row->n_calls++;
        }
        clReleaseEvent(timed->event);
    }
    device->n_timed = 0;
}

/* ---- reading it ---- */

static int by_seconds(const void *a, const void *b) {
    double x = ((const siren_profile_row *)a)->seconds, y = ((const siren_profile_row *)b)->seconds;
    return (x < y) - (x > y);
}

void siren_profile_get(siren_profile *profile, const siren_profile_row **rows, size_t *n_rows,
                       double *wall_seconds) {
    double on_device = 0;
    pass_to(profile, profile->stage);
    memcpy(profile->sorted, profile->rows, profile->n_rows * sizeof *profile->rows);
    for (size_t i = 0; i < profile->n_rows; i++)
        if (profile->rows[i].place == SIREN_PROFILE_DEVICE) on_device += profile->rows[i].seconds;
    for (size_t i = 0; i < profile->n_rows; i++)
        if (profile->rows[i].place == SIREN_PROFILE_HOST &&
            strcmp(profile->rows[i].name, SIREN_STAGE_DEVICE) == 0)
            profile->sorted[i].seconds -= on_device;
    qsort(profile->sorted, profile->n_rows, sizeof *profile->sorted, by_seconds);
    *rows = profile->sorted;
    *n_rows = profile->n_rows;
    *wall_seconds = profile->since - profile->start;
}
