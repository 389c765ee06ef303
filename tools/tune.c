/* sirencl tune: each configuration is built, verified and timed by a process of its own, so that a compiler that crashes or
 * hangs loses that configuration only. */
#include "engine/tune.h"

#include "host/process.h"
#include "tools/tools.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LEAST_GAIN 0.03 /* by which another configuration must be quicker than the default to replace it */

typedef struct {
    siren_device *device;
    char program[4096];
    size_t time_limit; /* seconds for one configuration */
    bool quiet, allow_failed;
    const siren_configuration *candidates;
    size_t n_candidates, n_done;
    siren_configuration usual;
    siren_tuned best[SIREN_N_SHAPES];
} tuning;

/* ---- one configuration ---- */

/* What the parent reads. */
static siren_status print_probe(const double seconds[SIREN_N_SHAPES]) {
    siren_status status = SIREN_OK;
    siren_json *json = NULL;
    SIREN_TRY(siren_json_create(&json));
    for (size_t shape = 0; shape < SIREN_N_SHAPES; shape++)
        siren_json_number(json, siren_shape_plans[shape].name, seconds[shape]);
    SIREN_TRY(siren_tool_print_json(json));
done:
    siren_json_free(json);
    return status;
}

static siren_status probe_here(siren_device *device, size_t nth) {
    size_t n = 0;
    double seconds[SIREN_N_SHAPES];
    const siren_configuration *candidates = siren_tune_candidates(siren_device_get_facts(device)->family, &n);
    if (nth >= n) return siren_fail(SIREN_USAGE, "--probe is %zu but must be from 0 to %zu", nth, n - 1);
    SIREN_RETURN_IF_FAILED(siren_tune_probe(device, &candidates[nth], seconds));
    return print_probe(seconds);
}

static siren_status read_probe(const char *text, double seconds[SIREN_N_SHAPES]) {
    siren_status status = SIREN_OK;
    siren_config *answer = NULL;
    SIREN_TRY(siren_config_parse("its measurement", text, strlen(text), &answer));
    for (size_t shape = 0; shape < SIREN_N_SHAPES; shape++) {
        siren_value value = siren_value_member(siren_config_root(answer), siren_shape_plans[shape].name);
        seconds[shape] = NAN;
        SIREN_TRY(siren_value_number(value, 0, 1e9, &seconds[shape]));
        if (isnan(seconds[shape]))
            SIREN_TRY(siren_fail(SIREN_SYSTEM, "its measurement lacks the shape %s",
                                 siren_shape_plans[shape].name));
    }
done:
    siren_config_free(answer);
    return status;
}

static bool keep_on(void *user, double done, double total, const char *what) {
    const tuning *t = user;
    (void)done, (void)total, (void)what;
    return siren_terminal_progress(NULL, (double)t->n_done, (double)t->n_candidates, "configurations");
}

/* SYSTEM where the process failed in whatever way. */
static siren_status probe_apart(tuning *t, size_t nth, double seconds[SIREN_N_SHAPES]) {
    siren_status status = SIREN_OK;
    const siren_device_facts *facts = siren_device_get_facts(t->device);
    char number[24];
    snprintf(number, sizeof number, "%zu", nth);
    const char *const arguments[] = {t->program, "tune",       "--probe",  number,
                                     "--device", facts->place, "--family", siren_family_name(facts->family),
                                     "--quiet",  NULL};
    const siren_process_plan plan = {.arguments = arguments, .time_limit = (double)t->time_limit};
    siren_process_result result = {0};
    SIREN_TRY(siren_process_run(&plan, keep_on, t, &result));
    SIREN_TRY(siren_process_check(&plan, &result));
    SIREN_TRY(read_probe(result.output, seconds));
done:
    siren_process_result_free(&result);
    return status;
}

/* ---- all of them ---- */

static void print_measured(const tuning *t, const char *name, const double seconds[SIREN_N_SHAPES]) {
    if (t->quiet) return;
    siren_terminal_end_progress();
    printf("%-58s", name);
    for (size_t shape = 0; shape < SIREN_N_SHAPES; shape++) printf(" %10.3f", 1e3 * seconds[shape]);
    printf("\n");
    fflush(stdout);
}

