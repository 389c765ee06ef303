/* sirencl bench */
#include "engine/care/tune.h"

#include "tools/commands/command_bench.h"

#include <inttypes.h>
#include <stdio.h>

/* The largest divisor of n whose `power`-th power is at most n. */
static size_t side(size_t n, unsigned power) {
    size_t best = 1;
    for (size_t d = 1; power == 3 ? d <= n / d / d : d <= n / d; d++)
        if (n % d == 0) best = d;
    return best;
}

/* The most square, or cubic, block of n points. */
static siren_block make_block(size_t n, uint32_t n_inputs) {
    size_t nz = n_inputs == 3 ? side(n, 3) : 1, nx = side(n / nz, 2);
    return (siren_block){.nx = nx, .ny = n / nz / nx, .nz = nz};
}

static siren_status print_json(const siren_bench_run *run) {
    SIREN_AT_END(siren_json_free_at) siren_json *json = NULL;
    SIREN_TRY(siren_json_create(&json));
    siren_bench_run_write(json, run);
    return siren_tool_print_json(json);
}

static void print_text(const siren_bench_run *r) {
    printf("device  %s (%s family)\n", r->device, r->family);
    printf("peak    %9.1f GFLOP/s of fused multiply-adds\n", r->result.peak_gflops);
    printf("memory  %9.1f GB/s\n", r->bandwidth_gbs);
    printf("step    %9.1f GFLOP/s, %.1f %% of peak: %.4f s for %.2f GFLOP (%s %" PRIu64 "x%" PRIu64
           ", %" PRIu64 " outputs, %" PRIu64 " x %" PRIu64 " points, %s)\n",
           r->result.step_gflops, 100 * r->result.step_share_of_peak, r->result.step_seconds,
           1e-9 * r->result.step_flops, r->model, r->layers, r->width, r->volumes, r->networks, r->points,
           r->optimiser);
    printf("floors  %9.4f s for the step's operations at the peak, %.4f s for its least %.1f MB of memory "
           "traffic\n",
           1e-9 * r->result.step_flops / r->result.peak_gflops, 1e-9 * r->step_bytes / r->bandwidth_gbs,
           1e-6 * r->step_bytes);
    printf("decode  %9.1f GFLOP/s, %.1f %% of peak: %.4f s a slice (bits %s)\n", r->result.decode_gflops,
           100 * r->result.decode_share_of_peak, r->result.decode_seconds, r->decode_crc);
}

typedef struct {
    siren_settings settings;    /* of the network */
    uint32_t volumes, features; /* 0: coordinates */
    size_t points, networks, steps;
    bool matrix_units;
    const char *gemm;
} bench_size;

#define SLICE_POINTS 19600
#define SLICE_STEPS 10

static siren_status measure(const char *device_choice, const bench_size *size, bool json) {
    SIREN_AT_END(siren_device_close_at) siren_device *device = NULL;
    siren_network network;
    siren_bench_result result;
    const siren_settings *settings = &size->settings;
    char crc[24];
    SIREN_TRY(siren_network_from_model(settings->model, settings->layers, settings->width, size->volumes,
                                       settings->w0, &network));
    SIREN_TRY(siren_tool_open_device(device_choice, false, &device));
    siren_tune_load(device);
    SIREN_TRY(siren_tool_use_gemm(device, size->gemm, size->matrix_units));
    if (size->matrix_units) SIREN_TRY(siren_tool_use_matrix_units(device));
    size_t n_points = size->points ? size->points : SLICE_POINTS;
    siren_block block = make_block(n_points, network.n_inputs);
    double bandwidth;
    SIREN_TRY(siren_bench_bandwidth(device, &bandwidth));
    SIREN_TRY(siren_bench_step(device, &network, settings->optimiser, size->networks, &block,
                               size->steps ? size->steps : SLICE_STEPS, &result));
    snprintf(crc, sizeof crc, "%016" PRIx64, result.decode_crc);
    const siren_device_facts *facts = siren_device_get_facts(device);
    char optimiser[SIREN_SETTING_CHARS];
    siren_setting_format(siren_setting_find("optimiser"), settings, optimiser);
    char kernels[SIREN_KERNELS_CHARS];
    const siren_bench_run run = {.device = facts->name,
                                 .driver = facts->driver,
                                 .family = siren_kernels_text(device, &network, kernels),
                                 .sirencl = siren_version(),
                                 .decode_crc = crc,
                                 .model = settings->model,
                                 .optimiser = optimiser,
                                 .layers = settings->layers,
                                 .width = settings->width,
                                 .volumes = size->volumes,
                                 .points = n_points,
                                 .networks = size->networks,
                                 .epochs = result.n_epochs,
                                 .bandwidth_gbs = bandwidth,
                                 .step_bytes = siren_network_step_bytes(&network, size->networks, n_points),
                                 .result = result};
    if (json)
        SIREN_TRY(print_json(&run));
    else
        print_text(&run);
    return SIREN_OK;
}

