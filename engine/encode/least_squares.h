/* Ridge least squares in double precision: Gram matrix, Cholesky factor, solution for many right-hand sides.
 * The sums have one order, so results do not depend on the processor. */
#ifndef SIREN_ENGINE_ENCODE_LEAST_SQUARES_H
#define SIREN_ENGINE_ENCODE_LEAST_SQUARES_H

#include "host/base.h"

/* Minimises sum over points of |sum_i a_i x_i - d|^2 with features a, of which a_0 = 1. */
typedef struct {
    size_t n, m; /* features, the constant included; right-hand sides */
    size_t stride_n, stride_m;
    double lambda;   /* added to the diagonal of gram; set by factorise */
    double *gram;    /* (n, stride_n) sum of a a^T; the lower triangle */
    double *moments; /* (n, stride_m) sum of a d^T */
    double *factor;  /* (n, stride_n) lower Cholesky factor of gram + lambda; valid after factorise */
    double *x;       /* (n, stride_m) */
    size_t *order;   /* (n) which feature stands at each place of gram, factor and x */
    double *scratch, *features, *wanted, *column;
} siren_least_squares;

/* `*out` is yours: siren_least_squares_free(), which leaves the struct itself to the caller. Sums are zero.
 */
siren_status siren_least_squares_create(size_t n_inputs, size_t n_outputs, siren_least_squares *out);
void siren_least_squares_free(siren_least_squares *problem);
/* Adds points, with all processors: `inputs` (n_points, n_inputs), `outputs` (n_points, n_outputs). */
void siren_least_squares_add(siren_least_squares *problem, size_t n_points, const float *inputs,
                             const float *outputs);
/* Factorises gram + lambda, lambda = ridge * (mean of gram's diagonal). False where that is not finite or not
 * positive definite. */
bool siren_least_squares_factorise(siren_least_squares *problem, double ridge);
/* x that minimises the error plus lambda |x - x0|^2, from x = x0 on entry; needs the factor. False where x is
 * not finite. */
bool siren_least_squares_solve(siren_least_squares *problem);
/* Reorders the features behind the constant so that the last one is the one that the others replace least,
 * and so on downwards among those left: the order in which rounding one after the other loses little. Moves
 * gram and x with them, not moments; needs the factor and leaves it invalid. */
void siren_least_squares_reorder(siren_least_squares *problem);

#endif
