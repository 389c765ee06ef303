/* The method, from coordinates to PSNR, in plain C and double precision: an image becomes the weights of a small
 * network that gives, for the coordinates of a pixel, the values of all its volumes. Nothing here is fast: sirencl does
 * the same on OpenCL devices, then rounds the weights to integers and packs them. Its tests hold it to this file.
 *
 *     cc -O2 method.c -o method -lm && ./method
 *
 * [S] Sitzmann, Martel, Bergman, Lindell, Wetzstein: Implicit neural representations with periodic activation
 * functions.
 *     2020, arXiv:2006.09661.
 * [M] Mancini, Jones, Palombo: Lossy compression of multidimensional medical images using sinusoidal activation
 * networks:
 *     an evaluation study. 2022, arXiv:2208.01602.
 * [K] Kingma, Ba: Adam: a method for stochastic optimization. 2015. */
#include "method.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double *numbers(size_t n) {
    double *array = calloc(n, sizeof *array);
    if (!array) abort();
    return array;
}

/* ---- 1. Coordinates: -1 to 1 along each axis, whatever its length; in single precision, as published ---- */

static float coordinate(size_t i, size_t n) { return n == 1 ? 0 : 2 * ((float)i / (float)(n - 1) - 0.5f); }

/* Two inputs for each point of a slice, three for each of a volume. */
void method_coordinates(size_t nx, size_t ny, size_t nz, size_t n_inputs, float *coordinates) {
    for (size_t z = 0; z < nz; z++)
        for (size_t y = 0; y < ny; y++)
            for (size_t x = 0; x < nx; x++) {
                *coordinates++ = coordinate(x, nx);
                *coordinates++ = coordinate(y, ny);
                if (n_inputs == 3) *coordinates++ = coordinate(z, nz);
            }
}

/* ---- 2. The network: a_(l+1) = f(W_l a_l + b_l), f(z) = sin(w0 z) in a SIREN ([S] section 3, [M] eq. 1) ---- */

double method_activate(const method_layer *layer, double z) {
    if (layer->activation == METHOD_SINE) return sin(layer->w0 * z);
    if (layer->activation == METHOD_RELU) return z > 0 ? z : 0;
    if (layer->activation == METHOD_LEAKY_RELU) return z > 0 ? z : z / 8;
    return layer->activation == METHOD_TANH ? tanh(z) : z;
}

/* f'(z); that of a sine is a sine again, moved by a quarter of its period. relu'(0) = 0. */
static double derivative(const method_layer *layer, double z) {
    if (layer->activation == METHOD_SINE) return layer->w0 * cos(layer->w0 * z);
    if (layer->activation == METHOD_RELU) return z > 0;
    if (layer->activation == METHOD_LEAKY_RELU) return z > 0 ? 1 : 0.125;
    return layer->activation == METHOD_TANH ? 1 - tanh(z) * tanh(z) : 1;
}

static size_t layer_inputs(const method_network *network, size_t l) {
    return l == 0 ? network->n_inputs : network->layers[l - 1].width;
}

static size_t n_outputs(const method_network *network) { return network->layers[network->n_layers - 1].width; }

size_t method_n_params(const method_network *network) {
    size_t n = 0;
    for (size_t l = 0; l < network->n_layers; l++) n += network->layers[l].width * (layer_inputs(network, l) + 1);
    return n;
}

/* ---- 3. First weights: so drawn that the sines of all layers see the same distribution ([S] section 3.2) ---- */

static double draw(uint64_t *state) { /* uniform in -1 to 1, by splitmix64 */
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return (double)((z ^ z >> 31) >> 11) / 4503599627370496.0 - 1;
}

/* U(-1/in, 1/in) in the first layer, where w0 says how many periods an axis spans; U(-sqrt(6/in)/w0, ...) above. */
void method_initialise(const method_network *network, uint64_t seed, double *params) {
    for (size_t l = 0; l < network->n_layers; l++) {
        size_t in = layer_inputs(network, l), n = network->layers[l].width * (in + 1);
        double bound = l == 0 ? 1.0 / (double)in : sqrt(6.0 / (double)in) / network->layers[l].w0;
        for (size_t i = 0; i < n; i++) *params++ = bound * draw(&seed);
    }
}

