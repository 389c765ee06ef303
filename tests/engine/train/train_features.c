/* The trainer on features: against PyTorch and double precision, from memory and in tiles, its batches, its memory, its
 * errors. */
#include "tests/shared/devices.h"
#include "engine/train/feature_trainer.h"
#include "examples/method.h"
#include "host/rng.h"
#include "tests/shared/feature_reference.h"
#include "tests/shared/pytorch_trace.h"

#include <math.h>

enum { POINTS = 5003, IN = 19, HIDDEN = 2, WIDTH = 24, VALUES = 2048, BATCH = 700, PASSES = 4 };

/* Points and a network. Integers / 8 whose middle follows one feature and whose spread another. */
typedef struct {
    siren_network network;
    size_t n_params;
    float features[POINTS * IN], edges[POINTS * 2];
    float *params, *trained, *losses; /* (n_params) twice; (steps) */
    siren_feature_array array;
    size_t n_reads, failing; /* calls of the counting source, and the one that fails */
    uint32_t seen[8 * POINTS];
    size_t n_seen;
} problem;

static double logistic(uint64_t i) {
    double u = ((double)siren_rng_uniform((siren_rng){31, 1, 0}, i) + 1e-4) / 1.0002;
    return log(u / (1 - u));
}

static double spread_of(const float *features) { return 0.3 * exp(0.5 * (double)features[1]); }

static void problem_start(problem *p) {
    memset(p, 0, sizeof *p);
    assert_siren_ok(siren_network_on_features(IN, HIDDEN, WIDTH, &p->network));
    p->n_params = siren_network_n_params(&p->network);
    p->params = calloc(p->n_params, sizeof *p->params);
    p->trained = calloc(p->n_params, sizeof *p->trained);
    p->losses = calloc(4096, sizeof *p->losses);
    siren_network_initialise(&p->network, 5, 0, p->params);
    for (size_t i = 0; i < POINTS; i++) {
        float *features = p->features + i * IN;
        for (size_t k = 0; k < IN; k++)
            features[k] = (float)siren_rng_normal((siren_rng){31, 0, 0}, i * IN + k);
        double value = floor(8 * ((double)features[0] + spread_of(features) * logistic(i)) + 0.5) / 8;
        p->edges[2 * i] = (float)(value - 0.0625);
        p->edges[2 * i + 1] = (float)(value + 0.0625);
    }
    p->array = (siren_feature_array){p->features, p->edges, IN};
}

static void problem_end(problem *p) { free(p->params), free(p->trained), free(p->losses); }

static problem p; /* one test's at a time: too large for a stack */

static siren_status count_read(void *user, const uint32_t *points, size_t n, float *features, float *edges) {
    problem *of = user;
    if (++of->n_reads == of->failing) return siren_fail(SIREN_SYSTEM, "read %zu failed", of->n_reads);
    for (size_t i = 0; i < n; i++) {
        assert_true(points[i] < POINTS && (i == 0 || points[i] > points[i - 1]));
        if (of->n_seen < sizeof of->seen / sizeof *of->seen) of->seen[of->n_seen++] = points[i];
    }
    siren_feature_source array = siren_feature_array_source(&of->array);
    return array.read(array.user, points, n, features, edges);
}

static siren_feature_plan make_plan(double passes, size_t memory_limit) {
    return (siren_feature_plan){.network = &p.network,
                                .source = {count_read, &p},
                                .n_points = POINTS,
                                .batch = BATCH,
                                .passes = passes,
                                .n_values = VALUES,
                                .seed = 77,
                                .adam = {1e-2f, SIREN_ADAM_BETA1, SIREN_ADAM_BETA2, SIREN_ADAM_EPSILON},
                                .schedule = {.kind = SIREN_SCHEDULE_COSINE},
                                .memory_limit = memory_limit};
}

/* A limit of memory under which points are read in tiles, though a batch fits. */
static size_t limit_for_tiles(void) {
    bool in_tiles = false;
    for (size_t limit = (size_t)1 << 22;; limit = limit * 9 / 10) {
        siren_feature_plan plan = make_plan(PASSES, limit);
        siren_feature_trainer *trainer = NULL;
        assert_siren_ok(siren_feature_trainer_create(device, &plan, &trainer));
        in_tiles = siren_feature_trainer_in_tiles(trainer);
        siren_feature_trainer_free(trainer);
        if (in_tiles) return limit;
    }
}

