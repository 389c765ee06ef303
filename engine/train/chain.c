#include "engine/train/gradient.h"

#include "cl/knobs.h"
#include "engine/kernels/chain_forward.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    siren_gradient base;
    siren_gradient_plan shape;
    siren_configuration configuration;
    siren_kernel *pack, *step, *piece;              /* step or, where the device bounds loops, piece */
    siren_buffer *forward_packed, *backward_packed; /* (n_networks, n_packed_floats) */
    siren_buffer *scratch;                          /* (n_networks, n_parts, n_scratch) */
    size_t n_padded, n_packed_floats, n_scratch;
    size_t n_rounds, rounds_per_tile;
} siren_chain;

static size_t padded_out(const siren_chain *chain, uint32_t l) {
    return SIREN_PADDED((size_t)chain->shape.network->layers[l].width);
}

static size_t padded_in(const siren_chain *chain, uint32_t l) {
    return SIREN_PADDED((size_t)siren_network_layer_inputs(chain->shape.network, l));
}

static siren_status chain_begin(siren_gradient *base, const siren_buffer *params) {
    siren_chain *chain = (siren_chain *)base;
    if (chain->piece) {
        SIREN_TRY(siren_buffer_zero(base->partial_gradients));
        SIREN_TRY(siren_buffer_zero(base->partial_losses));
    }
    return siren_chain_pack(chain->pack, chain->shape.network, chain->shape.n_networks, chain->forward_packed,
                            chain->backward_packed, params, chain->shape.table);
}

/* What a tile's launches share. */
typedef struct {
    siren_chain *chain;
    const siren_buffer *params, *targets;
    size_t first_target;
} siren_chain_tile;

/* chain_step or chain_piece, which differ in their last arguments. */
static siren_status launch(const siren_chain_tile *tile, siren_kernel *kernel, size_t n_strips, size_t n_last,
                           const size_t last[]) {
    const siren_chain *chain = tile->chain;
    const siren_gradient_plan *shape = &chain->shape;
    siren_argument arguments[22] = {SIREN_BUFFER(chain->base.partial_gradients),
                                    SIREN_BUFFER(chain->base.partial_losses),
                                    SIREN_BUFFER(chain->scratch),
                                    SIREN_BUFFER(tile->params),
                                    SIREN_BUFFER(chain->forward_packed),
                                    SIREN_BUFFER(chain->backward_packed),
                                    SIREN_BUFFER(shape->batch ? shape->batch->points : shape->coordinates),
                                    SIREN_BUFFER(tile->targets),
                                    SIREN_BUFFER(shape->table),
                                    SIREN_BUFFER(shape->w0),
                                    SIREN_INT((int)shape->network->n_layers),
                                    SIREN_INT((int)chain->n_padded),
                                    SIREN_INT((int)chain->n_packed_floats),
                                    SIREN_INT((int)chain->n_scratch),
                                    SIREN_INT((int)shape->n_points),
                                    SIREN_INT((int)tile->first_target)};
    size_t n = 16;
    for (size_t i = 0; i < n_last; i++) arguments[n++] = SIREN_INT((int)last[i]);
    if (shape->batch) {
        arguments[n++] = SIREN_BUFFER(shape->batch->order);
        arguments[n++] = SIREN_INT((int)shape->batch->begin);
        arguments[n++] = SIREN_FLOAT(shape->batch->least);
    }
    siren_range range = {.global = {chain->base.n_parts, shape->n_networks, n_strips}};
    return siren_launch_arguments(kernel, range, n, arguments);
}

/* A piece of a round on the strips of so many columns of layer l. */
static siren_status launch_piece(const siren_chain_tile *tile, size_t round, size_t piece, size_t l,
                                 size_t columns) {
    size_t strip = 2 * (size_t)tile->chain->configuration.lanes;
    return launch(tile, tile->chain->piece, (columns + strip - 1) / strip, 3, (size_t[]){round, piece, l});
}

