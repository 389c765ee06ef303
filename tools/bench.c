/* sirencl bench */
#include "engine/bench.h"

#include "tools/tools.h"

#include <inttypes.h>
#include <stdio.h>

typedef struct {
    const char *model;
    uint32_t layers, width, volumes;
    size_t points, networks, steps;
} bench_size;

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

static siren_status print_json(const siren_device_facts *facts, const bench_size *size,
                               const siren_bench_result *r) {
    siren_status status = SIREN_OK;
    siren_json *json = NULL;
    char crc[24];
    snprintf(crc, sizeof crc, "%016" PRIx64, r->decode_crc);
    SIREN_TRY(siren_json_create(&json));
    siren_json_string(json, "device", facts->name);
    siren_json_string(json, "driver", facts->driver);
    siren_json_string(json, "family", siren_family_name(facts->family));
    siren_json_number(json, "peak_gflops", r->peak_gflops);
    siren_json_number(json, "step_gflops", r->step_gflops);
    siren_json_number(json, "step_share_of_peak", r->step_share_of_peak);
    siren_json_number(json, "decode_gflops", r->decode_gflops);
    siren_json_number(json, "step_seconds", r->step_seconds);
    siren_json_number(json, "decode_seconds", r->decode_seconds);
    siren_json_number(json, "decode_share_of_peak", r->decode_share_of_peak);
    siren_json_number(json, "step_flops", r->step_flops);
    siren_json_string(json, "decode_crc", crc);
    siren_json_string(json, "model", size->model);
    siren_json_integer(json, "layers", size->layers);
    siren_json_integer(json, "width", size->width);
    siren_json_integer(json, "volumes", size->volumes);
    siren_json_integer(json, "points", size->points);
    siren_json_integer(json, "networks", size->networks);
    siren_json_integer(json, "epochs", r->n_epochs);
    siren_json_number(json, "psnr", r->psnr);
    SIREN_TRY(siren_tool_print_json(json));
done:
    siren_json_free(json);
    return status;
}

static void print_text(const siren_device_facts *facts, const bench_size *size, const siren_bench_result *r) {
    printf("device  %s (%s family)\n", facts->name, siren_family_name(facts->family));
    printf("peak    %9.1f GFLOP/s of fused multiply-adds\n", r->peak_gflops);
    printf("step    %9.1f GFLOP/s, %.1f %% of peak: %.4f s for %.2f GFLOP (%s %ux%u, %u outputs, %zu x "
           "%zu points)\n",
           r->step_gflops, 100 * r->step_share_of_peak, r->step_seconds, 1e-9 * r->step_flops, size->model,
           (unsigned)size->layers, (unsigned)size->width, (unsigned)size->volumes, size->networks,
           size->points);
    printf("decode  %9.1f GFLOP/s, %.1f %% of peak: %.4f s a slice (bits %016" PRIx64 ")\n", r->decode_gflops,
           100 * r->decode_share_of_peak, r->decode_seconds, r->decode_crc);
}

int siren_tool_bench(int argc, char **argv) {
    bool json = false;
    siren_common_options common = {0};
    bench_size size = {.model = "siren-2d",
                       .layers = 3,
                       .width = 256,
                       .volumes = 69,
                       .points = 19600,
                       .networks = 1,
                       .steps = 10};
    const char *device_choice = NULL;
    const siren_option options[] = {
        {"model", "NAME", "siren-2d, siren-2d-relu, mlp-relu, mlp-tanh, mlp-siren or siren-3d",
         SIREN_OPTION_TEXT, &size.model, 0, 0},
        {"layers", "N", "hidden layers", SIREN_OPTION_UINT32, &size.layers, 1, SIREN_MAX_LAYERS - 1},
        {"width", "N", "units of a hidden layer, 16 to 1024", SIREN_OPTION_UINT32, &size.width, 16,
         SIREN_MAX_WIDTH},
        {"volumes", "N", "outputs of the network", SIREN_OPTION_UINT32, &size.volumes, 1, SIREN_MAX_OUTPUTS},
        {"points", "N", "voxels of a slice, or of the volume of a 3-D model", SIREN_OPTION_SIZE, &size.points,
         1, 16777216},
        {"networks", "N", "slices trained side by side", SIREN_OPTION_SIZE, &size.networks, 1, 65536},
        {"steps", "N", "training steps to time in each of five rounds", SIREN_OPTION_SIZE, &size.steps, 1,
         100000},
        {"device", "D", SIREN_DEVICE_HELP, SIREN_OPTION_TEXT, &device_choice, 0, 0},
        {"json", NULL, "machine-readable output", SIREN_OPTION_FLAG, &json, 0, 0},
        SIREN_COMMON_OPTIONS(common),
    };
    const siren_usage usage = {
        .command = "bench",
        .arguments = "",
        .summary = "Measures the device's multiply-add peak with a kernel of its own, then training steps "
                   "(forward, backward, Adam) and\n"
                   "the exact decode of a network, as shares of that peak. The times are medians.",
        .example = "sirencl bench --device cpu --json",
        .options = options,
        .n_options = sizeof options / sizeof *options};
    int exit_code;
    if (!siren_terminal_begin(&usage, &common, argc, argv, NULL, &exit_code)) return exit_code;

    siren_status status = SIREN_OK;
    siren_device *device = NULL;
    siren_network network;
    siren_bench_result result;
    SIREN_TRY(siren_network_from_model(size.model, size.layers, size.width, size.volumes,
                                       siren_compress_defaults().w0, &network));
    SIREN_TRY(siren_device_open(device_choice, &device));
    siren_block block = make_block(size.points, network.n_inputs);
    SIREN_TRY(siren_bench_step(device, &network, size.networks, &block, size.steps, &result));
    if (json)
        SIREN_TRY(print_json(siren_device_get_facts(device), &size, &result));
    else
        print_text(siren_device_get_facts(device), &size, &result);
done:
    siren_device_close(device);
    return siren_terminal_exit(status);
}