/* Trains from p.params into p.trained and p.losses. */
static void train(const siren_feature_plan *plan, bool in_tiles) {
    siren_feature_trainer *trainer = NULL;
    assert_siren_ok(siren_feature_trainer_create(device, plan, &trainer));
    assert_int_equal(siren_feature_trainer_in_tiles(trainer), in_tiles);
    assert_true(plan->memory_limit == 0 || siren_feature_trainer_bytes(trainer) <= plan->memory_limit);
    assert_siren_ok(siren_feature_trainer_start(trainer, p.params));
    assert_siren_ok(siren_feature_trainer_run(trainer, SIZE_MAX, NULL, NULL));
    assert_siren_ok(siren_feature_trainer_params(trainer, p.trained));
    assert_siren_ok(siren_feature_trainer_losses(trainer, p.losses));
    siren_feature_trainer_free(trainer);
}

/* ---- what it computes ---- */

static void steps_are_those_of_pytorch(void **state) {
    (void)state;
    golden_features t;
    assert_siren_ok(golden_features_load(&t));
    siren_feature_array array = {t.features, t.edges, t.network.n_inputs};
    siren_feature_trainer *trainer = NULL;
    siren_feature_plan plan = {
        .network = &t.network,
        .source = siren_feature_array_source(&array),
        .n_points = t.n_points,
        .batch = t.n_points,
        .passes = (double)t.n_steps,
        .n_values = t.n_values,
        .adam = {(float)t.learning_rate, SIREN_ADAM_BETA1, SIREN_ADAM_BETA2, SIREN_ADAM_EPSILON},
        .schedule = {.kind = SIREN_SCHEDULE_COSINE}};
    float *params = calloc(t.n_params, sizeof *params), *losses = calloc(t.n_steps, sizeof *losses);
    assert_int_equal(siren_feature_steps(&plan), t.n_steps);
    assert_siren_ok(siren_feature_trainer_create(device, &plan, &trainer));
    assert_siren_ok(siren_feature_trainer_start(trainer, t.initial));
    assert_siren_ok(siren_feature_trainer_run(trainer, t.n_steps, NULL, NULL));
    assert_siren_ok(siren_feature_trainer_params(trainer, params));
    assert_siren_ok(siren_feature_trainer_losses(trainer, losses));
    double moved = 0, off = 0, theirs = 0;
    for (size_t step = 0; step < t.n_steps; step++)
        if (!(fabs((double)losses[step] - t.loss_double[step]) <= 2e-6 * t.loss_double[step]))
            fail_msg("step %zu: %.9g bits, not %.9g", step, (double)losses[step], t.loss_double[step]);
    for (size_t i = 0; i < t.n_params; i++) {
        double exact = t.final_double[i];
        moved += (exact - (double)t.initial[i]) * (exact - (double)t.initial[i]);
        off += ((double)params[i] - exact) * ((double)params[i] - exact);
        theirs += ((double)t.final_single[i] - exact) * ((double)t.final_single[i] - exact);
    }
    if (getenv("SIREN_TEST_VERBOSE"))
        print_message("off by %.2g of the way, PyTorch in single precision by %.2g\n", sqrt(off / moved),
                      sqrt(theirs / moved));
    assert_true(sqrt(off) <= 1e-4 * sqrt(moved));
    siren_feature_trainer_free(trainer);
    free(params), free(losses);
    golden_features_free(&t);
}