/* ---- 4. Forward: from a point to its values. What it leaves behind on its way is needed for the way back ---- */

typedef struct {
    double *a[METHOD_MAX_LAYERS + 1]; /* inputs of layer l; a[0] are coordinates, a[n_layers] the prediction */
    double *z[METHOD_MAX_LAYERS];     /* W_l a_l + b_l */
    double *delta[METHOD_MAX_LAYERS]; /* dL/da_(l+1) */
} trace;

static trace trace_start(const method_network *network) {
    trace t;
    t.a[0] = numbers(network->n_inputs);
    for (size_t l = 0; l < network->n_layers; l++) {
        t.z[l] = numbers(3 * network->layers[l].width);
        t.a[l + 1] = t.z[l] + network->layers[l].width;
        t.delta[l] = t.a[l + 1] + network->layers[l].width;
    }
    return t;
}

static void trace_end(const method_network *network, trace *t) {
    free(t->a[0]);
    for (size_t l = 0; l < network->n_layers; l++) free(t->z[l]);
}

static const double *forward(const method_network *network, const double *params, const float *coordinates, trace *t) {
    for (size_t i = 0; i < network->n_inputs; i++) t->a[0][i] = coordinates[i];
    for (size_t l = 0; l < network->n_layers; l++) {
        size_t in = layer_inputs(network, l), out = network->layers[l].width;
        const double *W = params, *b = params + out * in;
        for (size_t o = 0; o < out; o++) {
            double z = b[o];
            for (size_t i = 0; i < in; i++) z += W[o * in + i] * t->a[l][i];
            t->z[l][o] = z;
            t->a[l + 1][o] = method_activate(&network->layers[l], z);
        }
        params = b + out;
    }
    return t->a[network->n_layers];
}

void method_predict(const method_network *network, const double *params, size_t n_points, const float *coordinates,
                    double *predictions) {
    trace t = trace_start(network);
    for (size_t p = 0; p < n_points; p++) {
        const double *y = forward(network, params, coordinates + p * network->n_inputs, &t);
        memcpy(predictions + p * n_outputs(network), y, n_outputs(network) * sizeof *y);
    }
    trace_end(network, &t);
}

/* ---- 5. Backward: the chain rule. With e = dL/da_(l+1) f'(z): dL/dW_l = e a_l^T, dL/db_l = e, dL/da_l = W_l^T e */

static void backward(const method_network *network, const double *params, double *gradient, trace *t) {
    size_t begin = method_n_params(network); /* of this layer's parameters */
    for (size_t l = network->n_layers; l-- > 0;) {
        size_t in = layer_inputs(network, l), out = network->layers[l].width;
        begin -= out * (in + 1);
        const double *W = params + begin;
        double *dW = gradient + begin, *db = dW + out * in, *below = l > 0 ? t->delta[l - 1] : NULL;
        if (below) memset(below, 0, in * sizeof *below);
        for (size_t o = 0; o < out; o++) {
            double e = t->delta[l][o] * derivative(&network->layers[l], t->z[l][o]);
            for (size_t i = 0; i < in; i++) dW[o * in + i] += e * t->a[l][i];
            db[o] += e;
            for (size_t i = 0; below && i < in; i++) below[i] += e * W[o * in + i];
        }
    }
}

/* ---- 6. Loss: mean squared error over points and volumes ([M] eq. 2); in decibels, PSNR ([M] eq. 3). A target that is
 *         not finite is no data: it counts in neither loss nor gradient ---- */

double method_loss(const method_network *network, const double *params, size_t n_points, const float *coordinates,
                   const float *targets, double *gradient) {
    size_t out = n_outputs(network), n_data = 0;
    for (size_t i = 0; i < n_points * out; i++) n_data += isfinite(targets[i]) != 0;
    if (gradient) memset(gradient, 0, method_n_params(network) * sizeof *gradient);
    if (n_data == 0) return 0;

    double squares = 0;
    trace t = trace_start(network);
    for (size_t p = 0; p < n_points; p++) {
        const double *y = forward(network, params, coordinates + p * network->n_inputs, &t);
        for (size_t o = 0; o < out; o++) {
            double target = targets[p * out + o], error = isfinite(target) ? y[o] - target : 0;
            squares += error * error;
            t.delta[network->n_layers - 1][o] = 2 * error / (double)n_data;
        }
        if (gradient) backward(network, params, gradient, &t);
    }
    trace_end(network, &t);
    return squares / (double)n_data;
}