static siren_status print_features(const siren_device *device, const siren_network *network,
                                   const siren_bench_result *r, size_t n_points, bool as_json) {
    SIREN_AT_END(siren_json_free_at) siren_json *json = NULL;
    const siren_device_facts *facts = siren_device_get_facts(device);
    char kernels[SIREN_KERNELS_CHARS];
    uint32_t n_hidden = network->n_layers - 1, width = network->layers[0].width;
    if (!as_json) {
        printf("device   %s (%s family)\n", facts->name, siren_kernels_text(device, network, kernels));
        printf("peak     %9.1f GFLOP/s of fused multiply-adds\n", r->peak_gflops);
        printf("features %9.1f GFLOP/s, %.1f %% of peak: %.3f ms a step of %.1f MFLOP (%u features, %ux%u, "
               "batches of %zu of %zu "
               "points)\n",
               r->step_gflops, 100 * r->step_share_of_peak, 1e3 * r->step_seconds, 1e-6 * r->step_flops,
               network->n_inputs, n_hidden, width, r->n_points, n_points);
        return SIREN_OK;
    }
    SIREN_TRY(siren_json_create(&json));
    siren_json_string(json, "device", facts->name);
    siren_json_string(json, "driver", facts->driver);
    siren_json_string(json, "family", siren_kernels_text(device, network, kernels));
    siren_json_string(json, "sirencl", siren_version());
    siren_json_integer(json, "features", network->n_inputs);
    siren_json_integer(json, "layers", n_hidden);
    siren_json_integer(json, "width", width);
    siren_json_integer(json, "points", n_points);
    siren_json_integer(json, "batch", r->n_points);
    siren_json_number(json, "peak_gflops", r->peak_gflops);
    siren_json_number(json, "step_seconds", r->step_seconds);
    siren_json_number(json, "processor_seconds", r->processor_seconds);
    siren_json_number(json, "step_flops", r->step_flops);
    siren_json_number(json, "step_gflops", r->step_gflops);
    siren_json_number(json, "step_share_of_peak", r->step_share_of_peak);
    return siren_tool_print_json(json);
}

#define FEATURE_POINTS 400000 /* more than caches hold */
#define FEATURE_BATCH 16384
#define FEATURE_STEPS 100 /* a tenth of a second on two cores */

static siren_status measure_features(const char *device_choice, const bench_size *size, bool json) {
    SIREN_AT_END(siren_device_close_at) siren_device *device = NULL;
    siren_network network;
    siren_bench_result result;
    size_t n_points = size->points ? size->points : FEATURE_POINTS;
    SIREN_TRY(
        siren_network_on_features(size->features, size->settings.layers, size->settings.width, &network));
    SIREN_TRY(siren_tool_open_device(device_choice, false, &device));
    siren_tune_load(device);
    SIREN_TRY(siren_bench_features(device, &network, n_points, FEATURE_BATCH,
                                   size->steps ? size->steps : FEATURE_STEPS, &result));
    return print_features(device, &network, &result, n_points, json);
}

