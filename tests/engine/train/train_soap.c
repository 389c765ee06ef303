/* SOAP on a device: against double precision, in batches, and where a gradient is nothing or no number. */
#include "cl/soap_layout.h"
#include "engine/train/trainer.h"
#include "host/rng.h"
#include "tests/shared/devices.h"
#include "tests/shared/oracle.h"
#include "tests/shared/pytorch_trace.h"
#include "tests/shared/soap_reference.h"

#include <math.h>

static void *allocated(size_t n, size_t size) {
    void *array = calloc(n, size);
    assert_non_null(array);
    return array;
}

/* Layers whose matrices with bias are square: all factors have full rank, so that their eigenvectors are no matter of
 * rounding. Its last layer has `n_outputs`. */
static siren_network square_layers(uint32_t activation, uint32_t n_outputs) {
    siren_network network = {.n_inputs = 2, .n_layers = 3};
    for (uint32_t l = 0; l < 3; l++)
        network.layers[l] = (siren_layer){l < 2 ? l + 3 : n_outputs, l < 2 ? activation : SIREN_IDENTITY, 3,
                                          SIREN_INIT_LINEAR};
    return network;
}

/* ---- steps by given gradients ---- */

enum { NETWORKS = 2, PARTS = 3, STEPS = 23 };

static float random_part(uint64_t index) { return siren_rng_uniform((siren_rng){11, 0, 0}, index) - 0.5f; }

/* Draws a step's gradients into `parts` (NETWORKS, PARTS, n_padded), and their sums into `gradients` (NETWORKS,
 * n_params). */
static void draw_gradients(const siren_network *network, unsigned step, float *parts, double *gradients) {
    size_t n_params = siren_network_n_params(network), n_padded = siren_network_n_padded(network);
    float *part = allocated(n_params, sizeof *part);
    for (size_t i = 0; i < NETWORKS * n_params; i++) gradients[i] = 0;
    for (size_t network_part = 0; network_part < NETWORKS * PARTS; network_part++) {
        for (size_t i = 0; i < n_params; i++) {
            part[i] = 1e-2f * random_part((step * NETWORKS * PARTS + network_part) * n_params + i);
            gradients[network_part / PARTS * n_params + i] += (double)part[i];
        }
        siren_network_pad(network, part, parts + network_part * n_padded);
    }
    free(part);
}

/* The largest distance of padded parameters from the reference's, whose rates are about 1e-2 a step. */
static double distance(const siren_network *network, siren_buffer *params, size_t nth,
                       const double *reference) {
    size_t n_params = siren_network_n_params(network), n_padded = siren_network_n_padded(network);
    float *padded = allocated(n_padded, sizeof *padded), *back = allocated(n_padded, sizeof *back),
          *plain = allocated(n_params, sizeof *plain);
    double worst = 0;
    assert_siren_ok(
        siren_buffer_read(params, nth * n_padded * sizeof *padded, padded, n_padded * sizeof *padded));
    siren_network_unpad(network, padded, plain);
    siren_network_pad(network, plain, back);
    assert_memory_equal(padded, back, n_padded * sizeof *back); /* padding stays zero */
    for (size_t i = 0; i < n_params; i++) {
        double of_one = fabs((double)plain[i] - reference[i]);
        if (!(of_one <= worst)) worst = of_one;
    }
    free(padded), free(back), free(plain);
    return worst;
}

static const siren_adam_options usual = {1e-3f, SIREN_ADAM_BETA1, SIREN_SOAP_BETA2, SIREN_ADAM_EPSILON};

