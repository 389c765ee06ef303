#include "engine/train/sampler.h"

#include "engine/train/gradient.h"
#include "host/rng.h"

#include <stdlib.h>

#define ORDER_KEY 0x6F726472u /* apart from the streams of initial parameters, whose keys are seeds */

struct siren_sampler {
    size_t n_points, n_sampled, group; /* work-items of a group */
    uint32_t *order;                   /* (n_points) a permutation */
    siren_buffer *device_order;
    siren_kernel *copy;
};

void siren_sampler_free(siren_sampler *sampler) {
    if (!sampler) return;
    siren_buffer_free(sampler->device_order);
    siren_kernel_free(sampler->copy);
    free(sampler->order);
    free(sampler);
}

size_t siren_points_of_step(const siren_settings *settings, size_t n_points) {
    const size_t k = settings->minibatches > 1 ? settings->minibatches : 1;
    size_t most = settings->points_per_epoch ? settings->points_per_epoch : n_points,
           part = (n_points + k - 1) / k;
    if (part < SIREN_LEAST_MINIBATCH) part = SIREN_LEAST_MINIBATCH;
    if (k > 1 && part < most) most = part;
    return most < n_points ? most : n_points;
}

/* Fisher and Yates: every order is as likely, but for 2^-32 of a number of points. */
static void shuffle(uint32_t *order, size_t n) {
    for (size_t i = 0; i < n; i++) order[i] = (uint32_t)i;
    for (size_t i = n; i-- > 1;) {
        siren_philox_block random = siren_philox((siren_philox_block){{(uint32_t)i}}, ORDER_KEY, 0);
        size_t j = (size_t)(((uint64_t)random.word[0] * (i + 1)) >> 32);
        uint32_t swap = order[i];
        order[i] = order[j];
        order[j] = swap;
    }
}

siren_status siren_sampler_create(siren_device *device, const siren_network *network, size_t n_points,
                                  size_t n_sampled, siren_sampler **out) {
    SIREN_AT_END(siren_sampler_free_at) siren_sampler *sampler = NULL;
    size_t n_bytes = n_points * sizeof *sampler->order;
    SIREN_TRY(siren_allocate(&sampler, 1, sizeof *sampler, "the sampler"));
    sampler->n_points = n_points;
    sampler->n_sampled = n_sampled;
    sampler->group = siren_element_group(device);
    SIREN_TRY(siren_allocate(&sampler->order, n_points, sizeof *sampler->order, "the order of the points"));
    shuffle(sampler->order, n_points);
    SIREN_TRY(siren_epoch_kernel_create(device, network, "epoch_sample", &sampler->copy));
    SIREN_TRY(siren_buffer_create(device, n_bytes, "the order of the points", &sampler->device_order));
    SIREN_TRY(siren_buffer_write(sampler->device_order, 0, sampler->order, n_bytes));
    *out = SIREN_TAKE(sampler);
    return SIREN_OK;
}

static size_t place(const siren_sampler *sampler, size_t epoch, size_t i) {
    return (size_t)(((uint64_t)epoch * sampler->n_sampled + i) % sampler->n_points);
}

size_t siren_sampler_point(const siren_sampler *sampler, size_t epoch, size_t i) {
    return sampler->order[place(sampler, epoch, i)];
}

siren_status siren_sampler_copy(siren_sampler *sampler, size_t epoch, size_t n_blocks, size_t n_columns,
                                const siren_buffer *all, siren_buffer *sample) {
    siren_range range = {.global = {sampler->n_sampled, n_blocks}, .local = {sampler->group}};
    return SIREN_LAUNCH(sampler->copy, range, SIREN_BUFFER(sample), SIREN_BUFFER(all),
                        SIREN_BUFFER(sampler->device_order), SIREN_INT((int)sampler->n_points),
                        SIREN_INT((int)sampler->n_sampled), SIREN_INT((int)n_columns),
                        SIREN_INT((int)place(sampler, epoch, 0)));
}

size_t siren_sampler_bytes(const siren_sampler *sampler) {
    return 2 * sampler->n_points * sizeof *sampler->order;
}
