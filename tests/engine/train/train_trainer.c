/* The trainer on a device: PyTorch's traces, the snapshot, batches, cancelling, and failing devices. */
#include "tests/shared/devices.h"
#include "engine/train/trainer.h"
#include "tests/shared/pytorch_trace.h"
#include "tests/shared/oracle.h"

#include <math.h>

static siren_trainer_plan make_plan(const siren_network *network, size_t n_networks, size_t n_points,
                                    const float *coordinates, size_t max_epochs, double rate) {
    return (siren_trainer_plan){.network = network,
                                .n_networks = n_networks,
                                .n_points = n_points,
                                .coordinates = coordinates,
                                .max_epochs = max_epochs,
                                .adam = {(float)rate, 0.9f, 0.999f, 1e-8f},
                                .refresh = SIREN_SOAP_REFRESH};
}

static siren_trainer *make_trainer(const siren_network *network, size_t n_networks, size_t n_points,
                                   const float *coordinates, size_t max_epochs, double rate) {
    siren_trainer_plan plan = make_plan(network, n_networks, n_points, coordinates, max_epochs, rate);
    siren_trainer *trainer = NULL;
    assert_siren_ok(siren_trainer_create(device, &plan, &trainer));
    return trainer;
}

/* Ten epochs from PyTorch's initial weights follow its double-precision losses, and keep the weights of the best. */
static void follows_pytorch(void **state) {
    (void)state;
    for (const char *const *name = golden_names; *name; name++) {
        golden_trace trace;
        assert_siren_ok(golden_load(*name, &trace));
        float losses[64], best_loss = 0, *best = calloc(trace.n_params, sizeof *best);
        siren_trainer *trainer = make_trainer(&trace.network, 1, trace.n_points, trace.coordinates,
                                              trace.n_epochs, trace.learning_rate);
        siren_target_source source = siren_target_array_source(
            &(siren_target_array){trace.targets, trace.n_points, siren_network_n_outputs(&trace.network)});
        assert_siren_ok(siren_trainer_start(trainer, trace.initial, &source, NULL));
        assert_siren_ok(siren_trainer_run(trainer, trace.n_epochs, NULL, NULL));
        assert_siren_ok(siren_trainer_history(trainer, losses));
        for (uint32_t t = 0; t < trace.n_epochs; t++)
            if (!(fabs((double)losses[t] / trace.loss_double[t] - 1) < 1e-4))
                fail_msg("%s, epoch %u: loss %.9g, PyTorch %.9g", *name, t, (double)losses[t],
                         trace.loss_double[t]);
        assert_siren_ok(siren_trainer_best(trainer, best, &best_loss));
        assert_true(best_loss == losses[trace.best_evaluated - 1]);
        double *wide = calloc(trace.n_params, sizeof *wide);
        for (size_t i = 0; i < trace.n_params; i++) wide[i] = (double)best[i];
        double loss =
            oracle_loss(&trace.network, wide, trace.n_points, trace.coordinates, trace.targets, NULL);
        if (!(fabs(loss / (double)best_loss - 1) < 1e-4))
            fail_msg("%s: the best weights give %.9g, not %.9g", *name, loss, (double)best_loss);
        free(wide), free(best);
        siren_trainer_free(trainer);
        golden_free(&trace);
    }
}

enum { NX = 23, NY = 19, POINTS = NX * NY, OUTPUTS = 7, NETWORKS = 3, EPOCHS = 6 };

static void make_problem(siren_network *network, float *coordinates, float *targets, float **params) {
    assert_siren_ok(siren_network_from_model("siren-2d", 2, 40, OUTPUTS, 30.0f, network));
    method_coordinates(NX, NY, 1, 2, coordinates);
    for (size_t i = 0; i < (size_t)NETWORKS * POINTS * OUTPUTS; i++)
        targets[i] = i % 53 == 0 ? NAN : 0.5f + 0.5f * sinf(0.01f * (float)i);
    *params = calloc(NETWORKS * siren_network_n_params(network), sizeof **params);
    for (uint32_t n = 0; n < NETWORKS; n++)
        siren_network_initialise(network, 5, n, *params + n * siren_network_n_params(network));
}