static void check_steps(const siren_network *network, const siren_adam_options *options, size_t refresh) {
    const float rates[NETWORKS] = {1e-2f, 2e-2f}, factor = 0.5f;
    size_t n_params = siren_network_n_params(network), n_padded = siren_network_n_padded(network);
    size_t parts_bytes = NETWORKS * PARTS * n_padded * sizeof(float),
           params_bytes = NETWORKS * n_padded * sizeof(float);
    float *parts = allocated(1, parts_bytes), states[NETWORKS][SIREN_STATE_FIELDS] = {{0}};
    double *gradients = allocated(NETWORKS * n_params, sizeof *gradients),
           *params = allocated(NETWORKS * n_params, sizeof *params);
    soap_reference *references[NETWORKS];
    siren_optimiser *soap = NULL;
    siren_buffer *on_device = NULL, *partial = NULL, *state = NULL;
    assert_siren_ok(siren_soap_create(device, network, NETWORKS, options, refresh, &soap));
    assert_siren_ok(siren_buffer_create(device, params_bytes, "parameters", &on_device));
    assert_siren_ok(siren_buffer_create(device, parts_bytes, "parts", &partial));
    assert_siren_ok(siren_buffer_create(device, sizeof states, "state", &state));
    for (int n = 0; n < NETWORKS; n++)
        states[n][SIREN_STATE_SCALE] = 0.5f, states[n][SIREN_STATE_RATE] = rates[n];
    assert_siren_ok(siren_buffer_write(state, 0, states, sizeof states));
    for (int round = 0; round < 2; round++) { /* the second begins anew */
        for (size_t i = 0; i < NETWORKS * n_params; i++) params[i] = 0;
        assert_siren_ok(siren_buffer_zero(on_device));
        assert_siren_ok(soap->restart(soap));
        for (int n = 0; n < NETWORKS; n++) references[n] = soap_reference_start(network, options, refresh);
        for (unsigned step = 0; step < STEPS; step++) {
            draw_gradients(network, step, parts, gradients);
            assert_siren_ok(siren_buffer_write(partial, 0, parts, parts_bytes));
            assert_siren_ok(soap->step(soap, on_device, partial, PARTS, state, factor));
            for (size_t n = 0; n < NETWORKS; n++) {
                soap_reference_step(references[n], params + n * n_params, gradients + n * n_params,
                                    (double)(rates[n] * factor));
                double off = distance(network, on_device, n, params + n * n_params);
                if (!(off < 1e-3 * (double)rates[n]))
                    fail_msg("network %zu, step %u: parameters off by %g", n, step + 1, off);
            }
        }
        assert_true(fabs(params[0]) > 1e-3); /* they have moved */
        for (int n = 0; n < NETWORKS; n++) soap_reference_end(references[n]);
    }
    soap->free(soap);
    siren_buffer_free(on_device), siren_buffer_free(partial), siren_buffer_free(state);
    free(parts), free(gradients), free(params);
}

static void steps_are_those_of_double_precision(void **state) {
    (void)state;
    siren_network network = square_layers(SIREN_SINE, 5);
    check_steps(&network, &usual, SIREN_SOAP_REFRESH);
    check_steps(&network, &(siren_adam_options){1e-3f, 0.8f, 0.95f, 1e-6f}, 4);
    network = square_layers(SIREN_SINE, 1040); /* too many for a factor */
    check_steps(&network, &usual, SIREN_SOAP_REFRESH);
}

/* ---- many steps ---- */

enum { MANY = 1000 };

/* Whether a unit of layer 1 is dead: nothing reaches it and it reaches nothing, so that its row there and its column in
 * layer 2 have no gradient. */
static bool is_dead(uint32_t unit) { return unit % 5 == 2; }

/* Parameter `i` of layer `l`, exchange order, is one of a dead unit. */
static bool of_dead(const siren_network *network, uint32_t l, size_t i) {
    size_t in = siren_network_layer_inputs(network, l), out = network->layers[l].width;
    if (l == 1) return is_dead((uint32_t)(i < in * out ? i / in : i - in * out));
    return l == 2 && i < in * out && is_dead((uint32_t)(i % in));
}

/* Without what dead units have. */
static void kill_units(const siren_network *network, float *parts) {
    size_t n_params = siren_network_n_params(network), n_padded = siren_network_n_padded(network);
    float *plain = allocated(n_params, sizeof *plain);
    for (size_t part = 0; part < NETWORKS * PARTS; part++, parts += n_padded) {
        siren_network_unpad(network, parts, plain);
        float *layer = plain;
        for (uint32_t l = 0; l < network->n_layers; l++) {
            size_t n = (siren_network_layer_inputs(network, l) + 1) * network->layers[l].width;
            for (size_t i = 0; i < n; i++)
                if (of_dead(network, l, i)) layer[i] = 0;
            layer += n;
        }
        siren_network_pad(network, plain, parts);
    }
    free(plain);
}