/* A round in chain_step's order. */
static siren_status launch_round(const siren_chain_tile *tile, size_t round) {
    const siren_chain *chain = tile->chain;
    uint32_t last = chain->shape.network->n_layers - 1;
    SIREN_TRY(launch_piece(tile, round, SIREN_PIECE_POINTS, 0, 1));
    for (uint32_t l = 0; l <= last; l++)
        SIREN_TRY(launch_piece(tile, round, SIREN_PIECE_FORWARD, l, padded_out(chain, l)));
    SIREN_TRY(launch_piece(tile, round, SIREN_PIECE_LOSS, last, 1));
    for (uint32_t l = last; l > 0; l--) {
        SIREN_TRY(launch_piece(tile, round, SIREN_PIECE_WEIGHTS, l, padded_in(chain, l)));
        SIREN_TRY(launch_piece(tile, round, SIREN_PIECE_BIAS, l, 1));
        SIREN_TRY(launch_piece(tile, round, SIREN_PIECE_INPUTS, l, padded_in(chain, l)));
    }
    if (!chain->shape.batch) return launch_piece(tile, round, SIREN_PIECE_FIRST, 0, 1);
    SIREN_TRY(launch_piece(tile, round, SIREN_PIECE_WEIGHTS, 0, padded_in(chain, 0)));
    return launch_piece(tile, round, SIREN_PIECE_BIAS, 0, 1);
}

static siren_status chain_tile(siren_gradient *base, const siren_buffer *params, const siren_buffer *targets,
                               size_t first_target, size_t tile) {
    siren_chain *chain = (siren_chain *)base;
    const siren_chain_tile shared = {chain, params, targets, first_target};
    size_t begin = tile * chain->rounds_per_tile, end = begin + chain->rounds_per_tile;
    if (end > chain->n_rounds) end = chain->n_rounds;
    if (chain->step) return launch(&shared, chain->step, 1, 2, (size_t[]){begin, end});
    for (size_t round = begin; round < end; round++) SIREN_TRY(launch_round(&shared, round));
    return SIREN_OK;
}

static void chain_keep(siren_gradient *base, size_t n_networks) {
    siren_chain *chain = (siren_chain *)base;
    base->tile_flops *= (double)n_networks / (double)chain->shape.n_networks;
    chain->shape.n_networks = n_networks;
}

static void chain_free(siren_gradient *base) {
    siren_chain *chain = (siren_chain *)base;
    siren_kernel_free(chain->pack);
    siren_kernel_free(chain->step);
    siren_kernel_free(chain->piece);
    siren_buffer_free(chain->forward_packed);
    siren_buffer_free(chain->backward_packed);
    siren_buffer_free(chain->scratch);
    siren_buffer_free(base->partial_gradients);
    siren_buffer_free(base->partial_losses);
    free(chain);
}

/* Floats of one block's activations and derivatives (chain.cl). */
static size_t scratch_floats(const siren_network *network, size_t block_rows) {
    size_t pitches = SIREN_PADDED((size_t)network->n_inputs) + SIREN_PAD;
    for (uint32_t l = 0; l < network->n_layers; l++)
        pitches += 2 * (SIREN_PADDED((size_t)network->layers[l].width) + SIREN_PAD);
    return pitches * block_rows;
}

/* How many rounds a launch takes; the gradient is the same for any number. */
static void choose_tile(siren_chain *chain) {
    const siren_gradient_plan *shape = &chain->shape;
    size_t round_points = (size_t)chain->configuration.block_rows * SIREN_CHAIN_PARTS;
    size_t round_bytes =
        round_points * SIREN_PADDED((size_t)siren_network_n_outputs(shape->network)) * sizeof(float);
    size_t left = siren_memory_left(shape->memory_limit, chain->base.n_bytes);
    double target_bytes = fmin((double)siren_device_get_facts(shape->device)->max_allocation_bytes,
                               (double)left / SIREN_CHAIN_TARGETS_SHARE);
    double round_flops = siren_network_step_flops(shape->network, round_points) * (double)shape->n_networks;
    double tile_flops = SIREN_CHAIN_TILE_FLOPS;
    if (siren_emulates_fma(siren_device_get_facts(shape->device))) tile_flops /= SIREN_EMULATED_FMA;
    double rounds = fmin(tile_flops / round_flops, target_bytes / (double)round_bytes);
    chain->n_rounds = (shape->n_points + round_points - 1) / round_points;
    size_t largest = rounds < 1 ? 1 : rounds > (double)chain->n_rounds ? chain->n_rounds : (size_t)rounds;
    chain->base.n_tiles = (chain->n_rounds + largest - 1) / largest;
    chain->rounds_per_tile = (chain->n_rounds + chain->base.n_tiles - 1) / chain->base.n_tiles;
    chain->base.n_tiles = (chain->n_rounds + chain->rounds_per_tile - 1) / chain->rounds_per_tile;
    chain->base.tile_points = chain->rounds_per_tile * round_points;
    chain->base.tile_flops = round_flops * (double)chain->rounds_per_tile;
}

