/* Which points an epoch of the trainer reads, and from where: little memory, and samples of the points. */
#include "tests/shared/devices.h"
#include "engine/train/sampler.h"
#include "engine/train/trainer.h"
#include "tests/shared/oracle.h"

#include <math.h>

enum { NX = 61, NY = 53, POINTS = NX * NY, OUTPUTS = 7, NETWORKS = 2, EPOCHS = 6 };

/* A source that counts, and fails at a given read. */
typedef struct {
    siren_target_source array;
    size_t n_reads, failing;
} counting;

static siren_status count_read(void *user, size_t network, size_t first, size_t n, size_t pitch,
                               float *rows) {
    counting *c = user;
    assert_true(first + n <= POINTS && pitch >= OUTPUTS);
    if (++c->n_reads == c->failing) return siren_fail(SIREN_SYSTEM, "read %zu failed", c->n_reads);
    return c->array.read(c->array.user, network, first, n, pitch, rows);
}

/* Two networks and their targets; `missing`: some targets are NaN. */
typedef struct {
    siren_network network;
    size_t n_params;
    float coordinates[POINTS * 2], targets[NETWORKS * POINTS * OUTPUTS];
    float *params; /* (NETWORKS, n_params) initial ones */
    siren_target_array array;
    counting count;
    siren_target_source source;
} problem;

static void problem_start(problem *p, bool missing) {
    *p = (problem){.array = {p->targets, POINTS, OUTPUTS}};
    assert_siren_ok(siren_network_from_model("siren-2d", 2, 40, OUTPUTS, 30.0f, &p->network));
    p->n_params = siren_network_n_params(&p->network);
    method_coordinates(NX, NY, 1, 2, p->coordinates);
    for (size_t i = 0; i < NETWORKS * POINTS * OUTPUTS; i++)
        p->targets[i] = missing && i % 53 == 0 ? NAN : 0.5f + 0.5f * sinf(0.01f * (float)i);
    p->params = calloc(NETWORKS * p->n_params, sizeof *p->params);
    for (uint32_t n = 0; n < NETWORKS; n++)
        siren_network_initialise(&p->network, 5, n, p->params + n * p->n_params);
    p->count.array = siren_target_array_source(&p->array);
    p->source = (siren_target_source){count_read, &p->count};
}

/* The second network alone. */
static void drop_first(problem *p) {
    memmove(p->params, p->params + p->n_params, p->n_params * sizeof *p->params);
    p->array.targets += POINTS * OUTPUTS;
}

static siren_trainer_plan make_plan(const problem *p, size_t n_networks, size_t epochs, float rate) {
    return (siren_trainer_plan){.network = &p->network,
                                .n_networks = n_networks,
                                .n_points = POINTS,
                                .coordinates = p->coordinates,
                                .max_epochs = epochs,
                                .adam = {rate, 0.9f, 0.999f, 1e-8f},
                                .refresh = SIREN_SOAP_REFRESH};
}

static siren_trainer *make_trainer(const siren_trainer_plan *plan) {
    siren_trainer *trainer = NULL;
    assert_siren_ok(siren_trainer_create(device, plan, &trainer));
    return trainer;
}

/* A trainer with about as little memory as the plan can do with. */
static siren_trainer *make_least(siren_trainer_plan *plan) {
    siren_trainer *trainer = NULL;
    siren_status status;
    plan->memory_limit = 1 << 16;
    while ((status = siren_trainer_create(device, plan, &trainer)) == SIREN_UNSUPPORTED) {
        assert_non_null(strstr(siren_message(), "--memory"));
        plan->memory_limit += plan->memory_limit / 32;
    }
    assert_siren_ok(status);
    return trainer;
}

typedef struct {
    float losses[NETWORKS * EPOCHS];
    float *params; /* (n_networks, n_params) */
} outcome;

/* Trains EPOCHS epochs in two runs. */
static void train(const problem *p, siren_trainer *trainer, size_t n_networks, outcome *out) {
    *out = (outcome){.params = calloc(n_networks * p->n_params, sizeof *out->params)};
    assert_siren_ok(siren_trainer_start(trainer, p->params, &p->source, NULL));
    assert_siren_ok(siren_trainer_run(trainer, 2, NULL, NULL));
    assert_siren_ok(siren_trainer_run(trainer, EPOCHS - 2, NULL, NULL));
    assert_siren_ok(siren_trainer_history(trainer, out->losses));
    assert_siren_ok(siren_trainer_params(trainer, out->params));
}