double method_psnr(double loss) { return -10 * log10(loss); } /* targets are scaled to 0 to 1: the peak is 1 */

/* ---- 7. Adam ([K] algorithm 1): a step along the running mean of gradients over the root of that of their squares,
 *         both corrected for having begun at 0; `step` counts from 1 ---- */

void method_adam(size_t n_params, double *params, double *moment1, double *moment2, const double *gradient,
                 unsigned step, double learning_rate) {
    const double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
    double correction1 = 1 - pow(beta1, step), correction2 = 1 - pow(beta2, step);
    for (size_t i = 0; i < n_params; i++) {
        moment1[i] = beta1 * moment1[i] + (1 - beta1) * gradient[i];
        moment2[i] = beta2 * moment2[i] + (1 - beta2) * gradient[i] * gradient[i];
        params[i] -= learning_rate * (moment1[i] / correction1) / (sqrt(moment2[i] / correction2) + epsilon);
    }
}

/* ---- 8. Training: all points in every epoch; the loss jumps, so the weights of the lowest one are kept ---- */

void method_start(method_training *training, const method_network *network, double learning_rate) {
    size_t n = method_n_params(network);
    *training = (method_training){*network, learning_rate, n, .best_loss = INFINITY};
    training->params = numbers(n);
    training->gradient = numbers(n);
    training->moment1 = numbers(n);
    training->moment2 = numbers(n);
    training->best_params = numbers(n);
}

double method_epoch(method_training *t, size_t n_points, const float *coordinates, const float *targets) {
    double loss = method_loss(&t->network, t->params, n_points, coordinates, targets, t->gradient);
    t->epoch++;
    if (loss < t->best_loss) {
        t->best_loss = loss;
        t->best_epoch = t->epoch;
        memcpy(t->best_params, t->params, t->n_params * sizeof *t->params);
    }
    method_adam(t->n_params, t->params, t->moment1, t->moment2, t->gradient, t->epoch, t->learning_rate);
    return loss;
}

void method_end(method_training *t) {
    free(t->params), free(t->gradient), free(t->moment1), free(t->moment2), free(t->best_params);
}

/* ---- 9. A slice of 6 volumes, made up: a disc, and fibres along a ring that shine in the volumes across them ---- */

#ifndef SIREN_METHOD_WITHOUT_MAIN
enum { SIDE = 32, POINTS = SIDE * SIDE, VOLUMES = 6, EPOCHS = 500 };

int main(void) {
    static float coordinates[POINTS * 2], targets[POINTS * VOLUMES];
    method_coordinates(SIDE, SIDE, 1, 2, coordinates);
    for (size_t p = 0; p < POINTS; p++)
        for (size_t v = 0; v < VOLUMES; v++) {
            double x = coordinates[2 * p], y = coordinates[2 * p + 1], r = sqrt(x * x + y * y);
            double ring = exp(-20 * (r - 0.5) * (r - 0.5)), across = cos(atan2(y, x) - acos(-1) * (double)v / VOLUMES);
            targets[p * VOLUMES + v] = (float)(r > 0.9 ? 0 : 0.3 + 0.6 * ring * across * across);
        }

    method_network siren = {2, 3, {{32, METHOD_SINE, 30}, {32, METHOD_SINE, 30}, {VOLUMES, METHOD_IDENTITY, 30}}};
    method_training training;
    method_start(&training, &siren, 1e-3);
    method_initialise(&siren, 1, training.params);
    printf("%d values in %zu weights\n", POINTS * VOLUMES, training.n_params);
    for (int epoch = 1; epoch <= EPOCHS; epoch++) {
        method_epoch(&training, POINTS, coordinates, targets);
        if (epoch == 1 || epoch % 100 == 0) printf("epoch %3d: PSNR %.2f dB\n", epoch, method_psnr(training.best_loss));
    }
    method_end(&training);
    return 0;
}
#endif
