#include "engine/train/layer_family.h"

#include "cl/knobs.h"
#include "engine/kernels/matrix_units.h"

#include <math.h>
#include <stdlib.h>

/* ---- training ---- */

/* The inputs of layer l: outputs of the one below, or features. */
static siren_buffer *inputs_of(const siren_layer_family *family, uint32_t l) {
    return l > 0 ? family->h[l - 1] : family->features;
}

static size_t input_width(const siren_layer_family *family, uint32_t l) {
    return SIREN_PADDED((size_t)siren_network_layer_inputs(family->shape.network, l));
}

static siren_status own_begin(siren_layer_family *family, const siren_buffer *params) {
    (void)family;
    (void)params;
    return SIREN_OK;
}

static siren_status own_forward(siren_layer_family *family, uint32_t l, const siren_buffer *params,
                                size_t rows) {
    return siren_layer_launch_forward(family->forward, &family->shape, &family->tile, l, family->h[l],
                                      family->d[l], inputs_of(family, l), params,
                                      family->tile_blocks * family->block_rows, rows);
}

static siren_status own_output(siren_layer_family *family, const siren_buffer *params,
                               const siren_buffer *targets, size_t first_target, size_t first_block,
                               size_t rows) {
    const siren_gradient_plan *shape = &family->shape;
    uint32_t last = shape->network->n_layers - 1;
    siren_range range =
        siren_layer_range(&family->tile, rows, siren_layer_width(family, last), 1, shape->n_networks);
    return SIREN_LAUNCH(family->output, range, SIREN_BUFFER(family->d[last]),
                        SIREN_BUFFER(family->group_losses), SIREN_BUFFER(family->h[last - 1]),
                        SIREN_BUFFER(params), SIREN_BUFFER(targets), SIREN_BUFFER(shape->table),
                        SIREN_BUFFER(shape->w0), SIREN_INT((int)last), SIREN_INT((int)family->n_padded),
                        SIREN_INT((int)(family->tile_blocks * family->block_rows)),
                        SIREN_INT((int)shape->n_points), SIREN_INT((int)(first_block * family->block_rows)),
                        SIREN_INT((int)first_target));
}

static siren_status own_weight_gradient(siren_layer_family *family, uint32_t l, size_t first_block,
                                        size_t n_blocks) {
    siren_range weights =
        siren_layer_range(&family->tile, siren_layer_width(family, l), input_width(family, l),
                          family->base.n_parts, family->shape.n_networks);
    return SIREN_LAUNCH(family->weight_gradient, weights, SIREN_BUFFER(family->base.partial_gradients),
                        SIREN_BUFFER(family->d[l]), SIREN_BUFFER(inputs_of(family, l)),
                        SIREN_BUFFER(family->shape.table), SIREN_INT((int)l),
                        SIREN_INT((int)family->n_padded),
                        SIREN_INT((int)(family->tile_blocks * family->block_rows)),
                        SIREN_INT((int)first_block), SIREN_INT((int)n_blocks));
}

static siren_status own_input_gradient(siren_layer_family *family, uint32_t l, const siren_buffer *params,
                                       size_t rows) {
    siren_range range =
        siren_layer_range(&family->tile, rows, siren_layer_width(family, l - 1), 1, family->shape.n_networks);
    return SIREN_LAUNCH(family->input_gradient, range, SIREN_BUFFER(family->d[l - 1]),
                        SIREN_BUFFER(family->d[l]), SIREN_BUFFER(params), SIREN_BUFFER(family->shape.table),
                        SIREN_INT((int)l), SIREN_INT((int)family->n_padded),
                        SIREN_INT((int)(family->tile_blocks * family->block_rows)));
}

static const siren_layer_products own_products = {own_begin, own_forward, own_output, own_weight_gradient,
                                                  own_input_gradient};

/* Features and edges of a tile of the batch, in its order. */
static siren_status gather(siren_layer_family *family, size_t first_block, size_t rows) {
    const siren_gradient_plan *shape = &family->shape;
    siren_range range = {.global = {input_width(family, 0) / 4, rows},
                         .local = {4, (family->tile.items < 128 ? family->tile.items : 128) / 4}};
    return SIREN_LAUNCH(family->gather, range, SIREN_BUFFER(family->features), SIREN_BUFFER(family->edges),
                        SIREN_BUFFER(shape->batch->points), SIREN_BUFFER(shape->batch->order),
                        SIREN_INT((int)shape->network->n_inputs), SIREN_INT((int)shape->n_points),
                        SIREN_INT((int)shape->batch->begin),
                        SIREN_INT((int)(first_block * family->block_rows)));
}

