/* One trial: its network, its name, its settings as JSON. */
#include "lab/experiment/experiment_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/model/blocks.h"
#include "engine/train/optimiser.h"
#include "engine/archive/parameters.h"
#include "formats/number.h"

siren_status siren_trial_network(const siren_trial *trial, uint32_t n_volumes, siren_network *out) {
    siren_network network = trial->network;
    network.layers[network.n_layers - 1].width = n_volumes;
    SIREN_RETURN_IF_FAILED(siren_network_check(&network, trial->name, SIREN_USAGE));
    *out = network;
    return SIREN_OK;
}

/* ---- a list of layers from the file ---- */

static siren_status read_name(siren_value value, const char *(*name_of)(size_t), uint32_t *out) {
    const char *names[8];
    size_t n = 0, number = *out;
    while (n < 8 && name_of(n)) names[n] = name_of(n), n++;
    SIREN_RETURN_IF_FAILED(siren_value_choice(value, names, n, &number));
    *out = (uint32_t)number;
    return SIREN_OK;
}

/* w0 and init, whose defaults *layer holds. w0 means something to sines and in the bounds of hidden-sine only. */
static siren_status read_frequency(siren_value object, siren_layer *layer) {
    siren_value w0 = siren_value_member(object, "w0");
    double number = (double)layer->w0;
    SIREN_RETURN_IF_FAILED(read_name(siren_value_member(object, "init"), siren_init_name, &layer->init));
    bool uses_w0 = layer->activation == SIREN_SINE || layer->init == SIREN_INIT_HIDDEN_SINE;
    if (siren_value_exists(w0) && !uses_w0)
        return siren_value_refuse(w0, "leave it out: it belongs to activation sine or init hidden-sine");
    SIREN_RETURN_IF_FAILED(siren_value_number(w0, SIREN_MIN_W0, SIREN_MAX_W0, &number));
    layer->w0 = uses_w0 ? (float)number : 1.0f;
    return SIREN_OK;
}

static siren_status read_hidden_layer(siren_value object, bool first, siren_layer *out) {
    static const char *const keys[] = {"width", "activation", "w0", "init"};
    siren_value width = siren_value_member(object, "width"),
                activation = siren_value_member(object, "activation");
    uint64_t units = 0;
    SIREN_RETURN_IF_FAILED(siren_value_keys(object, keys, sizeof keys / sizeof *keys));
    if (!siren_value_exists(width) || !siren_value_exists(activation))
        return siren_value_fail(object, "lacks %s", siren_value_exists(width) ? "activation" : "width");
    SIREN_RETURN_IF_FAILED(siren_value_integer(width, 1, SIREN_MAX_WIDTH, &units));
    siren_layer layer = {.width = (uint32_t)units, .w0 = SIREN_DEFAULT_W0};
    SIREN_RETURN_IF_FAILED(read_name(activation, siren_activation_name, &layer.activation));
    layer.init = layer.activation != SIREN_SINE ? SIREN_INIT_LINEAR
                 : first                        ? SIREN_INIT_FIRST_SINE
                                                : SIREN_INIT_HIDDEN_SINE;
    SIREN_RETURN_IF_FAILED(read_frequency(object, &layer));
    *out = layer;
    return SIREN_OK;
}

