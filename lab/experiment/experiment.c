/* An experiment file as a whole: inputs, outputs, and that its trials differ. */
#include "lab/experiment/experiment_parts.h"

#include "engine/calls.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SNR 1e9
#define MIN_VOXEL 0.01 /* mm */
#define MAX_VOXEL 100.0
#define MAX_INTERVAL 10000000

static const siren_shell default_shells[] = {{0, 5}, {1000, 64}};

/* ---- texts ---- */

static siren_status copy_text(const char *text, size_t length, char **out) {
    SIREN_TRY(siren_allocate(out, length + 1, 1, "a text of an experiment"));
    memcpy(*out, text, length);
    return SIREN_OK;
}

static bool in_names(char c) { return isalnum((unsigned char)c) || c == '-' || c == '_' || c == '.'; }

siren_status siren_value_name(siren_value value, const char **out) {
    const char *text = NULL;
    SIREN_TRY(siren_value_string(value, &text));
    size_t length = strlen(text), n = 0;
    while (n < length && in_names(text[n])) n++;
    if (n < length || length > SIREN_MAX_NAME || !isalnum((unsigned char)*text))
        return siren_value_refuse(
            value, "give at most %d letters, digits, '-', '_' and '.', beginning with a letter or digit",
            SIREN_MAX_NAME);
    *out = text;
    return SIREN_OK;
}

/* The file's name without folder and suffixes, as far as names can hold it. */
static siren_status name_of_path(const char *path, char **out) {
    static const char *const suffixes[] = {".json", ".gz", ".nii"};
    const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    while (*base && !isalnum((unsigned char)*base)) base++;
    size_t length = strlen(base);
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        size_t n = strlen(suffixes[i]);
        if (length > n && strncmp(base + length - n, suffixes[i], n) == 0) length -= n;
    }
    if (length == 0) return copy_text("input", 5, out);
    SIREN_TRY(copy_text(base, length < SIREN_MAX_NAME ? length : SIREN_MAX_NAME, out));
    for (char *c = *out; *c; c++)
        if (!in_names(*c)) *c = '-';
    return SIREN_OK;
}

siren_status siren_value_path(const char *file, siren_value value, char **out) {
    const char *text = NULL, *slash = strrchr(file, '/');
    SIREN_TRY(siren_value_string(value, &text));
    size_t folder = slash && *text != '/' ? (size_t)(slash - file) + 1 : 0;
    SIREN_TRY(siren_allocate(out, folder + strlen(text) + 1, 1, "a path of an experiment"));
    memcpy(*out, file, folder);
    strcpy(*out + folder, text);
    return SIREN_OK;
}

/* ---- inputs ---- */

static siren_status read_shells(siren_value value, siren_phantom_options *out) {
    size_t n = siren_value_is_array(value) ? siren_value_count(value) : 0, total = 0, i = 0;
    siren_shell *shells = NULL;
    if (n < 1 || n > SIREN_PHANTOM_MAX_SHELLS)
        return siren_value_refuse(value, "give 1 to %d shells [b, volumes]: [[0, 5], [1000, 64]]",
                                  SIREN_PHANTOM_MAX_SHELLS);
    SIREN_TRY(siren_allocate(&shells, n, sizeof *shells, "the shells of a phantom"));
    out->shells = shells;
    out->n_shells = n;
    for (siren_value v = siren_value_first(value); siren_value_exists(v); v = siren_value_next(v), i++) {
        uint64_t volumes = 0;
        siren_value b = siren_value_first(v);
        if (!siren_value_is_array(v) || siren_value_count(v) != 2)
            return siren_value_refuse(v, "give the b-value in s/mm^2 and the number of volumes: [1000, 64]");
        SIREN_TRY(siren_value_number(b, 0, SIREN_PHANTOM_MAX_B, &shells[i].b));
        SIREN_TRY(siren_value_integer(siren_value_next(b), 1, SIREN_PHANTOM_MAX_VOLUMES, &volumes));
        shells[i].n = (size_t)volumes;
        total += shells[i].n;
    }
    if (total > SIREN_PHANTOM_MAX_VOLUMES)
        return siren_value_fail(value, "has %zu volumes, more than the limit of %d", total,
                                SIREN_PHANTOM_MAX_VOLUMES);
    return SIREN_OK;
}