/* Q of a side of n values (pitch, pitch), and its transpose behind it. */
static void expect_orthonormal(const float *q, size_t n, const char *what, size_t which) {
    size_t pitch = SIREN_PADDED(n);
    const float *transpose = q + pitch * pitch;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = 0;
            for (size_t k = 0; k < n; k++) sum += (double)q[k * pitch + i] * (double)q[k * pitch + j];
            if (!(fabs(sum - (i == j)) < 1e-5))
                fail_msg("%zu values, %s %zu: columns %zu and %zu give %g", n, what, which, i, j, sum);
            assert_true(transpose[j * pitch + i] == q[i * pitch + j]);
        }
}

/* After 1,000 steps all bases are orthonormal, no parameter has left the finite ones, and those without a gradient have
 * not moved. */
static void many_steps_keep_the_bases(void **state) {
    (void)state;
    siren_network network = {.n_inputs = 2, .n_layers = 4};
    const uint32_t widths[] = {17, 33, 16, 5};
    for (uint32_t l = 0; l < 4; l++)
        network.layers[l] =
            (siren_layer){widths[l], l < 3 ? SIREN_SINE : SIREN_IDENTITY, 30, SIREN_INIT_LINEAR};
    size_t n_params = siren_network_n_params(&network), n_padded = siren_network_n_padded(&network),
           parts_bytes = NETWORKS * PARTS * n_padded * sizeof(float), n_values = 0;
    float *parts = allocated(1, parts_bytes), *padded = allocated(n_padded, sizeof *padded),
          *params = allocated(n_params, sizeof *params), states[NETWORKS][SIREN_STATE_FIELDS] = {{0}};
    double *sums = allocated(NETWORKS * n_params, sizeof *sums);
    siren_optimiser *soap = NULL;
    siren_buffer *on_device = NULL, *partial = NULL, *of_networks = NULL;
    assert_siren_ok(siren_soap_create(device, &network, NETWORKS, &usual, SIREN_SOAP_REFRESH, &soap));
    assert_siren_ok(
        siren_buffer_create(device, NETWORKS * n_padded * sizeof(float), "parameters", &on_device));
    assert_siren_ok(siren_buffer_create(device, parts_bytes, "parts", &partial));
    assert_siren_ok(siren_buffer_create(device, sizeof states, "state", &of_networks));
    for (int n = 0; n < NETWORKS; n++)
        states[n][SIREN_STATE_SCALE] = 0.5f, states[n][SIREN_STATE_RATE] = 3e-3f;
    assert_siren_ok(siren_buffer_write(of_networks, 0, states, sizeof states));
    assert_siren_ok(siren_buffer_zero(on_device));
    for (unsigned step = 0; step < MANY; step++) {
        draw_gradients(&network, step % 50, parts,
                       sums); /* of which the last is small: the factors lose rank */
        for (size_t i = 0; i < NETWORKS * PARTS * n_padded; i++) parts[i] *= step % 50 == 49 ? 1e-6f : 1;
        kill_units(&network, parts);
        assert_siren_ok(siren_buffer_write(partial, 0, parts, parts_bytes));
        assert_siren_ok(soap->step(soap, on_device, partial, PARTS, of_networks, 1));
    }
    for (size_t n = 0; n < NETWORKS; n++) {
        assert_siren_ok(
            siren_buffer_read(on_device, n * n_padded * sizeof *padded, padded, n_padded * sizeof *padded));
        siren_network_unpad(&network, padded, params);
        const float *layer = params;
        for (uint32_t l = 0; l < network.n_layers; l++) {
            size_t n_of_layer = (siren_network_layer_inputs(&network, l) + 1) * network.layers[l].width;
            for (size_t i = 0; i < n_of_layer; i++) {
                assert_true(isfinite(layer[i]));
                assert_true((layer[i] == 0) == of_dead(&network, l, i));
            }
            layer += n_of_layer;
        }
        float *arena = allocated(1, soap->n_bytes / NETWORKS);
        assert_siren_ok(siren_soap_read(soap, n, arena));
        n_values = 0;
        for (uint32_t l = 0; l < network.n_layers; l++)
            n_values += SIREN_PADDED((size_t)network.layers[l].width) *
                        SIREN_PADDED((size_t)siren_network_layer_inputs(&network, l) + 1);
        const float *side = arena + SIREN_SOAP_ARRAYS * n_values;
        for (uint32_t l = 0; l < network.n_layers; l++)
            for (int right = 0; right < 2; right++) {
                size_t of_side =
                           right ? siren_network_layer_inputs(&network, l) + 1 : network.layers[l].width,
                       square = SIREN_PADDED(of_side) * SIREN_PADDED(of_side);
                expect_orthonormal(side + square, of_side, right ? "inputs of layer" : "outputs of layer", l);
                side += 4 * square;
            }
        assert_true(side == arena + soap->n_bytes / NETWORKS / sizeof *arena);
        free(arena);
    }
    soap->free(soap);
    siren_buffer_free(on_device), siren_buffer_free(partial), siren_buffer_free(of_networks);
    free(parts), free(padded), free(params), free(sums);
}

