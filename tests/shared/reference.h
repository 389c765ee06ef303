/* The whole training step in plain C and double precision: what every kernel must agree with, and the shortest complete
 * description of the method. Nothing here is fast.
 *
 * Shapes, row major:  params, gradient (n_params) in exchange order: for each layer W (out, in), then b (out)
 *                     coordinates (n_points, n_inputs)   targets, predictions (n_points, n_outputs)
 * Point i = y*nx + x lies at column x and row y: x runs fastest, as in the memory of a slice.
 * A target that is not finite means "no data here": it adds nothing to the loss and nothing to the gradient. */
#ifndef SIREN_TESTS_REFERENCE_H
#define SIREN_TESTS_REFERENCE_H

#include "engine/model/network.h"

/* f(z) = sin(w0 z), max(z, 0), tanh(z) or z, and f'(z); relu'(0) = 0 as in PyTorch. */
double reference_activation(const siren_layer *layer, double z);
double reference_derivative(const siren_layer *layer, double z);

/* Coordinates of an nx x ny x nz grid: 2 (i/(n-1) - 1/2) per axis, each operation rounded to float, 0 on an axis of
 * size 1. Two inputs per point (nz must be 1) or three; `coordinates` has nx*ny*nz*n_inputs elements. */
void reference_coordinates(uint32_t nx, uint32_t ny, uint32_t nz, uint32_t n_inputs, float *coordinates);

/* Forward pass of all points. Aborts when out of memory, like every function here. */
void reference_predict(const siren_network *network, const double *params, size_t n_points,
                       const float *coordinates, double *predictions);

/* Mean of (prediction - target)^2 over the finite targets; 0 when there is none. `gradient` (may be NULL) receives its
 * derivative by the parameters. */
double reference_loss(const siren_network *network, const double *params, size_t n_points,
                      const float *coordinates, const float *targets, double *gradient);

/* PSNR as the published code computes it: the targets, not the predictions, are rounded to 8 bits. */
double reference_published_psnr(const siren_network *network, const double *params, size_t n_points,
                                const float *coordinates, const float *targets);

/* Which weights survive. In epoch t the loss L_t is that of the weights w_t *before* the step, which gives w_(t+1). */
typedef enum {
    REFERENCE_KEEP_EVALUATED, /* ours: if L_t is below all before, keep w_t, the weights that gave it */
    REFERENCE_KEEP_STEPPED /* the published code: if L_t and its PSNR both beat the kept ones, keep w_(t+1) */
} reference_snapshot_rule;

typedef struct {
    siren_network network;
    reference_snapshot_rule rule;
    double learning_rate;
    size_t n_params;
    double *params, *gradient, *moment1, *moment2, *best_params; /* (n_params) each */
    double best_loss, best_psnr; /* of the epoch kept; PSNR under KEEP_STEPPED only */
    uint32_t epoch, best_epoch;  /* counted from 1; 0 = none yet */
} reference_trainer;

/* Starts from `params` (n_params). End it with reference_trainer_free(). */
void reference_trainer_start(reference_trainer *trainer, const siren_network *network, const float *params,
                             double learning_rate, reference_snapshot_rule rule);
void reference_trainer_free(reference_trainer *trainer);
/* One epoch: loss and gradient of all points, snapshot, Adam. Returns the loss before the step. */
double reference_trainer_epoch(reference_trainer *trainer, size_t n_points, const float *coordinates,
                               const float *targets);

/* One step of Adam (Kingma & Ba 2015) with beta 0.9 and 0.999, epsilon 1e-8, no weight decay; epsilon is added to the
 * bias-corrected root, as PyTorch does. `step` counts from 1. */
void reference_adam(size_t n_params, double *params, double *moment1, double *moment2, const double *gradient,
                    uint32_t step, double learning_rate);

#endif
