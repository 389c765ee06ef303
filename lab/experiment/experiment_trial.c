/* One trial: its network, its name, its settings as JSON. */
#include "lab/experiment/experiment_parts.h"
#include "lab/experiment/setting_json.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine/model/blocks.h"
#include "engine/train/optimiser.h"

siren_status siren_trial_network(const siren_trial *trial, uint32_t n_volumes, uint32_t n_acquisition,
                                 siren_network *out) {
    siren_network network = trial->network;
    network.layers[network.n_layers - 1].width = n_volumes;
    if (network.n_acquisition > 0)
        siren_network_acquire(&network, network.n_inputs - network.n_acquisition, n_acquisition);
    SIREN_TRY(siren_network_check(&network, trial->name, SIREN_USAGE));
    *out = network;
    return SIREN_OK;
}

/* ---- a list of layers from the file ---- */

static siren_status read_name(siren_value value, const char *(*name_of)(size_t), uint32_t *out) {
    const char *names[8];
    size_t n = 0, number = *out;
    while (n < 8 && name_of(n)) names[n] = name_of(n), n++;
    SIREN_TRY(siren_value_choice(value, names, n, &number));
    *out = (uint32_t)number;
    return SIREN_OK;
}

/* w0 and init, whose defaults *layer holds. w0 means something to sines and in the bounds of hidden-sine only. */
static siren_status read_frequency(siren_value object, siren_layer *layer) {
    siren_value w0 = siren_value_member(object, "w0");
    double number = (double)layer->w0;
    SIREN_TRY(read_name(siren_value_member(object, "init"), siren_init_name, &layer->init));
    bool uses_w0 = layer->activation == SIREN_SINE || layer->init == SIREN_INIT_HIDDEN_SINE;
    if (siren_value_exists(w0) && !uses_w0)
        return siren_value_refuse(w0, "leave it out: it belongs to activation sine or init hidden-sine");
    SIREN_TRY(siren_value_number(w0, SIREN_MIN_W0, SIREN_MAX_W0, &number));
    layer->w0 = uses_w0 ? (float)number : 1.0f;
    return SIREN_OK;
}

static siren_status read_hidden_layer(siren_value object, bool first, siren_layer *out) {
    static const char *const keys[] = {"width", "activation", "w0", "init"};
    siren_value width = siren_value_member(object, "width"),
                activation = siren_value_member(object, "activation");
    uint64_t units = 0;
    SIREN_TRY(siren_value_keys(object, keys, sizeof keys / sizeof *keys));
    if (!siren_value_exists(width) || !siren_value_exists(activation))
        return siren_value_fail(object, "lacks %s", siren_value_exists(width) ? "activation" : "width");
    SIREN_TRY(siren_value_integer(width, 1, SIREN_MAX_WIDTH, &units));
    siren_layer layer = {.width = (uint32_t)units, .w0 = siren_settings_defaults().w0};
    SIREN_TRY(read_name(activation, siren_activation_name, &layer.activation));
    layer.init = layer.activation != SIREN_SINE ? SIREN_INIT_LINEAR
                 : first                        ? SIREN_INIT_FIRST_SINE
                                                : SIREN_INIT_HIDDEN_SINE;
    SIREN_TRY(read_frequency(object, &layer));
    *out = layer;
    return SIREN_OK;
}

