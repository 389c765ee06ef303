/* What an epoch does besides its gradient: the loss, the best model and the optimisers' steps. */
#include "prelude.cl"
#include "adam.cl"

/* Loss of this epoch from its parts, in order, and whether it is the best so far (global id: network). */
__kernel void epoch_loss(__global float *state,                /* (n_networks, SIREN_STATE_FIELDS) in/out */
                         __global float *history,              /* (n_networks, history_pitch) */
                         __global const float *partial_losses, /* (n_networks, n_parts) */
                         int n_networks, int n_parts, int history_pitch, int epoch) {
    int network = get_global_id(0);
    if (network >= n_networks) return;
    state += network * SIREN_STATE_FIELDS;
    float sum = 0.0f;
    for (int part = 0; part < n_parts; part++) sum += partial_losses[(size_t)network * n_parts + part];
    float loss = sum * state[SIREN_STATE_SCALE];
    bool improved = loss < state[SIREN_STATE_BEST_LOSS];
    if (improved) state[SIREN_STATE_BEST_LOSS] = loss;
    state[SIREN_STATE_IMPROVED] = improved ? 1.0f : 0.0f;
    history[(size_t)network * history_pitch + epoch] = loss;
}

/* Keeps the parameters that gave the loss, where it is the best so far (global ids: vector of 16, network). */
__kernel void epoch_snapshot(__global float *best, __global const float *params /* (n_networks, n_padded) both */,
                             __global const float *state, int n_padded) {
    int first = get_global_id(0) * 16, network = get_global_id(1);
    size_t at = (size_t)network * n_padded + first;
    if (first >= n_padded || state[network * SIREN_STATE_FIELDS + SIREN_STATE_IMPROVED] == 0.0f) return;
    vstore16(vload16(0, params + at), 0, best + at);
}

/* Rows of an epoch's points, which stand in the order of points from `begin` on, going round (global ids: row,
 * block). */
__kernel void epoch_sample(__global float *sample,     /* (n_blocks, n_rows, n_columns) */
                           __global const float *all,  /* (n_blocks, n_points, n_columns) */
                           __global const uint *order, /* (n_points) */
                           int n_points, int n_rows, int n_columns, int begin) {
    int row = get_global_id(0), block = get_global_id(1);
    if (row >= n_rows) return;
    int place = row < n_points - begin ? begin + row : row - (n_points - begin);
    sample += ((size_t)block * n_rows + row) * n_columns;
    all += ((size_t)block * n_points + order[place]) * n_columns;
    for (int column = 0; column < n_columns; column++) sample[column] = all[column];
}