static siren_status default_phantom(siren_phantom_options *out) {
    siren_shell *shells = NULL;
    SIREN_TRY(siren_allocate(&shells, 2, sizeof *shells, "the shells of a phantom"));
    memcpy(shells, default_shells, sizeof default_shells);
    *out = (siren_phantom_options){.nx = 140,
                                   .ny = 140,
                                   .nz = 96,
                                   .shells = shells,
                                   .n_shells = 2,
                                   .snr = 30,
                                   .seed = 1,
                                   .datatype = SIREN_INT16};
    return SIREN_OK;
}

static siren_status read_echo_times(siren_value value, siren_phantom_options *out) {
    double *times = NULL;
    size_t n = siren_value_is_array(value) ? siren_value_count(value) : 0, i = 0;
    if (n < 1 || n > SIREN_PHANTOM_MAX_ECHOES)
        return siren_value_refuse(value, "give 1 to %d echo times in ms: [60, 80, 100]",
                                  SIREN_PHANTOM_MAX_ECHOES);
    SIREN_TRY(siren_allocate(&times, n, sizeof *times, "the echo times of a phantom"));
    out->echo_times = times;
    out->n_echo_times = n;
    for (siren_value v = siren_value_first(value); siren_value_exists(v); v = siren_value_next(v), i++)
        SIREN_TRY(siren_value_number(v, SIREN_PHANTOM_MIN_TE, SIREN_PHANTOM_MAX_TE, &times[i]));
    return SIREN_OK;
}

static siren_status read_phantom(siren_value value, siren_phantom_options *out, double *voxel) {
    static const char *const keys[] = {"dims", "voxel", "shells", "echo_times", "snr", "seed", "datatype"};
    static const char *const datatypes[] = {"int16", "uint16", "float32"};
    static const siren_datatype codes[] = {SIREN_INT16, SIREN_UINT16, SIREN_FLOAT32};
    siren_value dims = siren_value_member(value, "dims"), shells = siren_value_member(value, "shells"),
                echo_times = siren_value_member(value, "echo_times");
    size_t *axes[3] = {&out->nx, &out->ny, &out->nz}, datatype = 0, i = 0;
    SIREN_TRY(siren_value_keys(value, keys, sizeof keys / sizeof *keys));
    if (siren_value_exists(dims) && (!siren_value_is_array(dims) || siren_value_count(dims) != 3))
        return siren_value_refuse(dims, "give the voxels along x, y and z: [140, 140, 96]");
    for (siren_value v = siren_value_first(dims); siren_value_exists(v); v = siren_value_next(v)) {
        uint64_t voxels = 0;
        SIREN_TRY(siren_value_integer(v, 1, SIREN_PHANTOM_MAX_AXIS, &voxels));
        *axes[i++] = (size_t)voxels;
    }
    SIREN_TRY(siren_value_number(siren_value_member(value, "voxel"), MIN_VOXEL, MAX_VOXEL, voxel));
    if (siren_value_exists(shells)) {
        free((void *)out->shells);
        out->shells = NULL;
        SIREN_TRY(read_shells(shells, out));
    }
    if (siren_value_exists(echo_times)) SIREN_TRY(read_echo_times(echo_times, out));
    SIREN_TRY(siren_value_number(siren_value_member(value, "snr"), 0, MAX_SNR, &out->snr));
    SIREN_TRY(siren_value_integer(siren_value_member(value, "seed"), 0, UINT64_MAX, &out->seed));
    SIREN_TRY(siren_value_choice(siren_value_member(value, "datatype"), datatypes, 3, &datatype));
    out->datatype = codes[datatype];
    return SIREN_OK;
}

/* SIREN_MASK_AUTO as it is, or a path. */
static siren_status read_mask(const char *file, siren_value value, char **out) {
    const char *text = NULL;
    SIREN_TRY(siren_value_string(value, &text));
    return strcmp(text, SIREN_MASK_AUTO) == 0 ? copy_text(text, strlen(text), out)
                                              : siren_value_path(file, value, out);
}

