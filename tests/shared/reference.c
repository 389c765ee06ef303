#include "tests/shared/reference.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double *numbers(size_t n) {
    double *array = NULL;
    if (siren_allocate(&array, n, sizeof *array, "the reference") != SIREN_OK) {
        fprintf(stderr, "%s\n", siren_message());
        abort();
    }
    return array;
}

double reference_activation(const siren_layer *layer, double z) {
    switch (layer->activation) {
    case SIREN_SINE:
        return sin((double)layer->w0 * z);
    case SIREN_RELU:
        return z > 0 ? z : 0;
    case SIREN_TANH:
        return tanh(z);
    default:
        return z;
    }
}

double reference_derivative(const siren_layer *layer, double z) {
    double t;
    switch (layer->activation) {
    case SIREN_SINE:
        return (double)layer->w0 * cos((double)layer->w0 * z);
    case SIREN_RELU:
        return z > 0 ? 1 : 0;
    case SIREN_TANH:
        t = tanh(z);
        return 1 - t * t;
    default:
        return 1;
    }
}

static float coordinate(uint32_t i, uint32_t n) {
    return n == 1 ? 0.0f : 2.0f * ((float)i / (float)(n - 1) - 0.5f);
}

void reference_coordinates(uint32_t nx, uint32_t ny, uint32_t nz, uint32_t n_inputs, float *coordinates) {
    for (uint32_t z = 0; z < nz; z++)
        for (uint32_t y = 0; y < ny; y++)
            for (uint32_t x = 0; x < nx; x++) {
                *coordinates++ = coordinate(x, nx);
                *coordinates++ = coordinate(y, ny);
                if (n_inputs == 3) *coordinates++ = coordinate(z, nz);
            }
}

/* What one point leaves behind on its way through the network, and what comes back. */
typedef struct {
    double
        *input[SIREN_MAX_LAYERS + 1]; /* (in) of layer l: the point, then the layers' outputs; the last: y */
    double *z[SIREN_MAX_LAYERS];      /* (out) W input + b */
    double *delta[SIREN_MAX_LAYERS];  /* (out) d loss / d z */
    double *memory;                   /* all of the above */
} point;

static void point_start(const siren_network *network, point *p) {
    size_t n = network->n_inputs;
    for (uint32_t l = 0; l < network->n_layers; l++) n += 3 * (size_t)network->layers[l].width;
    double *next = p->memory = numbers(n);
    p->input[0] = next;
    next += network->n_inputs;
    for (uint32_t l = 0; l < network->n_layers; l++) {
        size_t width = network->layers[l].width;
        p->input[l + 1] = next;
        p->z[l] = next + width;
        p->delta[l] = next + 2 * width;
        next += 3 * width;
    }
}

/* z_l = W_l a_l + b_l, a_(l+1) = f_l(z_l); returns the prediction (n_outputs). */
static const double *forward(const siren_network *network, const double *params, const float *coordinates,
                             point *p) {
    for (uint32_t i = 0; i < network->n_inputs; i++) p->input[0][i] = (double)coordinates[i];
    for (uint32_t l = 0; l < network->n_layers; l++) {
        const siren_layer *layer = &network->layers[l];
        size_t in = siren_network_layer_inputs(network, l), out = layer->width;
        const double *weights = params, *bias = params + out * in;
        for (size_t o = 0; o < out; o++) {
            double sum = bias[o];
            for (size_t i = 0; i < in; i++) sum += weights[o * in + i] * p->input[l][i];
            p->z[l][o] = sum;
            p->input[l + 1][o] = reference_activation(layer, sum);
        }
        params = bias + out;
    }
    return p->input[network->n_layers];
}

/* From d loss / d y in delta of the last layer, adds this point's share to `gradient`:
 * delta_l = d loss / d a_(l+1) * f_l'(z_l),  dW_l = delta_l a_l^T,  db_l = delta_l,  d loss / d a_l = W_l^T
 * delta_l. */
static void backward(const siren_network *network, const double *params, double *gradient, point *p) {
    size_t end = siren_network_n_params(network);
    for (uint32_t l = network->n_layers; l-- > 0;) {
        const siren_layer *layer = &network->layers[l];
        size_t in = siren_network_layer_inputs(network, l), out = layer->width;
        size_t start = end - out * (in + 1); /* of this layer's weights */
        double *below = l > 0 ? p->delta[l - 1] : NULL;
        if (below) memset(below, 0, in * sizeof *below);
        for (size_t o = 0; o < out; o++) {
            double delta = p->delta[l][o] * reference_derivative(layer, p->z[l][o]);
            for (size_t i = 0; i < in; i++) gradient[start + o * in + i] += delta * p->input[l][i];
            gradient[start + out * in + o] += delta;
            if (below)
                for (size_t i = 0; i < in; i++) below[i] += delta * params[start + o * in + i];
        }
        end = start;
    }
}

