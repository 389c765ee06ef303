#include "engine/train/pace.h"

#include "cl/knobs.h"

siren_status siren_pace_keep(siren_pace *pace, siren_device *device, bool last, double done, double total,
                             const char *unit, siren_progress_fn progress, void *user) {
    if (!last && pace->flops < pace->flops_per_second * SIREN_PACE_SECONDS) return SIREN_OK;
    SIREN_TRY(siren_device_finish(device));
    double now = siren_clock();
    if (now > pace->since) pace->flops_per_second = pace->flops / (now - pace->since);
    pace->flops = 0;
    pace->since = now;
    if (progress && !progress(user, done, total, unit))
        return siren_fail(SIREN_CANCELLED, "training was interrupted");
    return SIREN_OK;
}
