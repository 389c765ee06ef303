#include "tests/shared/feature_reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { K = SIREN_MIXTURE };

static double sigmoid(double x) { return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x)); }
static double density(double x) { return sigmoid(x) * sigmoid(-x); }
/* x density(x), 0 at infinity */
static double moment(double x) { return isinf(x) ? 0 : x * density(x); }

double reference_code_length(const double o[SIREN_MIXTURE_OUTPUTS], double lo, double hi, double n_values,
                             double gradient[SIREN_MIXTURE_OUTPUTS]) {
    double weight[K], mass[K], by_mean[K], by_scale[K], all = 0, sum = 0;
    for (int k = 0; k < K; k++) all += exp(o[2 * K + k]);
    for (int k = 0; k < K; k++) {
        double log_s = fmin(fmax(o[K + k], (double)SIREN_LEAST_LOG_SCALE), (double)SIREN_MOST_LOG_SCALE),
               s = exp(log_s);
        double a = (hi - o[k]) / s, b = (lo - o[k]) / s;
        weight[k] = exp(o[2 * K + k]) / all;
        mass[k] = sigmoid(a) * sigmoid(-b) * -expm1((lo - hi) / s); /* sigmoid(a) - sigmoid(b) */
        by_mean[k] = (density(b) - density(a)) / s;
        by_scale[k] = log_s == o[K + k] ? moment(b) - moment(a) : 0;
        sum += weight[k] * mass[k];
    }
    double share = (double)SIREN_UNIFORM_SHARE, p = (1 - share) * sum + share / n_values,
           factor = -(1 - share) / (p * log(2.0));
    for (int k = 0; gradient && k < K; k++) {
        gradient[k] = factor * weight[k] * by_mean[k];
        gradient[K + k] = factor * weight[k] * by_scale[k];
        gradient[2 * K + k] = factor * weight[k] * (mass[k] - sum);
    }
    return -log2(p);
}

/* Adds a point's gradient, scaled by `share`. `a` are inputs of each layer, and outputs; `delta` what the last layer
 * gets. */
static void backwards(const siren_network *network, const double *params, double *const *a,
                      const double *delta, double share, double *gradient) {
    double e[SIREN_MAX_WIDTH], below[SIREN_MAX_WIDTH];
    size_t at = siren_network_n_params(network);
    for (size_t o = 0; o < SIREN_MIXTURE_OUTPUTS; o++) e[o] = delta[o] * share;
    for (uint32_t l = network->n_layers; l-- > 0;) {
        size_t in = siren_network_layer_inputs(network, l), out = network->layers[l].width;
        at -= out * (in + 1);
        memset(below, 0, sizeof below);
        for (size_t o = 0; o < out; o++) {
            for (size_t i = 0; i < in; i++) {
                gradient[at + o * in + i] += e[o] * a[l][i];
                below[i] += e[o] * params[at + o * in + i];
            }
            gradient[at + out * in + o] += e[o];
        }
        for (size_t i = 0; l > 0 && i < in; i++) e[i] = below[i] * (a[l][i] > 0 ? 1 : 0.125);
    }
}

double reference_features(const siren_network *network, const double *params, const uint32_t *points,
                          size_t n, const float *features, const float *edges, double n_values,
                          double *gradient) {
    double *a[SIREN_MAX_LAYERS + 1], delta[SIREN_MIXTURE_OUTPUTS], bits = 0;
    for (uint32_t l = 0; l <= network->n_layers; l++) a[l] = calloc(SIREN_MAX_WIDTH, sizeof **a);
    if (gradient) memset(gradient, 0, siren_network_n_params(network) * sizeof *gradient);
    for (size_t row = 0; row < n; row++) {
        size_t point = points ? points[row] : row;
        const double *w = params;
        for (size_t i = 0; i < network->n_inputs; i++)
            a[0][i] = (double)features[point * network->n_inputs + i];
        for (uint32_t l = 0; l < network->n_layers; l++) {
            size_t in = siren_network_layer_inputs(network, l), out = network->layers[l].width;
            for (size_t o = 0; o < out; o++) {
                double z = w[out * in + o];
                for (size_t i = 0; i < in; i++) z += w[o * in + i] * a[l][i];
                a[l + 1][o] = z > 0 || l + 1 == network->n_layers ? z : z / 8;
            }
            w += out * (in + 1);
        }
        bits += reference_code_length(a[network->n_layers], (double)edges[2 * point],
                                      (double)edges[2 * point + 1], n_values, delta);
        if (gradient) backwards(network, params, a, delta, 1 / (double)n, gradient);
    }
    for (uint32_t l = 0; l <= network->n_layers; l++) free(a[l]);
    return bits / (double)n;
}