void reference_predict(const siren_network *network, const double *params, size_t n_points,
                       const float *coordinates, double *predictions) {
    size_t n_outputs = siren_network_n_outputs(network);
    point p;
    point_start(network, &p);
    for (size_t i = 0; i < n_points; i++) {
        const double *y = forward(network, params, coordinates + i * network->n_inputs, &p);
        memcpy(predictions + i * n_outputs, y, n_outputs * sizeof *y);
    }
    free(p.memory);
}

double reference_loss(const siren_network *network, const double *params, size_t n_points,
                      const float *coordinates, const float *targets, double *gradient) {
    size_t n_outputs = siren_network_n_outputs(network), n_finite = 0;
    for (size_t i = 0; i < n_points * n_outputs; i++) n_finite += isfinite(targets[i]) != 0;
    if (gradient) memset(gradient, 0, siren_network_n_params(network) * sizeof *gradient);
    if (n_finite == 0) return 0;

    double squares = 0;
    point p;
    point_start(network, &p);
    double *delta = p.delta[network->n_layers - 1];
    for (size_t i = 0; i < n_points; i++) {
        const double *y = forward(network, params, coordinates + i * network->n_inputs, &p);
        for (size_t o = 0; o < n_outputs; o++) {
            double target = (double)targets[i * n_outputs + o];
            double error = isfinite(target) ? y[o] - target : 0;
            squares += error * error;
            delta[o] = 2 * error / (double)n_finite;
        }
        if (gradient) backward(network, params, gradient, &p);
    }
    free(p.memory);
    return squares / (double)n_finite;
}

double reference_published_psnr(const siren_network *network, const double *params, size_t n_points,
                                const float *coordinates, const float *targets) {
    size_t n = n_points * siren_network_n_outputs(network), n_finite = 0;
    double *predictions = numbers(n), squares = 0;
    reference_predict(network, params, n_points, coordinates, predictions);
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(targets[i])) continue;
        double error = predictions[i] - rint(255 * (double)targets[i]) / 255;
        squares += error * error;
        n_finite++;
    }
    free(predictions);
    return n_finite ? -10 * log10(squares / (double)n_finite) : INFINITY;
}

void reference_adam(size_t n_params, double *params, double *moment1, double *moment2, const double *gradient,
                    uint32_t step, double learning_rate) {
    const double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
    double correction1 = 1 - pow(beta1, step), correction2 = 1 - pow(beta2, step);
    for (size_t i = 0; i < n_params; i++) {
        double g = gradient[i];
        moment1[i] = beta1 * moment1[i] + (1 - beta1) * g;
        moment2[i] = beta2 * moment2[i] + (1 - beta2) * g * g;
        params[i] -= learning_rate * (moment1[i] / correction1) / (sqrt(moment2[i] / correction2) + epsilon);
    }
}

void reference_trainer_start(reference_trainer *trainer, const siren_network *network, const float *params,
                             double learning_rate, reference_snapshot_rule rule) {
    size_t n = siren_network_n_params(network);
    /* Under the published rule the first epoch has to beat 0 dB. */
    *trainer = (reference_trainer){.network = *network,
                                   .rule = rule,
                                   .learning_rate = learning_rate,
                                   .n_params = n,
                                   .best_loss = rule == REFERENCE_KEEP_STEPPED ? 1e8 : INFINITY,
                                   .params = numbers(n),
                                   .gradient = numbers(n),
                                   .moment1 = numbers(n),
                                   .moment2 = numbers(n),
                                   .best_params = numbers(n)};
    for (size_t i = 0; i < n; i++) trainer->best_params[i] = trainer->params[i] = (double)params[i];
}

void reference_trainer_free(reference_trainer *trainer) {
    free(trainer->params);
    free(trainer->gradient);
    free(trainer->moment1);
    free(trainer->moment2);
    free(trainer->best_params);
    memset(trainer, 0, sizeof *trainer);
}

double reference_trainer_epoch(reference_trainer *trainer, size_t n_points, const float *coordinates,
                               const float *targets) {
    double loss =
        reference_loss(&trainer->network, trainer->params, n_points, coordinates, targets, trainer->gradient);
    bool keep = loss < trainer->best_loss;
    if (trainer->rule == REFERENCE_KEEP_STEPPED && keep) {
        double psnr =
            reference_published_psnr(&trainer->network, trainer->params, n_points, coordinates, targets);
        keep = psnr > trainer->best_psnr;
        if (keep) trainer->best_psnr = psnr;
    }
    trainer->epoch++;
    if (keep) {
        trainer->best_loss = loss;
        trainer->best_epoch = trainer->epoch;
    }
    size_t bytes = trainer->n_params * sizeof *trainer->params;
    if (keep && trainer->rule == REFERENCE_KEEP_EVALUATED)
        memcpy(trainer->best_params, trainer->params, bytes);
    reference_adam(trainer->n_params, trainer->params, trainer->moment1, trainer->moment2, trainer->gradient,
                   trainer->epoch, trainer->learning_rate);
    if (keep && trainer->rule == REFERENCE_KEEP_STEPPED) memcpy(trainer->best_params, trainer->params, bytes);
    return loss;
}
