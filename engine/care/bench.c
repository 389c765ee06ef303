#include "engine/care/bench.h"

#include "engine/decode/decode.h"
#include "engine/kernels/chain_forward.h"
#include "engine/train/feature_trainer.h"
#include "engine/train/trainer.h"
#include "formats/pack.h"
#include "host/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A kernel of peak.cl. */
static siren_status limit_kernel(siren_device *device, const char *name, siren_kernel **out) {
    const siren_configuration configuration = siren_configuration_default(device);
    char options[64] = "";
    if (siren_device_get_facts(device)->family == SIREN_FAMILY_CHAIN)
        siren_chain_options(&configuration, options, sizeof options);
    return siren_kernel_create(device, "peak.cl", options, name, out);
}

siren_status siren_bench_peak(siren_device *device, double *gflops) {
    SIREN_AT_END(siren_kernel_free_at) siren_kernel *kernel = NULL;
    SIREN_AT_END(siren_buffer_free_at) siren_buffer *out = NULL;
    const siren_device_facts *facts = siren_device_get_facts(device);
    bool chain = facts->family == SIREN_FAMILY_CHAIN;
    size_t lanes = chain ? siren_configuration_default(device).lanes : 1,
           group = facts->max_work_group < 256 ? facts->max_work_group : 256;
    size_t items = chain ? 4 * (size_t)facts->compute_units : 32 * group * facts->compute_units;
    double per_step = 2.0 * 16 * (double)items * (double)lanes, best = 0;
    SIREN_TRY(limit_kernel(device, chain ? "peak_chain" : "peak_layer", &kernel));
    SIREN_TRY(siren_buffer_create(device, items * lanes * sizeof(float), "the peak's results", &out));
    siren_range range = {.global = {items}, .local = {chain ? 1 : group}};
    int n = 1000, longest = facts->loop_limit ? (int)facts->loop_limit : 400000000;
    for (int run = 0; run < 6; run++) {
        double start = siren_clock();
        SIREN_TRY(SIREN_LAUNCH(kernel, range, SIREN_BUFFER(out), SIREN_FLOAT(0.999f), SIREN_FLOAT(0.001f),
                               SIREN_INT(n)));
        SIREN_TRY(siren_device_finish(device));
        double seconds = siren_clock() - start, rate = per_step * n / seconds * 1e-9;
        if (seconds < 0.02 && n < longest / 4) { /* too short to trust: lengthen, and do not count it */
            n *= 4;
            run--;
        } else if (rate > best) {
            best = rate;
        }
    }
    *gflops = best;
    return SIREN_OK;
}

#define BANDWIDTH_BYTES (64 << 20) /* of an array; more than caches hold */
#define BANDWIDTH_RUNS 10
#define BANDWIDTH_SECONDS 0.02 /* that a run takes at least */

siren_status siren_bench_bandwidth(siren_device *device, double *gigabytes) {
    SIREN_AT_END(siren_kernel_free_at) siren_kernel *kernel = NULL;
    SIREN_AT_END(siren_buffer_free_at) siren_buffer *a = NULL, *b = NULL, *c = NULL;
    siren_buffer **const arrays[] = {&a, &b, &c};
    const siren_device_facts *facts = siren_device_get_facts(device);
    bool chain = facts->family == SIREN_FAMILY_CHAIN;
    size_t lanes = chain ? siren_configuration_default(device).lanes : 4,
           group = facts->max_work_group < 256 ? facts->max_work_group : 256,
           items = chain ? 4 * (size_t)facts->compute_units : 8 * group * facts->compute_units;
    uint64_t bytes = BANDWIDTH_BYTES;
    if (bytes > facts->max_allocation_bytes) bytes = facts->max_allocation_bytes;
    if (bytes > facts->global_bytes / 8) bytes = facts->global_bytes / 8;
    while (facts->loop_limit && bytes / (items * lanes * sizeof(float)) >= facts->loop_limit) items *= 2;
    int n = (int)(bytes / (items * lanes * sizeof(float)));
    if (n == 0) n = 1;
    size_t n_bytes = (size_t)n * items * lanes * sizeof(float);
    SIREN_TRY(limit_kernel(device, chain ? "triad_chain" : "triad_layer", &kernel));
    for (int i = 0; i < 3; i++) {
        SIREN_TRY(siren_buffer_create(device, n_bytes, "the arrays that measure bandwidth", arrays[i]));
        SIREN_TRY(siren_buffer_zero(*arrays[i]));
    }
    SIREN_TRY(siren_device_finish(device));
    siren_range range = {.global = {items}, .local = {chain ? 1 : group}};
    double best = 0;
    for (int run = 0, launches = 1; run < BANDWIDTH_RUNS;) {
        double start = siren_clock();
        for (int i = 0; i < launches; i++)
            SIREN_TRY(SIREN_LAUNCH(kernel, range, SIREN_BUFFER(a), SIREN_BUFFER(b), SIREN_BUFFER(c),
                                   SIREN_FLOAT(0.5f), SIREN_INT(n)));
        SIREN_TRY(siren_device_finish(device));
        double seconds = siren_clock() - start;
        if (seconds < BANDWIDTH_SECONDS && launches < 1000) { /* too short to trust */
            launches *= 2;
        } else {
            best = fmax(best, 3e-9 * (double)n_bytes * launches / seconds);
            run++;
        }
    }
    *gigabytes = best;
    return SIREN_OK;
}

