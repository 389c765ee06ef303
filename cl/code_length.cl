/* The loss of networks on features: bits of an integer under a mixture of logistics discretised to it
 * (docs/context-training.md). The integer stands between the edges lo and hi, half a step below and above it, -inf and
 * +inf at the ends of the range.
 *
 *   P = (1 - share) sum over k of w_k (sigmoid(a_k) - sigmoid(b_k)) + least,
 *   a_k = (hi - m_k) / s_k,  b_k = (lo - m_k) / s_k
 *
 * sigmoid(a) - sigmoid(b) = sigmoid(a) sigmoid(-b) (1 - e^(b - a)), which loses no digits in either tail; its logarithm
 * has the derivatives sigmoid(b) - sigmoid(-a) by m / s, and b sigmoid(b) - a sigmoid(-a) - d / (e^d - 1) by log s,
 * with d = a - b. */
#include "prelude.cl"

#define FARTHEST 60.0f /* scales from a mean: beyond, a sigmoid counts for nothing beside the least probability */

/* A NaN stays one through select(). */
#define AT_MOST(x, limit) select(x, (limit), (x) > (limit))
#define AT_LEAST(x, limit) select(x, (limit), (x) < (limit))

/* e^x, |x| <= 87; where `rest` is not null, e^x = scale + scale rest with scale a power of two, the nearer the
 * better. */
#define SIREN_DEFINE_CODE_LENGTH(T, TI, AS_T, AS_TI, SUFFIX)                                                 \
    inline T exponential##SUFFIX(T x, T *scale, T *rest) {                                                   \
        T shifted = fma(x, (T)(SIREN_LOG2_E), (T)(SIREN_ROUND_TO_INTEGER));                                  \
        T f = fma(x, (T)(SIREN_LOG2_E), (T)(SIREN_ROUND_TO_INTEGER) - shifted);                              \
        f = fma(x, (T)(SIREN_LOG2_E_REST), f);                                                               \
        T p = fma(f, (T)(SIREN_EXP_6), (T)(SIREN_EXP_5));                                                    \
        p = fma(f, p, (T)(SIREN_EXP_4));                                                                     \
        p = fma(f, p, (T)(SIREN_EXP_3));                                                                     \
        p = fma(f, p, (T)(SIREN_EXP_2));                                                                     \
        p = fma(f, p, (T)(SIREN_EXP_1)) * f;                                                                 \
        T power = AS_T((AS_TI(shifted) << 23) + (TI)(0x3F800000));                                           \
        if (scale) *scale = power, *rest = p;                                                                \
        return fma(power, p, power);                                                                         \
    }                                                                                                        \
    /* log2(x), x positive and normal: by atanh((m - 1) / (m + 1)), m within sqrt(2) of 1 */                 \
    inline T logarithm##SUFFIX(T x) {                                                                        \
        TI bits = AS_TI(x) - (TI)(0x3F3504F3);                                                               \
        T m = AS_T((bits & 0x007FFFFF) + (TI)(0x3F3504F3));                                                  \
        T z = (m - (T)(1.0f)) / (m + (T)(1.0f)), s = z * z;                                                  \
        T p = fma(s, (T)(0.32059890f), (T)(0.41219858f));                                                    \
        p = fma(s, p, (T)(0.57707801f));                                                                     \
        p = fma(s, p, (T)(0.96179669f));                                                                     \
        p = fma(s, p, (T)(2.88539008f));                                                                     \
        return fma(z, p, (AS_T((bits >> 23) + (TI)(0x4B400000)) - (T)(SIREN_ROUND_TO_INTEGER)));             \
    }                                                                                                        \
    /* The bits, and in place of the outputs half the gradient, as the optimisers take it. */                \
    inline T code_length##SUFFIX(T o[SIREN_MIXTURE_OUTPUTS], T lo, T hi, float least) {                    \
        T p[SIREN_MIXTURE], by_mean[SIREN_MIXTURE], by_scale[SIREN_MIXTURE], w[SIREN_MIXTURE];               \
        T most = o[2 * SIREN_MIXTURE], all = (T)(0.0f), sum = (T)(0.0f);                                     \
        for (int k = 1; k < SIREN_MIXTURE; k++) most = fmax(most, o[2 * SIREN_MIXTURE + k]);                 \
        for (int k = 0; k < SIREN_MIXTURE; k++) {                                                            \
            T log_s = AT_LEAST(AT_MOST(o[SIREN_MIXTURE + k], (T)(SIREN_MOST_LOG_SCALE)), (T)(SIREN_LEAST_LOG_SCALE)); \
            T inverse = exponential##SUFFIX(-log_s, 0, 0), scale, rest;                                      \
            T a = AT_LEAST(AT_MOST((hi - o[k]) * inverse, (T)(FARTHEST)), (T)(-FARTHEST));                   \
            T b = AT_LEAST(AT_MOST((lo - o[k]) * inverse, (T)(FARTHEST)), (T)(-FARTHEST));                   \
            T d = AT_MOST((hi - lo) * inverse, (T)(FARTHEST));                                               \
            T small_a = exponential##SUFFIX(-fabs(a), 0, 0), small_b = exponential##SUFFIX(-fabs(b), 0, 0);  \
            T over_a = (T)(1.0f) + small_a, over_b = (T)(1.0f) + small_b, i = (T)(1.0f) / (over_a * over_b); \
            T near_a = i * over_b, near_b = i * over_a, far_a = small_a * near_a, far_b = small_b * near_b;  \
            T up_a = select(near_a, far_a, a < (T)(0.0f)), down_a = select(far_a, near_a, a < (T)(0.0f));    \
            T up_b = select(near_b, far_b, b < (T)(0.0f)), down_b = select(far_b, near_b, b < (T)(0.0f));    \
            T fall = exponential##SUFFIX(-d, &scale, &rest);                                                 \
            T both = up_a * down_b;                                                                          \
            p[k] = both * (((T)(1.0f) - scale) - scale * rest);                                              \
            by_mean[k] = p[k] * (up_b - down_a) * inverse;                                                   \
            by_scale[k] = select(fma(p[k], b * up_b - a * down_a, -d * fall * both), (T)(0.0f),              \
                                 log_s != o[SIREN_MIXTURE + k]);                                             \
            w[k] = exponential##SUFFIX(AT_LEAST(o[2 * SIREN_MIXTURE + k] - most, (T)(-FARTHEST)), 0, 0);     \
            all += w[k];                                                                                     \
            sum = fma(w[k], p[k], sum);                                                                      \
        }                                                                                                    \
        T share = (T)(1.0f) / all;                                                                           \
        sum *= share;                                                                                        \
        T whole = fma(sum, (T)(1.0f - SIREN_UNIFORM_SHARE), (T)(least));                                   \
        T factor = (T)(-0.5f * SIREN_LOG2_E * (1.0f - SIREN_UNIFORM_SHARE)) / whole * share;                 \
        for (int k = 0; k < SIREN_MIXTURE; k++) {                                                            \
            o[k] = factor * w[k] * by_mean[k];                                                               \
            o[SIREN_MIXTURE + k] = factor * w[k] * by_scale[k];                                              \
            o[2 * SIREN_MIXTURE + k] = factor * w[k] * (p[k] - sum);                                         \
        }                                                                                                    \
        return (whole - whole) - logarithm##SUFFIX(whole); /* NaN for NaN */                                 \
    }

SIREN_DEFINE_CODE_LENGTH(float, int, as_float, as_int, )
SIREN_DEFINE_CODE_LENGTH(vec, vec_int, as_vec, as_vec_int, _vec)
