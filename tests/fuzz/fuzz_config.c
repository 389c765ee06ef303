/* libFuzzer: reads any bytes as an experiment. What is accepted must keep the promises of
 * lab/experiment/experiment.h and be written as JSON that reads again. */
#include "lab/experiment/experiment.h"
#include "tests/shared/fuzz_files.h"

#include <stdlib.h>
#include <string.h>

#define MAX_TRIALS 200

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(const char *name) {
    if (!*name || strchr(name, '/') || *name == '.') abort();
}

/* What was written so far reads again. */
static void check_json(siren_json *json) {
    siren_config *config = NULL;
    char *text = NULL;
    if (siren_json_text(json, &text) != SIREN_OK ||
        siren_config_parse("again", text, strlen(text), &config) != SIREN_OK)
        abort();
    siren_config_free(config);
    siren_json_free(json);
    free(text);
}

static void check_trial(const siren_experiment *experiment, const siren_trial *trial) {
    siren_network network;
    siren_json *json = NULL;
    check_name(trial->name);
    if (trial->input >= experiment->n_inputs || trial->settings.epochs < 1 ||
        trial->settings.blocks == SIREN_BLOCK_BY_MODEL)
        abort();
    /* Of a trial with a target neither the network is known yet nor, where it goes by the width, the rate. */
    if (!siren_trial_has_target(trial) &&
        (!(trial->settings.rate > 0) || siren_trial_network(trial, 13, 2, &network) != SIREN_OK ||
         siren_network_n_outputs(&network) != (siren_trial_has_acquisition(trial) ? 1 : 13)))
        abort();
    if (siren_json_create(&json) != SIREN_OK) abort();
    siren_trial_write(trial, json);
    check_json(json);
}

static void check_baseline(const siren_experiment *experiment, const siren_baseline_trial *baseline) {
    siren_json *json = NULL;
    check_name(baseline->name);
    if (baseline->input >= experiment->n_inputs || !*siren_baseline_trial_model(baseline) ||
        (baseline->matched != SIREN_NO_TRIAL && baseline->matched >= experiment->n_trials) ||
        siren_json_create(&json) != SIREN_OK)
        abort();
    siren_baseline_trial_write(baseline, NULL, json);
    check_json(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    siren_experiment *experiment = NULL;
    if (siren_experiment_read(fuzz_file(data, size), NULL, MAX_TRIALS, &experiment) != SIREN_OK) return 0;
    if (experiment->n_trials + experiment->n_baselines < 1 || experiment->n_trials > MAX_TRIALS ||
        experiment->n_inputs < 1)
        abort();
    for (size_t i = 0; i < experiment->n_trials; i++) check_trial(experiment, &experiment->trials[i]);
    for (size_t i = 0; i < experiment->n_baselines; i++)
        check_baseline(experiment, &experiment->baselines[i]);
    siren_experiment_free(experiment);
    return 0;
}
