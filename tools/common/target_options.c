#include "tools/common/target_options.h"

#include <stdio.h>

siren_status siren_target_options_read(const siren_target_options *targets, siren_compress_options *out) {
    siren_target wanted = targets->lossless ? SIREN_TARGET_LOSSLESS : SIREN_TARGET_NONE;
    char what[32];
    for (siren_target target = SIREN_TARGET_MAX_ERROR; target <= SIREN_TARGET_NOISE; target++) {
        if (!targets->of[target]) continue;
        if (wanted != SIREN_TARGET_NONE)
            return siren_fail(
                SIREN_USAGE, "--%s and --%s are both targets, of which one can be met; leave out one of them",
                siren_target_name(wanted), siren_target_name(target));
        wanted = target;
    }
    snprintf(what, sizeof what, "--%s", wanted == SIREN_TARGET_NONE ? "" : siren_target_name(wanted));
    if (wanted != SIREN_TARGET_NONE)
        SIREN_TRY(siren_target_parse(wanted, what, targets->lossless ? "true" : targets->of[wanted], out));
    return SIREN_OK;
}
