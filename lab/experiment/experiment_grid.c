/* An entry of "grid" or "trials": lists of values, every combination of which is a trial unless a rule excludes it. */
#include "lab/experiment/experiment_parts.h"
#include "lab/experiment/setting_json.h"

#include <stdlib.h>
#include <string.h>

#include "engine/model/blocks.h"

#define TARGET_AXIS SIREN_MAX_SETTINGS /* behind those of settings */

/* What an entry lists for one setting. */
typedef struct {
    siren_settings *values; /* (n) that setting alone is read of each */
    size_t n;
} axis_values;

/* Excludes the trials whose value is listed, of every axis that lists any. */
typedef struct {
    axis_values axes[SIREN_MAX_SETTINGS];
    siren_target_list targets;
    size_t *inputs;
    size_t n_inputs;
    bool used;
} exclusion;

typedef struct {
    siren_value source;
    const char *label; /* "name", or NULL */
    siren_trial base;
    axis_values axes[SIREN_MAX_SETTINGS]; /* by the rows of engine/settings.h */
    siren_target_list targets;            /* one axis more, the fastest */
    bool counts_hidden;                   /* layers are all hidden layers, not those of the model's name */
    bool custom;                          /* base.network holds the layers */
    exclusion *exclusions;
    size_t n_exclusions;
} entry;

/* ---- values ---- */

size_t siren_experiment_keys(bool whole, const char *keys[SIREN_MAX_SETTINGS]) {
    const siren_setting *s;
    size_t n = 0;
    for (size_t i = 0; (s = siren_setting_at(i)); i++)
        if (siren_setting_is_value(s) && !(whole && s->share == SIREN_SHARE_BY_NETWORK)) keys[n++] = s->key;
    return n;
}

/* One value or a list; nothing where `value` is none. */
static siren_status read_axis(siren_value value, const siren_setting *setting, bool single,
                              axis_values *out) {
    if (!siren_value_exists(value)) return SIREN_OK;
    bool list = siren_value_is_array(value);
    if (list && single)
        return siren_value_refuse(value, "give one value: lists of values belong into \"grid\"");
    size_t n = list ? siren_value_count(value) : 1;
    if (n == 0) return siren_value_refuse(value, "give at least one value");
    SIREN_TRY(siren_allocate(&out->values, n, sizeof *out->values, "the values of a grid"));
    for (siren_value v = siren_value_list(value); out->n < n; v = siren_value_next(v))
        SIREN_TRY(siren_setting_read(setting, v, &out->values[out->n++]));
    return SIREN_OK;
}

static siren_status read_axes(siren_value object, bool single, axis_values *axes) {
    const siren_setting *s;
    for (size_t i = 0; (s = siren_setting_at(i)); i++)
        if (siren_setting_is_value(s))
            SIREN_TRY(read_axis(siren_value_member(object, s->key), s, single, &axes[i]));
    return SIREN_OK;
}

static void free_axes(axis_values *axes) {
    for (size_t i = 0; i < SIREN_MAX_SETTINGS; i++) free(axes[i].values);
}

/* ---- exclusions ---- */

static siren_status read_excluded_inputs(const siren_experiment *experiment, siren_value value,
                                         exclusion *out) {
    size_t n = siren_value_is_array(value) ? siren_value_count(value) : 1;
    SIREN_TRY(siren_allocate(&out->inputs, n, sizeof *out->inputs, "the inputs of a rule"));
    for (siren_value v = siren_value_list(value); out->n_inputs < n; v = siren_value_next(v)) {
        const char *name = NULL;
        size_t i = 0;
        SIREN_TRY(siren_value_string(v, &name));
        while (i < experiment->n_inputs && strcmp(experiment->inputs[i].name, name) != 0) i++;
        if (i == experiment->n_inputs) return siren_value_refuse(v, "no input has this name");
        out->inputs[out->n_inputs++] = i;
    }
    return SIREN_OK;
}

