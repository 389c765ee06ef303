#include "tests/shared/soap_reference.h"
#include "tests/shared/testing.h"

#include <math.h>

enum { MOST_SIDE = 1025 }; /* wider sides keep the axes */

/* A layer: matrices of `out` rows and `in` + 1 columns; factor and basis of each side, (n, n). */
typedef struct {
    size_t out, columns;
    double *m, *v, *factor[2], *basis[2];
} reference_layer;

struct soap_reference {
    siren_network network;
    double beta1, beta2, epsilon;
    size_t refresh;
    unsigned n_steps;
    reference_layer layers[SIREN_MAX_LAYERS];
};

static double *zeros(size_t n) {
    double *array = calloc(n, sizeof *array);
    assert_non_null(array);
    return array;
}

static size_t side(const reference_layer *layer, int which) { return which ? layer->columns : layer->out; }

soap_reference *soap_reference_start(const siren_network *network, const siren_adam_options *options,
                                     size_t refresh) {
    soap_reference *reference = calloc(1, sizeof *reference);
    assert_non_null(reference);
    reference->network = *network;
    reference->beta1 = (double)options->beta1;
    reference->beta2 = (double)options->beta2;
    reference->epsilon = (double)options->epsilon;
    reference->refresh = refresh;
    for (uint32_t l = 0; l < network->n_layers; l++) {
        reference_layer *layer = &reference->layers[l];
        layer->out = network->layers[l].width;
        layer->columns = siren_network_layer_inputs(network, l) + 1;
        layer->m = zeros(layer->out * layer->columns);
        layer->v = zeros(layer->out * layer->columns);
        for (int which = 0; which < 2; which++) {
            size_t n = side(layer, which);
            if (n > MOST_SIDE) continue;
            layer->factor[which] = zeros(n * n);
            layer->basis[which] = zeros(n * n);
            for (size_t i = 0; i < n; i++) layer->basis[which][i * n + i] = 1;
        }
    }
    return reference;
}

void soap_reference_end(soap_reference *reference) {
    for (uint32_t l = 0; l < reference->network.n_layers; l++) {
        reference_layer *layer = &reference->layers[l];
        free(layer->m), free(layer->v);
        for (int which = 0; which < 2; which++) free(layer->factor[which]), free(layer->basis[which]);
    }
    free(reference);
}

/* out = L^T x R where `there`, else L x R^T. A basis that is NULL is the axes. */
static void rotate(const reference_layer *layer, bool there, const double *x, double *out) {
    size_t n = layer->out, columns = layer->columns;
    const double *left = layer->basis[0], *right = layer->basis[1];
    double *half = zeros(n * columns);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < columns; j++)
            for (size_t k = 0; k < columns; k++)
                half[i * columns + j] +=
                    x[i * columns + k] * (there ? right[k * columns + j] : right[j * columns + k]);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < columns; j++) {
            double sum = left ? 0 : half[i * columns + j];
            for (size_t k = 0; left && k < n; k++)
                sum += (there ? left[k * n + i] : left[i * n + k]) * half[k * columns + j];
            out[i * columns + j] = sum;
        }
    free(half);
}

static void add_to_factors(reference_layer *layer, double beta, const double *x) {
    size_t columns = layer->columns;
    for (int which = 0; which < 2; which++) {
        size_t n = side(layer, which), n_k = side(layer, !which);
        for (size_t i = 0; layer->factor[which] && i < n; i++)
            for (size_t j = 0; j < n; j++) {
                double sum = 0;
                for (size_t k = 0; k < n_k; k++)
                    sum += which ? x[k * columns + i] * x[k * columns + j]
                                 : x[i * columns + k] * x[j * columns + k];
                layer->factor[which][i * n + j] = beta * layer->factor[which][i * n + j] + (1 - beta) * sum;
            }
    }
}

/* Column j of q less its part along earlier ones; the norm that is left. */
static double make_orthogonal(double *q, size_t n, size_t j) {
    double norm = 0;
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < j; i++) {
            double along = 0;
            for (size_t r = 0; r < n; r++) along += q[r * n + i] * q[r * n + j];
            for (size_t r = 0; r < n; r++) q[r * n + j] -= along * q[r * n + i];
        }
    for (size_t r = 0; r < n; r++) norm += q[r * n + j] * q[r * n + j];
    return sqrt(norm);
}

/* Q becomes the orthonormal factor of S Q, by Gram and Schmidt. */
static void turn(const double *s, double *q, size_t n) {
    double *p = zeros(n * n);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            for (size_t k = 0; k < n; k++) p[i * n + j] += s[i * n + k] * q[k * n + j];
    for (size_t j = 0; j < n; j++) {
        double before = 0, norm;
        for (size_t r = 0; r < n; r++) before += p[r * n + j] * p[r * n + j];
        norm = make_orthogonal(p, n, j);
        for (size_t axis = 0; axis < n && !(norm > 1e-12 * sqrt(before));
             axis++) { /* no direction of its own */
            for (size_t r = 0; r < n; r++) p[r * n + j] = r == axis;
            before = 1;
            norm = make_orthogonal(p, n, j);
            if (norm < 0.1) norm = 0;
        }
        for (size_t r = 0; r < n; r++) p[r * n + j] /= norm;
    }
    memcpy(q, p, n * n * sizeof *q);
    free(p);
}

/* The step of the layer's matrix, into `step`. */
static void adam_in_bases(const soap_reference *reference, reference_layer *layer, const double *x, double t,
                          double *step) {
    const double beta1 = reference->beta1, beta2 = reference->beta2;
    size_t n = layer->out * layer->columns;
    double *y = zeros(n), *mean = zeros(n);
    for (size_t i = 0; i < n; i++) layer->m[i] = beta1 * layer->m[i] + (1 - beta1) * x[i];
    rotate(layer, true, x, y);
    rotate(layer, true, layer->m, mean);
    for (size_t i = 0; i < n; i++) {
        layer->v[i] = beta2 * layer->v[i] + (1 - beta2) * y[i] * y[i];
        y[i] = mean[i] / (1 - pow(beta1, t)) / (sqrt(layer->v[i] / (1 - pow(beta2, t))) + reference->epsilon);
    }
    rotate(layer, false, y, step);
    free(y), free(mean);
}

void soap_reference_step(soap_reference *reference, double *params, const double *gradient, double rate) {
    unsigned t = ++reference->n_steps;
    for (uint32_t l = 0; l < reference->network.n_layers; l++) {
        reference_layer *layer = &reference->layers[l];
        size_t out = layer->out, columns = layer->columns, in = columns - 1;
        double *x = zeros(out * columns), *step = zeros(out * columns);
        for (size_t i = 0; i < out; i++) {
            for (size_t j = 0; j < in; j++) x[i * columns + j] = gradient[i * in + j];
            x[i * columns + in] = gradient[out * in + i];
        }
        add_to_factors(layer, reference->beta2, x);
        if (t > 1) adam_in_bases(reference, layer, x, t - 1, step);
        for (size_t i = 0; i < out; i++) {
            for (size_t j = 0; j < in; j++) params[i * in + j] -= rate * step[i * columns + j];
            params[out * in + i] -= rate * step[i * columns + in];
        }
        int turns = t == 1 ? SIREN_SOAP_FIRST_TURNS : t % reference->refresh == 0;
        for (int i = 0; i < turns; i++)
            for (int which = 0; which < 2; which++)
                if (layer->factor[which]) turn(layer->factor[which], layer->basis[which], side(layer, which));
        params += out * columns;
        gradient += out * columns;
        free(x), free(step);
    }
}
