#include "engine/care/selftest.h"

#include "engine/kernels/network_on_device.h"
#include "engine/model/blocks.h"
#include "engine/decode/decode.h"
#include "engine/train/gradient.h"
#include "engine/calls.h"
#include "engine/train/trainer.h"
#include "host/float_bits.h"
#include "host/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every activation, odd and whole tile sizes, one and several blocks of points. */
const siren_selftest_case siren_selftest_cases[] = {
#include "engine/care/selftest_answers.h"
};
const size_t siren_n_selftest_cases = sizeof siren_selftest_cases / sizeof *siren_selftest_cases;

#define LOSS_BOUND 1e-4     /* relative */
#define GRADIENT_BOUND 1e-4 /* relative to the projection's norm */

siren_status siren_selftest_problem(const siren_selftest_case *c, siren_network *network, float **coordinates,
                                    float **targets, float **params) {
    SIREN_FREE_AT_END float *points = NULL, *values = NULL, *initial = NULL;
    size_t n_points = c->nx * c->ny;
    siren_rng rng = {.seed = 7, .block = 1, .layer = 99};
    SIREN_TRY(siren_network_from_model(c->model, c->n_hidden, c->width, c->n_outputs, 30.0f, network));
    SIREN_TRY(siren_allocate(&points, n_points, network->n_inputs * sizeof *points, "the coordinates"));
    SIREN_TRY(siren_allocate(&values, n_points, c->n_outputs * sizeof *values, "the targets"));
    SIREN_TRY(siren_allocate(&initial, siren_network_n_params(network), sizeof *initial, "the parameters"));
    if (network->n_inputs == 2)
        siren_block_coordinates(&(siren_block){.nx = c->nx, .ny = c->ny, .nz = 1}, 2, 0, n_points, points);
    else
        for (size_t i = 0; i < n_points * network->n_inputs; i++)
            points[i] = 2.0f * siren_rng_uniform(rng, 1000000 + i) - 1.0f;
    for (size_t i = 0; i < n_points * c->n_outputs; i++)
        values[i] = i % 37 == 5 ? NAN : siren_rng_uniform(rng, i);
    siren_network_initialise(network, 7, 1, initial);
    *coordinates = SIREN_TAKE(points);
    *targets = SIREN_TAKE(values);
    *params = SIREN_TAKE(initial);
    return SIREN_OK;
}

double siren_selftest_project(const double *gradient, size_t n, unsigned direction, double *norm) {
    siren_rng rng = {.seed = 7, .block = 2, .layer = direction};
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        double r = (double)siren_rng_uniform(rng, i);
        if (direction == 0) r = 2 * r - 1;
        sum += gradient[i] * r;
        squares += gradient[i] * r * gradient[i] * r;
    }
    if (norm) *norm = sqrt(squares);
    return sum;
}

/* ---- on the device ---- */

typedef struct {
    siren_device *device;
    siren_selftest_fn report;
    void *user;
    const siren_selftest_case *present;
    size_t n_checked, n_failed;
    char first_failure[160];
} siren_selftesting;

static void check(siren_selftesting *t, const char *name, double difference, double bound) {
    bool passed = difference <= bound; /* false for NaN */
    t->n_checked++;
    if (!passed && t->n_failed++ == 0 && !t->present)
        snprintf(t->first_failure, sizeof t->first_failure, "%s: %.0f passes are missing", name, difference);
    else if (!passed && t->n_failed == 1)
        snprintf(t->first_failure, sizeof t->first_failure,
                 "%s of %s %ux%u is off by %.3g%s, the limit is %g", name, t->present->model,
                 (unsigned)t->present->n_hidden, (unsigned)t->present->width, difference,
                 bound == 0 ? " values" : "", bound);
    if (t->report) t->report(t->user, name, difference, bound, passed);
}

/* A driver that ends loops early spoils long launches first, of which the known answers have few. Where that is known
 * of it, kernels are launched accordingly, and as many passes as they rely on are counted. */
static siren_status test_loops(siren_selftesting *t) {
    SIREN_AT_END(siren_kernel_free_at) siren_kernel *kernel = NULL;
    SIREN_AT_END(siren_buffer_free_at) siren_buffer *out = NULL;
    uint64_t limit = siren_device_get_facts(t->device)->loop_limit;
    int outer = 250, inner = limit > 0 ? (int)(limit / 250) - 2 : 1000, counted = 0;
    SIREN_TRY(siren_kernel_create(t->device, "loops.cl", "", "count_passes", &kernel));
    SIREN_TRY(siren_buffer_create(t->device, sizeof counted, "a count", &out));
    SIREN_TRY(SIREN_LAUNCH(kernel, (siren_range){0}, SIREN_BUFFER(out), SIREN_INT(outer), SIREN_INT(inner)));
    SIREN_TRY(siren_buffer_read(out, 0, &counted, sizeof counted));
    check(t, "long loops", fabs((double)outer * inner - counted), 0);
    return SIREN_OK;
}

