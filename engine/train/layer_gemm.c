/* The layer family's products by CLBlast, batched over the networks; weight gradients over the parts of the points,
 * too. A part's products each sum over one block of points, so that its result depends on neither tiles nor batch. */
#include "engine/train/layer_family.h"
#include "host/opencl/gemm.h"

/* Layer l for a product: where its weights begin in a network's parameters, and its sides. */
typedef struct {
    size_t in, out, at;
} gemm_layer;

static gemm_layer layer_of(const siren_layer_family *family, uint32_t l) {
    int table[SIREN_MAX_LAYERS * SIREN_LAYER_FIELDS];
    siren_network_table(family->shape.network, table);
    const int *layer = table + l * SIREN_LAYER_FIELDS;
    return (gemm_layer){(size_t)layer[SIREN_LAYER_IN_PADDED], (size_t)layer[SIREN_LAYER_OUT_PADDED],
                        (size_t)layer[SIREN_LAYER_WEIGHTS]};
}

/* The rows of a tile, of all networks. */
static siren_matrix rows_of(const siren_layer_family *family, siren_buffer *buffer, size_t width) {
    return (siren_matrix){buffer, 0, width, family->tile_blocks * family->block_rows * width, false};
}

/* A work-item for each quad of the rows. */
static siren_range quads(const siren_layer_family *family, size_t rows, size_t width) {
    return (siren_range){.global = {rows * width / 4, family->shape.n_networks},
                         .local = {family->tile.items}};
}

static int all_rows(const siren_layer_family *family) {
    return (int)(family->tile_blocks * family->block_rows);
}

static siren_status gemm_begin(siren_layer_family *family, const siren_buffer *params) {
    for (uint32_t l = 1; l < family->shape.network->n_layers; l++) {
        gemm_layer layer = layer_of(family, l);
        SIREN_TRY(SIREN_LAUNCH(family->pack, quads(family, layer.out, layer.in),
                               SIREN_BUFFER(family->weights[l]), SIREN_BUFFER(params),
                               SIREN_BUFFER(family->shape.table), SIREN_INT((int)l),
                               SIREN_INT((int)family->n_padded)));
    }
    return SIREN_OK;
}

/* D = H W^T, without bias. */
static siren_status pre_activations(siren_layer_family *family, uint32_t l, const siren_buffer *params,
                                    size_t rows) {
    gemm_layer layer = layer_of(family, l);
    siren_matrix weights = {(siren_buffer *)params, layer.at, layer.in, family->n_padded, true};
    return siren_gemm(family->shape.device, family->clblast, family->shape.n_networks, rows, layer.out,
                      layer.in, 1, rows_of(family, family->h[l - 1], layer.in), weights, 0,
                      rows_of(family, family->d[l], layer.out));
}

static siren_status gemm_forward(siren_layer_family *family, uint32_t l, const siren_buffer *params,
                                 size_t rows) {
    SIREN_TRY(pre_activations(family, l, params, rows));
    return SIREN_LAUNCH(family->forward, quads(family, rows, siren_layer_width(family, l)),
                        SIREN_BUFFER(family->h[l]), SIREN_BUFFER(family->d[l]), SIREN_BUFFER(params),
                        SIREN_BUFFER(family->shape.table), SIREN_BUFFER(family->shape.w0), SIREN_INT((int)l),
                        SIREN_INT((int)family->n_padded), SIREN_INT(all_rows(family)));
}

static siren_status gemm_output(siren_layer_family *family, const siren_buffer *params,
                                const siren_buffer *targets, size_t first_target, size_t first_block,
                                size_t rows) {
    const siren_gradient_plan *shape = &family->shape;
    uint32_t last = shape->network->n_layers - 1;
    SIREN_TRY(pre_activations(family, last, params, rows));
    return SIREN_LAUNCH(family->output, quads(family, rows, siren_layer_width(family, last)),
                        SIREN_BUFFER(family->d[last]), SIREN_BUFFER(family->group_losses),
                        SIREN_BUFFER(params), SIREN_BUFFER(targets), SIREN_BUFFER(shape->table),
                        SIREN_BUFFER(shape->w0), SIREN_INT((int)last), SIREN_INT((int)family->n_padded),
                        SIREN_INT(all_rows(family)), SIREN_INT((int)shape->n_points),
                        SIREN_INT((int)(first_block * family->block_rows)), SIREN_INT((int)first_target));
}

/* dW += dZ^T H for `n` consecutive blocks of the tile, from `block` on, that begin with part `part`: for `n_networks`
 * networks from `network` on, which must be one where parts or blocks are left out. */
