#include "lab/sweep/sweep_folder.h"

#include "engine/kernels/configured.h"
#include "lab/run/run_parts.h"
#include "host/file.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_TEXT_BYTES ((size_t)1 << 30)

/* Nothing where no evaluations are wanted. */
static void write_beside(siren_json *json, const siren_sweep_input *input) {
    for (siren_beside i = 0; i < SIREN_N_BESIDE; i++) {
        char key[24];
        snprintf(key, sizeof key, "%s_sha256", siren_beside_name(i));
        if (input->beside[i]) siren_json_string(json, key, input->beside_sha256[i]);
    }
}

static void write_evaluation(siren_json *json, const siren_experiment_evaluation *evaluation) {
    if (!evaluation->wanted) return;
    siren_json_begin_object(json, "evaluate");
    siren_json_bool(json, "tissues", evaluation->tissues);
    siren_json_bool(json, "diffusion", evaluation->diffusion);
    siren_json_bool(json, "fod", evaluation->fod);
    siren_json_end(json);
}

/* Nothing where none are wanted. */
static void write_figures(siren_json *json, const siren_experiment *experiment,
                          const siren_trial_folder *folders, const siren_sweep_baseline *baselines) {
    for (siren_figure_kind kind = 0; kind < SIREN_N_FIGURES; kind++) {
        const siren_experiment_figure *figure = &experiment->figures[kind];
        const siren_span spans[] = {figure->x, figure->y};
        if (!figure->wanted) continue;
        siren_json_begin_object(json, siren_figure_name(kind));
        if (figure->slice != SIREN_MIDDLE_SLICE) siren_json_integer(json, "slice", figure->slice);
        if (kind == SIREN_FIGURE_PANEL) siren_json_integer(json, "volume", figure->volume);
        for (int i = 0; i < 2; i++)
            if (spans[i].end > 0)
                siren_json_integers(json, i == 0 ? "x" : "y", (const size_t[]){spans[i].begin, spans[i].end},
                                    2);
        siren_json_begin_array(json, "results");
        for (size_t i = 0; i < figure->n_results; i++) {
            const size_t number = figure->results[i], n = experiment->n_trials;
            siren_json_string(json, NULL,
                              number < n ? folders[number].name : baselines[number - n].folder.name);
        }
        siren_json_end(json);
        siren_json_end(json);
    }
}

static void write_input(siren_json *json, const siren_experiment_input *asked,
                        const siren_sweep_input *input) {
    const siren_geometry *g = &input->geometry;
    siren_json_begin_object(json, NULL);
    siren_json_string(json, "name", asked->name);
    siren_json_bool(json, "phantom", asked->image == NULL);
    siren_json_string(json, "sha256", input->sha256);
    siren_json_string(json, "mask_sha256", input->mask ? input->mask_sha256 : NULL);
    if (asked->train_on_mask) siren_json_string(json, "mask_use", "train");
    if (input->coordinates) siren_json_string(json, "volume_coordinates_sha256", input->coordinates_sha256);
    write_beside(json, input);
    siren_json_integers(json, "dims", (const size_t[]){g->nx, g->ny, g->nz, g->n_volumes}, 4);
    siren_json_string(json, "datatype", siren_datatype_name(g->datatype));
    siren_json_end(json);
}

/* Nothing where there are none. */
static void write_baselines(siren_json *json, const siren_experiment *experiment,
                            const siren_trial_folder *folders, const siren_sweep_baseline *baselines) {
    if (experiment->n_baselines == 0) return;
    siren_json_bool(json, "restored", experiment->keep_restored);
    siren_json_begin_array(json, "baselines");
    for (size_t i = 0; i < experiment->n_baselines; i++) {
        const siren_baseline_trial *trial = &experiment->baselines[i];
        const char *matched = trial->matched == SIREN_NO_TRIAL ? NULL : folders[trial->matched].identity;
        siren_json_begin_object(json, NULL);
        siren_json_string(json, "trial", baselines[i].folder.name);
        siren_json_string(json, "input", experiment->inputs[trial->input].name);
        siren_baseline_trial_write(trial, matched, json);
        siren_json_end(json);
    }
    siren_json_end(json);
}