static void consider(tuning *t, const siren_configuration *candidate, bool usual,
                     const double seconds[SIREN_N_SHAPES]) {
    for (size_t shape = 0; shape < SIREN_N_SHAPES; shape++) {
        siren_tuned *best = &t->best[shape];
        double limit = usual ? INFINITY
                       : siren_configuration_equal(&best->chosen, &t->usual)
                           ? (1 - LEAST_GAIN) * best->seconds
                           : best->seconds;
        if (usual) best->default_seconds = seconds[shape];
        if (!(seconds[shape] < limit)) continue;
        best->chosen = *candidate;
        best->seconds = seconds[shape];
    }
}

/* CANCELLED and failures of the default end everything; others are named and skipped. */
static siren_status try_candidate(tuning *t, size_t nth) {
    char text[SIREN_CONFIGURATION_CHARS];
    double seconds[SIREN_N_SHAPES];
    const siren_configuration *candidate = &t->candidates[nth];
    bool usual = siren_configuration_equal(candidate, &t->usual);
    siren_configuration_text(candidate, text);
    siren_status status = probe_apart(t, nth, seconds);
    t->n_done++;
    if (status == SIREN_CANCELLED) return status;
    if (status == SIREN_OK) {
        print_measured(t, text, seconds);
        consider(t, candidate, usual, seconds);
        return SIREN_OK;
    }
    if (usual && !t->allow_failed) {
        char reason[1024];
        snprintf(reason, sizeof reason, "%s", siren_message());
        return siren_fail(
            SIREN_DEVICE,
            "the device %s fails with what it uses by default (%s): %s; choose another --device, or "
            "try the others with --allow-failed-device",
            siren_tool_device_name(t->device), text, reason);
    }
    siren_terminal_warn("%s is skipped: %s", text, siren_message());
    return SIREN_OK;
}

static size_t number_of(const tuning *t, const siren_configuration *candidate) {
    size_t i = 0;
    while (i < t->n_candidates && !siren_configuration_equal(&t->candidates[i], candidate)) i++;
    return i;
}

static siren_status try_all(tuning *t) {
    size_t usual = number_of(t, &t->usual);
    if (usual < t->n_candidates) SIREN_RETURN_IF_FAILED(try_candidate(t, usual));
    for (size_t i = 0; i < t->n_candidates; i++)
        if (i != usual) SIREN_RETURN_IF_FAILED(try_candidate(t, i));
    if (!isfinite(t->best[0].seconds))
        return siren_fail(SIREN_DEVICE,
                          "none of the %zu configurations works on the device %s; choose another --device",
                          t->n_candidates, siren_tool_device_name(t->device));
    return SIREN_OK;
}

/* Neighbours on the machine may have disturbed the default only: what is chosen instead must win a second time. */
static siren_status confirm(tuning *t) {
    size_t usual = number_of(t, &t->usual);
    bool confirmed[SIREN_N_SHAPES] = {false};
    for (size_t shape = 0; shape < SIREN_N_SHAPES; shape++) {
        const siren_configuration winner = t->best[shape].chosen;
        double with_winner[SIREN_N_SHAPES], with_usual[SIREN_N_SHAPES];
        if (confirmed[shape] || siren_configuration_equal(&winner, &t->usual) ||
            isinf(t->best[shape].default_seconds))
            continue;
        siren_status status = probe_apart(t, usual, with_usual);
        if (status == SIREN_OK) status = probe_apart(t, number_of(t, &winner), with_winner);
        if (status == SIREN_CANCELLED) return status;
        for (size_t other = shape; other < SIREN_N_SHAPES; other++) {
            siren_tuned *best = &t->best[other];
            if (!siren_configuration_equal(&best->chosen, &winner)) continue;
            if (status == SIREN_OK && with_winner[other] < (1 - LEAST_GAIN) * with_usual[other])
                *best = (siren_tuned){winner, with_winner[other], with_usual[other]};
            else
                *best = (siren_tuned){t->usual, best->default_seconds, best->default_seconds};
            confirmed[other] = true;
        }
    }
    return SIREN_OK;
}

static siren_status report(const tuning *t) {
    char text[SIREN_CONFIGURATION_CHARS], *path = NULL;
    SIREN_RETURN_IF_FAILED(siren_tune_path(t->device, &path));
    printf("\n");
    for (size_t shape = 0; shape < SIREN_N_SHAPES; shape++) {
        const siren_tuned *best = &t->best[shape];
        bool usual = siren_configuration_equal(&best->chosen, &t->usual);
        printf("%-7s networks (up to %u units): %s", siren_shape_plans[shape].name,
               (unsigned)siren_shape_plans[shape].widest, siren_configuration_text(&best->chosen, text));
        if (usual)
            printf(", the default\n");
        else
            printf(", %.2f times as fast as the default\n", best->default_seconds / best->seconds);
    }
    printf("kept in %s\n", path);
    free(path);
    return SIREN_OK;
}

