#include "engine/kernels/network_on_device.h"

siren_status siren_network_upload(const siren_network *network, siren_device *device, siren_buffer **table,
                                  siren_buffer **w0) {
    int rows[SIREN_MAX_LAYERS * SIREN_LAYER_FIELDS];
    float factors[SIREN_MAX_LAYERS];
    size_t table_bytes = network->n_layers * SIREN_LAYER_FIELDS * sizeof *rows,
           w0_bytes = network->n_layers * sizeof *factors;
    siren_network_table(network, rows);
    for (uint32_t l = 0; l < network->n_layers; l++) factors[l] = network->layers[l].w0;
    SIREN_TRY(siren_buffer_create(device, table_bytes, "the layer table", table));
    SIREN_TRY(siren_buffer_write(*table, 0, rows, table_bytes));
    SIREN_TRY(siren_buffer_create(device, w0_bytes, "the layers' w0", w0));
    return siren_buffer_write(*w0, 0, factors, w0_bytes);
}