/* Minibatches, followed in double precision by the points that the source was asked for. */
static void steps_are_those_of_double_precision(void **state) {
    (void)state;
    problem_start(&p);
    const siren_feature_plan plan =
        make_plan(PASSES, limit_for_tiles()); /* in tiles: the source hears of every batch */
    p.n_seen = 0;
    train(&plan, true);
    size_t n_steps = siren_feature_steps(&plan), n = POINTS / (POINTS / BATCH);
    assert_int_equal(n_steps, PASSES * (POINTS / BATCH));
    assert_int_equal(p.n_seen, n_steps * n);
    double *params = calloc(4 * p.n_params, sizeof *params), *m1 = params + p.n_params, *m2 = m1 + p.n_params,
           *gradient = m2 + p.n_params;
    for (size_t i = 0; i < p.n_params; i++) params[i] = (double)p.params[i];
    for (size_t step = 0; step < n_steps; step++) {
        double bits = reference_features(&p.network, params, p.seen + step * n, n, p.features, p.edges,
                                         VALUES, gradient);
        if (!(fabs((double)p.losses[step] - bits) <= 1e-4 * bits))
            fail_msg("step %zu: %.9g bits, not %.9g", step, (double)p.losses[step], bits);
        double rate = 1e-2 * (double)siren_schedule_factor(&plan.schedule, step, n_steps);
        method_adam(p.n_params, params, m1, m2, gradient, (unsigned)step + 1, rate);
    }
    assert_true(p.losses[n_steps - 1] < 0.9f * p.losses[0]);
    free(params);
    problem_end(&p);
}

/* The code length of a mixture that knows the truth is what training comes to. */
static void it_learns(void **state) {
    (void)state;
    problem_start(&p);
    siren_feature_plan plan = make_plan(40, 0);
    train(&plan, false);
    double truth = 0, learnt = 0, *params = calloc(p.n_params, sizeof *params);
    for (size_t i = 0; i < POINTS; i++) {
        const float *f = p.features + i * IN;
        double scale = log(spread_of(f)), middle = (double)f[0],
               outputs[] = {middle, middle, middle, scale, scale, scale, 0, 0, 0};
        truth +=
            reference_code_length(outputs, (double)p.edges[2 * i], (double)p.edges[2 * i + 1], VALUES, NULL);
    }
    truth /= POINTS;
    for (size_t i = 0; i < p.n_params; i++) params[i] = (double)p.trained[i];
    learnt = reference_features(&p.network, params, NULL, POINTS, p.features, p.edges, VALUES, NULL);
    if (getenv("SIREN_TEST_VERBOSE"))
        print_message("%.4f bits, at first %.4f, truth %.4f\n", learnt, (double)p.losses[0], truth);
    assert_true(learnt < truth * 1.02);
    free(params);
    problem_end(&p);
}

/* ---- batches and bits ---- */

static void a_pass_sees_points_once(void **state) {
    (void)state;
    problem_start(&p);
    siren_feature_plan plan = make_plan(3, 0);
    siren_feature_trainer *probe = NULL;
    assert_siren_ok(siren_feature_trainer_create(device, &plan, &probe));
    assert_int_equal(p.n_seen, POINTS); /* once each, to upload them */
    siren_feature_trainer_free(probe);
    plan.memory_limit = limit_for_tiles();
    p.n_seen = 0;
    train(&plan, true);
    size_t n_batches = POINTS / BATCH, n = POINTS / n_batches, of_pass = n * n_batches;
    uint8_t counts[POINTS];
    assert_int_equal(p.n_seen, 3 * of_pass);
    for (size_t pass = 0; pass < 3; pass++) {
        memset(counts, 0, sizeof counts);
        for (size_t i = 0; i < of_pass; i++) assert_int_equal(++counts[p.seen[pass * of_pass + i]], 1);
        for (size_t b = 0; b < n_batches; b++) /* from all of the series */
            for (size_t i = 0; i < n; i++) {
                size_t point = p.seen[pass * of_pass + b * n + i], first = i * n_batches;
                assert_true(point >= first && point < first + n_batches + POINTS - of_pass);
            }
    }
    assert_memory_not_equal(p.seen, p.seen + of_pass, n * sizeof *p.seen);
    problem_end(&p);
}

