#include "engine/train/gradient.h"
#include "engine/train/optimiser.h"

#include <math.h>
#include <stdlib.h>

typedef struct {
    siren_optimiser base;
    siren_adam_options options;
    siren_kernel *kernel;
    siren_buffer *m, *v;                          /* (n_networks, n_padded) */
    size_t n_networks, n_active, n_padded, group; /* work-items of a group */
    unsigned n_steps;                             /* taken since the restart */
} siren_adam;

static siren_status adam_restart(siren_optimiser *base) {
    siren_adam *adam = (siren_adam *)base;
    adam->n_steps = 0;
    adam->n_active = adam->n_networks;
    SIREN_TRY(siren_buffer_zero(adam->m));
    return siren_buffer_zero(adam->v);
}

static siren_status adam_step(siren_optimiser *base, siren_buffer *params,
                              const siren_buffer *partial_gradients, size_t n_parts,
                              const siren_buffer *state, float factor) {
    siren_adam *adam = (siren_adam *)base;
    const siren_adam_options *o = &adam->options;
    double t = ++adam->n_steps;
    siren_range range = {.global = {adam->n_padded / 16, adam->n_active}, .local = {adam->group}};
    return SIREN_LAUNCH(adam->kernel, range, SIREN_BUFFER(params), SIREN_BUFFER(adam->m),
                        SIREN_BUFFER(adam->v), SIREN_BUFFER(partial_gradients), SIREN_BUFFER(state),
                        SIREN_INT((int)n_parts), SIREN_INT((int)adam->n_padded), SIREN_FLOAT(o->beta1),
                        SIREN_FLOAT(o->beta2), SIREN_FLOAT(o->epsilon),
                        SIREN_FLOAT((float)(1.0 / (1.0 - pow((double)o->beta1, t))) * factor),
                        SIREN_FLOAT((float)(1.0 / (1.0 - pow((double)o->beta2, t)))));
}

static siren_status adam_leave(siren_optimiser *base, size_t ended) {
    siren_adam *adam = (siren_adam *)base;
    size_t bytes = adam->n_padded * sizeof(float), last = --adam->n_active;
    if (ended == last) return SIREN_OK;
    SIREN_TRY(siren_buffer_copy(adam->m, last * bytes, ended * bytes, bytes));
    return siren_buffer_copy(adam->v, last * bytes, ended * bytes, bytes);
}

static void adam_free(siren_optimiser *base) {
    siren_adam *adam = (siren_adam *)base;
    siren_kernel_free(adam->kernel);
    siren_buffer_free(adam->m);
    siren_buffer_free(adam->v);
    free(adam);
}

siren_status siren_adam_create(siren_device *device, const siren_network *network, size_t n_networks,
                               const siren_adam_options *options, siren_optimiser **out) {
    siren_adam *adam = NULL;
    size_t n_padded = siren_network_n_padded(network);
    SIREN_TRY(siren_allocate(&adam, 1, sizeof *adam, "the optimiser"));
    *adam = (siren_adam){
        .base = {adam_restart, adam_step, adam_leave, adam_free, 2 * n_networks * n_padded * sizeof(float)},
        .options = *options,
        .n_networks = n_networks,
        .n_padded = n_padded,
        .group = siren_element_group(device)};
    SIREN_AT_END(siren_optimiser_free_at) siren_optimiser *made = &adam->base;
    SIREN_TRY(siren_epoch_kernel_create(device, network, "adam_step", &adam->kernel));
    SIREN_TRY(
        siren_buffer_create(device, n_networks * n_padded * sizeof(float), "the first moments", &adam->m));
    SIREN_TRY(
        siren_buffer_create(device, n_networks * n_padded * sizeof(float), "the second moments", &adam->v));
    SIREN_TRY(adam_restart(made));
    *out = SIREN_TAKE(made);
    return SIREN_OK;
}