static siren_status experiment_text(const siren_experiment *experiment, const siren_sweep_input *inputs,
                                    const siren_trial_folder *folders, const siren_sweep_baseline *baselines,
                                    char **text) {
    SIREN_AT_END(siren_json_free_at) siren_json *json = NULL;
    SIREN_TRY(siren_json_create(&json));
    siren_json_string(json, "name", experiment->name);
    siren_json_string(json, "description", experiment->description);
    siren_json_integer(json, "log_interval", experiment->log_interval);
    siren_json_bool(json, "archives", experiment->keep_archives);
    siren_json_bool(json, "curves", experiment->keep_curves);
    siren_json_begin_array(json, "inputs");
    for (size_t i = 0; i < experiment->n_inputs; i++) write_input(json, &experiment->inputs[i], &inputs[i]);
    siren_json_end(json);
    siren_json_begin_array(json, "trials");
    for (size_t i = 0; i < experiment->n_trials; i++) {
        const siren_trial *trial = &experiment->trials[i];
        siren_json_begin_object(json, NULL);
        siren_json_string(json, "trial", folders[i].name);
        siren_json_string(json, "input", experiment->inputs[trial->input].name);
        siren_trial_write(trial, json);
        siren_json_end(json);
    }
    siren_json_end(json);
    write_baselines(json, experiment, folders, baselines);
    write_evaluation(json, &experiment->evaluation);
    write_figures(json, experiment, folders, baselines);
    if (experiment->claims) siren_json_bool(json, "claims", true);
    return siren_json_text(json, text);
}

/* What a run folder may hold before it has an experiment.json. */
static bool is_of_beginning(const char *name) {
    static const char *const names[] = {"lock", "inputs", "claims", SIREN_PARTS_FOLDER};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0) return true;
    return false;
}

siren_status siren_sweep_folder_check(const char *run) {
    char *path = NULL;
    SIREN_TRY(siren_run_path(&path, run, "experiment.json"));
    bool begun = siren_file_exists(path), foreign = false;
    free(path);
    DIR *folder = begun ? NULL : opendir(run);
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        foreign = foreign || (entry->d_name[0] != '.' && !is_of_beginning(entry->d_name));
    if (folder) closedir(folder);
    if (!foreign) return SIREN_OK;
    return siren_fail(SIREN_USAGE, "%s: holds other files and is no run folder; give a new one", run);
}

/* Names the input that is not as the folder remembers it; OK where it is not an input that differs. */
static siren_status check_inputs(const char *path, siren_value begun, const siren_experiment *experiment,
                                 const siren_sweep_input *inputs) {
    siren_value list = siren_value_member(begun, "inputs");
    for (siren_value v = siren_value_first(list); siren_value_exists(v); v = siren_value_next(v)) {
        const char *name = "", *sha256 = "", *mask = "";
        SIREN_TRY(siren_value_string(siren_value_member(v, "name"), &name));
        SIREN_TRY(siren_value_string(siren_value_member(v, "sha256"), &sha256));
        if (siren_value_is_string(siren_value_member(v, "mask_sha256")))
            SIREN_TRY(siren_value_string(siren_value_member(v, "mask_sha256"), &mask));
        for (size_t i = 0; i < experiment->n_inputs; i++) {
            if (strcmp(experiment->inputs[i].name, name) != 0) continue;
            bool image = strcmp(sha256, inputs[i].sha256) != 0;
            if (image || strcmp(mask, inputs[i].mask ? inputs[i].mask_sha256 : "") != 0)
                return siren_fail(
                    SIREN_USAGE,
                    "%s: is not the file that %s was begun with; restore it, or give another run folder",
                    image            ? inputs[i].image
                    : inputs[i].mask ? inputs[i].mask
                                     : "the mask",
                    path);
        }
    }
    return SIREN_OK;
}

