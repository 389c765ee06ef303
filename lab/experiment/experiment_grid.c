/* An entry of "grid" or "trials": lists of values, every combination of which is a trial unless a rule excludes it. */
#include "lab/experiment/experiment_parts.h"

#include <stdlib.h>
#include <string.h>

#include "engine/model/blocks.h"
#include "engine/archive/parameters.h"

/* What an entry may list. All values fit into doubles: names are counted, integers end at 2^53 - 1. */
typedef enum { MODEL, LAYERS, WIDTH, WEIGHTS, SEED, RATE, W0, N_AXES } axis_kind;
static const char *const axis_keys[N_AXES] = {"model", "layers", "width", "weights", "seed", "lr", "w0"};
static const double axis_defaults[N_AXES] = {
    0, 3, 256, 8, 0, 0, (double)SIREN_DEFAULT_W0}; /* lr 0: the model's */

typedef struct {
    double *values;
    size_t n;
} axis_values;

/* Excludes the trials whose value is listed, of every axis that lists any. */
typedef struct {
    axis_values axes[N_AXES];
    axis_values inputs;
    bool used;
} exclusion;

typedef struct {
    siren_value source;
    const char *label; /* "name", or NULL */
    siren_trial base;
    axis_values axes[N_AXES];
    bool counts_hidden; /* LAYERS are all hidden layers, not those of the model's name */
    bool custom;        /* base.network holds the layers */
    exclusion *exclusions;
    size_t n_exclusions;
} entry;

/* ---- values ---- */

static siren_status read_model(siren_value value, double *out) {
    const char *names[16];
    size_t n = 0, number;
    while (n < 16 && siren_model_name(n)) names[n] = siren_model_name(n), n++;
    SIREN_RETURN_IF_FAILED(siren_value_choice(value, names, n, &number));
    *out = (double)number;
    return SIREN_OK;
}

static siren_status read_weights(siren_value value, double *out) {
    const char *text = NULL;
    unsigned bits;
    SIREN_RETURN_IF_FAILED(siren_value_string(value, &text));
    if (!siren_weights_parse(text, &bits))
        return siren_value_refuse(value, "give float32, or int%d to int%d", SIREN_MIN_WEIGHT_BITS,
                                  SIREN_MAX_WEIGHT_BITS);
    *out = bits;
    return SIREN_OK;
}

/* Rates and w0 are floats in the engine. */
static siren_status read_float(siren_value value, double minimum, double maximum, double *out) {
    SIREN_RETURN_IF_FAILED(siren_value_number(value, minimum, maximum, out));
    *out = (double)(float)*out;
    return SIREN_OK;
}

static siren_status read_axis_value(siren_value value, axis_kind kind, double *out) {
    uint64_t integer = 0;
    switch (kind) {
    case MODEL:
        return read_model(value, out);
    case WEIGHTS:
        return read_weights(value, out);
    case RATE:
        return read_float(value, SIREN_MIN_RATE, SIREN_MAX_RATE, out);
    case W0:
        return read_float(value, SIREN_MIN_W0, SIREN_MAX_W0, out);
    case LAYERS:
        SIREN_RETURN_IF_FAILED(siren_value_integer(value, 1, SIREN_MAX_LAYERS - 1, &integer));
        break;
    case WIDTH:
        SIREN_RETURN_IF_FAILED(siren_value_integer(value, 1, SIREN_MAX_WIDTH, &integer));
        break;
    default:
        SIREN_RETURN_IF_FAILED(siren_value_integer(value, 0, UINT64_MAX, &integer));
    }
    *out = (double)integer;
    return SIREN_OK;
}

/* One value or a list; nothing where `value` is none. */
static siren_status read_axis(siren_value value, axis_kind kind, bool single, axis_values *out) {
    if (!siren_value_exists(value)) return SIREN_OK;
    bool list = siren_value_is_array(value);
    if (list && single)
        return siren_value_refuse(value, "give one value: lists of values belong into \"grid\"");
    size_t n = list ? siren_value_count(value) : 1;
    if (n == 0) return siren_value_refuse(value, "give at least one value");
    SIREN_RETURN_IF_FAILED(siren_allocate(&out->values, n, sizeof *out->values, "the values of a grid"));
    for (siren_value v = siren_value_list(value); out->n < n; v = siren_value_next(v))
        SIREN_RETURN_IF_FAILED(read_axis_value(v, kind, &out->values[out->n++]));
    return SIREN_OK;
}

/* ---- exclusions ---- */