#define ROUNDS 5
/* The quickest of so many steps, or more until so many seconds have passed. */
#define LEAST_STEPS 3
#define LEAST_MOST_STEPS 200
#define LEAST_SECONDS 0.15

static double median(const double *values) {
    double sorted[ROUNDS];
    memcpy(sorted, values, sizeof sorted);
    qsort(sorted, ROUNDS, sizeof *sorted, siren_ascending);
    return sorted[ROUNDS / 2];
}

/* A smooth image with edges, different in every volume and network, the same in every slice of a block. */
static void synthetic_targets(size_t n_networks, const siren_block *block, size_t n_outputs, float *targets) {
    for (size_t n = 0; n < n_networks; n++)
        for (size_t i = 0; i < siren_block_points(block); i++) {
            size_t x = i % block->nx, y = i / block->nx % block->ny;
            for (size_t j = 0; j < n_outputs; j++, targets++) {
                double u = (double)x / (double)block->nx, v = (double)y / (double)block->ny,
                       k = 3.0 + (double)((j + 5 * n) % 17);
                double wave = 0.5 + 0.25 * sin(k * u + 2.0 * v * v) + 0.25 * cos(k * v - 3.0 * u);
                *targets = (float)((u - 0.5) * (u - 0.5) + (v - 0.5) * (v - 0.5) < 0.2 ? wave : 0.1 * wave);
            }
        }
}

static siren_status measure_decode(siren_device *device, const siren_network *network, size_t n_points,
                                   const float *coordinates, const float *params,
                                   siren_bench_result *result) {
    SIREN_AT_END(siren_decoder_free_at) siren_decoder *decoder = NULL;
    SIREN_FREE_AT_END float *y = NULL;
    double seconds[ROUNDS];
    size_t n_values = n_points * siren_network_n_outputs(network);
    SIREN_TRY(siren_allocate(&y, n_values, sizeof *y, "the decoded block"));
    SIREN_TRY(siren_decoder_create(device, network, n_points, coordinates, &decoder));
    SIREN_TRY(siren_decoder_run(decoder, params, y));
    for (int round = 0; round < ROUNDS; round++) {
        double start = siren_clock();
        SIREN_TRY(siren_decoder_run(decoder, params, y));
        seconds[round] = siren_clock() - start;
    }
    result->decode_seconds = median(seconds);
    result->decode_gflops = 2e-9 * siren_network_macs(network) * (double)n_points / result->decode_seconds;
    result->decode_crc = siren_crc64(0, y, n_values * sizeof *y);
    return SIREN_OK;
}

/* Either trainer's run. */
typedef siren_status (*steps_fn)(void *trainer, size_t n_steps);

static siren_status run_epochs(void *trainer, size_t n_steps) {
    return siren_trainer_run(trainer, n_steps, NULL, NULL);
}

static siren_status run_batches(void *trainer, size_t n_steps) {
    return siren_feature_trainer_run(trainer, n_steps, NULL, NULL);
}

