#include "tests/shared/family_gradient.h"

#include "host/rng.h"
#include "tests/shared/oracle.h"

#include <math.h>

static void *zeros(size_t n, size_t size) {
    void *block = NULL;
    assert_siren_ok(siren_allocate(&block, n, size, "a test"));
    return block;
}

void batch_start(batch *b, const siren_network *network, size_t n_networks, size_t n_points, bool missing) {
    size_t n_outputs = siren_network_n_outputs(network);
    *b = (batch){.network = *network,
                 .n_networks = n_networks,
                 .n_points = n_points,
                 .n_params = siren_network_n_params(network),
                 .n_padded = siren_network_n_padded(network),
                 .n_outputs = n_outputs,
                 .out_padded = SIREN_PADDED(n_outputs)};
    b->coordinates = zeros(n_points * network->n_inputs, sizeof(float));
    b->params = zeros(n_networks * b->n_params, sizeof(float));
    b->targets = zeros(n_networks * n_points * n_outputs, sizeof(float));
    for (size_t i = 0; i < n_points * network->n_inputs; i++)
        b->coordinates[i] = 2 * siren_rng_uniform((siren_rng){11, 0, 0}, i) - 1;
    for (size_t n = 0; n < n_networks; n++)
        siren_network_initialise(network, 12, (uint32_t)n, b->params + n * b->n_params);
    for (size_t i = 0; i < n_networks * n_points * n_outputs; i++) {
        bool last_point = n_points > 1 && i / n_outputs % n_points == n_points - 1;
        b->targets[i] =
            missing && (i % 7 == 3 || last_point) ? NAN : siren_rng_uniform((siren_rng){13, 0, 0}, i);
    }
}

void batch_end(batch *b) {
    free(b->coordinates);
    free(b->params);
    free(b->targets);
}

batch batch_of_one(const batch *b, size_t i) {
    batch one = *b;
    one.n_networks = 1;
    one.params += i * b->n_params;
    one.targets += i * b->n_points * b->n_outputs;
    return one;
}

static siren_buffer *upload(siren_device *device, const void *values, size_t bytes) {
    siren_buffer *buffer = NULL;
    assert_siren_ok(siren_buffer_create(device, bytes, "a test", &buffer));
    assert_siren_ok(siren_buffer_write(buffer, 0, values, bytes));
    return buffer;
}

siren_gradient_plan shape_start(siren_device *device, const batch *b) {
    int table[SIREN_MAX_LAYERS * SIREN_LAYER_FIELDS];
    float w0[SIREN_MAX_LAYERS];
    size_t n_layers = b->network.n_layers;
    siren_network_table(&b->network, table);
    for (size_t l = 0; l < n_layers; l++) w0[l] = b->network.layers[l].w0;
    return (siren_gradient_plan){
        .device = device,
        .network = &b->network,
        .n_networks = b->n_networks,
        .n_points = b->n_points,
        .table = upload(device, table, n_layers * SIREN_LAYER_FIELDS * sizeof *table),
        .w0 = upload(device, w0, n_layers * sizeof *w0),
        .coordinates = upload(device, b->coordinates, b->n_points * b->network.n_inputs * sizeof(float))};
}

void shape_end(siren_gradient_plan *shape) {
    siren_buffer_free((siren_buffer *)shape->table);
    siren_buffer_free((siren_buffer *)shape->w0);
    siren_buffer_free((siren_buffer *)shape->coordinates);
}

siren_buffer *padded_params(siren_device *device, const batch *b) {
    float *padded = zeros(b->n_networks * b->n_padded, sizeof *padded);
    for (size_t n = 0; n < b->n_networks; n++)
        siren_network_pad(&b->network, b->params + n * b->n_params, padded + n * b->n_padded);
    siren_buffer *buffer = upload(device, padded, b->n_networks * b->n_padded * sizeof *padded);
    free(padded);
    return buffer;
}

static siren_buffer *padded_targets(siren_device *device, const batch *b) {
    size_t n_rows = b->n_networks * b->n_points;
    float *padded = zeros(n_rows * b->out_padded, sizeof *padded);
    for (size_t i = 0; i < n_rows * b->out_padded; i++) {
        size_t column = i % b->out_padded;
        padded[i] = column < b->n_outputs ? b->targets[i / b->out_padded * b->n_outputs + column] : NAN;
    }
    siren_buffer *buffer = upload(device, padded, n_rows * b->out_padded * sizeof *padded);
    free(padded);
    return buffer;
}