static siren_status read_excluded_inputs(const siren_experiment *experiment, siren_value value,
                                         axis_values *out) {
    size_t n = siren_value_is_array(value) ? siren_value_count(value) : 1;
    SIREN_RETURN_IF_FAILED(siren_allocate(&out->values, n, sizeof *out->values, "the inputs of a rule"));
    for (siren_value v = siren_value_list(value); out->n < n; v = siren_value_next(v)) {
        const char *name = NULL;
        size_t i = 0;
        SIREN_RETURN_IF_FAILED(siren_value_string(v, &name));
        while (i < experiment->n_inputs && strcmp(experiment->inputs[i].name, name) != 0) i++;
        if (i == experiment->n_inputs) return siren_value_refuse(v, "no input has this name");
        out->values[out->n++] = (double)i;
    }
    return SIREN_OK;
}

static siren_status read_exclusion(const siren_experiment *experiment, siren_value value, exclusion *out) {
    const char *keys[N_AXES + 1];
    memcpy(keys, axis_keys, sizeof axis_keys);
    keys[N_AXES] = "input";
    SIREN_RETURN_IF_FAILED(siren_value_keys(value, keys, N_AXES + 1));
    if (siren_value_count(value) == 0)
        return siren_value_fail(value, "is empty and would exclude every trial");
    for (int k = 0; k < N_AXES; k++)
        SIREN_RETURN_IF_FAILED(read_axis(siren_value_member(value, axis_keys[k]), k, false, &out->axes[k]));
    siren_value inputs = siren_value_member(value, "input");
    return siren_value_exists(inputs) ? read_excluded_inputs(experiment, inputs, &out->inputs) : SIREN_OK;
}

static bool lists(const axis_values *axis, double value) {
    for (size_t i = 0; i < axis->n; i++)
        if (axis->values[i] == value) return true;
    return axis->n == 0;
}

static bool excludes(const exclusion *rule, const siren_trial *trial) {
    size_t model = 0;
    while (siren_model_name(model) && strcmp(siren_model_name(model), trial->model) != 0) model++;
    const double values[N_AXES] = {
        (double)model,       (double)trial->layers, (double)trial->width, (double)trial->weight_bits,
        (double)trial->seed, (double)trial->rate,   (double)trial->w0};
    for (int k = 0; k < N_AXES; k++)
        if (!lists(&rule->axes[k], values[k])) return false;
    return lists(&rule->inputs, (double)trial->input);
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
    SIREN_RETURN_IF_FAILED(siren_value_integer(first, 0, SIREN_MAX_POINTS, &begin));
    SIREN_RETURN_IF_FAILED(siren_value_integer(siren_value_next(first), 1, SIREN_MAX_POINTS, &end));
    if (begin >= end)
        return siren_value_fail(value,
                                "goes from %llu to %llu, which leaves no %s: the second number is the one "
                                "after the last %s",
                                (unsigned long long)begin, (unsigned long long)end, what, what);
    *out = (siren_span){(size_t)begin, (size_t)end};
    return SIREN_OK;
}

static siren_status read_blocks(siren_value value, siren_trial *trial) {
    static const char *const keys[] = {"kind", "size", "axis", "range"}, *const axes[] = {"x", "y", "z"};
    static const char *const kinds[] = {"slice", "volume", "patch"};
    size_t kind = (size_t)trial->blocks - 1, axis = (size_t)trial->axis, i = 0;
    if (!siren_value_exists(value)) return SIREN_OK;
    SIREN_RETURN_IF_FAILED(siren_value_keys(value, keys, sizeof keys / sizeof *keys));
    SIREN_RETURN_IF_FAILED(siren_value_choice(siren_value_member(value, "kind"), kinds, 3, &kind));
    SIREN_RETURN_IF_FAILED(siren_value_choice(siren_value_member(value, "axis"), axes, 3, &axis));
    trial->blocks = (siren_block_kind)(kind + 1);
    trial->axis = (siren_axis)axis;

    siren_value size = siren_value_member(value, "size"), range = siren_value_member(value, "range");
    if (siren_value_exists(size)) {
        if (trial->blocks != SIREN_BLOCK_PATCH)
            return siren_value_refuse(size, "leave it out: only kind \"patch\" has a size");
        if (!siren_value_is_array(size) || siren_value_count(size) != 3)
            return siren_value_refuse(size, "give the voxels along x, y and z: [16, 16, 16]");
        for (siren_value v = siren_value_first(size); siren_value_exists(v); v = siren_value_next(v), i++) {
            uint64_t voxels = 0;
            SIREN_RETURN_IF_FAILED(siren_value_integer(v, 1, SIREN_MAX_POINTS, &voxels));
            trial->patch[i] = (size_t)voxels;
        }
    }
    return siren_value_span(range, "slice", &trial->slices);
}