/* Compares network `nth` of `all` with the only one of `one`. */
static void expect_same(const problem *p, const outcome *all, size_t nth, const outcome *one) {
    assert_memory_equal(one->losses, all->losses + nth * EPOCHS, EPOCHS * sizeof *one->losses);
    assert_memory_equal(one->params, all->params + nth * p->n_params, p->n_params * sizeof *one->params);
}

/* With little memory targets are read again in each epoch, a tile at a time: the same losses and weights to the bit. */
static void little_memory_changes_nothing(void **state) {
    (void)state;
    const size_t samples[] = {0, 1000, 0};
    const siren_optimiser_kind optimisers[] = {SIREN_OPTIMISER_ADAM, SIREN_OPTIMISER_ADAM,
                                               SIREN_OPTIMISER_SOAP};
    static problem p;
    outcome whole, tiled;
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        problem_start(&p, true);
        siren_trainer_plan plan = make_plan(&p, 1, EPOCHS, 1e-3f);
        plan.points_per_epoch = samples[i];
        plan.optimiser = optimisers[i];
        siren_trainer *trainer = make_trainer(&plan);
        train(&p, trainer, 1, &whole);
        size_t n_survey = p.count.n_reads;
        assert_true(n_survey < EPOCHS);
        siren_trainer_free(trainer);

        trainer = make_least(&plan);
        p.count.n_reads = 0;
        train(&p, trainer, 1, &tiled);
        assert_true(p.count.n_reads >= n_survey + 2 * EPOCHS);
        expect_same(&p, &whole, 0, &tiled);

        /* A read that fails in the middle of an epoch is reported; the trainer can be used again. */
        assert_siren_ok(siren_trainer_start(trainer, p.params, &p.source, NULL));
        p.count.failing = p.count.n_reads + 3;
        assert_int_equal(siren_trainer_run(trainer, EPOCHS, NULL, NULL), SIREN_SYSTEM);
        assert_siren_ok(siren_trainer_run(trainer, EPOCHS, NULL, NULL));
        assert_siren_ok(siren_trainer_params(trainer, tiled.params));
        assert_memory_equal(tiled.params, whole.params, p.n_params * sizeof *whole.params);
        siren_trainer_free(trainer);

        plan.n_networks = 2; /* fewer at once are better than reading again */
        assert_int_equal(siren_trainer_create(device, &plan, &trainer), SIREN_DEVICE_MEMORY);
        free(whole.params), free(tiled.params), free(p.params);
    }
}

/* As many points as there are, or more, are all of them in their own order. */
static void all_points_are_no_sample(void **state) {
    (void)state;
    const size_t samples[] = {0, POINTS, POINTS + 1};
    static problem p;
    outcome all = {.params = NULL}, again;
    problem_start(&p, true);
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        siren_trainer_plan plan = make_plan(&p, 1, EPOCHS, 1e-3f);
        plan.points_per_epoch = samples[i];
        siren_trainer *trainer = make_trainer(&plan);
        train(&p, trainer, 1, i == 0 ? &all : &again);
        siren_trainer_free(trainer);
        if (i == 0) continue;
        expect_same(&p, &all, 0, &again);
        free(again.params);
    }
    free(all.params), free(p.params);
}

static void samples_do_not_depend_on_the_batch(void **state) {
    (void)state;
    static problem p;
    outcome both, one;
    problem_start(&p, true);
    siren_trainer_plan plan = make_plan(&p, NETWORKS, EPOCHS, 1e-3f);
    plan.points_per_epoch = 500;
    siren_trainer *trainer = make_trainer(&plan);
    train(&p, trainer, NETWORKS, &both);
    siren_trainer_free(trainer);
    plan.n_networks = 1;
    trainer = make_trainer(&plan);
    for (size_t n = 0; n < NETWORKS; n++) {
        if (n > 0) drop_first(&p);
        train(&p, trainer, 1, &one);
        expect_same(&p, &both, n, &one);
        free(one.params);
    }
    siren_trainer_free(trainer);
    free(both.params), free(p.params);
}

/* Every point is seen once in POINTS / NX epochs, so the mean of the losses of weights that do not move is theirs over
 * all points, missing targets or not. */
