/* sirencl sweep */
#include "host/claim.h"
#include "host/opencl/device.h"
#include "lab/sweep/sweep.h"
#include "lab/sweep/sweep_estimate.h"
#include "tools/tools.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEASURE_SECONDS 10.0 /* of --dry-run, at most, but for the first network */
#define MORE_TRIALS ((size_t)100000000)

typedef struct {
    const char *path, *image, *output, *device, *gemm;
    bool dry_run, yes, json, allow_failed;
    siren_sweep_options sweep;
    siren_device **devices; /* (n_devices) that are open */
    size_t n_devices;
} sweep_arguments;

static void close_devices(sweep_arguments *a) { siren_devices_close(a->devices, a->n_devices); }

/* ---- --dry-run ---- */

/* What is known of one trial before it runs. */
typedef struct {
    siren_trial_estimate cost;
    double seconds;
} dry_trial;

/* A speed was measured for that number of parameters. */
typedef struct {
    size_t n_params;
    double flop_per_second;
} measured_speed;

static double nearest_speed(const measured_speed *speeds, size_t n, size_t n_params) {
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (fabs(log((double)speeds[i].n_params / (double)n_params)) <
            fabs(log((double)speeds[best].n_params / (double)n_params)))
            best = i;
    return speeds[best].flop_per_second;
}

/* An input of --dry-run. */
typedef struct {
    siren_geometry geometry;
    siren_series mask; /* voxels NULL: networks are trained on all */
    uint8_t *section;  /* what the view borrows */
    siren_acquisition acquisition;
} dry_input;

typedef struct {
    dry_input *of; /* (n) */
    size_t n;
} dry_inputs;

static siren_status read_inputs(const siren_experiment *experiment, size_t memory, dry_inputs *out) {
    SIREN_TRY(siren_allocate(&out->of, experiment->n_inputs, sizeof *out->of, "the inputs"));
    for (; out->n < experiment->n_inputs; out->n++) {
        const siren_experiment_input *asked = &experiment->inputs[out->n];
        dry_input *input = &out->of[out->n];
        SIREN_TRY(siren_experiment_input_geometry(asked, &input->geometry));
        SIREN_TRY(siren_experiment_input_mask(asked, &input->geometry, memory, &input->mask));
        SIREN_TRY(siren_experiment_input_acquisition(asked, &input->geometry, &input->section,
                                                     &input->acquisition));
    }
    return SIREN_OK;
}

static void free_inputs(dry_inputs *inputs) {
    for (size_t i = 0; i < inputs->n; i++) {
        siren_series_free(&inputs->of[i].mask);
        free(inputs->of[i].section);
    }
    free(inputs->of);
}

/* Costs of all trials; speeds are measured on different networks until time is up, and taken from the nearest in size
 * then. */
static siren_status estimate(const siren_experiment *experiment, siren_device *device, size_t memory,
                             dry_trial *trials) {
    SIREN_FREE_AT_END measured_speed *speeds = NULL;
    SIREN_AT_END(free_inputs) dry_inputs inputs = {NULL, 0};
    size_t n_speeds = 0;
    double start = siren_clock();
    SIREN_TRY(siren_allocate(&speeds, experiment->n_trials, sizeof *speeds, "the measured speeds"));
    SIREN_TRY(read_inputs(experiment, memory, &inputs));
    for (size_t i = 0; i < experiment->n_trials; i++) {
        const siren_trial *trial = &experiment->trials[i];
        const dry_input *input = &inputs.of[trial->input];
        bool known = false;
        if (siren_trial_has_target(trial)) continue;
        SIREN_TRY(siren_trial_estimate_cost(trial, &input->geometry, &input->mask, &input->acquisition,
                                            &trials[i].cost));
        for (size_t s = 0; s < n_speeds; s++) known = known || speeds[s].n_params == trials[i].cost.n_params;
        if (known || (n_speeds > 0 && siren_clock() - start > MEASURE_SECONDS)) continue;
        speeds[n_speeds].n_params = trials[i].cost.n_params;
        SIREN_TRY(siren_trial_measure_speed(device, trial, &input->geometry, &input->acquisition,
                                            &speeds[n_speeds].flop_per_second));
        n_speeds++;
        if (!siren_terminal_progress(NULL, (double)(i + 1), (double)experiment->n_trials, "measuring"))
            return siren_fail(SIREN_CANCELLED, "the dry run was interrupted");
    }
    for (size_t i = 0; i < experiment->n_trials; i++)
        if (!siren_trial_has_target(&experiment->trials[i]))
            trials[i].seconds =
                trials[i].cost.flop / nearest_speed(speeds, n_speeds, trials[i].cost.n_params);
    return SIREN_OK;
}

