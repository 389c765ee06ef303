/* One optimiser step on flat parameter arrays: the ordered sum of partial gradients, Adam (Kingma & Ba 2015, as PyTorch
 * computes it) and the snapshot of the best model. Knows no layers. */
#include "prelude.cl"

/* State of each network during training, an array of floats (n_networks, SIREN_STATE_FIELDS). */
#define SIREN_STATE_SCALE 0     /* 1 / (number of targets that are data) */
#define SIREN_STATE_BEST_LOSS 1
#define SIREN_STATE_IMPROVED 2  /* 1 where the current parameters are the best so far */
#define SIREN_STATE_FIELDS 4

/* Loss of this epoch from its parts, in order, into the history, and whether it is the best (global id: network). */
__kernel void adam_loss(__global float *state, __global float *history /* (n_networks, history_pitch) */,
                        __global const float *partial_losses /* (n_networks, n_parts) */, int n_parts, int history_pitch,
                        int epoch) {
    int network = get_global_id(0);
    state += network * SIREN_STATE_FIELDS;
    float sum = 0.0f;
    for (int part = 0; part < n_parts; part++) sum += partial_losses[(size_t)network * n_parts + part];
    float loss = sum * state[SIREN_STATE_SCALE];
    bool improved = loss < state[SIREN_STATE_BEST_LOSS];
    if (improved) state[SIREN_STATE_BEST_LOSS] = loss;
    state[SIREN_STATE_IMPROVED] = improved ? 1.0f : 0.0f;
    history[(size_t)network * history_pitch + epoch] = loss;
}

/* g = 2 scale sum(parts);  m, v, parameters by Adam; the parameters that gave the loss are kept in `best` where it
 * improved (global ids: 16 parameters each, network). correction1 = 1 / (1 - beta1^t), correction2 likewise. */
__kernel void adam_step(__global float *params /* (n_networks, n_padded) in/out, as m, v and best */, __global float *m,
                        __global float *v, __global float *best,
                        __global const float *partial_gradients /* (n_networks, n_parts, n_padded) */,
                        __global const float *state, int n_parts, int n_padded, float rate, float beta1, float beta2,
                        float epsilon, float correction1, float correction2) {
    int network = get_global_id(1);
    size_t at = (size_t)network * n_padded + get_global_id(0) * 16;
    if (get_global_id(0) * 16 >= n_padded) return;
    state += network * SIREN_STATE_FIELDS;
    __global const float *partial = partial_gradients + (size_t)network * n_parts * n_padded + get_global_id(0) * 16;
    float16 sum = vload16(0, partial);
    for (int part = 1; part < n_parts; part++) sum += vload16(0, partial + (size_t)part * n_padded);
    float16 g = sum * (2.0f * state[SIREN_STATE_SCALE]);

    float16 p = vload16(0, params + at);
    if (state[SIREN_STATE_IMPROVED] != 0.0f) vstore16(p, 0, best + at);
    float16 m_new = fma((float16)(1.0f - beta1), g - vload16(0, m + at), vload16(0, m + at));
    float16 v_new = fma((float16)(1.0f - beta2), g * g, vload16(0, v + at) * beta2);
    float16 denominator = sqrt(v_new * correction2) + epsilon;
    p -= rate * correction1 * m_new / denominator;
    vstore16(m_new, 0, m + at);
    vstore16(v_new, 0, v + at);
    vstore16(p, 0, params + at);
}
