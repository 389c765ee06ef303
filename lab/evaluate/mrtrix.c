#define _GNU_SOURCE
#include "lab/evaluate/mrtrix.h"

#include "formats/diffusion_table.h"
#include "formats/number.h"
#include "host/process.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_WORDS 20
#define WORD_BYTES 128
#define MAX_SHELLS 256
#define MIN_TENSOR_VOLUMES 6     /* a tensor's elements */
#define MIN_HARMONICS_VOLUMES 15 /* coefficients of order 4 */

static const char *const series_names[2] = {"original", "result"};

#define BIT(pipeline) (1U << SIREN_PIPELINE_##pipeline)

/* One program of a pipeline, run for both series. A word that begins with '@' continues the series' name; $-words stand
 * for what expand() knows. */
typedef struct {
    unsigned pipelines; /* that need it */
    bool original_only; /* what it makes of the original serves both series */
    const char *words[10];
} pipeline_step;

static const pipeline_step steps[] = {
    {BIT(TENSOR), false, {"dwiextract", "$input", "@_low.mif", "$gradients", "-shells", "$low"}},
    {BIT(TENSOR), false, {"dwi2tensor", "@_low.mif", "@_tensor" SIREN_MRTRIX_SUFFIX, "$mask"}},
    {BIT(TENSOR),
     false,
     {"tensor2metric", "@_tensor" SIREN_MRTRIX_SUFFIX, "-fa", "@_fa" SIREN_MRTRIX_SUFFIX, "-adc",
      "@_md" SIREN_MRTRIX_SUFFIX, "$mask"}},
    {BIT(HARMONICS) | BIT(FOD),
     false,
     {"dwiextract", "$input", "@_high.mif", "$gradients", "-shells", "$high"}},
    {BIT(HARMONICS), false, {"amp2sh", "-lmax", "4", "@_high.mif", "@_sh.mif"}},
    {BIT(HARMONICS), false, {"sh2power", "-spectrum", "@_sh.mif", "@_rish" SIREN_MRTRIX_SUFFIX}},
    {BIT(FOD), true, {"dwi2response", "tournier", "@_high.mif", "response.txt", "$mask"}},
    {BIT(FOD), false, {"dwi2fod", "csd", "@_high.mif", "response.txt", "@_fod" SIREN_MRTRIX_SUFFIX, "$mask"}},
};
#define N_STEPS (sizeof steps / sizeof *steps)

typedef struct {
    const siren_mrtrix_plan *plan;
    siren_mrtrix_shells shells;
    siren_pipeline_outcome *outcomes;
    siren_progress_fn progress;
    void *user;
    size_t n_done, n_total; /* programs */
} mrtrix_run;

/* ---- outcomes ---- */

/* Ends the pipelines of the set `pipelines` that are still running, with the thread's message as the reason. */
static siren_status end_pipelines(mrtrix_run *run, unsigned pipelines, siren_pipeline_state state) {
    for (unsigned pipeline = 0; pipeline < SIREN_N_PIPELINES; pipeline++) {
        siren_pipeline_outcome *outcome = &run->outcomes[pipeline];
        if (!(pipelines & 1U << pipeline) || outcome->state != SIREN_PIPELINE_DONE) continue;
        outcome->state = state;
        outcome->reason = strdup(siren_message());
        if (!outcome->reason) return siren_fail(SIREN_SYSTEM, "out of memory: the reason of a failure");
    }
    return SIREN_OK;
}

static bool any_running(const mrtrix_run *run, unsigned pipelines) {
    for (unsigned pipeline = 0; pipeline < SIREN_N_PIPELINES; pipeline++)
        if (pipelines & 1U << pipeline && run->outcomes[pipeline].state == SIREN_PIPELINE_DONE) return true;
    return false;
}

void siren_mrtrix_free(siren_pipeline_outcome (*outcomes)[SIREN_N_PIPELINES]) {
    for (unsigned pipeline = 0; pipeline < SIREN_N_PIPELINES; pipeline++) {
        free((*outcomes)[pipeline].reason);
        (*outcomes)[pipeline] = (siren_pipeline_outcome){SIREN_PIPELINE_DONE, NULL};
    }
}

/* ---- running a program ---- */

static bool report(void *user, double done, double total, const char *what) {
    (void)done, (void)total, (void)what;
    const mrtrix_run *run = user;
    return !run->progress || run->progress(run->user, (double)run->n_done, (double)run->n_total, "MRtrix3");
}

/* Words of a command line, kept here. */
typedef struct {
    char text[MAX_WORDS][WORD_BYTES];
    const char *words[MAX_WORDS + 1];
    size_t n;
} command_line;

static void add_word(command_line *line, const char *before, const char *after) {
    snprintf(line->text[line->n], WORD_BYTES, "%s%s", before, after);
    line->words[line->n] = line->text[line->n];
    line->words[++line->n] = NULL;
}