/* ---- trainings ---- */

enum { NX = 23, NY = 19, POINTS = NX * NY, OUTPUTS = 5, EPOCHS = 22 };

static float coordinates[POINTS * 2], targets[NETWORKS * POINTS * OUTPUTS];

static void make_targets(void) {
    method_coordinates(NX, NY, 1, 2, coordinates);
    for (size_t i = 0; i < (size_t)NETWORKS * POINTS * OUTPUTS; i++) {
        size_t point = i / OUTPUTS % POINTS;
        float x = coordinates[2 * point], y = coordinates[2 * point + 1],
              phase = (float)(i % OUTPUTS + 2 * (i / (POINTS * OUTPUTS)));
        targets[i] = i % 53 == 0 ? NAN : 0.5f + 0.3f * sinf(3 * x + phase) + 0.2f * cosf(2 * y - phase * x);
    }
}

static siren_trainer *make_trainer(const siren_network *network, size_t n_networks, size_t epochs, float rate,
                                   size_t memory_limit) {
    siren_trainer_plan plan = {.network = network,
                               .n_networks = n_networks,
                               .n_points = POINTS,
                               .coordinates = coordinates,
                               .max_epochs = epochs,
                               .optimiser = SIREN_OPTIMISER_SOAP,
                               .adam = {rate, usual.beta1, usual.beta2, usual.epsilon},
                               .refresh = SIREN_SOAP_REFRESH,
                               .schedule = {SIREN_SCHEDULE_COSINE, 5},
                               .memory_limit = memory_limit};
    siren_trainer *trainer = NULL;
    assert_siren_ok(siren_trainer_create(device, &plan, &trainer));
    return trainer;
}

static float *initial_params(const siren_network *network) {
    size_t n_params = siren_network_n_params(network);
    float *params = allocated(NETWORKS * n_params, sizeof *params);
    for (uint32_t n = 0; n < NETWORKS; n++) siren_network_initialise(network, 5, n, params + n * n_params);
    return params;
}

static siren_status start(siren_trainer *trainer, const float *params, size_t first, const float *rates) {
    static siren_target_array array;
    array = (siren_target_array){targets + first * POINTS * OUTPUTS, POINTS, OUTPUTS};
    siren_target_source source = siren_target_array_source(&array);
    return siren_trainer_start(trainer, params, &source, rates);
}

/* Losses of training with each activation follow those of double precision, but for the rounding of weak directions,
 * which steps are as long in as in others: within a few per cent of what has been gained. */
