/* Measurements of a device: its multiply-add peak, and one training step and decode of the paper's network as shares
 * of that peak in the same run. */
#ifndef SIREN_ENGINE_BENCH_H
#define SIREN_ENGINE_BENCH_H

#include "engine/network.h"
#include "host/device.h"

/* Fused multiply-adds the device sustains, in GFLOP/s (two operations each), best of several runs. */
siren_status siren_bench_peak(siren_device *device, double *gflops);

typedef struct {
    double peak_gflops;   /* median over measurements between the steps */
    double step_seconds;  /* median of one training step */
    double step_gflops;   /* step_flops / step_seconds */
    double step_share_of_peak;
    double step_flops;
    double decode_seconds; /* exact decode of one block, median */
    double decode_gflops;
    uint64_t decode_crc;   /* of the decoded floats: equal on every device */
    size_t n_networks, n_points;
} siren_bench_result;

/* Trains `network` on `n_networks` blocks of nx * ny points of a fixed synthetic image for `n_steps` steps after two of
 * warm-up, and decodes it. Peak is measured before, between and after, since clocks drift. */
siren_status siren_bench_step(siren_device *device, const siren_network *network, size_t n_networks, size_t nx, size_t ny, size_t n_steps,
                              siren_bench_result *out);

#endif