static void add_shells(command_line *line, double b) {
    char number[SIREN_NUMBER_BYTES];
    add_word(line, "0,", siren_number_format(b, number));
}

static void expand(const mrtrix_run *run, size_t series, const char *word, command_line *line) {
    const siren_mrtrix_plan *plan = run->plan;
    if (strcmp(word, "$input") == 0) {
        add_word(line, plan->input[series], "");
    } else if (strcmp(word, "$gradients") == 0) {
        add_word(line, "-fslgrad", "");
        add_word(line, plan->bvec, "");
        add_word(line, plan->bval, "");
    } else if (strcmp(word, "$low") == 0) {
        add_shells(line, run->shells.low);
    } else if (strcmp(word, "$high") == 0) {
        add_shells(line, run->shells.high);
    } else if (strcmp(word, "$mask") == 0) {
        if (!plan->mask) return;
        add_word(line, "-mask", "");
        add_word(line, plan->mask, "");
    } else if (*word == '@') {
        add_word(line, series_names[series], word + 1);
    } else {
        add_word(line, word, "");
    }
}

static void log_command(const command_line *line) {
    char text[MAX_WORDS * WORD_BYTES] = "";
    size_t at = 0;
    for (size_t i = 0; i < line->n; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%s", i > 0 ? " " : "", line->words[i]);
    siren_log(SIREN_LOG_INFO, "%s", text);
}

/* Runs what the words of one step say. SYSTEM where the program fails; `output` (may be NULL) is what it printed,
 * yours. */
static siren_status run_program(mrtrix_run *run, size_t series, const char *const *words, char **output) {
    SIREN_AT_END(siren_process_result_free) siren_process_result result = {0};
    command_line line = {.n = 0};
    char n_threads[16];
    for (; *words; words++) expand(run, series, *words, &line);
    snprintf(n_threads, sizeof n_threads, "%u", siren_processors());
    add_word(&line, "-quiet", "");
    add_word(&line, "-nthreads", "");
    add_word(&line, n_threads, "");
    const siren_process_plan plan = {
        .arguments = line.words, .folder = run->plan->folder, .time_limit = run->plan->time_limit};
    log_command(&line);
    SIREN_TRY(siren_process_run(&plan, report, run, &result));
    SIREN_TRY(siren_process_check(&plan, &result));
    if (output) {
        *output = SIREN_TAKE(result.output);
    }
    return SIREN_OK;
}

/* ---- shells ---- */

/* Reads up to `n` numbers of one line. Returns how many; `*text` is moved to the next line. */
static size_t read_line(const char **text, double *values, size_t n) {
    static const char blanks[] = " \t\r";
    size_t count = 0;
    for (; count < n; count++) {
        char word[SIREN_NUMBER_BYTES];
        *text += strspn(*text, blanks);
        size_t length = strcspn(*text, " \t\r\n");
        if (length == 0 || length >= sizeof word) break;
        memcpy(word, *text, length);
        word[length] = '\0';
        if (!siren_number_parse(word, &values[count])) break;
        *text += length;
    }
    *text += strcspn(*text, "\n");
    if (**text) ++*text;
    return count;
}

bool siren_mrtrix_choose_shells(const char *text, siren_mrtrix_shells *out) {
    double b[MAX_SHELLS], sizes[MAX_SHELLS];
    siren_mrtrix_shells shells = {false, NAN, NAN};
    size_t n = read_line(&text, b, MAX_SHELLS);
    if (n == 0 || read_line(&text, sizes, MAX_SHELLS) != n) return false;
    for (size_t i = 0; i < n; i++) { /* b ascends */
        if (b[i] <= SIREN_BZERO_LIMIT) {
            shells.bzero = true;
            continue;
        }
        if (sizes[i] >= MIN_TENSOR_VOLUMES && isnan(shells.low)) shells.low = b[i];
        if (sizes[i] >= MIN_HARMONICS_VOLUMES) shells.high = b[i];
    }
    *out = shells;
    return true;
}

/* Where the program takes the series, but not with its gradient table, that has no shells: all that needs them is
 * skipped. */
static siren_status find_shells(mrtrix_run *run) {
    static const char *const words[] = {"mrinfo",         "$input",       "$gradients",
                                        "-shell_bvalues", "-shell_sizes", NULL},
                             *const without[] = {"mrinfo", "$input", "-size", NULL};
    SIREN_FREE_AT_END char *text = NULL, *reason = NULL;
    const siren_status status = run_program(run, 0, words, &text);
    if (status == SIREN_SYSTEM && (reason = strdup(siren_message())) != NULL) {
        if (run_program(run, 0, without, NULL) != SIREN_OK) return siren_fail(status, "%s", reason);
        siren_fail(SIREN_USAGE, "MRtrix3 finds no shells in the gradient table: %s", reason);
        return end_pipelines(run, (1U << SIREN_N_PIPELINES) - 1, SIREN_PIPELINE_SKIPPED);
    }
    SIREN_TRY(status);
    if (siren_mrtrix_choose_shells(text, &run->shells)) return SIREN_OK;
    return siren_fail(SIREN_SYSTEM, "mrinfo told no shells of the gradient table but: %.200s", text);
}

/* ---- the pipelines ---- */

/* Skips the pipelines for which a program or a shell is missing. */
static siren_status skip_without_programs(mrtrix_run *run) {
    for (size_t i = 0; i < N_STEPS; i++) {
        if (siren_process_find(steps[i].words[0])) continue;
        siren_fail(SIREN_SYSTEM, "MRtrix3's %s is not on PATH; install MRtrix3 (Debian's package mrtrix3)",
                   steps[i].words[0]);
        SIREN_TRY(end_pipelines(run, steps[i].pipelines, SIREN_PIPELINE_SKIPPED));
    }
    return SIREN_OK;
}

static siren_status skip_without_shells(mrtrix_run *run) {
    const siren_mrtrix_shells *shells = &run->shells;
    if (!shells->bzero) {
        siren_fail(SIREN_USAGE,
                   "no volume has b of at most %g s/mm^2, which diffusion metrics need beside a shell",
                   SIREN_BZERO_LIMIT);
        return end_pipelines(run, BIT(TENSOR) | BIT(HARMONICS) | BIT(FOD), SIREN_PIPELINE_SKIPPED);
    }
    if (isnan(shells->low)) {
        siren_fail(SIREN_USAGE, "no shell has the %d volumes that a tensor needs", MIN_TENSOR_VOLUMES);
        SIREN_TRY(end_pipelines(run, BIT(TENSOR), SIREN_PIPELINE_SKIPPED));
    }
    if (isnan(shells->high)) {
        siren_fail(SIREN_USAGE, "no shell has the %d volumes that spherical harmonics of order 4 need",
                   MIN_HARMONICS_VOLUMES);
        SIREN_TRY(end_pipelines(run, BIT(HARMONICS) | BIT(FOD), SIREN_PIPELINE_SKIPPED));
    }
    return SIREN_OK;
}

/* Ends `pipelines` where `status` is a program's failure; passes on what is none of its. */
static siren_status absorb(mrtrix_run *run, unsigned pipelines, siren_status status) {
    if (status == SIREN_OK || status == SIREN_CANCELLED) return status;
    return end_pipelines(run, pipelines, SIREN_PIPELINE_FAILED);
}

static siren_status run_steps(mrtrix_run *run) {
    for (size_t i = 0; i < N_STEPS; i++)
        for (size_t series = 0; series < (steps[i].original_only ? 1 : 2); series++) {
            siren_status status = SIREN_OK;
            const unsigned wanting = series == 0 ? steps[i].pipelines & ~run->plan->made : steps[i].pipelines;
            if (any_running(run, wanting)) status = run_program(run, series, steps[i].words, NULL);
            SIREN_TRY(absorb(run, steps[i].pipelines, status));
            run->n_done++;
        }
    return SIREN_OK;
}

siren_status siren_mrtrix_run(const siren_mrtrix_plan *plan, siren_progress_fn progress, void *user,
                              siren_pipeline_outcome outcomes[SIREN_N_PIPELINES]) {
    const unsigned all = (1U << SIREN_N_PIPELINES) - 1;
    SIREN_AT_END(siren_mrtrix_free)
    siren_pipeline_outcome found[SIREN_N_PIPELINES] = {{SIREN_PIPELINE_DONE, NULL}};
    mrtrix_run run = {.plan = plan, .outcomes = found, .progress = progress, .user = user, .n_total = 1};
    for (size_t i = 0; i < N_STEPS; i++) run.n_total += steps[i].original_only ? 1 : 2;
    if (plan->no_gradients) {
        siren_fail(SIREN_USAGE, "%s", plan->no_gradients);
        SIREN_TRY(end_pipelines(&run, all, SIREN_PIPELINE_SKIPPED));
    }
    if (!plan->fod) {
        siren_fail(SIREN_USAGE, "fibre orientation distributions were not asked for");
        SIREN_TRY(end_pipelines(&run, BIT(FOD), SIREN_PIPELINE_SKIPPED));
    }
    SIREN_TRY(skip_without_programs(&run));
    if (any_running(&run, all)) SIREN_TRY(absorb(&run, all, find_shells(&run)));
    run.n_done++;
    if (any_running(&run, all)) {
        SIREN_TRY(skip_without_shells(&run));
        SIREN_TRY(run_steps(&run));
    }
    if (any_running(&run, all)) report(&run, 0, 1, "");
    memcpy(outcomes, found, sizeof found);
    memset(found, 0, sizeof found);
    return SIREN_OK;
}
