/* How far the host runs ahead of the device in training: a fraction of a second of work. */
#ifndef SIREN_ENGINE_TRAIN_PACE_H
#define SIREN_ENGINE_TRAIN_PACE_H

#include "host/opencl/device.h"

typedef struct {
    double flops, since;     /* enqueued since the device was last waited for, and when that was */
    double flops_per_second; /* measured; 0 before the first wait */
} siren_pace;

/* Waits for the device and reports once SIREN_PACE_SECONDS of work are under way, or where this is the `last` of it. */
siren_status siren_pace_keep(siren_pace *pace, siren_device *device, bool last, double done, double total,
                             const char *unit, siren_progress_fn progress, void *user);

#endif