static siren_status block_gradients(siren_layer_family *family, uint32_t l, size_t network, size_t n_networks,
                                    size_t block, size_t part, size_t n, float beta) {
    gemm_layer layer = layer_of(family, l);
    size_t n_parts = family->base.n_parts, k = family->block_rows;
    size_t row = (network * family->tile_blocks + block) * k;
    siren_matrix dz = {family->d[l], row * layer.out, layer.out, k * layer.out, true},
                 h = {family->h[l - 1], row * layer.in, layer.in, k * layer.in, false},
                 dw = {family->base.partial_gradients,
                       (network * n_parts + part) * family->n_padded + layer.at, layer.in, family->n_padded,
                       false};
    return siren_gemm(family->shape.device, family->clblast, n_networks * n, layer.out, layer.in, k, 1, dz, h,
                      beta, dw);
}

static siren_status gemm_weight_gradient(siren_layer_family *family, uint32_t l, size_t first_block,
                                         size_t n_blocks) {
    const siren_gradient_plan *shape = &family->shape;
    size_t n_parts = family->base.n_parts, n_networks = shape->n_networks;
    for (size_t block = 0, n; block < n_blocks; block += n) {
        size_t part = (first_block + block) % n_parts;
        n = n_blocks - block < n_parts - part ? n_blocks - block : n_parts - part;
        float beta = first_block + block < n_parts ? 0 : 1;
        /* Where every block of the tile is a part's, those of all networks follow one another. */
        size_t together = n == n_parts && n == family->tile_blocks ? n_networks : 1;
        for (size_t network = 0; network < n_networks; network += together)
            SIREN_TRY(block_gradients(family, l, network, together, block, part, n, beta));
    }
    siren_range columns = {
        .global = {siren_layer_width(family, l) / SIREN_PAD * family->tile.items, n_parts, n_networks},
        .local = {family->tile.items}};
    return SIREN_LAUNCH(family->weight_gradient, columns, SIREN_BUFFER(family->base.partial_gradients),
                        SIREN_BUFFER(family->d[l]), SIREN_BUFFER(shape->table), SIREN_INT((int)l),
                        SIREN_INT((int)family->n_padded), SIREN_INT(all_rows(family)),
                        SIREN_INT((int)first_block), SIREN_INT((int)n_blocks));
}

/* dH = dZ W in the place of H, then D *= dH. */
static siren_status gemm_input_gradient(siren_layer_family *family, uint32_t l, const siren_buffer *params,
                                        size_t rows) {
    (void)params;
    gemm_layer layer = layer_of(family, l);
    siren_matrix weights = {family->weights[l], 0, layer.in, layer.out * layer.in, false};
    SIREN_TRY(siren_gemm(family->shape.device, family->clblast, family->shape.n_networks, rows, layer.in,
                         layer.out, 1, rows_of(family, family->d[l], layer.out), weights, 0,
                         rows_of(family, family->h[l - 1], layer.in)));
    return SIREN_LAUNCH(family->input_gradient, quads(family, rows, layer.in), SIREN_BUFFER(family->d[l - 1]),
                        SIREN_BUFFER(family->h[l - 1]), SIREN_BUFFER(family->shape.table),
                        SIREN_INT((int)l - 1), SIREN_INT(all_rows(family)));
}

const siren_layer_products siren_layer_gemm_products = {gemm_begin, gemm_forward, gemm_output,
                                                        gemm_weight_gradient, gemm_input_gradient};

siren_status siren_layer_gemm_create(siren_layer_family *family) {
    const siren_gradient_plan *shape = &family->shape;
    const siren_layer_kernel kernels[] = {{"gemm.cl", "gemm_pack", &family->pack},
                                          {"gemm.cl", "layer_first", &family->first},
                                          {"gemm.cl", "gemm_activate", &family->forward},
                                          {"gemm.cl", "gemm_output", &family->output},
                                          {"gemm.cl", "layer_loss", &family->loss},
                                          {"gemm.cl", "gemm_input_gradient", &family->input_gradient},
                                          {"gemm.cl", "gemm_bias_gradient", &family->weight_gradient},
                                          {"gemm.cl", "layer_first_gradient", &family->first_gradient}};
    family->products = &siren_layer_gemm_products;
    family->block_rows = SIREN_GEMM_BLOCK_ROWS;
    SIREN_TRY(siren_layer_build(shape->device, NULL, family->block_rows, sizeof kernels / sizeof *kernels,
                                kernels, &family->tile));
    for (uint32_t l = 1; l < shape->network->n_layers; l++) {
        size_t bytes = shape->n_networks * siren_layer_width(family, l) * siren_layer_width(family, l - 1) *
                       sizeof(float);
        SIREN_TRY(siren_buffer_create(shape->device, bytes, "the packed weights", &family->weights[l]));
        family->base.n_bytes += bytes;
    }
    return SIREN_OK;
}