static void losses_of_samples_estimate_the_whole(void **state) {
    (void)state;
    static problem p;
    for (int missing = 0; missing < 2; missing++) {
        float loss = 0, losses[NY];
        double mean = 0;
        problem_start(&p, missing);
        siren_trainer_plan plan = make_plan(&p, 1, NY, 1e-30f);
        siren_trainer *trainer = make_trainer(&plan);
        assert_siren_ok(siren_trainer_start(trainer, p.params, &p.source, NULL));
        assert_siren_ok(siren_trainer_run(trainer, 1, NULL, NULL));
        assert_siren_ok(siren_trainer_history(trainer, &loss));
        siren_trainer_free(trainer);
        plan.points_per_epoch = NX;
        trainer = make_trainer(&plan);
        assert_siren_ok(siren_trainer_start(trainer, p.params, &p.source, NULL));
        assert_siren_ok(siren_trainer_run(trainer, NY, NULL, NULL));
        assert_siren_ok(siren_trainer_history(trainer, losses));
        siren_trainer_free(trainer);
        for (size_t i = 0; i < NY; i++) {
            mean += (double)losses[i] / NY;
            assert_true(losses[i] > 0.5f * loss && losses[i] < 2 * loss);
        }
        assert_true(losses[0] < losses[1] || losses[0] > losses[1]);
        assert_true(fabs(mean / (double)loss - 1) < 1e-5);
        free(p.params);
    }
}

static void samples_train(void **state) {
    (void)state;
    static problem p;
    float first = 0, losses[200];
    problem_start(&p, true);
    siren_trainer_plan plan = make_plan(&p, 1, 200, 1e-3f);
    plan.points_per_epoch = 400;
    siren_trainer *trainer = make_trainer(&plan);
    assert_siren_ok(siren_trainer_start(trainer, p.params, &p.source, NULL));
    assert_siren_ok(siren_trainer_run(trainer, 200, NULL, NULL));
    assert_siren_ok(siren_trainer_history(trainer, losses));
    siren_trainer_free(trainer);
    for (int i = 0; i < 10; i++) first += losses[i] / 10;
    for (int i = 190; i < 200; i++) assert_true(losses[i] < 0.5f * first);
    free(p.params);
}

/* Of both ways to say it the fewer points; a part is rounded up, and no smaller than is of use. */
static void points_of_a_step(void **state) {
    (void)state;
    const struct {
        size_t points_per_epoch, n_points, expected;
        uint32_t minibatches;
    } cases[] = {{0, 4096, 4096, 1}, {0, 4096, 4096, 0},  {99, 4096, 99, 1},     {4097, 4096, 4096, 1},
                 {0, 6401, 3201, 2}, {0, 16384, 4096, 4}, {0, 16384, 500, 1000}, {0, 998, 500, 2},
                 {0, 500, 500, 2},   {0, 17, 17, 2},      {99, 16384, 99, 2},    {9000, 16384, 8192, 2}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        siren_settings settings = siren_settings_defaults();
        settings.points_per_epoch = cases[i].points_per_epoch;
        settings.minibatches = cases[i].minibatches;
        assert_int_equal(siren_points_of_step(&settings, cases[i].n_points), cases[i].expected);
    }
}

/* No point twice in an epoch, every point equally often in the end, and in no order of their own; also when samples do
 * not divide the points. */
static void samples_go_round(void **state) {
    (void)state;
    enum { N = 1000, SAMPLED = 96 };
    int seen[N] = {0}, rising = 0;
    siren_sampler *sampler = NULL;
    siren_network network;
    assert_siren_ok(siren_network_from_model("siren-2d", 1, 16, 1, 30.0f, &network));
    assert_siren_ok(siren_sampler_create(device, &network, N, SAMPLED, &sampler));
    for (size_t epoch = 0; epoch < 2 * N; epoch++) {
        int in_epoch[N] = {0};
        for (size_t i = 0; i < SAMPLED; i++) {
            size_t point = siren_sampler_point(sampler, epoch, i);
            assert_true(point < N && in_epoch[point]++ == 0);
            seen[point]++;
            rising += epoch == 0 && i > 0 && point > siren_sampler_point(sampler, epoch, i - 1);
        }
    }
    for (size_t point = 0; point < N; point++) assert_int_equal(seen[point], 2 * SAMPLED);
    assert_true(rising > SAMPLED / 4 && rising < 3 * SAMPLED / 4);
    siren_sampler_free(sampler);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_of_a_step),
        cmocka_unit_test(little_memory_changes_nothing),
        cmocka_unit_test(all_points_are_no_sample),
        cmocka_unit_test(samples_do_not_depend_on_the_batch),
        cmocka_unit_test(losses_of_samples_estimate_the_whole),
        cmocka_unit_test(samples_train),
        cmocka_unit_test(samples_go_round),
    };
    size_t n = sizeof tests / sizeof *tests;
    return run_on_families(tests, n) + run_with_clblast(tests, n);
}
