#include "lab/sweep/sweep_state.h"

#include "host/opencl/device.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void siren_sweep_result_fail(siren_sweep_result *result, const char *format, ...) {
    char what[256], text[SIREN_MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    snprintf(text, sizeof text, "%s: %.4096s", what, siren_message());
    if (result->n_failed++ == 0) memcpy(result->first_failure, text, sizeof text);
    siren_log(SIREN_LOG_WARNING, "%s", text);
}

siren_status siren_sweeping_list_complete(const siren_sweeping *s, siren_complete_trial **complete,
                                          size_t *n) {
    const siren_experiment *x = s->experiment;
    siren_complete_trial *list = NULL;
    *n = 0;
    SIREN_TRY(siren_allocate(&list, x->n_trials + x->n_baselines, sizeof *list, "the complete trials"));
    for (size_t i = 0; i < x->n_trials; i++)
        if (s->trials[i].complete)
            list[(*n)++] = (siren_complete_trial){x, s->trials[i].trial, NULL, s->trials[i].folder.name,
                                                  &s->trials[i].result};
    for (size_t i = 0; i < x->n_baselines; i++)
        if (s->baselines[i].complete)
            list[(*n)++] = (siren_complete_trial){x, NULL, s->baselines[i].trial, s->baselines[i].folder.name,
                                                  &s->baselines[i].result};
    *complete = list;
    return SIREN_OK;
}

siren_status siren_sweeping_write_tables(siren_sweeping *s) {
    SIREN_FREE_AT_END siren_complete_trial *complete = NULL;
    size_t n = 0;
    SIREN_TRY(siren_sweeping_list_complete(s, &complete, &n));
    siren_status status = siren_run_tables_write(s->options->folder, complete, n);
    s->tables_at = siren_clock();
    return status;
}

siren_status siren_sweeping_stop_at(const siren_sweep_trial *trial) {
    return siren_fail(SIREN_PARTIAL, "trial %s diverged, and --fail-fast stops there", trial->folder.name);
}

siren_status siren_sweeping_finish_trial(siren_sweeping *s, siren_sweep_trial *trial, siren_device *device) {
    siren_sweep_source source = s->source;
    siren_status status = SIREN_OK;
    siren_trial_result result;
    double seconds;
    source.device = device;
    SIREN_TRY(siren_claim_check(s->claim));
    SIREN_TRY(siren_sweep_trial_finish(&source, trial, &result, &seconds));
    pthread_mutex_lock(&s->mutex);
    trial->result = result;
    trial->complete = true;
    s->n_complete++;
    if (!isnan(seconds))
        status = siren_run_timing_append_decoding(s->timing, trial->folder.name,
                                                  siren_device_get_facts(device)->name, seconds);
    pthread_mutex_unlock(&s->mutex);
    return status;
}