static void trainings_follow_double_precision(void **state) {
    (void)state;
    make_targets();
    for (uint32_t activation = SIREN_IDENTITY; activation <= SIREN_LEAKY_RELU; activation++) {
        const siren_network network = square_layers(activation, OUTPUTS);
        size_t n_params = siren_network_n_params(&network);
        float *params = initial_params(&network), losses[EPOCHS];
        double *wide = allocated(n_params, sizeof *wide), *gradient = allocated(n_params, sizeof *gradient);
        for (size_t i = 0; i < n_params; i++) wide[i] = (double)params[i];
        siren_trainer *trainer = make_trainer(&network, 1, EPOCHS, 5e-3f, 0);
        assert_siren_ok(start(trainer, params, 0, NULL));
        assert_siren_ok(siren_trainer_run(trainer, EPOCHS, NULL, NULL));
        assert_siren_ok(siren_trainer_history(trainer, losses));
        siren_trainer_free(trainer);
        soap_reference *reference = soap_reference_start(&network, &usual, SIREN_SOAP_REFRESH);
        const siren_schedule schedule = {SIREN_SCHEDULE_COSINE, 5};
        double first = 0, loss = 0;
        for (size_t epoch = 0; epoch < EPOCHS; epoch++) {
            loss = oracle_loss(&network, wide, POINTS, coordinates, targets, gradient);
            if (epoch == 0) first = loss;
            if (!(fabs((double)losses[epoch] - loss) < 0.04 * (first - loss) + 1e-6 * first))
                fail_msg("%s, epoch %zu: loss %.9g, in double precision %.9g",
                         siren_activation_name(activation), epoch, (double)losses[epoch], loss);
            soap_reference_step(reference, wide, gradient,
                                5e-3 * (double)siren_schedule_factor(&schedule, epoch, EPOCHS));
        }
        assert_true(loss < 0.95 * first);
        soap_reference_end(reference);
        free(params), free(wide), free(gradient);
    }
}

/* The double-precision loops give PyTorch's double run; a device follows it as it does those above. */
static void pytorch_is_followed(void **state) {
    (void)state;
    golden_trace trace;
    assert_siren_ok(golden_load("soap", &trace));
    double *params = allocated(trace.n_params, sizeof *params),
           *gradient = allocated(trace.n_params, sizeof *gradient);
    float *losses = allocated(trace.n_epochs, sizeof *losses);
    for (size_t i = 0; i < trace.n_params; i++) params[i] = (double)trace.initial[i];
    const siren_adam_options options = {(float)trace.learning_rate, usual.beta1, usual.beta2, usual.epsilon};
    soap_reference *reference = soap_reference_start(&trace.network, &options, SIREN_SOAP_REFRESH);
    for (size_t epoch = 0; epoch < trace.n_epochs; epoch++) {
        double loss =
            oracle_loss(&trace.network, params, trace.n_points, trace.coordinates, trace.targets, gradient);
        if (!(fabs(loss / trace.loss_double[epoch] - 1) < 1e-6))
            fail_msg("epoch %zu: loss %.12g, PyTorch's %.12g", epoch, loss, trace.loss_double[epoch]);
        soap_reference_step(reference, params, gradient, trace.learning_rate);
    }
    soap_reference_end(reference);
    siren_trainer_plan plan = {.network = &trace.network,
                               .n_networks = 1,
                               .n_points = trace.n_points,
                               .coordinates = trace.coordinates,
                               .max_epochs = trace.n_epochs,
                               .optimiser = SIREN_OPTIMISER_SOAP,
                               .adam = options,
                               .refresh = SIREN_SOAP_REFRESH};
    siren_target_array array = {trace.targets, trace.n_points, OUTPUTS};
    siren_target_source source = siren_target_array_source(&array);
    siren_trainer *trainer = NULL;
    assert_siren_ok(siren_trainer_create(device, &plan, &trainer));
    assert_siren_ok(siren_trainer_start(trainer, trace.initial, &source, NULL));
    assert_siren_ok(siren_trainer_run(trainer, trace.n_epochs, NULL, NULL));
    assert_siren_ok(siren_trainer_history(trainer, losses));
    siren_trainer_free(trainer);
    for (size_t epoch = 0; epoch < trace.n_epochs; epoch++)
        if (!(fabs((double)losses[epoch] - trace.loss_double[epoch]) <
              0.04 * (trace.loss_double[0] - trace.loss_double[epoch]) + 1e-6))
            fail_msg("epoch %zu: loss %.9g, PyTorch's %.9g", epoch, (double)losses[epoch],
                     trace.loss_double[epoch]);
    free(params), free(gradient), free(losses);
    golden_free(&trace);
}

