/* sirencl tune: each configuration is built, verified and timed by a process of its own, so that a compiler that
 * crashes or hangs loses that configuration only. */
#include "engine/care/tune.h"

#include "engine/kernels/known_devices.h"
#include "host/process.h"
#include "tools/tools.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    siren_device *device;
    char program[4096];
    size_t time_limit; /* seconds for one configuration */
    bool quiet, allow_failed;
    const siren_configuration *candidates;
    size_t n_candidates, n_done;
    size_t usual;            /* the default's number */
    siren_tune_times *times; /* (n_candidates) */
    bool *failed;            /* (n_candidates) */
    siren_tuned best[SIREN_N_WIDTH_CLASSES];
} tuning;

/* ---- one configuration ---- */

/* What the parent reads. */
static siren_status print_probe(const double seconds[SIREN_N_WIDTH_CLASSES]) {
    SIREN_AT_END(siren_json_free_at) siren_json *json = NULL;
    SIREN_TRY(siren_json_create(&json));
    for (size_t shape = 0; shape < SIREN_N_WIDTH_CLASSES; shape++)
        siren_json_number(json, siren_width_plans[shape].name, seconds[shape]);
    return siren_tool_print_json(json);
}

static siren_status probe_here(siren_device *device, size_t nth, bool verified) {
    size_t n = 0;
    double seconds[SIREN_N_WIDTH_CLASSES];
    const siren_configuration *candidates = siren_tune_candidates(siren_device_get_facts(device)->family, &n);
    if (nth >= n) return siren_fail(SIREN_USAGE, "--probe is %zu but must be from 0 to %zu", nth, n - 1);
    SIREN_TRY(siren_tune_probe(device, &candidates[nth], verified, seconds));
    return print_probe(seconds);
}

static siren_status read_probe(const char *text, double seconds[SIREN_N_WIDTH_CLASSES]) {
    SIREN_AT_END(siren_config_free_at) siren_config *answer = NULL;
    SIREN_TRY(siren_config_parse("its measurement", text, strlen(text), &answer));
    for (size_t shape = 0; shape < SIREN_N_WIDTH_CLASSES; shape++) {
        siren_value value = siren_value_member(siren_config_root(answer), siren_width_plans[shape].name);
        seconds[shape] = NAN;
        SIREN_TRY(siren_value_number(value, 0, 1e9, &seconds[shape]));
        if (isnan(seconds[shape]))
            return siren_fail(SIREN_SYSTEM, "its measurement lacks the shape %s",
                              siren_width_plans[shape].name);
    }
    return SIREN_OK;
}

static bool keep_on(void *user, double done, double total, const char *what) {
    const tuning *t = user;
    (void)done, (void)total, (void)what;
    return siren_terminal_progress(NULL, (double)t->n_done, (double)(t->n_candidates * SIREN_TUNE_ROUNDS),
                                   "configurations");
}

/* WRONG_DEVICE where the self-test failed, SYSTEM where the process did in whatever way. */
static siren_status probe_apart(tuning *t, size_t nth, bool verified, double seconds[SIREN_N_WIDTH_CLASSES]) {
    siren_status status = SIREN_OK;
    const siren_device_facts *facts = siren_device_get_facts(t->device);
    char number[24];
    snprintf(number, sizeof number, "%zu", nth);
    const char *const arguments[] = {t->program, "tune",
                                     "--probe",  number,
                                     "--device", facts->place,
                                     "--family", siren_family_name(facts->family),
                                     "--quiet",  verified ? "--verified" : NULL,
                                     NULL};
    const siren_process_plan plan = {.arguments = arguments, .time_limit = (double)t->time_limit};
    SIREN_AT_END(siren_process_result_free) siren_process_result result = {0};
    SIREN_TRY(siren_process_run(&plan, keep_on, t, &result));
    status = siren_process_check(&plan, &result);
    if (status != SIREN_OK && result.exit_code == siren_exit_code(SIREN_WRONG_DEVICE))
        status = SIREN_WRONG_DEVICE;
    if (status == SIREN_OK) status = read_probe(result.output, seconds);
    return status;
}

/* ---- all of them ---- */

static siren_status refuse(const tuning *t, siren_status status, const char *configuration) {
    char reason[SIREN_MESSAGE_BYTES];
    snprintf(reason, sizeof reason, "%s", siren_message());
    return siren_fail(
        status == SIREN_WRONG_DEVICE ? status : SIREN_DEVICE,
        "the device %s fails with what it uses by default (%s): %s; choose another --device, or "
        "try the others with --allow-failed-device",
        siren_device_name(t->device), configuration, reason);
}

