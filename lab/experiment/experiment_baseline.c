/* The baselines of an experiment file. */
#define _GNU_SOURCE
#include "lab/experiment/experiment_parts.h"
#include "formats/number.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIN_RATIO 0.01 /* of ratios and rates in the file */
#define MAX_RATIO 1e6
#define MIN_FWHM 0.01 /* mm */
#define MAX_FWHM 1000

static const char *const units[] = {"slice", "volume"};

/* ---- as JSON and as text ---- */

const char *siren_baseline_trial_model(const siren_baseline_trial *baseline) {
    if (!siren_baseline_has_rate(baseline->method) || baseline->per == SIREN_PER_SLICE)
        return siren_baseline_name(baseline->method);
    return baseline->method == SIREN_BASELINE_JPEG2000 ? "jpeg2000-volume" : "zfp-volume";
}

void siren_baseline_trial_write(const siren_baseline_trial *baseline, const char *matched, siren_json *json) {
    siren_json_string(json, "baseline", siren_baseline_name(baseline->method));
    if (siren_baseline_has_rate(baseline->method)) siren_json_string(json, "per", units[baseline->per]);
    if (baseline->ratio > 0) siren_json_number(json, "ratio", baseline->ratio);
    if (baseline->rate > 0) siren_json_number(json, "rate", baseline->rate);
    if (baseline->fwhm > 0) siren_json_number(json, "fwhm", baseline->fwhm);
    if (matched) siren_json_string(json, "ratio_of", matched);
    siren_json_begin_object(json, "slices");
    siren_slices_write(baseline->axis, baseline->slices, json);
    siren_json_end(json);
}

/* "INPUT-jpeg2000-volume-ratio7.5"; the name of a trial that is matched begins with the input already. */
static siren_status make_name(const siren_experiment *x, const siren_baseline_trial *b, char **out) {
    char number[SIREN_NUMBER_BYTES];
    bool named = x->n_inputs > 1 && b->matched == SIREN_NO_TRIAL;
    const char *rated = siren_baseline_has_rate(b->method) ? units[b->per] : "";
    const char *what = b->matched != SIREN_NO_TRIAL ? "-like-"
                       : b->ratio > 0               ? "-ratio"
                       : b->rate > 0                ? "-rate"
                       : b->fwhm > 0                ? "-fwhm"
                                                    : "";
    double given = b->ratio + b->rate + b->fwhm; /* at most one is not 0 */
    const char *value = b->matched != SIREN_NO_TRIAL ? x->trials[b->matched].name
                        : given > 0                  ? siren_number_format(given, number)
                                                     : "";
    char *name = NULL;
    if (asprintf(&name, "%s%s%s%s%s%s%s", named ? x->inputs[b->input].name : "", named ? "-" : "",
                 siren_baseline_name(b->method), *rated ? "-" : "", rated, what, value) < 0)
        return siren_fail(SIREN_SYSTEM, "out of memory: the name of a baseline");
    *out = name;
    return SIREN_OK;
}

/* ---- entries ---- */

typedef struct {
    siren_value source;
    siren_baseline_trial base; /* what all of the entry share */
    siren_value numbers;       /* a baseline each; none: one baseline without, or one for each trial */
    enum { RATIOS, RATES, FWHMS } of;
    bool matches;
} baseline_entry;

static siren_status append(baseline_entry *e, siren_baseline_trial baseline, size_t max_trials,
                           siren_experiment *x) {
    char *name = NULL;
    if (x->n_trials + x->n_baselines >= max_trials)
        return siren_value_fail(
            e->source, "makes more than %zu trials: use shorter lists, or insist with --yes", max_trials);
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
        SIREN_TRY(e->of == FWHMS ? siren_value_number(v, MIN_FWHM, MAX_FWHM, &baseline.fwhm)
                                 : siren_value_number(v, MIN_RATIO, MAX_RATIO,
                                                      e->of == RATES ? &baseline.rate : &baseline.ratio));
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

static siren_status check_method(const baseline_entry *e, siren_value fwhm) {
    static const char *const keys[] = {"per", "ratios", "rates", "match"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        siren_value value = siren_value_member(e->source, keys[i]);
        if (siren_value_exists(value) && !siren_baseline_has_rate(e->base.method))
            return siren_value_refuse(value, "leave it out: the method %s has no rate",
                                      siren_baseline_name(e->base.method));
    }
    if (siren_value_exists(fwhm) && e->base.method != SIREN_BASELINE_SMOOTH)
        return siren_value_refuse(fwhm, "leave it out: the method %s has no width",
                                  siren_baseline_name(e->base.method));
    return SIREN_OK;
}

static siren_status read_entry(siren_value value, const siren_experiment *x, baseline_entry *e) {
    static const char *const keys[] = {"method", "per", "ratios", "rates", "match", "fwhm"};
    static const char *const matches[] = {"trials"};
    const char *methods[SIREN_N_BASELINES];
    size_t method = 0, unit = SIREN_PER_SLICE, unused;
    siren_value ratios = siren_value_member(value, "ratios"), rates = siren_value_member(value, "rates"),
                match = siren_value_member(value, "match"), fwhm = siren_value_member(value, "fwhm");
    for (int i = 0; i < SIREN_N_BASELINES; i++) methods[i] = siren_baseline_name((siren_baseline_method)i);
    SIREN_TRY(siren_value_keys(value, keys, sizeof keys / sizeof *keys));
    if (!siren_value_exists(siren_value_member(value, "method")))
        return siren_value_fail(value, "lacks method: jpeg2000, zfp, deflate, xz, smooth or mppca");
    SIREN_TRY(siren_value_choice(siren_value_member(value, "method"), methods, SIREN_N_BASELINES, &method));
    SIREN_TRY(siren_value_choice(siren_value_member(value, "per"), units, 2, &unit));
    SIREN_TRY(siren_value_choice(match, matches, 1, &unused));
    if (siren_value_exists(ratios) + siren_value_exists(rates) + siren_value_exists(match) > 1)
        return siren_value_fail(value, "has more than one of ratios, rates and match: give one of them");
    e->source = value;
    e->base.method = (siren_baseline_method)method;
    e->base.per = (siren_baseline_unit)unit;
    e->of = siren_value_exists(fwhm) ? FWHMS : siren_value_exists(rates) ? RATES : RATIOS;
    e->numbers = e->of == FWHMS ? fwhm : e->of == RATES ? rates : ratios;
    e->matches = siren_value_exists(match);
    SIREN_TRY(check_method(e, fwhm));
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