/* A path, or an object. */
static siren_status read_input(const char *file, siren_value value, siren_experiment_input *out) {
    static const char *const keys[] = {"name", "image", "mask",    "mask_use",          "phantom",
                                       "bval", "bvec",  "tissues", "volume_coordinates"};
    static const char *const uses[] = {"figures", "train"};
    size_t use = 0;
    const char *given = NULL;
    if (siren_value_is_string(value)) {
        SIREN_TRY(siren_value_path(file, value, &out->image));
        return name_of_path(out->image, &out->name);
    }
    siren_value name = siren_value_member(value, "name"), image = siren_value_member(value, "image"),
                mask = siren_value_member(value, "mask"), mask_use = siren_value_member(value, "mask_use"),
                coordinates = siren_value_member(value, "volume_coordinates"),
                phantom = siren_value_member(value, "phantom");
    SIREN_TRY(siren_value_keys(value, keys, sizeof keys / sizeof *keys));
    if (siren_value_exists(image) == siren_value_exists(phantom))
        return siren_value_fail(value, "needs either image or phantom");
    if (siren_value_exists(mask) && !siren_value_exists(image))
        return siren_value_refuse(mask, "leave it out: a phantom comes with its own mask");
    if (siren_value_exists(mask_use) && !siren_value_exists(mask) && !siren_value_exists(phantom))
        return siren_value_refuse(mask_use, "leave it out, or give a mask");
    if (siren_value_exists(coordinates) && !siren_value_exists(image))
        return siren_value_refuse(coordinates, "leave it out: a phantom with echo_times comes with its own");
    SIREN_TRY(siren_value_choice(mask_use, uses, 2, &use));
    out->train_on_mask = use == 1;
    if (siren_value_exists(name)) {
        SIREN_TRY(siren_value_name(name, &given));
        SIREN_TRY(copy_text(given, strlen(given), &out->name));
    }
    SIREN_TRY(siren_experiment_beside(file, value, out));
    if (siren_value_exists(phantom)) {
        SIREN_TRY(default_phantom(&out->phantom));
        SIREN_TRY(read_phantom(phantom, &out->phantom, &out->voxel));
        return given ? SIREN_OK : copy_text("phantom", 7, &out->name);
    }
    SIREN_TRY(siren_value_path(file, image, &out->image));
    if (siren_value_exists(mask)) SIREN_TRY(read_mask(file, mask, &out->mask));
    if (siren_value_exists(coordinates))
        SIREN_TRY(siren_value_path(file, coordinates, &out->volume_coordinates));
    return given ? SIREN_OK : name_of_path(out->image, &out->name);
}

static siren_status check_input_names(const siren_experiment *x, siren_value inputs) {
    siren_value v = siren_value_first(inputs);
    for (size_t i = 0; i < x->n_inputs; i++, v = siren_value_next(v))
        for (size_t k = 0; k < i; k++)
            if (strcmp(x->inputs[i].name, x->inputs[k].name) == 0)
                return siren_value_fail(v, "is named %s as another input is: give it a name of its own",
                                        x->inputs[i].name);
    return SIREN_OK;
}

static siren_status read_inputs(const char *file, siren_value root, siren_experiment *x) {
    siren_value one = siren_value_member(root, "input"), many = siren_value_member(root, "inputs");
    if (siren_value_exists(one) && siren_value_exists(many))
        return siren_value_fail(one, "and inputs exclude each other");
    size_t n = siren_value_exists(many) && siren_value_is_array(many) ? siren_value_count(many) : 1;
    if (siren_value_exists(many) && (!siren_value_is_array(many) || n < 1 || n > SIREN_MAX_INPUTS))
        return siren_value_refuse(many, "give a list of 1 to %d inputs", SIREN_MAX_INPUTS);
    SIREN_TRY(siren_allocate(&x->inputs, n, sizeof *x->inputs, "the inputs of an experiment"));
    siren_value v = siren_value_exists(many) ? siren_value_first(many) : one;
    if (!siren_value_exists(v)) {
        x->n_inputs = 1;
        SIREN_TRY(default_phantom(&x->inputs->phantom));
        return copy_text("phantom", 7, &x->inputs->name);
    }
    for (; x->n_inputs < n; v = siren_value_next(v))
        SIREN_TRY(read_input(file, v, &x->inputs[x->n_inputs++]));
    return check_input_names(x, many);
}