static siren_status measure_steps(siren_device *device, steps_fn run, void *trainer, size_t n_steps,
                                  siren_bench_result *result) {
    double seconds[ROUNDS], processor_seconds[ROUNDS], peak[ROUNDS], share[ROUNDS];
    SIREN_TRY(run(trainer, 2));
    for (int round = 0; round < ROUNDS; round++) {
        double start = siren_clock(), processor_start = siren_processor_clock();
        SIREN_TRY(run(trainer, n_steps));
        seconds[round] = (siren_clock() - start) / (double)n_steps;
        processor_seconds[round] = (siren_processor_clock() - processor_start) / (double)n_steps;
        SIREN_TRY(siren_bench_peak(device, &peak[round]));
        share[round] = result->step_flops / seconds[round] * 1e-9 / peak[round];
    }
    result->peak_gflops = median(peak);
    result->step_seconds = median(seconds);
    result->processor_seconds = median(processor_seconds);
    result->step_gflops = result->step_flops / result->step_seconds * 1e-9;
    result->step_share_of_peak = median(share);
    return SIREN_OK;
}

/* A trainer on synthetic targets, ready to run. */
typedef struct {
    siren_trainer *trainer;
    float *coordinates; /* (n_points, n_inputs) */
    float *targets;     /* (n_networks, n_points, n_outputs) */
    float *params;      /* (n_networks, n_params) initial ones */
    siren_target_array array;
} bench_problem;

static void problem_end(bench_problem *problem) {
    siren_trainer_free(problem->trainer);
    free(problem->coordinates);
    free(problem->targets);
    free(problem->params);
}

/* To be ended whatever the status. */
static siren_status problem_begin(siren_device *device, const siren_network *network,
                                  siren_optimiser_kind optimiser, size_t n_networks, const siren_block *block,
                                  size_t max_epochs, bench_problem *problem) {
    const siren_settings settings = {.optimiser = optimiser, .rate = 3e-4f};
    size_t n_points = siren_block_points(block), n_params = siren_network_n_params(network),
           n_outputs = siren_network_n_outputs(network);
    *problem = (bench_problem){0};
    SIREN_TRY(siren_allocate(&problem->coordinates, n_points, network->n_inputs * sizeof(float),
                             "the coordinates"));
    SIREN_TRY(
        siren_allocate(&problem->targets, n_networks * n_points, n_outputs * sizeof(float), "the targets"));
    SIREN_TRY(siren_allocate(&problem->params, n_networks, n_params * sizeof(float), "the parameters"));
    siren_block_coordinates(block, network->n_inputs, 0, n_points, problem->coordinates);
    synthetic_targets(n_networks, block, n_outputs, problem->targets);
    for (size_t n = 0; n < n_networks; n++)
        siren_network_initialise(network, 0, (uint32_t)n, problem->params + n * n_params);
    siren_trainer_plan plan = {.network = network,
                               .n_networks = n_networks,
                               .n_points = n_points,
                               .coordinates = problem->coordinates,
                               .max_epochs = max_epochs,
                               .optimiser = optimiser,
                               .adam = siren_adam_options_of(&settings),
                               .refresh = siren_soap_refresh_of(&settings)};
    SIREN_TRY(siren_trainer_create(device, &plan, &problem->trainer));
    problem->array = (siren_target_array){problem->targets, n_points, n_outputs};
    siren_target_source source = siren_target_array_source(&problem->array);
    return siren_trainer_start(problem->trainer, problem->params, &source, NULL);
}

siren_status siren_bench_step(siren_device *device, const siren_network *network,
                              siren_optimiser_kind optimiser, size_t n_networks, const siren_block *block,
                              size_t n_steps, siren_bench_result *out) {
    SIREN_AT_END(problem_end) bench_problem problem = {0};
    SIREN_FREE_AT_END float *losses = NULL;
    size_t n_points = siren_block_points(block);
    siren_bench_result result = {
        .n_epochs = 2 + ROUNDS * n_steps, .n_networks = n_networks, .n_points = n_points};
    result.step_flops = siren_network_step_flops(network, n_points) * (double)n_networks;
    SIREN_TRY(problem_begin(device, network, optimiser, n_networks, block, result.n_epochs, &problem));
    SIREN_TRY(siren_allocate(&losses, n_networks, sizeof *losses, "the losses"));
    SIREN_TRY(measure_steps(device, run_epochs, problem.trainer, n_steps, &result));
    SIREN_TRY(siren_trainer_best(problem.trainer, NULL, losses));
    result.psnr = -10 * log10((double)losses[0]);
    SIREN_TRY(measure_decode(device, network, n_points, problem.coordinates, problem.params, &result));
    result.decode_share_of_peak = result.decode_gflops / result.peak_gflops;
    *out = result;
    return SIREN_OK;
}