/* Largest relative difference of the losses of a batch of two equal networks, and infinity where the two differ. */
static siren_status test_training(siren_selftesting *t, const siren_selftest_case *c,
                                  const siren_network *network, const float *coordinates,
                                  const float *targets, const float *params) {
    SIREN_AT_END(siren_trainer_free_at) siren_trainer *trainer = NULL;
    SIREN_FREE_AT_END float *two_params = NULL, *two_targets = NULL;
    float losses[2 * SIREN_SELFTEST_EPOCHS];
    size_t n_params = siren_network_n_params(network), n_targets = c->nx * c->ny * c->n_outputs;
    double worst = 0;
    SIREN_TRY(siren_allocate(&two_params, 2 * n_params, sizeof *two_params, "the parameters"));
    SIREN_TRY(siren_allocate(&two_targets, 2 * n_targets, sizeof *two_targets, "the targets"));
    for (int n = 0; n < 2; n++) {
        memcpy(two_params + (size_t)n * n_params, params, n_params * sizeof *params);
        memcpy(two_targets + (size_t)n * n_targets, targets, n_targets * sizeof *targets);
    }
    siren_trainer_plan plan = {.network = network,
                               .n_networks = 2,
                               .n_points = c->nx * c->ny,
                               .coordinates = coordinates,
                               .max_epochs = SIREN_SELFTEST_EPOCHS,
                               .adam = {SIREN_SELFTEST_RATE, 0.9f, 0.999f, 1e-8f}};
    SIREN_TRY(siren_trainer_create(t->device, &plan, &trainer));
    siren_target_source source =
        siren_target_array_source(&(siren_target_array){two_targets, c->nx * c->ny, c->n_outputs});
    SIREN_TRY(siren_trainer_start(trainer, two_params, &source, NULL));
    SIREN_TRY(siren_trainer_run(trainer, SIREN_SELFTEST_EPOCHS, NULL, NULL));
    SIREN_TRY(siren_trainer_history(trainer, losses));
    for (size_t i = 0; i < SIREN_SELFTEST_EPOCHS; i++) {
        double difference = fabs((double)losses[i] / c->losses[i] - 1);
        if (!(difference <= worst)) worst = difference;
        if (memcmp(&losses[i], &losses[SIREN_SELFTEST_EPOCHS + i], sizeof *losses) != 0) worst = INFINITY;
    }
    check(t, "training losses", worst, LOSS_BOUND);
    return SIREN_OK;
}

