/* The chain family (CPU devices): one work-item takes a block of points through the whole network, forwards, loss and
 * backwards, and adds to its own gradient. Work-group size 1, no barriers, no local memory.
 *
 * Points are dealt in rounds of n_parts * SIREN_BLOCK_ROWS; each round, the last and shorter one too, is divided evenly
 * into a block for each part. A part is one work-item with its own gradient; the sum over parts is fixed (adam.cl), so
 * results depend on neither the device's number of cores nor the batch of networks nor the tiling into rounds. */
#include "points.cl"
#include "epoch.cl" /* for siren_epoch_kernel_create() */

/* One round after the other of forward, loss, backward for (part, network) = (global id 0, global id 1). Of the targets
 * those from point first_target on are there. */
__kernel void chain_step(__global float *partial_gradients,      /* (n_networks, n_parts, n_padded) in/out */
                         __global float *partial_losses,         /* (n_networks, n_parts) in/out */
                         __global float *scratch,                /* (n_networks, n_parts, n_scratch) */
                         __global const float *params,           /* (n_networks, n_padded) */
                         __global const float *forward_packed,   /* (n_networks, n_packed_floats) */
                         __global const float *backward_packed,  /* (n_networks, n_packed_floats) */
                         __global const float *coordinates,      /* (n_points, n_inputs) */
                         __global const float *targets,          /* (n_networks, n_points, out_padded) */
                         __global const int *table,              /* (n_layers, SIREN_LAYER_FIELDS) */
                         __global const float *w0,               /* (n_layers) */
                         int n_layers, int n_padded, int n_packed_floats, int n_scratch, int n_points,
                         int first_target, int round_begin, int round_end FEATURE_ARGUMENTS) {
    int part = get_global_id(0), n_parts = get_global_size(0), network = get_global_id(1);
    __global const int *last = table + (n_layers - 1) * SIREN_LAYER_FIELDS;
    int out = last[SIREN_LAYER_OUT_PADDED];
    size_t slot = (size_t)network * n_parts + part;
    __global float *gradient = partial_gradients + slot * n_padded;
    scratch += slot * n_scratch;
    params += (size_t)network * n_padded;
    forward_packed += (size_t)network * n_packed_floats;
    backward_packed += (size_t)network * n_packed_floats;

    if (round_begin == 0) {
        for (int i = 0; i < n_padded; i += SIREN_LANES) vec_store((vec)(0.0f), gradient + i);
        partial_losses[slot] = 0.0f;
    }
    for (int round = round_begin; round < round_end; round++) {
        const block b = block_of(round, part, n_parts, n_points);
        const block next = block_of(min(round + 1, round_end - 1), part, n_parts, n_points);
        int first = b.first, n_valid = b.n_valid, n_rows = b.n_rows;
        if (n_valid <= 0) continue;

#ifndef SIREN_FEATURES
        __global const float *block_targets = BLOCK_TARGETS(network, first, out);
        /* read after the last layer */
        for (int i = 0; i < n_valid * out; i += SIREN_LANES) vec_prefetch(block_targets + i);
#endif
        LOAD_POINTS(scratch, first, n_valid, n_rows, table);
        __global float *h = scratch;
        for (int l = 0; l < n_layers; l++) {
            __global const int *layer = table + l * SIREN_LAYER_FIELDS;
            __global float *d = h + SIREN_BLOCK_ROWS * PITCH(layer[SIREN_LAYER_IN_PADDED]);
            __global float *h_next = d + SIREN_BLOCK_ROWS * PITCH(layer[SIREN_LAYER_OUT_PADDED]);
            int width = layer[SIREN_LAYER_OUT_PADDED];
            forward_layer(h_next, h, params + layer[SIREN_LAYER_BIAS], forward_packed, n_rows, layer, 0, width);
            ACTIVATE(h_next, d, n_rows, layer, w0[l], 0, width);
            h = h_next;
            FORESEE(next, l, 2 * n_layers);
        }

        __global float *d = h - SIREN_BLOCK_ROWS * PITCH(out);
        partial_losses[slot] += LOSS(d, h, PITCH(out), network, first, n_valid, n_rows, out);
        for (int l = n_layers - 1; l >= 0; l--) {
            __global const int *layer = table + l * SIREN_LAYER_FIELDS;
            int width = layer[SIREN_LAYER_IN_PADDED];
            FORESEE(next, n_layers + l, 2 * n_layers);
            int h_pitch = PITCH(width), d_pitch = PITCH(layer[SIREN_LAYER_OUT_PADDED]);
            h = d - SIREN_BLOCK_ROWS * h_pitch;
#ifndef SIREN_FEATURES
            if (l == 0) {
                first_weight_gradient(gradient, d, d_pitch, h, n_rows, layer);
                break;
            }
#endif
            weight_gradient(gradient, d, d_pitch, h, h_pitch, n_rows, layer, 0, width);
            bias_gradient(gradient, d, d_pitch, n_rows, layer);
            if (l == 0) break;
            __global float *d_below = h - SIREN_BLOCK_ROWS * h_pitch;
            input_gradient(d_below, h_pitch, d, d_pitch, backward_packed, n_rows, layer, 0, width);
            d = d_below;
        }
    }
}