/* The layers forwards on a tile of a batch; outputs become dZ in their place. */
static siren_status forwards_on_features(siren_layer_family *family, const siren_buffer *params,
                                         size_t first_block, size_t rows) {
    const siren_gradient_plan *shape = &family->shape;
    uint32_t last = shape->network->n_layers - 1;
    size_t n_rows = family->tile_blocks * family->block_rows;
    SIREN_TRY(gather(family, first_block, rows));
    for (uint32_t l = 0; l < last; l++) SIREN_TRY(own_forward(family, l, params, rows));
    SIREN_TRY(siren_layer_launch_forward(family->forward, shape, &family->tile, last, family->d[last], NULL,
                                         inputs_of(family, last), params, n_rows, rows));
    siren_range blocks = {.global = {rows / family->block_rows * family->tile.items},
                          .local = {family->tile.items}};
    return SIREN_LAUNCH(family->code_length, blocks, SIREN_BUFFER(family->d[last]),
                        SIREN_BUFFER(family->group_losses), SIREN_BUFFER(family->edges),
                        SIREN_INT((int)shape->n_points), SIREN_INT((int)(first_block * family->block_rows)),
                        SIREN_FLOAT(shape->batch->least));
}

static siren_status layer_begin(siren_gradient *base, const siren_buffer *params) {
    siren_layer_family *family = (siren_layer_family *)base;
    return family->products->begin(family, params);
}

static siren_status forwards(siren_layer_family *family, const siren_buffer *params,
                             const siren_buffer *targets, size_t first_target, size_t first_block,
                             size_t n_blocks) {
    const siren_gradient_plan *shape = &family->shape;
    uint32_t last = shape->network->n_layers - 1;
    size_t n_rows = family->tile_blocks * family->block_rows, rows = n_blocks * family->block_rows;
    if (shape->batch) {
        SIREN_TRY(forwards_on_features(family, params, first_block, rows));
    } else {
        SIREN_TRY(siren_layer_launch_first(family->first, shape, &family->tile, family->h[0], family->d[0],
                                           params, n_rows, rows, first_block * family->block_rows));
        for (uint32_t l = 1; l < last; l++) SIREN_TRY(family->products->forward(family, l, params, rows));
        SIREN_TRY(family->products->output(family, params, targets, first_target, first_block, rows));
    }
    siren_range parts = {.global = {family->base.n_parts, shape->n_networks}};
    return SIREN_LAUNCH(family->loss, parts, SIREN_BUFFER(family->base.partial_losses),
                        SIREN_BUFFER(family->group_losses), SIREN_INT((int)family->base.n_parts),
                        SIREN_INT((int)family->tile_blocks), SIREN_INT((int)family->groups_per_block),
                        SIREN_INT((int)first_block), SIREN_INT((int)n_blocks));
}

static siren_status backwards(siren_layer_family *family, const siren_buffer *params, size_t first_block,
                              size_t n_blocks) {
    const siren_gradient_plan *shape = &family->shape;
    size_t n_parts = family->base.n_parts, rows = n_blocks * family->block_rows,
           n_threes = (shape->network->n_inputs + SIREN_FIRST_INPUTS - 1) / SIREN_FIRST_INPUTS;
    for (uint32_t l = shape->network->n_layers - 1; l > 0; l--) {
        SIREN_TRY(family->products->weight_gradient(family, l, first_block, n_blocks));
        SIREN_TRY(family->products->input_gradient(family, l, params, rows));
    }
    if (shape->batch) return own_weight_gradient(family, 0, first_block, n_blocks);
    siren_range columns = {
        .global = {siren_layer_width(family, 0) / SIREN_PAD * n_threes * family->tile.items, n_parts,
                   shape->n_networks},
        .local = {family->tile.items}};
    return SIREN_LAUNCH(
        family->first_gradient, columns, SIREN_BUFFER(family->base.partial_gradients),
        SIREN_BUFFER(family->d[0]), SIREN_BUFFER(shape->coordinates), SIREN_BUFFER(shape->table),
        SIREN_INT((int)family->n_padded), SIREN_INT((int)(family->tile_blocks * family->block_rows)),
        SIREN_INT((int)shape->n_points), SIREN_INT((int)first_block), SIREN_INT((int)n_blocks));
}

static siren_status layer_tile(siren_gradient *base, const siren_buffer *params, const siren_buffer *targets,
                               size_t first_target, size_t tile) {
    siren_layer_family *family = (siren_layer_family *)base;
    size_t first_block = tile * family->tile_blocks;
    size_t n_blocks = family->n_blocks - first_block < family->tile_blocks ? family->n_blocks - first_block
                                                                           : family->tile_blocks;
    SIREN_TRY(forwards(family, params, targets, first_target, first_block, n_blocks));
    return backwards(family, params, first_block, n_blocks);
}