siren_status siren_experiment_network(siren_value value, uint32_t n_inputs, siren_network *out) {
    static const char *const keys[] = {"hidden", "output"}, *const output_keys[] = {"activation", "w0",
                                                                                    "init"};
    siren_network network = {.n_inputs = n_inputs};
    siren_value hidden = siren_value_member(value, "hidden"), output = siren_value_member(value, "output");
    bool all_sine = true;
    SIREN_RETURN_IF_FAILED(siren_value_keys(value, keys, sizeof keys / sizeof *keys));
    if (!siren_value_exists(hidden))
        return siren_value_fail(value, "lacks hidden, the list of its hidden layers");
    size_t n_hidden = siren_value_is_array(hidden) ? siren_value_count(hidden) : 0;
    if (n_hidden < 1 || n_hidden > SIREN_MAX_LAYERS - 1)
        return siren_value_refuse(hidden, "give a list of 1 to %d layers", SIREN_MAX_LAYERS - 1);
    for (siren_value v = siren_value_first(hidden); siren_value_exists(v); v = siren_value_next(v)) {
        siren_layer *layer = &network.layers[network.n_layers];
        SIREN_RETURN_IF_FAILED(read_hidden_layer(v, network.n_layers++ == 0, layer));
        all_sine = all_sine && layer->activation == SIREN_SINE;
    }
    siren_layer last = {.activation = SIREN_IDENTITY,
                        .w0 = all_sine ? network.layers[n_hidden - 1].w0 : SIREN_DEFAULT_W0,
                        .init = all_sine ? SIREN_INIT_HIDDEN_SINE : SIREN_INIT_LINEAR};
    if (siren_value_exists(output)) {
        SIREN_RETURN_IF_FAILED(
            siren_value_keys(output, output_keys, sizeof output_keys / sizeof *output_keys));
        SIREN_RETURN_IF_FAILED(
            read_name(siren_value_member(output, "activation"), siren_activation_name, &last.activation));
    }
    SIREN_RETURN_IF_FAILED(read_frequency(output, &last));
    network.layers[network.n_layers++] = last;
    *out = network;
    return SIREN_OK;
}

/* ---- name ---- */

typedef struct {
    char text[512];
    size_t length;
} name_text;

