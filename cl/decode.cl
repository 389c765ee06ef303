/* The exact forward pass in the chain family: same bits on every device (docs/numerics.md). */
#include "forward.cl"

/* Y of all points; work-item (slot, network) takes every n_slots-th block. */
__kernel void decode_chain(__global float *y,                    /* (n_networks, n_points, n_outputs) */
                           __global float *scratch,              /* (n_networks, n_slots, n_scratch) */
                           __global const float *params,         /* (n_networks, n_padded) */
                           __global const float *forward_packed, /* (n_networks, n_packed_floats) */
                           __global const float *coordinates,    /* (n_points, n_inputs) */
                           __global const int *table,            /* (n_layers, SIREN_LAYER_FIELDS) */
                           __global const float *w0,             /* (n_layers) */
                           int n_layers, int n_padded, int n_packed_floats, int n_scratch, int n_points,
                           int max_padded) {
    int slot = get_global_id(0), n_slots = get_global_size(0), network = get_global_id(1);
    int n_outputs = table[(n_layers - 1) * SIREN_LAYER_FIELDS + SIREN_LAYER_OUT];
    int out = SIREN_PADDED(n_outputs);
    scratch += ((size_t)network * n_slots + slot) * n_scratch;
    params += (size_t)network * n_padded;
    forward_packed += (size_t)network * n_packed_floats;
    y += (size_t)network * n_points * n_outputs;
    for (int first = slot * SIREN_BLOCK_ROWS; first < n_points; first += n_slots * SIREN_BLOCK_ROWS) {
        int n_valid = min(SIREN_BLOCK_ROWS, n_points - first);
        int n_rows = (n_valid + SIREN_TILE_POINTS - 1) / SIREN_TILE_POINTS * SIREN_TILE_POINTS;
        __global float *h = scratch, *h_next = scratch + SIREN_BLOCK_ROWS * PITCH(max_padded);
        load_points(h, coordinates, first, n_valid, n_rows, table[SIREN_LAYER_IN]);
        for (int l = 0; l < n_layers; l++) {
            __global const int *layer = table + l * SIREN_LAYER_FIELDS;
            int width = layer[SIREN_LAYER_OUT_PADDED];
            forward_layer(h_next, h, params + layer[SIREN_LAYER_BIAS], forward_packed, n_rows, layer, 0, width);
            activate(h_next, 0, n_rows, layer, w0[l], 0, width);
            __global float *swap = h;
            h = h_next;
            h_next = swap;
        }
        for (int row = 0; row < n_valid; row++)
            for (int j = 0; j < n_outputs; j++) y[(size_t)(first + row) * n_outputs + j] = h[row * PITCH(out) + j];
    }
}
