/* Measurements of a device: its multiply-add peak and memory bandwidth, and one training step and decode of the paper's
 * network as shares of that peak in the same run. */
#ifndef SIREN_ENGINE_CARE_BENCH_H
#define SIREN_ENGINE_CARE_BENCH_H

#include "engine/calls.h"
#include "engine/model/blocks.h"
#include "engine/model/network.h"
#include "host/opencl/device.h"

/* Fused multiply-adds the device sustains, in GFLOP/s (two operations each), best of several runs. */
siren_status siren_bench_peak(siren_device *device, double *gflops);

/* What the device's memory sustains, in GB/s: a sum of two arrays into a third of 64 MiB each (less on a device that
 * has less), every byte counted once, best of several runs. DEVICE_MEMORY where there is no room. */
siren_status siren_bench_bandwidth(siren_device *device, double *gigabytes);

typedef struct {
    double peak_gflops;        /* median of the rounds */
    double step_seconds;       /* of one training step of all networks, median of the rounds */
    double processor_seconds;  /* of processor time of the process in such a step, median of the rounds */
    double step_flops;         /* of one training step of all networks */
    double step_gflops;        /* step_flops / step_seconds */
    double step_share_of_peak; /* median of the rounds' own ratios: clocks and neighbours drift */
    double decode_seconds;     /* exact decode of one block to host memory, median */
    double decode_gflops;
    double decode_share_of_peak;
    uint64_t decode_crc; /* CRC-64 of the decoded floats of the initial parameters: equal on every device */
    double psnr;         /* of the best loss after the steps run, first network: shows that work was done */
    size_t n_epochs;     /* steps run, warm-up included */
    size_t n_networks, n_points;
} siren_bench_result;

/* Trains `network` on `n_networks` blocks of one size of a fixed synthetic image, `n_steps` steps of the optimiser in
 * each of five rounds after two steps of warm-up, and decodes it; the peak is measured in every round. A step's
 * operations are those of its gradient: what the optimiser does counts as time alone. */
siren_status siren_bench_step(siren_device *device, const siren_network *network,
                              siren_optimiser_kind optimiser, size_t n_networks, const siren_block *block,
                              size_t n_steps, siren_bench_result *out);

/* The same for a network on features: trains on batches of `batch` of `n_points` points that lie on the device. Of the
 * result what belongs to steps is filled in; n_points are those of a batch. */
siren_status siren_bench_features(siren_device *device, const siren_network *network, size_t n_points,
                                  size_t batch, size_t n_steps, siren_bench_result *out);

/* Seconds of the quickest of a few of Adam's training steps of all networks: what neighbours on the machine disturb
 * least. */
siren_status siren_bench_least_step(siren_device *device, const siren_network *network, size_t n_networks,
                                    const siren_block *block, double *seconds);

#endif