/* The most passes through loops that a work-item makes in a piece (chain_pieces.cl, tile.cl). */
static size_t most_passes(const siren_chain *chain) {
    size_t lanes = chain->configuration.lanes, rows = chain->configuration.block_rows,
           most = rows * (padded_in(chain, 0) + 1);
    size_t point_tiles = rows / (lanes * 3 / 4);
    for (uint32_t l = 0; l < chain->shape.network->n_layers; l++) {
        size_t in = padded_in(chain, l), out = padded_out(chain, l);
        const size_t passes[] = {
            point_tiles * (in + 1) + 3 * rows,       /* forward */
            rows * (out / lanes + 1) + lanes,        /* the loss */
            out / (lanes / 2) * (rows + 1) + 1,      /* weights */
            out / lanes * (rows + lanes + 1),        /* bias, or the first layer */
            point_tiles * (out + 1) + 1,             /* inputs */
            (in > out ? in : out) * (2 * lanes + 1), /* chain_pack */
        };
        for (size_t i = 0; i < sizeof passes / sizeof *passes; i++)
            if (passes[i] > most) most = passes[i];
    }
    return most;
}

siren_status siren_chain_create(const siren_gradient_plan *shape, siren_gradient **out) {
    siren_chain *chain = NULL;
    char options[96];
    SIREN_TRY(siren_allocate(&chain, 1, sizeof *chain, "the chain family"));
    chain->base = (siren_gradient){.begin = chain_begin,
                                   .tile = chain_tile,
                                   .keep = chain_keep,
                                   .free = chain_free,
                                   .n_parts = SIREN_CHAIN_PARTS};
    SIREN_AT_END(siren_gradient_free_at) siren_gradient *made = &chain->base;
    chain->shape = *shape;
    chain->configuration = siren_configuration_of(shape->device, shape->network);
    chain->n_padded = siren_network_n_padded(shape->network);
    chain->n_packed_floats = siren_network_n_packed_floats(shape->network);
    chain->n_scratch = scratch_floats(shape->network, chain->configuration.block_rows);

    siren_chain_options(&chain->configuration, options, sizeof options);
    if (shape->batch) strcat(options, " -D SIREN_FEATURES");
    bool in_pieces = siren_device_get_facts(shape->device)->loop_limit > 0;
    const char *file = in_pieces ? "chain_pieces.cl" : "chain.cl";
    if (in_pieces) SIREN_TRY(siren_loops_fit(shape->device, shape->network, most_passes(chain)));
    SIREN_TRY(siren_kernel_create(shape->device, file, options, "chain_pack", &chain->pack));
    SIREN_TRY(siren_kernel_create(shape->device, file, options, in_pieces ? "chain_piece" : "chain_step",
                                  in_pieces ? &chain->piece : &chain->step));
    size_t strips = shape->n_networks * chain->n_packed_floats * sizeof(float),
           slots = shape->n_networks * SIREN_CHAIN_PARTS;
    chain->base.n_bytes = 2 * strips + slots * (chain->n_scratch + chain->n_padded + 1) * sizeof(float);
    choose_tile(chain);
    SIREN_TRY(
        siren_buffer_create(shape->device, strips, "the forward packed weights", &chain->forward_packed));
    SIREN_TRY(
        siren_buffer_create(shape->device, strips, "the backward packed weights", &chain->backward_packed));
    SIREN_TRY(siren_buffer_create(shape->device, slots * chain->n_scratch * sizeof(float), "the activations",
                                  &chain->scratch));
    SIREN_TRY(siren_buffer_create(shape->device, slots * chain->n_padded * sizeof(float), "the gradients",
                                  &chain->base.partial_gradients));
    SIREN_TRY(
        siren_buffer_create(shape->device, slots * sizeof(float), "the losses", &chain->base.partial_losses));
    *out = SIREN_TAKE(made);
    return SIREN_OK;
}