static void bits_depend_on_nothing_else(void **state) {
    (void)state;
    problem_start(&p);
    siren_feature_plan plan = make_plan(PASSES, 0);
    size_t n_steps = siren_feature_steps(&plan), param_bytes = p.n_params * sizeof(float),
           loss_bytes = n_steps * sizeof(float);
    train(&plan, false);
    float *params = malloc(param_bytes), *losses = malloc(loss_bytes);
    memcpy(params, p.trained, param_bytes), memcpy(losses, p.losses, loss_bytes);

    train(&plan, false); /* again */
    assert_memory_equal(params, p.trained, param_bytes);
    assert_memory_equal(losses, p.losses, loss_bytes);

    siren_feature_trainer *trainer = NULL; /* in tiles, and in several runs, begun twice */
    size_t tiles = plan.memory_limit = limit_for_tiles();
    train(&plan, true);
    assert_memory_equal(params, p.trained, param_bytes);
    assert_memory_equal(losses, p.losses, loss_bytes);
    for (int tiled = 0; tiled < 2; tiled++) {
        plan.memory_limit = tiled ? tiles : 0;
        assert_siren_ok(siren_feature_trainer_create(device, &plan, &trainer));
        for (int again = 0; again < 2; again++) {
            assert_siren_ok(siren_feature_trainer_start(trainer, p.params));
            for (size_t step = 0; step < n_steps; step += 5)
                assert_siren_ok(siren_feature_trainer_run(trainer, 5, NULL, NULL));
            assert_siren_ok(siren_feature_trainer_params(trainer, p.trained));
            assert_memory_equal(params, p.trained, param_bytes);
        }
        siren_feature_trainer_free(trainer);
    }

    plan.memory_limit = 0; /* the seed does matter */
    plan.seed++;
    train(&plan, false);
    assert_memory_not_equal(params, p.trained, param_bytes);
    free(params), free(losses);
    problem_end(&p);
}

/* ---- memory, errors ---- */

static void memory_is_bounded(void **state) {
    (void)state;
    problem_start(&p);
    siren_feature_plan plan = make_plan(1, 0);
    size_t limit = (size_t)1 << 22, n_done = 0;
    siren_status status;
    do {
        siren_feature_trainer *trainer = NULL;
        plan.memory_limit = limit;
        status = siren_feature_trainer_create(device, &plan, &trainer);
        if (status == SIREN_OK) {
            assert_true(siren_feature_trainer_bytes(trainer) <= limit);
            siren_feature_trainer_free(trainer);
            n_done++;
        }
        limit = limit * 4 / 5;
    } while (status == SIREN_OK);
    assert_int_equal(status, SIREN_UNSUPPORTED);
    assert_non_null(strstr(siren_message(), "smaller batches"));
    assert_true(n_done > 2);
    problem_end(&p);
}

static void expect_refused(const siren_feature_plan *plan, siren_status expected, const char *what) {
    siren_feature_trainer *trainer = NULL;
    siren_status status = siren_feature_trainer_create(device, plan, &trainer);
    if (status == SIREN_OK) { /* read later */
        status = siren_feature_trainer_start(trainer, p.params);
        if (status == SIREN_OK) status = siren_feature_trainer_run(trainer, SIZE_MAX, NULL, NULL);
        siren_feature_trainer_free(trainer);
    }
    assert_int_equal(status, expected);
    if (!strstr(siren_message(), what)) fail_msg("\"%s\" is not in: %s", what, siren_message());
}

