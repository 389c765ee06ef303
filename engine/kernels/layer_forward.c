#include "engine/kernels/layer_forward.h"

#include "cl/knobs.h"
#include <math.h>

static siren_status build_kernels(siren_device *device, const char *options, size_t n_kernels,
                                  const siren_layer_kernel *kernels) {
    siren_status status = SIREN_OK;
    size_t n_built = 0;
    for (; n_built < n_kernels; n_built++) {
        const siren_layer_kernel *k = &kernels[n_built];
        status = siren_kernel_create(device, k->file, options, k->name, k->kernel);
        if (status != SIREN_OK) break;
    }
    while (status != SIREN_OK && n_built > 0) {
        siren_kernel **built = kernels[--n_built].kernel;
        siren_kernel_free(SIREN_TAKE(*built));
    }
    return status;
}

siren_status siren_layer_build(siren_device *device, const siren_network *network, size_t block_rows,
                               size_t n_kernels, const siren_layer_kernel *kernels, siren_layer_tile *tile) {
    const siren_device_facts *facts = siren_device_get_facts(device);
    siren_configuration tiles[SIREN_MOST_LAYER_DEFAULTS];
    size_t n_tiles = siren_layer_defaults(device, tiles);
    /* A device of the chain family is configured for that; its decoder may be of this one. */
    bool configured = network && facts->family == SIREN_FAMILY_LAYER;
    siren_configuration wanted = configured ? siren_configuration_of(device, network) : tiles[0];
    wanted.clblast = 0;
    bool as_configured = !siren_configuration_equal(&wanted, &tiles[0]);
    if (as_configured) tiles[0] = wanted, n_tiles = 1;
    siren_status status =
        siren_fail(SIREN_UNSUPPORTED,
                   "the device %s allows work-groups of %zu items and %llu bytes of local memory: %s; %s",
                   facts->name, facts->max_work_group, (unsigned long long)facts->local_bytes,
                   as_configured ? "too little for the tile that it is configured with"
                                 : "the layer kernels need 16 items and 4 KiB at least",
                   as_configured ? "tune it again" : "choose another device");
    for (size_t i = 0; i < n_tiles; i++) {
        siren_layer_tile candidate;
        if (!siren_layer_tile_fits(device, &tiles[i], block_rows, &candidate)) continue;
        status = build_kernels(device, candidate.options, n_kernels, kernels);
        if (status == SIREN_OK) *tile = candidate;
        if (status != SIREN_DEVICE) return status;
    }
    return status;
}

size_t siren_layer_plan_blocks(const siren_device *device, size_t n_blocks, size_t memory, double block_bytes,
                               double largest_block_bytes, double block_flops) {
    const siren_device_facts *facts = siren_device_get_facts(device);
    double clock_hz = 1e6 * (facts->clock_mhz ? (double)facts->clock_mhz : 1000.0);
    double rate = clock_hz * (double)facts->compute_units *
                  (facts->is_cpu ? SIREN_PESSIMISTIC_FLOPS_CPU : SIREN_PESSIMISTIC_FLOPS) /
                  (siren_emulates_fma(facts) ? SIREN_EMULATED_FMA : 1);
    double limit = fmin(SIREN_LAYER_TILE_FLOPS, SIREN_LAYER_TILE_SECONDS * rate) / block_flops;
    limit = fmin(limit,
                 fmin((double)facts->global_bytes, (double)memory) / SIREN_ACTIVATIONS_SHARE / block_bytes);
    limit = fmin(limit, (double)facts->max_allocation_bytes / largest_block_bytes);
    /* Work-items and elements of a network's tile are counted in ints. */
    limit = fmin(limit, (double)(INT32_MAX / 2) / (largest_block_bytes / sizeof(float)));
    size_t blocks = limit < 1 ? 1 : limit > (double)n_blocks ? n_blocks : (size_t)limit;
    size_t n_tiles = (n_blocks + blocks - 1) / blocks;
    return (n_blocks + n_tiles - 1) / n_tiles;
}

siren_range siren_layer_range(const siren_layer_tile *tile, size_t rows, size_t columns, size_t n_parts,
                              size_t n_networks) {
    size_t groups = (rows + tile->tile_m - 1) / tile->tile_m * ((columns + tile->tile_n - 1) / tile->tile_n);
    return (siren_range){.global = {groups * tile->items, n_parts, n_networks}, .local = {tile->items}};
}

siren_status siren_layer_launch_first(siren_kernel *kernel, const siren_gradient_plan *shape,
                                      const siren_layer_tile *tile, siren_buffer *h, siren_buffer *d,
                                      const siren_buffer *params, size_t n_rows, size_t rows,
                                      size_t first_point) {
    const siren_network *network = shape->network;
    siren_range range = {
        .global = {rows * (SIREN_PADDED((size_t)network->layers[0].width) / 4), shape->n_networks},
        .local = {tile->items}};
    return SIREN_LAUNCH(kernel, range, SIREN_BUFFER(h), SIREN_BUFFER(d), SIREN_BUFFER(params),
                        SIREN_BUFFER(shape->coordinates), SIREN_BUFFER(shape->table), SIREN_BUFFER(shape->w0),
                        SIREN_INT((int)siren_network_n_padded(network)), SIREN_INT((int)n_rows),
                        SIREN_INT((int)shape->n_points), SIREN_INT((int)first_point));
}

siren_status siren_layer_launch_forward(siren_kernel *kernel, const siren_gradient_plan *shape,
                                        const siren_layer_tile *tile, uint32_t l, siren_buffer *h_next,
                                        siren_buffer *d, const siren_buffer *h, const siren_buffer *params,
                                        size_t n_rows, size_t rows) {
    const siren_network *network = shape->network;
    siren_range range =
        siren_layer_range(tile, rows, SIREN_PADDED((size_t)network->layers[l].width), 1, shape->n_networks);
    return SIREN_LAUNCH(kernel, range, SIREN_BUFFER(h_next), SIREN_BUFFER(d), SIREN_BUFFER(h),
                        SIREN_BUFFER(params), SIREN_BUFFER(shape->table), SIREN_BUFFER(shape->w0),
                        SIREN_INT((int)l), SIREN_INT((int)siren_network_n_padded(network)),
                        SIREN_INT((int)n_rows));
}