static siren_status tune(tuning *t) {
    const siren_device_facts *facts = siren_device_get_facts(t->device);
    ssize_t length = readlink("/proc/self/exe", t->program, sizeof t->program - 1);
    if (length <= 0)
        return siren_fail(SIREN_SYSTEM,
                          "cannot find this program in /proc/self/exe, to start it again for each "
                          "configuration; mount /proc");
    t->program[length] = 0;
    t->candidates = siren_tune_candidates(facts->family, &t->n_candidates);
    t->usual = siren_configuration_default(t->device);
    for (size_t shape = 0; shape < SIREN_N_SHAPES; shape++)
        t->best[shape] = (siren_tuned){t->usual, INFINITY, INFINITY};
    if (!t->quiet) {
        printf("%s, %s family; milliseconds of a training step of networks of\n%-58s", facts->name,
               siren_family_name(facts->family), "");
        for (size_t shape = 0; shape < SIREN_N_SHAPES; shape++)
            printf("  %3u units", (unsigned)siren_shape_plans[shape].width);
        printf("\n");
    }
    SIREN_RETURN_IF_FAILED(try_all(t));
    SIREN_RETURN_IF_FAILED(confirm(t));
    siren_terminal_end_progress();
    SIREN_RETURN_IF_FAILED(siren_tune_save(t->device, t->best));
    return t->quiet ? SIREN_OK : report(t);
}

static siren_status set_family(siren_device *device, const char *name) {
    if (!name) return SIREN_OK;
    for (int family = SIREN_FAMILY_CHAIN; family <= SIREN_FAMILY_LAYER; family++)
        if (strcmp(name, siren_family_name((siren_family)family)) == 0) {
            siren_device_set_family(device, (siren_family)family);
            return SIREN_OK;
        }
    return siren_fail(SIREN_USAGE, "--family is '%s' but must be chain or layer", name);
}

int siren_tool_tune(int argc, char **argv) {
    siren_common_options common = {0};
    const char *device_choice = NULL, *family = NULL;
    siren_span probe = {0};
    tuning t = {.time_limit = 120};
    const siren_option options[] = {
        {"device", "D", SIREN_DEVICE_HELP, SIREN_OPTION_TEXT, &device_choice, 0, 0},
        {"family", "NAME", "kernels to tune, chain or layer; else those that the device uses",
         SIREN_OPTION_TEXT, &family, 0, 0},
        {"time-limit", "N", "seconds for one configuration, after which it is skipped", SIREN_OPTION_SIZE,
         &t.time_limit, 1, 86400},
        {"allow-failed-device", NULL, "go on where the default configuration fails", SIREN_OPTION_FLAG,
         &t.allow_failed, 0, 0},
        {"probe", "N", "verify and time configuration N of the list in this process, and keep\nnothing",
         SIREN_OPTION_SPAN, &probe, 0, 0},
        SIREN_COMMON_OPTIONS(common),
    };
    const siren_usage usage = {
        .command = "tune",
        .arguments = "",
        .summary =
            "Tries a list of kernel configurations on the device, each in a process of its own: it is built, "
            "checked\n"
            "against known answers, then timed. The quickest ones for narrow, medium and wide networks are "
            "kept in\n"
            "$XDG_CACHE_HOME/sirencl (else ~/.cache/sirencl) and used by all commands from then on; "
            "SIRENCL_TUNE=off ignores\n"
            "them. Decoded bits never depend on it.",
        .example = "sirencl tune --device gpu",
        .options = options,
        .n_options = sizeof options / sizeof *options};
    int exit_code;
    if (!siren_terminal_begin(&usage, &common, argc, argv, NULL, &exit_code)) return exit_code;

    siren_status status = SIREN_OK;
    siren_terminal_catch_interrupt();
    t.quiet = common.quiet;
    SIREN_TRY(siren_device_open(device_choice, &t.device));
    SIREN_TRY(set_family(t.device, family));
    SIREN_TRY(probe.end == 0 ? tune(&t) : probe_here(t.device, probe.begin));
done:
    siren_device_close(t.device);
    return siren_terminal_exit(status);
}