static siren_status refuse_other(const char *run, const char *what) {
    return siren_fail(
        SIREN_USAGE,
        "%s: is the run folder of another experiment, or of another version of it or of sirencl: "
        "%s; trials may be added, else give another folder",
        run, what);
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names of the folders of all trials, sorted; borrowed, the list is yours to free(). */
static siren_status sorted_names(const siren_experiment *experiment, const siren_trial_folder *folders,
                                 const siren_sweep_baseline *baselines, const char ***out, size_t *n) {
    *n = experiment->n_trials + experiment->n_baselines;
    SIREN_TRY(siren_allocate(out, *n, sizeof **out, "the names of trials"));
    for (size_t i = 0; i < *n; i++)
        (*out)[i] =
            i < experiment->n_trials ? folders[i].name : baselines[i - experiment->n_trials].folder.name;
    qsort(*out, *n, sizeof **out, compare_names);
    return SIREN_OK;
}

/* Refuses what the folder was begun with and `names` (n) lacks. */
static siren_status check_trials(const char *run, siren_value begun, const char *const *names, size_t n) {
    static const char *const lists[] = {"trials", "baselines"};
    for (int i = 0; i < 2; i++)
        for (siren_value v = siren_value_first(siren_value_member(begun, lists[i])); siren_value_exists(v);
             v = siren_value_next(v)) {
            const char *name = "";
            char what[256];
            SIREN_TRY(siren_value_string(siren_value_member(v, "trial"), &name));
            if (bsearch(&name, names, n, sizeof *names, compare_names)) continue;
            snprintf(what, sizeof what, "this one has no trial %.200s", name);
            return refuse_other(run, what);
        }
    return SIREN_OK;
}

/* What trials keep beside their results is kept in one way. */
static siren_status check_kept(const char *run, siren_value begun, siren_value now) {
    static const char *const parts[] = {"slice", "volume", "x", "y"};
    siren_value evaluate = siren_value_member(begun, "evaluate");
    if (!siren_value_equal(siren_value_member(begun, "name"), siren_value_member(now, "name")))
        return refuse_other(run, "its name differs");
    if (siren_value_exists(evaluate) && !siren_value_equal(evaluate, siren_value_member(now, "evaluate")))
        return refuse_other(run, "\"evaluate\" differs");
    for (siren_figure_kind kind = 0; kind < SIREN_N_FIGURES; kind++) {
        const char *key = siren_figure_name(kind);
        siren_value before = siren_value_member(begun, key), after = siren_value_member(now, key);
        for (size_t i = 0; siren_value_exists(before) && i < sizeof parts / sizeof *parts; i++)
            if (!siren_value_equal(siren_value_member(before, parts[i]), siren_value_member(after, parts[i])))
                return refuse_other(run, "what a figure shows differs");
    }
    return SIREN_OK;
}

siren_status siren_sweep_folder_claim(const char *run, const siren_experiment *experiment,
                                      const siren_sweep_input *inputs, const siren_trial_folder *folders,
                                      const siren_sweep_baseline *baselines) {
    SIREN_FREE_AT_END char *path = NULL, *text = NULL;
    SIREN_FREE_AT_END uint8_t *bytes = NULL;
    SIREN_FREE_AT_END const char **names = NULL;
    SIREN_AT_END(siren_config_free_at) siren_config *begun = NULL, *now = NULL;
    size_t n_bytes = 0, n = 0;
    SIREN_TRY(experiment_text(experiment, inputs, folders, baselines, &text));
    SIREN_TRY(siren_run_path(&path, run, "experiment.json"));
    if (siren_file_exists(path)) {
        SIREN_TRY(siren_file_read(path, MAX_TEXT_BYTES, &bytes, &n_bytes));
        if (n_bytes == strlen(text) && memcmp(bytes, text, n_bytes) == 0) return SIREN_OK;
        SIREN_TRY(siren_config_parse(path, bytes, n_bytes, &begun));
        SIREN_TRY(siren_config_parse(path, text, strlen(text), &now));
        SIREN_TRY(check_inputs(path, siren_config_root(begun), experiment, inputs));
        SIREN_TRY(sorted_names(experiment, folders, baselines, &names, &n));
        SIREN_TRY(check_trials(run, siren_config_root(begun), names, n));
        SIREN_TRY(check_kept(run, siren_config_root(begun), siren_config_root(now)));
    }
    return siren_file_write(path, true, text, strlen(text));
}

siren_status siren_sweep_folder_is_claimed(const char *run, const siren_experiment *experiment,
                                           const siren_sweep_input *inputs, const siren_trial_folder *folders,
                                           const siren_sweep_baseline *baselines, bool *same) {
    SIREN_FREE_AT_END char *path = NULL, *text = NULL;
    SIREN_FREE_AT_END uint8_t *bytes = NULL;
    size_t n_bytes = 0;
    SIREN_TRY(experiment_text(experiment, inputs, folders, baselines, &text));
    SIREN_TRY(siren_run_path(&path, run, "experiment.json"));
    *same = false;
    if (!siren_file_exists(path)) return SIREN_OK;
    SIREN_TRY(siren_file_read(path, MAX_TEXT_BYTES, &bytes, &n_bytes));
    *same = n_bytes == strlen(text) && memcmp(bytes, text, n_bytes) == 0;
    return SIREN_OK;
}

siren_status siren_sweep_folder_environment(const siren_sweep_options *options,
                                            const siren_experiment *experiment,
                                            const siren_sweep_input *inputs, siren_device *const *devices,
                                            size_t n_devices) {
    SIREN_AT_END(siren_json_free_at) siren_json *json = NULL;
    char date[32] = "", host[256] = "";
    time_t now = time(NULL);
    struct tm utc;
    if (gmtime_r(&now, &utc)) strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &utc);
    SIREN_TRY(siren_json_create(&json));
    siren_json_string(json, "sirencl", siren_version());
    siren_json_string(json, "date", date);
    if (options->part.of > 0 && gethostname(host, sizeof host - 1) == 0)
        siren_json_string(json, "host", host);
    siren_json_string(json, "command", options->command);
    siren_json_integer(json, "processors", siren_processors());
    siren_json_begin_array(json, "devices");
    for (size_t i = 0; i < n_devices; i++) {
        const siren_device_facts *facts = siren_device_get_facts(devices[i]);
        siren_json_begin_object(json, NULL);
        siren_json_string(json, "name", facts->name);
        siren_json_string(json, "platform", facts->platform_version);
        siren_json_string(json, "driver", facts->driver);
        siren_json_string(json, "family", siren_family_name(facts->family));
        siren_json_integer(json, "compute_units", facts->compute_units);
        siren_json_begin_object(json, "configurations");
        for (int shape = 0; shape < SIREN_N_WIDTH_CLASSES; shape++) {
            char used[SIREN_CONFIGURATION_CHARS];
            siren_configuration c = siren_configuration_of_width(devices[i], (siren_width_class)shape);
            siren_json_string(json, siren_width_plans[shape].name, siren_configuration_text(&c, used));
        }
        siren_json_end(json);
        siren_json_end(json);
    }
    siren_json_end(json);
    siren_json_begin_array(json, "inputs");
    for (size_t i = 0; i < experiment->n_inputs; i++) {
        siren_json_begin_object(json, NULL);
        siren_json_string(json, "name", experiment->inputs[i].name);
        siren_json_string(json, "image", inputs[i].image);
        siren_json_string(json, "mask", inputs[i].mask);
        siren_json_end(json);
    }
    siren_json_end(json);
    if (options->part.of == 0) return siren_run_write_json(json, options->folder, "environment.json");
    char name[64];
    snprintf(name, sizeof name, SIREN_PARTS_FOLDER "/%zu-of-%zu.json", options->part.number,
             options->part.of);
    return siren_run_write_json(json, options->folder, name);
}
