/* What examples/method.c does, for programs that check themselves against it. Arrays are row major:
 *   params, gradient          (n_params)              of each layer in turn W (out, in), then b (out)
 *   coordinates               (n_points, n_inputs)    point x + nx (y + ny z): x runs fastest, as in an image's memory
 *   targets, predictions      (n_points, n_outputs) */
#ifndef METHOD_H
#define METHOD_H

#include <stddef.h>
#include <stdint.h>

enum { METHOD_MAX_LAYERS = 33 };

typedef enum { METHOD_IDENTITY, METHOD_SINE, METHOD_RELU, METHOD_TANH, METHOD_LEAKY_RELU } method_activation;

typedef struct {
    size_t width; /* outputs of the layer */
    method_activation activation;
    double w0; /* of a sine */
} method_layer;

typedef struct {
    size_t n_inputs, n_layers; /* the layer that gives the outputs is the last */
    method_layer layers[METHOD_MAX_LAYERS];
} method_network;

typedef struct {
    method_network network;
    double learning_rate;
    size_t n_params;
    double *params, *gradient, *moment1, *moment2, *best_params; /* (n_params) each; params are the caller's to fill */
    double best_loss;
    unsigned epoch, best_epoch; /* from 1 */
} method_training;

void method_coordinates(size_t nx, size_t ny, size_t nz, size_t n_inputs, float *coordinates);
double method_activate(const method_layer *layer, double z);
size_t method_n_params(const method_network *network);
void method_initialise(const method_network *network, uint64_t seed, double *params);
void method_predict(const method_network *network, const double *params, size_t n_points, const float *coordinates,
                    double *predictions);
/* `gradient` may be NULL. */
double method_loss(const method_network *network, const double *params, size_t n_points, const float *coordinates,
                   const float *targets, double *gradient);
double method_psnr(double loss);
void method_adam(size_t n_params, double *params, double *moment1, double *moment2, const double *gradient,
                 unsigned step, double learning_rate);
void method_start(method_training *training, const method_network *network, double learning_rate);
/* Returns the loss of the weights before the step. */
double method_epoch(method_training *training, size_t n_points, const float *coordinates, const float *targets);
void method_end(method_training *training);

#endif