static void what_cannot_be_trained_on_is_refused(void **state) {
    (void)state;
    problem_start(&p);
    const siren_feature_plan good = make_plan(1, 0);
    siren_feature_plan plan = good;
    size_t tiles = limit_for_tiles();
    plan.n_points = 0, expect_refused(&plan, SIREN_USAGE, "0 points"), plan = good;
    plan.batch = 0, expect_refused(&plan, SIREN_USAGE, "batches of 0"), plan = good;
    plan.n_values = 0, expect_refused(&plan, SIREN_USAGE, "0 values"), plan = good;
    plan.passes = NAN, expect_refused(&plan, SIREN_USAGE, "nan passes"), plan = good;
    plan.passes = 1e12, expect_refused(&plan, SIREN_USAGE, "passes"), plan = good;
    siren_network bad = p.network;
    plan.network = &bad;
    bad.n_inputs = SIREN_MAX_FEATURES + 1, expect_refused(&plan, SIREN_USAGE, "257 features"),
    bad = p.network;
    bad.layers[HIDDEN].width = 8, expect_refused(&plan, SIREN_USAGE, "8 outputs"), bad = p.network;
    bad.layers[1].activation = SIREN_SINE, expect_refused(&plan, SIREN_USAGE, "activation sine");
    for (int in_tiles = 0; in_tiles < 2; in_tiles++) {
        plan = good;
        plan.memory_limit = in_tiles ? tiles : 0;
        for (size_t which = 0; which < 3; which++) {
            float *at = which < 2 ? &p.features[2500 * IN + 3] : &p.edges[2 * 2500], kept = *at;
            *at = which == 0 ? NAN : which == 1 ? -INFINITY : 1e9f;
            expect_refused(&plan, SIREN_USAGE, which < 2 ? "feature 3 of point 2500" : "edges of point 2500");
            *at = kept;
        }
        p.n_reads = 0, p.failing = in_tiles ? 3 : 2;
        expect_refused(&plan, SIREN_SYSTEM, "failed");
        p.failing = 0;
    }
    problem_end(&p);
}

/* Where no component reaches an integer the gradient vanishes, and nothing else happens; where parameters are not
 * numbers, the loss tells. */
static void numbers_stay_sane(void **state) {
    (void)state;
    problem_start(&p);
    siren_feature_plan plan = make_plan(1, 0);
    size_t n_steps = siren_feature_steps(&plan);
    for (size_t i = 0; i < POINTS; i++) p.edges[2 * i] = 1e7f, p.edges[2 * i + 1] = 1e7f + 1;
    train(&plan, false);
    for (size_t i = 0; i < p.n_params; i++) assert_true(fabsf(p.trained[i] - p.params[i]) < 1e-3f);
    for (size_t step = 0; step < n_steps; step++)
        assert_true(fabs((double)p.losses[step] + log2((double)SIREN_UNIFORM_SHARE / VALUES)) < 1e-4);
    for (size_t i = 0; i < POINTS; i++) p.edges[2 * i] = -INFINITY, p.edges[2 * i + 1] = INFINITY;
    train(&plan, false);
    for (size_t step = 0; step < n_steps; step++) assert_true(fabsf(p.losses[step]) < 1e-3f);
    for (size_t i = 0; i < p.n_params; i++) assert_true(isfinite(p.trained[i]));
    for (size_t i = 0; i < p.n_params; i++) p.params[i] = NAN;
    train(&plan, false);
    for (size_t step = 0; step < n_steps; step++) assert_true(isnan(p.losses[step]));
    problem_end(&p);
}

static bool stop_at_once(void *user, double done, double total, const char *unit) {
    assert_string_equal(unit, "steps");
    assert_true(done <= total);
    return ++*(int *)user < 2;
}

static void it_can_be_stopped_and_goes_on(void **state) {
    (void)state;
    problem_start(&p);
    siren_feature_plan plan = make_plan(1000, 0);
    siren_feature_trainer *trainer = NULL;
    int n_calls = 0;
    assert_siren_ok(siren_feature_trainer_create(device, &plan, &trainer));
    assert_siren_ok(siren_feature_trainer_start(trainer, p.params));
    assert_int_equal(siren_feature_trainer_run(trainer, SIZE_MAX, stop_at_once, &n_calls), SIREN_CANCELLED);
    assert_int_equal(n_calls, 2);
    assert_siren_ok(siren_feature_trainer_run(trainer, 3, NULL, NULL));
    siren_feature_trainer_free(trainer);
    problem_end(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_are_those_of_pytorch),
        cmocka_unit_test(steps_are_those_of_double_precision),
        cmocka_unit_test(it_learns),
        cmocka_unit_test(a_pass_sees_points_once),
        cmocka_unit_test(bits_depend_on_nothing_else),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(what_cannot_be_trained_on_is_refused),
        cmocka_unit_test(numbers_stay_sane),
        cmocka_unit_test(it_can_be_stopped_and_goes_on),
    };
    return run_on_families(tests, sizeof tests / sizeof *tests);
}