/* CANCELLED and failures of the default end everything; others are named and skipped. */
static siren_status try_candidate(tuning *t, size_t nth, size_t round) {
    char text[SIREN_CONFIGURATION_CHARS];
    siren_configuration_text(&t->candidates[nth], text);
    siren_status status = probe_apart(t, nth, round > 0, t->times[nth].seconds[round]);
    if (status == SIREN_OK || status == SIREN_CANCELLED) return status;
    if (nth == t->usual && !t->allow_failed) return refuse(t, status, text);
    siren_terminal_warn("%s is skipped: %s", text, siren_message());
    t->failed[nth] = true;
    siren_tune_times_clear(&t->times[nth]);
    return SIREN_OK;
}

/* The default first; from the second round on, what promises something and the default beside it. */
static siren_status try_all(tuning *t, size_t round) {
    for (size_t i = 0; i < t->n_candidates; i++) {
        size_t nth = i == 0 ? t->usual : i <= t->usual ? i - 1 : i;
        t->n_done = round * t->n_candidates + i;
        if (t->failed[nth]) continue;
        if (round > 0 && nth != t->usual && !siren_tune_promises(t->times, t->n_candidates, nth, round))
            continue;
        SIREN_TRY(try_candidate(t, nth, round));
    }
    return SIREN_OK;
}

static siren_status choose(tuning *t) {
    for (size_t shape = 0; shape < SIREN_N_WIDTH_CLASSES; shape++) {
        size_t chosen = siren_tune_choose(t->times, t->n_candidates, t->usual, (siren_width_class)shape);
        if (chosen == t->n_candidates)
            return siren_fail(
                SIREN_DEVICE,
                "none of the %zu configuration%s works on the device %s; choose another --device",
                t->n_candidates, siren_plural(t->n_candidates), siren_device_name(t->device));
        t->best[shape] = (siren_tuned){t->candidates[chosen],
                                       siren_tune_least(&t->times[chosen], (siren_width_class)shape),
                                       siren_tune_least(&t->times[t->usual], (siren_width_class)shape)};
    }
    return SIREN_OK;
}

/* ---- what came of it ---- */

static void print_times(const tuning *t) {
    char text[SIREN_CONFIGURATION_CHARS];
    printf("%s, %s family; milliseconds of a training step, the least of %d rounds, of networks of\n%-58s",
           siren_device_name(t->device), siren_family_name(siren_device_get_facts(t->device)->family),
           SIREN_TUNE_ROUNDS, "");
    for (size_t shape = 0; shape < SIREN_N_WIDTH_CLASSES; shape++)
        printf("  %3u units", (unsigned)siren_width_plans[shape].width);
    printf("\n");
    for (size_t i = 0; i < t->n_candidates; i++) {
        if (t->failed[i]) continue;
        printf("%-58s", siren_configuration_text(&t->candidates[i], text));
        for (size_t shape = 0; shape < SIREN_N_WIDTH_CLASSES; shape++)
            printf(" %10.3f", 1e3 * siren_tune_least(&t->times[i], (siren_width_class)shape));
        printf("\n");
    }
    printf("\n");
}

/* The quickest candidate, where it is another than the default and was not chosen all the same. */
static void print_close(const tuning *t, siren_width_class shape) {
    char text[SIREN_CONFIGURATION_CHARS];
    size_t quickest = t->usual;
    for (size_t i = 0; i < t->n_candidates; i++)
        if (siren_tune_least(&t->times[i], shape) < siren_tune_least(&t->times[quickest], shape))
            quickest = i;
    if (quickest == t->usual) return;
    double usual = siren_tune_least(&t->times[t->usual], shape);
    printf("; %s was quicker by %.1f %%, but a change takes %.1f %%, and twice",
           siren_configuration_text(&t->candidates[quickest], text),
           100 * (1 - siren_tune_least(&t->times[quickest], shape) / usual),
           100 * siren_tune_gain_needed(&t->times[t->usual], shape));
}