static void print_table(const siren_experiment *experiment, const dry_trial *trials) {
    double flop = 0, seconds = 0, bytes = 0;
    size_t n_targets = 0;
    int longest = 5;
    char text[4][32];
    for (size_t i = 0; i < experiment->n_trials; i++)
        if ((int)strlen(experiment->trials[i].name) > longest)
            longest = (int)strlen(experiment->trials[i].name);
    printf("%-*s %10s %6s %10s %7s %8s %10s %9s %9s\n", longest, "trial", "parameters", "blocks", "bytes",
           "ratio", "float32", "TFLOP", "device", "time");
    for (size_t i = 0; i < experiment->n_trials; i++) {
        const dry_trial *t = &trials[i];
        if (siren_trial_has_target(&experiment->trials[i])) {
            printf("%s\n", experiment->trials[i].name);
            n_targets++;
            continue;
        }
        printf("%-*s %10zu %6zu %10s %7.2f %8.2f %10.3f %9s %9s\n", longest, experiment->trials[i].name,
               t->cost.n_params, t->cost.n_blocks, siren_format_bytes((double)t->cost.bytes, text[0]),
               t->cost.ratio, t->cost.ratio_float32, t->cost.flop / 1e12,
               siren_format_bytes((double)t->cost.device_bytes, text[1]),
               siren_format_seconds(t->seconds, text[2]));
        flop += t->cost.flop;
        seconds += t->seconds;
        bytes += (double)t->cost.bytes;
    }
    printf("%zu trial%s: %.3f TFLOP, archives of up to %s, about %s of training where nothing is shared\n",
           experiment->n_trials, siren_plural(experiment->n_trials), flop / 1e12,
           siren_format_bytes(bytes, text[0]), siren_format_seconds(seconds, text[1]));
    if (n_targets > 0)
        printf("%zu of them have targets, and are not foreseen here: 'sirencl plan' does that\n", n_targets);
    for (size_t i = 0; i < experiment->n_baselines; i++)
        printf("%s%s%s", i == 0 ? "baselines: " : ", ", experiment->baselines[i].name,
               i + 1 == experiment->n_baselines ? "\n" : "");
}

static siren_status print_dry_json(const siren_experiment *experiment, const dry_trial *trials) {
    SIREN_AT_END(siren_json_free_at) siren_json *json = NULL;
    SIREN_TRY(siren_json_create(&json));
    siren_json_string(json, "experiment", experiment->name);
    siren_json_begin_array(json, "trials");
    for (size_t i = 0; i < experiment->n_trials; i++) {
        const dry_trial *t = &trials[i];
        siren_json_begin_object(json, NULL);
        siren_json_string(json, "trial", experiment->trials[i].name);
        if (siren_trial_has_target(&experiment->trials[i])) {
            siren_json_end(json);
            continue;
        }
        siren_json_integer(json, "parameters", t->cost.n_params);
        siren_json_integer(json, "blocks", t->cost.n_blocks);
        siren_json_integer(json, "bytes", t->cost.bytes);
        siren_json_number(json, "ratio", t->cost.ratio);
        siren_json_number(json, "ratio_float32", t->cost.ratio_float32);
        siren_json_number(json, "flop", t->cost.flop);
        siren_json_integer(json, "device_bytes", t->cost.device_bytes);
        siren_json_number(json, "seconds", t->seconds);
        siren_json_end(json);
    }
    siren_json_end(json);
    siren_json_begin_array(json, "baselines");
    for (size_t i = 0; i < experiment->n_baselines; i++)
        siren_json_string(json, NULL, experiment->baselines[i].name);
    siren_json_end(json);
    return siren_tool_print_json(json);
}

static siren_status dry_run(const sweep_arguments *a, const siren_experiment *experiment) {
    SIREN_AT_END(siren_device_close_at) siren_device *device = NULL;
    SIREN_FREE_AT_END dry_trial *trials = NULL;
    SIREN_TRY(siren_allocate(&trials, experiment->n_trials, sizeof *trials, "the table of trials"));
    SIREN_TRY(siren_tool_open_device(a->device, false, &device));
    siren_tune_load(device);
    SIREN_TRY(siren_tool_use_gemm(device, a->gemm, false));
    SIREN_TRY(estimate(experiment, device, a->sweep.memory_limit, trials));
    siren_terminal_end_progress();
    if (a->json)
        SIREN_TRY(print_dry_json(experiment, trials));
    else
        print_table(experiment, trials);
    return SIREN_OK;
}

