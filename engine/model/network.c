#include "engine/model/network.h"

#include "host/rng.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    uint32_t activation, init;
} layer_kind;

/* What a model's name stands for. `last` is the last hidden layer; where there is one only, it is `first`. */
typedef struct {
    const char *name;
    uint32_t n_inputs;
    uint32_t extra_hidden; /* the published MLPs have one hidden layer more than their name says */
    layer_kind first, hidden, last, output;
} model_row;

#define SIREN_ND "siren-nd"
#define FIRST_SINE SIREN_SINE, SIREN_INIT_FIRST_SINE
#define HIDDEN_SINE SIREN_SINE, SIREN_INIT_HIDDEN_SINE
#define RELU SIREN_RELU, SIREN_INIT_LINEAR
#define LEAKY SIREN_LEAKY_RELU, SIREN_INIT_HIDDEN_SINE
#define TANH SIREN_TANH, SIREN_INIT_LINEAR
#define LINEAR SIREN_IDENTITY, SIREN_INIT_LINEAR
static const model_row models[] = {
    {"siren-2d", 2, 0, {FIRST_SINE}, {HIDDEN_SINE}, {HIDDEN_SINE}, {SIREN_IDENTITY, SIREN_INIT_HIDDEN_SINE}},
    {"siren-2d-relu", 2, 0, {FIRST_SINE}, {HIDDEN_SINE}, {HIDDEN_SINE}, {SIREN_RELU, SIREN_INIT_HIDDEN_SINE}},
    {"siren-2d-tanh", 2, 0, {FIRST_SINE}, {HIDDEN_SINE}, {HIDDEN_SINE}, {SIREN_TANH, SIREN_INIT_HIDDEN_SINE}},
    {"mlp-relu", 2, 1, {RELU}, {RELU}, {RELU}, {LINEAR}},
    {"mlp-tanh", 2, 1, {TANH}, {TANH}, {TANH}, {LINEAR}},
    {"mlp-siren", 2, 1, {FIRST_SINE}, {RELU}, {RELU}, {LINEAR}},
    {"mlp-siren-last", 2, 1, {RELU}, {RELU}, {HIDDEN_SINE}, {LINEAR}},
    {"siren-3d", 3, 0, {FIRST_SINE}, {HIDDEN_SINE}, {HIDDEN_SINE}, {SIREN_IDENTITY, SIREN_INIT_HIDDEN_SINE}},
    {SIREN_ND, 2, 0, {FIRST_SINE}, {HIDDEN_SINE}, {HIDDEN_SINE}, {SIREN_IDENTITY, SIREN_INIT_HIDDEN_SINE}},
    {"siren-2d-leaky", 2, 0, {FIRST_SINE}, {HIDDEN_SINE}, {HIDDEN_SINE}, {LEAKY}},
};

const char *siren_model_name(size_t i) { return i < sizeof models / sizeof *models ? models[i].name : NULL; }

static siren_layer make_layer(uint32_t width, layer_kind kind, float w0) {
    bool uses_w0 = kind.activation == SIREN_SINE || kind.init == SIREN_INIT_HIDDEN_SINE;
    return (siren_layer){width, kind.activation, uses_w0 ? w0 : 1.0f, kind.init};
}

static const model_row *find_model(const char *name) {
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        if (strcmp(models[i].name, name) == 0) return &models[i];
    return NULL;
}

uint32_t siren_model_extra_hidden(const char *model) {
    const model_row *row = find_model(model);
    return row ? row->extra_hidden : 0;
}

bool siren_model_has_acquisition(const char *model) { return strcmp(model, SIREN_ND) == 0; }

void siren_network_acquire(siren_network *network, uint32_t n_space, uint32_t n_acquisition) {
    network->n_inputs = n_space + n_acquisition;
    network->n_acquisition = n_acquisition;
    network->layers[network->n_layers - 1].width = 1;
}

static siren_status unknown_model(const char *name) {
    char list[256] = "";
    for (size_t i = 0, length = 0; i < sizeof models / sizeof *models && length < sizeof list; i++)
        length +=
            (size_t)snprintf(list + length, sizeof list - length, "%s%s", i ? ", " : "", models[i].name);
    return siren_fail(SIREN_USAGE, "unknown model '%s': use one of %s", name, list);
}