static siren_status read_exclusion(const siren_experiment *experiment, siren_value value, exclusion *out) {
    const char *keys[SIREN_MAX_SETTINGS + SIREN_N_TARGET_KEYS + 1];
    size_t n = siren_experiment_keys(false, keys);
    siren_target_keys(keys + n);
    n += SIREN_N_TARGET_KEYS;
    keys[n] = "input";
    SIREN_TRY(siren_value_keys(value, keys, n + 1));
    if (siren_value_count(value) == 0)
        return siren_value_fail(value, "is empty and would exclude every trial");
    SIREN_TRY(read_axes(value, false, out->axes));
    SIREN_TRY(siren_target_list_read(value, false, &out->targets));
    siren_value inputs = siren_value_member(value, "input");
    return siren_value_exists(inputs) ? read_excluded_inputs(experiment, inputs, out) : SIREN_OK;
}

static bool excludes(const exclusion *rule, const siren_trial *trial) {
    const siren_setting *s;
    bool listed = rule->n_inputs == 0;
    if (rule->targets.n > 0 && !siren_target_list_has(&rule->targets, &trial->target)) return false;
    for (size_t i = 0; i < rule->n_inputs; i++) listed = listed || rule->inputs[i] == trial->input;
    for (size_t i = 0; listed && (s = siren_setting_at(i)); i++) {
        const axis_values *axis = &rule->axes[i];
        listed = axis->n == 0;
        for (size_t k = 0; k < axis->n && !listed; k++)
            listed = siren_setting_compare(s, &axis->values[k], &trial->settings) == 0;
    }
    return listed;
}

static bool is_excluded(entry *e, const siren_trial *trial) {
    bool excluded = false;
    for (size_t i = 0; i < e->n_exclusions; i++)
        if (excludes(&e->exclusions[i], trial)) excluded = e->exclusions[i].used = true;
    return excluded;
}

/* ---- the entry ---- */

siren_status siren_value_span(siren_value value, const char *what, siren_span *out) {
    uint64_t begin = 0, end = 0;
    if (!siren_value_exists(value)) return SIREN_OK;
    siren_value first = siren_value_first(value);
    if (!siren_value_is_array(value) || siren_value_count(value) != 2)
        return siren_value_refuse(value, "give the first %s and the one after the last: [40, 44]", what);
    SIREN_TRY(siren_value_integer(first, 0, SIREN_MAX_POINTS, &begin));
    SIREN_TRY(siren_value_integer(siren_value_next(first), 1, SIREN_MAX_POINTS, &end));
    if (begin >= end)
        return siren_value_fail(value,
                                "goes from %llu to %llu, which leaves no %s: the second number is the one "
                                "after the last %s",
                                (unsigned long long)begin, (unsigned long long)end, what, what);
    *out = (siren_span){(size_t)begin, (size_t)end};
    return SIREN_OK;
}

static siren_status read_blocks(siren_value value, siren_settings *out) {
    static const char *const keys[] = {"kind", "size", "axis", "range"};
    static const char *const kinds[] = {"slice", "volume", "patch"};
    size_t kind = (size_t)out->blocks - 1, i = 0;
    if (!siren_value_exists(value)) return SIREN_OK;
    SIREN_TRY(siren_value_keys(value, keys, sizeof keys / sizeof *keys));
    SIREN_TRY(siren_value_choice(siren_value_member(value, "kind"), kinds, 3, &kind));
    out->blocks = (siren_block_kind)(kind + 1);

    siren_value size = siren_value_member(value, "size"), range = siren_value_member(value, "range");
    siren_value axis = siren_value_member(value, "axis");
    if (siren_value_exists(axis)) SIREN_TRY(siren_setting_read(siren_setting_find("axis"), axis, out));
    if (siren_value_exists(size)) {
        if (out->blocks != SIREN_BLOCK_PATCH)
            return siren_value_refuse(size, "leave it out: only kind \"patch\" has a size");
        if (!siren_value_is_array(size) || siren_value_count(size) != 3)
            return siren_value_refuse(size, "give the voxels along x, y and z: [16, 16, 16]");
        for (siren_value v = siren_value_first(size); siren_value_exists(v); v = siren_value_next(v), i++) {
            uint64_t voxels = 0;
            SIREN_TRY(siren_value_integer(v, 1, SIREN_MAX_POINTS, &voxels));
            out->patch[i] = (size_t)voxels;
        }
    }
    return siren_value_span(range, "slice", &out->slices);
}