/* The gradient kernels alone, through their own interface. */
static siren_status test_gradient(siren_selftesting *t, const siren_selftest_case *c,
                                  const siren_network *network, const float *coordinates,
                                  const float *targets, const float *params) {
    SIREN_AT_END(siren_gradient_free_at) siren_gradient *gradient = NULL;
    siren_gradient_plan shape = {
        .device = t->device, .network = network, .n_networks = 1, .n_points = c->nx * c->ny};
    SIREN_AT_END(siren_buffer_free_at)
    siren_buffer *table = NULL, *w0 = NULL, *points = NULL, *device_params = NULL, *device_targets = NULL;
    SIREN_FREE_AT_END float *padded = NULL, *parts = NULL, *flat = NULL, *rows = NULL;
    SIREN_FREE_AT_END double *sum = NULL;
    size_t n_params = siren_network_n_params(network), n_padded = siren_network_n_padded(network), n_data = 0;
    size_t pitch = SIREN_PADDED((size_t)c->n_outputs),
           point_bytes = shape.n_points * network->n_inputs * sizeof(float);
    SIREN_TRY(siren_network_upload(network, t->device, &table, &w0));
    SIREN_TRY(siren_buffer_create(t->device, point_bytes, "the coordinates", &points));
    SIREN_TRY(siren_buffer_write(points, 0, coordinates, point_bytes));
    SIREN_TRY(siren_allocate(&padded, n_padded, sizeof *padded, "the parameters"));
    siren_network_pad(network, params, padded);
    SIREN_TRY(siren_buffer_create(t->device, n_padded * sizeof *padded, "the parameters", &device_params));
    SIREN_TRY(siren_buffer_write(device_params, 0, padded, n_padded * sizeof *padded));
    SIREN_TRY(siren_allocate(&rows, shape.n_points * pitch, sizeof *rows, "the targets"));
    for (size_t i = 0; i < shape.n_points; i++)
        for (size_t j = 0; j < pitch; j++) {
            rows[i * pitch + j] = j < c->n_outputs ? targets[i * c->n_outputs + j] : NAN;
            n_data += !isnan(rows[i * pitch + j]);
        }
    SIREN_TRY(siren_buffer_create(t->device, shape.n_points * pitch * sizeof *rows, "the targets",
                                  &device_targets));
    SIREN_TRY(siren_buffer_write(device_targets, 0, rows, shape.n_points * pitch * sizeof *rows));

    shape.table = table;
    shape.w0 = w0;
    shape.coordinates = points;
    SIREN_TRY(siren_gradient_create(&shape, &gradient));
    SIREN_TRY(gradient->begin(gradient, device_params));
    for (size_t tile = 0; tile < gradient->n_tiles; tile++)
        SIREN_TRY(gradient->tile(gradient, device_params, device_targets, 0, tile));
    SIREN_TRY(siren_allocate(&parts, gradient->n_parts * n_padded, sizeof *parts, "the gradients"));
    SIREN_TRY(siren_buffer_read(gradient->partial_gradients, 0, parts,
                                gradient->n_parts * n_padded * sizeof *parts));
    SIREN_TRY(siren_allocate(&flat, n_params, sizeof *flat, "a gradient"));
    SIREN_TRY(siren_allocate(&sum, n_params, sizeof *sum, "the gradient"));
    for (size_t part = 0; part < gradient->n_parts; part++) {
        siren_network_unpad(network, parts + part * n_padded, flat);
        for (size_t i = 0; i < n_params; i++) sum[i] += 2.0 / (double)n_data * (double)flat[i];
    }
    double worst = 0;
    for (unsigned direction = 0; direction < 2; direction++) {
        double norm = 0, projection = siren_selftest_project(sum, n_params, direction, &norm);
        double difference = fabs(projection - c->gradient[direction]) / norm;
        if (!(difference <= worst)) worst = difference;
    }
    check(t, "gradient", worst, GRADIENT_BOUND);
    return SIREN_OK;
}

/* Number of outputs whose bits differ from the host's. */
static siren_status test_decode(siren_selftesting *t, const siren_selftest_case *c,
                                const siren_network *network, const float *coordinates, const float *params) {
    SIREN_AT_END(siren_decoder_free_at) siren_decoder *decoder = NULL;
    SIREN_FREE_AT_END float *on_device = NULL, *on_host = NULL;
    size_t n = c->nx * c->ny * c->n_outputs, n_different = 0;
    SIREN_TRY(siren_allocate(&on_device, n, sizeof *on_device, "a decoded block"));
    SIREN_TRY(siren_allocate(&on_host, n, sizeof *on_host, "a decoded block"));
    SIREN_TRY(siren_decoder_create(t->device, network, c->nx * c->ny, coordinates, &decoder));
    SIREN_TRY(siren_decoder_run(decoder, params, on_device));
    SIREN_TRY(siren_decode_host(network, network->n_layers, params, c->nx * c->ny, coordinates, on_host));
    for (size_t i = 0; i < n; i++) n_different += siren_bits_of(on_device[i]) != siren_bits_of(on_host[i]);
    check(t, "exact decode", (double)n_different, 0);
    return SIREN_OK;
}

siren_status siren_selftest(siren_device *device, siren_selftest_fn report, void *user) {
    if (!device) return siren_fail(SIREN_USAGE, "siren_selftest: device must not be NULL");
    siren_selftesting t = {.device = device, .report = report, .user = user};
    SIREN_FREE_AT_END float *coordinates = NULL, *targets = NULL, *params = NULL;
    SIREN_TRY(test_loops(&t));
    for (size_t i = 0; i < siren_n_selftest_cases; i++) {
        const siren_selftest_case *c = &siren_selftest_cases[i];
        siren_network network;
        t.present = c;
        SIREN_TRY(siren_selftest_problem(c, &network, &coordinates, &targets, &params));
        SIREN_TRY(test_decode(&t, c, &network, coordinates, params));
        SIREN_TRY(test_gradient(&t, c, &network, coordinates, targets, params));
        SIREN_TRY(test_training(&t, c, &network, coordinates, targets, params));
        free(coordinates), free(targets), free(params);
        coordinates = targets = params = NULL;
    }
    if (t.n_failed)
        return siren_fail(SIREN_WRONG_DEVICE,
                          "the device %s (%s) computes wrongly: %s (%zu of %zu known answers failed); "
                          "update its driver, or choose another --device",
                          siren_device_get_facts(device)->name, siren_device_get_facts(device)->place,
                          t.first_failure, t.n_failed, t.n_checked);
    return SIREN_OK;
}