static void free_tile_buffers(siren_layer_family *family) {
    for (uint32_t l = 0; l < SIREN_MAX_LAYERS; l++) {
        siren_buffer_free(family->h[l]);
        siren_buffer_free(family->d[l]);
        family->h[l] = family->d[l] = NULL;
    }
    siren_buffer_free(SIREN_TAKE(family->group_losses));
    siren_buffer_free(SIREN_TAKE(family->features));
    siren_buffer_free(SIREN_TAKE(family->edges));
}

static void layer_keep(siren_gradient *base, size_t n_networks) {
    siren_layer_family *family = (siren_layer_family *)base;
    base->tile_flops *= (double)n_networks / (double)family->shape.n_networks;
    family->shape.n_networks = n_networks;
}

static void layer_free(siren_gradient *base) {
    siren_layer_family *family = (siren_layer_family *)base;
    siren_kernel *kernels[] = {family->first,          family->forward,        family->output,
                               family->loss,           family->input_gradient, family->weight_gradient,
                               family->first_gradient, family->pack,           family->gather,
                               family->code_length};
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++) siren_kernel_free(kernels[i]);
    for (uint32_t l = 0; l < SIREN_MAX_LAYERS; l++) siren_buffer_free(family->weights[l]);
    free_tile_buffers(family);
    siren_buffer_free(base->partial_gradients);
    siren_buffer_free(base->partial_losses);
    free(family);
}

/* Zeroed at once: some drivers find room only when a buffer is first used. */
static siren_status create_tile_buffer(const siren_layer_family *family, size_t floats_per_block,
                                       const char *what, siren_buffer **out) {
    size_t bytes = 0;
    if (!siren_mul(family->shape.n_networks * sizeof(float), family->tile_blocks, &bytes) ||
        !siren_mul(bytes, floats_per_block, &bytes))
        return siren_fail(SIREN_DEVICE_MEMORY,
                          "%s of %zu networks do not fit into an address space: train fewer at once", what,
                          family->shape.n_networks);
    SIREN_TRY(siren_buffer_create(family->shape.device, bytes, what, out));
    return siren_buffer_zero(*out);
}

static siren_status create_tile_buffers(siren_layer_family *family) {
    uint32_t last = family->shape.network->n_layers - 1;
    for (uint32_t l = 0; l <= last; l++) {
        size_t floats = family->block_rows * siren_layer_width(family, l);
        if (l < last) SIREN_TRY(create_tile_buffer(family, floats, "the activations", &family->h[l]));
        SIREN_TRY(create_tile_buffer(family, floats, "the derivatives", &family->d[l]));
    }
    SIREN_TRY(
        create_tile_buffer(family, family->groups_per_block, "the losses of groups", &family->group_losses));
    if (family->shape.batch) {
        size_t inputs = family->block_rows * input_width(family, 0);
        SIREN_TRY(create_tile_buffer(family, inputs, "the features of a tile", &family->features));
        SIREN_TRY(create_tile_buffer(family, 2 * family->block_rows, "the edges of a tile", &family->edges));
    }
    return siren_device_finish(family->shape.device);
}

/* Takes a tile of points as large as plan and device allow. */
static siren_status choose_tile(siren_layer_family *family) {
    const siren_network *network = family->shape.network;
    double networks = (double)family->shape.n_networks, floats = 0, largest = 0;
    for (uint32_t l = 0; l < network->n_layers; l++) {
        double width = (double)siren_layer_width(family, l);
        floats += l + 1 < network->n_layers ? 2 * width : width;
        largest = fmax(largest, width);
    }
    /* CLBlast copies a factor and a result of a product, at most, into tiles of its own. */
    if (family->clblast) floats += 2 * largest;
    if (family->shape.batch) {
        double width = (double)input_width(family, 0);
        floats += width + 2;
        largest = fmax(largest, width);
    }
    double line_bytes = networks * (double)family->block_rows * sizeof(float);
    double block_flops = networks * siren_network_step_flops(network, family->block_rows);
    size_t last_width = siren_layer_width(family, network->n_layers - 1);
    family->groups_per_block = family->shape.batch ? 1
                               : family->clblast
                                   ? family->block_rows * last_width / 4 / family->tile.items
                                   : family->block_rows / family->tile.tile_m *
                                         ((last_width + family->tile.tile_n - 1) / family->tile.tile_n);
    size_t left = siren_memory_left(family->shape.memory_limit, family->base.n_bytes);
    family->tile_blocks = siren_layer_plan_blocks(family->shape.device, family->n_blocks, left,
                                                  floats * line_bytes, largest * line_bytes, block_flops);
    uint64_t loop_limit = siren_device_get_facts(family->shape.device)->loop_limit;
    size_t part_blocks = family->clblast  ? 1
                         : loop_limit > 0 ? (size_t)loop_limit / (SIREN_LAYER_PASSES * family->block_rows)
                                          : SIZE_MAX / family->base.n_parts;
    if (family->tile_blocks > part_blocks * family->base.n_parts)
        family->tile_blocks = part_blocks * family->base.n_parts;
    siren_status status;
    while ((status = create_tile_buffers(family)) == SIREN_DEVICE_MEMORY && family->tile_blocks > 1) {
        free_tile_buffers(family);
        family->tile_blocks = (family->tile_blocks + 1) / 2;
    }
    if (status != SIREN_OK) return status;
    family->base.n_tiles = (family->n_blocks + family->tile_blocks - 1) / family->tile_blocks;
    family->base.tile_points = family->tile_blocks * family->block_rows;
    family->base.tile_flops = block_flops * (double)family->tile_blocks;
    family->base.n_bytes +=
        (size_t)(floats * line_bytes) * family->tile_blocks + siren_buffer_bytes(family->group_losses);
    return SIREN_OK;
}