static void append(name_text *name, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void append(name_text *name, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(name->text + name->length, sizeof name->text - name->length, format, arguments);
    va_end(arguments);
    if (n > 0) name->length += (size_t)n;
    if (name->length >= sizeof name->text) name->length = sizeof name->text - 1;
}

/* What the trial does not share with the whole experiment. */
static void append_settings(name_text *name, const siren_trial *trial, const siren_trial *base) {
    siren_block_kind usual = base->blocks;
    if (usual == SIREN_BLOCK_BY_MODEL)
        usual = trial->network.n_inputs == 2 ? SIREN_BLOCK_SLICE : SIREN_BLOCK_VOLUME;
    bool patches = trial->blocks == SIREN_BLOCK_PATCH;
    if (trial->blocks != usual || (patches && memcmp(trial->patch, base->patch, sizeof base->patch) != 0)) {
        append(name, "-%s", siren_block_kind_name(trial->blocks, 1));
        if (patches) append(name, "%zux%zux%zu", trial->patch[0], trial->patch[1], trial->patch[2]);
    }
    if (trial->axis != base->axis) append(name, "-axis%c", "xyz"[trial->axis]);
    if (trial->slices.begin != base->slices.begin || trial->slices.end != base->slices.end)
        append(name, "-slices%zuto%zu", trial->slices.begin, trial->slices.end);
    if (trial->epochs != base->epochs) append(name, "-epochs%zu", trial->epochs);
    if (trial->points_per_epoch != base->points_per_epoch)
        append(name, "-points%zu", trial->points_per_epoch);
}

siren_status siren_trial_make_name(const siren_trial_list *list, const siren_trial *trial, const char *label,
                                   char **out) {
    const siren_experiment *experiment = list->experiment;
    bool custom = strcmp(trial->model, SIREN_CUSTOM_MODEL) == 0;
    name_text name = {.length = 0};
    char number[SIREN_NUMBER_BYTES], weights[16];
    if (experiment->n_inputs > 1) append(&name, "%s-", experiment->inputs[trial->input].name);
    if (label)
        append(&name, "%s", label);
    else
        append(&name, "%s-%ux%u", trial->model, trial->layers, trial->width);
    append(&name, "-%s", siren_weights_name(trial->weight_bits, weights));
    append(&name, "-seed%llu", (unsigned long long)trial->seed);
    if (trial->rate != siren_trial_default_rate(trial->network.n_inputs))
        append(&name, "-lr%s", siren_number_format_float(trial->rate, number));
    if (!custom && trial->w0 != 0 && trial->w0 != SIREN_DEFAULT_W0)
        append(&name, "-w0_%s", siren_number_format_float(trial->w0, number));
    append_settings(&name, trial, &list->base);
    SIREN_RETURN_IF_FAILED(siren_allocate(out, name.length + 1, 1, "the name of a trial"));
    strcpy(*out, name.text);
    return SIREN_OK;
}

/* ---- order ---- */

#define COMPARE(field)                                                                                       \
    if (a->field != b->field) return a->field < b->field ? -1 : 1

int siren_trial_compare(const siren_trial *a, const siren_trial *b) {
    COMPARE(input);
    COMPARE(seed);
    COMPARE(rate);
    COMPARE(weight_bits);
    COMPARE(epochs);
    COMPARE(points_per_epoch);
    COMPARE(blocks);
    COMPARE(axis);
    COMPARE(slices.begin);
    COMPARE(slices.end);
    int order = a->blocks == SIREN_BLOCK_PATCH ? memcmp(a->patch, b->patch, sizeof a->patch) : 0;
    return order ? order : memcmp(&a->network, &b->network, sizeof a->network);
}

/* ---- JSON ---- */

static void write_layer(siren_json *json, const char *key, const siren_layer *layer, bool is_output) {
    siren_json_begin_object(json, key);
    if (!is_output) siren_json_integer(json, "width", layer->width);
    siren_json_string(json, "activation", siren_activation_name(layer->activation));
    if (layer->activation == SIREN_SINE || layer->init == SIREN_INIT_HIDDEN_SINE)
        siren_json_float(json, "w0", layer->w0);
    siren_json_string(json, "init", siren_init_name(layer->init));
    siren_json_end(json);
}

static void write_network(siren_json *json, const siren_network *network) {
    uint32_t output = network->n_layers - 1;
    siren_json_begin_object(json, "network");
    siren_json_integer(json, "inputs", network->n_inputs);
    siren_json_begin_array(json, "hidden");
    for (uint32_t l = 0; l < output; l++) write_layer(json, NULL, &network->layers[l], false);
    siren_json_end(json);
    write_layer(json, "output", &network->layers[output], true);
    siren_json_end(json);
}

static void write_blocks(siren_json *json, const siren_trial *trial) {
    char axis[2] = {"xyz"[trial->axis], '\0'};
    siren_json_begin_object(json, "blocks");
    siren_json_string(json, "kind", siren_block_kind_name(trial->blocks, 1));
    if (trial->blocks == SIREN_BLOCK_PATCH) {
        siren_json_begin_array(json, "size");
        for (int i = 0; i < 3; i++) siren_json_integer(json, NULL, trial->patch[i]);
        siren_json_end(json);
    }
    siren_json_string(json, "axis", axis);
    if (trial->slices.end != 0) {
        siren_json_begin_array(json, "range");
        siren_json_integer(json, NULL, trial->slices.begin);
        siren_json_integer(json, NULL, trial->slices.end);
        siren_json_end(json);
    }
    siren_json_end(json);
}

void siren_trial_write(const siren_trial *trial, siren_json *json) {
    char weights[16];
    siren_json_string(json, "model", trial->model);
    siren_json_integer(json, "layers", trial->layers);
    siren_json_integer(json, "width", trial->width);
    write_network(json, &trial->network);
    siren_json_string(json, "weights", siren_weights_name(trial->weight_bits, weights));
    siren_json_integer(json, "seed", trial->seed);
    siren_json_float(json, "lr", trial->rate);
    siren_json_begin_object(json, "adam");
    siren_json_float(json, "beta1", SIREN_ADAM_BETA1);
    siren_json_float(json, "beta2", SIREN_ADAM_BETA2);
    siren_json_float(json, "epsilon", SIREN_ADAM_EPSILON);
    siren_json_end(json);
    siren_json_integer(json, "epochs", trial->epochs);
    if (trial->points_per_epoch) siren_json_integer(json, "points_per_epoch", trial->points_per_epoch);
    write_blocks(json, trial);
}