/* How many files of --compare were given; USAGE where that cannot be. */
static siren_status count_files(bool compare, const char *const *files, size_t *n_files) {
    size_t n = 0;
    while (n < SIREN_BENCH_FILES && files[n]) n++;
    if (!compare && n > 0)
        return siren_fail(SIREN_USAGE, "'%s' is too much: files are for --compare", files[0]);
    if (compare && n < 2)
        return siren_fail(SIREN_USAGE,
                          "--compare needs two files at least: sirencl bench --compare A.json B.json");
    *n_files = n;
    return SIREN_OK;
}

siren_status siren_tool_bench(int argc, char **argv) {
    bool json = false, compare = false;
    siren_common_options common = {0};
    bench_size size = {.settings = siren_settings_defaults(), .volumes = 69, .networks = 1};
    const char *device_choice = NULL, *files[SIREN_BENCH_FILES] = {NULL};
    const siren_option options[] = {
        {"model", "NAME", NULL, SIREN_OPTION_SETTING, &size.settings, 0, 0},
        {"layers", "N", NULL, SIREN_OPTION_SETTING, &size.settings, 0, 0},
        {"width", "N", NULL, SIREN_OPTION_SETTING, &size.settings, 0, 0},
        {"optimiser", "NAME", NULL, SIREN_OPTION_SETTING, &size.settings, 0, 0},
        {"volumes", "N", "outputs of the network", SIREN_OPTION_UINT32, &size.volumes, 1, SIREN_MAX_OUTPUTS},
        {"points", "N",
         "voxels of a slice, or of the volume of a 3-D model (19600), or points with features (400000)",
         SIREN_OPTION_SIZE, &size.points, 1, 16777216},
        {"features", "N",
         "train a network on N features, in batches of 16384 points, in place of one on coordinates",
         SIREN_OPTION_UINT32, &size.features, 1, SIREN_MAX_FEATURES},
        {"networks", "N", "slices trained side by side", SIREN_OPTION_SIZE, &size.networks, 1, 65536},
        {"steps", "N", "training steps to time in each of five rounds (10, or 100 with --features)",
         SIREN_OPTION_SIZE, &size.steps, 1, 100000},
        SIREN_TEXT("device", "D", SIREN_DEVICE_HELP, &device_choice),
        SIREN_TEXT("gemm", "WHO", SIREN_GEMM_HELP, &size.gemm),
        SIREN_FLAG("matrix-units", SIREN_MATRIX_HELP, &size.matrix_units),
        SIREN_FLAG("json", "machine-readable output", &json),
        SIREN_FLAG("compare", "measure nothing, but show saved outputs of --json side by side", &compare),
        SIREN_COMMON_OPTIONS(common),
    };
    const siren_usage usage = {
        .command = "bench",
        .arguments = "[--compare A.json B.json ...]",
        .n_more_arguments = SIREN_BENCH_FILES,
        .summary =
            "Measures the device's multiply-add peak and memory bandwidth with kernels of their own, then "
            "training steps (forward,\n"
            "backward, optimiser) and the exact decode of a network, as shares of that peak. The times are "
            "medians. --compare shows what\n"
            "several devices reached on the same network, and whether they decode to the same bits.",
        .example = "sirencl bench --device cpu --json",
        SIREN_OPTION_TABLE(options)};
    siren_status status;
    if (!siren_terminal_begin(&usage, &common, argc, argv, files, &status)) return status;

    size_t n_files = 0;
    SIREN_TRY(count_files(compare, files, &n_files));
    if (compare) return siren_bench_compare(files, n_files, json);
    return size.features ? measure_features(device_choice, &size, json) : measure(device_choice, &size, json);
}
