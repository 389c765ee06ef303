/* What every kernel file starts from: arithmetic rules, vector type, activations, tunables.
 *
 * Contraction is off and every fused multiply-add is written as fma(), so that a kernel's result is fixed by its text
 * alone (docs/numerics.md). */
#pragma OPENCL FP_CONTRACT OFF
#include "knobs.h"
#include "layout.h"
#include "polynomials.h"

#ifndef SIREN_LANES
#define SIREN_LANES SIREN_USUAL_LANES
#endif

#if SIREN_LANES == 16
typedef float16 vec;
typedef int16 vec_int;
#define as_vec as_float16
#define as_vec_int as_int16
#elif SIREN_LANES == 8
typedef float8 vec;
typedef int8 vec_int;
#define as_vec as_float8
#define as_vec_int as_int8
#endif
/* Aligned vectors only: PoCL divides a vstore16 into four stores. */
#define vec_load(p) (*(__global const vec *)(p))
#define vec_store(v, p) (*(__global vec *)(p) = (v))

/* Sine, cosine and tanh in the operations that polynomials.h describes. */
#define SIREN_DEFINE_SINCOS(T, TI, AS_T, AS_TI, SUFFIX)                                                      \
    inline T sinpi_exact##SUFFIX(T u) {                                                                      \
        T shifted = u + SIREN_ROUND_TO_INTEGER;                                                              \
        T r = u - (shifted - SIREN_ROUND_TO_INTEGER);                                                        \
        T s = r * r;                                                                                         \
        T p = fma(s, (T)(SIREN_SIN_4), (T)(SIREN_SIN_3));                                                    \
        p = fma(s, p, (T)(SIREN_SIN_2));                                                                     \
        p = fma(s, p, (T)(SIREN_SIN_1));                                                                     \
        p = fma(s, p, (T)(SIREN_SIN_0));                                                                     \
        return AS_T(AS_TI(p * r) ^ (AS_TI(shifted) << 31));                                                  \
    }                                                                                                        \
    inline T cospi_exact##SUFFIX(T u) {                                                                      \
        T shifted = u + SIREN_ROUND_TO_INTEGER;                                                              \
        T r = u - (shifted - SIREN_ROUND_TO_INTEGER);                                                        \
        T s = r * r;                                                                                         \
        T p = fma(s, (T)(SIREN_COS_5), (T)(SIREN_COS_4));                                                    \
        p = fma(s, p, (T)(SIREN_COS_3));                                                                     \
        p = fma(s, p, (T)(SIREN_COS_2));                                                                     \
        p = fma(s, p, (T)(SIREN_COS_1));                                                                     \
        p = fma(s, p, (T)(1.0f));                                                                            \
        return AS_T(AS_TI(p) ^ (AS_TI(shifted) << 31));                                                      \
    }

SIREN_DEFINE_SINCOS(float, int, as_float, as_int, )
SIREN_DEFINE_SINCOS(vec, vec_int, as_vec, as_vec_int, _vec)

#define SIREN_DEFINE_TANH(T, TI, AS_T, AS_TI, SUFFIX)                                                        \
    inline T tanh_exact##SUFFIX(T x) {                                                                       \
        T t = fmin(AS_T(AS_TI(x) & 0x7FFFFFFF), (T)(10.0f)) * (T)(2.0f * SIREN_LOG2_E);                      \
        T shifted = t + SIREN_ROUND_TO_INTEGER;                                                              \
        T f = t - (shifted - SIREN_ROUND_TO_INTEGER);                                                        \
        T p = fma(f, (T)(SIREN_EXP_6), (T)(SIREN_EXP_5));                                                    \
        p = fma(f, p, (T)(SIREN_EXP_4));                                                                     \
        p = fma(f, p, (T)(SIREN_EXP_3));                                                                     \
        p = fma(f, p, (T)(SIREN_EXP_2));                                                                     \
        p = fma(f, p, (T)(SIREN_EXP_1));                                                                     \
        p = fma(f, p, (T)(1.0f));                                                                            \
        T d = AS_T(AS_TI(p) + (AS_TI(shifted) << 23)) + (T)(1.0f);                                           \
        T y = AS_T((TI)(SIREN_RECIPROCAL_ESTIMATE) - AS_TI(d));                                              \
        y = fma(y, fma(-d, y, (T)(1.0f)), y);                                                                \
        y = fma(y, fma(-d, y, (T)(1.0f)), y);                                                                \
        y = fma(y, fma(-d, y, (T)(1.0f)), y);                                                                \
        y = fma(y, fma(-d, y, (T)(1.0f)), y);                                                                \
        return AS_T(AS_TI(fma((T)(-2.0f), y, (T)(1.0f))) | (AS_TI(x) & (int)0x80000000));                    \
    }

SIREN_DEFINE_TANH(float, int, as_float, as_int, )
SIREN_DEFINE_TANH(vec, vec_int, as_vec, as_vec_int, _vec)
