/* The chain family in pieces, for a driver that ends the loops of a work-item after so many passes (loop_limit of the
 * device's facts), as llvmpipe does: no work-item takes more of the way than a strip of one layer. */
#include "points.cl"

/* What one strip of layer l needs of what SIREN_PIECE_... names (global ids: part, network, strip). Gradients and
 * losses start from zeros; after all pieces of all rounds, in order, they have the bits of chain_step. */
__kernel void chain_piece(__global float *partial_gradients, __global float *partial_losses, __global float *scratch,
                          __global const float *params, __global const float *forward_packed,
                          __global const float *backward_packed, __global const float *coordinates,
                          __global const float *targets, __global const int *table, __global const float *w0,
                          int n_layers, int n_padded, int n_packed_floats, int n_scratch, int n_points,
                          int first_target, int round, int piece, int l FEATURE_ARGUMENTS) {
    int part = get_global_id(0), n_parts = get_global_size(0), network = get_global_id(1);
    const block b = block_of(round, part, n_parts, n_points);
    if (b.n_valid <= 0) return;
    __global const int *layer = table + l * SIREN_LAYER_FIELDS;
    int in = layer[SIREN_LAYER_IN_PADDED], out = layer[SIREN_LAYER_OUT_PADDED];
    int begin = (int)get_global_id(2) * SIREN_STRIP;
    int end_out = min(begin + SIREN_STRIP, out), end_in = min(begin + SIREN_STRIP, in);
    size_t slot = (size_t)network * n_parts + part;
    __global float *gradient = partial_gradients + slot * n_padded;
    scratch += slot * n_scratch;
    __global float *h = scratch;
    for (int below = 0; below < l; below++)
        h += SIREN_BLOCK_ROWS * (PITCH(table[below * SIREN_LAYER_FIELDS + SIREN_LAYER_IN_PADDED]) +
                                 PITCH(table[below * SIREN_LAYER_FIELDS + SIREN_LAYER_OUT_PADDED]));
    __global float *d_below = h - SIREN_BLOCK_ROWS * PITCH(in), *d = h + SIREN_BLOCK_ROWS * PITCH(in);
    __global float *h_next = d + SIREN_BLOCK_ROWS * PITCH(out);
    switch (piece) {
    case SIREN_PIECE_POINTS: LOAD_POINTS(h, b.first, b.n_valid, b.n_rows, layer); break;
    case SIREN_PIECE_FORWARD:
        forward_layer(h_next, h, params + (size_t)network * n_padded + layer[SIREN_LAYER_BIAS],
                      forward_packed + (size_t)network * n_packed_floats, b.n_rows, layer, begin, end_out);
        ACTIVATE(h_next, d, b.n_rows, layer, w0[l], begin, end_out);
        break;
    case SIREN_PIECE_LOSS:
        partial_losses[slot] += LOSS(d, h_next, PITCH(out), network, b.first, b.n_valid, b.n_rows, out);
        break;
    case SIREN_PIECE_WEIGHTS:
        weight_gradient(gradient, d, PITCH(out), h, PITCH(in), b.n_rows, layer, begin, end_in);
        break;
    case SIREN_PIECE_BIAS: bias_gradient(gradient, d, PITCH(out), b.n_rows, layer); break;
    case SIREN_PIECE_INPUTS:
        input_gradient(d_below, PITCH(in), d, PITCH(out), backward_packed + (size_t)network * n_packed_floats, b.n_rows,
                       layer, begin, end_in);
        break;
    case SIREN_PIECE_FIRST: first_weight_gradient(gradient, d, PITCH(out), h, b.n_rows, layer); break;
    }
}
