/* A network is a list of layers; the paper's names are shorthands for such lists.
 *
 * y = f_L(W_L ... f_1(W_1 x + b_1) ... + b_L), f(z) = sin(w0 z), max(z, 0), max(z, z / 8), tanh(z) or z. */
#ifndef SIREN_ENGINE_MODEL_NETWORK_H
#define SIREN_ENGINE_MODEL_NETWORK_H

#include "cl/layout.h"
#include "host/base.h"

#define SIREN_MAX_LAYERS 33      /* 32 hidden layers and the output layer */
#define SIREN_MAX_ACQUISITION 13 /* coordinates of a volume: with x, y, z those of a point fill a SIREN_PAD */
#define SIREN_MAX_FEATURES 256   /* inputs of a network on features */
#define SIREN_MAX_WIDTH 1024     /* of a hidden layer */
#define SIREN_MAX_OUTPUTS 65536  /* volumes of a series */
#define SIREN_MAX_POINTS (INT32_MAX / 2) /* of a block: kernels count them in ints */
#define SIREN_MIN_W0 0.001
#define SIREN_MAX_W0 10000.0

/* How the weights of a layer start (its bias likewise). d = inputs of the layer. */
typedef enum {
    SIREN_INIT_FIRST_SINE = 0,  /* U(-1/d, 1/d) */
    SIREN_INIT_HIDDEN_SINE = 1, /* U(-sqrt(6/d)/w0, sqrt(6/d)/w0), also for the output layer of a SIREN */
    SIREN_INIT_LINEAR = 2       /* U(-1/sqrt(d), 1/sqrt(d)), PyTorch's default for nn.Linear */
} siren_init;

typedef struct {
    uint32_t width;      /* outputs of the layer */
    uint32_t activation; /* SIREN_SINE ... of cl/layout.h */
    float
        w0; /* factor on the pre-activation of a sine layer; for HIDDEN_SINE init also of the output layer */
    uint32_t init; /* siren_init */
} siren_layer;

typedef struct {
    uint32_t n_inputs; /* coordinates of a point, 2 or 3, and those of a volume behind them; or features */
    uint32_t n_acquisition; /* of these, coordinates of a volume; 0: a volume is an output */
    uint32_t n_layers;      /* output layer included */
    siren_layer layers[SIREN_MAX_LAYERS];
} siren_network;

/* Names by number, static: of the models, of cl/layout.h's activations ("sine"), of siren_init ("first-sine"). NULL
 * past the last. */
const char *siren_model_name(size_t i);
const char *siren_activation_name(size_t activation);
const char *siren_init_name(size_t init);

/* Hidden layers that the model has beyond the number it is asked for: 1 for the MLPs, as published. */
uint32_t siren_model_extra_hidden(const char *model);
/* The shorthand `model` ("siren-2d") with `n_hidden` hidden layers of `width` units and `n_outputs` outputs.
 * USAGE names the value, the limit and the known models. */
siren_status siren_network_from_model(const char *model, uint32_t n_hidden, uint32_t width,
                                      uint32_t n_outputs, float w0, siren_network *out);
/* Whether the model learns one value of the coordinates of voxel and volume (engine/model/acquisition.h). */
bool siren_model_has_acquisition(const char *model);
/* Its network, which siren_network_from_model() leaves at 2 inputs, on `n_space` coordinates of a voxel and
 * `n_acquisition` of a volume, with one output. */
void siren_network_acquire(siren_network *network, uint32_t n_space, uint32_t n_acquisition);
/* Checks the limits above; for layer lists that come from a file. `name` is used in the message, `status` returned. */
siren_status siren_network_check(const siren_network *network, const char *name, siren_status status);

/* The network on `n_inputs` features: `n_hidden` leaky hidden layers of `width` units, and the outputs that describe a
 * mixture (cl/code_length.cl). USAGE names the value and the limit. */
siren_status siren_network_on_features(uint32_t n_inputs, uint32_t n_hidden, uint32_t width,
                                       siren_network *out);
/* siren_network_check() for such networks. */
siren_status siren_network_check_features(const siren_network *network, const char *name,
                                          siren_status status);

static inline uint32_t siren_network_n_outputs(const siren_network *n) {
    return n->layers[n->n_layers - 1].width;
}
static inline uint32_t siren_network_layer_inputs(const siren_network *n, uint32_t layer) {
    return layer == 0 ? n->n_inputs : n->layers[layer - 1].width;
}

/* Parameters in exchange order: for each layer W (out, in) row major, then the bias (out). */
size_t siren_network_n_params(const siren_network *network);
/* Parameters in the padded layout of cl/layout.h. */
size_t siren_network_n_padded(const siren_network *network);
/* Floats of one network's weights as strips (SIREN_LAYER_PACKED). */
size_t siren_network_n_packed_floats(const siren_network *network);
/* Fills the layer table of cl/layout.h; (n_layers, SIREN_LAYER_FIELDS) ints. */
void siren_network_table(const siren_network *network, int *table);
/* Between exchange order (n_params) and padded layout (n_padded, padding zeroed). */
void siren_network_pad(const siren_network *network, const float *params, float *padded);
void siren_network_unpad(const siren_network *network, const float *padded, float *params);

/* The network of volumes begin ... end - 1 alone: of these outputs, each of which is a sum of its own, so that decoding
 * it gives the same bits as decoding all; one on coordinates of volumes stays as it is. */
siren_network siren_network_part(const siren_network *network, size_t begin, size_t end);
/* Its parameters, in the place of the whole network's `params` (n_params), exchange order. */
void siren_network_part_params(const siren_network *network, size_t begin, size_t end, float *params);

/* Initial parameters of the network of one block, in exchange order; depends on (seed, block, layer, index) alone.
 * Within the stream of a layer, index o*in + i draws W[o][i] and index out*in + o draws the bias b[o]. */
void siren_network_initialise(const siren_network *network, uint64_t seed, uint32_t block, float *params);

/* Multiply-adds of one point forwards: the sum of in*out over layers. */
double siren_network_macs(const siren_network *network);
/* Floating-point operations of one training step on n_points: forward, weight gradients and input gradients of all
 * layers but the first, at two operations per multiply-add. */
double siren_network_step_flops(const siren_network *network, size_t n_points);
/* The least number of bytes that a training step of `n_networks` moves to or from memory if it finds none of it in a
 * cache and leaves nothing else there: targets, coordinates (once for all networks) and parameters read, Adam's two
 * moments read and written, parameters and their snapshot written. */
double siren_network_step_bytes(const siren_network *network, size_t n_networks, size_t n_points);

#endif