/* ---- the sweep ---- */

static siren_status print_result_json(const sweep_arguments *a, const siren_sweep_result *r) {
    SIREN_AT_END(siren_json_free_at) siren_json *json = NULL;
    SIREN_TRY(siren_json_create(&json));
    siren_json_string(json, "run", a->output);
    siren_json_integer(json, "trials", r->n_trials);
    siren_json_integer(json, "complete_before", r->n_before);
    siren_json_integer(json, "diverged", r->n_diverged);
    siren_json_integer(json, "failed", r->n_failed);
    siren_json_integer(json, "blocks", r->n_blocks);
    if (a->sweep.part.of > 0) siren_json_integer(json, "share", r->n_share);
    siren_json_number(json, "seconds", r->seconds);
    siren_json_number(json, "train_seconds", r->train_seconds);
    siren_json_number(json, "train_flop", r->train_flop);
    siren_json_number(json, "encode_seconds", r->encode_seconds);
    return siren_tool_print_json(json);
}

static void print_result(const sweep_arguments *a, const siren_sweep_result *r) {
    if (a->sweep.part.of > 0) {
        printf("%s: part %zu of %zu is done, %zu blocks of which %zu were trained now, in %.1f s\n",
               a->output, a->sweep.part.number, a->sweep.part.of, r->n_share, r->n_blocks, r->seconds);
        return;
    }
    printf("%s: %zu trial%s", a->output, r->n_trials, siren_plural(r->n_trials));
    if (r->n_before > 0) printf(", %zu of them complete before", r->n_before);
    if (r->n_diverged > 0) printf(", %zu diverged", r->n_diverged);
    printf("\n");
    if (r->n_blocks == 0) return;
    printf("%zu block%s in %.1f s: training %.1f s (%.1f GFLOP/s), quantising, decoding and packing %.1f s\n",
           r->n_blocks, siren_plural(r->n_blocks), r->seconds, r->train_seconds,
           r->train_flop / r->train_seconds / 1e9, r->encode_seconds);
    printf("see %s/summary.csv, or make a page of it: sirencl report %s\n", a->output, a->output);
}

/* One word as a shell reads it back. Returns where `to` goes on; four bytes for each of the word's, and two, are
 * enough. */
static char *quote(char *to, const char *word) {
    bool plain = *word && !word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                             "%+,-./:=@_")];
    if (plain) return stpcpy(to, word);
    *to++ = '\'';
    for (; *word; word++) to = *word == '\'' ? stpcpy(to, "'\\''") : (*to = *word, to + 1);
    return stpcpy(to, "'");
}

/* The command line, to be repeated in the same folder. */
static siren_status join_command(int argc, char **argv, char **out) {
    size_t n = sizeof "sirencl";
    char *text = NULL;
    for (int i = 0; i < argc; i++) n += 4 * strlen(argv[i]) + 3;
    SIREN_TRY(siren_allocate(&text, n, 1, "the command"));
    char *to = stpcpy(text, "sirencl");
    for (int i = 0; i < argc; i++) {
        *to++ = ' ';
        to = quote(to, argv[i]);
    }
    *to = '\0';
    *out = text;
    return SIREN_OK;
}

static siren_status run(sweep_arguments *a, const siren_experiment *experiment, bool quiet) {
    siren_sweep_result result;
    a->sweep.folder = a->output;
    SIREN_TRY(siren_tool_open_devices(a->device, !a->allow_failed, &a->devices, &a->n_devices));
    for (size_t i = 0; i < a->n_devices; i++) {
        SIREN_TRY(siren_tool_use_gemm(a->devices[i], a->gemm, false));
        SIREN_TRY(siren_tool_prepare_trainer(a->devices[i], a->allow_failed));
    }
    SIREN_TRY(
        siren_sweep(a->devices, a->n_devices, experiment, &a->sweep, siren_terminal_progress, NULL, &result));
    siren_terminal_end_progress();
    if (a->json) return print_result_json(a, &result);
    if (!quiet) print_result(a, &result);
    return SIREN_OK;
}

