/* Where the wall time of a piece of work goes: on the host by stages that the code names as it goes through them, on
 * the device by kernels and transfers, timed by its own clock.
 *
 * Stages are of one thread: a nested stage takes its time from the one around it, so that those of a thread add up to
 * what passed. A thread without a profile pays one comparison for a stage. What threads in the background take is told
 * beside that, for it passes at the same time. */
#ifndef SIREN_HOST_OPENCL_PROFILE_H
#define SIREN_HOST_OPENCL_PROFILE_H

#include "host/opencl/device.h"

typedef struct siren_profile siren_profile;

typedef enum {
    SIREN_PROFILE_HOST,      /* a stage of the profile's thread */
    SIREN_PROFILE_DEVICE,    /* a kernel or a kind of transfer */
    SIREN_PROFILE_BACKGROUND /* a stage of a thread beside it, no part of the wall time */
} siren_profile_place;
/* "host", "device" or "background" */
const char *siren_profile_place_name(siren_profile_place place);

typedef struct siren_profile_row {
    const char *name; /* belongs to the profile */
    siren_profile_place place;
    size_t n_calls;
    double seconds;
} siren_profile_row;

/* Begins a profile of the calling thread, in stage SIREN_STAGE_REST; a thread has one at a time. `*out` is yours, after
 * the devices that take part in it: siren_profile_free(), in the same thread or after siren_profile_end(). */
siren_status siren_profile_create(siren_profile **out);
void siren_profile_free(siren_profile *profile);
SIREN_POINTER_RELEASE(siren_profile, siren_profile_free)
/* Whether the calling thread has a profile. */
bool siren_profile_active(void);

/* Ends a profile of the calling thread, so that another one may read and free it. NULL is allowed. */
void siren_profile_end(siren_profile *profile);
/* Adds the stages of a profile that has ended to the calling thread's, as rows of the background; nothing where either
 * is missing. */
void siren_profile_add_background(const siren_profile *ended);

/* From now on the device times what it does for `profile`. Nothing may be enqueued on it yet. */
siren_status siren_device_set_profile(siren_device *device, siren_profile *profile);

#define SIREN_STAGE_REST "rest"
#define SIREN_STAGE_DEVICE "launches and waits" /* of the calling thread, while the device works or not */

/* The thread's time goes to `stage` (a string that lives as long as the profile) from now on. Returns the stage before,
 * which is to be given back when this one ends; NULL where the thread has no profile. */
const char *siren_profile_enter(const char *stage);
void siren_profile_leave(const char *before);

/* SIREN_TRY of what is a stage of its own. */
#define SIREN_TRY_STAGE(stage, expression)                                                                   \
    do {                                                                                                     \
        const char *before_ = siren_profile_enter(stage);                                                    \
        siren_status status_of_ = (expression);                                                              \
        siren_profile_leave(before_);                                                                        \
        if (status_of_ != SIREN_OK) return status_of_;                                                       \
    } while (0)

/* Up to now: stages and what the device did, the longest first, and the seconds since the profile began. The wait for
 * the device counts without what the device did meanwhile, so that the rows other than those of the background add up
 * to the wall time; it is negative where the device worked behind the host's own stages for longer than the host
 * waited. `*rows` is borrowed until the next call. */
void siren_profile_get(siren_profile *profile, const siren_profile_row **rows, size_t *n_rows,
                       double *wall_seconds);

#endif