static float coordinates[POINTS * 2], targets[NETWORKS * POINTS * OUTPUTS];

/* Begins with the targets of network `first` and those after it. */
static siren_status start(siren_trainer *trainer, const float *params, size_t first, const float *rates) {
    static siren_target_array array;
    array = (siren_target_array){targets + first * POINTS * OUTPUTS, POINTS, OUTPUTS};
    siren_target_source source = siren_target_array_source(&array);
    return siren_trainer_start(trainer, params, &source, rates);
}

/* Each network of a batch, with a rate of its own, trains as alone with that rate for all. */
static void batch_equals_each_alone(void **state) {
    (void)state;
    static const float rates[NETWORKS] = {1e-3f, 3e-4f, 2.5e-3f};
    siren_network network;
    float *params = NULL, losses[NETWORKS * EPOCHS], alone[EPOCHS];
    make_problem(&network, coordinates, targets, &params);
    size_t n_params = siren_network_n_params(&network);
    float *together = calloc(NETWORKS * n_params, sizeof *together),
          *single = calloc(n_params, sizeof *single);
    siren_trainer *trainer = make_trainer(&network, NETWORKS, POINTS, coordinates, EPOCHS, 1);
    assert_siren_ok(start(trainer, params, 0, rates));
    assert_siren_ok(siren_trainer_run(trainer, 2, NULL, NULL));
    assert_siren_ok(siren_trainer_run(trainer, EPOCHS, NULL, NULL)); /* stops at max_epochs */
    assert_siren_ok(siren_trainer_history(trainer, losses));
    assert_siren_ok(siren_trainer_params(trainer, together));
    siren_trainer_free(trainer);
    for (int n = 0; n < NETWORKS; n++) {
        trainer = make_trainer(&network, 1, POINTS, coordinates, EPOCHS, (double)rates[n]);
        assert_siren_ok(start(trainer, params + (size_t)n * n_params, (size_t)n, NULL));
        assert_siren_ok(siren_trainer_run(trainer, EPOCHS, NULL, NULL));
        assert_siren_ok(siren_trainer_history(trainer, alone));
        assert_memory_equal(alone, losses + n * EPOCHS, sizeof alone);
        assert_siren_ok(siren_trainer_params(trainer, single));
        assert_memory_equal(single, together + (size_t)n * n_params, n_params * sizeof *single);
        siren_trainer_free(trainer);
    }
    free(params), free(together), free(single);
}

/* Adam with a schedule is the oracle's with the rate of each epoch; a trainer begins it anew. */
static void schedules_set_the_rate(void **state) {
    (void)state;
    siren_network network;
    float *params = NULL, losses[EPOCHS];
    make_problem(&network, coordinates, targets, &params);
    for (siren_schedule_kind kind = SIREN_SCHEDULE_CONSTANT; kind <= SIREN_SCHEDULE_LINEAR; kind++) {
        siren_trainer_plan plan = make_plan(&network, 1, POINTS, coordinates, EPOCHS, 1e-3);
        siren_trainer *trainer = NULL;
        plan.schedule = (siren_schedule){kind, 3};
        assert_siren_ok(siren_trainer_create(device, &plan, &trainer));
        for (int again = 0; again < 2; again++) {
            assert_siren_ok(start(trainer, params, 0, NULL));
            assert_siren_ok(siren_trainer_run(trainer, 2, NULL, NULL));
            assert_siren_ok(siren_trainer_run(trainer, EPOCHS, NULL, NULL));
            assert_siren_ok(siren_trainer_history(trainer, losses));
            method_training training;
            oracle_start(&training, &network, params, 1e-3);
            for (int epoch = 0; epoch < EPOCHS; epoch++) {
                double at = (double)epoch / EPOCHS, pi = 3.14159265358979323846;
                training.learning_rate = 1e-3 * fmin(1, (epoch + 1) / 3.0);
                if (kind == SIREN_SCHEDULE_COSINE) training.learning_rate *= 0.5 + 0.5 * cos(pi * at);
                if (kind == SIREN_SCHEDULE_LINEAR) training.learning_rate *= 1 - at;
                double loss = method_epoch(&training, POINTS, coordinates, targets);
                if (!(fabs((double)losses[epoch] / loss - 1) < 1e-4))
                    fail_msg("schedule %d, epoch %d: loss %.9g, not %.9g", (int)kind, epoch,
                             (double)losses[epoch], loss);
            }
            method_end(&training);
        }
        siren_trainer_free(trainer);
    }
    free(params);
}

