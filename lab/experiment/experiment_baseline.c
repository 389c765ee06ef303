/* The baselines of an experiment file. */
#define _GNU_SOURCE
#include "lab/experiment/experiment_parts.h"
#include "formats/number.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIN_RATIO 0.01 /* of ratios in the file */
#define MAX_RATIO 1e6
#define MAX_METHODS 64

static const char *const units[] = {"slice", "volume"};

/* ---- as JSON and as text ---- */

const char *siren_baseline_trial_model(const siren_baseline_trial *baseline) {
    return baseline->per == SIREN_PER_VOLUME ? baseline->method->volumes_name : baseline->method->name;
}

void siren_baseline_trial_write(const siren_baseline_trial *baseline, const char *matched, siren_json *json) {
    siren_json_string(json, "baseline", baseline->method->name);
    if (baseline->method->volumes_name) siren_json_string(json, "per", units[baseline->per]);
    if (baseline->ratio > 0) siren_json_number(json, "ratio", baseline->ratio);
    if (baseline->quality > 0) siren_json_number(json, baseline->method->quality.name, baseline->quality);
    if (matched) siren_json_string(json, "ratio_of", matched);
    siren_json_begin_object(json, "slices");
    siren_slices_write(baseline->axis, baseline->slices, json);
    siren_json_end(json);
}

/* "INPUT-jpeg2000-volume-ratio7.5"; the name of a trial that is matched begins with the input already. */
static siren_status make_name(const siren_experiment *x, const siren_baseline_trial *b, char **out) {
    char number[SIREN_NUMBER_BYTES];
    const bool matched = b->matched != SIREN_NO_TRIAL, named = x->n_inputs > 1 && !matched;
    const char *unit = b->method->volumes_name ? units[b->per] : "";
    const double given = b->ratio > 0 ? b->ratio : b->quality;
    const char *what = matched          ? "like-"
                       : b->ratio > 0   ? "ratio"
                       : b->quality > 0 ? b->method->quality.name
                                        : "";
    const char *value = matched     ? x->trials[b->matched].name
                        : given > 0 ? siren_number_format(given, number)
                                    : "";
    char *name = NULL;
    if (asprintf(&name, "%s%s%s%s%s%s%s%s", named ? x->inputs[b->input].name : "", named ? "-" : "",
                 b->method->name, *unit ? "-" : "", unit, *what ? "-" : "", what, value) < 0)
        return siren_fail(SIREN_SYSTEM, "out of memory: the name of a baseline");
    *out = name;
    return SIREN_OK;
}

/* ---- entries ---- */

typedef struct {
    siren_value source;
    siren_baseline_trial base; /* what all of the entry share */
    siren_value numbers;       /* a baseline each; none: one baseline without, or one for each trial */
    bool qualities;            /* that is what they are, not ratios */
    bool matches;
} baseline_entry;

static siren_status append(baseline_entry *e, siren_baseline_trial baseline, size_t max_trials,
                           siren_experiment *x) {
    char *name = NULL;
    if (x->n_trials + x->n_baselines >= max_trials)
        return siren_value_fail(e->source,
                                "makes more than %zu trial%s: use shorter lists, or insist with --yes",
                                max_trials, siren_plural(max_trials));
    siren_baseline_trial *grown = realloc(x->baselines, (x->n_baselines + 1) * sizeof *x->baselines);
    if (!grown) return siren_fail(SIREN_SYSTEM, "out of memory: cannot hold %zu baselines", x->n_baselines);
    x->baselines = grown;
    SIREN_TRY(make_name(x, &baseline, &name));
    baseline.name = name;
    x->baselines[x->n_baselines++] = baseline;
    return SIREN_OK;
}

static siren_status append_numbers(baseline_entry *e, siren_baseline_trial baseline, size_t max_trials,
                                   siren_experiment *x) {
    size_t n = siren_value_is_array(e->numbers) ? siren_value_count(e->numbers) : 1;
    if (n == 0) return siren_value_refuse(e->numbers, "give at least one number");
    for (siren_value v = siren_value_list(e->numbers); n > 0; v = siren_value_next(v), n--) {
        const siren_baseline_quality *quality = &baseline.method->quality;
        SIREN_TRY(e->qualities ? siren_value_number(v, quality->least, quality->most, &baseline.quality)
                               : siren_value_number(v, MIN_RATIO, MAX_RATIO, &baseline.ratio));
        SIREN_TRY(append(e, baseline, max_trials, x));
    }
    return SIREN_OK;
}

/* One for each trial of the input, on the trial's slices. */
static siren_status append_matches(baseline_entry *e, siren_baseline_trial baseline, size_t max_trials,
                                   siren_experiment *x) {
    for (size_t i = 0; i < x->n_trials; i++) {
        const siren_trial *trial = &x->trials[i];
        if (trial->input != baseline.input) continue;
        baseline.matched = i;
        baseline.axis = trial->settings.axis;
        baseline.slices = trial->settings.slices;
        SIREN_TRY(append(e, baseline, max_trials, x));
    }
    return SIREN_OK;
}

#define MAX_KEYS 16