siren_status siren_experiment_settings(siren_value root, siren_settings *settings) {
    const siren_setting *s;
    for (size_t i = 0; (s = siren_setting_at(i)); i++) {
        siren_value value = siren_value_member(root, s->key);
        if (siren_setting_is_value(s) && siren_value_exists(value))
            SIREN_TRY(siren_setting_read(s, value, settings));
    }
    return read_blocks(siren_value_member(root, "blocks"), settings);
}

/* A list of layers in the place of a model. */
static siren_status read_network(siren_value value, entry *e) {
    const siren_setting *s;
    siren_value hidden = siren_value_member(e->source, "hidden"), other = hidden;
    for (size_t i = 0; !siren_value_exists(other) && (s = siren_setting_at(i)); i++)
        if (s->share == SIREN_SHARE_BY_NETWORK) other = siren_value_member(e->source, s->key);
    if (siren_value_exists(other)) return siren_value_fail(other, "and network exclude each other");
    siren_settings *t = &e->base.settings;
    siren_network *network = &e->base.network;
    if (t->blocks == SIREN_BLOCK_BY_MODEL) t->blocks = SIREN_BLOCK_SLICE;
    e->custom = true;
    SIREN_TRY(siren_experiment_network(value, siren_block_inputs(t->blocks), network));
    t->model = SIREN_CUSTOM_MODEL;
    t->layers = network->n_layers - 1;
    t->width = 0;
    t->w0 = 0;
    for (uint32_t l = t->layers; l-- > 0;) {
        const siren_layer *layer = &network->layers[l];
        if (layer->width > t->width) t->width = layer->width;
        if (layer->activation == SIREN_SINE) t->w0 = layer->w0;
    }
    return SIREN_OK;
}

static siren_status read_exclusions(const siren_experiment *experiment, siren_value value, entry *e) {
    if (!siren_value_exists(value)) return SIREN_OK;
    if (!siren_value_is_array(value))
        return siren_value_refuse(value, "give a list of rules: [{\"model\": ...}]");
    size_t n = siren_value_count(value);
    SIREN_TRY(siren_allocate(&e->exclusions, n, sizeof *e->exclusions, "the rules of a grid"));
    for (siren_value v = siren_value_first(value); siren_value_exists(v); v = siren_value_next(v))
        SIREN_TRY(read_exclusion(experiment, v, &e->exclusions[e->n_exclusions++]));
    return SIREN_OK;
}

static siren_status read_entry(const siren_experiment *experiment, bool single, entry *e) {
    const char *keys[SIREN_MAX_SETTINGS + SIREN_N_TARGET_KEYS + 5] = {"name", "network", "hidden"};
    size_t n = 3 + siren_experiment_keys(false, keys + 3), layers = 0;
    siren_value network = siren_value_member(e->source, "network"),
                hidden = siren_value_member(e->source, "hidden");
    siren_value name = siren_value_member(e->source, "name");
    siren_target_keys(keys + n);
    n += SIREN_N_TARGET_KEYS;
    keys[n++] = "blocks";
    keys[n++] = "exclude";
    SIREN_TRY(siren_value_keys(e->source, keys, single ? n - 1 : n));
    if (siren_value_exists(name)) SIREN_TRY(siren_value_name(name, &e->label));
    SIREN_TRY(read_blocks(siren_value_member(e->source, "blocks"), &e->base.settings));
    if (siren_value_exists(network)) {
        SIREN_TRY(read_network(network, e));
    } else if (!siren_value_exists(siren_value_member(e->source, "model"))) {
        return siren_value_fail(e->source, "lacks model, or network with a list of layers");
    }
    SIREN_TRY(read_axes(e->source, single, e->axes));
    SIREN_TRY(siren_target_list_read(e->source, single, &e->targets));
    if (e->custom && e->targets.n > 0)
        return siren_value_fail(network, "lists layers, but a target belongs to a model that is named");
    if (siren_value_exists(hidden)) {
        const siren_setting *s = siren_setting_find("layers");
        while (siren_setting_at(layers) != s) layers++;
        if (e->axes[layers].n > 0)
            return siren_value_fail(siren_value_member(e->source, "layers"), "and hidden exclude each other");
        SIREN_TRY(read_axis(hidden, s, single, &e->axes[layers]));
        e->counts_hidden = true;
    }
    return read_exclusions(experiment, siren_value_member(e->source, "exclude"), e);
}