/* Each network of a batch trains as alone. */
static void a_batch_changes_nothing(void **state) {
    (void)state;
    static const float rates[NETWORKS] = {1e-3f, 4e-3f};
    siren_network network;
    make_targets();
    assert_siren_ok(siren_network_from_model("siren-2d", 2, 40, OUTPUTS, 30.0f, &network));
    size_t n_params = siren_network_n_params(&network);
    float *params = initial_params(&network), *together = allocated(NETWORKS * n_params, sizeof *together),
          *alone = allocated(n_params, sizeof *alone);
    siren_trainer *trainer = make_trainer(&network, NETWORKS, EPOCHS, 1, 0);
    assert_siren_ok(start(trainer, params, 0, rates));
    assert_siren_ok(siren_trainer_run(trainer, 3, NULL, NULL));
    assert_siren_ok(siren_trainer_run(trainer, EPOCHS, NULL, NULL));
    assert_siren_ok(siren_trainer_params(trainer, together));
    siren_trainer_free(trainer);
    for (size_t n = 0; n < NETWORKS; n++) {
        trainer = make_trainer(&network, 1, EPOCHS, rates[n], 0);
        for (int again = 0; again < 2; again++) { /* a trainer forgets the training before */
            assert_siren_ok(start(trainer, params + n * n_params, n, NULL));
            assert_siren_ok(siren_trainer_run(trainer, EPOCHS, NULL, NULL));
            assert_siren_ok(siren_trainer_params(trainer, alone));
            assert_memory_equal(alone, together + n * n_params, n_params * sizeof *alone);
        }
        siren_trainer_free(trainer);
    }
    free(params), free(together), free(alone);
}

/* No data moves nothing; parameters that are no number, and a loss that overflows, disturb no other network. */
static void nothing_and_no_number(void **state) {
    (void)state;
    siren_network network;
    make_targets();
    assert_siren_ok(siren_network_from_model("siren-2d", 2, 17, OUTPUTS, 30.0f, &network));
    size_t n_params = siren_network_n_params(&network);
    float *params = initial_params(&network), *both = allocated(NETWORKS * n_params, sizeof *both),
          *alone = allocated(n_params, sizeof *alone), losses[NETWORKS];
    siren_trainer *trainer = make_trainer(&network, 1, EPOCHS, 1e-3f, 0);
    assert_siren_ok(start(trainer, params + n_params, 1, NULL));
    assert_siren_ok(siren_trainer_run(trainer, EPOCHS, NULL, NULL));
    assert_siren_ok(siren_trainer_params(trainer, alone));
    siren_trainer_free(trainer);
    for (int kind = 0; kind < 3; kind++) {
        float before = params[5];
        if (kind == 0) params[5] = NAN;
        if (kind == 1) params[n_params - 1] = 1e19f; /* of the output: the gradient overflows in a factor */
        for (size_t i = 0; kind == 2 && i < (size_t)POINTS * OUTPUTS; i++) targets[i] = NAN;
        trainer = make_trainer(&network, NETWORKS, EPOCHS, 1e-3f, 0);
        assert_siren_ok(start(trainer, params, 0, NULL));
        assert_siren_ok(siren_trainer_run(trainer, EPOCHS, NULL, NULL));
        assert_siren_ok(siren_trainer_params(trainer, both));
        assert_memory_equal(both + n_params, alone, n_params * sizeof *alone);
        if (kind == 2) assert_memory_equal(both, params, n_params * sizeof *alone);
        assert_siren_ok(siren_trainer_best(trainer, both, losses));
        assert_true(isfinite(losses[1]) && losses[1] > 0);
        if (kind == 0) assert_memory_equal(both, params, n_params * sizeof *alone);
        if (kind == 0) assert_true(isinf(losses[0]));
        siren_trainer_free(trainer);
        params[5] = before;
        if (kind == 1) params[n_params - 1] = 0.01f;
    }
    free(params), free(both), free(alone);
}

