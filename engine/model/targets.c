#include "engine/model/targets.h"

#include <string.h>

static siren_status read_array(void *user, size_t network, size_t first, size_t n, size_t pitch,
                               float *targets) {
    const siren_target_array *array = user;
    const float *from = array->targets + (network * array->n_points + first) * array->n_outputs;
    for (size_t i = 0; i < n; i++)
        memcpy(targets + i * pitch, from + i * array->n_outputs, array->n_outputs * sizeof *from);
    return SIREN_OK;
}

siren_target_source siren_target_array_source(siren_target_array *array) {
    return (siren_target_source){read_array, array};
}
