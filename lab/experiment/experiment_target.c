/* Targets of trials: the keys of an entry that say what a compression is to reach. */
#include "lab/experiment/experiment_parts.h"

#include "formats/number.h"

#include <stdio.h>
#include <string.h>

static const char *const target_keys[SIREN_N_TARGET_KEYS] = {"ratio",     "size",  "psnr",
                                                             "max_error", "noise", "lossless"};

void siren_target_keys(const char *keys[SIREN_N_TARGET_KEYS]) {
    memcpy(keys, target_keys, sizeof target_keys);
}

/* A number; "2%" of a largest error, "2M" of a size; true of lossless. */
static siren_status read_target(siren_value value, const char *key, siren_trial_target *out) {
    siren_trial_target target = {.kind = siren_target_find(key)};
    const bool size = target.kind == SIREN_TARGET_SIZE;
    bool lossless = true;
    double least, most;
    siren_target_range(target.kind, &least, &most);
    if (target.kind == SIREN_TARGET_LOSSLESS) {
        SIREN_TRY(siren_value_bool(value, &lossless));
        if (!lossless) return siren_value_refuse(value, "leave it out, or give true");
    } else if (siren_value_is_string(value) && (size || target.kind == SIREN_TARGET_MAX_ERROR)) {
        siren_compress_options parsed = {.amount = 0};
        const char *text = NULL;
        SIREN_TRY(siren_value_string(value, &text));
        if (siren_target_parse(target.kind, key, text, &parsed) != SIREN_OK || (!size && !parsed.percent))
            return siren_value_refuse(value, size ? "give a number of bytes, or one like \"512K\" or \"2M\""
                                                  : "give a number, or at most 100 percent like \"2%%\"");
        target.amount = parsed.amount;
        target.percent = parsed.percent;
    } else {
        SIREN_TRY(siren_value_number(value, least, most, &target.amount));
    }
    *out = target;
    return SIREN_OK;
}

siren_status siren_target_list_read(siren_value object, bool single, siren_target_list *out) {
    size_t n = 0;
    for (size_t i = 0; i < SIREN_N_TARGET_KEYS; i++) {
        siren_value value = siren_value_member(object, target_keys[i]);
        if (!siren_value_exists(value)) continue;
        const bool list = siren_value_is_array(value);
        if (list && single)
            return siren_value_refuse(value, "give one value: lists of values belong into \"grid\"");
        if (list && siren_value_count(value) == 0)
            return siren_value_refuse(value, "give at least one value");
        if (single && n > 0)
            return siren_value_fail(value, "is a second target, and a trial has one: leave one out");
        n += list ? siren_value_count(value) : 1;
    }
    if (n == 0) return SIREN_OK;
    SIREN_TRY(siren_allocate(&out->values, n, sizeof *out->values, "the targets of a grid"));
    for (size_t i = 0; i < SIREN_N_TARGET_KEYS; i++) {
        siren_value value = siren_value_member(object, target_keys[i]);
        if (!siren_value_exists(value)) continue;
        size_t more = siren_value_is_array(value) ? siren_value_count(value) : 1;
        siren_value v = siren_value_list(value);
        for (; more-- > 0; v = siren_value_next(v))
            SIREN_TRY(read_target(v, target_keys[i], &out->values[out->n++]));
    }
    return SIREN_OK;
}

bool siren_setting_is_of_target(const siren_setting *s) {
    return strcmp(s->key, "model") == 0 || strcmp(s->key, "scaling") == 0 || strcmp(s->key, "effort") == 0;
}

int siren_trial_target_compare(const siren_trial_target *a, const siren_trial_target *b) {
    if (a->kind != b->kind) return a->kind < b->kind ? -1 : 1;
    if (a->percent != b->percent) return a->percent ? 1 : -1;
    return (a->amount > b->amount) - (a->amount < b->amount);
}

bool siren_target_list_has(const siren_target_list *list, const siren_trial_target *target) {
    bool has = false;
    for (size_t i = 0; i < list->n; i++)
        has = has || siren_trial_target_compare(&list->values[i], target) == 0;
    return has;
}

char *siren_trial_target_name(const siren_trial_target *target, char out[SIREN_SETTING_CHARS]) {
    char number[SIREN_NUMBER_BYTES] = "";
    if (target->kind != SIREN_TARGET_LOSSLESS) siren_number_format(target->amount, number);
    snprintf(out, SIREN_SETTING_CHARS, "%s%s%s", siren_target_name(target->kind), number,
             target->percent ? "percent" : "");
    return out;
}

void siren_trial_target_write(const siren_trial_target *target, siren_json *json) {
    siren_json_begin_object(json, "target");
    siren_json_string(json, "kind", siren_target_name(target->kind));
    if (target->kind != SIREN_TARGET_LOSSLESS) siren_json_number(json, "amount", target->amount);
    if (target->percent) siren_json_bool(json, "percent", true);
    siren_json_end(json);
}

siren_compress_options siren_trial_options(const siren_trial *trial) {
    const siren_setting *model = siren_setting_find("model"), *epochs = siren_setting_find("epochs");
    siren_compress_options options = siren_compress_defaults();
    char text[SIREN_SETTING_CHARS];
    options.settings = trial->settings;
    siren_setting_parse(model, model->key, trial->settings.model,
                        &options.settings);            /* it counts as given, */
    if (siren_model_is_network(trial->settings.model)) /* and so does the training that the trial tells of */
        siren_setting_parse(epochs, epochs->key, siren_setting_format(epochs, &trial->settings, text),
                            &options.settings);
    options.target = trial->target.kind;
    options.amount = trial->target.amount;
    options.percent = trial->target.percent;
    return options;
}