/* What the optimiser holds counts: a limit that leaves room for a training by Adam, but not for it, is refused. */
static void memory_is_planned(void **state) {
    (void)state;
    siren_network network;
    siren_optimiser *soap = NULL;
    siren_trainer *trainer = NULL;
    make_targets();
    assert_siren_ok(siren_network_from_model("siren-2d", 2, 200, OUTPUTS, 30.0f, &network));
    assert_siren_ok(siren_soap_create(device, &network, 1, &usual, SIREN_SOAP_REFRESH, &soap));
    siren_trainer_plan plan = {.network = &network,
                               .n_networks = 1,
                               .n_points = POINTS,
                               .coordinates = coordinates,
                               .max_epochs = 1,
                               .optimiser = SIREN_OPTIMISER_SOAP,
                               .adam = usual,
                               .refresh = SIREN_SOAP_REFRESH,
                               .memory_limit = soap->n_bytes};
    soap->free(soap);
    assert_int_equal(siren_trainer_create(device, &plan, &trainer), SIREN_UNSUPPORTED);
    assert_non_null(strstr(siren_message(), "--memory"));
    plan.memory_limit *= 8;
    assert_siren_ok(siren_trainer_create(device, &plan, &trainer));
    siren_trainer_free(trainer);
}

/* Layers of one unit train, and the loss falls. */
static void narrow_layers(void **state) {
    (void)state;
    siren_network network = {.n_inputs = 2, .n_layers = 3};
    make_targets();
    for (uint32_t l = 0; l < 3; l++)
        network.layers[l] =
            (siren_layer){l < 2 ? 1 : OUTPUTS, l < 2 ? SIREN_TANH : SIREN_IDENTITY, 1, SIREN_INIT_LINEAR};
    float *params = initial_params(&network), losses[100];
    siren_trainer *trainer = make_trainer(&network, 1, 100, 2e-2f, 0);
    assert_siren_ok(start(trainer, params, 0, NULL));
    assert_siren_ok(siren_trainer_run(trainer, 100, NULL, NULL));
    assert_siren_ok(siren_trainer_history(trainer, losses));
    for (int i = 0; i < 100; i++) assert_true(isfinite(losses[i]));
    assert_true(losses[99] < 0.6f * losses[0]);
    siren_trainer_free(trainer);
    free(params);
}

/* ---- bases ---- */

/* A kernel of bases by one side; those but soap_reflect take no step. */
static void launch(bool chain, const char *name, siren_buffer *arena, siren_buffer *sides, size_t wide,
                   size_t pitch, int first, int end, int step) {
    siren_kernel *kernel = NULL;
    siren_range range = {.global = {wide, 1, 1}, .local = {siren_element_group(device)}};
    const siren_argument arguments[] = {
        SIREN_BUFFER(arena), SIREN_BUFFER(sides), SIREN_INT((int)(4 * pitch * pitch)),
        SIREN_INT(first),    SIREN_INT(end),      SIREN_INT(step)};
    assert_siren_ok(
        siren_kernel_create(device, "soap.cl", chain ? "-DSOAP_LANES=16" : "-DSOAP_LANES=1", name, &kernel));
    assert_siren_ok(siren_launch_arguments(kernel, range, step ? 6 : 3, arguments));
    siren_kernel_free(kernel);
}