static void free_input(siren_experiment_input *input) {
    free(input->name);
    free(input->image);
    free(input->mask);
    for (int i = 0; i < SIREN_N_BESIDE; i++) free(input->beside[i]);
    free(input->volume_coordinates);
    free((void *)input->phantom.shells);
    free((void *)input->phantom.echo_times);
}

/* `image` in the place of the only input; a mask of the file stays. */
static siren_status replace_input(const char *file, siren_value root, const char *image,
                                  siren_experiment *x) {
    siren_experiment_input *old = x->inputs, new = {0};
    if (x->n_inputs != 1)
        return siren_fail(SIREN_USAGE,
                          "%s: has %zu input%s, of which --input cannot replace one: change the file", file,
                          x->n_inputs, siren_plural(x->n_inputs));
    SIREN_TRY(copy_text(image, strlen(image), &new.image));
    siren_value one = siren_value_member(root, "input"), many = siren_value_member(root, "inputs");
    siren_value given = siren_value_exists(many) ? siren_value_first(many) : one;
    if (siren_value_exists(siren_value_member(given, "name"))) {
        new.name = SIREN_TAKE(old->name);
    } else if (name_of_path(image, &new.name) != SIREN_OK) {
        free_input(&new);
        return SIREN_SYSTEM;
    }
    new.train_on_mask = old->train_on_mask && old->mask;
    new.mask = SIREN_TAKE(old->mask);
    new.volume_coordinates = SIREN_TAKE(old->volume_coordinates);
    free_input(old);
    *old = new;
    return SIREN_OK;
}

/* ---- trials ---- */

static int compare_names(const void *a, const void *b) {
    return strcmp((*(const siren_trial *const *)a)->name, (*(const siren_trial *const *)b)->name);
}

static int compare_settings(const void *a, const void *b) {
    return siren_trial_compare(*(const siren_trial *const *)a, *(const siren_trial *const *)b);
}

/* That no two trials are the same, and no two have one name. */
static siren_status check_trials(const siren_trial_list *list) {
    static int (*const orders[])(const void *, const void *) = {compare_settings, compare_names};
    static const char *const problems[] = {
        "makes the trial %s, which is the same as %s: leave one out, or exclude it",
        "makes the trial %s, whose name a different trial has: give one of them a \"name\""};
    const siren_experiment *x = list->experiment;
    SIREN_FREE_AT_END const siren_trial **sorted = NULL;
    SIREN_TRY(siren_allocate(&sorted, x->n_trials, sizeof *sorted, "the order of the trials"));
    for (int k = 0; k < 2; k++) {
        for (size_t i = 0; i < x->n_trials; i++) sorted[i] = &x->trials[i];
        qsort(sorted, x->n_trials, sizeof *sorted, orders[k]);
        for (size_t i = 1; i < x->n_trials; i++) {
            if (orders[k](&sorted[i - 1], &sorted[i]) != 0) continue;
            bool swapped = sorted[i] < sorted[i - 1];
            const siren_trial *late = sorted[swapped ? i - 1 : i], *early = sorted[swapped ? i : i - 1];
            SIREN_TRY(
                siren_value_fail(list->sources[late - x->trials], problems[k], late->name, early->name));
        }
    }
    return SIREN_OK;
}

static void sources_free(siren_trial_list *list) { free(list->sources); }

static siren_status read_trials(siren_value root, size_t max_trials, siren_experiment *x) {
    siren_value grid = siren_value_member(root, "grid"), trials = siren_value_member(root, "trials"),
                baselines = siren_value_member(root, "baselines");
    bool networks = siren_value_exists(grid) || siren_value_exists(trials);
    SIREN_AT_END(sources_free)
    siren_trial_list list = {.experiment = x, .max_trials = max_trials, .base = siren_settings_defaults()};
    SIREN_TRY(siren_experiment_settings(root, &list.base));
    if (!networks && !siren_value_exists(baselines))
        return siren_value_fail(root, "lacks grid, trials or baselines: what to do");
    if (siren_value_exists(trials) && !siren_value_is_array(trials))
        return siren_value_refuse(trials, "give a list of trials");
    SIREN_TRY(siren_trial_list_fill(&list, grid, trials));
    if (networks && x->n_trials == 0)
        return siren_value_fail(siren_value_exists(grid) ? grid : trials,
                                "leaves no trial: list more, or exclude less");
    SIREN_TRY(check_trials(&list));
    x->slices = list.base.slices;
    return siren_experiment_baselines(baselines, &list.base, max_trials, x);
}

