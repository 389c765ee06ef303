/* Constants of the exact sine, cosine and tanh; included by C and by OpenCL C alike.
 *
 * The host and the devices give the same bits only as long as both take them from here (docs/numerics.md). */
#ifndef SIREN_CL_POLYNOMIALS_H
#define SIREN_CL_POLYNOMIALS_H

/* sin(pi u) and cos(pi u) for |u| < 2^22, in operations that every device rounds alike: u = q + r with q an even or odd
 * integer and |r| <= 1/2 exactly, then polynomials in r^2 (minimax fits; absolute errors 4e-9 and 3e-10 before
 * rounding) and the sign (-1)^q. Adding 1.5*2^23 rounds u to an integer and leaves its parity in the lowest bit. */
#define SIREN_ROUND_TO_INTEGER 12582912.0f
#define SIREN_SIN_0 3.1415925f
#define SIREN_SIN_1 -5.167707f
#define SIREN_SIN_2 2.5500317f
#define SIREN_SIN_3 -0.5980464f
#define SIREN_SIN_4 0.07722225f
#define SIREN_COS_1 -4.934802f
#define SIREN_COS_2 4.058709f
#define SIREN_COS_3 -1.3352121f
#define SIREN_COS_4 0.23493756f
#define SIREN_COS_5 -0.024396716f
#define SIREN_INVERSE_PI 0.31830987f

/* tanh from the same exactly rounded operations: 1 - 2/(e^2x + 1) on |x| (absolute error below 2e-7), the reciprocal by
 * Newton steps from an integer estimate. */
#define SIREN_LOG2_E 1.442695f
#define SIREN_LOG2_E_REST 1.925963e-8f
#define SIREN_EXP_1 0.6931472f
#define SIREN_EXP_2 0.24022651f
#define SIREN_EXP_3 0.05550411f
#define SIREN_EXP_4 0.009618129f
#define SIREN_EXP_5 0.0013333558f
#define SIREN_EXP_6 0.00015403530f
#define SIREN_RECIPROCAL_ESTIMATE 0x7EF311C7

#endif