/* Turns the basis of one side as the optimiser does, from S (n, n) and Q (n, n); both are in the padded pitch. */
static void turn_on_device(size_t n, size_t pitch, float *arena) {
    bool chain = siren_device_get_facts(device)->family == SIREN_FAMILY_CHAIN;
    const int side[SIREN_SOAP_SIDE_FIELDS] = {0, (int)n};
    size_t bytes = 4 * pitch * pitch * sizeof *arena;
    siren_buffer *on_device = NULL, *sides = NULL;
    float *s = arena, *q = s + pitch * pitch, *p = q + 2 * pitch * pitch;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = 0;
            for (size_t k = 0; k < n; k++) sum += (double)s[i * pitch + k] * (double)q[k * pitch + j];
            p[i * pitch + j] = (float)sum;
        }
    assert_siren_ok(siren_buffer_create(device, bytes, "arena", &on_device));
    assert_siren_ok(siren_buffer_create(device, sizeof side, "sides", &sides));
    assert_siren_ok(siren_buffer_write(on_device, 0, arena, bytes));
    assert_siren_ok(siren_buffer_write(sides, 0, side, sizeof side));
    launch(chain, "soap_basis_begin", on_device, sides, chain ? 1 : n, pitch, 0, 0, 0);
    for (int k = 0; k < (chain ? 1 : (int)n); k++)
        launch(chain, "soap_reflect", on_device, sides, chain ? 1 : n, pitch, k, chain ? (int)n : k + 1, 1);
    for (int k = (int)n - 1; k >= (chain ? (int)n - 1 : 0); k--)
        launch(chain, "soap_reflect", on_device, sides, chain ? 1 : n, pitch, k, chain ? -1 : k - 1, -1);
    launch(chain, "soap_basis_end", on_device, sides, n, pitch, 0, 0, 0);
    assert_siren_ok(siren_buffer_read(on_device, 0, arena, bytes));
    siren_buffer_free(on_device), siren_buffer_free(sides);
}

/* S of `rank` with eigenvalues over ten orders of magnitude; bases stay orthonormal, and become its eigenvectors. */
static void bases_are_orthonormal(void **state) {
    (void)state;
    const size_t sizes[][2] = {{1, 1}, {2, 1}, {16, 16}, {33, 0}, {67, 5}, {129, 129}};
    for (size_t at = 0; at < sizeof sizes / sizeof *sizes; at++) {
        size_t n = sizes[at][0], rank = sizes[at][1], pitch = SIREN_PADDED(n);
        float *arena = allocated(4 * pitch * pitch, sizeof *arena), *q = arena + pitch * pitch;
        for (size_t k = 0; k < rank; k++)
            for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j < n; j++)
                    arena[i * pitch + j] += 1e-9f * powf(10, -10 * (float)k / (float)rank) *
                                            random_part(k * n + i) * random_part(k * n + j);
        for (size_t i = 0; i < n; i++) q[i * pitch + i] = q[(pitch + i) * pitch + i] = 1;
        for (int turn = 0; turn < 8; turn++) turn_on_device(n, pitch, arena);
        expect_orthonormal(q, n, "of rank", rank);
        if (rank == 5) { /* S q is along q, for the largest */
            double along = 0, squares = 0;
            for (size_t i = 0; i < n; i++) {
                double sum = 0;
                for (size_t k = 0; k < n; k++) sum += (double)arena[i * pitch + k] * (double)q[k * pitch];
                along += sum * (double)q[i * pitch], squares += sum * sum;
            }
            assert_true(fabs(along / sqrt(squares) - 1) < 1e-6);
        }
        float kept = q[0];
        arena[0] = NAN; /* no number: the basis stays */
        turn_on_device(n, pitch, arena);
        assert_true(q[0] == kept);
        free(arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_are_those_of_double_precision),
        cmocka_unit_test(many_steps_keep_the_bases),
        cmocka_unit_test(trainings_follow_double_precision),
        cmocka_unit_test(pytorch_is_followed),
        cmocka_unit_test(a_batch_changes_nothing),
        cmocka_unit_test(nothing_and_no_number),
        cmocka_unit_test(memory_is_planned),
        cmocka_unit_test(narrow_layers),
        cmocka_unit_test(bases_are_orthonormal),
    };
    size_t n = sizeof tests / sizeof *tests;
    return run_on_families(tests, n) + run_with_clblast(tests, n);
}