/* Scaled sums over parts, in exchange order; padding must be zero. */
static void sum_parts(const batch *b, family_result *r) {
    float *params = zeros(b->n_params, sizeof *params), *again = zeros(b->n_padded, sizeof *again);
    for (size_t n = 0; n < b->n_networks; n++) {
        size_t n_data = 0;
        for (size_t i = 0; i < b->n_points * b->n_outputs; i++)
            n_data += !isnan(b->targets[n * b->n_points * b->n_outputs + i]);
        double scale = n_data ? 1 / (double)n_data : 0;
        for (size_t part = 0; part < r->n_parts; part++) {
            const float *padded = r->partial_gradients + (n * r->n_parts + part) * b->n_padded;
            siren_network_unpad(&b->network, padded, params);
            siren_network_pad(&b->network, params, again);
            for (size_t i = 0; i < b->n_padded; i++)
                if (padded[i] != again[i]) fail_msg("gradient of padding at %zu is %g", i, (double)padded[i]);
            for (size_t i = 0; i < b->n_params; i++)
                r->gradients[n * b->n_params + i] += 2 * scale * (double)params[i];
            r->losses[n] += scale * (double)r->partial_losses[n * r->n_parts + part];
        }
    }
    free(params);
    free(again);
}

void family_gradient(siren_device *device, const batch *b, family_result *out) {
    siren_gradient *gradient = NULL;
    siren_gradient_plan shape = shape_start(device, b);
    siren_buffer *params = padded_params(device, b), *targets = padded_targets(device, b);
    assert_siren_ok(siren_gradient_create(&shape, &gradient));
    for (int epoch = 0; epoch < 2; epoch++) {
        assert_siren_ok(gradient->begin(gradient, params));
        for (size_t tile = 0; tile < gradient->n_tiles; tile++)
            assert_siren_ok(gradient->tile(gradient, params, targets, 0, tile));
    }
    size_t n_parts = gradient->n_parts, slots = b->n_networks * n_parts;
    *out = (family_result){.n_parts = n_parts,
                           .n_tiles = gradient->n_tiles,
                           .partial_gradients = zeros(slots * b->n_padded, sizeof(float)),
                           .partial_losses = zeros(slots, sizeof(float)),
                           .gradients = zeros(b->n_networks * b->n_params, sizeof(double)),
                           .losses = zeros(b->n_networks, sizeof(double))};
    assert_siren_ok(siren_buffer_read(gradient->partial_gradients, 0, out->partial_gradients,
                                      slots * b->n_padded * sizeof(float)));
    assert_siren_ok(
        siren_buffer_read(gradient->partial_losses, 0, out->partial_losses, slots * sizeof(float)));
    sum_parts(b, out);
    gradient->free(gradient);
    siren_buffer_free(params);
    siren_buffer_free(targets);
    shape_end(&shape);
}

void family_result_end(family_result *r) {
    free(r->partial_gradients);
    free(r->partial_losses);
    free(r->gradients);
    free(r->losses);
}

double compare_with_reference(const batch *b, const family_result *r, double tolerance, const char *what) {
    double *params = zeros(b->n_params, sizeof *params), *gradient = zeros(b->n_params, sizeof *gradient),
           worst = 0;
    for (size_t n = 0; n < b->n_networks; n++) {
        for (size_t i = 0; i < b->n_params; i++) params[i] = (double)b->params[n * b->n_params + i];
        double loss = oracle_loss(&b->network, params, b->n_points, b->coordinates,
                                  b->targets + n * b->n_points * b->n_outputs, gradient);
        double norm = 0, difference = 0, off = fabs(r->losses[n] - loss);
        for (size_t i = 0; i < b->n_params; i++) {
            double by_family = r->gradients[n * b->n_params + i];
            norm += gradient[i] * gradient[i];
            difference += (by_family - gradient[i]) * (by_family - gradient[i]);
        }
        if (!(off <= tolerance * loss))
            fail_msg("%s: network %zu: loss %.9g, reference %.9g", what, n, r->losses[n], loss);
        if (!(sqrt(difference) <= tolerance * sqrt(norm)))
            fail_msg("%s: network %zu: gradient off by %.3g of its norm %.3g", what, n,
                     sqrt(difference / norm), sqrt(norm));
        if (norm > 0) worst = fmax(worst, fmax(sqrt(difference / norm), off / loss));
    }
    free(params);
    free(gradient);
    return worst;
}