/* The keys of an entry, lists of qualities each once. Returns their number. */
static size_t list_keys(const char *keys[MAX_KEYS]) {
    static const char *const first[] = {"method", "per", "ratios", "match"};
    const siren_baseline_method *method;
    size_t n = sizeof first / sizeof *first;
    memcpy(keys, first, sizeof first);
    for (size_t i = 0; (method = siren_baseline_at(i)) && n < MAX_KEYS; i++) {
        size_t k = 0;
        while (method->quality.list && k < n && strcmp(keys[k], method->quality.list) != 0) k++;
        if (method->quality.list && k == n) keys[n++] = method->quality.list;
    }
    return n;
}

/* Whether the method takes the key. */
static bool takes(const siren_baseline_method *method, const char *key) {
    if (strcmp(key, "method") == 0) return true;
    if (strcmp(key, "per") == 0) return method->volumes_name != NULL;
    if (strcmp(key, "ratios") == 0 || strcmp(key, "match") == 0) return method->ratio != SIREN_RATIO_NONE;
    return method->quality.list && strcmp(key, method->quality.list) == 0;
}

static siren_status check_keys(siren_value value, const siren_baseline_method *method) {
    const char *keys[MAX_KEYS];
    const size_t n = list_keys(keys);
    size_t n_given = 0;
    for (size_t i = 0; i < n; i++) {
        siren_value given = siren_value_member(value, keys[i]);
        if (!siren_value_exists(given)) continue;
        if (!takes(method, keys[i]))
            return siren_value_refuse(given, "leave it out: the method %s has no %s", method->name, keys[i]);
        n_given += strcmp(keys[i], "method") != 0 && strcmp(keys[i], "per") != 0;
    }
    if (n_given > 1)
        return siren_value_fail(value, "has more than one of ratios, %s and match: give one of them",
                                method->quality.list);
    if (method->asked && n_given == 0)
        return siren_value_fail(value, "lacks ratios, %s or match: the method %s does nothing without",
                                method->quality.list, method->name);
    return SIREN_OK;
}

static siren_status read_method(siren_value value, const siren_baseline_method **out) {
    const char *names[MAX_METHODS];
    char list[512] = "";
    size_t n = 0, chosen = 0;
    for (const siren_baseline_method *method; n < MAX_METHODS && (method = siren_baseline_at(n)); n++) {
        names[n] = method->name;
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", n == 0 ? "" : ", ", method->name);
    }
    if (!siren_value_exists(siren_value_member(value, "method")))
        return siren_value_fail(value, "lacks method: one of %s", list);
    SIREN_TRY(siren_value_choice(siren_value_member(value, "method"), names, n, &chosen));
    *out = siren_baseline_at(chosen);
    return SIREN_OK;
}

static siren_status read_entry(siren_value value, const siren_experiment *x, baseline_entry *e) {
    static const char *const matches[] = {"trials"};
    const char *keys[MAX_KEYS];
    size_t unit = SIREN_PER_SLICE, unused;
    siren_value match = siren_value_member(value, "match");
    SIREN_TRY(siren_value_keys(value, keys, list_keys(keys)));
    SIREN_TRY(read_method(value, &e->base.method));
    SIREN_TRY(siren_value_choice(siren_value_member(value, "per"), units, 2, &unit));
    SIREN_TRY(siren_value_choice(match, matches, 1, &unused));
    SIREN_TRY(check_keys(value, e->base.method));
    const char *list = e->base.method->quality.list;
    siren_value qualities = list ? siren_value_member(value, list) : (siren_value){0};
    e->source = value;
    e->base.per = (siren_baseline_unit)unit;
    e->qualities = list && siren_value_exists(qualities);
    e->numbers = e->qualities ? qualities : siren_value_member(value, "ratios");
    e->matches = siren_value_exists(match);
    if (e->matches && x->n_trials == 0)
        return siren_value_refuse(match, "leave it out: there are no trials to match");
    return SIREN_OK;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static siren_status check_names(siren_value baselines, const siren_experiment *x) {
    siren_status status = SIREN_OK;
    const char **names = NULL;
    SIREN_TRY(siren_allocate(&names, x->n_baselines, sizeof *names, "the names of the baselines"));
    for (size_t i = 0; i < x->n_baselines; i++) names[i] = x->baselines[i].name;
    qsort(names, x->n_baselines, sizeof *names, compare_names);
    for (size_t i = 1; i < x->n_baselines && status == SIREN_OK; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            status = siren_value_fail(baselines, "makes the trial %s twice: leave one out", names[i]);
    free(names);
    return status;
}

siren_status siren_experiment_baselines(siren_value baselines, const siren_settings *base, size_t max_trials,
                                        siren_experiment *x) {
    if (!siren_value_exists(baselines)) return SIREN_OK;
    if (!siren_value_is_array(baselines) || siren_value_count(baselines) == 0)
        return siren_value_refuse(baselines,
                                  "give a list: [{\"method\": \"jpeg2000\", \"ratios\": [5, 10]}]");
    for (size_t input = 0; input < x->n_inputs; input++)
        for (siren_value v = siren_value_first(baselines); siren_value_exists(v); v = siren_value_next(v)) {
            baseline_entry e = {
                .base = {
                    .input = input, .matched = SIREN_NO_TRIAL, .axis = base->axis, .slices = base->slices}};
            SIREN_TRY(read_entry(v, x, &e));
            siren_status status = e.matches                       ? append_matches(&e, e.base, max_trials, x)
                                  : siren_value_exists(e.numbers) ? append_numbers(&e, e.base, max_trials, x)
                                                                  : append(&e, e.base, max_trials, x);
            if (status != SIREN_OK) return status;
        }
    return check_names(baselines, x);
}