static void free_entry(entry *e) {
    free_axes(e->axes);
    free(e->targets.values);
    for (size_t i = 0; i < e->n_exclusions; i++) {
        free_axes(e->exclusions[i].axes);
        free(e->exclusions[i].targets.values);
        free(e->exclusions[i].inputs);
    }
    free(e->exclusions);
}

/* ---- expansion ---- */

/* The network of a shorthand. */
static siren_status resolve_model(const entry *e, siren_trial *trial) {
    siren_settings *t = &trial->settings;
    float w0 = t->w0;
    if (e->counts_hidden) {
        uint32_t extra = siren_model_extra_hidden(t->model);
        if (t->layers <= extra)
            return siren_value_fail(siren_value_member(e->source, "hidden"),
                                    "lists %u, but %s has at least %u hidden layer%s", t->layers, t->model,
                                    extra + 1, siren_plural(extra + 1));
        t->layers -= extra;
    }
    if (siren_network_from_model(t->model, t->layers, t->width, 1, w0, &trial->network) != SIREN_OK)
        return siren_value_fail(e->source, "asks for an impossible network: %s", siren_message());
    siren_layer *layers = trial->network.layers;
    layers[trial->network.n_layers - 1].width = 0;
    t->w0 = 0;
    for (uint32_t l = trial->network.n_layers - 1; l-- > 0;)
        if (layers[l].activation == SIREN_SINE) t->w0 = layers[l].w0;
    return SIREN_OK;
}

/* Without networks what is of none, and slices, remain. */
static void forget_training(siren_trial *trial) {
    const siren_setting *s;
    siren_settings kept = siren_settings_defaults();
    for (size_t i = 0; (s = siren_setting_at(i)); i++)
        if (!siren_setting_is_value(s) || siren_setting_is_of_target(s))
            siren_setting_copy(s, &trial->settings, &kept);
    trial->settings = kept;
    trial->network = (siren_network){.n_inputs = 2};
}

/* One coordinate of volumes stands for as many as the input will have; its blocks tell those of a voxel. */
static void resolve_acquisition(siren_trial *trial) {
    const siren_settings *t = &trial->settings;
    if (!siren_trial_has_acquisition(trial)) return;
    if (trial->network.n_layers > 0) {
        siren_network_acquire(&trial->network, siren_block_inputs(t->blocks), 1);
        trial->network.layers[trial->network.n_layers - 1].width = 0;
    } else {
        trial->network.n_acquisition = 1;
        trial->network.n_inputs = siren_block_inputs(t->blocks) + 1;
    }
}

/* That the input of a trial on coordinates of volumes has some. */
static siren_status check_acquisition(const entry *e, const siren_trial *trial,
                                      const siren_experiment_input *input) {
    if (!siren_trial_has_acquisition(trial) || input->volume_coordinates || input->phantom.n_echo_times > 0)
        return SIREN_OK;
    return siren_value_fail(
        e->source,
        "asks for model %s, but input %s has no volume_coordinates (docs/acquisition.md): give them, or "
        "exclude the input",
        trial->settings.model, input->name);
}