siren_status siren_tool_sweep(int argc, char **argv) {
    SIREN_AT_END(close_devices)
    sweep_arguments a = {.sweep = {.memory_limit = siren_tool_memory(), .expiry = SIREN_CLAIM_EXPIRY}};
    siren_common_options common = {0};
    bool keep_going = false;
    const char *part = NULL;
    const siren_option options[] = {
        SIREN_TEXT("output", "RUN",
                   "the run folder, made where it is missing; needed unless\n--dry-run (also -o)", &a.output),
        SIREN_TEXT("input", "FILE", "NIfTI series instead of the experiment's only input", &a.image),
        SIREN_FLAG("dry-run", "print the trials with sizes, work and estimated time, and\ntrain nothing",
                   &a.dry_run),
        SIREN_FLAG("keep-going", "go on with other trials where one fails; this is the default", &keep_going),
        SIREN_FLAG("fail-fast", "stop at the first trial that fails or diverges", &a.sweep.fail_fast),
        SIREN_TEXT(
            "part", "I/N",
            "train the Ith of N shares of all blocks, beside other processes\nor machines, and no more "
            "(docs/clusters.md)",
            &part),
        SIREN_FLAG(
            "finish",
            "of what all parts have trained: complete what is left, baselines,\nevaluations and tables",
            &a.sweep.finish),
        {"expiry", "S", "seconds of silence after which a process elsewhere counts as dead",
         SIREN_OPTION_DOUBLE, &a.sweep.expiry, SIREN_CLAIM_LEAST_EXPIRY, SIREN_CLAIM_MOST_EXPIRY},
        SIREN_FLAG("yes", "accept more than 100,000 trials", &a.yes),
        SIREN_TEXT("device", "D",
                   SIREN_DEVICE_HELP ";\n'all', a list 'gpu,cpu', and parts 'cpu/2' are used side by side",
                   &a.device),
        SIREN_FLAG("allow-failed-device", SIREN_ALLOW_FAILED_HELP, &a.allow_failed),
        SIREN_TEXT("gemm", "WHO", SIREN_GEMM_HELP, &a.gemm),
        {"memory", "BYTES", SIREN_MEMORY_HELP, SIREN_OPTION_BYTES, &a.sweep.memory_limit, 0x1p20, 0x1p62},
        SIREN_FLAG("json", "machine-readable output", &a.json),
        SIREN_COMMON_OPTIONS(common),
    };
    const siren_usage usage = {
        .command = "sweep",
        .arguments = "EXPERIMENT.json",
        .n_arguments = 1,
        .summary =
            "Trains every network shape that an experiment file asks for (docs/experiments.md) on every "
            "block of its inputs,\n"
            "and keeps archives, training curves and figures in a run folder (docs/run-folder.md). What is "
            "finished is durable:\n"
            "the same command goes on where it was stopped, and 'sirencl report RUN' makes a page of it.",
        .example = "sirencl sweep configs/quick.json --device cpu -o quick",
        SIREN_OPTION_TABLE(options)};
    siren_status status;
    if (!siren_terminal_begin(&usage, &common, argc, argv, &a.path, &status)) return status;

    SIREN_AT_END(siren_experiment_free_at) siren_experiment *experiment = NULL;
    SIREN_FREE_AT_END char *command = NULL;
    siren_terminal_catch_interrupt();
    if (keep_going && a.sweep.fail_fast)
        return siren_fail(SIREN_USAGE,
                          "--keep-going and --fail-fast contradict each other; give one of them");
    if (part) SIREN_TRY(siren_part_parse("--part", part, &a.sweep.part));
    if ((part || a.dry_run) && a.sweep.finish)
        return siren_fail(SIREN_USAGE, "--finish contradicts --part and --dry-run; give one of them");
    if (part && a.dry_run)
        return siren_fail(SIREN_USAGE, "--dry-run is of all parts together; leave out --part");
    if (!a.output && !a.dry_run)
        return siren_fail(SIREN_USAGE,
                          "--output is missing: name a run folder, as in 'sirencl sweep %s -o RUN'", a.path);
    SIREN_TRY(siren_experiment_read(a.path, a.image, a.yes ? MORE_TRIALS : SIREN_MAX_TRIALS, &experiment));
    SIREN_TRY(join_command(argc, argv, &command));
    a.sweep.command = command;
    return a.dry_run ? dry_run(&a, experiment) : run(&a, experiment, common.quiet);
}