enum { MOST = 40, JUDGED = 4 };

static siren_trainer *make_judged(const siren_network *network, siren_optimiser_kind optimiser,
                                  size_t n_networks, double gain) {
    siren_trainer_plan plan = make_plan(network, n_networks, POINTS, coordinates, MOST, 1);
    siren_trainer *trainer = NULL;
    plan.optimiser = optimiser;
    plan.gain = gain;
    plan.gain_epochs = JUDGED;
    assert_siren_ok(siren_trainer_create(device, &plan, &trainer));
    return trainer;
}

/* Of three networks one has no loss and ends at the first judgement, one hardly learns and ends at the second, and one
 * goes on in the place of that. Each has the bits that it has alone, and those of a training that was told its number
 * of epochs. */
static void networks_end_early(void **state) {
    (void)state;
    static const float rates[NETWORKS] = {1e-9f, 1e-3f, 1e-3f};
    static const size_t ends[NETWORKS] = {2 * JUDGED, 0, JUDGED};
    siren_network network;
    float *params = NULL, losses[NETWORKS * MOST], single_losses[MOST], best[NETWORKS], single_best;
    make_problem(&network, coordinates, targets, &params);
    const size_t n_params = siren_network_n_params(&network);
    params[2 * n_params + 5] = NAN;
    float *now = calloc(NETWORKS * n_params, sizeof *now), *kept = calloc(NETWORKS * n_params, sizeof *kept),
          *single = calloc(n_params, sizeof *single);
    for (int kind = SIREN_OPTIMISER_ADAM; kind <= SIREN_OPTIMISER_SOAP; kind++) {
        siren_trainer *trainer = make_judged(&network, (siren_optimiser_kind)kind, NETWORKS, 0.01);
        for (int again = 0; again < 2; again++) {
            assert_siren_ok(start(trainer, params, 0, rates));
            assert_siren_ok(siren_trainer_run(trainer, JUDGED + 1, NULL, NULL));
            assert_int_equal(siren_trainer_n_active(trainer), NETWORKS - 1);
            assert_siren_ok(siren_trainer_run(trainer, MOST, NULL, NULL));
            assert_siren_ok(siren_trainer_history(trainer, losses));
            assert_siren_ok(siren_trainer_params(trainer, now));
            assert_siren_ok(siren_trainer_best(trainer, kept, best));
        }
        assert_true(siren_trainer_epochs(trainer, 1) > 3 * JUDGED);
        for (size_t n = 0; n < NETWORKS; n++) {
            const size_t end = siren_trainer_epochs(trainer, n);
            if (ends[n]) assert_int_equal(end, ends[n]);
            for (size_t i = end; i < siren_trainer_epochs(trainer, 1); i++)
                assert_true(isnan(losses[n * siren_trainer_epochs(trainer, 1) + i]));
            for (int judged = 0; judged < 2; judged++) {
                siren_trainer *alone =
                    make_judged(&network, (siren_optimiser_kind)kind, 1, judged ? 0.01 : 0);
                assert_siren_ok(start(alone, params + n * n_params, n, rates + n));
                assert_siren_ok(siren_trainer_run(alone, judged ? MOST : end, NULL, NULL));
                assert_int_equal(siren_trainer_epochs(alone, 0), end);
                assert_siren_ok(siren_trainer_history(alone, single_losses));
                assert_memory_equal(single_losses, losses + n * siren_trainer_epochs(trainer, 1),
                                    end * sizeof *losses);
                assert_siren_ok(siren_trainer_params(alone, single));
                assert_memory_equal(single, now + n * n_params, n_params * sizeof *single);
                assert_siren_ok(siren_trainer_best(alone, single, &single_best));
                assert_memory_equal(single, kept + n * n_params, n_params * sizeof *single);
                assert_memory_equal(&single_best, &best[n], sizeof single_best);
                siren_trainer_free(alone);
            }
        }
        siren_trainer_free(trainer);
    }
    free(params), free(now), free(kept), free(single);
}