static siren_status report(const tuning *t) {
    char text[SIREN_CONFIGURATION_CHARS], *path = NULL;
    SIREN_TRY(siren_tune_path(t->device, &path));
    print_times(t);
    for (size_t shape = 0; shape < SIREN_N_WIDTH_CLASSES; shape++) {
        const siren_tuned *best = &t->best[shape];
        printf("%-7s networks (up to %u units): %s", siren_width_plans[shape].name,
               (unsigned)siren_width_plans[shape].widest, siren_configuration_text(&best->chosen, text));
        if (siren_configuration_equal(&best->chosen, &t->candidates[t->usual])) {
            printf(", the default");
            print_close(t, (siren_width_class)shape);
        } else {
            printf(", %.2f times as fast as the default", best->default_seconds / best->seconds);
        }
        printf("\n");
    }
    const siren_known_device *known = siren_known_device_of(siren_device_get_facts(t->device));
    printf("the default is %s\nkept in %s\n",
           !known            ? "that of unknown devices"
           : known->measured ? "what was measured on such devices (docs/performance.md)"
                             : "a guess for the vendor's devices, which nobody has measured",
           path);
    free(path);
    return SIREN_OK;
}

static siren_status tune(tuning *t) {
    const siren_configuration usual = siren_configuration_default(t->device);
    ssize_t length = readlink("/proc/self/exe", t->program, sizeof t->program - 1);
    if (length <= 0)
        return siren_fail(SIREN_SYSTEM,
                          "cannot find this program in /proc/self/exe, to start it again for each "
                          "configuration; mount /proc");
    t->program[length] = 0;
    t->candidates = siren_tune_candidates(siren_device_get_facts(t->device)->family, &t->n_candidates);
    while (t->usual + 1 < t->n_candidates && !siren_configuration_equal(&t->candidates[t->usual], &usual))
        t->usual++;
    SIREN_TRY(siren_allocate(&t->times, t->n_candidates, sizeof *t->times, "the measurements"));
    SIREN_TRY(siren_allocate(&t->failed, t->n_candidates, sizeof *t->failed, "the measurements"));
    for (size_t i = 0; i < t->n_candidates; i++) siren_tune_times_clear(&t->times[i]);
    for (size_t round = 0; round < SIREN_TUNE_ROUNDS; round++) SIREN_TRY(try_all(t, round));
    siren_terminal_end_progress();
    SIREN_TRY(choose(t));
    SIREN_TRY(siren_tune_save(t->device, t->best));
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

static void tuning_free(tuning *t) {
    free(t->times);
    free(t->failed);
    siren_device_close(t->device);
}

siren_status siren_tool_tune(int argc, char **argv) {
    siren_common_options common = {0};
    const char *device_choice = NULL, *family = NULL;
    siren_span probe = {0};
    bool verified = false;
    SIREN_AT_END(tuning_free) tuning t = {.time_limit = 120};
    const siren_option options[] = {
        SIREN_TEXT("device", "D", SIREN_DEVICE_HELP, &device_choice),
        SIREN_TEXT("family", "NAME", "kernels to tune, chain or layer; else those that the device uses",
                   &family),
        {"time-limit", "N", "seconds for one configuration, after which it is skipped", SIREN_OPTION_SIZE,
         &t.time_limit, 1, 86400},
        SIREN_FLAG("allow-failed-device", "go on where the default configuration fails", &t.allow_failed),
        {"probe", "N", "verify and time configuration N of the list in this process, and keep\nnothing",
         SIREN_OPTION_SPAN, &probe, 0, 0},
        SIREN_FLAG("verified", "with --probe: time only, it has been verified before", &verified),
        SIREN_COMMON_OPTIONS(common),
    };
    const siren_usage usage = {
        .command = "tune",
        .arguments = "",
        .summary =
            "Tries a list of kernel configurations on the device, each in a process of its own: it is built, "
            "checked\n"
            "against known answers, then timed in several rounds. The quickest ones for narrow, medium and "
            "wide networks are kept in\n"
            "$XDG_CACHE_HOME/sirencl (else ~/.cache/sirencl) and used by all commands from then on; "
            "SIRENCL_TUNE=off ignores\n"
            "them. Decoded bits never depend on it.",
        .example = "sirencl tune --device gpu",
        SIREN_OPTION_TABLE(options)};
    siren_status status;
    if (!siren_terminal_begin(&usage, &common, argc, argv, NULL, &status)) return status;

    siren_terminal_catch_interrupt();
    t.quiet = common.quiet;
    SIREN_TRY(siren_tool_open_device(device_choice, false, &t.device));
    SIREN_TRY(set_family(t.device, family));
    return probe.end == 0 ? tune(&t) : probe_here(t.device, probe.begin, verified);
}