siren_status siren_trial_settings(siren_value object, siren_trial *trial) {
    uint64_t epochs = trial->epochs, points = trial->points_per_epoch;
    SIREN_RETURN_IF_FAILED(
        siren_value_integer(siren_value_member(object, "epochs"), 1, SIREN_MAX_EPOCHS, &epochs));
    SIREN_RETURN_IF_FAILED(
        siren_value_integer(siren_value_member(object, "points_per_epoch"), 1, SIREN_MAX_POINTS, &points));
    trial->epochs = (size_t)epochs;
    trial->points_per_epoch = (size_t)points;
    return read_blocks(siren_value_member(object, "blocks"), trial);
}

/* A list of layers in the place of a model. */
static siren_status read_network(siren_value value, entry *e) {
    static const char *const keys[] = {"model", "layers", "hidden", "width", "w0"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        siren_value other = siren_value_member(e->source, keys[i]);
        if (siren_value_exists(other)) return siren_value_fail(other, "and network exclude each other");
    }
    siren_trial *t = &e->base;
    if (t->blocks == SIREN_BLOCK_BY_MODEL) t->blocks = SIREN_BLOCK_SLICE;
    e->custom = true;
    SIREN_RETURN_IF_FAILED(siren_experiment_network(value, siren_block_inputs(t->blocks), &t->network));
    t->model = SIREN_CUSTOM_MODEL;
    t->layers = t->network.n_layers - 1;
    for (uint32_t l = t->layers; l-- > 0;) {
        const siren_layer *layer = &t->network.layers[l];
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
    SIREN_RETURN_IF_FAILED(siren_allocate(&e->exclusions, n, sizeof *e->exclusions, "the rules of a grid"));
    for (siren_value v = siren_value_first(value); siren_value_exists(v); v = siren_value_next(v))
        SIREN_RETURN_IF_FAILED(read_exclusion(experiment, v, &e->exclusions[e->n_exclusions++]));
    return SIREN_OK;
}

static siren_status read_entry(const siren_experiment *experiment, bool single, entry *e) {
    static const char *const keys[] = {
        "name", "network", "hidden", "model",  "layers",           "width",  "weights", "seed",
        "lr",   "w0",      "epochs", "blocks", "points_per_epoch", "exclude"};
    siren_value network = siren_value_member(e->source, "network"),
                hidden = siren_value_member(e->source, "hidden");
    siren_value name = siren_value_member(e->source, "name");
    SIREN_RETURN_IF_FAILED(siren_value_keys(e->source, keys, sizeof keys / sizeof *keys - (single ? 1 : 0)));
    if (siren_value_exists(name)) SIREN_RETURN_IF_FAILED(siren_value_name(name, &e->label));
    SIREN_RETURN_IF_FAILED(siren_trial_settings(e->source, &e->base));
    if (siren_value_exists(network)) {
        SIREN_RETURN_IF_FAILED(read_network(network, e));
    } else if (!siren_value_exists(siren_value_member(e->source, "model"))) {
        return siren_value_fail(e->source, "lacks model, or network with a list of layers");
    }
    for (int k = 0; k < N_AXES; k++)
        SIREN_RETURN_IF_FAILED(
            read_axis(siren_value_member(e->source, axis_keys[k]), k, single, &e->axes[k]));
    if (siren_value_exists(hidden)) {
        siren_value layers = siren_value_member(e->source, "layers");
        if (siren_value_exists(layers)) return siren_value_fail(layers, "and hidden exclude each other");
        SIREN_RETURN_IF_FAILED(read_axis(hidden, LAYERS, single, &e->axes[LAYERS]));
        e->counts_hidden = true;
    }
    return read_exclusions(experiment, siren_value_member(e->source, "exclude"), e);
}

static void free_entry(entry *e) {
    for (int k = 0; k < N_AXES; k++) free(e->axes[k].values);
    for (size_t i = 0; i < e->n_exclusions; i++) {
        for (int k = 0; k < N_AXES; k++) free(e->exclusions[i].axes[k].values);
        free(e->exclusions[i].inputs.values);
    }
    free(e->exclusions);
}

/* ---- expansion ---- */

float siren_trial_default_rate(uint32_t n_inputs) { return n_inputs == 2 ? 3e-4f : 2e-4f; }

/* The network of a shorthand. */
static siren_status resolve_model(const entry *e, const double *values, siren_trial *trial) {
    trial->model = siren_model_name((size_t)values[MODEL]);
    trial->layers = (uint32_t)values[LAYERS];
    trial->width = (uint32_t)values[WIDTH];
    if (e->counts_hidden) {
        uint32_t extra = siren_model_extra_hidden(trial->model);
        if (trial->layers <= extra)
            return siren_value_fail(siren_value_member(e->source, "hidden"),
                                    "lists %u, but %s has at least %u hidden layers", trial->layers,
                                    trial->model, extra + 1);
        trial->layers -= extra;
    }
    if (siren_network_from_model(trial->model, trial->layers, trial->width, 1, (float)values[W0],
                                 &trial->network) != SIREN_OK)
        return siren_value_fail(e->source, "asks for an impossible network: %s", siren_message());
    siren_layer *layers = trial->network.layers;
    layers[trial->network.n_layers - 1].width = 0;
    for (uint32_t l = trial->network.n_layers - 1; l-- > 0;)
        if (layers[l].activation == SIREN_SINE) trial->w0 = layers[l].w0;
    return SIREN_OK;
}

static siren_status resolve(const entry *e, const double *values, size_t input, siren_trial *out) {
    siren_trial trial = e->base;
    if (!e->custom) SIREN_RETURN_IF_FAILED(resolve_model(e, values, &trial));
    uint32_t n_inputs = trial.network.n_inputs;
    trial.input = input;
    trial.weight_bits = (unsigned)values[WEIGHTS];
    trial.seed = (uint64_t)values[SEED];
    trial.rate = values[RATE] > 0 ? (float)values[RATE] : siren_trial_default_rate(n_inputs);
    if (trial.blocks == SIREN_BLOCK_BY_MODEL)
        trial.blocks = n_inputs == 2 ? SIREN_BLOCK_SLICE : SIREN_BLOCK_VOLUME;
    if (siren_block_inputs(trial.blocks) != n_inputs)
        return siren_value_fail(
            e->source, "asks for model %s, which maps %u coordinates, but blocks of kind %s have %u",
            trial.model, n_inputs, siren_block_kind_name(trial.blocks, 1), siren_block_inputs(trial.blocks));
    *out = trial;
    return SIREN_OK;
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
    SIREN_RETURN_IF_FAILED(siren_trial_make_name(list, &trial, e->label, &trial.name));
    list->sources[x->n_trials] = e->source;
    x->trials[x->n_trials++] = trial;
    return SIREN_OK;
}

/* Every combination, the last axis fastest. */
static siren_status expand(siren_trial_list *list, entry *e, size_t input) {
    size_t at[N_AXES] = {0};
    int k = 0;
    while (k >= 0) {
        double values[N_AXES];
        siren_trial trial;
        for (k = 0; k < N_AXES; k++) values[k] = e->axes[k].n ? e->axes[k].values[at[k]] : axis_defaults[k];
        SIREN_RETURN_IF_FAILED(resolve(e, values, input, &trial));
        /* Without a sine layer all w0 are the same trial: it is run once. */
        bool repeated = at[W0] > 0 && trial.w0 == 0;
        if (!repeated && !is_excluded(e, &trial)) SIREN_RETURN_IF_FAILED(append_trial(list, e, trial));
        for (k = N_AXES - 1; k >= 0 && ++at[k] >= e->axes[k].n; k--) at[k] = 0;
    }
    return SIREN_OK;
}

static siren_status check_size(const siren_trial_list *list, const entry *e, size_t *total) {
    size_t n = list->experiment->n_inputs;
    bool fits = true;
    for (int k = 0; k < N_AXES && fits; k++)
        if (e->axes[k].n) fits = siren_mul(n, e->axes[k].n, &n);
    if (!fits || !siren_add(*total, n, total) || *total > list->max_trials)
        return siren_value_fail(e->source,
                                "makes more than %zu trials: use shorter lists, or insist with --yes",
                                list->max_trials);
    return SIREN_OK;
}

static siren_status check_exclusions(const entry *e) {
    siren_value rule = siren_value_first(siren_value_member(e->source, "exclude"));
    for (size_t i = 0; i < e->n_exclusions; i++, rule = siren_value_next(rule))
        if (!e->exclusions[i].used)
            return siren_value_fail(rule, "excludes nothing: no trial has all its values");
    return SIREN_OK;
}

siren_status siren_trial_list_fill(siren_trial_list *list, siren_value grids, siren_value trials) {
    siren_status status = SIREN_OK;
    entry *entries = NULL;
    size_t n_grids = siren_value_is_array(grids) ? siren_value_count(grids) : siren_value_exists(grids),
           n = n_grids + siren_value_count(trials), total = 0, i = 0;
    SIREN_TRY(siren_allocate(&entries, n, sizeof *entries, "the grids of an experiment"));
    siren_value v = siren_value_list(grids);
    for (i = 0; i < n; v = siren_value_next(v)) {
        if (i == n_grids) v = siren_value_first(trials);
        entry *e = &entries[i++];
        *e = (entry){.source = v, .base = list->base};
        SIREN_TRY(read_entry(list->experiment, i > n_grids, e));
        SIREN_TRY(check_size(list, e, &total));
    }
    for (size_t input = 0; input < list->experiment->n_inputs; input++)
        for (size_t k = 0; k < n; k++) SIREN_TRY(expand(list, &entries[k], input));
    for (size_t k = 0; k < n; k++) SIREN_TRY(check_exclusions(&entries[k]));
done:
    while (i-- > 0) free_entry(&entries[i]);
    free(entries);
    return status;
}