static siren_status create_own_products(siren_layer_family *family) {
    const siren_gradient_plan *shape = &family->shape;
    const char *units =
        shape->batch ? NULL : siren_matrix_file(siren_device_get_facts(shape->device)->matrix_units);
    const char *forwards_file = units ? units : "layer.cl",
               *backwards_file = units ? units : "layer_gradient.cl";
    const siren_layer_kernel kernels[] = {{forwards_file, "layer_forward", &family->forward},
                                          {backwards_file, "layer_loss", &family->loss},
                                          {backwards_file, "layer_input_gradient", &family->input_gradient},
                                          {backwards_file, "layer_weight_gradient", &family->weight_gradient},
                                          {forwards_file, "layer_first", &family->first},
                                          {forwards_file, "layer_output", &family->output},
                                          {backwards_file, "layer_first_gradient", &family->first_gradient}};
    const siren_layer_kernel on_features[] = {
        kernels[0],
        kernels[1],
        kernels[2],
        kernels[3],
        {"layer_features.cl", "layer_gather", &family->gather},
        {"layer_features.cl", "layer_code_length", &family->code_length}};
    family->products = &own_products;
    family->block_rows = SIREN_LAYER_BLOCK_ROWS;
    /* What was measured is the ordinary kernels' tile. */
    return siren_layer_build(shape->device, units ? NULL : shape->network, family->block_rows,
                             shape->batch ? sizeof on_features / sizeof *on_features
                                          : sizeof kernels / sizeof *kernels,
                             shape->batch ? on_features : kernels, &family->tile);
}

siren_status siren_layer_create(const siren_gradient_plan *shape, siren_gradient **out) {
    siren_layer_family *family = NULL;
    SIREN_TRY(siren_allocate(&family, 1, sizeof *family, "the layer family"));
    family->base =
        (siren_gradient){.begin = layer_begin, .tile = layer_tile, .keep = layer_keep, .free = layer_free};
    SIREN_AT_END(siren_gradient_free_at) siren_gradient *made = &family->base;
    family->shape = *shape;
    family->n_padded = siren_network_n_padded(shape->network);
    family->clblast = shape->batch ? 0 : siren_configuration_of(shape->device, shape->network).clblast;
    SIREN_TRY(siren_loops_fit(shape->device, shape->network,
                              SIREN_LAYER_PASSES * siren_layer_width(family, shape->network->n_layers - 1)));
    SIREN_TRY(family->clblast ? siren_layer_gemm_create(family) : create_own_products(family));
    family->n_blocks = (shape->n_points + family->block_rows - 1) / family->block_rows;
    family->base.n_parts = family->n_blocks < SIREN_LAYER_PARTS ? family->n_blocks : SIREN_LAYER_PARTS;
    size_t slots = shape->n_networks * family->base.n_parts;
    if (family->clblast && slots > INT32_MAX / family->n_padded)
        return siren_fail(SIREN_DEVICE_MEMORY,
                          "the gradients of %zu networks are more than CLBlast can count: train fewer at "
                          "once, or use --gemm own",
                          shape->n_networks);
    SIREN_TRY(siren_buffer_create(shape->device, slots * family->n_padded * sizeof(float), "the gradients",
                                  &family->base.partial_gradients));
    SIREN_TRY(siren_buffer_create(shape->device, slots * sizeof(float), "the losses",
                                  &family->base.partial_losses));
    family->base.n_bytes += slots * (family->n_padded + 1) * sizeof(float);
    SIREN_TRY(choose_tile(family));
    *out = SIREN_TAKE(made);
    return SIREN_OK;
}
