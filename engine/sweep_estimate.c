#include "engine/sweep_estimate.h"

#include "engine/bench.h"
#include "engine/codec.h"
#include "engine/sweep_trial.h"
#include "formats/nifti.h"

#define GRADIENT_PARTS 8 /* of the chain family; the layer family has up to twice as many */
#define MOST_POINTS_MEASURED 20000

siren_status siren_experiment_input_geometry(const siren_experiment_input *input, siren_geometry *out) {
    if (input->image) return siren_nifti_read_geometry(input->image, out);
    const siren_phantom_options *o = &input->phantom;
    siren_geometry geometry = {
        .version = 1, .datatype = o->datatype, .nx = o->nx, .ny = o->ny, .nz = o->nz, .slope = 1};
    for (size_t i = 0; i < o->n_shells; i++) geometry.n_volumes += o->shells[i].n;
    *out = geometry;
    return SIREN_OK;
}

siren_status siren_trial_estimate_cost(const siren_trial *trial, const siren_geometry *geometry,
                                       siren_trial_estimate *out) {
    siren_layout layout;
    siren_trial_estimate e = {0};
    siren_geometry turned = *geometry;
    if (trial->axis == SIREN_AXIS_X) turned.nx = geometry->nz, turned.nz = geometry->nx;
    if (trial->axis == SIREN_AXIS_Y) turned.ny = geometry->nz, turned.nz = geometry->ny;
    SIREN_RETURN_IF_FAILED(siren_trial_layout(trial, &turned, &layout));
    size_t n_volumes = geometry->n_volumes, n_points = siren_block_grid_points(&layout.grid);
    e.n_params = siren_network_n_params(&layout.network);
    e.n_blocks = layout.grid.count;
    e.bytes = (uint64_t)e.n_blocks * siren_record_bytes(&layout);
    double voxels = (double)turned.nx * (double)turned.ny *
                    (double)(layout.grid.z_end - layout.grid.z_begin) * (double)n_volumes;
    e.ratio = voxels * (double)siren_datatype_size(geometry->datatype) / (double)e.bytes;
    e.ratio_float32 = voxels * sizeof(float) / (double)e.bytes;
    e.flop =
        siren_network_step_flops(&layout.network, 1) * voxels / (double)n_volumes * (double)trial->epochs;
    size_t padded = siren_network_n_padded(&layout.network);
    e.device_bytes =
        sizeof(float) * ((uint64_t)padded * (6 + GRADIENT_PARTS) +
                         (uint64_t)n_points * (SIREN_PADDED(n_volumes) + layout.network.n_inputs));
    *out = e;
    return SIREN_OK;
}

siren_status siren_trial_measure_speed(siren_device *device, const siren_trial *trial,
                                       const siren_geometry *geometry, double *flop_per_second) {
    siren_network network;
    siren_bench_result result;
    size_t n_points = geometry->nx * geometry->ny;
    SIREN_RETURN_IF_FAILED(siren_trial_network(trial, (uint32_t)geometry->n_volumes, &network));
    if (n_points > MOST_POINTS_MEASURED) n_points = MOST_POINTS_MEASURED;
    siren_block row = {.nx = n_points, .ny = 1, .nz = 1};
    SIREN_RETURN_IF_FAILED(siren_bench_step(device, &network, 1, &row, 1, &result));
    *flop_per_second = result.step_gflops * 1e9;
    return SIREN_OK;
}
