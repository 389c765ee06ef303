/* examples/method.c, which kernels are compared with, for networks as the engine has them. */
#ifndef SIREN_TESTS_ORACLE_H
#define SIREN_TESTS_ORACLE_H

#include "engine/model/network.h"
#include "examples/method.h"

static inline method_network oracle_network(const siren_network *network) {
    method_network oracle = {.n_inputs = network->n_inputs, .n_layers = network->n_layers};
    for (uint32_t l = 0; l < network->n_layers; l++) {
        const siren_layer *layer = &network->layers[l];
        oracle.layers[l] =
            (method_layer){layer->width, (method_activation)layer->activation, (double)layer->w0};
    }
    return oracle;
}

static inline double oracle_loss(const siren_network *network, const double *params, size_t n_points,
                                 const float *coordinates, const float *targets, double *gradient) {
    const method_network oracle = oracle_network(network);
    return method_loss(&oracle, params, n_points, coordinates, targets, gradient);
}

static inline void oracle_predict(const siren_network *network, const double *params, size_t n_points,
                                  const float *coordinates, double *predictions) {
    const method_network oracle = oracle_network(network);
    method_predict(&oracle, params, n_points, coordinates, predictions);
}

/* Starts from `params`; end it with method_end(). */
static inline void oracle_start(method_training *training, const siren_network *network, const float *params,
                                double learning_rate) {
    const method_network oracle = oracle_network(network);
    method_start(training, &oracle, learning_rate);
    for (size_t i = 0; i < training->n_params; i++)
        training->best_params[i] = training->params[i] = (double)params[i];
}

#endif