siren_status siren_experiment_network(siren_value value, uint32_t n_inputs, siren_network *out) {
    static const char *const keys[] = {"hidden", "output"}, *const output_keys[] = {"activation", "w0",
                                                                                    "init"};
    siren_network network = {.n_inputs = n_inputs};
    siren_value hidden = siren_value_member(value, "hidden"), output = siren_value_member(value, "output");
    bool all_sine = true;
    SIREN_TRY(siren_value_keys(value, keys, sizeof keys / sizeof *keys));
    if (!siren_value_exists(hidden))
        return siren_value_fail(value, "lacks hidden, the list of its hidden layers");
    size_t n_hidden = siren_value_is_array(hidden) ? siren_value_count(hidden) : 0;
    if (n_hidden < 1 || n_hidden > SIREN_MAX_LAYERS - 1)
        return siren_value_refuse(hidden, "give a list of 1 to %d layers", SIREN_MAX_LAYERS - 1);
    for (siren_value v = siren_value_first(hidden); siren_value_exists(v); v = siren_value_next(v)) {
        siren_layer *layer = &network.layers[network.n_layers];
        SIREN_TRY(read_hidden_layer(v, network.n_layers++ == 0, layer));
        all_sine = all_sine && layer->activation == SIREN_SINE;
    }
    siren_layer last = {.activation = SIREN_IDENTITY,
                        .w0 = all_sine ? network.layers[n_hidden - 1].w0 : siren_settings_defaults().w0,
                        .init = all_sine ? SIREN_INIT_HIDDEN_SINE : SIREN_INIT_LINEAR};
    if (siren_value_exists(output)) {
        SIREN_TRY(siren_value_keys(output, output_keys, sizeof output_keys / sizeof *output_keys));
        SIREN_TRY(
            read_name(siren_value_member(output, "activation"), siren_activation_name, &last.activation));
    }
    SIREN_TRY(read_frequency(output, &last));
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

/* The setting's value; a range's colon becomes "to", others vanish. */
static void append_setting(name_text *name, const siren_setting *setting, const siren_settings *settings) {
    char text[SIREN_SETTING_CHARS];
    append(name, "%s", setting->suffix);
    for (const char *c = siren_setting_format(setting, settings, text); *c; c++)
        if (*c != ':')
            append(name, "%c", *c);
        else if (setting->type == SIREN_SETTING_SPAN)
            append(name, "to");
}

siren_status siren_trial_make_name(const siren_trial_list *list, const siren_trial *trial, const char *label,
                                   char **out) {
    const siren_experiment *experiment = list->experiment;
    const siren_settings *settings = &trial->settings;
    const siren_setting *s;
    const siren_settings *base = &list->base;
    siren_settings usual = *base;
    name_text name = {.length = 0};
    usual.model = settings->model, usual.layers = settings->layers, usual.width = settings->width;
    siren_settings_resolve(&usual, trial->network.n_inputs -
                                       trial->network.n_acquisition); /* some choices go by the network */
    usual.model = base->model, usual.layers = base->layers, usual.width = base->width;
    const bool targeted = siren_trial_has_target(trial), network = siren_model_is_network(settings->model),
               sized = targeted && trial->target.kind != SIREN_TARGET_MAX_ERROR;
    char target[SIREN_SETTING_CHARS];
    if (settings->w0 == 0 || strcmp(settings->model, SIREN_CUSTOM_MODEL) == 0) usual.w0 = settings->w0;
    if (experiment->n_inputs > 1) append(&name, "%s-", experiment->inputs[trial->input].name);
    if (label)
        append(&name, "%s", label);
    else if (network && sized && settings->layers != usual.layers)
        append(&name, "%s-%ulayers", settings->model, settings->layers);
    else if (!network || sized)
        append(&name, "%s", settings->model);
    else
        append(&name, "%s-%ux%u", settings->model, settings->layers, settings->width);
    if (targeted) append(&name, "-%s", siren_trial_target_name(&trial->target, target));
    for (size_t i = 0; (s = siren_setting_at(i)); i++)
        if (!network && siren_setting_is_value(s) && !siren_setting_is_of_target(s))
            continue;
        else if (s->suffix &&
                 (s->flags & SIREN_SETTING_NAMED || siren_setting_compare(s, settings, &usual) != 0))
            append_setting(&name, s, settings);
    SIREN_TRY(siren_allocate(out, name.length + 1, 1, "the name of a trial"));
    strcpy(*out, name.text);
    return SIREN_OK;
}

int siren_trial_compare(const siren_trial *a, const siren_trial *b) {
    if (a->input != b->input) return a->input < b->input ? -1 : 1;
    const bool targeted = siren_trial_has_target(a); /* then no network tells these settings */
    int order = siren_trial_target_compare(&a->target, &b->target);
    if (!order && targeted)
        order = siren_settings_compare(&a->settings, &b->settings, SIREN_SHARE_BY_NETWORK);
    if (order) return order;
    order = siren_settings_compare(&a->settings, &b->settings, SIREN_SHARE_TRAINING);
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
    siren_json_integer(json, "inputs", network->n_inputs - network->n_acquisition);
    if (network->n_acquisition > 0) siren_json_bool(json, "volume_coordinates", true);
    siren_json_begin_array(json, "hidden");
    for (uint32_t l = 0; l < output; l++) write_layer(json, NULL, &network->layers[l], false);
    siren_json_end(json);
    write_layer(json, "output", &network->layers[output], true);
    siren_json_end(json);
}

void siren_slices_write(siren_axis axis, siren_span slices, siren_json *json) {
    const char name[2] = {"xyz"[axis], '\0'};
    siren_json_string(json, "axis", name);
    if (slices.end != 0) siren_json_integers(json, "range", (const size_t[]){slices.begin, slices.end}, 2);
}

static void write_blocks(siren_json *json, const siren_settings *settings) {
    siren_json_begin_object(json, "blocks");
    siren_json_string(json, "kind", siren_block_kind_name(settings->blocks, 1));
    if (settings->blocks == SIREN_BLOCK_PATCH) siren_json_integers(json, "size", settings->patch, 3);
    siren_slices_write(settings->axis, settings->slices, json);
    siren_json_end(json);
}

static void write_optimiser(const siren_settings *settings, siren_json *json) {
    bool soap = settings->optimiser == SIREN_OPTIMISER_SOAP;
    siren_adam_options options = siren_adam_options_of(settings);
    siren_json_begin_object(json, soap ? "soap" : "adam");
    siren_json_float(json, "beta1", options.beta1);
    siren_json_float(json, "beta2", options.beta2);
    siren_json_float(json, "epsilon", options.epsilon);
    if (soap) siren_json_integer(json, "refresh", siren_soap_refresh_of(settings));
    siren_json_end(json);
}

/* Whether the setting has no say in how the trial meets its target. */
static bool is_unused(const siren_trial *trial, const siren_setting *s) {
    const bool sized = trial->target.kind != SIREN_TARGET_MAX_ERROR;
    if (!siren_model_is_network(trial->settings.model)) return !siren_setting_is_of_target(s);
    return (sized && strcmp(s->key, "width") == 0) ||
           (s->flags & SIREN_SETTING_IN_LAYERS && trial->settings.w0 == 0);
}

void siren_trial_write(const siren_trial *trial, siren_json *json) {
    const siren_settings *settings = &trial->settings;
    const siren_setting *s;
    const bool targeted = siren_trial_has_target(trial);
    bool network = targeted;
    if (targeted) siren_trial_target_write(&trial->target, json);
    for (size_t i = 0; (s = siren_setting_at(i)); i++) {
        bool untold = targeted ? is_unused(trial, s) : s->flags & SIREN_SETTING_IN_LAYERS;
        untold = untold || siren_setting_is_untold(s, settings);
        if (!siren_setting_is_value(s) || untold) continue;
        if (!network && s->share != SIREN_SHARE_BY_NETWORK) {
            write_network(json, &trial->network);
            network = true;
        }
        siren_setting_write(s, settings, json);
        if (s->offset != offsetof(siren_settings, rate)) continue;
        write_optimiser(settings, json);
    }
    write_blocks(json, settings);
}
