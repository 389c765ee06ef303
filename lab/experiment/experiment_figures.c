/* What an experiment file says of figures of a slice: "panel" and "glyphs". */
#include "lab/experiment/experiment_parts.h"
#include "lab/picture/view.h"

#include <string.h>

static const char *const names[SIREN_N_FIGURES] = {"panel", "glyphs"};

const char *siren_figure_name(siren_figure_kind kind) { return names[kind]; }

/* ---- results ---- */

static size_t input_of(const siren_experiment *x, size_t result) {
    return result < x->n_trials ? x->trials[result].input : x->baselines[result - x->n_trials].input;
}

static const char *name_of(const siren_experiment *x, size_t result) {
    return result < x->n_trials ? x->trials[result].name : x->baselines[result - x->n_trials].name;
}

/* Whether the result may have the figure's slice: which one is the middle one of an image is not known here. */
static bool may_have_slice(const siren_experiment *x, const siren_experiment_figure *figure, size_t result) {
    const siren_span s =
        result < x->n_trials ? x->trials[result].settings.slices : x->baselines[result - x->n_trials].slices;
    return figure->slice == SIREN_MIDDLE_SLICE || s.end == 0 ||
           (s.begin <= figure->slice && figure->slice < s.end);
}

static bool is_listed(const siren_experiment_figure *figure, size_t result) {
    for (size_t i = 0; i < figure->n_results; i++)
        if (figure->results[i] == result) return true;
    return false;
}

static size_t count_of_input(const siren_experiment *x, const siren_experiment_figure *figure, size_t input) {
    size_t n = 0;
    for (size_t i = 0; i < figure->n_results; i++) n += input_of(x, figure->results[i]) == input;
    return n;
}

/* Appends a result of the default choice, where there is room for it. */
static void choose(const siren_experiment *x, size_t result, siren_experiment_figure *figure) {
    if (may_have_slice(x, figure, result) &&
        count_of_input(x, figure, input_of(x, result)) < SIREN_FIGURE_MOST_RESULTS)
        figure->results[figure->n_results++] = result;
}

static bool is_lossless(const siren_baseline_trial *baseline) {
    return baseline->method->lossless && !(baseline->ratio > 0) && !(baseline->quality > 0);
}

/* Each network, and what has its ratio beside it; then the other methods but those that lose nothing. */
static void choose_of_input(const siren_experiment *x, size_t input, siren_experiment_figure *figure) {
    for (size_t i = 0; i < x->n_trials; i++) {
        if (x->trials[i].input != input) continue;
        choose(x, i, figure);
        for (size_t k = 0; k < x->n_baselines; k++)
            if (x->baselines[k].matched == i) choose(x, x->n_trials + k, figure);
    }
    for (size_t k = 0; k < x->n_baselines; k++)
        if (x->baselines[k].input == input && x->baselines[k].matched == SIREN_NO_TRIAL &&
            !is_lossless(&x->baselines[k]))
            choose(x, x->n_trials + k, figure);
}

/* The result that an entry of "results" names. */
static siren_status read_result(siren_value value, const siren_experiment *x,
                                siren_experiment_figure *figure) {
    const char *name = "";
    size_t result = 0;
    SIREN_TRY(siren_value_string(value, &name));
    while (result < x->n_trials + x->n_baselines && strcmp(name_of(x, result), name) != 0) result++;
    if (result == x->n_trials + x->n_baselines)
        return siren_value_refuse(value, "no trial has this name; 'sirencl sweep FILE --dry-run' lists them");
    if (is_listed(figure, result)) return siren_value_refuse(value, "it is listed before: leave it out");
    if (!may_have_slice(x, figure, result))
        return siren_value_refuse(value, "its slices lack slice %zu: leave it out, or give another slice",
                                  figure->slice);
    if (count_of_input(x, figure, input_of(x, result)) == SIREN_FIGURE_MOST_RESULTS)
        return siren_value_refuse(value, "a figure has room for %d results of an input: leave some out",
                                  SIREN_FIGURE_MOST_RESULTS);
    figure->results[figure->n_results++] = result;
    return SIREN_OK;
}

static siren_status read_results(siren_value figure_value, const siren_experiment *x,
                                 siren_experiment_figure *figure) {
    siren_value list = siren_value_member(figure_value, "results");
    SIREN_TRY(siren_allocate(&figure->results, x->n_trials + x->n_baselines, sizeof *figure->results,
                             "the results of a figure"));
    if (siren_value_exists(list)) {
        if (!siren_value_is_array(list) || siren_value_count(list) == 0)
            return siren_value_refuse(list, "give a list of names of trials");
        for (siren_value v = siren_value_first(list); siren_value_exists(v); v = siren_value_next(v))
            SIREN_TRY(read_result(v, x, figure));
        return SIREN_OK;
    }
    for (size_t input = 0; input < x->n_inputs; input++) choose_of_input(x, input, figure);
    if (figure->n_results == 0)
        return siren_value_fail(figure_value,
                                "has nothing to show: no trial restores such a slice with loss");
    return SIREN_OK;
}

/* ---- the figures ---- */

static siren_status read_number(siren_value object, const char *key, size_t *out) {
    uint64_t number = *out;
    SIREN_TRY(siren_value_integer(siren_value_member(object, key), 0, SIREN_MAX_POINTS, &number));
    *out = (size_t)number;
    return SIREN_OK;
}

static siren_status read_figure(siren_value value, const char *const *keys, size_t n_keys,
                                const siren_experiment *x, siren_experiment_figure *figure) {
    figure->slice = SIREN_MIDDLE_SLICE;
    SIREN_TRY(siren_value_keys(value, keys, n_keys));
    SIREN_TRY(siren_experiment_check_axes(value, x));
    if (x->slices.end > 0) figure->slice = x->slices.begin + (x->slices.end - x->slices.begin) / 2;
    SIREN_TRY(read_number(value, "slice", &figure->slice));
    SIREN_TRY(read_number(value, "volume", &figure->volume));
    SIREN_TRY(siren_value_span(siren_value_member(value, "x"), "voxel", &figure->x));
    SIREN_TRY(siren_value_span(siren_value_member(value, "y"), "voxel", &figure->y));
    figure->wanted = true;
    return read_results(value, x, figure);
}

siren_status siren_experiment_figures(siren_value root, siren_experiment *x) {
    static const char *const panel_keys[] = {"slice", "volume", "x", "y", "results"};
    static const char *const glyph_keys[] = {"slice", "x", "y", "results"};
    siren_value panel = siren_value_member(root, names[SIREN_FIGURE_PANEL]),
                glyphs = siren_value_member(root, names[SIREN_FIGURE_GLYPHS]);
    if (siren_value_exists(panel)) {
        SIREN_TRY(read_figure(panel, panel_keys, sizeof panel_keys / sizeof *panel_keys, x,
                              &x->figures[SIREN_FIGURE_PANEL]));
        if (!x->keep_archives)
            return siren_value_refuse(siren_value_member(siren_value_member(root, "outputs"), "archives"),
                                      "leave it out: a panel shows what archives decode to");
        x->keep_restored = true;
    }
    if (!siren_value_exists(glyphs)) return SIREN_OK;
    SIREN_TRY(read_figure(glyphs, glyph_keys, sizeof glyph_keys / sizeof *glyph_keys, x,
                          &x->figures[SIREN_FIGURE_GLYPHS]));
    if (!x->evaluation.wanted || !x->evaluation.diffusion)
        return siren_value_fail(glyphs, "shows what evaluations make of tensors and fibre orientations: add "
                                        "\"evaluate\": {\"fod\": true}, or leave it out");
    return SIREN_OK;
}