static siren_status resolve_target(const entry *e, siren_trial *trial) {
    const siren_compress_options options = siren_trial_options(trial);
    siren_value width = siren_value_member(e->source, "width");
    if (trial->settings.axis != SIREN_AXIS_Z)
        return siren_value_fail(e->source, "has a target, which needs slices along z");
    if (!siren_model_is_network(trial->settings.model)) {
        forget_training(trial);
        return SIREN_OK;
    }
    if (siren_options_sized(&options) && siren_value_exists(width))
        return siren_value_refuse(width, "leave it out: the target tells the width");
    SIREN_TRY(resolve_model(e, trial));
    trial->network = (siren_network){.n_inputs = trial->network.n_inputs};
    return SIREN_OK;
}

/* The combination `at` of the axes' values. */
static siren_status resolve(const entry *e, const size_t *at, size_t input, siren_trial *out) {
    const siren_setting *s;
    siren_trial trial = e->base;
    siren_settings *t = &trial.settings;
    trial.input = input;
    for (size_t i = 0; (s = siren_setting_at(i)); i++)
        if (e->axes[i].n) siren_setting_copy(s, &e->axes[i].values[at[i]], t);
    if (e->targets.n) trial.target = e->targets.values[at[TARGET_AXIS]];
    const bool targeted = siren_trial_has_target(&trial);
    if (!targeted && !e->custom && !siren_model_is_network(t->model))
        return siren_value_fail(e->source,
                                "asks for model %s, which needs a target: ratio, size, psnr, max_error, "
                                "noise or lossless",
                                t->model);
    if (targeted)
        SIREN_TRY(resolve_target(e, &trial));
    else if (!e->custom)
        SIREN_TRY(resolve_model(e, &trial));
    uint32_t n_inputs = trial.network.n_inputs;
    siren_settings_resolve(t, n_inputs);
    if (targeted && !siren_setting_is_given(t, "lr") && siren_settings_rate_by_width(t))
        t->rate = 0; /* with the width */
    resolve_acquisition(&trial);
    if (siren_block_inputs(t->blocks) != n_inputs && !siren_trial_has_acquisition(&trial))
        return siren_value_fail(
            e->source, "asks for model %s, which maps %u coordinate%s, but blocks of kind %s have %u",
            t->model, n_inputs, siren_plural(n_inputs), siren_block_kind_name(t->blocks, 1),
            siren_block_inputs(t->blocks));
    *out = trial;
    return SIREN_OK;
}

/* Without a sine layer all w0 are the same trial, and without networks all settings of training: it is run once. */
static bool is_repeated(const siren_trial *trial, const size_t *at) {
    const bool network = siren_model_is_network(trial->settings.model);
    const siren_setting *s;
    bool repeated = false;
    for (size_t i = 0; (s = siren_setting_at(i)); i++)
        repeated = repeated || (at[i] > 0 && s->flags & SIREN_SETTING_IN_LAYERS && trial->settings.w0 == 0) ||
                   (at[i] > 0 && !network && !siren_setting_is_of_target(s));
    return repeated;
}

/* USAGE for a model that cannot meet the target. */
static siren_status check_target(const entry *e, const siren_trial *trial) {
    siren_compress_options options = siren_trial_options(trial);
    if (!siren_trial_has_target(trial) || siren_options_settle(&options) == SIREN_OK) return SIREN_OK;
    return siren_value_fail(e->source, "asks for model %s with a target of other models: %s; or exclude it",
                            trial->settings.model, siren_message());
}