siren_status siren_network_from_model(const char *model, uint32_t n_hidden, uint32_t width,
                                      uint32_t n_outputs, float w0, siren_network *out) {
    const model_row *row = find_model(model);
    if (!row) return unknown_model(model);
    uint32_t max_hidden = SIREN_MAX_LAYERS - 1 - row->extra_hidden;
    if (n_hidden < 1 || n_hidden > max_hidden)
        return siren_fail(SIREN_USAGE, "model %s cannot have %u hidden layers: give 1 to %u", model, n_hidden,
                          max_hidden);

    siren_network network = {.n_inputs = row->n_inputs, .n_layers = n_hidden + row->extra_hidden + 1};
    uint32_t output = network.n_layers - 1;
    for (uint32_t l = 0; l < output; l++)
        network.layers[l] = make_layer(width,
                                       l == 0            ? row->first
                                       : l == output - 1 ? row->last
                                                         : row->hidden,
                                       w0);
    network.layers[output] = make_layer(n_outputs, row->output, w0);
    SIREN_TRY(siren_network_check(&network, model, SIREN_USAGE));
    *out = network;
    return SIREN_OK;
}

static siren_status check_layers(const siren_network *network, const char *name, siren_status status) {
    /* A hidden layer at least: everything behind relies on a first layer that is not also the last. */
    if (network->n_layers < 2 || network->n_layers > SIREN_MAX_LAYERS)
        return siren_fail(
            status,
            "%s: a network of %u layers is not supported: 1 to %u hidden layers and the output layer are",
            name, network->n_layers, SIREN_MAX_LAYERS - 1);
    for (uint32_t l = 0; l < network->n_layers; l++) {
        const siren_layer *layer = &network->layers[l];
        bool is_output = l == network->n_layers - 1;
        uint32_t limit = is_output ? SIREN_MAX_OUTPUTS : SIREN_MAX_WIDTH;
        if (layer->width < 1 || layer->width > limit)
            return siren_fail(status, "%s: layer %u has %s %u: it must be 1 to %u", name, l + 1,
                              is_output ? "a number of outputs of" : "width", layer->width, limit);
        if (layer->activation > SIREN_LEAKY_RELU)
            return siren_fail(status,
                              "%s: layer %u has activation number %u: only 0 to %d (identity, sine, relu, "
                              "tanh, leaky-relu) exist",
                              name, l + 1, layer->activation, SIREN_LEAKY_RELU);
        if (layer->init > SIREN_INIT_LINEAR)
            return siren_fail(status, "%s: layer %u has initialisation number %u: only 0 to %d exist", name,
                              l + 1, layer->init, SIREN_INIT_LINEAR);
        bool uses_w0 = layer->activation == SIREN_SINE || layer->init == SIREN_INIT_HIDDEN_SINE;
        if (uses_w0 &&
            !(layer->w0 >= (float)SIREN_MIN_W0 && layer->w0 <= (float)SIREN_MAX_W0)) /* also catches NaN */
            return siren_fail(status, "%s: layer %u has w0 = %g: it must be %g to %g", name, l + 1,
                              (double)layer->w0, SIREN_MIN_W0, SIREN_MAX_W0);
    }
    return SIREN_OK;
}

siren_status siren_network_check(const siren_network *network, const char *name, siren_status status) {
    uint32_t n_space = network->n_inputs - network->n_acquisition;
    if (network->n_acquisition > SIREN_MAX_ACQUISITION || (n_space != 2 && n_space != 3))
        return siren_fail(status,
                          "%s: a network of %u inputs is not supported: points have 2 or 3 coordinates, and "
                          "volumes 0 to %d",
                          name, network->n_inputs, SIREN_MAX_ACQUISITION);
    if (network->n_acquisition > 0 && siren_network_n_outputs(network) != 1)
        return siren_fail(status, "%s: a network on coordinates of volumes has %u outputs: it must have 1",
                          name, siren_network_n_outputs(network));
    return check_layers(network, name, status);
}

