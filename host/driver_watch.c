#include "host/driver_watch.h"

#include <stddef.h>

static _Atomic(siren_driver_state *) watched;

static _Atomic(siren_driver_changed_fn) after;

void siren_driver_watch(siren_driver_state *state, siren_driver_changed_fn changed) {
    atomic_store(&after, changed);
    atomic_store(&watched, state);
}

int siren_driver_enter(siren_driver_phase phase) {
    siren_driver_state *state = atomic_load(&watched);
    if (!state) return SIREN_DRIVER_REST;
    atomic_fetch_add(&state->n_phases, 1);
    return atomic_exchange(&state->phase, (int)phase);
}

void siren_driver_leave(int before) {
    siren_driver_state *state = atomic_load(&watched);
    if (!state) return;
    int phase = atomic_exchange(&state->phase, before);
    siren_driver_changed_fn changed = atomic_load(&after);
    if (changed && phase != SIREN_DRIVER_RUNNING) changed();
}