/* A network without any data neither moves nor breaks; a diverging one keeps its last good weights. */
static void no_data_and_divergence(void **state) {
    (void)state;
    siren_network network;
    float *params = NULL, best_losses[NETWORKS];
    make_problem(&network, coordinates, targets, &params);
    size_t n_params = siren_network_n_params(&network);
    float *best = calloc(NETWORKS * n_params, sizeof *best);
    for (size_t i = 0; i < (size_t)POINTS * OUTPUTS; i++) targets[i] = NAN;
    params[2 * n_params + 5] = NAN;
    siren_trainer *trainer = make_trainer(&network, NETWORKS, POINTS, coordinates, EPOCHS, 1e-3);
    assert_siren_ok(start(trainer, params, 0, NULL));
    assert_siren_ok(siren_trainer_run(trainer, EPOCHS, NULL, NULL));
    assert_siren_ok(siren_trainer_best(trainer, best, best_losses));
    assert_true(best_losses[0] == 0.0f);
    assert_memory_equal(best, params, n_params * sizeof *best);
    assert_true(isfinite(best_losses[1]) && best_losses[1] > 0);
    assert_true(isinf(best_losses[2]));
    assert_memory_equal(best + 2 * n_params, params + 2 * n_params, n_params * sizeof *best);
    siren_trainer_free(trainer);
    free(params), free(best);
}

static bool stop_at_once(void *user, double done, double total, const char *what) {
    (void)total, (void)what;
    *(double *)user = done;
    return false;
}

static void cancelling_keeps_what_is_reached(void **state) {
    (void)state;
    siren_network network;
    float *params = NULL;
    double done = -1;
    make_problem(&network, coordinates, targets, &params);
    siren_trainer *trainer = make_trainer(&network, 1, POINTS, coordinates, 100000, 1e-3);
    assert_siren_ok(start(trainer, params, 0, NULL));
    assert_int_equal(siren_trainer_run(trainer, 100000, stop_at_once, &done), SIREN_CANCELLED);
    assert_true(done >= 0 && done < 100000);
    siren_trainer_free(trainer);
    free(params);
}

/* Whichever call the device fails at, the trainer reports it and releases everything (the sanitizer build would
 * tell). */
static void a_failing_device_is_reported(void **state) {
    (void)state;
    siren_network network;
    float *params = NULL;
    make_problem(&network, coordinates, targets, &params);
    siren_trainer_plan plan = make_plan(&network, 1, POINTS, coordinates, EPOCHS, 1e-3);
    for (int i = 0; i < 2; i++) {
        long nth = 0;
        plan.optimiser = i == 0 ? SIREN_OPTIMISER_ADAM : SIREN_OPTIMISER_SOAP;
        for (;; nth += 1 + nth / 16) {
            siren_trainer *trainer = NULL;
            siren_status expected = nth % 2 ? SIREN_DEVICE : SIREN_DEVICE_MEMORY;
            siren_device_inject_failure(device, nth, expected);
            siren_status status = siren_trainer_create(device, &plan, &trainer);
            if (status == SIREN_OK) status = start(trainer, params, 0, NULL);
            if (status == SIREN_OK) status = siren_trainer_run(trainer, EPOCHS, NULL, NULL);
            siren_device_inject_failure(device, 0, SIREN_OK);
            siren_trainer_free(trainer);
            if (status == SIREN_OK) break;
            assert_int_equal(status, expected);
            assert_non_null(strstr(siren_message(), siren_device_get_facts(device)->name));
        }
        assert_true(nth > 50);
    }
    free(params);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_pytorch),
        cmocka_unit_test(batch_equals_each_alone),
        cmocka_unit_test(schedules_set_the_rate),
        cmocka_unit_test(networks_end_early),
        cmocka_unit_test(no_data_and_divergence),
        cmocka_unit_test(cancelling_keeps_what_is_reached),
        cmocka_unit_test(a_failing_device_is_reported),
    };
    size_t n = sizeof tests / sizeof *tests;
    return run_on_families(tests, n) + run_with_clblast(tests, n);
}