/* ---- the file ---- */

static siren_status read_outputs(siren_value value, siren_experiment *x) {
    static const char *const keys[] = {"archives", "curves", "restored"};
    x->keep_archives = x->keep_curves = true;
    if (!siren_value_exists(value)) return SIREN_OK;
    SIREN_TRY(siren_value_keys(value, keys, sizeof keys / sizeof *keys));
    SIREN_TRY(siren_value_bool(siren_value_member(value, "archives"), &x->keep_archives));
    SIREN_TRY(siren_value_bool(siren_value_member(value, "curves"), &x->keep_curves));
    return siren_value_bool(siren_value_member(value, "restored"), &x->keep_restored);
}

static siren_status read_title(const char *path, siren_value root, siren_experiment *x) {
    siren_value name = siren_value_member(root, "name"),
                description = siren_value_member(root, "description");
    const char *text = "", *unused;
    SIREN_TRY(siren_value_string(siren_value_member(root, "$schema"), &unused));
    SIREN_TRY(siren_value_string(description, &text));
    SIREN_TRY(copy_text(text, strlen(text), &x->description));
    if (!siren_value_exists(name)) return name_of_path(path, &x->name);
    SIREN_TRY(siren_value_name(name, &text));
    return copy_text(text, strlen(text), &x->name);
}

static siren_status resolve(const char *path, siren_value root, const char *image, size_t max_trials,
                            siren_experiment *x) {
    static const char *const own[] = {"$schema", "name",     "description", "input",     "inputs",
                                      "blocks",  "grid",     "trials",      "baselines", "log_interval",
                                      "outputs", "evaluate", "panel",       "glyphs",    "claims"};
    const char *keys[SIREN_MAX_SETTINGS + sizeof own / sizeof *own];
    const size_t n = siren_experiment_keys(true, keys);
    uint64_t interval = 10;
    memcpy(keys + n, own, sizeof own);
    SIREN_TRY(siren_value_keys(root, keys, n + sizeof own / sizeof *own));
    SIREN_TRY(read_title(path, root, x));
    SIREN_TRY(read_inputs(path, root, x));
    if (image) SIREN_TRY(replace_input(path, root, image, x));
    SIREN_TRY(siren_value_integer(siren_value_member(root, "log_interval"), 1, MAX_INTERVAL, &interval));
    x->log_interval = (size_t)interval;
    SIREN_TRY(read_outputs(siren_value_member(root, "outputs"), x));
    SIREN_TRY(read_trials(root, max_trials, x));
    SIREN_TRY(siren_experiment_evaluate(root, x));
    SIREN_TRY(siren_value_bool(siren_value_member(root, "claims"), &x->claims));
    return siren_experiment_figures(root, x);
}

siren_status siren_experiment_read(const char *path, const char *image, size_t max_trials,
                                   siren_experiment **out) {
    SIREN_AT_END(siren_config_free_at) siren_config *config = NULL;
    SIREN_AT_END(siren_experiment_free_at) siren_experiment *experiment = NULL;
    SIREN_TRY(siren_config_read(path, &config));
    SIREN_TRY(siren_allocate(&experiment, 1, sizeof *experiment, "an experiment"));
    SIREN_TRY(resolve(path, siren_config_root(config), image, max_trials, experiment));
    *out = SIREN_TAKE(experiment);
    return SIREN_OK;
}

void siren_experiment_free(siren_experiment *experiment) {
    if (!experiment) return;
    for (size_t i = 0; i < experiment->n_inputs; i++) free_input(&experiment->inputs[i]);
    for (size_t i = 0; i < experiment->n_trials; i++) free(experiment->trials[i].name);
    for (size_t i = 0; i < experiment->n_baselines; i++) free(experiment->baselines[i].name);
    free(experiment->inputs);
    free(experiment->trials);
    for (int i = 0; i < SIREN_N_FIGURES; i++) free(experiment->figures[i].results);
    free(experiment->baselines);
    free(experiment->name);
    free(experiment->description);
    free(experiment);
}
