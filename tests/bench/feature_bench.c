/* Training on features as a share of the device's measured peak of multiply-adds, in rounds that measure both:
 *   feature_bench [DEVICE [FEATURES HIDDEN_LAYERS WIDTH [POINTS BATCH]]] */
#include "engine/care/bench.h"
#include "engine/calls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static siren_status measure(siren_device *device, uint32_t n_inputs, uint32_t n_hidden, uint32_t width,
                            size_t n_points, size_t batch) {
    siren_network network;
    siren_bench_result result;
    SIREN_TRY(siren_network_on_features(n_inputs, n_hidden, width, &network));
    SIREN_TRY(siren_bench_features(device, &network, n_points, batch, &result));
    printf("%3u features, %u x %-3u, batches of %zu of %zu points: %8.3f ms a step, %7.1f of %7.1f GFLOP/s, "
           "%.1f %% of peak\n",
           n_inputs, n_hidden, width, result.n_points, n_points, 1e3 * result.step_seconds,
           result.step_gflops, result.peak_gflops, 100 * result.step_share_of_peak);
    return SIREN_OK;
}

static siren_status bench(int argc, char **argv) {
    SIREN_AT_END(siren_device_close_at) siren_device *device = NULL;
    SIREN_TRY(siren_device_open(argc > 1 ? argv[1] : NULL, &device));
    size_t n_points = argc > 5 ? strtoul(argv[5], NULL, 10) : 400000,
           batch = argc > 6 ? strtoul(argv[6], NULL, 10) : 16384;
    if (argc > 4)
        return measure(device, (uint32_t)atoi(argv[2]), (uint32_t)atoi(argv[3]), (uint32_t)atoi(argv[4]),
                       n_points, batch);
    SIREN_TRY(measure(device, 35, 2, 32, n_points, batch));
    SIREN_TRY(measure(device, 48, 2, 48, n_points, batch));
    SIREN_TRY(measure(device, 64, 2, 64, n_points, batch));
    return measure(device, 64, 3, 64, n_points, batch);
}

int main(int argc, char **argv) {
    if (bench(argc, argv) == SIREN_OK) return 0;
    fprintf(stderr, "%s\n", siren_message());
    return 1;
}
