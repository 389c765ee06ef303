#include "lab/sweep/sweep_estimate.h"

#include "cl/knobs.h"
#include "engine/care/bench.h"
#include "engine/archive/record.h"
#include "engine/model/grid.h"
#include "engine/archive/parameters.h"
#include "engine/train/optimiser.h"
#include "lab/phantom/phantom_echoes.h"
#include "lab/sweep/sweep_trial.h"
#include "formats/nifti.h"

#include <stdlib.h>
#include <string.h>

#define MOST_POINTS_MEASURED 20000

siren_status siren_experiment_input_geometry(const siren_experiment_input *input, siren_geometry *out) {
    if (input->image) return siren_nifti_read_geometry(input->image, out);
    const siren_phantom_options *o = &input->phantom;
    siren_geometry geometry = {
        .version = 1, .datatype = o->datatype, .nx = o->nx, .ny = o->ny, .nz = o->nz, .slope = 1};
    SIREN_TRY(siren_phantom_volumes(o, &geometry.n_volumes));
    *out = geometry;
    return SIREN_OK;
}

/* The mask of a phantom, which depends on its size and seed alone. */
static siren_status make_mask(const siren_phantom_options *asked, siren_series *out) {
    const siren_shell shell = {0, 1};
    const double voxel[3] = {1, 1, 1};
    siren_phantom_options options = *asked;
    SIREN_AT_END(siren_phantom_free) siren_phantom phantom = {.voxels = NULL};
    SIREN_AT_END(siren_series_free) siren_series mask = {.voxels = NULL};
    options.shells = &shell;
    options.n_shells = 1;
    options.snr = 0;
    SIREN_TRY(siren_phantom_make(&options, NULL, NULL, &phantom));
    SIREN_TRY(siren_allocate(&mask.header, SIREN_NEW_HEADER_BYTES, 1, "a header"));
    SIREN_TRY(siren_nifti_new_header(SIREN_UINT8, asked->nx, asked->ny, asked->nz, 1, voxel, &mask.geometry,
                                     mask.header));
    for (size_t i = 0; i < asked->nx * asked->ny * asked->nz; i++)
        phantom.tissue[i] = siren_tissue_in_brain(phantom.tissue[i]);
    mask.voxels = SIREN_TAKE(phantom.tissue);
    *out = SIREN_TAKE(mask);
    return SIREN_OK;
}

siren_status siren_experiment_input_mask(const siren_experiment_input *input, const siren_geometry *geometry,
                                         size_t memory_limit, siren_series *out) {
    SIREN_AT_END(siren_series_free) siren_series mask = {.voxels = NULL};
    const bool to_be_made = input->mask && strcmp(input->mask, SIREN_MASK_AUTO) == 0;
    if (!input->train_on_mask || !input->mask || to_be_made) {
        if (input->train_on_mask && !to_be_made) return make_mask(&input->phantom, out);
        *out = mask;
        return SIREN_OK;
    }
    SIREN_TRY(siren_nifti_read_for(SIREN_NIFTI_JUDGED, input->mask, memory_limit, &mask));
    SIREN_TRY(siren_grid_check(input->name, geometry, input->mask, &mask.geometry, 1));
    *out = SIREN_TAKE(mask);
    return SIREN_OK;
}

siren_status siren_experiment_input_acquisition(const siren_experiment_input *input,
                                                const siren_geometry *geometry, uint8_t **section,
                                                siren_acquisition *out) {
    const size_t n_volumes = geometry->n_volumes;
    size_t n_bytes = 0;
    SIREN_FREE_AT_END char *text = NULL;
    *out = (siren_acquisition){.section = NULL};
    if (input->volume_coordinates) {
        SIREN_TRY(siren_acquisition_read(input->volume_coordinates, n_volumes, section, &n_bytes));
    } else if (input->phantom.n_echo_times > 0) {
        siren_diffusion_table gradients = {0};
        siren_status status = siren_phantom_gradients(&input->phantom, &gradients);
        if (status == SIREN_OK) status = siren_phantom_coordinates(&input->phantom, &gradients, &text);
        free(gradients.bval);
        free(gradients.bvec);
        SIREN_TRY(status);
        SIREN_TRY(siren_acquisition_parse(input->name, text, strlen(text), n_volumes, section, &n_bytes));
    } else {
        return SIREN_OK;
    }
    return siren_acquisition_view(input->name, n_volumes, *section, n_bytes, out);
}

