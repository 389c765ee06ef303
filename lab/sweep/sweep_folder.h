/* What a run folder says of the whole experiment: experiment.json and environment.json. */
#ifndef SIREN_LAB_SWEEP_SWEEP_FOLDER_H
#define SIREN_LAB_SWEEP_SWEEP_FOLDER_H

#include "lab/run/run_folder.h"
#include "lab/sweep/sweep_options.h"
#include "lab/sweep/sweep_baseline.h"
#include "lab/sweep/sweep_input.h"

/* USAGE where `run` is a folder that holds anything but a run, or the beginning of one; nothing is touched. */
siren_status siren_sweep_folder_check(const char *run);
/* Writes experiment.json into an empty run folder, or in the place of one whose trials are all among the experiment's,
 * so that a run may grow. `folders` are of the experiment's trials, `baselines` its baselines. USAGE names the input
 * that changed, or says what makes the folder another experiment's. */
siren_status siren_sweep_folder_claim(const char *run, const siren_experiment *experiment,
                                      const siren_sweep_input *inputs, const siren_trial_folder *folders,
                                      const siren_sweep_baseline *baselines);
/* Whether experiment.json says just what the experiment would. */
siren_status siren_sweep_folder_is_claimed(const char *run, const siren_experiment *experiment,
                                           const siren_sweep_input *inputs, const siren_trial_folder *folders,
                                           const siren_sweep_baseline *baselines, bool *same);
/* Writes environment.json, or that of the part: program, command, devices, paths of inputs. */
siren_status siren_sweep_folder_environment(const siren_sweep_options *options,
                                            const siren_experiment *experiment,
                                            const siren_sweep_input *inputs, siren_device *const *devices,
                                            size_t n_devices);

#endif