static siren_status append_trial(siren_trial_list *list, const entry *e, siren_trial trial) {
    siren_experiment *x = list->experiment;
    if (x->n_trials == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 64;
        siren_trial *trials = realloc(x->trials, capacity * sizeof *trials);
        if (trials) x->trials = trials;
        siren_value *sources = trials ? realloc(list->sources, capacity * sizeof *sources) : NULL;
        if (!sources)
            return siren_fail(SIREN_SYSTEM, "out of memory: cannot hold more than %zu trials", x->n_trials);
        list->sources = sources;
        list->capacity = capacity;
    }
    SIREN_TRY(siren_trial_make_name(list, &trial, e->label, &trial.name));
    list->sources[x->n_trials] = e->source;
    x->trials[x->n_trials++] = trial;
    return SIREN_OK;
}

static size_t axis_values_of(const entry *e, int axis) {
    return axis == TARGET_AXIS ? e->targets.n : e->axes[axis].n;
}

/* Every combination, the last axis fastest. */
static siren_status expand(siren_trial_list *list, entry *e, size_t input) {
    size_t at[TARGET_AXIS + 1] = {0};
    int k = 0;
    while (k >= 0) {
        siren_trial trial;
        SIREN_TRY(resolve(e, at, input, &trial));
        if (!is_repeated(&trial, at) && !is_excluded(e, &trial)) {
            SIREN_TRY(check_acquisition(e, &trial, &list->experiment->inputs[input]));
            SIREN_TRY(check_target(e, &trial));
            SIREN_TRY(append_trial(list, e, trial));
        }
        for (k = TARGET_AXIS; k >= 0 && ++at[k] >= axis_values_of(e, k); k--) at[k] = 0;
    }
    return SIREN_OK;
}

static siren_status check_size(const siren_trial_list *list, const entry *e, size_t *total) {
    size_t n = list->experiment->n_inputs;
    bool fits = true;
    for (int k = 0; k <= TARGET_AXIS && fits; k++)
        if (axis_values_of(e, k)) fits = siren_mul(n, axis_values_of(e, k), &n);
    if (!fits || !siren_add(*total, n, total) || *total > list->max_trials)
        return siren_value_fail(e->source,
                                "makes more than %zu trial%s: use shorter lists, or insist with --yes",
                                list->max_trials, siren_plural(list->max_trials));
    return SIREN_OK;
}

static siren_status check_exclusions(const entry *e) {
    siren_value rule = siren_value_first(siren_value_member(e->source, "exclude"));
    for (size_t i = 0; i < e->n_exclusions; i++, rule = siren_value_next(rule))
        if (!e->exclusions[i].used)
            return siren_value_fail(rule, "excludes nothing: no trial has all its values");
    return SIREN_OK;
}

typedef struct {
    entry *of; /* (n) */
    size_t n;
} entry_list;

static void free_entries(entry_list *entries) {
    for (size_t i = 0; i < entries->n; i++) free_entry(&entries->of[i]);
    free(entries->of);
}

siren_status siren_trial_list_fill(siren_trial_list *list, siren_value grids, siren_value trials) {
    SIREN_AT_END(free_entries) entry_list entries = {NULL, 0};
    size_t n_grids = siren_value_is_array(grids) ? siren_value_count(grids) : siren_value_exists(grids),
           n = n_grids + siren_value_count(trials), total = 0;
    SIREN_TRY(siren_allocate(&entries.of, n, sizeof *entries.of, "the grids of an experiment"));
    siren_value v = siren_value_list(grids);
    for (; entries.n < n; v = siren_value_next(v)) {
        if (entries.n == n_grids) v = siren_value_first(trials);
        entry *e = &entries.of[entries.n++];
        *e = (entry){.source = v, .base.settings = list->base};
        SIREN_TRY(read_entry(list->experiment, entries.n > n_grids, e));
        SIREN_TRY(check_size(list, e, &total));
    }
    for (size_t input = 0; input < list->experiment->n_inputs; input++)
        for (size_t k = 0; k < n; k++) SIREN_TRY(expand(list, &entries.of[k], input));
    for (size_t k = 0; k < n; k++) SIREN_TRY(check_exclusions(&entries.of[k]));
    return SIREN_OK;
}