/* ---- networks on features ---- */

/* Points to train on: noise, and integers that follow the first feature. */
static void feature_points(size_t n_points, size_t n_inputs, float *features, float *edges) {
    for (size_t i = 0; i < n_points; i++) {
        siren_rng rng = {.seed = 3, .block = (uint32_t)i};
        for (size_t k = 0; k < n_inputs; k++) features[i * n_inputs + k] = 2 * siren_rng_uniform(rng, k) - 1;
        edges[2 * i] = features[i * n_inputs] + siren_rng_uniform(rng, n_inputs) - 0.6f;
        edges[2 * i + 1] = edges[2 * i] + 0.2f;
    }
}

siren_status siren_bench_features(siren_device *device, const siren_network *network, size_t n_points,
                                  size_t batch, size_t n_steps, siren_bench_result *out) {
    SIREN_AT_END(siren_feature_trainer_free_at) siren_feature_trainer *trainer = NULL;
    SIREN_FREE_AT_END float *features = NULL, *edges = NULL, *params = NULL;
    size_t n_inputs = network->n_inputs, batches = batch < n_points ? n_points / batch : 1;
    siren_bench_result result = {
        .n_epochs = 2 + ROUNDS * n_steps, .n_networks = 1, .n_points = n_points / batches};
    result.step_flops = siren_network_step_flops(network, result.n_points);
    SIREN_TRY(siren_allocate(&features, n_points, n_inputs * sizeof *features, "the features"));
    SIREN_TRY(siren_allocate(&edges, n_points, 2 * sizeof *edges, "the edges"));
    SIREN_TRY(siren_allocate(&params, siren_network_n_params(network), sizeof *params, "the parameters"));
    feature_points(n_points, n_inputs, features, edges);
    siren_network_initialise(network, 0, 0, params);
    siren_feature_array array = {features, edges, n_inputs};
    const siren_feature_plan plan = {.network = network,
                                     .source = siren_feature_array_source(&array),
                                     .n_points = n_points,
                                     .batch = batch,
                                     .passes = (double)result.n_epochs / (double)batches,
                                     .n_values = 4096,
                                     .adam = {4e-3f, SIREN_ADAM_BETA1, SIREN_ADAM_BETA2, SIREN_ADAM_EPSILON}};
    SIREN_TRY(siren_feature_trainer_create(device, &plan, &trainer));
    SIREN_TRY(siren_feature_trainer_start(trainer, params));
    SIREN_TRY(measure_steps(device, run_batches, trainer, n_steps, &result));
    *out = result;
    return SIREN_OK;
}

siren_status siren_bench_least_step(siren_device *device, const siren_network *network, size_t n_networks,
                                    const siren_block *block, double *seconds) {
    SIREN_AT_END(problem_end) bench_problem problem = {0};
    double least = INFINITY;
    SIREN_TRY(problem_begin(device, network, SIREN_OPTIMISER_ADAM, n_networks, block, 1 + LEAST_MOST_STEPS,
                            &problem));
    SIREN_TRY(siren_trainer_run(problem.trainer, 1, NULL, NULL));
    double begin = siren_clock();
    for (int step = 0; step < LEAST_MOST_STEPS; step++) {
        double start = siren_clock();
        SIREN_TRY(siren_trainer_run(problem.trainer, 1, NULL, NULL));
        double now = siren_clock();
        least = fmin(least, now - start);
        if (step + 1 >= LEAST_STEPS && now - begin > LEAST_SECONDS) break;
    }
    *seconds = least;
    return SIREN_OK;
}
