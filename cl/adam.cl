/* Adam (Kingma & Ba 2015, in PyTorch's form) on flat parameter arrays, after the ordered sum of partial gradients.
 * Knows no layers. */
#include "prelude.cl"

/* g = 2 scale sum(parts), then Adam (global ids: vector of 16 parameters, network).
 * correction1 = 1 / (1 - beta1^t) times the factor of the learning rate, correction2 = 1 / (1 - beta2^t). */
__kernel void adam_step(__global float *params,                  /* (n_networks, n_padded) in/out, as m and v */
                        __global float *m, __global float *v,
                        __global const float *partial_gradients, /* (n_networks, n_parts, n_padded) */
                        __global const float *state,             /* (n_networks, SIREN_STATE_FIELDS) */
                        int n_parts, int n_padded, float beta1, float beta2, float epsilon, float correction1,
                        float correction2) {
    int first = get_global_id(0) * 16, network = get_global_id(1);
    size_t at = (size_t)network * n_padded + first;
    if (first >= n_padded) return;
    __global const float *partial = partial_gradients + (size_t)network * n_parts * n_padded + first;
    float16 sum = vload16(0, partial);
    for (int part = 1; part < n_parts; part++) sum += vload16(0, partial + (size_t)part * n_padded);
    state += network * SIREN_STATE_FIELDS;
    float16 g = sum * (2.0f * state[SIREN_STATE_SCALE]);
    float rate = state[SIREN_STATE_RATE] * correction1;

    float16 m_old = vload16(0, m + at);
    float16 m_new = fma((float16)(1.0f - beta1), g - m_old, m_old);
    float16 v_new = fma((1.0f - beta2) * g, g, vload16(0, v + at) * beta2);
    vstore16(m_new, 0, m + at);
    vstore16(v_new, 0, v + at);
    vstore16(vload16(0, params + at) - rate * m_new / (sqrt(v_new * correction2) + epsilon), 0, params + at);
}
