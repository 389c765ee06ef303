#include "engine/gradient.h"

siren_status siren_gradient_create(const siren_gradient_shape *shape, siren_gradient **out) {
    return siren_chain_create(shape, out);
}
