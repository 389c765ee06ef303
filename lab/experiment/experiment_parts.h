/* What the files of lab/experiment/experiment share. */
#ifndef SIREN_LAB_EXPERIMENT_EXPERIMENT_PARTS_H
#define SIREN_LAB_EXPERIMENT_EXPERIMENT_PARTS_H

#include "lab/experiment/experiment.h"

#define SIREN_MAX_NAME 64 /* characters of a name in the file */

/* The trials found so far, and where in the file each comes from. */
typedef struct {
    siren_experiment *experiment;
    siren_value *sources; /* (n_trials) */
    size_t capacity, max_trials;
    siren_settings base; /* of the whole experiment */
} siren_trial_list;

/* A name of 1 to SIREN_MAX_NAME letters, digits, '-', '_' and '.', beginning with a letter or digit; USAGE otherwise.
 * Belongs to the file. */
siren_status siren_value_name(siren_value value, const char **out);

/* A path, relative ones being relative to the folder of `file`. `*out` is yours to free(). */
siren_status siren_value_path(const char *file, siren_value value, char **out);

/* Two numbers, the first `what` ("slice") and the one after the last; *out keeps its default where there is no
 * value. */
siren_status siren_value_span(siren_value value, const char *what, siren_span *out);

/* Reads "bval", "bvec" and "tissues" of an input, which phantoms must not have. */
siren_status siren_experiment_beside(const char *file, siren_value input, siren_experiment_input *out);
/* Reads "evaluate", once inputs, outputs and trials are known. It needs what archives and baselines restore: these are
 * kept. */
siren_status siren_experiment_evaluate(siren_value root, siren_experiment *experiment);
/* USAGE at `value` where slices are not counted along z: archives and gradient directions are in image axes. */
siren_status siren_experiment_check_axes(siren_value value, const siren_experiment *experiment);
/* Reads "panel" and "glyphs", once evaluations are known, and keeps what a panel shows as evaluations do. */
siren_status siren_experiment_figures(siren_value root, siren_experiment *experiment);

/* Reads the settings of the whole experiment into *settings, which holds the defaults. */
siren_status siren_experiment_settings(siren_value root, siren_settings *settings);
/* Puts the keys of settings that are one value into `keys` and returns their number; `whole`: those of the whole
 * alone. */
size_t siren_experiment_keys(bool whole, const char *keys[SIREN_MAX_SETTINGS]);
/* Appends the trials of "grid" (an entry or a list of them) and of "trials" (a list), for each input. */
siren_status siren_trial_list_fill(siren_trial_list *list, siren_value grids, siren_value trials);

/* Appends what "baselines" (a list) asks for to the experiment, for each input, once its trials are known. `base` holds
 * the slices of the whole. Together with the trials there are at most `max_trials`. */
siren_status siren_experiment_baselines(siren_value baselines, const siren_settings *base, size_t max_trials,
                                        siren_experiment *experiment);

/* The targets that an entry of the file lists, under all of their keys. */
typedef struct {
    siren_trial_target *values; /* (n) yours to free() */
    size_t n;
} siren_target_list;
#define SIREN_N_TARGET_KEYS 6
/* Puts the keys of targets into `keys`. */
void siren_target_keys(const char *keys[SIREN_N_TARGET_KEYS]);
/* `single`: one value at most, and no list. */
siren_status siren_target_list_read(siren_value object, bool single, siren_target_list *out);
/* Whether the setting, one value of a file, is one of models that train nothing, too: others are of networks alone. */
bool siren_setting_is_of_target(const siren_setting *setting);
bool siren_target_list_has(const siren_target_list *list, const siren_trial_target *target);
/* The member "target". */
void siren_trial_target_write(const siren_trial_target *target, siren_json *json);
/* Order of targets; 0 for equal ones. */
int siren_trial_target_compare(const siren_trial_target *a, const siren_trial_target *b);

/* The layers of "network", its output of width 0. */
siren_status siren_experiment_network(siren_value value, uint32_t n_inputs, siren_network *out);

/* "siren-2d-3x256-int8-seed0"; `label` (may be NULL) stands for the model and its size. Yours to free(). */
siren_status siren_trial_make_name(const siren_trial_list *list, const siren_trial *trial, const char *label,
                                   char **out);
/* "axis", and "range" where it is not all of them. */
void siren_slices_write(siren_axis axis, siren_span slices, siren_json *json);
/* Order of the resolved settings; 0 for equal ones. */
int siren_trial_compare(const siren_trial *a, const siren_trial *b);

#endif
