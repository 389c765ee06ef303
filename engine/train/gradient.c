#include "engine/train/gradient.h"

#include "engine/kernels/chain_forward.h"

siren_status siren_gradient_create(const siren_gradient_plan *shape, siren_gradient **out) {
    bool layer = siren_device_get_facts(shape->device)->family == SIREN_FAMILY_LAYER ||
                 (siren_configuration_of(shape->device, shape->network).clblast && !shape->batch);
    return layer ? siren_layer_create(shape, out) : siren_chain_create(shape, out);
}

siren_status siren_epoch_kernel_create(siren_device *device, const siren_network *network, const char *name,
                                       siren_kernel **out) {
    const siren_configuration configuration = siren_configuration_of(device, network);
    char options[64];
    const siren_device_facts *facts = siren_device_get_facts(device);
    if (facts->family == SIREN_FAMILY_LAYER || facts->loop_limit > 0)
        return siren_kernel_create(device, "epoch.cl", "", name, out);
    siren_chain_options(&configuration, options, sizeof options);
    return siren_kernel_create(device, "chain.cl", options, name, out);
}