siren_status siren_network_check_features(const siren_network *network, const char *name,
                                          siren_status status) {
    if (network->n_inputs < 1 || network->n_inputs > SIREN_MAX_FEATURES)
        return siren_fail(status, "%s: a network on %u features is not supported: 1 to %d are", name,
                          network->n_inputs, SIREN_MAX_FEATURES);
    SIREN_TRY(check_layers(network, name, status));
    for (uint32_t l = 0; l + 1 < network->n_layers; l++)
        if (network->layers[l].activation != SIREN_LEAKY_RELU)
            return siren_fail(status, "%s: layer %u has activation %s: hidden layers on features are %s",
                              name, l + 1, siren_activation_name(network->layers[l].activation),
                              siren_activation_name(SIREN_LEAKY_RELU));
    const siren_layer *output = &network->layers[network->n_layers - 1];
    if (output->width != SIREN_MIXTURE_OUTPUTS || output->activation != SIREN_IDENTITY)
        return siren_fail(
            status, "%s: its output layer has %u outputs and activation %s: a mixture takes %d and identity",
            name, output->width, siren_activation_name(output->activation), SIREN_MIXTURE_OUTPUTS);
    return SIREN_OK;
}

siren_status siren_network_on_features(uint32_t n_inputs, uint32_t n_hidden, uint32_t width,
                                       siren_network *out) {
    if (n_hidden < 1 || n_hidden >= SIREN_MAX_LAYERS)
        return siren_fail(SIREN_USAGE, "a network on features cannot have %u hidden layers: give 1 to %d",
                          n_hidden, SIREN_MAX_LAYERS - 1);
    siren_network network = {.n_inputs = n_inputs, .n_layers = n_hidden + 1};
    for (uint32_t l = 0; l < n_hidden; l++)
        network.layers[l] = (siren_layer){width, SIREN_LEAKY_RELU, 1.0f, SIREN_INIT_LINEAR};
    network.layers[n_hidden] = (siren_layer){SIREN_MIXTURE_OUTPUTS, SIREN_IDENTITY, 1.0f, SIREN_INIT_LINEAR};
    SIREN_TRY(siren_network_check_features(&network, "a network on features", SIREN_USAGE));
    *out = network;
    return SIREN_OK;
}

static const char *const activation_names[] = {[SIREN_IDENTITY] = "identity",
                                               [SIREN_SINE] = "sine",
                                               [SIREN_RELU] = "relu",
                                               [SIREN_TANH] = "tanh",
                                               [SIREN_LEAKY_RELU] = "leaky-relu"};
static const char *const init_names[] = {[SIREN_INIT_FIRST_SINE] = "first-sine",
                                         [SIREN_INIT_HIDDEN_SINE] = "hidden-sine",
                                         [SIREN_INIT_LINEAR] = "linear"};

const char *siren_activation_name(size_t activation) {
    return activation <= SIREN_LEAKY_RELU ? activation_names[activation] : NULL;
}

const char *siren_init_name(size_t init) { return init <= SIREN_INIT_LINEAR ? init_names[init] : NULL; }

size_t siren_network_n_params(const siren_network *network) {
    size_t n = 0;
    for (uint32_t l = 0; l < network->n_layers; l++)
        n += ((size_t)siren_network_layer_inputs(network, l) + 1) * network->layers[l].width;
    return n;
}

size_t siren_network_n_padded(const siren_network *network) {
    size_t n = 0;
    for (uint32_t l = 0; l < network->n_layers; l++)
        n += ((size_t)SIREN_PADDED(siren_network_layer_inputs(network, l)) + 1) *
             SIREN_PADDED(network->layers[l].width);
    return n;
}

void siren_network_table(const siren_network *network, int *table) {
    size_t offset = 0, strips = 0;
    for (uint32_t l = 0; l < network->n_layers; l++, table += SIREN_LAYER_FIELDS) {
        uint32_t in = siren_network_layer_inputs(network, l), out = network->layers[l].width;
        size_t in_padded = SIREN_PADDED(in), out_padded = SIREN_PADDED(out);
        table[SIREN_LAYER_IN] = (int)in;
        table[SIREN_LAYER_OUT] = (int)out;
        table[SIREN_LAYER_IN_PADDED] = (int)in_padded;
        table[SIREN_LAYER_OUT_PADDED] = (int)out_padded;
        table[SIREN_LAYER_WEIGHTS] = (int)offset;
        offset += in_padded * out_padded;
        table[SIREN_LAYER_BIAS] = (int)offset;
        offset += out_padded;
        table[SIREN_LAYER_ACTIVATION] = (int)network->layers[l].activation;
        table[SIREN_LAYER_PACKED] = (int)strips;
        strips += (size_t)SIREN_WHOLE_STRIPS(in_padded) * SIREN_WHOLE_STRIPS(out_padded);
    }
}

