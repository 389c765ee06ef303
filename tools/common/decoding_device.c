/* Who decodes for a command: a device, or the host where that fails. */
#include "host/opencl/device.h"
#include "tools/common/driver_guard.h"
#include "tools/tools.h"

#include <stdlib.h>
#include <string.h>

#ifndef SIREN_WITHOUT_OPENCL
#include "engine/care/driver_verdict.h"
#include "tools/common/driver_choice.h"
#endif

static const char hint[] = "; --device host decodes without a device";

#ifdef SIREN_WITHOUT_OPENCL
siren_status siren_tool_open_decoder(const char *choice, siren_device **out) {
    const char *wanted = choice && *choice ? choice : getenv("SIRENCL_DEVICE");
    if (!wanted || !*wanted || strcmp(wanted, "host") == 0) return SIREN_OK;
    siren_terminal_hint(hint);
    return siren_device_open(choice, out);
}
#else
/* The present message is the reason. */
static siren_status use_host(siren_device **out) {
    siren_terminal_warn("%s; decoding on the host (--device host does so without this warning)",
                        siren_message());
    *out = NULL;
    return SIREN_OK;
}

/* In the child that may crash. */
static siren_status open_device(const char *choice, bool named, siren_device **out) {
    siren_status status = siren_device_open(choice, out);
    if (status == SIREN_OK) {
        siren_tune_load(*out);
        if (!named) siren_device_allow_host(*out);
        return SIREN_OK;
    }
    bool of_device = status == SIREN_NO_DEVICE || status == SIREN_DEVICE || status == SIREN_DEVICE_MEMORY;
    return named || !of_device ? status : use_host(out);
}

siren_status siren_tool_open_decoder(const char *choice, siren_device **out) {
    const char *wanted = choice && *choice ? choice : getenv("SIRENCL_DEVICE");
    const bool named = wanted && *wanted;
    SIREN_FREE_AT_END char *verdict = NULL;
    char reason[SIREN_GUARD_REASON] = "";
    siren_guard_end end;
    bool again;
    *out = NULL;
    if (named && strcmp(wanted, "host") == 0) return SIREN_OK;
    siren_terminal_hint(hint);
    SIREN_TRY(siren_drivers_recall());
    if (siren_driver_verdict("decode", &verdict) == SIREN_VERDICT_HUNG) {
        siren_fail(SIREN_DEVICE,
                   "the OpenCL driver hung less than a day ago (%s remembers it; without that file it is "
                   "tried again)",
                   verdict);
        return named ? SIREN_DEVICE : use_host(out);
    }
    SIREN_TRY(siren_guard_begin(&end, reason));
    if (end == SIREN_GUARD_CHILD) {
        if (siren_guard_in_child()) siren_terminal_catch_interrupt(); /* timers are not inherited */
        siren_guard_divert_output();
        return open_device(choice, named, out);
    }
    SIREN_TRY(siren_drivers_sort(&again));
    if (again) return siren_tool_open_decoder(choice, out);
    if (end == SIREN_GUARD_HUNG && siren_driver_verdict_keep(verdict, SIREN_VERDICT_HUNG) != SIREN_OK)
        siren_terminal_warn(
            "%s: each command waits for the driver again; SIRENCL_DEVICE=host decodes without "
            "it, XDG_CACHE_HOME=FOLDER names a place to remember it in",
            siren_message());
    siren_fail(SIREN_DEVICE, "%s", reason);
    return named ? SIREN_DEVICE : use_host(out);
}
#endif