/* `*inside`: (nz, ny, nx) of the mask with its slices along `axis`. */
static siren_status turn_mask(const siren_series *mask, siren_axis axis, uint8_t **inside) {
    SIREN_AT_END(siren_series_free) siren_series copy = {.geometry = mask->geometry};
    size_t n_bytes = siren_geometry_voxels(&copy.geometry) * siren_datatype_size(copy.geometry.datatype);
    SIREN_TRY(siren_allocate(&copy.header, (size_t)copy.geometry.voxel_offset, 1, "a header"));
    SIREN_TRY(siren_allocate(&copy.voxels, n_bytes, 1, "a mask"));
    memcpy(copy.header, mask->header, (size_t)copy.geometry.voxel_offset);
    memcpy(copy.voxels, mask->voxels, n_bytes);
    SIREN_TRY(siren_series_slice_along(&copy, axis));
    return siren_mask_values("the mask", &copy, inside);
}

/* Voxels of a block inside; all of them where `inside` is NULL. */
static size_t count_points(const siren_block *block, const siren_geometry *g, const uint8_t *inside) {
    size_t n = 0;
    if (!inside) return siren_block_voxels(block);
    for (size_t z = block->z; z < block->z + block->nz; z++)
        for (size_t y = block->y; y < block->y + block->ny; y++)
            for (size_t x = block->x; x < block->x + block->nx; x++) n += inside[(z * g->ny + y) * g->nx + x];
    return n;
}

static siren_status estimate(const siren_trial *trial, const siren_geometry *g,
                             const siren_acquisition *acquisition, const uint8_t *inside,
                             siren_trial_estimate *out) {
    siren_layout layout;
    siren_trial_estimate e = {0};
    size_t most = 0, n_volumes = g->n_volumes;
    SIREN_TRY(siren_trial_layout(trial, g, acquisition, &layout));
    const siren_block_grid *grid = &layout.grid;
    e.n_params = siren_network_n_params(&layout.network);
    e.n_blocks = grid->count;
    for (size_t i = 0; i < grid->count; i++) {
        const siren_block block = siren_block_at(grid, grid->first + i);
        size_t n = count_points(&block, g, inside);
        if (n > 0)
            e.flop +=
                siren_training_flops(&layout.network, &trial->settings, siren_layout_samples(&layout, n));
        most = n > most ? n : most;
        e.bytes += siren_record_bytes(&layout) -
                   (n > 0 ? 0 : siren_quantised_bytes(&layout.network, layout.weight_bits));
    }
    double voxels = (double)g->nx * (double)g->ny * (double)(grid->z_end - grid->z_begin) * (double)n_volumes;
    e.ratio = voxels * (double)siren_datatype_size(g->datatype) / (double)e.bytes;
    e.ratio_float32 = voxels * sizeof(float) / (double)e.bytes;
    const size_t n_outputs = siren_network_n_outputs(&layout.network);
    size_t padded = siren_network_n_padded(&layout.network);
    e.device_bytes = sizeof(float) * ((uint64_t)padded * (6 + SIREN_CHAIN_PARTS) +
                                      (uint64_t)siren_layout_samples(&layout, most) *
                                          (SIREN_PADDED(n_outputs) + layout.network.n_inputs));
    *out = e;
    return SIREN_OK;
}

siren_geometry siren_geometry_along(const siren_geometry *geometry, siren_axis axis) {
    siren_geometry turned = *geometry;
    /* as siren_series_slice_along() turns it */
    if (axis == SIREN_AXIS_X) turned.nx = geometry->ny, turned.ny = geometry->nz, turned.nz = geometry->nx;
    if (axis == SIREN_AXIS_Y) turned.nx = geometry->nz, turned.ny = geometry->nx, turned.nz = geometry->ny;
    return turned;
}

siren_status siren_trial_estimate_cost(const siren_trial *trial, const siren_geometry *geometry,
                                       const siren_series *mask, const siren_acquisition *acquisition,
                                       siren_trial_estimate *out) {
    const siren_geometry turned = siren_geometry_along(geometry, trial->settings.axis);
    SIREN_FREE_AT_END uint8_t *inside = NULL;
    if (mask && mask->voxels) SIREN_TRY(turn_mask(mask, trial->settings.axis, &inside));
    return estimate(trial, &turned, acquisition, inside, out);
}

siren_status siren_trial_measure_speed(siren_device *device, const siren_trial *trial,
                                       const siren_geometry *geometry, const siren_acquisition *acquisition,
                                       double *flop_per_second) {
    siren_network network;
    siren_bench_result result;
    size_t n_points = geometry->nx * geometry->ny;
    SIREN_TRY(siren_trial_network(trial, (uint32_t)geometry->n_volumes, acquisition->n_axes, &network));
    if (n_points > MOST_POINTS_MEASURED) n_points = MOST_POINTS_MEASURED;
    siren_block row = {.nx = n_points, .ny = 1, .nz = 1};
    SIREN_TRY(siren_bench_step(device, &network, trial->settings.optimiser, 1, &row, 1, &result));
    *flop_per_second = result.step_gflops * 1e9;
    return SIREN_OK;
}