size_t siren_network_n_packed_floats(const siren_network *network) {
    size_t n = 0;
    for (uint32_t l = 0; l < network->n_layers; l++)
        n += (size_t)SIREN_WHOLE_STRIPS(siren_network_layer_inputs(network, l)) *
             SIREN_WHOLE_STRIPS(network->layers[l].width);
    return n;
}

siren_network siren_network_part(const siren_network *network, size_t begin, size_t end) {
    siren_network part = *network;
    if (!network->n_acquisition) part.layers[part.n_layers - 1].width = (uint32_t)(end - begin);
    return part;
}

void siren_network_part_params(const siren_network *network, size_t begin, size_t end, float *params) {
    uint32_t last = network->n_layers - 1;
    if (network->n_acquisition) return;
    size_t in = siren_network_layer_inputs(network, last), out = network->layers[last].width;
    float *w = params + siren_network_n_params(network) - (in + 1) * out, *bias = w + in * out;
    memmove(w, w + begin * in, (end - begin) * in * sizeof *w);
    memmove(w + (end - begin) * in, bias + begin, (end - begin) * sizeof *w);
}

void siren_network_pad(const siren_network *network, const float *params, float *padded) {
    memset(padded, 0, siren_network_n_padded(network) * sizeof *padded);
    for (uint32_t l = 0; l < network->n_layers; l++) {
        size_t in = siren_network_layer_inputs(network, l), out = network->layers[l].width;
        size_t in_padded = SIREN_PADDED(in), out_padded = SIREN_PADDED(out);
        for (size_t o = 0; o < out; o++, params += in)
            memcpy(padded + o * in_padded, params, in * sizeof *params);
        padded += in_padded * out_padded;
        memcpy(padded, params, out * sizeof *params);
        padded += out_padded;
        params += out;
    }
}

void siren_network_unpad(const siren_network *network, const float *padded, float *params) {
    for (uint32_t l = 0; l < network->n_layers; l++) {
        size_t in = siren_network_layer_inputs(network, l), out = network->layers[l].width;
        size_t in_padded = SIREN_PADDED(in), out_padded = SIREN_PADDED(out);
        for (size_t o = 0; o < out; o++, params += in)
            memcpy(params, padded + o * in_padded, in * sizeof *params);
        padded += in_padded * out_padded;
        memcpy(params, padded, out * sizeof *params);
        padded += out_padded;
        params += out;
    }
}

static double init_bound(const siren_layer *layer, size_t n_inputs) {
    double d = (double)n_inputs;
    switch (layer->init) {
    case SIREN_INIT_FIRST_SINE:
        return 1.0 / d;
    case SIREN_INIT_HIDDEN_SINE:
        return sqrt(6.0 / d) / (double)layer->w0;
    default:
        return 1.0 / sqrt(d);
    }
}

void siren_network_initialise(const siren_network *network, uint64_t seed, uint32_t block, float *params) {
    for (uint32_t l = 0; l < network->n_layers; l++) {
        size_t in = siren_network_layer_inputs(network, l), n = (in + 1) * network->layers[l].width;
        double bound = init_bound(&network->layers[l], in);
        siren_rng rng = {.seed = seed, .block = block, .layer = l};
        for (size_t i = 0; i < n; i++)
            params[i] = (float)(bound * (2.0 * (double)siren_rng_uniform(rng, i) - 1.0));
        params += n;
    }
}

double siren_network_macs(const siren_network *network) {
    double macs = 0;
    for (uint32_t l = 0; l < network->n_layers; l++)
        macs += (double)siren_network_layer_inputs(network, l) * (double)network->layers[l].width;
    return macs;
}

double siren_network_step_flops(const siren_network *network, size_t n_points) {
    double macs = siren_network_macs(network);
    double first = (double)network->n_inputs * (double)network->layers[0].width;
    return 2.0 * (double)n_points * (3.0 * macs - first);
}

double siren_network_step_bytes(const siren_network *network, size_t n_networks, size_t n_points) {
    double state = 7.0 * (double)siren_network_n_params(network),
           targets = (double)n_points * siren_network_n_outputs(network),
           coordinates = (double)n_points * network->n_inputs;
    return sizeof(float) * ((double)n_networks * (state + targets) + coordinates);
}
