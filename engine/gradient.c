#include "engine/gradient.h"

siren_status siren_gradient_create(const siren_gradient_shape *shape, siren_gradient **out) {
    bool layer = siren_device_get_facts(shape->device)->family == SIREN_FAMILY_LAYER;
    return layer ? siren_layer_create(shape, out) : siren_chain_create(shape, out);
}
